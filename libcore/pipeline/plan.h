/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline after reading: steps with their references resolved to slots. Not installed. */
#ifndef OMNIO_PIPELINE_PLAN_H
#define OMNIO_PIPELINE_PLAN_H

#include <omnio/pipeline.h>

#include "yaml.h"

#define MOST_STEPS 256
#define MOST_SLOTS 512
#define MOST_FROM 16
#define MOST_OUTS 16
#define MOST_MODELS 8 /* beside the pipeline's own */

typedef enum verb {
    VERB_APPLY,
    VERB_GENERATE,
    VERB_SCORE,
    VERB_TOKENIZE,
    VERB_DETOKENIZE,
    VERB_MAP,
    VERB_RECORD,
    VERB_REPEAT,
    VERB_EMBED,
    VERB_WINDOW
} verb;

/* A value written down in the file: texts and numbers as they are, $names, lists and records. */
typedef enum literal_kind { LIT_TEXT, LIT_NUMBER, LIT_SLOT, LIT_LIST, LIT_RECORD } literal_kind;
typedef struct literal literal;
struct literal {
    literal_kind kind;
    const char *name;             /* as the field of a record */
    const char *text;
    double number;
    int slot;
    literal *items;
    size_t n;
};

/* A name that holds a value while the pipeline runs; or a part of another slot's value ("$r.field",
 * "$list.0"), made whenever a step that reads it begins. */
typedef struct plan_slot {
    const char *name, *type;      /* "image", "any", ... */
    const yml *at;
    int of;                       /* the slot that this is a part of; -1: none */
    const char *field;            /* that part: a field; NULL: an item */
    int64_t index;                /* from 0; -1 is the last */
    const literal *fields;        /* of a record that the file writes down; NULL: unknown */
    bool maybe;                   /* may be absent: a step that makes it can be left out */
    bool hidden;                  /* made inside a step, not seen outside */
} plan_slot;

typedef struct binding { const char *name; int slot; } binding;

/* One scalar parameter of a step: text as written, or a slot that gives it at run time. */
typedef struct param { const char *name, *text; int slot; const yml *at; } param;

/* Which answer object, and its parameters as written or from slots. */
typedef struct named_literal { const char *name; literal value; } named_literal;
typedef struct plan_answer {
    const omn_entry *entry;       /* NULL: any text */
    const char *makes;            /* type of the result */
    bool chooses;                 /* scores candidates; else it is written */
    bool coded;                   /* takes codes of its decoder as what is wanted */
    param *set;
    size_t n_set;
    named_literal *values;
    size_t n_values;
    int of;                       /* slot of the picture; -1 */
    const char *of_role;          /* and as which input of the step: */
    uint32_t of_number;
} plan_answer;

/* Another condition that a generating step is led by, or away from. */
typedef struct guide {
    param weight;
    binding *from;
    size_t n_from;
    const char *prompt;
    binding *words;
    size_t n_words;
} guide;

/* How a generating step searches, beside what is drawn. */
typedef struct plan_search {
    int64_t beams, least, no_repeat, n_best, window;
    double length_penalty;
    int64_t length_extra, open_extra;
    omn_beam_stop stop;
    bool sixths, jacobi, among;
    guide *guides;
    size_t n_guides;
} plan_search;

/* What decides about a step, or ends a repetition. */
typedef enum test {
    TEST_NONE, TEST_EMPTY, TEST_NOT_EMPTY, TEST_EQUAL, TEST_NOT_EQUAL, TEST_ABOVE, TEST_BELOW
} test;
typedef struct condition {
    test test;
    param left, right;            /* right: of those that compare */
    const yml *at;
} condition;

/* What a repetition carries to its next turn: the slot that changes, the one it is taken from. */
typedef struct carried { int slot, next; } carried;

/* A decoder with weights of its own. */
typedef struct plan_part {
    const char *name, *prefix;    /* of its weights' names */
    const yml *at;
    const omn_entry *entry;
    param weights;
    omn_setting *set;
    size_t n_set;
} plan_part;

/* Another model than the pipeline's, which steps name; what people are told of it is in
 * model_list. */
typedef struct plan_model {
    const char *name;
    const yml *at;
    omn_model *lent;              /* borrowed; NULL: nobody did */
    bool asked;                   /* by a step */
} plan_model;

