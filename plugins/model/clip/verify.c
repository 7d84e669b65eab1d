/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of CLIP: the model that one is of, the graph that its inputs want, and the
 * comparison. Pictures lie there plane by plane and are turned on their way in, stages of the
 * residual network on their way out. */
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the model ------------------------------------------------------------------------------- */

/* vision_cfg: blocks are a list in a residual network; heads follow from the width of one. */
static json_t *vision(const verify *v)
{
    const golden *g = &v->g;
    const json_t *blocks = json_object_get(g->config, "blocks");
    const json_int_t width = golden_int(g, "width"), heads = golden_int(g, "heads");
    const json_int_t side = v->side > 0 ? v->side : golden_int(g, "image");
    const json_int_t patch = v->side > 0 ? v->side : golden_int(g, "patch");
    if (heads < 1) return NULL;
    if (blocks)
        return json_pack("{s:I,s:O,s:I,s:I}", "image_size", side, "layers", blocks, "width", width,
                         "head_width", 32 * width / heads);
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "image_size", side, "layers",
                     (json_int_t)golden_int(g, "layers"), "width", width, "head_width",
                     width / heads, "patch_size", patch);
}

static omn_status spell(verify *v, omn_error *err)
{
    const golden *g = &v->g;
    if (!g->weights[0]) v->side = golden_int(g, "side");
    json_t *eyes = vision(v);
    json_t *words = json_pack(
        "{s:I,s:I,s:I,s:I,s:I}", "context_length", (json_int_t)golden_int(g, "context"),
        "vocab_size", (json_int_t)golden_int(g, "vocab"), "width",
        (json_int_t)golden_int(g, "text_width"), "heads", (json_int_t)golden_int(g, "text_heads"),
        "layers", (json_int_t)golden_int(g, "text_layers"));
    json_t *config = json_pack("{s:I,s:b,s:o,s:o}", "embed_dim", (json_int_t)golden_int(g, "embed"),
                               "quick_gelu", 1, "vision_cfg", eyes, "text_cfg", words);
    v->config = config ? json_dumps(config, 0) : NULL;
    json_decref(config);
    if (v->config) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: its configuration is not complete", g->name);
}

omn_status verify_open(verify *v, const golden_how *how, golden_run *r, omn_error *err)
{
    golden_how own = *how;
    own.hollow = !v->g.weights[0];
    return golden_open(&v->g, v->config, &own, r, err);
}

/* ---- its graphs ------------------------------------------------------------------------------ */

/* All axes but the last are texts. */
static omn_status feed_texts(golden_run *r, const omn_tensor *t, int64_t *rows, int64_t *length,
                             omn_error *err)
{
    const uint32_t rank = t->shape.rank;
    if (t->type != OMN_I32 || rank < 2 || rank > 3)
        return omn_fail(err, OMN_ERR_DATA, "%s: in.text_ids is i32 [..,L]", r->g->name);
    *length = t->shape.dim[rank - 1];
    *rows = t->shape.dim[0] * (rank == 3 ? t->shape.dim[1] : 1);
    omn_tensor flat = *t;
    flat.shape = omn_dim2(*rows, *length);
    return omn_feed_copy(r->feed, "text.ids", &flat, err);
}

omn_status verify_graph(golden_run *r, const omn_tensor *images, const omn_tensor *texts,
                        bool labels, omn_error *err)
{
    omn_status st = OMN_OK;
    static const char *const roles[] = { "image", "text" };
    int64_t lengths[2] = { 0, 0 }, rows = 0, texts_rows = 0;
    omn_feed_clear(r->feed);
    if (images) OMN_TRY(golden_feed_pixels(r, "in.image", "image.pixels", &rows, err));
    if (texts) OMN_TRY(feed_texts(r, texts, &texts_rows, &lengths[1], err));
    if (images && texts && rows != texts_rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld pictures and %lld texts are no pairs",
                         r->g->name, (long long)rows, (long long)texts_rows));
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes),
                                .phase = labels ? OMN_TEACH : OMN_EMBED,
                                .rows = images ? rows : texts_rows,
                                .roles = images ? roles : roles + 1,
                                .lengths = images ? lengths : lengths + 1,
                                .n_roles = (images ? 1u : 0u) + (texts ? 1u : 0u),
                                .labels = labels };
    OMN_TRY(golden_run_graph(r, &z, err));
