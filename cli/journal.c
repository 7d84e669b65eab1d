/* SPDX-License-Identifier: Apache-2.0 */
/* A journal is written ahead: before an answer goes to standard output it stands in the journal,
 * with the file that it goes to and its place there. Whatever moment a run is killed at, all that
 * can be in doubt is the last answer, and a look into that file settles it: the answer is there, or
 * a part of it, which is completed, or nothing, and it is told again. Where no look is possible (a
 * pipe, a file that was taken away) it is told again, so that none is lost.
 *
 * The file is text: a head, then records, each a line, answers followed by their bytes. A record
 * that is not whole at the end was being written when the run was killed, and does not count:
 *   omnio journal 1 ID
 *   to DEVICE FILE PLACE LENGTH \n PATH         where answers of this run go, from which place on
 *   begin INDEX                                 files of this item may be there
 *   item INDEX HASH DEVICE FILE PLACE LENGTH \n ANSWER
 *   told                                        that answer is where it should be */
#include "journal.h"

#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define ITEM                                                                                     \
    "item %" SCNu64 " %" SCNx64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64

enum { HEAD = 96 };

static const char is_done[] = "done", is_begun[] = "begun";

/* A file that answers go to, and a place in it. */
typedef struct target {
    uint64_t device, file, at;
} target;

typedef struct answer {
    uint64_t index, hash;
    target to;
    size_t text, n; /* where its bytes are in the journal */
} answer;

struct journal {
    const char *path;
    int file;
    guard *done, *begun;  /* by index and hash; by index */
    uint64_t count;
    omn_map *map;         /* what the runs before wrote */
    answer last;          /* of those, if it is in doubt; n 0: none is */
    char last_path[4096]; /* where that went */
    target run;           /* the last run's beginning */
    char run_path[4096];
    size_t good;          /* bytes of whole records */
    answer *again;        /* to be told again */
    size_t n_again;
};

static omn_status io_fail(const journal *j, omn_error *err)
{
    return omn_fail(err, errno == ENOMEM ? OMN_ERR_MEMORY : OMN_ERR_IO, "%s: %s", j->path,
                    strerror(errno));
}

static omn_status no_memory(const journal *j, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", j->path);
}

/* ---- which run ---------------------------------------------------------------------------- */

static void add_text(XXH3_state_t *x, const char *s)
{
    XXH3_128bits_update(x, s ? s : "", s ? strlen(s) + 1 : 1);
}

