/* SPDX-License-Identifier: Apache-2.0 */
/* T5 and VL-T5 as numbers: what their configuration says, shared by the files of this plugin. */
#ifndef T5_H
#define T5_H

#include <omnio/kinds.h>

typedef struct t5 {
    int64_t D, H, K, ffn;                 /* width, heads, width of a head, inner width */
    int64_t n_enc, n_dec;
    int64_t rows;                         /* of the table `shared` */
    int64_t buckets, distance;            /* of the relative bias; most that is told apart */
    int64_t text_in, text_out;            /* most tokens */
    double eps;
    omn_act act;
    bool gated;
    bool taught;                          /* tasks, not only to fill gaps */
    bool tied, scaled;                    /* the head is the table; what comes to it is small */
    int32_t start, stop, pad;
    const omn_part *loss;                 /* the objective; NULL: not installed */
    /* VL-T5 */
    bool visual;
    bool joint;                           /* one norm over a region's sum, none on its parts */
    int64_t pictures;                     /* rows of their order */
    char usual[512];                      /* what tensors without a configuration say */
} t5;

/* VL-T5's tensors without a configuration? What they say becomes what is usual; sizes.c */
bool t5_measurable(omn_config *f);
void t5_measure(t5 *m, omn_config *f);

/* Reading of the configuration; config.c */
void t5_read(t5 *m, omn_open *o, omn_config *f);
void t5_read_visual(t5 *m, omn_open *o, omn_config *f);
/* Parts that both have: tokenizer, texts in and out, the objective; config.c */
void t5_open_text(t5 *m, omn_open *o);
/* The tokenizer, where its file is, with so many pieces for gaps and for regions; tokenizer.c */
void t5_open_tokenizer(const t5 *m, omn_open *o, int gaps, int visual);
void t5_open_loss(t5 *m, omn_open *o);

/* The layers under their published names; layers.c */
omn_node *t5_norm(const t5 *m, omn_scope *s, const char *name, omn_node *x);
omn_attn t5_attention(const t5 *m, omn_scope *s, const omn_mask *mask, omn_node *bias);
omn_node *t5_feed_forward(const t5 *m, omn_scope *layer, const char *stage, omn_node *x);
omn_node *t5_table(const t5 *m, omn_scope *s);
/* The table of the bias of a stack, [buckets,H]; s: the stack's scope. */
omn_node *t5_bias_table(const t5 *m, omn_scope *s);

/* What the encoder reads: x [B,L,D] and who is real, seg [B,L]; the first `text` places are words,
 * whose places bias the scores among themselves. */
typedef struct t5_given { omn_node *x, *seg; int64_t text; } t5_given;
/* Where the encoder's weights lie: old files of VL-T5 say "vis_encoder". */
omn_scope *t5_encoder_scope(omn_scope *s);
/* Everything that was given, words first; regions.c, build.c */
bool t5_regions(const t5 *m, omn_scope *s, const omn_build *rq, omn_node **x, omn_node **seg);
/* Through all layers and the last norm; encoder.c */
omn_node *t5_encode(const t5 *m, omn_scope *s, const t5_given *in);

/* The decoder's layers in all phases, its rows [B,T,D]; decoder.c */
omn_node *t5_decode(const t5 *m, omn_scope *s, const omn_build *rq, omn_node *memory,
                    omn_node *seg);
/* Leave what steps need of the memory in states. */
void t5_remember(const t5 *m, omn_scope *s, const omn_build *rq, omn_node *memory, omn_node *seg);

/* The graphs; build.c */
void t5_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
