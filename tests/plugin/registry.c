/* SPDX-License-Identifier: Apache-2.0 */
/* Finding plugins: each broken file is one named line and the rest works, the search path decides,
 * what was seen is remembered, and nobody believes a damaged memory. */
#include "tests/plugin/shelf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void check_good(const char *list)
{
    shelf_has(list, "omnio.operation/1 test.all says what it was given");
    shelf_has(list, "omnio.operation/1 test.wrong makes mistakes");
    shelf_has(list, "omnio.format/1 tst text behind three letters");
    shelf_has(list, "omnio.future/7 unheard of a kind that is not known yet");
}

static const struct {
    const char *plugin, *as, *why;
} broken[] = {
    { "nothing", "a-nothing", "exports no omnio_plugin" },
    { "function", "function", "does not begin with the magic number" },
    { "nosymbol", "nosymbol", "omn_test_gone" },
    { "nolibrary", "nolibrary", "libgone.so.0" },
    { "rude", "rude-crash", "crashes while it is loaded (segmentation fault, signal 11)" },
    /* a sanitizer has its own idea of the status of a process that ends amid its threads */
    { "rude", "rude-exit",
      TESTING_SANITIZED ? "ends the process that loads it"
                        : "ends the process that loads it (exit status 0)" },
    { "liar", "lie-magic", "does not begin with the magic number" },
    { "liar", "lie-abi", "built for plugin ABI 1, this omnio has 2; rebuild it against" },
    { "liar", "lie-minor", "plugin ABI 2.99, this omnio has 2." },
    { "liar", "lie-size", "16 bytes long" },
    { "liar", "lie-object-odd", "rows are 51 and" },
    { "liar", "lie-object-long", "rows are 60000 and" },
    { "liar", "lie-param-short", "and 8 bytes long" },
    { "liar", "lie-count", "4000 objects reaches beyond the file" },
    { "liar", "lie-count-huge", "4000000000 objects" },
    { "liar", "lie-count-none", "offers no objects" },
    { "liar", "lie-list", "reaches beyond the file" },
    { "liar", "lie-name-none", "the plugin has no name" },
    { "liar", "lie-name-wild", "the name points outside every loaded file" },
    { "liar", "lie-name-escape", "not plain UTF-8 text" },
    { "liar", "lie-twice", "lie.note (omnio.operation/1) is listed twice" },
    { "liar", "lie-no-kind", "object 1 has no kind" },
    { "liar", "lie-bad-kind", "\"omnio.operation\" is no kind" },
    { "liar", "lie-bad-name", "\"../lie note\" cannot be the name of an object" },
    { "liar", "lie-no-help", "the help is empty" },
    { "liar", "lie-no-impl", "impl points outside every loaded file" },
    { "liar", "lie-data-impl", "impl is no operation: extension points to no function" },
    { "liar", "lie-some-rows", "900 parameters reaches beyond the file" },
    { "liar", "lie-many-rows", "4000000 parameters" },
    { "liar", "lie-no-rows", "2 parameters reaches beyond the file" },
    { "liar", "lie-format-empty", "needs probe and read, or write" },
    { "liar", "lie-format-wild", "the suffixes points outside" },
    { "liar", "lie-kind-ours", "regions: cannot be the name of a kind of value of its own" },
    { "liar", "lie-kind-name", "Moods: cannot be the name of a kind of value of its own" },
    { "liar", "lie-kind-axes", "axes \"n,,4\" of column x are not of the form" },
    { "liar", "lie-kind-deep", "axes \"a,b,c,d,e,f,g\" of column x are not of the form" },
    { "liar", "lie-kind-type", "column x is of unknown type 77" },
    { "liar", "lie-kind-twice", "column x is listed twice" },
    { "liar", "lie-kind-range", "column x has no range 2..1" },
    { "liar", "lie-kind-item", "n, the axis of its items, is not the first of column x" },
    { "liar", "lie-kind-no-item", "no column has the axis k of its items" },
    { "liar", "lie-kind-place", "lies in \"space\"; there are frame and time" },
    { "liar", "lie-kind-column", "\"the x\" cannot be the name of a column" },
    { "liar", "lie-kind-wild", "the axes of a column points outside" },
    { "liar", "lie-kind-none", "the list of 0 columns of" },
    { "liar", "lie-default", "n 10 is outside 0..9" },
    { "liar", "lie-range", "\"9..0\" is no range" },
    { "liar", "lie-type", "\"float\" is no type" },
    { "liar", "lie-role", "\"inout\" is none of in, optional, param, out" },
    { "liar", "lie-value", "\"Picture\" cannot be the name of a kind of value" },
    { "liar", "lie-row-name", "\"n o\" cannot be the name of a parameter" },
    { "liar", "lie-choice", "\"a||b\" is no range" },
    { "liar", "lie-step-as", "\"as\" is a word of pipelines" },
    { "liar", "lie-step-score", "\"score\" is a word of pipelines" },
    { "liar", "lie-row-twice", "n is listed twice" },
    { "liar", "lie-offset-odd", "byte 12 of a struct of 16" },
    { "liar", "lie-offset-misaligned", "byte 4 of a struct of 16" },
    { "liar", "lie-offset-beyond", "byte 8 of a struct of 12" },
    { "liar", "lie-hollow-operation", "impl is no operation: fn is missing" },
    { "liar", "lie-hollow-format", "lie.hollow has no makes" },
    { "liar", "lie-hollow-compute", "impl is no device: count is missing" },
    { "liar", "lie-hollow-op", "impl is no op: rule is missing" },
    { "liar", "lie-hollow-codec", "impl is no codec: open is missing" },
    { "liar", "lie-hollow-encoder", "impl is no encoder: open is missing" },
    { "liar", "lie-hollow-decoder", "impl is no decoder: open is missing" },
    { "liar", "lie-hollow-model", "impl is no model: open is missing" },
    { "liar", "lie-hollow-source", "impl is no source of examples: open is missing" },
    { "liar", "lie-hollow-measure", "impl is no measure: open is missing" },
    { "liar", "lie-wild-operation", "impl is no operation: extension points to no function" },
    { "liar", "lie-wild-format", "impl is no format: extension points to no function" },
    { "liar", "lie-wild-compute", "impl is no device: extension points to no function" },
    { "liar", "lie-wild-op", "impl is no op: extension points to no function" },
    { "liar", "lie-wild-codec", "impl is no codec: extension points to no function" },
    { "liar", "lie-wild-encoder", "impl is no encoder: extension points to no function" },
    { "liar", "lie-wild-decoder", "impl is no decoder: extension points to no function" },
    { "liar", "lie-wild-model", "impl is no model: extension points to no function" },
    { "liar", "lie-wild-source", "impl is no source of examples: extension points to no function" },
    { "liar", "lie-wild-measure", "impl is no measure: extension points to no function" },
    { "liar", "lie-impl-odd", "it lies at an odd address" },
    { "liar", "lie-impl-short", "impl is no device: only 16 of its" },
    { "liar", "lie-offset-far", "byte 4294967288 of a struct of 16" },
};
#define N_BROKEN (sizeof(broken) / sizeof(broken[0]))

