/* SPDX-License-Identifier: Apache-2.0 */
/* The lists. Speakers whose words a listener could not follow (whispers, robots, echoes) are in
 * neither. */
#include "voices.h"

#include <omnio/base.h>

#include <stdio.h>

typedef struct set {
    const char *const *accents, *const *speakers;
    size_t n_accents, n_speakers;
} set;

#define COUNT(A) (sizeof(A) / sizeof(A)[0])

static const char *const ACCENTS[] = { "en-us",       "en",     "en-gb-scotland", "en-gb-x-rp",
                                       "en-us-nyc",   "en-029", "en-gb-x-gbclan" };
static const char *const SPEAKERS[] = { "m1",     "m2",    "m3",     "m4",      "m5",    "m7",
                                        "f1",     "f2",    "f3",     "f5",      "klatt", "klatt3",
                                        "linda",  "steph", "Andrea", "belinda", "max",   "adam",
                                        "benjamin", "john", "paul",  "robert",  "Mike",  "victor" };
/* The accents of training come with other speakers, and one comes beside them. */
static const char *const OTHER_ACCENTS[] = { "en-us", "en", "en-gb-scotland", "en-gb-x-gbcwmd" };
static const char *const OTHER_SPEAKERS[] = { "m6", "m8", "f4", "Annie", "steph2", "david" };

static const set SETS[] = {
    { ACCENTS, SPEAKERS, COUNT(ACCENTS), COUNT(SPEAKERS) },
    { OTHER_ACCENTS, OTHER_SPEAKERS, COUNT(OTHER_ACCENTS), COUNT(OTHER_SPEAKERS) },
};

size_t voice_count(bool held_out)
{
    return SETS[held_out].n_accents * SETS[held_out].n_speakers;
}

void voice_name(size_t i, bool held_out, char *out, size_t n)
{
    const set *s = &SETS[held_out];
    snprintf(out, n, "%s+%s", s->accents[i / s->n_speakers % s->n_accents],
             s->speakers[i % s->n_speakers]);
}

voice_way voice_draw(uint64_t number, bool held_out, int slowest, int fastest)
{
    enum { WHO, SPEED, PITCH, LOW = 30, HIGH = 70 };
    voice_way w;
    voice_name(omn_random_at(number, 0, WHO) % voice_count(held_out), held_out, w.voice,
               sizeof w.voice);
    w.words_per_minute = slowest + (int)(omn_random_at(number, 0, SPEED) %
                                         (uint64_t)(fastest - slowest + 1));
    w.pitch = LOW + (int)(omn_random_at(number, 0, PITCH) % (HIGH - LOW + 1));
    return w;
}
