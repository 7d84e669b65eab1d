/* SPDX-License-Identifier: Apache-2.0 */
/* A model that draws (tests/plugins/tiles.c) in a folder, and pictures whose codes are known. For
 * the tests of codes. */
#ifndef OMNIO_TESTS_STUDIO_H
#define OMNIO_TESTS_STUDIO_H

#include "tests/generate/toy.h"
#include "tests/plugin/shelf.h"

enum { TILES = 4, FIRST = 3 };

typedef struct studio {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
} studio;

/* A pipeline that asks it: the text "what", the codes "drawn". */
extern const char draw[];
/* Its configuration (with more keys), tokenizer and codebook; entry e of that is a corner of the
 * cube of colours, dimmed. */
void write_studio(const char *folder, float bright, const char *more);
omn_context *studio_context(uint32_t threads);
void open_studio(studio *s, const char *folder);
void close_studio(studio *s);
/* A picture of 4x4 pixels whose tiles have these codes, no colour quite a corner's. */
omn_value *drawn(const int32_t codes[TILES]);
/* Picture number i, another one for each i below 4096, and its codes. */
omn_value *picture(uint32_t i, int32_t codes[TILES]);
/* Twelve pictures in the folder's "photos", asked for by their numbers: i is picture(37 i + 5). */
void write_photos(const char *folder);

#endif
