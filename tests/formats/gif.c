/* SPDX-License-Identifier: Apache-2.0 */
/* GIF: files made here by giflib come out as their colours; the first frame of a moving one stands
 * on its canvas; damage and promises are refused. */
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <gif_lib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct made {
    uint8_t bytes[65536];
    size_t n;
} made;

static int store(GifFileType *gif, const GifByteType *from, int n)
{
    made *m = gif->UserData;
    ck_assert(m->n + (size_t)n <= sizeof m->bytes);
    memcpy(m->bytes + m->n, from, (size_t)n);
    m->n += (size_t)n;
    return n;
}

typedef struct kind {
    int w, h, left, top, canvas_w, canvas_h, clear, frames;
    bool interlaced, local;
} kind;

static int colour_at(int x, int y)
{
    return (3 * x + 5 * y) % 7;
}

static void make(const kind *k, made *m)
{
    static const GifColorType colours[8] = { { 0, 0, 0 },    { 255, 0, 0 }, { 0, 255, 0 },
                                             { 0, 0, 255 },  { 1, 2, 3 },   { 9, 9, 9 },
                                             { 100, 50, 25 } };
    int code = 0;
    m->n = 0;
    GifFileType *gif = EGifOpen(m, store, &code);
    ColorMapObject *map = GifMakeMapObject(8, colours);
    ck_assert(gif && map);
    EGifSetGifVersion(gif, true);
    ck_assert_int_eq(EGifPutScreenDesc(gif, k->canvas_w, k->canvas_h, 8, 0, k->local ? NULL : map),
                     GIF_OK);
    for (int i = 0; i < k->frames; i++) {
        GraphicsControlBlock control = { 0, false, 10, k->clear };
        GifByteType block[4];
        EGifGCBToExtension(&control, block);
        ck_assert_int_eq(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, block), GIF_OK);
        ck_assert_int_eq(EGifPutImageDesc(gif, k->left, k->top, k->w, k->h, k->interlaced,
                                          k->local ? map : NULL), GIF_OK);
        static const int from[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
        for (int pass = 0; pass < (k->interlaced ? 4 : 1); pass++)
            for (int y = k->interlaced ? from[pass] : 0; y < k->h;
                 y += k->interlaced ? step[pass] : 1) {
                GifByteType row[64];
                for (int x = 0; x < k->w; x++) row[x] = (GifByteType)(i ? 5 : colour_at(x, y));
                ck_assert_int_eq(EGifPutLine(gif, row, k->w), GIF_OK);
            }
    }
    ck_assert_int_eq(EGifCloseFile(gif, &code), GIF_OK);
    GifFreeMapObject(map);
}

static const kind kinds[] = {
    { 13, 11, 0, 0, 13, 11, -1, 1, false, false }, { 13, 11, 0, 0, 13, 11, -1, 1, true, false },
    { 13, 11, 0, 0, 13, 11, -1, 1, true, true },   { 13, 11, 0, 0, 13, 11, 2, 1, false, false },
    { 5, 4, 3, 2, 13, 11, -1, 1, false, false },   { 13, 11, 0, 0, 4, 4, -1, 1, false, true },
    { 13, 11, 0, 0, 13, 11, -1, 3, false, false }, { 1, 1, 0, 0, 1, 1, -1, 1, true, false },
};

