/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/generate.h: models, and answers from them. A model is weights, parts and planned graphs,
 * shared by threads; a runner holds caches and a workspace and belongs to one thread at a time. */
#ifndef OMNIO_GENERATE_H
#define OMNIO_GENERATE_H

#include <omnio/answer.h>

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
    omn_precision precision;            /* AUTO: as with how NULL */
    omn_store *store; /* training: use these weights, not the directory's; borrowed */
    bool training, keep_tagged;
    const char *weights;                /* a weights file instead of the directory's; NULL: usual */
    const char *cache;                  /* "f32", "bf16", "auto"; NULL: as with how NULL */
    bool hollow; /* no weights are read: they have room of f32 that nobody fills, as the
                  * configuration says. Graphs of it are planned, and never run */
    const char *adapter; /* a file of low-rank adapters of its matrices, as `lora` of a recipe makes
                          * them; NULL: the context's. Not with `store` */
    bool keep_files; /* of a file that is a model by itself: what lies inside stays unpacked, for
                      * who copies the model */
} omn_model_setup;
/* path: a file of weights that holds its configuration, too; a directory, or a name looked for in
 * the context's model path, the user's models folder, the installed models and the build tree's
 * models/. how NULL: usual; the precision of its
 * products is then what the context says, else "omnio.precision" of its configuration ("f32",
 * "bf16", "auto"), else OMN_PRECISION_AUTO. So it is with the type of its caches of keys and values
 * and "omnio.cache"; auto is bf16 there where the products are. [any] */
OMN_API omn_status omn_model_open(omn_context *ctx, const char *path, const omn_model_setup *how,
                                  omn_model **out, omn_error *err);
/* The same from a configuration in memory: JSON as config.json holds it, with a name for messages.
 * There is no folder, so files beside it are not found; how->weights or how->store is wanted.
 * [any] */
OMN_API omn_status omn_model_open_text(omn_context *ctx, const char *json, const char *name,
                                       const omn_model_setup *how, omn_model **out,
                                       omn_error *err);
/* OMN_ERR_CONFIG for a key of the configuration that is probably misspelt: nobody asked for it, and
 * it stands under "omnio", or near to one that was asked for and is missing. [any] */
OMN_API omn_status omn_model_keys(const omn_model *m, omn_error *err);
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
/* The pipeline by which it is asked what it is for, by its family's word (omn_task_impl in
 * published.h): "vqa"; NULL: the family says none. [any] */
OMN_API const char *omn_model_task(const omn_model *m);
/* Declare every weight (TEACH graphs of smallest sizes, one for each decoder with a vocabulary) so
 * that shapes are checked and parameters counted. */
OMN_API omn_status omn_model_declare(omn_model *m, omn_error *err);
/* Since the model was opened: inputs of which its encoders made vectors, in how many runs; those
 * that were there already (omn_context_setup.keep_memory); files that were not whole; and bytes in
 * memory now. All 0 where nothing is kept: with weights of a training, and where the model reads
 * its inputs otherwise. */
typedef struct omn_kept {
    uint32_t size;
    uint64_t made, runs, from_memory, from_folder, damaged, bytes;
} omn_kept;
/* out->size is set by the caller. [any] */
OMN_API void omn_model_kept(const omn_model *m, omn_kept *out);

/* A model folder becomes another whose weights lie in the other layout; all else in it is copied.
 * With BLOCKS and the name of a file that a plugin writes (omn_weights_writes) for `folder`, the
 * model becomes that file, with the configuration and what its parts read inside.
 * Into tiles (tensor.h) go the matrices of bf16 that the model's products linear multiply by, and
 * that no other op of it reads. path: as for omn_model_open. folder: made when it is not there; one
 * that has something in it is written into with `overwrite` alone, and never the model's own. After
 * a failure no file is left that was not there before. */
