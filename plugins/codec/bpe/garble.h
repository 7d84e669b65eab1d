/* SPDX-License-Identifier: Apache-2.0 */
/* What looks as if it had been decoded by the wrong table; garble.c. */
#ifndef BPE_GARBLE_H
#define BPE_GARBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters stand side by side that hardly ever do in a text that was decoded rightly. */
bool garble_is(const int32_t *p, size_t n);
/* The next run of p[*from..n) whose characters are such as UTF-8 begins and goes on with in some
 * table, whole sequences of it: from *from to *to. false: there is none. */
bool garble_run(const int32_t *p, size_t n, size_t *from, size_t *to);

#endif
