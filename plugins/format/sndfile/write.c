/* SPDX-License-Identifier: Apache-2.0 */
/* Writing sound with libsndfile into memory. Whole numbers are made here: 1 is 2^15 steps of 16
 * bits as it is for reading, so that what was read is written again as it was; what lies outside
 * -1..1 is held there. */
#include "inside.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP ((size_t)1 << 14)            /* moments written at once */
#define MOST ((size_t)1 << 32)            /* bytes */

typedef struct sink {
    uint8_t *p;
    size_t n, at, room;
    bool failed;
} sink;

static sf_count_t length(void *user)
{
    return (sf_count_t)((sink *)user)->n;
}

static sf_count_t move_to(sf_count_t offset, int whence, void *user)
{
    sink *s = user;
    const sf_count_t from = whence == SEEK_CUR ? (sf_count_t)s->at
                          : whence == SEEK_END ? (sf_count_t)s->n : 0;
    if (offset < -from || offset > (sf_count_t)MOST) return -1;
    s->at = (size_t)(from + offset);
    return (sf_count_t)s->at;
}

static sf_count_t fetch(void *to, sf_count_t wanted, void *user)
{
    sink *s = user;
    const size_t left = s->at < s->n ? s->n - s->at : 0, n = wanted < 0 ? 0 : (size_t)wanted;
    const size_t got = n < left ? n : left;
    if (got > 0) memcpy(to, s->p + s->at, got);
    s->at += got;
    return (sf_count_t)got;
}

static sf_count_t store(const void *from, sf_count_t count, void *user)
{
    sink *s = user;
    const size_t n = count < 0 ? 0 : (size_t)count, end = s->at + n;
    if (end > s->room && !s->failed) {
        const size_t room = end + end / 2 + 4096;
        uint8_t *more = end > MOST ? NULL : realloc(s->p, room);
        s->failed = more == NULL;
        if (more != NULL) s->p = more;
        if (more != NULL) s->room = room;
    }
    if (s->failed) return 0;
    if (s->at > s->n) memset(s->p + s->n, 0, s->at - s->n);
    if (n > 0) memcpy(s->p + s->at, from, n);
    s->at = end;
    if (end > s->n) s->n = end;
    return count;
}

static sf_count_t tell(void *user)
{
    return (sf_count_t)((sink *)user)->at;
}

/* libsndfile takes 32 bits and keeps the upper ones. */
static int whole_number(float x, int bits)
{
    const double scale = ldexp(1, bits - 1), v = rint((double)x * scale);
    const double held = v > scale - 1 ? scale - 1 : v < -scale ? -scale : v;
    return (int)(held * ldexp(1, 32 - bits));
}

static bool put(SNDFILE *file, const writing *how, const float *x, size_t n, size_t channels,
                int *whole)
{
    if (how->bits == 0) return sf_writef_float(file, x, (sf_count_t)n) == (sf_count_t)n;
    for (size_t i = 0; i < n * channels; i++) whole[i] = whole_number(x[i], how->bits);
    return sf_writef_int(file, whole, (sf_count_t)n) == (sf_count_t)n;
}

omn_status sound_write(omn_call *c, const writing *how, const omn_value *v, uint8_t **bytes,
                       size_t *size, omn_error *err)
{
    static const SF_VIRTUAL_IO io = { length, move_to, fetch, store, tell };
    const omn_tensor *t = omn_value_column(v, "samples");
    const double rate = *(const double *)omn_value_column(v, "rate")->data;
    const size_t n = (size_t)t->shape.dim[0], channels = (size_t)t->shape.dim[1];
    SF_INFO info = { .samplerate = (int)rate, .channels = (int)channels, .format = how->format };
    sink s = { .p = NULL };
    SNDFILE *file = NULL;
    int *whole = NULL;
    omn_status st = OMN_OK;
    if (strlen(how->origin) >= OMN_ORIGIN_MOST)
        return omn_fail(err, OMN_ERR_ARGUMENT, "how it was made takes %zu bytes and more",
                        OMN_ORIGIN_MOST);
    if (rate != floor(rate))
        return omn_fail(err, OMN_ERR_DATA, "files of sound have whole rates, not %g Hz:"
                        " audio.resample makes one", rate);
    if (!sf_format_check(&info))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "this format does not hold %zu channels at %g Hz", channels, rate);
    whole = malloc(STEP * channels * sizeof(*whole));
    errno = 0;
    if (whole != NULL)
        file = sf_open_virtual((SF_VIRTUAL_IO *)(uintptr_t)&io, SFM_WRITE, &info, &s);
    if (file == NULL) {
        const char *why = whole ? sf_error_number(sf_error(NULL)) : "";
        st = whole == NULL || errno == ENOMEM || s.failed || strstr(why, "malloc")
                 ? omn_fail(err, OMN_ERR_MEMORY, "no memory to write a sound")
                 : omn_fail(err, OMN_ERR_UNSUPPORTED, "this sound cannot be written: %s", why);
        goto done;
    }
    /* Vorbis comments and the LIST of WAV stand in front of the samples */
    if (how->origin[0] != '\0') {
        char software[64];
        omn_format(software, sizeof(software), "omnio %s", omn_version());
        sf_set_string(file, SF_STR_SOFTWARE, software);
        sf_set_string(file, SF_STR_COMMENT, how->origin);
    }
    double quality = how->quality;
    if (quality >= 0)
        sf_command(file, SFC_SET_VBR_ENCODING_QUALITY, &quality, (int)sizeof(quality));
    for (size_t at = 0, now; at < n && st == OMN_OK; at += now) {
        now = n - at < STEP ? n - at : STEP;
        if (omn_call_cancelled(c))
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped while a sound was written");
        else if (!put(file, how, (const float *)t->data + at * channels, now, channels, whole))
            st = omn_fail(err, OMN_ERR_MEMORY, "no memory to write a sound");
    }
    if (sf_close(file) != 0 || s.failed || errno == ENOMEM)
        st = st != OMN_OK ? st : omn_fail(err, OMN_ERR_MEMORY, "no memory to write a sound");
done:
    free(whole);
    if (st == OMN_OK) {
        *bytes = s.p;
        *size = s.n;
    } else {
        free(s.p);
    }
    return st;
}
