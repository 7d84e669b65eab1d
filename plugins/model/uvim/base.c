/* SPDX-License-Identifier: Apache-2.0 */
/* The base model and its restricted oracle (Kolesnikov et al. 2022, section 3.1). The oracle sees
 * the map that is wanted, in the published models the picture too, and may say a short code about
 * it, each word the nearest of a dictionary (van den Oord et al. 2017); the base model draws the
 * map from the picture and that code. Both are learnt at once: the gradient passes straight through
 * the choice of a word. */
#include "uvim.h"

#include <math.h>

/* Numbers of a map's pixels [B,N,P] as places in a table of `levels` rows for each of P pixels. */
static omn_node *rows_of(omn_scope *s, omn_node *labels)
{
    const int64_t P = omn_node_dim(labels, 2);
    float *own = omn_arena_alloc(omn_scope_arena(s), (size_t)P, sizeof *own);
    if (!own) return omn_scope_fail(s, OMN_ERR_MEMORY, "uvim: out of memory");
    for (int64_t i = 0; i < P; i++) own[i] = (float)i;
    omn_node *x = omn_scale(s, omn_cast(s, labels, OMN_F32), (double)P, 0);
    return omn_cast(s, omn_add(s, x, omn_const(s, OMN_F32, omn_dim1(P), own)), OMN_I32);
}

/* What a linear layer makes of a map whose pixels are one-hot: the sum of a row for each. */
static omn_node *embed_map(const uvim *u, omn_scope *s, int map, omn_node *labels)
{
    char path[64];
    const int64_t P = u->patch * u->patch, K = u->levels[map], D = u->width;
    omn_format(path, sizeof path, "base/embedding_%s", u->maps[map]);
    omn_node *table = uvim_weight(s, path, "kernel", omn_dim3(K, P, D), OMN_INIT_NORMAL,
                                  1 / sqrt((double)P));
    omn_node *b = uvim_weight(s, path, "bias", omn_dim1(D), OMN_INIT_ZERO, 0);
    omn_node *x = omn_embedding(s, omn_reshape(s, table, omn_dim2(K * P, D)), rows_of(s, labels));
    return omn_add(s, omn_sum(s, x, 1u << 2, false, false), b);
}

static omn_node *embed_picture(const uvim *u, omn_scope *s, const char *path, omn_node *patches,
                               int64_t D)
{
    const int64_t P = u->patch, in = 3 * P * P;
    omn_node *w = uvim_weight(s, path, "kernel", omn_dim4(P, P, 3, D), OMN_INIT_NORMAL,
                              1 / sqrt((double)in));
    omn_node *b = uvim_weight(s, path, "bias", omn_dim1(D), OMN_INIT_ZERO, 0);
    return omn_linear_in_out(s, patches, omn_reshape(s, w, omn_dim2(in, D)), b, OMN_ACT_NONE);
}

/* Linear interpolation between square grids of `from` and `to` places, as a matrix [from,to]. */
static omn_node *resize(omn_scope *s, int64_t from, int64_t to)
{
    const int64_t a = llround(sqrt((double)from)), b = llround(sqrt((double)to));
    float *one = omn_arena_alloc(omn_scope_arena(s), (size_t)(a * b), sizeof *one);
    float *all = omn_arena_alloc(omn_scope_arena(s), (size_t)(from * to), sizeof *all);
    if (!one || !all) return omn_scope_fail(s, OMN_ERR_MEMORY, "uvim: out of memory");
    omn_interp_matrix((size_t)a, (size_t)b, OMN_INTERP_BILINEAR, 0, true, one);
    for (int64_t i = 0; i < from; i++)
        for (int64_t j = 0; j < to; j++)
            all[i * to + j] = one[j / b * a + i / a] * one[j % b * a + i % a];
    return omn_const(s, OMN_F32, omn_dim2(from, to), all);
}

/* Places of x [B,from,D] mixed to `to` others. */
static omn_node *mix(const uvim *u, omn_scope *s, const char *name, omn_node *x, int64_t to)
{
    static const int turn[] = { 0, 2, 1 };
    const int64_t from = omn_node_dim(x, 1);
    omn_node *w = u->resize ? resize(s, from, to)
                            : omn_weight(s, name, omn_dim2(from, to), OMN_INIT_NORMAL,
                                         sqrt(2 / (double)(from + to)));
    x = omn_matmul(s, omn_permute(s, x, turn), w, false, false, 1);
    return omn_permute(s, x, turn);
}

omn_node *uvim_oracle(const uvim *u, omn_scope *s, omn_node *labels, omn_node *patches)
{
    const int64_t P = u->patch * u->patch;
    omn_node *x = NULL;
    for (int i = 0; i < u->n_maps; i++) {
        omn_node *one = embed_map(u, s, i, omn_slice(s, labels, 2, i * P, P));
        x = x ? omn_add(s, x, one) : one;
    }
    if (u->context)
        x = omn_add(s, x, embed_picture(u, s, "base/ctx_enc_embedding", patches, u->width));
    x = uvim_places(s, "base/pos_embedding_encoder", x);
    x = uvim_layers(s, "base/encoder", u->enc, u->heads, u->mlp, x);
    x = mix(u, s, "/base/bottleneck_downsample", x, u->code_len);
    x = uvim_dense(s, "base/encoder_head", x, u->codeword);
    return omn_node_tag(s, omn_layer_norm(s, x, NULL, NULL, 1e-5), "bottleneck");
}

