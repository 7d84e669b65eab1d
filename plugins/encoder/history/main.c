/* SPDX-License-Identifier: Apache-2.0 */
/* encoder history.resampler: the door of the encoder of histories. It speaks of items alone: what
 * they are, the encoder that it is told to open for them knows. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const omn_param history_params[] = { HISTORY(OMN_S_ROW, history) };

/* Ports of the items with an axis of frames in front, and which vectors are real. */
static void declare(history_self *h, omn_open *o)
{
    const struct history *p = h->p;
    const void *found = NULL;
    const void *item = omn_part_self(h->item, "omnio.encoder/1", &found);
    const omn_encoder_impl *impl = found;
    bool seg = false;
    if (!item) return;
    if (!impl->extension || !impl->extension("omnio.features/1"))
        omn_open_fail(o, OMN_ERR_CONFIG, "history.resampler: %s offers no features", p->of);
    h->n_item_ports = impl->ports(item, &h->item_ports);
    if (h->n_item_ports > MOST_PORTS) {
        omn_open_fail(o, OMN_ERR_CONFIG, "history.resampler: %s has more than %d ports", p->of,
                      MOST_PORTS);
        return;
    }
    for (uint32_t i = 0; i < h->n_item_ports; i++) {
        const omn_port *from = &h->item_ports[i];
        omn_port *to = &h->ports[i];
        snprintf(h->names[i], sizeof h->names[i], "item.%.50s", from->name);
        *to = (omn_port){ h->names[i], from->type, { .rank = from->most.rank + 1 }, 1 };
        if (to->most.rank > OMN_MAX_RANK - 1) { /* one axis of rows comes in front */
            omn_open_fail(o, OMN_ERR_CONFIG, "history.resampler: %s has a port of %u axes", p->of,
                          from->most.rank);
            return;
        }
        to->most.dim[0] = p->frames;
        memcpy(to->most.dim + 1, from->most.dim, from->most.rank * sizeof *from->most.dim);
        if (p->patches && from->varies & 1 && p->patches < to->most.dim[1])
            to->most.dim[1] = p->patches;
        seg = seg || !strcmp(from->name, "seg");
    }
    if (!seg)
        omn_open_fail(o, OMN_ERR_CONFIG, "history.resampler: %s does not say which of its places "
                      "are real (port seg)", p->of);
    h->ports[h->n_item_ports] =
        (omn_port){ "seg", OMN_I32, omn_dim2(p->frames, p->latents), 1 };
}

static omn_status history_open(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    char set[1024];
    history_self *h = calloc(1, sizeof *h);
    if (!h) return omn_fail(err, OMN_ERR_MEMORY, "history.resampler: out of memory");
    *self = h;
    const struct history *p = h->p = params;
    if (p->frames > p->most_frames)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "history.resampler: %d frames want as many places, there are %d", p->frames,
                      p->most_frames);
    const int n = snprintf(set, sizeof set, "%s", p->of_set);
    if (n < 0 || (size_t)n >= sizeof set)
        omn_open_fail(o, OMN_ERR_CONFIG, "history.resampler: of_set is too long");
    for (char *at = set; (at = strchr(at, ','));) *at = ' ';
    h->item = omn_open_part(o, "item", "omnio.encoder/1", p->of, p->of_prefix, "%s", set);
    declare(h, o);
    return omn_open_done(o, err);
}

static uint32_t ports(const void *self, const omn_port **list)
{
    const history_self *h = self;
    *list = h->ports;
    return h->n_item_ports + 1;
}

static const omn_encoder_impl impl = { NULL,  "stream",        history_open, free,
                                       ports, history_prepare, history_embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "history.resampler", "what came before, a few vectors for each item",
      &impl, OMN_OBJECT_PARAMS(history) },
};
OMN_PLUGIN("encoder-history", "0.1.0", "Apache-2.0", "histories of pictures and sounds", objects);
