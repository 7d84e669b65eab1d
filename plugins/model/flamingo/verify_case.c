/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of Flamingo that are one run of a graph: all stages of a batch, its forms, losses with
 * gradients, the resampler of videos, pictures. */
#include "verify.h"

#include <math.h>
#include <string.h>

/* ---- feeding --------------------------------------------------------------------------------- */

/* Pictures f32 [B,T,1,3,h,w] of the file as what an input "interleaved" is fed. */
static omn_status feed_pictures(golden_run *r, int64_t *B, int64_t *T, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t;
    void *data = NULL, *seg = NULL;
    OMN_TRY(golden_input(r->g, "in.images", OMN_F32, 6, &t, err));
    const int64_t *d = t->shape.dim, plane = d[4] * d[5], n = d[0] * d[1];
    if (d[2] != 1 || d[3] != 3)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: in.images is [B,T,1,3,h,w]", r->g->name));
    *B = d[0];
    *T = d[1];
    const omn_shape shape = { .rank = 5, .dim = { d[0], d[1], d[4], d[5], 3 } };
    const int64_t M = json_integer_value(
        json_object_get(json_object_get(r->g->config, "perceiver"), "latents"));
    OMN_TRY(omn_feed_new(r->feed, "interleaved.item.pixels", OMN_F32, shape, &data, err));
    for (int64_t i = 0; i < n * 3 * plane; i++) {
        const int64_t b = i / (3 * plane), c = i / plane % 3, at = i % plane;
        memcpy((float *)data + (b * plane + at) * 3 + c, (const char *)t->data + (size_t)i * 4, 4);
    }
    OMN_TRY(omn_feed_new(r->feed, "interleaved.seg", OMN_I32, omn_dim3(d[0], d[1], M), &seg, err));
    for (int64_t i = 0; i < n * M; i++) ((int32_t *)seg)[i] = 1;
done:
    return st;
}

/* Which ids of a row are learnt. */
static omn_status learnt(verify *v, const int32_t *ids, const int32_t *mask, int64_t T,
                         bool *out, omn_error *err)
{
    (void)err;
    flamingo_learnt(&v->ids, ids, (size_t)T, !strcmp(v->g.kind, "loss_interleaved"), out);
    for (int64_t i = 0; i < T; i++) out[i] = out[i] && mask[i];
    return OMN_OK;
}

/* Labels, each wanted at the place before it, as stages and as what a graph is fed. */
static omn_status feed_labels(verify *v, golden_run *r, const int32_t *ids, const int32_t *mask,
                              int64_t B, int64_t T, omn_error *err)
{
    omn_status st = OMN_OK;
    void *to[4] = { NULL };
    bool *is = omn_call_scratch(v->g.call, (size_t)T, sizeof *is);
    if (!is) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    OMN_TRY(omn_feed_new(r->feed, "target.text.labels", OMN_I32, omn_dim2(B, T), &to[0], err));
    OMN_TRY(omn_feed_new(r->feed, "target.text.weight", OMN_F32, omn_dim2(B, T), &to[1], err));
    OMN_TRY(golden_put_new(r, "labels", OMN_I32, omn_dim2(B, T), &to[2], err));
    OMN_TRY(golden_put_new(r, "count", OMN_I32, omn_dim1(1), &to[3], err));
    *(int32_t *)to[3] = 0;
    for (int64_t b = 0; b < B; b++) {
        OMN_TRY(learnt(v, ids + b * T, mask + b * T, T, is, err));
        for (int64_t i = 0; i < T; i++) {
            const int64_t at = b * T + i;
            const bool next = i + 1 < T && is[i + 1];
            ((int32_t *)to[0])[at] = next ? ids[at + 1] : 0;
            ((float *)to[1])[at] = next;
            ((int32_t *)to[2])[at] = is[i] ? ids[at] : -100;
            *(int32_t *)to[3] += next;
        }
    }
done:
    return st;
}

static omn_status feed_row(verify *v, golden_run *r, bool labels, int64_t *B, int64_t *T,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *mask;
    const golden_taught t = { .role = "text", .ids = "in.ids" };
    OMN_TRY(golden_feed_taught(r, &t, B, T, err));
    OMN_TRY(golden_input(&v->g, "in.mask", OMN_I32, 2, &mask, err));
    if (mask->shape.dim[0] != *B || mask->shape.dim[1] != *T)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: in.ids and in.mask differ in shape", v->g.name));
    int32_t *seg = omn_feed_data(r->feed, "target.text.seg");
    memcpy(seg, mask->data, mask->bytes);
    OMN_TRY(golden_feed_filled(r, "text", "from", OMN_I32, *B, *T, -1, err));
    if (labels)
        OMN_TRY(feed_labels(v, r, omn_feed_data(r->feed, "target.text.ids"), seg, *B, *T, err));
done:
    return st;
}

