/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in which vectors of the inputs stand between ids: what a model wants in front of an answer,
 * checked against what is there, and the row as nodes. Training and generation ask here, so both
 * read the same. */
#include "row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const omn_row_impl *model_row(const omn_model *m)
{
    return m->impl->extension ? m->impl->extension("omnio.row/1") : NULL;
}

void omn_ids_vector(omn_ids *w, uint32_t input, uint32_t vector)
{
    /* what cannot be said names what is never there, and is told as that */
    if (input > ROW_MOST_INPUT) input = ROW_MOST_INPUT;
    if (vector > ROW_MOST_VECTOR) vector = ROW_MOST_VECTOR;
    omn_ids_put(w, row_mark(input, vector));
}

/* An id where a vector stands is any of the table, so its row is taken times 0. */
omn_node *omn_row_embed(omn_scope *s, omn_node *table, const omn_target *t, omn_node *vectors)
{
    omn_node *x = omn_embedding(s, table, t->ids);
    if (!t->from || omn_scope_failed(s)) return x;
    const omn_shape bt = omn_node_shape(t->from);
    omn_node *is_id = omn_activate(s, omn_scale(s, omn_cast(s, t->from, OMN_F32), -1, 0),
                                   OMN_ACT_RELU);
    is_id = omn_reshape(s, is_id, omn_dim3(bt.dim[0], bt.dim[1], 1));
    return omn_add(s, omn_mul(s, x, is_id), omn_gather(s, vectors, t->from));
}

void row_count(row_given *g, const omn_feed *prepared, int64_t axis, int64_t length)
{
    const omn_encoder_impl *e = g->part->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(g->part->self, &list);
    g->vectors = (uint32_t)length;
    g->seg = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, "seg") || list[i].type != OMN_I32 || list[i].most.rank != 1)
            continue;
        const omn_tensor *seg = omn_feed_get(prepared, "seg");
        const int64_t places = list[i].varies & 1 && axis > 0 ? axis : list[i].most.dim[0];
        if (places != length || !seg) continue;
        g->seg = seg->data;
        g->n_seg = seg->bytes / sizeof *g->seg;
        g->vectors = 0;
        for (size_t k = 0; k < g->n_seg; k++) g->vectors += g->seg[k] != 0;
    }
}

/* Where vector k of an input lies in its sequence. */
static uint32_t place_of(const row_given *g, uint32_t k)
{
    uint32_t at = 0;
    if (!g->seg) return k;
    while (!g->seg[at] || k-- > 0) at++;
    return at;
}

/* One place, its mark named anew. */
static omn_status settle(const omn_model *m, int32_t rows, const row_given *given, uint32_t n,
                         uint32_t at, int32_t *id, omn_error *err)
{
    const char *object = omn_model_object(m);
    if (*id >= rows)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the model %s puts the id %d at place %u of its row, of which it has 0 to "
                        "%d",
                        object, (int)*id, at + 1, (int)rows - 1);
    if (*id >= 0) return OMN_OK;
    const uint32_t input = row_mark_input(*id), k = row_mark_vector(*id);
    if (input >= n)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the model %s puts vector %u of input %u at place %u of its row; %u inputs "
                        "are there",
                        object, k + 1, input + 1, at + 1, n);
    if (k >= given[input].vectors)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the model %s puts vector %u of input %u (%s) at place %u of its row; it "
                        "has %u vectors",
                        object, k + 1, input + 1, omn_part_role(given[input].part), at + 1,
                        given[input].vectors);
    *id = row_mark(given[input].input, place_of(&given[input], k));
    return OMN_OK;
}

/* What is learnt of the places. Nothing stands in front of the first one that could tell it. */
static omn_status weights_of(const omn_model *m, const omn_ids *ids, const int32_t *settled,
                             omn_arena *a, float **out, omn_error *err)
{
    bool any = false;
    float *w = omn_arena_alloc(a, ids->count + 1, sizeof *w);
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory");
    for (size_t i = 0; i < ids->count; i++) {
        w[i] = i && settled[i] >= 0 ? ids->weights[i] : 0;
        any = any || w[i] > 0;
        if (!(w[i] >= 0) || !isfinite(w[i]))
            return omn_fail(err, OMN_ERR_PLUGIN,
                            "the model %s gives place %zu of its row the weight %g: 0 or more is "
                            "wanted",
                            omn_model_object(m), i + 1, (double)w[i]);
    }
    *out = any ? w : NULL;
    return OMN_OK;
}

omn_status row_front(const omn_model *m, omn_call *c, const char *output, const row_given *given,
                     uint32_t n, omn_arena *a, int32_t **out, float **weights, uint32_t *count,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_row_impl *row = model_row(m);
    const omn_part *decoder = omn_model_decoder(m, output);
    const omn_vocab *v = decoder ? omn_part_vocabulary(decoder) : NULL;
    const int32_t most = row->most(m->self);
    omn_ids ids;
    omn_ids_init(&ids, most > 1 ? (size_t)most - 1 : 0);
    omn_row_input *own = omn_arena_alloc(a, n + 1u, sizeof *own);
    const omn_row_input **list = omn_arena_alloc(a, n + 1u, sizeof(omn_row_input *));
    if (!own || !list) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory"));
    if (most < 2)
        OMN_TRY(omn_fail(err, OMN_ERR_PLUGIN,
                         "the model %s says that a row has %d places: 2 or more are wanted",
                         omn_model_object(m), (int)most));
    char lacks[LACKS_ROOM];
    if (!v)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "%s",
                         model_lacks(m, output, lacks, sizeof lacks)));
    for (uint32_t i = 0; i < n; i++) {
        own[i] = (omn_row_input){ OMN_FILL(omn_row_input), .part = given[i].part,
                                  .value = given[i].value, .number = given[i].number,
                                  .vectors = given[i].vectors };
        list[i] = &own[i];
    }
    OMN_TRY(row->prefix(m->self, c, list, n, output, &ids, err));
    if (ids.failed && ids.count < ids.most)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory"));
    if (ids.failed)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA,
                         "what is given takes more than the %zu places that the model has in front "
                         "of an answer", ids.most));
    for (size_t i = 0; i < ids.count; i++)
        OMN_TRY(settle(m, v->rows, given, n, (uint32_t)i, &ids.ids[i], err));
    if (v->start < 0 && (!ids.count || ids.ids[ids.count - 1] < 0))
        OMN_TRY(omn_fail(err, OMN_ERR_PLUGIN,
                         "the model %s has no start token, so an id is wanted in front of each "
                         "answer, at its last place", omn_model_object(m)));
    *out = omn_arena_alloc(a, ids.count + 1, sizeof **out);
    if (!*out) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory"));
    if (ids.count) memcpy(*out, ids.ids, ids.count * sizeof **out);
    *count = (uint32_t)ids.count;
    if (weights) *weights = NULL;
    if (weights && ids.weights) OMN_TRY(weights_of(m, &ids, *out, a, weights, err));
done:
    omn_ids_fini(&ids);
    return st;
}
