/* SPDX-License-Identifier: Apache-2.0 */
/* From requests to the model's memory: each input through its encoder's prepare, rows padded to one
 * length (rounded up, so that few graphs exist), one run of the encode graph. */
#include "answer.h"
#include "features.h"
#include "row.h"
#include "runner.h"

#include "../value/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_STEP 8               /* text lengths are rounded up to a multiple */

uint64_t runner_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One input of a request: a role's part and which of the role's inputs it is, from 0. */
typedef struct input {
    const omn_part *part;
    uint32_t number;
} input;

/* Inputs without a value are not there: what is optional in a pipeline comes as NULL. */
static uint32_t count_of(const omn_request *rq, const char *role)
{
    uint32_t n = !strcmp(role, "text") && rq->prompt;
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        n += rq->inputs[i].value && !strcmp(rq->inputs[i].name, role);
    return n;
}

/* Input `number` of a role; NULL: the prompt, which comes behind the other texts. */
static const omn_value *input_of(const omn_request *rq, const char *role, uint32_t number)
{
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        if (rq->inputs[i].value && !strcmp(rq->inputs[i].name, role) && !number--)
            return rq->inputs[i].value;
    return NULL;
}

/* The inputs of all rows by role, in the model's order and within a role in the order given; a role
 * that the model lacks is an error. */
static omn_status inputs_of(const omn_model *m, const omn_request *const *rq, size_t n,
                            input *list, uint32_t *n_list, omn_error *err)
{
    *n_list = 0;
    for (size_t r = 0; r < n; r++)
        for (uint32_t i = 0; i < rq[r]->n_inputs; i++)
            if (!omn_model_encoder(m, rq[r]->inputs[i].name))
                return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"",
                                rq[r]->inputs[i].name);
    for (size_t i = 0; i < m->open->n_parts; i++) {
        const omn_part *p = m->open->parts[i];
        uint32_t most = 0;
        if (strcmp(p->kind, "omnio.encoder/1")) continue;
        for (size_t r = 0; r < n; r++) {
            const uint32_t k = count_of(rq[r], p->role);
            if (k > most) most = k;
        }
        for (uint32_t k = 0; k < most; k++) {
            if (*n_list == MOST_ROLES)
                return omn_fail(err, OMN_ERR_ARGUMENT, "at most %d inputs go into one request",
                                MOST_ROLES);
            list[(*n_list)++] = (input){ p, k };
        }
    }
    if (!*n_list) return omn_fail(err, OMN_ERR_ARGUMENT, "a request without prompt and inputs");
    return OMN_OK;
}

