/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack, one value at a time from front to back, without a tree. */
#ifndef WEIGHTS_FLAX_PACK_H
#define WEIGHTS_FLAX_PACK_H

#include <omnio/base.h>

typedef enum pack_kind {
    PACK_NIL, PACK_BOOL, PACK_INT, PACK_FLOAT, PACK_TEXT, PACK_BYTES,
    PACK_LIST, PACK_MAP,   /* n elements or pairs follow */
    PACK_EXT
} pack_kind;

typedef struct pack_value {
    pack_kind kind;
    bool is;
    bool above;        /* PACK_INT: beyond 63 bits */
    int64_t i;
    double f;
    int type;          /* PACK_EXT */
    const uint8_t *p;  /* texts, bytes, extensions */
    size_t n;          /* of those; elements or pairs */
} pack_value;

typedef struct pack {
    const uint8_t *p;
    size_t n, at;
} pack;

/* The next value; of lists and maps only the number. false: what is there is cut off, or no
 * MessagePack. Every length is held against what is left. */
bool pack_next(pack *m, pack_value *out);
/* Passes over what belongs to a value that next gave, nested values included. */
bool pack_skip(pack *m, const pack_value *v, int depth);
bool pack_is(const pack_value *v, const char *text);

#endif
