/* SPDX-License-Identifier: Apache-2.0 */
/* Captions from an encoder that sees both ways (Wang et al. 2022, BEiT-3, section 3.4): the picture
 * sees itself alone, a word sees the picture and the words before it, and the next word is read at
 * a mask that is fed behind the newest one and taken away again (omn_vocab: also, drop).
 *
 * Teaching: where omn_target.noised is there, the ids are a text of which some are hidden, and the
 * logits are those of the same places, as the original is trained. Else the ids are what was said
 * so far, as for every model that writes: each place has a mask of its own behind it, which sees
 * what the mask of a step would see, and the logits are those of the masks. */
#include "beit3.h"

#include "../golden/taught.h"

#define HIDDEN 1e10

/* [B,N,1] and [B,1,T] that are equal: [B,N,T] of 0 and 1. */
static omn_node *equal(omn_scope *s, omn_node *a, omn_node *b)
{
    const int64_t B = omn_node_dim(a, 0), N = omn_node_dim(a, 1), T = omn_node_dim(b, 1);
    omn_node *x = omn_reshape(s, omn_cast(s, a, OMN_F32), omn_dim3(B, N, 1));
    omn_node *y = omn_reshape(s, omn_cast(s, b, OMN_F32), omn_dim3(B, 1, T));
    x = omn_activate(s, omn_add(s, x, omn_scale(s, y, -1, 0)), OMN_ACT_SQUARE);
    return omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);
}

/* Which places of a text see which, were all of one answer: words, and behind them `masks`. */
static omn_node *order(omn_scope *s, int64_t T, int64_t masks)
{
    const int64_t n = T + masks;
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * n), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "beit3: a mask of attention: out of memory");
    for (int64_t q = 0; q < n; q++)
        for (int64_t k = 0; k < n; k++) x[q * n + k] = k < T ? k <= q % T : k == q;
    return omn_const(s, OMN_F32, omn_dim3(1, n, n), x);
}

/* Twice the same, one behind the other along an axis. */
static omn_node *twice(omn_scope *s, omn_node *x, int axis)
{
    omn_node *both[2] = { x, x };
    return omn_concat(s, both, 2, axis);
}

/* What is added to the scores of the text's places: 0 where they see. Padding sees what it would
 * see as a word; nobody sees it. */
static omn_node *who_sees(omn_scope *s, const omn_target *t, int64_t pictures, bool masks)
{
    const int64_t B = omn_node_dim(t->ids, 0), T = omn_node_dim(t->ids, 1);
    omn_node *real = beit3_real(s, t->seg);
    omn_node *blank = omn_reshape(s, omn_scale(s, real, -1, 1), omn_dim3(B, T, 1));
    omn_node *same = equal(s, t->seg, t->seg);
    if (t->part_of) same = omn_mul(s, same, equal(s, t->part_of, t->part_of));
    same = omn_mul(s, omn_add(s, same, omn_mul(s, blank, omn_scale(s, same, -1, 1))),
                   omn_reshape(s, real, omn_dim3(B, 1, T)));
    if (masks) same = twice(s, twice(s, same, 2), 1);
    omn_node *text = omn_mul(s, same, order(s, T, masks ? T : 0));
    const int64_t n = omn_node_dim(text, 1);
    float *one = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * pictures), sizeof *one);
    if (!one) return omn_scope_fail(s, OMN_ERR_MEMORY, "beit3: a mask of attention: out of memory");
    for (int64_t i = 0; i < n * pictures; i++) one[i] = 1;
    omn_node *seen = omn_const(s, OMN_F32, omn_dim3(1, n, pictures), one);
    omn_node *all[2] = { omn_expand(s, seen, omn_dim3(B, n, pictures)), text };
    omn_node *x = pictures ? omn_concat(s, all, 2, 2) : text;
    return omn_reshape(s, omn_scale(s, x, HIDDEN, -HIDDEN), omn_dim4(B, 1, n, pictures + n));
}

