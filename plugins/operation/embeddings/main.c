/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on embeddings: the mean direction of several, one among several with how likely each
 * is, an index of many by name and what in it lies nearest to a query (all of it is looked at, so
 * the answer is exact), and the pictures of a folder to make one of. */
#include "embeddings.h"
#include "files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of a row, from the first of a list that has some; 0: there is none. */
static size_t width_of(const omn_value *list)
{
    return omn_list_count(list) ? row_width(omn_list_at(list, 0)) : 0;
}

#define MEAN(IN, OPT, PAR, OUT)                                                                    \
    IN(list, in, "embeddings, one row each")                                                       \
    OUT(embeddings, out, "their mean direction, of length 1")
OMN_OPERATION(mean, MEAN, OMN_PURE);
static omn_status mean(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(in);
    size_t width = width_of(in);
    double *sum = omn_call_scratch(c, width + 1, sizeof *sum);
    float *row = omn_call_scratch(c, width + 1, sizeof *row);
    omn_status st = OMN_OK;
    if (!n) return omn_fail(err, OMN_ERR_DATA, "the list is empty; at least one is wanted");
    if (!sum || !row) return omn_fail(err, OMN_ERR_MEMORY, "no memory for an embedding");
    memset(sum, 0, (width + 1) * sizeof *sum);
    for (size_t i = 0; i < n && st == OMN_OK; i++)
        st = row_add(omn_list_at(in, i), "an item of the list", sum, &width, err);
    if (st != OMN_OK) return st;
    if (!row_unit(sum, width))
        return omn_fail(err, OMN_ERR_DATA, "these embeddings have no mean direction");
    for (size_t i = 0; i < width; i++) row[i] = (float)sum[i];
    return omn_embeddings_new(row, 1, width, out, err);
}

/* Products of a unit row with each of a list, times a factor. */
static omn_status products(omn_call *c, const omn_value *one, const omn_value *list, double factor,
                           double *score, omn_error *err)
{
    size_t width = row_width(one);
    double *a = omn_call_scratch(c, width + 1, sizeof *a);
    double *b = omn_call_scratch(c, width + 1, sizeof *b);
    if (!a || !b) return omn_fail(err, OMN_ERR_MEMORY, "no memory for an embedding");
    memset(a, 0, (width + 1) * sizeof *a);
    omn_status st = row_add(one, "the first input", a, &width, err);
    for (size_t i = 0; i < omn_list_count(list) && st == OMN_OK; i++) {
        memset(b, 0, (width + 1) * sizeof *b);
        st = row_add(omn_list_at(list, i), "an item of the list", b, &width, err);
        score[i] = 0;
        for (size_t k = 0; k < width; k++) score[i] += a[k] * b[k];
        score[i] *= factor;
    }
    return st;
}

static void softmax(double *x, size_t n)
{
    double most = -HUGE_VAL, sum = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, x[i]);
    for (size_t i = 0; i < n; i++) sum += x[i] = exp(x[i] - most);
    for (size_t i = 0; i < n; i++) x[i] /= sum;
}

/* As many names as there are embeddings, at least one. */
static omn_status names_of(omn_call *c, const omn_value *list, size_t n, const char ***out,
                           omn_error *err)
{
    const char **name = *out = omn_call_scratch(c, n + 1, sizeof *name);
    if (!n || n != omn_list_count(list))
        return omn_fail(err, OMN_ERR_DATA,
                        "%zu names for %zu embeddings; as many are wanted, at least one",
                        omn_list_count(list), n);
    if (!name) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu names", n);
    for (size_t i = 0; i < n; i++) {
        name[i] = omn_text_get(omn_list_at(list, i), NULL);
        if (!name[i])
            return omn_fail(err, OMN_ERR_TYPE, "name %zu is %s, a text is wanted", i + 1,
                            omn_value_kind_name(omn_list_at(list, i)));
    }
    return OMN_OK;
}

#define MATCH(IN, OPT, PAR, OUT)                                                                   \
    IN(embeddings, in, "an embedding, one row")                                                    \
    IN(list, among, "embeddings of the same width, one row each")                                  \
    IN(list, names, "what these are called, texts")                                                \
    PAR(double, factor, "100", "0..1e6", NULL, "of the cosines before they become probabilities")  \
    OUT(text, best, "the name of the likeliest")                                                   \
    OUT(options, scores, "all of them with their probabilities, the likeliest first")
