/* SPDX-License-Identifier: Apache-2.0 */
/* Video: pictures and the moments at which they are seen, perhaps with a sound, whose moments are
 * theirs. A list of pictures is one as well, one each second. What is too long to hold is a stream
 * of pictures. */
#include "inside.h"

#include <stdlib.h>

#define MOST_HELD 4096 /* pictures of a stream that become a video */

enum { FRAMES, TIME, SOUND };

omn_status times_check(const omn_value *v, size_t column, omn_error *err)
{
    const omn_tensor *t = &v->columns[column];
    for (size_t i = 1; i < column_count(t); i++)
        if (!(column_number(t, i) > column_number(t, i - 1)))
            return omn_fail(err, OMN_ERR_DATA, "%s: moment %zu is not later than the one before",
                            v->kind->name, i);
    return OMN_OK;
}

static omn_status check(const omn_value *v, omn_error *err)
{
    omn_value *const *frames = v->columns[FRAMES].data;
    for (size_t i = 0; i < omn_value_count(v); i++)
        if (!value_has_kind(frames[i], &kind_image))
            return omn_fail(err, OMN_ERR_TYPE, "a video is made of pictures, item %zu is %s", i,
                            omn_value_kind_name(frames[i]));
    const omn_tensor *sound = value_column_at(v, SOUND);
    if (sound != NULL && !value_has_kind(*(omn_value *const *)sound->data, &kind_audio))
        return omn_fail(err, OMN_ERR_TYPE, "the sound of a video is audio, not %s",
                        omn_value_kind_name(*(omn_value *const *)sound->data));
    return times_check(v, TIME, err);
}

static void text(const omn_value *v, omn_buf *out)
{
    const size_t n = omn_value_count(v);
    omn_buf_printf(out, "video of %zu picture%s", n, n == 1 ? "" : "s");
    if (n == 0) return;
    omn_buf_puts(out, ", ");
    print_rounded(column_number(&v->columns[TIME], 0), out);
    omn_buf_puts(out, " s to ");
    print_rounded(column_number(&v->columns[TIME], n - 1), out);
    omn_buf_puts(out, " s");
    if (value_column_at(v, SOUND) != NULL) omn_buf_puts(out, ", with sound");
}

/* Items of a list, or of a stream, which are then held. moments: of each, or NULL. */
static omn_status from_items(const omn_value *of, size_t n, double rate, double start,
                             const omn_tensor *moments, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    double *time = calloc(n + 1, sizeof(*time));
    omn_value **frames = calloc(n + 1, sizeof(*frames));
    size_t made = 0;
    if (time == NULL || frames == NULL) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu moments", n);
        goto done;
    }
    for (; made < n; made++) {
        OMN_TRY(omn_value_item(of, made, &frames[made], err));
        time[made] = moments != NULL ? column_number(moments, made) : start + (double)made / rate;
    }
    const omn_filled filled[2] = {
        omn_fill("frames", OMN_ANY_VALUE, omn_dim1((int64_t)n), frames),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time),
    };
    st = omn_value_make(&kind_video, filled, 2, NULL, out, err);
done:
    while (made > 0) omn_value_unref(frames[--made]);
    free(frames);
    free(time);
    return st;
}

static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    const size_t n = omn_value_count(plain);
    const omn_tensor *rate = omn_value_column(plain, "rate"),
                     *start = omn_value_column(plain, "start");
    if (value_has_kind(plain, &kind_list)) return from_items(plain, n, 1, 0, NULL, out, err);
    if (value_has_kind(plain, &kind_record)) return value_of_record(&kind_video, plain, out, err);
    if (!value_has_kind(plain, &kind_stream))
        return omn_fail(err, OMN_ERR_TYPE, "%s given, video wanted: a list of pictures",
                        omn_value_kind_name(plain));
    if (n > MOST_HELD)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "a stream of %zu pictures is too long to be held; at most %d are", n,
                        MOST_HELD);
    return from_items(plain, n, rate != NULL ? column_number(rate, 0) : 1,
                      start != NULL ? column_number(start, 0) : 0, omn_value_column(plain, "time"),
                      out, err);
}

static const omn_column columns[] = {
    { "frames", OMN_ANY_VALUE, "t", NULL, 0, 0, 0 },
    { "time", OMN_F64, "t", "s", 0, 0, 0 },
    { "sound", OMN_ANY_VALUE, "", NULL, 0, 0, OMN_COLUMN_OPTIONAL },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "time",
    .item = "t",
    .example = "my.mp4",
    .check = check,
    .text = text,
    .convert = convert,
};
KIND_OF(video, "pictures and the moments at which they are seen", NULL);
