/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that repeats: counter-based numbers of one seed (base.h), and what is made of them. */
#include "inside.h"

#include <string.h>

uint64_t dice_bits(dice *d)
{
    return omn_random_at(d->seed, 0x76616c69, d->n++);
}

uint64_t dice_roll(dice *d, uint64_t n)
{
    return dice_bits(d) % n;
}

double dice_double(dice *d, double lo, double hi)
{
    return lo + (hi - lo) * ((double)(dice_bits(d) >> 11) * 0x1p-53);
}

void dice_bytes(dice *d, void *to, size_t n)
{
    uint8_t *p = to;
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)dice_bits(d);
}

size_t dice_text(dice *d, char *to, size_t most, bool plain)
{
    static const char *const odd[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x88", "\n", "\t",
                                       "\"",       "\\",           "<extra_id_7>",     "%s", "{}" };
    static const char letters[] = "abcdefghij klmnop qrstuv wxyz,.?0123456789";
    size_t n = 0, want = dice_roll(d, most);
    while (n < want) {
        const char *s = odd[dice_roll(d, sizeof(odd) / sizeof(odd[0]))];
        const size_t len = strlen(s);
        if (!plain && dice_roll(d, 8) == 0 && n + len < most) {
            memcpy(to + n, s, len);
            n += len;
        } else {
            to[n++] = letters[dice_roll(d, sizeof(letters) - 1)];
        }
    }
    to[n] = 0;
    return n;
}
