/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/kinds.h: the kinds that make a model: encoder, decoder, codec, model, source; and how they
 * meet. A model never sees another plugin's struct: it asks libomnio for parts (omn_open_part) and
 * calls omn_encoder_embed and so on. Codes belong to the decoder, ids to the model: which ids mean
 * what is the model's vocabulary, a list of named ranges. */
#ifndef OMNIO_KINDS_H
#define OMNIO_KINDS_H

#include <omnio/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a part says about one named tensor of one value: the largest shape (without the batch axis);
 * the axes whose bits are set in `varies` may be shorter, the host pads them with zeros. */
typedef struct omn_port {
    const char *name;
    omn_type type;
    omn_shape most;
    uint32_t varies;
} omn_port;

/* ---- opening: configuration, parts, vocabulary ---------------------------------------------- */

/* A model's configuration, JSON. The first failure stays (as with graphs) and is reported by
 * open_done. A path is "t5_config.emb_dim"; a missing key gives the default of the _or forms, else
 * the failure. */
typedef struct omn_config omn_config;
OMN_API int64_t omn_config_int(omn_config *c, const char *path, int64_t lo, int64_t hi);
OMN_API int64_t omn_config_int_or(omn_config *c, const char *path, int64_t lo, int64_t hi,
                                  int64_t deflt);
OMN_API double omn_config_double_or(omn_config *c, const char *path, double lo, double hi,
                                    double deflt);
OMN_API bool omn_config_bool_or(omn_config *c, const char *path, bool deflt);
OMN_API const char *omn_config_string_or(omn_config *c, const char *path, const char *deflt);
OMN_API size_t omn_config_count(omn_config *c, const char *path); /* items of a list; 0 if absent */
OMN_API bool omn_config_has(omn_config *c, const char *path);
/* What the configuration does not say is as this JSON says it, an object; for sizes that have a
 * name. Its text is borrowed while the model opens. A second one takes the place of the first. What
 * is no such text is the failure. */
OMN_API void omn_config_usual(omn_config *c, const char *json);

typedef struct omn_open omn_open;       /* what an object may ask for while it is opened */
/* an opened object + parameters + weight prefix; owned by the host */
typedef struct omn_part omn_part;
OMN_API omn_config *omn_open_config(omn_open *o); /* of the model; NULL outside models */
/* A file beside the configuration, as a path; NULL when there is none and `must` is false. For an
 * answer, a measure and whatever else a pipeline or a recipe names: beside that file, in the
 * model's folder, in the current one, whichever has it first. */
OMN_API const char *omn_open_file(omn_open *o, const char *name, bool must);
/* Open a part. params: "width=768 layers=11", printf-like. A failure stays on o; returns NULL
 * then. */
OMN_API omn_part *omn_open_part(omn_open *o, const char *role, const char *kind, const char *object,
                                const char *prefix, const char *params, ...) OMN_PRINTF(6, 7);
/* Open the encoders that the configuration adds to a model of any family:
 *   "omnio": {"encoders": {ROLE: {"use": OBJECT, "prefix": PREFIX, PARAMETER: ...}}}
 * with the prefix "input_embedders.ROLE" unless it says another. usual: parameters that they get
 * where they have them and none is written, "width=768". A family that calls this takes inputs of
 * roles that it never heard of. */
OMN_API void omn_open_encoders(omn_open *o, const char *usual, ...) OMN_PRINTF(2, 3);
/* A part that this object or the one that opens it has opened under that role; NULL when there is
 * none. */
OMN_API const omn_part *omn_open_find(const omn_open *o, const char *role);
OMN_API void omn_open_fail(omn_open *o, omn_status st, const char *fmt, ...) OMN_PRINTF(3, 4);
/* All parts opened so far of one kind, in order. */
OMN_API size_t omn_open_parts(omn_open *o, const char *kind, omn_part *const **list);
/* The first complaint of all of the above. */
OMN_API omn_status omn_open_done(omn_open *o, omn_error *err);

/* Tokenizers among the codecs. Same rules as omn_codec_impl; OMN_ERR_UNSUPPORTED for other codecs.
 * [any] */
OMN_API omn_status omn_codec_encode(const omn_part *codec, const char *text, size_t n, int32_t *ids,
                                    size_t most, size_t *count, omn_error *err);
OMN_API omn_status omn_codec_decode(const omn_part *codec, const int32_t *ids, size_t n,
                                    omn_buf *out, omn_error *err);
