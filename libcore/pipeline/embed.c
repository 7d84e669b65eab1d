/* SPDX-License-Identifier: Apache-2.0 */
/* embed: what the model makes of its inputs without writing. An embedding stays rows of numbers;
 * the scores of a class head become options, the names of the classes with what each is worth. */
#include "read.h"
#include "run.h"

#include "libcore/generate/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool of_classes(const char *name) { return !strncmp(name, "class.", 6); }

/* ---- as it is written ------------------------------------------------------------------------ */

static omn_status read_name(const yml *y, plan_step *s, omn_error *err)
{
    const yml *name = yml_get(y, "embed");
    TRY_READ(yml_text(name, &s->output, "", err));
    const char *dot = strchr(s->output, '.');
    if (dot && dot[1] && (of_classes(s->output) || !strncmp(s->output, "embedding.", 10)))
        return OMN_OK;
    return yml_fail(name, err, "\"%s\": embedding.NAME or class.NAME is wanted, as the model calls "
                    "what it makes", s->output);
}

static omn_status read_rows(const yml *y, plan_step *s, omn_error *err)
{
    const yml *rows = yml_get(y, "rows");
    const char *how = "mean";
    TRY_READ(yml_text(rows, &how, how, err));
    s->tokens = !strcmp(how, "tokens");
    if (!s->tokens && strcmp(how, "mean"))
        return yml_fail(rows, err, "rows: mean or tokens is wanted, not \"%s\"", how);
    if (s->tokens && of_classes(s->output))
        return yml_fail(rows, err, "classes have one score each: rows is for embeddings");
    return OMN_OK;
}

/* Names of the classes: a list in the file, or a value that is one. */
static omn_status read_labels(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    const yml *labels = yml_get(y, "labels");
    if (!labels) return OMN_OK;
    if (!of_classes(s->output))
        return yml_fail(labels, err, "labels are names of classes: embed: class.NAME");
    if (labels->kind != YML_LIST && (labels->kind != YML_SCALAR || labels->text[0] != '$'))
        return yml_fail(labels, err, "labels: [name, ...] or $list is wanted");
    if (labels->kind == YML_LIST && !labels->n)
        return yml_fail(labels, err, "at least one is wanted");
    TRY_READ(read_literal(p, labels, true, &s->value, err));
    s->has_labels = true;
    if (s->value.kind != LIT_SLOT) return OMN_OK;
    const char *type = p->slots[s->value.slot].type;
    if (!strcmp(type, "list") || !strcmp(type, "options") || !strcmp(type, "any")) return OMN_OK;
    return yml_fail(labels, err, "%s is %s, a list of texts is wanted", labels->text, type);
}

omn_status read_embed(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "embed",  "as",   "from",  "prompt", "rows",
                                        "labels", "when", "model", NULL };
    const yml *prompt = yml_get(y, "prompt");
    TRY_READ(yml_only(y, keys, err));
    TRY_READ(read_name(y, s, err));
    s->name = omn_arena_printf(p->arena, "embed %s", s->output);
    if (!s->name) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    TRY_READ(read_by(p, y, s, err));
    TRY_READ(read_from(p, yml_get(y, "from"), s->from, &s->n_from, err));
    TRY_READ(yml_text(prompt, &s->prompt, NULL, err));
    if (prompt) TRY_READ(template_read(p, prompt, s->prompt, &s->words, &s->n_words, err));
    if (!s->prompt && !s->n_from) return yml_fail(y, err, "a prompt or inputs (from) are wanted");
    TRY_READ(read_rows(y, s, err));
    TRY_READ(read_labels(p, y, s, err));
    s->n_out = 1;
    return name_result(p, y, "as", of_classes(s->output) ? "options" : "embeddings", &s->out[0],
                       err);
}

omn_status embed_labels(const omn_graph *g, const char *output, const plan_step *s, omn_error *err)
{
    for (size_t i = 0; s->has_labels && i < omn_graph_outputs(g); i++) {
        const omn_shape shape = omn_graph_output_shape(g, i);
        const int64_t n = (int64_t)s->value.n;
        if (strcmp(omn_graph_output_name(g, i), output) || s->value.kind != LIT_LIST) continue;
        if (shape.rank == 2 && shape.dim[1] != n)
            return omn_fail(err, OMN_ERR_DATA, "%lld labels, the model's %s has %lld classes",
                            (long long)n, output, (long long)shape.dim[1]);
    }
    return OMN_OK;
}

