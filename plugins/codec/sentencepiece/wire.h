/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h: reading the protobuf wire format from memory that nobody vouches for. */
#ifndef SENTENCEPIECE_WIRE_H
#define SENTENCEPIECE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of one message. `bad` is set by the first field that is not well formed and stays.
 */
typedef struct wire {
    const uint8_t *at, *end;
    bool bad;
} wire;

typedef enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5
} wire_type;

/* One field. VARINT and the fixed types fill `value`; BYTES fills data and size, borrowed from the
 * message. */
typedef struct wire_field {
    uint32_t number;
    wire_type type;
    uint64_t value;
    const uint8_t *data;
    size_t size;
} wire_field;

wire wire_open(const void *data, size_t size);
/* The next field; false at the end of the message and after anything malformed (see bad). */
bool wire_next(wire *w, wire_field *f);
/* The number in a FIXED32 field read as a float. */
float wire_float(const wire_field *f);

#endif
