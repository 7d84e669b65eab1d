/* SPDX-License-Identifier: Apache-2.0 */
/* COCO (Lin et al. 2014): one example is a picture: "boxes" are its annotations with their
 * categories, "captions" a list of {"caption"}, "refs" a list of {"text", "box"} (RefCOCO: Yu et
 * al. 2016). A box [x, y, width, height] becomes its corners in pixels; crowds are left out. */
#include "sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BOXES 4096u

typedef struct told { document d; const items *list; pair *by; } told; /* about pictures */

typedef struct source {
    struct coco p;
    char *images;
    told boxes, captions, refs;           /* annotations by picture; list NULL: there are none */
    const items *pictures;
    pair *categories;                     /* id -> item */
    const items *names;
    lot lot;
} source;

static void close_told(told *t)
{
    free(t->by);
    document_close(&t->d);
}

static void close_source(void *self)
{
    source *s = self;
    if (!s) return;
    close_told(&s->boxes);
    close_told(&s->captions);
    close_told(&s->refs);
    free(s->categories);
    free(s->images);
    lot_free(&s->lot);
    free(s);
}

static omn_status open_told(told *t, const char *path, const char *list, bool wanted,
                            omn_error *err)
{
    if (!*path) return OMN_OK;
    omn_status st = document_open(&t->d, path, err);
    if (st != OMN_OK) return st;
    t->list = document_list(&t->d, list);
    if (!t->list && !wanted) return OMN_OK;
    if (!t->list)
        return omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "a list%s%s%s is wanted",
                           *list ? " \"" : "", list, *list ? "\"" : "");
    return pairs_of(&t->d, t->list, "image_id", &t->by, err);
}

static bool has(const told *t, int64_t picture)
{
    return t->list && pairs_find(t->by, t->list->n, picture) < t->list->n;
}

static bool is_of(const source *s, const json_t *ref, int split)
{
    const char *name = json_string_value(json_object_get(ref, "split"));
    return name && !strcmp(name, split ? s->p.held : s->p.train);
}

/* The splits that have expressions about a picture; RefCOCO's pictures may be in several. */
static omn_status splits_of_refs(const source *s, int64_t picture, bool in[2], omn_error *err)
{
    const told *t = &s->refs;
    for (size_t k = pairs_find(t->by, t->list->n, picture);
         k < t->list->n && t->by[k].key == picture; k++) {
        json_t *o = NULL;
        const omn_status st = document_item(&t->d, t->list, t->by[k].number, &o, err);
        if (st != OMN_OK) return st;
        for (int split = 0; split < 2; split++) in[split] = in[split] || is_of(s, o, split);
        json_decref(o);
    }
    return OMN_OK;
}

static omn_status share_out(source *s, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < s->pictures->n && st == OMN_OK; i++) {
        json_t *o = NULL;
        int64_t id = 0;
        bool in[2] = { false, false };
        st = document_item(&s->boxes.d, s->pictures, i, &o, err);
        if (st == OMN_OK) st = item_want(&s->boxes.d, s->pictures, i, o, "id", &id, err);
        json_decref(o);
        if (st == OMN_OK && s->refs.list) st = splits_of_refs(s, id, in, err);
        else if (has(&s->boxes, id) || has(&s->captions, id))
            in[split_of((uint64_t)id, s->p.held_out, s->p.seed)] = true;
        for (int split = 0; split < 2 && st == OMN_OK; split++)
            if (in[split]) st = lot_put(&s->lot, split, (uint32_t)i, err);
    }
    return st;
}

/* What is told of pictures that are not there is told in one line, for a whole list may be of
 * another part of the data. pictures: by their ids. */
static void tell_lost(const source *s, const told *t, const pair *pictures, omn_call *c)
{
    size_t lost = 0, first = 0;
    for (size_t i = 0; t->list && i < t->list->n; i++) {
        if (pairs_find(pictures, s->pictures->n, t->by[i].key) < s->pictures->n) continue;
        if (!lost++) first = i;
    }
    if (lost)
        omn_call_log(c, OMN_LOG_WARN, "%s: %zu of %zu in \"%s\" are of pictures that %s does not "
                     "list (image_id %lld, say) and are left out", omn_map_path(t->d.map), lost,
                     t->list->n, t->list->name, omn_map_path(s->boxes.d.map),
                     (long long)t->by[first].key);
}

