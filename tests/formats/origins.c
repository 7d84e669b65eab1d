/* SPDX-License-Identifier: Apache-2.0 */
/* What a file says of how it was made, in every format that has a place for it: it comes back as it
 * was given, the picture is the same with and without it, and files that were damaged or made up
 * are read within bounds or refused in one line. */
#include "tests/testing.h"

#include <omnio/texts.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

/* JSON with what XML, comments and blocks of 255 bytes stumble over. */
static const char start[] = "{\"omnio\":\"1\",\"q\":\"<a href='x'>&amp; </made> \xc3\xa9 ]]> -- ";

static const struct {
    const char *suffix, *settings, *kind, *format;
} rows[] = {
    { "jpg", "", "image", "jpeg" },
    { "jpg", "progressive=true&", "image", "jpeg" },
    { "webp", "", "image", "webp" },
    { "webp", "lossless=true&", "image", "webp" },
    { "webp", "", "clear", "webp" },
    { "webp", "lossless=true&", "clear", "webp" },
    { "gif", "", "video", "gif" },
    { "mp4", "", "video", "video" },
    { "webm", "", "video", "video" },
    { "svg", "", "drawing", "svg" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static omn_value *image(uint32_t channels, unsigned seed)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, 34, 22, channels, NULL, &img, &px, NULL));
    for (size_t i = 0; i < (size_t)34 * 22 * channels; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(i * 3 + seed);
    return omn_image_give(img);
}

static omn_value *value(omn_context *ctx, const char *name)
{
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    if (!strcmp(name, "image")) return image(3, 0);
    if (!strcmp(name, "clear")) return image(4, 0);
    /* NULL: its plugin is not here */
    if (omn_kind_find_in(ctx, name, &kind, NULL) != OMN_OK) return NULL;
    omn_value *frames[2] = { image(3, 0), image(3, 90) };
    const double time[2] = { 0, 0.5 }, size[2] = { 34, 22 };
    const char *shapes = "<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\"/>\n";
    const bool video = !strcmp(name, "video");
    const omn_filled columns[2] = {
        video ? omn_fill("frames", OMN_ANY_VALUE, omn_dim1(2), frames)
              : omn_fill("shapes", OMN_STRING, omn_dim0(), &shapes),
        omn_fill(video ? "time" : "size", OMN_F64, omn_dim1(2), video ? time : size),
    };
    OK(omn_value_make(kind, columns, 2, NULL, &v, NULL));
    omn_value_unref(frames[0]);
    omn_value_unref(frames[1]);
    return v;
}

/* `start` and letters up to n bytes, ended. */
static char *origin(size_t n)
{
    char *s = calloc(n + 1, 1);
    ck_assert(s != NULL && n >= sizeof(start) + 2);
    memset(s, 'x', n);
    memcpy(s, start, sizeof(start) - 1);
    memcpy(s + n - 2, "\"}", 2);
    return s;
}

typedef struct heard {
    size_t n, length;
    char text[OMN_ORIGIN_MOST + 1];
} heard;

static int on_text(void *user, const char *key, const char *text, size_t n)
{
    heard *h = user;
    ck_assert_uint_le(n, OMN_ORIGIN_MOST);
    if (strcmp(key, OMN_ORIGIN) != 0) return 0;
    memcpy(h->text, text, n);
    h->text[n] = '\0';
    h->n++;
    return 0;
}

static omn_context *context(void)
{
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    omn_context *ctx = NULL;
    OK(omn_context_new(&how, &ctx, NULL));
    return ctx;
}

/* Saves with the text (NULL: none) as a setting of its file's name, which may not hold these signs;
 * the status. */
static omn_status save(omn_context *ctx, size_t row, const omn_value *v, const char *text,
                       char path[512], omn_error *err)
{
    omn_buf name;
    omn_buf_init(&name, 1 << 20);
    snprintf(path, 512, "%s/%zu%s.%s", testing_folder(), row, text ? "" : "n", rows[row].suffix);
    omn_buf_printf(&name, "%s?%s", path, rows[row].settings);
    if (text) omn_buf_puts(&name, "origin=");
    for (; text && *text; text++) {
        if (strchr("?&/", *text)) omn_buf_printf(&name, "\\u%04x", (unsigned)*text);
        else omn_buf_put(&name, text, 1);
    }
    const size_t n = strlen(name.data);
    if (name.data[n - 1] == '&' || name.data[n - 1] == '?') name.data[n - 1] = '\0';
    const omn_status st = omn_value_save(ctx, name.data, v, OMN_OVERWRITE, err);
    omn_buf_fini(&name);
    return st;
}

/* The same JSON with the signs of settings written as numbers, which is what a file then holds. */
static void expect(const char *text, char *out)
{
    for (; *text; text++)
        out += strchr("?&/", *text) ? sprintf(out, "\\u%04x", (unsigned)*text)
                                    : sprintf(out, "%c", *text);
    *out = '\0';
}

