/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a ViT-VQGAN (Yu et al. 2022) over spectrograms: squares of patch x patch cells
 * are tokens of a transformer, which become vectors of a codebook, and back. Inside, tokens lie as
 * the original has them, all frames of the lowest bands first. Vectors and entries are compared and
 * handed on with length 1. */
#include "vitvqgan.h"

#include <math.h>

/* One way through: which transformer, and where its weights lie. */
typedef struct net {
    const vitvqgan_self *v;
    omn_scope *s;                         /* "encoder" or "decoder" */
    int layers, mlp, heads, head_width;
} net;

static omn_scope *inside(const vitvqgan_self *v, omn_scope *s)
{
    return v->p->inner[0] ? omn_scope_at(s, "%s", v->p->inner) : s;
}

static omn_node *matrix(omn_scope *s, int64_t out, int64_t in)
{
    return omn_weight(s, "weight", omn_dim2(out, in), OMN_INIT_FAN_IN, 1);
}

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0);
}

static omn_node *norm(omn_scope *s, omn_node *x)
{
    const int64_t D = omn_node_dim(x, -1);
    return omn_layer_norm(s, x, vector(s, "weight", D, OMN_INIT_ONE),
                          vector(s, "bias", D, OMN_INIT_ZERO), 1e-6);
}

/* Where a token lies: sines and cosines of its column, then of its row, a quarter of the width
 * each. */
static omn_node *places(const net *n)
{
    const size_t D = (size_t)n->v->p->width, q = D / 4;
    const size_t rows = (size_t)n->v->rows, columns = (size_t)n->v->columns;
    float *t = omn_arena_alloc(omn_scope_arena(n->s), rows * columns, D * sizeof *t);
    if (!t) return omn_scope_fail(n->s, OMN_ERR_MEMORY, "audio.vitvqgan: out of memory");
    for (size_t i = 0; i < rows * columns; i++)
        for (size_t k = 0; k < q; k++) {
            const double w = pow(10000, -(double)k / (double)q);
            const double c = (double)(i % columns) * w, r = (double)(i / columns) * w;
            t[i * D + k] = (float)sin(c);
            t[i * D + q + k] = (float)cos(c);
            t[i * D + 2 * q + k] = (float)sin(r);
            t[i * D + 3 * q + k] = (float)cos(r);
        }
    return omn_const(n->s, OMN_F32, omn_dim2((int64_t)(rows * columns), (int64_t)D), t);
}

static omn_node *block(const net *n, omn_scope *s, omn_node *x)
{
    const int64_t D = omn_node_dim(x, -1), inner = (int64_t)n->heads * n->head_width;
    omn_scope *at = omn_scope_at(s, "attn"), *f = omn_scope_at(s, "mlp");
    omn_scope *f1 = omn_scope_at(f, "fc1"), *f2 = omn_scope_at(f, "fc2");
    const omn_attn a = { OMN_FILL(omn_attn),
                         .heads = (uint32_t)n->heads,
                         .head_width = (uint32_t)n->head_width,
                         .wq = matrix(omn_scope_at(at, "query"), inner, D),
                         .wk = matrix(omn_scope_at(at, "key"), inner, D),
                         .wv = matrix(omn_scope_at(at, "value"), inner, D),
                         .wo = matrix(omn_scope_at(at, "out"), D, inner) };
    const omn_ffn ffn = { OMN_FILL(omn_ffn), .act = OMN_ACT_RELU,
                          .w_in = matrix(f1, n->mlp, D),
                          .b_in = vector(f1, "bias", n->mlp, OMN_INIT_ZERO),
                          .w_out = matrix(f2, D, n->mlp),
                          .b_out = vector(f2, "bias", D, OMN_INIT_ZERO) };
    omn_node *y = norm(omn_scope_at(s, "ln_1"), x);
    x = omn_add(s, x, omn_attention(at, &a, y, y));
    return omn_add(s, x, omn_feed_forward(f, &ffn, norm(omn_scope_at(s, "ln_2"), x)));
}

static omn_node *transformer(const net *n, omn_node *x)
{
    omn_scope *t = omn_scope_at(n->s, "transformer");
    x = omn_add(n->s, x, places(n));
    for (int i = 0; i < n->layers && x; i++) {
        omn_scope *s = omn_scope_at(t, "encoderblock_%d", i);
        x = omn_node_tag(t, block(n, s, x), "encoderblock_%d", i);
    }
    return omn_node_tag(n->s, norm(omn_scope_at(t, "encoder_norm"), x), "transformer");
}

/* Tokens [B, L, D] from one order to the other: L is a x b, then b x a. */
static omn_node *turned(omn_scope *s, omn_node *x, int64_t a, int64_t b)
{
    static const int axes[] = { 0, 2, 1, 3 };
    const int64_t B = omn_node_dim(x, 0), D = omn_node_dim(x, -1);
    x = omn_permute(s, omn_reshape(s, x, omn_dim4(B, a, b, D)), axes);
    return omn_reshape(s, x, omn_dim3(B, a * b, D));
}

/* Entries of length 1, [codes, embed]. */
static omn_node *book(const vitvqgan_self *v, omn_scope *s)
{
    const bool corners = v->p->book == BOOK_CORNERS;
    omn_node *w = omn_weight(s, "quantize.embedding.weight", omn_dim2(v->p->codes, v->p->embed),
                             corners ? OMN_INIT_GRID : OMN_INIT_NORMAL, corners ? 2 : 1);
    return omn_l2_norm(s, omn_cast(s, w, OMN_F32), 1e-12);
}

