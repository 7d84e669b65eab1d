/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "number": a number within a range, written as digits, with a fixed count of decimals.
 * The rules are those of a JSON number, so no digit can lead out of the range. */
#include "answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct number { NUMBER(OMN_S_PAR, number) };

#define MOST 999999999999.0

typedef struct number_answer {
    said said;
    double lo, hi;
    int decimals;
    char schema[160];
} number_answer;

/* One bound without the program's locale; an empty text is deflt. */
static bool bound(const char *t, size_t n, double deflt, double *out)
{
    char copy[64];
    omn_value *v = NULL;
    *out = deflt;
    if (!n) return true;
    if (n >= sizeof copy) return false;
    memcpy(copy, t, n);
    copy[n] = 0;
    const bool ok = omn_value_from_json(copy, n, &v, NULL) == OMN_OK &&
                    omn_value_is(v, "number");
    if (ok) *out = omn_number_get(v);
    omn_value_unref(v);
    return ok && fabs(*out) <= MOST;
}

static omn_status open_number(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    const struct number *p = params;
    const char *dots = strstr(p->number, "..");
    (void)c;
    number_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "number: out of memory");
    OMN_TRY(said_open(&a->said, o, "number", err));
    a->decimals = p->decimals;
    if (!dots || !bound(p->number, (size_t)(dots - p->number), -MOST, &a->lo) ||
        !bound(dots + 2, strlen(dots + 2), MOST, &a->hi) || a->lo > a->hi) {
        st = omn_fail(err, OMN_ERR_CONFIG,
                      "number: \"%.60s\" is no range: 0..360, 0.. or .. are, to 12 digits",
                      p->number);
        goto done;
    }
    omn_buf b;
    omn_buf_init(&b, sizeof a->schema - 1);
    omn_buf_puts(&b, "{\"type\": \"number\", \"minimum\": ");
    omn_number_print(a->lo, &b);
    omn_buf_puts(&b, ", \"maximum\": ");
    omn_number_print(a->hi, &b);
    omn_buf_printf(&b, ", \"multipleOf\": 1e-%d}", a->decimals);
    if (b.failed) st = omn_fail(err, OMN_ERR_MEMORY, "number: out of memory");
    else memcpy(a->schema, b.data, b.length + 1);
    omn_buf_fini(&b);
done:
    return st;
}

static omn_status number_rules(const void *self, omn_rules *r, omn_error *err)
{
    const number_answer *a = self;
    (void)err;
    omn_rules_root(r, omn_rules_json(r, a->schema, strlen(a->schema), "number"));
    return OMN_OK;
}

static omn_status write_number(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const number_answer *a = self;
    char text[64];
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "number"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, a number is wanted",
                        omn_value_kind_name(v));
    const double x = omn_number_get(v);
    if (!(x >= a->lo && x <= a->hi))
        return omn_fail(err, OMN_ERR_DATA, "%g is outside %g..%g", x, a->lo, a->hi);
    /* digits by hand: the program's locale may have another point */
    const int64_t scaled = (int64_t)llround(x * pow(10, a->decimals));
    const uint64_t m = (uint64_t)(scaled < 0 ? -scaled : scaled);
    const uint64_t unit = (uint64_t)llround(pow(10, a->decimals));
    const int n = a->decimals
                      ? snprintf(text, sizeof text, "%s%llu.%0*llu", scaled < 0 ? "-" : "",
                                 (unsigned long long)(m / unit), a->decimals,
                                 (unsigned long long)(m % unit))
                      : snprintf(text, sizeof text, "%s%llu", scaled < 0 ? "-" : "",
                                 (unsigned long long)m);
    return said_write(&a->said, text, (size_t)n, out, err);
}

static omn_status read_number(const void *self, omn_call *c, const omn_heard *h,
                              const omn_frame *frame, omn_value **out, omn_error *err)
{
    const number_answer *a = self;
    omn_status st = OMN_OK;
    omn_value *v = NULL;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, 16);
    OMN_TRY(said_whole(h, "number", err));
    OMN_TRY(said_read(&a->said, h, &b, err));
    OMN_TRY(omn_value_from_json(b.data ? b.data : "", b.length, &v, err));
    if (!omn_value_is(v, "number")) {
        st = omn_fail(err, OMN_ERR_DATA, "\"%.40s\" is no number", b.data);
        goto done;
    }
    *out = omn_value_ref(v);
done:
    omn_value_unref(v);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl answer_number_impl = { NULL,         "number",     open_number, free,
                                      number_rules, write_number, read_number };
