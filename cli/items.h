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
    size_t bytes;    /* of the values that are its own */
    char label[512]; /* tells this item from the others; "" when nothing does */
    char *id;        /* of a batch line, as it stands there; NULL: none */
    char *extra;     /* members of the line that are no inputs, `"a":1,"b":2`; NULL: none */
    uint64_t hash;   /* of the batch line */
    bool passed;     /* finished in an earlier run: nothing was loaded */
} item;

typedef struct items items;

/* Option rows for the inputs of a pipeline, owned by the arena. */
const cli_option *items_rows(const omn_pipeline *p, omn_arena *a, size_t *n);
/* OMN_ERR_CONFIG: an input has the name of an option of omnio run, which it would hide. */
omn_status items_check_names(const omn_pipeline *p, omn_error *err);
typedef enum items_how {
    ITEMS_LOAD, /* values are loaded */
    ITEMS_NAMES /* names of files alone, to look at them beforehand; nothing is told */
} items_how;
/* From the options and operands, or from --batch FILE. -1, or the exit code after a complaint. */
int items_open(cli *c, const cli_args *a, const omn_pipeline *p, items_how how, items **out);
void items_close(items *s);
/* May there be more than one? */
bool items_many(const items *s);
/* Items for which this is true are passed over; OMN_OK and *yes, or why not at all. */
typedef omn_status items_passed_fn(void *user, uint64_t index, uint64_t hash, bool *yes,
                                   omn_error *err);
void items_pass(items *s, items_passed_fn *fn, void *user);
/* How many there are, about: of a file at most so many. */
uint64_t items_total(const items *s);
/* The number of the next one. */
uint64_t items_at(const items *s);
/* Is the next one there without waiting? */
bool items_ready(items *s);
/* The next item, to be ended with item_fini also after a failure; *end: there was none. A failure
 * concerns this item alone, unless *end is set too. */
omn_status items_next(items *s, item *out, bool *end, omn_error *err);
void item_fini(item *it);

#endif
