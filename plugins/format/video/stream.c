/* SPDX-License-Identifier: Apache-2.0 */
/* A video as a stream of pictures, of which each is decoded when it is asked for, and as one value
 * where all of it is to be held. Several threads may ask at once: a few readers stand in a row, and
 * each request takes the one that has the shortest way to go. */
#include "inside.h"

#include <pthread.h>
#include <stdlib.h>

enum { READERS = 4 };

typedef struct pictures {
    media of;
    video_index x;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct {
        reader *r;
        bool busy;
    } readers[READERS];
} pictures;

static void pictures_close(void *self)
{
    pictures *p = self;
    for (int i = 0; i < READERS; i++) reader_close(p->readers[i].r);
    index_free(&p->x);
    media_close(&p->of);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The place of the best reader that is free, else of one that is still to be opened; -1: none. */
static int choose(const pictures *p, size_t i)
{
    int best = -1, empty = -1;
    size_t least = SIZE_MAX;
    for (int k = 0; k < READERS; k++) {
        if (p->readers[k].busy) continue;
        if (!p->readers[k].r) {
            empty = k;
            continue;
        }
        const size_t way = reader_distance(p->readers[k].r, i);
        if (best < 0 || way < least) {
            best = k;
            least = way;
        }
    }
    return best >= 0 ? best : empty;
}

static omn_status item(void *self, uint64_t i, omn_value **out, omn_error *err)
{
    pictures *p = self;
    omn_status st = OMN_OK;
    int k;
    *out = NULL;
    pthread_mutex_lock(&p->lock);
    while ((k = choose(p, (size_t)i)) < 0) pthread_cond_wait(&p->freed, &p->lock);
    p->readers[k].busy = true;
    pthread_mutex_unlock(&p->lock);
    omn_error why = OMN_ERROR_INIT;
    quiet_enter();
    if (!p->readers[k].r) st = reader_open(&p->of, &p->x, &p->readers[k].r, &why);
    if (st == OMN_OK) st = reader_picture(p->readers[k].r, (size_t)i, out, &why);
    st = quiet_judge(st, &why, err);
    if (st != OMN_OK) {
        omn_value_unref(*out);
        *out = NULL;
        reader_close(p->readers[k].r); /* the next one begins anew */
        p->readers[k].r = NULL;
    }
    quiet_leave();
    pthread_mutex_lock(&p->lock);
    p->readers[k].busy = false;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
    return st;
}

omn_status stream_read(omn_call *c, media *m, omn_value **out, omn_error *err)
{
    static const omn_stream_source source = { item, pictures_close };
    pictures *p = calloc(1, sizeof(*p));
    if (!p) {
        media_close(m);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a video");
    }
    p->of = *m;
    *m = (media){ .fd = -1 };
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->freed, NULL);
    omn_error why = OMN_ERROR_INIT;
    quiet_enter();
    omn_status st = index_make(c, &p->of, &p->x, &why);
    /* What cannot be decoded at all is said now and not when the first picture is wanted. */
    if (st == OMN_OK) st = reader_open(&p->of, &p->x, &p->readers[0].r, &why);
    st = quiet_judge(st, &why, err);
    quiet_leave();
    if (st != OMN_OK) {
        pictures_close(p);
        return st;
    }
    const video_index *x = &p->x;
    if (x->rate > 0)
        return omn_stream_new(&source, p, "image", x->n, x->hash, x->rate, 0, out, err);
    return omn_stream_new_timed(&source, p, "image", x->n, x->hash, x->time, x->until, out, err);
}

/* *video with the sound of the same file, where it has one. One that cannot be read is told and
 * left out, as the pictures are there. */
static omn_status add_sound(omn_call *c, const omn_kind *kind, const media *m, omn_value **video,
                            omn_error *err)
{
    omn_value *sound = NULL, *both = NULL;
    omn_error why = OMN_ERROR_INIT;
    omn_status st = sound_of(c, m, &sound, &why);
    if (st == OMN_ERR_MEMORY || st == OMN_ERR_CANCELLED) return omn_fail(err, st, "%s", why.text);
    if (st != OMN_OK) {
        omn_call_log(c, OMN_LOG_WARN, "its sound is left out: %s", why.text);
        return OMN_OK;
    }
    if (!sound) return OMN_OK;
    const omn_filled columns[3] = {
        { "frames", *omn_value_column(*video, "frames") },
        { "time", *omn_value_column(*video, "time") },
        omn_fill("sound", OMN_ANY_VALUE, omn_dim0(), &sound),
    };
    st = omn_value_make(kind, columns, 3, NULL, &both, err);
    omn_value_unref(sound);
    if (st != OMN_OK) return st;
    omn_value_unref(*video);
    *video = both;
    return OMN_OK;
}

omn_status video_read(omn_call *c, media *m, omn_value **out, omn_error *err)
{
    const omn_kind *video = NULL;
    omn_value *stream = NULL, *first = NULL;
    media again = { .fd = -1 };
    *out = NULL;
    uint64_t most = omn_call_most_bytes(c);
    if (most == 0 || most > OMN_VALUE_MOST_BYTES) most = OMN_VALUE_MOST_BYTES;
    omn_status st = media_again(m, &again, err);
    if (st == OMN_OK)
        st = stream_read(c, m, &stream, err);
    else
        media_close(m);
    if (st == OMN_OK) st = omn_kind_find(c, "video", &video, err);
    if (st == OMN_OK) st = omn_value_item(stream, 0, &first, err);
    if (st == OMN_OK) {
        const size_t n = omn_value_count(stream);
        const double bytes = (double)omn_value_bytes(first) * (double)n;
        if (bytes > (double)most)
            st = omn_fail(err, OMN_ERR_DATA,
                          "%zu pictures would take %.0f MB of memory and %.0f "
                          "are allowed; a stream of them takes none",
                          n, bytes / 1e6, (double)most / 1e6);
    }
    if (st == OMN_OK) st = omn_value_convert(c, stream, video, out, err);
    if (st == OMN_OK) st = add_sound(c, video, &again, out, err);
    if (st != OMN_OK) {
        omn_value_unref(*out);
        *out = NULL;
    }
    omn_value_unref(first);
    omn_value_unref(stream);
    media_close(&again);
    return st;
}
