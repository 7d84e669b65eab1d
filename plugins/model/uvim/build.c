/* SPDX-License-Identifier: Apache-2.0 */
/* UViM's graphs. A picture and its map teach the base model with its oracle; a picture and a code
 * are drawn by the base model; a picture alone is what the language model writes a code of. */
#include "uvim.h"

#include "../golden/taught.h"

/* The only input of that part; false: there are several. */
static bool only(const omn_build *rq, const omn_part *part, const omn_bundle **out)
{
    *out = NULL;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        if (rq->inputs[i].part != part) continue;
        if (*out) return false;
        *out = rq->inputs[i].in;
    }
    return true;
}

void uvim_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const uvim *u = self;
    const omn_bundle *picture, *map, *guide;
    omn_node *seen = NULL;
    s = omn_scope_at(s, "/");
    const bool one = only(rq, u->image, &picture), mapped = only(rq, u->map, &map),
               guided = only(rq, u->guide, &guide);
    if (!one || !mapped || !guided || rq->in_map || (rq->phase != OMN_STEP && !picture)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "UViM looks at one picture, with one map or one code, rows unpacked");
        return;
    }
    if (rq->phase == OMN_EMBED) {
        if (!guide == !map)
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "UViM draws a map from a picture and a code, or "
                           "from a picture and what its oracle says of a map");
        else uvim_draw(u, s, picture, map, guide, out);
        return;
    }
    const bool pairs = rq->phase == OMN_TEACH && !rq->n_targets;
    /* who only asks for the weights gives all inputs and a target: all weights have to be there */
    const bool all = rq->n_targets && !rq->targets[0]->labels && map;
    if (pairs && !map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "UViM learns to draw from a picture and its map");
        return;
    }
    if (pairs || all) uvim_teach(u, s, picture, map, out);
    if (pairs) return;
    if (rq->phase != OMN_STEP) seen = uvim_see(u, s, picture);
    if (rq->phase == OMN_ENCODE) {
        uvim_remember(u, s, seen);
        omn_bundle_put(out, s, "memory", seen);
        return;
    }
    omn_node *loss = taught_put(s, rq, rq->targets[0], uvim_write(u, s, rq, seen), 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}
