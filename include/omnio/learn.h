/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/learn.h: what plugins bring to training and judging: what an answer is worth
 * ("omnio.measure/1") and golden cases of an object ("omnio.verify/1"). */
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
