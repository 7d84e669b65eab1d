/* SPDX-License-Identifier: Apache-2.0 */
/* The child that validates, and its keeper. What is about to be called comes through a pipe as one
 * line between tabs; a child that ends without its last word, or says nothing for too long, is
 * blamed for what it last said, and the next child begins one unit later. */
#include "validate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_LINE 4096
#define LOADING_S 30 /* unknown plugins beside it may have to be looked at first */

/* ---- the child --------------------------------------------------------------------------------
 */

static void say(int to, const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        const ssize_t k = write(to, text, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) _exit(3);
        text += k;
        n -= (size_t)k;
    }
}

static void tell(void *user, const omn_validate_event *e)
{
    char line[MOST_LINE];
    const int *to = user;
    snprintf(line, sizeof(line), "e\t%" PRIu32 "\t%u\t%s\t%s\t%" PRIu64 "\t%d\t%s\n", e->unit,
             (unsigned)e->level, e->kind, e->object, e->seed, e->found ? (e->left_out ? 2 : 1) : 0,
             e->found ? e->found : "");
    say(*to, line);
}

static void quieten(bool verbose)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (!verbose) dup2(null, STDERR_FILENO);
}

/* Never returns. */
static void be_child(const validate_run *run, uint32_t from, int to)
{
    const struct rlimit no_core = { 0, 0 };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    uint32_t faults = 0;
    char line[MOST_LINE];
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    quieten(run->verbose);
    const char *others = getenv("OMNIO_PLUGIN_PATH");
    omn_buf path;
    omn_buf_init(&path, (size_t)1 << 20);
    omn_buf_puts(&path, run->path);
    if (others && *others) omn_buf_printf(&path, ":%s", others);
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .plugin_path = path.data };
    omn_status st = omn_buf_check(&path, "the path of plugins", &err);
    if (st == OMN_OK) st = omn_context_new(&how, &ctx, &err);
    const omn_validate_setup setup = { OMN_FILL(omn_validate_setup),
                                       .seed = run->seed,
                                       .cases = run->cases,
                                       .from = run->only ? (uint32_t)(run->only & 0xffff) : from,
                                       .most = run->only ? 1 : 0,
                                       .only = run->only,
                                       .object = run->object,
                                       .event = tell,
                                       .user = &to };
    if (st == OMN_OK) st = omn_validate(ctx, run->path, &setup, &faults, &err);
    snprintf(line, sizeof(line), "end\t%d\t%s\n", (int)st, err.text);
    say(to, line);
    _exit(0);
}

/* ---- the keeper -------------------------------------------------------------------------------
 */

typedef struct keeper {
    const validate_run *run;
    pid_t pid;
    int from;
    char kind[160], object[160];
    uint32_t unit;
    unsigned level;
    uint64_t seed;
    bool began, ended; /* an event came; the last word came */
    omn_status st;     /* of the last word */
    char why[800];
    omn_buf in;
} keeper;

static char *field(char **at)
{
    char *s = *at, *tab = s ? strchr(s, '\t') : NULL;
    if (tab) *tab = 0;
    *at = tab ? tab + 1 : NULL;
    return s ? s : (char *)"";
}

static void take_line(keeper *k, char *line)
{
    const char *word = field(&line);
    if (strcmp(word, "end") == 0) {
        k->st = (omn_status)strtol(field(&line), NULL, 10);
        snprintf(k->why, sizeof(k->why), "%s", field(&line));
        k->ended = true;
        return;
    }
    if (strcmp(word, "e") != 0) return;
    validate_line e = { 0 };
    e.unit = (uint32_t)strtoul(field(&line), NULL, 10);
    e.level = (unsigned)strtoul(field(&line), NULL, 10) % OMN_VALIDATE_LEVELS;
    e.kind = field(&line);
    e.object = field(&line);
    e.seed = strtoull(field(&line), NULL, 10);
    const char flag = field(&line)[0];
    e.found = flag == '0' ? NULL : field(&line);
    e.left_out = flag == '2';
    snprintf(k->kind, sizeof(k->kind), "%s", e.kind);
    snprintf(k->object, sizeof(k->object), "%s", e.object);
    k->unit = e.unit;
    k->level = e.level;
    k->seed = e.seed;
    k->began = true;
    k->run->event(k->run->user, &e);
}

