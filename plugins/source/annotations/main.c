/* SPDX-License-Identifier: Apache-2.0 */
/* Plugin source/annotations: data sets as they are published: COCO's files of annotations (with the
 * expressions of RefCOCO), VQA's questions and answers, tar files of pairs, and MNIST's arrays. */
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const omn_param coco_params[] = { COCO(OMN_S_ROW, coco) };
static const omn_param idx_params[] = { IDX(OMN_S_ROW, idx) };
static const omn_param vqa_params[] = { VQA(OMN_S_ROW, vqa) };
static const omn_param shards_params[] = { SHARDS(OMN_S_ROW, shards) };

omn_status lot_put(lot *l, int split, uint32_t number, omn_error *err)
{
    if (l->n[split] == l->room[split]) {
        const size_t room = l->room[split] ? 2 * l->room[split] : 256;
        uint32_t *more = realloc(l->of[split], room * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "a list of examples: out of memory");
        l->of[split] = more;
        l->room[split] = room;
    }
    l->of[split][l->n[split]++] = number;
    return OMN_OK;
}

void lot_free(lot *l)
{
    free(l->of[0]);
    free(l->of[1]);
}

omn_status item_want(const document *d, const items *list, size_t i, const json_t *o,
                     const char *key, int64_t *out, omn_error *err)
{
    if (item_int(o, key, out)) return OMN_OK;
    return omn_fail_at(err, OMN_ERR_DATA, omn_map_path(d->map), document_line(d, list, i), 0,
                       "item %zu of \"%s\": \"%s\", an integer, is wanted", i + 1, list->name, key);
}

static int by_key(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void pairs_sort(pair *p, size_t n)
{
    if (n) qsort(p, n, sizeof *p, by_key);
}

size_t pairs_find(const pair *p, size_t n, int64_t key)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (p[mid].key < key) lo = mid + 1;
        else hi = mid;
    }
    return lo < n && p[lo].key == key ? lo : n;
}

omn_status pairs_of(const document *d, const items *list, const char *key, pair **out,
                    omn_error *err)
{
    omn_status st = OMN_OK;
    pair *p = calloc(list->n + 1, sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", omn_map_path(d->map));
    for (size_t i = 0; i < list->n && st == OMN_OK; i++) {
        json_t *o = NULL;
        st = document_item(d, list, i, &o, err);
        if (st == OMN_OK) st = item_want(d, list, i, o, key, &p[i].key, err);
        p[i].number = (uint32_t)i;
        json_decref(o);
    }
    pairs_sort(p, st == OMN_OK ? list->n : 0);
    if (st == OMN_OK) *out = p;
    else free(p);
    return st;
}

omn_status picture_load(omn_call *c, const char *folder, const char *name, omn_value **out,
                        omn_error *err)
{
    char path[8300];
    if (!name || !*name || name[0] == '/' || strstr(name, "..") || strlen(name) > 4000)
        return omn_fail(err, OMN_ERR_DATA, "\"%.80s\": the name of a picture in %.200s is wanted",
                        name ? name : "", folder);
    snprintf(path, sizeof path, "%.4000s/%s", folder, name);
    return omn_call_load(c, path, "image", out, err);
}

omn_status field_put(omn_named *fields, size_t *n, const char *name, omn_value *v, omn_status st)
{
    if (st == OMN_OK) fields[(*n)++] = (omn_named){ name, v };
    return st;
}

omn_status field_put_text(omn_named *fields, size_t *n, const char *name, const char *text,
                          omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = omn_text_new(text, strlen(text), &v, err);
    return field_put(fields, n, name, v, st);
}

static const omn_object objects[] = {
    { "omnio.source/1", "coco", "pictures with boxes, captions and expressions, as COCO has them",
      &coco_impl, OMN_OBJECT_PARAMS(coco) },
    { "omnio.source/1", "idx", "pictures and their classes, as MNIST and Fashion-MNIST have them",
      &idx_impl, OMN_OBJECT_PARAMS(idx) },
    { "omnio.source/1", "shards", "pairs of files in tar files", &shards_impl,
      OMN_OBJECT_PARAMS(shards) },
    { "omnio.source/1", "vqa", "questions about pictures, as VQA has them", &vqa_impl,
      OMN_OBJECT_PARAMS(vqa) },
};
OMN_PLUGIN("source-annotations", "0.1.0", "Apache-2.0", "data sets as they are published", objects);
