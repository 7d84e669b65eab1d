/* SPDX-License-Identifier: Apache-2.0 */
/* What a run loads that its plan does not need: a video's libraries are larger than a small model.
 * Of the formats of a kind the one is taken whose suffix its suggested file has, or its example. */
#include "cost.h"
#include "plan.h"

#include "../value/stream.h"

#include <string.h>

typedef struct looked {
    omn_context *ctx;
    const char *type, *suffix;
    const omn_entry *found;
} looked;

/* Of "image:jpg,jpeg", what it makes and its suffixes. */
static bool fits(const looked *l, const char *format)
{
    const char *colon = format ? strchr(format, ':') : NULL;
    const size_t n = colon ? (size_t)(colon - format) : 0;
    if (!colon || strlen(l->type) != n || strncmp(format, l->type, n)) return false;
    for (const char *p = colon + 1; *p;) {
        const size_t k = strcspn(p, ",");
        if (strlen(l->suffix) == k && !strncmp(p, l->suffix, k)) return true;
        p += k + (p[k] == ',');
    }
    return false;
}

static int on_format(void *user, const omn_listed *it)
{
    looked *l = user;
    if (it->name && fits(l, it->format))
        (void)omn_registry_find(l->ctx, "omnio.format/1", it->name, &l->found, NULL);
    return l->found != NULL;
}

static uint64_t load(omn_pipeline *p, const char *type, const char *file)
{
    const omn_kind *kind = NULL;
    const char *of = stream_type_items(type);
    if (!of) of = type;
    if (!strcmp(of, "any") || omn_kind_find_in(p->ctx, of, &kind, NULL) != OMN_OK) return 0;
    const omn_value_impl *impl = omn_kind_impl(kind);
    const char *name = file ? file : impl->example, *dot = name ? strrchr(name, '.') : NULL;
    looked l = { p->ctx, of, dot ? dot + 1 : "", NULL };
    if (dot) (void)omn_registry_list(p->ctx, "omnio.format/1", on_format, &l, NULL);
    const omn_format_impl *format = l.found ? omn_entry_object(l.found)->impl : NULL;
    const omn_takes_impl *takes =
        format && format->extension ? format->extension("omnio.takes/1") : NULL;
    return takes && takes->bytes ? takes->bytes(NULL) : 0;
}

uint64_t cost_load_files(omn_pipeline *p)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const omn_pipeline_port *q = &p->inputs[i].p;
        if (q->kind && !omn_kind_impl(q->kind)->word) bytes += load(p, q->type, NULL);
    }
    for (size_t i = 0; i < p->n_outputs; i++) {
        const omn_pipeline_port *q = &p->outputs[i].p;
        if (q->file && strcmp(q->file, "optional")) (void)load(p, q->type, q->file);
    }
    return bytes;
}

void cost_load_operations(omn_context *ctx, const omn_takes_impl *takes)
{
    const omn_entry *e = NULL;
    for (size_t i = 0; takes && takes->operations && takes->operations[i]; i++)
        (void)omn_registry_find(ctx, "omnio.operation/1", takes->operations[i], &e, NULL);
}
