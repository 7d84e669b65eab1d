/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks: voices of espeak-ng, an accent of English with a speaker. The held-out ones are
 * speakers that no example for training has, and one accent that none has. */
#ifndef SPOKEN_VOICES_H
#define SPOKEN_VOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How one utterance is spoken. */
typedef struct voice_way {
    char voice[48];                       /* of espeak-ng: "en-us+f3" */
    int words_per_minute, pitch;
} voice_way;

/* Drawn from a number alone. held_out: of the held-out voices, else of those for training. */
voice_way voice_draw(uint64_t number, bool held_out, int slowest, int fastest);
/* Voices of one of the two sets: how many, and their names. */
size_t voice_count(bool held_out);
void voice_name(size_t i, bool held_out, char *out, size_t n);

#endif
