/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs and targets of a golden file as graphs want them. Numbers in the file need not be
 * aligned: they are copied, never pointed at. */
#include "golden.h"

#include <string.h>

omn_status golden_feed_pixels(golden_run *r, const char *from, const char *to, int64_t *rows,
                              omn_error *err)
{
    const omn_tensor *t;
    void *data = NULL;
    omn_status st = golden_input(r->g, from, OMN_F32, 4, &t, err);
    if (st != OMN_OK) return st;
    const int64_t *d = t->shape.dim, plane = d[2] * d[3];
    if (d[1] != 3)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" has %lld channels, 3 are wanted",
                        r->g->name, from, (long long)d[1]);
    *rows = d[0];
    st = omn_feed_new(r->feed, to, OMN_F32, omn_dim4(d[0], d[2], d[3], 3), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < d[0] * 3 * plane; i++) {
        const int64_t b = i / (3 * plane), c = i / plane % 3, at = i % plane;
        memcpy((float *)data + (b * plane + at) * 3 + c,
               (const char *)t->data + (size_t)i * sizeof(float), sizeof(float));
    }
    return st;
}

omn_status golden_feed_tokens(golden_run *r, const char *from, const char *mask, bool inverted,
                              const char *name, int64_t *rows, int64_t *length, omn_error *err)
{
    static const char *const ports[3] = { "ids", "seg", "pos" };
    const omn_tensor *ids, *m = NULL;
    char full[160];
    void *data[3] = { NULL };
    omn_status st = golden_input(r->g, from, OMN_I32, 2, &ids, err);
    if (st == OMN_OK && mask) st = golden_input(r->g, mask, OMN_I32, 2, &m, err);
    if (st != OMN_OK) return st;
    if (m && !omn_shape_equal(&m->shape, &ids->shape))
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" and \"%s\" differ in shape", r->g->name,
                        from, mask);
    *rows = ids->shape.dim[0];
    *length = ids->shape.dim[1];
    for (int i = 0; i < 3; i++) {
        omn_format(full, sizeof full, "%s.%s", name, ports[i]);
        st = omn_feed_new(r->feed, full, OMN_I32, ids->shape, &data[i], err);
        if (st != OMN_OK) return st;
    }
    memcpy(data[0], ids->data, ids->bytes);
    for (int64_t i = 0; i < *rows * *length; i++) {
        int32_t on = !inverted;
        if (m) memcpy(&on, (const char *)m->data + (size_t)i * sizeof on, sizeof on);
        ((int32_t *)data[1])[i] = (on != 0) != inverted;
        ((int32_t *)data[2])[i] = (int32_t)(i % *length);
    }
    return st;
}

/* ---- targets --------------------------------------------------------------------------------- */

static omn_status feed_port(golden_run *r, const char *role, const char *port, omn_type type,
                            int64_t rows, int64_t length, void **out, omn_error *err)
{
    char name[160];
    omn_format(name, sizeof name, "target.%s.%s", role, port);
    return omn_feed_new(r->feed, name, type, omn_dim2(rows, length), out, err);
}

static void set(void *data, omn_type type, int64_t i, double x)
{
    if (type == OMN_F32) ((float *)data)[i] = (float)x;
    else ((int32_t *)data)[i] = (int32_t)x;
}

omn_status golden_feed_filled(golden_run *r, const char *role, const char *port, omn_type type,
                              int64_t rows, int64_t length, double fill, omn_error *err)
{
    void *data = NULL;
    const omn_status st = feed_port(r, role, port, type, rows, length, &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows * length; i++) set(data, type, i, fill);
    return st;
}

/* i32 or f32 number i of a tensor. */
static double number(const omn_tensor *t, int64_t i)
{
    int32_t k;
    float x;
    if (t->type == OMN_I32) {
        memcpy(&k, (const char *)t->data + (size_t)i * sizeof k, sizeof k);
        return k;
    }
    memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
    return (double)x;
}

static omn_status numbers(const golden_run *r, const char *from, int64_t count,
                          const omn_tensor **out, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(r->g->in, from);
    const bool good = t && (t->type == OMN_I32 || t->type == OMN_F32) &&
                      t->bytes == (size_t)count * 4;
    *out = t;
    if (good) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, t ? "%s: \"%s\" has another size or type than its target"
                                         : "%s: it has no \"%s\"", r->g->name, from);
}

omn_status golden_feed_target(golden_run *r, const char *role, const char *port, omn_type type,
                              int64_t rows, int64_t length, const char *from, omn_error *err)
{
    const omn_tensor *t = NULL;
    void *data = NULL;
    omn_status st = numbers(r, from, rows * length, &t, err);
    if (st == OMN_OK) st = feed_port(r, role, port, type, rows, length, &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows * length; i++) set(data, type, i, number(t, i));
    return st;
}

/* Labels, and what each weighs. */
static omn_status feed_labels(golden_run *r, const golden_taught *t, int64_t B, int64_t T,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *labels = NULL, *mask = NULL;
    void *to[2] = { NULL };
    OMN_TRY(numbers(r, t->labels, B * T, &labels, err));
    if (t->mask) OMN_TRY(numbers(r, t->mask, B * T, &mask, err));
    OMN_TRY(feed_port(r, t->role, "labels", OMN_I32, B, T, &to[0], err));
    OMN_TRY(feed_port(r, t->role, "weight", OMN_F32, B, T, &to[1], err));
    for (int64_t i = 0; i < B * T; i++) {
        const double id = number(labels, i);
        const bool counts = id != t->ignored && (!mask || number(mask, i) > 0);
        ((int32_t *)to[0])[i] = counts ? (int32_t)id : 0;
        ((float *)to[1])[i] = counts ? 1 : 0;
    }
done:
    return st;
}

omn_status golden_feed_taught(golden_run *r, const golden_taught *t, int64_t *rows,
                              int64_t *length, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *ids;
    void *to[2] = { NULL };
    OMN_TRY(golden_input(r->g, t->ids, OMN_I32, 2, &ids, err));
    const int64_t B = *rows = ids->shape.dim[0], T = *length = ids->shape.dim[1];
    OMN_TRY(feed_port(r, t->role, "ids", OMN_I32, B, T, &to[0], err));
    OMN_TRY(feed_port(r, t->role, "pos", OMN_I32, B, T, &to[1], err));
    for (int64_t i = 0; i < B * T; i++) {
        const bool first = i % T == 0;
        ((int32_t *)to[0])[i] = t->shift && first ? t->start
                                                  : (int32_t)number(ids, i - (t->shift ? 1 : 0));
        ((int32_t *)to[1])[i] = (int32_t)(i % T);
    }
    OMN_TRY(golden_feed_filled(r, t->role, "seg", OMN_I32, B, T, 1, err));
    OMN_TRY(golden_feed_filled(r, t->role, "part", OMN_I32, B, T, 1, err));
    if (t->labels) OMN_TRY(feed_labels(r, t, B, T, err));
done:
    return st;
}
