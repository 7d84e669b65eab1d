/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to omnio-speak, the program that speaks.
 *
 * libespeak-ng has one synthesizer for the whole process, of which every utterance leaves something
 * behind (where its noise and its flutter stand): the same words would not be the same sound again,
 * and two threads may never be in it. So it lives in a process of its own, which is asked through a
 * socket; there each utterance is spoken by a fresh child of the synthesizer as it was when it had
 * just begun. The same words in the same voice are the same samples, in every order and process.
 *
 * Thread rule: one utterance at a time for each talk; talk_say locks it itself. [any]
 *
 * What goes through the socket, in the machine's own order: a talk_request and `bytes` of text;
 * back comes a talk_answer and `count` samples (int16_t, one channel), or, where the rate is 0,
 * `count` bytes that say why. */
#ifndef SPOKEN_TALK_H
#define SPOKEN_TALK_H

#include <omnio/base.h>

#include <stdint.h>

enum { TALK_VOICE = 48, TALK_MOST_TEXT = 2000, TALK_MOST_SECONDS = 60, TALK_MOST_WHY = 200 };

typedef struct talk_request {
    char voice[TALK_VOICE];               /* of espeak-ng: "en-us+f3"; ends in a 0 */
    int32_t words_per_minute, pitch;      /* 80..450; 0..99 */
    uint32_t bytes;                       /* of the text, UTF-8; at most TALK_MOST_TEXT */
} talk_request;

typedef struct talk_answer {
    uint32_t rate_hz, count;
} talk_answer;

typedef struct talk talk;
/* The program is looked for beside this plugin. It is started by the first talk_say. */
omn_status talk_new(talk **out, omn_error *err);
void talk_free(talk *t);
/* *samples: [*count], -1..1, to be freed by the caller. Errors: OMN_ERR_DATA for a text that is
 * too long or that cannot be spoken, OMN_ERR_MISSING without the program or the voice. */
omn_status talk_say(talk *t, const char *voice, int words_per_minute, int pitch, const char *text,
                    float **samples, uint32_t *count, uint32_t *rate_hz, omn_error *err);

#endif
