/* SPDX-License-Identifier: Apache-2.0 */
/* Tar: a block of 512 bytes with name, size and checksum in front of each file, whose bytes are
 * filled up to whole blocks; two empty blocks are the end. Names of more than 100 bytes have a
 * prefix of 155 (POSIX), or stand in a file of their own in front (GNU's L, pax's x). */
#include "tar.h"

#include <string.h>

#define BLOCK 512u
#define MOST_NAME 4096u

typedef struct walk {
    const char *bytes, *path;
    size_t size, at;
    char name[MOST_NAME];                 /* from a file in front; "": none */
} walk;

static omn_status wrong(const walk *w, const char *what, omn_error *err)
{
    return omn_fail_at(err, OMN_ERR_DATA, w->path, 0, 0, "byte %zu: %s", w->at, what);
}

/* An octal number, or one of base 256 (GNU). */
static bool number(const char *s, size_t n, uint64_t *out)
{
    uint64_t x = 0;
    size_t i = 0;
    if ((unsigned char)s[0] == 0x80) {
        for (i = 1; i < n; i++) {
            if (x >> 55) return false;
            x = x << 8 | (unsigned char)s[i];
        }
        *out = x;
        return true;
    }
    while (i < n && s[i] == ' ') i++;
    const size_t from = i;
    for (; i < n && s[i] >= '0' && s[i] <= '7'; i++) {
        if (x >> 60) return false;
        x = x << 3 | (uint64_t)(s[i] - '0');
    }
    *out = x;
    return i > from && (i == n || s[i] == 0 || s[i] == ' ');
}

static bool checks(const char *h)
{
    uint64_t want, sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
    return number(h + 148, 8, &want) && want == sum;
}

static bool empty(const char *h)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (h[i]) return false;
    return true;
}

/* "LENGTH path=NAME\n" among the records of pax. */
static void pax_name(walk *w, const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint64_t length = 0;
        size_t i = at;
        for (; i < n && s[i] >= '0' && s[i] <= '9' && length < n; i++)
            length = 10 * length + (uint64_t)(s[i] - '0');
        if (i == at || i >= n || s[i] != ' ' || length > n - at || length < i + 2 - at) return;
        const char *record = s + i + 1;
        const size_t size = (size_t)length - (i + 1 - at) - 1;
        if (size > 5 && !memcmp(record, "path=", 5) && size - 5 < MOST_NAME) {
            memcpy(w->name, record + 5, size - 5);
            w->name[size - 5] = 0;
        }
        at += (size_t)length;
    }
}

static void own_name(const char *h, char *out)
{
    const size_t n = strnlen(h, 100), p = strnlen(h + 345, 155);
    size_t at = 0;
    if (!memcmp(h + 257, "ustar", 6) && p) { /* GNU's own magic is "ustar " */
        memcpy(out, h + 345, p);
        out[p] = '/';
        at = p + 1;
    }
    memcpy(out + at, h, n);
    out[at + n] = 0;
}

omn_status tar_walk(const char *bytes, size_t size, const char *path, tar_fn *fn, void *user,
                    omn_error *err)
{
    walk w = { bytes, path, size, 0, "" };
    while (w.at + BLOCK <= size) {
        const char *h = bytes + w.at;
        uint64_t n = 0;
        if (empty(h)) return OMN_OK;
        if (!checks(h)) return wrong(&w, "no header of a file in a tar file", err);
        if (!number(h + 124, 12, &n)) return wrong(&w, "the size of a file is no number", err);
        w.at += BLOCK;
        if (n > size - w.at) return wrong(&w, "the tar file ends within a file", err);
        const char type = h[156];
        if (type == 'L' && n < MOST_NAME) {
            memcpy(w.name, bytes + w.at, n);
            w.name[n] = 0;
        } else if (type == 'x') {
            pax_name(&w, bytes + w.at, n);
        } else {
            if (!w.name[0]) own_name(h, w.name);
            const tar_file f = { w.name, w.at, n };
            const omn_status st = type == '0' || type == 0 ? fn(user, &f, err) : OMN_OK;
            if (st != OMN_OK) return st;
            w.name[0] = 0;
        }
        const uint64_t whole = (n + BLOCK - 1) / BLOCK * BLOCK;
        w.at = whole > size - w.at ? size : w.at + (size_t)whole;
    }
    return OMN_OK;
}