OMN_OPERATION(match, MATCH, OMN_PURE);
static omn_status match(omn_call *c, const omn_value *in, const omn_value *among,
                        const omn_value *names, double factor, omn_value **best,
                        omn_value **scores, omn_error *err)
{
    const size_t n = omn_list_count(among);
    double *score = omn_call_scratch(c, n + 1, sizeof *score);
    const char **name = NULL;
    if (!score) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu scores", n);
    omn_status st = names_of(c, names, n, &name, err);
    if (st == OMN_OK) st = products(c, in, among, factor, score, err);
    if (st == OMN_OK) {
        softmax(score, n);
        st = ranked(c, name, score, n, n, scores, err);
    }
    if (st != OMN_OK) return st;
    const char *first = ((const char *const *)omn_value_column(*scores, "text")->data)[0];
    return omn_text_new(first, strlen(first), best, err);
}

#define ORDER(IN, OPT, PAR, OUT)                                                                   \
    IN(embeddings, in, "an embedding, one row")                                                    \
    IN(list, among, "embeddings of the same width, one row each")                                  \
    IN(list, of, "what these were made of, anything, in the same order")                           \
    PAR(double, factor, "100", "0..1e6", NULL, "of the cosines before they become probabilities")  \
    OUT(list, out, "the same things, that of the likeliest embedding first")                       \
    OUT(options, scores, "their probabilities in that order, by their places before, from 1")
OMN_OPERATION(order, ORDER, OMN_PURE);
static omn_status order(omn_call *c, const omn_value *in, const omn_value *among,
                        const omn_value *of, double factor, omn_value **out, omn_value **scores,
                        omn_error *err)
{
    enum { ROOM = 24 };
    const size_t n = omn_list_count(among);
    double *score = omn_call_scratch(c, n + 1, sizeof *score);
    char(*place)[ROOM] = omn_call_scratch(c, n + 1, sizeof *place);
    const char **name = omn_call_scratch(c, n + 1, sizeof *name);
    omn_value **items = omn_call_scratch(c, n + 1, sizeof *items);
    if (!score || !place || !name || !items)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu scores", n);
    if (!n || n != omn_list_count(of))
        return omn_fail(err, OMN_ERR_DATA,
                        "%zu things for %zu embeddings; as many are wanted, at least one",
                        omn_list_count(of), n);
    omn_status st = products(c, in, among, factor, score, err);
    if (st != OMN_OK) return st;
    softmax(score, n);
    for (size_t i = 0; i < n; i++) {
        snprintf(place[i], sizeof place[i], "%zu", i + 1);
        name[i] = place[i];
    }
    st = ranked(c, name, score, n, n, scores, err);
    if (st != OMN_OK) return st;
    const char *const *first = omn_value_column(*scores, "text")->data;
    for (size_t i = 0; i < n; i++)
        items[i] = (omn_value *)omn_list_at(of, (size_t)strtoul(first[i], NULL, 10) - 1);
    return omn_list_new(items, n, out, err);
}

#define INDEX(IN, OPT, PAR, OUT)                                                                   \
    IN(list, in, "embeddings, one row each")                                                       \
    IN(list, names, "what these are called, texts")                                                \
    OUT(index, out, "all of them by name, of length 1")
OMN_OPERATION(index_of, INDEX, OMN_PURE);
static omn_status index_of(omn_call *c, const omn_value *in, const omn_value *names,
                           omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(in);
    size_t width = width_of(in), cells = 0;
    const omn_kind *kind = NULL;
    const char **name = NULL;
    omn_status st = names_of(c, names, n, &name, err);
    if (st != OMN_OK) return st;
    double *one = omn_call_scratch(c, width + 1, sizeof *one);
    float *all = omn_size_mul(n, width + 1, &cells) ? calloc(cells, sizeof *all) : NULL;
    if (!one || !all) {
        free(all);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for an index of %zu things", n);
    }
    for (size_t i = 0; i < n && st == OMN_OK; i++) {
        memset(one, 0, (width + 1) * sizeof *one);
        st = row_add(omn_list_at(in, i), name[i], one, &width, err);
        for (size_t k = 0; k < width; k++) all[i * width + k] = (float)one[k];
    }
    const omn_filled f[2] = {
        omn_fill("name", OMN_STRING, omn_dim1((int64_t)n), name),
        omn_fill("vector", OMN_F32, omn_dim2((int64_t)n, (int64_t)width), all)
    };
    if (st == OMN_OK) st = omn_kind_find(c, INDEX_KIND, &kind, err);
    if (st == OMN_OK) st = omn_value_make(kind, f, 2, NULL, out, err);
    free(all);
    return st;
}

