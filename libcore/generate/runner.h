/* SPDX-License-Identifier: Apache-2.0 */
/* A runner's inside: one batch of requests on its way through encode and steps. Not installed. */
#ifndef OMNIO_GENERATE_RUNNER_H
#define OMNIO_GENERATE_RUNNER_H

#include "open.h"

#define MOST_ROLES 16
#define MOST_ROWS 4096
#define FRONT_AT_ONCE 64          /* places that are fed in one pass, before an answer */

struct omn_runner {
    omn_model *model;
    omn_exec *exec;
    omn_cancel *cancel;
    struct slide *slide;          /* of the rows that are asked; NULL: nothing slides */
    double *energy;               /* of the last answers, by request; NAN: unknown; owned */
    size_t n_energy, energy_room;
    double usual, spread;         /* of the configuration, spread 0: it says nothing */
};
/* Of answer i of the last request: 1 where the log-sum of the scores of its ids is as large as the
 * configuration calls usual ("omnio": {"usual": [LEAST, SPREAD]}), less where it is smaller, by a
 * factor of e for each spread. What the model was shown is strange to it then. */
double runner_familiar(const omn_runner *r, size_t i);

/* Nothing is known of n answers. */
omn_status runner_no_energy(omn_runner *r, size_t n, omn_error *err);

/* Searches of several sentences for one answer. */
static inline bool by_beams(const omn_request *rq)
{
    return rq->beams.count > 1 || (rq->beams.count == 1 && rq->beams.stop == OMN_BEAM_BEST);
}

/* The decoder's role that it asks. batch.c */
const char *request_output(const omn_request *rq);

/* Its values are made by a graph, at their end. */
static inline bool by_graph(const omn_part *decoder)
{
    return !((const omn_decoder_impl *)decoder->impl)->decode;
}

/* What stands in front of a row's answer: ids, or -1 - place for places of the row's memory. start:
 * of a vocabulary without a start token, the last of them, which is not counted in n; else -1. */
typedef struct front_ids {
    int32_t *ids;
    uint32_t n;
    int32_t start;
} front_ids;

/* What encode left in the states: shapes that the steps must name again. */
typedef struct encoded {
    int64_t rows, length;
    const omn_graph *graph; /* that wrote the states */
    front_ids *fronts; /* of each row; NULL: inputs do not stand in the model's rows */
    uint32_t most_front;
    int64_t vectors;   /* places of a row's inputs, where they stand in rows */
    omn_frame *frames; /* of each row's picture (role `of` of its answer); identity otherwise */
    bool *has_frame;
    const int64_t *least; /* [MOST_ROLES] places that inputs take at least; NULL: as they need */
} encoded;

/* A text as the model gets it: the first with the model's prefix in front. v NULL: the prompt.
 * encode.c */
omn_status runner_text(const omn_model *m, const omn_request *rq, const omn_value *v, bool first,
                       omn_value **out, omn_error *err);
/* How many places an input takes of what prepare made: those that its "seg" marks, else the length
 * of what varies. encode.c */
uint32_t runner_places(const omn_part *p, const omn_feed *f);
/* Prepare n requests and run a graph of their inputs alone (ENCODE, EMBED); *out has its outputs.
 * Otherwise as runner_encode. */
omn_status runner_inputs(omn_runner *r, omn_call *c, const omn_request *const *rq, size_t n,
                         omn_phase phase, omn_arena *a, encoded *e, omn_result *results,
                         size_t n_results, omn_graph **out, omn_error *err);
/* Prepare n requests and encode them as one batch; they may differ in the inputs that they have.
 * frames live in `a`. The first n_results of them get a receipt and their times. out->least is set
 * by the caller. */
omn_status runner_encode(omn_runner *r, omn_call *c, const omn_request *const *rq, size_t n,
                         omn_arena *a, encoded *out, omn_result *results, size_t n_results,
                         omn_error *err);
/* May rows sit down beside others that are answered already? They have the same inputs, and nothing
 * of them stands in the decoder's row. least [MOST_ROLES]: places that the longest input of each
 * kind takes. encode.c */
omn_status runner_lengths(omn_runner *r, omn_call *c, const omn_request *rq, size_t n, bool *may,
                          int64_t *least, omn_error *err);
/* Row i < n of what was just encoded becomes row to[i] of the memory of `all`, which has room for
 * it, before a step of so many rows that feed T ids each. step.c */
omn_status runner_seat(omn_runner *r, const encoded *e, const encoded *all, const char *output,
                       int64_t rows, int64_t T, int64_t capacity, const int32_t *to, size_t n,
                       omn_error *err);
/* Requests first .. first + n - 1 of a batch, of which `seats` are encoded; the others wait until
 * one of those has its answer, and are encoded then. */
typedef struct share { size_t first, n, seats; } share;
/* Their answers, by the search that they want; rq, out: of the whole batch. e is what was encoded,
 * with room for the longest of those that wait, and changes. runner.c */
omn_status runner_answer(omn_runner *r, omn_call *c, encoded *e, const omn_request *rq,
                         const share *s, omn_arena *a, omn_result *out, omn_error *err);
/* Feed what stands in front of each row's answer, before the first step; nothing where nothing
 * does, and with a window the first step does so. capacity: that of the steps to come. step.c */
omn_status runner_front(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                        int64_t rows, int64_t capacity, const int32_t *memory_row,
                        omn_error *err);
/* What searches need to know of a vocabulary: of a window nothing where step.c slides it. step.c */
struct search_model;
void runner_rules(const omn_runner *r, const omn_vocab *v, struct search_model *out);
/* Row i becomes what row from[i] was. step.c */
omn_status runner_reorder(omn_runner *r, const int32_t *from, size_t rows, omn_error *err);
/* Tokens that an answer may have in row `row`. step.c */
int32_t runner_left(const omn_runner *r, const encoded *e, const char *output, size_t row);
/* Logits [rows, T, V] of the decoder for ids [rows, T], those of row i from place start[i] of the
 * answer on, reading memory_row; borrowed until the next run. capacity: places of the answer.
 * step.c */
omn_status runner_step(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                       int64_t rows, int64_t T, int64_t capacity, const int32_t *ids,
                       const int32_t *start, const int32_t *memory_row, omn_tensor *logits,
                       omn_error *err);
/* Scores of options that are ids: want [n, L] (end tokens included, then padding), lengths [n]; the
 * mean or sum of what each token costs into out [n]; memory row `row`. */
omn_status runner_score_ids(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                            int32_t row, const int32_t *want, const size_t *lengths, size_t n,
                            size_t L, bool sum, double *out, omn_error *err);
/* Score the candidates of one request's answer; e holds its memory at row `row`. */
omn_status runner_score(omn_runner *r, omn_call *c, const encoded *e, int32_t row,
                        const omn_request *rq, omn_result *out, omn_error *err);
/* The output of an EMBED graph that serves a name (NULL: the first that can); OMN_ERR_MISSING with
 * those that there are. */
omn_status embed_find(const omn_graph *g, const char *wanted, const char **output, omn_error *err);
/* The end of a call of the runner: who cancels gets caches and workspace back at once. */
void runner_leave(omn_runner *r);
uint64_t runner_now(void);

#endif
