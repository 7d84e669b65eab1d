/* SPDX-License-Identifier: Apache-2.0 */
/* Reading sound with libsndfile, which sees only the containers that are named here: it knows many
 * more, which nobody asked for. Samples are counted as they come, never as the file promises, so
 * that memory grows with what is there. */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_SAMPLES ((size_t)1 << 28) /* 1 GiB */
#define STEP         ((size_t)1 << 16) /* moments read at once */
#define HELD         ((size_t)1 << 22) /* bytes of a mapped file that stay */

container container_of(const uint8_t *head, size_t n)
{
    if (n >= 12 && memcmp(head + 8, "WAVE", 4) == 0 &&
        (!memcmp(head, "RIFF", 4) || !memcmp(head, "RF64", 4) || !memcmp(head, "RIFX", 4)))
        return IS_WAV;
    if (n >= 4 && memcmp(head, "fLaC", 4) == 0) return IS_FLAC;
    if (n >= 36 && memcmp(head, "OggS", 4) == 0) {
        if (memcmp(head + 28, "OpusHead", 8) == 0) return IS_OPUS;
        if (memcmp(head + 28, "\1vorbis", 7) == 0 || memcmp(head + 28, "\177FLAC", 5) == 0)
            return IS_OGG;
        return NO_SOUND;
    }
    if (n >= 10 && memcmp(head, "ID3", 3) == 0) return IS_MPEG;
    /* A frame of layer 1 to 3 whose rates are none of those that are forbidden. */
    if (n >= 4 && head[0] == 0xff && (head[1] & 0xe0) == 0xe0 && (head[1] & 0x18) != 8 &&
        (head[1] & 6) != 0 && (head[2] & 0xf0) != 0xf0 && (head[2] & 12) != 12)
        return IS_MPEG;
    return NO_SOUND;
}

const char *container_name(container k)
{
    static const char *const names[] = { "sound", "WAV", "FLAC", "Ogg", "Opus", "MP3" };
    return names[k];
}

/* ---- the file in memory, as libsndfile asks for it ------------------------------------------ */

void let_go(const source *s, size_t from, size_t to)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = from / page * page;
    if (s->mapped && to > begin) /* a hint: what is read again is read from the file again */
        (void)madvise((void *)(uintptr_t)(s->p + begin), to - begin, MADV_DONTNEED);
}

size_t source_bytes(source *s, void *to, size_t n)
{
    const size_t left = s->n - s->at, got = n < left ? n : left;
    if (got > 0) memcpy(to, s->p + s->at, got);
    s->at += got;
    if (s->at < s->held) s->held = s->at;
    if (s->at - s->held > HELD) {
        let_go(s, s->held, s->at);
        s->held = s->at;
    }
    return got;
}

int64_t source_move(source *s, int64_t offset, int whence)
{
    const int64_t n = (int64_t)s->n;
    const int64_t from = whence == SEEK_CUR ? (int64_t)s->at : whence == SEEK_END ? n : 0;
    if (offset < -from || offset > n - from) return -1;
    if (from + offset < (int64_t)s->held) s->held = (size_t)(from + offset);
    s->at = (size_t)(from + offset);
    return (int64_t)s->at;
}

static sf_count_t length(void *user)
{
    return (sf_count_t)((source *)user)->n;
}

static sf_count_t move_to(sf_count_t offset, int whence, void *user)
{
    return source_move(user, offset, whence);
}

static sf_count_t fetch(void *to, sf_count_t wanted, void *user)
{
    return wanted > 0 ? (sf_count_t)source_bytes(user, to, (size_t)wanted) : 0;
}

static sf_count_t store(const void *from, sf_count_t n, void *user)
{
    (void)from;
    (void)n;
    (void)user;
    return 0;
}

static sf_count_t tell(void *user)
{
    return (sf_count_t)((source *)user)->at;
}

/* libsndfile says little and, of what its libraries could not allocate, often nothing: some go on
 * as if the file had ended there. errno knows, since the file lies in memory. */
omn_status source_starved(const source *s, omn_error *err)
{
    if (errno != ENOMEM) return OMN_OK;
    return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to read it", container_name(s->is));
}

static omn_status trouble(const source *s, int number, omn_error *err)
{
    const char *why = sf_error_number(number);
    if (errno == ENOMEM || strstr(why, "malloc") != NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to read it", container_name(s->is));
    char text[160];
    (void)omn_format(text, sizeof(text), "%s", why);
    for (size_t n = strlen(text); n > 0 && strchr(". \n", text[n - 1]); n--) text[n - 1] = '\0';
    return omn_fail(err, OMN_ERR_DATA, "%s: the file is damaged (%s)", container_name(s->is), text);
}

static bool is_known(int format)
{
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
    case SF_FORMAT_FLAC:
    case SF_FORMAT_OGG:
        return true;
    default:
        return false;
    }
}

