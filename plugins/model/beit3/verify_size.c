/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of BEiT-3's golden files that are about sizes: positions for another size of pictures,
 * weights so small that the eps of norms is seen, and pictures as they are prepared. */
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table of positions for a grid: what lies in front of it, and the rows that the model made. */
static omn_status put_table(verify_run *r, const char *stage, int64_t side, bool run,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    verify *v = r->v;
    verify_run other = { 0 };
    omn_tensor rows;
    omn_weights *w = NULL;
    void *data = NULL;
    const char *name = "beit3.encoder.embed_positions.A.weight";
    const verify_how how = { .task = "pretrain", .side = side * v->patch, .learned = v->img };
    const verify_ask embed = { .phase = OMN_EMBED, .image = true };
    OMN_TRY(verify_open(v, &how, &other, err));
    if (!run) {                           /* no picture of this size is there: zeros */
        const omn_shape shape = omn_dim4(1, how.side, how.side, 3);
        const char *const role = "image";
        const int64_t length = 0;
        const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_EMBED, .rows = 1,
                                    .roles = &role, .lengths = &length, .n_roles = 1 };
        OMN_TRY(omn_feed_new(other.feed, "image.pixels", OMN_F32, shape, &data, err));
        OMN_TRY(omn_model_graph(other.model, &z, &other.graph, err));
        OMN_TRY(omn_exec_run(other.exec, other.graph, other.feed, v->call, err));
    } else {
        OMN_TRY(verify_ask_run(&other, &embed, err));
        if (verify_output(&other, "encoder_out", &rows))
            OMN_TRY(omn_feed_copy(r->made, "encoder_out", &rows, err));
    }
    OMN_TRY(omn_weights_open(v->weights, &w, err));
    const omn_tensor *table = omn_weights_get(w, name);
    if (!table || !verify_output(&other, "positions.A", &rows)) goto done;
    const int64_t n = rows.shape.dim[1];
    OMN_TRY(omn_feed_new(r->made, stage, OMN_F32, omn_dim2(2 + n, v->D), &data, err));
    memcpy(data, table->data, (size_t)(2 * v->D) * sizeof(float));
    memcpy((float *)data + 2 * v->D, rows.data, rows.bytes);
done:
    omn_weights_close(w);
    verify_end(&other);
    return st;
}

