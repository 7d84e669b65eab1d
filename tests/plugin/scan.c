/* SPDX-License-Identifier: Apache-2.0 */
/* The cage in which unknown files are loaded, and the memory of what was seen there: what a plugin
 * does while it is loaded harms nobody else, takes little time, and is not believed for longer than
 * it should be. */
#include "tests/plugin/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *listed(const char *folder, const char *cache)
{
    omn_context *ctx = shelf_open(folder, cache);
    char *list = shelf_list(ctx);
    omn_context_free(ctx);
    return list;
}

/* Whatever it finds among its descriptors, a plugin speaks for itself alone. */
START_TEST(a_stray_line_is_nobodys_answer)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "rude", "a-first");
    shelf_put(folder, "rude", "rude-stray");
    shelf_put(folder, "good", "z-good");
    for (int round = 0; round < 3; round++) {
        char *list = listed(folder, round ? cache : "");
        shelf_has(list, "omnio.operation/1 a-first a number");
        shelf_has(list, "omnio.operation/1 test.all says what it was given");
        shelf_blames(list, "rude-stray.so", "writes to descriptors that are not its own");
        free(list);
    }
    /* Gone with its file. */
    char path[4200];
    snprintf(path, sizeof(path), "%s/rude-stray.so", folder);
    ck_assert_int_eq(unlink(path), 0);
    omn_context *ctx = shelf_open(folder, cache);
    ck_assert_ptr_nonnull(shelf_find(ctx, "test.all"));
    ck_assert_ptr_nonnull(shelf_find(ctx, "a-first"));
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_a_plugin_starts_is_ended_with_it)
{
    char name[64];
    const char *folder = shelf_folder("plugins");
    const char *trace = testing_write(testing_folder(), "trace", "", 0);
    snprintf(name, sizeof(name), "/proc/self/task/%ld/children", (long)getpid());
    if (access(name, R_OK) != 0) return; /* a kernel that does not tell */
    setenv("OMN_TEST_TRACE", trace, 1);
    shelf_put(folder, "rude", "rude-escape");
    char *list = listed(folder, "");
    shelf_has(list, "omnio.operation/1 rude-escape a number");
    free(list);
    size_t n;
    char *text = shelf_read(trace, &n), *end;
    const long pid = strtol(text, &end, 10);
    ck_assert_msg(end != text && pid > 1, "\"%s\" is no process", text);
    errno = 0;
    ck_assert_int_eq(kill((pid_t)pid, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
    free(text);
}
END_TEST

START_TEST(the_third_file_that_hangs_gets_little_time)
{
    const char *folder = shelf_folder("plugins");
    char name[32], file[32];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "rude-hang%d", i);
        shelf_put(folder, "rude", name);
    }
    omn_context *ctx = shelf_open_limit(folder, "", 1000);
    char *list = shelf_list(ctx);
    for (int i = 0; i < 4; i++) {
        snprintf(file, sizeof(file), "rude-hang%d.so", i);
        shelf_blames(list, file, i < 2 ? "was not loaded within 1000 ms" : "within 100 ms");
    }
    free(list);
    omn_context_free(ctx);
}
END_TEST

static void count_lines(void *user, omn_level level, const char *text)
{
    int *n = user;
    if (level > OMN_LOG_WARN) return;
    if (strstr(text, "/rude-hang.so has been loading for 2 s; it is given up after 3 s")) n[0]++;
    if (strstr(text, "/rude-hang.so was not loaded within 2600 ms")) n[1]++;
}

START_TEST(who_waits_is_told_for_what)
{
    int lines[2] = { 0, 0 };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "rude", "rude-hang");
    omn_context_setup how = { OMN_FILL(omn_context_setup), .plugin_path = folder,
                              .only_plugin_path = true,    .cache_dir = cache,
                              .scan_limit_ms = 2600,       .log = count_lines,
                              .log_user = lines,           .level = OMN_LOG_WARN };
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(omn_context_new(&how, &ctx, &err), OMN_OK);
        free(shelf_list(ctx));
        omn_context_free(ctx);
        ck_assert_int_eq(lines[0], 1);
        ck_assert_int_eq(lines[1], 1);
    }
}
END_TEST

/* ---- what is remembered ---------------------------------------------------------------------- */

static const char *cache_file(const char *cache)
{
    static char path[4200];
    snprintf(path, sizeof(path), "%s/plugins-%d.scan", cache, OMN_PLUGIN_ABI);
    return path;
}

/* The cache with `from` replaced by `to`, its last line right again. */
static void forge(const char *cache, const char *from, const char *to)
{
    size_t n, lines = 0;
    char *text = shelf_read(cache_file(cache), &n), *at = strstr(text, from);
    ck_assert_msg(at != NULL, "\"%s\" is not in:\n%s", from, text);
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_buf_put(&b, text, (size_t)(at - text));
    omn_buf_puts(&b, to);
    omn_buf_puts(&b, at + strlen(from));
    char *end = strstr(b.data, "\nend\t");
    ck_assert_ptr_nonnull(end);
    b.length = (size_t)(end + 1 - b.data);
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < b.length; i++) {
        sum = (sum ^ (unsigned char)b.data[i]) * 0x100000001b3u;
        lines += b.data[i] == '\n';
    }
    omn_buf_printf(&b, "end\t%zu\t%016" PRIx64 "\n", lines - 2, sum);
    testing_write(cache, strrchr(cache_file(cache), '/') + 1, b.data, b.length);
    ck_assert_int_eq(chmod(cache_file(cache), 0600), 0);
    omn_buf_fini(&b);
    free(text);
}

