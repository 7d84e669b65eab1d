/* SPDX-License-Identifier: Apache-2.0 */
/* The cage in which a plugin file is loaded for the first time. Code of a stranger runs while the
 * dynamic linker opens a file; it may crash, hang, print, fork, and write to every descriptor that
 * it finds. So each file gets a child of its own: a damaged one may load and yet leave wrong bytes
 * behind, of which the next would be accused. The child has one pipe and nothing else of ours; what
 * comes through it counts only when it is one line behind a word that is made up for this child,
 * and only when the child ended well. Children of the child are ended with it: those of its group
 * at once, those that left the group because the helper is their reaper (Linux, prctl(2)). */
#include "apart.h"

#include "blame.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORD_LENGTH 17 /* 16 digits and a space */
#define MOST_SWEEPS 64

typedef struct child {
    pid_t pid;
    int from; /* its pipe; -1 once it is closed */
    char word[WORD_LENGTH + 1];
    omn_buf said;
    int status;
    bool ended, late, alone;
} child;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

void apart_begin(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Every descriptor but the standard ones (which are /dev/null) and `but`. */
static void close_others(int but)
{
#ifdef HAVE_CLOSE_RANGE
    if ((but == 3 || close_range(3, (unsigned)but - 1, 0) == 0) &&
        close_range((unsigned)but + 1, ~0u, 0) == 0)
        return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    if (most < 0 || most > 4096) most = 4096;
    for (int fd = 3; fd < most; fd++)
        if (fd != but) close(fd);
}

/* Never returns. */
static void be_child(const char *path, apart_fn *fn, int to, const char *word)
{
    omn_buf b;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    close_others(to);
    omn_buf_init(&b, (size_t)1 << 23);
    omn_buf_puts(&b, word);
    bool ok = fn(path, &b);
    omn_buf_puts(&b, "\n");
    ok = ok && !b.failed && write_all(to, b.data, b.length);
    _exit(ok ? 0 : 1);
}

static bool start(child *k, const char *path, apart_fn *fn)
{
    uint64_t number = 0;
    int pair[2];
    if (getrandom(&number, sizeof(number), 0) < 0) number = (uint64_t)now_ms();
    snprintf(k->word, sizeof(k->word), "%016" PRIx64 " ", number);
    if (pipe2(pair, O_CLOEXEC) != 0) return false;
    k->pid = fork();
    if (k->pid == 0) be_child(path, fn, pair[1], k->word);
    close(pair[1]);
    k->from = pair[0];
    if (k->pid < 0) {
        close(k->from);
        return false;
    }
    setpgid(k->pid, k->pid); /* both sides do it, so that it is done for either */
    fcntl(k->from, F_SETFL, O_NONBLOCK);
    return true;
}

static void read_some(child *k)
{
    char chunk[16384];
    ssize_t n = read(k->from, chunk, sizeof(chunk));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) omn_buf_put(&k->said, chunk, (size_t)n);
    if (n > 0 && !k->said.failed) return;
    close(k->from);
    k->from = -1;
}

/* Until it ends, its time is over, or the host has gone. */
static void attend(child *k, int host, uint32_t limit_ms)
{
    const int64_t deadline = now_ms() + limit_ms;
    int nap = 1;
    while (!k->ended) {
        const int64_t left = deadline - now_ms();
        pid_t gone = waitpid(k->pid, &k->status, WNOHANG);
        k->ended = gone == k->pid || (gone < 0 && errno != EINTR);
        if (k->ended) break;
        k->late = left <= 0;
        if (k->late || k->alone) return;
        /* Its end closes the pipe; a pipe that it closed itself or passed on says nothing. */
        struct pollfd p[2] = { { host, 0, 0 }, { k->from, POLLIN, 0 } };
        poll(p, 2, left < nap ? (int)left : nap);
        if (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) k->alone = true;
        const bool came = k->from >= 0 && (p[1].revents & (POLLIN | POLLHUP));
        if (came) read_some(k);
        nap = came ? 1 : nap < 20 ? nap + 1 : nap;
    }
    /* What is in the pipe now is all that the child itself had to say. */
    for (size_t before = SIZE_MAX; k->from >= 0 && k->said.length != before;) {
        before = k->said.length;
        read_some(k);
    }
}

/* The first child of this process, as the kernel lists them; 0: none, or it does not say. */
static pid_t first_child(void)
{
    char name[64];
    unsigned long pid = 0;
    snprintf(name, sizeof(name), "/proc/self/task/%ld/children", (long)getpid());
    FILE *f = fopen(name, "re");
    if (!f) return 0;
    if (fscanf(f, "%lu", &pid) != 1) pid = 0;
    fclose(f);
    return (pid_t)pid;
}

/* Nothing of the child is left: its group, then whatever became ours because its parent died. */
static void end_family(child *k)
{
    kill(-k->pid, SIGKILL);
    if (!k->ended) {
        kill(k->pid, SIGKILL);
        while (waitpid(k->pid, &k->status, 0) < 0 && errno == EINTR) {}
    }
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        pid_t left = first_child();
        if (left <= 0) return;
        kill(left, SIGKILL);
        while (waitpid(left, NULL, 0) < 0 && errno == EINTR) {}
    }
}

/* One line behind the word, nothing before, nothing after. */
static bool one_answer(const child *k, size_t *from, size_t *n)
{
    const omn_buf *b = &k->said;
    if (b->failed || b->length <= WORD_LENGTH || memcmp(b->data, k->word, WORD_LENGTH) != 0)
        return false;
    const char *end = memchr(b->data, '\n', b->length);
    *from = WORD_LENGTH;
    *n = end ? (size_t)(end - b->data) - WORD_LENGTH : 0;
    return end && end + 1 == b->data + b->length;
}

apart_end apart_look(const char *path, apart_fn *fn, int host, uint32_t limit_ms, omn_buf *out)
{
    child k = { .from = -1 };
    size_t from = 0, n = 0;
    omn_buf_init(&k.said, (size_t)1 << 23);
    if (!start(&k, path, fn)) {
        omn_buf_puts(out, "stopped\tno process to look at it in");
        omn_buf_fini(&k.said);
        return APART_BLAMED;
    }
    attend(&k, host, limit_ms);
    end_family(&k);
    apart_end end = APART_BLAMED;
    if (k.alone) {
        end = APART_ALONE;
    } else if (k.late) {
        blame_late(limit_ms, out);
        end = APART_LATE;
    } else if (!WIFEXITED(k.status) || WEXITSTATUS(k.status) != 0 || k.said.length == 0) {
        blame_status(k.status, out);
    } else if (!one_answer(&k, &from, &n)) {
        omn_buf_puts(out, "bad\twrites to descriptors that are not its own while it is loaded");
    } else {
        omn_buf_put(out, k.said.data + from, n);
        end = APART_ANSWERED;
    }
    if (k.from >= 0) close(k.from);
    omn_buf_fini(&k.said);
    return end;
}
