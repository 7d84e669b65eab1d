/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on sound share: samples in memory of their own, side by side as a value of
 * kind audio has them, with their rate and their start. */
#ifndef OMNIO_SOUND_H
#define OMNIO_SOUND_H

#include <omnio/plugin.h>

typedef struct sound {
    float *x;                             /* [n, channels]; owned, free() */
    size_t n, channels;
    double rate, start;                   /* Hz, s */
    size_t gap_at, gap;                   /* so many moments from there on are not in x */
} sound;

/* y [n]: the mean of the channels of x [n, channels]. */
void sound_mean(const float *x, size_t n, size_t channels, float *y);
/* A copy of the samples of v (kind audio), or the mean of its channels. [run] */
omn_status sound_of(const omn_value *v, bool mono, sound *out, omn_error *err);
/* The same moments at another rate, in place: ceil(n * rate / old) samples, as librosa counts them.
 * [run] */
omn_status sound_resample(omn_call *c, sound *s, double rate, omn_error *err);
/* The value; like: any value of kind audio. [run] */
omn_status sound_give(const sound *s, const omn_value *like, omn_value **out, omn_error *err);

/* Pieces of equal length out of a sound of one channel. */
typedef struct cut {
    double seconds;                       /* what each piece becomes */
    double each;                          /* how much of the sound each stands for */
    double length;                        /* of the sound before it was resampled, s */
    size_t least;                         /* pieces of any sound; silent ones in front */
    size_t silent;                        /* how many of those there are; filled */
    size_t parts;                         /* so many, whatever each and length say; 0: as they do */
    size_t first, last;                   /* of more than both the first and last; 0, 0: all */
    size_t skipped;                       /* how many pieces these left out; filled */
} cut;
/* A list of pieces of exactly trunc(seconds * rate) samples; like: as above. [run] */
omn_status sound_cut(const sound *s, cut *how, const omn_value *like, omn_value **out,
                     omn_error *err);

/* Of a stream of audio the first pieces and the last, each as long as it stands for, while the rest
 * goes by: memory holds what becomes these, and one item of the stream. how: seconds, first, last,
 * least; the other fields are filled. *out as from sound_cut. [run] */
omn_status sound_heard(omn_call *c, const omn_value *stream, double rate, cut *how, omn_value **out,
                       omn_error *err);

/* Another rate for what comes piece by piece. */
typedef struct resampler resampler;
omn_status resampler_open(double from, double to, size_t channels, resampler **out,
                          omn_error *err);
void resampler_close(resampler *r);
/* Of n moments at x (NULL: all have come) up to `most` that are ready; *used of the first were
 * taken. [run] */
omn_status resampler_run(resampler *r, const float *x, size_t n, size_t *used, float *y,
                         size_t most, size_t *made, omn_error *err);

#endif