START_TEST(each_broken_file_is_one_line_and_the_rest_works)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "good", "m-good");
    shelf_put(folder, "rude", "rude-noise");
    testing_write(folder, "script.so", "#!/bin/sh\nexit 0\n", 17);
    testing_write(folder, "empty.so", "", 0);
    for (size_t i = 0; i < N_BROKEN; i++) shelf_put(folder, broken[i].plugin, broken[i].as);
    /* Looked at, then remembered: the same. */
    for (int round = 0; round < 2; round++) {
        omn_context *ctx = shelf_open(folder, cache);
        char *list = shelf_list(ctx), file[64];
        check_good(list);
        shelf_has(list, "omnio.operation/1 rude-noise a number");
        for (size_t i = 0; i < N_BROKEN; i++) {
            snprintf(file, sizeof(file), "%s.so", broken[i].as);
            shelf_blames(list, file, broken[i].why);
        }
        shelf_blames(list, "script.so", "no ELF header");
        shelf_blames(list, "empty.so", "is empty");
        ck_assert_ptr_nonnull(shelf_find(ctx, "test.all"));
        omn_error err = shelf_misses(ctx, NULL, "lie.note");
        ck_assert_int_eq((int)err.status, OMN_ERR_MISSING);
        char count[64];
        snprintf(count, sizeof(count), "%zu plugin files could not be used", N_BROKEN + 2);
        ck_assert_ptr_nonnull(strstr(err.text, count));
        free(list);
        omn_context_free(ctx);
    }
}
END_TEST

