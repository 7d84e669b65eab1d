/* SPDX-License-Identifier: Apache-2.0 */
/* source folder: people's own pictures, texts and boxes. A folder with a JSON Lines manifest: each
 * line is one example, {"image": "a.jpg", "question": "...", "answer": "..."} or with lists of
 * items as the tabletop source has them. "image" is read from the folder; "box": [x0, y0, x1, y1]
 * and "boxes": [[..], ..] (or objects with box and label) become regions in pixels. A field that is
 * null, or a list with null in it, is none. A bad line is an error that names file and line. */
#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_FIELDS 64

#define FOLDER(PAR, S)                                                                             \
    PAR(S, path, path, NULL, NULL, NULL, "the folder, or its manifest file")                       \
    PAR(S, string, manifest, "manifest.jsonl", NULL, NULL,                                         \
        "name of the manifest in the folder: each line is a JSON object and one example; its "     \
        "\"image\" is the name of a picture's file, \"box\": [x0, y0, x1, y1] and \"boxes\": "     \
        "[[x0, y0, x1, y1], ...] are in the pixels of that picture, other fields (texts, "         \
        "numbers, files, lists of objects) are what tasks name")                                   \
    PAR(S, double, held_out, "0.1", "0..1", NULL,                                                  \
        "share of the lines that is kept for evaluation")                                          \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, another choice of held-out lines")
OMN_PARAMS(folder, FOLDER);

typedef struct source {
    manifest m;
    char folder[4096];
} source;

static void close_source(void *self)
{
    source *s = self;
    manifest_close(&s->m);
    free(s);
}

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    const struct folder *p = params;
    char file[4200];
    struct stat st;
    source *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "folder: out of memory");
    *self = s;
    if (strlen(p->path) > 4000 || strlen(p->manifest) > 100)
        return omn_fail(err, OMN_ERR_ARGUMENT, "folder: the path is too long");
    if (stat(p->path, &st) != 0)
        return omn_fail(err, OMN_ERR_MISSING, "%s: no such folder or manifest", p->path);
    if (S_ISDIR(st.st_mode)) {
        snprintf(s->folder, sizeof s->folder, "%s", p->path);
        snprintf(file, sizeof file, "%s/%s", p->path, p->manifest);
    } else {
        const char *slash = strrchr(p->path, '/');
        snprintf(s->folder, sizeof s->folder, "%.*s", slash ? (int)(slash - p->path) : 1,
                 slash ? p->path : ".");
        snprintf(file, sizeof file, "%s", p->path);
    }
    return manifest_open(&s->m, file, p->held_out, (uint64_t)p->seed, err);
}

static uint64_t count(const void *self, omn_split split)
{
    const source *s = self;
    return s->m.n[split == OMN_SPLIT_TRAIN ? 0 : 1];
}

/* ---- fields --------------------------------------------------------------------------------- */

/* "box" and "boxes" as regions of the picture. */
static omn_status boxes(omn_call *c, const omn_value *v, const omn_frame *like, omn_value **out,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    const omn_region *have = NULL;
    omn_value *regions = NULL;
    OMN_TRY(omn_kind_find(c, "regions", &kind, err));
    OMN_TRY(omn_value_convert(c, v, kind, &regions, err));
    const size_t n = omn_regions_get(regions, &have);
    st = omn_regions_new(have, n, like, out, err);
done:
    omn_value_unref(regions);
    return st;
}

typedef struct reader {
    const source *s;
    omn_call *c;
    omn_frame frame;
    bool has_frame;
} reader;

static omn_status fields_of(reader *r, const omn_value *record, int depth, omn_value **out,
                            omn_error *err);

static omn_status field(reader *r, const char *name, const omn_value *v, int depth, omn_value **out,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    if (!strcmp(name, "box") || !strcmp(name, "boxes")) {
        st = boxes(r->c, v, r->has_frame ? &r->frame : NULL, out, err);
        if (st != OMN_OK) omn_error_prefix(err, "\"%s\"", name);
        return st;
    }
    if (omn_value_is(v, "record")) return fields_of(r, v, depth + 1, out, err);
    if (omn_value_is(v, "list") && depth < 4) {
        const size_t n = omn_list_count(v);
        omn_value **items = calloc(n + 1, sizeof(omn_value *));
        if (!items) return omn_fail(err, OMN_ERR_MEMORY, "\"%s\": out of memory", name);
        for (size_t i = 0; i < n && st == OMN_OK; i++)
            st = field(r, "", omn_list_at(v, i), depth + 1, &items[i], err);
        if (st == OMN_OK) st = omn_list_new(items, n, out, err);
        for (size_t i = 0; i < n; i++) omn_value_unref(items[i]);
        free(items);
        return st;
    }
    *out = omn_value_ref(v);
    return OMN_OK;
}

