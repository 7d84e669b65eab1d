/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng: the door, and the small part that reading and writing share. A file that is
 * wanted as a mask or as depth is read as one, else it is a picture. */
#include "inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* libpng says of texts that found no memory that they are too many; nothing but an allocation sets
 * errno, since files lie in memory. */
omn_status png_failed(const png_trouble *t, omn_status otherwise, omn_error *err)
{
    if (errno == ENOMEM || strcasestr(t->text, "memory"))
        return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory (%s)", t->text);
    return omn_fail(err, otherwise, "PNG: %s", t->text);
}

void png_note(png_structp png, png_const_charp text)
{
    png_trouble *t = png_get_error_ptr(png);
    snprintf(t->text, sizeof(t->text), "%s", text);
    longjmp(t->back, 1);
}

void png_ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 8 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0 ? 100 : 0;
}

/* Bits and colour stand in the header chunk, the first: only where no picture is wanted. */
static int grey(const char *name, const uint8_t *head, size_t n, bool only_deep)
{
    const bool plain = probe(name, head, n) && n > 25 && (head[25] == 0 || head[25] == 3);
    return plain && (!only_deep || (head[24] == 16 && head[25] == 0)) ? 50 : 0;
}

static int probe_mask(const char *name, const uint8_t *head, size_t n)
{
    return grey(name, head, n, false);
}

static int probe_depth(const char *name, const uint8_t *head, size_t n)
{
    return grey(name, head, n, true);
}

/* What is written is rounded as the file's bits say: "omnio.rounds/1". */
static const void *rounds(const char *id)
{
    return strcmp(id, "omnio.rounds/1") == 0 ? "" : NULL;
}

static const void *texts(const char *id)
{
    static const omn_format_texts read = { png_texts };
    return strcmp(id, "omnio.texts/1") == 0 ? &read : NULL;
}

OMN_PARAMS(png_options, PNG_SAVE);
OMN_PARAMS(mask_options, PNG_MASK);
OMN_PARAMS(depth_options, PNG_DEPTH);

static const omn_format_impl format = { texts, "image", "png", probe, png_read, png_save };
static const omn_format_impl mask = { rounds, "mask", "png", probe_mask, mask_read, mask_save };
static const omn_format_impl depth = { rounds, "depth", "png", probe_depth, depth_read,
                                       depth_save };
static const omn_object objects[] = {
    { "omnio.format/1", "png",
      "PNG pictures, 1 to 16 bits a channel, with and without alpha, turned as EXIF says", &format,
      OMN_OBJECT_PARAMS(png_options) },
    { "omnio.format/1", "png.mask",
      "masks as PNG: labels as numbers of a palette, 255 nobody's, or of 16 bits; legend as text",
      &mask, OMN_OBJECT_PARAMS(mask_options) },
    { "omnio.format/1", "png.depth",
      "depth as PNG: 16 bits, millimetres unless the file says another scale, 0 unknown", &depth,
      OMN_OBJECT_PARAMS(depth_options) },
};
OMN_PLUGIN("format-png", "1.1", "Apache-2.0", "PNG pictures, masks and depth", objects);