omn_status runner_text(const omn_model *m, const omn_request *rq, const omn_value *v, bool first,
                       omn_value **out, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    if (first) omn_buf_puts(&b, omn_model_prefix(m, rq->output ? rq->output : "text"));
    if (v) omn_value_text(v, &b);
    else omn_buf_puts(&b, rq->prompt);
    omn_status st = omn_buf_check(&b, "the prompt", err);
    if (st == OMN_OK) st = omn_text_new(b.data, b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

/* One row of one port into its place of the batch. */
static void place(const omn_port *p, const omn_tensor *from, char *to, int64_t length)
{
    const size_t each = omn_type_get(p->type)->bytes;
    size_t inner = each;
    for (uint32_t d = 1; d < p->most.rank; d++) inner *= (size_t)p->most.dim[d];
    const int64_t have = from->shape.rank ? from->shape.dim[0] : 1;
    memcpy(to, from->data, (size_t)(have < length ? have : length) * inner);
}

typedef struct batch {
    const omn_feed **rows;        /* n * n_inputs; NULL: this row has no such input */
    omn_feed **mine;              /* those of them that are freed with the batch */
    omn_value **texts;            /* as the model gets them; NULL elsewhere */
    omn_feed *feed;
    input inputs[MOST_ROLES];
    omn_phase phase;
    int64_t lengths[MOST_ROLES], distinct[MOST_ROLES];
    bool made[MOST_ROLES];        /* the encoder's vectors are in the feed */
    uint32_t n_inputs;
} batch;

static bool same_tensor(const omn_tensor *a, const omn_tensor *b)
{
    return a->type == b->type && a->bytes == b->bytes && omn_shape_equal(&a->shape, &b->shape) &&
           (a->data == b->data || !memcmp(a->data, b->data, a->bytes));
}

/* Do two rows give an encoder the same? NULL: a row that lacks the input. */
static bool same_input(const omn_part *p, const omn_feed *a, const omn_feed *b)
{
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(p->self, &list);
    if (a == b) return true;
    if (!a || !b) return false;
    for (uint32_t i = 0; i < n; i++) {
        const omn_tensor *x = omn_feed_get(a, list[i].name), *y = omn_feed_get(b, list[i].name);
        if (!x || !y || !same_tensor(x, y)) return false;
    }
    return true;
}

/* Rows that have the same input: which[r] is the number of row r's among the different ones, whose
 * first rows are in first. Returns how many there are, rounded up to a power of two so that few
 * graphs exist (what is too much are copies of the first); 0: not fewer than rows. */
static size_t equal_rows(const batch *b, uint32_t k, size_t n, int32_t *which, size_t *first)
{
    const omn_part *p = b->inputs[k].part;
    size_t u = 0, room = 1;
    for (size_t r = 0; r < n; r++) {
        const omn_feed *f = b->rows[r * b->n_inputs + k];
        size_t i = 0;
        while (i < u && !same_input(p, b->rows[first[i] * b->n_inputs + k], f)) i++;
        if (i == u) first[u++] = r;
        which[r] = (int32_t)i;
    }
    while (room < u) room *= 2;
    if (room >= n) return 0;
    while (u < room) first[u++] = first[0];
    return room;
}

/* The rows of input k that go through its encoder, and how many: all n of them, or each of the
 * different ones once, with "ROLE.which" for the rest. */
static omn_status rows_to_encode(batch *b, const omn_model *m, uint32_t k, size_t n, omn_arena *a,
                                 size_t **rows, size_t *n_rows, omn_error *err)
{
    const omn_part *p = b->inputs[k].part;
    const bool once = b->phase == OMN_ENCODE && n > 1 && strcmp(p->role, "text") &&
                      m->impl->extension && m->impl->extension("omnio.alike/1");
    char name[176];
    void *data = NULL;
    size_t *list = omn_arena_alloc(a, n, sizeof *list);
    int32_t *which = omn_arena_alloc(a, n, sizeof *which);
    if (!list || !which) return omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu: out of memory", n);
    const size_t u = once ? equal_rows(b, k, n, which, list) : 0;
    for (size_t r = 0; !u && r < n; r++) list[r] = r;
    *rows = list;
    *n_rows = u ? u : n;
    b->distinct[k] = (int64_t)u;
    if (!u) return OMN_OK;
    model_port_name(p->role, b->inputs[k].number, "which", name, sizeof name);
    const omn_status st =
        omn_feed_new(b->feed, name, OMN_I32, omn_dim2((int64_t)n, 1), &data, err);
    if (st == OMN_OK) memcpy(data, which, n * sizeof *which);
    return st;
}

/* All rows of one input into "ROLE.PORT" tensors [rows, length, ...]; what a row lacks is zeros, as
 * padding is. */
static omn_status stack(batch *b, const omn_model *m, uint32_t k, size_t all, int64_t least,
                        omn_arena *a, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_part *p = b->inputs[k].part;
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n_ports = e->ports(p->self, &list);
    int64_t length = least;
    size_t *rows = NULL, n = 0;
    OMN_TRY(rows_to_encode(b, m, k, all, a, &rows, &n, err));
    for (uint32_t i = 0; i < n_ports; i++) {
        if (!(list[i].varies & 1)) continue;
        for (size_t r = 0; r < n; r++) {
            const omn_feed *f = b->rows[rows[r] * b->n_inputs + k];
            const omn_tensor *t = f ? omn_feed_get(f, list[i].name) : NULL;
            if (t && t->shape.rank && t->shape.dim[0] > length) length = t->shape.dim[0];
        }
        length = (length + TEXT_STEP - 1) / TEXT_STEP * TEXT_STEP;
        if (length > list[i].most.dim[0]) length = list[i].most.dim[0];
    }
    b->lengths[k] = length;
    for (uint32_t i = 0; i < n_ports; i++) {
        char name[176];
        void *data = NULL;
        omn_shape shape = { .rank = list[i].most.rank + 1, .dim = { (int64_t)n } };
        for (uint32_t d = 0; d < list[i].most.rank; d++) shape.dim[d + 1] = list[i].most.dim[d];
        if (list[i].varies & 1) shape.dim[1] = length;
        model_port_name(p->role, b->inputs[k].number, list[i].name, name, sizeof name);
        OMN_TRY(omn_feed_new(b->feed, name, list[i].type, shape, &data, err));
        const omn_tensor *whole = omn_feed_get(b->feed, name);
        for (size_t r = 0; r < n; r++) {
            const omn_feed *f = b->rows[rows[r] * b->n_inputs + k];
            const omn_tensor *t = f ? omn_feed_get(f, list[i].name) : NULL;
            if (!f) continue;
            if (!t) {
                st = omn_fail(err, OMN_ERR_INTERNAL, "%s did not fill its port \"%s\"", p->object,
                              list[i].name);
                goto done;
            }
            place(&list[i], t, (char *)data + whole->bytes / n * r,
                  shape.rank > 1 ? shape.dim[1] : 1);
        }
    }
done:
    return st;
}

uint32_t runner_places(const omn_part *p, const omn_feed *f)
{
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(p->self, &list);
    const omn_tensor *seg = omn_feed_get(f, "seg");
    uint32_t count = 0;
    if (seg && seg->type == OMN_I32) {
        for (size_t i = 0; i < seg->bytes / sizeof(int32_t); i++)
            count += ((const int32_t *)seg->data)[i] != 0;
        return count;
    }
    for (uint32_t i = 0; i < n && !count; i++) {
        const omn_tensor *t = omn_feed_get(f, list[i].name);
        if (t && t->shape.rank) count = (uint32_t)t->shape.dim[0];
    }
    return count;
}

/* The receipt of one input. */
static void see(const omn_part *p, const omn_value *v, const omn_feed *f, const omn_frame *frame,
                omn_seen *out)
{
    const char *place = omn_kind_impl(omn_value_kind(v))->place;
    const int64_t w = value_axis(v, "w"), h = value_axis(v, "h");
    size_t n = 0;
    const omn_tensor *gone = omn_feed_get(f, "cut"); /* an encoder that had no room for all */
    *out = (omn_seen){ .tokens = runner_places(p, f) };
    if (gone && gone->type == OMN_I32 && gone->bytes == sizeof(int32_t))
        out->cut = (uint32_t)*(const int32_t *)gone->data;
    omn_value_hash(v, out->hash);
    snprintf(out->role, sizeof out->role, "%s", p->role);
    snprintf(out->kind, sizeof out->kind, "%s", omn_value_kind_name(v));
    if (place && !strcmp(place, "frame") && w > 0 && h > 0) {
        out->width = (uint32_t)w;
        out->height = (uint32_t)h;
        out->frame = *frame;
    } else if (omn_value_is(v, "text")) {
        omn_text_get(v, &n);
        out->bytes = n;
    }
}

/* The input of one row: prepared now, or before if somebody keeps it. */
static omn_status prepare(omn_runner *r, omn_call *c, const omn_request *rq, const char *role,
                          const omn_value *v, const omn_feed **out, omn_feed **mine,
                          omn_frame *frame, omn_error *err)
{
    if (rq->prepared && strcmp(role, "text"))
        return omn_prepared_get(rq->prepared, c, role, v, out, frame, err);
    const omn_status st = omn_feed_make(mine, err);
    if (st != OMN_OK) return st;
    *out = *mine;
    return omn_model_prepare(r->model, c, role, v, *mine, frame, err);
}

/* Is input `number` of this role, of those with a value, the one that the answer speaks of? */
static bool is_of(const omn_request *rq, const char *role, uint32_t number)
{
    const uint32_t of = rq->answer ? rq->answer->of_number : 0;
    uint32_t all = 0;
    if (strcmp(role, rq->answer ? rq->answer->of : "image")) return false;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        if (strcmp(rq->inputs[i].name, role)) continue;
        if (rq->inputs[i].value && !number--) return all == of;
        all++;
    }
    return false;
}

static omn_status prepare_row(omn_runner *r, omn_call *c, const omn_request *rq, const input *in,
                              const omn_feed **feed, omn_feed **mine, omn_value **text,
                              encoded *e, size_t row, omn_result *result, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_frame frame = { 0 };
    const char *role = in->part->role;
    const omn_value *v = input_of(rq, role, in->number);
    if (!strcmp(role, "text")) {
        OMN_TRY(runner_text(r->model, rq, v, in->number == 0, text, err));
        v = *text;
    }
    OMN_TRY(prepare(r, c, rq, role, v, feed, mine, &frame, err));
    if (is_of(rq, role, in->number)) {
        e->frames[row] = frame;
        e->has_frame[row] = true;
    }
    if (result && result->seen) see(in->part, v, *feed, &frame, &result->seen[result->n_seen++]);
done:
    return st;
}

static omn_status prepare_all(omn_runner *r, omn_call *c, const omn_request *const *rq, size_t n,
                              batch *b, omn_arena *a, encoded *e, omn_result *results,
                              size_t n_results, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n_results; i++) {
        results[i].seen = calloc(b->n_inputs, sizeof *results[i].seen);
        if (!results[i].seen) {
            st = omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
            goto done;
        }
    }
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < b->n_inputs; k++) {
            if (b->inputs[k].number >= count_of(rq[i], b->inputs[k].part->role)) continue;
            OMN_TRY(prepare_row(r, c, rq[i], &b->inputs[k], &b->rows[i * b->n_inputs + k],
                                &b->mine[i * b->n_inputs + k], &b->texts[i * b->n_inputs + k],
                                e, i, i < n_results ? &results[i] : NULL, err));
        }
    for (uint32_t k = 0; k < b->n_inputs; k++)
        OMN_TRY(stack(b, r->model, k, n, e->least ? e->least[k] : 0, a, err));
