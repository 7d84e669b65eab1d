/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files run through omn_verify on each path of kernels, for the tests of model families; and
 * golden files with a change, which must not pass. */
#ifndef TESTS_VERIFIED_H
#define TESTS_VERIFIED_H

#include "tests/testing.h"

#include <omnio/train.h>

typedef struct seen {
    size_t rows, wrong, missing;
    char first[256]; /* the first stage that was wrong */
} seen;

/* One file on one path of kernels ("avx2"), its rows counted in *s. */
omn_status verified_run(const char *level, const char *file, seen *s, omn_error *err);
/* A case of a model passes on all of them, with so many stages at least. */
void verified_passes(const char *model, const char *name, const char *file, size_t least);

/* One element of one tensor multiplied and shifted; or the tensor left out, or one more put in. */
typedef struct change {
    const char *tensor;
    size_t element;
    double times, plus;
    bool leave_out;
    const char *extra;
    const char *meta, *value; /* a line of __metadata__ replaced */
} change;
/* A file with one change below `folder`, under its own name; c NULL: as it is. */
const char *verified_changed(const char *folder, const char *file, const change *c);
/* A file with that change below `folder`, where the weights of its case lie already: the stage that
 * begins so is wrong, and no other. */
void verified_finds(const char *folder, const char *file, const change *c, const char *stage);

#endif
