/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/generate.h: models, and answers from them. A model is weights, parts and planned graphs,
 * shared by threads; a runner holds caches and a workspace and belongs to one thread at a time. */
#ifndef OMNIO_GENERATE_H
#define OMNIO_GENERATE_H

#include <omnio/kinds.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- models --------------------------------------------------------------------------------- */

/* A model directory holds config.json ({"omnio": {"model": "uio2"}, ...}), model.safetensors (or an
 * index with shards) and the files that the configuration names (tokenizer.model). */
typedef struct omn_model omn_model;
typedef struct omn_model_setup {
    uint32_t size;
    const char *device;                 /* NULL: the context's */
    omn_precision precision;
    omn_store *store; /* training: use these weights, not the directory's; borrowed */
    bool training, keep_tagged;
    const char *weights;                /* a weights file instead of the directory's; NULL: usual */
} omn_model_setup;
/* path: a directory, or a name looked for in the context's model path, the user's models folder,
 * the installed models and the build tree's models/. how NULL: usual. [any] */
OMN_API omn_status omn_model_open(omn_context *ctx, const char *path, const omn_model_setup *how,
                                  omn_model **out, omn_error *err);
/* The same from a configuration in memory: JSON as config.json holds it, with a name for messages.
 * There is no folder, so files beside it are not found; how->weights or how->store is wanted.
 * [any] */
OMN_API omn_status omn_model_open_text(omn_context *ctx, const char *json, const char *name,
                                       const omn_model_setup *how, omn_model **out,
                                       omn_error *err);
OMN_API void omn_model_close(omn_model *m);
OMN_API omn_context *omn_model_context(const omn_model *m);
OMN_API omn_program *omn_model_program(const omn_model *m);
OMN_API const char *omn_model_path(const omn_model *m);
OMN_API const char *omn_model_object(const omn_model *m);            /* "uio2" */
OMN_API const omn_weights *omn_model_weights(const omn_model *m);    /* NULL when training */
OMN_API const omn_part *omn_model_encoder(const omn_model *m, const char *role);   /* or NULL */
OMN_API const omn_part *omn_model_decoder(const omn_model *m, const char *role);   /* or NULL */
OMN_API size_t omn_model_parts(const omn_model *m, omn_part *const **list);
/* The codec with which answers and prompts write boxes and points; NULL when the model has none. */
OMN_API const omn_part *omn_model_codec(const omn_model *m, const char *speaks);
OMN_API const char *omn_model_prefix(const omn_model *m, const char *output);
/* Declare every weight (TEACH graph of smallest sizes) so that shapes are checked and parameters
 * counted. */
OMN_API omn_status omn_model_declare(omn_model *m, omn_error *err);

/* Graphs by sizes, cached. Inputs of the graph are named "ROLE.PORT" for encoders, "target.ids",
 * "target.pos", "target.seg", "target.part", "target.labels", "target.weight", "start",
 * "memory_row"; outputs as omn_model_impl says. */
typedef struct omn_graph_sizes {
    uint32_t size;
    omn_phase phase;
    int64_t rows;                       /* B of the inputs and targets */
    const char *const *roles;           /* encoders that take part, in the model's order */
    const int64_t *lengths;             /* for each: size of its varying axis (0: the largest) */
    uint32_t n_roles;
    const char *output;                 /* decoder role: "text" */
    int64_t target_length;              /* T */
    int64_t capacity, memory_rows, memory_length;    /* STEP */
    bool labels;                        /* TEACH: with a loss */
    const omn_ce *loss;
    const char *const *frozen; /* with labels and a training program: gradients but of these */
    size_t n_frozen;
    /* TEACH: more nodes built onto the outputs (auxiliary losses): may replace "loss"
     * (omn_bundle_replace). */
    void (*extend)(void *user, omn_scope *s, omn_bundle *out);
    void *extend_user;
    /* TEACH with labels: an opened omnio.objective/1 that makes the loss; NULL: the model does */
    const omn_part *objective;
} omn_graph_sizes;
OMN_API omn_status omn_model_graph(omn_model *m, const omn_graph_sizes *sizes, omn_graph **out,
                                   omn_error *err);

/* One value through an encoder's prepare. frame may be NULL. [run] */
OMN_API omn_status omn_model_prepare(const omn_model *m, omn_call *c, const char *role,
                                     const omn_value *v, omn_feed *out, omn_frame *frame,
                                     omn_error *err);
/* Text to ids through the text encoder's or decoder's tokenizer, without start or end. */
OMN_API omn_status omn_model_tokens(const omn_model *m, const char *text, int32_t *ids, size_t most,
                                    size_t *n, omn_error *err);

