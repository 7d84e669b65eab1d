/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives: a small graph of logits and features, whose loss is one finite number, and whose
 * gradient says how it changes: along the gradient the loss rises by the gradient's length, found
 * by differences. Hostile: logits that are huge or all alike, places without weight, labels that
 * are none there. */
#include "tongue.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 8
#define WIDTH  6
#define CELLS  4

typedef struct sizes {
    const trial *t;
    const omn_part *decoder;
    int64_t B, T, V;
    bool alone; /* none of the usual outputs was enough */
    char wrong[200];
} sizes;

static bool one_number(const omn_node *x)
{
    const omn_shape shape = omn_node_shape(x);
    size_t n;
    return omn_shape_count(&shape, &n) && n == 1;
}

/* What is told of the loss has the shapes that it should. */
static void check_told(sizes *z, const omn_bundle *out)
{
    omn_node *each = omn_bundle_find(out, "nll.text"), *one = omn_bundle_find(out, "loss.text");
    const omn_shape bt = omn_dim2(z->B, z->T);
    if (each) {
        const omn_shape shape = omn_node_shape(each);
        if (!omn_shape_equal(&shape, &bt))
            snprintf(z->wrong, sizeof(z->wrong), "nll.text is one number for each place, [B,T]");
    }
    if (one && !one_number(one))
        snprintf(z->wrong, sizeof(z->wrong), "loss.text is one number, [1]");
}

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    sizes *z = user;
    const omn_objective_impl *m = z->t->s->impl;
    const omn_shape bt = omn_dim2(z->B, z->T);
    omn_target target = { OMN_FILL(omn_target), .part = z->decoder };
    const omn_target *const targets[1] = { &target };
    omn_bundle *given = omn_bundle_new(s);
    omn_bundle_put(given, s, "logits.text",
                   omn_weight(s, "logits", omn_dim3(z->B, z->T, z->V), OMN_INIT_NORMAL, 1));
    omn_bundle_put(given, s, "features.image",
                   omn_weight(s, "features", omn_dim3(z->B, CELLS, WIDTH), OMN_INIT_NORMAL, 1));
    target.ids = omn_input(s, "ids", OMN_I32, bt);
    target.pos = omn_input(s, "pos", OMN_I32, bt);
    target.seg = omn_input(s, "seg", OMN_I32, bt);
    target.labels = omn_input(s, "labels", OMN_I32, bt);
    target.weight = omn_input(s, "weight", OMN_F32, bt);
    omn_node *loss = m->loss(z->t->s->self, s, given, targets, 1, out);
    if (!loss) {
        z->alone = true;
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "no loss of logits and features alone");
        return;
    }
    if (!one_number(loss))
        snprintf(z->wrong, sizeof(z->wrong), "the loss is one number, [1]");
    check_told(z, out);
    omn_bundle_put(out, s, "loss", loss);
}

/* ---- numbers --------------------------------------------------------------------------------- */

typedef struct bench {
    omn_store *store;
    omn_program *program;
    omn_exec *exec;
    omn_graph *graph;
    omn_feed *feed;
} bench;

static void bench_free(bench *b)
{
    omn_feed_free(b->feed);
    omn_exec_free(b->exec);
    omn_program_free(b->program);
    omn_store_free(b->store);
}

static omn_status fill(trial *t, const sizes *z, omn_feed *f, omn_error *err)
{
    static const char *const rows[] = { "ids", "pos", "seg", "labels" };
    omn_status st = OMN_OK;
    void *to;
    const bool none = t->hostile && dice_roll(&t->d, 3) == 0;
    int32_t *labels = NULL;
    for (size_t k = 0; k < 4; k++) {
        OMN_TRY(omn_feed_new(f, rows[k], OMN_I32, omn_dim2(z->B, z->T), &to, err));
        int32_t *x = to;
        for (int64_t i = 0; i < z->B * z->T; i++)
            x[i] = k == 1   ? (int32_t)(i % z->T)
                   : k == 2 ? 1
                            : (int32_t)dice_roll(&t->d, (uint64_t)z->V);
        if (k == 3) labels = x;
    }
    OMN_TRY(omn_feed_new(f, "weight", OMN_F32, omn_dim2(z->B, z->T), &to, err));
    for (int64_t i = 0; i < z->B * z->T; i++) {
        float *w = to;
        w[i] = none ? 0 : (float)dice_double(&t->d, 0.5, 1.5);
        if (!t->hostile || dice_roll(&t->d, 3)) continue;
        w[i] = 0; /* a label that does not count may be none */
        labels[i] = -1;
    }
done:
    return st;
}

static void spoil(trial *t, omn_store *store)
{
    const double size = dice_roll(&t->d, 2) ? 1e4 : 0;
    for (size_t i = 0; i < omn_store_count(store); i++) {
        float *x = omn_store_data(store, i);
        const omn_tensor of = omn_store_tensor(store, i);
        for (size_t k = 0; k < of.bytes / sizeof(float); k++)
            x[k] = size > 0 ? (float)dice_double(&t->d, -size, size) : 1;
    }
}

