/* SPDX-License-Identifier: Apache-2.0 */
/* What every test program shares: running a list of tests under Check with TAP on standard output,
 * golden files, and files that only one test sees.
 *
 *   static const TTest *const all[] = { first_test, second_test };
 *   int main(void) { return testing_run("base/arena", all, sizeof all / sizeof *all, 4); } */
#ifndef OMNIO_TESTS_TESTING_H
#define OMNIO_TESTS_TESTING_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/* 1 in a build with the address or thread sanitizer: slow, and hungry for address space. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TESTING_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TESTING_SANITIZED 1
#endif
#endif
#ifndef TESTING_SANITIZED
#define TESTING_SANITIZED 0
#endif

/* What need not be watched by a sanitizer: references of the tests themselves, where they are most
 * of the time. */
#define TESTING_TRUSTED                                                                          \
    __attribute__((no_sanitize("address"))) __attribute__((no_sanitize("undefined")))            \
    __attribute__((no_sanitize("thread")))

/* Check writes down each assertion that holds, to say of a crash what came before it. In a loop
 * over millions of numbers that is most of the time, so a line is written down when it is another
 * than the one before. */
static inline void testing_mark(const char *file, int line)
{
    static _Thread_local int last;
    if (line == last) return;
    last = line;
    _mark_point(file, line);
}
#define _mark_point testing_mark

#define TESTING_RUN(name, all, seconds)                                                          \
    testing_run((name), (all), sizeof(all) / sizeof *(all), (seconds))

/* Runs each test in a process of its own and stops it after `seconds`. Returns main's result. */
int testing_run(const char *name, const TTest *const *all, size_t n, double seconds);
/* Path of a file below the source tree ("tests/golden/x.safetensors"); a few such strings stay
 * valid. */
const char *testing_source(const char *path);
/* The same below the build tree, for programs and plugins that were built. */
const char *testing_build(const char *path);
/* A new empty folder for this test, removed with what it holds when the test's process ends
 * well. */
const char *testing_folder(void);
/* Writes a file of n bytes (or a string) below that folder; returns its path. */
const char *testing_write(const char *folder, const char *name, const void *bytes, size_t n);

/* Copies a file of the source tree to that folder, under this name. */
void testing_copy(const char *from, const char *folder, const char *name);

/* true when everything is to be tested (make check-all), not the sample that make check takes. */
bool testing_all(void);
/* Values of OMNIO_CPU to go through: the plainest path of kernels and the best one that this
 * processor has; with testing_all() those between as well; with OMNIO_TEST=brief the best one
 * alone, and the plainest under sanitizers. */
size_t testing_levels(const char *const **list);

/* Makes the locale of this process one that writes 0,5 for a half; built in the test's folder,
 * since hardly any machine has one. False, with a line in the log, where localedef is not there. */
int testing_comma_locale(void);

/* n zero bytes, n at least 1, that belong to the test until its process ends; each block is its
 * own, so that a sanitizer sees its bounds. */
void *testing_memory(size_t n);

#endif
