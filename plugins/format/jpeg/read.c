/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JPEG: grey stays grey, everything else becomes RGB. Pictures of four inks (CMYK, YCCK)
 * are turned into RGB by the plain product of ink and black. Inks are stored inverted, as Adobe's
 * programs began it, whether or not Adobe's marker is there; browsers read them so too. The picture
 * is then turned as its EXIF data asks, so that x and y are what a person sees. */
#include "inside.h"
#include "orientation.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SCANS = 200 };

typedef struct source {
    jpeg_trouble trouble;
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    omn_image *img;
    omn_pixels px;
    uint8_t *inks; /* one row of CMYK */
    int turn;
    omn_status st;
    omn_call *call;
    omn_error *err;
} source;

/* A small file can ask for thousands of passes over a large picture. */
static void count_scans(j_common_ptr common)
{
    source *s = (source *)common->client_data;
    if (s->info.input_scan_number <= MOST_SCANS) return;
    snprintf(s->trouble.text, sizeof(s->trouble.text), "more than %d passes over the picture",
             MOST_SCANS);
    longjmp(s->trouble.back, 1);
}

static int orientation(const struct jpeg_decompress_struct *info)
{
    for (jpeg_saved_marker_ptr m = info->marker_list; m != NULL; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && memcmp(m->data, "Exif\0", 6) == 0)
            return exif_orientation(m->data, m->data_length);
    return 1;
}

static void refuse(source *s, const char *why)
{
    snprintf(s->trouble.text, sizeof(s->trouble.text), "%s", why);
    longjmp(s->trouble.back, 1);
}

static void start(source *s, const uint8_t *bytes, size_t size)
{
    struct jpeg_decompress_struct *info = &s->info;
    jpeg_mem_src(info, bytes, (unsigned long)size);
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(info, TRUE);
    s->turn = orientation(info);
    if (info->data_precision != 8) refuse(s, "only 8 bits a channel can be read");
    /* The first scan takes a bit or more for each block of 8 x 8, unless it is coded
     * arithmetically. */
    if (!info->arith_code &&
        (uint64_t)info->image_width * info->image_height / 512 > (uint64_t)size)
        refuse(s, "the file is too short for a picture of this size");
    switch (info->jpeg_color_space) {
    case JCS_GRAYSCALE:
        info->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_YCbCr:
    case JCS_RGB:
        info->out_color_space = JCS_RGB;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        info->out_color_space = JCS_CMYK;
        break;
    default:
        refuse(s, "colours of an unknown kind");
    }
    info->client_data = s;
    s->progress.progress_monitor = count_scans;
    info->progress = &s->progress;
    s->st = omn_image_new_within(s->call, OMN_U8, info->image_width, info->image_height,
                                 info->out_color_space == JCS_GRAYSCALE ? 1 : 3, NULL, &s->img,
                                 &s->px, s->err);
    if (s->st == OMN_OK && info->out_color_space == JCS_CMYK) {
        s->inks = calloc(info->image_width, 4);
        if (s->inks == NULL) s->st = omn_fail(s->err, OMN_ERR_MEMORY, "no memory for a row");
    }
}

static void rgb_of_inks(const uint8_t *inks, size_t width, uint8_t *rgb)
{
    for (size_t x = 0; x < width; x++, inks += 4, rgb += 3)
        for (int k = 0; k < 3; k++) {
            unsigned left = inks[k], left_black = inks[3]; /* 255: none of it is printed */
            rgb[k] = (uint8_t)((left * left_black + 127) / 255);
        }
}

/* false after an error of libjpeg, whose text is then in s. */
static bool read_all(source *s, const uint8_t *bytes, size_t size)
{
    if (setjmp(s->trouble.back) != 0) return false;
    jpeg_create_decompress(&s->info);
    start(s, bytes, size);
    if (s->st != OMN_OK) return true;
    jpeg_start_decompress(&s->info);
    size_t row = (size_t)s->px.width * s->px.channels;
    while (s->info.output_scanline < s->info.output_height) {
        uint8_t *to = (uint8_t *)s->px.data + s->info.output_scanline * row;
        JSAMPROW one = s->inks != NULL ? s->inks : to;
        jpeg_read_scanlines(&s->info, &one, 1);
        if (s->inks != NULL) rgb_of_inks(s->inks, s->px.width, to);
    }
    jpeg_finish_decompress(&s->info);
    return true;
}

omn_status jpeg_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err)
{
    omn_status st;
    source *s = calloc(1, sizeof(*s)); /* on the heap: it outlives a jump unchanged */
    if (s == NULL) return omn_fail(err, OMN_ERR_MEMORY, "JPEG: no memory to read it");
    s->call = c;
    s->err = err;
    jpeg_trouble_init(&s->trouble);
    s->info.err = &s->trouble.base;
    if (!read_all(s, bytes, size)) {
        st = omn_fail(err, strstr(s->trouble.text, "memory") ? OMN_ERR_MEMORY : OMN_ERR_DATA,
                      "JPEG: %s", s->trouble.text);
    } else {
        st = s->st == OMN_OK ? image_upright(&s->img, s->turn, err) : s->st;
        if (st != OMN_OK) omn_error_prefix(err, "JPEG");
    }
    jpeg_destroy_decompress(&s->info);
    free(s->inks);
    if (st == OMN_OK)
        *out = omn_image_give(s->img);
    else
        omn_image_free(s->img);
    free(s);
    return st;
}
