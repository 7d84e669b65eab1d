/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/learn.h: what plugins bring to training and judging: what an answer is worth
 * ("omnio.measure/1"), what training lowers ("omnio.objective/1"), places to act in
 * ("omnio.world/1") and golden cases of an object ("omnio.verify/1"). */
#ifndef OMNIO_LEARN_H
#define OMNIO_LEARN_H

#include <omnio/generate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- measure: "omnio.measure/1": answers beside those that were wanted --------------------- */

/* One figure about many answers. */
typedef struct omn_measure_row {
    uint32_t size;
    const char *name;                   /* "exact", "f1 at iou 0.5" */
    const char *unit;                   /* of the value ("deg"); NULL: a fraction, shown in % */
    double value;
    double baseline;                    /* the same for the best constant answer; NAN: unknown */
    double lo, hi;                      /* what values can be, lo < hi; both 0: anything */
    bool less;                          /* less is better */
} omn_measure_row;
typedef void omn_measure_emit(void *user, const omn_measure_row *row);
typedef struct omn_measure_impl {
    const void *(*extension)(const char *id);
    const char *takes;                  /* kind of the answers ("text", "regions"), "any" */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);          /* also when open failed after setting *self */
    /* An empty count; one for each kind of question. */
    omn_status (*begin)(const void *self, void **state, omn_error *err);
    /* One more answer. wanted: what should have been said; inputs: record of what was asked, but
     * for pictures. right: set to whether it is wholly right. An answer of the wrong kind is wrong,
     * not an error. Called in the order of the examples, one at a time, whatever the threads. */
    omn_status (*add)(const void *self, void *state, omn_call *c, const omn_value *answer,
                      const omn_value *wanted, const omn_value *inputs, bool *right,
                      omn_error *err);
    /* The figures so far, always the same rows in the same order. */
    omn_status (*rows)(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err);
    void (*end)(const void *self, void *state);          /* frees a count; NULL is fine */
} omn_measure_impl;
/* "omnio.graded/1" of measures to which an answer is more than right or wrong. */
typedef struct omn_graded_impl {
    /* What the answer that was added last is worth, 0..1. */
    double (*last)(const void *self, const void *state);
} omn_graded_impl;

/* ---- objective: "omnio.objective/1": what training lowers ------------------------------------ */

typedef struct omn_objective_impl {
    const void *(*extension)(const char *id);
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);          /* also when open failed after setting *self */
    /* The loss [1] from what a TEACH graph puts out ("logits.ROLE" [B,T,V], "features.ROLE") and
     * its targets with labels [B,T] and weights [B,T]. What is told of it goes into `out`:
     * "loss.ROLE" [1] of each target, and "nll.ROLE" [B,T] f32, what each place costs before its
     * weight, where that means something. NULL: failed. [build] */
    omn_node *(*loss)(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out);
} omn_objective_impl;

/* "omnio.additive/1" of objectives whose loss is a sum over places: their weight, over that of all
 * places or 1, whichever is more, times something that depends on the place's own row alone. The
 * rows of a batch can be shared among processes then. */
typedef struct omn_additive_impl {
    bool (*additive)(const void *self);
} omn_additive_impl;

/* ---- world: "omnio.world/1": a place to act in, for control ---------------------------------- */

typedef struct omn_world_step {
    uint32_t size;
    omn_value *observation;             /* owned by whoever asked */
    double reward;                      /* for the action */
    bool done;                          /* the episode is over */
} omn_world_step;
typedef struct omn_world_impl {
    const void *(*extension)(const char *id);
    const char *shows, *takes;          /* kinds of observations and actions */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);          /* also when open failed after setting *self */
    /* A new episode: the same seed begins, and for the same actions goes on, alike on every
     * machine. *observation: owned by the caller. [setup] */
    omn_status (*reset)(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                        omn_error *err);
    /* One action. OMN_ERR_DATA: an action that makes no sense there; nothing has happened then.
     * [setup] */
    omn_status (*step)(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                       omn_error *err);
} omn_world_impl;
/* A world for hosts. Every world that is opened is one of its own; one thread at a time. */
typedef struct omn_world omn_world;
OMN_API omn_status omn_world_open(omn_context *ctx, const char *name, const omn_setting *set,
                                  size_t n, omn_world **out, omn_error *err);
OMN_API void omn_world_close(omn_world *w);
OMN_API const char *omn_world_shows(const omn_world *w);
OMN_API const char *omn_world_takes(const omn_world *w);
OMN_API omn_status omn_world_reset(omn_world *w, uint64_t seed, omn_value **observation,
                                   omn_error *err);
/* OMN_ERR_ARGUMENT before the first reset and behind the end of an episode; OMN_ERR_TYPE for an
 * action of another kind; OMN_ERR_PLUGIN when the world shows what it does not promise, or gives a
 * reward that is no number. out: its size is set by the caller; empty after a failure. */
OMN_API omn_status omn_world_act(omn_world *w, const omn_value *action, omn_world_step *out,
                                 omn_error *err);

/* ---- verify: "omnio.verify/1", an ability of models, encoders, decoders, codecs, formats ----- */

/* One golden file on its way through the comparison: outputs that another program made, stage by
 * stage, as tensors of a safetensors file whose __metadata__ "format" says whose it is. Tensors
 * whose names begin with "in." are inputs, all others are stages ("out." is left out of their
 * names). What is borrowed from it lives until run returns. [run] */
typedef struct omn_verification omn_verification;
OMN_API omn_context *omn_verification_context(const omn_verification *v);
OMN_API omn_call *omn_verification_call(const omn_verification *v);
OMN_API const omn_weights *omn_verification_golden(const omn_verification *v);
OMN_API const char *omn_verification_name(const omn_verification *v); /* the file's, for messages */
/* The path of a file beside the golden one into out [room]; OMN_ERR_DATA for more than a bare
 * name. */
OMN_API omn_status omn_verification_beside(const omn_verification *v, const char *name, char *out,
                                           size_t room, omn_error *err);

/* What a stage may differ by: an element agrees within abs + rel |wanted|; integers agree when they
 * are equal, both 0 then. first: so many elements are judged, 0 all. unjudged: the stage has no
 * value that two right programs share; it is shown and counts neither way. */
typedef struct omn_tolerance {
    double abs, rel;
    size_t first;
    bool unjudged;
} omn_tolerance;
typedef omn_tolerance omn_tolerance_fn(void *user, const char *stage, omn_type type);
/* A stage as this build made it, borrowed; false when it did not. */
typedef bool omn_verify_find_fn(void *user, const char *stage, omn_tensor *out);
/* Compare all stages (f32, i32); each becomes a row of omn_verify. OMN_ERR_FAILED: some are missing
 * or outside their tolerance; OMN_ERR_DATA: there is none. */
OMN_API omn_status omn_verify_compare(omn_verification *v, omn_verify_find_fn *find,
                                      void *find_user, omn_tolerance_fn *tolerance,
                                      void *tolerance_user, omn_error *err);

typedef struct omn_verify_impl {
    const char *format;                 /* of the golden files that are its own */
    /* Runs the case that the file holds and compares. OMN_ERR_UNSUPPORTED: it needs what this build
     * lacks. */
    omn_status (*run)(omn_verification *v, omn_error *err);
} omn_verify_impl;

#ifdef __cplusplus
}
#endif
#endif
