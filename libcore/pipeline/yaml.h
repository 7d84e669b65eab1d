/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML document as a small tree that remembers where everything stood. Not installed. */
#ifndef OMNIO_PIPELINE_YAML_H
#define OMNIO_PIPELINE_YAML_H

#include <omnio/plugin.h>

typedef enum yml_kind { YML_SCALAR, YML_LIST, YML_MAP } yml_kind;
typedef struct yml yml;
struct yml {
    yml_kind kind;
    const char *text;             /* scalars */
    bool quoted;
    int32_t line, column;         /* from 1 */
    yml **items;                  /* lists: n; maps: n keys, then n values */
    size_t n;
    const char *file;
};

/* Parse a file (at most 1 MiB, one document, depth 32, 100000 nodes, 256 anchors) into the arena.
 * Duplicate keys are errors. */
omn_status yml_read(const char *path, omn_arena *a, const yml **out, omn_error *err);
/* Set scalars by path ("optimizer.rate", "tasks.0.weight"): --set on the command line. */
omn_status yml_override(yml *root, const omn_setting *set, size_t n, omn_arena *a, omn_error *err);
/* Value of a key, NULL when it is not there (or y is no map). */
const yml *yml_get(const yml *y, const char *key);
const yml *yml_key(const yml *y, size_t i);
const yml *yml_value(const yml *y, size_t i);
/* An error at a node's place. */
omn_status yml_fail(const yml *y, omn_error *err, const char *fmt, ...) OMN_PRINTF(3, 4);
/* Every key of a map is one of a NULL-ended list; the nearest one is named otherwise. */
omn_status yml_only(const yml *y, const char *const *keys, omn_error *err);
/* Typed scalars: the node must be of the kind; `deflt` when y is NULL. */
omn_status yml_text(const yml *y, const char **out, const char *deflt, omn_error *err);
omn_status yml_int(const yml *y, int64_t lo, int64_t hi, int64_t *out, int64_t deflt,
                   omn_error *err);
/* The key "version" of a file, 1 where it is not there. */
omn_status yml_version(const yml *y, omn_error *err);
omn_status yml_double(const yml *y, double lo, double hi, double *out, double deflt,
                      omn_error *err);
omn_status yml_bool(const yml *y, bool *out, bool deflt, omn_error *err);
omn_status yml_want(const yml *y, yml_kind kind, const char *what, omn_error *err);

#endif
