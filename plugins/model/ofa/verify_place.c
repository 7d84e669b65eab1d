/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes of OFA's golden files as bins and back, through the codecs that the model speaks of places
 * with. What lies past the border has no bin of its own: the original counts on and says an unknown
 * id, and a bin past the border is a pixel out there; here it is the last one inside. A box without
 * an area is none: its corners are said as points. */
#include "verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float box_number(const omn_tensor *t, int64_t i)
{
    float x;
    memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

/* What was made is what was recorded, or that kept within what there is. */
static void accept(int32_t *made, const omn_tensor *want, int64_t i, int64_t bins)
{
    int32_t x;
    memcpy(&x, (const char *)want->data + (size_t)i * sizeof x, sizeof x);
    if ((x < 0 && *made == 0) || (x >= bins && *made == bins - 1)) *made = x;
}

static void accept_pixel(float *made, const omn_tensor *want, int64_t i, double most)
{
    const float x = box_number(want, i);
    if ((double)x > most && (double)*made == most) *made = x;
}

/* "<bin_12> <bin_7> ..": so many numbers; false: others. */
static bool read_bins(const char *text, int32_t *out, int n)
{
    for (int i = 0; i < n; i++) {
        text = strstr(text, "<bin_");
        if (!text) return false;
        out[i] = (int32_t)strtol(text + 5, NULL, 10);
        text += 5;
    }
    return !strstr(text, "<bin_");
}

/* What the model sees of a picture of that size. */
static omn_status frame_of(golden_run *r, uint32_t width, uint32_t height, omn_frame *out,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    omn_pixels px;
    omn_value *v = NULL;
    OMN_TRY(omn_image_new(OMN_U8, width, height, 1, NULL, &img, &px, err));
    memset(px.data, 0, (size_t)width * height);
    v = omn_image_give(img);
    if (!v) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name));
    st = omn_model_prepare(r->model, r->g->call, "image", v, r->feed, out, err);
done:
    omn_value_unref(v);
    return st;
}

/* A box as four bins. */
static omn_status write_box(golden_run *r, const omn_frame *f, const float *x, int32_t *bins,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *v = NULL;
    omn_buf words;
    const bool flat = !(x[2] > x[0] && x[3] > x[1]);
    const omn_region box = { (double)x[0], (double)x[1], (double)x[2], (double)x[3], NAN, NULL };
    const omn_point corners[2] = { { (double)x[0], (double)x[1], 2, NULL },
                                   { (double)x[2], (double)x[3], 2, NULL } };
    const omn_part *codec = omn_model_codec(r->model, flat ? "points" : "regions");
    omn_buf_init(&words, 256);
    if (!codec)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, the plugin of its places is "
                         "not installed", r->g->name));
    if (flat) OMN_TRY(omn_points_new(corners, 2, f, &v, err));
    else OMN_TRY(omn_regions_new(&box, 1, f, &v, err));
    OMN_TRY(omn_codec_write(codec, r->g->call, v, f, &words, err));
    if (words.failed || !read_bins(words.data, bins, 4))
        st = omn_fail(err, OMN_ERR_FAILED, "%s: \"%.80s\" is no box", r->g->name,
                      words.data ? words.data : "");
done:
    omn_buf_fini(&words);
    omn_value_unref(v);
    return st;
}

/* Four bins as a box. */
static omn_status read_box(golden_run *r, const omn_frame *f, const int32_t *bins, float *x,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *v = NULL;
    const omn_point *p = NULL;
    char words[128];
    const omn_part *codec = omn_model_codec(r->model, "points");
    const int n = omn_format(words, sizeof words, "<bin_%d> <bin_%d> and <bin_%d> <bin_%d>",
                             bins[0], bins[1], bins[2], bins[3]);
    OMN_TRY(omn_codec_read(codec, r->g->call, words, (size_t)n, f, &v, err));
    if (omn_points_get(v, &p) != 2)
        OMN_TRY(omn_fail(err, OMN_ERR_FAILED, "%s: \"%s\" are no two points", r->g->name, words));
    for (int i = 0; i < 4; i++) x[i] = (float)(i % 2 ? p[i / 2].y : p[i / 2].x);
done:
    omn_value_unref(v);
    return st;
}

static omn_status one_case(verify *v, golden_run *all, const char *number, const json_t *j,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_frame f;
    const omn_tensor *boxes = NULL, *want = NULL, *back = NULL;
    char name[32];
    void *bins = NULL, *decoded = NULL;
    const int64_t side = (int64_t)json_integer_value(json_object_get(j, "S"));
    const verify_how how = { .model = { .hollow = true }, .width = side, .height = side,
                             .bins = (int64_t)json_integer_value(json_object_get(j, "num_bins")) };
    omn_format(name, sizeof name, "in.boxes%s", number);
    OMN_TRY(golden_input(&v->g, name, OMN_F32, 2, &boxes, err));
    omn_format(name, sizeof name, "out.bins%s", number);
    OMN_TRY(golden_input(&v->g, name, OMN_I32, 2, &want, err));
    omn_format(name, sizeof name, "out.decoded%s", number);
    OMN_TRY(golden_input(&v->g, name, OMN_F32, 2, &back, err));
    const int64_t n = boxes->shape.dim[0];
    if (boxes->shape.dim[1] != 4 || want->bytes != boxes->bytes ||
        back->bytes != boxes->bytes)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: boxes [n,4] are wanted", v->g.name));
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(frame_of(&r, (uint32_t)json_integer_value(json_object_get(j, "width")),
                     (uint32_t)json_integer_value(json_object_get(j, "height")), &f, err));
    OMN_TRY(golden_put_new(all, name + 4, OMN_F32, want->shape, &decoded, err));
    omn_format(name, sizeof name, "bins%s", number);
    OMN_TRY(golden_put_new(all, name, OMN_I32, want->shape, &bins, err));
    for (int64_t i = 0; i < n; i++) {
        float x[4];
        int32_t *made = (int32_t *)bins + 4 * i;
        for (int k = 0; k < 4; k++) x[k] = box_number(boxes, 4 * i + k);
        OMN_TRY(write_box(&r, &f, x, made, err));
        OMN_TRY(read_box(&r, &f, made, (float *)decoded + 4 * i, err));
        for (int k = 0; k < 4; k++) {
            accept(&made[k], want, 4 * i + k, how.bins);
            accept_pixel((float *)decoded + 4 * i + k, back, 4 * i + k,
                         k % 2 ? f.height : f.width);
        }
    }
done:
    golden_close(&r);
    return st;
}

omn_status verify_locations(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    const char *text = omn_weights_meta(v->g.file, "cases"), *number;
    json_t *list = text ? json_loads(text, 0, NULL) : NULL, *one;
    OMN_TRY(omn_feed_make(&r.made, err));
    json_object_foreach(list, number, one) OMN_TRY(one_case(v, &r, number, one, err));
    OMN_TRY(verify_compare(&r, err));
done:
    json_decref(list);
    golden_close(&r);
    return st;
}
