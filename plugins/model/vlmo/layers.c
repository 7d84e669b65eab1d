/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of VLMo (Bao et al. 2021) and UFO (Wang et al. 2021): pre-norm, attention that all
 * share, and a feed-forward. UFO has one for everything. VLMo has one for texts and one for
 * pictures, each with its norm, and in its last layers a third for pairs. What attention and
 * feed-forward add may be scaled by a learned vector; scores may have a learned bias of relative
 * positions, one table for all layers. */
#include "vlmo.h"

#include "named.h"

#define EPS 1e-6

/* ---- relative positions ---------------------------------------------------------------------- */

/* Rows of the table: pairs of patches, then three for the picture's class token, then two between
 * texts and pictures, then distances of words, of which the last three are of the first token. */
static int64_t picture_rows(const vlmo *v) { return (2 * v->grid - 1) * (2 * v->grid - 1) + 3; }
static int64_t all_rows(const vlmo *v) { return picture_rows(v) + 2 * v->most_table + 2; }

static int64_t picture_row(const vlmo *v, int64_t q, int64_t k)
{
    const int64_t n = picture_rows(v), g = v->grid;
    if (!q || !k) return n - (!q && !k ? 1 : k ? 3 : 2);
    q--;
    k--;
    return (q / g - k / g + g - 1) * (2 * g - 1) + q % g - k % g + g - 1;
}

static int64_t text_row(const vlmo *v, int64_t q, int64_t k)
{
    if (!q || !k) return all_rows(v) - (!q && !k ? 1 : k ? 3 : 2);
    return k - q + v->most_table - 2 + picture_rows(v) + 2;
}

/* Which rows the pairs of T places have, of which the first `words` are a text's. */
static int32_t *rows_of(const vlmo *v, omn_scope *s, int64_t T, int64_t words)
{
    int32_t *out = omn_arena_alloc(omn_scope_arena(s), (size_t)(T * T), sizeof *out);
    if (!out) omn_scope_fail(s, OMN_ERR_MEMORY, "vlmo: pairs of positions: out of memory");
    for (int64_t i = 0; out && i < T * T; i++) {
        const int64_t q = i / T, k = i % T;
        const bool from_text = q < words, to_text = k < words;
        out[i] = (int32_t)(from_text && to_text   ? text_row(v, q, k)
                           : from_text            ? picture_rows(v)
                           : to_text              ? picture_rows(v) + 1
                                                  : picture_row(v, q - words, k - words));
    }
    return out;
}

/* ---- a layer --------------------------------------------------------------------------------- */

typedef struct run {
    const vlmo *v;
    vlmo_mode mode;
    int64_t words;
    omn_node *seg, *looks;                /* padding looks too; nobody looks at it */
    const int32_t *rows;                  /* of relative positions; NULL: none */
} run;

static omn_node *scaled(const vlmo *v, omn_scope *s, const char *name, omn_node *x)
{
    if (!v->scaled) return x;
    return omn_mul(s, x, omn_weight(s, name, omn_dim1(v->D), OMN_INIT_CONST, v->layer_scale));
}

static omn_node *attention(const run *r, omn_scope *s, int64_t i, omn_node *x)
{
    const vlmo *v = r->v;
    const int64_t D = v->D, H = v->H, B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    omn_attend how = { OMN_FILL(omn_attend), .q_seg = r->looks, .k_seg = r->seg };
    omn_node *w = omn_weight(omn_scope_at(s, "qkv"), "weight", omn_dim2(3 * D, D), OMN_INIT_FAN_IN,
                             1);
    omn_node *q = omn_weight(s, "q_bias", omn_dim1(D), OMN_INIT_ZERO, 0), *part[3];
    omn_node *all[3] = { q, omn_scale(s, q, 0, 0),      /* one for keys would change nothing */
                         omn_weight(s, "v_bias", omn_dim1(D), OMN_INIT_ZERO, 0) };
    omn_node *y = omn_linear(s, x, w, omn_concat(s, all, 3, 0), OMN_ACT_NONE);
    for (int k = 0; k < 3; k++)
        part[k] = omn_reshape(s, omn_slice(s, y, -1, k * D, D), omn_dim4(B, T, H, D / H));
    if (r->rows) {
        omn_node *table = omn_weight(omn_scope_at(s, "/"), "relative_position_bias_table",
                                     omn_dim2(all_rows(v), H * v->layers), OMN_INIT_NORMAL, 0.02);
        how.extra = omn_bias_rel(s, omn_slice(s, table, 1, i * H, H), r->rows, T, T);
    }
    y = omn_attend_build(s, part[0], part[1], part[2], &how);
    return named_linear(s, "proj", omn_reshape(s, y, omn_dim3(B, T, D)), D, true);
}