OMN_API int32_t omn_codec_pieces(const omn_part *codec); /* 0: not a tokenizer */
OMN_API int32_t omn_codec_piece(const omn_part *codec, const char *text);    /* -1: none */
/* What one id adds to a text. MARK: text that stands for something else (a location, a prefix);
 * NONE: the id adds nothing that a text could hold, so it is never sampled. */
typedef enum omn_spelt { OMN_SPELT_NONE, OMN_SPELT_TEXT, OMN_SPELT_MARK } omn_spelt;
/* "omnio.spelling/1" of tokenizers and text decoders: the bytes that id adds, appended to out; they
 * may be part of a character. first: the id begins the text. [any] */
typedef struct omn_spelling_impl {
    omn_status (*spell)(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err);
} omn_spelling_impl;
/* The same through a part; OMN_ERR_UNSUPPORTED when it cannot spell. */
OMN_API omn_status omn_part_spell(const omn_part *p, int32_t id, bool first, omn_buf *out,
                                  omn_spelt *what, omn_error *err);
/* Codecs of values. [run] */
OMN_API omn_status omn_codec_write(const omn_part *codec, omn_call *c, const omn_value *v,
                                   const omn_frame *like, omn_buf *out, omn_error *err);
OMN_API omn_status omn_codec_read(const omn_part *codec, omn_call *c, const char *text, size_t n,
                                  const omn_frame *like, omn_value **out, omn_error *err);

/* What a part is for ("image") and which object it is ("image.vit"). [any] */
OMN_API const char *omn_part_role(const omn_part *p);
OMN_API const char *omn_part_object(const omn_part *p);
/* The scope at the part's weight prefix. */
OMN_API omn_scope *omn_part_scope(const omn_part *p, omn_scope *s);

/* ids first, first+step, ... (step -1: falling) of the model's table; "location", "codes", ... */
typedef struct omn_range { const char *name; int32_t first, count, step; } omn_range;
typedef struct omn_vocab {
    uint32_t size;
    int32_t rows, start, stop, pad;     /* start -1: omnio.row/1; stop: end of an answer, -1 none */
    const omn_range *ranges;
    uint32_t n_ranges;
    int32_t option_ends; /* end tokens behind an option that is scored; 0: one; -1: none */
    const char *table; /* full name of the weight whose rows are these ids; NULL: unknown */
    /* What every step adds to the newest id. n_also 1: the id `also` is fed behind it, and what
     * comes next is read there. drop: so many of a step's last places are overwritten by the next;
     * 0: what was fed stays. A mask that is fed and taken away again is n_also 1, drop 1. */
    int32_t n_also, also, drop;
    /* The most places that the model sees of an answer; 0: all. When they are full, the oldest ids
     * go, `stride` at a time (0: one; a time step of so many ids is forgotten as a whole), and
     * start and what is left are fed again from the first place: an answer may be longer than the
     * window. At least one stride and one step have to fit. With "omnio.row/1" the window is one
     * of the whole row, and what stands in front of the answer goes first. */
    int32_t window, stride;
    /* n_behind 1: lessons want the id `behind` behind the end of an answer, as texts have it that
     * the model was trained with; no answer is read or searched for so far. */
    int32_t behind, n_behind;
} omn_vocab;
/* Answers of this model are learnt by this objective, a part of its own, where whoever trains names
 * none: for classes that are each right or not, say. loss NULL: nothing changes. */
OMN_API void omn_open_answer_loss(omn_open *o, const omn_part *loss);
/* Is there such an object to open? For parts without which a model is of use. */
OMN_API bool omn_open_offers(omn_open *o, const char *kind, const char *object);
/* The ids behind a decoder part; copied. */
OMN_API void omn_open_vocabulary(omn_open *o, omn_part *decoder, const omn_vocab *v);
OMN_API const omn_vocab *omn_part_vocabulary(const omn_part *decoder);
OMN_API const omn_range *omn_vocab_range(const omn_vocab *v, const char *name);    /* or NULL */

/* ---- codec: "omnio.codec/1": text or values <-> tokens, no graph ---------------------------- */

