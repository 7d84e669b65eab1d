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
    PAR(S, int, rate, "16000", "1000..192000", "Hz", "of the sound")
struct vitvqgan { VITVQGAN(OMN_S_PAR, vitvqgan) };

enum { ORDER_TIME, ORDER_MEL };

typedef struct vitvqgan_self {
    const struct vitvqgan *p;
    int32_t columns, rows;                /* cells along time, along mel */
    omn_codes codes;
    omn_port in, out;
} vitvqgan_self;

/* What the network sees of a logarithm of mel power: (log - MEAN) / DEVIATION. */
#define VITVQGAN_MEAN      (-5.0945)
#define VITVQGAN_DEVIATION 3.8312

/* network.c: spectrograms [B, frames, bands]. [build] */
omn_node *vitvqgan_tokenize(const void *self, omn_scope *s, const omn_bundle *in);
void vitvqgan_detokenize(const void *self, omn_scope *s, omn_node *codes, omn_bundle *out);

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
