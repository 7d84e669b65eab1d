/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of CLIP: the model that one is of, the graph that its inputs want, and the
 * comparison. Pictures lie there plane by plane and are turned on their way in, stages of the
 * residual network on their way out. */
#include "verify.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* ---- the model ------------------------------------------------------------------------------- */

static json_int_t number(const json_t *from, const char *key)
{
    return json_integer_value(json_object_get(from, key));
}

/* vision_cfg: blocks are a list in a residual network; heads follow from the width of one. */
static json_t *vision(const verify *v, const json_t *from)
{
    const json_t *blocks = json_object_get(from, "blocks");
    const json_int_t width = number(from, "width"), heads = number(from, "heads");
    json_int_t side = number(from, "image"), patch = number(from, "patch");
    if (v->side > 0) side = patch = (json_int_t)v->side;
    if (heads < 1) return NULL;
    if (blocks)
        return json_pack("{s:I,s:O,s:I,s:I}", "image_size", side, "layers", blocks, "width", width,
                         "head_width", 32 * width / heads);
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "image_size", side, "layers", number(from, "layers"),
                     "width", width, "head_width", width / heads, "patch_size", patch);
}

omn_status verify_config(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *text = omn_weights_meta(v->golden, "config");
    json_t *all = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *name = json_string_value(json_object_get(all, "name"));
    if (!json_is_object(all) || !name)
        st = omn_fail(err, OMN_ERR_DATA,
                      "%s: __metadata__ has no configuration (\"config\": a JSON object)", v->name);
    if (st == OMN_OK) {
        snprintf(v->model, sizeof v->model, "%s", name);
        if (!v->weights[0]) v->side = (double)number(all, "side");
        json_t *eyes = vision(v, all);
        json_t *words = json_pack("{s:I,s:I,s:I,s:I,s:I}", "context_length", number(all, "context"),
                                  "vocab_size", number(all, "vocab"), "width",
                                  number(all, "text_width"), "heads", number(all, "text_heads"),
                                  "layers", number(all, "text_layers"));
        json_t *config = json_pack("{s:I,s:b,s:o,s:o}", "embed_dim", number(all, "embed"),
                                   "quick_gelu", 1, "vision_cfg", eyes, "text_cfg", words);
        v->config = config ? json_dumps(config, 0) : NULL;
        if (!v->config)
            st = omn_fail(err, OMN_ERR_DATA, "%s: its configuration is not complete", v->name);
        json_decref(config);
    }
    json_decref(all);
    return st;
}

omn_status verify_open(const verify *v, bool writable, bool training, verify_run *r,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    *r = (verify_run){ .v = v };
    if (writable) {
        OMN_TRY(omn_weights_open(v->weights, &r->weights, err));
        OMN_TRY(omn_store_new(0, r->weights, false, &r->store, err));
    }
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = r->store,
                                  .training = training, .keep_tagged = true,
                                  .precision = OMN_PRECISION_F32, .weights = v->weights,
                                  .hollow = !v->weights[0] };
    OMN_TRY(omn_model_open_text(omn_verification_context(v->host), v->config, v->name, &how,
                                &r->model, err));
    OMN_TRY(omn_feed_make(&r->feed, err));
    OMN_TRY(omn_feed_make(&r->made, err));
    OMN_TRY(omn_exec_new(omn_model_program(r->model), &r->exec, err));
done:
    return st;
}

void verify_end(verify_run *r)
{
    omn_exec_free(r->exec);
    omn_feed_free(r->feed);
    omn_feed_free(r->made);
    omn_model_close(r->model);
    omn_store_free(r->store);
    omn_weights_close(r->weights);
}

/* ---- its graphs ------------------------------------------------------------------------------ */

/* [B,3,S,S] as [B,S,S,3]. */
static omn_status feed_pictures(verify_run *r, const omn_tensor *t, omn_error *err)
{
    void *to = NULL;
    const int64_t *d = t->shape.dim;
    if (t->type != OMN_F32 || t->shape.rank != 4 || d[1] != 3)
        return omn_fail(err, OMN_ERR_DATA, "%s: in.image is f32 [B,3,S,S]", r->v->name);
    const omn_status st = omn_feed_new(r->feed, "image.pixels", OMN_F32,
                                       omn_dim4(d[0], d[2], d[3], 3), &to, err);
    const int64_t plane = d[2] * d[3];
    for (int64_t i = 0; st == OMN_OK && i < d[0] * plane; i++)
        for (int64_t c = 0; c < 3; c++)
            ((float *)to)[3 * i + c] =
                ((const float *)t->data)[(i / plane * 3 + c) * plane + i % plane];
    return st;
}

/* All axes but the last are texts. */
static omn_status feed_texts(verify_run *r, const omn_tensor *t, int64_t *rows, int64_t *length,
                             omn_error *err)
{
    const uint32_t rank = t->shape.rank;
    if (t->type != OMN_I32 || rank < 2 || rank > 3)
        return omn_fail(err, OMN_ERR_DATA, "%s: in.text_ids is i32 [..,L]", r->v->name);
    *length = t->shape.dim[rank - 1];
    *rows = t->shape.dim[0] * (rank == 3 ? t->shape.dim[1] : 1);
    omn_tensor flat = *t;
    flat.shape = omn_dim2(*rows, *length);
    return omn_feed_copy(r->feed, "text.ids", &flat, err);
}

static const omn_part *objective(const omn_model *m)
{
    omn_part *const *list = NULL;
    const size_t n = omn_model_parts(m, &list);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(omn_part_role(list[i]), "loss")) return list[i];
    return NULL;
}

