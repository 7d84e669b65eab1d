/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of scanning. All paths are sent without waiting for answers, so one process start
 * and one round serve every file. The helper says of every file what it is, also that it crashed or
 * met its limit, and names it in the answer. Should the helper itself die or fall silent, the first
 * unanswered file is looked at again alone in a helper of its own: only a file that fails alone is
 * to blame. Then the rest goes on. Who waits long is told for which file. The helper
 * is started with posix_spawn, never with a bare fork, since the host has threads; it has a process
 * group of its own, so that Ctrl-C for the host is not mistaken for a crash of a plugin; a socket
 * pair instead of pipes lets us write without SIGPIPE and without touching the host's signal
 * handlers. */
#include "scan.h"

#include "blame.h"
#include "candidates.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS    5000 /* what the helper itself may take beyond a file's limit */
#define PATIENCE_MS 2000 /* after that people are told what is waited for */
#define SETTLE_NS   ((int64_t)2000000000) /* coarser than any file system's times of change */

extern char **environ;

typedef struct helper {
    pid_t pid;
    int fd;
} helper;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Signals as a fresh program expects them, whatever the host did to its own. */
static int spawn_clean(helper *h, const beside *where, uint32_t limit_ms, int fd)
{
    char limit[16];
    snprintf(limit, sizeof(limit), "%u", limit_ms);
    char *const argv[] = { where->helper, where->library, limit, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, usual;
    int e = posix_spawn_file_actions_init(&files);
    if (e) return e;
    e = posix_spawnattr_init(&how);
    if (e) {
        posix_spawn_file_actions_destroy(&files);
        return e;
    }
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGCHLD);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    if (!e) e = posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
    if (!e) e = posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
    if (!e) e = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!e) e = posix_spawnattr_setsigmask(&how, &none);
    if (!e) e = posix_spawnattr_setsigdefault(&how, &usual);
    if (!e) e = posix_spawnattr_setpgroup(&how, 0);
    if (!e)
        e = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                               POSIX_SPAWN_SETPGROUP);
    if (!e) e = posix_spawn(&h->pid, where->helper, &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return e;
}

static omn_status start(helper *h, const beside *where, uint32_t limit_ms, omn_error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        int e = errno;
        return omn_fail(err, e == ENOMEM ? OMN_ERR_MEMORY : OMN_ERR_IO,
                        "no socket for scanning plugins: %s", strerror(e));
    }
    /* A descriptor of ours below 3 would be overwritten by its own dup2. */
    int fd = pair[1] < 3 ? fcntl(pair[1], F_DUPFD_CLOEXEC, 3) : pair[1];
    int e = fd < 0 ? errno : spawn_clean(h, where, limit_ms, fd);
    if (fd != pair[1] && fd >= 0) close(fd);
    close(pair[1]);
    if (e) {
        close(pair[0]);
        return omn_fail(err, e == ENOMEM ? OMN_ERR_MEMORY : OMN_ERR_IO,
                        "%s: the helper that looks at plugins cannot be started: "
                        "%s",
                        where->helper, strerror(e));
    }
    h->fd = pair[0];
    return OMN_OK;
}

