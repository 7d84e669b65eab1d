/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/company.h: several processes that were started together, on one machine or on many, and
 * work at one thing: the kind "omnio.company/1", a way in which they talk, and what hosts do with
 * it. Each process has a rank, from 0, which it keeps; they add numbers up, wait for each other and
 * share out work by number. Nothing else is needed to share a batch of items (omnio run) or the
 * rows of a training step (omnio train), so that a transport is a few functions. */
#ifndef OMNIO_COMPANY_H
#define OMNIO_COMPANY_H

#include <omnio/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every function but take, sum_poll and abort is called by all ranks, in the same order: one that
 * waits does so until the others have come there. A rank that dies ends the others, by whatever
 * started them. Functions of one object are called by one thread at a time. */
typedef struct omn_company_impl {
    const void *(*extension)(const char *id);     /* may be NULL */
    /* Variables of the environment, spaces between them: a process that has none of them is alone,
     * and this plugin is not loaded. */
    const char *signs;
    /* Meet the others. OMN_ERR_FAILED: it cannot be done. [setup] */
    omn_status (*open)(void **self, omn_error *err);
    /* Leave them, once all ranks are here; also when open failed after setting *self. [setup] */
    void (*close)(void *self);
    uint32_t (*rank)(const void *self);           /* 0 to size - 1 [any] */
    uint32_t (*size)(const void *self);           /* 1 and more [any] */
    /* Returns when all ranks have called it. [run] */
    omn_status (*barrier)(void *self, omn_error *err);
    /* x [n], F32, F64 or I64, in place: the sum over all ranks, the same bits in each of them.
     * [run] */
    omn_status (*sum)(void *self, omn_type type, void *x, size_t n, omn_error *err);
    /* The same of F32, begun: x is borrowed, and nobody's to read or write, until sum_end of
     * *pending, which sum_end frees, also after a failure. Several may be on their way; all ranks
     * begin them in the same order. sum_poll lets what was begun go on, and does not wait. [run] */
    omn_status (*sum_begin)(void *self, float *x, size_t n, void **pending, omn_error *err);
    omn_status (*sum_poll)(void *self, omn_error *err);
    omn_status (*sum_end)(void *self, void *pending, omn_error *err);
    /* The next number, from 0: each is given to one rank. [run] */
    omn_status (*take)(void *self, uint64_t *number, omn_error *err);
    /* Ends all ranks at once, with this exit code; does not return. [any] */
    void (*abort)(void *self, int code);
} omn_company_impl;

/* ---- for hosts ------------------------------------------------------------------------------ */

typedef struct omn_context omn_context;
typedef struct omn_company omn_company;
/* The company that this process was started in; *out NULL where no plugin knows of one, or where it
 * is the only one in it. Borrows ctx. [setup] */
OMN_API omn_status omn_company_join(omn_context *ctx, omn_company **out, omn_error *err);
/* Waits for the others. NULL is fine. [setup] */
OMN_API void omn_company_leave(omn_company *c);
/* Of a process alone (c NULL): 0 and 1. [any] */
OMN_API uint32_t omn_company_rank(const omn_company *c);
OMN_API uint32_t omn_company_size(const omn_company *c);
/* As in omn_company_impl. Alone they do nothing, but for take, which wants a company. [run] */
OMN_API omn_status omn_company_barrier(omn_company *c, omn_error *err);
OMN_API omn_status omn_company_sum(omn_company *c, omn_type type, void *x, size_t n,
                                   omn_error *err);
OMN_API omn_status omn_company_sum_begin(omn_company *c, float *x, size_t n, void **pending,
                                         omn_error *err);
OMN_API omn_status omn_company_sum_poll(omn_company *c, omn_error *err);
OMN_API omn_status omn_company_sum_end(omn_company *c, void *pending, omn_error *err);
OMN_API omn_status omn_company_take(omn_company *c, uint64_t *number, omn_error *err);
/* Of NULL: returns. [any] */
OMN_API void omn_company_abort(omn_company *c, int code);

#ifdef __cplusplus
}
#endif
#endif