/* The same file with other bytes and that time of change. */
static void rewrite(const char *path, const char *data, size_t n, const struct timespec when[2])
{
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, when, 0), 0);
}

START_TEST(a_cache_that_everybody_may_write_is_not_believed)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "good", "good");
    free(listed(folder, cache));
    forge(cache, "test.pass", "test.oops");
    char *list = listed(folder, cache);
    shelf_has(list, "omnio.operation/1 test.oops another picture"); /* else nothing is tested */
    free(list);
    ck_assert_int_eq(chmod(cache_file(cache), 0602), 0);
    list = listed(folder, cache);
    shelf_has(list, "omnio.operation/1 test.pass another picture");
    shelf_lacks(list, "omnio.operation/1 test.oops another picture");
    free(list);
}
END_TEST

START_TEST(a_cache_that_a_file_contradicts_is_made_anew)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "good", "good");
    shelf_put(folder, "twin", "twin");
    free(listed(folder, cache));
    forge(cache, "test.pass", "test.oops");
    omn_context *ctx = shelf_open(folder, cache);
    const omn_entry *before = shelf_find(ctx, "test.wrong");
    omn_error err = shelf_misses(ctx, NULL, "test.oops");
    ck_assert_int_eq((int)err.status, OMN_ERR_MISSING);
    ck_assert_ptr_nonnull(shelf_find(ctx, "test.pass"));
    ck_assert_ptr_eq(shelf_find(ctx, "test.wrong"), before);
    omn_context_free(ctx);
    char *list = listed(folder, cache);
    shelf_has(list, "omnio.operation/1 test.pass another picture");
    shelf_lacks(list, "omnio.operation/1 test.oops another picture");
    free(list);
}
END_TEST

/* A linker at work: the file has its size and its time, but half of its bytes are missing. Then it
 * is whole under the same key. */
START_TEST(a_file_seen_half_written_is_looked_at_again)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    const char *path = shelf_put(folder, "good", "good");
    for (int old = 0; old < 2; old++) {
        size_t n;
        struct timespec when[2];
        char *whole = shelf_read(path, &n), *half = calloc(1, n);
        ck_assert_ptr_nonnull(half);
        clock_gettime(CLOCK_REALTIME, &when[0]);
        if (old) when[0].tv_sec -= 60;
        when[1] = when[0];
        memcpy(half, whole, n / 2);
        rewrite(path, half, n, when);
        char *list = listed(folder, cache);
        shelf_lacks(list, "omnio.operation/1 test.pass another picture");
        free(list);
        rewrite(path, whole, n, when);
        list = listed(folder, cache);
        if (old) /* nobody writes for a minute: what was found then stays true */
            shelf_lacks(list, "omnio.operation/1 test.pass another picture");
        else
            shelf_has(list, "omnio.operation/1 test.pass another picture");
        free(list);
        free(half);
        free(whole);
    }
}
END_TEST

/* "...\t<mtime>\t<when>\tgood\tgood\t1.2" becomes late since `ago` seconds. */
static void make_late(const char *cache, long ago)
{
    size_t n;
    char *text = shelf_read(cache_file(cache), &n), from[8192], to[256];
    char *answer = strstr(text, "\t0\tgood\tgood\t");
    ck_assert_ptr_nonnull(answer);
    const size_t len = strcspn(answer, "\n");
    ck_assert_uint_lt(len, sizeof(from));
    memcpy(from, answer, len);
    from[len] = 0;
    snprintf(to, sizeof(to), "\t%ld\tlate\twas slow once", (long)time(NULL) - ago);
    forge(cache, from, to);
    free(text);
}

START_TEST(what_was_late_is_tried_again_after_an_hour)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "good", "good");
    free(listed(folder, cache));
    make_late(cache, 3000);
    char *list = listed(folder, cache);
    shelf_blames(list, "good.so", "was slow once");
    free(list);
    ck_assert_int_eq(unlink(cache_file(cache)), 0);
    free(listed(folder, cache));
    make_late(cache, 3700);
    list = listed(folder, cache);
    shelf_has(list, "omnio.operation/1 test.pass another picture");
    free(list);
    /* Nor is a time believed that has yet to come. */
    make_late(cache, -3000);
    list = listed(folder, cache);
    shelf_has(list, "omnio.operation/1 test.pass another picture");
    free(list);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_stray_line_is_nobodys_answer,
        what_a_plugin_starts_is_ended_with_it,
        the_third_file_that_hangs_gets_little_time,
        who_waits_is_told_for_what,
        a_cache_that_everybody_may_write_is_not_believed,
        a_file_seen_half_written_is_looked_at_again,
        a_cache_that_a_file_contradicts_is_made_anew,
        what_was_late_is_tried_again_after_an_hour,
    };
    /* Files that hang wait for their limits: longer than the usual 4 s. */
    return TESTING_RUN("plugin/scan", all, 30);
}
