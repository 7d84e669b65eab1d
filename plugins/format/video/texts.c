/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a video: title, comment and what else its container says of the whole file. How it
 * was made is its comment, JSON that begins with a brace. */
#include "inside.h"

#include <string.h>
#include <strings.h>

enum { MOST_TEXTS = 1024 };

/* m is taken. */
static omn_status tell(media *m, omn_text_fn *fn, void *user, omn_error *err)
{
    input in = { .of = m };
    const AVDictionaryEntry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    quiet_enter();
    const omn_status opened = input_open(m, OMN_IMAGE_MOST_PIXELS, &in, &why);
    const omn_status st = quiet_judge(opened, &why, err);
    for (size_t told = 0; st == OMN_OK && told < MOST_TEXTS; told++) {
        e = av_dict_get(in.fmt->metadata, "", e, AV_DICT_IGNORE_SUFFIX);
        if (!e) break;
        const size_t n = strlen(e->value);
        const bool ours = !strcasecmp(e->key, "comment") && e->value[0] == '{';
        if (fn(user, ours ? OMN_ORIGIN : e->key, e->value,
               n < OMN_ORIGIN_MOST ? n : OMN_ORIGIN_MOST))
            break;
    }
    input_close(&in);
    quiet_leave();
    media_close(m);
    return st;
}

omn_status video_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                       omn_error *err)
{
    media m;
    (void)c;
    const omn_status st = media_open_bytes(bytes, size, &m, err);
    return st == OMN_OK ? tell(&m, fn, user, err) : st;
}

omn_status video_texts_file(omn_call *c, const char *path, omn_text_fn *fn, void *user,
                            omn_error *err)
{
    media m;
    (void)c;
    const omn_status st = media_open_file(path, &m, err);
    return st == OMN_OK ? tell(&m, fn, user, err) : st;
}
