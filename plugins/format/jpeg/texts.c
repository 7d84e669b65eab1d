/* SPDX-License-Identifier: Apache-2.0 */
/* The comments of a JPEG, those in front of its picture. The segments there say how long they are,
 * so that the way from one to the next needs no library and nothing is decoded. A comment is any
 * bytes; how a picture was made is one that begins with a brace. */
#include "inside.h"

#include <string.h>

enum { START = 0xd8, SCAN = 0xda, END = 0xd9, COMMENT = 0xfe, MOST_TEXTS = 1024 };

omn_status jpeg_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                      omn_error *err)
{
    size_t at = 2, told = 0;
    (void)c;
    while (told < MOST_TEXTS) {
        while (at + 1 < size && bytes[at] == 0xff && bytes[at + 1] == 0xff) at++; /* filling */
        if (size < 4 || at > size - 4)
            return omn_fail(err, OMN_ERR_DATA, "JPEG: the file ends early");
        const uint8_t marker = bytes[at + 1];
        const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (bytes[at] != 0xff || marker < 0xc0 || marker == START)
            return omn_fail(err, OMN_ERR_DATA, "JPEG: at byte %zu no segment begins", at);
        if (marker == SCAN || marker == END) break;
        if (length < 2 || length > size - at - 2)
            return omn_fail(err, OMN_ERR_DATA, "JPEG: the file ends early");
        const char *text = (const char *)bytes + at + 4;
        const size_t n = length - 2;
        if (marker == COMMENT && n > 0) {
            told++;
            if (fn(user, text[0] == '{' ? OMN_ORIGIN : "Comment", text,
                   n < OMN_ORIGIN_MOST ? n : OMN_ORIGIN_MOST))
                break;
        }
        at += 2 + length;
    }
    return OMN_OK;
}
