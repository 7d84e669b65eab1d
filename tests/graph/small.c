/* SPDX-License-Identifier: Apache-2.0 */
/* The small encoder-decoder: convolution stem, encoder with q/k norms, decoder with
 * cross-attention, tied table, cross-entropy. */
#include "small.h"

static omn_node *t(const small *m, omn_scope *s, omn_node *x)
{
    return m->tag_all ? omn_node_tag(s, x, "node_%p", (void *)x) : x;
}

static omn_node *weight(omn_scope *s, const char *name, omn_shape shape)
{
    return omn_weight(s, name, shape, OMN_INIT_FAN_IN, 1);
}

static omn_node *norm(const small *m, omn_scope *s, const char *name, omn_node *x)
{
    const omn_shape shape = omn_dim1(omn_node_dim(x, -1));
    return t(m, s, omn_rms_norm(s, x, omn_weight(s, name, shape, OMN_INIT_ONE, 0), 1e-6));
}

static omn_node *heads(const small *m, omn_scope *s, const char *name, omn_node *x, bool normed)
{
    const int64_t K = m->width / m->heads;
    x = t(m, s,
          omn_linear(s, x, weight(s, name, omn_dim2(m->width, m->width)), NULL, OMN_ACT_NONE));
    x = omn_reshape(s, x, omn_dim4(m->batch, -1, m->heads, K));
    return normed ? norm(m, omn_scope_at(s, "%s_norm", name), "scale", x) : x;
}

static omn_node *attend(const small *m, omn_scope *s, omn_node *x, omn_node *y, bool causal,
                        omn_node *x_seg, omn_node *y_seg)
{
    const omn_attend how = { OMN_FILL(omn_attend), .causal = causal, .q_seg = x_seg,
                             .k_seg = y_seg };
    omn_node *o = omn_attend_build(s, heads(m, s, "query", x, true), heads(m, s, "key", y, true),
                                   heads(m, s, "value", y, false), &how);
    o = omn_reshape(s, t(m, s, o), omn_dim3(m->batch, -1, m->width));
    return t(m, s,
             omn_linear(s, o, weight(s, "out", omn_dim2(m->width, m->width)), NULL, OMN_ACT_NONE));
}

static omn_node *feed_forward(const small *m, omn_scope *s, omn_node *x)
{
    const omn_shape up = omn_dim2(m->hidden, m->width), down = omn_dim2(m->width, m->hidden);
    omn_node *y = norm(m, s, "pre_mlp_norm", x);
    omn_node *a = t(m, s, omn_linear(s, y, weight(s, "wi_0", up), NULL, OMN_ACT_NONE));
    omn_node *b = t(m, s, omn_linear(s, y, weight(s, "wi_1", up), NULL, OMN_ACT_NONE));
    y = t(m, s, omn_glu(s, a, b, OMN_ACT_SILU));
    y = t(m, s, omn_linear(s, y, weight(s, "wo", down), NULL, OMN_ACT_NONE));
    return t(m, s, omn_add(s, x, y));
}

static omn_node *stem(const small *m, omn_scope *s)
{
    omn_node *x = omn_input(s, "image", OMN_F32, omn_dim4(m->batch, m->size, m->size, 3));
    const omn_conv how = { 2, 2, 1, 1, 1, 1 };
    int64_t width = m->width / 4;
    for (int i = 0; i < 3; i++, width *= 2) {
        omn_scope *c = omn_scope_at(s, "conv_%d", i);
        const omn_shape shape = omn_dim4(width, omn_node_dim(x, -1), 3, 3);
        x = t(m, s,
              omn_conv2d(c, x, weight(c, "weight", shape),
                         omn_weight(c, "bias", omn_dim1(width), OMN_INIT_ZERO, 0), &how,
                         OMN_ACT_SILU));
    }
    return omn_reshape(s, x, omn_dim3(m->batch, -1, m->width));
}

void small_build(void *user, omn_scope *s, omn_bundle *out)
{
    const small *m = user;
    const omn_shape words = omn_dim2(m->batch, m->tokens);
    omn_node *table =
        omn_weight(s, "table", omn_dim2(m->vocabulary, m->width), OMN_INIT_NORMAL, 0.5);
    omn_node *tokens = omn_input(s, "tokens", OMN_I32, words);
    omn_node *seg = omn_input(s, "seg", OMN_I32, words), *each;
    omn_node *x = t(m, s,
                    omn_add(s, stem(m, omn_scope_at(s, "stem")),
                            omn_weight(s, "modality", omn_dim1(m->width), OMN_INIT_NORMAL, 0.1)));
    for (int i = 0; i < m->encoders; i++) {
        omn_scope *l = omn_scope_at(s, "encoder.layers_%d", i);
        omn_node *y = norm(m, l, "pre_attention_norm", x);
        x = t(m, l, omn_add(l, x, attend(m, l, y, y, false, NULL, NULL)));
        x = feed_forward(m, l, x);
    }
    omn_node *memory = norm(m, s, "encoder_norm", x);
    x = t(m, s, omn_embedding(s, table, tokens));
    for (int i = 0; i < m->decoders; i++) {
        omn_scope *l = omn_scope_at(s, "decoder.layers_%d", i), *c = omn_scope_at(l, "cross");
        omn_node *y = norm(m, l, "pre_attention_norm", x);
        x = t(m, l, omn_add(l, x, attend(m, l, y, y, true, seg, seg)));
        y = norm(m, c, "pre_attention_norm", x);
        x = t(m, l, omn_add(c, x, attend(m, c, y, memory, false, NULL, NULL)));
        x = feed_forward(m, l, x);
    }
    x = t(m, s, omn_linear(s, norm(m, s, "decoder_norm", x), table, NULL, OMN_ACT_NONE));
    x = t(m, s, omn_scale(s, x, 0.25, 0));
    const omn_ce how = { OMN_FILL(omn_ce), .z_loss = 1e-4 };
    x = omn_cross_entropy(s, x, omn_input(s, "labels", OMN_I32, words),
                          omn_input(s, "weight", OMN_F32, words), &how, &each);
    omn_bundle_put(out, s, "loss", x);
    omn_bundle_put(out, s, "each", each);
}
