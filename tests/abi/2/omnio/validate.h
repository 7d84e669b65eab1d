/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/validate.h: does a plugin keep its promises? For authors: `omnio validate PLUGIN.so`. Every
 * object of one file is looked at level by level, and called with random values, first with such
 * as are allowed, then with hostile ones, all from one seed. What is called may crash or hang, so
 * hosts run this in a process of its own, which says before each step what it is about to do. */
#ifndef OMNIO_VALIDATE_H
#define OMNIO_VALIDATE_H

#include <omnio/kinds.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The levels, in order. A unit is one level of one object. */
typedef enum omn_validate_level {
    OMN_VALIDATE_TABLES = 0,    /* rows, ranges, defaults, names, help */
    OMN_VALIDATE_CALLS = 1,     /* allowed values: results as promised, the same twice */
    OMN_VALIDATE_HOSTILE = 2,   /* foreign bytes, ids out of range, limits: refused, never more */
    OMN_VALIDATE_LEAKS = 3,     /* the same call many times takes no more memory */
    OMN_VALIDATE_THREADS = 4,   /* several at once give what one gives */
    OMN_VALIDATE_LEVELS = 5
} omn_validate_level;
OMN_API const char *omn_validate_level_name(omn_validate_level level);      /* "tables" */

/* What is going on, or was found. found NULL: this is about to be done. */
typedef struct omn_validate_event {
    uint32_t size;
    uint32_t unit;                      /* counts from 0 */
    omn_validate_level level;
    const char *kind, *object;
    uint64_t seed;                      /* of the case, last 16 bits the unit; 0: the whole unit */
    const char *found;                  /* one line: what is wrong, or why a unit is left out */
    bool left_out;                      /* found says why; no fault */
} omn_validate_event;

typedef struct omn_validate_setup {
    uint32_t size;
    uint64_t seed;                      /* all cases follow from it; 0: 1 */
    uint32_t cases;                     /* of each unit that calls; 0: 24 */
    uint32_t from;                      /* first unit */
    uint32_t most;                      /* units; 0: all that are left */
    uint64_t only;                      /* the one case of this seed (as an event told); 0: all */
    const char *object;                 /* the one object of this name; NULL: all */
    void (*event)(void *user, const omn_validate_event *e);
    void *user;
} omn_validate_setup;

/* Look at all objects of the plugin file that this context finds first. ctx: made for it, with the
 * file as its plugin_path (objects of that file may use those of the others). *faults: how many
 * findings were told, those left out not counted. A file that cannot be used is OMN_ERR_PLUGIN and
 * says why. [setup] */
OMN_API omn_status omn_validate(omn_context *ctx, const char *file, const omn_validate_setup *how,
                                uint32_t *faults, omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
