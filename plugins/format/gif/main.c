/* SPDX-License-Identifier: Apache-2.0 */
/* GIF through giflib: the door. As a picture it is read and never written, since PNG holds all that
 * one frame does; as a video it is both, and a stream is one that is made of it. */
#include "inside.h"

#include <string.h>

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    if (n < 6) return 0;
    return memcmp(head, "GIF87a", 6) == 0 || memcmp(head, "GIF89a", 6) == 0 ? 100 : 0;
}

/* Wanted for nothing in particular, it is a picture. */
static int probe_moving(const char *name, const uint8_t *head, size_t n)
{
    return probe(name, head, n) ? 90 : 0;
}

static omn_status stream_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                              omn_error *err)
{
    const omn_kind *stream = NULL;
    omn_value *video = NULL;
    omn_status st = moving_read(c, bytes, size, &video, err);
    if (st == OMN_OK) st = omn_kind_find(c, "stream", &stream, err);
    if (st == OMN_OK) st = omn_value_convert(c, video, stream, out, err);
    omn_value_unref(video);
    return st;
}

/* Colours are chosen and moments rounded: "omnio.rounds/1". */
static const void *rounds(const char *id)
{
    return strcmp(id, "omnio.rounds/1") == 0 ? "" : NULL;
}

static const void *texts(const char *id)
{
    static const omn_format_texts read = { gif_texts };
    return strcmp(id, "omnio.texts/1") == 0 ? &read : NULL;
}

OMN_PARAMS(gif_options, GIF_SAVE);

static const omn_format_impl format = { texts, "image", "gif", probe, gif_read, NULL };
static const omn_format_impl moving = { rounds,       "video",     "gif",
                                        probe_moving, moving_read, moving_save };
static const omn_format_impl stream = { rounds,       "stream",    "gif",
                                        probe_moving, stream_read, moving_save };
static const omn_object objects[] = {
    { "omnio.format/1", "gif", "GIF pictures, of moving ones the first; only read", &format, NULL,
      0, 0 },
    { "omnio.format/1", "gif.video", "moving GIF pictures as videos, read and written", &moving,
      OMN_OBJECT_PARAMS(gif_options) },
    { "omnio.format/1", "gif.stream", "moving GIF pictures as streams of pictures", &stream,
      OMN_OBJECT_PARAMS(gif_options) },
};
OMN_PLUGIN("format-gif", "1.1", "Apache-2.0", "GIF pictures, still and moving", objects);
