/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that reads what others made, each as a function of bytes. The same functions are run
 * by libFuzzer (make fuzz) and, from seeds and a fixed row of changes, by make check. */
#ifndef OMNIO_TESTS_FUZZ_TARGETS_H
#define OMNIO_TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_target {
    const char *name;
    /* Ends the process when anything is wrong: a crash, an error without a text, a text that is not
     * one clean line. */
    void (*run)(const struct fuzz_target *t, const uint8_t *data, size_t n);
    const char *what;          /* of the function: which format */
    const char *const *seeds;  /* paths below the source tree, NULL at the end */
    unsigned rounds;           /* changed seeds in make check */
} fuzz_target;

/* NULL for a number beyond the last. A format whose library this build lacks is left out. */
const fuzz_target *fuzz_target_at(size_t i);
const fuzz_target *fuzz_target_named(const char *name);
/* One changed seed: bytes that belong to the caller (free()). other: a second seed, mixed in. */
uint8_t *fuzz_change(const uint8_t *seed, size_t n, const uint8_t *other, size_t n_other,
                     uint64_t round, size_t *size);

#endif