START_TEST(truncated_files_are_named)
{
    const char *folder = shelf_folder("plugins"), *good = shelf_put(folder, "good", "good");
    size_t n, cuts[40], n_cuts = 0;
    char *data = shelf_read(good, &n), name[64];
    static const size_t first[] = { 1, 3, 4, 17, 63, 64, 65, 200, 1000, 4096, 4097 };
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) cuts[n_cuts++] = first[i];
    for (size_t i = 1; i < 20; i++) cuts[n_cuts++] = n / 20 * i + i;
    cuts[n_cuts++] = n - 1;
    for (size_t i = 0; i < n_cuts; i++) {
        snprintf(name, sizeof(name), "cut-%zu.so", cuts[i]);
        testing_write(folder, name, data, cuts[i]);
    }
    omn_context *ctx = shelf_open(folder, "");
    char *list = shelf_list(ctx);
    check_good(list);
    for (size_t i = 0; i < n_cuts; i++) {
        snprintf(name, sizeof(name), "cut-%zu.so", cuts[i]);
        shelf_blames(list, name, cuts[i] < 4 ? "is not a shared library" : "is truncated");
    }
    free(list);
    free(data);
    omn_context_free(ctx);
}
END_TEST

START_TEST(damaged_files_never_hurt_the_rest)
{
    const char *folder = shelf_folder("plugins"), *good = shelf_put(folder, "good", "good");
    size_t n;
    char *data = shelf_read(good, &n), name[64];
    char *copy = malloc(n);
    ck_assert_ptr_nonnull(copy);
    /* Bytes of the headers and of the tables that follow them change at random, code does not. */
    for (uint64_t i = 0; i < 40; i++) {
        memcpy(copy, data, n);
        for (uint64_t k = 0; k < 3; k++) {
            size_t most = i % 2 ? 3000 : 1024;
            size_t at = 16 + (size_t)omn_random_at(7, i, 2 * k) % (most - 16);
            copy[at] ^= (char)(1 + omn_random_at(7, i, 2 * k + 1) % 255);
        }
        snprintf(name, sizeof(name), "bent-%02d.so", (int)i);
        testing_write(folder, name, copy, n);
    }
    omn_context *ctx = shelf_open(folder, "");
    char *list = shelf_list(ctx);
    /* The undamaged file comes last by name: its objects may be a bent copy's, but are there. */
    shelf_has(list, "omnio.operation/1 test.pass another picture");
    free(list);
    free(copy);
    free(data);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_crash_in_a_thread_is_not_blamed_on_others)
{
    const char *folder = shelf_folder("plugins");
    char name[64], line[96];
    shelf_put(folder, "rude", "rude-later");
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "s-%02d", i);
        shelf_put(folder, "rude", name);
    }
    for (int round = 0; round < 5; round++) {
        omn_context *ctx = shelf_open(folder, "");
        char *list = shelf_list(ctx);
        for (int i = 0; i < 12; i++) {
            snprintf(line, sizeof(line), "omnio.operation/1 s-%02d a number", i);
            shelf_has(list, line);
        }
        free(list);
        omn_context_free(ctx);
    }
}
END_TEST

