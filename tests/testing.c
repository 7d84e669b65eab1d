/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one list of tests. Check forks for each of them, so a crash is one failure and a test that
 * hangs is stopped; the report is TAP on standard output, which automake's driver reads. */
#include "tests/testing.h"

#include <ftw.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATHS = 16 };

int testing_run(const char *name, const TTest *const *all, size_t n, double seconds)
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, seconds);
    for (size_t i = 0; i < n; i++) tcase_add_test(tests, all[i]);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_TAP_LOG_FILE_NAME")) srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool testing_all(void)
{
    const char *which = getenv("OMNIO_TEST");
    return which != NULL && strcmp(which, "all") == 0;
}

/* Of a build under sanitizers the portable kernels tell more: all of them are watched. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

size_t testing_levels(const char *const **list)
{
    static const char *const every[] = { "portable", "avx2", "avx512", "amx" };
    static const char *const ends[] = { "portable", "amx" }; /* one that is not there: the best */
    const char *which = getenv("OMNIO_TEST");
    *list = testing_all() ? every : ends;
    if (which != NULL && strcmp(which, "brief") == 0) {
        *list = ends + (WATCHED ? 0 : 1);
        return 1;
    }
    return testing_all() ? 4 : 2;
}

static void **blocks; /* what testing_memory gave: reachable, so no leak */
static size_t n_blocks;

static void free_blocks(void)
{
    while (n_blocks > 0) free(blocks[--n_blocks]);
    free(blocks);
    blocks = NULL;
}

void *testing_memory(size_t n)
{
    if (n_blocks % 64 == 0) {
        void **more = realloc(blocks, (n_blocks + 64) * sizeof *more);
        ck_assert(more != NULL);
        if (blocks == NULL) atexit(free_blocks);
        blocks = more;
    }
    void *block = calloc(1, n);
    ck_assert(block != NULL);
    blocks[n_blocks++] = block;
    return block;
}

static const char *below(const char *variable, const char *path)
{
    static char kept[PATHS][PATH_MAX];
    static _Atomic unsigned next; /* threads of one test ask too */
    const char *top = getenv(variable);
    char *out = kept[next++ % PATHS];
    int n = snprintf(out, PATH_MAX, "%s/%s", top ? top : ".", path);
    ck_assert_msg(n > 0 && n < PATH_MAX, "path too long: %s", path);
    return out;
}

const char *testing_source(const char *path)
{
    return below("top_srcdir", path);
}

const char *testing_build(const char *path)
{
    return below("top_builddir", path);
}

static char folder[PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *where)
{
    (void)st;
    (void)what;
    (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *testing_folder(void)
{
    if (folder[0] != '\0') return folder;
    const char *top = getenv("TMPDIR");
    int n = snprintf(folder, sizeof folder, "%s/omnio-test-XXXXXX", top && *top ? top : "/tmp");
    ck_assert(n > 0 && (size_t)n < sizeof folder);
    ck_assert_msg(mkdtemp(folder) != NULL, "cannot make %s", folder);
    atexit(remove_folder);
    return folder;
}

const char *testing_write(const char *where, const char *name, const void *bytes, size_t n)
{
    static char kept[PATHS][PATH_MAX];
    static unsigned next;
    char *path = kept[next++ % PATHS];
    int len = snprintf(path, PATH_MAX, "%s/%s", where, name);
    ck_assert(len > 0 && len < PATH_MAX);
    /* Some file systems sync a file that is cut and written again; a new one is not waited for. */
    (void)unlink(path);
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "cannot write %s", path);
    ck_assert(n == 0 || fwrite(bytes, 1, n, f) == n);
    ck_assert(fclose(f) == 0);
    return path;
}

void testing_copy(const char *from, const char *where, const char *name)
{
    const char *path = testing_source(from);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot read %s", path);
    ck_assert(fseek(f, 0, SEEK_END) == 0);
    const long n = ftell(f);
    ck_assert(n >= 0);
    rewind(f);
    char *bytes = malloc((size_t)n + 1);
    ck_assert(bytes != NULL && fread(bytes, 1, (size_t)n, f) == (size_t)n);
    fclose(f);
    testing_write(where, name, bytes, (size_t)n);
    free(bytes);
}

int testing_comma_locale(void)
{
    static const char source[] = "comment_char %\nescape_char /\nLC_NUMERIC\ndecimal_point \",\"\n"
                                 "thousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\n";
    char command[3 * PATH_MAX], half[16];
    const char *where = testing_folder();
    testing_write(where, "comma.src", source, sizeof source - 1);
    snprintf(command, sizeof command,
             "PATH=$PATH:/usr/sbin localedef -c --no-archive -f UTF-8 -i '%s/comma.src' '%s/comma' "
             ">/dev/null 2>&1",
             where, where);
    /* It warns about what this locale lacks, and says so by its status. */
    if (system(command) == -1 || setenv("LOCPATH", where, 1) != 0) return 0;
    if (setlocale(LC_NUMERIC, "comma") == NULL) {
        printf("# NOT TESTED: numbers in a locale with a comma; localedef made none\n");
        return 0;
    }
    snprintf(half, sizeof half, "%.1f", 0.5);
    ck_assert_str_eq(half, "0,5");
    return 1;
}