omn_status source_open(source *s, omn_error *err)
{
    static const SF_VIRTUAL_IO io = { length, move_to, fetch, store, tell };
    s->is = container_of(s->p, s->n);
    if (s->is == NO_SOUND)
        return omn_fail(err, OMN_ERR_DATA, "no file of sound: WAV, FLAC, Ogg, Opus and MP3 are");
    const omn_status st = whole_file(s->is, s->p, s->n, err);
    if (st != OMN_OK) return st;
    errno = 0;
    if (s->is == IS_MPEG) return mpeg_open(s, err);
    s->file = sf_open_virtual((SF_VIRTUAL_IO *)(uintptr_t)&io, SFM_READ, &s->info, s);
    if (s->file == NULL) return trouble(s, sf_error(NULL), err);
    if (!is_known(s->info.format))
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: another kind of sound is in it",
                        container_name(s->is));
    if (s->info.channels < 1 || s->info.channels > 64)
        return omn_fail(err, OMN_ERR_DATA, "%s: %d channels; a sound has 1..64",
                        container_name(s->is), s->info.channels);
    return source_starved(s, err);
}

void source_close(source *s)
{
    if (s->file != NULL) sf_close(s->file);
    s->file = NULL;
    mpeg_close(s);
}

omn_status source_take(source *s, float *to, size_t n, size_t *got, omn_error *err)
{
    *got = 0;
    errno = 0;
    if (s->is == IS_MPEG) return mpeg_take(s, to, n, got, err);
    const sf_count_t count = sf_readf_float(s->file, to, (sf_count_t)n);
    const int number = sf_error(s->file);
    *got = count > 0 ? (size_t)count : 0;
    return number == SF_ERR_NO_ERROR ? source_starved(s, err) : trouble(s, number, err);
}

bool source_seek(source *s, size_t at)
{
    errno = 0;
    if (s->is == IS_MPEG) return mpeg_seek(s, at);
    return sf_seek(s->file, (sf_count_t)at, SEEK_SET) == (sf_count_t)at;
}

/* ---- all of it ------------------------------------------------------------------------------ */

omn_status sound_give(omn_call *c, const source *s, const float *x, size_t n, double start,
                      omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    const double rate = s->info.samplerate;
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, s->info.channels), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    omn_status st = omn_kind_find(c, "audio", &kind, err);
    if (st == OMN_OK) st = omn_value_make(kind, columns, 3, NULL, out, err);
    if (st != OMN_OK) omn_error_prefix(err, "%s", container_name(s->is));
    return st;
}

/* Room for n more moments; at most as many as the host allows. */
static omn_status grow(const omn_call *c, const source *s, float **x, size_t *room, size_t n,
                       omn_error *err)
{
    const size_t channels = (size_t)s->info.channels, allowed = (size_t)omn_call_most_bytes(c);
    size_t most = MOST_SAMPLES;
    if (allowed > 0 && allowed / sizeof(**x) < most) most = allowed / sizeof(**x);
    if (n <= *room) return OMN_OK;
    size_t next = *room + *room / 2 > n ? *room + *room / 2 : n;
    if (next > most / channels) next = most / channels;
    if (next < n)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: more than %zu samples of %zu channels, which one value may not be;"
                        " where a stream is wanted it is read piece by piece",
                        container_name(s->is), most / channels, channels);
    float *more = realloc(*x, next * channels * sizeof(*more));
    if (more == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for %zu samples",
                        container_name(s->is), next);
    *x = more;
    *room = next;
    return OMN_OK;
}

omn_status sound_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                      omn_error *err)
{
    source s = { .p = bytes, .n = size };
    float *x = NULL;
    size_t n = 0, room = 0, got = 1;
    omn_status st = OMN_OK;
    OMN_TRY(source_open(&s, err));
    while (got > 0) {
        if (omn_call_cancelled(c)) {
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped while a sound was read");
            goto done;
        }
        OMN_TRY(grow(c, &s, &x, &room, n + STEP, err));
        OMN_TRY(source_take(&s, x + n * (size_t)s.info.channels, STEP, &got, err));
        n += got;
    }
    /* Frames of MPEG were counted before; of its first and last some samples are silence. */
    if (n == 0 && s.info.frames > 0)
        st = omn_fail(err, OMN_ERR_DATA, "%s: there is no sound in it", container_name(s.is));
    else if (s.is != IS_MPEG && s.info.frames < SF_COUNT_MAX && (sf_count_t)n != s.info.frames)
        st = omn_fail(err, OMN_ERR_DATA, "%s: the file is damaged or cut off: %zu of %lld samples"
                      " came", container_name(s.is), n, (long long)s.info.frames);
    else
        st = sound_give(c, &s, x, n, 0, out, err);
done:
    source_close(&s);
    free(x);
    return st;
}
