/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of pictures: its parameters, shared by its files. */
#ifndef VQGAN_H
#define VQGAN_H

#include <omnio/kinds.h>

#define VQGAN(PAR, S)                                                                              \
    PAR(S, int, ch, "128", "1..8192", NULL, "channels of the first level")                         \
    PAR(S, string, ch_mult, "1,2,2,4", NULL, NULL, "channels of each level, in units of ch")       \
    PAR(S, int, blocks, "2", "1..64", NULL,                                                        \
        "residual blocks of a level on the way to codes; back from them there is one more")        \
    PAR(S, int, z, "4", "1..8192", NULL, "channels between the network and the codes")             \
    PAR(S, int, embed, "4", "1..8192", NULL, "width of an entry of the codebook")                  \
    PAR(S, int, n_embed, "16384", "1..16777216", NULL, "entries of the codebook")                  \
    PAR(S, int, grid, "0", "0..4096", NULL,                                                        \
        "places along each axis of a codebook that begins as a grid; 0: it begins by chance")      \
    PAR(S, string, attention, "32", NULL, NULL,                                                    \
        "levels whose blocks attend, by their nominal sizes: \"32\", \"16,8\"; \"\": none")        \
    PAR(S, int, resolution, "256", "1..8192", "px", "nominal size, from which levels count")       \
    PAR(S, int, height, "0", "0..8192", "px", "height of the pictures; 0: the nominal size")       \
    PAR(S, int, width, "0", "0..8192", "px", "width of the pictures; 0: the nominal size")         \
    PAR(S, int, groups, "32", "1..8192", NULL, "groups of channels that are normalised together")  \
    PAR(S, string, inner, "", NULL, NULL, "prefix of the weights below that of the part")          \
    PAR(S, choice, names, "uio2", "uio2|taming|flax", NULL,                                        \
        "what weights are called: down_0_block_1.conv1.weight, down.0.block.1.conv1.weight "       \
        "with level 0 the largest both ways, or down_0_block_1/conv1/kernel [y,x,in,out]")         \
    PAR(S, choice, codebook, "nearest", "nearest|gumbel", NULL,                                    \
        "a code is the entry nearest to the vector, or the greatest of its scores")                \
    PAR(S, choice, fit, "uio2", "uio2|uio1|cover", NULL,                                           \
        "how a picture becomes one of this size: padded on all sides, padded right and below, or " \
        "scaled until it covers, the middle kept")                                                 \
    PAR(S, int, view, "384", "1..8192", "px",                                                      \
        "side of the square in which the model sees the picture that another one is a view of")    \
    PAR(S, choice, pixels, "auto", "auto|u8|f32", NULL,                                            \
        "what pictures are made of; auto: f32 where they are views of another picture")            \
    PAR(S, choice, network, "vqgan", "vqgan|dvae", NULL,                                           \
        "dvae: the discrete VAE of DALL-E (ch=256 ch_mult=1,2,4,8 embed=128 n_embed=8192 "         \
        "attention=), by its own names; z, grid, groups, names and codebook mean nothing to it")   \
    PAR(S, double, eps, "0.1", "0..0.49", NULL,                                                    \
        "of a dVAE: how far from 0 and 1 the numbers stay that it sees and makes")
struct vqgan { VQGAN(OMN_S_PAR, vqgan) };

enum { NAMES_UIO2, NAMES_TAMING, NAMES_FLAX };
enum { CODEBOOK_NEAREST, CODEBOOK_GUMBEL };
enum { NETWORK_VQGAN, NETWORK_DVAE };
enum { FIT_UIO2, FIT_UIO1, FIT_COVER };
enum { PIXELS_AUTO, PIXELS_U8, PIXELS_F32 };
enum { MOST_LEVELS = 12, MOST_NAME = 192 };

typedef struct vqgan_self {
    const struct vqgan *p;
    int levels, height, width, grid_h, grid_w;
    int64_t channels[MOST_LEVELS];
    bool attends[MOST_LEVELS];
    omn_codes codes;
    omn_port port, learnt[2];             /* learnt: of a dVAE that is, the same and its noise */
} vqgan_self;

