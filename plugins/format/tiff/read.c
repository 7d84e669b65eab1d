/* SPDX-License-Identifier: Apache-2.0 */
/* Reading TIFF: the first page. Grey and colour of 16 bits become floats, so that depth maps lose
 * nothing; everything else goes through libtiff's own way to RGBA, which knows palettes, inks,
 * other colours and packings, and becomes bytes. The picture is then turned as its tag asks.
 * libtiff's messages come to the caller of this file alone, and it may take no more memory at once
 * than the largest picture. */
#include "inside.h"
#include "orientation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

typedef struct source {
    const uint8_t *p;
    size_t n, at;
    TIFF *tiff;
    uint32_t width, height;
    uint16_t bits, samples, planes, colours, format, turn;
    omn_image *img;
    char text[256]; /* libtiff's first complaint */
    omn_call *call;
    omn_error *err;
} source;

static tmsize_t fetch(thandle_t user, void *to, tmsize_t n)
{
    source *s = user;
    const size_t left = s->at < s->n ? s->n - s->at : 0;
    const size_t wanted = n > 0 ? (size_t)n : 0, got = wanted < left ? wanted : left;
    memcpy(to, s->p + (left ? s->at : 0), got);
    s->at += got;
    return (tmsize_t)got;
}

static tmsize_t store(thandle_t user, void *from, tmsize_t n)
{
    (void)user;
    (void)from;
    (void)n;
    return 0;
}

static toff_t move_to(thandle_t user, toff_t at, int how)
{
    source *s = user;
    const toff_t from = how == SEEK_CUR ? s->at : how == SEEK_END ? s->n : 0;
    if (at > SIZE_MAX - from) return (toff_t)-1;
    s->at = (size_t)(from + at);
    return s->at;
}

static int leave(thandle_t user)
{
    (void)user;
    return 0;
}

static toff_t length(thandle_t user)
{
    return ((source *)user)->n;
}

/* The file lies in memory already. */
static int map(thandle_t user, void **to, toff_t *n)
{
    const source *s = user;
    *to = (void *)(uintptr_t)s->p;
    *n = s->n;
    return 1;
}

static void unmap(thandle_t user, void *p, toff_t n)
{
    (void)user;
    (void)p;
    (void)n;
}

OMN_PRINTF(4, 0)
static int complain(TIFF *tiff, void *user, const char *where, const char *fmt, va_list ap)
{
    source *s = user;
    (void)tiff;
    (void)where;
    if (s->text[0] == '\0') (void)omn_vformat(s->text, sizeof s->text, fmt, ap);
    return 1;
}

static int ignore(TIFF *tiff, void *user, const char *where, const char *fmt, va_list ap)
{
    (void)tiff;
    (void)user;
    (void)where;
    (void)fmt;
    (void)ap;
    return 1;
}

/* libtiff has words alone to tell that memory was short, and not of every allocation (its lists of
 * pages): errno is set by allocations alone, since the file lies in memory. A limit that is passed
 * is the file's fault. */
static bool no_memory(const char *why)
{
    return (errno == ENOMEM || strstr(why, "alloc") || strcasestr(why, "memory") ||
            strstr(why, "No space for")) && !strstr(why, "beyond");
}

static omn_status trouble(const source *s)
{
    size_t n = strlen(s->text);
    while (n > 0 && s->text[n - 1] == '.') n--;
    if (no_memory(s->text))
        return omn_fail(s->err, OMN_ERR_MEMORY, "TIFF: no memory to read it (%.*s)", (int)n,
                        s->text);
    return omn_fail(s->err, OMN_ERR_DATA, "TIFF: %.*s", n ? (int)n : 19,
                    n ? s->text : "the file is damaged");
}

static omn_status open_it(source *s)
{
    TIFFOpenOptions *how = TIFFOpenOptionsAlloc();
    if (!how) return omn_fail(s->err, OMN_ERR_MEMORY, "TIFF: no memory to read it");
    TIFFOpenOptionsSetMaxSingleMemAlloc(how, (tmsize_t)4 * OMN_IMAGE_MOST_PIXELS);
    TIFFOpenOptionsSetErrorHandlerExtR(how, complain, s);
    TIFFOpenOptionsSetWarningHandlerExtR(how, ignore, s);
    s->tiff = TIFFClientOpenExt("", "r", s, fetch, store, move_to, leave, length, map, unmap, how);
    TIFFOpenOptionsFree(how);
    return s->tiff ? OMN_OK : trouble(s);
}

static omn_status head(source *s)
{
    s->turn = 1;
    s->format = SAMPLEFORMAT_UINT;
    if (!TIFFGetField(s->tiff, TIFFTAG_IMAGEWIDTH, &s->width) ||
        !TIFFGetField(s->tiff, TIFFTAG_IMAGELENGTH, &s->height) ||
        !TIFFGetField(s->tiff, TIFFTAG_PHOTOMETRIC, &s->colours))
        return omn_fail(s->err, OMN_ERR_DATA, "TIFF: there is no picture in it");
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_BITSPERSAMPLE, &s->bits);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_SAMPLESPERPIXEL, &s->samples);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_PLANARCONFIG, &s->planes);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_SAMPLEFORMAT, &s->format);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_ORIENTATION, &s->turn);
    if (s->width < 1 || s->height < 1 || s->width > OMN_IMAGE_MOST_SIDE ||
        s->height > OMN_IMAGE_MOST_SIDE)
        return omn_fail(s->err, OMN_ERR_DATA, "TIFF: %u x %u pixels: sides are 1..%u", s->width,
                        s->height, OMN_IMAGE_MOST_SIDE);
    return OMN_OK;
}

