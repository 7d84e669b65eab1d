/* SPDX-License-Identifier: Apache-2.0 */
/* omnio inspect: what is in a model folder, a weights file, a plugin file; what an object takes. */
#include "shelf.h"

#include <omnio/texts.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int inspect(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "tensors", 0, "flag", NULL, NULL, NULL, NULL, "Inspection", "list every tensor" },
    { "check", 0, "flag", NULL, NULL, NULL, NULL, "Inspection",
      "compare the checksum of every tensor; reads the whole file" },
};

static const cli_example examples[] = {
    { "omnio inspect nano", "the model that ships" },
    { "omnio inspect --tensors model.safetensors", "every tensor of a file" },
    { "omnio inspect --tensors 'checkpoint.pth?tree=model_ema'",
      "of a training's checkpoint the mean of the weights" },
    { "omnio inspect --check nano", "are all bytes those that were written?" },
    { "omnio inspect my.png", "how a picture or a sound was made" },
    { "omnio inspect image.resize", "an object of a plugin" },
};

const cli_command cmd_inspect = { "inspect",
                                  "MODEL|FILE|OBJECT",
                                  "Tell what is in a model, a file or a plugin.",
                                  "A model: its parts, ranges of tokens, tensors, parameters, and "
                                  "memory at each type. A weights file of any format that "
                                  "omnio list weights names: tensors, metadata, and which of "
                                  "nested dicts was taken (FILE?tree=NAME takes another). "
                                  "A picture or a sound: the texts in it, such as how omnio "
                                  "run made it. A plugin file (.so): what it offers.",
                                  CLI_ROWS(rows),
                                  CLI_FORMAT,
                                  CLI_ROWS(examples),
                                  "omnio-list(1), omnio-help(1), omnio-convert(1)",
                                  "file",
                                  inspect };

typedef struct sums {
    uint64_t tensors, parameters, bytes, tiles;
} sums;

/* The shape that a model knows it by. */
static omn_shape shape_of(const omn_weights *w, size_t i, bool *tiles)
{
    omn_shape shape = omn_weights_at(w, i)->shape;
    *tiles = omn_weights_tiles(w, omn_weights_name(w, i), &shape);
    return shape;
}

static sums add_up(const omn_weights *w)
{
    sums s = { 0 };
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const omn_tensor *t = omn_weights_at(w, i);
        bool tiles;
        const omn_shape shape = shape_of(w, i, &tiles);
        size_t n = 0;
        if (omn_shape_count(&shape, &n)) s.parameters += n;
        s.tiles += tiles;
        s.bytes += t->bytes;
        s.tensors++;
    }
    return s;
}

static void put_sums(const cli *c, const sums *s, omn_buf *b)
{
    static const char *const types[] = { "f32", "bf16", "q8_0", "q4_0" };
    enum { TYPES = 4 };
    uint64_t bytes[TYPES];
    for (size_t i = 0; i < TYPES; i++) {
        const omn_type_info *t = omn_type_get(omn_type_parse(types[i]));
        bytes[i] = t->block ? s->parameters / t->block * t->block_bytes : s->parameters * t->bytes;
    }
    if (c->format == CLI_TEXT) {
        omn_buf_printf(
            b,
            "tensors      %llu\nparameters   %.3f million\nbytes        %.2f MB as it lies here\n",
            (unsigned long long)s->tensors, (double)s->parameters / 1e6, (double)s->bytes / 1e6);
        for (size_t i = 0; i < TYPES; i++)
            omn_buf_printf(b, "  as %-7s  %.2f MB\n", types[i], (double)bytes[i] / 1e6);
        if (s->tiles)
            omn_buf_printf(b, "layout       %llu matrices lie in tiles\n",
                           (unsigned long long)s->tiles);
        return;
    }
    omn_buf_printf(b,
                   ",\"tensors\":%llu,\"parameters\":%llu,\"bytes\":%llu,\"tiles\":%llu,"
                   "\"bytes_as\":{",
                   (unsigned long long)s->tensors, (unsigned long long)s->parameters,
                   (unsigned long long)s->bytes, (unsigned long long)s->tiles);
    for (size_t i = 0; i < TYPES; i++)
        omn_buf_printf(b, "%s\"%s\":%llu", i ? "," : "", types[i], (unsigned long long)bytes[i]);
    omn_buf_puts(b, "}");
}

