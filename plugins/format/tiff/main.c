/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF through libtiff: the door. It is read and never written: PNG holds what one page does. */
#include "inside.h"

#include <string.h>

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    if (n < 8) return 0;
    /* 42 in either order of bytes; 43 is BigTIFF. */
    if (memcmp(head, "II", 2) == 0 && (head[2] == 42 || head[2] == 43) && head[3] == 0) return 92;
    if (memcmp(head, "MM", 2) == 0 && head[2] == 0 && (head[3] == 42 || head[3] == 43)) return 92;
    return 0;
}

static const omn_format_impl format = { NULL, "image", "tif,tiff", probe, tiff_read, NULL };
static const omn_object objects[] = {
    { "omnio.format/1", "tiff",
      "TIFF pictures, 1 to 16 bits a channel, upright, of several pages the first; only read",
      &format, NULL, 0, 0 },
};
OMN_PLUGIN("format-tiff", "1.0", "Apache-2.0", "TIFF pictures", objects);
