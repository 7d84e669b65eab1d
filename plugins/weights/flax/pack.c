/* SPDX-License-Identifier: Apache-2.0 */
/* The values of MessagePack by their first byte. */
#include "pack.h"

#include <string.h>

enum { MOST_DEPTH = 64 };

static bool number(pack *m, int bytes, uint64_t *out)
{
    if (m->n - m->at < (size_t)bytes) return false;
    *out = 0;
    for (int i = 0; i < bytes; i++) *out = *out << 8 | m->p[m->at++];
    return true;
}

static bool bytes_of(pack *m, uint64_t n, pack_value *out)
{
    if (n > m->n - m->at) return false;
    out->p = m->p + m->at;
    out->n = (size_t)n;
    m->at += (size_t)n;
    return true;
}

/* A text, bytes or extension whose length stands in so many bytes. */
static bool long_bytes(pack *m, pack_kind kind, int width, pack_value *out)
{
    uint64_t n, type = 0;
    out->kind = kind;
    if (!number(m, width, &n)) return false;
    if (kind == PACK_EXT && !number(m, 1, &type)) return false;
    out->type = (int8_t)type;
    return bytes_of(m, n, out);
}

/* Each element takes a byte at least. */
static bool group(pack *m, pack_kind kind, uint64_t n, pack_value *out)
{
    out->kind = kind;
    out->n = (size_t)n;
    return n <= (m->n - m->at) / (kind == PACK_MAP ? 2 : 1);
}

static bool fixed_ext(pack *m, size_t n, pack_value *out)
{
    uint64_t type;
    out->kind = PACK_EXT;
    if (!number(m, 1, &type)) return false;
    out->type = (int8_t)type;
    return bytes_of(m, n, out);
}

static bool floating(pack *m, int bytes, pack_value *out)
{
    uint64_t bits;
    out->kind = PACK_FLOAT;
    if (!number(m, bytes, &bits)) return false;
    if (bytes == 4) {
        const uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, sizeof f);
        out->f = (double)f;
    } else {
        memcpy(&out->f, &bits, sizeof out->f);
    }
    return true;
}

static bool whole(pack *m, uint8_t op, pack_value *out)
{
    const int bytes = 1 << (op & 3);
    uint64_t x;
    out->kind = PACK_INT;
    if (!number(m, bytes, &x)) return false;
    const bool negative = op >= 0xd0 && x >> (8 * bytes - 1);
    if (negative && bytes < 8) x |= UINT64_MAX << (8 * bytes);
    out->above = op < 0xd0 && x > INT64_MAX;
    out->i = (int64_t)x;
    return true;
}

bool pack_next(pack *m, pack_value *out)
{
    uint64_t n;
    *out = (pack_value){ .kind = PACK_NIL };
    if (m->at >= m->n) return false;
    const uint8_t op = m->p[m->at++];
    if (op < 0x80 || op >= 0xe0) {
        out->kind = PACK_INT;
        out->i = (int8_t)op;
        return true;
    }
    if (op < 0x90) return group(m, PACK_MAP, op & 15, out);
    if (op < 0xa0) return group(m, PACK_LIST, op & 15, out);
    if (op < 0xc0) {
        out->kind = PACK_TEXT;
        return bytes_of(m, op & 31, out);
    }
    switch (op) {
    case 0xc0: return true;
    case 0xc2: case 0xc3:
        out->kind = PACK_BOOL;
        out->is = op == 0xc3;
        return true;
    case 0xc4: case 0xc5: case 0xc6: return long_bytes(m, PACK_BYTES, 1 << (op - 0xc4), out);
    case 0xc7: case 0xc8: case 0xc9: return long_bytes(m, PACK_EXT, 1 << (op - 0xc7), out);
    case 0xca: return floating(m, 4, out);
    case 0xcb: return floating(m, 8, out);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return fixed_ext(m, (size_t)1 << (op - 0xd4), out);
    case 0xd9: case 0xda: case 0xdb: return long_bytes(m, PACK_TEXT, 1 << (op - 0xd9), out);
    case 0xdc: case 0xdd: return number(m, op == 0xdc ? 2 : 4, &n) && group(m, PACK_LIST, n, out);
    case 0xde: case 0xdf: return number(m, op == 0xde ? 2 : 4, &n) && group(m, PACK_MAP, n, out);
    case 0xc1: return false;
    default: return whole(m, op, out);
    }
}

bool pack_skip(pack *m, const pack_value *v, int depth)
{
    if (v->kind != PACK_LIST && v->kind != PACK_MAP) return true;
    if (depth >= MOST_DEPTH) return false;
    const size_t n = v->kind == PACK_MAP ? 2 * v->n : v->n;
    for (size_t i = 0; i < n; i++) {
        pack_value inner;
        if (!pack_next(m, &inner) || !pack_skip(m, &inner, depth + 1)) return false;
    }
    return true;
}

bool pack_is(const pack_value *v, const char *text)
{
    return v->kind == PACK_TEXT && v->n == strlen(text) && memcmp(v->p, text, v->n) == 0;
}
