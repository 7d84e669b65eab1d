/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of the tensors of a weights file: disks and copies flip bits, and a weight that is off
 * by a power of two still is a weight. One entry of __metadata__ holds XXH3 (64 bits, seed 0) of
 * the bytes of every tensor, 16 hexadecimal digits each, in the order of their names. Other
 * programs keep entries of metadata that they do not know or drop them; both are fine. */
#include "libcore/tensor/header.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { DIGITS = 16 };

uint64_t checksum_of(const omn_tensor *t)
{
    return t->bytes > 0 ? XXH3_64bits(t->data, t->bytes) : XXH3_64bits("", 0);
}

checksum *checksum_begin(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state) (void)XXH3_64bits_reset(state);
    return (checksum *)state;
}

void checksum_add(checksum *c, const void *bytes, size_t n)
{
    if (n > 0) (void)XXH3_64bits_update((XXH3_state_t *)c, bytes, n);
}

uint64_t checksum_end(checksum *c)
{
    XXH3_state_t *state = (XXH3_state_t *)c;
    const uint64_t sum = state ? XXH3_64bits_digest(state) : 0;
    (void)XXH3_freeState(state);
    return sum;
}

void checksum_put(uint64_t sum, omn_buf *out)
{
    for (int at = 60; at >= 0; at -= 4) omn_buf_put(out, &"0123456789abcdef"[sum >> at & 15], 1);
}

static int by_name(const void *x, const void *y)
{
    return strcmp((*(header_row *const *)x)->name, (*(header_row *const *)y)->name);
}

/* Sixteen digits at s; false when one is none. */
static bool read_sum(const char *s, uint64_t *sum)
{
    static const char digits[] = "0123456789abcdef";
    *sum = 0;
    for (int i = 0; i < DIGITS; i++) {
        const char *d = s[i] ? strchr(digits, s[i]) : NULL;
        if (!d) return false;
        *sum = *sum << 4 | (uint64_t)(d - digits);
    }
    return true;
}

omn_status checksum_give(header_row *rows, size_t n, const char *sums, const char *path,
                         omn_error *err)
{
    size_t length;
    if (!sums || n == 0) return OMN_OK;
    header_row **sorted = malloc(n * sizeof(header_row *));
    if (!sorted) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its header", path);
    for (size_t i = 0; i < n; i++) sorted[i] = &rows[i];
    qsort(sorted, n, sizeof(header_row *), by_name);
    bool fits = omn_size_mul(n, DIGITS, &length) && strlen(sums) == length;
    for (size_t i = 0; i < n; i++) {
        sorted[i]->summed = fits && read_sum(sums + i * DIGITS, &sorted[i]->sum) ? SUM_KNOWN
                                                                                 : SUM_WRONG;
    }
    free(sorted);
    return OMN_OK;
}
