/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a pipeline: the values of its slots. Not installed. */
#ifndef OMNIO_PIPELINE_RUN_H
#define OMNIO_PIPELINE_RUN_H

#include "plan.h"
#include "told.h"

#include "../generate/codes.h"

/* A model at work. */
typedef struct run_model {
    omn_model *model, *own;       /* own: the same, to be closed; NULL: it is borrowed */
    omn_runner *runner;
    omn_prepared *prepared;       /* NULL: none is kept */
} run_model;

struct omn_pipeline_run {
    omn_pipeline *p;
    run_model main;               /* the pipeline's own; NULL all: it asks none */
    run_model *others;            /* [p->n_models]; NULL: it has none, or this is a task */
    omn_pipeline_setup how;
    omn_cancel *cancel;
    omn_value *slots[MOST_SLOTS];
    const char *watching;         /* name of the step that is watched; NULL: none is told of */
    bool streams;                 /* its tokens are its value: a text */
    bool *needed;                 /* of the outermost steps */
    bool unanswered;              /* a question was not put, and nothing is there instead */
    bool waits[MOST_SLOTS];       /* so this would be made if it were; what needs it is left out */
    told *told;                   /* NULL: nobody listens */
    omn_answer **answers;         /* [n_asks] opened once for all items; NULL: none is kept */
    struct run_parts *parts;      /* NULL: none is opened; parts.c */
};

#define MAP_ROWS 16 /* items of a map whose values are in memory at once */
/* Of all answers that are written at once, for each of which keys and values are kept: eight
 * pictures of 1024 codes, or all rows of a batch of sentences. */
#define TOKENS_AT_ONCE 8192
/* How many answers of `most` tokens, each of so many rows, are written at once at the most. */
static inline size_t run_at_once(int64_t most, int64_t rows)
{
    const int64_t n = TOKENS_AT_ONCE / ((rows > 0 ? rows : 1) * (most > 0 ? most : 1));
    return n > 0 ? (size_t)n : 1;
}

/* Values into slots (referenced); text becomes what the declared type wants. */
omn_status run_inputs(omn_pipeline_run *r, const omn_named *inputs, size_t n, omn_error *err);
void run_clear(omn_pipeline_run *r);
/* The model that a step asks; all NULL: a task has no others than its own. models.c */
const run_model *run_by(const omn_pipeline_run *r, const plan_step *s);
/* Runner and prepared inputs of a model; after a failure run_model_stop has what there is. */
omn_status run_model_start(run_model *m, omn_error *err);
void run_model_stop(run_model *m);
/* The other models, lent or opened; *out is to be freed after a failure too. */
omn_status run_models_new(const omn_pipeline *p, run_model **out, omn_error *err);
void run_models_free(const omn_pipeline *p, run_model *list);
/* The files of the models' weights are what they were. */
omn_status run_unchanged(const omn_pipeline_run *r, omn_error *err);
/* The end of an item or of many: whoever cancels gets the memory of the models' caches back. */
void run_leave(omn_pipeline_run *r);
omn_status run_steps(omn_pipeline_run *r, omn_call *c, const plan_step *steps, size_t n,
                     omn_error *err);
/* One step; what fails names its place. */
omn_status run_step(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err);
/* Store what a slot holds from now on. */
void run_put(omn_pipeline_run *r, int slot, omn_value *taken);
/* A slot that is a part of another's value is made from it as it is now. */
omn_status run_part(omn_pipeline_run *r, int slot, omn_error *err);
omn_status run_part_of(const omn_value *whole, const plan_slot *part, omn_value **out,
                       omn_error *err);
/* Parts of what the step reads are made; is it to run? If not, its results are absent and that is
 * told. */
omn_status run_ready(omn_pipeline_run *r, const plan_step *s, bool *go, omn_error *err);
omn_status condition_holds(const omn_pipeline_run *r, const condition *c, bool *holds,
                           omn_error *err);
omn_status run_map(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err);
omn_status run_repeat(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err);
omn_status run_record(omn_pipeline_run *r, const plan_step *s, omn_error *err);
omn_status run_embed(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err);
/* Its question to the model, and what came back as the step's result. */
void embed_request(const plan_step *s, const omn_request *rq, omn_result *receipt,
                   omn_embed_request *out);
omn_status embed_put(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_value *made,
                     const omn_result *receipt, omn_error *err);
