/* SPDX-License-Identifier: Apache-2.0 */
/* A format: Netpbm's PGM in its binary form, one byte for each pixel. "P5", then width, height and
 * the largest value as decimal numbers between white space and comments, one more white space, then
 * the rows. The file comes from anybody: each number is bounded before anything is made from it. */
#include "pgm.h"

#include <stdlib.h>
#include <string.h>

static int pgm_probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 3 && head[0] == 'P' && head[1] == '5' && memchr(" \t\r\n#", head[2], 5) ? 95 : 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number, 1 to most. */
static omn_status next_number(const uint8_t *p, size_t n, size_t *at, uint32_t most,
                              const char *what, uint32_t *out, omn_error *err)
{
    size_t i = *at;
    uint32_t x = 0, digits = 0;
    while (i < n && (is_space(p[i]) || p[i] == '#')) {
        if (p[i] == '#')
            while (i < n && p[i] != '\n') i++;
        else
            i++;
    }
    for (; i < n && p[i] >= '0' && p[i] <= '9' && x <= most; i++, digits++)
        x = 10 * x + (uint32_t)(p[i] - '0');
    if (digits == 0) return omn_fail(err, OMN_ERR_DATA, "a PGM file without its %s", what);
    if (x < 1 || x > most)
        return omn_fail(err, OMN_ERR_DATA, "the %s of a PGM file is outside 1..%u", what, most);
    *at = i;
    *out = x;
    return OMN_OK;
}

static omn_status pgm_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    omn_pixels px;
    uint32_t width, height, most;
    size_t at = 2, n;
    (void)c;
    OMN_TRY(next_number(bytes, size, &at, OMN_IMAGE_MOST_SIDE, "width", &width, err));
    OMN_TRY(next_number(bytes, size, &at, OMN_IMAGE_MOST_SIDE, "height", &height, err));
    OMN_TRY(next_number(bytes, size, &at, 255, "largest value", &most, err));
    n = (size_t)width * height;
    if (at >= size || !is_space(bytes[at]) || size - at - 1 < n)
        return omn_fail(err, OMN_ERR_DATA, "a PGM file of %u x %u pixels with too few bytes", width,
                        height);
    OMN_TRY(omn_image_new(OMN_U8, width, height, 1, NULL, &img, &px, err));
    for (size_t i = 0; i < n; i++) {
        uint32_t v = bytes[at + 1 + i];
        ((uint8_t *)px.data)[i] = (uint8_t)((255 * (v > most ? most : v) + most / 2) / most);
    }
    *out = omn_image_give(img);
done:
    return st;
}

static omn_status pgm_write(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    const struct pgm *how = params;
    const omn_image *img = omn_value_image(v);
    omn_pixels px = omn_image_pixels(img);
    omn_buf b;
    (void)c;
    if (px.channels != 1 || px.type != OMN_U8)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "PGM holds 8-bit grey pictures, this one has %u "
                        "channels",
                        px.channels);
    omn_buf_init(&b, 2 * (size_t)OMN_IMAGE_MOST_PIXELS);
    omn_buf_puts(&b, "P5\n");
    if (*how->comment && !strchr(how->comment, '\n')) omn_buf_printf(&b, "# %s\n", how->comment);
    omn_buf_printf(&b, "%u %u\n255\n", px.width, px.height);
    omn_buf_put(&b, px.data, (size_t)px.width * px.height);
    *size = b.length;
    *bytes = (uint8_t *)omn_buf_take(&b);
    omn_buf_fini(&b);
    return *bytes ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for a PGM file");
}

const omn_format_impl pgm_format = { NULL, "image", "pgm", pgm_probe, pgm_read, pgm_write };
