/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe for somebody's own examples: the fields of a folder's manifest say which tasks can be
 * learnt from it, the number of its lines how many steps and whether adapters learn or all weights,
 * the lessons of its first lines how much room a row needs. The recipe is proved before it is left
 * there, and each line of it says why it is as it is. */
#include "recipe.h"

#include "../train/ahead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKED 64u      /* examples that are looked at */
#define MOST_NAMES 64
#define FEW 5000        /* below so many examples adapters learn */
#define SOURCE "folder"
#define FIRST_INPUTS 1024           /* room in a row until the lessons have been measured */
#define FIRST_TARGETS 512

/* What lines with these fields teach; the first that fits the field that is wanted, those before
 * others that fit every line. */
static const struct form {
    const char *pipeline, *give[3], *field, *output, *more;
} forms[] = {
    { "vqa", { "image", "question" }, "answer", "answer", "" },
    { "text-qa", { "passage", "question" }, "answer", "answer", "" },
    { "categorize", { "image", "options" }, "category", "category", "" },
    { "categorize", { "image", "options" }, "label", "category", "" },
    { "region-caption", { "image", "box" }, "caption", "caption", "" },
    { "caption", { "image" }, "caption", "caption", "" },
    { "refexp", { "image", "text" }, "box", "box", "measure: box, " },
    { "detect", { "image" }, "boxes", "boxes", "measure: detect, " },
    { "summarize", { "text" }, "summary", "summary", "" },
    { "complete", { "text" }, "text", "rest", "denoise: {mix: [{mode: S}]}, " },
};
#define N_FORMS (sizeof forms / sizeof *forms)

typedef struct field {
    const char *name, *kind;
    unsigned lines;                       /* of those looked at */
    bool taken, wanted;
} field;

typedef struct sketch {
    omn_context *ctx;
    omn_arena *arena;
    const char *folder, *model, *path;
    field fields[MOST_NAMES];
    size_t n_fields;
    uint64_t train, held;
    unsigned looked;
    unsigned lines[N_FORMS];              /* of those looked at that have a form's fields */
    bool tasks[N_FORMS];
    const char *refused[N_FORMS];         /* why a task that fits is left out */
    size_t n_tasks;
    uint32_t inputs, targets;             /* of pack */
    uint32_t longest_in, longest_out;
    uint64_t tried;                       /* looked at, and those that nobody could read */
    unsigned n_unread;                    /* of the first lines those that nobody can read */
    omn_error unread;                     /* why, of the first */
    recipe_hush hush;                     /* lessons of those lines that are left out */
} sketch;

/* ---- what is in the folder ------------------------------------------------------------------ */

static bool has_all(const omn_value *record, const struct form *f)
{
    bool all = omn_record_get(record, f->field) != NULL;
    for (size_t i = 0; i < 3 && f->give[i]; i++) all = all && omn_record_get(record, f->give[i]);
    return all;
}

static omn_status note(sketch *k, const omn_value *record, omn_error *err)
{
    for (size_t i = 0; i < omn_record_count(record); i++) {
        const char *name;
        const omn_value *v = omn_record_at(record, i, &name);
        size_t at = 0;
        if (!v) continue;
        while (at < k->n_fields && strcmp(k->fields[at].name, name) != 0) at++;
        if (at == MOST_NAMES) continue;
        if (at == k->n_fields) {
            k->fields[at] = (field){ .name = omn_arena_strdup(k->arena, name),
                                     .kind = omn_arena_strdup(k->arena, omn_value_kind_name(v)) };
            if (!k->fields[at].name || !k->fields[at].kind)
                return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", k->folder);
            k->n_fields++;
        }
        k->fields[at].lines++;
    }
    for (size_t i = 0; i < N_FORMS; i++) k->lines[i] += has_all(record, &forms[i]);
    return OMN_OK;
}

static omn_status look(sketch *k, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_open *o = NULL;
    omn_value *record = NULL;
    const omn_setting set[] = { { .name = "path", .text = k->folder },
                                { .name = "held_out", .text = "0.1" } };
    OMN_TRY(omn_context_call(k->ctx, 0, 0, NULL, &c, err));
    OMN_TRY(open_begin(k->ctx, c, NULL, NULL, "", &o, err));
    o->file = k->path;
    const omn_part *p = part_open_settings(o, "mine", "omnio.source/1", SOURCE, set, 2, "", err);
    if (!p) {
        st = err && err->status ? (omn_status)err->status : OMN_ERR_FAILED;
        goto done;
    }
    const omn_source_impl *impl = p->impl;
    k->train = impl->count(p->self, OMN_SPLIT_TRAIN);
    k->held = impl->count(p->self, OMN_SPLIT_HELD_OUT);
    for (; k->tried < k->train && k->tried < LOOKED; k->tried++) {
        omn_error why = OMN_ERROR_INIT;
        st = impl->get(p->self, c, OMN_SPLIT_TRAIN, k->tried, &record, &why);
        if (st == OMN_ERR_DATA || st == OMN_ERR_MISSING) {
            if (!k->n_unread++) k->unread = why;
            st = OMN_OK;
            continue;                     /* its lessons are counted with those left out */
        }
        if (st != OMN_OK) {
            if (err) *err = why;
            goto done;
        }
        OMN_TRY(note(k, record, err));
        k->looked++;
        omn_value_unref(record);
        record = NULL;
    }
    if (!k->looked && k->n_unread) {
        st = (omn_status)k->unread.status;
        if (err) *err = k->unread;
    } else if (!k->looked) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: there are %llu examples, which is too few to learn "
                      "from", k->folder, (unsigned long long)k->held);
    }
