/* SPDX-License-Identifier: Apache-2.0 */
/* What the generation floor shares among its files: configurations, opened parts, models. Not
 * installed. */
#ifndef OMNIO_GENERATE_OPEN_H
#define OMNIO_GENERATE_OPEN_H

#include <omnio/generate.h>

#include <jansson.h>
#include <pthread.h>

#define MOST_PARTS 512
/* Beside the ports of an encoder: omn_graph_sizes.distinct and .made. */
#define PART_WHICH "omnio.which"
#define PART_MADE "omnio.made"

struct spelling;

struct omn_config {
    json_t *root;                 /* borrowed */
    json_t *usual;                /* what it says where root says nothing; owned; NULL: nothing */
    const char *file;
    omn_error first;              /* the first complaint stays */
    char seen[256];
    json_t *asked;                /* object whose keys are the paths that were asked for; owned */
};

struct omn_part {
    char role[64], object[128], prefix[256];
    const char *kind;             /* static or of the entry */
    const omn_entry *entry;
    const void *impl;
    void *self;
    struct omn_open *open;        /* parts of its own */
    omn_vocab vocab;
    omn_range *ranges;
    char (*range_names)[32];
    bool has_vocab;
    struct spelling *spelling;    /* of a decoder, made when wanted; the model's lock */
    bool answers;                 /* an objective by which answers are learnt unless one is named */
    uint64_t made_of;             /* hash of its object, plugin, parameters and files */
    struct omn_model *model;      /* whose weights its graphs read; NULL: of no model */
};

#define MOST_COMPANIONS 16

struct omn_open {
    omn_context *ctx;
    omn_call *call;
    omn_open *parent;
    omn_config *config;           /* NULL outside models */
    const char *dir;              /* of the model; "" when there is none */
    const char *file;             /* pipeline or recipe whose settings are opened, "" for those of a
                                   * program; NULL: a model's */
    const omn_setting *set;       /* of an answer, while it is opened */
    size_t n_set;
    omn_arena *arena;
    omn_error first;
    omn_part *parts[MOST_PARTS];
    size_t n_parts;
    const omn_part *decoder;      /* that an answer is opened for; NULL: no answer */
    const omn_named *values;      /* for the "in" rows of what is opened next */
    size_t n_values;
    const char *names[MOST_COMPANIONS]; /* of the outermost: those found in the model's folder */
    size_t n_names;
    const char *sought[MOST_COMPANIONS]; /* the same of those that are not there */
    size_t n_sought;
    uint64_t files;               /* hash of the files that were asked for, by size and time */
    char absent[200];             /* decoders that were asked for and no plugin offers: "a, b" */
};

/* Remember that somebody asked for a path; and a complaint about a key that nobody asked for and
 * that is probably misspelt: any key under "omnio", elsewhere one that is near to a key which was
 * asked for and is missing. config.c */
void config_note(omn_config *c, const char *path);
omn_status config_unasked(const omn_config *c, omn_error *err);
/* Frees what it gathered; its root stays. config.c */
void config_end(omn_config *c);
/* JSON text to a tree (owned, json_decref); file: for messages. config.c */
omn_status config_parse(const char *text, size_t n, size_t flags, const char *file, json_t **out,
                        omn_error *err);
omn_status open_begin(omn_context *ctx, omn_call *call, omn_open *parent, omn_config *config,
                      const char *dir, omn_open **out, omn_error *err);
void open_end(omn_open *o);       /* closes all its parts */
void part_close(omn_part *p);
/* The codec among these parts that speaks of such values. */
const omn_part *open_codec(const omn_open *o, const char *speaks);
/* An extension of a codec or decoder part; NULL: it has none. */
const void *part_extension(const omn_part *p, const char *id);
/* Open a part with given settings; owned by o. NULL after a failure, which err tells. */
omn_part *part_open_settings(omn_open *o, const char *role, const char *kind, const char *object,
                             const omn_setting *set, size_t n, const char *file, omn_error *err);