static omn_status picture(reader *r, const omn_value *name, omn_value **out, omn_error *err)
{
    char path[8300];
    if (!name || !omn_value_is(name, "text"))
        return omn_fail(err, OMN_ERR_DATA, "\"image\": a file's name is wanted");
    const char *file = omn_text_get(name, NULL);
    if (strlen(file) > 4000) return omn_fail(err, OMN_ERR_DATA, "\"image\": the name is too long");
    snprintf(path, sizeof path, "%s%s%s", file[0] == '/' ? "" : r->s->folder,
             file[0] == '/' ? "" : "/", file);
    const omn_status st = omn_call_load(r->c, path, "image", out, err);
    if (st != OMN_OK) return st;
    r->frame = *omn_image_frame(omn_value_image(*out));
    r->has_frame = true;
    return OMN_OK;
}

static omn_status fields_of(reader *r, const omn_value *record, int depth, omn_value **out,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named list[MOST_FIELDS] = { { 0 } };
    const size_t n = omn_record_count(record);
    size_t image = n;
    if (n > MOST_FIELDS) return omn_fail(err, OMN_ERR_DATA, "more than %d fields", MOST_FIELDS);
    /* the picture first: boxes beside it are in its pixels */
    for (size_t i = 0; i < n; i++) {
        const omn_value *v = omn_record_at(record, i, &list[i].name);
        if (depth > 0 || strcmp(list[i].name, "image")) continue;
        OMN_TRY(picture(r, v, &list[i].value, err));
        image = i;
    }
    for (size_t i = 0; i < n; i++)
        if (i != image)
            OMN_TRY(
                field(r, list[i].name, omn_record_at(record, i, NULL), depth, &list[i].value, err));
    OMN_TRY(omn_record_new(list, n, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(list[i].value);
    return st;
}

/* A line as a value. One that is refused is read again without the fields that null spoils; what is
 * wrong beside them is told as it was. */
static omn_status read_line(omn_call *c, const char *line, size_t n, omn_value **out,
                            omn_error *err)
{
    omn_error other = OMN_ERROR_INIT;
    omn_status st = omn_call_json(c, NULL, line, n, out, err);
    if (st != OMN_ERR_DATA) return st;
    char *copy = malloc(n + 1);
    if (!copy) {
        *err = (omn_error)OMN_ERROR_INIT;
        return omn_fail(err, OMN_ERR_MEMORY, "a line of the manifest: out of memory");
    }
    memcpy(copy, line, n);
    manifest_fill_holes(copy, n);
    const omn_status again = omn_call_json(c, NULL, copy, n, out, &other);
    free(copy);
    if (again != OMN_OK && again != OMN_ERR_MEMORY) return st;
    *err = other;
    return again;
}

static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    const source *s = self;
    size_t length = 0;
    uint32_t number = 0;
    omn_value *record = NULL;
    omn_error why = OMN_ERROR_INIT;
    reader r = { .s = s, .c = c };
    if (index >= count(self, split))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no example number %llu in this split",
                        s->m.path, (unsigned long long)index);
    const char *line = manifest_line(&s->m, split, (size_t)index, &length, &number);
    omn_status st = read_line(c, line, length, &record, &why);
    if (st == OMN_OK && !omn_value_is(record, "record"))
        st = omn_fail(&why, OMN_ERR_DATA, "a line is a JSON object: {\"image\": \"a.png\", ...}");
    if (st == OMN_OK) st = fields_of(&r, record, 0, out, &why);
    omn_value_unref(record);
    if (st == OMN_OK) return OMN_OK;
    if (st == OMN_ERR_MEMORY || st == OMN_ERR_CANCELLED) return omn_fail(err, st, "%s", why.text);
    char text[1200];
    return omn_fail_at(
        err, OMN_ERR_DATA, s->m.path, (int32_t)number, 0, "%s",
        why.file[0] && strcmp(why.file, s->m.path) ? omn_error_line(&why, text, sizeof text)
                                                   : why.text);
}

static void place(const void *self, omn_split split, uint64_t index, const char **file,
                  int32_t *line)
{
    const source *s = self;
    size_t length;
    uint32_t number = 0;
    *file = s->m.path;
    if (index < count(self, split)) manifest_line(&s->m, split, (size_t)index, &length, &number);
    *line = (int32_t)number;
}

static const void *extension(const char *id)
{
    static const omn_place_impl places = { place };
    return strcmp(id, "omnio.place/1") ? NULL : &places;
}

static const omn_source_impl impl = { extension, open_source, close_source, count, get };
static const omn_object objects[] = {
    { "omnio.source/1", "folder", "a folder of pictures with a JSON Lines manifest", &impl,
      OMN_OBJECT_PARAMS(folder) },
};
OMN_PLUGIN("source-folder", "0.1.0", "Apache-2.0", "examples of your own", objects);