omn_status run_tokens(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err);
/* The input by which the model sees a picture that another one is a view of; parts.c */
omn_status run_sees(const omn_model *m, const plan_step *s, const char **role, omn_error *err);
/* Decoders with weights of their own, opened when they are needed. */
omn_status run_parts_new(const omn_pipeline *p, struct run_parts **out, omn_error *err);
void run_parts_free(struct run_parts *r);
/* A part whose weights the file names is opened; *out NULL: an input names them. */
omn_status run_parts_check(omn_pipeline *p, const plan_part *part, struct run_parts *parts,
                           const omn_part **out, omn_error *err);
omn_status run_window(omn_pipeline_run *r, const plan_step *s, omn_error *err);
/* A number that is written or comes from a slot, within lo..hi; request.c */
omn_status run_number(const omn_pipeline_run *r, const param *p, double lo, double hi, double deflt,
                      double *out, omn_error *err);
/* As many labels as are written down, as classes that the graph's output scores. */
omn_status embed_labels(const omn_graph *g, const char *output, const plan_step *s,
                        omn_error *err);
/* What a question to the model was given to see. */
omn_status run_seen(omn_pipeline_run *r, const plan_step *s, const omn_result *res,
                    omn_error *err);
/* A record of the outputs. */
omn_status run_outputs(omn_pipeline_run *r, omn_value **out, omn_error *err);
/* Refuses an answer of which the model is less sure than whoever asks wants. */
omn_status run_sure(const omn_pipeline_run *r, omn_value **out, omn_error *err);
/* The request of a model step, what it needs in the arena; its answer is opened apart. */
omn_status run_request(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a,
                       omn_request *rq, omn_error *err);
/* Whoever wants to know is told of the question. *done: the model is not to be asked, the step has
 * its results. ask.c */
omn_status run_asking(omn_pipeline_run *r, const plan_step *s, const omn_request *rq, bool *done,
                      omn_error *err);
/* The answer of a model step; NULL for any text. mine: NULL, or the same, to be closed. */
omn_status run_answer(omn_pipeline_run *r, omn_call *c, const plan_step *s, const omn_answer **out,
                      omn_answer **mine, omn_error *err);
/* Is it the same for every item? */
bool answer_fixed(const plan_answer *a);
/* The same, always a new one, with r's model and values. */
omn_status answer_open(const omn_pipeline_run *r, omn_call *c, const plan_step *s,
                       omn_answer **out, omn_error *err);
/* What came back into the step's slot, and what was seen. familiar: runner_familiar of it. */
omn_status run_result(omn_pipeline_run *r, const plan_step *s, const omn_result *res,
                      double familiar, omn_error *err);
/* What is written in the file, with the values of now; literal.c */
omn_status literal_make(const omn_pipeline_run *r, const literal *l, omn_value **out,
                        omn_error *err);

/* What a teacher's lessons teach; lesson.c. makes: the kind of value. takes: the kind whose codes
 * the step's decoder makes by a graph, decoder: that one; NULL: the answer itself writes what is
 * wanted. */
const char *teacher_makes(const omn_teacher *t);
const char *teacher_takes(const omn_teacher *t);
const omn_part *teacher_decoder(const omn_teacher *t);
bool teacher_wants_codes(const omn_teacher *t, const omn_value *wanted);
/* What the step sees of the picture for these inputs: the view in which codes are made. */
omn_status teacher_view(omn_teacher *t, omn_call *c, const omn_named *inputs, size_t n,
                        omn_frame *out, bool *has, omn_error *err);
/* Codes of its decoder come from here from now on; borrowed. */
void teacher_share(omn_teacher *t, codes_maker *codes);

/* What the step's decoder makes of n wanted values: tokens, owned; after a failure none. [run] */
omn_status teacher_codes(omn_teacher *t, omn_call *c, const codes_want *want, size_t n,
                         omn_value **out, omn_error *err);
/* A teacher for that alone; *out NULL: the pipeline's step wants no codes. */
omn_status teacher_of_codes(omn_pipeline *p, omn_model *m, omn_teacher **out, omn_error *err);

/* What the model sees of the picture in the slot `of`, -1: of the first that the step is given:
 * the frame in which boxes are written. *has false: there is no such picture. */
omn_status run_frame(omn_pipeline_run *r, omn_call *c, const plan_step *s, int of, omn_frame *out,
                     bool *has, omn_error *err);

#endif
