/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting as Unified-IO 2 does. A sound of L seconds has floor(L / each) segments, and one more
 * when what is left is longer than half of one by more than a tenth of a second; a sound that has
 * none is one. Silence behind fills the last. Where a segment stands for less than a piece holds
 * (the sound of one frame of a video), silence is shared between both its sides; where it stands
 * for more, its middle is taken. */
#include "sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPARE  0.1
#define PIECES 65536.0

static double segments(const cut *how)
{
    /* what is left decides how many there are: dividing may round 4.9.. to 5 and still leave one */
    const double left = fmod(how->length, how->each);
    double n = floor((how->length - left) / how->each + 0.5);
    if (left - SPARE > how->each / 2) n++;
    return n == 0 && how->length > 0 ? 1 : n;
}

/* Piece i of n: where it begins in the sound (below 0: in the silence before) and which of its
 * samples are those of the sound. */
typedef struct place {
    int64_t from, first, behind;
} place;
static place place_of(const cut *how, double rate, double n, double i)
{
    const double step = n * how->each / n; /* equally spaced bounds, the last exactly n * each */
    const int64_t begin = (int64_t)(i * step * rate);
    const int64_t end = (int64_t)((i + 1 == n ? n * how->each : (i + 1) * step) * rate);
    const int64_t size = (int64_t)(rate * how->seconds);
    if (how->each > how->seconds) {
        const double middle = (double)(begin + end) / 2;
        return (place){ (int64_t)(middle - rate * how->seconds / 2), 0, size };
    }
    const int64_t silence = size - (end - begin), before = silence > 0 ? silence / 2 : 0;
    const int64_t behind = before + (end - begin);
    return (place){ begin - before, before, behind < size ? behind : size };
}

static omn_status piece(const sound *s, const place *at, size_t size, int64_t whole, float *y,
                        const omn_value *like, omn_value **out, omn_error *err)
{
    const sound one = { y, size, 1, s->rate, s->start + (double)at->from / s->rate, 0, 0 };
    const int64_t most = (int64_t)s->n < whole ? (int64_t)s->n : whole;
    memset(y, 0, size * sizeof(*y));
    for (int64_t i = at->first; i < at->behind && at->from + i < most; i++) {
        const int64_t k = at->from + i;
        y[i] = s->x[k < (int64_t)s->gap_at ? k : k - (int64_t)s->gap];
    }
    return sound_give(&one, like, out, err);
}

omn_status sound_cut(const sound *s, cut *how, const omn_value *like, omn_value **out,
                     omn_error *err)
{
    const double n = how->parts > 0 ? (double)how->parts : segments(how);
    const double size = floor(s->rate * how->seconds);
    const int64_t whole = (int64_t)(s->rate * n * how->each);
    omn_status st = OMN_OK;
    omn_value **list = NULL;
    float *y = NULL;
    size_t made = 0;
    const double both = (double)(how->first + how->last);
    const double keep = both > 0 && n > both ? both : n;
    if (size < 1)
        return omn_fail(err, OMN_ERR_ARGUMENT, "segments of %g s hold no sample at %g Hz",
                        how->seconds, s->rate);
    if (keep > PIECES || keep * size * sizeof(*y) > (double)OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_DATA, "%.0f segments of %.0f samples are too many", keep,
                        size);
    how->silent = n > 0 && how->least > (size_t)n ? how->least - (size_t)n : 0;
    how->skipped = (size_t)(n - keep);
    list = calloc(how->silent + (size_t)keep + 1, sizeof(omn_value *));
    y = malloc((size_t)size * sizeof(*y));
    if (list == NULL || y == NULL) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for segments");
        goto done;
    }
    for (; made < how->silent; made++) {
        const sound one = { y, (size_t)size, 1, s->rate,
                            s->start - (double)(how->silent - made) * how->each, 0, 0 };
        memset(y, 0, (size_t)size * sizeof(*y));
        OMN_TRY(sound_give(&one, like, &list[made], err));
    }
    for (; made < how->silent + (size_t)keep; made++) {
        const size_t k = made - how->silent, skip = how->skipped && k >= how->first;
        const place at = place_of(how, s->rate, n, (double)(k + (skip ? how->skipped : 0)));
        OMN_TRY(piece(s, &at, (size_t)size, whole, y, like, &list[made], err));
    }
    OMN_TRY(omn_list_new(list, made, out, err));
done:
    while (list != NULL && made > 0) omn_value_unref(list[--made]);
    free((void *)list);
    free(y);
    return st;
}
