/* SPDX-License-Identifier: Apache-2.0 */
/* All plugin files of a context, and the objects in them. */
#ifndef LIBCORE_PLUGIN_REGISTRY_H
#define LIBCORE_PLUGIN_REGISTRY_H

#include "beside.h"

#include <omnio/plugin.h>

typedef struct registry registry;

typedef struct registry_setup {
    const char *plugin_path; /* ':' between folders or files; NULL none */
    const char *user_folder; /* NULL none */
    bool only_plugin_path;
    const char *cache_folder; /* NULL none */
    uint32_t scan_limit_ms;
} registry_setup;

enum { MOST_FORMATS = 256 };
typedef struct format_names {
    const char *of[MOST_FORMATS];
    size_t n, preferred;
} format_names;

/* Nothing is looked at before the first question. where is borrowed; the rest is copied. [any] */
omn_status registry_new(const registry_setup *how, const beside *where, registry **out,
                        omn_error *err);
void registry_free(registry *r);
/* ctx is only for the log. */
omn_status registry_find(registry *r, omn_context *ctx, const char *kind, const char *name,
                         const omn_entry **out, omn_error *err);
omn_status registry_list(registry *r, omn_context *ctx, const char *kind, omn_list_fn *fn,
                         void *user, omn_error *err);
/* Names of formats that make or take `type` ("image"; NULL: any), the preferred ones of suffix
 * `suffix` (NULL: none) first. [any] */
omn_status registry_formats(registry *r, omn_context *ctx, const char *type, const char *suffix,
                            format_names *out, omn_error *err);

#endif
