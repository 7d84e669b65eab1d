/* SPDX-License-Identifier: Apache-2.0 */
/* "{name}" in a prompt: texts and numbers as they are, what lies in a picture (boxes, points) in
 * the words of the model's own codec and without labels, lists joined by commas. "{{" and "}}"
 * stand for the braces themselves. */
#include "read.h"

#include <string.h>

/* The name between braces at p (behind the "{"), copied into buf; length with the "}", 0 when
 * malformed. */
static size_t name_at(const char *p, char *buf, size_t room)
{
    const size_t n = strcspn(p, "{}");
    if (p[n] != '}' || n == 0 || n >= room) return 0;
    memcpy(buf, p, n);
    buf[n] = 0;
    return n + 1;
}

bool template_is_place(const omn_value *v)
{
    const char *place = omn_kind_impl(omn_value_kind(v))->place;
    return place && !strcmp(place, "frame");
}

/* Boxes or points alone, for a prompt that asks about them: a label that came along, from a
 * detection or from training data, would often be the answer. */
static omn_status without_labels(const omn_value *v, omn_value **out, omn_error *err)
{
    omn_filled kept[OMN_KIND_MOST_COLUMNS];
    size_t n = 0;
    const omn_column *c;
    for (size_t i = 0; (c = omn_kind_column(omn_value_kind(v), i)); i++) {
        const omn_tensor *t = omn_value_column(v, c->name);
        const bool label = !strcmp(c->name, "label") && (c->flags & OMN_COLUMN_OPTIONAL);
        if (t && !label) kept[n++] = (omn_filled){ c->name, *t };
    }
    return omn_value_make(omn_value_kind(v), kept, n, omn_value_frame(v), out, err);
}

static omn_status write_place(const omn_value *v, const omn_part *codec, omn_call *c,
                              const omn_frame *like, omn_buf *out, omn_error *err)
{
    omn_value *bare = NULL;
    omn_status st = without_labels(v, &bare, err);
    if (st == OMN_OK) st = omn_codec_write(codec, c, bare, like, out, err);
    omn_value_unref(bare);
    return st;
}

static omn_status write_value(const omn_value *v, const omn_model *m, omn_call *c,
                              const omn_frame *like, omn_buf *out, omn_error *err)
{
    const char *kind = omn_value_kind_name(v);
    if (omn_value_is(v, "list")) {
        omn_status st = OMN_OK;
        for (size_t i = 0; i < omn_list_count(v) && st == OMN_OK; i++) {
            if (i) omn_buf_puts(out, ", ");
            st = write_value(omn_list_at(v, i), m, c, like, out, err);
        }
        return st;
    }
    if (omn_value_is(v, "text") || omn_value_is(v, "number")) {
        omn_value_text(v, out);
        return OMN_OK;
    }
    const omn_part *codec = m ? omn_model_codec(m, kind) : NULL;
    if (codec) return write_place(v, codec, c, like, out, err);
    if (template_is_place(v) && !omn_value_image(v))
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model has no words for %s", kind);
    return omn_fail(err, OMN_ERR_TYPE, "a value of type %s cannot be written into a text", kind);
}

omn_status template_fill(const char *text, const omn_model *m, omn_call *c, const omn_frame *like,
                         plan_lookup *look, void *user, omn_buf *out, omn_error *err)
{
    for (const char *p = text; *p;) {
        const size_t plain = strcspn(p, "{}");
        char name[128];
        omn_buf_put(out, p, plain);
        p += plain;
        if (!*p) break;
        if (p[1] == p[0]) {
            omn_buf_put(out, p, 1);
            p += 2;
            continue;
        }
        const size_t n = *p == '{' ? name_at(p + 1, name, sizeof name) : 0;
        const omn_value *v = n ? look(user, name) : NULL;
        if (!v)
            return omn_fail(err, OMN_ERR_CONFIG, "the text \"%s\" names a value that is not there",
                            text);
        const omn_status st = write_value(v, m, c, like, out, err);
        if (st != OMN_OK) return st;
        p += 1 + n;
    }
    if (out->full)
        return omn_fail(err, OMN_ERR_DATA, "a text made from \"%.40s\" is too long", text);
    return omn_buf_check(out, "a prompt", err);
}

omn_status template_read(omn_pipeline *p, const yml *at, const char *text, binding **words,
                         size_t *n, omn_error *err)
{
    const size_t most = strlen(text) / 3 + 1;
    binding *list = omn_arena_alloc(p->arena, most, sizeof *list);
    size_t found = 0;
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (const char *t = text; *t;) {
        t += strcspn(t, "{}");
        if (!*t) break;
        char name[128];
        if (t[1] == t[0]) {
            t += 2;
            continue;
        }
        const size_t length = *t == '{' ? name_at(t + 1, name, sizeof name) : 0;
        if (!length)
            return yml_fail(at, err, "\"%s\": a brace that is not part of {name}; write {{ or }}",
                            text);
        int slot;
        const omn_status st = name_find(p, at, name, &slot, err);
        if (st != OMN_OK) return st;
        list[found++] = (binding){ omn_arena_strdup(p->arena, name), slot };
        if (!list[found - 1].name)
            return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
        t += 1 + length;
    }
    *words = list;
    *n = found;
    return OMN_OK;
}