START_TEST(every_kind_comes_out_as_its_colours)
{
    static const uint8_t colours[7][3] = { { 0, 0, 0 }, { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 },
                                           { 1, 2, 3 }, { 9, 9, 9 },   { 100, 50, 25 } };
    opened f = formats_open("gif");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        make(k, m);
        ck_assert_int_eq(f.format->probe(NULL, m->bytes, 64), 100);
        omn_image *img = formats_read(&f, m->bytes, m->n);
        omn_pixels px = omn_image_pixels(img);
        const int w = k->left + k->w > k->canvas_w ? k->left + k->w : k->canvas_w;
        const int h = k->top + k->h > k->canvas_h ? k->top + k->h : k->canvas_h;
        const bool whole = w == k->w && h == k->h && k->clear < 0;
        ck_assert(px.width == (uint32_t)w && px.height == (uint32_t)h);
        ck_assert_uint_eq(px.channels, whole ? 3 : 4);
        const uint8_t *p = px.data;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++, p += px.channels) {
                const int u = x - k->left, v = y - k->top;
                const bool in = u >= 0 && v >= 0 && u < k->w && v < k->h;
                const int c = in ? colour_at(u, v) : -1;
                if (px.channels == 4) ck_assert_uint_eq(p[3], in && c != k->clear ? 255 : 0);
                if (in && c != k->clear) ck_assert_mem_eq(p, colours[c], 3);
            }
        omn_image_free(img);
    }
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("gif");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < 5; i++) {
        make(&kinds[i], m);
        /* The last two bytes end the data and the file; the picture is whole without them. */
        for (size_t n = 0; n + 4 < m->n; n++) {
            omn_error err = OMN_ERROR_INIT;
            ck_assert_int_eq(formats_try(&f, m->bytes, n, &err), OMN_ERR_DATA);
            ck_assert_msg(strncmp(err.text, "GIF: ", 5) == 0, "%s", err.text);
        }
        for (uint64_t k = 0; k < 500; k++) {
            made *copy = malloc(sizeof *copy);
            omn_error err = OMN_ERROR_INIT;
            memcpy(copy, m, sizeof *copy);
            for (uint64_t j = 0; j <= k % 4; j++) {
                const uint64_t x = omn_random_at(9, k, j);
                copy->bytes[x % m->n] = (uint8_t)(x >> 40);
            }
            formats_try(&f, copy->bytes, m->n, &err);
            free(copy);
        }
    }
    formats_close(&f);
}
END_TEST

START_TEST(promises_are_not_believed)
{
    opened f = formats_open("gif");
    made *m = testing_memory(sizeof(*m));
    omn_error err = OMN_ERROR_INIT;
    make(&kinds[0], m);
    memset(m->bytes + 6, 0xff, 4); /* a canvas of 65535 x 65535 */
    ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_SHAPE);
    ck_assert_msg(strncmp(err.text, "GIF: ", 5) == 0, "%s", err.text);
    static const char none[] = "GIF89a\1\0\1\0\0\0\0;";
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, none, sizeof none - 1, &err), OMN_ERR_DATA);
    ck_assert_str_eq(err.text, "GIF: there is no picture in it");
    formats_close(&f);
}
END_TEST

/* ---- moving ---------------------------------------------------------------------------------- */

static omn_value *video_of(omn_context *ctx, omn_value **frames, const double *time, size_t n)
{
    const omn_kind *k = NULL;
    omn_value *v = NULL;
    const omn_filled columns[2] = {
        omn_fill("frames", OMN_ANY_VALUE, omn_dim1((int64_t)n), frames),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time),
    };
    ck_assert_int_eq(omn_kind_find_in(ctx, "video", &k, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(k, columns, 2, NULL, &v, NULL), OMN_OK);
    for (size_t i = 0; i < n; i++) omn_value_unref(frames[i]);
    return v;
}

