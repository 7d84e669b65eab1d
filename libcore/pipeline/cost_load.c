/* SPDX-License-Identifier: Apache-2.0 */
/* What a run loads that its plan does not need: a video's libraries are larger than a small model.
 * Of the formats of a kind the one is taken whose suffix its suggested file has, or its example. */
#include "cost.h"
#include "plan.h"

#include "../plugin/context.h"
#include "../plugin/registry.h"
#include "../plugin/suffix.h"
#include "../value/stream.h"

#include <string.h>

static uint64_t load(omn_pipeline *p, const char *type, const char *file)
{
    const omn_kind *kind = NULL;
    const omn_entry *e = NULL;
    char suffix[SUFFIX_ROOM];
    format_names names;
    const char *of = stream_type_items(type);
    if (!of) of = type;
    if (!strcmp(of, "any") || omn_kind_find_in(p->ctx, of, &kind, NULL) != OMN_OK) return 0;
    const char *name = file ? file : omn_kind_impl(kind)->example;
    if (!name || !suffix_of(name, suffix) ||
        registry_formats(context_registry(p->ctx), p->ctx, of, suffix, &names, NULL) != OMN_OK)
        return 0;
    for (size_t i = 0; !e && i < names.preferred; i++)
        (void)omn_registry_find(p->ctx, "omnio.format/1", names.of[i], &e, NULL);
    const omn_format_impl *format = e ? omn_entry_object(e)->impl : NULL;
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