done:
    omn_value_unref(record);
    open_end(o);
    omn_call_free(c);
    return st;
}

static field *find(sketch *k, const char *name)
{
    for (size_t i = 0; i < k->n_fields; i++)
        if (!strcmp(k->fields[i].name, name)) return &k->fields[i];
    return NULL;
}

/* Takes the forms that so many lines have; several tasks may be given a field, one wants it. */
static void take(sketch *k, unsigned least)
{
    for (size_t i = 0; i < N_FORMS; i++) {
        const struct form *f = &forms[i];
        field *want = find(k, f->field);
        if (!want || k->lines[i] < least || want->wanted) continue;
        k->tasks[i] = true;
        k->n_tasks++;
        want->taken = want->wanted = true;
        for (size_t g = 0; g < 3 && f->give[g]; g++) {
            field *given = find(k, f->give[g]);
            if (given) given->taken = true;
        }
    }
}

static omn_status choose(sketch *k, omn_error *err)
{
    char all[1024] = "";
    take(k, k->looked);
    take(k, 1);
    if (k->n_tasks) return OMN_OK;
    for (size_t i = 0; i < k->n_fields && strlen(all) < 900; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%.60s", i ? ", " : "",
                 k->fields[i].name);
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: no task is known for lines with the fields %s; image, question and answer "
                    "would do, image and caption, image, text and box, image and boxes, or text "
                    "(omnio-recipe(5) tells how any field is named)", k->folder, all);
}

/* ---- the recipe ----------------------------------------------------------------------------- */

/* A text as YAML reads it whatever is in it. */
static void quote(omn_buf *b, const char *text)
{
    omn_buf_puts(b, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') omn_buf_puts(b, "\\");
        omn_buf_put(b, text, 1);
    }
    omn_buf_puts(b, "\"");
}

static void put_tasks(const sketch *k, omn_buf *b)
{
    omn_buf_puts(b, "tasks:\n");
    for (size_t i = 0; i < N_FORMS; i++) {
        const struct form *f = &forms[i];
        if (k->refused[i])
            omn_buf_printf(b, "  # %s was left out: %s\n", f->pipeline, k->refused[i]);
        if (!k->tasks[i]) continue;
        omn_buf_printf(b, "  # lines with %s", f->give[0]);
        for (size_t g = 1; g < 3 && f->give[g]; g++) omn_buf_printf(b, ", %s", f->give[g]);
        omn_buf_printf(b, " and %s teach the pipeline %s", f->field, f->pipeline);
        if (k->lines[i] < k->looked)
            omn_buf_printf(b, "; %u of the %u that were looked at are such", k->lines[i],
                           k->looked);
        omn_buf_puts(b, "\n");
        omn_buf_printf(b, "  - {name: %s, pipeline: %s, source: mine, %sgive: {", f->pipeline,
                       f->pipeline, f->more);
        for (size_t g = 0; g < 3 && f->give[g]; g++)
            omn_buf_printf(b, "%s%s: %s", g ? ", " : "", f->give[g], f->give[g]);
        omn_buf_printf(b, "}, want: {%s: %s}}\n", f->output, f->field);
    }
}

