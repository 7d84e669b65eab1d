/* SPDX-License-Identifier: Apache-2.0 */
/* Weights by what is read of them. A file is mapped as a whole, and what no graph reads stays on
 * the disk: the decoder of pictures while texts are written, most rows of a table that is looked
 * up in. */
#include "cost.h"

#include "libcore/base/resident.h"
#include "libcore/generate/open.h"
#include "libcore/graph/inside.h"
#include "libcore/graph/reads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_OWNERS 64

void cost_owner(const omn_model *m, const char *weight, char *out, size_t room)
{
    omn_part *const *parts;
    const size_t n = omn_model_parts(m, &parts);
    const omn_part *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t length = strlen(parts[i]->prefix);
        if (length <= longest || strncmp(weight, parts[i]->prefix, length) ||
            (weight[length] && weight[length] != '.' && weight[length] != '/'))
            continue;
        best = parts[i];
        longest = length;
    }
    const char *kind = best ? strchr(best->kind, '.') : NULL;
    if (kind)
        snprintf(out, room, "%.*s %s", (int)strcspn(kind + 1, "/"), kind + 1, best->role);
    else
        snprintf(out, room, "%.*s", (int)strcspn(weight, "./"), weight);
}

/* The row of a model, with room for all weights that it has by now. */
static cost_model *model_of(cost_weights *w, const omn_model *m, size_t n)
{
    cost_model *at = NULL;
    for (size_t i = 0; i < w->n; i++)
        if (w->list[i].m == m) at = &w->list[i];
    if (!at) {
        cost_model *more = reallocarray(w->list, w->n + 1, sizeof *more);
        if (!more) return NULL;
        w->list = more;
        at = &w->list[w->n++];
        *at = (cost_model){ .m = m };
    }
    if (at->n >= n) return at;
    uint64_t *bytes = reallocarray(at->bytes, n, sizeof *bytes);
    if (!bytes) return NULL;
    memset(bytes + at->n, 0, (n - at->n) * sizeof *bytes);
    at->bytes = bytes;
    at->n = n;
    return at;
}

omn_status cost_weights_add(cost_weights *w, const omn_model *m, const omn_graph *g, omn_error *err)
{
    const omn_store *s = m->program->store;
    const size_t n = s ? omn_store_count(s) : 0;
    if (!n) return OMN_OK;
    cost_model *of = model_of(w, m, n);
    if (!of) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", m->name);
    graph_touches(g, of->bytes, of->n);
    return OMN_OK;
}

static uint64_t tell_model(const cost_model *of, cost_weights_fn *fn, void *user)
{
    struct { char name[160]; uint64_t bytes; } owners[MOST_OWNERS];
    uint64_t all = 0;
    size_t n = 0;
    for (size_t i = 0; i < of->n; i++) {
        char owner[160];
        size_t at = 0;
        if (!of->bytes[i]) continue;
        cost_owner(of->m, omn_store_name(of->m->program->store, i), owner, sizeof owner);
        while (at < n && strcmp(owners[at].name, owner)) at++;
        if (at == MOST_OWNERS) at--;      /* the rest is told with the last */
        if (at == n) {
            memcpy(owners[n].name, owner, sizeof owner);
            owners[n++].bytes = 0;
        }
        owners[at].bytes += of->bytes[i];
        all += of->bytes[i];
    }
    for (size_t i = 0; fn && i < n; i++) fn(user, of->m, owners[i].name, owners[i].bytes);
    return all;
}

uint64_t cost_weights_tell(const cost_weights *w, cost_weights_fn *fn, void *user)
{
    uint64_t all = 0;
    for (size_t i = 0; i < w->n; i++) all += tell_model(&w->list[i], fn, user);
    return all;
}

void cost_weights_fini(cost_weights *w)
{
    for (size_t i = 0; i < w->n; i++) free(w->list[i].bytes);
    free(w->list);
    *w = (cost_weights){ 0 };
}

/* Does some weight lie there? */
static bool of_weights(const void *user, uintptr_t from, uintptr_t to)
{
    const cost_weights *w = user;
    for (size_t k = 0; k < w->n; k++)
        for (size_t i = 0; i < w->list[k].n; i++) {
            const omn_tensor t = omn_store_tensor(w->list[k].m->program->store, i);
            const uintptr_t at = (uintptr_t)t.data;
            if (at >= from && at < to) return true;
        }
    return false;
}

uint64_t cost_process(const cost_weights *w)
{
    return resident_bytes(of_weights, w);
}
