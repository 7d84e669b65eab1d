/* SPDX-License-Identifier: Apache-2.0 */
/* Examples and what tasks take of them. Every complaint about data names the line that it stands
 * in, the task and the field, for a manifest has thousands of lines. */
#include "recipe.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const omn_value *recipe_get(const omn_value *whole, const omn_value *item, const char *path)
{
    if (path[0] == '/') return omn_record_get(whole, path + 1);
    const omn_value *v = omn_record_get(item, path);
    return v ? v : omn_record_get(whole, path);
}

static const omn_part *part_of(const omn_recipe *r, size_t stage, int source)
{
    return r->stages[stage].parts[source];
}

uint64_t example_count(const omn_recipe *r, size_t stage, int source, omn_split split)
{
    const omn_part *p = part_of(r, stage, source);
    return ((const omn_source_impl *)p->impl)->count(p->self, split);
}

omn_status example_some(const omn_recipe *r, size_t stage, int source, omn_split split,
                        const char *use, omn_error *err)
{
    const recipe_source *s = &r->sources[source];
    const yml *at = yml_get(s->at, "held_out");
    if (example_count(r, stage, source, split)) return OMN_OK;
    const uint64_t other = example_count(
        r, stage, source, split == OMN_SPLIT_TRAIN ? OMN_SPLIT_HELD_OUT : OMN_SPLIT_TRAIN);
    if (!other || other == OMN_ENDLESS)
        return yml_fail(s->at, err, "source %s has no examples for %s", s->name, use);
    return yml_fail(at ? at : s->at, err,
                    "of the %llu examples of source %s none is left for %s (held_out)",
                    (unsigned long long)other, s->name, use);
}

/* A finite source: every epoch of training in its own order, by a walk with a stride that shares no
 * factor with n. A source without end: the number itself. */
uint64_t example_number(const omn_recipe *r, size_t stage, int source, omn_split split,
                        uint64_t index)
{
    const uint64_t n = example_count(r, stage, source, split);
    if (n == OMN_ENDLESS || !n) return index;
    const uint64_t epoch = index / n, place = index % n;
    uint64_t stride =
        split == OMN_SPLIT_TRAIN ? 1 + omn_random_at(r->setup.seed, 0x65706f, epoch) % n : 1;
    for (;; stride++) {
        uint64_t a = stride, b = n;
        while (b) {
            const uint64_t t = a % b;
            a = b;
            b = t;
        }
        if (a == 1) break;
    }
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)place * stride + (split == OMN_SPLIT_TRAIN ? epoch : 0)) % n);
}

omn_status example_open(const omn_recipe *r, size_t stage, int source, omn_split split,
                        uint64_t index, omn_call *c, example *out, omn_error *err)
{
    const omn_part *p = part_of(r, stage, source);
    const omn_source_impl *impl = p->impl;
    const omn_place_impl *at = impl->extension ? impl->extension("omnio.place/1") : NULL;
    const uint64_t number = example_number(r, stage, source, split, index);
    *out = (example){ .r = r, .c = c };
    if (at) at->place(p->self, split, number, &out->file, &out->line);
    const omn_value *ahead =
        split == OMN_SPLIT_TRAIN ? ahead_example(r, stage, source, index) : NULL;
    if (ahead) {
        out->record = omn_value_ref(ahead);
        return OMN_OK;
    }
    const omn_status st = impl->get(p->self, c, split, number, &out->record, err);
    if (st == OMN_OK || !err || err->file[0]) return st;
    omn_error_prefix(err, "source %s, example %llu", r->sources[source].name,
                     (unsigned long long)number);
    return st;
}

void example_close(example *e)
{
    omn_value_unref(e->record);
    e->record = NULL;
}

/* The example's place and the task in front of an error, unless it names a place itself. */
omn_status example_failed(const example *e, const recipe_task *t, omn_status st, omn_error *err)
{
    omn_error_prefix(err, "task %s", t->name);
    if (!err || err->file[0]) return st;
    if (e->file) {
        snprintf(err->file, sizeof err->file, "%s", e->file);
        err->line = e->line;
    } else {
        snprintf(err->file, sizeof err->file, "%s", t->at->file);
        err->line = t->at->line;
        err->column = t->at->column;
    }
    return st;
}

static omn_status no_field(const example *e, const recipe_task *t, const char *path, omn_error *err)
{
    return example_failed(
        e, t, omn_fail(err, OMN_ERR_DATA, "the example has no field \"%s\"", path), err);
}

/* The name of a file where the pipeline wants what is in it: relative to the example's folder. */
omn_status example_load(const example *e, const char *type, const omn_value *v, omn_value **out,
                        omn_error *err)
{
    char path[8300];
    const char *name = omn_text_get(v, NULL), *slash = e->file ? strrchr(e->file, '/') : NULL;
    if (strlen(name) > 4000) return omn_fail(err, OMN_ERR_DATA, "the file's name is too long");
    if (name[0] == '/' || !slash)
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%.*s/%s", (int)(slash - e->file), e->file, name);
    return omn_call_load(e->c, path, type, out, err);
}

