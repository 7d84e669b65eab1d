/* SPDX-License-Identifier: Apache-2.0 */
/* Ops of plugins: the rule says what comes out or why not; run fills every element of it, and
 * nothing more, whatever lay there before. */
#include "inside.h"

#include <omnio/graph.h>

#include <string.h>

typedef struct tensors {
    omn_shape shape[OMN_OP_MOST];
    omn_type type[OMN_OP_MOST];
    omn_tensor t[OMN_OP_MOST];
    fenced block[OMN_OP_MOST];
    void *y[OMN_OP_MOST];
    uint32_t n;
} tensors;

static void drop(tensors *x)
{
    for (uint32_t i = 0; i < x->n; i++) fenced_free(&x->block[i]);
}

/* Memory for the shapes and types. False: too much, or none. */
static bool reserve(tensors *x)
{
    for (uint32_t i = 0; i < x->n; i++) {
        const omn_type_info *type = omn_type_get(x->type[i]);
        size_t count, bytes;
        if (!type || !omn_shape_count(&x->shape[i], &count) ||
            !omn_size_mul(count, type->bytes, &bytes) || bytes > (size_t)1 << 26 ||
            !fenced_make(&x->block[i], bytes))
            return false;
        x->y[i] = x->block[i].data;
        x->t[i] = (omn_tensor){ x->type[i], x->shape[i], x->block[i].data, bytes };
    }
    return true;
}

static void fill(trial *t, tensors *x)
{
    for (uint32_t i = 0; i < x->n; i++) {
        const size_t n = x->t[i].bytes / sizeof(float);
        for (size_t k = 0; k < n; k++) {
            const float v = (float)dice_double(&t->d, -2, 2);
            memcpy(x->block[i].data + k * sizeof(v), &v, sizeof(v));
        }
    }
}

/* Shapes that an op may take: all alike, or each of its own. */
static void choose(trial *t, tensors *in)
{
    omn_shape common = { 0 };
    common.rank = 1 + (uint32_t)dice_roll(&t->d, 4);
    for (uint32_t k = 0; k < common.rank; k++) common.dim[k] = 1 + (int64_t)dice_roll(&t->d, 5);
    for (uint32_t i = 0; i < in->n; i++) {
        in->shape[i] = common;
        in->type[i] = OMN_F32;
        if (t->hostile && dice_roll(&t->d, 2)) {
            in->shape[i].rank = (uint32_t)dice_roll(&t->d, OMN_MAX_RANK + 1);
            for (uint32_t k = 0; k < in->shape[i].rank; k++)
                in->shape[i].dim[k] = dice_roll(&t->d, 6) ? 1 + (int64_t)dice_roll(&t->d, 3)
                                                          : INT64_MAX >> dice_roll(&t->d, 40);
        }
        if (t->hostile && dice_roll(&t->d, 3) == 0)
            in->type[i] = (omn_type)(1 + dice_roll(&t->d, OMN_BOOL));
    }
}

/* One run over outputs that hold `old` bytes; the results into the digest. */
static uint64_t run_once(trial *t, const void *params, tensors *in, tensors *out, int old)
{
    const omn_op_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    uint64_t h = DIGEST_START;
    for (uint32_t i = 0; i < out->n; i++) memset(out->y[i], old, out->t[i].bytes);
    const omn_status st = m->run(t->c, params, in->t, out->t, out->y, &err);
    if (!judge(t, "run", st, &err)) return h;
    for (uint32_t i = 0; i < out->n; i++) h = bytes_digest(h, out->y[i], out->t[i].bytes);
    return h;
}

static void call(trial *t)
{
    const omn_op_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    tensors in = { .n = m->n_in }, out = { .n = m->n_out };
    omn_arena *a = omn_arena_new((size_t)1 << 22);
    void *params = a ? params_make(t, a) : NULL;
    if (!a || t->found[0]) goto done;
    choose(t, &in);
    const omn_status st = m->rule(params, in.shape, in.type, out.shape, out.type, &err);
    if (!judge(t, "rule", st, &err)) goto done;
    for (uint32_t i = 0; i < out.n; i++) {
        bool whole = out.shape[i].rank <= OMN_MAX_RANK && omn_type_get(out.type[i]);
        for (uint32_t k = 0; whole && k < out.shape[i].rank; k++) whole = out.shape[i].dim[k] >= 1;
        if (!whole) complain(t, "rule gives output %u no shape or type", i);
    }
    if (t->found[0] || !reserve(&in) || !reserve(&out)) goto done;
    fill(t, &in);
    const uint64_t first = run_once(t, params, &in, &out, 0);
    if (!t->hostile && run_once(t, params, &in, &out, 0x5a) != first)
        complain(t, "run leaves part of its outputs as it was, or gives two results");
    t->digest = bytes_digest(t->digest, &first, sizeof(first));
done:
    drop(&in);
    drop(&out);
    omn_arena_free(a);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_op = { "omnio.op/1", NULL, call, shared, false };