static omn_status tell_all_lost(const source *s, omn_call *c, omn_error *err)
{
    pair *pictures = NULL;
    const omn_status st = pairs_of(&s->boxes.d, s->pictures, "id", &pictures, err);
    const told *const all[] = { &s->boxes, &s->captions, &s->refs };
    for (size_t i = 0; st == OMN_OK && i < 3; i++) tell_lost(s, all[i], pictures, c);
    free(pictures);
    return st;
}

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)o;
    omn_status st = OMN_OK;
    source *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "coco: out of memory");
    *self = s;
    s->p = *(const struct coco *)params;
    s->images = strdup(s->p.images);
    if (!s->images) return omn_fail(err, OMN_ERR_MEMORY, "coco: out of memory");
    OMN_TRY(open_told(&s->boxes, s->p.path, "annotations", false, err));
    OMN_TRY(open_told(&s->captions, s->p.captions, "annotations", true, err));
    OMN_TRY(open_told(&s->refs, s->p.refs, "", true, err));
    s->pictures = document_list(&s->boxes.d, "images");
    s->names = document_list(&s->boxes.d, "categories");
    if (!s->pictures)
        return omn_fail_at(err, OMN_ERR_DATA, s->p.path, 0, 0, "a list \"images\" is wanted");
    if (s->names) OMN_TRY(pairs_of(&s->boxes.d, s->names, "id", &s->categories, err));
    OMN_TRY(share_out(s, err));
    OMN_TRY(tell_all_lost(s, c, err));
done:
    return st;
}

static uint64_t count(const void *self, omn_split split)
{
    return ((const source *)self)->lot.n[split == OMN_SPLIT_TRAIN ? 0 : 1];
}

/* ---- an example ----------------------------------------------------------------------------- */

/* What one picture's example is made of; texts of JSON live as long as `kept`. */
typedef struct maker {
    const source *s;
    int split;
    omn_frame frame;
    json_t *kept;
    omn_region regions[MOST_BOXES];
    int64_t ids[MOST_BOXES];
    size_t n;
} maker;

static omn_status wrong(const told *t, size_t i, const char *what, omn_error *err)
{
    return omn_fail_at(err, OMN_ERR_DATA, omn_map_path(t->d.map), document_line(&t->d, t->list, i),
                       0, "item %zu of \"%s\": %s is wanted", i + 1, t->list->name, what);
}

static omn_status label_of(maker *m, const told *t, size_t i, const json_t *o, const char **out,
                           omn_error *err)
{
    const source *s = m->s;
    int64_t id;
    json_t *c = NULL;
    *out = NULL;
    if (!s->names || !item_int(o, "category_id", &id)) return OMN_OK;
    const size_t at = pairs_find(s->categories, s->names->n, id);
    if (at == s->names->n) return wrong(t, i, "a category_id of the categories", err);
    const omn_status st = document_item(&s->boxes.d, s->names, s->categories[at].number, &c, err);
    if (st != OMN_OK) return st;
    *out = json_string_value(json_object_get(c, "name"));
    if (!*out) {
        json_decref(c);
        return wrong(t, i, "a category with a \"name\"", err);
    }
    return json_array_append_new(m->kept, c) ? omn_fail(err, OMN_ERR_MEMORY, "coco: out of memory")
                                             : OMN_OK;
}

