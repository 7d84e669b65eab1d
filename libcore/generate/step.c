/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the step graph, and those that a row needs before its answer can begin: where inputs
 * stand in the rows, they are fed first, as places of their own, a few dozen at a time, so that
 * their logits, which nobody reads, take little memory. Rows of one batch may have more and fewer:
 * what is fed beyond a row's last place is overwritten before anything looks at it. With a window
 * (slide.c) a step that pushes places out feeds in the same way what is left in front of it. */
#include "decode.h"
#include "row.h"
#include "slide.h"

#include "../graph/seat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRONT_STEP 8              /* places in front are rounded up to a multiple */

/* Places of the cache that belong to what stands in front. */
static int64_t room_of(const encoded *e)
{
    return ((int64_t)e->most_front + FRONT_STEP - 1) / FRONT_STEP * FRONT_STEP;
}

/* Codes may be more than the words of a text. */
static int32_t most_places(const omn_model *m, const omn_part *decoder)
{
    const omn_row_impl *row = model_row(m);
    return row ? row->most(m->self) : model_most_answer(m, decoder);
}

int32_t runner_left(const omn_runner *r, const encoded *e, const char *output, size_t row)
{
    const omn_part *decoder = omn_model_decoder(r->model, output);
    const int32_t most = model_most_answer(r->model, decoder);
    if (!e->fronts) return most;
    if (omn_part_vocabulary(decoder)->window > 0) return most;
    const int32_t left = most_places(r->model, decoder) - (int32_t)e->fronts[row].n;
    return left < most ? left : most;
}

/* Places of the whole cache, for answers of so many. */
static int64_t places_of(const omn_runner *r, const encoded *e, int64_t capacity)
{
    const int64_t all = capacity + room_of(e);
    if (!r->slide) return all;
    const int64_t window = (slide_window(r->slide) + FRONT_STEP - 1) / FRONT_STEP * FRONT_STEP;
    return all < window ? all : window;
}

/* What one pass feeds. */
typedef struct pass {
    int64_t rows, T, capacity;
    int32_t tail;                 /* places behind the newest ids that are taken away again */
    const int32_t *ids, *start, *memory_row;
    const int32_t *from;          /* [rows, T] as ids; NULL: -1 */
    bool whole;                   /* start counts from the first place of the row */
} pass;

static omn_status fill(const omn_runner *r, const encoded *e, const char *output, const pass *p,
                       omn_feed *f, omn_error *err)
{
    omn_status st = OMN_OK;
    void *to[6] = { 0 };
    const int64_t rows = p->rows, T = p->T;
    const omn_part *decoder = omn_model_decoder(r->model, output ? output : "text");
    const int32_t most = most_places(r->model, decoder) + p->tail;
    OMN_TRY(omn_feed_new(f, "target.ids", OMN_I32, omn_dim2(rows, T), &to[0], err));
    OMN_TRY(omn_feed_new(f, "target.pos", OMN_I32, omn_dim2(rows, T), &to[1], err));
    OMN_TRY(omn_feed_new(f, "target.seg", OMN_I32, omn_dim2(rows, T), &to[2], err));
    OMN_TRY(omn_feed_new(f, "start", OMN_I32, omn_dim1(rows), &to[3], err));
    OMN_TRY(omn_feed_new(f, "memory_row", OMN_I32, omn_dim1(rows), &to[4], err));
    memcpy(to[0], p->ids, (size_t)(rows * T) * sizeof *p->ids);
    memcpy(to[4], p->memory_row, (size_t)rows * sizeof *p->memory_row);
    for (int64_t i = 0; i < rows; i++) {
        const bool behind = e->fronts && !p->whole;
        const int32_t front = behind ? (int32_t)e->fronts[p->memory_row[i]].n : 0;
        ((int32_t *)to[3])[i] = p->start[i] + front;
    }
    for (int64_t i = 0; i < rows * T; i++) {
        int32_t *id = (int32_t *)to[0] + i;
        const int32_t at = ((int32_t *)to[3])[i / T] + (int32_t)(i % T);
        if (*id < 0 && e->fronts) *id = e->fronts[p->memory_row[i / T]].start;
        /* a guess behind the last place is never taken, but it has to stand somewhere */
        ((int32_t *)to[1])[i] = at < most ? at : most - 1;
        ((int32_t *)to[2])[i] = 1;
    }
    if (!e->fronts) goto done;
    OMN_TRY(omn_feed_new(f, "target.from", OMN_I32, omn_dim2(rows, T), &to[5], err));
    if (p->from) memcpy(to[5], p->from, (size_t)(rows * T) * sizeof *p->from);
    else memset(to[5], 0xff, (size_t)(rows * T) * sizeof(int32_t)); /* all -1 */
done:
    return st;
}

static omn_status graph_of(const omn_runner *r, const encoded *e, const char *output,
                           const pass *p, omn_graph **out, omn_error *err)
{
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_STEP, .rows = p->rows,
                                .output = output, .target_length = p->T,
                                .capacity = places_of(r, e, p->capacity), .memory_rows = e->rows,
                                .memory_length = e->length };
    return omn_model_graph(r->model, &z, out, err);
}

static omn_status run(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                      const pass *p, omn_tensor *logits, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_graph *g = NULL;
    omn_feed *f = NULL;
    char name[96];
    OMN_TRY(graph_of(r, e, output, p, &g, err));
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(fill(r, e, output, p, f, err));
    OMN_TRY(omn_exec_run(r->exec, g, f, c, err));
    if (!logits) goto done;
    snprintf(name, sizeof name, "logits.%s", output ? output : "text");
    OMN_TRY(omn_exec_output(r->exec, g, name, logits, err));
done:
    omn_feed_free(f);
    return st;
}

