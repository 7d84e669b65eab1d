/* SPDX-License-Identifier: Apache-2.0 */
/* A shelf of plugins: every test copies the ones that it wants into a folder of its own, so that
 * none sees the plugins of another, or those of the user. */
#include "tests/plugin/shelf.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PATHS 512

static char *kept_path(void)
{
    static char kept[PATHS][PATH_MAX];
    static unsigned next;
    return kept[next++ % PATHS];
}

const char *shelf_folder(const char *name)
{
    char *path = kept_path();
    int n = snprintf(path, PATH_MAX, "%s/%s", testing_folder(), name);
    ck_assert(n > 0 && n < PATH_MAX);
    mkdir(path, 0700);
    return path;
}

char *shelf_read(const char *path, size_t *n)
{
    omn_error err = OMN_ERROR_INIT;
    char *data = NULL;
    ck_assert_msg(omn_file_read(path, (size_t)1 << 28, &data, n, &err) == OMN_OK, "%s", err.text);
    return data;
}

const char *shelf_put(const char *folder, const char *plugin, const char *as)
{
    char *from = kept_path(), name[128];
    size_t n;
    snprintf(from, PATH_MAX, "%s/%s.so", testing_build("tests/plugins/.libs"), plugin);
    char *data = shelf_read(from, &n);
    snprintf(name, sizeof(name), "%s.so", as);
    const char *path = testing_write(folder, name, data, n);
    free(data);
    char *out = kept_path();
    snprintf(out, PATH_MAX, "%s", path);
    /* A minute old: what is found wrong with a file just written is not remembered. */
    struct timespec when[2];
    clock_gettime(CLOCK_REALTIME, &when[0]);
    when[0].tv_sec -= 60;
    when[1] = when[0];
    ck_assert_int_eq(utimensat(AT_FDCWD, out, when, 0), 0);
    return out;
}

omn_context *shelf_open_limit(const char *path, const char *cache, uint32_t limit_ms)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                              .plugin_path = path,         .only_plugin_path = true,
                              .cache_dir = cache,          .scan_limit_ms = limit_ms };
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

omn_context *shelf_open(const char *path, const char *cache)
{
    return shelf_open_limit(path, cache, 20000);
}

omn_context *shelf_beside(const char *plugin, uint32_t threads)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    char *path = kept_path();
    const char *shelf = shelf_folder(plugin);
    shelf_put(shelf, plugin, plugin);
    const int n = snprintf(path, PATH_MAX, "%s:%s", testing_build("plugins/.libs"), shelf);
    ck_assert(n > 0 && n < PATH_MAX);
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = threads,
                                    .plugin_path = path, .only_plugin_path = true,
                                    .cache_dir = "" };
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

static int note(void *user, const omn_listed *it)
{
    const char *slash = strrchr(it->file, '/');
    ck_assert_ptr_nonnull(slash);
    if (it->why) {
        ck_assert_ptr_null(strchr(it->why, '\n'));
        omn_buf_printf(user, "! %s %s\n", slash + 1, it->why);
    } else {
        ck_assert_ptr_nonnull(it->plugin);
        omn_buf_printf(user, "%s %s %s\n", it->kind, it->name, it->help);
    }
    return 0;
}

char *shelf_list(omn_context *ctx)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    ck_assert_msg(omn_registry_list(ctx, NULL, note, &b, &err) == OMN_OK, "%s", err.text);
    omn_buf_puts(&b, "");
    char *s = b.length ? omn_buf_take(&b) : strdup("");
    omn_buf_fini(&b);
    ck_assert_ptr_nonnull(s);
    return s;
}

static bool has(const char *list, const char *line)
{
    size_t n = strlen(line);
    for (const char *p = list; *p; p = strchr(p, '\n') + 1)
        if (strncmp(p, line, n) == 0 && p[n] == '\n') return true;
    return false;
}

void shelf_has(const char *list, const char *line)
{
    ck_assert_msg(has(list, line), "\"%s\" is not in the list:\n%s", line, list);
}

void shelf_lacks(const char *list, const char *line)
{
    ck_assert_msg(!has(list, line), "\"%s\" is in the list:\n%s", line, list);
}

void shelf_blames(const char *list, const char *file, const char *why)
{
    char start[256];
    int n = snprintf(start, sizeof(start), "! %s ", file), lines = 0;
    bool said = false;
    for (const char *p = list; *p; p = strchr(p, '\n') + 1) {
        if (strncmp(p, start, (size_t)n) != 0) continue;
        const char *at = strstr(p, why);
        said = said || (at && at < strchr(p, '\n'));
        lines++;
    }
    ck_assert_msg(lines == 1 && said, "one line about %s with \"%s\" is wanted in:\n%s", file, why,
                  list);
}

const omn_entry *shelf_find(omn_context *ctx, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    ck_assert_msg(omn_registry_find(ctx, NULL, name, &e, &err) == OMN_OK, "%s", err.text);
    ck_assert_ptr_nonnull(e);
    return e;
}

omn_error shelf_misses(omn_context *ctx, const char *kind, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    omn_status st = omn_registry_find(ctx, kind, name, &e, &err);
    ck_assert_msg(st != OMN_OK, "%s was found", name);
    ck_assert_int_eq((int)st, (int)err.status);
    ck_assert_ptr_null(e);
    return err;
}