/* Annotation i as a box, if it is one and no crowd. */
static omn_status add_box(maker *m, const told *t, size_t i, const json_t *o, omn_error *err)
{
    const json_t *b = json_object_get(o, "bbox");
    double v[4];
    int64_t crowd = 0;
    if (!b || (item_int(o, "iscrowd", &crowd) && crowd)) return OMN_OK;
    if (json_array_size(b) != 4) return wrong(t, i, "\"bbox\": [x, y, width, height]", err);
    for (size_t k = 0; k < 4; k++) {
        if (!json_is_number(json_array_get(b, k))) return wrong(t, i, "numbers in \"bbox\"", err);
        v[k] = json_number_value(json_array_get(b, k));
    }
    if (!(v[2] >= 0) || !(v[3] >= 0) || !isfinite(v[0] + v[1] + v[2] + v[3]))
        return wrong(t, i, "a \"bbox\" with a size", err);
    if (m->n == MOST_BOXES) return wrong(t, i, "no more than 4096 boxes of a picture", err);
    omn_region *r = &m->regions[m->n];
    *r = (omn_region){ v[0], v[1], v[0] + v[2], v[1] + v[3], NAN, NULL };
    const omn_status st = label_of(m, t, i, o, &r->label, err);
    if (st != OMN_OK) return st;
    if (!item_int(o, "id", &m->ids[m->n])) m->ids[m->n] = -1;
    m->n++;
    return OMN_OK;
}

typedef omn_status each_fn(maker *m, const told *t, size_t i, const json_t *o, void *user,
                           omn_error *err);

static omn_status each(maker *m, const told *t, int64_t picture, each_fn *fn, void *user,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    if (!t->list) return OMN_OK;
    for (size_t k = pairs_find(t->by, t->list->n, picture);
         k < t->list->n && t->by[k].key == picture && st == OMN_OK; k++) {
        json_t *o = NULL;
        const size_t i = t->by[k].number;
        st = document_item(&t->d, t->list, i, &o, err);
        if (st == OMN_OK && json_array_append_new(m->kept, o))
            st = omn_fail(err, OMN_ERR_MEMORY, "coco: out of memory");
        if (st == OMN_OK) st = fn(m, t, i, o, user, err);
    }
    return st;
}

static omn_status box_of(maker *m, const told *t, size_t i, const json_t *o, void *user,
                         omn_error *err)
{
    (void)user;
    return add_box(m, t, i, o, err);
}

/* A growing list of values, owned. */
typedef struct values { omn_value **list; size_t n, room; } values;

static omn_status grow(values *v, omn_value *x, omn_error *err)
{
    if (v->n == v->room) {
        const size_t room = v->room ? 2 * v->room : 16;
        omn_value **more = realloc(v->list, room * sizeof(omn_value *));
        if (!more) {
            omn_value_unref(x);
            return omn_fail(err, OMN_ERR_MEMORY, "coco: out of memory");
        }
        v->list = more;
        v->room = room;
    }
    v->list[v->n++] = x;
    return OMN_OK;
}

static void values_free(values *v)
{
    for (size_t i = 0; i < v->n; i++) omn_value_unref(v->list[i]);
    free(v->list);
}

/* {name: text} or {name: text, "box": box} */
static omn_status said(values *v, const char *name, const char *text, const omn_region *box,
                       const omn_frame *frame, omn_error *err)
{
    omn_named f[2] = { { NULL, NULL } };
    omn_value *x = NULL, *record = NULL;
    size_t n = 0;
    omn_status st = omn_text_new(text, strlen(text), &x, err);
    st = field_put(f, &n, name, x, st);
    if (st == OMN_OK && box) {
        x = NULL;
        st = omn_regions_new(box, 1, frame, &x, err);
        st = field_put(f, &n, "box", x, st);
    }
    if (st == OMN_OK) st = omn_record_new(f, n, &record, err);
    for (size_t i = 0; i < n; i++) omn_value_unref(f[i].value);
    return st == OMN_OK ? grow(v, record, err) : st;
}

static omn_status caption_of(maker *m, const told *t, size_t i, const json_t *o, void *user,
                             omn_error *err)
{
    const char *text = json_string_value(json_object_get(o, "caption"));
    (void)t;
    (void)i;
    return text ? said(user, "caption", text, NULL, &m->frame, err) : OMN_OK;
}

/* The expressions of one object, if they are of this split: its box is that of the annotation they
 * name. */