static void take_lines(keeper *k)
{
    char *at = k->in.data, *end;
    const char *last = k->in.data;
    while (at && (end = strchr(at, '\n')) != NULL) {
        *end = 0;
        take_line(k, at);
        at = end + 1;
        last = at;
    }
    if (!k->in.data) return;
    const size_t left = k->in.length - (size_t)(last - k->in.data);
    memmove(k->in.data, last, left + 1);
    k->in.length = left;
}

/* Until the pipe ends; false: nothing was said for too long. */
static bool attend(keeper *k)
{
    char chunk[16384];
    for (;;) {
        struct pollfd p = { k->from, POLLIN, 0 };
        const uint32_t limit = k->began ? k->run->limit_s : k->run->limit_s + LOADING_S;
        const int got = poll(&p, 1, (int)(limit * 1000));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) return false;
        const ssize_t n = read(k->from, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        omn_buf_put(&k->in, chunk, (size_t)n);
        take_lines(k);
        if (k->ended) return true;
    }
}

/* A fault that the child could not tell itself. */
static void blame(const keeper *k, const char *what)
{
    const validate_line e = { .unit = k->unit,
                              .level = k->level,
                              .kind = k->kind,
                              .object = k->object,
                              .found = what,
                              .seed = k->seed };
    k->run->event(k->run->user, &e);
}

/* One child from unit `from` on. True: it was the last one. */
static bool one_child(keeper *k, uint32_t from, omn_error *err)
{
    int pair[2], status = 0;
    char what[160];
    if (pipe2(pair, O_CLOEXEC) != 0) {
        k->st = omn_fail(err, OMN_ERR_IO, "no pipe: %s", strerror(errno));
        return true;
    }
    k->began = k->ended = false;
    k->pid = fork();
    if (k->pid == 0) be_child(k->run, from, pair[1]);
    close(pair[1]);
    if (k->pid < 0) {
        k->st = omn_fail(err, OMN_ERR_IO, "no process to validate in: %s", strerror(errno));
        close(pair[0]);
        return true;
    }
    k->from = pair[0];
    omn_buf_init(&k->in, (size_t)1 << 20);
    const bool in_time = attend(k);
    omn_buf_fini(&k->in);
    close(pair[0]);
    kill(k->pid, SIGKILL);
    while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR) {}
    if (k->ended) {
        if (k->st != OMN_OK) omn_fail(err, k->st, "%s", k->why);
        return true;
    }
    /* What hangs once would do so at every level. */
    if (!in_time) k->unit += OMN_VALIDATE_LEVELS - 1 - k->unit % OMN_VALIDATE_LEVELS;
    if (!in_time)
        snprintf(what, sizeof(what), "does not come back within %u s", k->run->limit_s);
    else if (WIFSIGNALED(status))
        snprintf(what, sizeof(what), "crashes: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(what, sizeof(what), "ends the process that calls it (exit status %d)",
                 WEXITSTATUS(status));
    k->st = OMN_OK;
    if (k->began)
        blame(k, what);
    else
        k->st = omn_fail(err, OMN_ERR_PLUGIN, "%s: %s before any of its objects is called",
                         k->run->path, what);
    return !k->began || k->run->only;
}

omn_status validate_apart(const validate_run *run, omn_error *err)
{
    keeper k = { .run = run, .st = OMN_OK };
    uint32_t from = 0;
    while (!one_child(&k, from, err)) from = k.unit + 1;
    return k.st;
}