omn_status verify_ask(verify *v, golden_run *r, omn_phase phase, bool labels, omn_error *err)
{
    static const char *const roles[] = { "interleaved" }, *const outputs[] = { "text" };
    omn_status st = OMN_OK;
    int64_t B = 0, T = 0, rows = 0, length = 0;
    omn_feed_clear(r->feed);
    if (!v->alone) OMN_TRY(feed_pictures(r, &B, &T, err));
    if (phase == OMN_TEACH) OMN_TRY(feed_row(v, r, labels, &rows, &length, err));
    if (v->alone) B = rows;
    if (phase == OMN_TEACH && rows != B)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld rows of pictures, %lld of ids", v->g.name,
                         (long long)B, (long long)rows));
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = phase, .rows = B,
                                .roles = roles, .lengths = &T, .n_roles = v->alone ? 0 : 1,
                                .outputs = outputs, .target_lengths = &length,
                                .n_outputs = phase == OMN_TEACH ? 1 : 0, .labels = labels };
    OMN_TRY(golden_run_graph(r, &z, err));
done:
    return st;
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* An output as a stage of the file's shape, which has other axes of as many numbers. Places that
 * are padding have no value that two right programs share: they are the file's own. */
static omn_status put(golden_run *r, const char *stage, const char *output, omn_error *err)
{
    char name[160];
    omn_tensor t;
    void *data = NULL;
    const omn_tensor *mask = omn_weights_get(r->g->in, "in.mask");
    omn_format(name, sizeof name, "out.%s", stage);
    const omn_tensor *want = omn_weights_get(r->g->file, name);
    if (!want || !golden_output(r, output, &t) || want->bytes != t.bytes) return OMN_OK;
    const omn_status st = golden_put_new(r, stage, want->type, want->shape, &data, err);
    if (st != OMN_OK) return st;
    memcpy(data, t.data, t.bytes);
    for (size_t i = 0; want->type == OMN_I32 && i < t.bytes / 4; i++)
        ((int32_t *)data)[i] = (int32_t)((const float *)t.data)[i];
    if (!mask || want->shape.rank < 2 || want->shape.dim[0] != mask->shape.dim[0] ||
        want->shape.dim[1] != mask->shape.dim[1])
        return st;
    const size_t n = mask->bytes / 4, each = want->bytes / n;
    for (size_t i = 0; i < n; i++) {
        int32_t on;
        memcpy(&on, (const char *)mask->data + i * 4, 4);
        if (!on) memcpy((char *)data + i * each, (const char *)want->data + i * each, each);
    }
    return st;
}

/* Which output a stage is. */
static const char *output_of(const char *stage, char *room, size_t n)
{
    if (!strcmp(stage, "logits")) return "logits.text";
    if (!golden_starts(stage, "vision.block.")) return stage;
    omn_format(room, n, "vision.layer_%s", stage + strlen("vision.block."));
    return room;
}

/* Which pictures each place may see, from the number of the last one. */
static omn_status put_allowed(golden_run *r, bool previous, omn_error *err)
{
    const omn_tensor *want = omn_weights_get(r->g->file, "out.allowed");
    omn_tensor time;
    void *data = NULL;
    if (!want || want->shape.rank != 3 || !golden_output(r, "media_time", &time)) return OMN_OK;
    const int64_t T = want->shape.dim[2];
    if (time.bytes * (size_t)T != want->bytes) return OMN_OK;
    const omn_status st = golden_put_new(r, "allowed", OMN_I32, want->shape, &data, err);
    for (size_t i = 0; st == OMN_OK && i < want->bytes / 4; i++) {
        const int64_t last = (int64_t)((const float *)time.data)[i / (size_t)T];
        const int64_t picture = (int64_t)(i % (size_t)T) + 1;
        ((int32_t *)data)[i] = previous ? picture <= last : picture == last;
    }
    return st;
}

omn_status verify_forward(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 }, other = { 0 };
    const verify_how how = { .clip = 0 }, normed = { .normed = true };
    const char *post = "vision.tokens_post_ln";
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask(v, &r, OMN_TEACH, false, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *name = omn_weights_name(v->g.file, i);
        char room[96];
        if (!golden_starts(name, "out.") || !strcmp(name + 4, post)) continue;
        OMN_TRY(put(&r, name + 4, output_of(name + 4, room, sizeof room), err));
    }
    if (!v->alone) {
        OMN_TRY(put_allowed(&r, false, err));
        OMN_TRY(verify_open(v, &normed, &other, err));
        OMN_TRY(verify_ask(v, &other, OMN_EMBED, false, err));
        OMN_TRY(put(&other, post, "vision.tokens", err));
        const omn_tensor *t = omn_feed_get(other.made, post);
        if (t) OMN_TRY(omn_feed_copy(r.made, post, t, err));
    }
    OMN_TRY(verify_compare(v, &r, err));