/* The bytes of a plain file; a pipe has none that can be read twice. */
static omn_status add_file(XXH3_state_t *x, const char *path, omn_error *err)
{
    char part[16384];
    struct stat s;
    ssize_t n = 0;
    if (!strcmp(path, "-") || stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return OMN_OK;
    const int f = open(path, O_RDONLY | O_CLOEXEC);
    while (f >= 0 && (n = read(f, part, sizeof part)) > 0)
        XXH3_128bits_update(x, part, (size_t)n);
    const int why = errno;
    if (f >= 0) close(f);
    return f >= 0 && n == 0 ? OMN_OK
                            : omn_fail(err, OMN_ERR_IO, "%s: %s", path, strerror(why));
}

omn_status journal_identity(const cli_args *a, const char *pipeline, const char *model,
                            uint64_t id[2], omn_error *err)
{
    static const char *const nothing[] = { "journal", "answers",  "overwrite", "rows",  "memory",
                                           "threads", "verbose",  "quiet",     "no-color" };
    omn_status st = OMN_OK;
    XXH3_state_t *x = XXH3_createState();
    if (!x) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    XXH3_128bits_reset(x);
    OMN_TRY(add_file(x, pipeline, err));
    add_text(x, pipeline);
    add_text(x, model);
    for (size_t i = 0; i < a->n_given; i++) {
        const char *name = a->given[i].row->name;
        size_t k = 0;
        while (k < sizeof nothing / sizeof *nothing && strcmp(nothing[k], name)) k++;
        if (k < sizeof nothing / sizeof *nothing) continue;
        add_text(x, name);
        add_text(x, a->given[i].value);
        if (!strcmp(name, "batch")) OMN_TRY(add_file(x, a->given[i].value, err));
    }
    for (size_t i = 0; i < a->n_operands; i++) add_text(x, a->operands[i]);
    const XXH128_hash_t h = XXH3_128bits_digest(x);
    id[0] = h.high64;
    id[1] = h.low64;
done:
    XXH3_freeState(x);
    return st;
}

/* ---- reading what is there ---------------------------------------------------------------- */

static bool see_answer(journal *j, const answer *a)
{
    if (!guard_find(j->done, a->index, a->hash)) j->count++;
    j->last = *a;
    snprintf(j->last_path, sizeof j->last_path, "%s", j->run_path);
    return guard_put(j->done, a->index, a->hash, is_done) &&
           guard_put(j->begun, a->index, 1, is_done);
}

/* One record at *at; false: it is not whole, or no record. */
static bool read_record(journal *j, const char *text, size_t n, size_t *at, bool *memory)
{
    char line[256];
    const char *end = memchr(text + *at, '\n', n - *at);
    const size_t length = end ? (size_t)(end - text) - *at : 0;
    if (!end || length >= sizeof line) return false;
    memcpy(line, text + *at, length);
    line[length] = '\0';
    const size_t next = *at + length + 1;
    answer a = { .text = next };
    target to;
    uint64_t index, size;
    if (sscanf(line, ITEM,
               &a.index, &a.hash, &a.to.device, &a.to.file, &a.to.at, &size) == 6) {
        if (size > n - next) return false;
        a.n = (size_t)size;
        *memory = *memory && see_answer(j, &a);
        *at = next + a.n;
        return true;
    }
    if (sscanf(line, "to %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &to.device, &to.file,
               &to.at, &size) == 4) {
        if (size >= sizeof j->run_path || size >= n - next || text[next + size] != '\n')
            return false;
        j->run = to;
        memcpy(j->run_path, text + next, (size_t)size);
        j->run_path[size] = '\0';
        *at = next + (size_t)size + 1;
        return true;
    }
    if (!strcmp(line, "told")) {
        j->last.n = 0;
        *at = next;
        return true;
    }
    if (sscanf(line, "begin %" SCNu64, &index) != 1) return false;
    *memory = *memory && guard_put(j->begun, index, 0, is_begun);
    *at = next;
    return true;
}

static omn_status read_all(journal *j, const char *head, omn_error *err)
{
    omn_status st = omn_map_open(j->path, &j->map, err);
    if (st != OMN_OK) return st;
    const char *text = omn_map_data(j->map);
    const size_t n = omn_map_size(j->map), m = strlen(head);
    bool memory = true;
    if (n < m && (!n || !memcmp(text, head, n))) return OMN_OK; /* killed while it was begun */
    if (n < m || memcmp(text, head, m))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s is the journal of another run: other inputs, options, pipeline or "
                        "batch", j->path);
    for (j->good = m; memory && j->good < n;)
        if (!read_record(j, text, n, &j->good, &memory)) break;
    return memory ? OMN_OK : no_memory(j, err);
}

/* ---- where answers go --------------------------------------------------------------------- */

/* Where the next byte of standard output will be; file 0: not in a plain file. */
static target here(void)
{
    struct stat s;
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (fstat(STDOUT_FILENO, &s) != 0 || !S_ISREG(s.st_mode)) return (target){ 0, 0, 0 };
    const bool ends = flags >= 0 && (flags & O_APPEND);
    const off_t at = ends ? s.st_size : lseek(STDOUT_FILENO, 0, SEEK_CUR);
    return (target){ (uint64_t)s.st_dev, (uint64_t)s.st_ino, at > 0 ? (uint64_t)at : 0 };
}

