/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2 as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef UIO2_H
#define UIO2_H

#include <omnio/kinds.h>

/* What it writes. */
typedef struct uio2_output {
    const omn_part *part;               /* the decoder; NULL: not written */
    const char *table;                  /* of its ids */
    int64_t rows;                       /* of the table */
    int64_t most;                       /* places of a text */
    /* Of others: the grid in which the ids stand, row by row, and the one whose rotary rows they
     * have. For sounds the second is the first transposed, though the ids keep their order: so the
     * released models were trained. 0: a text */
    int64_t grid_h, grid_w, rope_h, rope_w;
} uio2_output;
enum { UIO2_TEXT, UIO2_IMAGE, UIO2_AUDIO, UIO2_OUTPUTS };

typedef struct uio2 {
    int64_t D, H, K;                    /* width, heads, width of a head */
    int64_t n_enc, n_dec, mlp, cross_every;
    int64_t rows;                       /* of the text table */
    int64_t text_in, text_out;          /* most tokens */
    /* Of pictures and sounds, how far a step in the grid goes: what comes in goes further than what
     * is written, which has more places on the same square. */
    double step_in, step_out;
    double out_init;    /* initial size of what a layer adds, for training from nothing */
    bool qk_norm, frozen;
    bool patterns;                      /* patterns.c */
    bool sees, hears;                   /* pictures, sounds */
    uio2_output out[UIO2_OUTPUTS];
} uio2;

/* Its parts, from the configuration; parts.c */
void uio2_open_inputs(uio2 *u, omn_open *o, omn_config *f);
void uio2_open_outputs(uio2 *u, omn_open *o, omn_config *f);
/* Number i of a list, or the default where there is none. */
int64_t uio2_config_pair(omn_config *f, const char *path, int i, int64_t deflt);

/* What the decoder's row has beside its vectors. */
typedef struct uio2_row {
    omn_node *rot, *seg, *part;
    omn_node *pattern[3];               /* added to scores, by kind; NULL: none */
} uio2_row;
/* What is looked at. */
typedef struct uio2_memory { omn_node *x, *seg, *rot; } uio2_memory;

/* The graphs; build.c */
void uio2_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);
/* One decoder layer, x [B,T,D]; decoder.c */
omn_node *uio2_decoder_layer(const uio2 *u, omn_scope *s, int64_t i, const omn_build *rq,
                             const uio2_row *t, const uio2_memory *mem, omn_node *x);
/* Leave what steps need of the memory in states. */
void uio2_remember(const uio2 *u, omn_scope *s, const omn_build *rq, const uio2_memory *mem);
/* What encode left, or what is made here. */
omn_node *uio2_keep(omn_scope *s, const omn_build *rq, const char *name, omn_type t, omn_node *x,
                    omn_shape shape);
/* All targets as one row of vectors; targets.c */
omn_node *uio2_row_of(const uio2 *u, omn_scope *s, const omn_build *rq, uio2_row *row);
/* Logits and losses of all targets from the decoder's output. */
void uio2_answer(const uio2 *u, omn_scope *s, const omn_build *rq, omn_node *x, omn_bundle *out);
/* Patterns among the places of each target, and what is hidden there; patterns.c */
void uio2_patterns(omn_scope *s, const omn_build *rq, const uio2_output *const *out, bool patterns,
                   uio2_row *row);
omn_node *uio2_pattern_at(const uio2 *u, const uio2_row *row, int64_t layer);
/* The same layers; layers.c */
omn_node *uio2_rms(omn_scope *s, const char *name, omn_node *x);
omn_attn uio2_attention(const uio2 *u, omn_scope *s, omn_node *rot_q, omn_node *rot_k,
                        const omn_mask *m);
omn_node *uio2_mlp(const uio2 *u, omn_scope *s, const char *stage, omn_node *x);

#endif
