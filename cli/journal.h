/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has finished, kept beside it, so that a run that was killed goes on where it was. */
#ifndef OMNIO_CLI_JOURNAL_H
#define OMNIO_CLI_JOURNAL_H

#include "cli.h"

typedef struct journal journal;

/* Two numbers that tell runs apart: the pipeline, what it is given and asked, the batch. Options
 * that change no answer are left out. */
omn_status journal_identity(const cli_args *a, const char *pipeline, const char *model,
                            uint64_t id[2], omn_error *err);
/* Opens or begins a journal. One of another run, or one in use, is OMN_ERR_ARGUMENT. An answer that
 * the last run began to tell, and did not finish, is finished in the file that it went to. */
omn_status journal_open(const char *path, const uint64_t id[2], journal **out, omn_error *err);
void journal_close(journal *j);
/* How many items are finished. */
uint64_t journal_count(const journal *j);
/* An items_passed_fn: is this item finished? A line that is another than it was is an error. */
omn_status journal_passed(void *user, uint64_t index, uint64_t hash, bool *yes, omn_error *err);
/* Was it begun? Then files that it writes may be there. */
bool journal_begun(const journal *j, uint64_t index);
/* Before the files of these items are written. */
omn_status journal_begin(journal *j, const uint64_t *items, size_t n, omn_error *err);
/* Before an answer goes to standard output: what will be written there. */
omn_status journal_tell(journal *j, uint64_t index, uint64_t hash, const char *text, size_t n,
                        omn_error *err);
/* Behind it: it is there. */
omn_status journal_told(journal *j, omn_error *err);
/* Tells again, on standard output and in the journal `to`, what standard output has lost: answers
 * that are in doubt, and those of a file that was emptied. */
omn_status journal_retell(const journal *j, journal *to, cli *c, omn_error *err);
/* What another journal of the same run knows as finished or begun counts here as well. */
omn_status journal_beside(journal *j, const char *path, const uint64_t id[2], omn_error *err);
/* The answers in the bytes of a journal, each as often as it was told; another status than OMN_OK
 * ends it. */
typedef omn_status journal_answer_fn(void *user, uint64_t index, const char *text, size_t n);
omn_status journal_answers(const char *text, size_t n, journal_answer_fn *fn, void *user);

#endif
