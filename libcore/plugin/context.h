/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a context, for the floors above: a place where they hang what all users of a
 * context share (opened devices, for instance), since the house has no globals. */
#ifndef LIBCORE_PLUGIN_CONTEXT_H
#define LIBCORE_PLUGIN_CONTEXT_H

#include "registry.h"

/* The thing of this key (an address that is the floor's own, compared, never followed). Made once
 * by make on the first call, released by release when the context is freed, the last made first.
 * NULL when make returned NULL, with err as make set it; the next call tries again. make may ask
 * for other keys, but not for its own. [any] */
typedef void *context_make_fn(omn_context *ctx, void *user, omn_error *err);
void *context_shared(omn_context *ctx, const void *key, context_make_fn *make, void *user,
                     void (*release)(void *thing), omn_error *err);

registry *context_registry(omn_context *ctx);
/* omn_call_json without a call. */
omn_status context_json(omn_context *ctx, const omn_kind *wanted, const char *s, size_t n,
                        omn_value **out, omn_error *err);
/* The cache folder, absolute; NULL: nothing is to be kept. Need not exist. */
const char *context_cache_folder(const omn_context *ctx);
/* What models keep of what their encoders make. folder: borrowed; NULL: none. */
typedef struct context_keep { size_t memory; const char *folder; uint64_t most; } context_keep;
context_keep context_keeps(const omn_context *ctx);

#endif