typedef enum omn_layout { OMN_LAYOUT_ROWS, OMN_LAYOUT_TILES, OMN_LAYOUT_BLOCKS } omn_layout;
/* BLOCKS: which form a matrix gets: that of the first row whose glob matches its name. */
typedef struct omn_form_row {
    const char *names;   /* "decoder.**.weight": * between dots, ** over them */
    omn_type form;       /* q8_0, q4_0, q4_K, q6_K, bf16, f16; OMN_TYPE_NONE: as it is */
} omn_form_row;
typedef struct omn_convert_setup {
    uint32_t size;
    omn_layout layout;
    bool round;     /* TILES: matrices of f32 and f16 are rounded to bf16 for it; no way back */
    bool overwrite;
    /* ROWS: a file of adapters (omn_model_setup) that are put into the matrices they are for; each
     * keeps its type, to which the sum is rounded. NULL: none */
    const char *adapter;
    /* BLOCKS (omn_blocks_of_rows in tensor.h): the matrices that only products linear and look-ups
     * of embeddings read get the forms of these rows; those that match none stay as they are. Rows
     * of a matrix that are no multiple of 256 get q4_0 for q4_K and q8_0 for q6_K; no multiple of
     * 32, and the matrix stays. One that is in blocks already stays too, or is refused when another
     * form is wanted */
    const omn_form_row *forms;
    size_t n_forms;
    /* BLOCKS: how much an error in each column of a matrix weighs; one that it does not know, and
     * NULL: all the same */
    omn_importance *importance;
} omn_convert_setup;
typedef struct omn_converted {
    uint32_t size;
    uint64_t tiles, rounded;    /* matrices that lie in tiles now; of those, rounded ones */
    uint64_t rows;              /* matrices that were brought into rows */
    uint64_t other_type;        /* matrices of products that stay as they are: not bf16 */
    uint64_t left;              /* other tensors, as they were */
    uint64_t bytes;             /* of all tensors as they lie now */
    uint64_t files;             /* written, weights among them */
    uint64_t merged;            /* matrices that an adapter was put into */
    uint64_t formed;            /* BLOCKS: matrices that have another form now */
    uint64_t coarse;            /* of those: another than was wanted, since their rows are no
                                 * multiple of 256 */
    uint64_t odd;               /* matrices that stay, since their rows are no multiple of 32 */
    uint64_t before;            /* bytes of all tensors as they lay */
    uint64_t weighed;           /* of the formed: those whose columns have an importance */
} omn_converted;
/* c is asked whether to stop, and told of progress; out->size is set by the caller. [any] */
OMN_API omn_status omn_model_convert(omn_context *ctx, omn_call *c, const char *path,
                                     const char *folder, const omn_convert_setup *how,
                                     omn_converted *out, omn_error *err);

/* The weights of a folder that has a configuration and none: model.safetensors is written, every
 * weight drawn as a training from nothing draws it, so that the same seed gives the same bytes. A
 * model whose answers mean nothing, of the right sizes. Tensors are made one at a time. */
typedef struct omn_seed_setup {
    uint32_t size;
    uint64_t seed;
    omn_type form;  /* f32, bf16, f16; or q8_0, q4_0, q4_K, q6_K: matrices as omn_convert_setup's
                     * BLOCKS, all else bf16. OMN_TYPE_NONE: bf16 */
    bool overwrite; /* a model.safetensors that is there */
} omn_seed_setup;
typedef struct omn_seeded {
    uint32_t size;
    uint64_t tensors, parameters, bytes;
    uint64_t formed; /* tensors that are blocks */
} omn_seeded;
/* c is asked whether to stop, told of progress, and splits the work; out->size is set by the
 * caller. OMN_ERR_ARGUMENT: the folder has weights already. [any] */
OMN_API omn_status omn_model_seed(omn_context *ctx, omn_call *c, const char *folder,
                                  const omn_seed_setup *how, omn_seeded *out, omn_error *err);

/* Graphs by sizes, cached. Inputs of the graph are named "ROLE.PORT" for encoders (a role that is
 * there twice: "ROLE#2.PORT"), "target.ids",
 * "target.pos", "target.seg", "target.part", "target.labels", "target.weight", "target.from",
 * "start", "memory_row"; outputs as omn_model_impl says. */
