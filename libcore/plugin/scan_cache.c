/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of scan results: one text file, plugins-<abi>.scan, one line for each plugin file,
 * keyed by path, device, inode, size and time of change. It is written aside and renamed, so two
 * programs that write at once leave one whole file; the loser's findings are found again. It is
 * read with suspicion: owner and size are checked, the first line must name this libomnio, the last
 * line counts the others and has their checksum, and one wrong field throws the whole file away,
 * because all that it saves is time.
 *
 * Failures are remembered too, or a plugin that hangs would cost its time limit at every start. Two
 * kinds are believed for less long: a file that could not be linked is tried again when the
 * system's libraries or the search path of the linker change, one that met the time limit after an
 * hour. A file found wrong just after it was written may not have been whole: it is no failure to
 * remember (scan.c). */
#include "scan_cache.h"

#include "param.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST_BYTES   ((size_t)16 << 20)
#define MOST_LINES   8192u
#define LATE_SECONDS 3600

struct scan_cache {
    char *folder, *file;
    char *head;    /* the first line that we would write */
    char *linking; /* what unlinked files depend on */
    bool linking_same;
    record *lines;
    size_t n;
};

/* FNV-1a: tells damage and change, not malice; who can write here is the user. */
static uint64_t mix(uint64_t h, const char *s)
{
    for (; s && *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return (h ^ 0xff) * 0x100000001b3u;
}

#define MIX_START 0xcbf29ce484222325u

static uint64_t mix_bytes(const char *s, size_t n)
{
    uint64_t h = MIX_START;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h;
}

static void put_stat(omn_buf *b, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0) {
        omn_buf_puts(b, "\t-");
        return;
    }
    omn_buf_printf(b, "\t%" PRIu64 ".%" PRIu64 ".%" PRId64 ".%ld", (uint64_t)s.st_ino,
                   (uint64_t)s.st_size, (int64_t)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
}

static char *head_line(const beside *where)
{
    omn_buf b;
    omn_buf_init(&b, 16384);
    omn_buf_printf(&b, "omnio plugins 1\t%d.%d\t%s", OMN_PLUGIN_ABI, OMN_PLUGIN_MINOR,
                   omn_version());
    put_stat(&b, where->library);
    char *s = omn_buf_take(&b);
    omn_buf_fini(&b);
    return s;
}

/* The dynamic linker's own cache changes whenever a library is installed. */
static char *linking_line(void)
{
    omn_buf b;
    uint64_t h = mix(mix(MIX_START, getenv("LD_LIBRARY_PATH")), getenv("LD_PRELOAD"));
    omn_buf_init(&b, 4096);
    omn_buf_printf(&b, "linking\t%016" PRIx64, h);
    put_stat(&b, "/etc/ld.so.cache");
    char *s = omn_buf_take(&b);
    omn_buf_fini(&b);
    return s;
}

static bool take_u64(char **at, uint64_t *out)
{
    char *s = *at, *tab = strchr(s, '\t');
    uint64_t x = 0;
    if (!tab || tab == s) return false;
    for (; s < tab; s++) {
        if (*s < '0' || *s > '9' || x > (UINT64_MAX - 9) / 10) return false;
        x = 10 * x + (uint64_t)(*s - '0');
    }
    *out = x;
    *at = tab + 1;
    return true;
}

/* path, device, inode, size, mtime, when, answer */
static bool read_line(char *line, size_t n, omn_arena *a, record *r)
{
    uint64_t mtime, when;
    char *tab = strchr(line, '\t'), *at;
    if (!tab || line[0] != '/' || (size_t)(tab - line) > PARAM_MOST_PATH) return false;
    r->path = omn_arena_strndup(a, line, (size_t)(tab - line));
    at = tab + 1;
    if (!r->path || !take_u64(&at, &r->key.device) || !take_u64(&at, &r->key.inode) ||
        !take_u64(&at, &r->key.size) || !take_u64(&at, &mtime) || !take_u64(&at, &when) ||
        mtime > INT64_MAX || when > INT64_MAX)
        return false;
    r->key.mtime_ns = (int64_t)mtime;
    r->when = (int64_t)when;
    return record_parse(at, n - (size_t)(at - line), a, r) == OMN_OK;
}

/* The next line, ended in place; NULL when the text ends without a newline. */
static char *next_line(char **at, size_t *n)
{
    char *s = *at, *end = strchr(s, '\n');
    if (!end) return NULL;
    *end = 0;
    *n = (size_t)(end - s);
    *at = end + 1;
    return s;
}

/* The last line, for what stands before it. */
static void end_line(size_t lines, const char *text, size_t n, char *buf, size_t room)
{
    snprintf(buf, room, "end\t%zu\t%016" PRIx64, lines, mix_bytes(text, n));
}

static bool read_lines(scan_cache *c, char *text, omn_arena *a)
{
    char *at = text, *line, end[64];
    size_t n, most = 0, length = strlen(text);
    if (length < 2 || text[length - 1] != '\n') return false;
    const char *last = memrchr(text, '\n', length - 1);
    if (!last) return false;
    for (const char *p = text; *p; p++) most += *p == '\n';
    if (most < 3 || most - 2 > MOST_LINES) return false;
    most -= 2;
    end_line(most - 1, text, (size_t)(last + 1 - text), end, sizeof(end));
    if (strncmp(last + 1, end, strlen(end)) != 0 || strlen(last + 1) != strlen(end) + 1)
        return false;
    if (!(line = next_line(&at, &n)) || strcmp(line, c->head) != 0) return false;
    if (!(line = next_line(&at, &n))) return false;
    c->linking_same = strcmp(line, c->linking) == 0;
    c->lines = omn_arena_alloc(a, most, sizeof(record));
    if (!c->lines) return false;
    for (size_t i = 0; i + 1 < most; i++)
        if (!(line = next_line(&at, &n)) || !read_line(line, n, a, &c->lines[i])) return false;
    c->n = most - 1;
    return true;
}

/* Only a plain file of this user that not everybody may write. */
static char *read_own(const char *path)
{
    struct stat s;
    char *text = NULL;
    size_t n = 0, got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return NULL;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_uid != geteuid() ||
        (s.st_mode & S_IWOTH) || s.st_size <= 0 || (uint64_t)s.st_size > MOST_BYTES)
        goto done;
    n = (size_t)s.st_size;
    text = malloc(n + 1);
    while (text && got < n) {
        ssize_t k = read(fd, text + got, n - got);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) break;
        got += (size_t)k;
    }
    if (text && (got < n || memchr(text, 0, n))) {
        free(text);
        text = NULL;
    }
    if (text) text[n] = 0;