omn_status verify_graph(verify_run *r, const omn_tensor *images, const omn_tensor *texts,
                        bool labels, omn_error *err)
{
    omn_status st = OMN_OK;
    static const char *const roles[] = { "image", "text" };
    int64_t lengths[2] = { 0, 0 }, rows = 0, texts_rows = 0;
    omn_feed_clear(r->feed);
    if (images) OMN_TRY(feed_pictures(r, images, err));
    if (images) rows = images->shape.dim[0];
    if (texts) OMN_TRY(feed_texts(r, texts, &texts_rows, &lengths[1], err));
    if (images && texts && rows != texts_rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld pictures and %lld texts are no pairs",
                         r->v->name, (long long)rows, (long long)texts_rows));
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes),
                                .phase = labels ? OMN_TEACH : OMN_EMBED,
                                .rows = images ? rows : texts_rows,
                                .roles = images ? roles : roles + 1,
                                .lengths = images ? lengths : lengths + 1,
                                .n_roles = (images ? 1u : 0u) + (texts ? 1u : 0u),
                                .labels = labels,
                                .objective = labels ? objective(r->model) : NULL };
    if (labels && !z.objective)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, the plugin objective-contrastive is not there",
                         r->v->name));
    OMN_TRY(omn_model_graph(r->model, &z, &r->graph, err));
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, r->v->call, err));
done:
    return st;
}

bool verify_output(const verify_run *r, const char *name, omn_tensor *out)
{
    for (size_t i = 0; r->graph && i < omn_graph_outputs(r->graph); i++)
        if (!strcmp(omn_graph_output_name(r->graph, i), name))
            return omn_exec_output(r->exec, r->graph, name, out, NULL) == OMN_OK;
    return false;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* [B,h,w,C] as [n,C,h/step,w/step] of the first n, under the stage's name. */
static bool turned(const verify_run *r, const char *stage, const omn_tensor *t, int64_t n,
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
    const verify_run *r = user;
    const omn_tensor *made = omn_feed_get(r->made, stage);
    char name[200];
    if (made) *out = *made;
    if (made || verify_output(r, stage, out)) return true;
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s.%.160s", towers[i], stage);
        if (!verify_output(r, name, out)) continue;
        if (out->shape.rank != 4) return true;
        const bool stem = starts(stage, "stem") && stage[4] != 0;
        return turned(r, stage, out, stem ? 1 : out->shape.dim[0], stem ? 4 : 1, out);
    }
    return false;
}

/* spec clip, section 8: 100 x cosine has 25 times the error of a score. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify_run *r = user;
    const bool classes = omn_weights_get(r->v->golden, "out.classifier") != NULL;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (starts(stage, "pixels_")) return (omn_tolerance){ .abs = 1e-6 };
    if (classes && !strcmp(stage, "logits")) return (omn_tolerance){ .abs = 2e-3 };
    if (starts(stage, "logits") || !strcmp(stage, "loss") || !strcmp(stage, "probs"))
        return (omn_tolerance){ .abs = 1e-4 };
    /* that of the keys' bias is 0 but for rounding: a softmax does not feel it */
    if (starts(stage, "gradnorm.") || !strcmp(stage, "grad_norm"))
        return (omn_tolerance){ .abs = 1e-7, .rel = 1e-3 };
    if (starts(stage, "grad.")) return (omn_tolerance){ .abs = 2e-5, .rel = 1e-3 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-4 };
}

omn_status verify_compare(verify_run *r, omn_error *err)
{
    return omn_verify_compare(r->v->host, find, r, tolerance_of, r, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

static bool has(const verify *v, const char *with)
{
    for (size_t i = 0; i < omn_weights_count(v->golden); i++)
        if (starts(omn_weights_name(v->golden, i), with)) return true;
    return false;
}

/* Gradients, replaced weights and classes are of pictures and texts in another file. */
static omn_status open_other(verify *v, const char *what, omn_error *err)
{
    char name[128], path[4608];
    snprintf(name, sizeof name, "%s.%s.safetensors", v->model, what);
    const omn_status st = omn_verification_beside(v->host, name, path, sizeof path, err);
    return st == OMN_OK ? omn_weights_open(path, &v->other, err) : st;
}

static omn_status run_case(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *texts = omn_weights_get(v->golden, "in.text_ids");
    if (has(v, "in.picture_")) return verify_preprocess(v, err);
    if (has(v, "override.")) {
        OMN_TRY(open_other(v, "image", err));
        st = verify_replaced(v, err);
    } else if (has(v, "grad.") || has(v, "gradnorm.")) {
        OMN_TRY(open_other(v, "pair", err));
        st = verify_pairs(v, true, err);
    } else if (has(v, "out.classifier")) {
        OMN_TRY(open_other(v, "pair", err));
        st = verify_classes(v, err);
    } else if (has(v, "in.image") && texts) {
        st = verify_pairs(v, false, err);
    } else if (has(v, "in.image") || texts) {
        st = verify_towers(v, err);
    } else {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, it has no inputs to run",
                      v->name);
    }
done:
    return st;
}

static omn_status run(omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    verify v = { .host = host, .call = omn_verification_call(host),
                 .name = omn_verification_name(host), .golden = omn_verification_golden(host) };
    const char *weights = omn_weights_meta(v.golden, "weights_file");
    if (!weights)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: not supported, it names no weights_file to run", v.name);
    if (*weights) OMN_TRY(omn_verification_beside(host, weights, v.weights, sizeof v.weights, err));
    OMN_TRY(verify_config(&v, err));
    st = run_case(&v, err);
done:
    omn_weights_close(v.other);
    free(v.config);
    return st;
}

const omn_verify_impl clip_verify = { "clip-golden-1", run };
