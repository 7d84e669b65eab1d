/* SPDX-License-Identifier: Apache-2.0 */
/* Reading lines from a file or a pipe, where the next one may be long in coming. What editors of
 * other systems leave in a file is no item: a byte order mark at its beginning, carriage returns,
 * lines of spaces. A line that is too long is passed over to its end and told as one bad item. */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART 16384

struct lines {
    cli *c;
    const char *name;
    int file;
    int32_t number;
    omn_buf bytes; /* what was read; used: given already; seen: without a line's end behind used */
    size_t used, seen;
    bool begun, ended, passing;
};

omn_status lines_open(cli *c, const char *path, lines **out, omn_error *err)
{
    const bool input = !strcmp(path, "-");
    lines *l = calloc(1, sizeof *l);
    if (!l) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    l->c = c;
    l->name = input ? "<stdin>" : path;
    l->file = input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    omn_buf_init(&l->bytes, LINES_LONGEST + 2 * PART);
    if (l->file < 0) {
        const int why = errno;
        lines_close(l);
        return omn_fail(err,
                        why == ENOENT   ? OMN_ERR_MISSING
                        : why == ENOMEM ? OMN_ERR_MEMORY
                                        : OMN_ERR_IO,
                        "%s: %s", path, strerror(why));
    }
    *out = l;
    return OMN_OK;
}

void lines_close(lines *l)
{
    if (!l) return;
    if (l->file >= 0) close(l->file);
    omn_buf_fini(&l->bytes);
    free(l);
}

bool lines_ready(const lines *l)
{
    struct pollfd p = { l->file, POLLIN, 0 };
    return l->ended || memchr(l->bytes.data + l->used, '\n', l->bytes.length - l->used) ||
           poll(&p, 1, 0) > 0;
}

int32_t lines_number(const lines *l)
{
    return l->number;
}

const char *lines_name(const lines *l)
{
    return l->name;
}

/* Drops what was given, so that the rest begins at 0. */
static void compact(lines *l)
{
    l->bytes.length -= l->used;
    memmove(l->bytes.data, l->bytes.data + l->used, l->bytes.length);
    l->used = 0;
}

static void skip_mark(lines *l)
{
    if (l->begun || (l->bytes.length < 3 && !l->ended)) return;
    l->begun = true;
    if (l->bytes.length >= 3 && !memcmp(l->bytes.data, "\xEF\xBB\xBF", 3)) l->used = 3;
}

static omn_status read_more(lines *l, omn_error *err)
{
    char part[PART];
    struct pollfd p = { l->file, POLLIN, 0 };
    if (l->used) compact(l);
    for (;;) {
        if (omn_cancel_get(l->c->cancel)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        const int ready = poll(&p, 1, 200);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        const ssize_t n = read(l->file, part, sizeof part);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return omn_fail(err, OMN_ERR_IO, "%s: %s", l->name, strerror(errno));
        if (n == 0) l->ended = true;
        omn_buf_put(&l->bytes, part, (size_t)n);
        if (l->bytes.failed) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", l->name);
        skip_mark(l);
        return OMN_OK;
    }
}

static bool blank(const char *s, size_t n)
{
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r')) n--;
    return n == 0;
}

omn_status lines_next(lines *l, const char **line, size_t *n, omn_error *err)
{
    *line = NULL;
    *n = 0;
    for (;;) {
        const char *begin = l->bytes.data + l->used;
        const size_t there = l->bytes.length - l->used;
        const char *end = l->begun ? memchr(begin + l->seen, '\n', there - l->seen) : NULL;
        if (!end && !l->ended) {
            l->seen = l->begun ? there : 0;
            l->passing = l->passing || there > LINES_LONGEST;
            if (l->passing) {
                l->used = l->bytes.length;
                l->seen = 0;
            }
            const omn_status st = read_more(l, err);
            if (st != OMN_OK) return st;
            continue;
        }
        const size_t length = end ? (size_t)(end - begin) : there;
        const bool passed = l->passing;
        if (!end && !length && !passed) return OMN_OK;
        l->used += length + (end != NULL);
        l->seen = 0;
        l->passing = false;
        l->number++;
        if (passed || length > LINES_LONGEST)
            return omn_fail_at(err, OMN_ERR_DATA, l->name, l->number, 0,
                               "the line is longer than %zu bytes", LINES_LONGEST);
        if (blank(begin, length)) continue;
        *line = begin;
        *n = length;
        return OMN_OK;
    }
}

uint64_t lines_total(const char *path)
{
    char part[16384];
    uint64_t n = 0;
    struct stat s;
    if (!strcmp(path, "-") || stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return 0;
    FILE *f = fopen(path, "rb");
    char last = '\n';
    for (size_t k; f && (k = fread(part, 1, sizeof part, f)) > 0; last = part[k - 1])
        for (size_t i = 0; i < k; i++) n += part[i] == '\n';
    if (f) fclose(f);
    return n + (last != '\n');
}