static void put_tensors(const cli *c, const omn_weights *w, omn_buf *b)
{
    if (c->format != CLI_TEXT) omn_buf_puts(b, ",\"list\":[");
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        char shape[160];
        bool tiles;
        const omn_tensor *t = omn_weights_at(w, i);
        const omn_shape known = shape_of(w, i, &tiles);
        omn_shape_text(&known, shape, sizeof shape);
        if (c->format == CLI_TEXT) {
            omn_buf_printf(b, "  %-70s %-5s %s%s\n", omn_weights_name(w, i),
                           omn_type_get(t->type)->name, shape, tiles ? " in tiles" : "");
        } else {
            omn_buf_puts(b, i ? ",{\"name\":" : "{\"name\":");
            json_text(b, omn_weights_name(w, i));
            omn_buf_printf(b, ",\"type\":\"%s\",\"shape\":%s%s}", omn_type_get(t->type)->name,
                           shape, tiles ? ",\"layout\":\"tiles\"" : "");
        }
    }
    if (c->format != CLI_TEXT) omn_buf_puts(b, "]");
}

/* --check: OMN_ERR_DATA for a tensor that is damaged. */
static omn_status put_check(const cli *c, const cli_args *a, const omn_weights *w, omn_buf *b,
                            omn_error *err)
{
    size_t n = 0;
    if (!cli_has(a, "check")) return OMN_OK;
    const omn_status st = omn_weights_check(w, &n, err);
    if (st != OMN_OK) return st;
    if (c->format == CLI_TEXT)
        omn_buf_printf(b, "checksums    %zu of %zu tensors have one, all are right\n", n,
                       omn_weights_count(w));
    else
        omn_buf_printf(b, ",\"checksums\":%zu", n);
    return OMN_OK;
}

/* The same of a format whose reader has compared them. */
static omn_status put_own_check(const cli *c, const omn_weights *w, omn_buf *b)
{
    const size_t n = omn_weights_count(w);
    if (c->format == CLI_TEXT) omn_buf_printf(b, "checksums    those of the file, all are right\n");
    else omn_buf_printf(b, ",\"checksums\":%zu", n);
    return OMN_OK;
}

static void put_begin(const cli *c, const char *what, const char *path, omn_buf *b)
{
    if (c->format == CLI_TEXT) {
        omn_buf_printf(b, "%-12s %s\n", what, path);
        return;
    }
    omn_buf_printf(b, "{\"type\":\"%s\",\"version\":%d,\"path\":", what, CLI_JSON_VERSION);
    json_text(b, path);
}

/* ---- a weights file ----------------------------------------------------------------------- */

/* --check of a format that has checksums of its own, which its reader compares when it is told to;
 * safetensors have no such settings, nor do others that keep none. *own: it has. */
static omn_status load_checked(const cli *c, const char *path, omn_weights **w, bool *own,
                               omn_error *err)
{
    const omn_weights_setup how = { OMN_FILL(omn_weights_setup) };
    omn_error why = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, 65536);
    omn_buf_printf(&b, "%s%scheck=true", path, strrchr(path, '?') ? "&" : "?");
    omn_status st = omn_buf_check(&b, path, err);
    if (st == OMN_OK) st = omn_weights_load(c->ctx, b.data, &how, w, &why);
    omn_buf_fini(&b);
    *own = st == OMN_OK;
    if (st == OMN_OK || err->status) return st;
    if (st == OMN_ERR_ARGUMENT || st == OMN_ERR_CONFIG || st == OMN_ERR_MISSING)
        return omn_weights_load(c->ctx, path, &how, w, err);
    *err = why;
    return st;
}

