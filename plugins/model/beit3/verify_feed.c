/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs and targets of a golden file as the graphs want them. */
#include "verify.h"

#include <string.h>

/* Pictures [B,3,S,S] as pixels [B,S,S,3]. */
static omn_status feed_picture(verify_run *r, const char *from, const char *to, int64_t *rows,
                               omn_error *err)
{
    const omn_tensor *t;
    void *data = NULL;
    omn_status st = verify_input(r->v, from, OMN_F32, 4, &t, err);
    if (st != OMN_OK) return st;
    const int64_t *d = t->shape.dim, plane = d[2] * d[3];
    if (d[1] != 3)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" has %lld channels, 3 are wanted",
                        r->v->name, from, (long long)d[1]);
    *rows = d[0];
    st = omn_feed_new(r->feed, to, OMN_F32, omn_dim4(d[0], d[2], d[3], 3), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < d[0] * 3 * plane; i++) {
        const int64_t b = i / (3 * plane), c = i / plane % 3, at = i % plane;
        float x;
        memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
        ((float *)data)[(b * plane + at) * 3 + c] = x;
    }
    return st;
}

/* ids, seg and pos below a name. */
static omn_status feed_words(verify_run *r, const char *name, int64_t *rows, int64_t *length,
                             omn_error *err)
{
    static const char *const ports[3] = { "ids", "seg", "pos" };
    const omn_tensor *ids, *pad = NULL;
    char full[96];
    void *data[3] = { NULL };
    omn_status st = verify_input(r->v, "in.text_ids", OMN_I32, 2, &ids, err);
    if (st == OMN_OK && omn_weights_get(r->v->in, "in.padding_mask"))
        st = verify_input(r->v, "in.padding_mask", OMN_I32, 2, &pad, err);
    if (st != OMN_OK) return st;
    if (pad && !omn_shape_equal(&pad->shape, &ids->shape))
        return omn_fail(err, OMN_ERR_DATA, "%s: ids and padding differ in shape", r->v->name);
    *rows = ids->shape.dim[0];
    *length = ids->shape.dim[1];
    for (int i = 0; i < 3; i++) {
        omn_format(full, sizeof full, "%s.%s", name, ports[i]);
        st = omn_feed_new(r->feed, full, OMN_I32, ids->shape, &data[i], err);
        if (st != OMN_OK) return st;
    }
    memcpy(data[0], ids->data, ids->bytes);
    for (int64_t i = 0; i < *rows * *length; i++) {
        int32_t p = 0;
        if (pad) memcpy(&p, (const char *)pad->data + (size_t)i * sizeof p, sizeof p);
        ((int32_t *)data[1])[i] = !p;
        ((int32_t *)data[2])[i] = (int32_t)(i % *length);
    }
    return st;
}

/* A target input of whole numbers or numbers, from a golden tensor of the same shape, from none
 * (all `fill`), or the numbers of classes along each row. */
static omn_status feed_target(verify_run *r, const char *role, const char *what, omn_type type,
                              int64_t rows, int64_t length, const char *from, double fill,
                              omn_error *err)
{
    const omn_tensor *t = NULL;
    char name[96];
    void *data = NULL;
    omn_status st = OMN_OK;
    if (from) {
        const omn_tensor *any = omn_weights_get(r->v->in, from);
        st = verify_input(r->v, from, any ? any->type : type, any ? any->shape.rank : 2, &t, err);
        if (st == OMN_OK && t->bytes != (size_t)(rows * length) * 4)
            st = omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" has another size than its target",
                          r->v->name, from);
    }
    omn_format(name, sizeof name, "target.%s.%s", role, what);
    if (st == OMN_OK)
        st = omn_feed_new(r->feed, name, type, omn_dim2(rows, length), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows * length; i++) {
        int32_t k = 0;
        float x = (float)fill;
        if (t && t->type == OMN_I32) {
            memcpy(&k, (const char *)t->data + (size_t)i * 4, 4);
            x = (float)k;
        } else if (t) {
            memcpy(&x, (const char *)t->data + (size_t)i * 4, 4);
        }
        if (type == OMN_F32) ((float *)data)[i] = x;
        else ((int32_t *)data)[i] = t ? k : (int32_t)x;
    }
    return st;
}

/* Where nothing but the shape matters. */
static omn_status feed_plain(verify_run *r, const char *role, int64_t rows, int64_t length,
                             bool ids, omn_error *err)
{
    omn_status st = OMN_OK;
    if (ids) OMN_TRY(feed_target(r, role, "ids", OMN_I32, rows, length, NULL, 0, err));
    if (ids) OMN_TRY(feed_target(r, role, "pos", OMN_I32, rows, length, NULL, 0, err));
    if (ids) OMN_TRY(feed_target(r, role, "seg", OMN_I32, rows, length, NULL, 1, err));
    OMN_TRY(feed_target(r, role, "part", OMN_I32, rows, length, NULL, 1, err));
done:
    return st;
}