static void put_recipe(const sketch *k, omn_buf *b)
{
    const uint64_t batch = k->train < 8 ? k->train : 8, epochs = 10;
    uint64_t steps = epochs * k->train / batch;
    steps = steps < 60 ? 60 : steps > 3000 ? 3000 : steps;
    const bool few = k->train + k->held < FEW;
    omn_buf_puts(b, "# SPDX-License-Identifier: CC0-1.0\n# Written by omnio train --on; change "
                    "what you like (omnio-recipe(5)).\nversion: 1\nmodel: ");
    quote(b, k->model);
    omn_buf_puts(b, "\n# begins with what the model knows already\nstart: ");
    quote(b, k->model);
    omn_buf_printf(b, "\nsources:\n  # %llu lines to learn from; %llu are held out and never "
                      "learnt, to score with\n  mine: {use: " SOURCE ", held_out: %s, path: ",
                   (unsigned long long)k->train, (unsigned long long)k->held,
                   k->held ? "0.1" : "0");
    quote(b, k->folder);
    omn_buf_puts(b, "}\n");
    put_tasks(k, b);
    if (few)
        omn_buf_printf(b, "# fewer than %d examples: small adapters learn and the model itself "
                          "stays as it is, so that it\n# forgets little; adapter.safetensors of "
                          "the run holds them\nlora: {rank: 8, alpha: 16}\n", FEW);
    omn_buf_printf(b, "optimizer: {use: adamw, rate: %s, warmup: %llu, clip: 1}\n",
                   few ? "1e-3" : "1e-4", (unsigned long long)(steps / 20));
    omn_buf_printf(b, "# the longest question of the first %u lines has %u tokens, the longest "
                      "answer %u\npack: {inputs: %u, targets: %u}\n",
                   k->looked, k->longest_in, k->longest_out, k->inputs, k->targets);
    omn_buf_printf(b, "# each line is seen about %llu times\nbatch: %llu\nsteps: %llu\n",
                   (unsigned long long)(steps * batch / k->train), (unsigned long long)batch,
                   (unsigned long long)steps);
    omn_buf_puts(b, "# a line that cannot be used, or lacks a field of a task, is left out of it "
                    "and counted\nbad_examples: skip\n");
    if (k->held)
        omn_buf_printf(b, "# how good it is on lines that it never saw, in log.csv\n"
                          "evaluate: {every: %llu, examples: 50}\n",
                       (unsigned long long)(steps / 4));
}