/* Places from .. from + T - 1 of row i; beyond its last one, anything. */
static void spread(const omn_runner *r, const encoded *e, const omn_vocab *v, int64_t row,
                   int32_t memory, int64_t from, int64_t T, int32_t *ids, int32_t *places)
{
    const front_ids *f = &e->fronts[memory];
    const int32_t any = v->start < 0 ? 0 : v->start;  /* no id that stands for something given */
    for (int64_t t = 0; t < T; t++) {
        int32_t id = any;
        if (r->slide) id = slide_at(r->slide, e, row, from + t);
        else if (from + t < (int64_t)f->n) id = f->ids[from + t];
        ids[t] = id < 0 ? any : id;
        places[t] = id < 0 ? (int32_t)(memory * e->length + (-1 - id)) : -1;
    }
}

/* The first `end` places of all rows. */
static omn_status feed_places_of(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                                 int64_t rows, int64_t capacity, const int32_t *memory_row,
                                 int64_t end, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->model, output));
    int32_t *ids = calloc((size_t)rows, FRONT_AT_ONCE * sizeof *ids);
    int32_t *places = calloc((size_t)rows, FRONT_AT_ONCE * sizeof *places);
    int32_t *start = calloc((size_t)rows, sizeof *start);
    if (!ids || !places || !start) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory"));
    for (int64_t from = 0; from < end; from += FRONT_AT_ONCE) {
        const int64_t T = end - from < FRONT_AT_ONCE ? end - from : FRONT_AT_ONCE;
        if (omn_cancel_get(r->cancel)) OMN_TRY(omn_fail(err, OMN_ERR_CANCELLED, "stopped"));
        for (int64_t i = 0; i < rows; i++) {
            spread(r, e, v, i, memory_row[i], from, T, ids + i * T, places + i * T);
            start[i] = (int32_t)from;
        }
        const pass p = { .rows = rows, .T = T, .capacity = capacity, .ids = ids, .start = start,
                         .memory_row = memory_row, .from = places, .whole = true };
        OMN_TRY(run(r, c, e, output, &p, NULL, err));
    }
done:
    free(start);
    free(places);
    free(ids);
    return st;
}

/* A step of rows that may be longer than the window. */
static omn_status slide_step(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                             pass *p, omn_tensor *logits, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t places = places_of(r, e, p->capacity);
    int64_t end = 0;
    int32_t *start = calloc((size_t)p->rows, sizeof *start);
    if (!start) return omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory");
    const bool again = slide_feed(r->slide, e, p->T, p->ids, p->start, p->memory_row);
    for (int64_t i = 0; i < p->rows; i++) {
        start[i] = slide_start(r->slide, i);
        if (start[i] > end) end = start[i];
    }
    end = (end + FRONT_STEP - 1) / FRONT_STEP * FRONT_STEP;
    if (again)
        OMN_TRY(feed_places_of(r, c, e, output, p->rows, p->capacity, p->memory_row,
                               end < places ? end : places, err));
    p->start = start;
    p->whole = true;
    OMN_TRY(run(r, c, e, output, p, logits, err));
done:
    free(start);
    return st;
}

omn_status runner_step(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                       int64_t rows, int64_t T, int64_t capacity, const int32_t *ids,
                       const int32_t *start, const int32_t *memory_row, omn_tensor *logits,
                       omn_error *err)
{
    const omn_vocab *v =
        omn_part_vocabulary(omn_model_decoder(r->model, output ? output : "text"));
    pass p = { .rows = rows, .T = T, .capacity = capacity, .tail = v ? v->n_also : 0, .ids = ids,
               .start = start, .memory_row = memory_row };
    return r->slide ? slide_step(r, c, e, output, &p, logits, err)
                    : run(r, c, e, output, &p, logits, err);
}

omn_status runner_front(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                        int64_t rows, int64_t capacity, const int32_t *memory_row,
                        omn_error *err)
{
    const omn_part *decoder = omn_model_decoder(r->model, output);
    const omn_vocab *v = omn_part_vocabulary(decoder);
    const int32_t most = most_places(r->model, decoder);
    slide_free(r->slide);
    r->slide = NULL;
    if (!e->fronts || v->window <= 0)
        return feed_places_of(r, c, e, output, rows, capacity, memory_row, room_of(e), err);
    if (v->window > most)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the model %s has a window of %d places, and rows of %d",
                        omn_model_object(r->model), (int)v->window, (int)most);
    return slide_new(v, rows, capacity, &r->slide, err);
}

void runner_rules(const omn_runner *r, const omn_vocab *v, search_model *out)
{
    feed_rules(out, v);
    if (model_row(r->model)) out->window = 0;
}

omn_status runner_reorder(omn_runner *r, const int32_t *from, size_t rows, omn_error *err)
{
    omn_status st = OMN_OK;
    if (r->slide) OMN_TRY(slide_reorder(r->slide, from, rows, err));
    OMN_TRY(omn_exec_reorder(r->exec, from, rows, err));
done:
    return st;
}

omn_status runner_seat(omn_runner *r, const encoded *e, const encoded *all, const char *output,
                       int64_t rows, int64_t T, int64_t capacity, const int32_t *to, size_t n,
                       omn_error *err)
{
    omn_graph *g = NULL;
    const pass p = { .rows = rows, .T = T, .capacity = capacity };
    const omn_status st = graph_of(r, all, output, &p, &g, err);
    return st == OMN_OK ? exec_seat(r->exec, e->graph, g, to, n, (size_t)all->rows, err)
                        : st;
}