static omn_status of_weights(const cli *c, const cli_args *a, const char *path, omn_buf *b,
                             omn_error *err)
{
    omn_weights *w = NULL;
    bool own = false;
    const omn_weights_setup how = { OMN_FILL(omn_weights_setup), .hollow = true };
    const omn_status st = cli_has(a, "check") ? load_checked(c, path, &w, &own, err)
                                              : omn_weights_load(c->ctx, path, &how, &w, err);
    if (st != OMN_OK) return st;
    const sums s = add_up(w);
    put_begin(c, "weights", omn_weights_path(w), b);
    put_sums(c, &s, b);
    const omn_status checked = own ? put_own_check(c, w, b) : put_check(c, a, w, b, err);
    if (checked != OMN_OK) {
        omn_weights_close(w);
        return checked;
    }
    if (c->format != CLI_TEXT)
        omn_buf_puts(b, ",\"metadata\":{");
    else if (omn_weights_meta_count(w))
        omn_buf_puts(b, "metadata\n");
    for (size_t i = 0; i < omn_weights_meta_count(w); i++) {
        const char *key = omn_weights_meta_key(w, i), *value = omn_weights_meta(w, key);
        if (c->format == CLI_TEXT) {
            omn_buf_printf(b, "  %-12s %.160s%s\n", key, value, strlen(value) > 160 ? "..." : "");
        } else {
            if (i) omn_buf_puts(b, ",");
            json_text(b, key);
            omn_buf_puts(b, ":");
            json_text(b, value);
        }
    }
    if (c->format != CLI_TEXT) omn_buf_puts(b, "}");
    if (cli_has(a, "tensors")) put_tensors(c, w, b);
    if (c->format != CLI_TEXT) omn_buf_puts(b, "}\n");
    omn_weights_close(w);
    return OMN_OK;
}

/* ---- a model ------------------------------------------------------------------------------ */

static void put_vocabulary(const cli *c, const omn_part *p, omn_buf *b)
{
    const omn_vocab *v = omn_part_vocabulary(p);
    if (!v) return;
    if (c->format == CLI_TEXT)
        omn_buf_printf(b, "    %d token ids", (int)v->rows);
    else
        omn_buf_printf(b, ",\"rows\":%d,\"ranges\":[", (int)v->rows);
    for (uint32_t i = 0; i < v->n_ranges; i++) {
        const omn_range *r = &v->ranges[i];
        const int32_t last = r->first + (r->count - 1) * r->step;
        if (c->format == CLI_TEXT) {
            omn_buf_printf(b, "; %s %d to %d", r->name, (int)r->first, (int)last);
        } else {
            omn_buf_puts(b, i ? ",{\"name\":" : "{\"name\":");
            json_text(b, r->name);
            omn_buf_printf(b, ",\"first\":%d,\"last\":%d}", (int)r->first, (int)last);
        }
    }
    omn_buf_puts(b, c->format == CLI_TEXT ? "\n" : "]");
}

static void put_parts(const cli *c, omn_model *m, omn_buf *b)
{
    omn_part *const *parts;
    const size_t n = omn_model_parts(m, &parts);
    if (c->format == CLI_TEXT)
        omn_buf_puts(b, "parts\n");
    else
        omn_buf_puts(b, ",\"parts\":[");
    for (size_t i = 0; i < n; i++) {
        const char *role = omn_part_role(parts[i]);
        const char *kind = omn_model_encoder(m, role) == parts[i]   ? "encoder"
                           : omn_model_decoder(m, role) == parts[i] ? "decoder"
                                                                    : "codec";
        if (c->format == CLI_TEXT) {
            omn_buf_printf(b, "  %-8s %-14s %s\n", kind, role, omn_part_object(parts[i]));
        } else {
            omn_buf_printf(b, "%s{\"kind\":\"%s\",\"role\":", i ? "," : "", kind);
            json_text(b, role);
            omn_buf_puts(b, ",\"object\":");
            json_text(b, omn_part_object(parts[i]));
        }
        if (!strcmp(kind, "decoder")) put_vocabulary(c, parts[i], b);
        if (c->format != CLI_TEXT) omn_buf_puts(b, "}");
    }
    if (c->format != CLI_TEXT) omn_buf_puts(b, "]");
}

