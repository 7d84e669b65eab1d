/* SPDX-License-Identifier: Apache-2.0 */
/* From requests to the model's memory: each input through its encoder's prepare, rows padded to one
 * length (rounded up, so that few graphs exist), one run of the encode graph; and one run of the
 * step graph. */
#include "runner.h"

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

static const omn_value *input_of(const omn_request *rq, const char *role)
{
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        if (!strcmp(rq->inputs[i].name, role)) return rq->inputs[i].value;
    return NULL;
}

/* The roles of this request in the model's order; a role that the model lacks is an error. */
static omn_status roles_of(const omn_model *m, const omn_request *rq, const char **roles,
                           uint32_t *n, omn_error *err)
{
    *n = 0;
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        if (!omn_model_encoder(m, rq->inputs[i].name))
            return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"",
                            rq->inputs[i].name);
    for (size_t i = 0; i < m->open->n_parts && *n < MOST_ROLES; i++) {
        const omn_part *p = m->open->parts[i];
        if (strcmp(p->kind, "omnio.encoder/1")) continue;
        if (!strcmp(p->role, "text") ? rq->prompt != NULL : input_of(rq, p->role) != NULL)
            roles[(*n)++] = p->role;
    }
    return OMN_OK;
}

static omn_status prompt_value(const omn_model *m, const omn_request *rq, omn_value **out,
                               omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    omn_buf_puts(&b, omn_model_prefix(m, rq->output ? rq->output : "text"));
    omn_buf_puts(&b, rq->prompt);
    const omn_status st = b.failed ? omn_fail(err, OMN_ERR_DATA, "the prompt is longer than 16 MiB")
                                   : omn_text_new(b.data, b.length, out, err);
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
    omn_feed **rows;              /* n * n_roles */
    omn_feed *feed;
    int64_t lengths[MOST_ROLES];
} batch;

/* All rows of one role into "ROLE.PORT" tensors [n, length, ...]. */
static omn_status stack(const omn_part *p, batch *b, uint32_t role, uint32_t n_roles, size_t n,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n_ports = e->ports(p->self, &list);
    int64_t length = 0;
    for (uint32_t i = 0; i < n_ports; i++) {
        if (!(list[i].varies & 1)) continue;
        for (size_t r = 0; r < n; r++) {
            const omn_tensor *t = omn_feed_get(b->rows[r * n_roles + role], list[i].name);
            if (t && t->shape.rank && t->shape.dim[0] > length) length = t->shape.dim[0];
        }
        length = (length + TEXT_STEP - 1) / TEXT_STEP * TEXT_STEP;
        if (length > list[i].most.dim[0]) length = list[i].most.dim[0];
    }
    b->lengths[role] = length;
    for (uint32_t i = 0; i < n_ports; i++) {
        char name[160];
        void *data = NULL;
        omn_shape shape = { .rank = list[i].most.rank + 1, .dim = { (int64_t)n } };
        for (uint32_t d = 0; d < list[i].most.rank; d++) shape.dim[d + 1] = list[i].most.dim[d];
        if (list[i].varies & 1) shape.dim[1] = length;
        snprintf(name, sizeof name, "%s.%s", p->role, list[i].name);
        OMN_TRY(omn_feed_new(b->feed, name, list[i].type, shape, &data, err));
        const omn_tensor *whole = omn_feed_get(b->feed, name);
        for (size_t r = 0; r < n; r++) {
            const omn_tensor *t = omn_feed_get(b->rows[r * n_roles + role], list[i].name);
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

static omn_status prepare_row(omn_runner *r, omn_call *c, const omn_request *rq, const char *role,
                              omn_feed *feed, encoded *e, size_t row, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *text = NULL;
    omn_frame frame = { 0 };
    const omn_value *v = input_of(rq, role);
    if (!strcmp(role, "text")) {
        OMN_TRY(prompt_value(r->model, rq, &text, err));
        v = text;
    }
    OMN_TRY(omn_model_prepare(r->model, c, role, v, feed, &frame, err));
    const char *of = rq->answer && rq->answer->of ? rq->answer->of : "image";
    if (!strcmp(role, of)) {
        e->frames[row] = frame;
        e->has_frame[row] = true;
    }
done:
    omn_value_unref(text);
    return st;
}

omn_status runner_encode(omn_runner *r, omn_call *c, const omn_request *rq, size_t n, omn_arena *a,
                         encoded *e, omn_result *results, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *roles[MOST_ROLES];
    uint32_t n_roles = 0;
    omn_graph *g = NULL;
    const uint64_t t0 = runner_now();
    batch b = { 0 };
    OMN_TRY(roles_of(r->model, rq, roles, &n_roles, err));
    if (!n_roles) {
        st = omn_fail(err, OMN_ERR_ARGUMENT, "a request without prompt and inputs");
        goto done;
    }
    e->frames = omn_arena_alloc(a, n, sizeof *e->frames);
    e->has_frame = omn_arena_alloc(a, n, sizeof *e->has_frame);
    b.rows = omn_arena_alloc(a, n * n_roles, sizeof *b.rows);
    if (!e->frames || !e->has_frame || !b.rows) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
        goto done;
    }
    OMN_TRY(omn_feed_make(&b.feed, err));
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n_roles; k++) {
            OMN_TRY(omn_feed_make(&b.rows[i * n_roles + k], err));
            OMN_TRY(prepare_row(r, c, &rq[i], roles[k], b.rows[i * n_roles + k], e, i, err));
        }
    for (uint32_t k = 0; k < n_roles; k++)
        OMN_TRY(stack(omn_model_encoder(r->model, roles[k]), &b, k, n_roles, n, err));
    const uint64_t t1 = runner_now();
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = (int64_t)n,
                                .roles = roles, .lengths = b.lengths, .n_roles = n_roles };
    OMN_TRY(omn_model_graph(r->model, &z, &g, err));
    OMN_TRY(omn_exec_run(r->exec, g, b.feed, c, err));
    omn_tensor memory;
    OMN_TRY(omn_exec_output(r->exec, g, "memory", &memory, err));
    e->rows = memory.shape.dim[0];
    e->length = memory.shape.dim[1];
    const uint64_t t2 = runner_now();
    for (size_t i = 0; i < n; i++) {
        results[i].prepare_ns = (t1 - t0) / n;
        results[i].encode_ns = (t2 - t1) / n;
    }
done:
    for (size_t i = 0; b.rows && i < n * n_roles; i++) omn_feed_free(b.rows[i]);
    omn_feed_free(b.feed);
    return st;
}