static bool write_all(int file, const char *bytes, size_t n)
{
    while (n) {
        const ssize_t done = write(file, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

/* How many of the bytes of an answer are where it went; size: of that file. */
static size_t found(int file, uint64_t size, const answer *a, const char *text)
{
    char part[4096];
    size_t n = 0;
    while (n < a->n && a->to.at + n < size) {
        const size_t want = a->n - n < sizeof part ? a->n - n : sizeof part;
        const ssize_t got = pread(file, part, want, (off_t)(a->to.at + n));
        if (got <= 0) break;
        if (memcmp(part, text + a->text + n, (size_t)got)) return 0;
        n += (size_t)got;
    }
    return n;
}

/* Cuts off a line without its end which the killed run wrote behind its last answer. */
static bool cut_torn_line(int file, uint64_t from, uint64_t size)
{
    while (size > from) {
        char last;
        if (pread(file, &last, 1, (off_t)size - 1) != 1) return false;
        if (last == '\n') break;
        size--;
    }
    return ftruncate(file, (off_t)size) == 0;
}

static omn_status tell_again(journal *j, const answer *a, omn_error *err)
{
    answer *more = realloc(j->again, (j->n_again + 1) * sizeof *more);
    if (!more) return no_memory(j, err);
    j->again = more;
    j->again[j->n_again++] = *a;
    return OMN_OK;
}

/* The file that was written to, if it is still there. */
static int open_target(const char *path, const target *to, uint64_t *size)
{
    struct stat s;
    const int file = to->file ? open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK) : -1;
    if (file < 0) return -1;
    if (fstat(file, &s) == 0 && (uint64_t)s.st_dev == to->device &&
        (uint64_t)s.st_ino == to->file) {
        *size = (uint64_t)s.st_size;
        return file;
    }
    close(file);
    return -1;
}

/* Settles the answer that is in doubt, in the file that it went to. */
static omn_status settle_answer(journal *j, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *text = omn_map_data(j->map);
    const answer *a = &j->last;
    uint64_t size = 0;
    if (!a->n) return OMN_OK;
    const int file = open_target(j->last_path, &a->to, &size);
    const size_t n = file >= 0 ? found(file, size, a, text) : 0;
    if (n && n < a->n && a->to.at + n == size) {
        if (lseek(file, 0, SEEK_END) < 0 || !write_all(file, text + a->text + n, a->n - n))
            st = io_fail(j, err);
    } else if (n < a->n) {
        st = tell_again(j, a, err);
    }
    if (file >= 0) close(file);
    return st;
}

/* Takes away the half of an event that the killed run was writing. */
static omn_status settle_line(journal *j, omn_error *err)
{
    uint64_t size = 0, from = j->run.at;
    const answer *a = &j->last;
    const int file = open_target(j->run_path, &j->run, &size);
    if (file < 0) return OMN_OK;
    if (a->n && a->to.file == j->run.file && a->to.device == j->run.device &&
        from < a->to.at + a->n)
        from = a->to.at + a->n;
    const bool ok = size <= from || cut_torn_line(file, from, size);
    const omn_status st = ok ? OMN_OK : io_fail(j, err);
    close(file);
    /* standard output may be this file, at the place where it ended before */
    if (here().file == j->run.file) (void)!lseek(STDOUT_FILENO, 0, SEEK_END);
    return st;
}

/* Answers that went to the file which is standard output now, and are not in it any more. */
static omn_status see_emptied(journal *j, omn_error *err)
{
    struct stat s;
    const target now = here();
    const char *text = omn_map_data(j->map);
    const size_t n = omn_map_size(j->map);
    omn_status st = OMN_OK;
    if (!now.file || fstat(STDOUT_FILENO, &s) != 0) return OMN_OK;
    for (size_t at = 0; st == OMN_OK && at < j->good;) {
        answer a = { .n = 0 };
        uint64_t size = 0;
        const char *line = text + at, *end = memchr(line, '\n', n - at);
        at = (size_t)(end - text) + 1;
        if (sscanf(line, ITEM,
                   &a.index, &a.hash, &a.to.device, &a.to.file, &a.to.at, &size) == 6) {
            a.text = at;
            a.n = (size_t)size;
            at += a.n;
            if (a.to.file == now.file && a.to.device == now.device &&
                a.to.at + a.n > (uint64_t)s.st_size && !(j->last.n && a.text == j->last.text))
                st = tell_again(j, &a, err);
        } else if (sscanf(line, "to %*u %*u %*u %" SCNu64, &size) == 1) {
            at += (size_t)size + 1;
        }
    }
    return st;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* Says where the answers of this run go, so that the next one can look there. */
static omn_status say_target(journal *j, omn_error *err)
{
    char path[4096] = "", line[256];
    const target to = here();
    const ssize_t n = to.file ? readlink("/proc/self/fd/1", path, sizeof path - 1) : 0;
    const size_t length = n > 0 ? (size_t)n : 0;
    path[length] = '\0';
    const int k = snprintf(line, sizeof line, "to %" PRIu64 " %" PRIu64 " %" PRIu64 " %zu\n",
                           to.device, to.file, to.at, length);
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_buf_put(&b, line, (size_t)k);
    omn_buf_printf(&b, "%s\n", path);
    const bool ok = !b.failed && write_all(j->file, b.data, b.length);
    omn_buf_fini(&b);
    return ok ? OMN_OK : io_fail(j, err);
}

static void head_of(const uint64_t id[2], char head[HEAD])
{
    snprintf(head, HEAD, "omnio journal 1 %016" PRIx64 "%016" PRIx64 "\n", id[0], id[1]);
}

omn_status journal_open(const char *path, const uint64_t id[2], journal **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char head[HEAD];
    head_of(id, head);
    journal *j = calloc(1, sizeof *j);
    if (!j) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    j->path = path;
    j->done = guard_new();
    j->begun = guard_new();
    j->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (!j->done || !j->begun) {
        st = no_memory(j, err);
        goto done;
    }
    if (j->file < 0) {
        st = io_fail(j, err);
        goto done;
    }
    if (omn_file_lock(j->file) == EWOULDBLOCK) {
        st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: another run is at work with this journal", path);
        goto done;
    }
    OMN_TRY(read_all(j, head, err));
    OMN_TRY(see_emptied(j, err));
    OMN_TRY(settle_answer(j, err));
    OMN_TRY(settle_line(j, err));
    /* what was half written is gone before more is written behind it */
    if (ftruncate(j->file, (off_t)j->good) != 0 ||
        (!j->good && !write_all(j->file, head, strlen(head)))) {
        st = io_fail(j, err);
        goto done;
    }
    OMN_TRY(say_target(j, err));
    *out = j;
    j = NULL;
done:
    journal_close(j);
    return st;
}

void journal_close(journal *j)
{
    if (!j) return;
    if (j->file >= 0) close(j->file);
    omn_map_close(j->map);
    guard_free(j->done);
    guard_free(j->begun);
    free(j->again);
    free(j);
}

uint64_t journal_count(const journal *j)
{
    return j->count;
}

omn_status journal_passed(void *user, uint64_t index, uint64_t hash, bool *yes, omn_error *err)
{
    const journal *j = user;
    *yes = guard_find(j->done, index, hash) != NULL;
    if (*yes || !guard_find(j->begun, index, 1)) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "item %" PRIu64 " is another than the one that %s knows as finished", index,
                    j->path);
}

bool journal_begun(const journal *j, uint64_t index)
{
    return guard_find(j->begun, index, 0) != NULL;
}

/* ---- writing ------------------------------------------------------------------------------ */

omn_status journal_begin(journal *j, const uint64_t *items, size_t n, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    for (size_t i = 0; i < n; i++) omn_buf_printf(&b, "begin %" PRIu64 "\n", items[i]);
    const bool ok = !b.failed && write_all(j->file, b.data, b.length);
    omn_buf_fini(&b);
    return ok ? OMN_OK : io_fail(j, err);
}

omn_status journal_tell(journal *j, uint64_t index, uint64_t hash, const char *text, size_t n,
                        omn_error *err)
{
    const target to = here();
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 28);
    omn_buf_printf(&b, "item %" PRIu64 " %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %zu\n",
                   index, hash, to.device, to.file, to.at, n);
    omn_buf_put(&b, text, n);
    const bool ok = !b.failed && write_all(j->file, b.data, b.length);
    omn_buf_fini(&b);
    return ok ? OMN_OK : io_fail(j, err);
}

omn_status journal_told(journal *j, omn_error *err)
{
    return write_all(j->file, "told\n", 5) ? OMN_OK : io_fail(j, err);
}

omn_status journal_retell(const journal *j, journal *to, cli *c, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *text = omn_map_data(j->map);
    for (size_t i = 0; st == OMN_OK && i < j->n_again; i++) {
        const answer *a = &j->again[i];
        omn_buf b;
        omn_buf_init(&b, (size_t)1 << 28);
        omn_buf_put(&b, text + a->text, a->n);
        st = journal_tell(to, a->index, a->hash, b.data, b.length, err);
        if (st == OMN_OK && !cli_put(c, &b))
            st = omn_fail(err, c->lost, "standard output: cannot be written");
        if (st == OMN_OK) st = journal_told(to, err);
        omn_buf_fini(&b);
    }
    return st;
}

/* ---- of others ---------------------------------------------------------------------------- */

omn_status journal_beside(journal *j, const char *path, const uint64_t id[2], omn_error *err)
{
    char head[HEAD];
    journal other = { .path = path, .file = -1, .done = j->done, .begun = j->begun };
    head_of(id, head);
    const omn_status st = read_all(&other, head, err);
    j->count += other.count;
    omn_map_close(other.map);
    return st;
}

omn_status journal_answers(const char *text, size_t n, journal_answer_fn *fn, void *user)
{
    omn_status st = OMN_OK;
    const char *end = n ? memchr(text, '\n', n) : NULL; /* of the head */
    for (size_t at = end ? (size_t)(end - text) + 1 : n; st == OMN_OK && at < n;) {
        answer a;
        uint64_t size = 0;
        char line[256];
        end = memchr(text + at, '\n', n - at);
        const size_t length = end ? (size_t)(end - text) - at : sizeof line;
        if (length >= sizeof line) break; /* half a record */
        memcpy(line, text + at, length);
        line[length] = '\0';
        at += length + 1;
        if (sscanf(line, ITEM, &a.index, &a.hash, &a.to.device, &a.to.file, &a.to.at, &size) == 6) {
            if (size > n - at) break;
            st = fn(user, a.index, text + at, (size_t)size);
            at += (size_t)size;
        } else if (sscanf(line, "to %*u %*u %*u %" SCNu64, &size) == 1) {
            if (size >= n - at) break;
            at += (size_t)size + 1;
        }
    }
    return st;
}
