/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at one file in a child of the helper. */
#ifndef LIBCORE_PLUGIN_APART_H
#define LIBCORE_PLUGIN_APART_H

#include <omnio/base.h>

/* What the child does: describe the file, one line without a newline into out; false: no memory. */
typedef bool apart_fn(const char *path, omn_buf *out);

typedef enum apart_end {
    APART_ANSWERED, /* out has the line */
    APART_BLAMED,   /* out has the line that blames the file */
    APART_LATE,     /* the same, because it met the limit */
    APART_ALONE     /* nobody listens at `host` any more */
} apart_end;

/* Run fn for path in a child that has one descriptor of its own and none of ours, for at most
 * limit_ms. Whatever it did, it and all that it started are gone afterwards. host: where answers
 * go, watched for its end meanwhile. [setup] */
apart_end apart_look(const char *path, apart_fn *fn, int host, uint32_t limit_ms, omn_buf *out);
/* From now on what a child leaves behind becomes a child of this process. */
void apart_begin(void);

#endif