done:
    return st;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* [B,h,w,C] as [n,C,h/step,w/step] of the first n, under the stage's name. */
static bool turned(const golden_run *r, const char *stage, const omn_tensor *t, int64_t n,
                   int64_t step, omn_tensor *out)
{
    const int64_t *d = t->shape.dim, h = d[1] / step, w = d[2] / step;
    void *data = NULL;
    if (omn_feed_new(r->made, stage, OMN_F32, omn_dim4(n, d[3], h, w), &data, NULL) != OMN_OK)
        return false;
    float *to = data;
    for (int64_t b = 0; b < n; b++)
        for (int64_t c = 0; c < d[3]; c++)
            for (int64_t y = 0; y < h; y++)
                for (int64_t x = 0; x < w; x++)
                    *to++ = ((const float *)
                                 t->data)[((b * d[1] + y * step) * d[2] + x * step) * d[3] + c];
    *out = *omn_feed_get(r->made, stage);
    return true;
}

/* Stages have no tower in front of their names where the case is of one alone. The stem of a
 * residual network was recorded of the first picture, every fourth line and column. */
static bool find(void *user, const char *stage, omn_tensor *out)
{
    static const char *const towers[] = { "image", "text" };
    const golden_run *r = user;
    const omn_tensor *made = omn_feed_get(r->made, stage);
    char name[200];
    if (made) *out = *made;
    if (made || golden_output(r, stage, out)) return true;
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s.%.160s", towers[i], stage);
        if (!golden_output(r, name, out)) continue;
        if (out->shape.rank != 4) return true;
        const bool stem = golden_starts(stage, "stem") && stage[4] != 0;
        return turned(r, stage, out, stem ? 1 : out->shape.dim[0], stem ? 4 : 1, out);
    }
    return false;
}

/* spec clip, section 8: 100 x cosine has 25 times the error of a score. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const golden_run *r = user;
    const bool classes = omn_weights_get(r->g->file, "out.classifier") != NULL;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "pixels_")) return (omn_tolerance){ .abs = 1e-6 };
    if (classes && !strcmp(stage, "logits")) return (omn_tolerance){ .abs = 2e-3 };
    if (golden_starts(stage, "logits") || !strcmp(stage, "loss") || !strcmp(stage, "probs"))
        return (omn_tolerance){ .abs = 1e-4 };
    /* that of the keys' bias is 0 but for rounding: a softmax does not feel it */
    if (golden_starts(stage, "gradnorm.") || !strcmp(stage, "grad_norm"))
        return (omn_tolerance){ .abs = 1e-7, .rel = 1e-3 };
    if (golden_starts(stage, "grad.")) return (omn_tolerance){ .abs = 2e-5, .rel = 1e-3 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-4 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return omn_verify_compare(r->g->host, find, r, tolerance_of, r, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

static omn_status run_case(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *texts = omn_weights_get(v->g.file, "in.text_ids");
    if (golden_has(&v->g, "in.picture_")) return verify_preprocess(v, err);
    if (golden_has(&v->g, "override.")) {
        OMN_TRY(golden_inputs_of(&v->g, "image", err));
        st = verify_replaced(v, err);
    } else if (golden_has(&v->g, "grad.") || golden_has(&v->g, "gradnorm.")) {
        OMN_TRY(golden_inputs_of(&v->g, "pair", err));
        st = verify_pairs(v, true, err);
    } else if (golden_has(&v->g, "out.classifier")) {
        OMN_TRY(golden_inputs_of(&v->g, "pair", err));
        st = verify_classes(v, err);
    } else if (golden_has(&v->g, "in.image") && texts) {
        st = verify_pairs(v, false, err);
    } else if (golden_has(&v->g, "in.image") || texts) {
        st = verify_towers(v, err);
    } else {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, it has no inputs to run",
                      v->g.name);
    }
done:
    return st;
}

static omn_status run(omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    verify v = { 0 };
    OMN_TRY(golden_begin(&v.g, host, err));
    if (!omn_weights_meta(v.g.file, "weights_file"))
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, it names no weights_file to run", v.g.name));
    OMN_TRY(spell(&v, err));
    st = run_case(&v, err);
done:
    golden_end(&v.g);
    free(v.config);
    return st;
}

const omn_verify_impl clip_verify = { "clip-golden-1", run };
