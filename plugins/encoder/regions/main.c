/* SPDX-License-Identifier: Apache-2.0 */
/* encoder regions.features: what a detector found in a picture as vectors, a projection of its
 * features and one of the corners and the size of its box, each with a norm of its own (Cho et al.
 * 2021, VL-T5). Which picture it is and what the regions are called is the model's. The area is the
 * one that the published models were trained with: (y1 - x1) (y0 - x0). */
#include "regions.h"

#include <stdlib.h>

#define FEATURES(PAR, S)                                                                           \
    PAR(S, int, width, NULL, "1..65536", NULL, "width of the vectors")                             \
    PAR(S, int, features, "2048", "1..1048576", NULL, "numbers that the detector has of a region") \
    PAR(S, int, most, "100", "1..100000", NULL, "most regions of a picture")                       \
    PAR(S, bool, norm, "true", NULL, NULL, "each part has its norm; false: the model's, of all")   \
    PAR(S, double, eps, "1e-6", "0..1", NULL, "of the norms")                                      \
    PAR(S, string, also, "", NULL, NULL, "another prefix that its weights may have")
OMN_PARAMS(features, FEATURES);

typedef struct encoder {
    const struct features *p;
    omn_port ports[3];
} encoder;

static omn_status open_features(omn_call *c, const void *params, omn_open *o, void **self,
                                omn_error *err)
{
    (void)c;
    (void)o;
    const struct features *p = params;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "regions.features: out of memory");
    *self = e;
    e->p = p;
    e->ports[0] = (omn_port){ "features", OMN_F32, omn_dim2(p->most, p->features), 1 };
    e->ports[1] = (omn_port){ "boxes", OMN_F32, omn_dim2(p->most, 4), 1 };
    e->ports[2] = (omn_port){ "seg", OMN_I32, omn_dim1(p->most), 1 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return 3;
}

/* A corner as a share of the picture, 0..1, in the precision of the original program. */
static float share(double x, double of)
{
    const float y = (float)x / (float)of;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const struct features *p = ((const encoder *)self)->p;
    detections d;
    void *x = NULL, *boxes = NULL, *seg = NULL;
    (void)c;
    omn_status st = OMN_OK;
    OMN_TRY(detections_get(v, &d, err));
    if (d.n < 1 || d.n > p->most || d.width != p->features)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA,
                         "%lld regions with %lld numbers each: 1 to %d with %d each are what this "
                         "model was made for", (long long)d.n, (long long)d.width, p->most,
                         p->features));
    OMN_TRY(omn_feed_new(out, "features", OMN_F32, omn_dim2(d.n, d.width), &x, err));
    OMN_TRY(omn_feed_new(out, "boxes", OMN_F32, omn_dim2(d.n, 4), &boxes, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(d.n), &seg, err));
    for (int64_t i = 0; i < d.n * d.width; i++) ((float *)x)[i] = d.features[i];
    for (int64_t i = 0; i < d.n * 4; i++)
        ((float *)boxes)[i] = share(d.box[i], i % 2 ? d.image_height : d.image_width);
    for (int64_t i = 0; i < d.n; i++) ((int32_t *)seg)[i] = 1;
    *frame = detections_frame(v, &d);
done:
    return st;
}

/* ---- the graph ------------------------------------------------------------------------------- */

/* Corners and area, [B,N,5]. */
static omn_node *places(omn_scope *s, omn_node *boxes)
{
    omn_node *c[4], *all[2] = { boxes, NULL };
    for (int i = 0; i < 4; i++) c[i] = omn_slice(s, boxes, 2, i, 1);
    all[1] = omn_mul(s, omn_add(s, c[3], omn_scale(s, c[2], -1, 0)),
                     omn_add(s, c[1], omn_scale(s, c[0], -1, 0)));
    return omn_concat(s, all, 2, 2);
}