omn_node *uvim_words(const uvim *u, omn_scope *s)
{
    omn_node *w = omn_weight(s, "/base/dictionary", omn_dim2(u->dict, u->codeword),
                             OMN_INIT_NORMAL, 1);
    return omn_l2_norm(s, w, 1e-12);
}

void uvim_base(const uvim *u, omn_scope *s, omn_node *words, omn_node *patches,
               omn_node *scores[UVIM_MOST_MAPS])
{
    static const int turn[] = { 0, 1, 3, 2 };
    const int64_t B = omn_node_dim(patches, 0), P = u->patch * u->patch;
    omn_node *x = uvim_dense(s, "base/decoder_stem", words, u->width);
    x = mix(u, s, "/base/bottleneck_upsample", x, u->places);
    x = omn_add(s, x, embed_picture(u, s, "base/ctx_dec_embedding", patches, u->width));
    x = uvim_places(s, "base/pos_embedding_decoder", x);
    x = uvim_layers(s, "base/decoder", u->dec, u->heads, u->mlp, x);
    for (int i = 0; i < u->n_maps; i++) {
        char path[64];
        const int64_t K = u->levels[i];
        omn_format(path, sizeof path, "base/head_%s", u->maps[i]);
        omn_node *w = uvim_weight(s, path, "kernel", omn_dim3(u->width, K, P), OMN_INIT_NORMAL,
                                  1 / sqrt((double)u->width));
        omn_node *b = uvim_weight(s, path, "bias", omn_dim2(K, P), OMN_INIT_ZERO, 0);
        omn_node *y = omn_linear_in_out(s, x, omn_reshape(s, w, omn_dim2(u->width, K * P)),
                                        omn_reshape(s, b, omn_dim1(K * P)), OMN_ACT_NONE);
        y = omn_reshape(s, y, omn_dim4(B, u->places, K, P));
        scores[i] = omn_permute(s, y, turn);
    }
}

void uvim_teach(const uvim *u, omn_scope *s, const omn_bundle *picture, const omn_bundle *map,
                omn_bundle *out)
{
    const int64_t P = u->patch * u->patch;
    omn_node *scores[UVIM_MOST_MAPS] = { NULL }, *labels = omn_bundle_get(map, s, "labels");
    omn_node *keep = omn_bundle_get(map, s, "keep"), *words = uvim_words(u, s);
    omn_node *patches = omn_bundle_get(picture, s, "patches");
    omn_node *x = uvim_oracle(u, s, labels, patches);
    omn_node *code = omn_node_tag(s, omn_vector_quantise(s, x, words), "code");
    omn_node *off = omn_add(s, omn_embedding(s, words, code), omn_scale(s, x, -1, 0));
    x = omn_add(s, x, omn_stop_gradient(s, off));
    keep = omn_reshape(s, keep, omn_dim3(omn_node_dim(x, 0), u->code_len, 1));
    uvim_base(u, s, omn_mul(s, x, keep), patches, scores);
    for (int i = 0; i < u->n_maps; i++) {
        char name[64];
        omn_format(name, sizeof name, "logits.%s", u->maps[i]);
        omn_bundle_put(out, s, name, scores[i]);
        omn_format(name, sizeof name, "labels.%s", u->maps[i]);
        omn_bundle_put(out, s, name, omn_slice(s, labels, 2, i * P, P));
    }
    omn_bundle_put(out, s, "off.code", off);
}

void uvim_draw(const uvim *u, omn_scope *s, const omn_bundle *picture, const omn_bundle *map,
               const omn_bundle *guide, omn_bundle *out)
{
    const int64_t P = u->patch * u->patch;
    omn_node *scores[UVIM_MOST_MAPS] = { NULL }, *maps[UVIM_MOST_MAPS], *x;
    omn_node *patches = omn_bundle_get(picture, s, "patches");
    const int64_t B = omn_node_dim(patches, 0);
    omn_node *words = uvim_words(u, s), *ids = guide ? omn_bundle_get(guide, s, "ids") : NULL;
    if (!guide)
        ids = omn_vector_quantise(s, uvim_oracle(u, s, omn_bundle_get(map, s, "labels"), patches),
                                  words);
    x = omn_embedding(s, words, ids);
    uvim_base(u, s, x, patches, scores);
    for (int i = 0; i < u->n_maps; i++) {     /* the middle of the likeliest of its values */
        omn_node_tag(s, scores[i], "scores.%s", u->maps[i]);
        x = omn_cast(s, omn_argmax(s, scores[i]), OMN_F32);
        x = omn_scale(s, x, 1 / (double)u->levels[i], 0.5 / (double)u->levels[i]);
        maps[i] = omn_reshape(s, x, omn_dim4(B, u->places, P, 1));
    }
    x = omn_concat(s, maps, (size_t)u->n_maps, 3);
    omn_bundle_put(out, s, "tokens.map", omn_reshape(s, x, omn_dim3(B, u->places, P * u->n_maps)));
    int32_t *seg = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * u->places), sizeof *seg);
    if (!seg) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "uvim: out of memory");
        return;
    }
    for (int64_t i = 0; i < B * u->places; i++) seg[i] = 1;
    omn_bundle_put(out, s, "seg.map", omn_const(s, OMN_I32, omn_dim2(B, u->places), seg));
}
