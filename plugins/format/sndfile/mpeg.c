/* SPDX-License-Identifier: Apache-2.0 */
/* MPEG sound (MP3 and the layers before it), with libmpg123 itself: reached through libsndfile it
 * writes its complaints to standard error. Is the file whole? It has no header that says how long
 * it is, but most encoders leave one in the first frame ("Xing", "Info"). So the frames are walked:
 * the last one has to be whole, and there have to be as many as that header says. What is no frame
 * ends the walk, since tags and padding stand at the ends of many files. */
#include "config.h"

#include "inside.h"

#include <errno.h>
#ifdef HAVE_MPG123
#include <mpg123.h>
#endif
#include <string.h>
#include <unistd.h>

/* kbit/s by [first version or later][layer 1, 2, 3][index]; 0: free or forbidden. */
static const uint16_t rates[2][3][16] = {
    { { 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0 },
      { 0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0 },
      { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0 } },
    { { 0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0 },
      { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 },
      { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 } },
};
static const uint32_t hertz[3] = { 44100, 48000, 32000 };

/* Bytes of the frame whose header stands at p; 0: it is none, or its size cannot be told. */
static size_t frame_size(const uint8_t *p, size_t n)
{
    if (n < 4 || p[0] != 0xff || (p[1] & 0xe0) != 0xe0) return 0;
    const int version = p[1] >> 3 & 3, layer = 4 - (p[1] >> 1 & 3); /* version 3: 1, 2: 2, 0: 2.5 */
    if (version == 1 || layer == 4 || (p[2] >> 2 & 3) == 3) return 0;
    const int later = version != 3;
    const uint32_t bits = rates[later][layer - 1][p[2] >> 4] * 1000u;
    const uint32_t hz = hertz[p[2] >> 2 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    const uint32_t pad = p[2] >> 1 & 1;
    if (bits == 0) return 0;
    if (layer == 1) return (12 * bits / hz + pad) * 4;
    return (later && layer == 3 ? 72 : 144) * bits / hz + pad;
}

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What the header in the first frame says: how many frames follow, how many bytes there are from
 * this frame on. 0: it does not say. */
typedef struct promise {
    uint32_t frames, bytes;
} promise;
static promise promised(const uint8_t *frame, size_t size)
{
    const bool first = (frame[1] >> 3 & 3) == 3, mono = frame[3] >> 6 == 3;
    const size_t at = 4u + (first ? (mono ? 17 : 32) : mono ? 9 : 17);
    promise p = { 0, 0 };
    if (size < at + 16) return p;
    if (memcmp(frame + at, "Xing", 4) && memcmp(frame + at, "Info", 4)) return p;
    const uint32_t has = big(frame + at + 4);
    if (has & 1) p.frames = big(frame + at + 8);
    if (has & 2) p.bytes = big(frame + at + (has & 1 ? 12 : 8));
    return p;
}

/* Tags of ID3v2 in front. */
static size_t behind_tags(const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (n - at >= 10 && memcmp(p + at, "ID3", 3) == 0) {
        const uint8_t *s = p + at + 6;
        const size_t size = 10 + ((size_t)(s[0] & 127) << 21 | (size_t)(s[1] & 127) << 14 |
                                  (size_t)(s[2] & 127) << 7 | (s[3] & 127));
        if (size > n - at) return n;
        at += size;
    }
    return at;
}

omn_status whole_mpeg(const uint8_t *p, size_t n, omn_error *err)
{
    size_t at = behind_tags(p, n), size = at < n ? frame_size(p + at, n - at) : 0, frames = 0;
    while (at < n && size == 0) /* some have zeros before the first frame */
        size = ++at < n ? frame_size(p + at, n - at) : 0;
    if (size == 0 || size > n - at)
        return omn_fail(err, OMN_ERR_DATA, "MP3: there is no sound in it");
    const promise says = promised(p + at, size);
    if (says.bytes > n - at)
        return omn_fail(err, OMN_ERR_DATA, "MP3: the file is cut off: %zu of %lu bytes are there",
                        n - at, (unsigned long)says.bytes);
    for (; size > 0 && size <= n - at; frames++) {
        at += size;
        size = at < n ? frame_size(p + at, n - at) : 0;
    }
    if (says.frames > 0 ? frames < (size_t)says.frames : size > 0)
        return omn_fail(err, OMN_ERR_DATA, "MP3: the file is cut off after %zu frames", frames);
    return OMN_OK;
}

#ifdef HAVE_MPG123
static ssize_t fetch(void *user, void *to, size_t n)
{
    return (ssize_t)source_bytes(user, to, n);
}

static off_t move_to(void *user, off_t offset, int whence)
{
    return (off_t)source_move(user, offset, whence);
}

static omn_status trouble(int number, omn_error *err)
{
    if (errno == ENOMEM || number == MPG123_OUT_OF_MEM)
        return omn_fail(err, OMN_ERR_MEMORY, "MP3: no memory to read it");
    return omn_fail(err, OMN_ERR_DATA, "MP3: the file is damaged (%s)",
                    mpg123_plain_strerror(number));
}

omn_status mpeg_open(source *s, omn_error *err)
{
    const long flags = MPG123_QUIET | MPG123_FORCE_FLOAT;
    int number = MPG123_OK, channels = 0, coding = 0;
    long rate = 0;
    mpg123_pars *how = mpg123_new_pars(&number); /* before: making it may complain as well */
    if (how == NULL) return trouble(number, err);
    const bool told = mpg123_par(how, MPG123_ADD_FLAGS, flags, 0) == MPG123_OK &&
                      mpg123_par(how, MPG123_RESYNC_LIMIT, -1, 0) == MPG123_OK;
    mpg123_handle *h = s->mpeg = told ? mpg123_parnew(how, NULL, &number) : NULL;
    mpg123_delete_pars(how);
    if (h == NULL) return trouble(number, err);
    if (mpg123_replace_reader_handle(h, fetch, move_to, NULL) != MPG123_OK ||
        mpg123_open_handle(h, s) != MPG123_OK || mpg123_scan(h) != MPG123_OK ||
        mpg123_getformat(h, &rate, &channels, &coding) != MPG123_OK)
        return trouble(mpg123_errcode(h), err);
    const off_t length = mpg123_length(h);
    if (coding != MPG123_ENC_FLOAT_32 || length < 0)
        return omn_fail(err, OMN_ERR_DATA, "MP3: the file is damaged");
    s->info = (SF_INFO){ .samplerate = (int)rate, .channels = channels, .frames = length };
    return source_starved(s, err);
}

void mpeg_close(source *s)
{
    if (s->mpeg != NULL) mpg123_delete(s->mpeg); /* closes too */
    s->mpeg = NULL;
}

omn_status mpeg_take(source *s, float *to, size_t n, size_t *got, omn_error *err)
{
    const size_t each = (size_t)s->info.channels * sizeof(*to);
    size_t bytes = 0;
    const int number = mpg123_read(s->mpeg, (unsigned char *)to, n * each, &bytes);
    *got = bytes / each;
    if (number == MPG123_OK || number == MPG123_DONE) return source_starved(s, err);
    if (number == MPG123_NEW_FORMAT)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "MP3: its rate or its channels change on the way");
    return trouble(number == MPG123_ERR ? mpg123_errcode(s->mpeg) : number, err);
}

bool mpeg_seek(source *s, size_t at)
{
    return mpg123_seek(s->mpeg, (off_t)at, SEEK_SET) == (off_t)at;
}
#else
omn_status mpeg_open(source *s, omn_error *err)
{
    (void)s;
    return omn_fail(err, OMN_ERR_UNSUPPORTED, "MP3: omnio was built without libmpg123");
}
void mpeg_close(source *s)
{
    (void)s;
}
omn_status mpeg_take(source *s, float *to, size_t n, size_t *got, omn_error *err)
{
    (void)to;
    (void)n;
    (void)got;
    return mpeg_open(s, err);
}
bool mpeg_seek(source *s, size_t at)
{
    (void)s;
    return at == 0;
}
#endif
