/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/kinds_of_values.h: the kinds of values of this library beside those that omnio/value.h has
 * functions for. They are made from columns (omn_value_make) and read by column
 * (omn_value_column); the lists below are what omn_kind_column gives. [..] are axes, a column in
 * brackets may be absent, "null" may be missing element by element (NaN, NULL).
 *
 * Space is that of one camera: x to the right, y down, z forward, in metres. So the normals of
 * surfaces that are seen have z below 0; codecs translate what others publish. Pixels are those of
 * the picture that the value's frame speaks of, as in omnio/value.h. Times are in seconds.
 *
 * audio        samples f32 [t,c]; rate f64, Hz; start f64, s, of what it was cut from
 * video        frames, pictures [t]; time f64 [t], s, rising; (sound, audio, by the clock of the
 *              pictures, cut as they are). A list of pictures is one, 1 Hz
 * mask         labels i32 [h,w] (-1: nobody said), with (legend text [k], null) that names label
 *              0..k-1; or soft f32 [h,w], 0..1
 * depth        depth f32 [h,w], m along z, null where unknown
 * normals      normals f32 [h,w,3], of length 1, null where unknown
 * keypoints    point f64 [n,k,2], px, null; visible f64 [n,k]: 0 not there, 1 hidden, 2 seen;
 *              joints text [k]; (skeleton i32 [e,2]); (score f64 [n]); (label text [n], null)
 * polygons     rings i32 [n], of each polygon; points i32 [r], of each ring; point f64 [p,2], px;
 *              (label text [n], null); (score f64 [n], null). Inside is what an odd number of
 *              rings surround
 * camera       focal f64 [2], px; center f64 [2], px; size f64 [2], px, width and height; (pose
 *              f64 [3,4]: from the world to the camera)
 * box3d        center f64 [n,3], m; size f64 [n,3], m; rotation f64 [n,3,3], its columns are the
 *              directions of the sides; (label text [n], null); (score f64 [n], null)
 * actions      action f32 [t,a]; time f64 [t], s, rising; name text [a]; (unit text [a], null);
 *              (least, most f64 [a], null)
 * grounded     text; span i32 [n,2], bytes of it; box f64 [n,4], px; (score f64 [n], null)
 * options      text [n]; (score f64 [n], null), of any scale, more is better
 * interleaved  items [n], texts and media in order
 * stream       of, the kind of its items; count i64; hash text; (rate f64, Hz; start f64, s), or
 *              where they do not come at one rate (time f64 [t], s, rising; until f64, s, where
 *              the last one ends). A list is one, 1 Hz, and a video, with its moments. A slice or
 *              a window of it is a stream whose items are still made when they are asked for */
#ifndef OMNIO_KINDS_OF_VALUES_H
#define OMNIO_KINDS_OF_VALUES_H

#include <omnio/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The 17 joints of COCO's people, in its order, and the bones between them, pairs of numbers of
 * joints; *n: how many joints, how many bones. Constant. [any] */
OMN_API const char *const *omn_coco_joints(size_t *n);
OMN_API const int32_t *omn_coco_skeleton(size_t *n);

/* What is too long to hold, as pictures of a video in its file. item: number i, owned by the
 * caller; several threads may ask at once. close: may be NULL. */
typedef struct omn_stream_source {
    omn_status (*item)(void *self, uint64_t i, omn_value **out, omn_error *err);
    void (*close)(void *self);
} omn_stream_source;
/* A stream of n items of a kind. self is taken, also when this fails; from stays valid for ever.
 * hash: of what the items come from, equal for equal streams. rate: items per second, the first at
 * `start`; 0: they do not lie in time. [any] */
OMN_API omn_status omn_stream_new(const omn_stream_source *from, void *self, const char *of,
                                  uint64_t n, const uint64_t hash[2], double rate, double start,
                                  omn_value **out, omn_error *err);
/* The same with the moment of each item, n of them, copied; until: where the last one ends, NAN
 * where nobody knows. [any] */
OMN_API omn_status omn_stream_new_timed(const omn_stream_source *from, void *self, const char *of,
                                        uint64_t n, const uint64_t hash[2], const double *time,
                                        double until, omn_value **out, omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