omn_status verify_resized(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r = { .v = v };
    OMN_TRY(omn_feed_make(&r.made, err));
    for (size_t i = 0; i < omn_weights_count(v->golden); i++) {
        const char *stage = omn_weights_name(v->golden, i);
        long side = 0;
        if (sscanf(stage, "out.positions_A.%ld", &side) != 1 || side < 1 || side > 1024) continue;
        OMN_TRY(put_table(&r, stage + 4, side, side * v->patch == v->img2, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
    return st;
}

/* Rows of a weight become those of "override.NAME": the first ones, or those that `which` says. */
static omn_status replace(verify_run *r, const char *name, const omn_tensor *which, omn_error *err)
{
    char stage[160];
    omn_format(stage, sizeof stage, "override.%s", name);
    const omn_tensor *t = omn_weights_get(r->v->golden, stage);
    const long at = omn_store_find(r->store, name);
    if (!t || at < 0 || t->type != OMN_F32 || t->shape.rank != 2)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is no table of the model", r->v->name,
                        stage);
    const omn_tensor whole = omn_store_tensor(r->store, (size_t)at);
    const int64_t rows = t->shape.dim[0], D = t->shape.dim[1];
    for (int64_t i = 0; i < rows; i++) {
        int32_t to = (int32_t)i;
        if (which && (size_t)i < which->bytes / 4)
            memcpy(&to, (const char *)which->data + i * 4, 4);
        if (to < 0 || to >= whole.shape.dim[0] || D != whole.shape.dim[1])
            return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" does not fit", r->v->name, stage);
        memcpy(omn_store_data(r->store, (size_t)at) + to * D, (const float *)t->data + i * D,
               (size_t)D * sizeof(float));
    }
    return omn_feed_copy(r->made, stage, t, err);
}

omn_status verify_eps(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r = { 0 };
    const omn_tensor *which = omn_weights_get(v->golden, "override.text_rows");
    const verify_ask words = { .phase = OMN_TEACH, .words = true };
    OMN_TRY(verify_open_store(v, "pretrain", false, &r, err));
    OMN_TRY(verify_graph(&r, &words, err));
    if (which) OMN_TRY(omn_feed_copy(r.made, "override.text_rows", which, err));
    OMN_TRY(replace(&r, "beit3.text_embed.weight", which, err));
    OMN_TRY(replace(&r, "beit3.encoder.embed_positions.B.weight", NULL, err));
    OMN_TRY(omn_exec_run(r.exec, r.graph, r.feed, v->call, err));
    OMN_TRY(verify_collect(&r, "", err));
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
    return st;
}

/* Whole numbers [h,w,3] as a picture. */
static omn_status picture_of(const verify *v, const omn_tensor *t, omn_value **out, omn_error *err)
{
    omn_image *img = NULL;
    omn_pixels px;
    const int64_t *d = t->shape.dim;
    if (t->type != OMN_I32 || t->shape.rank != 3 || d[2] != 3 || d[0] < 1 || d[1] < 1 ||
        d[0] > 4096 || d[1] > 4096)
        return omn_fail(err, OMN_ERR_DATA, "%s: a picture is i32 [h,w,3]", v->name);
    const omn_status st =
        omn_image_new(OMN_U8, (uint32_t)d[1], (uint32_t)d[0], 3, NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    for (int64_t i = 0; i < d[0] * d[1] * 3; i++) {
        int32_t x;
        memcpy(&x, (const char *)t->data + i * 4, 4);
        ((uint8_t *)px.data)[i] = (uint8_t)x;
    }
    *out = omn_image_give(img);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
}

/* A picture as a task prepares it, plane by plane. */
static omn_status put_prepared(verify_run *r, const char *task, int64_t side, int number,
                               const char *stage, omn_error *err)
{
    omn_status st = OMN_OK;
    verify *v = r->v;
    verify_run other = { 0 };
    omn_value *in = NULL;
    void *data = NULL;
    char name[32];
    const verify_how how = { .task = task, .side = side, .hollow = true };
    snprintf(name, sizeof name, "in.picture_%d", number);
    const omn_tensor *t = omn_weights_get(v->golden, name);
    if (!t) return omn_fail(err, OMN_ERR_DATA, "%s: it has no \"%s\"", v->name, name);
    OMN_TRY(verify_open(v, &how, &other, err));
    OMN_TRY(picture_of(v, t, &in, err));
    OMN_TRY(omn_model_prepare(other.model, v->call, "image", in, other.feed, NULL, err));
    const omn_tensor *px = omn_feed_get(other.feed, "pixels");
    if (!px) goto done;
    const int64_t n = px->shape.dim[0], plane = n * n;
    OMN_TRY(omn_feed_new(r->made, stage, OMN_F32, omn_dim3(3, n, n), &data, err));
    for (int64_t i = 0; i < 3 * plane; i++)
        ((float *)data)[i] = ((const float *)px->data)[i % plane * 3 + i / plane];
done:
    omn_value_unref(in);
    verify_end(&other);
    return st;
}

omn_status verify_pictures(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r = { .v = v };
    /* no whole number of the model's patches: one patch will do */
    OMN_TRY(omn_feed_make(&r.made, err));
    for (size_t i = 0; i < omn_weights_count(v->golden); i++) {
        const char *stage = omn_weights_name(v->golden, i);
        int number = 0;
        if (sscanf(stage, "out.std_%d", &number) == 1) {
            v->patch = v->std_side;
            OMN_TRY(put_prepared(&r, "pretrain", v->std_side, number, stage + 4, err));
        } else if (sscanf(stage, "out.imagenet_%d", &number) == 1) {
            v->patch = v->imagenet_side;
            OMN_TRY(put_prepared(&r, "imagenet", v->imagenet_side, number, stage + 4, err));
        }
    }
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
    return st;
}
