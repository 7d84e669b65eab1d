/* SPDX-License-Identifier: Apache-2.0 */
/* The file that rows become: one layout, texts beside it, by which a generated picture says how it
 * was made and a map what its numbers mean. It is built in memory, so nothing half written is ever
 * seen. */
#include "inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEXTS = 64, KEYWORD = 80 };

typedef struct sink {
    png_trouble trouble;
    omn_buf out;
    png_structp png;
    png_infop info;
    uint8_t *row;
    png_text texts[MOST_TEXTS];
    char keywords[MOST_TEXTS][KEYWORD], software[64];
    char *copy, *origin;
    int n;
} sink;

static void store(png_structp png, png_bytep from, size_t n)
{
    sink *s = png_get_io_ptr(png);
    omn_buf_put(&s->out, from, n);
    if (s->out.failed) png_error(png, "no memory for the file");
}

static void flush(png_structp png)
{
    (void)png;
}

static omn_status add_text(sink *s, const char *key, size_t length, char *text, omn_error *err)
{
    if (s->n >= MOST_TEXTS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "PNG: more than %d texts", MOST_TEXTS - 1);
    if (length < 1 || length >= KEYWORD)
        return omn_fail(err, OMN_ERR_ARGUMENT, "PNG: a keyword has 1..%d characters", KEYWORD - 1);
    for (size_t i = 0; i < length; i++)
        if (key[i] < 0x20 || key[i] > 0x7e || (key[i] == ' ' && (i == 0 || key[i - 1] == ' ')))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "PNG: keyword \"%.*s\" is not plain ASCII with single spaces",
                            (int)length, key);
    memcpy(s->keywords[s->n], key, length);
    s->texts[s->n].compression = PNG_ITXT_COMPRESSION_NONE;
    s->texts[s->n].key = s->keywords[s->n];
    s->texts[s->n].text = text;
    s->n++;
    return OMN_OK;
}

/* "Keyword: text" a line; the lines are cut apart in a copy. */
static omn_status texts(sink *s, const char *lines, const char *origin, omn_error *err)
{
    char *p;
    snprintf(s->software, sizeof(s->software), "omnio %s", omn_version());
    omn_status st = add_text(s, "Software", 8, s->software, err);
    s->copy = strdup(lines);
    s->origin = strdup(origin);
    if (strlen(origin) >= OMN_ORIGIN_MOST)
        return omn_fail(err, OMN_ERR_ARGUMENT, "PNG: how it was made takes %zu bytes and more",
                        OMN_ORIGIN_MOST);
    if (st == OMN_OK && s->origin != NULL && s->origin[0] != '\0')
        st = add_text(s, OMN_ORIGIN, strlen(OMN_ORIGIN), s->origin, err);
    if (s->copy == NULL || s->origin == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for its texts");
    for (p = s->copy; st == OMN_OK && *p != '\0';) {
        char *end = strchr(p, '\n'), *colon;
        char *next = end != NULL ? end + 1 : p + strlen(p);
        if (end != NULL) *end = '\0';
        colon = strchr(p, ':');
        if (colon == NULL)
            return omn_fail(err, OMN_ERR_ARGUMENT, "PNG: \"%.60s\" is not \"Keyword: text\"", p);
        st = add_text(s, p, (size_t)(colon - p), colon + 1 + strspn(colon + 1, " "), err);
        p = next;
    }
    return st;
}

/* false after an error of libpng, whose text is then in s. */
static bool write_all(sink *s, const png_rows *from)
{
    if (setjmp(s->trouble.back) != 0) return false;
    png_set_write_fn(s->png, s, store, flush);
    png_set_user_limits(s->png, OMN_IMAGE_MOST_SIDE, OMN_IMAGE_MOST_SIDE);
    png_set_compression_level(s->png, from->compression);
    png_set_IHDR(s->png, s->info, from->width, from->height, from->bits, from->colour,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (from->palette != NULL) png_set_PLTE(s->png, s->info, from->palette, 256);
    png_set_text(s->png, s->info, s->texts, s->n);
    png_write_info(s->png, s->info);
    for (uint32_t y = 0; y < from->height; y++) {
        from->row(from->user, y, s->row);
        png_write_row(s->png, s->row);
    }
    png_write_end(s->png, s->info);
    return true;
}

omn_status png_write(const png_rows *from, uint8_t **bytes, size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    sink *s = calloc(1, sizeof(*s));
    if (s == NULL) return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to write it");
    omn_buf_init(&s->out, OMN_VALUE_MOST_BYTES);
    s->row = calloc(1, from->row_bytes);
    errno = 0;
    s->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &s->trouble, png_note, png_ignore);
    if (s->png != NULL) s->info = png_create_info_struct(s->png);
    if (s->row == NULL || s->info == NULL) {
        st = omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to write it");
        goto done;
    }
    OMN_TRY(texts(s, from->texts != NULL ? from->texts : "", from->origin, err));
    if (write_all(s, from)) {
        *size = s->out.length;
        *bytes = (uint8_t *)omn_buf_take(&s->out);
        if (*bytes == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for the file");
    } else {
        st = png_failed(&s->trouble, OMN_ERR_IO, err);
    }
done:
    png_destroy_write_struct(&s->png, &s->info);
    omn_buf_fini(&s->out);
    free(s->row);
    free(s->copy);
    free(s->origin);
    free(s);
    return st;
}
