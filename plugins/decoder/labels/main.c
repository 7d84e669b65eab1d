/* SPDX-License-Identifier: Apache-2.0 */
/* decoder text.labels: classes by their names, for models that answer with one of a list. The file
 * has a name on each line, class 0 first, or an object of JSON on each, as the lists of VQAv2 have:
 * {"answer": "net", "label": 0}. Without a file a class is its number. */
#include "labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS(PAR, S)                                                                          \
    PAR(S, int, rows, NULL, "1..16777216", NULL, "classes")                                     \
    PAR(S, int, count, "1", "1..65536", NULL, "classes of one answer")                          \
    PAR(S, string, file, "", NULL, NULL, "their names, beside the model; empty: numbers")       \
    PAR(S, string, names, "", NULL, NULL, "their names when there is no file, with commas")
OMN_PARAMS(labels, LABELS);

typedef struct decoder {
    labels names;                         /* empty: numbers */
    omn_codes codes;
} decoder;

static void close_labels(void *self)
{
    decoder *d = self;
    if (d) labels_fini(&d->names);
    free(d);
}

static omn_status open_labels(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct labels *p = params;
    decoder *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "text.labels: out of memory");
    *self = d;
    d->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = p->rows, .count = p->count, .stop = -1,
                            .blank = -1 };
    const char *path = p->file[0] ? omn_open_file(o, p->file, false) : NULL;
    if (path) return labels_read(&d->names, path, (size_t)p->rows, err);
    if (p->file[0] && !p->names[0])
        omn_call_log(c, OMN_LOG_WARN, "the model's folder has no %s, which names its %d classes: "
                     "answers are their numbers", p->file, p->rows);
    return p->names[0] ? labels_split(&d->names, p->names, (size_t)p->rows, err) : OMN_OK;
}

static const omn_codes *codes(const void *self)
{
    return &((const decoder *)self)->codes;
}

/* The name of a class: in the list, or its number in room. */
static const char *name_of(const decoder *d, int32_t id, char *room, size_t size)
{
    if (d->names.n) return d->names.name[id];
    snprintf(room, size, "%d", (int)id);
    return room;
}

/* The class of n bytes; -1: none. */
static int32_t class_of(const decoder *d, const char *text, size_t n)
{
    int32_t id = 0;
    if (d->names.n) return labels_find(&d->names, text, n);
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        id = id * 10 + (text[i] - '0');
        if (id >= d->codes.codes || (n > 1 && !id)) return -1;
    }
    return n ? id : -1;
}

static omn_status encode(const void *self, omn_call *c, const omn_value *v, int32_t *ids,
                         size_t most, size_t *count, omn_error *err)
{
    const decoder *d = self;
    const size_t want = (size_t)d->codes.count;
    size_t n = 0;
    (void)c;
    *count = 0;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "text.labels writes text, not %s",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, &n), *end = text + n;
    while (text <= end) {
        /* several classes have a line each */
        const char *stop = want > 1 ? memchr(text, '\n', (size_t)(end - text)) : NULL;
        const size_t length = (size_t)((stop ? stop : end) - text);
        const int32_t id = class_of(d, text, length);
        if (id < 0)
            return omn_fail(err, OMN_ERR_DATA, "\"%.*s\" is none of the model's %d classes",
                            length < 60 ? (int)length : 60, text, (int)d->codes.codes);
        if (*count < most) ids[*count] = id;
        ++*count;
        text += length + 1;
    }
    if (*count > most || *count != want)
        return omn_fail(err, OMN_ERR_DATA, "%zu classes, %zu are wanted", *count, want);
    return OMN_OK;
}

static omn_status decode(const void *self, omn_call *c, const int32_t *ids, size_t n,
                         omn_value **out, omn_error *err)
{
    const decoder *d = self;
    omn_buf b;
    char room[16];
    (void)c;
    omn_buf_init(&b, (size_t)1 << 24);
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= d->codes.codes) {
            omn_buf_fini(&b);
            return omn_fail(err, OMN_ERR_DATA, "class %d is outside 0..%d", (int)ids[i],
                            (int)d->codes.codes - 1);
        }
        if (i) omn_buf_puts(&b, "\n");
        omn_buf_puts(&b, name_of(d, ids[i], room, sizeof room));
    }
    omn_status st = omn_buf_check(&b, "the name of a class", err);
    if (st == OMN_OK) st = omn_text_new(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

static omn_status spell(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    const decoder *d = self;
    char room[16];
    *what = OMN_SPELT_NONE;
    if (id < 0 || id >= d->codes.codes) return OMN_OK;
    if (!first) omn_buf_puts(out, "\n");
    omn_buf_puts(out, name_of(d, id, room, sizeof room));
    *what = OMN_SPELT_TEXT;
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "text.labels: out of memory") : OMN_OK;
}

static const void *extension(const char *id)
{
    static const omn_spelling_impl spelling = { spell };
    return strcmp(id, "omnio.spelling/1") ? NULL : (const void *)&spelling;
}

static const omn_decoder_impl impl = { extension, "text", open_labels, close_labels, codes, encode,
                                       decode,    NULL,   NULL,        NULL,         NULL,  NULL };
static const omn_object objects[] = {
    { "omnio.decoder/1", "text.labels", "classes by their names", &impl,
      OMN_OBJECT_PARAMS(labels) },
};
OMN_PLUGIN("decoder-labels", "0.1.0", "Apache-2.0", "classes by their names", objects);