#define SEARCH(IN, OPT, PAR, OUT)                                                                  \
    IN(index, in, "what there is to be found")                                                     \
    OPT(embeddings, like, "what is looked for, one row")                                           \
    OPT(embeddings, also, "something else that counts as much")                                    \
    PAR(int, most, "10", "1..1000000", NULL, "how many of the nearest are named")                  \
    OUT(options, out, "the nearest with their cosines, the nearest first")
OMN_OPERATION(search, SEARCH, OMN_PURE);
static omn_status search(omn_call *c, const omn_value *in, const omn_value *like,
                         const omn_value *also, int most, omn_value **out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "vector");
    const size_t n = (size_t)t->shape.dim[0];
    size_t width = (size_t)t->shape.dim[1];
    double *query = omn_call_scratch(c, width + 1, sizeof *query);
    double *score = omn_call_scratch(c, n + 1, sizeof *score);
    omn_status st = OMN_OK;
    if (!like && !also)
        return omn_fail(err, OMN_ERR_ARGUMENT, "nothing is looked for: a text or a picture is "
                        "wanted");
    if (!query || !score) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu scores", n);
    memset(query, 0, (width + 1) * sizeof *query);
    if (like) st = row_add(like, "what is looked for", query, &width, err);
    if (also && st == OMN_OK) st = row_add(also, "what is looked for", query, &width, err);
    if (st == OMN_OK && !row_unit(query, width))
        st = omn_fail(err, OMN_ERR_DATA, "what is looked for has no direction");
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < n; i++) {
        score[i] = 0;
        for (size_t k = 0; k < width; k++)
            score[i] += query[k] * (double)((const float *)t->data)[i * width + k];
    }
    return ranked(c, omn_value_column(in, "name")->data, score, n, (size_t)most, out, err);
}

#define PICTURES(IN, OPT, PAR, OUT)                                                                \
    IN(text, in, "a folder")                                                                       \
    OUT(list, out, "the files in it that are named as pictures are, FOLDER/NAME, sorted")
OMN_OPERATION(pictures, PICTURES, OMN_SERIAL);
static omn_status pictures(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    char **list = NULL;
    size_t n = 0, made = 0;
    omn_status st = folder_pictures(omn_text_get(in, NULL), &list, &n, err);
    omn_value **items = st == OMN_OK ? omn_call_scratch(c, n + 1, sizeof *items) : NULL;
    if (st == OMN_OK && !items) st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu names", n);
    if (st == OMN_OK && !n)
        st = omn_fail(err, OMN_ERR_DATA, "%s: there are no pictures in this folder",
                      omn_text_get(in, NULL));
    for (; st == OMN_OK && made < n; made += st == OMN_OK)
        st = omn_text_new(list[made], strlen(list[made]), &items[made], err);
    if (st == OMN_OK) st = omn_list_new(items, n, out, err);
    while (made > 0) omn_value_unref(items[--made]);
    folder_free(list, n);
    return st;
}

#define OPEN_PICTURE(IN, OPT, PAR, OUT)                                                            \
    IN(text, in, "a picture's file")                                                               \
    OUT(image, out, "the picture")
OMN_OPERATION(open_picture, OPEN_PICTURE, OMN_SERIAL);
static omn_status open_picture(omn_call *c, const omn_value *in, omn_image **out, omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = omn_call_load(c, omn_text_get(in, NULL), "image", &v, err);
    /* a value that is a picture is one: the count goes over */
    if (st == OMN_OK) *out = (omn_image *)v;
    return st;
}

static const omn_object objects[] = {
    { "omnio.value/1", INDEX_KIND, "what there is to be found: vectors of length 1 by name",
      &index_kind, NULL, 0, 0 },
    OMN_OPERATION_OBJECT(mean, "embedding.mean", "the mean direction of several embeddings"),
    OMN_OPERATION_OBJECT(match, "embedding.match", "which of several embeddings is nearest"),
    OMN_OPERATION_OBJECT(order, "embedding.order", "things in the order of their embeddings"),
    OMN_OPERATION_OBJECT(index_of, "embedding.index", "many embeddings by name, to be searched"),
    OMN_OPERATION_OBJECT(search, "embedding.search", "what in an index is nearest to a query"),
    OMN_OPERATION_OBJECT(pictures, "folder.pictures", "the pictures of a folder, by name"),
    OMN_OPERATION_OBJECT(open_picture, "image.open", "a picture from its file"),
};
OMN_PLUGIN("operation-embeddings", "0.1.0", "Apache-2.0", "search among embeddings, pictures of "
           "folders", objects);
