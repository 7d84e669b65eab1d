/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: nodes by name, as parts hand them to models and graphs to their callers. Few names each,
 * so a scan is enough. */
#include "inside.h"

#include <stdio.h>
#include <string.h>

omn_bundle *omn_bundle_new(omn_scope *s)
{
    if (!s) return NULL;
    omn_bundle *b = omn_arena_alloc(s->g->arena, 1, sizeof(*b));
    if (b)
        b->g = s->g;
    else
        graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
    return b;
}

void omn_bundle_put(omn_bundle *b, omn_scope *s, const char *name, omn_node *x)
{
    if (!b || graph_stop(s, name, 1, &x)) return;
    if (omn_bundle_find(b, name)) {
        graph_fail(s, OMN_ERR_ARGUMENT, NULL, "'%s' is there already", name);
        return;
    }
    const char *own = omn_arena_strdup(b->g->arena, name);
    if (!own || !graph_grow(b->g->arena, &b->row, &b->room, b->count, sizeof(*b->row))) {
        graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
        return;
    }
    b->row[b->count].name = own;
    b->row[b->count].node = x;
    b->count++;
}

void omn_bundle_replace(omn_bundle *b, omn_scope *s, const char *name, omn_node *x)
{
    if (!b || graph_stop(s, name, 1, &x)) return;
    for (uint32_t i = 0; i < b->count; i++)
        if (!strcmp(b->row[i].name, name)) {
            b->row[i].node = x;
            return;
        }
    omn_bundle_put(b, s, name, x);
}

omn_node *omn_bundle_find(const omn_bundle *b, const char *name)
{
    for (uint32_t i = 0; b && i < b->count; i++)
        if (!strcmp(b->row[i].name, name)) return b->row[i].node;
    return NULL;
}

omn_node *omn_bundle_get(const omn_bundle *b, omn_scope *s, const char *name)
{
    char there[400] = "";
    omn_node *x = omn_bundle_find(b, name);
    if (x || omn_scope_failed(s)) return x;
    for (uint32_t i = 0; b && i < b->count; i++) {
        const size_t at = strlen(there);
        snprintf(there + at, sizeof(there) - at, "%s%s", i ? ", " : "", b->row[i].name);
    }
    return graph_fail(s, OMN_ERR_ARGUMENT, NULL, "there is no '%s'; there is: %s", name,
                      *there ? there : "nothing");
}

size_t omn_bundle_count(const omn_bundle *b)
{
    return b ? b->count : 0;
}

omn_node *omn_bundle_at(const omn_bundle *b, size_t i, const char **name)
{
    if (!b || i >= b->count) return NULL;
    if (name) *name = b->row[i].name;
    return b->row[i].node;
}
