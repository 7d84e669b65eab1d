/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as ids (Reed et al. 2022): what is seen is bent by the mu-law of telephony, so that small
 * numbers have finer bins than large ones, cut to -1..1 and put into equal bins; what is done lies
 * in -1..1 already. Choices are their own numbers. */
#include "gato.h"

#include <math.h>
#include <string.h>

double gato_mu_law(const gato_ids *g, double x)
{
    const double y = log1p(fabs(x) * g->mu) / log1p(g->m * g->mu);
    return x < 0 ? -y : y;
}

double gato_mu_law_back(const gato_ids *g, double y)
{
    const double x = expm1(fabs(y) * log1p(g->m * g->mu)) / g->mu;
    return y < 0 ? -x : x;
}

int32_t gato_bin(int32_t bins, double y)
{
    const double at = floor((fmin(fmax(y, -1), 1) + 1) * bins / 2);
    return at < bins - 1 ? (int32_t)at : bins - 1;
}

double gato_middle(int32_t bins, int32_t bin) { return (bin + 0.5) * 2 / bins - 1; }

/* ---- actions --------------------------------------------------------------------------------- */

static double bound(const omn_value *actions, const char *name, size_t column)
{
    const omn_tensor *t = omn_value_column(actions, name);
    return t ? ((const double *)t->data)[column] : (double)NAN;
}

omn_status gato_acts(const omn_value *actions, gato_act *list, size_t *n, omn_error *err)
{
    const omn_tensor *t = omn_value_column(actions, "action");
    const omn_tensor *unit = omn_value_column(actions, "unit");
    const size_t width = (size_t)t->shape.dim[1];
    *n = 0;
    if (width < 1 || width > GATO_MOST_ACTS)
        return omn_fail(err, OMN_ERR_DATA, "actions of %zu numbers; 1 to %u are wanted", width,
                        GATO_MOST_ACTS);
    for (int choices = 0; choices < 2; choices++)
        for (size_t i = 0; i < width; i++) {
            const char *of = unit ? ((const char *const *)unit->data)[i] : NULL;
            const gato_act a = { of && !strcmp(of, "index"), bound(actions, "least", i),
                                 bound(actions, "most", i), i };
            if (a.choice != (choices == 1)) continue;
            if (a.least >= a.most)
                return omn_fail(err, OMN_ERR_DATA, "number %zu of an action lies in %g..%g, which "
                                "is nothing", i + 1, a.least, a.most);
            list[(*n)++] = a;
        }
    return OMN_OK;
}

omn_status gato_act_code(const gato_act *a, int32_t bins, int32_t discrete, double x,
                         int32_t *code, omn_error *err)
{
    const bool bounded = !isnan(a->least) && !isnan(a->most);
    if (!isfinite(x) || x < a->least || x > a->most)
        return omn_fail(err, OMN_ERR_DATA, "number %zu of an action is %g, outside %g..%g",
                        a->column + 1, x, a->least, a->most);
    if (!a->choice) {
        *code = gato_bin(bins, bounded ? 2 * (x - a->least) / (a->most - a->least) - 1 : x);
        return OMN_OK;
    }
    if (x < 0 || x >= discrete || floor(x) != x)
        return omn_fail(err, OMN_ERR_DATA, "number %zu of an action is the choice %g: a whole "
                        "number of 0..%d is wanted", a->column + 1, x, (int)discrete - 1);
    *code = (int32_t)x;
    return OMN_OK;
}

double gato_act_value(const gato_act *a, int32_t bins, int32_t code)
{
    if (a->choice) return code;
    const double y = gato_middle(bins, code);
    if (isnan(a->least) || isnan(a->most)) return y;
    return a->least + (y + 1) / 2 * (a->most - a->least);
}