static omn_status loss_of(trial *t, bench *b, double *loss, omn_error *err)
{
    omn_tensor y;
    omn_status st = omn_exec_run(b->exec, b->graph, b->feed, t->c, err);
    if (st == OMN_OK) st = omn_exec_output(b->exec, b->graph, "loss", &y, err);
    if (st == OMN_OK) *loss = (double)*(const float *)y.data;
    return st;
}

/* Copies of the gradients, [i] NULL where none flows; the square of their length. */
static double gradients(bench *b, float **of, size_t most)
{
    double sum = 0;
    for (size_t i = 0; i < omn_store_count(b->store) && i < most; i++) {
        char name[160];
        omn_tensor g;
        snprintf(name, sizeof(name), "grad:%s", omn_store_name(b->store, i));
        if (omn_exec_output(b->exec, b->graph, name, &g, NULL) != OMN_OK) continue;
        of[i] = malloc(g.bytes + 1);
        if (!of[i]) continue;
        memcpy(of[i], g.data, g.bytes);
        for (size_t k = 0; k < g.bytes / sizeof(float); k++)
            sum += (double)of[i][k] * (double)of[i][k];
    }
    return sum;
}

static void move(bench *b, float *const *of, double by)
{
    for (size_t i = 0; i < omn_store_count(b->store) && i < 8; i++) {
        float *x = omn_store_data(b->store, i);
        const size_t n = omn_store_tensor(b->store, i).bytes / sizeof(float);
        for (size_t k = 0; of[i] && k < n; k++)
            x[k] = (float)((double)x[k] + by * (double)of[i][k]);
    }
}

/* The loss a little up and down the gradient. */
static omn_status check_slope(trial *t, bench *b, double loss, omn_error *err)
{
    omn_status st = OMN_OK;
    float *of[8] = { NULL };
    double up = 0, down = 0;
    const double square = gradients(b, of, 8), length = sqrt(square);
    if (!isfinite(length)) {
        complain(t, "its gradient has elements that are no numbers");
        goto done;
    }
    if (length < 1e-4) goto done; /* flat here */
    const double h = 0.02 * fmax(1, fabs(loss)) / length;
    move(b, of, h / length);
    OMN_TRY(loss_of(t, b, &up, err));
    move(b, of, -2 * h / length);
    OMN_TRY(loss_of(t, b, &down, err));
    const double slope = (up - down) / (2 * h);
    if (!(fabs(slope - length) <= 0.05 * length))
        complain(t, "its gradient says that the loss changes by %g, and it changes by %g", length,
                 slope);
done:
    for (size_t i = 0; i < 8; i++) free(of[i]);
    return st;
}

static omn_status numbers(trial *t, sizes *z, bench *b, omn_error *err)
{
    omn_status st = OMN_OK;
    double loss = 0;
    OMN_TRY(omn_store_new(dice_bits(&t->d), NULL, true, &b->store, err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = t->s->ctx,
                                    .store = b->store, .precision = OMN_PRECISION_F32 };
    OMN_TRY(omn_program_new(&how, &b->program, err));
    OMN_TRY(omn_program_graph_gradient(b->program, "validate", build, z, "loss", NULL, 0,
                                       &b->graph, err));
    if (z->wrong[0]) goto done;
    OMN_TRY(omn_exec_new(b->program, &b->exec, err));
    OMN_TRY(omn_feed_make(&b->feed, err));
    OMN_TRY(fill(t, z, b->feed, err));
    if (t->hostile) spoil(t, b->store);
    OMN_TRY(loss_of(t, b, &loss, err));
    if (!isfinite(loss)) complain(t, "the loss is no number (%g)", loss);
    t->digest = bytes_digest(t->digest, &loss, sizeof(loss));
    if (!t->hostile && !t->found[0]) OMN_TRY(check_slope(t, b, loss, err));
done:
    return st;
}

static void call(trial *t)
{
    tongue *g = NULL;
    bench b = { 0 };
    omn_error err = OMN_ERROR_INIT;
    if (tongue_new(&t->d, t->s->ctx, t->c, PLACES, false, &g, &err) != OMN_OK) return;
    sizes z = { .t = t, .decoder = tongue_decoder(g), .B = 1 + (int64_t)dice_roll(&t->d, 3),
                .T = 1 + (int64_t)dice_roll(&t->d, 5) };
    z.V = omn_part_vocabulary(z.decoder)->rows;
    const omn_status st = numbers(t, &z, &b, &err);
    if (z.alone)
        snprintf(t->left_out, sizeof(t->left_out), "cannot be asked alone: %.200s", err.text);
    else if (z.wrong[0])
        complain(t, "%s", z.wrong);
    else
        judge(t, "its graph", st, &err);
    if (st != OMN_OK && !z.alone && !t->found[0])
        complain(t, "its graph cannot be run: %s", err.text);
    bench_free(&b);
    tongue_free(g);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_objective = { "omnio.objective/1", NULL, call, shared, true };
