/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of hostile PNG files: huge, packed a thousandfold, too many, broken. What is read stays
 * within its bounds, what is beyond is passed over, and the rest is there. */
#include "tests/testing.h"

#include <omnio/texts.h>

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

typedef struct heard {
    size_t n, longest, stop;
    char keys[4096], first[64];
} heard;

static int on_text(void *user, const char *key, const char *text, size_t n)
{
    heard *h = user;
    if (h->n == 0) snprintf(h->first, sizeof(h->first), "%.*s", (int)(n < 63 ? n : 63), text);
    if (n > h->longest) h->longest = n;
    if (strlen(h->keys) + strlen(key) + 2 < sizeof(h->keys)) {
        strcat(h->keys, key);
        strcat(h->keys, " ");
    }
    return ++h->n == h->stop;
}

typedef struct text {
    int compression;
    const char *key, *text;
} text;

/* A picture of one pixel with these texts in front of it; the path of its file. */
static const char *picture(const text *of, int n)
{
    enum { MOST = 1100 };
    static char path[512], keys[MOST][16];
    png_text texts[MOST] = { 0 };
    char *copies[MOST];
    ck_assert_int_le(n, MOST);
    for (int i = 0; i < n; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%s", of[i].key);
        texts[i].compression = of[i].compression;
        texts[i].key = keys[i];
        texts[i].text = copies[i] = strdup(of[i].text);
    }
    const png_byte row[3] = { 1, 2, 3 };
    snprintf(path, sizeof(path), "%s/a.png", testing_folder());
    FILE *f = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    ck_assert(f != NULL && info != NULL);
    png_init_io(png, f);
    png_set_IHDR(png, info, 1, 1, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png, info, texts, n);
    png_write_info(png, info);
    png_write_row(png, row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(f);
    for (int i = 0; i < n; i++) free(copies[i]);
    return path;
}

static omn_context *context(void)
{
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    omn_context *ctx = NULL;
    OK(omn_context_new(&how, &ctx, NULL));
    return ctx;
}

static omn_status load(omn_context *ctx, const char *path, heard *h, omn_error *err)
{
    const char *format = NULL;
    const omn_status st = omn_texts_load(ctx, path, on_text, h, &format, err);
    ck_assert(st != OMN_OK || !strcmp(format, "png"));
    return st;
}

START_TEST(bombs_and_giants_are_passed_over)
{
    omn_context *ctx = context();
    enum { BOMB = 20 << 20, LONG = (16 << 10) + 5 };
    char *bomb = malloc(BOMB + 1), *lengthy = malloc(LONG + 1);
    memset(bomb, 'a', BOMB);
    memset(lengthy, 'b', LONG);
    bomb[BOMB] = lengthy[LONG] = '\0';
    text texts[5] = {
        { PNG_TEXT_COMPRESSION_NONE, "First", "one" },
        { PNG_TEXT_COMPRESSION_zTXt, "Bomb", bomb },
        { PNG_ITXT_COMPRESSION_zTXt, "Bomb2", bomb },
        { PNG_ITXT_COMPRESSION_NONE, "Long", lengthy },
        { PNG_ITXT_COMPRESSION_NONE, "Last", "five" },
    };
    heard h = { .n = 0 };
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = load(ctx, picture(texts, 5), &h, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    ck_assert_str_eq(h.keys, "First Long Last ");
    ck_assert_str_eq(h.first, "one");
    ck_assert_uint_eq(h.longest, OMN_ORIGIN_MOST);
    /* a plain one that is as large is as much of the file: libpng takes or refuses it */
    texts[1].compression = PNG_TEXT_COMPRESSION_NONE;
    h = (heard){ .n = 0 };
    const omn_status plain = load(ctx, picture(texts, 2), &h, &err);
    ck_assert(plain == OMN_OK || plain == OMN_ERR_DATA);
    ck_assert_uint_le(h.longest, OMN_ORIGIN_MOST);
    free(bomb);
    free(lengthy);
    omn_context_free(ctx);
}
END_TEST

START_TEST(no_more_than_1024_are_told)
{
    omn_context *ctx = context();
    enum { MANY = 1100 };
    text texts[MANY];
    for (int i = 0; i < MANY; i++)
        texts[i] = (text){ PNG_TEXT_COMPRESSION_NONE, "K", "t" };
    heard h = { .n = 0 };
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = load(ctx, picture(texts, MANY), &h, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    ck_assert_uint_le(h.n, 1024);
    ck_assert_uint_gt(h.n, 512);
    h = (heard){ .stop = 3 };
    OK(load(ctx, picture(texts, MANY), &h, &err));
    ck_assert_uint_eq(h.n, 3);
    omn_context_free(ctx);
}
END_TEST

/* Cut anywhere, with any byte turned: an answer or one line of why not. */
START_TEST(damage_is_one_line)
{
    omn_context *ctx = context();
    const text texts[2] = {
        { PNG_ITXT_COMPRESSION_zTXt, "Deep", "a text, a text, a text" },
        { PNG_ITXT_COMPRESSION_NONE, "omnio", "{\"omnio\":\"1\"}" },
    };
    char *bytes = NULL;
    size_t n = 0;
    OK(omn_file_read(picture(texts, 2), 1 << 16, &bytes, &n, NULL));
    for (size_t i = 8; i < n; i++) {
        heard h = { .n = 0 };
        omn_error err = OMN_ERROR_INIT;
        const char was = bytes[i];
        bytes[i] = (char)(was ^ (i % 2 ? 0xff : 0x04));
        const char *path = testing_write(testing_folder(), "b.png", bytes, n);
        const omn_status st = load(ctx, path, &h, &err);
        ck_assert_msg(st == OMN_OK || (st == OMN_ERR_DATA && strstr(err.text, "b.png: PNG: ") &&
                                       !strchr(err.text, '\n')),
                      "byte %zu: %s", i, err.text);
        bytes[i] = was;
        path = testing_write(testing_folder(), "b.png", bytes, i);
        h = (heard){ .n = 0 };
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_msg(load(ctx, path, &h, &err) == OMN_ERR_DATA, "cut at %zu", i);
        ck_assert_uint_eq(h.n, 0);
    }
    free(bytes);
    heard h = { .n = 0 };
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(load(ctx, testing_write(testing_folder(), "a.txt", "words", 5), &h, &err),
                     OMN_ERR_MISSING);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(load(ctx, "/dev/zero", &h, &err), OMN_ERR_MISSING);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { bombs_and_giants_are_passed_over, no_more_than_1024_are_told,
                                 damage_is_one_line };
    return TESTING_RUN("formats/texts", all, 30);
}
