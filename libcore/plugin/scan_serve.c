/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's side of scanning: load a file the way the host will (RTLD_NOW, RTLD_LOCAL), check
 * its descriptor, answer one line, take the next. Each file is loaded in a child of its own: a
 * damaged one may load and yet leave wrong bytes behind, of which the next would be accused. What
 * can be seen without loading (is it a shared library for this machine, is all of it there) is
 * looked at first, because the dynamic linker dies of some truncated files. */
#include "scan.h"

#include "elffile.h"
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static omn_status describe(const omn_plugin *p, omn_arena *a, record *r, omn_error *err)
{
    record_object *list = omn_arena_alloc(a, p->n_objects, sizeof(*list));
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "no memory to describe it");
    for (size_t i = 0; i < p->n_objects; i++) {
        omn_object o = door_object(p, i);
        list[i] = (record_object){ o.kind, o.name, o.help, "" };
        if (strcmp(o.kind, "omnio.format/1") == 0) {
            const omn_format_impl *m = o.impl;
            list[i].extra = omn_arena_printf(a, "%s:%s", m->makes, m->suffixes);
            if (!list[i].extra) return omn_fail(err, OMN_ERR_MEMORY, "no memory to describe it");
        }
    }
    r->state = RECORD_GOOD;
    r->name = p->name;
    r->version = p->version;
    r->licence = p->licence;
    r->summary = p->summary;
    r->objects = list;
    r->n_objects = p->n_objects;
    return OMN_OK;
}

static void look(const char *path, omn_arena *a, record *r)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_plugin *p = NULL;
    bool linked = true;
    omn_status st = elffile_check(path, &err);
    if (st == OMN_OK) st = load_door(path, &p, &linked, &err);
    if (st == OMN_OK) st = describe(p, a, r, &err);
    if (st == OMN_OK) return;
    r->state = linked ? RECORD_BAD : RECORD_UNLINKED;
    r->why = record_why(a, err.text);
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

static bool answer(const char *path, int out)
{
    omn_buf line;
    record r = { 0 };
    omn_arena *a = omn_arena_new((size_t)16 << 20);
    bool ok = false;
    omn_buf_init(&line, RECORD_MOST_LINE);
    if (!a) goto done;
    look(path, a, &r);
    record_print(&r, &line);
    omn_buf_puts(&line, "\n");
    ok = !line.failed && write_all(out, line.data, line.length);
done:
    omn_buf_fini(&line);
    omn_arena_free(a);
    return ok;
}

/* The same in a child. True: it answered. Otherwise this process ends as the child did, which is
 * what the host is told of. */
static bool answer_apart(const char *path, int out)
{
    int done[2], status = 0;
    char answered = 0;
    if (pipe2(done, O_CLOEXEC | O_NONBLOCK) != 0) return answer(path, out);
    const pid_t child = fork();
    if (child == 0) {
        const bool ok = answer(path, out) && write_all(done[1], "", 1);
        _exit(ok ? 0 : 1);
    }
    close(done[1]);
    if (child < 0) {
        close(done[0]);
        return answer(path, out);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) break;
    const bool told = read(done[0], &answered, 1) == 1;
    close(done[0]);
    if (told && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int omn_scan_serve(int in, int out)
{
    char path[8192], chunk[8192];
    size_t n = 0;
    if (!write_all(out, "ready\n", 6)) return 1;
    for (;;) {
        ssize_t k = read(in, chunk, sizeof(chunk));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return k < 0;
        for (ssize_t i = 0; i < k; i++) {
            if (n == sizeof(path)) return 1;
            path[n++] = chunk[i];
            if (chunk[i] != 0) continue;
            if (!answer_apart(path, out)) return 1;
            n = 0;
        }
    }
}
