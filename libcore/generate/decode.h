/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing ids: what the search sees of a model, one answer on its way, and the searches. A search
 * knows two functions (logits of rows, rows exchanged) and nothing of models, so it runs on
 * recorded numbers as well. Not installed. */
#ifndef OMNIO_GENERATE_DECODE_H
#define OMNIO_GENERATE_DECODE_H

#include <omnio/generate.h>

#include "rules.h"

typedef struct search_model search_model;
struct search_model {
    void *user;
    /* Logits [rows, T, V] behind ids [rows, T], whose first stands at place start[row]; borrowed
     * until the next call. */
    omn_status (*logits)(void *user, const int32_t *ids, size_t rows, size_t T,
                         const int32_t *start, const float **out, omn_error *err);
    /* Row i becomes what row from[i] was. */
    omn_status (*reorder)(void *user, const int32_t *from, size_t rows, omn_error *err);
    size_t V;
    int32_t start, stop;          /* stop -1: none */
    int32_t n_also, also, drop, window, stride;   /* as in omn_vocab */
    const char *name;             /* of the model, for messages */
    const omn_cancel *cancel;     /* NULL: nobody cancels */
    uint32_t passes;              /* counted by the searches */
    /* decode_left: lanes who .. who + n - 1, which waited, take the seats rows[n] of lanes that
     * have ended. NULL: none waits. Else `seats` of them are there at first, and no window is. */
    omn_status (*seat)(void *user, const size_t *rows, size_t who, size_t n, omn_error *err);
    size_t seats;
};

/* decode_feed.c: what the next pass feeds, the same for all rows that have n ids. */
typedef struct feed {
    int32_t dropped;              /* oldest ids that a full window has pushed out */
    int32_t start;                /* place of the first id that is fed */
    size_t T;                     /* ids fed; the last one's logits say what comes next */
} feed;
/* The members of m that a vocabulary says. */
void feed_rules(search_model *m, const omn_vocab *v);
/* Places that an id takes for good. */
int32_t feed_each(const search_model *m);
/* Places of the cache for rows of up to n ids; no pass feeds more. */
int64_t feed_places(const search_model *m, int64_t n);
void feed_next(const search_model *m, feed *f, int32_t n);
/* The ids [f->T] of a row; of one that nobody asks any more. */
void feed_row(const search_model *m, const feed *f, const int32_t *ids, int32_t n, int32_t *to);
void feed_blank(const search_model *m, const feed *f, int32_t *to);

/* What is said of an answer while it is made. */
typedef struct path {
    int32_t *ids;
    float *logprob;
    float *kept;                  /* [n, keep.count]; NULL when nothing is kept */
    int32_t n, state;             /* state of the rules */
    double score;                 /* sum of log-probabilities, that of the end token included */
    double energy;                /* sum of the log-sums of exponentials that they are beside */
    int32_t energies;             /* of so many ids and the end; 0: unknown */
} path;

/* How ids of one answer are chosen. */
typedef struct chooser {
    const omn_request *rq;
    const rules_program *program; /* NULL: no rules */
    rules_walk *walk;             /* NULL: no rules */
    const spelling *spell;        /* NULL: every id may come */
    size_t V, row;                /* row: for chance */
    int32_t stop, most;
    const char *name;
} chooser;

/* One answer; its searches call told() for each id and read done. */
typedef struct lane lane;
struct lane {
    chooser how;
    path p;
    bool done, stopped;
    uint32_t passes;              /* that it took part in */
    void *user;                   /* of told */
    /* The newest id of p, or -1 with end. false: whoever watches has heard enough. NULL: nobody. */
    bool (*told)(void *user, const lane *l, int32_t id, bool end);
};

/* pick.c: scores of a step that are no numbers: OMN_ERR_DATA, names the model. */
omn_status pick_finite(const chooser *c, const float *x, omn_error *err);
/* Log-sum of exponentials. */
double pick_logsum(const float *x, size_t n);
/* What may not come here becomes -INFINITY: ids that say nothing, repeated n-grams, an end before
 * its time, what the rules exclude, what is not preferred. logsum: of the untouched x. may_end,
 * choices: by the rules alone. */
omn_status pick_mask(const chooser *c, const path *p, float *x, double logsum, omn_error *err);
/* Masked x: the temperature, top-k and top-p turn it into probabilities (unscaled: exp(x - largest)
 * over the temperature; 0 when cut). Greedy: one is 1. Returns their sum. */
double pick_weights(const omn_request *rq, float *x, size_t n, omn_error *err);
/* One id from masked x (changed); step: for chance; -1 after a failure. */
int32_t pick_one(const chooser *c, float *x, int32_t step, omn_error *err);
/* The path gets one more id; *over: nothing may follow but the end. */
omn_status pick_append(const chooser *c, path *p, int32_t id, double logprob, const float *raw,
                       double logsum, bool *over, omn_error *err);
/* May the answer end as it is, by its rules? */
bool pick_may_end(const chooser *c, const path *p);
/* *over: by its rules nothing may follow but the end. */
omn_status pick_over(const chooser *c, const path *p, bool *over, omn_error *err);

omn_status path_new(path *p, const chooser *c, omn_error *err);
omn_status path_copy(path *to, const path *from, const chooser *c, omn_error *err);
void path_free(path *p);

/* decode_left.c: lanes side by side, one id each a step, as many as have seats (without m->seat:
 * all); the row of seat i in condition k is k * seats + i, all conditions of all seats are rows. */
omn_status decode_left(search_model *m, lane *lanes, size_t n, uint32_t conditions,
                       const double *weights, omn_error *err);
/* decode_jacobi.c: the same for lanes without conditions, a window at a time. */
omn_status decode_jacobi(search_model *m, lane *lanes, size_t n, int32_t window, omn_error *err);

/* decode_beam.c: several answers to one sentence, the best first. */
typedef struct hypothesis {
    path p;
    double score;
    bool stopped;
} hypothesis;
typedef struct beam_result { hypothesis *list; size_t n; } beam_result;
/* choosers [n] of n sentences, alike in the number of beams and the stop; rows are
 * sentence * beams + beam. */
omn_status decode_beam(search_model *m, const chooser *c, size_t n, beam_result *out,
                       omn_error *err);
void beam_result_free(beam_result *r);
/* How many ids beyond its limit a sentence's search looks at: 0 or 1. */
int32_t beam_past(omn_beam_stop stop);

#endif
