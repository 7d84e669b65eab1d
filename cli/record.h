/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a JSON object as they stand in its text. */
#ifndef OMNIO_CLI_RECORD_H
#define OMNIO_CLI_RECORD_H

#include "cli.h"

typedef struct record_member {
    const char *name, *value; /* in the text: the name with its quotes */
    size_t name_n, value_n;
} record_member;

/* Steps through an object: *at begins at its text. false: no more, or no JSON; whether it is right
 * JSON is not looked at. */
bool record_next(const char **at, const char *end, record_member *out);
/* The name without quotes and escapes, cut to the room. */
void record_name(const record_member *m, char *buf, size_t room);
/* Every null inside a value becomes a 0 and three spaces. */
void record_blank(char *p, const char *end);

#endif
