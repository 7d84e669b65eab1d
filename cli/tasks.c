/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a model, found by asking every pipeline of the shelf whether the model can answer
 * it. Many a family can answer the questions of another; its own are known by their names, by the
 * name of the model that they want, which begins as the family is called, or by wanting the same
 * model as the one that the family names itself. */
#include "tasks.h"

#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#define MOST_TASKS 512

typedef struct finding {
    cli *c;
    omn_model *m;
    cli_tasks *out;
    char wanted[128];                     /* the model that its main task wants; "": none */
} finding;

/* "unitab" of "unitab-caption", of "unitab" itself, not of "unit" or "unitable". */
static bool of_family(const char *family, const char *name)
{
    const size_t n = strlen(family);
    return !strncmp(family, name, n) && (name[n] == '-' || !name[n]);
}

static void add(finding *f, const char *name, const char *path, bool own,
                const omn_pipeline_cost *cost)
{
    cli_tasks *t = f->out;
    cli_task *at = t->list + (own ? t->n_own : t->n);
    const cli_task it = { .name = strdup(name), .path = strdup(path), .own = own, .cost = *cost };
    if (!it.name || !it.path) {
        free(it.name);
        free(it.path);
        t->no_memory = true;
        return;
    }
    memmove(at + 1, at, (size_t)(t->list + t->n - at) * sizeof *at);
    *at = it;
    t->n++;
    t->n_own += own;
}

static void on_pipeline(void *user, const char *name, const char *path)
{
    finding *f = user;
    omn_pipeline *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    if (f->out->n == MOST_TASKS) return;
    omn_status st = omn_pipeline_open(f->c->ctx, path, &p, &err);
    const char *wants = st == OMN_OK ? omn_pipeline_model(p) : NULL;
    if (wants && (st = omn_pipeline_check(p, f->m, &cost, &err)) == OMN_OK && cost.parameters) {
        const char *family = omn_model_object(f->m);
        add(f, name, path,
            of_family(family, name) || of_family(family, wants) || !strcmp(wants, f->wanted),
            &cost);
    }
    if (st == OMN_ERR_MEMORY) f->out->no_memory = true;
    omn_pipeline_close(p);
}

/* Of two families one may answer the other's questions well by its parts: only what the family says
 * of the opened model tells what that is for. */
static void find_main(finding *f)
{
    omn_pipeline *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    const char *name = omn_model_task(f->m);
    if (!name) return;
    const omn_status st = omn_pipeline_open(f->c->ctx, name, &p, &err);
    const char *wants = st == OMN_OK ? omn_pipeline_model(p) : NULL;
    if (wants) omn_format(f->wanted, sizeof f->wanted, "%s", wants);
    if (st == OMN_ERR_MEMORY) f->out->no_memory = true;
    omn_pipeline_close(p);
}

void tasks_find(cli *c, omn_model *m, cli_tasks *out)
{
    finding f = { .c = c, .m = m, .out = out };
    *out = (cli_tasks){ .list = calloc(MOST_TASKS, sizeof *out->list) };
    find_main(&f);
    if (out->no_memory || !out->list || !shelf_pipelines(c, on_pipeline, &f)) out->no_memory = true;
}

const cli_task *tasks_extreme(const cli_tasks *t, bool most)
{
    const cli_task *best = NULL;
    for (size_t i = 0; i < (t->n_own ? t->n_own : t->n); i++) {
        const cli_task *it = &t->list[i];
        if (!best || (most ? it->cost.memory > best->cost.memory
                           : it->cost.memory < best->cost.memory))
            best = it;
    }
    return best;
}

const cli_task *tasks_main(const cli_tasks *t, const omn_model *m)
{
    const char *name = omn_model_task(m);
    for (size_t i = 0; name && i < t->n; i++)
        if (!strcmp(t->list[i].name, name)) return &t->list[i];
    return tasks_extreme(t, false);
}

void tasks_fini(cli_tasks *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->list[i].name);
        free(t->list[i].path);
    }
    free(t->list);
    *t = (cli_tasks){ 0 };
}
