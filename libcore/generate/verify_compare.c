/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison itself: each tensor of a golden file that is no input is a stage, each stage has
 * the tolerance of its kind, and a stage that was not made is a failure like one that is wrong. An
 * element agrees when it differs by at most abs + rel |wanted|; no option loosens
 * that. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tolerance {
    double abs, rel;
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
    if (type == OMN_I32) return (tolerance){ 0, 0 };
    if (ends(stage, ".rope")) return (tolerance){ 1e-6, 0 }; /* rows of tables */
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (!strcmp(stage, single[i])) return (tolerance){ 1e-5, 0 }; /* one operation */
    if (starts(stage, "loss.") || starts(stage, "scores_")) return (tolerance){ 1e-4, 0 };
    if (!strcmp(stage, "losses") || !strcmp(stage, "grad_norms") || starts(stage, "final_norm."))
        return (tolerance){ 0, 1e-3 }; /* forty steps of training */
    if (starts(stage, "gradnorm.")) return (tolerance){ 0, 1e-3 };
    return (tolerance){ 2e-4, 1e-4 }; /* layers, logits */
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

/* Largest errors; the relative one over what is not tiny beside the largest of the stage. open:
 * what each element may differ besides. */
static bool differ(const omn_tensor *want, const omn_tensor *got, const double *open,
                   omn_verify_row *row)
{
    size_t n = 0;
    bool ok = omn_shape_count(&want->shape, &n);
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(number(want, i)));
    for (size_t i = 0; i < n; i++) {
        const double b = number(want, i), e = fabs(number(got, i) - b);
        const double rel = open ? fmax(row->tolerance_rel, open[i]) : row->tolerance_rel;
        if (!(e <= row->tolerance_abs + rel * fabs(b))) ok = false; /* NaN fails too */
        if (!(e <= row->abs_error)) row->abs_error = e;
        if (fabs(b) > 0.01 * top && !(e / fabs(b) <= row->rel_error)) row->rel_error = e / fabs(b);
    }
    return ok;
}

static void one(verify *v, const char *stage, const omn_tensor *want, verify_find_fn *find,
                void *user)
{
    omn_tensor got;
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
    else {
        row.ok = differ(want, &got, NULL, &row);
        const double *open = row.ok || !v->open ? NULL : v->open(user, stage);
        if (open && differ(want, &got, open, &row)) {
            row.ok = true;
            snprintf(why, sizeof why,
                     "beyond the tolerance only where single precision leaves more open");
        }
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