done:
    return st;
}

/* The inputs of one request in the order in which it gives them, its prompt behind the others. */
static omn_status front(omn_runner *r, omn_call *c, const omn_request *rq, const batch *b,
                        size_t row, const int64_t *lengths, omn_arena *a, encoded *e,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    row_given given[MOST_ROLES];
    front_ids *f = &e->fronts[row];
    const char *output = request_output(rq);
    uint32_t n = 0;
    for (uint32_t i = 0; i <= rq->n_inputs; i++) {
        const bool last = i == rq->n_inputs;
        const char *role = last ? "text" : rq->inputs[i].name;
        uint32_t number = 0, k = 0;
        if (last ? !rq->prompt : !rq->inputs[i].value) continue;
        for (uint32_t j = 0; j < i; j++)
            number += rq->inputs[j].value && !strcmp(rq->inputs[j].name, role);
        while (strcmp(b->inputs[k].part->role, role) || b->inputs[k].number != number) k++;
        const size_t at = row * b->n_inputs + k;
        row_given *g = &given[n++];
        *g = (row_given){ .part = b->inputs[k].part, .number = number, .input = k,
                          .value = b->texts[at] ? b->texts[at] : rq->inputs[i].value };
        row_count(g, b->rows[at], b->lengths[k], lengths[k]);
    }
    OMN_TRY(row_front(r->model, c, output, given, n, a, &f->ids, NULL, &f->n, err));
    for (uint32_t i = 0; i < f->n; i++) {
        int64_t at = row_mark_vector(f->ids[i]);
        if (f->ids[i] >= 0) continue;
        for (uint32_t k = 0; k < row_mark_input(f->ids[i]); k++) at += lengths[k];
        f->ids[i] = (int32_t)(-1 - at);
    }
    f->start = -1;
    if (omn_part_vocabulary(omn_model_decoder(r->model, output))->start < 0)
        f->start = f->ids[--f->n];
    if (f->n > e->most_front) e->most_front = f->n;
done:
    return st;
}

