/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder of histories: its parameters, shared by its files. */
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

enum { CHOOSE_FIRST, CHOOSE_SPREAD };
enum { ATTENTION_NORM, ATTENTION_COSINE };
enum { MOST_PORTS = 8 };                  /* of the items' encoder */

typedef struct history_self {
    const struct history *p;
    const omn_part *item;
    const omn_port *item_ports;
    uint32_t n_item_ports;
    omn_port ports[MOST_PORTS + 1];       /* "item.NAME" with an axis of frames in front, "seg" */
    char names[MOST_PORTS][64];
} history_self;

/* A list, a stream, a video, or one item; prepare.c */
omn_status history_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                           omn_frame *frame, omn_error *err);
/* The resampler; resampler.c */
omn_seq *history_embed(const void *self, omn_scope *s, const omn_bundle *in);

#endif
