/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of DETR (Carion et al. 2020) and of MDETR (Kamath et al. 2021), under their published
 * names, for the families that are built of them: an encoder over the cells of a picture, alone or
 * with a text behind them, and a decoder whose rows are learned object queries. A convenience
 * library; all of it is [build]. */
#ifndef MODEL_DETR_H
#define MODEL_DETR_H

#include <bert.h>

#define DETR_EPS 1e-5
enum { DETR_MOST_LAYERS = 64 };

typedef struct detr {
    int64_t D, H, n_enc, n_dec, ffn;      /* width, heads, layers, inner width */
    bert text;                            /* the text encoder */
    int32_t start, stop;                  /* around a text */
} detr;

/* What is looked at: the cells of a picture, and a text behind them. */
typedef struct detr_memory {
    omn_node *x, *pos, *seg;              /* [B,L,D], [B,L,D], [B,L] */
    int64_t cells;                        /* of the picture; L less them: of the text */
    omn_node *raw;                        /* detr_cells: the cells before input_proj [B,N,C] */
    int64_t rows, columns;                /* ... and their grid */
} detr_memory;

/* ---- configuration; config.c ----------------------------------------------------------------- */

/* Sizes by the options of MDETR's program, and of its text encoder below "text_config"; what asks
 * for another computation fails o. [setup] */
void detr_configure(detr *u, omn_open *o, omn_config *f, const char *family);
/* Is "backbone" the residual network with 101 layers, not the one with 50? [setup] */
bool detr_large(omn_open *o, omn_config *f);
/* The encoder of pictures, its weights below prefix, by the options below "omnio"; large: with 101
 * layers, where they say nothing of it. [setup] */
void detr_open_image(const detr *u, omn_open *o, omn_config *f, const char *prefix, bool large);
/* The same, seen at another size where they say nothing of it. */
void detr_open_sized(const detr *u, omn_open *o, omn_config *f, const char *prefix, bool large,
                     int side, int usual);

/* ---- inputs; encoder.c, text.c --------------------------------------------------------------- */

/* The one input of a role; NULL: none. family: for the failure where there are several. */
const omn_given *detr_given(omn_scope *s, const omn_build *rq, const char *family,
                            const char *role);
/* A picture of encoder image.unitab: its cells at the model's width, through "input_proj" below s,
 * and where they stand. */
detr_memory detr_cells(const detr *u, omn_scope *s, const omn_given *image);
/* A text through RoBERTa and to the model's width, [B,L,D]; t NULL: one without words. */
omn_node *detr_text(const detr *u, omn_scope *s, const omn_given *t, int64_t B, omn_node **seg);
/* The layers "layers.N" below s, each told anew where everything stands; m->x becomes what came of
 * it. */
void detr_encoder(const detr *u, omn_scope *s, detr_memory *m);
/* A picture and a text through both and the joint encoder of MDETR. */
detr_memory detr_encode(const detr *u, const char *family, omn_scope *s, const omn_build *rq);

/* ---- layers; layers.c ------------------------------------------------------------------------ */

/* Weights of an attention below s whose three input projections are one matrix. */
omn_attn detr_attention(const detr *u, omn_scope *s, const omn_mask *m);
/* W2 relu(W1 x), and the stages of both below `stage`. */
omn_node *detr_feed_forward(const detr *u, omn_scope *s, const char *stage, omn_node *x);
/* x through n linear layers "layers.N" with a ReLU between, the last to `out`. */
omn_node *detr_mlp(omn_scope *s, omn_node *x, int64_t hidden, int64_t out, int n);

/* ---- object queries; queries.c --------------------------------------------------------------- */

/* What a family calls the parts of a layer. */
typedef struct detr_names {
    const char *cross, *norms[3];
} detr_names;
extern const detr_names detr_plain;       /* "multihead_attn", "norm1" to "norm3" */
extern const detr_names detr_mixed;       /* MDETR's "cross_attn_image", norms 1, 3 and 4 */

/* Rows of a table [Q,D] as queries of what is looked at, through "layers.N" and "norm" below s.
 * each[i]: what the norm makes of layer i, [B,Q,D]; the last of them is the answer. */
void detr_decoder(const detr *u, omn_scope *s, const detr_names *names, omn_node *queries,
                  const detr_memory *m, omn_node *each[DETR_MOST_LAYERS]);

/* ---- what is put out; heads.c ---------------------------------------------------------------- */

/* An output of one layer, "logits.0"; layer below 0: of the last, "logits". */
void detr_put(omn_scope *s, omn_bundle *out, const char *name, int64_t layer, omn_node *x);
/* What is wanted, of an encoder things.*: map [B,M,V] is the distribution of each over classes. */
void detr_want(omn_scope *s, const omn_given *things, omn_node *map, omn_bundle *out);
/* Rows of a box [B,Q,4] and what it is worth as each of some things [B,Q,C], "tokens.things". */
void detr_found(omn_scope *s, omn_node *boxes, omn_node *scores, omn_bundle *out);

#endif
