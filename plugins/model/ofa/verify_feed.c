/* SPDX-License-Identifier: Apache-2.0 */
/* What graphs are asked of OFA's golden files and fed from them. Padding is told by its id, a
 * picture that is not there by its row's mask; padding looks at what the others see, as in the
 * original, and is compared too. */
#include "verify.h"

#include <string.h>

#define PAD 1

/* Padding does not count: a port i32 is 0 where ids are padding. */
static void blank_padding(golden_run *r, const char *ids, const char *port)
{
    const omn_tensor *from = omn_feed_get(r->feed, ids), *to = omn_feed_get(r->feed, port);
    for (size_t i = 0; i < from->bytes / sizeof(int32_t); i++)
        if (((const int32_t *)from->data)[i] == PAD) ((int32_t *)(uintptr_t)to->data)[i] = 0;
}

static omn_status feed_picture(golden_run *r, int64_t *places, omn_error *err)
{
    omn_status st = OMN_OK;
    int64_t rows = 0;
    void *seg = NULL;
    const omn_tensor *mask = NULL, *order = omn_weights_get(r->g->in, "in.patch_orders");
    OMN_TRY(golden_feed_pixels(r, "in.patch_images", "image.pixels", &rows, err));
    const omn_tensor *px = omn_feed_get(r->feed, "image.pixels");
    const int64_t N = ((px->shape.dim[1] + 15) / 16) * ((px->shape.dim[2] + 15) / 16);
    OMN_TRY(golden_input(r->g, "in.patch_masks", OMN_I32, 1, &mask, err));
    OMN_TRY(omn_feed_new(r->feed, "image.seg", OMN_I32, omn_dim2(rows, N), &seg, err));
    if (mask->shape.dim[0] != rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: a mask of %lld pictures, there are %lld",
                         r->g->name, (long long)mask->shape.dim[0], (long long)rows));
    for (int64_t i = 0; i < rows * N; i++) {
        int32_t on;
        memcpy(&on, (const char *)mask->data + (size_t)(i / N) * sizeof on, sizeof on);
        ((int32_t *)seg)[i] = on != 0;
    }
    if (order) OMN_TRY(omn_feed_copy(r->feed, "image.order", order, err));
    *places = order && order->shape.rank == 2 ? order->shape.dim[1] : N;
done:
    return st;
}

omn_status verify_text(const golden_run *r, int64_t *rows, int64_t *length, omn_error *err)
{
    const omn_tensor *t = NULL;
    const omn_status st = golden_input(r->g, "in.src_tokens", OMN_I32, 2, &t, err);
    if (st != OMN_OK) return st;
    *rows = t->shape.dim[0];
    *length = t->shape.dim[1];
    return OMN_OK;
}

static omn_status feed_target(golden_run *r, const char *role, bool labels, int64_t *length,
                              omn_error *err)
{
    char ids[64], seg[64];
    int64_t rows = 0;
    const golden_taught t = { .role = role, .ids = "in.prev_output_tokens",
                              .labels = labels ? "in.target" : NULL, .ignored = PAD };
    const omn_status st = golden_feed_taught(r, &t, &rows, length, err);
    if (st != OMN_OK) return st;
    omn_format(ids, sizeof ids, "target.%s.ids", role);
    omn_format(seg, sizeof seg, "target.%s.seg", role);
    blank_padding(r, ids, seg);
    return OMN_OK;
}

omn_status verify_graph(golden_run *r, const verify_ask *a, omn_error *err)
{
    omn_status st = OMN_OK;
    static const char *const roles[] = { "image", "text" };
    const char *outputs[2];
    int64_t lengths[2] = { 0 }, targets[2] = { 0 }, rows = 0, places = 0;
    const bool image = omn_weights_get(r->g->in, "in.patch_images") != NULL;
    uint32_t n = 0;
    omn_feed_clear(r->feed);
    if (image) OMN_TRY(feed_picture(r, &places, err));
    OMN_TRY(golden_feed_tokens(r, "in.src_tokens", NULL, false, "text", &rows, &lengths[1], err));
    blank_padding(r, "text.ids", "text.seg");
    for (int i = 0; i < 2; i++) {
        if (!(i ? a->codes : a->text)) continue;
        outputs[n] = i ? "image" : "text";
        OMN_TRY(feed_target(r, outputs[n], a->labels, &targets[n], err));
        n++;
    }
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = a->phase, .rows = rows,
                                .roles = roles + !image, .lengths = lengths + !image,
                                .n_roles = image ? 2 : 1, .outputs = outputs,
                                .target_lengths = targets, .n_outputs = n, .labels = a->labels };
    OMN_TRY(golden_graph(r, &z, err));
done:
    return st;
}

omn_status verify_ask_run(golden_run *r, const verify_ask *a, omn_error *err)
{
    const omn_status st = verify_graph(r, a, err);
    return st == OMN_OK ? omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err) : st;
}
