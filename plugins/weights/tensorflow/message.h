/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of protocol buffers, field by field. */
#ifndef WEIGHTS_TENSORFLOW_MESSAGE_H
#define WEIGHTS_TENSORFLOW_MESSAGE_H

#include <omnio/base.h>

typedef struct message {
    const uint8_t *p, *end;
} message;
typedef struct field {
    uint32_t number;
    bool is_bytes;    /* else a number */
    uint64_t value;
    message bytes;
} field;

/* A number of 7 bits to a byte; false: cut off or beyond 64 bits. */
bool message_varint(message *m, uint64_t *out);
/* The next field. false at the end, and with *wrong set where the bytes are no message. */
bool message_next(message *m, field *out, bool *wrong);

#endif