static omn_status write_recipe(const sketch *k, omn_overwrite how, omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    b->length = 0;
    put_recipe(k, b);
    OMN_TRY(omn_buf_check(b, k->path, err));
    OMN_TRY(omn_file_create(k->path, how, &f, err));
    OMN_TRY(omn_file_write(f, b->data, b->length, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    return st;
}

/* ---- room for its lessons ------------------------------------------------------------------- */

static omn_status measure(sketch *k, const omn_recipe *r, const omn_page *p, omn_error *err)
{
    for (uint32_t i = 0; i < p->n_lessons; i++) {
        const omn_lesson *l = &p->lessons[i];
        if (l->n_ids + 1 > k->longest_out) k->longest_out = l->n_ids + 1;
        for (uint32_t j = 0; j < l->n_inputs; j++) {
            int32_t *ids = NULL;
            size_t n = 0;
            if (strcmp(l->inputs[j].name, "text") != 0) continue;
            const omn_status st = trainer_tokens(r->teacher, l->inputs[j].value, &ids, &n, err);
            free(ids);
            if (st != OMN_OK) return st;
            if (n + 1 > k->longest_in) k->longest_in = (uint32_t)n + 1;
        }
    }
    return OMN_OK;
}

/* A quarter more than was seen, in sixteens. */
static uint32_t roomy(uint32_t n)
{
    return (n + n / 4 + 15) / 16 * 16;
}

/* Proves the recipe as it stands there and measures its first lessons. */
static omn_status try_it(sketch *k, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = NULL;
    omn_store *store = NULL;
    omn_model *m = NULL;
    omn_call *c = NULL;
    omn_arena *a = omn_arena_new((size_t)1 << 30);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", k->path);
    OMN_TRY(omn_recipe_open(k->ctx, k->path, NULL, 0, &r, err));
    r->hush = &k->hush;
    OMN_TRY(omn_store_new(r->setup.seed, NULL, true, &store, err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    OMN_TRY(omn_model_open(k->ctx, r->model, &how, &m, err));
    const uint32_t in = (uint32_t)model_most_tokens(m, false);
    if (in < r->setup.inputs) r->setup.inputs = in;
    OMN_TRY(recipe_prove(r, m, err));
    OMN_TRY(omn_context_call(k->ctx, 0, 0, NULL, &c, err));
    k->hush.n = 0;                        /* those of the proof are looked at again */
    for (uint32_t t = 0; t < r->n_tasks; t++)
        for (uint64_t i = 0; i < k->tried; i++) {
            omn_page p;
            omn_arena_release(a, 0);
            OMN_TRY(recipe_lessons(r, t, i, c, a, &p, err));
            st = measure(k, r, &p, err);
            for (uint32_t v = 0; v < p.n_values; v++) omn_value_unref(p.values[v]);
            if (st != OMN_OK) goto done;
        }
    k->inputs = roomy(k->longest_in);
    k->targets = roomy(k->longest_out);
    if (k->inputs > r->setup.inputs) k->inputs = r->setup.inputs;
done:
    if (r) recipe_taught(r);
    omn_call_free(c);
    omn_model_close(m);
    omn_store_free(store);
    omn_recipe_close(r);
    omn_arena_free(a);
    return st;
}

/* Is that a reason to leave a task out, and not one to give up? */
static bool untaught(omn_status st)
{
    return st == OMN_ERR_CONFIG || st == OMN_ERR_DATA;
}

/* The recipe as it is before its lessons are measured. */
static omn_status write_wide(sketch *k, omn_buf *b, omn_error *err)
{
    k->inputs = FIRST_INPUTS;
    k->targets = FIRST_TARGETS;
    k->longest_in = k->longest_out = 0;
    return write_recipe(k, OMN_OVERWRITE, b, err);
}

/* Tries each task alone and leaves out those from which nothing can be learnt. */
static omn_status sift(sketch *k, omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    bool all[N_FORMS];
    memcpy(all, k->tasks, sizeof all);
    for (size_t i = 0; i < N_FORMS && st == OMN_OK; i++) {
        omn_error why = OMN_ERROR_INIT;
        if (!all[i]) continue;
        memset(k->tasks, 0, sizeof k->tasks);
        k->tasks[i] = true;
        st = write_wide(k, b, &why);
        if (st == OMN_OK) st = try_it(k, &why);
        if (st == OMN_OK) continue;
        if (!untaught(st)) return omn_fail(err, st, "%s", why.text);
        all[i] = false;
        k->n_tasks--;
        k->refused[i] = omn_arena_strdup(k->arena, why.text);
        st = k->refused[i] ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", k->path);
    }
    memcpy(k->tasks, all, sizeof all);
    return st;
}

/* The recipe with room for its lessons, without the tasks that teach nothing beside others. */
static omn_status settle(sketch *k, omn_buf *b, omn_error *err)
{
    omn_error whole = OMN_ERROR_INIT;
    const size_t n = k->n_tasks;
    omn_status st = try_it(k, &whole);
    if (st == OMN_OK) return st;
    if (untaught(st) && n > 1) OMN_TRY(sift(k, b, err));
    if (k->n_tasks == n || !k->n_tasks) {
        st = whole.status ? (omn_status)whole.status : st;
        if (err) *err = whole;
        goto done;
    }
    OMN_TRY(write_wide(k, b, err));
    st = try_it(k, err);
done:
    return st;
}

/* What was found, for people. */
static void tell(const sketch *k, omn_buf *out)
{
    omn_buf_printf(out, "%s: %llu lines to learn from, %llu held out\n", k->folder,
                   (unsigned long long)k->train, (unsigned long long)k->held);
    for (size_t i = 0; i < k->n_fields; i++) {
        const field *f = &k->fields[i];
        omn_buf_printf(out, "  %s, %s, in %u of the %u that were looked at%s\n", f->name, f->kind,
                       f->lines, k->looked, f->taken ? "" : ": no task takes it");
    }
    if (k->hush.n)
        omn_buf_printf(out, "  %u lessons of these lines are left out, the first: %s\n", k->hush.n,
                       k->hush.first);
}

omn_status omn_recipe_suggest(omn_context *ctx, const char *folder, const char *model,
                              const char *path, omn_overwrite how, omn_buf *told, omn_error *err)
{
    omn_status st = OMN_OK;
    char whole[4400];
    sketch k = { .ctx = ctx, .folder = folder, .path = path, .model = model, .inputs = FIRST_INPUTS,
                 .targets = FIRST_TARGETS, .arena = omn_arena_new(0) };
    omn_buf b;
    bool written = false;
    omn_buf_init(&b, (size_t)1 << 20);
    if (!k.arena) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    OMN_TRY(look(&k, err));
    char *real = realpath(folder, NULL);      /* the recipe may lie elsewhere */
    k.folder = real ? omn_arena_strdup(k.arena, real) : NULL;
    free(real);
    if (k.folder && strchr(model, '/')) {     /* a folder beside us, not beside the recipe */
        real = realpath(model, NULL);
        k.model = omn_arena_strdup(k.arena, real ? real : model);
        free(real);
    } else {
        OMN_TRY(model_folder(ctx, model, whole, sizeof whole, err));
    }
    if (!k.folder || !k.model) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path));
    OMN_TRY(choose(&k, err));
    OMN_TRY(write_recipe(&k, how, &b, err));
    written = true;
    OMN_TRY(settle(&k, &b, err));
    OMN_TRY(write_recipe(&k, OMN_OVERWRITE, &b, err));
    written = false;
    tell(&k, told);
    omn_buf_put(told, b.data, b.length);
    OMN_TRY(omn_buf_check(told, path, err));
done:
    if (written) (void)remove(path);
    omn_buf_fini(&b);
    omn_arena_free(k.arena);
    return st;
}
