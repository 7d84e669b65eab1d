/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng: the door, and the small part that reading and writing share. */
#include "inside.h"

#include <stdio.h>
#include <string.h>

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

OMN_PARAMS(png_options, PNG_SAVE);

static const omn_format_impl format = { NULL, "image", "png", probe, png_read, png_save };
static const omn_object objects[] = {
    { "omnio.format/1", "png",
      "PNG pictures, 1 to 16 bits a channel, with and without alpha, turned as EXIF says", &format,
      OMN_OBJECT_PARAMS(png_options) },
};
OMN_PLUGIN("format-png", "1.0", "Apache-2.0", "PNG pictures", objects);
