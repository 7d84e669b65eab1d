/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's side of scanning: load a file the way the host will (RTLD_NOW, RTLD_LOCAL), check
 * its descriptor, answer one line, take the next. Each file is loaded in a child of its own
 * (apart.c). What can be seen without loading (is it a shared library for this machine, is all of
 * it there) is looked at first, because the dynamic linker dies of some truncated files. */
#include "scan.h"

#include "apart.h"
#include "elffile.h"
#include "load.h"

#include <omnio/company.h>

#include <errno.h>
#include <string.h>
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
        if (strcmp(o.kind, "omnio.company/1") == 0)
            list[i].extra = ((const omn_company_impl *)o.impl)->signs;
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

/* In the child: the file's line. */
static bool answer(const char *path, omn_buf *out)
{
    record r = { 0 };
    omn_arena *a = omn_arena_new((size_t)16 << 20);
    if (!a) return false;
    look(path, a, &r);
    record_print(&r, out);
    omn_arena_free(a);
    return !out->failed;
}

/* One path, one line that names it. What is late twice gets less time from then on. */
static bool serve_one(const char *path, int out, uint32_t limit_ms, unsigned *late)
{
    omn_buf line;
    omn_buf_init(&line, RECORD_MOST_LINE);
    omn_buf_printf(&line, "%s\t", path);
    uint32_t limit = *late < SCAN_PATIENCE ? limit_ms : scan_short_limit(limit_ms);
    apart_end end = apart_look(path, answer, out, limit, &line);
    if (end == APART_LATE) *late += 1;
    omn_buf_puts(&line, "\n");
    bool ok = end != APART_ALONE && !line.failed && write_all(out, line.data, line.length);
    omn_buf_fini(&line);
    return ok;
}

int omn_scan_serve(int in, int out, unsigned limit_ms)
{
    char path[8192], chunk[8192];
    size_t n = 0;
    unsigned late = 0;
    apart_begin();
    if (!write_all(out, "ready\n", 6)) return 1;
    for (;;) {
        ssize_t k = read(in, chunk, sizeof(chunk));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return k < 0;
        for (ssize_t i = 0; i < k; i++) {
            if (n == sizeof(path)) return 1;
            path[n++] = chunk[i];
            if (chunk[i] != 0) continue;
            if (!serve_one(path, out, limit_ms, &late)) return 1;
            n = 0;
        }
    }
}
