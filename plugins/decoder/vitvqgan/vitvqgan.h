/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of sound: its parameters, shared by its files. */
#ifndef OMNIO_VITVQGAN_H
#define OMNIO_VITVQGAN_H

#include <omnio/kinds.h>

#define VITVQGAN(PAR, S)                                                                           \
    PAR(S, int, codes, "8192", "1..16777216", NULL, "entries of the codebook")                     \
    PAR(S, int, embed, "32", "1..8192", NULL, "width of an entry")                                 \
    PAR(S, int, width, "512", "4..8192", NULL, "width of both transformers; a multiple of 4")      \
    PAR(S, int, encoder_layers, "8", "1..256", NULL, "blocks on the way to codes")                 \
    PAR(S, int, encoder_mlp, "2048", "1..65536", NULL, "inner width of their feed-forward")        \
    PAR(S, int, encoder_heads, "8", "1..256", NULL, "heads of their attention")                    \
    PAR(S, int, encoder_head_width, "64", "1..1024", NULL, "width of a head")                      \
    PAR(S, int, decoder_layers, "8", "1..256", NULL, "blocks on the way back")                     \
    PAR(S, int, decoder_mlp, "2048", "1..65536", NULL, "inner width of their feed-forward")        \
    PAR(S, int, decoder_heads, "8", "1..256", NULL, "heads of their attention")                    \
    PAR(S, int, decoder_head_width, "64", "1..1024", NULL, "width of a head")                      \
    PAR(S, int, frames, "256", "2..16384", NULL, "of a spectrogram; a multiple of patch")          \
    PAR(S, int, bands, "128", "1..4096", NULL, "mel bands; a multiple of patch")                   \
    PAR(S, int, patch, "8", "1..256", NULL, "frames and bands that one code stands for")           \
    PAR(S, choice, order, "time", "time|mel", NULL,                                                \
        "of the codes: all bands of the first frames before the next frames, as models write "     \
        "them, or all frames of the lowest bands first")                                           \
    PAR(S, string, inner, "", NULL, NULL, "prefix of the weights below that of the part")          \
    PAR(S, string, vocoder, "", NULL, NULL,                                                        \
        "prefix of the weights of a HiFi-GAN generator that makes sound of spectrograms, below "   \
        "that of the part, or absolute: \"/vocoder\"; \"\": phases are guessed "                   \
        "(spectrogram.audio)")                                                                     \
    PAR(S, int, vocoder_width, "256", "8..4096", NULL, "channels of its first layer")              \
    PAR(S, int, hop, "256", "16..8192", "samples", "from one frame to the next")                   \
    PAR(S, int, rate, "16000", "1000..192000", "Hz", "of the sound")                               \
    PAR(S, choice, book, "free", "free|corners", NULL,                                             \
        "where entries begin: by chance, or at the corners of a cube, 2 to the power of embed, "   \
        "where a code says which numbers of a vector are above 0")                                 \
    PAR(S, choice, silent, "zero", "zero|least", NULL,                                             \
        "the logarithm of power that is exactly 0: 0, as models have it that mask what is "        \
        "silent, or that of the least power, for sounds that begin or end in nothing")
struct vitvqgan { VITVQGAN(OMN_S_PAR, vitvqgan) };

enum { ORDER_TIME, ORDER_MEL };
enum { BOOK_FREE, BOOK_CORNERS };
enum { SILENT_ZERO, SILENT_LEAST };

typedef struct vitvqgan_self {
    const struct vitvqgan *p;
    int32_t columns, rows;                /* cells along time, along mel */
    omn_codes codes;
    omn_port in, out;
} vitvqgan_self;

/* What the network sees of a logarithm of mel power: (log - MEAN) / DEVIATION. */
#define VITVQGAN_MEAN      (-5.0945)
#define VITVQGAN_DEVIATION 3.8312
#define VITVQGAN_LEAST     1e-5           /* power, of audio.mel's logarithms */

/* main.c: opens what the parameters describe, a vitvqgan_self; freed by free, also after a
 * failure. */
omn_status vitvqgan_open(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);

/* network.c: spectrograms [B, frames, bands]. [build] */

/* Spectrograms to vectors [B, count, embed] of length 1 before they become codes, in the codes'
 * order; the entry that is nearest to each; such vectors, entries of the codebook, back. */
omn_node *vitvqgan_vectors(const vitvqgan_self *v, omn_scope *s, omn_node *x);
omn_node *vitvqgan_entries(const vitvqgan_self *v, omn_scope *s, omn_node *vectors);
omn_node *vitvqgan_spectrogram(const vitvqgan_self *v, omn_scope *s, omn_node *vectors);
omn_node *vitvqgan_tokenize(const void *self, omn_scope *s, const omn_bundle *in);
void vitvqgan_detokenize(const void *self, omn_scope *s, omn_node *codes, omn_bundle *out);

/* learn.c: a ViT-VQGAN that is learnt: an encoder of its sounds and a model over it. */
extern const omn_encoder_impl vitvqgan_sounds;
extern const omn_model_impl vitvqgan_model;

/* hifigan.c: natural logarithms of mel power x [B, T, bands] to sound [B, T * 256]; width: channels
 * of the first layer. [build] */
omn_node *hifigan_build(omn_scope *s, omn_node *x, int64_t width);
enum { HIFIGAN_SAMPLES = 256 };           /* of a frame */

/* sound.c [run] */
omn_status vitvqgan_prepare(const void *self, omn_call *c, const omn_value *v,
                            const omn_frame *like, omn_feed *out, omn_error *err);
omn_status vitvqgan_finish(const void *self, omn_call *c, const omn_feed *in,
                           const omn_frame *like, omn_value **out, omn_error *err);

#endif