/* Its weights may be of a format with checksums of its own. */
static omn_status put_check_of_model(const cli *c, const cli_args *a, const omn_weights *w,
                                     omn_buf *b, omn_error *err)
{
    omn_weights *again = NULL;
    bool own = false;
    if (!cli_has(a, "check")) return OMN_OK;
    const omn_status st = load_checked(c, omn_weights_path(w), &again, &own, err);
    omn_weights_close(again);
    if (st != OMN_OK) return st;
    return own ? put_own_check(c, w, b) : put_check(c, a, w, b, err);
}

static omn_status of_model(const cli *c, const cli_args *a, const char *path, omn_buf *b,
                           omn_error *err)
{
    omn_model *m = NULL;
    omn_status st = omn_model_open(c->ctx, path, NULL, &m, err);
    if (st == OMN_OK) st = omn_model_declare(m, err);
    if (st != OMN_OK) {
        omn_model_close(m);
        return st;
    }
    const omn_weights *w = omn_model_weights(m);
    const sums s = add_up(w);
    put_begin(c, "model", omn_model_path(m), b);
    if (c->format == CLI_TEXT) {
        omn_buf_printf(b, "family       %s\n", omn_model_object(m));
    } else {
        omn_buf_puts(b, ",\"family\":");
        json_text(b, omn_model_object(m));
    }
    put_parts(c, m, b);
    put_sums(c, &s, b);
    st = put_check_of_model(c, a, w, b, err);
    if (cli_has(a, "tensors")) put_tensors(c, w, b);
    if (c->format != CLI_TEXT) omn_buf_puts(b, "}\n");
    omn_model_close(m);
    return st;
}

/* ---- a picture, a sound ------------------------------------------------------------------- */

typedef struct texts {
    const cli *c;
    omn_buf *b;
    size_t n;
} texts;

/* Texts of files come from anywhere: a terminal gets none of their control characters, and of bytes
 * that are no UTF-8 their numbers. */
static void put_shown(omn_buf *b, const char *text, size_t n)
{
    enum { MOST_SHOWN = 4096 };
    const size_t shown = n < MOST_SHOWN ? n : MOST_SHOWN;
    for (size_t i = 0, k; i < shown; i += k) {
        const unsigned char ch = (unsigned char)text[i];
        k = ch < 0x80 ? 1 : ch >= 0xf0 ? 4 : ch >= 0xe0 ? 3 : 2;
        const bool whole = i + k <= n && omn_utf8_check(text + i, k, NULL);
        const bool control = ch < 0x20 || ch == 0x7f || (ch == 0xc2 && whole &&
                                                         (unsigned char)text[i + 1] < 0xa0);
        if (whole && !control) {
            omn_buf_put(b, text + i, k);
        } else {
            omn_buf_printf(b, "\\x%02x", ch);
            k = 1;
        }
    }
    if (shown < n) omn_buf_printf(b, "... (%zu bytes)", n);
}

