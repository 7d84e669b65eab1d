/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the program: its context, what it says on stderr, and the signals that stop it.
 * SIGINT and SIGTERM are blocked everywhere and waited for by one thread, so that no handler and no
 * global is needed: the first one asks the work to stop at its next step, the second ends the
 * program at once. Not everything hears the wish: opening a pipe waits for its writer, a parser for
 * the end of its file. What has not stopped after a moment is therefore ended, unless it works on
 * something that has to be finished. */
#include "cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS   100000000L
#define PATIENCE  6 /* ticks */

struct signals {
    pthread_t thread;
    sigset_t set;
    omn_cancel *cancel;
    atomic_int got;
    bool tell;
    pthread_mutex_t lock; /* held while `keeping` and `closing` change, and while they are obeyed */
    bool keeping;
    const char *closing;
};

static void say_bytes(int to, const char *text)
{
    /* nothing is left to do about a failure here */
    if (write(to, text, strlen(text)) < 0) return;
}

static void end_unless_kept(struct signals *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->keeping) {
        say_bytes(STDOUT_FILENO, s->closing);
        _exit(128 + atomic_load(&s->got));
    }
    pthread_mutex_unlock(&s->lock);
}

static void *wait_for_signals(void *user)
{
    struct signals *s = user;
    const struct timespec tick = { 0, TICK_NS };
    for (int ticks = 0;;) {
        const bool asked = atomic_load(&s->got) != 0;
        const int sig = asked ? sigtimedwait(&s->set, NULL, &tick) : sigwaitinfo(&s->set, NULL);
        if (sig == SIGUSR1) return NULL;
        if (sig > 0 && asked) _exit(128 + sig);
        if (sig > 0) {
            atomic_store(&s->got, sig);
            omn_cancel_set(s->cancel);
            if (s->tell)
                say_bytes(STDERR_FILENO,
                          "\nomnio: stopping at the next step; once more stops at once\n");
        } else if (asked && errno == EAGAIN && ++ticks >= PATIENCE) {
            end_unless_kept(s);
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
    s->closing = "";
    pthread_mutex_init(&s->lock, NULL);
    s->tell = c->terminal_err && !c->quiet;
    if (pthread_sigmask(SIG_BLOCK, &s->set, NULL) != 0 ||
        pthread_create(&s->thread, NULL, wait_for_signals, s) != 0) {
        pthread_mutex_destroy(&s->lock);
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

void cli_keep(cli *c, bool on)
{
    if (!c->signals) return;
    pthread_mutex_lock(&c->signals->lock);
    c->signals->keeping = on;
    pthread_mutex_unlock(&c->signals->lock);
}

void cli_closing(cli *c, const char *text)
{
    if (!c->signals) return;
    pthread_mutex_lock(&c->signals->lock);
    c->signals->closing = text;
    pthread_mutex_unlock(&c->signals->lock);
}

void cli_init(cli *c)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    *c = (cli){ .level = OMN_LOG_WARN };
    /* a limit on the size of files is a failure to write, told as any other */
    signal(SIGXFSZ, SIG_IGN);
    cli_crash_watch();
    cli_catch_bus();
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
        pthread_mutex_destroy(&c->signals->lock);
        free(c->signals);
    }
    omn_cancel_free(c->cancel);
}

static void print_log(void *user, omn_level level, const char *text)
{
    cli *c = user;
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
        return cli_no_memory(c);
    }
    const double keep = cli_number(a, "keep", cli_text(a, "keep-folder") ? 64 : 0);
    const omn_context_setup how = { OMN_FILL(omn_context_setup),
                                    .threads = threads ? (uint32_t)strtoul(threads, NULL, 10) : 0,
                                    .plugin_path = getenv("OMNIO_PLUGIN_PATH"),
                                    .model_path = getenv("OMNIO_MODEL_PATH"),
                                    .device = cli_text(a, "device"),
                                    .precision = cli_text(a, "precision"),
                                    .cache = cli_text(a, "cache"),
                                    .adapter = cli_text(a, "adapter"),
                                    .keep_memory = (uint64_t)keep * 1000000,
                                    .keep_folder = cli_text(a, "keep-folder"),
                                    .log = print_log,
                                    .log_user = c,
                                    .level = c->level,
                                    .value_bytes = (uint64_t)cli_number(a, "memory", 0) * 1000000 };
    return omn_context_new(&how, &c->ctx, &err) == OMN_OK ? -1 : cli_failed(c, &err);
}

int cli_join(cli *c)
{
    omn_error err = OMN_ERROR_INIT;
    if (c->company) return -1;
    return omn_company_join(c->ctx, &c->company, &err) == OMN_OK ? -1 : cli_failed(c, &err);
}

void cli_leave(cli *c, int code)
{
    if (code && !c->agreed) {
        fflush(stdout);
        omn_company_abort(c->company, code);
    }
    omn_company_leave(c->company);
    c->company = NULL;
}

/* ---- messages ----------------------------------------------------------------------------- */

/* A message has a line of its own, also on a terminal that shows both streams. */
static void put_line(cli *c, const char *who, const char *text)
{
    fflush(stdout);
    if (atomic_exchange(&c->bar, false)) fputs("\r\033[K", stderr);
    if (c->terminal_out && c->terminal_err && atomic_exchange(&c->open_line, false))
        fputc('\n', stderr);
    fprintf(stderr, "%s%s\n", who, text);
}

static void say(cli *c, const char *fmt, va_list args) OMN_PRINTF(2, 0);
static void say(cli *c, const char *fmt, va_list args)
{
    char text[2048];
    char who[64];
    const uint32_t rank = omn_company_rank(c->company);
    vsnprintf(text, sizeof text, fmt, args);
    snprintf(who, sizeof who, c->colour ? "\033[1momnio:\033[0m " : "omnio: ");
    if (rank) snprintf(who + strlen(who), sizeof who - strlen(who), "rank %u: ", rank);
    put_line(c, who, text);
}

void cli_say(cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(c, fmt, args);
    va_end(args);
}

int cli_no_memory(cli *c)
{
    cli_say(c, "out of memory");
    return omn_status_exit(OMN_ERR_MEMORY);
}

void cli_progress(cli *c, const char *text)
{
    if (text)
        fprintf(stderr, "\r%s\033[K", text);
    else if (atomic_load(&c->bar))
        fputc('\n', stderr);
    atomic_store(&c->bar, text != NULL);
}

int cli_usage(cli *c, const char *fmt, ...)
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
        json_error(&b, err, -1, NULL);
        cli_put(c, &b);
        omn_buf_fini(&b);
    }
    fflush(stdout);
    cli_progress(c, NULL);
    omn_error_line(err, line, sizeof line);
    if (err->file[0] && !c->colour)
        put_line(c, "", line);
    else
        cli_say(c, "%s", line);
    if (err->status == OMN_ERR_CANCELLED && stopped) return stopped;
    return omn_status_exit((omn_status)err->status);
}