static size_t traces(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (size_t)s.st_size : 0;
}

static void list_once(const char *folder, const char *cache, const char *line)
{
    omn_context *ctx = shelf_open(folder, cache);
    char *list = shelf_list(ctx);
    shelf_has(list, line);
    free(list);
    omn_context_free(ctx);
}

START_TEST(what_was_seen_is_remembered_until_it_changes)
{
    static const char line[] = "omnio.operation/1 rude-trace a number";
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    const char *path = shelf_put(folder, "rude", "rude-trace");
    const char *trace = testing_write(testing_folder(), "trace", "", 0);
    struct timespec back[2] = { { 1000000000, 5 }, { 1000000000, 5 } };
    setenv("OMN_TEST_TRACE", trace, 1);
    list_once(folder, cache, line);
    ck_assert_uint_eq(traces(trace), 1);
    list_once(folder, cache, line);
    ck_assert_uint_eq(traces(trace), 1);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, back, 0), 0);
    list_once(folder, cache, line);
    ck_assert_uint_eq(traces(trace), 2);
    list_once(folder, cache, line);
    ck_assert_uint_eq(traces(trace), 2);
    list_once(folder, "", line);
    ck_assert_uint_eq(traces(trace), 3);
    /* A cache folder that cannot be made is no failure. */
    const char *file = testing_write(testing_folder(), "file", "x", 1);
    char below[4200];
    snprintf(below, sizeof(below), "%s/cache", file);
    list_once(folder, below, line);
    ck_assert_uint_eq(traces(trace), 4);
}
END_TEST

START_TEST(a_file_that_hangs_costs_its_limit_once)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    struct timespec from, to;
    shelf_put(folder, "good", "good");
    shelf_put(folder, "rude", "rude-hang");
    shelf_put(folder, "rude", "t-after");
    for (int round = 0; round < 2; round++) {
        clock_gettime(CLOCK_MONOTONIC, &from);
        omn_context *ctx = shelf_open_limit(folder, cache, 2500);
        char *list = shelf_list(ctx);
        shelf_blames(list, "rude-hang.so", "was not loaded within 2500 ms");
        check_good(list);
        shelf_has(list, "omnio.operation/1 t-after a number");
        free(list);
        omn_context_free(ctx);
        clock_gettime(CLOCK_MONOTONIC, &to);
        double s = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        if (round == 0)
            ck_assert_double_ge(s, 2.4);
        else
            ck_assert_double_le(s, 2.4);
    }
}
END_TEST

START_TEST(a_missing_library_is_looked_for_again)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "nolibrary", "nolibrary");
    for (int round = 0; round < 2; round++) {
        omn_context *ctx = shelf_open(folder, cache);
        char *list = shelf_list(ctx);
        shelf_blames(list, "nolibrary.so", "libgone.so.0");
        free(list);
        omn_context_free(ctx);
    }
    setenv("LD_LIBRARY_PATH", testing_build("tests/plugins/.libs"), 1);
    list_once(folder, cache, "omnio.operation/1 unlinked.note a number");
}
END_TEST

