/* SPDX-License-Identifier: Apache-2.0 */
/* Adafactor (Shazeer and Stern, 2018) with momentum, update clipping and rates relative to the
 * weight's size, as spec uio2-model section 13 writes it down: matrices keep a row and a column of
 * second moments, everything else the whole. Four passes over the chunks: sums, (moments of the
 * factored ones), sizes, moves. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pass {
    omn_opt *o;
    double *rows;                         /* row sums of every factored slot, one after the other */
    size_t *first_row;                    /* where a slot's rows begin; by slot */
    size_t *first_column;                 /* where a chunk's columns begin; by chunk */
    size_t *first_chunk;                  /* by slot; n_chunks behind the last */
    double *weight;                       /* sum of squares of the weight; by chunk */
} pass;

/* By the steps that the slot had. */
static double beta2(const slot *s)
{
    return 1 - pow((double)(s->done + 1), -0.8);
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for Adafactor");
}

/* All scratch in one block: rows, columns, then the numbers of where they begin. */
static size_t layout(const omn_opt *o, pass *p, char *base)
{
    size_t rows = 0, columns = 0, at = 0;
    for (size_t i = 0; i < o->n_slots; i++)
        if (o->slots[i].g && o->slots[i].factored) rows += o->slots[i].rows;
    for (size_t i = 0; i < o->n_chunks; i++)
        if (o->slots[o->chunks[i].slot].factored) columns += o->slots[o->chunks[i].slot].cols;
    if (p) p->rows = (double *)(void *)(base + columns * sizeof(double));
    at = (columns + rows) * sizeof(double);
    if (p) p->weight = (double *)(void *)(base + at);
    at += o->n_chunks * sizeof(double);
    if (p) p->first_row = (size_t *)(void *)(base + at);
    at += o->n_slots * sizeof(size_t);
    if (p) p->first_column = (size_t *)(void *)(base + at);
    at += o->n_chunks * sizeof(size_t);
    if (p) p->first_chunk = (size_t *)(void *)(base + at);
    return at + (o->n_slots + 1) * sizeof(size_t);
}

omn_status opt_adafactor_ready(omn_opt *o, omn_error *err)
{
    const size_t bytes = layout(o, NULL, NULL);
    if (bytes <= o->room_columns) return OMN_OK;
    free(o->columns);
    o->columns = malloc(bytes);
    o->room_columns = o->columns ? bytes : 0;
    return o->columns ? OMN_OK : no_memory(err);
}

static void sums(void *user, size_t from, size_t to)
{
    pass *p = user;
    omn_opt *o = p->o;
    const float scale = (float)o->scale_now;
    for (size_t i = from; i < to; i++) {
        const chunk *c = &o->chunks[i];
        const slot *s = &o->slots[c->slot];
        p->weight[i] = steps_sum_squares(s->w + c->from, c->count);
        if (!s->factored) {
            o->partial[i] = steps_square_moment(s->v + c->from, s->g + c->from, c->count, scale,
                                                beta2(s));
            continue;
        }
        double *columns = o->columns + p->first_column[i];
        memset(columns, 0, s->cols * sizeof(double));
        steps_factor_sums(s->g + c->from, c->count / s->cols, s->cols, scale,
                          p->rows + p->first_row[c->slot] + c->from / s->cols, columns);
    }
}

/* Row and column moments and the roots of their product, for whole slots. */
static void moments(void *user, size_t from, size_t to)
{
    pass *p = user;
    omn_opt *o = p->o;
    for (size_t i = from; i < to; i++) {
        slot *s = &o->slots[i];
        if (!s->g || !s->factored) continue;
        const float b2 = (float)beta2(s), a2 = (float)(1 - beta2(s));
        double mean = 0;
        for (size_t r = 0; r < s->rows; r++) {
            s->r[r] = b2 * s->r[r] + a2 * (float)(p->rows[p->first_row[i] + r] / (double)s->cols);
            mean += (double)s->r[r];
        }
        mean /= (double)s->rows;
        for (size_t r = 0; r < s->rows; r++)
            s->fr[r] = (float)(1 / sqrt((double)s->r[r] / mean));
        for (size_t k = p->first_chunk[i] + 1; k < p->first_chunk[i + 1]; k++)
            for (size_t c = 0; c < s->cols; c++)
                o->columns[p->first_column[p->first_chunk[i]] + c] +=
                    o->columns[p->first_column[k] + c];
        for (size_t c = 0; c < s->cols; c++) {
            const double sum = o->columns[p->first_column[p->first_chunk[i]] + c];
            s->c[c] = b2 * s->c[c] + a2 * (float)(sum / (double)s->rows);
            s->fc[c] = (float)(1 / sqrt((double)s->c[c]));
        }
    }
}

static void sizes(void *user, size_t from, size_t to)
{
    pass *p = user;
    omn_opt *o = p->o;
    for (size_t i = from; i < to; i++) {
        const chunk *c = &o->chunks[i];
        const slot *s = &o->slots[c->slot];
        if (s->factored)
            o->partial[i] =
                steps_factor_size(s->g + c->from, c->count / s->cols, s->cols, (float)o->scale_now,
                                  s->fr + c->from / s->cols, s->fc);
    }
}

static void moves(void *user, size_t from, size_t to)
{
    pass *p = user;
    omn_opt *o = p->o;
    const float scale = (float)o->scale_now, b1 = (float)o->beta1;
    for (size_t i = from; i < to; i++) {
        const chunk *c = &o->chunks[i];
        const slot *s = &o->slots[c->slot];
        const size_t at = c->from;
        const float by = (float)(o->rate * o->factor_now * fmax(s->norm, 1e-3) / fmax(1, s->size));
        if (s->factored)
            steps_factor_move(s->w + at, s->m + at, s->g + at, c->count / s->cols, s->cols, scale,
                              s->fr + at / s->cols, s->fc, b1, by);
        else
            steps_square_move(s->w + at, s->m + at, s->v + at, s->g + at, c->count, scale, b1, by);
        opt_average(o, s, at, c->count);
    }
}

void opt_adafactor(omn_opt *o, omn_pool *pool)
{
    pass p = { .o = o };
    size_t row = 0, column = 0, k = 0;
    layout(o, &p, (char *)o->columns);
    for (size_t i = 0; i < o->n_slots; i++) {
        const slot *s = &o->slots[i];
        p.first_row[i] = row;
        p.first_chunk[i] = k;
        if (s->g && s->factored) row += s->rows;
        for (; k < o->n_chunks && o->chunks[k].slot == i; k++) {
            p.first_column[k] = column;
            if (s->factored) column += s->cols;
        }
    }
    p.first_chunk[o->n_slots] = k;
    omn_pool_split(pool, o->n_chunks, 4, sums, &p);
    omn_pool_split(pool, o->n_slots, 1, moments, &p);
    omn_pool_split(pool, o->n_chunks, 4, sizes, &p);
    for (size_t i = 0; i < o->n_slots; i++) {
        slot *s = &o->slots[i];
        double update = 0, weight = 0;
        if (!s->g || !s->count) continue;
        for (k = p.first_chunk[i]; k < p.first_chunk[i + 1]; k++) {
            update += o->partial[k];
            weight += p.weight[k];
        }
        s->size = sqrt(update / (double)s->count);
        s->norm = sqrt(weight / (double)s->count);
    }
    omn_pool_split(pool, o->n_chunks, 4, moves, &p);
}
