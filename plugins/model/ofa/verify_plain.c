/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of OFA's golden files that need no weights: tables of distances and places, pictures as
 * they are prepared, boxes as bins. */
#include "verify.h"

#include "ofa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DISTANCE 1024

/* ---- tables ---------------------------------------------------------------------------------- */

static int32_t whole(const omn_tensor *t, int64_t i)
{
    int32_t x;
    memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

/* A stage of that many numbers, if the file has it. */
static int32_t *room_for(golden_run *r, const char *stage, omn_shape shape, omn_error *err)
{
    char name[64];
    void *data = NULL;
    omn_format(name, sizeof name, "out.%s", stage);
    if (!omn_weights_get(r->g->file, name)) return NULL;
    return golden_put_new(r, stage, OMN_I32, shape, &data, err) == OMN_OK ? data : NULL;
}

static void text_tables(golden_run *r, int32_t bucket, omn_error *err)
{
    static const char *const names[2][2] = { { "token_bucket_row0", "token_bucket_col0" },
                                             { "token_row0", "token_col0" } };
    for (int k = 0; k < 4; k++) {
        int32_t *x = room_for(r, names[k / 2][k % 2], omn_dim1(MOST_DISTANCE), err);
        for (int64_t i = 0; x && i < MOST_DISTANCE; i++)
            x[i] = omn_bucket_ofa(k % 2 ? i : -i, bucket, MOST_DISTANCE);
    }
    int32_t *x = room_for(r, "token_bucket", omn_dim2(40, 40), err);
    for (int64_t i = 0; x && i < 1600; i++)
        x[i] = omn_bucket_ofa(i / 40 - i % 40, bucket, MOST_DISTANCE);
}

static void image_tables(golden_run *r, int32_t side, omn_error *err)
{
    const int64_t n = (int64_t)side * side + 1;
    const omn_tensor *ids = omn_weights_get(r->g->file, "in.image_ids");
    const int64_t some = ids && ids->shape.rank == 1 ? ids->shape.dim[0] : 0;
    int32_t *x = side <= 64 ? room_for(r, "image_bucket", omn_dim2(n, n), err) : NULL;
    for (int64_t i = 0; x && i < n * n; i++)
        x[i] = omn_bucket_ofa_2d((int32_t)(i / n), (int32_t)(i % n), side);
    x = some ? room_for(r, "image", omn_dim2(some, some), err) : NULL;
    for (int64_t i = 0; x && i < some * some; i++)
        x[i] = omn_bucket_ofa_2d(whole(ids, i / some), whole(ids, i % some), side);
}

static void code_tables(golden_run *r, int64_t side, int64_t window, const char *stage,
                        omn_error *err)
{
    char name[64];
    const ofa u = { .image_bucket = side, .window = window };
    omn_format(name, sizeof name, "out.%s", stage);
    const omn_tensor *want = omn_weights_get(r->g->file, name);
    const int64_t n = want && want->shape.rank == 1 ? want->shape.dim[0] : 0;
    int32_t *x = n ? room_for(r, stage, omn_dim1(n), err) : NULL;
    for (int64_t i = 0; x && i < n; i++) x[i] = ofa_code_place(&u, i);
}

omn_status verify_tables(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    const int64_t side = golden_int(&v->g, "image_bucket_size");
    const int32_t bucket = (int32_t)golden_int(&v->g, "token_bucket_size");
    if (side < 2 || side > 1024 || bucket < 2 || bucket > 65536)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: sizes of the buckets are wanted", v->g.name));
    OMN_TRY(omn_feed_make(&r.made, err));
    text_tables(&r, bucket, err);
    image_tables(&r, (int32_t)side, err);
    code_tables(&r, side, v->window, "code_position_idx", err);
    code_tables(&r, side, 16, "code_position_idx16", err);
    code_tables(&r, side, 32, "code_position_idx32", err);
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* "image0.square48": prepared pixels plane by plane. */
static omn_status put_picture(verify *v, golden_run *all, const char *stage, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_value *in = NULL;
    char name[64];
    void *data = NULL;
    const size_t n = strlen(stage), dot = strcspn(stage, ".");
    const int64_t side = n > 2 ? (int64_t)omn_number_read(stage + n - 2, NULL) : 0;
    const verify_how how = { .model = { .hollow = true }, .width = side, .height = side,
                             .imagenet = strstr(stage, "imagenet") != NULL };
    omn_format(name, sizeof name, "in.%.*s", (int)dot, stage);
    const omn_tensor *t = omn_weights_get(v->g.file, name);
    if (!t || side < 16)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" has no picture", v->g.name, stage));
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(golden_picture(&v->g, t, &in, err));
    OMN_TRY(omn_model_prepare(r.model, v->g.call, "image", in, r.feed, NULL, err));
    const omn_tensor *px = omn_feed_get(r.feed, "pixels");
    OMN_TRY(golden_put_new(all, stage, OMN_F32, omn_dim3(3, side, side), &data, err));
    for (int64_t i = 0; i < 3 * side * side; i++)
        ((float *)data)[i] =
            ((const float *)px->data)[i % (side * side) * 3 + i / (side * side)];
done:
    omn_value_unref(in);
    golden_close(&r);
    return st;
}

omn_status verify_pictures(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    OMN_TRY(omn_feed_make(&r.made, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *name = omn_weights_name(v->g.file, i);
        if (golden_starts(name, "out.")) OMN_TRY(put_picture(v, &r, name + 4, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
