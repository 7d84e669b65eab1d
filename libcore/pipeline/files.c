/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a pipeline names: grammars and schemas of answers, weights of parts, paths of
 * operations. Which text names a file only its reader knows, and some readers are plugins; so every
 * text may, but for those of outputs, which say what is written. */
#include "plan.h"

#include <string.h>

#define LONGEST 4096

typedef struct walk {
    const omn_pipeline *p;
    int (*fn)(void *user, const char *path);
    void *user;
    omn_arena *arena;
} walk;

/* As it is written, and beside the pipeline. */
static int tell(walk *w, const char *text, omn_error *err)
{
    const size_t n = strlen(text);
    if (!n || n > LONGEST || strchr(text, '\n')) return 0;
    const char *beside = named_beside(w->p->path, text, w->arena);
    if (!beside) omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", w->p->path);
    int stop = !beside || w->fn(w->user, text);
    if (!stop && beside != text) stop = w->fn(w->user, beside);
    return stop;
}

static int each(walk *w, const yml *y, int depth, omn_error *err)
{
    int stop = 0;
    if (!y) return 0;
    if (y->kind == YML_SCALAR) return tell(w, y->text, err);
    for (size_t i = 0; i < y->n && !stop; i++) {
        const bool map = y->kind == YML_MAP;
        if (map && !depth && !strcmp(yml_key(y, i)->text, "outputs")) continue;
        stop = each(w, map ? yml_value(y, i) : y->items[i], depth + 1, err);
    }
    return stop;
}

omn_status omn_pipeline_files(const omn_pipeline *p, int (*fn)(void *user, const char *path),
                              void *user, omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    walk w = { p, fn, user, omn_arena_new((size_t)1 << 28) };
    if (!w.arena) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", p->path);
    each(&w, p->root, 0, &why);
    omn_arena_free(w.arena);
    return why.status ? omn_fail(err, (omn_status)why.status, "%s", why.text) : OMN_OK;
}
