/* SPDX-License-Identifier: Apache-2.0 */
/* What the accounts of pipelines and recipes share: whose a weight is, how much of which weights is
 * read, and what the process holds beside. Not installed. */
#ifndef OMNIO_PIPELINE_COST_H
#define OMNIO_PIPELINE_COST_H

#include <omnio/pipeline.h>
#include <omnio/takes.h>

/* The plugins that read the files of its inputs and write those of its outputs, by their usual
 * forms, and the operations that an encoder or decoder asks for ("omnio.takes/1"; NULL: none), are
 * loaded, as they will be when it runs. What is not there is left out. Returns what the readers
 * have at work. */
uint64_t cost_load_files(omn_pipeline *p);
void cost_load_operations(omn_context *ctx, const omn_takes_impl *takes);

/* How many different values a role is given in all rows of a step, at most: rows of one input go
 * through its encoder once (encode.c). 0: as many as rows. map: the outermost one around the step;
 * NULL: none. */
struct plan_step;
int64_t cost_distinct(const omn_pipeline *p, const omn_model *m, const struct plan_step *s,
                      const char *role, int64_t rows, const struct plan_step *map);

/* Whose a weight is: the part with the longest prefix that its name begins with, else its first
 * word. */
void cost_owner(const omn_model *m, const char *weight, char *out, size_t room);

/* Of one model: bytes[i] of weight i of its store are read. */
typedef struct cost_model { const omn_model *m; uint64_t *bytes; size_t n; } cost_model;
typedef struct cost_weights {
    cost_model *list;
    size_t n;
} cost_weights;

/* The graph is of that model, and is run. */
omn_status cost_weights_add(cost_weights *w, const omn_model *m, const omn_graph *g,
                            omn_error *err);
/* Tells the weights of each model that are read by owner, those of one owner in one row, in the
 * order of their declaration. Returns the bytes of all. */
typedef void cost_weights_fn(void *user, const omn_model *m, const char *owner, uint64_t bytes);
uint64_t cost_weights_tell(const cost_weights *w, cost_weights_fn *fn, void *user);
void cost_weights_fini(cost_weights *w);

/* What this process has in memory now, without the files of those weights: the program, its
 * libraries and plugins, the graphs and their constants. */
uint64_t cost_process(const cost_weights *w);

#endif
