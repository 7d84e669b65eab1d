/* SPDX-License-Identifier: Apache-2.0 */
/* A long sound as a stream of pieces of ten seconds, read when they are asked for: memory holds one
 * piece. The decoder has one place in the file, so pieces are read one at a time, quickest in
 * order. */
#include "inside.h"

#include <omnio/kinds_of_values.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { SECONDS = 10 };
#define CHUNK ((size_t)1 << 20)

typedef struct pieces {
    source s;
    uint8_t *bytes;                       /* a copy of them, or the file itself; owned */
    omn_map *map;
    size_t each, all, next;               /* moments of a piece, of all; where the decoder is */
    pthread_mutex_t lock;
} pieces;

static omn_status piece(pieces *k, size_t from, omn_value **out, omn_error *err)
{
    const size_t channels = (size_t)k->s.info.channels;
    const size_t n = k->all - from < k->each ? k->all - from : k->each;
    omn_status st = OMN_OK;
    size_t had = 0, got = 1;
    float *x = malloc(n * channels * sizeof(*x) + 1);
    if (x == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a piece of sound");
    if (k->next != from && !source_seek(&k->s, from)) {
        st = source_starved(&k->s, err);
        if (st != OMN_OK) goto done;
        st = omn_fail(err, OMN_ERR_DATA, "%s: there is no way to sample %zu",
                      container_name(k->s.is), from);
        goto done;
    }
    k->next = SIZE_MAX; /* unknown until all went well */
    while (had < n && got > 0) {
        OMN_TRY(source_take(&k->s, x + had * channels, n - had, &got, err));
        had += got;
    }
    if (had < n && k->s.is != IS_MPEG) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: the file is damaged or cut off behind sample %zu",
                      container_name(k->s.is), from + had);
        goto done;
    }
    k->next = from + had;
    OMN_TRY(sound_give(NULL, &k->s, x, had, (double)from / k->s.info.samplerate, out, err));
done:
    free(x);
    return st;
}

static omn_status item(void *self, uint64_t i, omn_value **out, omn_error *err)
{
    pieces *k = self;
    omn_status st = k->map != NULL ? omn_map_unchanged(k->map, err) : OMN_OK;
    if (st != OMN_OK) return st;
    pthread_mutex_lock(&k->lock);
    st = piece(k, (size_t)i * k->each, out, err);
    pthread_mutex_unlock(&k->lock);
    return st;
}

static void close_pieces(void *self)
{
    pieces *k = self;
    source_close(&k->s);
    pthread_mutex_destroy(&k->lock);
    free(k->bytes);
    omn_map_close(k->map);
    free(k);
}

static const omn_stream_source from = { item, close_pieces };

/* Of all bytes, a few at a time. */
static omn_status hash_of(const source *s, uint64_t out[2], omn_error *err)
{
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL || XXH3_128bits_reset(state) != XXH_OK) {
        XXH3_freeState(state);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a stream of sound");
    }
    for (size_t at = 0, now; at < s->n; at += now) {
        now = s->n - at < CHUNK ? s->n - at : CHUNK;
        (void)XXH3_128bits_update(state, s->p + at, now);
        let_go(s, at, at + now);
    }
    const XXH128_hash_t h = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    out[0] = h.high64;
    out[1] = h.low64;
    return OMN_OK;
}

/* What lies at k->s is a file of sound: its stream. k is taken. */
static omn_status give(pieces *k, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(source_open(&k->s, err));
    if (k->s.info.frames < 1 || k->s.info.frames == SF_COUNT_MAX) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: it does not say how long it is",
                      container_name(k->s.is));
        goto done;
    }
    k->all = (size_t)k->s.info.frames;
    k->each = (size_t)k->s.info.samplerate * SECONDS;
    const uint64_t n = (k->all + k->each - 1) / k->each;
    uint64_t hash[2];
    OMN_TRY(hash_of(&k->s, hash, err));
    return omn_stream_new(&from, k, "audio", n, hash, 1.0 / SECONDS, 0, out, err);
done:
    close_pieces(k);
    return st;
}

static pieces *make(omn_error *err)
{
    pieces *k = calloc(1, sizeof(*k));
    if (k != NULL && pthread_mutex_init(&k->lock, NULL) == 0) return k;
    free(k);
    omn_fail(err, OMN_ERR_MEMORY, "no memory for a stream of sound");
    return NULL;
}

omn_status sound_stream(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                        omn_error *err)
{
    pieces *k = make(err);
    (void)c;
    if (k == NULL) return OMN_ERR_MEMORY;
    k->bytes = malloc(size + 1);
    if (k->bytes == NULL) {
        close_pieces(k);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a file of %zu bytes", size);
    }
    if (size > 0) memcpy(k->bytes, bytes, size);
    k->s.p = k->bytes;
    k->s.n = size;
    return give(k, out, err);
}

omn_status sound_stream_file(omn_call *c, const char *path, omn_value **out, omn_error *err)
{
    pieces *k = make(err);
    (void)c;
    if (k == NULL) return OMN_ERR_MEMORY;
    const omn_status st = omn_map_open(path, &k->map, err);
    if (st != OMN_OK) {
        close_pieces(k);
        return st;
    }
    k->s.p = omn_map_data(k->map);
    k->s.n = omn_map_size(k->map);
    k->s.mapped = true;
    return give(k, out, err);
}
