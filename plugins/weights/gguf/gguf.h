/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF, the file format of ggml: little-endian; pairs of metadata, a list of tensors, then their
 * bytes, each tensor at a multiple of general.alignment. Versions 2 and 3 differ in nothing that is
 * read here. What it says is checked by gguf_read once; whatever comes later believes it. */
#ifndef WEIGHTS_GGUF_H
#define WEIGHTS_GGUF_H

#include <omnio/plugin.h>

enum { GGUF_ALIGNMENT = 32, GGUF_MOST_AXES = 4, GGUF_MOST_KEY = 65535, GGUF_MOST_NAME = 4096 };

/* The numbers of the format. */
typedef enum gguf_kind {
    GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING,
    GGUF_ARRAY, GGUF_U64, GGUF_I64, GGUF_F64, GGUF_KINDS
} gguf_kind;

/* Not terminated; borrowed from the mapping. */
typedef struct gguf_text { const char *at; size_t n; } gguf_text;

typedef struct gguf_value {
    gguf_kind kind;                       /* of its elements, when it is an array */
    bool array;
    uint64_t count;                       /* 1 when it is none */
    const uint8_t *at;                    /* the first element */
} gguf_value;

typedef struct gguf_pair { const char *key; gguf_value value; } gguf_pair;

typedef struct gguf_tensor {
    const char *name;
    omn_type type;
    omn_shape shape;
    uint64_t at;                          /* in the file */
    size_t bytes;
} gguf_tensor;

typedef struct gguf {
    omn_arena *a;
    const char *path;
    const uint8_t *bytes;
    size_t size;
    uint32_t version;
    gguf_pair *pair;                      /* sorted by key */
    size_t n_pairs;
    gguf_tensor *tensor;                  /* in the order of the file */
    size_t n_tensors;
} gguf;

/* ---- the file; read.c ------------------------------------------------------------------------ */

/* Everything but the elements of tensors is read and checked. a: names and keys; the mapping has to
 * stay. OMN_ERR_DATA says what and where; OMN_ERR_UNSUPPORTED names a type that is not read. */
omn_status gguf_read(const omn_map *map, omn_arena *a, gguf *out, omn_error *err);
const gguf_value *gguf_find(const gguf *g, const char *key);               /* or NULL */
/* One key below the architecture's: "llama.block_count"; or NULL. */
const gguf_value *gguf_of(const gguf *g, const char *architecture, const char *key);
/* false: there is none, or it is of another kind. */
bool gguf_string(const gguf_value *v, gguf_text *out);
bool gguf_is(const gguf_value *v, const char *text);
bool gguf_number(const gguf_value *v, double *out);
bool gguf_whole(const gguf_value *v, int64_t *out);
bool gguf_bool(const gguf_value *v, bool *out);
uint64_t gguf_natural(const gguf_value *v);           /* of GGUF_U64, where gguf_whole ends early */
/* Element i of an array of whole numbers, of floats; i is below count. */
int64_t gguf_whole_at(const gguf_value *v, uint64_t i);
double gguf_number_at(const gguf_value *v, uint64_t i);
/* Walks over the texts of an array: p begins as its at. */
gguf_text gguf_text_next(const uint8_t **p);
const gguf_tensor *gguf_tensor_named(const gguf *g, const char *name);     /* or NULL */

/* ---- types; types.c -------------------------------------------------------------------------- */

/* What a number of ggml means here; OMN_TYPE_NONE: *name is what it calls that, or NULL. */
omn_type gguf_type(uint32_t number, const char **name);
/* And back; false: ggml has none for it. */
bool gguf_type_number(omn_type t, uint32_t *out);

/* ---- public files of language models; names.c, config.c, sentencepiece.c, bpe.c -------------- */

/* "llama" or "qwen2", whose files are understood; NULL: another. */
const char *gguf_family(const gguf *g);
/* The name that the Transformers library has for a tensor, into out; false: none that is known.
 * *heads: its rows were brought into another order for so many heads; 0: they were not. */
bool gguf_public_name(const gguf *g, const char *name, char *out, size_t room, int64_t *heads);
/* config.json as that library has it. */
omn_status gguf_config(const gguf *g, const char *family, omn_buf *out, omn_error *err);
/* tokenizer.model, tokenizer.json; appended. */
omn_status gguf_sentencepiece(const gguf *g, omn_buf *out, omn_error *err);
omn_status gguf_bpe(const gguf *g, omn_buf *out, omn_error *err);
/* A text of JSON, with its quotes. false: it is not UTF-8. */
bool gguf_json_text(omn_buf *out, gguf_text t);

/* ---- files inside; inside.c ------------------------------------------------------------------ */

#define GGUF_FILE_KEY "omnio.file."       /* + NAME: array of bytes */
#define GGUF_SHAPE_KEY "omnio.shape."     /* + TENSOR: its axes, where ggml has no such shape */
#define GGUF_META_KEY "omnio.meta."       /* + KEY: a text of the weights file that it was */
extern const omn_weights_files_impl gguf_files;

/* ---- writing; write.c ------------------------------------------------------------------------ */

extern const omn_weights_writer_impl gguf_writer;
/* Little-endian; a text behind its length; a key of two parts with the kind of the value that comes
 * behind it. */
void gguf_put_number(omn_buf *b, uint64_t x, size_t bytes);
void gguf_put_text(omn_buf *b, const char *s);
void gguf_put_key(omn_buf *b, const char *front, const char *key, gguf_kind kind);

/* ---- what a model is, for readers; told.c ---------------------------------------------------- */

#define GGUF_CONFIG_KEY "omnio.config"    /* + .PATH: one value of config.json */
/* Pairs for the values of this configuration, appended; how many. */
uint64_t gguf_tell(omn_buf *b, const omn_weights_inner *config);

#endif
