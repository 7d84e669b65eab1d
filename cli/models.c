/* SPDX-License-Identifier: Apache-2.0 */
/* Which models a pipeline works with. What stands in front of "=" is a name that the pipeline
 * gives (models:); where it gives none, all of it is a path. */
#include "models.h"

#include "shelf.h"

#include <string.h>

/* Bytes of the word in front of "="; 0: this is no NAME=MODEL. */
static size_t name_length(const char *value)
{
    const size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return value[n] == '=' ? n : 0;
}

const char *models_folder(const char *value)
{
    const size_t n = name_length(value);
    return n ? value + n + 1 : value;
}

static omn_status no_such(const models *m, const omn_pipeline *p, const char *value,
                          omn_error *err)
{
    char names[512] = "";
    for (size_t i = 0; i < m->n; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", m->list[i].name);
    }
    if (!m->n)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "-m %s: there is no such folder, and %s names no model beside its own",
                        value, omn_pipeline_path(p));
    return omn_fail(err, OMN_ERR_ARGUMENT, "-m %s: %s names no model \"%.*s\", only %s", value,
                    omn_pipeline_path(p), (int)name_length(value), value, names);
}

static omn_status take(const omn_pipeline *p, const char *value, models *m, omn_error *err)
{
    const size_t n = name_length(value);
    size_t i = 0;
    while (i < m->n && (strlen(m->list[i].name) != n || strncmp(m->list[i].name, value, n))) i++;
    if (n && i == m->n && !shelf_is_there(value)) return no_such(m, p, value, err);
    if (n && i < m->n && !value[n + 1])
        return omn_fail(err, OMN_ERR_ARGUMENT, "-m %s: a folder or name is wanted behind \"=\"",
                        value);
    if (n && i < m->n) m->path[i] = value + n + 1;
    else m->own = value;
    return OMN_OK;
}

omn_status models_find(const cli_args *a, const omn_pipeline *p, models *out, omn_error *err)
{
    omn_status st = OMN_OK;
    *out = (models){ .own = omn_pipeline_model(p) };
    const size_t n = omn_pipeline_models(p, &out->list);
    out->n = n < MODELS_MOST ? n : MODELS_MOST;
    for (size_t i = 0; i < out->n; i++) out->path[i] = out->list[i].deflt;
    for (size_t i = 0; i < cli_count(a, "model"); i++)
        OMN_TRY(take(p, cli_nth(a, "model", i), out, err));
    if (!omn_pipeline_model(p)) out->own = NULL;
    for (size_t i = 0; i < out->n; i++)
        if (!out->path[i])
            OMN_TRY(omn_fail(err, OMN_ERR_ARGUMENT,
                             "%s: the model \"%s\" is wanted (-m %s=MODEL)%s%s",
                             omn_pipeline_path(p), out->list[i].name, out->list[i].name,
                             *out->list[i].help ? ": " : "", out->list[i].help));
done:
    return st;
}

omn_status models_open(cli *c, models *m, omn_pipeline *p, models_opener *open, omn_error *err)
{
    omn_status st = m->own ? open(c, m->own, &m->own_model, err) : OMN_OK;
    for (size_t i = 0; i < m->n && st == OMN_OK; i++) {
        const char *name = m->list[i].name;
        st = open(c, m->path[i], &m->model[i], err);
        if (st != OMN_OK)
            omn_error_prefix(err, "the model \"%s\" (-m %s=MODEL gives another)", name, name);
        if (st == OMN_OK) st = omn_pipeline_lend(p, name, m->model[i], err);
    }
    return st;
}

void models_close(models *m)
{
    omn_model_close(m->own_model);
    for (size_t i = 0; i < m->n; i++) omn_model_close(m->model[i]);
    m->own_model = NULL;
    memset(m->model, 0, sizeof m->model);
}

omn_status models_keep(const cli_args *a, models *m, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint64_t usual = (uint64_t)64 * 1000000;
    if (cli_has(a, "keep") || cli_has(a, "keep-folder")) return OMN_OK;
    if (m->own_model) st = omn_model_keep(m->own_model, usual, err);
    for (size_t i = 0; i < m->n && st == OMN_OK; i++)
        if (m->model[i]) st = omn_model_keep(m->model[i], usual, err);
    return st;
}

omn_model *models_asked(const models *m, const omn_pipeline *p, const omn_request *rq)
{
    const char *name = omn_pipeline_asked(p, rq);
    for (size_t i = 0; name && i < m->n; i++)
        if (!strcmp(m->list[i].name, name)) return m->model[i];
    return m->own_model;
}

void models_json(const models *m, void (*put)(omn_buf *b, const char *path), omn_buf *b)
{
    if (m->own) omn_buf_puts(b, ",\"model\":");
    if (m->own) put(b, m->own);
    for (size_t i = 0; i < m->n; i++) {
        omn_buf_puts(b, i ? "," : ",\"models\":{");
        json_text(b, m->list[i].name);
        omn_buf_puts(b, ":");
        put(b, m->path[i]);
    }
    if (m->n) omn_buf_puts(b, "}");
}
