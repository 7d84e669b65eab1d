/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes inside JSON: RFC 4648, with padding, without line ends. */
#include "inside.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(const void *bytes, size_t n, omn_buf *out)
{
    const unsigned char *p = bytes;
    char piece[1024];
    size_t k = 0;
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const unsigned x = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                           (left > 2 ? p[i + 2] : 0u);
        piece[k++] = letters[x >> 18];
        piece[k++] = letters[x >> 12 & 63];
        piece[k++] = left > 1 ? letters[x >> 6 & 63] : '=';
        piece[k++] = left > 2 ? letters[x & 63] : '=';
        if (k < sizeof(piece)) continue;
        omn_buf_put(out, piece, k);
        k = 0;
    }
    omn_buf_put(out, piece, k);
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_get(const char *s, size_t n, void *bytes, size_t room)
{
    unsigned char *to = bytes;
    size_t made = 0, pad = 0;
    if (n % 4 != 0) return false;
    if (n > 0 && s[n - 1] == '=') pad = s[n - 2] == '=' ? 2 : 1;
    if (n / 4 * 3 - pad != room) return false;
    for (size_t i = 0; i < n; i += 4) {
        const size_t have = i + 4 == n ? 4 - pad : 4;
        unsigned x = 0;
        for (size_t k = 0; k < 4; k++) {
            const int d = k < have ? digit(s[i + k]) : 0;
            if (d < 0) return false;
            x = x << 6 | (unsigned)d;
        }
        for (size_t k = 0; k + 1 < have; k++) to[made++] = (unsigned char)(x >> (16 - 8 * k));
        if ((have == 2 && (x & 0xffff) != 0) || (have == 3 && (x & 0xff) != 0)) return false;
    }
    return true;
}
