/* SPDX-License-Identifier: Apache-2.0 */
/* Flamingo as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef FLAMINGO_H
#define FLAMINGO_H

#include <omnio/kinds.h>

/* Whose names and whose order of queries, keys and values a language model has. */
typedef enum language_form {
    LANGUAGE_MOSAIC, LANGUAGE_MPT, LANGUAGE_NEOX, LANGUAGE_LLAMA
} language_form;

/* Rotary positions that were stretched after training; factor 0: they were not. The slow
 * frequencies are divided by factor, and with `old` above 0 (Llama 3.1) the fast ones stay: those
 * that turn `high` times and more within `old` places; in between, down to `low` times, both
 * mix. */
typedef struct stretch { double factor, low, high, old; } stretch;

/* A language model of decoder blocks alone. */
typedef struct language {
    language_form form;
    int64_t D, H, K;                      /* width, heads, width of a head */
    int64_t G;                            /* heads of keys and values; H is a multiple */
    int64_t layers, ffn, rows, most;      /* most: places that it was trained with */
    double eps, scale, clip;              /* scale 0: K^-0.5; clip 0: none */
    double logit_scale;                   /* of the logits; 1 usual */
    double alibi;                         /* largest bias of ALiBi; 0: none */
    double base;                          /* of rotary positions */
    int64_t rotary;                       /* components of a head that turn; 0: none */
    stretch stretch;
    int64_t window;                       /* places that attention sees; 0: all */
    int act;                              /* omn_act of the feed-forward */
    bool qk_norm, parallel, gated, tied;  /* tied: the head is the table */
    bool qkv_bias, out_bias, ffn_bias;    /* which matrices have biases */
    bool begins;                          /* a text begins with a token of its own */
    const char *root, *block;             /* names: of the whole, and between layer and matrix */
} language;

/* The gated blocks, what they see, and the row of ids. */
typedef struct flamingo {
    language lm;
    int64_t interval;                     /* a gated block before each so many layers; 0: none */
    int64_t width, latents;               /* of what is seen */
    int64_t heads, head_width, ffn;       /* of the gated blocks */
    int act;                              /* omn_act of the gated blocks */
    bool previous;                        /* all pictures so far are seen, not the last alone */
    bool chunks;                          /* lessons learn what stands in front, too */
    bool whole_table;                     /* all rows of the table are learnt, not two */
    bool silent;                          /* it has no language model: it sees, and embeds */
    int32_t media, chunk_end, pad;        /* ids of <image>, <|endofchunk|>, <PAD> */
    int32_t begin;                        /* in front of every row; -1: none */
    int32_t eos;                          /* wanted behind the end of a chunk; -1: nothing */
    const omn_part *text, *tokenizer;     /* the decoder; NULL: not there */
} flamingo;

/* What the gated blocks see, a row for each example. */
typedef struct visible {
    omn_node *x;                          /* [R,L,width]; NULL in steps, or when nothing is given */
    omn_node *number;                     /* [R,L] i32 which picture a vector is of, from 1; 0:
                                           * none; NULL: there are no vectors */
    omn_node *time;                       /* [B,T] f32: pictures up to each place of the row */
} visible;

/* The configuration; config.c, language.c (of the language model, below path) */
void flamingo_configure(flamingo *m, omn_open *o, omn_config *f);
/* That of a language model alone. */
void flamingo_alone(flamingo *m, omn_open *o, omn_config *f);
void language_configure(language *l, omn_open *o, omn_config *f, const char *path);
/* What a size by its name says of a configuration that names it; false: nobody knows that name.
 * presets.c */
bool flamingo_preset(omn_open *o, omn_config *f);
/* What would change the numbers and is not built is refused; keys.c */
void flamingo_refuse(omn_open *o, omn_config *f);
void language_refuse(language_form form, omn_open *o, omn_config *f, const char *path);
/* Is it one that language_configure reads? */
bool language_known(omn_config *f, const char *path);

/* The rows of (cos, sin) by which the heads of a target turn, for all layers; NULL: they do not.
 * rope.c */
omn_node *language_turn(const language *l, omn_scope *s, const omn_build *rq);
/* One block of the language model, x [B,T,D]; row: seg and part of its places. lm.c */
omn_node *language_layer(const language *l, omn_scope *s, int64_t i, const omn_build *rq,
                         omn_node *turn, omn_node *x);
/* The table of ids; the norm and the logits behind the last block. learns: the rows of these two
 * ids alone are learnt, -1 all. */
omn_node *language_embed(const language *l, omn_scope *s, const omn_target *t,
                         const int32_t learns[2]);
omn_node *language_logits(const language *l, omn_scope *s, omn_node *x, const int32_t learns[2]);
/* The full name of the table of ids. */
void language_table(const language *l, char *out, size_t room);
/* "lang_encoder.transformer.blocks.3", absolute. */
omn_scope *language_block(const language *l, omn_scope *s, int64_t i);

/* How many of x [B,T] (0 or 1, f32) there are up to each place; count.c */
omn_node *flamingo_count(omn_scope *s, omn_node *x);
/* 1 where ids [B,T] are `id`, f32. */
omn_node *flamingo_equal(omn_scope *s, omn_node *ids, int32_t id);

/* All that is given, joined and numbered; media.c */
void flamingo_see(const flamingo *m, omn_scope *s, const omn_build *rq, visible *v);
/* The number of the last picture at each place of a target's row. */
omn_node *flamingo_time(const flamingo *m, omn_scope *s, const omn_build *rq);
/* Leave what steps need in states. */
void flamingo_remember(const flamingo *m, omn_scope *s, const omn_build *rq, const visible *v);
/* The gated block before layer i, if there is one. */
omn_node *flamingo_gated(const flamingo *m, omn_scope *s, int64_t i, const omn_build *rq,
                         const visible *v, omn_node *x);

/* The graphs; build.c */
void flamingo_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

/* What stands in front of an answer; row.c */
extern const omn_row_impl flamingo_row;
/* Which of n ids of a row of texts and pictures are learnt: neither pictures nor what is padding,
 * and with `chunks` nothing before the first picture, nor between the end of a chunk and the next
 * picture. */
void flamingo_learnt(const flamingo *m, const int32_t *ids, size_t n, bool chunks, bool *out);

#endif