/* Ends the helper in any case. Returns its wait status; -1 when somebody else has waited. */
static int stop(helper *h, bool kill_it)
{
    int status = -1;
    close(h->fd);
    if (kill_it) kill(-h->pid, SIGKILL); /* and the child that looks at a file */
    while (waitpid(h->pid, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return status;
}

typedef struct round {
    helper h;
    record *const *files;
    size_t n, sent, sent_bytes, answered;
    omn_buf in;
    omn_arena *a;
    omn_context *ctx;
    bool greeted, garbled, told;
    bool no_memory; /* answers were lost */
    unsigned late;
} round_state;

/* As many paths as the socket takes. False: the helper no longer listens. */
static bool send_some(round_state *r)
{
    while (r->sent < r->n) {
        const char *path = r->files[r->sent]->path;
        size_t len = strlen(path) + 1;
        ssize_t k =
            send(r->h.fd, path + r->sent_bytes, len - r->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        r->sent_bytes += (size_t)k;
        if (r->sent_bytes < len) return true;
        r->sent++;
        r->sent_bytes = 0;
    }
    return true;
}

/* A linker fills a file that has had its final size for a while, within one tick of the file
 * system's clock, so that its key alone does not tell the half from the whole. What was found wrong
 * so shortly after a change, or has changed since its key was taken, is not worth remembering. */
static bool unsettled(const record *f)
{
    struct timespec t;
    if (f->state == RECORD_GOOD) return false;
    if (!candidates_same(f)) return true;
    clock_gettime(CLOCK_REALTIME, &t);
    const int64_t age = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - f->key.mtime_ns;
    return age < SETTLE_NS && age > -SETTLE_NS;
}

/* "PATH\tanswer" about this very file. */
static omn_status take_answer(round_state *r, record *f, const char *line, size_t len)
{
    size_t n = strlen(f->path);
    if (len <= n || memcmp(line, f->path, n) != 0 || line[n] != '\t') return OMN_ERR_DATA;
    const omn_status st = record_parse(line + n + 1, len - n - 1, r->a, f);
    if (st != OMN_OK) return st;
    f->unsettled = unsettled(f);
    if (f->state == RECORD_LATE) {
        f->when = (int64_t)time(NULL);
        r->late++;
        omn_context_log(r->ctx, OMN_LOG_WARN, "plugin %s %s; it is left out", f->path, f->why);
    }
    return OMN_OK;
}

/* Whole lines among what was received become answers. */
static void take_lines(round_state *r)
{
    size_t from = 0;
    char *end;
    while (r->answered < r->n && r->in.length > from &&
           (end = memchr(r->in.data + from, '\n', r->in.length - from)) != NULL) {
        const char *line = r->in.data + from;
        size_t len = (size_t)(end - line);
        from += len + 1;
        if (!r->greeted) {
            r->greeted = true;
            continue;
        }
        record *f = r->files[r->answered++];
        r->told = false;
        const omn_status st = take_answer(r, f, line, len);
        r->no_memory = r->no_memory || st == OMN_ERR_MEMORY;
        if (st != OMN_OK) {
            f->state = RECORD_STOPPED;
            f->why = "the helper's answer about it makes no sense";
            r->garbled = true;
        }
    }
    if (from > 0) {
        memmove(r->in.data, r->in.data + from, r->in.length - from);
        r->in.length -= from;
    }
}

/* 1 something came, 0 the end, -1 nothing now. */
static int receive(round_state *r)
{
    char chunk[16384];
    ssize_t k = recv(r->h.fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (k < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -1 : 0;
    if (k == 0) return 0;
    omn_buf_put(&r->in, chunk, (size_t)k);
    if (r->in.failed) {
        r->no_memory = true;
        return 0;
    }
    take_lines(r);
    return 1;
}

static void tell(round_state *r, uint32_t limit_ms)
{
    const uint32_t limit = r->late < SCAN_PATIENCE ? limit_ms : scan_short_limit(limit_ms);
    r->told = true;
    omn_context_log(r->ctx, OMN_LOG_WARN,
                    "plugin %s has been loading for %d s; it is given up after %u s",
                    r->files[r->answered]->path, PATIENCE_MS / 1000, (limit + 999) / 1000);
}

/* Serve until all files are answered, the helper is gone, or it has said nothing of a file for
 * longer than the file's limit and some more (then true). The limit starts anew with each line, the
 * greeting of a helper that is ready included. */
static bool serve(round_state *r, uint32_t limit_ms)
{
    const int64_t wait = (int64_t)limit_ms + GRACE_MS;
    int64_t since = now_ms();
    while (r->answered < r->n && !r->garbled) {
        bool writing = r->sent < r->n;
        if (writing && !send_some(r)) writing = false;
        const int64_t waited = now_ms() - since;
        int64_t left = wait - waited;
        if (left <= 0) return true;
        const bool may_tell = !r->told && limit_ms > PATIENCE_MS;
        if (may_tell && waited >= PATIENCE_MS)
            tell(r, limit_ms);
        else if (may_tell && left > PATIENCE_MS - waited)
            left = PATIENCE_MS - waited;
        struct pollfd p = { r->h.fd, (short)(POLLIN | (writing ? POLLOUT : 0)), 0 };
        size_t before = r->answered;
        bool greeted = r->greeted;
        if (poll(&p, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR) return false;
        if (p.revents & (POLLIN | POLLHUP | POLLERR))
            if (receive(r) == 0) return false;
        if (r->answered > before || r->greeted != greeted) since = now_ms();
    }
    return false;
}

/* The helper ended, or fell silent beyond its own limit, while it looked at one file alone. */
static omn_status blame(record *f, omn_arena *a, int status, bool late, uint32_t limit_ms)
{
    omn_status st = OMN_ERR_MEMORY;
    omn_buf line;
    omn_buf_init(&line, 4096);
    if (late)
        blame_late(limit_ms, &line);
    else
        blame_status(status, &line);
    if (!line.failed) st = record_parse(line.data, line.length, a, f);
    if (st == OMN_ERR_DATA) {
        f->state = RECORD_STOPPED;
        f->why = "ended in a way that cannot be told";
    }
    if (f->state == RECORD_LATE) f->when = (int64_t)time(NULL);
    f->unsettled = unsettled(f);
    omn_buf_fini(&line);
    return st;
}

omn_status scan_files(const beside *where, record *const *files, size_t n, uint32_t limit_ms,
                      omn_arena *a, omn_context *ctx, omn_error *err)
{
    size_t done = 0;
    bool alone = false;
    while (done < n) {
        round_state r = { .files = files + done, .n = alone ? 1 : n - done, .a = a, .ctx = ctx };
        omn_status st = start(&r.h, where, limit_ms, err);
        if (st != OMN_OK) return st;
        omn_buf_init(&r.in, RECORD_MOST_LINE + 16384);
        bool late = serve(&r, limit_ms);
        omn_buf_fini(&r.in);
        bool all = r.answered == r.n && !r.garbled;
        shutdown(r.h.fd, SHUT_RDWR);
        /* Having all answers we owe the helper nothing, and it may hang in a thread of a plugin. */
        int status = stop(&r.h, late || all || r.garbled);
        done += r.answered;
        if (!r.no_memory && !all && !r.garbled && r.n == 1 && r.greeted) {
            r.no_memory = blame(files[done], a, status, late, limit_ms) == OMN_ERR_MEMORY;
            done++;
            all = true;
        }
        if (r.no_memory) return omn_fail(err, OMN_ERR_MEMORY, "no memory to look at plugins");
        if (!r.greeted)
            return omn_fail(err, OMN_ERR_PLUGIN, "%s cannot load %s to look at plugins",
                            where->helper, where->library);
        alone = !all && !r.garbled;
    }
    return OMN_OK;
}
