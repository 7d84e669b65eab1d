/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders of rows of items: history.resampler, and the perceiver of pictures, videos and what is
 * interleaved with texts. The door, and what they share: they speak of items alone; what these are,
 * the encoder that they are told to open for them knows. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const omn_param history_params[] = { HISTORY(OMN_S_ROW, history) };
static const omn_param perceiver_params[] = { PERCEIVER(OMN_S_ROW, perceiver) };
static const omn_param given_params[] = { GIVEN(OMN_S_ROW, given) };

/* Ports of the items with an axis of frames in front. false: there are too many, or too wide. */
static bool declare_items(history_items *h, omn_open *o, const char *of, bool *seg)
{
    for (uint32_t i = 0; i < h->n_item_ports; i++) {
        const omn_port *from = &h->item_ports[i];
        omn_port *to = &h->ports[i];
        snprintf(h->names[i], sizeof h->names[i], "item.%.50s", from->name);
        *to = (omn_port){ h->names[i], from->type, { .rank = from->most.rank + 1 }, 1 };
        if (to->most.rank > OMN_MAX_RANK - 1) { /* one axis of rows comes in front */
            omn_open_fail(o, OMN_ERR_CONFIG, "%s: %s has a port of %u axes", h->name, of,
                          from->most.rank);
            return false;
        }
        to->most.dim[0] = h->frames;
        memcpy(to->most.dim + 1, from->most.dim, from->most.rank * sizeof *from->most.dim);
        if (h->patches && from->varies & 1 && h->patches < to->most.dim[1])
            to->most.dim[1] = h->patches;
        *seg = *seg || !strcmp(from->name, "seg");
    }
    return true;
}

/* The ports, and which vectors are real. */
static void declare(history_items *h, omn_open *o, const char *of, bool needs)
{
    const void *found = NULL;
    const void *item = omn_part_self(h->item, "omnio.encoder/1", &found);
    const omn_encoder_impl *impl = found;
    bool seg = false;
    if (!item) return;
    if (needs && (!impl->extension || !impl->extension("omnio.features/1")))
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: %s offers no features", h->name, of);
    h->n_item_ports = impl->ports(item, &h->item_ports);
    if (h->n_item_ports > MOST_PORTS) {
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: %s has more than %d ports", h->name, of, MOST_PORTS);
        return;
    }
    if (!declare_items(h, o, of, &seg)) return;
    if (needs && !seg)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: %s does not say which of its places are real (port "
                      "seg)", h->name, of);
    omn_port *own = h->ports + h->n_item_ports;
    own[0] = (omn_port){ "seg", OMN_I32, omn_dim2(h->frames, h->latents), 1 };
    if (!h->joined) return;
    own[0] = (omn_port){ "seg", OMN_I32, omn_dim1(h->latents), 0 };
    own[1] = (omn_port){ "frames", OMN_I32, omn_dim1(h->frames), 1 };
}

void items_open(history_items *h, omn_open *o, const char *of, const char *prefix,
                const char *settings, bool needs)
{
    char set[1024];
    const int n = snprintf(set, sizeof set, "%s", settings);
    if (n < 0 || (size_t)n >= sizeof set)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: of_set is too long", h->name);
    for (char *at = set; (at = strchr(at, ','));) *at = ' ';
    h->item = omn_open_part(o, "item", "omnio.encoder/1", of, prefix, "%s", set);
    declare(h, o, of, needs);
}

static omn_status history_open(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    history_self *h = calloc(1, sizeof *h);
    if (!h) return omn_fail(err, OMN_ERR_MEMORY, "history.resampler: out of memory");
    *self = h;
    const struct history *p = h->p = params;
    h->items = (history_items){ .name = "history.resampler", .frames = p->frames,
                                .patches = p->patches, .latents = p->latents,
                                .choose = p->choose };
    if (p->frames > p->most_frames)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "history.resampler: %d frames want as many places, there are %d", p->frames,
                      p->most_frames);
    items_open(&h->items, o, p->of, p->of_prefix, p->of_set, true);
    return omn_open_done(o, err);
}

/* name: of the object; choose, joined: what it does with many items. */
static omn_status perceive(const char *name, int choose, bool joined, const struct perceiver *p,
                           omn_open *o, void **self, omn_error *err)
{
    perceiver_self *h = calloc(1, sizeof *h);
    if (!h) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    *self = h;
    h->p = p;
    h->items = (history_items){ .name = name, .frames = p->most, .latents = p->latents,
                                .choose = choose, .joined = joined };
    if (p->most % p->media || (p->frame_rows && p->most / p->media > p->frame_rows && joined) ||
        (p->media_rows && (joined ? p->media : p->most) > p->media_rows))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "%s: %d items in %d media; they have %d learned vectors of frames and %d of "
                      "media", name, p->most, p->media, p->frame_rows, p->media_rows);
    items_open(&h->items, o, p->of, p->of_prefix, p->of_set, false);
    return omn_open_done(o, err);
}

static omn_status image_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    return perceive("image.perceiver", CHOOSE_ALL, false, params, o, self, err);
}

static omn_status video_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    return perceive("video.perceiver", CHOOSE_SPREAD, true, params, o, self, err);
}

static omn_status interleaved_open(omn_call *c, const void *params, omn_open *o, void **self,
                                   omn_error *err)
{
    (void)c;
    return perceive("interleaved.perceiver", CHOOSE_ALL, false, params, o, self, err);
}

static uint32_t ports(const void *self, const omn_port **list)
{
    const history_items *h = self;
    *list = h->ports;
    return h->n_item_ports + (h->joined ? 2 : 1);
}

static const omn_encoder_impl history_impl = { NULL,  "stream",      history_open, free,
                                               ports, items_prepare, history_embed };
static const omn_encoder_impl image_impl = { NULL,  "image",       image_open, free,
                                             ports, items_prepare, perceiver_embed };
static const omn_encoder_impl video_impl = { NULL,  "stream",      video_open, free,
                                             ports, items_prepare, perceiver_embed };
static const omn_encoder_impl interleaved_impl = { NULL,  "interleaved", interleaved_open, free,
                                                   ports, items_prepare, perceiver_embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "history.resampler", "what came before, a few vectors for each item",
      &history_impl, OMN_OBJECT_PARAMS(history) },
    { "omnio.encoder/1", "image.perceiver", "a picture as a few vectors", &image_impl,
      OMN_OBJECT_PARAMS(perceiver) },
    { "omnio.encoder/1", "video.perceiver", "frames spread over a video, together as a few vectors",
      &video_impl, OMN_OBJECT_PARAMS(perceiver) },
    { "omnio.encoder/1", "interleaved.perceiver",
      "the pictures among texts, a few vectors for each", &interleaved_impl,
      OMN_OBJECT_PARAMS(perceiver) },
    { "omnio.encoder/1", "features.given", "vectors that another program made of a picture",
      &given_impl, OMN_OBJECT_PARAMS(given) },
};
OMN_PLUGIN("encoder-history", "0.1.0", "Apache-2.0",
           "histories, pictures and videos in a few vectors", objects);
