/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs and targets of a golden file of Unified-IO 1 as graphs want them: pictures cut into
 * patches, ids of pictures counted from 0. */
#include "verify.h"

#include "uio1.h"

#include <stdio.h>
#include <string.h>

/* ---- inputs ---------------------------------------------------------------------------------- */

/* i32 [b,L] of the inputs as ROLE.PORT, each row so many times; from NULL: 0, 1, .. */
static omn_status feed_ints(golden_run *r, const char *from, const char *to, int64_t times,
                            int64_t rows, int64_t length, omn_error *err)
{
    const omn_tensor *t = NULL;
    void *data = NULL;
    omn_status st = from ? golden_input(r->g, from, OMN_I32, 2, &t, err) : OMN_OK;
    if (st == OMN_OK && t && (t->shape.dim[0] * times != rows || t->shape.dim[1] != length))
        st = omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" and what it is of differ in shape",
                      r->g->name, from);
    if (st == OMN_OK) st = omn_feed_new(r->feed, to, OMN_I32, omn_dim2(rows, length), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows * length; i++)
        ((int32_t *)data)[i] =
            t ? verify_int(t, i / length / times * length + i % length) : (int32_t)(i % length);
    return st;
}

/* Number k of patch n of picture b, channels last. */
static float patch_value(const omn_tensor *t, int64_t P, int64_t b, int64_t n, int64_t k)
{
    const int64_t *d = t->shape.dim;
    if (t->shape.rank == 3) return verify_real(t, (b * d[1] + n) * d[2] + k);
    const int64_t across = d[2] / P, y = n / across * P + k / 3 / P, x = n % across * P + k / 3 % P;
    return verify_real(t, ((b * d[1] + y) * d[2] + x) * 3 + k % 3);
}

static omn_status feed_patches(golden_run *r, int64_t times, verify_sizes *z, omn_error *err)
{
    const int64_t P = uio1_of(r)->patch, each = 3 * P * P;
    const omn_tensor *t = omn_weights_get(r->g->in, "in.image_encoder_inputs");
    const bool whole = t && t->shape.rank == 4;
    void *data = NULL;
    omn_status st = golden_input(r->g, "in.image_encoder_inputs", OMN_F32, whole ? 4 : 3, &t, err);
    if (st != OMN_OK) return st;
    const int64_t *d = t->shape.dim, rows = d[0] * times;
    const int64_t n = whole ? d[1] / P * (d[2] / P) : d[1];
    if ((whole ? d[3] != 3 || d[1] % P || d[2] % P || !n : d[2] != each) || rows != z->rows)
        return omn_fail(err, OMN_ERR_DATA, "%s: in.image_encoder_inputs are no patches of %lld "
                        "pixels", r->g->name, (long long)P);
    st = omn_feed_new(r->feed, "image.patches", OMN_F32, omn_dim3(rows, n, each), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows * n * each; i++)
        ((float *)data)[i] = patch_value(t, P, i / each / n / times, i / each % n, i % each);
    z->lengths[1] = n;
    return st;
}

omn_status verify_inputs(golden_run *r, int64_t times, verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *ids;
    const char *pos = "in.image_encoder_pos_ids";
    *z = (verify_sizes){ .roles = { "text", "image" }, .n_roles = 2 };
    omn_feed_clear(r->feed);
    OMN_TRY(golden_input(r->g, "in.text_encoder_inputs", OMN_I32, 2, &ids, err));
    const int64_t rows = z->rows = ids->shape.dim[0] * times;
    const int64_t L = z->lengths[0] = ids->shape.dim[1];
    OMN_TRY(feed_ints(r, "in.text_encoder_inputs", "text.ids", times, rows, L, err));
    OMN_TRY(feed_ints(r, "in.text_encoder_mask", "text.seg", times, rows, L, err));
    OMN_TRY(feed_ints(r, NULL, "text.pos", times, rows, L, err));
    OMN_TRY(feed_patches(r, times, z, err));
    OMN_TRY(feed_ints(r, "in.image_input_masks", "image.seg", times, rows, z->lengths[1], err));
    OMN_TRY(feed_ints(r, omn_weights_get(r->g->in, pos) ? pos : NULL, "image.pos", times, rows,
                      z->lengths[1], err));
done:
    return st;
}

/* ---- targets --------------------------------------------------------------------------------- */

omn_status verify_target_new(golden_run *r, const char *role, int64_t rows, int64_t length,
                             bool labels, verify_target *out, omn_error *err)
{
    static const char *const ports[] = { "ids", "pos", "seg", "part", "labels", "weight" };
    void *to[6] = { NULL };
    omn_status st = OMN_OK;
    for (int i = 0; i < (labels ? 6 : 4); i++) {
        char name[64];
        snprintf(name, sizeof name, "target.%s.%s", role, ports[i]);
        OMN_TRY(omn_feed_new(r->feed, name, i < 5 ? OMN_I32 : OMN_F32, omn_dim2(rows, length),
                             &to[i], err));
        memset(to[i], 0, (size_t)(rows * length) * 4);
    }
    *out = (verify_target){ to[0], to[1], to[2], to[3], to[4], to[5] };
done:
    return st;
}