/* ---- names.c: weights by the name of their module, "encoder.mid_block_1" ---- */

typedef enum unit { UNIT_BLOCK, UNIT_ATTENTION, UNIT_SAMPLER } unit;
/* A module of level i (0 the largest) on the way down or up; number: of the block. */
void vqgan_level(const vqgan_self *v, bool down, int level, unit u, int number,
                 char out[MOST_NAME]);
/* A module of the middle: block 1 or 2, attention 1. */
void vqgan_middle(const vqgan_self *v, bool down, unit u, int number, char out[MOST_NAME]);
/* [O, C, k, k], [n] */
omn_node *vqgan_kernel(const vqgan_self *v, omn_scope *s, const char *module, int64_t O, int64_t C,
                       int64_t k);
omn_node *vqgan_bias(const vqgan_self *v, omn_scope *s, const char *module, int64_t n);
omn_node *vqgan_scale(const vqgan_self *v, omn_scope *s, const char *module, int64_t n);
omn_node *vqgan_book(const vqgan_self *v, omn_scope *s);

/* ---- blocks.c ---- */

/* Pictures [B, height, width, 3] from -1 to 1 to vectors [B, grid_h, grid_w, embed] before they
 * become codes (not with a codebook of gumbel), and such vectors, entries of the codebook, back. */
omn_node *vqgan_vectors(const vqgan_self *v, omn_scope *s, omn_node *pixels);
omn_node *vqgan_pixels(const vqgan_self *v, omn_scope *s, omn_node *vectors);
omn_node *vqgan_tokenize(const void *self, omn_scope *s, const omn_bundle *in);
void vqgan_detokenize(const void *self, omn_scope *s, omn_node *codes, omn_bundle *out);

/* ---- dvae.c ---- */

/* Scores [B, grid_h, grid_w, n_embed] of the codes of such pictures, and codes [B, count] as
 * pictures. */
omn_node *dvae_scores(const vqgan_self *v, omn_scope *s, omn_node *pixels);
omn_node *dvae_pixels(const vqgan_self *v, omn_scope *s, omn_node *codes);
/* What the decoder makes of shares [B, grid_h, grid_w, n_embed] that add up to 1 at each place, in
 * place of codes: [B, height, width, 6], of each channel the mean of a logit-Laplace distribution
 * (of the logit), then of each the logarithm of its spread. */
omn_node *dvae_spread(const vqgan_self *v, omn_scope *s, omn_node *shares);

/* ---- codec.c: what both models that are learnt have ---- */

/* They have no state: that one is open is seen by this. */
extern const char learnt_nothing;
void learnt_close(void *self);
int32_t learnt_most_tokens(const void *self, bool answer);

/* ---- dvae_learnt.c: a dVAE that is learnt: encoder of its pictures, model over it ------ */

extern const omn_encoder_impl dvae_pictures;
extern const omn_model_impl dvae_model;

/* ---- geometry.c ---- */

/* The place that place i of `to` shows of `from`, by the nearest pixel. */
uint32_t nearest_place(uint32_t i, uint32_t from, uint32_t to);
/* The picture `like` shows is one whole picture put into a square of `view` as omn_image_fit does
 * it. */
bool is_plain_view(const omn_frame *like, uint32_t view, omn_fit *fit);
/* Colours f32 0..1, three channels, alpha laid over white. */
omn_status rgb_of(const omn_image *in, omn_image **out, omn_error *err);

/* ---- open.c, codec.c ---- */

/* Opens what the parameters describe, a vqgan_self; freed by free, also after a failure. */
omn_status vqgan_open(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
/* A VQGAN that is learnt: an encoder of its pictures and a model over it. */
extern const omn_encoder_impl vqgan_pictures;
extern const omn_model_impl vqgan_model;

/* ---- prepare.c, finish.c ---- */

omn_status vqgan_prepare(const void *self, omn_call *c, const omn_value *v, const omn_frame *like,
                         omn_feed *out, omn_error *err);
omn_status vqgan_finish(const void *self, omn_call *c, const omn_feed *in, const omn_frame *like,
                        omn_value **out, omn_error *err);

#endif
