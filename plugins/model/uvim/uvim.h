/* SPDX-License-Identifier: Apache-2.0 */
/* UViM as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef UVIM_H
#define UVIM_H

#include <omnio/answer.h>
#include <omnio/learn.h>

enum { UVIM_MOST_MAPS = 4 };

/* What its parts are told; the model's configuration says it. */
#define UVIM(PAR, S)                                                                               \
    PAR(S, int, side, "512", "1..4096", "px", "side of the picture and of its map")                \
    PAR(S, int, patch, "16", "1..256", "px", "side of a patch of both")                            \
    PAR(S, string, maps, "depth", NULL, NULL, "what a pixel has: \"depth\", \"red,green,blue\"")   \
    PAR(S, string, levels, "256", NULL, NULL, "how many values each of them can have")             \
    PAR(S, int, code_len, "256", "1..65536", NULL, "words of the guiding code")                    \
    PAR(S, int, dict_size, "4096", "2..1048576", NULL, "words that there are")                     \
    PAR(S, int, codeword_dim, "768", "1..65536", NULL, "width of a word")                          \
    PAR(S, int, width, "768", "2..65536", NULL, "width of the base model and its oracle")          \
    PAR(S, int, mlp_dim, "3072", "1..1048576", NULL, "inner width of their feed-forwards")         \
    PAR(S, int, num_heads, "12", "1..1024", NULL, "heads of their attention")                      \
    PAR(S, int, enc_depth, "6", "0..512", NULL, "layers of the oracle")                            \
    PAR(S, int, dec_depth, "12", "1..512", NULL, "layers of the base model")                       \
    PAR(S, bool, resize, "true", NULL, NULL,                                                       \
        "the code is a smaller grid, by linear interpolation; false: by learned matrices")         \
    PAR(S, bool, context, "true", NULL, NULL, "the oracle sees the picture as well")               \
    PAR(S, choice, dropout, "random", "none|first|random", NULL,                                   \
        "which words are left out when the base model learns: some, anywhere or at the end")
struct uvim_part { UVIM(OMN_S_PAR, uvim_part) };
enum { DROPOUT_NONE, DROPOUT_FIRST, DROPOUT_RANDOM };

typedef struct uvim {
    int64_t side, patch, grid, places;    /* places: of the grid */
    int64_t code_len, dict, codeword, width, mlp, heads, enc, dec;
    bool resize, context;
    int n_maps;
    char maps[UVIM_MOST_MAPS][16];
    int32_t levels[UVIM_MOST_MAPS];
    int64_t lm_width, lm_mlp, lm_heads, lm_layers;
    const omn_part *image, *map, *guide;  /* encoders */
} uvim;

/* false: o or err says why. config.c */
bool uvim_known(omn_config *f);
void uvim_configure(uvim *u, omn_open *o, omn_config *f);
omn_status uvim_read(uvim *u, const struct uvim_part *p, omn_error *err);

/* ---- layers.c: by flax's names, below a path ------------------------------------------------- */

omn_node *uvim_weight(omn_scope *s, const char *path, const char *leaf, omn_shape shape,
                      omn_init_kind init, double a);
omn_node *uvim_norm(omn_scope *s, const char *path, omn_node *x);
/* x [.., K] times kernel [K, out], and bias [out]. */
omn_node *uvim_dense(omn_scope *s, const char *path, omn_node *x, int64_t out);
omn_node *uvim_mlp(omn_scope *s, const char *path, omn_node *x, int64_t inner);
/* x [B,T,D] as heads [B,T,H,D/H] by PATH/NAME/kernel [D,H,D/H]; and heads back. */
omn_node *uvim_heads(omn_scope *s, const char *path, const char *name, omn_node *x, int64_t H,
                     bool bias);
omn_node *uvim_join(omn_scope *s, const char *path, omn_node *x, bool bias);
/* A vision transformer's layers, and the norm behind them. */
omn_node *uvim_layers(omn_scope *s, const char *path, int64_t depth, int64_t H, int64_t mlp,
                      omn_node *x);
/* A learned vector for each of n places, added to x [B,n,D]. */
omn_node *uvim_places(omn_scope *s, const char *name, omn_node *x);

/* ---- base.c ---------------------------------------------------------------------------------- */

/* Labels i32 [B,N,maps patch^2], and the picture's patches where it is seen as well, as words
 * before they are rounded [B,code_len,codeword]; and the words that there are [dict,codeword]. */
omn_node *uvim_oracle(const uvim *u, omn_scope *s, omn_node *labels, omn_node *patches);
omn_node *uvim_words(const uvim *u, omn_scope *s);
/* Words and a picture's patches [B,N,3 patch^2] as scores [B,N,patch^2,levels] of each map. */
void uvim_base(const uvim *u, omn_scope *s, omn_node *words, omn_node *patches,
               omn_node *scores[UVIM_MOST_MAPS]);
/* TEACH of both, and EMBED of the base model, whose code is given or the oracle's (guide NULL):
 * puts "logits.MAP", "labels.MAP" and "off.code"; and "tokens.map". */
void uvim_teach(const uvim *u, omn_scope *s, const omn_bundle *picture, const omn_bundle *map,
                omn_bundle *out);
void uvim_draw(const uvim *u, omn_scope *s, const omn_bundle *picture, const omn_bundle *map,
               const omn_bundle *guide, omn_bundle *out);

/* ---- language.c ------------------------------------------------------------------------------ */

/* The picture as the language model sees it; what is left of it for steps; scores of the words. */
omn_node *uvim_see(const uvim *u, omn_scope *s, const omn_bundle *picture);
void uvim_remember(const uvim *u, omn_scope *s, omn_node *seen);
omn_node *uvim_write(const uvim *u, omn_scope *s, const omn_build *rq, omn_node *seen);

/* ---- parts ----------------------------------------------------------------------------------- */

/* picture.c: pictures as patches, maps as labels, words as ids. code.c: words as tokens. */
extern const omn_encoder_impl uvim_picture_impl, uvim_map_impl, uvim_guide_impl;
extern const omn_decoder_impl uvim_code_impl;
/* The same where the oracle sees a map and its picture, a list of both; and words of which no map
 * alone makes a code. */
extern const omn_decoder_impl uvim_oracle_impl, uvim_words_impl;
omn_status uvim_patches(const uvim *u, omn_call *c, const omn_value *v, float *to, omn_error *err);
omn_status uvim_labels(const uvim *u, omn_call *c, const omn_value *v, int32_t *to, omn_error *err);
/* guided.c: the code of a map and its picture as an answer */
#define GUIDED_ANSWER(PAR, VAL, S)                                                                 \
    VAL(S, image, guided, "the map of which the oracle says the code")                             \
    VAL(S, image, beside, "the picture that it is of")
extern const omn_answer_impl uvim_guided_answer_impl;
/* objective.c, operation.c */
#define GUIDED(PAR, S)                                                                             \
    PAR(S, double, commit, "0.25", "0..1e6", NULL,                                                 \
        "weight of the square of what words lie off those that there are")
extern const omn_objective_impl uvim_guided_impl;
omn_status uvim_from_patches(omn_call *c, const omn_value *in, int channels, int levels,
                             const omn_value *like, omn_image **out, omn_error *err);

/* build.c */
void uvim_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
