/* SPDX-License-Identifier: Apache-2.0 */
/* A batch that several processes share: which items are this one's, and the answers of all. */
#ifndef OMNIO_CLI_SHARES_H
#define OMNIO_CLI_SHARES_H

#include "journal.h"

typedef struct shares shares;

/* Were answers in this file shared by processes that were there before? NULL: no file. */
bool shares_begun(const char *answers);
/* rows: items that a process has at once. total: items of all, about. NULL: no memory. */
shares *shares_new(cli *c, const char *answers, uint64_t total, uint64_t rows);
void shares_free(shares *s);
/* The file that answers of this process go to; its journal is beside it. */
const char *shares_piece(const shares *s);
/* With this process's own journal: what the others and those before them have finished is passed
 * over. Waits for all ranks. */
omn_status shares_begin(shares *s, journal *own, const uint64_t id[2], omn_error *err);
/* An items_passed_fn: is this item finished, or another's? */
omn_status shares_passed(void *user, uint64_t index, uint64_t hash, bool *yes, omn_error *err);
/* Is this item behind those that were taken so far? */
bool shares_ends(const shares *s, uint64_t index);
/* Behind the last item: rank 0 writes the answers of all into one file, in the order of the items,
 * behind `head`. failed, code: of this process, then of all (the largest). Waits for all ranks. */
omn_status shares_end(shares *s, const omn_buf *head, uint64_t *failed, int *code, omn_error *err);

#endif
