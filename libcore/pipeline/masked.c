/* SPDX-License-Identifier: Apache-2.0 */
/* Masked denoising of pictures and sounds as a task: the pipeline sees one and writes its codes,
 * and a lesson takes patches out of what is seen. What is taken never enters the encoder. In
 * Unified-IO (Lu et al. 2022) 75 % of the patches go and the whole picture is learnt. In Unified-IO
 * 2 (Lu et al. 2023) only what was taken is learnt, and it is hidden among what the decoder has
 * said already, for a code that is read there need not be found (the dynamic mask); half of the
 * lessons see nothing of it and write it from the other inputs. The model is told which by its own
 * prefix, with R in the brackets where it has an S. */
#include "masked.h"

#include "../train/masking.h"

#include <stdlib.h>
#include <string.h>

#define MOST_KINDS 16
#define STREAM 0x6d61736b

typedef struct kind {
    bool whole;                           /* nothing of the input is seen (S) */
    double lo, hi;                        /* the share of patches that is taken lies between */
    bool all;                             /* all is learnt, not only what was taken */
    bool hide;
} kind;

struct recipe_masked {
    const yml *at;
    const char *of;                       /* role of the input; NULL: that of what is written */
    kind kinds[MOST_KINDS];
    double weights[MOST_KINDS];
    uint32_t n;
    uint32_t rows, columns;               /* of its patches */
    int32_t grid_h, grid_w;               /* of the codes */
};

/* ---- reading -------------------------------------------------------------------------------- */

static void preset(recipe_masked *m, bool first)
{
    m->kinds[0] = (kind){ .lo = 0.75, .hi = 0.75, .all = first, .hide = !first };
    m->kinds[1] = (kind){ .whole = true };
    m->weights[0] = m->weights[1] = 1;
    m->n = first ? 1 : 2;
}

static omn_status read_kind(const yml *y, kind *k, double *weight, omn_error *err)
{
    static const char *const keys[] = { "mode", "rate", "loss", "hide", "weight", NULL };
    omn_status st = OMN_OK;
    const char *mode, *loss;
    double span[2];
    bool hide;
    OMN_TRY(yml_want(y, YML_MAP, "a denoiser", err));
    OMN_TRY(yml_only(y, keys, err));
    OMN_TRY(yml_text(yml_get(y, "mode"), &mode, "R", err));
    OMN_TRY(yml_double(yml_get(y, "weight"), 0, 1e6, weight, 1, err));
    *k = (kind){ .whole = !strcmp(mode, "S") };
    if (!k->whole && strcmp(mode, "R"))
        return yml_fail(yml_get(y, "mode"), err,
                        "\"%s\": R (patches are taken out) or S (nothing is seen) is wanted for "
                        "what is no text", mode);
    for (int i = 1; k->whole && i < 4; i++)
        if (yml_get(y, keys[i]))
            return yml_fail(yml_get(y, keys[i]), err, "S takes all: it has no %s", keys[i]);
    OMN_TRY(recipe_span(yml_get(y, "rate"), "rate", 0.001, 0.75, span, err));
    k->lo = span[0];
    k->hi = span[1];
    OMN_TRY(yml_text(yml_get(y, "loss"), &loss, "taken", err));
    k->all = !strcmp(loss, "all");
    if (!k->all && strcmp(loss, "taken"))
        return yml_fail(yml_get(y, "loss"), err, "\"%s\": taken or all is wanted", loss);
    OMN_TRY(yml_bool(yml_get(y, "hide"), &hide, !k->all, err));
    k->hide = hide && !k->whole;
done:
    return st;
}

static omn_status read_mix(recipe_masked *m, const yml *y, omn_error *err)
{
    double all = 0;
    if (y->kind == YML_SCALAR) {
        if (strcmp(y->text, "patches") && strcmp(y->text, "dynamic"))
            return yml_fail(y, err, "\"%s\": patches, dynamic or a list of denoisers is wanted for "
                            "what is no text", y->text);
        preset(m, !strcmp(y->text, "patches"));
        return OMN_OK;
    }
    const omn_status bad = yml_want(y, YML_LIST, "mix", err);
    if (bad != OMN_OK) return bad;
    if (!y->n || y->n > MOST_KINDS)
        return yml_fail(y, err, "1 to %d denoisers are wanted", MOST_KINDS);
    for (size_t i = 0; i < y->n; i++) {
        const omn_status st = read_kind(y->items[i], &m->kinds[i], &m->weights[i], err);
        if (st != OMN_OK) return st;
        all += m->weights[i];
    }
    m->n = (uint32_t)y->n;
    return all > 0 ? OMN_OK : yml_fail(y, err, "not all weights can be 0");
}

omn_status masked_read(omn_recipe *r, recipe_task *t, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "mix", "of", NULL };
    omn_status st = OMN_OK;
    if (!y) return OMN_OK;
    const yml *map = y->kind == YML_MAP ? y : NULL, *mix = map ? yml_get(map, "mix") : y;
    recipe_masked *m = omn_arena_alloc(r->arena, 1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    *m = (recipe_masked){ .at = y };
    if (map) OMN_TRY(yml_only(map, keys, err));
    if (mix) OMN_TRY(read_mix(m, mix, err));
    else preset(m, false);
    OMN_TRY(yml_text(yml_get(map, "of"), &m->of, NULL, err));
    t->masked = m;
done:
    return st;
}

/* ---- against the model ---------------------------------------------------------------------- */