typedef struct omn_codec_impl {
    const void *(*extension)(const char *id);
    const char *speaks; /* "text": a tokenizer; "regions", "points": words for values */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);          /* also when open failed after setting *self */
    /* Tokenizers: ids of a text without start or end; at most `most`, more is OMN_ERR_DATA, and
     * *count then is how many there are. A short text may have many: one character can stand for
     * eighteen. [any] */
    omn_status (*encode)(const void *self, const char *text, size_t n, int32_t *ids, size_t most,
                         size_t *count, omn_error *err);
    /* ids to text appended to out. Unknown ids are skipped. [any] */
    omn_status (*decode)(const void *self, const int32_t *ids, size_t n, omn_buf *out,
                         omn_error *err);
    /* Number of ids; the id of one exact piece or -1. */
    int32_t (*pieces)(const void *self);
    int32_t (*piece)(const void *self, const char *text);
    /* Values: words for a value as they stand in a prompt or an answer ("<extra_id_200> ..."),
     * numbers in the frame `like` (what the model sees of which source). NULL for tokenizers.
     * [run] */
    omn_status (*write)(const void *self, omn_call *c, const omn_value *v, const omn_frame *like,
                        omn_buf *out, omn_error *err);
    /* Text of an answer back to a value in pixels of the source; what cannot be read is left out.
     * [run] */
    omn_status (*read)(const void *self, omn_call *c, const char *text, size_t n,
                       const omn_frame *like, omn_value **out, omn_error *err);
} omn_codec_impl;

/* ---- encoder: "omnio.encoder/1": a value -> named tensors, then graph nodes ----------------- */

typedef struct omn_encoder_impl {
    const void *(*extension)(const char *id);            /* "omnio.features/1" */
    const char *accepts;                                 /* "image", "text" */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);
    uint32_t (*ports)(const void *self, const omn_port **list);              /* [any] */
    /* One value into tensors of the ports. frame: set to where the model's view lies in the source
     * (for pictures). [run] */
    omn_status (*prepare)(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err);
    /* in: the ports with a batch axis in front. */
    omn_seq *(*embed)(const void *self, omn_scope *s, const omn_bundle *in); /* [build] */
} omn_encoder_impl;
/* "omnio.features/1": what lies below embed, by name ("last" [B,N,D], ...), for history and
 * auxiliary heads. */
typedef struct omn_features_impl {
    void (*features)(const void *self, omn_scope *s, const omn_bundle *in, omn_bundle *out);
    uint32_t (*grid)(const void *self, uint32_t *rows, uint32_t *columns);   /* cells of "last" */
} omn_features_impl;

/* ---- decoder: "omnio.decoder/1": values out; B values at once ------------------------------- */

typedef struct omn_codes {
    uint32_t size;
    int32_t codes, count;               /* codes 0..codes-1; count of one value, 0: until stop */
    int32_t stop, blank;                /* codes, or -1; blank: what is not there yet (previews) */
    int32_t grid_h, grid_w;
} omn_codes;
typedef struct omn_decoder_impl {
    const void *(*extension)(const char *id);            /* "omnio.stream/1" */
    const char *makes;                                   /* "text", "image" */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);
    const omn_codes *(*codes)(const void *self);         /* valid until close */
    /* value -> codes without a graph (text); NULL: through prepare and tokenize. [any] */
    omn_status (*encode)(const void *self, omn_call *c, const omn_value *v, int32_t *codes,
                         size_t most, size_t *count, omn_error *err);
    /* codes -> value without a graph (text); NULL: through detokenize and finish. */
    omn_status (*decode)(const void *self, omn_call *c, const int32_t *codes, size_t n,
                         omn_value **out, omn_error *err);
    /* With graphs (pictures, sound); NULL for text. */
    uint32_t (*ports)(const void *self, const omn_port **in, uint32_t *n_out, const omn_port **out);
    omn_status (*prepare)(const void *self, omn_call *c, const omn_value *v, const omn_frame *like,
                          omn_feed *out, omn_error *err);
    omn_node *(*tokenize)(const void *self, omn_scope *s, const omn_bundle *in);  /* codes [B,L] */
    void (*detokenize)(const void *self, omn_scope *s, omn_node *codes, omn_bundle *out);
    omn_status (*finish)(const void *self, omn_call *c, const omn_feed *in, const omn_frame *like,
                         omn_value **out, omn_error *err);
} omn_decoder_impl;
/* "omnio.stream/1" of text decoders: what codes[0..n) say beyond what codes[0..n-1) said, only
 * whole UTF-8 characters; `end` flushes. state: 64 bytes of the caller's, zero at first, aligned
 * for any type (_Alignas(max_align_t)). */