typedef struct plan_step plan_step;
struct plan_step {
    verb verb;
    const char *name;             /* "generate answer", for messages */
    const char *missing;          /* why it cannot run here; only left out outputs need it */
    condition when;
    const yml *at;
    int in[MOST_FROM];            /* apply: one for each "in" row; -1: not given. others: [0] */
    size_t n_in;
    uint32_t soft;                /* apply: bit i is set when in[i] is an optional row */
    int out[MOST_OUTS];           /* slots of the results; -1: not kept */
    size_t n_out;
    const omn_entry *entry;       /* apply */
    param *params;
    size_t n_params;
    /* generate, score, tokenize: decoder role; embed: "class.NAME", ... */
    const char *output;
    const plan_part *part;        /* tokenize, detokenize: of the pipeline; NULL: the model's */
    const plan_model *by;         /* whom it asks; NULL: the pipeline's own model, or nobody */
    binding from[MOST_FROM];      /* role <- slot */
    size_t n_from;
    const char *prompt;           /* template */
    binding *words;               /* what its {name} stand for */
    size_t n_words;
    plan_answer answer;
    plan_search search;
    size_t ask;                   /* number of a step that asks the model, from 0 */
    param temperature, top_p, top_k, max_tokens, seed;
    omn_top_p_rule top_p_rule;
    plan_step *steps;                  /* map, repeat */
    size_t n_steps;
    bool asks;                         /* itself or a step inside asks a model */
    int each, keep;
    bool drop_empty;
    int64_t most;                      /* repeat: turns */
    carried *carry;
    size_t n_carry;
    condition until;
    literal value;                     /* record; embed: labels of classes, if has_labels */
    bool has_labels, tokens;           /* embed; tokens: a row for each */
    param length, hop;                 /* window, in seconds */
    bool drop_rest;                    /* window: what is shorter at the end is left out */
};

typedef struct port {
    omn_pipeline_port p;
    int slot;
    int same;              /* inputs: the slot whose value it is when it is not given; -1 */
} port;

struct omn_pipeline {
    omn_context *ctx;
    omn_arena *arena;
    const char *path, *help, *model;
    const yml *root;
    plan_slot slots[MOST_SLOTS];
    int n_slots;
    port *inputs, *outputs;
    omn_pipeline_port *in_list, *out_list;
    size_t n_inputs, n_outputs;
    plan_part *parts;
    size_t n_parts;
    plan_model *models;               /* others than its own */
    omn_pipeline_port *model_list;
    size_t n_models;
    plan_step *steps;
    size_t n_steps, n_asks;
};

/* The file behind a pipeline's name; pipeline.c */
omn_status pipeline_file(omn_context *ctx, const char *name, char *out, size_t room,
                         omn_error *err);
/* A relative name that a file writes down, as a path beside that file; named_file.c. NULL: no
 * memory; all strings may be in the arena. */
const char *named_beside(const char *file, const char *name, omn_arena *a);
/* The same if that is there (a file; a folder with a config.json or a file of weights, settings
 * behind it or not; or anything), else the name. */
typedef enum named_what { NAMED_FILE, NAMED_MODEL, NAMED_WEIGHTS } named_what;
const char *named_file(const char *file, const char *name, named_what what, omn_arena *a);
/* Parameters of type path become paths beside the file. */
omn_status named_settings(omn_context *ctx, const char *kind, const char *object, const char *file,
                          omn_setting *set, size_t n, omn_arena *a, omn_error *err);
/* What is given, or comes out, by name; NULL: nothing of that name. pipeline.c */
const omn_pipeline_port *pipeline_input(const omn_pipeline *p, const char *name);
const omn_pipeline_port *pipeline_output(const omn_pipeline *p, const char *name);
/* Is every other model lent? If not, lacks (NULL: nobody asks) is the first that is not.
 * models.c */
bool models_lent(const omn_pipeline *p, const plan_model **lacks);
/* Parse the steps; read.c */
omn_status plan_read(omn_pipeline *p, omn_error *err);
/* Fill "{name}" from slots, by name; template.c. lookup gives the value of a name or NULL. */
typedef const omn_value *plan_lookup(void *user, const char *name);
omn_status template_fill(const char *text, const omn_model *m, omn_call *c,
                         const omn_frame *like, plan_lookup *look, void *user, omn_buf *out,
                         omn_error *err);
/* It lies in a picture: written in words of a model that sees that. */
bool template_is_place(const omn_value *v);
/* Every "{name}" of a template is known; which slots they are. */
omn_status template_read(omn_pipeline *p, const yml *at, const char *text, binding **words,
                         size_t *n, omn_error *err);
/* Which of the outermost steps the wanted outputs need (NULL: all); needed has room for n_steps;
 * need.c */
omn_status plan_needed(const omn_pipeline *p, const char *const *wanted, size_t n, bool *needed,
                       omn_error *err);
/* Calls fn for each slot that a step reads, nested steps included, and for those that they are
 * parts of. */
void plan_reads(const omn_pipeline *p, const plan_step *s, void (*fn)(void *user, int slot),
                void *user);
/* The same for what the step itself reads: soft ones it can do without. */
void plan_reads_own(const plan_step *s, void (*fn)(void *user, int slot, bool soft), void *user);
void plan_reads_after(const plan_step *s, void (*fn)(void *user, int slot, bool soft), void *user);
/* "is there anything in $boxes" */
void condition_print(const omn_pipeline *p, const condition *c, omn_buf *out);

#endif
