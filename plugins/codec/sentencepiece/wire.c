/* SPDX-License-Identifier: Apache-2.0 */
/* A reader for the protobuf wire format: a message is a row of (number, type, payload), unknown
 * numbers are skipped, and nothing is allocated. Every length is compared with what is left before
 * it is believed. Groups, which the format gave up long ago, are refused. */
#include "wire.h"

#include <string.h>

wire wire_open(const void *data, size_t size)
{
    wire w = { data, size > 0 ? (const uint8_t *)data + size : data, false };
    return w;
}

static uint64_t read_varint(wire *w)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end) break;
        const uint8_t b = *w->at++;
        if (shift == 63 && b > 1) break;
        x |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return x;
    }
    w->bad = true;
    return 0;
}

static uint64_t read_fixed(wire *w, size_t bytes)
{
    if ((size_t)(w->end - w->at) < bytes) {
        w->bad = true;
        return 0;
    }
    uint64_t x = 0;
    for (size_t i = bytes; i-- > 0;) x = x << 8 | w->at[i];
    w->at += bytes;
    return x;
}

bool wire_next(wire *w, wire_field *f)
{
    memset(f, 0, sizeof *f);
    if (w->bad || w->at == w->end) return false;
    const uint64_t tag = read_varint(w);
    if (w->bad || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) {
        w->bad = true;
        return false;
    }
    f->number = (uint32_t)(tag >> 3);
    f->type = (wire_type)(tag & 7);
    switch (f->type) {
    case WIRE_VARINT:
        f->value = read_varint(w);
        break;
    case WIRE_FIXED64:
        f->value = read_fixed(w, 8);
        break;
    case WIRE_FIXED32:
        f->value = read_fixed(w, 4);
        break;
    case WIRE_BYTES: {
        const uint64_t n = read_varint(w);
        if (w->bad || n > (uint64_t)(w->end - w->at)) {
            w->bad = true;
            return false;
        }
        f->data = w->at;
        f->size = (size_t)n;
        w->at += f->size;
        break;
    }
    default:
        w->bad = true;
    }
    return !w->bad;
}

float wire_float(const wire_field *f)
{
    const uint32_t bits = (uint32_t)f->value;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
