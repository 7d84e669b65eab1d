/* SPDX-License-Identifier: Apache-2.0 */
/* How the camera was held, for every format that carries EXIF: finding it out, and turning the
 * picture so that x and y are what a person sees. */
#ifndef OMNIO_FORMAT_ORIENTATION_H
#define OMNIO_FORMAT_ORIENTATION_H

#include <omnio/plugin.h>

/* 1..8 from n bytes of EXIF, with or without "Exif\0\0", which JPEG and some programs put in front;
 * 1, upright, when it cannot be understood. [any] */
int exif_orientation(const uint8_t *bytes, size_t n);

/* *img, any kind of picture, from orientation 1..8 to upright; replaced by another picture unless
 * it is upright already, and unchanged after an error (OMN_ERR_MEMORY). [any] */
omn_status image_upright(omn_image **img, int orientation, omn_error *err);

#endif
