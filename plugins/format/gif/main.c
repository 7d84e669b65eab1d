/* SPDX-License-Identifier: Apache-2.0 */
/* GIF through giflib: the door. It is read and never written: PNG holds all that one frame does. */
#include "inside.h"

#include <string.h>

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    if (n < 6) return 0;
    return memcmp(head, "GIF87a", 6) == 0 || memcmp(head, "GIF89a", 6) == 0 ? 100 : 0;
}

static const omn_format_impl format = { NULL, "image", "gif", probe, gif_read, NULL };
static const omn_object objects[] = {
    { "omnio.format/1", "gif", "GIF pictures, of moving ones the first; only read", &format, NULL,
      0, 0 },
};
OMN_PLUGIN("format-gif", "1.0", "Apache-2.0", "GIF pictures", objects);