static omn_status aim_words(verify_run *r, const verify_ask *a, int64_t *rows, int64_t *length,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const char *marks = "in.language_masked_pos";
    if (!omn_weights_get(r->v->in, marks)) marks = NULL;
    OMN_TRY(feed_words(r, "target.text", rows, length, err));
    OMN_TRY(feed_plain(r, "text", *rows, *length, false, err));
    OMN_TRY(feed_target(r, "text", "noised", OMN_F32, *rows, *length, marks, 0, err));
    if (!a->labels) goto done;
    OMN_TRY(feed_target(r, "text", "labels", OMN_I32, *rows, *length, "in.labels", 0, err));
    OMN_TRY(feed_target(r, "text", "weight", OMN_F32, *rows, *length, marks, 1, err));
done:
    return st;
}

static omn_status aim_codes(verify_run *r, const verify_ask *a, int64_t rows, int64_t length,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const char *hidden = "in.vision_masked";
    if (!omn_weights_get(r->v->in, hidden)) hidden = NULL;
    OMN_TRY(feed_plain(r, "codes", rows, length, true, err));
    OMN_TRY(feed_target(r, "codes", "noised", OMN_F32, rows, length, hidden, 0, err));
    if (!a->labels) goto done;
    OMN_TRY(feed_target(r, "codes", "labels", OMN_I32, rows, length, "in.codes", 0, err));
    OMN_TRY(feed_target(r, "codes", "weight", OMN_F32, rows, length, hidden, 1, err));
done:
    return st;
}

/* One class for each row, or how right each class is. */
static omn_status aim_label(verify_run *r, const char *role, int64_t rows, int64_t *length,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    void *data = NULL;
    char name[96];
    const omn_tensor *t = omn_weights_get(r->v->in, "in.labels");
    const bool soft = t && t->shape.rank == 2;
    *length = soft ? t->shape.dim[1] : 1;
    OMN_TRY(feed_plain(r, role, rows, *length, true, err));
    OMN_TRY(feed_target(r, role, "weight", OMN_F32, rows, *length, soft ? "in.labels" : NULL, 1,
                        err));
    if (!soft) {
        OMN_TRY(feed_target(r, role, "labels", OMN_I32, rows, 1, "in.labels", 0, err));
        goto done;
    }
    omn_format(name, sizeof name, "target.%s.labels", role);
    OMN_TRY(omn_feed_new(r->feed, name, OMN_I32, omn_dim2(rows, *length), &data, err));
    for (int64_t i = 0; i < rows * *length; i++)
        ((int32_t *)data)[i] = (int32_t)(i % *length);
done:
    return st;
}

/* Room for what omn_graph_sizes borrows. */
typedef struct lists {
    const char *roles[3], *outputs[2];
    int64_t lengths[3], targets[2];
} lists;

static omn_status feed_all(verify_run *r, const verify_ask *a, lists *l, omn_graph_sizes *z,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t side = r->v->img / r->v->patch, N = side * side;
    const char *label = omn_model_decoder(r->model, "label") ? "label" : "answer";
    uint32_t n = 0, k = 0;
    int64_t rows = 0;
    omn_feed_clear(r->feed);
    if (a->image) {
        l->roles[n++] = "image";
        OMN_TRY(feed_picture(r, "in.image", "image.pixels", &rows, err));
    }
    if (a->image2) {
        l->roles[n++] = "image";
        OMN_TRY(feed_picture(r, "in.image2", "image#2.pixels", &rows, err));
    }
    if (a->text) {
        l->roles[n] = "text";
        OMN_TRY(feed_words(r, "text", &rows, &l->lengths[n++], err));
    }
    if (a->words) {
        l->outputs[k] = "text";
        OMN_TRY(aim_words(r, a, &rows, &l->targets[k++], err));
    }
    if (a->codes) {
        l->outputs[k] = "codes";
        l->targets[k++] = N;
        OMN_TRY(aim_codes(r, a, rows, N, err));
    }
    if (a->label) {
        l->outputs[k] = label;
        OMN_TRY(aim_label(r, label, rows, &l->targets[k++], err));
    }
    *z = (omn_graph_sizes){ OMN_FILL(omn_graph_sizes), .phase = a->phase, .rows = rows,
                            .roles = l->roles, .lengths = l->lengths, .n_roles = n,
                            .outputs = l->outputs, .target_lengths = l->targets, .n_outputs = k,
                            .labels = a->labels, .noised = a->words || a->codes };
done:
    return st;
}

/* The objective that the model was opened with. */
static const omn_part *objective(const omn_model *m)
{
    omn_part *const *list = NULL;
    const size_t n = omn_model_parts(m, &list);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(omn_part_role(list[i]), "loss")) return list[i];
    return NULL;
}

omn_status verify_graph(verify_run *r, const verify_ask *a, omn_error *err)
{
    lists l = { 0 };
    omn_graph_sizes z;
    omn_status st = feed_all(r, a, &l, &z, err);
    if (st != OMN_OK) return st;
    if (a->labels && !(z.objective = objective(r->model)))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: not supported, the plugin of its objective is not installed",
                        r->v->name);
    return omn_model_graph(r->model, &z, &r->graph, err);
}

omn_status verify_ask_run(verify_run *r, const verify_ask *a, omn_error *err)
{
    const omn_status st = verify_graph(r, a, err);
    return st == OMN_OK ? omn_exec_run(r->exec, r->graph, r->feed, r->v->call, err) : st;
}