/* Grey or colour of 16 bits, samples side by side, in strips: read as it is. */
static bool is_deep(const source *s)
{
    const bool grey = s->colours == PHOTOMETRIC_MINISBLACK || s->colours == PHOTOMETRIC_MINISWHITE;
    return s->bits == 16 && s->format == SAMPLEFORMAT_UINT && !TIFFIsTiled(s->tiff) &&
           (s->planes == PLANARCONFIG_CONTIG || s->samples == 1) &&
           (grey ? s->samples == 1
                 : s->colours == PHOTOMETRIC_RGB && (s->samples == 3 || s->samples == 4));
}

static omn_status read_deep(source *s)
{
    omn_status st = OMN_OK;
    omn_pixels px;
    uint16_t *row = NULL;
    const size_t n = (size_t)s->width * s->samples;
    OMN_TRY(omn_image_new_within(s->call, OMN_F32, s->width, s->height, s->samples, NULL, &s->img,
                                 &px, s->err));
    if (TIFFScanlineSize(s->tiff) != (tmsize_t)(2 * n)) {
        st = trouble(s);
        goto done;
    }
    row = malloc(2 * n);
    if (!row) return omn_fail(s->err, OMN_ERR_MEMORY, "TIFF: no memory for a row");
    for (uint32_t y = 0; y < s->height; y++) {
        float *to = (float *)px.data + y * n;
        if (TIFFReadScanline(s->tiff, row, y, 0) != 1) {
            st = trouble(s);
            goto done;
        }
        for (size_t i = 0; i < n; i++) {
            const unsigned x = s->colours == PHOTOMETRIC_MINISWHITE ? 65535u - row[i] : row[i];
            to[i] = (float)x / 65535.0f;
        }
    }
done:
    free(row);
    return st;
}

/* libtiff multiplies colours by alpha; here they stand beside it. */
static uint8_t straight(unsigned x, unsigned alpha)
{
    if (alpha == 0) return 0;
    x = (x * 255 + alpha / 2) / alpha;
    return (uint8_t)(x < 255 ? x : 255);
}

static void unpack(const uint32_t *raster, const omn_pixels *px, bool grey)
{
    uint8_t *to = px->data;
    const size_t pixels = (size_t)px->width * px->height;
    for (size_t i = 0; i < pixels; i++, to += px->channels) {
        const uint32_t p = raster[i], alpha = TIFFGetA(p);
        const unsigned c[3] = { TIFFGetR(p), TIFFGetG(p), TIFFGetB(p) };
        for (uint32_t k = 0; k < (grey ? 1u : 3u); k++)
            to[k] = px->channels == 4 ? straight(c[k], alpha) : (uint8_t)c[k];
        if (px->channels == 4) to[3] = (uint8_t)alpha;
    }
}

static omn_status read_any(source *s)
{
    omn_status st = OMN_OK;
    TIFFRGBAImage rgba;
    omn_pixels px;
    uint32_t *raster = NULL;
    char why[1024] = "";
    if (!TIFFRGBAImageOK(s->tiff, why) || !TIFFRGBAImageBegin(&rgba, s->tiff, 1, why))
        return no_memory(why)
                   ? omn_fail(s->err, OMN_ERR_MEMORY, "TIFF: no memory to read it (%s)", why)
                   : omn_fail(s->err, OMN_ERR_UNSUPPORTED, "TIFF: %s",
                              why[0] ? why : "this kind cannot be read");
    const bool grey = s->samples == 1 && (s->colours == PHOTOMETRIC_MINISBLACK ||
                                          s->colours == PHOTOMETRIC_MINISWHITE);
    rgba.req_orientation = rgba.orientation; /* turned later, by the whole of the tag */
    OMN_TRY(omn_image_new_within(s->call, OMN_U8, s->width, s->height,
                                 rgba.alpha ? 4 : grey ? 1 : 3, NULL, &s->img, &px, s->err));
    raster = malloc((size_t)s->width * s->height * sizeof *raster);
    if (!raster) {
        st = omn_fail(s->err, OMN_ERR_MEMORY, "TIFF: no memory to read it");
        goto done;
    }
    if (!TIFFRGBAImageGet(&rgba, raster, s->width, s->height) || s->text[0])
        st = trouble(s);
    else
        unpack(raster, &px, grey);
done:
    free(raster);
    TIFFRGBAImageEnd(&rgba);
    return st;
}

omn_status tiff_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    source s = { .p = bytes, .n = size, .call = c, .err = err };
    errno = 0;
    OMN_TRY(open_it(&s));
    OMN_TRY(head(&s));
    OMN_TRY(is_deep(&s) ? read_deep(&s) : read_any(&s));
    OMN_TRY(image_upright(&s.img, s.turn >= 1 && s.turn <= 8 ? s.turn : 1, err));
    if (!TIFFLastDirectory(s.tiff))
        omn_call_log(c, OMN_LOG_WARN, "TIFF: several pages; the first is read");
    *out = omn_image_give(s.img);
    s.img = NULL;
done:
    if (s.tiff) TIFFClose(s.tiff);
    omn_image_free(s.img);
    return st;
}
