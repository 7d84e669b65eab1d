/* SPDX-License-Identifier: Apache-2.0 */
/* Every weight of a model, whichever of its decoders is asked: a training that teaches one of them
 * keeps the others, and with their ids what makes values of those. */
#include "open.h"

#include <stdio.h>
#include <string.h>

#define MOST_ROLES 16

typedef struct order {
    const omn_part *decoder;
    const omn_decoder_impl *impl;
} order;

/* A value's tensors to its codes, [1,L]. */
static omn_node *codes_of_value(const order *o, omn_scope *s, const omn_port *list, uint32_t n)
{
    omn_bundle *in = omn_bundle_new(s);
    for (uint32_t i = 0; i < n; i++) {
        omn_shape shape = { .rank = list[i].most.rank + 1, .dim = { 1 } };
        for (uint32_t d = 0; d < list[i].most.rank && d + 1 < OMN_MAX_RANK; d++)
            shape.dim[d + 1] = list[i].most.dim[d];
        omn_bundle_put(in, s, list[i].name, omn_input(s, list[i].name, list[i].type, shape));
    }
    return o->impl->tokenize(o->decoder->self, omn_part_scope(o->decoder, s), in);
}

/* There and back, as far as the decoder goes. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    const omn_port *in = NULL, *list = NULL;
    const omn_codes *codes = o->impl->codes(o->decoder->self);
    uint32_t n_out = 0;
    const uint32_t n = o->impl->ports(o->decoder->self, &in, &n_out, &list);
    omn_node *ids = o->impl->tokenize && n
                        ? codes_of_value(o, s, in, n)
                        : omn_input(s, "codes", OMN_I32,
                                    omn_dim2(1, codes->count > 0 ? codes->count : 1));
    omn_bundle_put(out, s, "codes", ids);
    if (!o->impl->detokenize) return;
    omn_bundle *made = omn_bundle_new(s);
    o->impl->detokenize(o->decoder->self, omn_part_scope(o->decoder, s), ids, made);
    for (uint32_t i = 0; i < n_out; i++) {
        char name[160];
        snprintf(name, sizeof name, "value.%.128s", list[i].name);
        omn_bundle_put(out, s, name, omn_bundle_get(made, s, list[i].name));
    }
}

static omn_status declare_values(omn_model *m, const omn_part *decoder, omn_error *err)
{
    order o = { decoder, decoder->impl };
    omn_graph *g = NULL;
    char key[128];
    if (!o.impl->ports || !o.impl->codes || (!o.impl->tokenize && !o.impl->detokenize))
        return OMN_OK;
    snprintf(key, sizeof key, "values %s", decoder->role);
    return omn_program_graph(m->program, key, build, &o, &g, err);
}

/* The decoders that are taught by ids of their own, the text first; at least one name. */
static uint32_t declared(const omn_model *m, const char **list)
{
    uint32_t n = 0;
    if (omn_model_decoder(m, "text")) list[n++] = "text";
    for (size_t i = 0; i < m->open->n_parts && n < MOST_ROLES; i++) {
        const omn_part *p = m->open->parts[i];
        if (strcmp(p->kind, "omnio.decoder/1") || !strcmp(p->role, "text")) continue;
        if (p->has_vocab || !n) list[n++] = p->role;
    }
    if (!n) list[n++] = "text"; /* which the model will say that it does not make */
    return n;
}

omn_status omn_model_declare(omn_model *m, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *roles[MOST_ROLES], *outputs[MOST_ROLES];
    int64_t lengths[MOST_ROLES];
    uint32_t n = 0;
    for (size_t i = 0; i < m->open->n_parts && n < MOST_ROLES; i++) {
        if (strcmp(m->open->parts[i]->kind, "omnio.encoder/1")) continue;
        roles[n] = m->open->parts[i]->role;
        lengths[n++] = 0;
    }
    const uint32_t n_outputs = declared(m, outputs);
    for (uint32_t i = 0; i < n_outputs && st == OMN_OK; i++) {
        omn_graph *g = NULL;
        const omn_graph_sizes z = {
            OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1, .roles = roles,
            .lengths = lengths,        .n_roles = n,       .output = outputs[i],
            .target_length = 4
        };
        st = omn_model_graph(m, &z, &g, err);
    }
    for (size_t i = 0; m->training && i < m->open->n_parts && st == OMN_OK; i++)
        if (!strcmp(m->open->parts[i]->kind, "omnio.decoder/1"))
            st = declare_values(m, m->open->parts[i], err);
    return st;
}