typedef struct omn_stream_impl {
    omn_status (*push)(const void *self, void *state, int32_t code, bool end, omn_buf *out,
                       omn_error *err);
} omn_stream_impl;
/* The same through a tokenizer part ("omnio.stream/1" of a codec); OMN_ERR_UNSUPPORTED when it has
 * none. */
OMN_API omn_status omn_codec_stream(const omn_part *codec, void *state, int32_t id, bool end,
                                    omn_buf *out, omn_error *err);

/* ---- model: "omnio.model/1" ----------------------------------------------------------------- */

/* The host makes the inputs, the model answers with nodes. Four graphs, one body.
 *   ENCODE  inputs -> states (memory of the cross-attention)
 *   STEP    the newest ids of each row over cached states -> logits
 *   TEACH   inputs and whole targets -> logits, and the loss when labels are given
 *   EMBED   inputs -> what the model makes of them without writing; models that have nothing to
 *           offer fail the scope (OMN_ERR_UNSUPPORTED). Any of
 *             "embedding.NAME" [B,D]     one vector for each row
 *             "tokens.NAME" [B,N,D] with "seg.NAME" [B,N] i32, 0 where nothing stands: one vector
 *                                        for each token; their mean is the row's embedding
 *             "class.NAME" [B,C]         scores of C classes, before any softmax
 *
 * What all of them keep to:
 * - Inputs stand in rq->inputs in the order in which their encoders were opened, those of one role
 *   as the request or the lesson gives them, which is the order of their vectors in the joined
 *   sequence; omn_part_role says what each is for.
 * - ENCODE puts one output, "memory" [R,L,D]: R and L come back to STEP as memory_rows and
 *   memory_length. What STEP needs of it ENCODE writes into states (omn_state_at) by names that
 *   STEP uses too, in the same scopes; nothing else passes from one graph to the other.
 * - Row b of a STEP sees row memory_row[b] of the memory, where its seg equals the memory's; its
 *   cache holds start[b] places; TEACH sees by seg and, where answers share a row, part_of. Hence
 *   both give equal logits for equal ids: the host relies on it.
 * - Weights are named absolutely or below omn_part_scope of the part that they belong to, the same
 *   in every phase, so that one file serves all graphs.
 * - Outputs end in the role of the decoder that they are of; TEACH counts the loss over weight.
 * Models that read their inputs in the decoder's row, without a memory to look at: "omnio.row/1",
 * below. */
typedef enum omn_phase {
    OMN_ENCODE = 1, OMN_STEP = 2, OMN_TEACH = 3, OMN_EMBED = 4
} omn_phase;
typedef struct omn_given { const omn_part *part; const omn_bundle *in; } omn_given;
typedef struct omn_target {             /* B rows, T tokens */
    uint32_t size;
    const omn_part *part;               /* a decoder: which vocabulary */
    omn_node *ids;                      /* [B,T] what is fed: start token first */
    omn_node *pos;                      /* [B,T] restarts for each answer */
    omn_node *seg; /* [B,T] which inputs it may see (0 padding); STEP: [B,T] too */
    /* [B,T] which answer of the row; NULL: one each. Of several targets, no two share a number. */
    omn_node *part_of;
    omn_node *labels, *weight;          /* [B,T] i32, f32: TEACH with a loss; else NULL */
    /* [B,T] i32 of models with "omnio.row/1", else NULL: -1, or the place in the vectors of the
     * inputs that stands there instead of the id, as omn_gather counts them */
    omn_node *from;
    /* [B,T] f32, or NULL: 1 where the wanted id was taken from the inputs and has to be found, 0
     * where they show it, for models that hide the one from the other */
    omn_node *noised;
} omn_target;
typedef struct omn_build {
    uint32_t size;
    omn_phase phase;
    const omn_given *inputs;
    uint32_t n_inputs;
    const omn_target *const *targets;
    uint32_t n_targets;
    omn_node *in_map, *in_seg; /* packing of joined inputs [R,L]; NULL: rows are examples */
    omn_node *start, *memory_row;       /* STEP: [B] cache fill before; whose memory row */
    int64_t rows, capacity;             /* STEP: rows and places of the self-attention cache */
    int64_t memory_rows, memory_length; /* STEP: shape of what ENCODE left in the states */
    const omn_ce *loss;                 /* TEACH: how the loss is counted; NULL: z 1e-4 */
} omn_build;
typedef struct omn_model_impl {
    const void *(*extension)(const char *id); /* "omnio.alike/1", "omnio.claims/1", "omnio.row/1",
                                               * "omnio.verify/1" */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);
    /* out: "logits.ROLE" [B,T,V] (STEP: of all T given); TEACH with labels: "loss.ROLE" [1],
     * "nll.ROLE" [B,T], "loss" (the sum); "features.ROLE" [B,N,D] of encoders that offer features
     * (TEACH). [build] */
    void (*build)(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);
    /* What stands in front of a prompt for this output ("[Text] [S] "); "" for none. */
    const char *(*prefix)(const void *self, const char *output);
    /* Most tokens of a text input and of an answer, end token included. */
    int32_t (*most_tokens)(const void *self, bool answer);
} omn_model_impl;