/* What stands in front of the answers. */
static omn_status fronts(omn_runner *r, omn_call *c, const omn_request *const *rq, size_t n,
                         const batch *b, const omn_graph_sizes *z, omn_arena *a, encoded *e,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    int64_t lengths[MOST_ROLES];
    e->fronts = omn_arena_alloc(a, n, sizeof *e->fronts);
    if (!e->fronts) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory"));
    OMN_TRY(model_lengths(r->model, z, lengths, err));
    for (uint32_t k = 0; k < b->n_inputs; k++) e->vectors += lengths[k];
    if (e->vectors > INT32_MAX)
        OMN_TRY(omn_fail(err, OMN_ERR_ARGUMENT, "the inputs have %lld vectors: too many",
                         (long long)e->vectors));
    for (size_t i = 0; i < n; i++) OMN_TRY(front(r, c, rq[i], b, i, lengths, a, e, err));
done:
    return st;
}

/* What encoders make of the inputs, where that is kept. */
static omn_status vectors(omn_runner *r, omn_call *c, batch *b, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t k = 0; k < b->n_inputs && st == OMN_OK; k++) {
        const input *in = &b->inputs[k];
        b->made[k] = b->phase == OMN_ENCODE && features_keep(r->model, in->part);
        if (b->made[k])
            st = features_add(r->model, r->exec, c, in->part, in->number, b->lengths[k],
                              b->distinct[k] ? (size_t)b->distinct[k] : n, b->feed, err);
    }
    return st;
}