static bool missing(const omn_status st, const omn_error *err)
{
    return st != OMN_OK && (st == OMN_ERR_ARGUMENT || st == OMN_ERR_UNSUPPORTED) &&
           (strstr(err->text, "no format") || strstr(err->text, "no encoder"));
}

static void comes_back(omn_context *ctx, size_t i)
{
    static const size_t sizes[] = { 100, 300, 5000 };
    omn_value *v = value(ctx, rows[i].kind);
    for (size_t k = 0; v && k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        char path[512], plain[512], want[40000];
        heard *h = calloc(1, sizeof(*h));
        omn_error err = OMN_ERROR_INIT;
        const char *format = NULL;
        char *text = origin(sizes[k]);
        const omn_status st = save(ctx, i, v, text, path, &err);
        if (!missing(st, &err)) {
            ck_assert_msg(st == OMN_OK, "%s: %s", rows[i].suffix, err.text);
            ck_assert_msg(omn_texts_load(ctx, path, on_text, h, &format, &err) == OMN_OK, "%s",
                          err.text);
            ck_assert_str_eq(format, rows[i].format);
            expect(text, want);
            ck_assert_uint_eq(h->n, 1);
            ck_assert_str_eq(h->text, want);
            OK(save(ctx, i, v, NULL, plain, &err));
            h->n = 0;
            OK(omn_texts_load(ctx, plain, on_text, h, &format, &err));
            ck_assert_uint_eq(h->n, 0);
            if (strcmp(rows[i].kind, "drawing") != 0) {
                const char *as = strcmp(rows[i].kind, "video") ? "image" : "video";
                omn_value *a = NULL, *b = NULL;
                OK(omn_value_load(ctx, path, as, &a, &err));
                OK(omn_value_load(ctx, plain, as, &b, &err));
                ck_assert(omn_value_equal(a, b));
                omn_value_unref(a);
                omn_value_unref(b);
            }
        }
        free(text);
        free(h);
    }
    omn_value_unref(v);
}

START_TEST(it_comes_back_as_it_was_given)
{
    omn_context *ctx = context();
    for (size_t i = 0; i < ROWS; i++) comes_back(ctx, i);
    omn_context_free(ctx);
}
END_TEST

START_TEST(one_that_is_too_long_is_refused)
{
    omn_context *ctx = context();
    for (size_t i = 0; i < ROWS; i++) {
        char path[512];
        omn_error err = OMN_ERROR_INIT;
        char *text = origin(OMN_ORIGIN_MOST);
        omn_value *v = value(ctx, rows[i].kind);
        const omn_status st = v ? save(ctx, i, v, text, path, &err) : OMN_OK;
        if (v && !missing(st, &err)) {
            ck_assert_int_eq(st, OMN_ERR_ARGUMENT);
            ck_assert_msg(strstr(err.text, "16384 bytes and more"), "%s", err.text);
        }
        omn_value_unref(v);
        free(text);
    }
    omn_context_free(ctx);
}
END_TEST

static void damage(omn_context *ctx, size_t i)
{
    char path[512], bad[512], *bytes = NULL, *text = origin(100);
    size_t n = 0;
    heard *h = calloc(1, sizeof(*h));
    omn_error err = OMN_ERROR_INIT;
    const char *format = NULL;
    omn_value *v = value(ctx, rows[i].kind);
    const omn_status saved = v ? save(ctx, i, v, text, path, &err) : OMN_ERR_MISSING;
    if (saved == OMN_OK) OK(omn_file_read(path, 1 << 20, &bytes, &n, NULL));
    snprintf(bad, sizeof(bad), "bad.%s", rows[i].suffix);
    const size_t step = n / 150 + 1;
    for (size_t k = 12; saved == OMN_OK && k < n; k += step) {
        const char was = bytes[k];
        for (int cut = 0; cut < 2; cut++) {
            err = (omn_error)OMN_ERROR_INIT;
            bytes[k] = cut ? was : (char)(was ^ (k % 2 ? 0xff : 0x04));
            const char *name = testing_write(testing_folder(), bad, bytes, cut ? k : n);
            const omn_status st = omn_texts_load(ctx, name, on_text, h, &format, &err);
            ck_assert_msg(st == OMN_OK || ((st == OMN_ERR_DATA || st == OMN_ERR_MISSING) &&
                                           !strchr(err.text, '\n')),
                          "%s, byte %zu: %s", rows[i].suffix, k, err.text);
        }
        bytes[k] = was;
    }
    omn_value_unref(v);
    free(bytes);
    free(text);
    free(h);
}

/* Cut anywhere, with any byte turned: an answer or one line of why not. */
START_TEST(damage_is_one_line)
{
    omn_context *ctx = context();
    for (size_t i = 0; i < ROWS; i++) damage(ctx, i);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { it_comes_back_as_it_was_given, one_that_is_too_long_is_refused,
                                 damage_is_one_line };
    return TESTING_RUN("formats/origins", all, 60);
}
