/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders of rows of items: their parameters, shared by their files. */
#ifndef HISTORY_H
#define HISTORY_H

#include <omnio/kinds.h>

#define HISTORY(PAR, S)                                                                            \
    PAR(S, string, of, NULL, NULL, NULL, "the encoder of each item: an object with features")      \
    PAR(S, string, of_prefix, NULL, NULL, NULL, "prefix of its weights")                           \
    PAR(S, string, of_set, "", NULL, NULL, "its parameters, commas between: width=768,layers=11")  \
    PAR(S, int, frames, "4", "1..1024", NULL, "items that are looked at")                          \
    PAR(S, int, most_frames, "8", "1..1024", NULL, "items for which there are places")             \
    PAR(S, choice, choose, "first", "first|spread", NULL,                                          \
        "which of more items: the first, or those in the middle of equal parts")                   \
    PAR(S, int, patches, "0", "0..1048576", NULL,                                                  \
        "places of an item that are fed, spread over it; 0: all")                                  \
    PAR(S, int, latents, "32", "1..65536", NULL, "vectors that each item becomes")                 \
    PAR(S, int, width, "768", "1..65536", NULL, "width of the resampler")                          \
    PAR(S, int, heads, "12", "1..512", NULL, "attention heads")                                    \
    PAR(S, int, head_width, "64", "2..4096", NULL, "width of a head")                              \
    PAR(S, int, layers, "2", "1..512", NULL, "layers of the resampler")                            \
    PAR(S, int, mlp, "2048", "1..1048576", NULL, "inner width of the feed-forward")                \
    PAR(S, choice, attention, "norm", "norm|cosine", NULL,                                         \
        "queries and keys are normalised, or compared by their angle times a learned factor")      \
    PAR(S, choice, act, "gelu_erf", "gelu_erf|gelu_tanh", NULL, "activation of the feed-forward")  \
    PAR(S, int, project, NULL, "1..65536", NULL, "width handed to the model")                      \
    PAR(S, string, stage, "history", NULL, NULL, "its name among the stages that are compared")
struct history { HISTORY(OMN_S_PAR, history) };

#define PERCEIVER(PAR, S)                                                                          \
    PAR(S, string, of, NULL, NULL, NULL, "the encoder of each picture")                            \
    PAR(S, string, of_prefix, NULL, NULL, NULL, "prefix of its weights")                           \
    PAR(S, string, of_set, "", NULL, NULL, "its parameters, commas between: width=1024,layers=24") \
    PAR(S, int, most, "1", "1..1024", NULL, "most pictures, or frames of a video")                 \
    PAR(S, int, media, "1", "1..1024", NULL, "videos among which the frames are shared out")       \
    PAR(S, int, latents, "64", "1..65536", NULL, "vectors that a picture or a video becomes")      \
    PAR(S, int, width, "1024", "1..65536", NULL, "width of the resampler and of what it is given") \
    PAR(S, int, heads, "8", "1..512", NULL, "attention heads")                                     \
    PAR(S, int, head_width, "64", "1..4096", NULL, "width of a head")                              \
    PAR(S, int, layers, "6", "1..512", NULL, "layers")                                             \
    PAR(S, int, mlp, "4096", "1..1048576", NULL, "inner width of the feed-forward")                \
    PAR(S, choice, act, "gelu_erf", "gelu_erf|relu2", NULL, "activation of the feed-forward")      \
    PAR(S, int, frame_rows, "0", "0..65536", NULL, "learned vectors of frames; 0: none")           \
    PAR(S, int, media_rows, "0", "0..65536", NULL, "learned vectors of media; 0: none")            \
    PAR(S, string, stage, "perceiver", NULL, NULL, "its name among the stages that are compared")
struct perceiver { PERCEIVER(OMN_S_PAR, perceiver) };

#define GIVEN(PAR, S)                                                                              \
    PAR(S, int, places, NULL, "1..1048576", NULL, "vectors of a picture")                          \
    PAR(S, int, width, NULL, "1..65536", NULL, "width of each")
struct given { GIVEN(OMN_S_PAR, given) };

enum { CHOOSE_FIRST, CHOOSE_SPREAD, CHOOSE_ALL };
enum { ATTENTION_NORM, ATTENTION_COSINE };
enum { MOST_PORTS = 8 };                  /* of the items' encoder */

/* A row of items, each prepared by its own encoder: what all encoders here begin with. */
typedef struct history_items {
    const char *name;                     /* of the object, for messages */
    const omn_part *item;
    const omn_port *item_ports;
    uint32_t n_item_ports;
    int frames, patches, latents, choose;
    bool joined;                          /* all items together become one row of vectors */
    omn_port ports[MOST_PORTS + 2];       /* "item.NAME" with an axis of frames in front, "seg",
                                           * when joined "frames": which items are real */
    char names[MOST_PORTS][64];
} history_items;

typedef struct history_self {
    history_items items;
    const struct history *p;
} history_self;

typedef struct perceiver_self {
    history_items items;
    const struct perceiver *p;
} perceiver_self;

/* Opens the items' encoder and declares the ports; needs: it has to offer features and to say which
 * of its places are real. main.c */
void items_open(history_items *h, omn_open *o, const char *of, const char *prefix,
                const char *settings, bool needs);
/* The items [B, frames, ..] of each port one below the other: [B frames, ..]. */
omn_bundle *items_each(const history_items *h, omn_scope *s, const omn_bundle *in);
/* Constants i32 [rows, columns]: 1, or the number of the column, from 0 again after `cycle`. */
omn_node *items_ones(const history_items *h, omn_scope *s, int64_t rows, int64_t columns);
omn_node *items_places(const history_items *h, omn_scope *s, int64_t rows, int64_t columns,
                       int64_t cycle);

/* A list, a stream, a video, what is interleaved, or one item; prepare.c */
omn_status items_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                         omn_frame *frame, omn_error *err);
/* given.c */
extern const omn_encoder_impl given_impl;
/* The resamplers; resampler.c, perceiver.c */
omn_seq *history_embed(const void *self, omn_scope *s, const omn_bundle *in);
omn_seq *perceiver_embed(const void *self, omn_scope *s, const omn_bundle *in);

#endif