/* Our own text, field by field; false: it is none. */
static bool put_origin(texts *t, const char *text, size_t n)
{
    omn_value *v = NULL;
    if (n >= OMN_ORIGIN_MOST || omn_value_from_json(text, n, &v, NULL) != OMN_OK) return false;
    const bool record = omn_value_is(v, "record");
    for (size_t i = 0; record && i < omn_record_count(v); i++) {
        const char *name, *word;
        omn_buf one;
        omn_buf_init(&one, 1 << 20);
        const omn_value *field = omn_record_at(v, i, &name);
        word = omn_text_get(field, NULL);
        if (word) omn_buf_puts(&one, word);
        else omn_value_json(field, &one);
        omn_buf_puts(t->b, "  ");
        put_shown(t->b, name, strlen(name) < 64 ? strlen(name) : 64);
        omn_buf_printf(t->b, "%*s ", (int)(strlen(name) < 10 ? 10 - strlen(name) : 0), "");
        if (one.data) put_shown(t->b, one.data, one.length);
        omn_buf_puts(t->b, "\n");
        omn_buf_fini(&one);
    }
    omn_value_unref(v);
    return record;
}

static int on_text(void *user, const char *key, const char *text, size_t n)
{
    texts *t = user;
    omn_buf one;
    if (t->c->format == CLI_TEXT) {
        put_shown(t->b, key, strlen(key) < 80 ? strlen(key) : 80);
        if (!strcmp(key, OMN_ORIGIN)) {
            const size_t before = t->b->length;
            omn_buf_puts(t->b, "\n");
            if (put_origin(t, text, n)) return 0;
            t->b->length = before;
        }
        omn_buf_printf(t->b, "%*s ", (int)(strlen(key) < 12 ? 12 - strlen(key) : 0), "");
        put_shown(t->b, text, n);
        omn_buf_puts(t->b, "\n");
        return 0;
    }
    omn_buf_init(&one, 1 << 17);
    omn_buf_puts(t->b, t->n++ ? ",{\"key\":" : "{\"key\":");
    put_shown(&one, key, strlen(key));
    json_text(t->b, one.data ? one.data : "");
    one.length = 0;
    put_shown(&one, text, n);
    omn_buf_puts(t->b, ",\"text\":");
    json_text(t->b, one.length ? one.data : "");
    omn_buf_puts(t->b, "}");
    omn_buf_fini(&one);
    return 0;
}

/* How large a picture is, or how long a video: what decodes all of a sound is not asked. */
static omn_status put_size(const cli *c, const char *path, const char *format, omn_buf *b,
                           omn_error *err)
{
    const omn_entry *e = NULL;
    omn_value *v = NULL;
    omn_status st = omn_registry_find(c->ctx, "omnio.format/1", format, &e, err);
    if (st != OMN_OK) return st;
    const omn_format_impl *impl = omn_entry_object(e)->impl;
    const bool cheap = !strcmp(impl->makes, "image") || !strcmp(impl->makes, "stream");
    if (!impl->read || !cheap) return OMN_OK;
    st = omn_value_load(c->ctx, path, impl->makes, &v, err);
    if (st != OMN_OK) return st;
    if (c->format == CLI_TEXT) {
        omn_buf_printf(b, "%-12s ", "holds");
        omn_value_text(v, b);
        omn_buf_puts(b, "\n");
    } else {
        omn_buf_puts(b, ",\"holds\":");
        omn_value_json(v, b);
    }
    omn_value_unref(v);
    return OMN_OK;
}

static omn_status of_texts(const cli *c, const char *path, omn_buf *b, omn_error *err)
{
    const char *format = NULL;
    omn_buf found;
    texts t = { c, &found, 0 };
    omn_buf_init(&found, (size_t)1 << 22);
    omn_status st = omn_texts_load(c->ctx, path, on_text, &t, &format, err);
    if (st == OMN_OK) {
        put_begin(c, "file", path, b);
        if (c->format == CLI_TEXT) {
            omn_buf_printf(b, "%-12s %s\n", "format", format);
        } else {
            omn_buf_puts(b, ",\"format\":");
            json_text(b, format);
        }
        st = put_size(c, path, format, b, err);
        if (c->format != CLI_TEXT) omn_buf_puts(b, ",\"texts\":[");
        if (found.length) omn_buf_put(b, found.data, found.length);
        if (c->format != CLI_TEXT) omn_buf_puts(b, "]}\n");
    }
    omn_buf_fini(&found);
    return st;
}

