/* SPDX-License-Identifier: Apache-2.0 */
/* window: what lies in time, cut into a list of values of its own kind, so that map goes over them.
 * The windows follow each other by `hop`; the last is the first that reaches the end. */
#include "read.h"
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WINDOWS 65536.0
#define MOST_SECONDS 1e9
#define LEAST_SECONDS 1e-9
#define NEAR 1e-6 /* of a hop: what rounding may leave between two moments that are one */

omn_status read_window(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "window", "length", "hop", "rest", "as", "when", NULL };
    const yml *rest = yml_get(y, "rest"), *length = yml_get(y, "length");
    const omn_kind *k = NULL;
    const char *what = "keep";
    TRY_READ(yml_only(y, keys, err));
    s->name = "window";
    TRY_READ(name_refer(p, yml_get(y, "window"), NULL, &s->in[0], err));
    const char *type = p->slots[s->in[0]].type;
    if (strcmp(type, "any")) {
        TRY_READ(omn_kind_find_in(p->ctx, type, &k, err));
        const char *place = omn_kind_impl(k)->place;
        if (!place || strcmp(place, "time"))
            return yml_fail(yml_get(y, "window"), err,
                            "window cuts what lies in time, as audio does, not %s", type);
    }
    if (!length) return yml_fail(y, err, "window wants length: seconds");
    TRY_READ(read_number(p, length, "length", LEAST_SECONDS, MOST_SECONDS, &s->length, err));
    TRY_READ(read_number(p, yml_get(y, "hop"), "hop", LEAST_SECONDS, MOST_SECONDS, &s->hop, err));
    TRY_READ(yml_text(rest, &what, what, err));
    s->drop_rest = !strcmp(what, "drop");
    if (!s->drop_rest && strcmp(what, "keep"))
        return yml_fail(rest, err, "rest: keep or drop is wanted, not \"%s\"", what);
    s->n_in = s->n_out = 1;
    return name_result(p, y, "as", "list", &s->out[0], err);
}

/* How many windows begin within `span` seconds, of which the last may be shorter, or may not. */
static double count_of(double span, double length, double hop, bool drop)
{
    const double over = (span - length) / hop;
    if (!(span > 0)) return 0;
    if (drop) return over < -NEAR ? 0 : 1 + floor(over + NEAR);
    return over < NEAR ? 1 : 1 + ceil(over - NEAR);
}

/* Windows that lie over each other hold the same moments several times. */
static omn_status fits(const omn_value *v, double n, double length, double hop, double span,
                       omn_error *err)
{
    const double once = length < span ? length : span;
    const double bytes = (double)omn_value_bytes(v) * (span > 0 ? once / span : 0) * n;
    if (n > MOST_WINDOWS)
        return omn_fail(err, OMN_ERR_DATA, "%.0f windows every %g s of %g s, at most %.0f are "
                        "possible", n, hop, span, MOST_WINDOWS);
    if (bytes > (double)OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_DATA, "%.0f windows of %g s would take %.0f MB, at most %zu "
                        "MB are possible", n, length, bytes / 1e6, OMN_VALUE_MOST_BYTES / 1000000);
    return OMN_OK;
}

omn_status run_window(omn_pipeline_run *r, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value *v = r->slots[s->in[0]];
    omn_value **list = NULL, *out = NULL;
    double length, hop, from, to;
    size_t n = 0, made = 0;
    OMN_TRY(run_number(r, &s->length, LEAST_SECONDS, MOST_SECONDS, 0, &length, err));
    OMN_TRY(run_number(r, &s->hop, LEAST_SECONDS, MOST_SECONDS, length, &hop, err));
    OMN_TRY(omn_value_span(v, &from, &to, err));
    const double count = count_of(to - from, length, hop, s->drop_rest);
    OMN_TRY(fits(v, count, length, hop, to - from, err));
    n = (size_t)count;
    list = calloc(n + 1, sizeof(omn_value *));
    if (!list) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu windows: out of memory", n);
        goto done;
    }
    for (; made < n; made++) {
        const double begin = from + (double)made * hop;
        OMN_TRY(omn_value_window(v, begin, begin + length, &list[made], err));
    }
    OMN_TRY(omn_list_new(list, n, &out, err));
    run_put(r, s->out[0], out);
done:
    for (size_t i = 0; i < made; i++) omn_value_unref(list[i]);
    free(list);
    return st;
}