struct omn_model {
    omn_context *ctx;
    char *path, *name;            /* folder or file; configuration, for messages */
    json_t *json;
    omn_config config;
    omn_open *open;
    omn_call *call;
    const omn_entry *entry;
    const omn_model_impl *impl;
    void *self;
    omn_weights *weights;         /* owned; NULL when training */
    omn_store *own_store;
    omn_program *program;
    bool training;
    struct idle_exec *idle;       /* run states of graphs that belong to no runner; values.c */
    pthread_mutex_t lock;         /* spellings, idle run states */
    bool has_lock;
    char *inner;                  /* of a file that is a model by itself: where its files are */
    struct features *features;    /* NULL: nothing is kept of what its encoders make */
    bool may_keep;                /* its weights stay as they are, so that something may be kept */
};

/* "ROLE.PORT", or "ROLE#2.PORT" for the second input of one role (number 1). graphs.c */
void model_port_name(const char *role, uint32_t number, const char *port, char *out, size_t room);
/* The graph of one encoder alone: output 0, "vectors", is f32 [rows, L, D]. graphs.c */
omn_status model_features(omn_model *m, const char *role, int64_t length, int64_t rows,
                          omn_graph **out, omn_error *err);
/* The range whose ids stand for something else than text (a place, say) that this one is of; NULL:
 * none. spelling.c */
const omn_range *vocab_stands_for(const omn_vocab *v, int32_t id);
/* The id behind a text that the model reads, which need not be the end of what it writes; deflt: of
 * an encoder that does not tell. front, or NULL: how many stand before its words. [any] */
omn_status model_text_end(const omn_model *m, int32_t deflt, int32_t *out, size_t *front,
                          omn_error *err);
/* What its encoder makes of a text, with all that stands around it; *ids is owned (free()), *n 0
 * where it makes no ids. */
omn_status model_text_ids(const omn_model *m, const omn_value *text, int32_t **ids, size_t *n,
                          omn_error *err);
/* Most tokens of a text input or an answer, end token included. */
int32_t model_most_tokens(const omn_model *m, bool answer);
/* The same for answers of one decoder: the codes of one value and the end, where it says how many
 * there are; else the model's most. */
int32_t model_most_answer(const omn_model *m, const omn_part *decoder);

/* Files in the model's folder that its parts read beside its configuration and weights, number i;
 * NULL: no more. */
const char *model_file(const omn_model *m, size_t i);

/* The folder that holds the files of a model: of a file that is a model by itself while it is
 * opened, and afterwards when it is for training. */
const char *model_dir(const omn_model *m);

/* A file of weights that is a model by itself: *folder (owned, free()) is a new folder with what
 * lies inside, config.json among it; NULL for every other path. packed_remove takes that away.
 * packed.c */
omn_status packed_open(omn_context *ctx, const char *path, char **folder, omn_error *err);
void packed_remove(const char *folder);

/* A model from a configuration in memory (taken) and optional weights file; dir may be "". inner:
 * NULL, or where the files of the file `dir` are (taken). */
omn_status model_open_json(omn_context *ctx, json_t *taken, const char *name, const char *dir,
                           char *inner, const char *weights, const omn_model_setup *how,
                           omn_model **out, omn_error *err);

/* A decoder alone, with weights of its own: a model without a family, whose one part has that role.
 * Only its decoder may be asked for, and the decoder's graphs run. [any] */
typedef struct model_part {
    const char *kind, *object, *role, *prefix, *file;
    const omn_setting *set;
    size_t n_set;
} model_part;
omn_status model_open_part(omn_context *ctx, const model_part *is, const char *weights,
                           omn_model **out, omn_error *err);

/* A run state for a graph of a part, given back afterwards; values.c [any] */
omn_status model_exec_take(omn_model *m, omn_exec **out, omn_error *err);
void model_exec_give(omn_model *m, omn_exec *x);
void model_exec_free_all(omn_model *m);

/* "this model writes no "image"; it writes text", into out, which is given back; m may be NULL.
 * model.c */
#define LACKS_ROOM 400
const char *model_lacks(const omn_model *m, const char *output, char *out, size_t room);
/* The folder of a model by path or name, found as for omn_model_open, and the path of its weights:
 * that folder or a file that was named in it, with the settings behind it; model_path.c */
omn_status model_place(omn_context *ctx, const char *path, char *dir, size_t room, char *weights,
                       size_t weights_room, omn_error *err);
/* The folder alone, of a path without settings. */
omn_status model_folder(omn_context *ctx, const char *path, char *out, size_t room, omn_error *err);

#endif