typedef struct omn_graph_sizes {
    uint32_t size;
    omn_phase phase;
    int64_t rows;                       /* B of the inputs and targets */
    const char *const *roles;           /* encoders that take part, in the model's order */
    const int64_t *lengths;             /* for each: size of its varying axis (0: the largest) */
    uint32_t n_roles;
    const char *output;                 /* decoder role: "text"; "": TEACH asks none */
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
    /* TEACH: several targets at once, decoder roles in the model's order instead of `output` and
     * `target_length`. Their inputs are named "target.ROLE.ids" and so on, their losses are added.
     * No two of them share a number in "target.ROLE.part". */
    const char *const *outputs;
    const int64_t *target_lengths;
    uint32_t n_outputs;
    bool noised;                        /* TEACH: targets with "noised" f32, see omn_target */
    /* TEACH: the joined inputs are gathered into so many rows of so many places, which are then the
     * rows of the targets: inputs "pack.map" and "pack.seg" i32 [rows, length], see omn_seq_pack;
     * 0: as they are */
    int64_t packed_rows, packed_length;
    /* ENCODE, of a model with "omnio.alike/1": for each role how many different inputs there are;
     * its ports have so many rows, and the input "ROLE.which" i32 [rows, 1] says which of them each
     * row has. 0, or NULL: every row has its own. */
    const int64_t *distinct;
    /* TEACH with labels: what lies before the loss is made again, block by block, when its
     * gradients are, in place of being kept: less memory, one more pass, gradients of the same bits
     * (activation checkpointing) */
    bool recompute;
    /* ENCODE, of a model with "omnio.alike/1": for each role whether the vectors that its encoder
     * makes are given, as the input "ROLE.made" f32 [rows, or as many as are distinct, L, D], in
     * place of being made. NULL: all are made */
    const bool *made;
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
/* The same, however many there are: *ids is owned (free()) and has a place behind the last. */
OMN_API omn_status omn_model_all_tokens(const omn_model *m, const char *text, int32_t **ids,
                                        size_t *n, omn_error *err);

/* ---- requests ------------------------------------------------------------------------------- */

typedef struct omn_runner omn_runner;   /* one thread at a time; only cancel from elsewhere */
OMN_API omn_status omn_runner_new(omn_model *m, omn_runner **out, omn_error *err);
OMN_API void omn_runner_free(omn_runner *r);
OMN_API void omn_runner_cancel(omn_runner *r);          /* [any], async-signal-safe */
OMN_API omn_exec *omn_runner_exec(omn_runner *r);

typedef struct omn_event {
    uint32_t size;
    /* As in JSON Lines: "token"; "partial"; "progress", at every token of a value that the
     * decoder's graph makes */
    const char *type;
    const char *text;                   /* "token": what is new; whole UTF-8 characters */
    uint64_t done, total;
    const omn_value *value;             /* "partial": what the answer says so far, of the kind that
                                         * it makes; borrowed while it is told */
} omn_event;

/* ---- answers: omnio/answer.h ---------------------------------------------------------------- */

/* Which answer, with its parameters as a user writes them. A parameter of the name of the object is
 * its main one: {boxes: 1..20} is the object "boxes" with boxes = "1..20". */
typedef struct omn_answer_setup {
    uint32_t size;
    const char *object;                 /* "text", "boxes", ...; NULL: "text" */
    const char *output;                 /* decoder role; NULL: "text" */
    const char *of;                     /* role of the picture whose pixels it speaks of; NULL:
                                         * "image" */
    const omn_setting *set;
    size_t n_set;
    const omn_named *values;            /* parameters that are values (VAL rows) */
    size_t n_values;
    const char *file;                   /* where the settings stand; NULL: nowhere */
    uint32_t of_number;                 /* which of the request's inputs of the role `of`, from 0;
                                         * those without a value count too */
} omn_answer_setup;
/* Opened for one model; it may serve any number of requests and threads, and is closed before the
 * model. Rules that cannot be are told here. [any] */
OMN_API omn_status omn_answer_open(omn_model *m, omn_call *c, const omn_answer_setup *how,
                                   omn_answer **out, omn_error *err);
OMN_API void omn_answer_close(omn_answer *a);
OMN_API const char *omn_answer_makes(const omn_answer *a);           /* kind of its values */
OMN_API const char *omn_answer_object(const omn_answer *a);
OMN_API const char *omn_answer_of(const omn_answer *a);
/* A value as the model should write it, without the end token: the target of a lesson. What the
 * answer's own rules refuse is OMN_ERR_DATA. frame: what the model sees of the picture; NULL:
 * none. [run] */
OMN_API omn_status omn_answer_write(const omn_answer *a, omn_call *c, const omn_value *v,
                                    const omn_frame *frame, omn_ids *out, omn_error *err);
OMN_API omn_status omn_answer_read(const omn_answer *a, omn_call *c, const omn_heard *h,
                                   const omn_frame *frame, omn_value **out, omn_error *err);

/* ---- requests ------------------------------------------------------------------------------- */

/* How one id is drawn. top-p keeps the smallest set whose mass reaches p ("cross"), or the largest
 * first part whose mass does not pass p, with all that equal its last, at least one ("within"). */
typedef enum omn_top_p_rule { OMN_TOP_P_CROSS, OMN_TOP_P_WITHIN } omn_top_p_rule;
/* Where chance comes from instead of the seed: 0: *u in [0, 1) was set; 1: gumbel [n] was set, the
 * largest of logits (cut, divided by the temperature) + gumbel is taken. step counts from 0. */
typedef int omn_noise_fn(void *user, size_t row, int32_t step, size_t n, double *u, float *gumbel);

/* Beams. The score of an answer is the sum of its log-probabilities, end token included, over a
 * penalty of its length l (end token included, plus length_extra): l^a or ((5 + l)/6)^a. */
typedef enum omn_penalty { OMN_PENALTY_POWER, OMN_PENALTY_SIXTHS } omn_penalty;
/* When a search is over, beside the limit on tokens. BOUND: as many answers as beams have ended,
 * and no live one would be better if it ended now. FULL: as many as beams have ended; at the limit
 * every beam has to end, and those that may not fill up what is missing. BEST: one has ended, and
 * no live one can become better at the largest length; an end of any rank counts, and behind the
 * limit the likeliest token counts as an end that is not said. NEVER: the end token is one like
 * others. What is alive at the limit becomes an answer as it is, unless as many as beams are
 * better. */
typedef enum omn_beam_stop {
    OMN_BEAM_BOUND, OMN_BEAM_FULL, OMN_BEAM_BEST, OMN_BEAM_NEVER
} omn_beam_stop;
typedef struct omn_beams {
    int32_t count;                      /* 0 or 1: no beams */
    double alpha;
    omn_penalty penalty;
    int32_t length_extra;               /* of answers that have ended */
    int32_t open_extra;                 /* of those that the limit on tokens cuts off */
    bool renormalise;                   /* log-probabilities among the ids that the rules allow */
    omn_beam_stop stop;
} omn_beams;

/* Which ids are asked for in one pass. JACOBI guesses a window of them and verifies all in one
 * pass: the same answers (drawn: the same distribution), fewer passes where guesses hold. */
typedef enum omn_scheme { OMN_SCHEME_LEFT_TO_RIGHT, OMN_SCHEME_JACOBI } omn_scheme;

/* Another condition of a request, by weight: with L the log-probabilities under each condition, ids
 * are chosen from (1 - sum of weights) L(request) + sum of weight L(condition). Guidance by alpha
 * away from a condition is the weight -alpha. */
typedef struct omn_condition {
    double weight;
    const omn_named *inputs;
    uint32_t n_inputs;
    const char *prompt;
} omn_condition;

/* Inputs that were prepared once and are wanted again, as a picture that two requests see. What it
 * gives is borrowed until it is cleared; one thread at a time. */
typedef struct omn_prepared omn_prepared;
OMN_API omn_status omn_prepared_new(const omn_model *m, omn_prepared **out, omn_error *err);
OMN_API void omn_prepared_free(omn_prepared *p);
OMN_API void omn_prepared_clear(omn_prepared *p);
/* The value as omn_model_prepare makes it for this role; frame may be NULL. [run] */
OMN_API omn_status omn_prepared_get(omn_prepared *p, omn_call *c, const char *role,
                                    const omn_value *v, const omn_feed **out, omn_frame *frame,
                                    omn_error *err);
/* How many values were prepared since it is there. */
OMN_API uint64_t omn_prepared_made(const omn_prepared *p);
/* true when it holds more than 256 MB: a good time to clear it. */
OMN_API bool omn_prepared_full(const omn_prepared *p);

typedef struct omn_request {
    uint32_t size;
    const omn_named *inputs;            /* by encoder role, in order; text among them, if not in
                                         * `prompt` */
    uint32_t n_inputs;
    const char *prompt; /* text; the model's prefix is put in front by the library */
    const char *output;                 /* decoder role; NULL: the answer's, or "text" */
    const omn_answer *answer;           /* NULL: free text */
    double temperature;                 /* 0: the likeliest */
    double top_p;                       /* 0: the likeliest; 1 and more, below 0 or NAN: off */
    int32_t top_k, max_tokens;          /* 0: off; 0: the model's most */
    uint64_t seed;
    int (*watch)(void *user,
                 const omn_event *e); /* [run]; other than 0 stops, keeping the result */
    void *user;
    omn_top_p_rule top_p_rule;
    int32_t min_tokens;                 /* no end before so many; 0: off */
    int32_t no_repeat;                  /* no n ids in a row twice; 0: off */
    omn_beams beams;
    int32_t n_best;                     /* answers wanted; 0: one */
    omn_noise_fn *noise;                /* NULL: from the seed */
    void *noise_user;
    const omn_condition *conditions;
    uint32_t n_conditions;
    omn_scheme scheme;
    int32_t window;                     /* JACOBI: ids guessed at once; 0: 16 */
    omn_prepared *prepared;             /* keeps what is prepared; NULL: nobody does */
    bool partial; /* watch is told of the answer's value so far as well, whenever it has changed;
                   * beams and candidates have none before the end */
    /* With partial: looked at every so many tokens alone. 0: at each, but values that the decoder's
     * graph makes are too dear for that, and come at their end. */
    int32_t partial_every;
    /* What is drawn depends on the seed alone, as if the request were asked by itself, not on its
     * place in a batch; `noise` is told row 0. */
    bool apart;
} omn_request;

/* One medium that the model was given, and how it arrived. */
typedef struct omn_seen {
    char role[64];
    char kind[64];
    uint64_t hash[2];                   /* of the content */
    uint32_t width, height;             /* of a picture as it was decoded; else 0 */
    omn_frame frame;                    /* what of it the model sees; width 0: no picture */
    uint64_t bytes;                     /* of a text, prefix included */
    uint32_t tokens;                    /* places that it takes in the model's input */
    uint32_t cut;                       /* tokens that were left out since there was no room */
} omn_seen;

/* One of several answers. */
typedef struct omn_best {
    omn_value *value, *text;
    double score;                       /* beams: as omn_beams says; else the log-probability */
    uint32_t tokens;
    bool stopped;
} omn_best;

typedef struct omn_result {
    uint32_t size;
    omn_value *value;                   /* owned: what the answer makes of it */
    omn_value *text;                    /* owned: the raw text of the answer; NULL for options */
    double *scores;                     /* options: one each, lower is better; owned, free() */
    size_t n_scores;
    int32_t chosen;
    uint32_t tokens;
    bool stopped;                       /* by the end token, not by a limit or cancel */
    uint64_t prepare_ns, encode_ns, decode_ns;
    double score;                       /* log-probability of the answer; beams: with penalty */
    int32_t *ids;                       /* [tokens], owned, free() */
    float *logprob;                     /* [tokens] of each id, owned, free() */
    omn_best *best;                     /* n_best answers, the best first; owned; else NULL */
    size_t n_best;
    omn_seen *seen;                     /* owned, free() */
    size_t n_seen;
    uint32_t passes;                    /* of the decoder */
    omn_value *options;                 /* owned: all candidates as options, the likeliest first;
                                         * what they are worth is minus `scores`; else NULL */
} omn_result;
OMN_API void omn_result_fini(omn_result *r);
/* Answer one request. [run] */
OMN_API omn_status omn_generate(omn_runner *r, const omn_request *rq, omn_result *out,
                                omn_error *err);
/* A request as the model would get it, an owned record: "output", "makes" (kind), "answer";
 * "inputs", each with "role", "kind", "tokens" (its places), of texts "text" with the model's
 * prefix and its "ids", of pictures "width" and "height"; "guidance", each with "weight" and
 * "inputs"; "max_tokens", "temperature" and what else is set of the search; "first_count",
 * "first_ids" ("2-9 12"), "may_be_empty": what may begin the answer, "prefers": ids taken as soon
 * as they are likely "above" a limit; or of options "candidates", their ids, and how they "score".
 * Nothing runs, and the model may be without weights. [run] */
OMN_API omn_status omn_request_describe(omn_model *m, omn_call *c, const omn_request *rq,
                                        omn_value **out, omn_error *err);
/* The ids, rising, that may come behind n ids of its answer, whatever is likely, and whether it may
 * end there. OMN_ERR_DATA: its rules do not allow these n; OMN_ERR_ARGUMENT: options are scored
 * whole. [any] */
OMN_API omn_status omn_request_allowed(omn_model *m, const omn_request *rq, const int32_t *ids,
                                       size_t n, omn_ids *out, bool *may_end, omn_error *err);
/* Several requests in one batch, which is faster. They name the same inputs and
 * output, and are alike in beams' number and stop, in n_best, scheme, window and conditions'
 * weights; limits, weights of length, temperature and the rest are each request's own. */
OMN_API omn_status omn_generate_batch(omn_runner *r, const omn_request *rq, size_t n,
                                      omn_result *out, omn_error *err);

/* The log-probabilities [width] of all ids at one place of an answer; borrowed while it runs.
 * Other than OMN_OK stops. */
typedef omn_status omn_follow_fn(void *user, size_t place, const float *logprob, size_t width,
                                 omn_error *err);
/* What the model holds likely at each place of an answer that is given: before its first id (place
 * 0), behind the first, ... and behind the last one, where the end belongs, if the model can write
 * so far. Of the request, inputs, prompt and output count. OMN_ERR_DATA: ids that are none.
 * [run] */
OMN_API omn_status omn_runner_follow(omn_runner *r, const omn_request *rq, const int32_t *ids,
                                     size_t n, omn_follow_fn *fn, void *user, omn_error *err);

/* ---- embeddings and classes ----------------------------------------------------------------- */

/* MEAN: one row, the mean of a model's vectors where it has one for each token. TOKENS: a row for
 * each token, those of padding left out. */
typedef enum omn_embed_rows { OMN_EMBED_MEAN, OMN_EMBED_TOKENS } omn_embed_rows;
typedef struct omn_embed_request {
    uint32_t size;
    const omn_named *inputs;            /* as in a request */
    uint32_t n_inputs;
    const char *prompt;
    const char *name;                   /* "embedding.memory", "class.answer"; NULL: the first */
    omn_embed_rows rows;                /* of an embedding; classes are one row */
    omn_prepared *prepared;             /* as in a request */
    omn_result *receipt;                /* NULL, or what was seen and how long it took is set;
                                         * omn_result_fini */
} omn_embed_request;
/* n requests with the same inputs and name, in one batch; out [n]: embeddings [rows, width], owned
 * by the caller. A name that the model does not have is OMN_ERR_MISSING, with those that it has.
 * [run] */
OMN_API omn_status omn_embed(omn_runner *r, const omn_embed_request *rq, size_t n, omn_value **out,
                             omn_error *err);

/* ---- sampling, for tests and other generators ----------------------------------------------- */

/* One choice from logits [n] (changed in place): temperature, then top-k, then top-p (smallest set
 * whose mass reaches p; 0: the likeliest; 1 and more, below 0 or NAN: off), softmax, draw with u in
 * [0, 1). temperature 0: the largest, the smaller id on ties. */
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

/* From now on so many bytes are kept of what the model's encoders make, for who knows that many
 * questions come: nothing where the context says already what is kept
 * (omn_context_setup.keep_memory, keep_folder), and where the model reads its inputs otherwise.
 * OMN_ERR_MEMORY. [setup] */
OMN_API omn_status omn_model_keep(omn_model *m, uint64_t bytes, omn_error *err);

/* Answers that share forward passes, at most so many at once: when one has ended, the next request
 * takes its place beside those that are still written (continuous batching), so that memory is that
 * of at_once requests, and nobody waits for the longest. Requests whose model or search lets nobody
 * in later (beams, windows, conditions, several answers, options, rows that begin with what is
 * given) are answered at_once by at_once instead. Otherwise as omn_generate_batch, whose answers
 * these are; after a cancel those that had not begun have no value. at_once 0: all n. [run] */
OMN_API omn_status omn_generate_many(omn_runner *r, const omn_request *rq, size_t n,
                                     size_t at_once, omn_result *out, omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
