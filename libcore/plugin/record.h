/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about one plugin file, as the helper says it and as the cache keeps it: one line of
 * fields between tabs. No text of ours contains a tab or a newline, hostile lines are refused
 * whole. */
#ifndef LIBCORE_PLUGIN_RECORD_H
#define LIBCORE_PLUGIN_RECORD_H

#include <omnio/plugin.h>

#define RECORD_MOST_LINE ((size_t)1 << 22)

typedef enum record_state {
    RECORD_UNKNOWN, /* not looked at */
    RECORD_GOOD,
    RECORD_BAD,      /* will be so until the file changes */
    RECORD_UNLINKED, /* could not be linked: may change when libraries are installed */
    RECORD_LATE,     /* met the time limit: worth another try after a while */
    RECORD_STOPPED   /* the helper was stopped from outside: never remembered */
} record_state;

/* extra: of formats "image:jpg,jpeg"; else "". */
typedef struct record_object {
    const char *kind, *name, *help, *extra;
} record_object;

/* Tells one version of a file from another. */
typedef struct record_key {
    uint64_t device, inode, size;
    int64_t mtime_ns;
} record_key;

static inline bool record_key_same(const record_key *a, const record_key *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns;
}

typedef struct record {
    const char *path;
    record_key key;
    record_state state;
    int64_t when;    /* seconds since 1970, of RECORD_LATE */
    bool remembered; /* the cache says so; nobody has looked this time */
    bool unsettled;  /* found wrong while it may still have been written: looked at again */
    const char *why; /* unless good */
    const char *name, *version, *licence, *summary;
    const record_object *objects;
    size_t n_objects;
} record;

/* The answer part of a line (no newline) into r, strings in the arena; OMN_ERR_DATA when anything
 * in it is not as record_print writes it. Path, key and when are left alone. */
omn_status record_parse(const char *line, size_t n, omn_arena *a, record *r);
/* The answer part of a line, without a newline. */
void record_print(const record *r, omn_buf *out);
/* why: control characters become spaces, at most 500 bytes; in the arena. */
const char *record_why(omn_arena *a, const char *why);

#endif
