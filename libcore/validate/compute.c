/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: they say what they are, and a small graph gives on each of them what it gives in float64
 * arithmetic. */
#include "inside.h"

#include <omnio/compute.h>
#include <omnio/graph.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROWS  5
#define WIDTH 19
#define WIDE  13

typedef struct sums {
    float w[WIDE * WIDTH], x[ROWS * WIDTH];
} sums;

/* y = softmax(x W^T), and the rows' sums. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const sums *k = user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(ROWS, WIDTH));
    omn_node *w = omn_const(s, OMN_F32, omn_dim2(WIDE, WIDTH), k->w);
    omn_bundle_put(out, s, "y", omn_softmax(s, omn_matmul(s, x, w, false, true, 1)));
}

static void compare(trial *t, const sums *k, const float *y)
{
    for (size_t i = 0; i < ROWS; i++) {
        double z[WIDE], most = -INFINITY, sum = 0;
        for (size_t j = 0; j < WIDE; j++) {
            z[j] = 0;
            for (size_t c = 0; c < WIDTH; c++)
                z[j] += (double)k->x[i * WIDTH + c] * (double)k->w[j * WIDTH + c];
            if (z[j] > most) most = z[j];
        }
        for (size_t j = 0; j < WIDE; j++) sum += z[j] = exp(z[j] - most);
        for (size_t j = 0; j < WIDE; j++)
            if (!(fabs((double)y[i * WIDE + j] - z[j] / sum) < 1e-3))
                complain(t, "a product and softmax give %g at [%zu, %zu], not %g",
                         (double)y[i * WIDE + j], i, j, z[j] / sum);
    }
}

static void run_graph(trial *t)
{
    omn_status st = OMN_OK;
    omn_error err = OMN_ERROR_INIT;
    sums k;
    char name[128];
    omn_store *store = NULL;
    omn_program *p = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_feed *f = NULL;
    omn_tensor y;
    void *to;
    for (size_t i = 0; i < WIDE * WIDTH; i++) k.w[i] = (float)dice_double(&t->d, -1, 1);
    for (size_t i = 0; i < ROWS * WIDTH; i++) k.x[i] = (float)dice_double(&t->d, -1, 1);
    snprintf(name, sizeof(name), "%s", t->s->object->name);
    OMN_TRY(omn_store_new(1, NULL, true, &store, &err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = t->s->ctx, .store = store,
                                    .device = name, .precision = OMN_PRECISION_F32 };
    OMN_TRY(omn_program_new(&how, &p, &err));
    OMN_TRY(omn_program_graph(p, "validate", build, &k, &g, &err));
    OMN_TRY(omn_exec_new(p, &x, &err));
    OMN_TRY(omn_feed_make(&f, &err));
    OMN_TRY(omn_feed_new(f, "x", OMN_F32, omn_dim2(ROWS, WIDTH), &to, &err));
    memcpy(to, k.x, sizeof(k.x));
    OMN_TRY(omn_exec_run(x, g, f, t->c, &err));
    OMN_TRY(omn_exec_output(x, g, "y", &y, &err));
    compare(t, &k, y.data);
    t->digest = bytes_digest(t->digest, y.data, y.bytes);
done:
    judge(t, "a small graph", st, &err);
    omn_feed_free(f);
    omn_exec_free(x);
    omn_program_free(p);
    omn_store_free(store);
}

size_t compute_slack(const subject *s)
{
    const omn_compute_impl *m = s->impl;
    omn_device_info info = { .units = 0 };
    if (!m->count() || m->describe(0, &info, NULL) != OMN_OK) return 0;
    return info.driver[0] ? 256 : 0;
}

static void call(trial *t)
{
    const omn_compute_impl *m = t->s->impl;
    const uint32_t n = m->count();
    omn_error err = OMN_ERROR_INIT, none = OMN_ERROR_INIT;
    omn_device_info info;
    for (uint32_t i = 0; i < n; i++) {
        memset(&info, 0x5a, sizeof(info));
        if (!judge(t, "describe", m->describe(i, &info, &err), &err)) continue;
        if (!memchr(info.name, 0, sizeof(info.name)) || !info.name[0] ||
            !memchr(info.driver, 0, sizeof(info.driver)) ||
            !memchr(info.features, 0, sizeof(info.features)))
            complain(t, "describe of device %u leaves texts without an end, or no name", i);
    }
    memset(&info, 0x5a, sizeof(info));
    if (m->describe(n, &info, &none) == OMN_OK) complain(t, "describe knows device %u of %u", n, n);
    if (n == 0)
        snprintf(t->left_out, sizeof(t->left_out), "no device of this kind is here");
    else if (!t->hostile)
        run_graph(t);
}

const craft craft_compute = { "omnio.compute/1", NULL, call, NULL, false };
