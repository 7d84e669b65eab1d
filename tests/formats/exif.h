/* SPDX-License-Identifier: Apache-2.0 */
/* EXIF data for the tests of formats: of a camera held in each way, and damaged in every way; and
 * where the pixels of a picture that was turned come from. */
#ifndef OMNIO_TESTS_FORMATS_EXIF_H
#define OMNIO_TESTS_FORMATS_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXIF_HEAD = 6,  /* bytes of "Exif\0\0", which JPEG wants and PNG does not */
    EXIF_MOST = 64, /* room for what is made here */
    EXIF_WHOLE = 4  /* bytes at the end that may be missing */
};

/* The head, and EXIF with one entry before the orientation; big: the byte order. Returns its
 * length. */
size_t exif_make(uint8_t *p, bool big, unsigned orientation);
/* The same with another type of its number: 1 BYTE, 3 SHORT, 4 LONG. */
void exif_type(uint8_t *p, bool big, unsigned type, unsigned orientation);
/* The i-th of EXIF data that must leave a picture upright, of either byte order; NULL: that was
 * all. The text says what is wrong; *n bytes at p, the head among them. */
const char *exif_bad(size_t i, bool big, uint8_t *p, size_t *n);
/* The i-th of EXIF data with random bytes in it, which may say anything. Returns its length. */
size_t exif_noise(size_t i, bool big, uint8_t *p);

/* Which pixel (u, v) of w x h stored ones shows at (x, y) under an orientation; values other than
 * 2..8 are upright. Returns whether width and height change places. */
bool exif_from(unsigned orientation, unsigned w, unsigned h, unsigned x, unsigned y, unsigned *u,
               unsigned *v);

#endif
