/* SPDX-License-Identifier: Apache-2.0 */
/* A model's graphs by sizes: the inputs of encoders and targets are declared here, the model builds
 * the rest, and the program keeps the result under a key that spells the sizes. */
#include "row.h"

#include "../graph/recompute.h"

#include <omnio/learn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROLES 16

typedef struct order {
    omn_model *m;
    const omn_graph_sizes *z;
    const omn_shape *made; /* of each role in z->made; NULL: none is given */
} order;

void model_port_name(const char *role, uint32_t number, const char *port, char *out, size_t room)
{
    if (number) snprintf(out, room, "%s#%u.%s", role, number + 1, port);
    else snprintf(out, room, "%s.%s", role, port);
}

/* Inputs of one role's ports with a batch axis in front. distinct: see omn_graph_sizes. made: shape
 * of the vectors that are given; NULL: none are. */
static omn_bundle *ports(const order *o, omn_scope *s, const omn_part *p, uint32_t number,
                         int64_t length, int64_t distinct, const omn_shape *made)
{
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(p->self, &list);
    omn_bundle *b = omn_bundle_new(s);
    for (uint32_t i = 0; i < n; i++) {
        char name[176];
        omn_shape shape = { .rank = list[i].most.rank + 1 };
        shape.dim[0] = distinct ? distinct : o->z->rows;
        for (uint32_t d = 0; d < list[i].most.rank && d + 1 < OMN_MAX_RANK; d++) {
            const bool varies = list[i].varies >> d & 1;
            shape.dim[d + 1] = varies && length > 0 ? length : list[i].most.dim[d];
        }
        model_port_name(omn_part_role(p), number, list[i].name, name, sizeof name);
        omn_bundle_put(b, s, list[i].name, omn_input(s, name, list[i].type, shape));
    }
    if (distinct) {
        char name[176];
        model_port_name(omn_part_role(p), number, "which", name, sizeof name);
        omn_bundle_put(b, s, PART_WHICH, omn_input(s, name, OMN_I32, omn_dim2(o->z->rows, 1)));
    }
    if (made) {
        char name[176];
        omn_shape shape = *made;
        shape.dim[0] = distinct ? distinct : o->z->rows;
        model_port_name(omn_part_role(p), number, "made", name, sizeof name);
        omn_bundle_put(b, s, PART_MADE, omn_input(s, name, OMN_F32, shape));
    }
    return b;
}

/* The model's outputs without a loss of its own, and the objective's loss of them. */
static void taught(const order *o, omn_scope *s, omn_build *rq, omn_bundle *out)
{
    const omn_objective_impl *impl = o->z->objective->impl;
    const omn_target *const *wholes = rq->targets;
    omn_target bare[MOST_ROLES];
    const omn_target *targets[MOST_ROLES];
    for (uint32_t i = 0; i < rq->n_targets; i++) {
        bare[i] = *wholes[i];
        bare[i].labels = bare[i].weight = NULL;
        targets[i] = &bare[i];
    }
    rq->targets = targets;
    o->m->impl->build(o->m->self, s, rq, out);
    omn_node *loss = impl->loss(o->z->objective->self, omn_scope_at(s, "/"), out, wholes,
                                rq->n_targets, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
    else
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "objective %s finds no loss in this model's outputs",
                       o->z->objective->object);
}

/* The inputs of these sizes; false: the model has no such encoder. */
static bool give(const order *o, omn_scope *s, omn_given *given)
{
    const omn_graph_sizes *z = o->z;
    for (uint32_t i = 0; i < z->n_roles; i++) {
        const omn_part *p = omn_model_encoder(o->m, z->roles[i]);
        if (!p) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"", z->roles[i]);
            return false;
        }
        uint32_t number = 0;
        for (uint32_t k = 0; k < i; k++) number += !strcmp(z->roles[k], z->roles[i]);
        given[i] = (omn_given){ p, ports(o, s, p, number, z->lengths ? z->lengths[i] : 0,
                                         z->distinct ? z->distinct[i] : 0,
                                         o->made && z->made[i] ? &o->made[i] : NULL) };
    }
    return true;
}

/* An input of one target, "target.ids" of the only one or "target.ROLE.ids". */
static omn_node *of_target(const order *o, omn_scope *s, const char *role, const char *what,
                           omn_type t, omn_shape shape)
{
    char name[176];
    const bool one = !o->z->n_outputs;
    snprintf(name, sizeof name, "target.%s%s%s", one ? "" : role, one ? "" : ".", what);
    return omn_input(s, name, t, shape);
}

