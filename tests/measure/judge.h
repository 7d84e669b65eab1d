/* SPDX-License-Identifier: Apache-2.0 */
/* A measure at work, as an exam has it: what is added to it, and the rows that it tells. */
#ifndef OMNIO_TESTS_JUDGE_H
#define OMNIO_TESTS_JUDGE_H

#include "tests/generate/toy.h"

#include <omnio/learn.h>

enum { JUDGE_ROWS = 4 };
typedef struct judge {
    omn_context *ctx;
    omn_call *call;
    omn_open *open;
    omn_part *part;
    void *state;
    omn_measure_row rows[JUDGE_ROWS];
    char names[JUDGE_ROWS][64];
    size_t n;
} judge;

/* The measure of that name with n settings; the test fails when it cannot be. */
void judge_open(judge *j, const char *measure, const omn_setting *set, size_t n);
void judge_close(judge *j);
/* What adding says. answer and wanted are taken; inputs, a record or NULL, is borrowed. */
omn_status judge_add(judge *j, omn_value *answer, omn_value *wanted, const omn_value *inputs,
                     bool *right, omn_error *err);
/* The same where nothing fails, without inputs: whether it is right. */
bool judges(judge *j, omn_value *answer, omn_value *wanted);
/* Fills in rows, names and n. */
void judge_rows(judge *j);

#endif