/* Tasks that see the same things cannot have some of it taken away by one of them. */
static omn_status alone(const omn_recipe *r, const recipe_task *t, omn_error *err)
{
    for (size_t i = 0; i < r->n_tasks && !r->sources[t->source].one; i++) {
        const recipe_task *o = &r->tasks[i];
        if (o == t || !(o->weight > 0) || o->source != t->source || o->output != t->output)
            continue;
        return yml_fail(t->masked->at, err,
                        "denoise: the task %s sees the same examples of the source %s, from which "
                        "patches are taken: the source wants lessons: one, or each task a source "
                        "of its own", o->name, r->sources[t->source].name);
    }
    return OMN_OK;
}

omn_status masked_prove(omn_recipe *r, recipe_task *t, omn_error *err)
{
    recipe_masked *m = t->masked;
    const char *asks = omn_pipeline_asks(t->pipeline), *roles[MOST_FIELDS];
    const size_t n = omn_pipeline_roles(t->pipeline, roles, MOST_FIELDS);
    uint32_t times = 0;
    if (!m) return OMN_OK;
    if (!m->of) m->of = asks;
    for (size_t i = 0; i < n && i < MOST_FIELDS; i++) times += !strcmp(roles[i], m->of);
    if (times != 1)
        return yml_fail(m->at, err, "denoise: the pipeline %s has %u inputs \"%s\", one is wanted "
                        "to take patches from (of: which)", t->file, times, m->of);
    const omn_codes *codes = omn_part_codes(omn_model_decoder(r->teacher, asks));
    if (!codes || codes->count < 1 || (int64_t)codes->grid_h * codes->grid_w != codes->count)
        return yml_fail(m->at, err, "denoise: \"%s\" has no grid of codes", asks);
    m->grid_h = codes->grid_h;
    m->grid_w = codes->grid_w;
    if (!patches_places(omn_model_encoder(r->teacher, m->of), &m->rows, &m->columns))
        return yml_fail(m->at, err, "denoise: the encoder of \"%s\" has no grid of patches that "
                                    "can be taken out one by one", m->of);
    return alone(r, t, err);
}

const char *masked_role(const recipe_task *t)
{
    return t->masked ? t->masked->of : NULL;
}

bool masked_hides(const recipe_task *t)
{
    for (uint32_t i = 0; t->masked && i < t->masked->n; i++)
        if (t->masked->kinds[i].hide && t->masked->weights[i] > 0) return true;
    return false;
}

/* ---- a lesson ------------------------------------------------------------------------------- */

/* Nothing of the input is seen. */
static void leave_out(const recipe_masked *m, omn_pipeline_taught *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n_inputs; i++)
        if (strcmp(l->inputs[i].name, m->of)) l->inputs[n++] = l->inputs[i];
        else omn_value_unref(l->inputs[i].value);
    l->n_inputs = n;
}

/* The first text begins with the model's prefix: R in its brackets. */
static omn_status say_mode(const omn_recipe *r, omn_pipeline_taught *l, omn_error *err)
{
    const char *prefix = omn_model_prefix(r->teacher, l->output), *mode = strstr(prefix, "[S]");
    uint32_t i = 0;
    while (i < l->n_inputs && strcmp(l->inputs[i].name, "text")) i++;
    if (!mode || i == l->n_inputs) return OMN_OK;
    size_t n = 0;
    const char *text = omn_text_get(l->inputs[i].value, &n);
    omn_value *v = NULL;
    char *own = text && !strncmp(text, prefix, strlen(prefix)) ? malloc(n + 1) : NULL;
    if (!own) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    memcpy(own, text, n);
    own[mode - prefix + 1] = 'R';
    const omn_status st = omn_text_new(own, n, &v, err);
    free(own);
    if (st != OMN_OK) return st;
    omn_value_unref(l->inputs[i].value);
    l->inputs[i].value = v;
    return OMN_OK;
}

/* Codes that are seen count nothing. */
static omn_status weigh(omn_pipeline_taught *l, const uint8_t *taken, omn_error *err)
{
    if (!l->want.weights) omn_ids_weigh(&l->want, 0, 1);
    if (!l->want.weights) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    for (size_t i = 0; i < l->want.count; i++)
        if (!taken[i]) l->want.weights[i] = 0;
    return OMN_OK;
}

omn_status masked_make(const omn_recipe *r, const recipe_task *t, uint64_t page, omn_arena *a,
                       omn_pipeline_taught *l, masked_lesson *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const recipe_masked *m = t->masked;
    const uint64_t task = (uint64_t)(t - r->tasks);
    denoise_dice d = { omn_random_at(r->setup.seed, STREAM + task, page), STREAM, 0 };
    const kind *k = &m->kinds[denoise_draw(&d, m->weights, m->n)];
    const uint32_t n = m->rows * m->columns, codes = (uint32_t)(m->grid_h * m->grid_w);
    *out = (masked_lesson){ .found = !k->whole && !k->all };
    if (k->whole) {
        leave_out(m, l);
        return OMN_OK;
    }
    if (l->want.count != codes)
        return omn_fail(err, OMN_ERR_DATA, "%zu codes are wanted, the grid has %u", l->want.count,
                        codes);
    uint8_t *hidden = omn_arena_alloc(a, n, 1), *taken = omn_arena_alloc(a, codes, 1);
    if (!hidden || !taken) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    const double rate = k->lo + (k->hi - k->lo) * masking_uniform(&d);
    masking_take(&d, rate, n, hidden);
    masking_resize(hidden, m->rows, m->columns, taken, (uint32_t)m->grid_h, (uint32_t)m->grid_w);
    out->hidden = (omn_hidden){ .role = m->of, .n = n, .hidden = hidden };
    out->noised = k->hide ? taken : NULL;
    OMN_TRY(say_mode(r, l, err));
    if (out->found) OMN_TRY(weigh(l, taken, err));
done:
    return st;
}