/* ---- requests ------------------------------------------------------------------------------- */

typedef struct omn_runner omn_runner;   /* one thread at a time; only cancel from elsewhere */
OMN_API omn_status omn_runner_new(omn_model *m, omn_runner **out, omn_error *err);
OMN_API void omn_runner_free(omn_runner *r);
OMN_API void omn_runner_cancel(omn_runner *r);          /* [any], async-signal-safe */
OMN_API omn_exec *omn_runner_exec(omn_runner *r);

typedef struct omn_event {
    uint32_t size;
    const char *type;                   /* "token", "progress" as in JSON Lines */
    const char *text;                   /* "token": what is new; whole UTF-8 characters */
    uint64_t done, total;
} omn_event;

/* The shape of an answer: what is forced while decoding and what is made of the text. */
typedef enum omn_answer_kind {
    OMN_ANSWER_TEXT,                    /* free text */
    OMN_ANSWER_BOXES,                   /* regions through the model's location codec */
    OMN_ANSWER_OPTIONS                  /* scored, not sampled */
} omn_answer_kind;
typedef struct omn_answer {
    uint32_t size;
    omn_answer_kind kind;
    int32_t least, most; /* boxes: how many; most 0: no limit; 1 and 1: exactly four locations */
    bool labels;                        /* boxes: a label follows each */
    double force; /* location forcing threshold; 0: off. spec uio2-tasks section 5 */
    const char *of;                     /* role of the picture whose pixels the boxes are in */
    const char *const *options;
    size_t n_options;
    bool sum;                           /* options: sum of the scores, not their mean */
} omn_answer;

typedef struct omn_request {
    uint32_t size;
    const omn_named *inputs;            /* by encoder role: "image", ... (not the prompt) */
    uint32_t n_inputs;
    const char *prompt; /* text; the model's prefix is put in front by the library */
    const char *output;                 /* decoder role; NULL: "text" */
    const omn_answer *answer;           /* NULL: free text */
    double temperature, top_p;          /* 0: greedy; top_p 0 or 1: off */
    int32_t top_k, max_tokens;          /* 0: off; 0: the model's most */
    uint64_t seed;
    int (*watch)(void *user,
                 const omn_event *e); /* [run]; other than 0 stops, keeping the result */
    void *user;
} omn_request;

typedef struct omn_result {
    uint32_t size;
    omn_value *value;                   /* owned: text, regions, or the chosen option as text */
    omn_value *text;                    /* owned: the raw text of the answer; NULL for options */
    double *scores;                     /* options: one each, lower is better; owned, free() */
    size_t n_scores;
    int32_t chosen;
    uint32_t tokens;
    bool stopped;                       /* by the end token, not by a limit or cancel */
    uint64_t prepare_ns, encode_ns, decode_ns;
} omn_result;
OMN_API void omn_result_fini(omn_result *r);
/* Answer one request. [run] */
OMN_API omn_status omn_generate(omn_runner *r, const omn_request *rq, omn_result *out,
                                omn_error *err);
/* Several requests that differ in inputs and prompt only, in one batch: faster on short answers. */
OMN_API omn_status omn_generate_batch(omn_runner *r, const omn_request *rq, size_t n,
                                      omn_result *out, omn_error *err);

/* ---- sampling, for tests and other generators ----------------------------------------------- */

/* One choice from logits [n] (changed in place): temperature, then top-k, then top-p (smallest set
 * whose mass reaches p), softmax, draw with u in [0, 1). temperature 0: the largest, the smaller id
 * on ties. */
OMN_API int32_t omn_sample(float *logits, size_t n, double temperature, int32_t top_k, double top_p,
                           double u);
/* Location forcing: if the softmax mass of ids first..first+count-1 is above `above`, the others
 * become -10000. */
OMN_API void omn_force_range(float *logits, size_t n, int32_t first, int32_t count, double above);

/* ---- verify, omn_verify in train.h ---------------------------------------------------------- */

/* One stage of a golden file: its largest errors (the relative one over what is not tiny beside the
 * stage's largest number) and its tolerance: an element agrees when it differs by at most abs + rel
 * |wanted|. Strings are borrowed for the call. */
typedef struct omn_verify_row {
    const char *file, *stage;
    double abs_error, rel_error, tolerance_abs, tolerance_rel;
    bool ok;
    const char *why;                    /* NULL, or "missing", "shape [..] not [..]"; also beside
                                         * ok: "the first 10 of 40 are judged" */
} omn_verify_row;

#ifdef __cplusplus
}
#endif
#endif
