/* SPDX-License-Identifier: Apache-2.0 */
/* "{name}" in a prompt or label: texts and numbers as they are, boxes and points in the words of
 * the model's own codec, lists joined by commas. "{{" and "}}" stand for the braces themselves. */
#include "plan.h"

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

static omn_status write_value(const omn_value *v, const omn_part *codec, omn_call *c,
                              const omn_frame *like, omn_buf *out, omn_error *err)
{
    const omn_value_kind k = omn_value_get_kind(v);
    if (k == OMN_VALUE_REGIONS || k == OMN_VALUE_POINTS) {
        if (codec) return omn_codec_write(codec, c, v, like, out, err);
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model has no words for %s",
                        omn_value_kind_name(k));
    }
    if (k == OMN_VALUE_LIST) {
        omn_status st = OMN_OK;
        for (size_t i = 0; i < omn_list_count(v) && st == OMN_OK; i++) {
            if (i) omn_buf_puts(out, ", ");
            st = write_value(omn_list_at(v, i), codec, c, like, out, err);
        }
        return st;
    }
    if (k != OMN_VALUE_TEXT && k != OMN_VALUE_NUMBER)
        return omn_fail(err, OMN_ERR_TYPE, "a value of type %s cannot be written into a text",
                        omn_value_kind_name(k));
    omn_value_text(v, out);
    return OMN_OK;
}

omn_status template_fill(const char *text, const omn_part *codec, omn_call *c,
                         const omn_frame *like, plan_lookup *look, void *user, omn_buf *out,
                         omn_error *err)
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
        const omn_status st = write_value(v, codec, c, like, out, err);
        if (st != OMN_OK) return st;
        p += 1 + n;
    }
    return out->failed ? omn_fail(err, OMN_ERR_DATA, "a text made from \"%.40s\" is too long", text)
                       : OMN_OK;
}

omn_status template_read(const omn_pipeline *p, const yml *at, const char *text, binding **words,
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
        const int slot = plan_find(p, name);
        if (slot < 0)
            return yml_fail(at, err,
                            "\"%s\": there is no value \"%s\" here; inputs and earlier steps "
                            "(as) make values",
                            text, name);
        list[found++] = (binding){ p->slots[slot].name, slot };
        t += 1 + length;
    }
    *words = list;
    *n = found;
    return OMN_OK;
}