/* "omnio.alike/1" (anything but NULL): ENCODE reads what is in rq->inputs, but for texts, by
 * omn_encoder_embed alone. Inputs that are equal in several rows, such as one picture with many
 * questions, go through their encoder once, and what it made may be kept for later requests. */

/* "omnio.row/1": a place of the decoder's row may stand for a vector of the inputs instead of for
 * an id. So families without cross-attention read: what was given stands in front of the answer,
 * ids and vectors in any order, and one function orders them for training and for generation.
 *
 * The vectors of an input are those places of its sequence (omn_encoder_embed) that its port "seg"
 * marks, where it has such a port with a place for each; else all of them. Vector 0 is the first. A
 * text has one for each token, its end token included.
 *
 * What such a model keeps to, beside what all do:
 * - The joined inputs are omn_seq_concat of omn_encoder_embed of rq->inputs, in that order; ENCODE
 *   puts them out as "memory" [R,L,D] and keeps what STEP reads of them.
 * - omn_target.from names places of the joined inputs: of those that TEACH made itself, of the
 *   memory in STEP. omn_row_embed makes the row of both.
 * - The row is what stands in front, then the start token (start -1: the last id in front), then
 *   the answer: pos counts from 0 over all three, and start of a STEP counts what stands in front
 *   as well. That is not learnt, unless prefix gives it weights.
 * - With a window in its vocabulary, no longer than a row, that window holds places of the row:
 *   when there are more, the oldest go, those in front first, `stride` at a time (those that are
 *   left when less than a stride is), then ids of the answer as ever; the start token stays. What
 *   is left is fed again with pos from 0. Who wants room for a whole answer beforehand leaves it
 *   in prefix. */
typedef struct omn_ids omn_ids;         /* omnio/answer.h */
typedef struct omn_row_input {
    uint32_t size;
    const omn_part *part;               /* its encoder */
    const omn_value *value;             /* texts: with the model's prefix; borrowed */
    uint32_t number;                    /* which of those of its role, from 0 */
    uint32_t vectors;                   /* how many there are */
} omn_row_input;
typedef struct omn_row_impl {
    /* What stands in front of an answer of that decoder role: ids of its vocabulary by omn_ids_put,
     * vectors by omn_ids_vector. After omn_ids_weigh a lesson learns the ids there as well, each
     * with its weight times that of the lesson (1 where it says nothing; never a vector, nor what
     * stands at the first place). inputs: in the order of the request or the lesson. The same
     * inputs give the same row. An id, an input or a vector that is not there is OMN_ERR_PLUGIN;
     * more than `most` less one place of the answer OMN_ERR_DATA. [run] */
    omn_status (*prefix)(const void *self, omn_call *c, const omn_row_input *const *inputs,
                         uint32_t n, const char *output, omn_ids *out, omn_error *err);
    /* Most places of a row: what stands in front, start token, answer. [any] */
    int32_t (*most)(const void *self);
} omn_row_impl;
/* Vector number `vector` of inputs[input] is the next place. */
OMN_API void omn_ids_vector(omn_ids *w, uint32_t input, uint32_t vector);
/* The row [B,T,D] of a target: rows of table [V,D] by its ids, and where `from` says so vectors
 * [R,L,D] of the inputs. [build] */
OMN_API omn_node *omn_row_embed(omn_scope *s, omn_node *table, const omn_target *t,
                                omn_node *vectors);

/* "omnio.claims/1": is this configuration, which names no family under "omnio", one of this object?
 * [any] */