/* A field as what the pipeline's input or output is (NULL: it has none of that name). */
static omn_status fit(const example *e, const omn_pipeline_port *to, const omn_value *v,
                      omn_value **out, omn_error *err)
{
    const omn_kind *kind = to ? to->kind : NULL;
    const char *type = kind ? to->type : "any";
    omn_status st = OMN_OK;
    omn_buf text;
    if (kind && omn_value_is(v, "text") && !omn_kind_impl(kind)->word)
        return example_load(e, type, v, out, err);
    if (!omn_value_is(v, "number") || strcmp(type, "text")) {
        *out = omn_value_ref(v);
        return OMN_OK;
    }
    omn_buf_init(&text, 64);
    omn_value_text(v, &text);
    st = omn_buf_check(&text, "a number", err);
    if (st == OMN_OK) st = omn_text_new(text.data, text.length, out, err);
    omn_buf_fini(&text);
    return st;
}

omn_status item_open(const example *e, const recipe_task *t, const omn_value *item, task_item *out,
                     omn_error *err)
{
    *out = (task_item){ .n_give = 0 };
    for (size_t i = 0; i < t->n_give; i++) {
        const omn_value *v = recipe_get(e->record, item, t->give[i].path);
        if (!v) return no_field(e, t, t->give[i].path, err);
        omn_named *g = &out->give[out->n_give];
        g->name = t->give[i].name;
        const omn_status st = fit(e, pipeline_input(t->pipeline, g->name), v, &g->value, err);
        if (st != OMN_OK) {
            omn_error_prefix(err, "field \"%s\"", t->give[i].path);
            return example_failed(e, t, st, err);
        }
        out->n_give++;
    }
    if (!t->want) return OMN_OK;           /* nothing is asked */
    const omn_value *want = recipe_get(e->record, item, t->want);
    if (!want) return no_field(e, t, t->want, err);
    /* the name of a file, where codes of what is in it are wanted */
    const char *takes = t->teacher ? teacher_takes(t->teacher) : NULL;
    if (!takes || !omn_value_is(want, "text") || !strcmp(takes, "text")) {
        out->want = omn_value_ref(want);
        return OMN_OK;
    }
    const omn_value *ahead = ahead_loaded(e->r, takes, want);
    out->want = omn_value_ref(ahead);
    const omn_status st = ahead ? OMN_OK : example_load(e, takes, want, &out->want, err);
    if (st == OMN_OK) return st;
    omn_error_prefix(err, "field \"%s\"", t->want);
    return example_failed(e, t, st, err);
}

/* The field that the measure compares with: what is in a file, where the output holds that. */
static omn_status judged(const example *e, const recipe_task *t, const omn_value *item,
                         task_item *out, omn_error *err)
{
    const omn_value *v = recipe_get(e->record, item, t->judge);
    const omn_pipeline_port *output = pipeline_output(t->pipeline, t->judge_output);
    omn_value_unref(out->want);
    out->want = NULL;
    if (!v) return no_field(e, t, t->judge, err);
    const omn_status st = fit(e, output, v, &out->want, err);
    if (st == OMN_OK) return st;
    omn_error_prefix(err, "field \"%s\"", t->judge);
    return example_failed(e, t, st, err);
}

omn_status item_judged(const example *e, const recipe_task *t, const omn_value *item,
                       task_item *out, omn_error *err)
{
    omn_status st = item_open(e, t, item, out, err);
    if (st == OMN_OK && t->judge != t->want) st = judged(e, t, item, out, err);
    for (size_t i = 0; st == OMN_OK && i < t->n_beside; i++) {
        const omn_value *v = recipe_get(e->record, item, t->beside[i].path);
        if (!v) return no_field(e, t, t->beside[i].path, err);
        out->beside[out->n_beside++] = (omn_named){ t->beside[i].name, omn_value_ref(v) };
    }
    return st;
}

void item_close(task_item *i)
{
    for (size_t k = 0; k < i->n_give; k++) omn_value_unref(i->give[k].value);
    for (size_t k = 0; k < i->n_beside; k++) omn_value_unref(i->beside[k].value);
    omn_value_unref(i->want);
    *i = (task_item){ .n_give = 0 };
}

omn_status item_list(const example *e, const recipe_task *t, const omn_value **list, omn_error *err)
{
    *list = NULL;
    if (!t->each) return OMN_OK;
    *list = omn_record_get(e->record, t->each);
    if (!*list) return no_field(e, t, t->each, err);
    if (omn_value_is(*list, "list")) return OMN_OK;
    return example_failed(e, t,
                          omn_fail(err, OMN_ERR_DATA, "the field \"%s\" is %s, a list is wanted",
                                   t->each, omn_value_kind_name(*list)),
                          err);
}