/* One part: a projection, and its norm. */
static omn_node *part(const struct features *p, omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *l = omn_scope_at(s, "%s.0", name), *n = omn_scope_at(s, "%s.1", name);
    omn_node *w = omn_weight(l, "weight", omn_dim2(p->width, omn_node_dim(x, -1)),
                             OMN_INIT_FAN_IN, 1);
    x = omn_linear(l, x, w, omn_weight(l, "bias", omn_dim1(p->width), OMN_INIT_ZERO, 0),
                   OMN_ACT_NONE);
    omn_node_tag(s, x, "%s.linear", name);
    if (!p->norm) return x;
    return omn_rms_norm(n, x, omn_weight(n, "weight", omn_dim1(p->width), OMN_INIT_ONE, 0), p->eps);
}

/* 0, 1, .. of each row, [B,N]. */
static omn_node *numbers(omn_scope *s, omn_node *of)
{
    const int64_t B = omn_node_dim(of, 0), N = omn_node_dim(of, 1);
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * N), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "regions.features: out of memory");
    for (int64_t i = 0; i < B * N; i++) x[i] = (int32_t)(i % N);
    return omn_const(s, OMN_I32, omn_dim2(B, N), x);
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct features *p = ((const encoder *)self)->p;
    omn_scope *other = p->also[0] ? omn_scope_at(s, "/%s", p->also) : NULL;
    if (other && omn_weight_exists(other, "feat_embedding.0.weight")) s = other;
    omn_node *seg = omn_bundle_get(in, s, "seg");
    omn_node *x = part(p, s, "feat_embedding", omn_bundle_get(in, s, "features"));
    omn_node *at = part(p, s, "absolute_vis_pos_embedding",
                        places(s, omn_bundle_get(in, s, "boxes")));
    omn_node_tag(s, x, "feat");
    omn_node_tag(s, at, "pos");
    return omn_seq_new(s, omn_add(s, x, at), seg, numbers(s, seg), 0, 0);
}

static const omn_encoder_impl impl = { NULL,  "detections", open_features, free,
                                       ports, prepare,      embed };

/* ---- the operation --------------------------------------------------------------------------- */

#define READ(IN, OPT, PAR, OUT)                                                                    \
    IN(any, in, "arrays by name: boxes, features, size of the picture, as a file of a detector")   \
    OUT(detections, out, "the same with units")
OMN_OPERATION(read, READ, OMN_PURE);
static omn_status read(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    return detections_read(c, in, out, err);
}

#define JOIN(IN, OPT, PAR, OUT)                                                                    \
    IN(detections, in, "regions of a picture, those of its annotation")                            \
    IN(detections, with, "others of the same picture, those of a detector")                        \
    PAR(int, most, "36", "1..65536", NULL, "how many there are at most; the last ones go")         \
    OUT(detections, out, "both, the first in front")
OMN_OPERATION(join, JOIN, OMN_PURE);
static omn_status join(omn_call *c, const omn_value *in, const omn_value *with, int most,
                       omn_value **out, omn_error *err)
{
    return detections_join(c, in, with, most, out, err);
}

OMN_PARAMS_VALUES(region, REGION);

static const omn_object objects[] = {
    { "omnio.value/1", "detections", "what a detector found in a picture: boxes and features",
      &detections_kind, NULL, 0, 0 },
    { "omnio.encoder/1", "regions.features", "a detector's regions as vectors", &impl,
      OMN_OBJECT_PARAMS(features) },
    { "omnio.answer/1", "region", "one of the regions that the model was given",
      &answer_region_impl, OMN_OBJECT_PARAMS(region) },
    OMN_OPERATION_OBJECT(read, "detections.read", "arrays of a detector's file as detections"),
    OMN_OPERATION_OBJECT(join, "detections.join", "regions of one picture and others behind them"),
};
OMN_PLUGIN("encoder-regions", "0.1.0", "Apache-2.0", "regions of pictures as a detector gives them",
           objects);
