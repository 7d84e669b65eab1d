/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the kinds that are known by their columns, for tests of what happens to values. */
#ifndef OMNIO_TESTS_SAMPLES_H
#define OMNIO_TESTS_SAMPLES_H

#include <stddef.h>

/* In the general form without "$kind", with what it says to people. */
typedef struct sample {
    const char *kind, *json, *text;
    size_t items; /* 0: it has none */
} sample;
extern const sample samples[];
extern const size_t n_samples;

#endif
