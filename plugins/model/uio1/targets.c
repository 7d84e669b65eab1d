/* SPDX-License-Identifier: Apache-2.0 */
/* What Unified-IO 1 writes. One table holds the ids of texts, then those of the codes of pictures;
 * texts have their own as they are, pictures count from 0: what every picture begins with (a place
 * of a text that nothing was written in), the start, the codes. Places of texts are the first rows
 * of the positions, those of pictures the others, whatever stands in front. Several targets stand
 * one behind the other in the row, and see each other where they are parts of one answer. */
#include "uio1.h"
#include "../golden/taught.h"

#include <math.h>
#include <stdio.h>

#define MOST_TARGETS 16
#define NEVER        -1e10

static bool is_image(const uio1 *u, omn_scope *s, const omn_part *part)
{
    if (part != u->text && part != u->image)
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio1 writes no \"%s\"", omn_part_role(part));
    return part == u->image;
}

/* Places of the longest row: what a guess behind the last of an answer may say. */
static int64_t most_places(const uio1 *u)
{
    return u->text_out > u->image_out + 1 ? u->text_out : u->image_out + 1;
}

/* ---- ids and places of a target as rows of tables -------------------------------------------- */

typedef int64_t row_fn(const uio1 *u, bool image, int64_t i);

static int64_t token_row(const uio1 *u, bool image, int64_t id)
{
    if (!image || id == UIO1_IMAGE_FRONT) return id;
    return u->text_rows + id - UIO1_IMAGE_CODES;         /* the start is the last id of the texts */
}

static int64_t position_row(const uio1 *u, bool image, int64_t place)
{
    const int64_t last = u->text_out + u->image_out - 1;
    const int64_t row = image && place ? u->text_out + place - 1 : place;
    return row < last ? row : last;
}

static int64_t segment_row(const uio1 *u, bool image, int64_t place)
{
    (void)u;
    return image && place;
}

/* Rows of `table` for numbers 0..n-1: [1,n]. */
static omn_node *numbers(const uio1 *u, omn_scope *s, bool image, int64_t n, row_fn *row)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)n, sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: out of memory");
    for (int64_t i = 0; i < n; i++) x[i] = (int32_t)row(u, image, i);
    return omn_const(s, OMN_I32, omn_dim2(1, n), x);
}

static omn_node *token_table(const uio1 *u, omn_scope *s)
{
    return omn_weight(s, "/token_embedder/embedding", omn_dim2(u->text_rows + u->codes, u->D),
                      OMN_INIT_NORMAL, 1);
}

static omn_node *position_table(const uio1 *u, omn_scope *s)
{
    return uio1_weight(s, "position_embedding/embedding",
                       omn_dim2(u->text_out + u->image_out, u->D), OMN_INIT_NORMAL, 0.02);
}

/* One target's ids as vectors; *p: those of its places. */
static omn_node *fed(const uio1 *u, omn_scope *s, const omn_target *t, bool image, omn_node **p)
{
    const int64_t most = most_places(u);
    omn_node *ids = t->ids;
    if (image)
        ids = omn_gather(s, numbers(u, s, true, UIO1_IMAGE_CODES + u->codes, token_row), ids);
    omn_node *at = omn_gather(s, numbers(u, s, image, most, position_row), t->pos);
    omn_node *segment = omn_gather(s, numbers(u, s, image, most, segment_row), t->pos);
    omn_node *segments = uio1_weight(s, "segments_embedding/embedding",
                                     omn_dim2(u->segments, u->D), OMN_INIT_NORMAL, 0.02);
    *p = omn_embedding(s, position_table(u, s), at);
    omn_node *x = omn_add(s, omn_embedding(s, token_table(u, s), ids), *p);
    return omn_add(s, x, omn_embedding(s, segments, segment));
}

/* ---- what places add to the scores ----------------------------------------------------------- */

static uio1_line line_of(const uio1 *u, bool image)
{
    return (uio1_line){ .n = most_places(u), .grid_w = image ? u->out_w : 0, .front = image };
}

/* Of the newest places towards those of the cache, which a row fills from its first one. */
static omn_node *bias_of_step(const uio1 *u, omn_scope *s, const omn_build *rq, omn_node *table,
                              omn_node *pn)
{
    const omn_target *t = rq->targets[0];
    const bool image = is_image(u, s, t->part);
    const uio1_line line = line_of(u, image);
    omn_node *keys = omn_embedding(s, position_table(u, s),
                                   numbers(u, s, image, rq->capacity, position_row));
    keys = omn_reshape(s, uio1_norm(s, "pe_pre_ln", keys), omn_dim2(rq->capacity, u->D));
    omn_node *a = uio1_products(u, s, "self_position", pn, keys);
    return omn_add(s, a, uio1_towards(u, s, table, &line, t->pos, rq->capacity));
}

static omn_node *bias_of_row(const uio1 *u, omn_scope *s, const omn_build *rq, omn_node *table,
                             omn_node *pn)
{
    omn_node *blocks[MOST_TARGETS];
    omn_scope *top = omn_scope_at(s, "/");
    for (uint32_t i = 0; i < rq->n_targets; i++) {
        const uio1_line line = line_of(u, is_image(u, s, rq->targets[i]->part));
        blocks[i] = uio1_among(u, s, table, &line, rq->targets[i]->pos);
    }
    omn_node *a = uio1_products(u, s, "self_position", pn, NULL);
    omn_node *r = omn_bias_blocks(s, blocks, rq->n_targets);
    return omn_add(s, omn_node_tag(top, a, "dec.abs_bias"), omn_node_tag(top, r, "dec.rel_bias"));
}

