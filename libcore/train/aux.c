/* SPDX-License-Identifier: Apache-2.0 */
/* An auxiliary loss for training from nothing: one linear layer on the features of the picture's
 * encoder says for each cell what is in it (groups of classes) and where its edges are. It gives
 * the encoder a reason to see before the text loss does. The head is no part of the exported model.
 * Its weight is an input of the graph, so that one graph serves while it falls. */
#include "trainer.h"

#include <math.h>
#include <stdio.h>

/* Smooth L1 of d: d d / 2 up to 1, |d| - 1/2 beyond. With a = |d| and r = relu(a - 1): (a - r)^2 /
 * 2 + r. */
static omn_node *smooth_l1(omn_scope *s, omn_node *d)
{
    omn_node *a = omn_activate(s, d, OMN_ACT_ABS);
    omn_node *r = omn_activate(s, omn_scale(s, a, 1, -1), OMN_ACT_RELU);
    omn_node *in = omn_add(s, a, omn_scale(s, r, -1, 0));
    return omn_add(s, omn_scale(s, omn_activate(s, in, OMN_ACT_SQUARE), 0.5, 0), r);
}

void aux_extend(void *user, omn_scope *root, omn_bundle *out)
{
    const omn_train_setup *u = &((const omn_trainer *)user)->setup;
    char name[96];
    omn_scope *s = omn_scope_at(root, "/aux");
    snprintf(name, sizeof(name), "features.%s", u->aux_role);
    omn_node *x = omn_bundle_get(out, s, name), *sum = NULL;
    if (!x) return;
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1), D = omn_node_dim(x, -1);
    int64_t outputs = u->aux_edges, at = 0;
    for (uint32_t g = 0; g < u->aux_groups; g++) outputs += u->aux_classes[g];
    omn_node *y =
        omn_linear(s, x, omn_weight(s, "weight", omn_dim2(outputs, D), OMN_INIT_FAN_IN, 1),
                   omn_weight(s, "bias", omn_dim1(outputs), OMN_INIT_ZERO, 0), OMN_ACT_NONE);
    for (uint32_t g = 0; g < u->aux_groups; g++) {
        const omn_ce ce = { OMN_FILL(omn_ce) };
        snprintf(name, sizeof(name), "aux.labels.%u", g);
        omn_node *labels = omn_input(s, name, OMN_I32, omn_dim2(B, N));
        snprintf(name, sizeof(name), "aux.weights.%u", g);
        omn_node *weights = omn_input(s, name, OMN_F32, omn_dim2(B, N)), *each = NULL;
        omn_node *loss = omn_cross_entropy(s, omn_slice(s, y, -1, at, u->aux_classes[g]), labels,
                                           weights, &ce, &each);
        sum = sum ? omn_add(s, sum, loss) : loss;
        at += u->aux_classes[g];
    }
    if (u->aux_edges) {
        const omn_shape bne = omn_dim3(B, N, u->aux_edges);
        omn_node *d = omn_add(s, omn_slice(s, y, -1, at, u->aux_edges),
                              omn_scale(s, omn_input(s, "aux.edges", OMN_F32, bne), -1, 0));
        omn_node *loss =
            omn_mul(s, smooth_l1(s, d), omn_input(s, "aux.edge_weights", OMN_F32, bne));
        loss = omn_reshape(s, omn_sum(s, loss, 7, false, false), omn_dim1(1));
        sum = sum ? omn_add(s, sum, loss) : loss;
    }
    omn_node *scaled = omn_mul(s, sum, omn_input(s, "aux.scale", OMN_F32, omn_dim1(1)));
    omn_node *text = omn_bundle_get(out, s, "loss");
    omn_bundle_put(out, s, "loss.aux", sum);
    omn_bundle_replace(out, s, "loss", omn_add(s, text, scaled));
}

omn_status aux_fill(omn_trainer *t, const omn_page *p, uint32_t b, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    const size_t N = t->cells, G = u->aux_groups, E = u->aux_edges, from = b * N;
    if ((p->cell_labels || p->cell_edges) && p->n_cells != N)
        return omn_fail(err, OMN_ERR_SHAPE, "labels of %u cells, %zu are wanted", p->n_cells, N);
    for (size_t i = 0; p->cell_labels && i < N; i++)
        for (size_t g = 0; g < G; g++) {
            const int32_t label = p->cell_labels[i * G + g];
            if (label < -1 || label >= u->aux_classes[g])
                return omn_fail(err, OMN_ERR_DATA, "label %d of cell %zu: -1..%d is wanted", label,
                                i, u->aux_classes[g] - 1);
            t->aux_labels[g][from + i] = label < 0 ? 0 : label;
            t->aux_weights[g][from + i] = label < 0 ? 0 : 1;
        }
    for (size_t i = 0; p->cell_edges && i < N * E; i++) {
        const bool counts = isfinite(p->cell_edges[i]);
        t->aux_edges[from * E + i] = counts ? p->cell_edges[i] : 0;
        t->aux_edge_weights[from * E + i] = counts ? 1 : 0;
    }
    return OMN_OK;
}

void aux_finish(omn_trainer *t)
{
    const size_t n = (size_t)t->setup.batch * t->cells * t->setup.aux_edges;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += t->aux_edge_weights[i] > 0;
    for (size_t i = 0; i < n; i++) t->aux_edge_weights[i] /= (float)(count ? count : 1);
    *t->aux_scale = (float)schedule_at(&t->setup, t->step).aux;
}
