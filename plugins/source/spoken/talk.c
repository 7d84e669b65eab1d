/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the plugin: starts omnio-speak when it is first needed, asks it, ends it. A program
 * that does not answer in time, or in another way than talk.h says, is ended; the next utterance
 * starts another. */
#include "talk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 60 };                    /* a hundred times what a minute of speech takes */

extern char **environ;

struct talk {
    pthread_mutex_t lock;
    char program[4096];
    pid_t pid;
    int fd;                               /* -1: not started */
};

/* FOLDER/omnio-speak, or one folder above, where libtool keeps plugins that are not installed. */
static omn_status find(talk *t, omn_error *err)
{
    static const char here;
    Dl_info at;
    if (!dladdr(&here, &at) || !at.dli_fname)
        return omn_fail(err, OMN_ERR_MISSING, "spoken: where this plugin lies is not known");
    const char *slash = strrchr(at.dli_fname, '/');
    const int n = slash ? (int)(slash - at.dli_fname) : 1;
    static const char *const WHERE[] = { "", "/.." };
    for (size_t i = 0; i < 2; i++) {
        const int k = snprintf(t->program, sizeof t->program, "%.*s%s/omnio-speak", n,
                               slash ? at.dli_fname : ".", WHERE[i]);
        if (k > 0 && (size_t)k < sizeof t->program && access(t->program, X_OK) == 0) return OMN_OK;
    }
    return omn_fail(err, OMN_ERR_MISSING, "spoken: the program omnio-speak is not beside %s",
                    at.dli_fname);
}

omn_status talk_new(talk **out, omn_error *err)
{
    talk *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t || pthread_mutex_init(&t->lock, NULL)) {
        free(t);
        return omn_fail(err, OMN_ERR_MEMORY, "spoken: out of memory");
    }
    t->fd = -1;
    const omn_status st = find(t, err);
    if (st == OMN_OK)
        *out = t;
    else
        talk_free(t);
    return st;
}

static void end(talk *t)
{
    if (t->fd < 0) return;
    close(t->fd);
    t->fd = -1;
    kill(-t->pid, SIGKILL);               /* it has nothing to lose */
    while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR) {}
}

void talk_free(talk *t)
{
    if (!t) return;
    end(t);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Signals as a fresh program expects them, in a group of its own: a Ctrl-C is the host's. */
static int spawn_clean(talk *t, int fd)
{
    char *const argv[] = { t->program, NULL };
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
    e = posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
    if (!e) e = posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
    if (!e) e = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!e) e = posix_spawnattr_setsigmask(&how, &none);
    if (!e) e = posix_spawnattr_setsigdefault(&how, &usual);
    if (!e) e = posix_spawnattr_setpgroup(&how, 0);
    if (!e)
        e = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                               POSIX_SPAWN_SETPGROUP);
    if (!e) e = posix_spawn(&t->pid, t->program, &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return e;
}

static omn_status start(talk *t, omn_error *err)
{
    int pair[2];
    const struct timeval limit = { .tv_sec = LIMIT_S };
    if (t->fd >= 0) return OMN_OK;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return omn_fail(err, OMN_ERR_IO, "spoken: no socket for omnio-speak: %s", strerror(errno));
    /* A descriptor of ours below 3 would be overwritten by its own dup2. */
    const int fd = pair[1] < 3 ? fcntl(pair[1], F_DUPFD_CLOEXEC, 3) : pair[1];
    int e = fd < 0 ? errno : spawn_clean(t, fd);
    if (fd != pair[1] && fd >= 0) close(fd);
    close(pair[1]);
    if (!e) {
        t->fd = pair[0];
        if (setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit)) e = errno;
    } else {
        close(pair[0]);
    }
    if (!e) return OMN_OK;
    end(t);
    return omn_fail(err, OMN_ERR_IO, "%s cannot be started: %s", t->program, strerror(e));
}

static bool put(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        const ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool take(int fd, void *bytes, size_t n)
{
    for (char *p = bytes; n > 0;) {
        const ssize_t k = recv(fd, p, n, 0);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;         /* its time is over as well */
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* The samples behind a good answer; false: the socket is of no more use. */
static bool receive(talk *t, const talk_answer *a, float **samples, omn_status *st, omn_error *err)
{
    *st = OMN_OK;
    if (!a->rate_hz) {
        char why[TALK_MOST_WHY + 1];
        if (a->count > TALK_MOST_WHY || !take(t->fd, why, a->count)) return false;
        why[a->count] = 0;
        *st = omn_fail(err, OMN_ERR_DATA, "%s", why);
        return true;
    }
    if (a->rate_hz < 1000 || a->rate_hz > 192000 || !a->count ||
        a->count > a->rate_hz * (uint64_t)TALK_MOST_SECONDS)
        return false;
    float *x = malloc(a->count * sizeof *x);
    int16_t *pcm = malloc(a->count * sizeof *pcm);
    bool fine = true;
    if (!x || !pcm) {
        *st = omn_fail(err, OMN_ERR_MEMORY, "spoken: no memory for %u samples", a->count);
        fine = false;                     /* they are still in the socket */
    } else if ((fine = take(t->fd, pcm, a->count * sizeof *pcm))) {
        for (uint32_t i = 0; i < a->count; i++) x[i] = (float)pcm[i] / 32768;
        *samples = x;
        x = NULL;
    }
    free(pcm);
    free(x);
    return fine;
}

omn_status talk_say(talk *t, const char *voice, int words_per_minute, int pitch, const char *text,
                    float **samples, uint32_t *count, uint32_t *rate_hz, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = strlen(text);
    talk_request r = { .words_per_minute = words_per_minute, .pitch = pitch,
                       .bytes = (uint32_t)n };
    talk_answer a = { 0, 0 };
    char plain[TALK_MOST_TEXT + 1];
    *samples = NULL;
    if (n > TALK_MOST_TEXT)
        return omn_fail(err, OMN_ERR_DATA, "spoken: a text of %zu bytes; at most %d are spoken", n,
                        TALK_MOST_TEXT);
    /* A control character would be a command of the synthesizer's. */
    for (size_t i = 0; i < n; i++) plain[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    snprintf(r.voice, sizeof r.voice, "%s", voice);
    if (pthread_mutex_lock(&t->lock))
        return omn_fail(err, OMN_ERR_FAILED, "spoken: its lock is damaged");
    OMN_TRY(start(t, err));
    if (!put(t->fd, &r, sizeof r) || !put(t->fd, plain, n) || !take(t->fd, &a, sizeof a) ||
        !receive(t, &a, samples, &st, err)) {
        end(t);
        if (st == OMN_OK)
            st = omn_fail(err, OMN_ERR_FAILED,
                          "spoken: omnio-speak gave no answer within %d s, or a wrong one",
                          LIMIT_S);
    }
    *count = a.count;
    *rate_hz = a.rate_hz;
done:
    pthread_mutex_unlock(&t->lock);
    if (st != OMN_OK) omn_error_prefix(err, "%s says \"%s\"", voice, text);
    return st;
}
