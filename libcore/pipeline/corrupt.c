/* SPDX-License-Identifier: Apache-2.0 */
/* Denoising of texts as a task: the pipeline writes a text as its answer, and the lesson shows what
 * is left of that text in place of the pipeline's prompt. Which denoiser a lesson has is drawn by
 * weight; the mixture "ul2" is that of Tay et al. (2022): R few and short spans, S the end of the
 * text, X many or long ones; "spans" is that of Raffel et al. (2020), 15 % in spans of 3. The model
 * is told which one by its own prefix, with R, S or X in the brackets where it has an S. */
#include "corrupt.h"

#include "../generate/row.h"
#include "../train/denoise.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KINDS 16
#define MOST_SENTINELS 1000
#define STREAM 0x6e6f697365

typedef struct kind {
    char mode;                            /* R, S, X */
    denoise_how how;
    int32_t *prefix;                      /* ids, owned by the recipe's arena */
    uint32_t n_prefix;
} kind;

struct recipe_denoise {
    const yml *at;
    kind kinds[MOST_KINDS];
    double weights[MOST_KINDS];
    uint32_t n;
    const char *spelt;                    /* a sentinel, {} for its number */
    int64_t first, most;
    int32_t *sentinels;
    uint32_t n_sentinels;
};

static const kind ul2[] = {
    { 'R', { 0.15, 3 }, NULL, 0 },  { 'R', { 0.15, 8 }, NULL, 0 },  { 'S', { 0.25, 0 }, NULL, 0 },
    { 'X', { 0.5, 3 }, NULL, 0 },   { 'X', { 0.5, 8 }, NULL, 0 },   { 'X', { 0.15, 64 }, NULL, 0 },
    { 'X', { 0.5, 64 }, NULL, 0 },
};

static void preset(recipe_denoise *d, const kind *list, uint32_t n)
{
    d->n = n;
    for (uint32_t i = 0; i < n; i++) {
        d->kinds[i] = list[i];
        d->weights[i] = 1;
    }
}

static omn_status read_kind(const yml *y, kind *k, double *weight, omn_error *err)
{
    static const char *const keys[] = { "mode", "rate", "span", "weight", NULL };
    omn_status st = OMN_OK;
    const char *mode;
    OMN_TRY(yml_want(y, YML_MAP, "a denoiser", err));
    OMN_TRY(yml_only(y, keys, err));
    OMN_TRY(yml_text(yml_get(y, "mode"), &mode, "R", err));
    if (strlen(mode) != 1 || !strchr("RSX", mode[0]))
        return yml_fail(yml_get(y, "mode"), err, "\"%s\": one of R, S, X is wanted", mode);
    k->mode = mode[0];
    OMN_TRY(yml_double(yml_get(y, "rate"), 0.001, 1, &k->how.rate, mode[0] == 'S' ? 0.25 : 0.15,
                       err));
    OMN_TRY(yml_double(yml_get(y, "span"), 1, 1e6, &k->how.span, mode[0] == 'S' ? 0 : 3, err));
    if (mode[0] == 'S' && k->how.span > 0)
        return yml_fail(yml_get(y, "span"), err, "S takes the end of a text: it has no span");
    return yml_double(yml_get(y, "weight"), 0, 1e6, weight, 1, err);
done:
    return st;
}

static omn_status read_mix(recipe_denoise *d, const yml *y, omn_error *err)
{
    double all = 0;
    if (y->kind == YML_SCALAR) {
        if (!strcmp(y->text, "ul2")) preset(d, ul2, sizeof ul2 / sizeof *ul2);
        else if (!strcmp(y->text, "spans")) preset(d, ul2, 1);
        else
            return yml_fail(y, err, "\"%s\": ul2, spans or a list of denoisers is wanted for texts",
                            y->text);
        return OMN_OK;
    }
    const omn_status bad = yml_want(y, YML_LIST, "mix", err);
    if (bad != OMN_OK) return bad;
    if (!y->n || y->n > MOST_KINDS)
        return yml_fail(y, err, "1 to %d denoisers are wanted", MOST_KINDS);
    for (size_t i = 0; i < y->n; i++) {
        const omn_status st = read_kind(y->items[i], &d->kinds[i], &d->weights[i], err);
        if (st != OMN_OK) return st;
        all += d->weights[i];
    }
    d->n = (uint32_t)y->n;
    return all > 0 ? OMN_OK : yml_fail(y, err, "not all weights can be 0");
}