/* A picture, a sound, a video of a format that keeps no texts: what it holds. OMN_ERR_DATA: it is
 * no such file. */
static omn_status of_value(const cli *c, const char *path, omn_buf *b, omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = omn_value_load(c->ctx, path, NULL, &v, err);
    if (st != OMN_OK) return st;
    const char *kind = omn_value_kind_name(v);
    if (!omn_kind_impl(omn_value_kind(v))->format) {
        omn_value_unref(v);
        return omn_fail(err, OMN_ERR_DATA, "%s: a file of %s", path, kind);
    }
    put_begin(c, "file", path, b);
    if (c->format == CLI_TEXT) {
        omn_buf_printf(b, "%-12s %s, ", "holds", kind);
        omn_value_text(v, b);
        omn_buf_printf(b, "\n%-12s none: this format keeps none that omnio reads\n", "texts");
    } else {
        omn_buf_puts(b, ",\"kind\":");
        json_text(b, kind);
        omn_buf_puts(b, ",\"texts\":[]}\n");
    }
    omn_value_unref(v);
    return OMN_OK;
}

/* ---- plugins ------------------------------------------------------------------------------ */

typedef struct sought {
    const cli *c;
    const char *file;
    omn_buf *b;
    size_t n;
    char why[512];
} sought;

static int on_listed(void *user, const omn_listed *it)
{
    sought *s = user;
    struct stat a, b;
    if (!it->file || stat(it->file, &a) != 0 || stat(s->file, &b) != 0) return 0;
    if (a.st_ino != b.st_ino || a.st_dev != b.st_dev) return 0;
    if (!it->name) {
        snprintf(s->why, sizeof s->why, "%s", it->why ? it->why : "cannot be used");
        return 1;
    }
    if (s->c->format == CLI_TEXT) {
        if (!s->n)
            omn_buf_printf(s->b, "%-12s %s\n%-12s %s %s\n%-12s %s\n%-12s %s\n", "plugin", it->file,
                           "name", it->plugin, it->version, "licence", it->licence, "about",
                           it->summary);
        omn_buf_printf(s->b, "  %-20s %-22s %s\n", it->kind, it->name, it->help);
    } else {
        const char *const keys[] = { "file",    "plugin", "plugin_version", "licence",
                                     "summary", "kind",   "name",           "help" };
        const char *const values[] = { it->file,    it->plugin, it->version, it->licence,
                                       it->summary, it->kind,   it->name,    it->help };
        omn_buf_printf(s->b, "{\"type\":\"object\",\"version\":%d", CLI_JSON_VERSION);
        for (size_t i = 0; i < 8; i++) {
            omn_buf_printf(s->b, ",\"%s\":", keys[i]);
            json_text(s->b, values[i] ? values[i] : "");
        }
        omn_buf_puts(s->b, "}\n");
    }
    s->n++;
    return 0;
}

/* A plugin file, wherever it lies: its folder is searched first. */
static omn_status of_plugin(cli *c, const char *path, omn_buf *b, omn_error *err)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    omn_context *ctx = NULL;
    sought s = { .c = c, .file = path, .b = b };
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = folder, .only_plugin_path = true };
    omn_status st = omn_context_new(&how, &ctx, err);
    if (st == OMN_OK) st = omn_registry_list(ctx, NULL, on_listed, &s, err);
    if (st == OMN_OK && s.why[0]) st = omn_fail(err, OMN_ERR_PLUGIN, "%s: %s", path, s.why);
    if (st == OMN_OK && !s.n) st = omn_fail(err, OMN_ERR_PLUGIN, "%s: no plugin of omnio", path);
    omn_context_free(ctx);
    return st;
}

