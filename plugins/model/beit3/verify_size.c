/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of BEiT-3's golden files that are about sizes: positions for another size of pictures,
 * weights so small that the eps of norms is seen, and pictures as they are prepared. */
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table of positions for a grid: what lies in front of it, and the rows that the model made. */
static omn_status put_table(golden_run *r, const char *stage, int64_t side, bool run,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    verify *v = beit3_of(r);
    golden_run other = { 0 };
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
        OMN_TRY(omn_exec_run(other.exec, other.graph, other.feed, v->g.call, err));
    } else {
        OMN_TRY(verify_ask_run(&other, &embed, err));
        if (golden_output(&other, "encoder_out", &rows))
            OMN_TRY(omn_feed_copy(r->made, "encoder_out", &rows, err));
    }
    OMN_TRY(omn_weights_open(v->g.weights, &w, err));
    const omn_tensor *table = omn_weights_get(w, name);
    if (!table || !golden_output(&other, "positions.A", &rows)) goto done;
    const int64_t n = rows.shape.dim[1];
    OMN_TRY(omn_feed_new(r->made, stage, OMN_F32, omn_dim2(2 + n, v->D), &data, err));
    memcpy(data, table->data, (size_t)(2 * v->D) * sizeof(float));
    memcpy((float *)data + 2 * v->D, rows.data, rows.bytes);
done:
    omn_weights_close(w);
    golden_close(&other);
    return st;
}

omn_status verify_resized(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    OMN_TRY(omn_feed_make(&r.made, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *stage = omn_weights_name(v->g.file, i);
        long side = 0;
        if (sscanf(stage, "out.positions_A.%ld", &side) != 1 || side < 1 || side > 1024) continue;
        OMN_TRY(put_table(&r, stage + 4, side, side * v->patch == v->img2, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* Rows of a weight become those of "override.NAME": the first ones, or those that `which` says. */
static omn_status replace(golden_run *r, const char *name, const omn_tensor *which, omn_error *err)
{
    char stage[160];
    omn_format(stage, sizeof stage, "override.%s", name);
    const omn_tensor *t = omn_weights_get(r->g->file, stage);
    const long at = omn_store_find(r->store, name);
    if (!t || at < 0 || t->type != OMN_F32 || t->shape.rank != 2)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is no table of the model", r->g->name,
                        stage);
    const omn_tensor whole = omn_store_tensor(r->store, (size_t)at);
    const int64_t rows = t->shape.dim[0], D = t->shape.dim[1];
    for (int64_t i = 0; i < rows; i++) {
        int32_t to = (int32_t)i;
        if (which && (size_t)i < which->bytes / 4)
            memcpy(&to, (const char *)which->data + i * 4, 4);
        if (to < 0 || to >= whole.shape.dim[0] || D != whole.shape.dim[1])
            return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" does not fit", r->g->name, stage);
        memcpy(omn_store_data(r->store, (size_t)at) + to * D, (const float *)t->data + i * D,
               (size_t)D * sizeof(float));
    }
    return omn_feed_copy(r->made, stage, t, err);
}

omn_status verify_eps(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const omn_tensor *which = omn_weights_get(v->g.file, "override.text_rows");
    const verify_ask words = { .phase = OMN_TEACH, .words = true };
    const verify_how how = { .task = "pretrain", .model = { .writable = true } };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_graph(&r, &words, err));
    if (which) OMN_TRY(omn_feed_copy(r.made, "override.text_rows", which, err));
    OMN_TRY(replace(&r, "beit3.text_embed.weight", which, err));
    OMN_TRY(replace(&r, "beit3.encoder.embed_positions.B.weight", NULL, err));
    OMN_TRY(omn_exec_run(r.exec, r.graph, r.feed, v->g.call, err));
    OMN_TRY(verify_collect(&r, "", err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* A picture as a task prepares it, plane by plane. */
static omn_status put_prepared(golden_run *r, const char *task, int64_t side, int number,
                               const char *stage, omn_error *err)
{
    omn_status st = OMN_OK;
    verify *v = beit3_of(r);
    golden_run other = { 0 };
    omn_value *in = NULL;
    void *data = NULL;
    char name[32];
    const verify_how how = { .task = task, .side = side, .model = { .hollow = true } };
    snprintf(name, sizeof name, "in.picture_%d", number);
    const omn_tensor *t = omn_weights_get(v->g.file, name);
    if (!t) return omn_fail(err, OMN_ERR_DATA, "%s: it has no \"%s\"", v->g.name, name);
    OMN_TRY(verify_open(v, &how, &other, err));
    OMN_TRY(golden_picture(&v->g, t, &in, err));
    OMN_TRY(omn_model_prepare(other.model, v->g.call, "image", in, other.feed, NULL, err));
    const omn_tensor *px = omn_feed_get(other.feed, "pixels");
    if (!px) goto done;
    const int64_t n = px->shape.dim[0], plane = n * n;
    OMN_TRY(omn_feed_new(r->made, stage, OMN_F32, omn_dim3(3, n, n), &data, err));
    for (int64_t i = 0; i < 3 * plane; i++)
        ((float *)data)[i] = ((const float *)px->data)[i % plane * 3 + i / plane];
done:
    omn_value_unref(in);
    golden_close(&other);
    return st;
}

omn_status verify_pictures(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    /* no whole number of the model's patches: one patch will do */
    OMN_TRY(omn_feed_make(&r.made, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *stage = omn_weights_name(v->g.file, i);
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
    golden_close(&r);
    return st;
}
