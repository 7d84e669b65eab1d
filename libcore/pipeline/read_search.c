/* SPDX-License-Identifier: Apache-2.0 */
/* How a generating step searches for its answer: beams, limits on what is repeated, several answers
 * at once, guessed windows, and the other conditions that guide it. */
#include "read.h"

#include <string.h>

static omn_status read_choice(const yml *y, const char *one, const char *other, bool *second,
                              omn_error *err)
{
    const char *t;
    *second = false;
    TRY_READ(yml_text(y, &t, one, err));
    *second = !strcmp(t, other);
    return *second || !strcmp(t, one) ? OMN_OK : yml_fail(y, err, "%s or %s", one, other);
}

static omn_status read_stop(const yml *y, omn_beam_stop *stop, omn_error *err)
{
    static const char *const words[] = { "bound", "full", "best", "never" };
    const char *t;
    TRY_READ(yml_text(y, &t, words[0], err));
    for (int i = 0; i < 4; i++) {
        *stop = (omn_beam_stop)i;
        if (!strcmp(t, words[i])) return OMN_OK;
    }
    return yml_fail(y, err, "bound, full, best or never");
}

/* {weight: -1.5, from: {...}, prompt: "..."}: log-probabilities under this condition, by weight. */
static omn_status read_guide(omn_pipeline *p, const yml *y, guide *g, omn_error *err)
{
    static const char *const keys[] = { "weight", "from", "prompt", NULL };
    const yml *prompt = yml_get(y, "prompt");
    TRY_READ(yml_want(y, YML_MAP, "guidance", err));
    TRY_READ(yml_only(y, keys, err));
    if (!yml_get(y, "weight"))
        return yml_fail(y, err, "weight: how much this condition counts; below 0: away from it");
    TRY_READ(read_number(p, yml_get(y, "weight"), "weight", -1000, 1000, &g->weight, err));
    g->from = omn_arena_alloc(p->arena, MOST_FROM, sizeof *g->from);
    if (!g->from) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    TRY_READ(read_from(p, yml_get(y, "from"), g->from, &g->n_from, err));
    TRY_READ(yml_text(prompt, &g->prompt, NULL, err));
    return prompt ? template_read(p, prompt, g->prompt, &g->words, &g->n_words, err) : OMN_OK;
}

static omn_status read_guides(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    const size_t n = !y ? 0 : y->kind == YML_LIST ? y->n : 1;
    if (n > MOST_FROM) return yml_fail(y, err, "more than %d conditions", MOST_FROM);
    s->search.guides = omn_arena_alloc(p->arena, n + 1, sizeof *s->search.guides);
    if (!s->search.guides)
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (size_t i = 0; i < n; i++)
        TRY_READ(read_guide(p, y->kind == YML_LIST ? y->items[i] : y, &s->search.guides[i], err));
    s->search.n_guides = n;
    return OMN_OK;
}

omn_status read_search(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "beams",  "length_penalty", "penalty", "no_repeat", "least",
                                        "n_best", "scheme",         "window",  "stop",
                                        "length_extra", "open_extra", "among", NULL };
    const yml *q = yml_get(y, "search"), *guidance = yml_get(y, "guidance");
    plan_search *h = &s->search;
    if (q) {
        TRY_READ(yml_want(q, YML_MAP, "search", err));
        TRY_READ(yml_only(q, keys, err));
    }
    if ((q || guidance) && s->answer.chooses)
        return yml_fail(q ? q : guidance, err, "nothing is searched for where options are scored");
    TRY_READ(yml_int(yml_get(q, "beams"), 1, 256, &h->beams, 0, err));
    TRY_READ(yml_int(yml_get(q, "least"), 0, 65536, &h->least, 0, err));
    TRY_READ(yml_int(yml_get(q, "no_repeat"), 0, 64, &h->no_repeat, 0, err));
    TRY_READ(yml_int(yml_get(q, "n_best"), 1, 256, &h->n_best, 0, err));
    TRY_READ(yml_int(yml_get(q, "window"), 1, 256, &h->window, 0, err));
    TRY_READ(yml_double(yml_get(q, "length_penalty"), -10, 10, &h->length_penalty, 0, err));
    TRY_READ(yml_int(yml_get(q, "length_extra"), -8, 8, &h->length_extra, 0, err));
    TRY_READ(yml_int(yml_get(q, "open_extra"), -8, 8, &h->open_extra, 0, err));
    TRY_READ(read_stop(yml_get(q, "stop"), &h->stop, err));
    TRY_READ(yml_bool(yml_get(q, "among"), &h->among, false, err));
    TRY_READ(read_choice(yml_get(q, "penalty"), "power", "sixths", &h->sixths, err));
    TRY_READ(read_choice(yml_get(q, "scheme"), "left", "jacobi", &h->jacobi, err));
    if (h->beams <= 1 && (yml_get(q, "length_penalty") || yml_get(q, "penalty") ||
                          yml_get(q, "length_extra") || yml_get(q, "open_extra")))
        return yml_fail(q, err, "a penalty of length is for beams: beams: 4");
    if (h->beams <= 1 && yml_get(q, "stop"))
        return yml_fail(yml_get(q, "stop"), err, "stop is for beams: beams: 4");
    if (h->beams <= 1 && h->among)
        return yml_fail(yml_get(q, "among"), err, "among is for beams: beams: 4");
    if (yml_get(q, "window") && !h->jacobi)
        return yml_fail(yml_get(q, "window"), err, "a window is for scheme: jacobi");
    return read_guides(p, guidance, s, err);
}