done:
    golden_close(&other);
    golden_close(&r);
    return st;
}

omn_status verify_padded(verify *v, omn_error *err)
{
    static const struct {
        const char *stage;
        verify_how how;
    } forms[] = { { "logits", { .clip = 0 } },
                  { "logits_all_previous", { .previous = true } },
                  { "logits_clip_qkv", { .clip = 1.25 } },
                  { "logits_parallel", { .parallel = true } } };
    omn_status st = OMN_OK;
    golden_run r = { 0 }, first = { 0 };
    OMN_TRY(verify_open(v, &forms[0].how, &first, err));
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char name[64];
        omn_format(name, sizeof name, "out.%s", forms[i].stage);
        if (!omn_weights_get(v->g.file, name)) continue;
        OMN_TRY(verify_open(v, &forms[i].how, &r, err));
        OMN_TRY(verify_ask(v, &r, OMN_TEACH, false, err));
        OMN_TRY(put(&r, forms[i].stage, "logits.text", err));
        const omn_tensor *t = omn_feed_get(r.made, forms[i].stage);
        if (t) OMN_TRY(omn_feed_copy(first.made, forms[i].stage, t, err));
        golden_close(&r);
    }
    OMN_TRY(verify_compare(v, &first, err));
done:
    golden_close(&first);
    golden_close(&r);
    return st;
}

/* The rows of the table that are learnt: those of the chunk's end and of <image>. Of any other the
 * gradient is 0, or the first row is not what it would be. */
static omn_status put_rows(verify *v, golden_run *r, const golden_sum *s, omn_feed *out,
                           omn_error *err)
{
    const int32_t rows[2] = { v->ids.chunk_end, v->ids.media };
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *name = omn_weights_name(v->g.file, i);
        const omn_tensor *want = omn_weights_at(v->g.file, i);
        void *data = NULL;
        if (!golden_starts(name, "grad_rows.") || want->shape.rank != 2) continue;
        const long at = omn_store_find(r->store, name + strlen("grad_rows."));
        const double *x = at >= 0 && (size_t)at < s->n ? s->of[at] : NULL;
        const omn_status st = omn_feed_new(out, name, OMN_F32, want->shape, &data, err);
        if (st != OMN_OK) return st;
        const int64_t D = want->shape.dim[1];
        double rest = 0;
        for (int64_t k = 0; x && k < v->vocab * D; k++)
            if (k / D != rows[0] && k / D != rows[1]) rest += fabs(x[k]);
        for (int64_t k = 0; x && k < 2 * D; k++)
            ((float *)data)[k] = (float)(x[rows[k / D] * D + k % D] + (k < D ? rest : 0));
    }
    return OMN_OK;
}

/* The original has the gradient of the whole table and then keeps two rows of it: the first run has
 * all, the second what a training has, where these rows alone are learnt. A language model alone
 * learns all of them. */
omn_status verify_loss(verify *v, omn_error *err)
{
    static const verify_how all = { .model = { .training = true }, .whole_table = true };
    static const verify_how two = { .model = { .training = true } };
    omn_status st = OMN_OK;
    golden_run r = { 0 }, rows = { 0 };
    golden_sum sum = { 0 }, sum_rows = { 0 };
    OMN_TRY(verify_open(v, &all, &r, err));
    OMN_TRY(verify_ask(v, &r, OMN_TEACH, true, err));
    OMN_TRY(golden_sum_add(&r, &sum, err));
    OMN_TRY(golden_sum_put(&r, &sum, err));
    if (!v->alone) {
        OMN_TRY(verify_open(v, &two, &rows, err));
        OMN_TRY(verify_ask(v, &rows, OMN_TEACH, true, err));
        OMN_TRY(golden_sum_add(&rows, &sum_rows, err));
        OMN_TRY(put_rows(v, &rows, &sum_rows, r.made, err));
    }
    OMN_TRY(verify_compare(v, &r, err));
done:
    golden_sum_end(&sum_rows);
    golden_sum_end(&sum);
    golden_close(&rows);
    golden_close(&r);
    return st;
}

/* ---- the resampler of videos ----------------------------------------------------------------- */