START_TEST(a_damaged_cache_is_ignored)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "good", "good");
    shelf_put(folder, "liar", "lie-abi");
    omn_context *ctx = shelf_open(folder, cache);
    char *want = shelf_list(ctx), path[4200];
    omn_context_free(ctx);
    snprintf(path, sizeof(path), "%s/plugins-%d.scan", cache, OMN_PLUGIN_ABI);
    size_t n;
    char *data = shelf_read(path, &n);
    for (uint64_t i = 0; i < 30; i++) {
        omn_buf b;
        omn_buf_init(&b, 1 << 20);
        size_t at = omn_random_at(3, i, 0) % n;
        omn_buf_put(&b, data, i % 3 == 0 ? at : n);
        if (i % 3 == 1) b.data[at] ^= (char)(1 + omn_random_at(3, i, 1) % 255);
        if (i % 3 == 2) omn_buf_put(&b, data + at, n - at);
        testing_write(cache, strrchr(path, '/') + 1, b.data, b.length);
        omn_buf_fini(&b);
        ctx = shelf_open(folder, cache);
        char *list = shelf_list(ctx);
        ck_assert_str_eq(list, want);
        free(list);
        omn_context_free(ctx);
    }
    /* Neither a folder in its place nor a link is followed. */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/dev/zero", path), 0);
    ctx = shelf_open(folder, cache);
    char *list = shelf_list(ctx);
    ck_assert_str_eq(list, want);
    free(list);
    omn_context_free(ctx);
    free(data);
    free(want);
}
END_TEST

START_TEST(the_first_folder_of_the_path_wins)
{
    const char *a = shelf_folder("a"), *b = shelf_folder("b");
    char path[9000];
    shelf_put(a, "twin", "twin");
    shelf_put(b, "good", "good");
    /* b, then a, then b again by another name, then nothing, then a folder that is not there. */
    snprintf(path, sizeof(path), "%s:%s:%s/../b::%s/gone", b, a, a, a);
    omn_context *ctx = shelf_open(path, "");
    char *list = shelf_list(ctx);
    check_good(list);
    shelf_has(list, "omnio.operation/1 twin.own a number");
    shelf_lacks(list, "omnio.operation/1 test.all a number under the name of another");
    shelf_blames(list, "twin.so", "hidden by plugins found earlier: test.all");
    ck_assert_uint_eq(omn_entry_object(shelf_find(ctx, "test.all"))->n_params, 11);
    free(list);
    omn_context_free(ctx);
    /* An item may be a file. */
    snprintf(path, sizeof(path), "%s/twin.so:%s", a, b);
    ctx = shelf_open(path, "");
    list = shelf_list(ctx);
    shelf_has(list, "omnio.operation/1 test.all a number under the name of another");
    shelf_blames(list, "good.so", "hidden by plugins found earlier: test.all");
    shelf_has(list, "omnio.operation/1 test.wrong makes mistakes");
    ck_assert_uint_eq(omn_entry_object(shelf_find(ctx, "test.all"))->n_params, 2);
    free(list);
    omn_context_free(ctx);
}
END_TEST

