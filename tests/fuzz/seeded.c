/* SPDX-License-Identifier: Apache-2.0 */
/* Every reader over its seeds and a fixed row of changes of them: the short run of the fuzzer that
 * make check has time for. The seeds are good, so that what is tested lies behind the first
 * refusal. */
#include "tests/fuzz/targets.h"

#include "tests/testing.h"

#include <omnio/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SEEDS = 8 };

static void run_exact(const fuzz_target *t, const uint8_t *data, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1); /* a sanitizer sees one byte too far */
    ck_assert_ptr_nonnull(exact);
    if (n) memcpy(exact, data, n);
    t->run(t, exact, n);
    free(exact);
}

START_TEST(every_reader_survives_changed_files)
{
    const fuzz_target *t = fuzz_target_at((size_t)_i);
    char *seeds[MOST_SEEDS] = { NULL };
    size_t sizes[MOST_SEEDS] = { 0 }, n = 0;
    for (; t->seeds[n]; n++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_msg(omn_file_read(testing_source(t->seeds[n]), 1 << 20, &seeds[n], &sizes[n],
                                    &err) == OMN_OK, "%s", err.text);
        run_exact(t, (uint8_t *)seeds[n], sizes[n]);
    }
    run_exact(t, (const uint8_t *)"", 0);
    const unsigned rounds = testing_all() ? 20 * t->rounds : t->rounds;
    for (uint64_t i = 0; i < rounds; i++) {
        const size_t a = i % n, b = (i + 1) % n;
        size_t size = 0;
        uint8_t *changed = fuzz_change((uint8_t *)seeds[a], sizes[a], (uint8_t *)seeds[b], sizes[b],
                                       i, &size);
        run_exact(t, changed, size);
        free(changed);
    }
    for (size_t i = 0; i < n; i++) free(seeds[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fuzz");
    int n = 0;
    while (fuzz_target_at((size_t)n)) n++;
    TCase *tests = tcase_create("seeded");
    tcase_set_timeout(tests, testing_all() ? 1200 : 120);
    tcase_add_loop_test(tests, every_reader_survives_changed_files, 0, n);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_TAP_LOG_FILE_NAME")) srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