static omn_status of_object(const cli *c, const char *name, omn_buf *b, omn_error *err)
{
    const omn_entry *e = NULL;
    const omn_status st = omn_registry_find(c->ctx, NULL, name, &e, err);
    if (st != OMN_OK) return st;
    if (c->format == CLI_TEXT) return omn_entry_help(e, false, b, err);
    const omn_object *o = omn_entry_object(e);
    omn_buf_printf(b, "{\"type\":\"object\",\"version\":%d,\"kind\":\"%s\",\"name\":",
                   CLI_JSON_VERSION, o->kind);
    json_text(b, o->name);
    omn_buf_puts(b, ",\"help\":");
    json_text(b, o->help);
    omn_buf_puts(b, ",\"file\":");
    json_text(b, omn_entry_file(e));
    omn_buf_puts(b, ",\"parameters\":[");
    for (uint32_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(e, i);
        const char *const keys[] = { "role", "name", "type", "default", "range", "unit", "help" };
        const char *const values[] = { p->role,  p->name, p->type, p->deflt,
                                       p->range, p->unit, p->help };
        omn_buf_puts(b, i ? ",{" : "{");
        for (size_t k = 0, n = 0; k < 7; k++) {
            if (!values[k]) continue;
            omn_buf_printf(b, "%s\"%s\":", n++ ? "," : "", keys[k]);
            json_text(b, values[k]);
        }
        omn_buf_puts(b, "}");
    }
    omn_buf_puts(b, "]}\n");
    return OMN_OK;
}

/* ---- the command -------------------------------------------------------------------------- */

static bool ends_in(const char *s, const char *tail)
{
    const size_t n = strlen(s), k = strlen(tail);
    return n > k && !strcmp(s + n - k, tail);
}

static omn_status look_at(cli *c, const cli_args *a, const char *what, omn_buf *b, omn_error *err)
{
    struct stat st;
    omn_error other = OMN_ERROR_INIT;
    char file[4096]; /* without the settings of its reader */
    snprintf(file, sizeof file, "%s", what);
    char *mark = stat(what, &st) ? strrchr(file, '?') : NULL;
    if (mark) *mark = 0;
    const bool there = stat(file, &st) == 0;
    if (there && S_ISREG(st.st_mode)) {
        if (ends_in(what, ".so")) return of_plugin(c, what, b, err);
        const omn_status told = of_texts(c, what, b, &other);
        if (told == OMN_OK) return told;
        if (told != OMN_ERR_MISSING) {
            *err = other;
            return told;
        }
        other = (omn_error)OMN_ERROR_INIT;
        const omn_status weights = of_weights(c, a, what, b, &other);
        omn_error none = OMN_ERROR_INIT;
        if (weights == OMN_ERR_DATA && of_value(c, what, b, &none) == OMN_OK) return OMN_OK;
        if (weights != OMN_OK) *err = other;
        return weights;
    }
    if (there || strchr(what, '/')) return of_model(c, a, what, b, err);
    const omn_status found = of_model(c, a, what, b, &other);
    if (found == OMN_OK) return found;
    const omn_status object = of_object(c, what, b, err);
    if (object == OMN_ERR_MISSING && found == OMN_ERR_MISSING)
        shelf_suggest(c, "model object", what, err);
    if (object != OMN_ERR_MISSING || found == OMN_ERR_MISSING) return object;
    *err = other;
    return found;
}

static int inspect(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 28);
    cli_rows(&a, &cmd_inspect, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && !a.n_operands)
        code = cli_usage(c, "a model, a weights file or an object is wanted");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    code = 0;
    for (size_t i = 0; i < a.n_operands; i++) {
        omn_error err = OMN_ERROR_INIT;
        const int each =
            look_at(c, &a, a.operands[i], &b, &err) == OMN_OK ? 0 : cli_failed(c, &err);
        if (!each && !cli_put(c, &b)) code = cli_lost(c);
        b.length = 0;
        if (!code) code = each;
    }
done:
    omn_buf_fini(&b);
    cli_args_fini(&a);
    return code;
}
