/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a run: what the inputs of a pipeline are given, time after time. */
#ifndef OMNIO_CLI_ITEMS_H
#define OMNIO_CLI_ITEMS_H

#include "cli.h"

#define ITEMS_MOST_INPUTS 64

typedef struct item {
    uint64_t index;
    omn_named inputs[ITEMS_MOST_INPUTS];
    char *files[ITEMS_MOST_INPUTS]; /* the file that input i was read from; NULL: none */
    size_t n;
    char label[512]; /* tells this item from the others; "" when it is alone */
    omn_value *id;   /* of a batch line; NULL: none */
} item;

typedef struct items items;

/* Option rows for the inputs of a pipeline, owned by the arena. */
const cli_option *items_rows(const omn_pipeline *p, omn_arena *a, size_t *n);
/* From the options and operands, or from --batch FILE. -1, or the exit code after a complaint. */
int items_open(cli *c, const cli_args *a, const omn_pipeline *p, items **out);
void items_close(items *s);
/* May there be more than one? */
bool items_many(const items *s);
/* Is the next one there without waiting? */
bool items_ready(items *s);
/* The next item, to be ended with item_fini also after a failure; *end: there was none. A failure
 * concerns this item alone, unless *end is set too. */
omn_status items_next(items *s, item *out, bool *end, omn_error *err);
void item_fini(item *it);

#endif