static omn_value *through(const opened *f, const omn_value *v, const omn_setting *set, size_t n)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    omn_error err = OMN_ERROR_INIT;
    omn_call *c = NULL;
    omn_value *back = NULL;
    omn_status st = formats_write(f, v, set, n, &bytes, &size, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    ck_assert_int_eq(f->format->probe(NULL, bytes, size < 64 ? size : 64), 90);
    ck_assert_int_eq(omn_context_call(f->ctx, 0, 0, NULL, &c, NULL), OMN_OK);
    st = f->format->read(c, bytes, size, &back, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    omn_call_free(c);
    free(bytes);
    return back;
}

static const omn_value *frame(const omn_value *v, size_t i)
{
    return ((omn_value *const *)omn_value_column(v, "frames")->data)[i];
}

/* Pictures of few colours and moments of whole hundredths come back as they are, clear ones too. */
START_TEST(a_video_comes_back_equal)
{
    static const double time[4] = { 0, 0.05, 0.3, 0.32 };
    opened f = formats_open("gif.video");
    for (uint32_t channels = 3; channels <= 4; channels++) {
        omn_value *frames[4];
        for (size_t i = 0; i < 4; i++) {
            omn_image *img = NULL;
            omn_pixels px;
            ck_assert_int_eq(omn_image_new(OMN_U8, 19, 11, channels, NULL, &img, &px, NULL),
                             OMN_OK);
            for (size_t k = 0; k < 19 * 11; k++) {
                uint8_t *p = (uint8_t *)px.data + k * channels;
                const bool none = channels == 4 && (k + i) % 7 == 0;
                p[0] = none ? 0 : (uint8_t)(k + 3 * i);
                p[1] = none ? 0 : (uint8_t)(255 - k);
                p[2] = none ? 0 : (uint8_t)(i * 70);
                if (channels == 4) p[3] = none ? 0 : 255;
            }
            frames[i] = omn_image_give(img);
        }
        omn_value *v = video_of(f.ctx, frames, time, 4), *back = through(&f, v, NULL, 0);
        ck_assert(omn_value_equal(v, back));
        omn_value_unref(back);
        omn_value_unref(v);
    }
    formats_close(&f);
}
END_TEST

START_TEST(many_colours_become_few_near_ones)
{
    static const double time[2] = { 0, 0.1 };
    opened f = formats_open("gif.video");
    omn_image *smooth = formats_smooth(120, 90, 3), *noise = formats_noise(OMN_F32, 120, 90, 3);
    omn_value *frames[2] = { omn_image_give(smooth), omn_image_give(noise) };
    omn_value *v = video_of(f.ctx, frames, time, 2);
    static const struct {
        const char *colours;
        double smooth, noise;
    } rows[] = { { "256", 4, 24 }, { "16", 12, 60 }, { "2", 50, 80 } };
    double before[2] = { 0, 0 };
    for (size_t r = 0; r < 3; r++) {
        const omn_setting set[] = { { "colours", rows[r].colours, 0, 0 } };
        omn_value *back = through(&f, v, set, 1);
        for (size_t i = 0; i < 2; i++) {
            const omn_pixels a = omn_image_pixels(omn_value_image(frame(v, i))),
                             b = omn_image_pixels(omn_value_image(frame(back, i)));
            double sum = 0;
            const size_t n = (size_t)3 * 120 * 90;
            for (size_t k = 0; k < n; k++) {
                const double x = a.type == OMN_U8 ? ((const uint8_t *)a.data)[k]
                                                  : 255 * (double)((const float *)a.data)[k];
                sum += fabs(x - ((const uint8_t *)b.data)[k]);
            }
            const double apart = sum / (double)n, most = i ? rows[r].noise : rows[r].smooth;
            ck_assert_msg(apart < most && apart >= before[i], "%s colours: %g apart",
                          rows[r].colours, apart);
            before[i] = apart;
        }
        omn_value_unref(back);
    }
    omn_value_unref(v);
    formats_close(&f);
}
END_TEST

/* Three frames of one pixel column each on a canvas of 3 x 1: what the second does with its own. */
static void make_moving(made *m, int disposal, int delay)
{
    static const GifColorType colours[4] = { { 9, 9, 9 }, { 200, 0, 0 }, { 0, 200, 0 },
                                             { 0, 0, 200 } };
    int code = 0;
    m->n = 0;
    GifFileType *gif = EGifOpen(m, store, &code);
    ColorMapObject *map = GifMakeMapObject(4, colours);
    ck_assert(gif && map);
    EGifSetGifVersion(gif, true);
    ck_assert_int_eq(EGifPutScreenDesc(gif, 3, 1, 8, 0, map), GIF_OK);
    for (int i = 0; i < 3; i++) {
        GraphicsControlBlock control = { i == 1 ? disposal : 1, false, delay, -1 };
        GifByteType block[4], row[3] = { (GifByteType)(i + 1), (GifByteType)(i + 1), 1 };
        EGifGCBToExtension(&control, block);
        ck_assert_int_eq(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, block), GIF_OK);
        ck_assert_int_eq(EGifPutImageDesc(gif, i, 0, i ? 1 : 3, 1, false, NULL), GIF_OK);
        ck_assert_int_eq(EGifPutLine(gif, row, i ? 1 : 3), GIF_OK);
    }
    ck_assert_int_eq(EGifCloseFile(gif, &code), GIF_OK);
    GifFreeMapObject(map);
}