/* ---- as it runs ------------------------------------------------------------------------------ */

static omn_kind const *options_kind(omn_pipeline_run *r, omn_error *err)
{
    const omn_kind *k = NULL;
    return omn_kind_find_in(r->p->ctx, "options", &k, err) == OMN_OK ? k : NULL;
}

/* The names of n classes, as options; without labels their numbers. */
static omn_status names_of(omn_pipeline_run *r, omn_call *c, const plan_step *s, size_t n,
                           const omn_kind *options, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *plain = NULL;
    const char **list = NULL;
    char (*text)[24] = NULL;
    if (s->has_labels) {
        OMN_TRY(literal_make(r, &s->value, &plain, err));
        OMN_TRY(omn_value_convert(c, plain, options, out, err));
        goto done;
    }
    list = calloc(n, sizeof *list);
    text = calloc(n, sizeof *text);
    if (!list || !text) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu classes: out of memory", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "%zu", i);
        list[i] = text[i];
    }
    const omn_filled f = omn_fill("text", OMN_STRING, omn_dim1((int64_t)n), list);
    st = omn_value_make(options, &f, 1, NULL, out, err);
done:
    free(list);
    free(text);
    omn_value_unref(plain);
    return st;
}

/* Scores [1, n] as options: the classes in the model's order, more is better. */
static omn_status classes(omn_pipeline_run *r, omn_call *c, const plan_step *s,
                          const omn_value *scores, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *x = omn_value_tensor(scores);
    const size_t n = (size_t)x->shape.dim[1];
    const omn_kind *options = options_kind(r, err);
    omn_value *names = NULL;
    double *score = calloc(n ? n : 1, sizeof *score);
    if (!score || !options) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu classes: out of memory", n);
        goto done;
    }
    OMN_TRY(names_of(r, c, s, n, options, &names, err));
    if (omn_value_count(names) != n) {
        st = omn_fail(err, OMN_ERR_DATA, "%zu labels, the model's %s has %zu classes",
                      omn_value_count(names), s->output, n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) score[i] = (double)((const float *)x->data)[i];
    const omn_filled f[2] = { { "text", *omn_value_column(names, "text") },
                              omn_fill("score", OMN_F64, omn_dim1((int64_t)n), score) };
    st = omn_value_make(options, f, 2, NULL, out, err);
done:
    omn_value_unref(names);
    free(score);
    return st;
}

void embed_request(const plan_step *s, const omn_request *rq, omn_result *receipt,
                   omn_embed_request *out)
{
    *out = (omn_embed_request){ OMN_FILL(omn_embed_request), .inputs = rq->inputs,
                                .n_inputs = rq->n_inputs, .prompt = rq->prompt,
                                .name = s->output, .prepared = rq->prepared,
                                .rows = s->tokens ? OMN_EMBED_TOKENS : OMN_EMBED_MEAN,
                                .receipt = receipt };
}

omn_status embed_put(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_value *made,
                     const omn_result *receipt, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *options = NULL;
    OMN_TRY(run_seen(r, s, receipt, err));
    if (of_classes(s->output)) {
        OMN_TRY(classes(r, c, s, made, &options, err));
        run_put(r, s->out[0], options);
    } else {
        run_put(r, s->out[0], omn_value_ref(made));
    }
done:
    if (st != OMN_OK) omn_error_prefix(err, "%s", s->name);
    return st;
}

omn_status run_embed(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_arena *a = omn_arena_new(0);
    omn_request rq;
    omn_embed_request e;
    omn_result receipt = { OMN_FILL(omn_result) };
    omn_value *made = NULL;
    bool done = false;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
    const run_model *m = run_by(r, s);
    if (!m->runner) {
        st = yml_fail(s->at, err, "%s: a task asks the model once, in its last step", s->name);
        goto done;
    }
    OMN_TRY(run_request(r, c, s, a, &rq, err));
    OMN_TRY(run_asking(r, s, &rq, &done, err));
    if (done) goto done;
    embed_request(s, &rq, &receipt, &e);
    st = omn_embed(m->runner, &e, 1, &made, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s", s->name);
        goto done;
    }
    OMN_TRY(embed_put(r, c, s, made, &receipt, err));
done:
    if (m->prepared && omn_prepared_full(m->prepared)) omn_prepared_clear(m->prepared);
    omn_result_fini(&receipt);
    omn_value_unref(made);
    omn_arena_free(a);
    return st;
}
