/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison itself: each tensor of a golden file that is no input is a stage, each stage has
 * the tolerance of its kind, and a stage that was not made is a failure like one that is wrong. An
 * element agrees when it differs by at most abs + rel |wanted|; no option loosens that. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The specification gives gradient norms no tolerance. Those of the first ten steps are judged like
 * losses. Later ones have no value to agree on: in the original arithmetic, one weight that starts
 * one bit off changes them by up to 45 % (tests/models/golden.c). */
#define FIRST_NORMS 10

typedef struct tolerance {
    double abs, rel;
    size_t first; /* so many elements are judged; 0: all */
} tolerance;

static bool starts(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);
    return n >= m && !strcmp(s + n - m, with);
}

/* spec uio2-model section 16. Integers must be equal. */
static tolerance tolerance_of(const char *stage, omn_type type)
{
    static const char *const single[] = { "embed.text.embed", "vit.image.patch_embed",
                                          "decoder.input" };
    if (type == OMN_I32) return (tolerance){ 0 };
    if (ends(stage, ".rope")) return (tolerance){ .abs = 1e-6 }; /* rows of tables */
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (!strcmp(stage, single[i])) return (tolerance){ .abs = 1e-5 }; /* one operation */
    if (starts(stage, "loss.") || starts(stage, "scores_")) return (tolerance){ .abs = 1e-4 };
    if (!strcmp(stage, "losses") || starts(stage, "final_norm."))
        return (tolerance){ .rel = 1e-3 }; /* every step of training, and its end */
    if (!strcmp(stage, "grad_norms")) return (tolerance){ .rel = 1e-3, .first = FIRST_NORMS };
    if (starts(stage, "gradnorm.")) return (tolerance){ .rel = 1e-3 };
    return (tolerance){ .abs = 2e-4, .rel = 1e-4 }; /* layers, logits */
}

static double number(const omn_tensor *t, size_t i)
{
    if (t->type == OMN_I32) {
        int32_t x;
        memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
        return x;
    }
    float x;
    memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
    return x;
}

/* Largest errors of the first n elements; the relative one over what is not tiny beside the largest
 * of them. */
static bool differ(const omn_tensor *want, const omn_tensor *got, size_t n, omn_verify_row *row)
{
    bool ok = true;
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(number(want, i)));
    for (size_t i = 0; i < n; i++) {
        const double b = number(want, i), e = fabs(number(got, i) - b);
        /* written so that NaN fails */
        if (!(e <= row->tolerance_abs + row->tolerance_rel * fabs(b))) ok = false;
        if (!(e <= row->abs_error)) row->abs_error = e;
        if (fabs(b) > 0.01 * top && !(e / fabs(b) <= row->rel_error)) row->rel_error = e / fabs(b);
    }
    return ok;
}

static void one(verify *v, const char *stage, const omn_tensor *want, verify_find_fn *find,
                void *user)
{
    omn_tensor got;
    size_t n = 0;
    char why[256] = "", a[96], b[96];
    const tolerance t = tolerance_of(stage, want->type);
    omn_verify_row row = {
        .file = v->file, .stage = stage, .tolerance_abs = t.abs, .tolerance_rel = t.rel
    };
    if (want->type != OMN_F32 && want->type != OMN_I32)
        snprintf(why, sizeof why, "type %s, f32 or i32 is wanted", omn_type_get(want->type)->name);
    else if (!find(user, stage, &got))
        snprintf(why, sizeof why, "missing");
    else if (got.type != want->type)
        snprintf(why, sizeof why, "type %s not %s", omn_type_get(got.type)->name,
                 omn_type_get(want->type)->name);
    else if (!omn_shape_equal(&got.shape, &want->shape))
        snprintf(why, sizeof why, "shape %s not %s", omn_shape_text(&got.shape, a, sizeof a),
                 omn_shape_text(&want->shape, b, sizeof b));
    else if (!omn_shape_count(&want->shape, &n))
        snprintf(why, sizeof why, "too large a shape");
    else {
        if (t.first && t.first < n) {
            snprintf(why, sizeof why, "the first %zu of %zu are judged", t.first, n);
            n = t.first;
        }
        row.ok = differ(want, &got, n, &row);
    }
    if (why[0]) row.why = why;
    v->rows++;
    if (!row.ok) v->wrong++;
    if (v->on_row) v->on_row(v->user, &row);
}

omn_status verify_compare(verify *v, verify_find_fn *find, void *user, omn_error *err)
{
    for (size_t i = 0; i < omn_weights_count(v->golden); i++) {
        const char *name = omn_weights_name(v->golden, i);
        if (starts(name, "in.")) continue;
        one(v, starts(name, "out.") ? name + 4 : name, omn_weights_at(v->golden, i), find, user);
    }
    if (!v->rows) return omn_fail(err, OMN_ERR_DATA, "%s: it has no stages to compare", v->name);
    if (v->wrong)
        return omn_fail(err, OMN_ERR_FAILED,
                        "%s: %zu of %zu stages are missing or outside their tolerance", v->name,
                        v->wrong, v->rows);
    return OMN_OK;
}
