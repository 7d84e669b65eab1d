/* SPDX-License-Identifier: Apache-2.0 */
/* BMP, without any library: the door. It is read, and never written: PNG holds all that it does. */
#include "inside.h"

#include <string.h>

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    /* Two letters, then the size of a header that there is. */
    if (n < 18 || memcmp(head, "BM", 2) != 0 || head[15] || head[16] || head[17]) return 0;
    return head[14] == 12 || (head[14] >= 40 && head[14] <= 124) ? 92 : 0;
}

static const omn_format_impl format = { NULL, "image", "bmp", probe, bmp_read, NULL };
static const omn_object objects[] = {
    { "omnio.format/1", "bmp", "BMP pictures, 1 to 32 bits a pixel; only read", &format, NULL, 0,
      0 },
};
OMN_PLUGIN("format-bmp", "1.0", "Apache-2.0", "BMP pictures", objects);
