/* SPDX-License-Identifier: Apache-2.0 */
/* The door for libFuzzer: OMNIO_FUZZ names the reader. */
#include "tests/fuzz/targets.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *name = getenv("OMNIO_FUZZ");
    const fuzz_target *t = name ? fuzz_target_named(name) : NULL;
    if (!t) {
        fprintf(stderr, "OMNIO_FUZZ names one of:");
        for (size_t i = 0; fuzz_target_at(i); i++) fprintf(stderr, " %s", fuzz_target_at(i)->name);
        fprintf(stderr, "\n");
        exit(2);
    }
    t->run(t, data, n);
    return 0;
}
