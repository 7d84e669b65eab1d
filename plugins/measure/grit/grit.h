/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of GRIT (General Robust Image Task benchmark), on plain numbers. Each gives what one
 * answer is worth, 0..1, to the last digits as the benchmark's own evaluator does. */
#ifndef OMNIO_MEASURE_GRIT_H
#define OMNIO_MEASURE_GRIT_H

#include <omnio/base.h>

#define GRIT_MOST 2048u           /* boxes, masks or persons of one answer */
#define GRIT_JOINTS 17u

/* Answers against truths by how alike each pair is, [answers, truths], 0..1: the one-to-one
 * assignment of the largest sum, without its pairs of 0; the sum over (answers + truths - pairs).
 * Nothing wanted and nothing answered is worth 1. match.c. [any] */
omn_status grit_matched(const double *alike, size_t answers, size_t truths, double *worth,
                        omn_error *err);

/* x0, y0, x1, y1; a box of no area is alike to none. */
double grit_box_iou(const double a[4], const double b[4]);

/* How alike a person's joints are to the true ones, point [17, 2]: the mean over the joints that
 * are labelled (visible above 0). *labelled: how many; with none the result is 0. */
double grit_joints_alike(const double *point, const double *true_point, const double *true_visible,
                         size_t *labelled);

/* The form in which answers of VQA are compared; appended. words.c. [any] */
void grit_words(const char *text, size_t n, omn_buf *out);

/* A mask [height, width] of 0 and 1 at another size: bilinear, a half is inside. */
void grit_mask_resize(const uint8_t *in, uint32_t width, uint32_t height, uint8_t *out,
                      uint32_t to_width, uint32_t to_height);
/* Of two masks of n pixels. */
double grit_mask_iou(const uint8_t *a, const uint8_t *b, size_t n);

/* Unit vectors of a picture of normals, and which of its pixels count as truth: not those of the
 * three colours that mean nothing (rgb NULL: those of no length), not both sides of a crease of
 * more than 40 degrees. surface.c */
void grit_normals_of(const uint8_t *rgb, size_t n, float *out);
void grit_normals_valid(const uint8_t *rgb, const float *truth, uint32_t width, uint32_t height,
                        uint8_t *valid);
/* The share of valid pixels whose angle is below 11.25 degrees, after the best of 500 rotations of
 * the answer; vectors [height, width, 3] of unit length, those of the answer that are none (NaN)
 * are never near. No valid pixel is worth 1. [any] */
omn_status grit_normals_worth(const float *answer, const float *truth, const uint8_t *valid,
                              uint32_t width, uint32_t height, double *worth, omn_error *err);

#endif