/* The inputs of one target; false: the model has no such decoder. */
static bool aim(const order *o, omn_scope *s, const char *role, int64_t T, omn_target *t)
{
    const omn_graph_sizes *z = o->z;
    const omn_shape bt = omn_dim2(z->packed_rows ? z->packed_rows : z->rows, T);
    *t = (omn_target){ OMN_FILL(omn_target), .part = omn_model_decoder(o->m, role) };
    if (!t->part) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "this model makes no \"%s\"", role);
        return false;
    }
    t->ids = of_target(o, s, role, "ids", OMN_I32, bt);
    t->pos = of_target(o, s, role, "pos", OMN_I32, bt);
    t->seg = of_target(o, s, role, "seg", OMN_I32, bt);
    if (z->phase == OMN_TEACH) t->part_of = of_target(o, s, role, "part", OMN_I32, bt);
    if (model_row(o->m)) t->from = of_target(o, s, role, "from", OMN_I32, bt);
    if (z->noised) t->noised = of_target(o, s, role, "noised", OMN_F32, bt);
    if (z->labels) {
        t->labels = of_target(o, s, role, "labels", OMN_I32, bt);
        t->weight = of_target(o, s, role, "weight", OMN_F32, bt);
    }
    return true;
}

/* Models without decoders of ids learn from what they make of their inputs, and so does any when
 * the output has no name: they have no targets. */
static bool writes(const omn_model *m, const omn_graph_sizes *z)
{
    if (!z->n_outputs && z->output && !*z->output) return false;
    for (size_t i = 0; i < m->open->n_parts; i++)
        if (!strcmp(m->open->parts[i]->kind, "omnio.decoder/1") && m->open->parts[i]->has_vocab)
            return true;
    return false;
}

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    const omn_graph_sizes *z = o->z;
    omn_given given[MOST_ROLES];
    omn_target target[MOST_ROLES];
    const omn_target *targets[MOST_ROLES];
    omn_build rq = { OMN_FILL(omn_build), .phase = z->phase, .inputs = given,
                     .n_inputs = z->phase == OMN_STEP ? 0 : z->n_roles, .rows = z->rows,
                     .capacity = z->capacity, .memory_rows = z->memory_rows,
                     .memory_length = z->memory_length, .loss = z->loss };
    if (rq.n_inputs && !give(o, s, given)) return;
    if (z->packed_rows) {
        const omn_shape packed = omn_dim2(z->packed_rows, z->packed_length);
        rq.in_map = omn_input(s, "pack.map", OMN_I32, packed);
        rq.in_seg = omn_input(s, "pack.seg", OMN_I32, packed);
    }
    const bool aimless = z->phase == OMN_TEACH && !writes(o->m, z);
    if (z->phase != OMN_ENCODE && z->phase != OMN_EMBED && !aimless) {
        rq.targets = targets;
        rq.n_targets = z->n_outputs ? z->n_outputs : 1;
        for (uint32_t i = 0; i < rq.n_targets; i++) {
            const char *role = z->n_outputs ? z->outputs[i] : z->output ? z->output : "text";
            const int64_t T = z->n_outputs ? z->target_lengths[i] : z->target_length;
            if (!aim(o, s, role, T, &target[i])) return;
            targets[i] = &target[i];
        }
    }
    if (z->phase == OMN_STEP) {
        rq.start = omn_input(s, "start", OMN_I32, omn_dim1(z->rows));
        rq.memory_row = omn_input(s, "memory_row", OMN_I32, omn_dim1(z->rows));
    }
    if (z->objective && (rq.n_targets || aimless) && z->labels) taught(o, s, &rq, out);
    else o->m->impl->build(o->m->self, s, &rq, out);
    if (z->extend) z->extend(z->extend_user, s, out);
}

/* What tells graphs apart, numbers to the last bit. False: it does not fit, so that two might share
 * one key. */
static bool spell(const omn_graph_sizes *z, char *key, size_t room)
{
    static const char *const phases[] = { "?", "encode", "step", "teach", "embed" };
    int n = snprintf(key, room, "%s rows=%lld out=%s T=%lld cap=%lld mem=%lldx%lld labels=%d x=%d",
                     phases[z->phase <= OMN_EMBED ? z->phase : 0], (long long)z->rows,
                     z->output ? z->output : "text", (long long)z->target_length,
                     (long long)z->capacity, (long long)z->memory_rows, (long long)z->memory_length,
                     z->labels, z->extend != NULL);
    if (z->loss && n > 0 && (size_t)n < room)
        n += omn_format(key + n, room - (size_t)n, " ce=%.17g,%.17g,%.17g,%d,%d", z->loss->z_loss,
                        z->loss->smoothing, z->loss->soft_sigma, z->loss->soft_first,
                        z->loss->soft_count);
    if (z->objective && n > 0 && (size_t)n < room) /* opened ones differ in their parameters */
        n += snprintf(key + n, room - (size_t)n, " objective=%p", (const void *)z->objective);
    for (uint32_t i = 0; i < z->n_roles && n > 0 && (size_t)n < room; i++)
        n += snprintf(key + n, room - (size_t)n, " %s=%lld/%lld%s", z->roles[i],
                      (long long)(z->lengths ? z->lengths[i] : 0),
                      (long long)(z->distinct ? z->distinct[i] : 0),
                      z->made && z->made[i] ? "!" : "");
    for (uint32_t i = 0; i < z->n_outputs && n > 0 && (size_t)n < room; i++)
        n += snprintf(key + n, room - (size_t)n, " >%s=%lld", z->outputs[i],
                      (long long)z->target_lengths[i]);
    if ((z->noised || z->packed_rows) && n > 0 && (size_t)n < room)
        n += snprintf(key + n, room - (size_t)n, " noised=%d packed=%lldx%lld", z->noised,
                      (long long)z->packed_rows, (long long)z->packed_length);
    return n > 0 && (size_t)n < room;
}