omn_status corrupt_read(omn_recipe *r, recipe_task *t, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "mix", "sentinel", "first", "sentinels", NULL };
    omn_status st = OMN_OK;
    if (!y) return OMN_OK;
    const yml *map = y->kind == YML_MAP ? y : NULL, *mix = map ? yml_get(map, "mix") : y;
    recipe_denoise *d = omn_arena_alloc(r->arena, 1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    *d = (recipe_denoise){ .at = y };
    if (map) OMN_TRY(yml_only(map, keys, err));
    if (mix) OMN_TRY(read_mix(d, mix, err));
    else preset(d, ul2, sizeof ul2 / sizeof *ul2);
    OMN_TRY(yml_text(yml_get(map, "sentinel"), &d->spelt, "<extra_id_{}>", err));
    if (!strstr(d->spelt, "{}") || strlen(d->spelt) > 60)
        return yml_fail(yml_get(map, "sentinel"), err,
                        "\"%s\": a short text with {} for the number is wanted", d->spelt);
    OMN_TRY(yml_int(yml_get(map, "first"), 0, 100000, &d->first, 0, err));
    OMN_TRY(yml_int(yml_get(map, "sentinels"), 1, MOST_SENTINELS, &d->most, 100, err));
    t->denoise = d;
done:
    return st;
}

/* ---- the model's sentinels and prefixes ----------------------------------------------------- */

static void spell(const recipe_denoise *d, int64_t number, char *out, size_t room)
{
    const char *hole = strstr(d->spelt, "{}");
    snprintf(out, room, "%.*s%lld%s", (int)(hole - d->spelt), d->spelt, (long long)number,
             hole + 2);
}

/* Tokens that stand for nothing but themselves: as many as the tokenizer has. */
static omn_status find_sentinels(omn_recipe *r, recipe_denoise *d, omn_error *err)
{
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->teacher, "text"));
    char text[96];
    d->sentinels = omn_arena_alloc(r->arena, (size_t)d->most, sizeof *d->sentinels);
    if (!d->sentinels) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    d->n_sentinels = 0;
    for (int64_t i = 0; i < d->most; i++) {
        int32_t id[2] = { -1, -1 };
        size_t n = 0;
        spell(d, d->first + i, text, sizeof text);
        const omn_status st = omn_model_tokens(r->teacher, text, id, 2, &n, NULL);
        if (st != OMN_OK || n != 1) break;
        const omn_range *taken = vocab_stands_for(v, id[0]);
        if (taken)
            return yml_fail(d->at, err,
                            "denoise: the sentinel %s is a token of \"%s\" in this model; first: "
                            "and sentinels: say which ones are free", text, taken->name);
        d->sentinels[d->n_sentinels++] = id[0];
    }
    if (d->n_sentinels) return OMN_OK;
    spell(d, d->first, text, sizeof text);
    return yml_fail(d->at, err, "denoise: the model's tokenizer has no token %s", text);
}

/* The model's prefix for texts with the denoiser's letter in it. */
static omn_status find_prefix(omn_recipe *r, kind *k, omn_error *err)
{
    char text[256];
    int32_t *ids = NULL;
    size_t n = 0;
    snprintf(text, sizeof text, "%s", omn_model_prefix(r->teacher, "text"));
    char *mode = strstr(text, "[S]");
    if (mode) mode[1] = k->mode;
    size_t end = strlen(text);
    while (end && text[end - 1] == ' ') text[--end] = 0;
    k->n_prefix = 0;
    if (!end) return OMN_OK;
    omn_status st = omn_model_all_tokens(r->teacher, text, &ids, &n, err);
    if (st == OMN_OK) k->prefix = omn_arena_alloc(r->arena, n + 1, sizeof *k->prefix);
    if (st == OMN_OK && !k->prefix)
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    if (st == OMN_OK) {
        memcpy(k->prefix, ids, n * sizeof *ids);
        k->n_prefix = (uint32_t)n;
    }
    free(ids);
    return st;
}

static uint32_t room_of(const omn_recipe *r, const recipe_task *t, const kind *k)
{
    const uint32_t front = k->n_prefix + 1u;          /* and the end token */
    const recipe_denoise *d = t->denoise;
    const uint32_t targets = pack_room(r, t);
    if (r->setup.inputs <= front || targets < 2) return 0;
    const uint32_t n = denoise_room(&k->how, r->setup.inputs - front, targets - 1);
    const uint32_t most = k->how.span > 0 ? (uint32_t)(d->n_sentinels * k->how.span / k->how.rate)
                                          : n;        /* longer ones would have longer spans */
    return n < most || most < 2 ? n : most;
}