omn_status runner_inputs(omn_runner *r, omn_call *c, const omn_request *const *rq, size_t n,
                         omn_phase phase, omn_arena *a, encoded *e, omn_result *results,
                         size_t n_results, omn_graph **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *roles[MOST_ROLES];
    omn_graph *g = NULL;
    const uint64_t t0 = runner_now();
    batch b = { .phase = phase };
    OMN_TRY(inputs_of(r->model, rq, n, b.inputs, &b.n_inputs, err));
    e->frames = omn_arena_alloc(a, n, sizeof *e->frames);
    e->has_frame = omn_arena_alloc(a, n, sizeof *e->has_frame);
    b.rows = omn_arena_alloc(a, n * b.n_inputs, sizeof *b.rows);
    b.mine = omn_arena_alloc(a, n * b.n_inputs, sizeof *b.mine);
    b.texts = omn_arena_alloc(a, n * b.n_inputs, sizeof(omn_value *));
    if (!e->frames || !e->has_frame || !b.rows || !b.mine || !b.texts) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
        goto done;
    }
    OMN_TRY(omn_feed_make(&b.feed, err));
    OMN_TRY(prepare_all(r, c, rq, n, &b, a, e, results, n_results, err));
    for (uint32_t k = 0; k < b.n_inputs; k++) roles[k] = b.inputs[k].part->role;
    const uint64_t t1 = runner_now();
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = phase, .rows = (int64_t)n,
                                .roles = roles, .lengths = b.lengths, .n_roles = b.n_inputs,
                                .distinct = b.distinct, .made = b.made };
    if (phase == OMN_ENCODE && model_row(r->model))
        OMN_TRY(fronts(r, c, rq, n, &b, &z, a, e, err));
    OMN_TRY(vectors(r, c, &b, n, err));
    OMN_TRY(omn_model_graph(r->model, &z, &g, err));
    OMN_TRY(omn_exec_run(r->exec, g, b.feed, c, err));
    *out = g;
    const uint64_t t2 = runner_now();
    for (size_t i = 0; i < n_results; i++) {
        results[i].prepare_ns = (t1 - t0) / n_results;
        results[i].encode_ns = (t2 - t1) / n_results;
    }
