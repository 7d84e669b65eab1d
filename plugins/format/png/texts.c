/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a PNG: those in front of the picture, where whoever writes a file has them ready. No
 * row is decoded. A text that would take more room than one may have, a bomb of deflate too, is
 * passed over by libpng, whose limit holds for what comes out. */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEXTS = 1024 };

typedef struct texts {
    png_source from; /* first: fetch and errors find it there */
    png_structp png;
    png_infop info;
    png_textp of;
    int n;
} texts;

/* false after an error of libpng, whose text is then in s. */
static bool find_all(texts *s)
{
    if (setjmp(s->from.trouble.back) != 0) return false;
    png_set_read_fn(s->png, &s->from, png_fetch);
    png_set_user_limits(s->png, OMN_IMAGE_MOST_SIDE, OMN_IMAGE_MOST_SIDE);
    png_set_benign_errors(s->png, 1);
    png_set_chunk_malloc_max(s->png, 4 * OMN_ORIGIN_MOST);
    png_set_chunk_cache_max(s->png, MOST_TEXTS + 2); /* it stops at the last but one */
    if (!png_chunks_fit(s->from.at, s->from.size)) png_error(s->png, "the file ends early");
    png_read_info(s->png, s->info);
    png_get_text(s->png, s->info, &s->of, &s->n);
    return true;
}

/* How many there are in front of the picture, those among them that libpng passes over. */
static size_t count_texts(const uint8_t *p, size_t size)
{
    size_t n = 0;
    for (size_t at = 8, left; at < size && (left = size - at) >= 12;) {
        const size_t bytes = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 |
                             (size_t)p[at + 2] << 8 | p[at + 3];
        const uint8_t *type = p + at + 4;
        if (!memcmp(type, "IDAT", 4) || bytes > left - 12) break;
        n += !memcmp(type + 1, "EXt", 3) || !memcmp(type + 1, "TXt", 3);
        at += 12 + bytes;
    }
    return n;
}

/* all: texts that the file has, those that are passed over too. */
static void hand_out(const texts *s, size_t all, omn_call *c, omn_text_fn *fn, void *user)
{
    const size_t shown = s->n > 0 ? (size_t)(s->n < MOST_TEXTS ? s->n : MOST_TEXTS) : 0;
    if (all > shown)
        omn_call_log(c, OMN_LOG_WARN, "PNG: %zu texts, of which %zu are read: at most %d, and none "
                     "of more than %zu bytes", all, shown, MOST_TEXTS, (size_t)4 * OMN_ORIGIN_MOST);
    for (int i = 0; i < s->n && i < MOST_TEXTS; i++) {
        const png_text *t = &s->of[i];
        const size_t n = t->text != NULL ? strlen(t->text) : 0;
        const size_t told = n < OMN_ORIGIN_MOST ? n : OMN_ORIGIN_MOST;
        if (fn(user, t->key, n > 0 ? t->text : "", told)) break;
    }
}

omn_status png_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    texts *s = calloc(1, sizeof(*s)); /* on the heap: it outlives a jump unchanged */
    if (s == NULL) return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to read it");
    s->from = (png_source){ .at = bytes, .left = size, .size = size };
    errno = 0;
    s->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s->from.trouble, png_note, png_ignore);
    if (s->png != NULL) s->info = png_create_info_struct(s->png);
    if (s->info == NULL)
        st = omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to read it");
    else if (!find_all(s))
        st = png_failed(&s->from.trouble, OMN_ERR_DATA, err);
    else
        hand_out(s, count_texts(bytes, size), c, fn, user);
    png_destroy_read_struct(&s->png, &s->info, NULL);
    free(s);
    return st;
}