START_TEST(the_user_has_a_folder_of_plugins)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const char *data = shelf_folder("data");
    shelf_folder("data/omnio");
    shelf_put(shelf_folder("data/omnio/plugins"), "good", "good");
    setenv("XDG_DATA_HOME", data, 1);
    setenv("XDG_CACHE_HOME", shelf_folder("cache"), 1);
    ck_assert_int_eq(omn_context_new(NULL, &ctx, &err), OMN_OK);
    char *list = shelf_list(ctx);
    check_good(list);
    ck_assert_str_eq(omn_context_device(ctx), "cpu");
    char path[4200];
    snprintf(path, sizeof(path), "%s/omnio/plugins-%d.scan", getenv("XDG_CACHE_HOME"),
             OMN_PLUGIN_ABI);
    ck_assert_uint_gt(traces(path), 100);
    free(list);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_wrong_name_names_the_nearest)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    omn_context *ctx = shelf_open(folder, "");
    static const struct {
        const char *kind, *name, *says;
    } cases[] = {
        { "omnio.operation/1", "test.al",
          "there is no operation \"test.al\"; did you mean \"test.all\"?" },
        { "omnio.operation/1", "tset.pass", "did you mean \"test.pass\"?" },
        { "omnio.operation/1", "test.wrogn", "did you mean \"test.wrong\"?" },
        { "omnio.operation/1", "nothing.like.it", "there is no operation \"nothing.like.it\"" },
        { "omnio.operation/1", "tst", "\"tst\" is of kind format, not operation" },
        { "omnio.operation/2", "test.all", "is of kind operation" },
        { "operation", "test.al", "there is no operation \"test.al\"; did you mean \"test.all\"?" },
        { "format", "test.all", "\"test.all\" is of kind operation, not format" },
        { "operator", "test.all",
          "there is no kind \"operator\" of objects; there are format, future, operation" },
        { NULL, "tsst", "there is no object \"tsst\"; did you mean \"tst\"?" },
        { NULL, "", "there is no object \"\"" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = shelf_misses(ctx, cases[i].kind, cases[i].name);
        ck_assert_int_eq((int)err.status, OMN_ERR_MISSING);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(two_kinds_may_share_a_name)
{
    const char *folder = shelf_folder("plugins");
    static const struct {
        const char *kind, *wanted, *also;
    } cases[] = {
        { "omnio.format/1", "omnio.format/1", "name too: operation\n" },
        { "format", "omnio.format/1", "name too: operation\n" },
        { "operation", "omnio.operation/1", "name too: format\n" },
        { NULL, "omnio.format/1", "name too: operation\n" },
    };
    shelf_put(folder, "good", "good");
    shelf_put(folder, "twin", "twin");
    omn_context *ctx = shelf_open(folder, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        const omn_entry *e = NULL;
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        ck_assert_msg(omn_registry_find(ctx, cases[i].kind, "tst", &e, &err) == OMN_OK, "%s",
                      err.text);
        ck_assert_str_eq(omn_entry_object(e)->kind, cases[i].wanted);
        ck_assert_int_eq(omn_entry_help(e, false, &b, &err), OMN_OK);
        omn_buf_put(&b, "", 1);
        ck_assert_msg(strstr(b.data, cases[i].also) != NULL, "%s", b.data);
        omn_buf_fini(&b);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_file_that_changed_meanwhile_is_not_loaded)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    omn_context *ctx = shelf_open(folder, "");
    free(shelf_list(ctx));
    shelf_put(folder, "twin", "good");
    omn_error err = shelf_misses(ctx, NULL, "test.all");
    ck_assert_int_eq((int)err.status, OMN_ERR_PLUGIN);
    ck_assert_ptr_nonnull(strstr(err.text, "has changed since this program looked at it"));
    omn_context_free(ctx);
}
END_TEST

START_TEST(listing_loads_nothing_here)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "rude", "rude-trace");
    const char *trace = testing_write(testing_folder(), "trace", "", 0);
    const char *cache = shelf_folder("cache");
    setenv("OMN_TEST_TRACE", trace, 1);
    list_once(folder, cache, "omnio.operation/1 rude-trace a number");
    setenv("OMN_TEST_TRACE", "/dev/null", 1);
    omn_context *ctx = shelf_open(folder, cache);
    free(shelf_list(ctx));
    setenv("OMN_TEST_TRACE", trace, 1);
    ck_assert_uint_eq(traces(trace), 1);
    shelf_find(ctx, "rude-trace");
    ck_assert_uint_eq(traces(trace), 2);
    shelf_find(ctx, "rude-trace");
    ck_assert_uint_eq(traces(trace), 2);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        each_broken_file_is_one_line_and_the_rest_works,
        truncated_files_are_named,
        damaged_files_never_hurt_the_rest,
        a_crash_in_a_thread_is_not_blamed_on_others,
        what_was_seen_is_remembered_until_it_changes,
        a_file_that_hangs_costs_its_limit_once,
        a_missing_library_is_looked_for_again,
        a_damaged_cache_is_ignored,
        the_first_folder_of_the_path_wins,
        the_user_has_a_folder_of_plugins,
        a_wrong_name_names_the_nearest,
        two_kinds_may_share_a_name,
        a_file_that_changed_meanwhile_is_not_loaded,
        listing_loads_nothing_here,
    };
    /* Helpers are started and one file waits for its limit: longer than the usual 4 s. */
    return TESTING_RUN("plugin/registry", all, 30);
}