/* ---- the row --------------------------------------------------------------------------------- */

/* Of several targets without numbers of their own each has one. */
static omn_node *number(omn_scope *s, const omn_target *t, uint32_t i)
{
    const omn_shape shape = omn_node_shape(t->ids);
    const size_t n = (size_t)(omn_node_dim(t->ids, 0) * omn_node_dim(t->ids, 1));
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), n, sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: out of memory");
    for (size_t k = 0; k < n; k++) x[k] = (int32_t)i + 1;
    return omn_const(s, OMN_I32, shape, x);
}

/* What was taken from the inputs and has to be found is no key for anyone: [B,1,1,T] is added to
 * the scores. NULL: there is none. */
static omn_node *hidden(omn_scope *s, const omn_build *rq)
{
    omn_node *x[MOST_TARGETS];
    if (!rq->n_targets || !rq->targets[0]->noised) return NULL;
    for (uint32_t i = 0; i < rq->n_targets; i++) x[i] = rq->targets[i]->noised;
    omn_node *all = omn_scale(s, omn_concat(s, x, rq->n_targets, 1), NEVER, 0);
    return omn_reshape(s, all, omn_dim4(omn_node_dim(all, 0), 1, 1, omn_node_dim(all, 1)));
}

bool uio1_row_of(const uio1 *u, omn_scope *s, const omn_build *rq, uio1_row *row)
{
    omn_scope *top = omn_scope_at(s, "/"), *d = omn_scope_at(s, "/decoder");
    omn_node *x[MOST_TARGETS], *p[MOST_TARGETS], *seg[MOST_TARGETS], *part[MOST_TARGETS];
    const uint32_t n = rq->n_targets;
    *row = (uio1_row){ 0 };
    if (n > MOST_TARGETS || (rq->phase == OMN_STEP && n != 1))
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio1: at most %d targets, one in a step",
                       MOST_TARGETS);
    if (omn_scope_failed(s)) return false;
    for (uint32_t i = 0; i < n; i++) {
        const omn_target *t = rq->targets[i];
        x[i] = fed(u, d, t, is_image(u, s, t->part), &p[i]);
        seg[i] = t->seg;
        part[i] = n > 1 && !t->part_of ? number(s, t, i) : t->part_of;
    }
    omn_node *table = uio1_bucket_table(u, omn_scope_at(s, "/decoder/relpos_bias"));
    omn_node *pn = uio1_norm(d, "pe_pre_ln", omn_concat(d, p, n, 1));
    omn_node_tag(top, pn, "dec.pos_norm");
    row->bias = rq->phase == OMN_STEP ? bias_of_step(u, d, rq, table, pn)
                                      : bias_of_row(u, d, rq, table, pn);
    omn_node *hide = hidden(d, rq);
    if (hide) row->bias = omn_add(d, row->bias, hide);
    row->seg = omn_concat(d, seg, n, 1);
    row->part = part[0] ? omn_concat(d, part, n, 1) : NULL;
    row->x = omn_node_tag(top, uio1_norm(d, "pre_ln", omn_concat(d, x, n, 1)), "dec.emb");
    return !omn_scope_failed(s);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Of the whole table only the ids of the target may be written. */
static omn_node *logits_of(const uio1 *u, omn_scope *s, bool image, omn_node *x)
{
    x = omn_linear(s, omn_scale(s, x, 1 / sqrt((double)u->D), 0), token_table(u, s), NULL,
                   OMN_ACT_NONE);
    if (!image) return omn_slice(s, x, -1, 0, u->text_rows);
    float *never = omn_arena_alloc(omn_scope_arena(s), (size_t)(UIO1_IMAGE_CODES + u->codes),
                                   sizeof *never);
    if (!never) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: out of memory");
    for (int i = 0; i < UIO1_IMAGE_CODES; i++) never[i] = (float)NEVER;
    x = omn_pad(s, omn_slice(s, x, -1, u->text_rows, u->codes), -1, UIO1_IMAGE_CODES, 0);
    return omn_add(s, x, omn_const(s, OMN_F32, omn_dim1(UIO1_IMAGE_CODES + u->codes), never));
}

/* Logits of one target from its places, and the loss when there are labels; *sum: of all so far. */
static void answer(const uio1 *u, omn_scope *s, const omn_build *rq, const omn_target *t,
                   omn_node *x, omn_bundle *out, omn_node **sum)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *logits = logits_of(u, top, is_image(u, s, t->part), x);
    omn_node *loss = taught_put(top, rq, t, logits, 1e-4, out);
    if (loss) *sum = *sum ? omn_add(top, *sum, loss) : loss;
}

void uio1_answer(const uio1 *u, omn_scope *s, const omn_build *rq, omn_node *x, omn_bundle *out)
{
    omn_node *sum = NULL;
    int64_t from = 0;
    for (uint32_t i = 0; i < rq->n_targets; i++) {
        const omn_target *t = rq->targets[i];
        const int64_t T = omn_node_dim(t->ids, 1);
        answer(u, s, rq, t, rq->n_targets == 1 ? x : omn_slice(s, x, 1, from, T), out, &sum);
        from += T;
    }
    if (sum) omn_bundle_put(out, s, "loss", sum);
}
