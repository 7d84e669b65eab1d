/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers from..to as digits, and numbers with a fixed count of decimals, which are whole
 * numbers with a point inside. A range of numbers of one length is cut at its first digit: the
 * lowest digit keeps the lower bound, the highest the upper one, those between are free. */
#include "rules_json.h"

#include <stdio.h>
#include <string.h>

#define MOST_DIGITS 19

static const omn_rule *digit(omn_rules *r, char from, char to)
{
    const omn_chars c = { (unsigned char)from, (unsigned char)to };
    return omn_rules_chars(r, &c, 1, false);
}

/* Digits i.. of numbers between a and b, both n digits; a point stands before digit `point`. */
static const omn_rule *between(omn_rules *r, const char *a, const char *b, int i, int n, int point)
{
    const omn_rule *list[2 * MOST_DIGITS + 2];
    size_t k = 0;
    bool free_digits = true;
    for (int j = i; j < n; j++) free_digits = free_digits && a[j] == '0' && b[j] == '9';
    for (; i < n && (free_digits || a[i] == b[i]); i++) {
        if (i == point) list[k++] = omn_rules_text(r, ".", 1);
        list[k++] = digit(r, a[i], b[i]);
    }
    if (i < n) {
        char low[MOST_DIGITS + 2], high[MOST_DIGITS + 2];
        const omn_rule *cut[3];
        size_t m = 0;
        memset(low, '0', sizeof low);
        memset(high, '9', sizeof high);
        if (i == point) list[k++] = omn_rules_text(r, ".", 1);
        const omn_rule *first[2] = { digit(r, a[i], a[i]), between(r, a, high, i + 1, n, point) };
        cut[m++] = omn_rules_seq(r, first, 2);
        if (b[i] - a[i] > 1) {
            const omn_rule *mid[2] = { digit(r, (char)(a[i] + 1), (char)(b[i] - 1)),
                                       between(r, low, high, i + 1, n, point) };
            cut[m++] = omn_rules_seq(r, mid, 2);
        }
        const omn_rule *last[2] = { digit(r, b[i], b[i]), between(r, low, b, i + 1, n, point) };
        cut[m++] = omn_rules_seq(r, last, 2);
        list[k++] = omn_rules_either(r, cut, m);
    }
    return omn_rules_seq(r, list, k);
}

static const omn_rule *counting(omn_rules *r, uint64_t lo, uint64_t hi, int decimals)
{
    const omn_rule *list[MOST_DIGITS + 1];
    size_t k = 0;
    uint64_t least = 0, most = 9;
    for (int n = 1; n < MOST_DIGITS; n++, least = most + 1, most = most * 10 + 9) {
        char a[MOST_DIGITS + 2], b[MOST_DIGITS + 2];
        /* shorter ones get zeros in front, up to one digit before the point */
        if (n <= decimals) continue;
        const uint64_t from = n == decimals + 1 ? 0 : least;
        const uint64_t x = lo > from ? lo : from, y = hi < most ? hi : most;
        if (x > y) continue;
        snprintf(a, sizeof a, "%0*llu", n, (unsigned long long)x);
        snprintf(b, sizeof b, "%0*llu", n, (unsigned long long)y);
        list[k++] = between(r, a, b, 0, n, decimals ? n - decimals : -1);
    }
    return omn_rules_either(r, list, k);
}

const omn_rule *rules_whole(omn_rules *r, int64_t lo, int64_t hi, int decimals)
{
    const int64_t most = 999999999999999999;
    if (lo > hi || lo < -most || hi > most || decimals < 0 || decimals > 9) {
        omn_rules_fail(r, OMN_ERR_CONFIG,
                       "a number from %lld to %lld: the larger bound comes last, both have at most "
                       "18 digits", (long long)lo, (long long)hi);
        return NULL;
    }
    const omn_rule *both[2];
    size_t k = 0;
    if (lo < 0) {
        const omn_rule *minus[2] = {
            omn_rules_text(r, "-", 1),
            counting(r, hi < 0 ? (uint64_t)-hi : 1, (uint64_t)-lo, decimals)
        };
        both[k++] = omn_rules_seq(r, minus, 2);
    }
    if (hi >= 0) both[k++] = counting(r, lo > 0 ? (uint64_t)lo : 0, (uint64_t)hi, decimals);
    return omn_rules_either(r, both, k);
}
