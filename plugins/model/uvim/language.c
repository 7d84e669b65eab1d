/* SPDX-License-Identifier: Apache-2.0 */
/* The language model of the code (Kolesnikov et al. 2022, section 3.2): a vision transformer, and a
 * decoder that looks at it and writes the words of the code one by one. */
#include "uvim.h"

#include <math.h>

enum { MOST_NAME = 160 };

omn_node *uvim_see(const uvim *u, omn_scope *s, const omn_bundle *picture)
{
    const int64_t P = u->patch, in = 3 * P * P, D = u->lm_width;
    omn_node *w = uvim_weight(s, "lm/EmbedPatches", "kernel", omn_dim4(P, P, 3, D),
                              OMN_INIT_NORMAL, 1 / sqrt((double)in));
    omn_node *b = uvim_weight(s, "lm/EmbedPatches", "bias", omn_dim1(D), OMN_INIT_ZERO, 0);
    omn_node *x = omn_linear_in_out(s, omn_bundle_get(picture, s, "patches"),
                                    omn_reshape(s, w, omn_dim2(in, D)), b, OMN_ACT_NONE);
    x = uvim_places(s, "lm/pos_embedding_encoder", x);
    return uvim_layers(s, "lm/encoder", u->lm_layers, u->lm_heads, u->lm_mlp, x);
}

/* Keys and values of the picture, of one layer. */
static void of_picture(const uvim *u, omn_scope *s, int64_t layer, omn_node *seen, omn_node *kv[2])
{
    char at[MOST_NAME];
    omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/CrossAttn", (int)layer);
    kv[0] = uvim_heads(s, at, "key", seen, u->lm_heads, false);
    kv[1] = uvim_heads(s, at, "value", seen, u->lm_heads, false);
}

static omn_state *cache(const uvim *u, omn_scope *s, int64_t layer, const char *name, int64_t rows,
                        int64_t places)
{
    omn_scope *at = omn_scope_at(s, "layer_%d", (int)layer);
    return omn_cache_at(at, name, rows, places, u->lm_heads, u->lm_width / u->lm_heads);
}

void uvim_remember(const uvim *u, omn_scope *s, omn_node *seen)
{
    const int64_t R = omn_node_dim(seen, 0), L = omn_node_dim(seen, 1);
    for (int64_t i = 0; i < u->lm_layers; i++) {
        omn_node *kv[2];
        of_picture(u, s, i, seen, kv);
        omn_state_write(s, cache(u, s, i, "memory_key", R, L), kv[0]);
        omn_state_write(s, cache(u, s, i, "memory_value", R, L), kv[1]);
    }
}

static omn_node *say(const uvim *u, omn_scope *s, const omn_build *rq, int64_t layer, omn_node *x)
{
    const omn_target *t = rq->targets[0];
    char at[MOST_NAME];
    omn_attend how = { OMN_FILL(omn_attend), .causal = true };
    omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/SelfAttn", (int)layer);
    omn_node *q = uvim_heads(s, at, "query", x, u->lm_heads, false);
    omn_node *k = uvim_heads(s, at, "key", x, u->lm_heads, false);
    omn_node *v = uvim_heads(s, at, "value", x, u->lm_heads, false);
    if (rq->phase == OMN_STEP) {
        how.q_start = rq->start;
        k = omn_state_append(s, cache(u, s, layer, "key", rq->rows, rq->capacity), k, rq->start);
        v = omn_state_append(s, cache(u, s, layer, "value", rq->rows, rq->capacity), v,
                             rq->start);
    } else {
        how.q_seg = how.k_seg = t->seg;
        how.q_part = how.k_part = t->part_of;
    }
    return uvim_join(s, at, omn_attend_build(s, q, k, v, &how), false);
}

static omn_node *look(const uvim *u, omn_scope *s, const omn_build *rq, int64_t layer,
                      omn_node *seen, omn_node *x)
{
    char at[MOST_NAME];
    const omn_attend how = { OMN_FILL(omn_attend), .k_row = rq->memory_row };
    omn_node *kv[2];
    omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/CrossAttn", (int)layer);
    omn_node *q = uvim_heads(s, at, "query", x, u->lm_heads, false);
    if (rq->phase == OMN_STEP) {
        const int64_t R = rq->memory_rows, L = rq->memory_length;
        kv[0] = omn_state_read(s, cache(u, s, layer, "memory_key", R, L));
        kv[1] = omn_state_read(s, cache(u, s, layer, "memory_value", R, L));
    } else {
        of_picture(u, s, layer, seen, kv);
    }
    return uvim_join(s, at, omn_attend_build(s, q, kv[0], kv[1], &how), false);
}

omn_node *uvim_write(const uvim *u, omn_scope *s, const omn_build *rq, omn_node *seen)
{
    const omn_target *t = rq->targets[0];
    const int64_t D = u->lm_width, V = u->dict + 1, n = u->code_len;
    char at[MOST_NAME];
    omn_node *table = uvim_weight(s, "lm/decoder/EmbedTargets", "embedding", omn_dim2(V, D),
                                  OMN_INIT_NORMAL, 1);
    omn_node *places = omn_weight(s, "/lm/pos_embedding_decoder", omn_dim3(1, n, D),
                                  OMN_INIT_NORMAL, 0.02);
    omn_node *x = omn_add(s, omn_embedding(s, table, t->ids),
                          omn_embedding(s, omn_reshape(s, places, omn_dim2(n, D)), t->pos));
    for (int64_t i = 0; i < u->lm_layers; i++) {
        omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/LayerNorm1", (int)i);
        x = omn_add(s, x, say(u, s, rq, i, uvim_norm(s, at, x)));
        omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/LayerNorm2", (int)i);
        x = omn_add(s, x, look(u, s, rq, i, seen, uvim_norm(s, at, x)));
        omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/LayerNorm3", (int)i);
        omn_node *y = uvim_norm(s, at, x);
        omn_format(at, sizeof at, "lm/decoder/EncDecBlock%d/MLP", (int)i);
        x = omn_node_tag(s, omn_add(s, x, uvim_mlp(s, at, y, u->lm_mlp)), "decoder.%d", (int)i);
    }
    x = uvim_norm(s, "lm/decoder/LayerNorm", x);
    return uvim_dense(s, "lm/decoder/LogitsDense", x, V);
}