static omn_status ref_of(maker *m, const told *t, size_t i, const json_t *o, void *user,
                         omn_error *err)
{
    int64_t id;
    size_t at = 0, k;
    const json_t *sentences = json_object_get(o, "sentences"), *s;
    if (!is_of(m->s, o, m->split)) return OMN_OK;
    if (!item_int(o, "ann_id", &id)) return wrong(t, i, "\"ann_id\", an integer,", err);
    while (at < m->n && m->ids[at] != id) at++;
    if (at == m->n) return wrong(t, i, "an ann_id of an annotation of this picture", err);
    json_array_foreach(sentences, k, s) {
        const json_t *sent = json_object_get(s, "sent");
        const char *text = json_string_value(sent ? sent : json_object_get(s, "raw"));
        if (!text) return wrong(t, i, "\"sent\" in each of the sentences", err);
        const omn_region box = m->regions[at];
        const omn_status st = said(user, "text", text, &box, &m->frame, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

static omn_status put_list(values *v, omn_named *f, size_t *n, const char *name, omn_error *err)
{
    omn_value *x = NULL;
    const omn_status st = omn_list_new(v->list, v->n, &x, err);
    return field_put(f, n, name, x, st);
}

static omn_status fill(maker *m, omn_call *c, int64_t id, const char *file, omn_named *f, size_t *n,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    values captions = { .list = NULL }, refs = { .list = NULL };
    omn_value *x = NULL;
    st = picture_load(c, m->s->images, file, &x, err);
    OMN_TRY(field_put(f, n, "image", x, st));
    m->frame = *omn_image_frame(omn_value_image(x));
    OMN_TRY(each(m, &m->s->boxes, id, box_of, NULL, err));
    OMN_TRY(each(m, &m->s->boxes, id, caption_of, &captions, err));
    OMN_TRY(each(m, &m->s->captions, id, caption_of, &captions, err));
    OMN_TRY(each(m, &m->s->refs, id, ref_of, &refs, err));
    st = omn_regions_new(m->regions, m->n, &m->frame, &x, err);
    OMN_TRY(field_put(f, n, "boxes", x, st));
    OMN_TRY(put_list(&captions, f, n, "captions", err));
    OMN_TRY(put_list(&refs, f, n, "refs", err));
    if (captions.n)
        OMN_TRY(field_put(f, n, "caption",
                          omn_value_ref(omn_record_get(captions.list[0], "caption")), OMN_OK));
done:
    values_free(&captions);
    values_free(&refs);
    return st;
}

static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const source *s = self;
    const int k = split == OMN_SPLIT_TRAIN ? 0 : 1;
    omn_named f[8] = { { NULL, NULL } };
    size_t n = 0;
    int64_t id = 0;
    json_t *o = NULL;
    if (index >= s->lot.n[k])
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no example number %llu in this split",
                        omn_map_path(s->boxes.d.map), (unsigned long long)index);
    const uint32_t i = s->lot.of[k][index];
    maker *m = calloc(1, sizeof *m);
    if (m) *m = (maker){ .s = s, .split = k, .kept = json_array() };
    if (!m || !m->kept) {
        free(m);
        return omn_fail(err, OMN_ERR_MEMORY, "coco: out of memory");
    }
    OMN_TRY(document_item(&s->boxes.d, s->pictures, i, &o, err));
    OMN_TRY(item_want(&s->boxes.d, s->pictures, i, o, "id", &id, err));
    OMN_TRY(fill(m, c, id, json_string_value(json_object_get(o, "file_name")), f, &n, err));
    OMN_TRY(omn_record_new(f, n, out, err));
done:
    for (size_t j = 0; j < n; j++) omn_value_unref(f[j].value);
    json_decref(o);
    json_decref(m->kept);
    free(m);
    return st;
}

static void place(const void *self, omn_split split, uint64_t index, const char **file,
                  int32_t *line)
{
    const source *s = self;
    (void)split;
    (void)index;
    *file = omn_map_path(s->boxes.d.map);
    *line = 0;          /* to count lines of so large a file is for errors alone, which do it */
}

static const void *extension(const char *id)
{
    static const omn_place_impl places = { place };
    return strcmp(id, "omnio.place/1") ? NULL : &places;
}

const omn_source_impl coco_impl = { extension, open_source, close_source, count, get };
