/* SPDX-License-Identifier: Apache-2.0 */
/* What `omnio run` says: answers as text, as JSON, as events. */
#ifndef OMNIO_CLI_ANSWER_H
#define OMNIO_CLI_ANSWER_H

#include "journal.h"
#include "models.h"
#include "origin.h"
#include "outputs.h"
#include "preview.h"
#include "shares.h"

typedef struct running {
    cli *c;
    const omn_pipeline *p;
    const models *models;
    outputs out;
    bool many;
    bool shows_input; /* --show-input */
    const char *streams; /* step whose tokens go to stdout as they come; NULL: none */
    omn_buf streamed;
    preview preview;
    origin origin;
    uint64_t item, done, failed;
    journal *journal; /* NULL: none is kept */
    shares *shares;   /* NULL: all items are this process's */
    char journal_path[4200];
} running;

/* The step that makes the one printed output, if that is a text for people; else NULL. */
const char *answer_streams(const running *r);
/* What answers begin with: the event "start", in JSON Lines. */
void answer_head(const running *r, omn_buf *b);
/* The same, told. These give false when standard output cannot be written. */
bool answer_start(running *r);
/* omn_pipeline_setup.watch: tokens as they come. user: the running. */
int answer_event(void *user, const char *step, const omn_event *e);
/* Tells the answer of an item, by way of the journal if there is one. An error was not told yet.
 * said: as omn_pipeline_run_told; NULL: nothing. */
omn_status answer_item(running *r, const item *it, const omn_value *record, const omn_value *said,
                       double seconds, omn_error *err);
/* One item of many went wrong: an event, and a line on stderr. */
void answer_failed(running *r, const item *it, const omn_error *err);

#endif
