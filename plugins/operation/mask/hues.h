/* SPDX-License-Identifier: Apache-2.0 */
/* hues.h: things of a drawn segmentation by what their colours lean to. */
#ifndef HUES_H
#define HUES_H

#include <omnio/plugin.h>

enum { HUES = 4 };

/* White or grey, red, green, blue: of each a plane [h,w], 1 where it is, in one block that the
 * caller frees. Pieces of at most `least` pixels are left out; rows: pieces lie within a line, and
 * what ends one line and begins the next is one piece. [run] */
omn_status hues_planes(const omn_pixels *px, size_t least, bool rows, uint8_t **out,
                       omn_error *err);

#endif
