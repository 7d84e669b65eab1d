/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a pipeline by path or by name, and telling about it. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

omn_status pipeline_file(omn_context *ctx, const char *name, char *out, size_t room, omn_error *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (strlen(name) > 2048)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a pipeline's path is too long");
    snprintf(out, room, "%s", name);
    if (is_file(out)) return OMN_OK;
    if (!strchr(name, '/') && !strstr(name, ".yaml")) {
        if (data && data[0] == '/') snprintf(out, room, "%s/omnio/pipelines/%s.yaml", data, name);
        else if (home && home[0] == '/')
            snprintf(out, room, "%s/.local/share/omnio/pipelines/%s.yaml", home, name);
        if (is_file(out)) return OMN_OK;
        snprintf(out, room, "%s/pipelines/%s.yaml", omn_context_data(ctx), name);
        if (is_file(out)) return OMN_OK;
    }
    return omn_fail(err, OMN_ERR_MISSING,
                    "%s: no such pipeline; give a file, or one of those in %s/pipelines", name,
                    omn_context_data(ctx));
}

omn_status omn_pipeline_open_set(omn_context *ctx, const char *name, const omn_setting *set,
                                 size_t n_set, omn_pipeline **out, omn_error *err)
{
    yml *root = NULL;
    omn_status st = OMN_OK;
    char path[4200];
    omn_pipeline *p = calloc(1, sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    p->ctx = ctx;
    OMN_TRY(pipeline_file(ctx, name, path, sizeof path, err));
    p->arena = omn_arena_new((size_t)1 << 28);
    p->path = p->arena ? omn_arena_strdup(p->arena, path) : NULL;
    if (!p->path) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
        goto done;
    }
    OMN_TRY(yml_read(path, p->arena, (const yml **)&root, err));
    OMN_TRY(yml_override(root, set, n_set, p->arena, err));
    p->root = root;
    OMN_TRY(plan_read(p, err));
    *out = p;
    return OMN_OK;
done:
    omn_pipeline_close(p);
    return st;
}

omn_status omn_pipeline_open(omn_context *ctx, const char *name, omn_pipeline **out, omn_error *err)
{
    return omn_pipeline_open_set(ctx, name, NULL, 0, out, err);
}

void omn_pipeline_close(omn_pipeline *p)
{
    if (!p) return;
    omn_arena_free(p->arena);
    free(p);
}

const char *omn_pipeline_path(const omn_pipeline *p) { return p->path; }
const char *omn_pipeline_help(const omn_pipeline *p) { return p->help; }
const char *omn_pipeline_model(const omn_pipeline *p) { return p->model; }

size_t omn_pipeline_inputs(const omn_pipeline *p, const omn_pipeline_port **list)
{
    *list = p->in_list;
    return p->n_inputs;
}

size_t omn_pipeline_outputs(const omn_pipeline *p, const omn_pipeline_port **list)
{
    *list = p->out_list;
    return p->n_outputs;
}

static const omn_pipeline_port *of_name(const omn_pipeline_port *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return &list[i];
    return NULL;
}

const omn_pipeline_port *pipeline_input(const omn_pipeline *p, const char *name)
{
    return of_name(p->in_list, p->n_inputs, name);
}

const omn_pipeline_port *pipeline_output(const omn_pipeline *p, const char *name)
{
    return of_name(p->out_list, p->n_outputs, name);
}