/* Tensors of one target in the file; a missing one is NULL. */
typedef struct source {
    const omn_tensor *ids, *labels, *mask, *pos, *part;
} source;

static omn_status find(const golden_run *r, const char *const names[5], source *s, omn_error *err)
{
    const omn_tensor **to[5] = { &s->ids, &s->labels, &s->mask, &s->pos, &s->part };
    for (int i = 0; i < 5; i++) {
        *to[i] = names[i] ? omn_weights_get(r->g->in, names[i]) : NULL;
        if (!*to[i] && i > 2) continue;
        const omn_status st = golden_input(r->g, names[i], OMN_I32, 2, to[i], err);
        if (st != OMN_OK) return st;
        if (!omn_shape_equal(&(*to[i])->shape, &s->ids->shape))
            return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" and \"%s\" differ in shape", r->g->name,
                            names[0], names[i]);
    }
    return OMN_OK;
}

static omn_status feed_target(golden_run *r, verify_sizes *z, bool image, bool labels,
                              omn_error *err)
{
    static const char *const names[2][5] = {
        { "in.text_decoder_inputs", "in.text_decoder_targets", "in.text_decoder_masks",
          "in.text_decoder_positions", "in.text_decoder_segment_ids" },
        { "in.image_decoder_inputs", "in.image_codes", "in.image_target_masks", NULL, NULL }
    };
    source s = { 0 };
    verify_target t;
    const int32_t shift = image ? UIO1_IMAGE_CODES - (int32_t)uio1_of(r)->V : 0;
    omn_status st = find(r, names[image], &s, err);
    if (st != OMN_OK) return st;
    const int64_t B = s.ids->shape.dim[0], T = s.ids->shape.dim[1];
    st = verify_target_new(r, image ? "image" : "text", B, T, labels, &t, err);
    if (st != OMN_OK) return st;
    for (int64_t i = 0; i < B * T; i++) {
        const int32_t on = verify_int(s.mask, i) != 0;
        t.ids[i] = verify_int(s.ids, i) + shift;
        t.pos[i] = s.pos ? verify_int(s.pos, i) : (int32_t)(i % T) + image;
        t.seg[i] = on;
        t.part[i] = s.part ? verify_int(s.part, i) : 1;
        z->n[image] += on;
        if (!labels) continue;
        t.labels[i] = verify_int(s.labels, i) + (image ? UIO1_IMAGE_CODES : 0);
        t.weight[i] = (float)on;
    }
    z->outputs[z->n_outputs] = image ? "image" : "text";
    z->targets[z->n_outputs++] = T;
    return OMN_OK;
}

omn_status verify_targets(golden_run *r, verify_sizes *z, bool labels, omn_error *err)
{
    const omn_status st = feed_target(r, z, false, labels, err);
    return st == OMN_OK ? feed_target(r, z, true, labels, err) : st;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The original's loss is the mean over the places of both targets. */
static void whole(void *user, omn_scope *s, omn_bundle *out)
{
    const verify_sizes *z = user;
    const double all = z->n[0] + z->n[1] > 0 ? z->n[0] + z->n[1] : 1;
    omn_node *sum = omn_add(s, omn_scale(s, omn_bundle_get(out, s, "loss.text"), z->n[0] / all, 0),
                            omn_scale(s, omn_bundle_get(out, s, "loss.image"), z->n[1] / all, 0));
    omn_bundle_replace(out, s, "loss", sum);
}

omn_status verify_run(golden_run *r, omn_phase phase, const verify_sizes *z, bool labels,
                      bool noised, omn_error *err)
{
    verify_sizes own = *z;
    const omn_graph_sizes g = { OMN_FILL(omn_graph_sizes),
                                .phase = phase,
                                .rows = z->rows,
                                .roles = z->roles,
                                .lengths = z->lengths,
                                .n_roles = z->n_roles,
                                .outputs = phase == OMN_TEACH ? z->outputs : NULL,
                                .target_lengths = phase == OMN_TEACH ? z->targets : NULL,
                                .n_outputs = phase == OMN_TEACH ? z->n_outputs : 0,
                                .labels = labels,
                                .noised = noised,
                                .extend = labels && z->n_outputs == 2 ? whole : NULL,
                                .extend_user = &own };
    return golden_run_graph(r, &g, err);
}

omn_status verify_put_codes(golden_run *r, const char *stage, const float *x, int64_t rows,
                            int64_t places, omn_error *err)
{
    const int64_t C = uio1_of(r)->C, V = C + UIO1_IMAGE_CODES;
    void *data = NULL;
    const omn_shape shape = places ? omn_dim3(rows, places, C) : omn_dim2(rows, C);
    const omn_status st = golden_put_new(r, stage, OMN_F32, shape, &data, err);
    const int64_t n = rows * (places ? places : 1);
    for (int64_t i = 0; st == OMN_OK && i < n; i++)
        memcpy((float *)data + i * C, x + i * V + UIO1_IMAGE_CODES, (size_t)C * sizeof *x);
    return st;
}
