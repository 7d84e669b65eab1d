/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a JSON object as they stand in its text. */
#ifndef OMNIO_CLI_RECORD_H
#define OMNIO_CLI_RECORD_H

#include "cli.h"

typedef struct record_member {
    const char *name, *value; /* in the text: the name with its quotes */
    size_t name_n, value_n;
} record_member;

/* Steps through an object that is known to be right JSON: *at begins at its text. false: no
 * more. */
bool record_next(const char **at, const char *end, record_member *out);
/* The name without quotes and escapes, cut to the room. */
void record_name(const record_member *m, char *buf, size_t room);

#endif
