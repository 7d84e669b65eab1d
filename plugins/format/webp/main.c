/* SPDX-License-Identifier: Apache-2.0 */
/* WebP through libwebp: the door. */
#include "inside.h"

#include <string.h>

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0 ? 100 : 0;
}

OMN_PARAMS(webp_options, WEBP_SAVE);

static const void *texts(const char *id)
{
    static const omn_format_texts read = { webp_texts };
    return strcmp(id, "omnio.texts/1") == 0 ? &read : NULL;
}

static const omn_format_impl format = { texts, "image", "webp", probe, webp_read, webp_save };
static const omn_object objects[] = {
    { "omnio.format/1", "webp",
      "WebP pictures, with and without loss or alpha, turned as EXIF says; of moving ones the "
      "first",
      &format, OMN_OBJECT_PARAMS(webp_options) },
};
OMN_PLUGIN("format-webp", "1.1", "Apache-2.0", "WebP pictures", objects);
