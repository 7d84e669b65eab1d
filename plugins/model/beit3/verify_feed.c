/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs and targets of a golden file as the graphs want them. */
#include "verify.h"

#include <string.h>

/* ids, seg and pos below a name. */
static omn_status feed_words(golden_run *r, const char *name, int64_t *rows, int64_t *length,
                             omn_error *err)
{
    const char *pad = omn_weights_get(r->g->in, "in.padding_mask") ? "in.padding_mask" : NULL;
    return golden_feed_tokens(r, "in.text_ids", pad, true, name, rows, length, err);
}

/* A target's port from a golden tensor of the same shape, from none (all `fill`). */
static omn_status feed_target(golden_run *r, const char *role, const char *what, omn_type type,
                              int64_t rows, int64_t length, const char *from, double fill,
                              omn_error *err)
{
    return from ? golden_feed_target(r, role, what, type, rows, length, from, err)
                : golden_feed_filled(r, role, what, type, rows, length, fill, err);
}

/* Where nothing but the shape matters. */
static omn_status feed_plain(golden_run *r, const char *role, int64_t rows, int64_t length,
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

static omn_status aim_words(golden_run *r, const verify_ask *a, int64_t *rows, int64_t *length,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const char *marks = "in.language_masked_pos";
    if (!omn_weights_get(r->g->in, marks)) marks = NULL;
    OMN_TRY(feed_words(r, "target.text", rows, length, err));
    OMN_TRY(feed_plain(r, "text", *rows, *length, false, err));
    OMN_TRY(feed_target(r, "text", "noised", OMN_F32, *rows, *length, marks, 0, err));
    if (!a->labels) goto done;
    OMN_TRY(feed_target(r, "text", "labels", OMN_I32, *rows, *length, "in.labels", 0, err));
    OMN_TRY(feed_target(r, "text", "weight", OMN_F32, *rows, *length, marks, 1, err));
done:
    return st;
}

static omn_status aim_codes(golden_run *r, const verify_ask *a, int64_t rows, int64_t length,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const char *hidden = "in.vision_masked";
    if (!omn_weights_get(r->g->in, hidden)) hidden = NULL;
    OMN_TRY(feed_plain(r, "codes", rows, length, true, err));
    OMN_TRY(feed_target(r, "codes", "noised", OMN_F32, rows, length, hidden, 0, err));
    if (!a->labels) goto done;
    OMN_TRY(feed_target(r, "codes", "labels", OMN_I32, rows, length, "in.codes", 0, err));
    OMN_TRY(feed_target(r, "codes", "weight", OMN_F32, rows, length, hidden, 1, err));
done:
    return st;
}

/* One class for each row, or how right each class is. */
static omn_status aim_label(golden_run *r, const char *role, int64_t rows, int64_t *length,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    void *data = NULL;
    char name[96];
    const omn_tensor *t = omn_weights_get(r->g->in, "in.labels");
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

static omn_status feed_all(golden_run *r, const verify_ask *a, lists *l, omn_graph_sizes *z,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t side = beit3_of(r)->img / beit3_of(r)->patch, N = side * side;
    const char *label = omn_model_decoder(r->model, "label") ? "label" : "answer";
    uint32_t n = 0, k = 0;
    int64_t rows = 0;
    omn_feed_clear(r->feed);
    if (a->image) {
        l->roles[n++] = "image";
        OMN_TRY(golden_feed_pixels(r, "in.image", "image.pixels", &rows, err));
    }
    if (a->image2) {
        l->roles[n++] = "image";
        OMN_TRY(golden_feed_pixels(r, "in.image2", "image#2.pixels", &rows, err));
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

omn_status verify_graph(golden_run *r, const verify_ask *a, omn_error *err)
{
    lists l = { 0 };
    omn_graph_sizes z;
    const omn_status st = feed_all(r, a, &l, &z, err);
    return st == OMN_OK ? golden_graph(r, &z, err) : st;
}

omn_status verify_ask_run(golden_run *r, const verify_ask *a, omn_error *err)
{
    const omn_status st = verify_graph(r, a, err);
    return st == OMN_OK ? omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err) : st;
}