static void vectors(void *user, omn_scope *s, omn_bundle *out)
{
    omn_given given;
    if (!give(user, s, &given)) return;
    omn_node *x = omn_seq_get_x(omn_encoder_embed(given.part, s, given.in));
    if (!x) return;
    if (omn_node_type(x) != OMN_F32)
        omn_scope_fail(s, OMN_ERR_TYPE, "%s makes vectors of %s; f32 is wanted",
                       omn_part_object(given.part), omn_type_get(omn_node_type(x))->name);
    omn_bundle_put(out, s, "vectors", x);
}

omn_status model_features(omn_model *m, const char *role, int64_t length, int64_t rows,
                          omn_graph **out, omn_error *err)
{
    char key[256];
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .rows = rows, .roles = &role,
                                .lengths = &length, .n_roles = 1 };
    order o = { m, &z, NULL };
    snprintf(key, sizeof key, "vectors %s=%lld rows=%lld", role, (long long)length,
             (long long)rows);
    return omn_program_graph(m->program, key, vectors, &o, out, err);
}

/* The shapes of vectors that are given. */
static omn_status shapes_of_made(omn_model *m, const omn_graph_sizes *z, omn_shape *out,
                                 omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t i = 0; i < z->n_roles && st == OMN_OK; i++) {
        omn_graph *g = NULL;
        if (!z->made[i]) continue;
        st = model_features(m, z->roles[i], z->lengths ? z->lengths[i] : 0, 1, &g, err);
        if (st == OMN_OK) out[i] = omn_graph_output_shape(g, 0);
    }
    return st;
}

omn_status omn_model_graph(omn_model *m, const omn_graph_sizes *sizes, omn_graph **out,
                           omn_error *err)
{
    char key[1024];
    omn_graph_sizes own = { 0 }, *z = &own;
    omn_shape made[MOST_ROLES];
    order o = { m, z, NULL };
    memcpy(z, sizes, sizes->size < sizeof own ? sizes->size : sizeof own);
    if (z->n_roles > MOST_ROLES || z->n_outputs > MOST_ROLES)
        return omn_fail(err, OMN_ERR_ARGUMENT, "at most %d inputs go into one request", MOST_ROLES);
    if (!spell(z, key, sizeof key))
        return omn_fail(err, OMN_ERR_ARGUMENT, "the names of inputs and output are too long");
    if (z->made) {
        const omn_status st = shapes_of_made(m, z, made, err);
        if (st != OMN_OK) return st;
        o.made = made;
    }
    if (z->phase == OMN_TEACH && z->labels && m->training)
        return program_gradient(m->program, key, build, &o, "loss", z->frozen, z->n_frozen,
                                z->recompute, out, err);
    return omn_program_graph(m->program, key, build, &o, out, err);
}

/* The sequences of the inputs alone, for their lengths. */
static void sequences(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    omn_given given[MOST_ROLES];
    if (!give(o, s, given)) return;
    for (uint32_t i = 0; i < o->z->n_roles; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        omn_seq *q = omn_encoder_embed(given[i].part, s, given[i].in);
        omn_bundle_put(out, s, name, omn_seq_get_x(q));
    }
}

omn_status model_lengths(omn_model *m, const omn_graph_sizes *z, int64_t *lengths, omn_error *err)
{
    char key[1024] = "lengths";
    size_t n = strlen(key);
    omn_graph *g = NULL;
    omn_graph_sizes one = *z;
    order o = { m, &one, NULL };
    one.rows = 1;
    one.distinct = NULL;
    if (z->n_roles > MOST_ROLES)
        return omn_fail(err, OMN_ERR_ARGUMENT, "at most %d inputs go into one request", MOST_ROLES);
    for (uint32_t i = 0; i < z->n_roles && n < sizeof key; i++)
        n += (size_t)snprintf(key + n, sizeof key - n, " %s=%lld", z->roles[i],
                              (long long)(z->lengths ? z->lengths[i] : 0));
    if (n >= sizeof key)
        return omn_fail(err, OMN_ERR_ARGUMENT, "the names of inputs and output are too long");
    const omn_status st = omn_program_graph(m->program, key, sequences, &o, &g, err);
    for (uint32_t i = 0; st == OMN_OK && i < z->n_roles; i++)
        lengths[i] = omn_graph_output_shape(g, i).dim[1];
    return st;
}