done:
    close(fd);
    return text;
}

scan_cache *scan_cache_open(const char *folder, const beside *where, omn_arena *a)
{
    omn_buf b;
    scan_cache *c = calloc(1, sizeof(*c));
    if (!c) return NULL;
    omn_buf_init(&b, 16384);
    omn_buf_printf(&b, "%s/plugins-%d.scan", folder, OMN_PLUGIN_ABI);
    c->file = omn_buf_take(&b);
    omn_buf_fini(&b);
    c->folder = strdup(folder);
    c->head = head_line(where);
    c->linking = linking_line();
    if (!c->file || !c->folder || !c->head || !c->linking) {
        scan_cache_close(c);
        return NULL;
    }
    char *text = read_own(c->file);
    if (text && !read_lines(c, text, a)) c->n = 0;
    free(text);
    return c;
}

void scan_cache_drop(scan_cache *c)
{
    c->n = 0;
    unlink(c->file);
}

void scan_cache_close(scan_cache *c)
{
    if (!c) return;
    free(c->folder);
    free(c->file);
    free(c->head);
    free(c->linking);
    free(c);
}

bool scan_cache_get(const scan_cache *c, record *r)
{
    for (size_t i = 0; i < c->n; i++) {
        const record *m = &c->lines[i];
        if (strcmp(m->path, r->path) != 0) continue;
        if (!record_key_same(&m->key, &r->key)) return false;
        int64_t age = (int64_t)time(NULL) - m->when;
        if (m->state == RECORD_UNLINKED && !c->linking_same) return false;
        if (m->state == RECORD_LATE && (age < 0 || age > LATE_SECONDS)) return false;
        const char *path = r->path;
        *r = *m;
        r->path = path;
        r->remembered = true;
        return true;
    }
    return false;
}

static void put_record(const record *r, omn_buf *out)
{
    omn_buf_printf(out, "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\t",
                   r->path, r->key.device, r->key.inode, r->key.size, r->key.mtime_ns, r->when);
    record_print(r, out);
    omn_buf_puts(out, "\n");
}

static bool worth_writing(const record *r)
{
    return r->state != RECORD_UNKNOWN && r->state != RECORD_STOPPED && !r->unsettled &&
           r->key.mtime_ns >= 0;
}

/* Every folder of the path, private to the user. */
static bool make_folders(const char *path)
{
    char *s = strdup(path);
    bool ok = s != NULL;
    for (char *p = s ? s + 1 : NULL; p && *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        ok = mkdir(s, 0700) == 0 || errno == EEXIST;
        *p = '/';
    }
    if (ok) ok = mkdir(s, 0700) == 0 || errno == EEXIST;
    free(s);
    return ok;
}

omn_status scan_cache_write(const scan_cache *c, record *const *files, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    omn_buf b;
    char end[64];
    size_t count = 0;
    omn_buf_init(&b, MOST_BYTES);
    omn_buf_printf(&b, "%s\n%s\n", c->head, c->linking);
    for (size_t i = 0; i < n && count < MOST_LINES - 1; i++) {
        if (!worth_writing(files[i])) continue;
        put_record(files[i], &b);
        count++;
    }
    for (size_t i = 0; i < c->n && count < MOST_LINES - 1; i++) {
        struct stat s;
        bool known = !c->linking_same && c->lines[i].state == RECORD_UNLINKED;
        for (size_t j = 0; j < n && !known; j++)
            known = strcmp(files[j]->path, c->lines[i].path) == 0;
        if (known || stat(c->lines[i].path, &s) != 0) continue;
        put_record(&c->lines[i], &b);
        count++;
    }
    end_line(count, b.data, b.failed ? 0 : b.length, end, sizeof(end));
    omn_buf_printf(&b, "%s\n", end);
    if (b.failed) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: too much to remember", c->file);
        goto done;
    }
    if (!make_folders(c->folder)) {
        int e = errno;
        st = omn_fail(err, OMN_ERR_IO, "%s: cannot be made: %s", c->folder, strerror(e));
        goto done;
    }
    omn_file_sweep(c->folder);
    OMN_TRY(omn_file_create(c->file, OMN_OVERWRITE, &f, err));
    OMN_TRY(omn_file_write(f, b.data, b.length, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    omn_buf_fini(&b);
    return st;
}