START_TEST(frames_lie_on_what_the_ones_before_left)
{
    static const struct {
        int disposal, delay;
        const char *last; /* the three pixels of the third picture */
        double second;
    } rows[] = {
        { 0, 7, "rgb", 0.07 }, { 1, 2, "rgb", 0.02 }, { 2, 1, "r-b", 0.1 }, { 3, 0, "rrb", 0.1 },
    };
    opened f = formats_open("gif.video");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < 4; i++) {
        omn_call *c = NULL;
        omn_value *v = NULL;
        make_moving(m, rows[i].disposal, rows[i].delay);
        ck_assert_int_eq(omn_context_call(f.ctx, 0, 0, NULL, &c, NULL), OMN_OK);
        ck_assert_int_eq(f.format->read(c, m->bytes, m->n, &v, NULL), OMN_OK);
        ck_assert_uint_eq(omn_value_count(v), 3);
        const double *t = omn_value_column(v, "time")->data;
        ck_assert_double_eq_tol(t[1], rows[i].second, 1e-12);
        ck_assert_double_eq_tol(t[2], 2 * rows[i].second, 1e-12);
        const omn_pixels px = omn_image_pixels(omn_value_image(frame(v, 2)));
        ck_assert_uint_eq(px.channels, rows[i].disposal == 2 ? 4 : 3);
        for (size_t x = 0; x < 3; x++) {
            const uint8_t *p = (const uint8_t *)px.data + x * px.channels;
            const char is = px.channels == 4 && p[3] == 0 ? '-' : p[0] ? 'r' : p[1] ? 'g' : 'b';
            ck_assert_msg(is == rows[i].last[x], "disposal %d: pixel %zu is %c", rows[i].disposal,
                          x, is);
        }
        omn_value_unref(v);
        v = NULL;
        /* cut off within the third frame: the two before it are read */
        ck_assert_int_eq(f.format->read(c, m->bytes, m->n - 4, &v, NULL), OMN_OK);
        ck_assert_uint_eq(omn_value_count(v), 2);
        omn_value_unref(v);
        omn_call_free(c);
    }
    formats_close(&f);
    f = formats_open("gif.stream");
    omn_call *c = NULL;
    omn_value *v = NULL, *one = NULL;
    ck_assert_int_eq(omn_context_call(f.ctx, 0, 0, NULL, &c, NULL), OMN_OK);
    ck_assert_int_eq(f.format->read(c, m->bytes, m->n, &v, NULL), OMN_OK);
    ck_assert_uint_eq(omn_value_count(v), 3);
    ck_assert_int_eq(omn_value_item(v, 1, &one, NULL), OMN_OK);
    ck_assert_ptr_nonnull(omn_value_image(one));
    omn_value_unref(one);
    omn_value_unref(v);
    omn_call_free(c);
    formats_close(&f);
}
END_TEST

START_TEST(moving_promises_are_not_believed)
{
    opened f = formats_open("gif.video");
    made *m = testing_memory(sizeof(*m));
    omn_error err = OMN_ERROR_INIT;
    make_moving(m, 0, 1);
    memset(m->bytes + 6, 0xff, 4);
    ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_SHAPE);
    memset(m->bytes + 6, 0x3f, 4); /* 16191 x 16191: one has room, four have not */
    err = (omn_error)OMN_ERROR_INIT;
    omn_context_free(f.ctx);
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .value_bytes = 1 << 20 };
    ck_assert_int_eq(omn_context_new(&how, &f.ctx, NULL), OMN_OK);
    ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
    ck_assert_msg(strncmp(err.text, "GIF: ", 5) == 0, "%s", err.text);
    make_moving(m, 0, 1);
    for (uint64_t k = 0; k < 500; k++) {
        made *copy = malloc(sizeof *copy);
        memcpy(copy, m, sizeof *copy);
        for (uint64_t j = 0; j <= k % 4; j++) {
            const uint64_t x = omn_random_at(11, k, j);
            copy->bytes[x % m->n] = (uint8_t)(x >> 40);
        }
        err = (omn_error)OMN_ERROR_INIT;
        formats_try(&f, copy->bytes, m->n, &err);
        free(copy);
    }
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_kind_comes_out_as_its_colours,
                                 damage_is_an_error_and_nothing_worse, promises_are_not_believed,
                                 a_video_comes_back_equal, many_colours_become_few_near_ones,
                                 frames_lie_on_what_the_ones_before_left,
                                 moving_promises_are_not_believed };
    return TESTING_RUN("formats/gif", all, 30);
}
