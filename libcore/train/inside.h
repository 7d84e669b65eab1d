/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the train floor share: the optimiser's state, its chunks, schedules. */
#ifndef OMNIO_TRAIN_INSIDE_H
#define OMNIO_TRAIN_INSIDE_H

#include <omnio/train.h>

#include "../base/slabs.h"

#define TRAIN_PREFIX "train."             /* tensors of a checkpoint that are no weights */
#define AUX_PREFIX "aux."                 /* weights that are not exported */

/* ---- steps.c: loops over plain arrays, vectorised by the compiler --------------------------- */

double steps_sum_squares(const float *x, size_t n);
typedef struct adamw_now {
    float scale, beta1, beta2, rest1, rest2, keep, rate, root_correction, eps; /* rest: 1 - beta */
} adamw_now;
void steps_adamw(float *w, float *m, float *v, const float *g, size_t n, const adamw_now *p);
/* avg += (w - avg) * by */
void steps_average(float *avg, const float *w, size_t n, float by);
/* v = b2 v + (1 - b2) (scale g)^2 + eps; returns the sum of (scale g)^2 / v */
double steps_square_moment(float *v, const float *g, size_t n, float scale, double beta2);
/* Row and column sums of (scale g)^2 + 1e-30 of a block of rows; columns are added to. */
void steps_factor_sums(const float *g, size_t rows, size_t cols, float scale, double *row_sums,
                       double *col_sums);
/* Sum of (scale g)^2 fr[row] fc[col]. */
double steps_factor_size(const float *g, size_t rows, size_t cols, float scale, const float *fr,
                         const float *fc);
/* m = b1 m + (1 - b1) by scale g * sqrt(fr fc) and w -= m; fr, fc hold the roots. */
void steps_factor_move(float *w, float *m, const float *g, size_t rows, size_t cols, float scale,
                       const float *fr, const float *fc, float beta1, float by);
void steps_square_move(float *w, float *m, const float *v, const float *g, size_t n, float scale,
                       float beta1, float by);
/* m = mu m + scale g; u = scale g + mu m. */
void steps_nesterov(float *m, float *u, const float *g, size_t n, float scale, float mu);
/* w = keep w - rate o */
void steps_move(float *w, const float *o, size_t n, float keep, float rate);

/* ---- newton.c: the nearest orthogonal matrix, five Newton-Schulz steps ---------------------- */

typedef struct newton {
    const char *name;
    size_t (*room)(size_t rows, size_t cols);               /* bytes of scratch, aligned to 64 */
    void (*run)(float *x, size_t rows, size_t cols, void *scratch);   /* in place */
} newton;
/* The fastest that processor and OMNIO_CPU allow. */
const newton *newton_choose(bool bf16);
const newton *newton_named(const char *name); /* for tests; NULL: not on this processor */

/* ---- opt.c ---------------------------------------------------------------------------------- */

typedef struct slot {
    const char *name;
    float *w;
    const float *g;                       /* of this step; NULL: not touched */
    size_t count, rows, cols;
    bool muon, factored, ready;           /* ready: the moments are there */
    float *m, *v, *average;
    float *r, *c;                         /* Adafactor, factored: row and column moments */
    float *fr, *fc;                       /* their roots, of this step */
    double size, norm; /* Adafactor: rms of the update and of the weight, of this step */
    uint64_t done;                        /* steps that it had a gradient in */
    double rate, decay;                   /* its factors in this step */
} slot;

typedef struct chunk { uint32_t slot; size_t from, count; } chunk;

/* Factors of the rate and of the decay of a weight. */
typedef struct pace { double rate, decay; } pace;
/* Where each stage begins, and the paces of all weights before the first one and in each. */
typedef struct stages {
    uint64_t *from;
    pace *paces;
    size_t n, n_weights;
} stages;

struct omn_opt {
    omn_store *store;
    omn_optimizer kind;
    double rate, rate_muon, beta1, beta2, eps, decay, momentum, clip, average;
    uint32_t factor_from;
    uint64_t done;                        /* steps so far */
    slot *slots;
    size_t n_slots, n_chunks, room_chunks;
    chunk *chunks;
    double *partial;                      /* one for each chunk */
    stages stages;
    slabs slabs;                          /* moments and averages */
    uint32_t *matrices;                   /* slots of Muon, the costly ones first */
    size_t n_matrices;
    const newton *newton;
    bool bf16;
    void **desks;                         /* scratch of Muon, one for each thread */
    _Atomic int *desk_taken;
    uint32_t n_desks;
    size_t desk_bytes;
    double scale_now, factor_now;
    double *columns;                      /* Adafactor: column sums of each chunk */
    size_t room_columns;
};

/* Makes the moments of a slot, zeroed (average: a copy of the weight). */
omn_status opt_ready(omn_opt *o, slot *s, omn_error *err);
/* Bytes of its moments; scratch of a thread for a matrix of Muon's (muon.c). */
uint64_t opt_moments(const slot *s);
size_t opt_desk(const omn_opt *o, const slot *s);
bool opt_is_muon(const char *name, const omn_shape *shape);
/* Tables of the program's graphs, whatever they are called, are left to AdamW. */
void opt_leave_tables(omn_opt *o, omn_program *p);
void opt_adafactor(omn_opt *o, omn_pool *pool);              /* adafactor.c */
omn_status opt_adafactor_ready(omn_opt *o, omn_error *err);
omn_status opt_muon_ready(omn_opt *o, uint32_t threads, omn_error *err);   /* muon.c */
void opt_muon(omn_opt *o, omn_pool *pool);
/* The average follows the weights from..from+n of a slot. */
void opt_average(const omn_opt *o, const slot *s, size_t from, size_t n);

/* ---- schedule.c ----------------------------------------------------------------------------- */

typedef struct schedule_now {
    double rate, rate_muon, factor;       /* peaks, and the part of them that counts now */
    double average, aux;
} schedule_now;
/* What is left of a peak k steps after its part began, of `steps`. */
double schedule_factor(const omn_train_again *p, uint64_t steps, uint64_t k);
/* The numbers of step k (from 0). */
schedule_now schedule_at(const omn_train_setup *s, uint64_t k);

#endif