/* x + what the expert of that name makes of it. */
static omn_node *expert(const vlmo *v, omn_scope *s, const char *name, omn_node *x)
{
    char norm[32], mlp[32];
    omn_format(norm, sizeof norm, "norm2%s%s", *name ? "_" : "", name);
    omn_format(mlp, sizeof mlp, "mlp%s%s", *name ? "_" : "", name);
    omn_scope *m = omn_scope_at(s, "%s", mlp);
    omn_node *y = named_linear(m, "fc1", named_norm(s, norm, EPS, x), v->ffn, true);
    y = named_linear(m, "fc2", omn_activate(m, y, OMN_ACT_GELU_ERF), v->D, true);
    return omn_add(s, x, scaled(v, s, "gamma_2", y));
}

/* The experts of single sides are of no use to pairs in the last layers; checkpoints that have them
 * belong to the model all the same. */
static void mention(const vlmo *v, omn_scope *s, const char *kind)
{
    omn_scope *at[3] = { omn_scope_at(s, "norm2_%s", kind), omn_scope_at(s, "mlp_%s.fc1", kind),
                         omn_scope_at(s, "mlp_%s.fc2", kind) };
    const omn_shape shapes[3] = { omn_dim1(v->D), omn_dim2(v->ffn, v->D), omn_dim2(v->D, v->ffn) };
    for (int i = 0; i < 3; i++) {
        if (!omn_weight_exists(at[i], "weight") || !omn_weight_exists(at[i], "bias")) continue;
        omn_weight(at[i], "weight", shapes[i], OMN_INIT_ZERO, 0);
        omn_weight(at[i], "bias", omn_dim1(shapes[i].dim[0]), OMN_INIT_ZERO, 0);
    }
}

static omn_node *one_side(void *user, omn_scope *s, int which, omn_node *x)
{
    return expert(user, s, which ? "imag" : "text", x);
}

static omn_node *feed_forward(const run *r, omn_scope *s, int64_t i, omn_node *x)
{
    const vlmo *v = r->v;
    if (!v->split) return expert(v, s, "", x);
    if (r->mode == VLMO_BOTH && i >= v->fused) {
        mention(v, s, "text");
        mention(v, s, "imag");
        return expert(v, s, "vl", x);
    }
    const int64_t T = omn_node_dim(x, 1);
    return omn_experts(s, x, r->mode == VLMO_TEXT ? T : r->mode == VLMO_IMAGE ? 0 : r->words,
                       one_side, (void *)v);
}

omn_node *vlmo_layers(const vlmo *v, omn_scope *s, vlmo_mode mode, omn_node *x, int64_t words,
                      omn_node *seg)
{
    static const char *const tags[] = { "text", "image", "pair" };
    omn_scope *top = omn_scope_at(s, "/"), *t = omn_scope_at(s, "/transformer");
    run r = { .v = v, .mode = mode, .words = words, .seg = seg,
              .looks = named_filled(s, omn_node_dim(x, 0), omn_node_dim(x, 1), 1) };
    if (v->relative) r.rows = rows_of(v, s, omn_node_dim(x, 1), words);
    omn_node_tag(top, x, "%s.input", tags[mode]);
    for (int64_t i = 0; i < v->layers; i++) {
        omn_scope *b = omn_scope_at(t, "blocks.%d", (int)i);
        omn_node *y = attention(&r, omn_scope_at(b, "attn"), i, named_norm(b, "norm1", EPS, x));
        x = omn_add(b, x, scaled(v, b, "gamma_1", y));
        x = omn_node_tag(top, feed_forward(&r, b, i, x), "%s.%d", tags[mode], (int)i);
    }
    return named_norm(t, "norm", EPS, x);
}