/* Bytes of a character of control at p, of n, which a terminal obeys: C0 but tabs and line feeds,
 * DEL, and C1 in UTF-8. */
static size_t control(const char *p, size_t n)
{
    const unsigned char a = (unsigned char)p[0], b = n > 1 ? (unsigned char)p[1] : 0;
    if ((a < 0x20 && a != '\n' && a != '\t') || a == 0x7f) return 1;
    return a == 0xc2 && b >= 0x80 && b < 0xa0 ? 2 : 0;
}

/* What texts of models, labels and files hold does not steer a terminal; what goes into a file or a
 * pipe is left as it is. */
static bool put_shown(const char *p, size_t n)
{
    bool ok = true;
    for (size_t i = 0, from = 0; i <= n; i++) {
        const size_t k = i < n ? control(p + i, n - i) : 0;
        if (i < n && !k) continue;
        ok = ok && fwrite(p + from, 1, i - from, stdout) == i - from;
        for (size_t j = 0; j < k; j++)
            ok = ok && fprintf(stdout, "\\x%02x", (unsigned char)p[i + j]) > 0;
        from = i + k;
        if (k) i = from - 1;
    }
    return ok;
}

bool cli_put(cli *c, omn_buf *b)
{
    if (b->failed) {
        if (!c->lost) cli_no_memory(c);
        if (!c->lost) c->lost = OMN_ERR_MEMORY;
        return false;
    }
    const bool put = c->terminal_out && c->format == CLI_TEXT
        ? put_shown(b->data, b->length)
        : fwrite(b->data, 1, b->length, stdout) == b->length;
    const bool ok = put && fflush(stdout) == 0;
    const int why = errno;
    if (!ok && !c->lost) cli_say(c, "standard output: %s", strerror(why));
    if (!ok && !c->lost) c->lost = why == ENOMEM ? OMN_ERR_MEMORY : OMN_ERR_IO;
    if (b->length) atomic_store(&c->open_line, b->data[b->length - 1] != '\n');
    b->length = 0;
    return ok;
}

int cli_lost(const cli *c)
{
    return omn_status_exit(c->lost ? c->lost : OMN_ERR_IO);
}

bool cli_puts(cli *c, const char *text)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 26);
    omn_buf_puts(&b, text);
    const bool ok = cli_put(c, &b);
    omn_buf_fini(&b);
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
