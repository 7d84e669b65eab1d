/* SPDX-License-Identifier: Apache-2.0 */
/* Gato as numbers: what its configuration says, and how what is seen and done becomes ids; shared
 * by the files of this plugin. */
#ifndef GATO_H
#define GATO_H

#include <omnio/generate.h>

/* ---- ids ------------------------------------------------------------------------------------- */

/* Texts, then bins of numbers, then choices; choices may share the first ids of the texts. */
typedef struct gato_ids {
    int32_t text, bins, discrete;         /* how many of each */
    bool disjoint;                        /* choices have ids of their own */
    double mu, m;                         /* of the mu-law: its curve, and the number that is 1 */
} gato_ids;

static inline int32_t gato_first_discrete(const gato_ids *g)
{
    return g->disjoint ? g->text + g->bins : 0;
}

/* What stands between what is seen and what is done, the last row of the table. */
static inline int32_t gato_separator(const gato_ids *g)
{
    return g->text + g->bins + (g->disjoint ? g->discrete : 0);
}

/* sgn(x) ln(|x| mu + 1) / ln(m mu + 1), not cut; the bin of a number of -1..1, which are cut; the
 * middle of a bin; tokens.c */
double gato_mu_law(const gato_ids *g, double x);
double gato_mu_law_back(const gato_ids *g, double y);
int32_t gato_bin(int32_t bins, double y);
double gato_middle(int32_t bins, int32_t bin);

/* ---- actions --------------------------------------------------------------------------------- */

/* One number of an action: a choice (its unit is "index"), or a number between bounds, where there
 * are some, which become -1 and 1. */
typedef struct gato_act {
    bool choice;
    double least, most;                   /* NAN: none */
    size_t column;
} gato_act;
#define GATO_MOST_ACTS 256u

/* The numbers of these actions in the order of the row: those between bounds first, then choices;
 * both as the columns stand; tokens.c. */
omn_status gato_acts(const omn_value *actions, gato_act *list, size_t *n, omn_error *err);
/* A number as its number in its range, and back. */
omn_status gato_act_code(const gato_act *a, int32_t bins, int32_t discrete, double x,
                         int32_t *code, omn_error *err);
double gato_act_value(const gato_act *a, int32_t bins, int32_t code);

/* ---- episodes -------------------------------------------------------------------------------- */

#define GATO_PATCH 16
#define GATO_INTERVALS 128                /* rows of the tables of patches' places */

/* What the encoder is told; the model's configuration says it. */
#define GATO_EPISODE(PAR, S)                                                                       \
    PAR(S, int, width, NULL, "1..65536", NULL, "of a vector")                                      \
    PAR(S, int, context, "1024", "4..1048576", NULL, "places of a row")                            \
    PAR(S, int, text, "32000", "0..16777216", NULL, "ids of texts")                                \
    PAR(S, int, bins, "1024", "2..1048576", NULL, "bins of numbers")                               \
    PAR(S, int, discrete, "1024", "1..1048576", NULL, "choices")                                   \
    PAR(S, bool, disjoint, "false", NULL, NULL, "choices have ids of their own")                   \
    PAR(S, double, mu, "100", "1e-6..1e9", NULL, "mu of the mu-law")                               \
    PAR(S, double, m, "256", "1e-6..1e9", NULL, "the number that the mu-law makes 1")              \
    PAR(S, int, local, "512", "1..1048576", NULL, "places of an observation")                      \
    PAR(S, choice, patch, "resnet", "resnet|linear|none", NULL, "what pictures go through")        \
    PAR(S, int, channels, "96", "1..4096", NULL, "of the first convolution of a patch")            \
    PAR(S, int, groups, "32", "1..4096", NULL, "of its group norms")                               \
    PAR(S, double, eps, "1e-3", "1e-12..1", NULL, "of its group norms")
struct gato_episode { GATO_EPISODE(OMN_S_PAR, gato_episode) };
enum { GATO_RESNET, GATO_LINEAR, GATO_NO_PICTURES };

gato_ids gato_ids_of(const struct gato_episode *p);

/* One token of what is seen: an id, or a patch of a picture. */
typedef struct gato_token {
    int32_t id;
    int32_t local;                        /* place in its observation */
    const omn_image *picture;             /* NULL: an id */
    uint32_t row, column, rows, columns;  /* of the patch */
} gato_token;

/* The time steps of an episode that a row has room for: observations, actions between them. */
typedef struct gato_steps {
    gato_token *tokens;                   /* of all observations that are kept, one by one */
    size_t n, room;
    size_t *ends;                         /* [kept] where the tokens of each end */
    size_t first, kept, total;            /* of the steps */
    const omn_value *actions;             /* NULL: nothing was done yet */
    gato_act acts[GATO_MOST_ACTS];
    size_t n_acts;
} gato_steps;

/* An episode is a record: observations, a list, and actions, a row for each of them but the last.
 * The oldest steps are left out until all others, the newest observation, the separator and its
 * actions fit into the context. Borrows from the value; episode.c. [any] */
omn_status gato_steps_read(const struct gato_episode *p, const omn_part *tokenizer,
                           const omn_value *episode, gato_steps *out, omn_error *err);
void gato_steps_fini(gato_steps *s);
/* The same by an opened encoder; by that of a model; encoder.c */
omn_status gato_encoder_steps(const void *encoder, const omn_value *episode, gato_steps *out,
                              omn_error *err);
omn_status gato_model_steps(const omn_model *m, const omn_value *episode, gato_steps *out,
                            omn_error *err);

/* ---- nodes ----------------------------------------------------------------------------------- */

/* Patches [N,16,16,3] of bytes as numbers 0..1, as vectors [N,D]; patch.c. [build] */
omn_node *gato_patches(const struct gato_episode *p, omn_scope *s, omn_node *x);
/* The table of all ids [rows, D]. */
omn_node *gato_table(const gato_ids *g, int64_t width, omn_scope *s);

typedef enum gato_gate { GATO_GATE_HALF, GATO_GATE_FULL, GATO_GATE_NONE } gato_gate;
typedef struct gato {
    gato_ids ids;
    int64_t D, H, K, layers, ffn, context;
    gato_gate gate;
    bool shared_action;                   /* actions have a learned vector in common */
    double eps;
} gato;

/* All graphs; build.c. A block; layers.c. */
void gato_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);
omn_node *gato_block(const gato *g, omn_scope *s, const omn_build *rq, omn_node *x);
omn_node *gato_norm(const gato *g, omn_scope *s, omn_node *x);

extern const omn_encoder_impl gato_episode_impl;
extern const omn_decoder_impl gato_tokens_impl;
extern const omn_answer_impl gato_control_impl;

#define GATO_TOKENS(PAR, S) PAR(S, int, rows, NULL, "2..16777216", NULL, "ids of the vocabulary")
struct gato_tokens { GATO_TOKENS(OMN_S_PAR, gato_tokens) };
#define GATO_CONTROL(PAR, VAL, S)                                                                  \
    VAL(S, actions, control, "names, units and bounds of what can be done, with or without rows")
struct gato_control { GATO_CONTROL(OMN_S_PAR, OMN_S_VAL, gato_control) };

#endif