typedef struct omn_claims_impl { bool (*claims)(omn_config *config); } omn_claims_impl;

/* ---- calling parts (through libomnio only) -------------------------------------------------- */

/* The encoder's own embed, from its prepared tensors. [build] */
OMN_API omn_seq *omn_encoder_embed(const omn_part *p, omn_scope *s, const omn_bundle *in);
/* false when the encoder offers no features */
OMN_API bool omn_encoder_features(const omn_part *p, omn_scope *s, const omn_bundle *in,
                                  omn_bundle *out);
OMN_API const omn_codes *omn_part_codes(const omn_part *decoder);
/* The kind of value that a decoder makes. */
OMN_API const char *omn_decoder_makes(const omn_part *decoder);
/* n codes of a model's decoder as the value that they stand for, by its decode or by detokenize and
 * finish; n is what it says, and codes that it does not have are OMN_ERR_DATA. like: what the model
 * sees of a picture of which the value is a view; NULL: none. Many threads may ask at once.
 * [run] */
OMN_API omn_status omn_decoder_value(const omn_part *decoder, omn_call *c, const int32_t *codes,
                                     size_t n, const omn_frame *like, omn_value **out,
                                     omn_error *err);
/* And back: the codes of a value, as tokens, by its encode or by prepare and tokenize. [run] */
OMN_API omn_status omn_decoder_codes(const omn_part *decoder, omn_call *c, const omn_value *v,
                                     const omn_frame *like, omn_value **out, omn_error *err);
/* For hosts. */
OMN_API const void *omn_part_self(const omn_part *p, const char *kind, const void **impl);

/* ---- source: "omnio.source/1": examples by number ------------------------------------------- */

/* Splits never share an example. */
typedef enum omn_split {
    OMN_SPLIT_TRAIN = 0,
    OMN_SPLIT_HELD_OUT = 1,
    OMN_SPLIT_FOREIGN = 2
} omn_split;
#define OMN_ENDLESS UINT64_MAX          /* a split without end; 0 is an empty one */
typedef struct omn_source_impl {
    const void *(*extension)(const char *id);            /* "omnio.cells/1", "omnio.place/1" */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);
    uint64_t (*count)(const void *self, omn_split split);      /* or OMN_ENDLESS */
    /* One example: a record of named values; tasks name its fields. A field may be a list of
     * records (many questions about one picture). The same index gives the same example on every
     * machine. [any] A bad example: OMN_ERR_DATA with its place; the recipe says whether it is
     * skipped. */
    omn_status (*get)(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err);
} omn_source_impl;
/* "omnio.place/1": where an example stands in a file, so that what is wrong with it can be found.
 * file: borrowed from the source, NULL when there is none; names of files in the example are
 * relative to its folder. line: from 1, 0 for none. [any] */
typedef struct omn_place_impl {
    void (*place)(const void *self, omn_split split, uint64_t index, const char **file,
                  int32_t *line);
} omn_place_impl;
/* "omnio.cells/1": labels for each cell of the picture's grid, for an auxiliary loss. n_groups
 * groups of classes and n_edges numbers; labels [rows*columns, n_groups] i32 (-1: not counted),
 * edges [rows*columns, n_edges] f32 (NAN: not counted). */
typedef struct omn_cells_impl {
    uint32_t n_groups, n_edges;
    const int32_t *classes;             /* of each group */
    omn_status (*cells)(const void *self, omn_call *c, omn_split split, uint64_t index,
                        uint32_t rows, uint32_t columns, int32_t *labels, float *edges,
                        omn_error *err);
} omn_cells_impl;

/* A source for hosts. name: one of `omnio list source`; paths in its settings are relative to the
 * current folder. [setup] */
typedef struct omn_source omn_source;
OMN_API omn_status omn_source_open(omn_context *ctx, const char *name, const omn_setting *set,
                                   size_t n, omn_source **out, omn_error *err);
OMN_API void omn_source_close(omn_source *s);
/* Examples of a split, or OMN_ENDLESS. [any] */
OMN_API uint64_t omn_source_count(const omn_source *s, omn_split split);
/* One example, owned by the caller. OMN_ERR_ARGUMENT past the last; OMN_ERR_PLUGIN when it is no
 * record. One thread at a time. */
OMN_API omn_status omn_source_get(omn_source *s, omn_split split, uint64_t index, omn_value **out,
                                  omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
