/* SPDX-License-Identifier: Apache-2.0 */
/* The measure of a task: an object of kind omnio.measure/1, named by the recipe with its
 * parameters: "measure: exact", "measure: {detect: {iou: 0.7}}", "measure: none". */
#include "recipe.h"

#include <stdio.h>
#include <string.h>

#define MOST_SETTINGS 32

/* A parameter's text; a list becomes its items with commas between. */
static omn_status text_of(const omn_recipe *r, const yml *v, const char **out, omn_error *err)
{
    omn_buf b;
    omn_status st = OMN_OK;
    if (v->kind == YML_SCALAR) {
        *out = v->text;
        return OMN_OK;
    }
    st = yml_want(v, YML_LIST, "a parameter", err);
    omn_buf_init(&b, 1 << 20);
    for (size_t i = 0; st == OMN_OK && i < v->n; i++) {
        const char *item;
        st = yml_text(v->items[i], &item, "", err);
        if (st == OMN_OK && strchr(item, ','))
            st = yml_fail(v->items[i], err, "\"%s\": a comma cannot stand in a list", item);
        if (st == OMN_OK) omn_buf_printf(&b, "%s%s", i ? "," : "", item);
    }
    *out = st == OMN_OK ? omn_arena_strdup(r->arena, b.data) : NULL;
    if (st == OMN_OK && (b.failed || !*out))
        st = omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", r->path);
    omn_buf_fini(&b);
    return st;
}

static omn_status add_setting(const omn_recipe *r, const char *name, const yml *v,
                              omn_setting *set, size_t *n, omn_error *err)
{
    const char *text = NULL;
    if (*n == MOST_SETTINGS) return yml_fail(v, err, "more than %d parameters", MOST_SETTINGS);
    const omn_status st = text_of(r, v, &text, err);
    if (st == OMN_OK) set[(*n)++] = (omn_setting){ name, text, v->line, v->column };
    return st;
}

omn_status named_object(const omn_recipe *r, const yml *y, const char *deflt, const char **name,
                        omn_setting *set, size_t *n, omn_error *err)
{
    omn_status st = OMN_OK;
    const yml *in = y;
    *n = 0;
    *name = deflt;
    if (!y) return OMN_OK;
    if (y->kind == YML_SCALAR) return yml_text(y, name, deflt, err);
    OMN_TRY(yml_want(y, YML_MAP, "a name, or {NAME: {PARAMETER: ...}},", err));
    const yml *use = yml_get(y, "use");
    if (use) {
        OMN_TRY(yml_text(use, name, deflt, err));
    } else if (y->n == 1 && yml_value(y, 0)->kind == YML_MAP) {
        *name = yml_key(y, 0)->text;
        in = yml_value(y, 0);
    }
    for (size_t i = 0; i < in->n; i++)
        if (in != y || strcmp(yml_key(in, i)->text, "use"))
            OMN_TRY(add_setting(r, yml_key(in, i)->text, yml_value(in, i), set, n, err));
done:
    return st;
}

omn_part *recipe_part(const omn_recipe *r, const char *role, const char *kind, const char *object,
                      omn_setting *set, size_t n, omn_error *err)
{
    const omn_status st =
        named_settings(r->ctx, kind, object, r->path, set, n, r->arena, err);
    return st == OMN_OK ? part_open_settings(r->open, role, kind, object, set, n, r->path, err)
                        : NULL;
}

omn_status object_failed(const yml *y, omn_error *err)
{
    if (!err || !err->status) return OMN_ERR_CONFIG;
    if (!err->file[0] && y) {
        snprintf(err->file, sizeof err->file, "%s", y->file);
        err->line = y->line;
        err->column = y->column;
    }
    if (err->status == OMN_ERR_MISSING || err->status == OMN_ERR_ARGUMENT)
        err->status = OMN_ERR_CONFIG;     /* the recipe is what is wrong */
    return (omn_status)err->status;
}

omn_status judge_read(recipe_task *t, const yml *y, omn_error *err)
{
    omn_status st = OMN_OK;
    const yml *judge = yml_get(y, "judge"), *beside = yml_get(y, "beside");
    OMN_TRY(yml_bool(yml_get(y, "through"), &t->through, false, err));
    t->judge = t->want;
    t->judge_output = t->want_output;
    if (judge) {
        if (judge->kind != YML_MAP || judge->n != 1)
            return yml_fail(judge, err, "judge: {OUTPUT: FIELD} says what the measure judges");
        t->judge_output = yml_key(judge, 0)->text;
        OMN_TRY(yml_text(yml_value(judge, 0), &t->judge, "", err));
        if (!pipeline_output(t->pipeline, t->judge_output))
            return yml_fail(yml_key(judge, 0), err, "pipeline %s has no output \"%s\"", t->file,
                            t->judge_output);
    }
    if (!beside) return OMN_OK;
    OMN_TRY(yml_want(beside, YML_MAP, "beside", err));
    if (beside->n > MOST_FIELDS)
        return yml_fail(beside, err, "more than %d fields", MOST_FIELDS);
    for (size_t i = 0; i < beside->n; i++) {
        t->beside[i].name = yml_key(beside, i)->text;
        OMN_TRY(yml_text(yml_value(beside, i), &t->beside[i].path, "", err));
        for (size_t k = 0; k < t->n_give; k++)
            if (!strcmp(t->give[k].name, t->beside[i].name))
                return yml_fail(yml_key(beside, i), err, "\"%s\" is given to the pipeline, and so "
                                "to the measure", t->beside[i].name);
    }
    t->n_beside = beside->n;
done:
    return st;
}

omn_status recipe_measure(omn_recipe *r, recipe_task *t, omn_error *err)
{
    omn_status st = OMN_OK;
    const yml *y = yml_get(t->at, "measure"), *words = yml_get(t->at, "words");
    const char *name;
    omn_setting set[MOST_SETTINGS];
    size_t n;
    OMN_TRY(named_object(r, y, "exact", &name, set, &n, err));
    if (words) OMN_TRY(add_setting(r, "words", words, set, &n, err));
    if (!strcmp(name, "none")) return OMN_OK;
    t->measure = recipe_part(r, t->name, "omnio.measure/1", name, set, n, err);
    if (!t->measure) return object_failed(y, err);
    const omn_pipeline_port *judged = pipeline_output(t->pipeline, t->judge_output);
    const char *takes = ((const omn_measure_impl *)t->measure->impl)->takes;
    const char *type = judged ? judged->type : "any";
    if (strcmp(takes, "any") && strcmp(type, "any") && strcmp(takes, type))
        st = yml_fail(y ? y : t->at, err,
                      "measure %s judges answers of type %s, the output \"%s\" of %s is of type %s",
                      name, takes, t->judge_output, t->file, type);
done:
    return st;
}