omn_status runner_step(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                       int64_t rows, int64_t T, int64_t capacity, const int32_t *ids, int32_t start,
                       const int32_t *memory_row, omn_tensor *logits, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_graph *g = NULL;
    omn_feed *f = NULL;
    void *p[5] = { 0 };
    char name[96];
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_STEP, .rows = rows,
                                .output = output, .target_length = T, .capacity = capacity,
                                .memory_rows = e->rows, .memory_length = e->length };
    OMN_TRY(omn_model_graph(r->model, &z, &g, err));
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(omn_feed_new(f, "target.ids", OMN_I32, omn_dim2(rows, T), &p[0], err));
    OMN_TRY(omn_feed_new(f, "target.pos", OMN_I32, omn_dim2(rows, T), &p[1], err));
    OMN_TRY(omn_feed_new(f, "target.seg", OMN_I32, omn_dim2(rows, T), &p[2], err));
    OMN_TRY(omn_feed_new(f, "start", OMN_I32, omn_dim1(rows), &p[3], err));
    OMN_TRY(omn_feed_new(f, "memory_row", OMN_I32, omn_dim1(rows), &p[4], err));
    memcpy(p[0], ids, (size_t)(rows * T) * sizeof *ids);
    memcpy(p[4], memory_row, (size_t)rows * sizeof *memory_row);
    for (int64_t i = 0; i < rows * T; i++) {
        ((int32_t *)p[1])[i] = start + (int32_t)(i % T);
        ((int32_t *)p[2])[i] = 1;
    }
    for (int64_t i = 0; i < rows; i++) ((int32_t *)p[3])[i] = start;
    OMN_TRY(omn_exec_run(r->exec, g, f, c, err));
    snprintf(name, sizeof name, "logits.%s", output ? output : "text");
    OMN_TRY(omn_exec_output(r->exec, g, name, logits, err));
done:
    omn_feed_free(f);
    return st;
}
