/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text: the fewest decimal digits that read back as the same double (or float). C's own
 * printing and reading do the exact work: digits are tried in growing number until the reading
 * gives the number again. Both follow the locale's decimal separator alike, so the test holds in
 * any locale, and the digits are then laid out anew with a point. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct decimal {
    char digits[24];
    int n, exponent; /* value = 0.d1 d2 ... times 10^exponent */
} decimal;

/* x, positive, with n digits; true when they read back as x. */
static bool decimal_try(double x, int n, bool is_float, decimal *d)
{
    char text[64];
    snprintf(text, sizeof(text), "%.*e", n - 1, x);
    bool same = is_float ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x;
    d->n = 0;
    const char *p = text;
    for (; *p != '\0' && *p != 'e'; p++) /* whatever the separator is, it is no digit */
        if (*p >= '0' && *p <= '9' && d->n < (int)sizeof(d->digits) - 1) d->digits[d->n++] = *p;
    while (d->n > 1 && d->digits[d->n - 1] == '0') d->n--;
    d->exponent = (*p == 'e' ? (int)strtol(p + 1, NULL, 10) : 0) + 1;
    return same;
}

static void decimal_print(const decimal *d, omn_buf *out)
{
    int e = d->exponent;
    if (e > 21 || e < -5) {
        omn_buf_put(out, d->digits, 1);
        if (d->n > 1) omn_buf_put(out, ".", 1);
        omn_buf_put(out, d->digits + 1, (size_t)(d->n - 1));
        omn_buf_printf(out, "e%d", e - 1);
    } else if (e <= 0) {
        omn_buf_puts(out, "0.");
        for (int i = e; i < 0; i++) omn_buf_put(out, "0", 1);
        omn_buf_put(out, d->digits, (size_t)d->n);
    } else {
        omn_buf_put(out, d->digits, (size_t)(d->n < e ? d->n : e));
        for (int i = d->n; i < e; i++) omn_buf_put(out, "0", 1);
        if (d->n > e) {
            omn_buf_put(out, ".", 1);
            omn_buf_put(out, d->digits + e, (size_t)(d->n - e));
        }
    }
}

void number_shortest(double x, int digits, omn_buf *out)
{
    if (!isfinite(x)) {
        omn_buf_puts(out, "null");
        return;
    }
    if (x == 0) {
        omn_buf_put(out, "0", 1);
        return;
    }
    if (x < 0) omn_buf_put(out, "-", 1);
    bool is_float = digits < 17;
    double a = fabs(x);
    decimal d;
    /* Two below the most is where numbers with a short form have been found, if they have one. */
    int n = digits - 2;
    if (decimal_try(a, n, is_float, &d)) {
        n = 1;
        while (!decimal_try(a, n, is_float, &d)) n++;
    } else {
        while (!decimal_try(a, n, is_float, &d) && n < digits) n++;
    }
    decimal_print(&d, out);
}

void omn_number_print(double x, omn_buf *out)
{
    number_shortest(x, 17, out);
}
