/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the program: its context, what it says on stderr, and the signals that stop it.
 * SIGINT and SIGTERM are blocked everywhere and waited for by one thread, so that no handler and no
 * global is needed: the first one asks the work to stop at its next step, the second ends the
 * program at once. */
#include "cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct signals {
    pthread_t thread;
    sigset_t set;
    omn_cancel *cancel;
    atomic_int got;
    bool tell;
};

static void *wait_for_signals(void *user)
{
    struct signals *s = user;
    for (;;) {
        int sig = 0;
        if (sigwait(&s->set, &sig) != 0) continue;
        if (sig == SIGUSR1) return NULL;
        if (atomic_load(&s->got)) _exit(128 + sig);
        atomic_store(&s->got, sig);
        omn_cancel_set(s->cancel);
        if (s->tell) {
            static const char text[] =
                "\nomnio: stopping at the next step; once more stops at once\n";
            if (write(STDERR_FILENO, text, sizeof text - 1) < 0) continue;
        }
    }
}

static bool catch_signals(cli *c)
{
    struct signals *s = calloc(1, sizeof *s);
    c->cancel = omn_cancel_new();
    if (!s || !c->cancel) {
        free(s);
        return false;
    }
    sigemptyset(&s->set);
    /* who starts a program with a signal ignored, a shell in the background, wants it ignored */
    for (size_t i = 0; i < 2; i++) {
        struct sigaction old;
        const int sig = i ? SIGTERM : SIGINT;
        if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaddset(&s->set, sig);
    }
    sigaddset(&s->set, SIGUSR1);
    s->cancel = c->cancel;
    s->tell = c->terminal_err && !c->quiet;
    if (pthread_sigmask(SIG_BLOCK, &s->set, NULL) != 0 ||
        pthread_create(&s->thread, NULL, wait_for_signals, s) != 0) {
        free(s);
        return false;
    }
    c->signals = s;
    return true;
}

int cli_stopped(const cli *c)
{
    const int got = c->signals ? atomic_load(&c->signals->got) : 0;
    return got ? 128 + got : 0;
}

void cli_init(cli *c)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    *c = (cli){ .level = OMN_LOG_WARN };
    c->terminal_out = isatty(STDOUT_FILENO) == 1;
    c->terminal_err = isatty(STDERR_FILENO) == 1;
    c->colour = c->terminal_err && term && strcmp(term, "dumb") && !(none && *none);
}

void cli_fini(cli *c)
{
    omn_context_free(c->ctx);
    if (c->signals) {
        pthread_kill(c->signals->thread, SIGUSR1);
        pthread_join(c->signals->thread, NULL);
        free(c->signals);
    }
    omn_cancel_free(c->cancel);
}

static void print_log(void *user, omn_level level, const char *text)
{
    const cli *c = user;
    if (level == OMN_LOG_WARN)
        cli_say(c, "warning: %s", text);
    else
        cli_say(c, "%s", text);
}

static int read_level(cli *c, const cli_args *a)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    const char *env = getenv("OMNIO_LOG");
    if (env && *env) {
        int i = 0;
        while (i < 4 && strcmp(env, names[i])) i++;
        if (i == 4)
            return cli_usage(c, "OMNIO_LOG: \"%s\" is not one of error, warn, info, debug", env);
        c->level = (omn_level)i;
    }
    const size_t more = cli_count(a, "verbose");
    if (more) c->level = more > 1 ? OMN_LOG_DEBUG : OMN_LOG_INFO;
    if (cli_has(a, "quiet")) {
        c->level = OMN_LOG_ERROR;
        c->quiet = true;
    }
    if (cli_has(a, "no-color")) c->colour = false;
    return -1;
}

int cli_session(cli *c, const cli_args *a)
{
    omn_error err = OMN_ERROR_INIT;
    const char *format = cli_text(a, "format"), *threads = cli_text(a, "threads");
    const int code = read_level(c, a);
    if (code >= 0) return code;
    c->format = format && !strcmp(format, "json")    ? CLI_JSON
                : format && !strcmp(format, "jsonl") ? CLI_JSONL
                                                     : CLI_TEXT;
    if (c->ctx) return -1;
    if (!c->signals && !catch_signals(c)) {
        cli_say(c, "no memory to start");
        return omn_status_exit(OMN_ERR_MEMORY);
    }
    const omn_context_setup how = { OMN_FILL(omn_context_setup),
                                    .threads = threads ? (uint32_t)strtoul(threads, NULL, 10) : 0,
                                    .plugin_path = getenv("OMNIO_PLUGIN_PATH"),
                                    .model_path = getenv("OMNIO_MODEL_PATH"),
                                    .device = cli_text(a, "device"),
                                    .log = print_log,
                                    .log_user = c,
                                    .level = c->level };
    return omn_context_new(&how, &c->ctx, &err) == OMN_OK ? -1 : cli_failed(c, &err);
}

/* ---- messages ----------------------------------------------------------------------------- */

static void say(const cli *c, const char *fmt, va_list args) OMN_PRINTF(2, 0);
static void say(const cli *c, const char *fmt, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, fmt, args);
    fflush(stdout);
    if (c->colour)
        fprintf(stderr, "\033[1momnio:\033[0m %s\n", text);
    else
        fprintf(stderr, "omnio: %s\n", text);
}

void cli_say(const cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(c, fmt, args);
    va_end(args);
}

int cli_usage(const cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(c, fmt, args);
    va_end(args);
    fprintf(stderr, "Try 'omnio%s%s --help'.\n", c->command ? " " : "",
            c->command ? c->command : "");
    return omn_status_exit(OMN_ERR_ARGUMENT);
}

int cli_failed(cli *c, const omn_error *err)
{
    char line[1200];
    const int stopped = cli_stopped(c);
    if (c->format != CLI_TEXT) {
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        json_error(&b, err, -1);
        cli_put(c, &b);
        omn_buf_fini(&b);
    }
    fflush(stdout);
    omn_error_line(err, line, sizeof line);
    if (err->file[0] && !c->colour)
        fprintf(stderr, "%s\n", line);
    else
        cli_say(c, "%s", line);
    if (err->status == OMN_ERR_CANCELLED && stopped) return stopped;
    return omn_status_exit((omn_status)err->status);
}

bool cli_put(cli *c, omn_buf *b)
{
    if (b->failed) {
        cli_say(c, "out of memory");
        return false;
    }
    const bool ok =
        fwrite(b->data ? b->data : "", 1, b->length, stdout) == b->length && fflush(stdout) == 0;
    if (!ok) cli_say(c, "standard output: %s", strerror(errno));
    b->length = 0;
    return ok;
}

void cli_sweep_beside(const char *file)
{
    char folder[4096];
    const char *slash = strrchr(file, '/');
    const int length = slash ? (int)(slash - file) + 1 : 0;
    const int n = snprintf(folder, sizeof folder, "%.*s", length, file);
    if (n >= 0 && (size_t)n < sizeof folder) omn_file_sweep(folder);
}