done:
    for (size_t i = 0; b.mine && i < n * b.n_inputs; i++) omn_feed_free(b.mine[i]);
    for (size_t i = 0; b.texts && i < n * b.n_inputs; i++) omn_value_unref(b.texts[i]);
    omn_feed_free(b.feed);
    return st;
}

omn_status runner_encode(omn_runner *r, omn_call *c, const omn_request *const *rq, size_t n,
                         omn_arena *a, encoded *e, omn_result *results, size_t n_results,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    omn_graph *g = NULL;
    omn_tensor memory;
    OMN_TRY(runner_inputs(r, c, rq, n, OMN_ENCODE, a, e, results, n_results, &g, err));
    e->graph = g;
    OMN_TRY(omn_exec_output(r->exec, g, "memory", &memory, err));
    e->rows = memory.shape.dim[0];
    e->length = memory.shape.dim[1];
    if (e->fronts && (e->rows != (int64_t)n || e->length != e->vectors))
        st = omn_fail(err, OMN_ERR_PLUGIN,
                      "the model %s has a memory of %lld rows with %lld places; its %zu requests "
                      "have %lld vectors each",
                      omn_model_object(r->model), (long long)e->rows, (long long)e->length, n,
                      (long long)e->vectors);
    else if (e->fronts && e->rows * e->length > INT32_MAX)
        st = omn_fail(err, OMN_ERR_ARGUMENT, "%zu requests have %lld vectors each: too many", n,
                      (long long)e->length);
done:
    return st;
}

/* Does prepare make tensors of an encoder that are as long as the input? */
static bool varies(const omn_part *p)
{
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(p->self, &list);
    for (uint32_t i = 0; i < n; i++)
        if (list[i].varies & 1) return true;
    return false;
}

/* Raises *length to the places of one input of one request. */
static omn_status measure(omn_runner *r, omn_call *c, const omn_request *rq, const input *in,
                          encoded *e, int64_t *length, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_feed *feed = NULL;
    omn_feed *mine = NULL;
    omn_value *text = NULL;
    const omn_encoder_impl *impl = in->part->impl;
    const omn_port *list = NULL;
    const uint32_t n = impl->ports(in->part->self, &list);
    OMN_TRY(prepare_row(r, c, rq, in, &feed, &mine, &text, e, 0, NULL, err));
    for (uint32_t i = 0; i < n; i++) {
        const omn_tensor *t = list[i].varies & 1 ? omn_feed_get(feed, list[i].name) : NULL;
        if (t && t->shape.rank && t->shape.dim[0] > *length) *length = t->shape.dim[0];
    }
done:
    omn_feed_free(mine);
    omn_value_unref(text);
    return st;
}

omn_status runner_lengths(omn_runner *r, omn_call *c, const omn_request *rq, size_t n, bool *may,
                          int64_t *least, omn_error *err)
{
    omn_status st = OMN_OK;
    input list[MOST_ROLES];
    uint32_t n_list = 0;
    omn_frame frame = { 0 };
    bool has_frame = false;
    encoded e = { .frames = &frame, .has_frame = &has_frame }; /* nobody looks at them */
    const omn_request *first = rq;
    *may = !model_row(r->model);
    if (!*may) return OMN_OK;
    OMN_TRY(inputs_of(r->model, &first, 1, list, &n_list, err));
    memset(least, 0, MOST_ROLES * sizeof *least);
    for (size_t i = 0; i < n && *may; i++) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < n_list; k++) {
            if (k && list[k].part == list[k - 1].part) continue;
            *may = *may && count_of(&rq[i], list[k].part->role) ==
                               count_of(first, list[k].part->role);
            count += count_of(&rq[i], list[k].part->role);
        }
        uint32_t given = rq[i].prompt != NULL;
        for (uint32_t k = 0; k < rq[i].n_inputs; k++) given += rq[i].inputs[k].value != NULL;
        *may = *may && given == count;
    }
    for (uint32_t k = 0; k < n_list && *may; k++) {
        if (!varies(list[k].part)) continue;
        for (size_t i = 0; i < n; i++)
            OMN_TRY(measure(r, c, &rq[i], &list[k], &e, &least[k], err));
    }
done:
    return st;
}
