/* SPDX-License-Identifier: Apache-2.0 */
/* Stages of OFA's golden files from what a graph tagged. Those that all rows share were recorded
 * for each row; heads lie apart here and side by side there; what comes out of convolutions is
 * turned. */
#include "verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A stage of layer 0 by the name of its tag, below the layer. */
static const struct { const char *stage, *tag; } inside[] = {
    { "self_attn_layer_norm", "self_in" },  { "attn_ln", "self_after" },
    { "self_attn_ln", "self_after" },       { "encoder_attn_layer_norm", "cross_in" },
    { "cross_attn_ln", "cross_after" },     { "final_layer_norm", "ffn_in" },
    { "fc1", "fc1" },                       { "ffn_layernorm", "ffn_inner" },
    { "fc2", "fc2" },                       { "self.q", "self_attn.q_norm" },
    { "self.k", "self_attn.k_norm" },       { "self.v", "self_attn.v" },
    { "self.heads", "self_attn.heads" },    { "self.out", "self_attn.projected" },
    { "cross.q", "encoder_attn.q_norm" },   { "cross.k", "encoder_attn.k_norm" },
    { "cross.v", "encoder_attn.v" },        { "cross.heads", "encoder_attn.heads" },
    { "cross.out", "encoder_attn.projected" },
};

static bool tag_of(const verify *v, const char *stage, char out[128])
{
    const bool encoder = golden_starts(stage, "enc.");
    const char *in = strlen(stage) > 11 && golden_starts(stage + 4, "layer0.") ? stage + 11 : NULL;
    omn_format(out, 128, "%s", stage);
    if (golden_starts(stage, "resnet.")) omn_format(out, 128, "encoder.embed_images.%s", stage + 7);
    if (!strcmp(stage, "enc.bias_last"))
        omn_format(out, 128, "enc.bias%lld", (long long)v->encoder_layers - 1);
    if (!strcmp(stage, "dec.self_bias_last"))
        omn_format(out, 128, "dec.self_bias%lld", (long long)v->decoder_layers - 1);
    for (size_t i = 0; in && i < sizeof inside / sizeof *inside; i++)
        if (!strcmp(in, inside[i].stage))
            omn_format(out, 128, "%s.layers.0.%s", encoder ? "encoder" : "decoder", inside[i].tag);
    return true;
}

/* Copied as often as the stage has rows. */
static omn_status put_rows(golden_run *r, const char *stage, const omn_tensor *t,
                           const omn_tensor *want, omn_error *err)
{
    void *data = NULL;
    const bool shared = t->shape.dim[0] == 1 && want->shape.rank == t->shape.rank;
    const int64_t rows = shared ? want->shape.dim[0] : 1;
    omn_shape shape = t->shape;
    if (shared) shape.dim[0] = rows;
    if (t->shape.rank == 4 && want->shape.rank == 3)         /* heads */
        shape = omn_dim3(t->shape.dim[0], t->shape.dim[1], t->shape.dim[2] * t->shape.dim[3]);
    const omn_status st = omn_feed_new(r->made, stage, t->type, shape, &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows; i++)
        memcpy((char *)data + (size_t)i * t->bytes, t->data, t->bytes);
    if (st == OMN_OK && golden_ends(stage, ".q")) {          /* recorded with its scale */
        const double scale = pow((double)t->shape.dim[3] * ofa_of(r)->factor, -0.5);
        for (size_t i = 0; i < t->bytes / sizeof(float); i++) ((float *)data)[i] *= (float)scale;
    }
    return st;
}

/* [B,h,w,C] as [B,C,h,w]. */
static omn_status put_turned(golden_run *r, const char *stage, const omn_tensor *t, omn_error *err)
{
    void *data = NULL;
    const int64_t *d = t->shape.dim, plane = d[1] * d[2];
    const omn_status st = omn_feed_new(r->made, stage, OMN_F32, omn_dim4(d[0], d[3], d[1], d[2]),
                                       &data, err);
    for (int64_t i = 0; st == OMN_OK && i < d[0] * plane * d[3]; i++) {
        const int64_t b = i / (plane * d[3]), c = i / plane % d[3], at = i % plane;
        ((float *)data)[i] = ((const float *)t->data)[(b * plane + at) * d[3] + c];
    }
    return st;
}

/* 1 where nothing stands. */
static omn_status put_padding(golden_run *r, omn_error *err)
{
    omn_tensor t;
    void *data = NULL;
    if (!golden_output(r, "enc.seg", &t)) return OMN_OK;
    const omn_status st = omn_feed_new(r->made, "enc.padding", OMN_I32, t.shape, &data, err);
    for (size_t i = 0; st == OMN_OK && i < t.bytes / sizeof(int32_t); i++)
        ((int32_t *)data)[i] = ((const int32_t *)t.data)[i] == 0;
    return st;
}

omn_status verify_collect(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->g->file;
    OMN_TRY(put_padding(r, err));
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        char tag[128];
        omn_tensor t;
        const char *stage = omn_weights_name(w, i);
        if (!golden_starts(stage, "out.")) continue;
        stage += 4;
        if (omn_feed_get(r->made, stage) || !tag_of(ofa_of(r), stage, tag)) continue;
        if (!strcmp(stage, "logits")) omn_format(tag, sizeof tag, "logits.text");
        if (!golden_output(r, tag, &t)) continue;
        const omn_tensor *want = omn_weights_at(w, i);
        OMN_TRY(golden_starts(stage, "resnet.") ? put_turned(r, stage, &t, err)
                                                : put_rows(r, stage, &t, want, err));
    }
done:
    return st;
}
