/* SPDX-License-Identifier: Apache-2.0 */
/* What detectors put out for the objective "detection", alike in all of them. */
#include "detr.h"

void detr_put(omn_scope *s, omn_bundle *out, const char *name, int64_t layer, omn_node *x)
{
    char all[48];
    omn_format(all, sizeof all, layer < 0 ? "%s" : "%s.%lld", name, (long long)layer);
    omn_bundle_put(out, s, all, x);
}

void detr_want(omn_scope *s, const omn_given *things, omn_node *map, omn_bundle *out)
{
    const omn_shape n = omn_node_shape(map);
    omn_node *real = bert_real(s, omn_bundle_get(things->in, s, "seg"));
    omn_bundle_put(out, s, "wanted.map", map);
    omn_bundle_put(out, s, "wanted.boxes", omn_bundle_get(things->in, s, "boxes"));
    omn_bundle_put(out, s, "wanted.real", omn_reshape(s, real, omn_dim3(n.dim[0], n.dim[1], 1)));
}

void detr_found(omn_scope *s, omn_node *boxes, omn_node *scores, omn_bundle *out)
{
    omn_node *row[2] = { boxes, scores };
    omn_bundle_put(out, s, "tokens.things", omn_concat(s, row, 2, 2));
    omn_bundle_put(out, s, "seg.things",
                   bert_filled(s, omn_node_dim(boxes, 0), omn_node_dim(boxes, 1), 1));
}