omn_status verify_video(verify *v, omn_error *err)
{
    static const char *const roles[] = { "video" };
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const omn_tensor *x;
    void *to[3] = { NULL };
    char config[1024];
    const golden *g = &v->g;
    OMN_TRY(golden_input(g, "in.x", OMN_F32, 5, &x, err));
    const int64_t *d = x->shape.dim, L = d[1] * d[2], M = golden_int(g, "latents");
    omn_format(config, sizeof config,
               "{\"omnio\": {\"model\": \"flamingo\", \"media_only\": true, \"frames\": %lld, "
               "\"videos\": %lld}, \"vision_features\": {\"width\": %lld, \"places\": %lld}, "
               "\"perceiver\": {\"prefix\": \"w\", \"depth\": %lld, \"dim_head\": %lld, "
               "\"heads\": %lld, \"num_latents\": %lld, \"ff_mult\": %lld, "
               "\"max_num_media\": %lld, \"max_num_frames\": %lld}}",
               (long long)d[2], (long long)d[1], (long long)golden_int(g, "dim"), (long long)d[3],
               (long long)golden_int(g, "depth"), (long long)golden_int(g, "dim_head"),
               (long long)golden_int(g, "heads"), (long long)M, (long long)golden_int(g, "ff_mult"),
               (long long)golden_int(g, "max_num_media"),
               (long long)golden_int(g, "max_num_frames"));
    /* its weights lie in the file itself */
    OMN_TRY(omn_verification_beside(g->host, g->name, v->g.weights, sizeof v->g.weights, err));
    const golden_how how = { .hollow = false };
    OMN_TRY(golden_open(&v->g, config, &how, &r, err));
    const omn_shape item = omn_dim4(d[0], L, d[3], d[4]);
    OMN_TRY(omn_feed_new(r.feed, "video.item.x", OMN_F32, item, &to[0], err));
    memcpy(to[0], x->data, x->bytes);
    OMN_TRY(omn_feed_new(r.feed, "video.seg", OMN_I32, omn_dim2(d[0], M), &to[1], err));
    OMN_TRY(omn_feed_new(r.feed, "video.frames", OMN_I32, omn_dim2(d[0], L), &to[2], err));
    for (int64_t i = 0; i < d[0] * M; i++) ((int32_t *)to[1])[i] = 1;
    for (int64_t i = 0; i < d[0] * L; i++) ((int32_t *)to[2])[i] = 1;
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_EMBED, .rows = d[0],
                                .roles = roles, .lengths = &L, .n_roles = 1 };
    OMN_TRY(golden_run_graph(&r, &z, err));
    OMN_TRY(put(&r, "y", "tokens.media", err));
    for (size_t i = 0; i < omn_weights_count(g->file); i++) {
        const char *name = omn_weights_name(g->file, i);   /* weights are no stages */
        if (golden_starts(name, "w."))
            OMN_TRY(omn_feed_copy(r.made, name, omn_weights_at(g->file, i), err));
    }
    OMN_TRY(verify_compare(v, &r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- pictures -------------------------------------------------------------------------------- */

static omn_status one_picture(verify *v, golden_run *r, const char *name, const omn_tensor *t,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *picture = NULL;
    void *data = NULL;
    OMN_TRY(golden_picture(&v->g, t, &picture, err));
    OMN_TRY(omn_model_prepare(r->model, v->g.call, "image", picture, r->feed, NULL, err));
    const omn_tensor *x = omn_feed_get(r->feed, "item.pixels");
    if (!x || x->shape.rank != 4) goto done;
    const int64_t h = x->shape.dim[1], w = x->shape.dim[2];
    OMN_TRY(golden_put_new(r, name + 3, OMN_F32, omn_dim3(3, h, w), &data, err));
    for (int64_t i = 0; i < 3 * h * w; i++)
        ((float *)data)[i] = ((const float *)x->data)[i % (h * w) * 3 + i / (h * w)];
    omn_feed_clear(r->feed);
done:
    omn_value_unref(picture);
    return st;
}

omn_status verify_pictures(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    char config[512];
    omn_format(config, sizeof config,
               "{\"omnio\": {\"model\": \"flamingo\", \"media_only\": true}, \"quick_gelu\": true, "
               "\"vision_cfg\": {\"image_size\": %lld, \"patch_size\": %lld, \"width\": 64, "
               "\"layers\": 1}}",
               (long long)golden_int(&v->g, "image_size"),
               (long long)golden_int(&v->g, "image_size"));
    const golden_how how = { .hollow = true };
    OMN_TRY(golden_open(&v->g, config, &how, &r, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *name = omn_weights_name(v->g.file, i);
        if (golden_starts(name, "in."))
            OMN_TRY(one_picture(v, &r, name, omn_weights_at(v->g.file, i), err));
    }
    OMN_TRY(verify_compare(v, &r, err));
done:
    golden_close(&r);
    return st;
}
