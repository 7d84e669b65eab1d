/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a file of sound, as libsndfile knows them: title, artist, comment and so on. How a
 * sound was made is its comment, JSON that begins with a brace. */
#include "inside.h"

#include <string.h>

omn_status sound_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                       omn_error *err)
{
    static const char *const names[] = { "Title",  "Copyright", "Software",    "Artist", "Comment",
                                         "Date",   "Album",     "License",     "Tracknumber",
                                         "Genre" };
    static const int of[] = { SF_STR_TITLE, SF_STR_COPYRIGHT, SF_STR_SOFTWARE,    SF_STR_ARTIST,
                              SF_STR_COMMENT, SF_STR_DATE,    SF_STR_ALBUM,       SF_STR_LICENSE,
                              SF_STR_TRACKNUMBER, SF_STR_GENRE };
    source s = { .p = bytes, .n = size };
    (void)c;
    const omn_status st = source_open(&s, err);
    for (size_t i = 0; st == OMN_OK && s.file != NULL && i < sizeof(of) / sizeof(of[0]); i++) {
        const char *text = sf_get_string(s.file, of[i]);
        const size_t n = text != NULL ? strlen(text) : 0;
        const bool ours = of[i] == SF_STR_COMMENT && n > 0 && text[0] == '{';
        if (n > 0 && fn(user, ours ? OMN_ORIGIN : names[i], text,
                        n < OMN_ORIGIN_MOST ? n : OMN_ORIGIN_MOST))
            break;
    }
    source_close(&s);
    return st;
}