omn_status corrupt_prove(omn_recipe *r, recipe_task *t, omn_error *err)
{
    omn_status st = OMN_OK;
    recipe_denoise *d = t->denoise;
    bool texts = false, marks = false;
    const char *roles[MOST_FIELDS];
    const size_t n = omn_pipeline_roles(t->pipeline, roles, MOST_FIELDS);
    if (!d) return OMN_OK;
    for (size_t i = 0; i < n && i < MOST_FIELDS; i++) texts = texts || !strcmp(roles[i], "text");
    if (strcmp(omn_pipeline_asks(t->pipeline), "text") != 0 || !texts || teacher_takes(t->teacher))
        return yml_fail(d->at, err, "denoise: the pipeline %s does not read a text and write one",
                        t->file);
    if (model_row(r->teacher))
        return yml_fail(d->at, err, "denoise: this model reads its inputs in the rows of its "
                                    "answers, it has no place for a text with parts taken out");
    for (uint32_t i = 0; i < d->n; i++) {
        OMN_TRY(find_prefix(r, &d->kinds[i], err));
        marks = marks || d->kinds[i].how.span > 0;
    }
    if (marks) OMN_TRY(find_sentinels(r, d, err));
    for (uint32_t i = 0; i < d->n; i++)
        if (room_of(r, t, &d->kinds[i]) < 2)
            return yml_fail(d->at, err, "denoise: rows of %u and %u tokens have no room for a text "
                                        "(pack)", r->setup.inputs, pack_room(r, t));
done:
    return st;
}

/* ---- a lesson ------------------------------------------------------------------------------- */

/* The lesson's last text is what is left. */
static omn_status show(omn_pipeline_taught *l, const int32_t *ids, size_t n, omn_error *err)
{
    omn_value *v = NULL;
    uint32_t i = l->n_inputs;
    while (i > 0 && strcmp(l->inputs[i - 1].name, "text") != 0) i--;
    if (!i) return omn_fail(err, OMN_ERR_DATA, "the pipeline reads no text for this example");
    const omn_status st = omn_tokens_new(ids, n, "text", &v, err);
    if (st != OMN_OK) return st;
    omn_value_unref(l->inputs[i - 1].value);
    l->inputs[i - 1].value = v;
    return OMN_OK;
}

static omn_status want(omn_pipeline_taught *l, const int32_t *ids, uint32_t n, omn_error *err)
{
    free(l->fed);                         /* it stood for the ids that go */
    l->fed = NULL;
    omn_ids_fini(&l->want);
    omn_ids_init(&l->want, n + 1u);
    for (uint32_t i = 0; i < n; i++) omn_ids_put(&l->want, ids[i]);
    return l->want.failed ? omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory") : OMN_OK;
}

omn_status corrupt_lesson(const omn_recipe *r, const recipe_task *t, uint64_t number,
                          omn_pipeline_taught *l, omn_error *err)
{
    omn_status st = OMN_OK;
    const recipe_denoise *d = t->denoise;
    const uint64_t task = (uint64_t)(t - r->tasks);
    denoise_dice dice = { omn_random_at(r->setup.seed, STREAM + task, number), STREAM, 0 };
    const kind *k = &d->kinds[denoise_draw(&dice, d->weights, d->n)];
    const uint32_t room = room_of(r, t, k);
    uint32_t n_seen = 0, n_want = 0, from = 0, n = (uint32_t)l->want.count;
    if (l->want.count < 2)
        return omn_fail(err, OMN_ERR_DATA, "the text has %zu tokens, 2 are wanted to take one out",
                        l->want.count);
    if (n > room) {                       /* some part of a long text */
        from = (uint32_t)denoise_below(&dice, n - room + 1u);
        n = room;
    }
    const bool marks = k->how.span > 0;
    int32_t *seen = calloc((size_t)k->n_prefix + n + d->n_sentinels + 1u, sizeof *seen);
    int32_t *out = calloc((size_t)n + d->n_sentinels + 1u, sizeof *out);
    if (!seen || !out) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
        goto done;
    }
    if (k->n_prefix) memcpy(seen, k->prefix, k->n_prefix * sizeof *seen);
    denoise_split(&k->how, l->want.ids + from, n, marks ? d->sentinels : NULL, d->n_sentinels,
                  &dice, seen + k->n_prefix, &n_seen, out, &n_want);
    OMN_TRY(show(l, seen, (size_t)k->n_prefix + n_seen, err));
    OMN_TRY(want(l, out, n_want, err));
done:
    free(seen);
    free(out);
    return st;
}