omn_node *vitvqgan_vectors(const vitvqgan_self *v, omn_scope *s, omn_node *x)
{
    static const int cells[] = { 0, 3, 1, 4, 2 }; /* t, frame, m, band -> m, t, band, frame */
    const struct vitvqgan *p = v->p;
    omn_scope *top = inside(v, s);
    const net n = { v, omn_scope_at(top, "encoder"), p->encoder_layers, p->encoder_mlp,
                    p->encoder_heads, p->encoder_head_width };
    const int64_t B = omn_node_dim(x, 0), P = p->patch, L = v->codes.count;
    omn_scope *e = omn_scope_at(n.s, "embedding"), *last = omn_scope_at(n.s, "encoder_norm");
    x = omn_reshape(n.s, x, omn_dim5(B, v->columns, P, v->rows, P));
    x = omn_reshape(n.s, omn_permute(n.s, x, cells), omn_dim3(B, L, P * P));
    x = omn_node_tag(top, x, "patches");
    x = omn_linear(e, x, matrix(e, p->width, P * P), vector(e, "bias", p->width, OMN_INIT_ZERO),
                   OMN_ACT_NONE);
    x = transformer(&n, omn_node_tag(n.s, x, "embedding"));
    x = omn_activate(n.s, x, OMN_ACT_RELU);
    x = omn_linear(n.s, x, matrix(omn_scope_at(n.s, "encoder_proj"), p->embed, p->width), NULL,
                   OMN_ACT_NONE);
    x = omn_node_tag(n.s, x, "encoder_proj");
    x = omn_layer_norm(last, x, NULL, NULL, 1e-6); /* a bias and no weight */
    x = omn_add(last, x, vector(last, "bias", p->embed, OMN_INIT_ZERO));
    x = omn_node_tag(n.s, x, "encoder_norm");
    if (p->order == ORDER_TIME) x = turned(top, x, v->rows, v->columns);
    return omn_l2_norm(top, x, 1e-12);
}

omn_node *vitvqgan_tokenize(const void *self, omn_scope *s, const omn_bundle *in)
{
    const vitvqgan_self *v = self;
    omn_node *x = vitvqgan_vectors(v, s, omn_bundle_get(in, s, "spectrogram"));
    omn_scope *top = inside(v, s);
    return omn_vector_quantise(top, x, book(v, top));
}

omn_node *vitvqgan_entries(const vitvqgan_self *v, omn_scope *s, omn_node *x)
{
    omn_scope *top = inside(v, s);
    omn_node *entries = book(v, top);
    return omn_embedding(top, entries, omn_vector_quantise(top, x, entries));
}

/* One linear layer makes the cells of each token: a transposed convolution whose windows do not
 * meet. */
static omn_node *cells_of(const net *n, omn_node *x)
{
    static const int cells[] = { 0, 2, 4, 1, 3 }; /* m, t, band, frame -> t, frame, m, band */
    const vitvqgan_self *v = n->v;
    const int64_t B = omn_node_dim(x, 0), P = v->p->patch, D = omn_node_dim(x, -1);
    omn_scope *s = omn_scope_at(n->s, "conv_transpose");
    omn_node *w = omn_weight(s, "weight", omn_dim4(D, 1, P, P), OMN_INIT_FAN_IN, 1);
    w = omn_reshape(s, omn_cast(s, w, OMN_F32), omn_dim2(D, P * P));
    x = omn_linear_in_out(s, x, w, NULL, OMN_ACT_NONE);
    x = omn_permute(s, omn_reshape(s, x, omn_dim5(B, v->rows, v->columns, P, P)), cells);
    return omn_reshape(s, x, omn_dim3(B, v->p->frames, v->p->bands));
}

omn_node *vitvqgan_spectrogram(const vitvqgan_self *v, omn_scope *s, omn_node *x)
{
    const struct vitvqgan *p = v->p;
    omn_scope *top = inside(v, s);
    const net n = { v, omn_scope_at(top, "decoder"), p->decoder_layers, p->decoder_mlp,
                    p->decoder_heads, p->decoder_head_width };
    if (p->order == ORDER_TIME) x = turned(top, x, v->columns, v->rows);
    x = omn_node_tag(top, x, "quantized");
    x = omn_linear(n.s, x, matrix(omn_scope_at(n.s, "decoder_proj"), p->width, p->embed), NULL,
                   OMN_ACT_NONE);
    x = transformer(&n, omn_node_tag(n.s, x, "decoder_proj"));
    return omn_node_tag(top, cells_of(&n, x), "spectrogram");
}

void vitvqgan_detokenize(const void *self, omn_scope *s, omn_node *codes, omn_bundle *out)
{
    const vitvqgan_self *v = self;
    const struct vitvqgan *p = v->p;
    omn_scope *top = inside(v, s);
    const omn_shape is = omn_node_shape(codes);
    if (codes && (is.rank != 2 || is.dim[1] != v->codes.count)) {
        omn_scope_fail(s, OMN_ERR_SHAPE, "audio.vitvqgan: %lld codes; a sound has %d",
                       (long long)omn_node_dim(codes, -1), v->codes.count);
        return;
    }
    omn_node *x = vitvqgan_spectrogram(v, s, omn_embedding(top, book(v, top), codes));
    if (!p->vocoder[0]) {
        omn_bundle_put(out, s, "spectrogram", x);
        return;
    }
    x = omn_scale(s, x, VITVQGAN_DEVIATION, VITVQGAN_MEAN);
    omn_bundle_put(out, s, "samples",
                   hifigan_build(omn_scope_at(s, "%s", p->vocoder), x, p->vocoder_width));
}
