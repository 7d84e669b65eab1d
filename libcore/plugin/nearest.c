/* SPDX-License-Identifier: Apache-2.0 */
/* Suggesting the name that was meant. The measure is the restricted Damerau-Levenshtein distance
 * (F. J. Damerau, Communications of the ACM 7(3), 1964): the number of letters inserted, dropped,
 * replaced or swapped with their neighbour, which are four out of five typing mistakes. */
#include "nearest.h"

#include <string.h>

#define LONGEST 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t nearest_distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return n > m ? n : m;
    size_t *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= m; j++) last[j] = before[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);
            d = least(d, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = least(d, before[j - 2] + 1);
            now[j] = d;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m];
}

bool nearest_close(size_t distance, size_t n)
{
    return distance <= (n < 3 ? 1 : n / 3) && distance < n;
}

const char *omn_nearest_name(const char *wanted, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t found = 0, len = wanted ? strlen(wanted) : 0;
    for (size_t i = 0; i < n && len > 0; i++) {
        if (!names[i]) continue;
        size_t m = strlen(names[i]), d = nearest_distance(wanted, len, names[i], m);
        if (!nearest_close(d, m) || (best && d >= found)) continue;
        best = names[i];
        found = d;
    }
    return best;
}
