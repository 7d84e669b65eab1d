/* SPDX-License-Identifier: Apache-2.0 */
/* BERT's layers (Devlin et al. 2019) under their published names, for the families that have it or
 * RoBERTa inside, and the pieces that all post-norm transformers are made of. A convenience
 * library; all of it is [build]. */
#ifndef MODEL_BERT_H
#define MODEL_BERT_H

#include <omnio/kinds.h>

typedef struct bert {
    int64_t D, H, layers, ffn;            /* width, heads, layers, inner width */
    int64_t rows, places, types;          /* of the three tables */
    int64_t first;                        /* row of a text's first place: 0, RoBERTa's 2, behind
                                           * that of padding */
    double eps;
} bert;

/* Reads NAME.vocab_size, .hidden_size and so on, as the Transformers library calls them, at the top
 * where the name is ""; what stands in *b already is what is missing there. Failures stay on o.
 * [setup] */
void bert_configure(bert *b, omn_open *o, omn_config *f, const char *name);

/* The tokenizer of vocab.txt, where there is one, cased where "do_lower_case" is false, and the
 * encoder "text": words between [CLS] and [SEP], at most so many tokens with both, what is longer
 * cut. words: full name of their table. [setup] */
void bert_open_text(const bert *b, omn_open *o, int most, const char *words);
/* The same with a tokenizer of another role, for families whose answers have one of their own. */
void bert_open_text_by(const bert *b, omn_open *o, const char *role, int most, const char *words);
/* The same for several texts in one, with [SEP] between them: the port "type" says which words are
 * of the second, and of those behind the second the first ones go where all are too many. */
void bert_open_texts(const bert *b, omn_open *o, int most, const char *words);

/* 1 where seg is not 0, f32; a number everywhere, i32 [B,T]. */
omn_node *bert_real(omn_scope *s, omn_node *seg);
omn_node *bert_filled(omn_scope *s, int64_t B, int64_t T, int32_t x);
/* "weight" [out, in] and "bias" [out] below s; a LayerNorm's. */
omn_node *bert_linear(omn_scope *s, omn_node *x, int64_t out);
omn_node *bert_norm(omn_scope *s, omn_node *x, double eps);

/* Words [B,T] i32, where they stand, and of what type they are (NULL: all of the first), summed and
 * normed; the tables are below s. seg: padding stands at no place where b->first says so. */
omn_node *bert_embed(const bert *b, omn_scope *s, omn_node *ids, omn_node *pos, omn_node *types,
                     omn_node *seg);
/* One post-norm layer of x [B,T,D] below s: "attention.self.query" to "output.LayerNorm". */
omn_node *bert_layer(const bert *b, omn_scope *s, const omn_mask *m, omn_node *x);
/* What follows the attentions of a layer: "intermediate.dense", "output.dense", its norm; names
 * may have a letter in front, "v_". */
omn_node *bert_feed_forward(omn_scope *s, const char *before, omn_node *x, int64_t ffn,
                            double eps);
/* Two streams that look at each other (Lu et al. 2019, ViLBERT); coattention.c */
typedef struct bert_stream {
    omn_node *x, *seg;                    /* [B,T,D]; [B,T] i32, 0 where nothing stands */
    int64_t ffn;
} bert_stream;
/* One layer of it below s: first's queries over second's keys and the other way round, of H heads
 * that are `inner` wide together, "biattention.query1" to "biOutput.LayerNorm2"; then the
 * feed-forwards "v_" of first and "t_" of second. Their x become what came of them. */
void bert_coattend(omn_scope *s, int64_t H, int64_t inner, double eps, bert_stream *first,
                   bert_stream *second);
/* bert_embed below "embeddings" and all layers below "encoder.layer.N"; padding is not looked at.
 * What came of them is tagged stage.embed and stage.layerN. */
omn_node *bert_encode(const bert *b, omn_scope *s, const char *stage, omn_node *ids, omn_node *pos,
                      omn_node *types, omn_node *seg);

#endif
