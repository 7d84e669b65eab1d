/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has to say beside its outputs: notes for people, and what the model was given to see.
 * Not installed. */
#ifndef OMNIO_PIPELINE_TOLD_H
#define OMNIO_PIPELINE_TOLD_H

#include <omnio/value.h>

typedef struct told told;
told *told_new(void);
void told_free(told *t);
void told_clear(told *t);
/* A note; the same one again is told once, and so are those beyond the first thousand. t NULL:
 * nobody listens. */
omn_status told_note(told *t, const char *text, omn_error *err);
/* How sure the model was of an answer, and how well it knows what it was shown; the least of all
 * is kept, of the first times the second. confidence NAN: nobody knows. */
void told_sure(told *t, double confidence, double familiar);
/* That; NAN: of no answer. */
double told_confidence(const told *t);
/* The least of the second; 1: of no answer. */
double told_familiar(const told *t);
/* A record of what one input of one step was; referenced. */
omn_status told_seen(told *t, omn_value *what, omn_error *err);
/* {"notes": [..], "seen": [..], "confidence": ..}, without those that are empty; owned. */
omn_status told_value(const told *t, omn_value **out, omn_error *err);

#endif