/* The mask behind each place of a target. */
static omn_node *masks_of(const beit3 *b, omn_scope *s, const omn_target *t)
{
    const int64_t B = omn_node_dim(t->ids, 0), T = omn_node_dim(t->ids, 1);
    omn_node *one = beit3_filled(s, B, T, 1);
    omn_node *pos = omn_cast(s, omn_add(s, omn_cast(s, t->pos, OMN_F32),
                                        omn_cast(s, one, OMN_F32)), OMN_I32);
    const omn_vocab *v = omn_part_vocabulary(t->part);
    return beit3_words(b, s, beit3_filled(s, B, T, v->also), pos, t->seg);
}

static omn_node *head(const beit3 *b, omn_scope *s, omn_node *x)
{
    return beit3_linear(omn_scope_at(s, "/mlm_head"), x, b->rows, true);
}

static void teach(const beit3 *b, omn_scope *s, const omn_build *rq, omn_node *picture,
                  omn_bundle *out)
{
    const omn_target *t = rq->targets[0];
    const int64_t n = picture ? omn_node_dim(picture, 1) : 0, T = omn_node_dim(t->ids, 1);
    omn_node *words = beit3_words(b, s, t->ids, t->pos, t->seg);
    omn_node *all[3];
    size_t count = 0;
    if (picture) all[count++] = picture;
    all[count++] = words;
    if (!t->noised) all[count++] = masks_of(b, s, t);
    const beit3_run r = { .b = b, .rq = rq, .split = n, .prefix = true,
                          .extra = who_sees(s, t, n, !t->noised) };
    omn_node *x = beit3_layers(&r, s, count > 1 ? omn_concat(s, all, count, 1) : words);
    x = omn_slice(s, x, 1, n + (t->noised ? 0 : T), T);
    taught_logits(s, t, head(b, s, x), out);
    taught_sum(omn_scope_at(s, "/"), rq, b->loss, out);
}

/* Numbers first .. first + n - 1, i32 [n]. */
static omn_node *from_on(omn_scope *s, int64_t first, int64_t n)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)n, sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "beit3: out of memory");
    for (int64_t i = 0; i < n; i++) x[i] = (int32_t)(first + i);
    return omn_const(s, OMN_I32, omn_dim1(n), x);
}

/* The newest words, over what encode and the steps before have left. */
static void step(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_target *t = rq->targets[0];
    const int64_t B = rq->rows, n = rq->memory_length, R = rq->memory_rows;
    beit3_run r = { .b = b, .rq = rq };
    if (R * n > INT32_MAX) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "beit3: %lld pictures at once are too many",
                       (long long)R);
        return;
    }
    omn_node *front = omn_reshape(s, from_on(s, n, rq->capacity + 1),
                                  omn_dim2(1, rq->capacity + 1));
    omn_node *start = omn_reshape(s, rq->start, omn_dim2(B, 1));
    r.front = omn_reshape(s, omn_gather(s, front, start), omn_dim1(B));
    omn_node *places = omn_reshape(s, from_on(s, 0, R * n), omn_dim3(1, R, n));
    omn_node *rows = omn_gather(s, places, omn_reshape(s, rq->memory_row, omn_dim2(B, 1)));
    r.rows = omn_reshape(s, rows, omn_dim2(B, n));
    omn_node *x = beit3_layers(&r, s, beit3_words(b, s, t->ids, t->pos, t->seg));
    taught_logits(s, t, head(b, s, x), out);
}

void beit3_caption(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    if (rq->phase == OMN_STEP) {
        step(b, s, rq, out);
        return;
    }
    const omn_given *given = beit3_given(rq, "image", 0);
    if ((!given && rq->phase != OMN_TEACH) || beit3_given(rq, "image", 1)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "beit3 describes a picture: one is wanted");
        return;
    }
    omn_node *picture = given ? beit3_picture(b, s, given, NULL) : NULL;
    if (rq->phase == OMN_TEACH) {
        teach(b, s, rq, picture, out);
        return;
    }
    const beit3_run r = { .b = b, .rq = rq, .split = omn_node_dim(picture, 1), .prefix = true };
    omn_bundle_put(out, s, "memory", beit3_layers(&r, s, picture));
}
