/* SPDX-License-Identifier: Apache-2.0 */
/* Words taken out of a text, as a task: an input of the pipeline is shown with gaps, and wanted is
 * what stood in them, or the whole text. It is done with words, before there are tokens, so that
 * the pipeline's own prompt stands around them and all else that it sees stays. VL-T5 (Cho et al.
 * 2021) takes words one by one, neighbours leave one gap, each gap has a mark of its own; OFA (Wang
 * et al. 2022) as BART (Lewis et al. 2020) takes spans whose lengths are drawn from a Poisson
 * distribution of mean 3, each leaves the same mark, also one of no length, put between words. */
#include "gaps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM 0x67617073
#define MOST_WORDS ((size_t)1 << 20)
#define MOST_MARKS 1000
#define MOST_SPAN 128

typedef struct word { const char *at; size_t n; } word;

/* What became of a word. */
enum { KEPT, FIRST, GONE };             /* FIRST: its gap's mark stands there */

/* ---- a text --------------------------------------------------------------------------------- */

static size_t split(const char *text, word *out, size_t room)
{
    size_t n = 0;
    for (const char *p = text; *p && n < room;) {
        p += strspn(p, " \t\n\r");
        const size_t length = strcspn(p, " \t\n\r");
        if (length) out[n++] = (word){ p, length };
        p += length;
    }
    return n;
}

static uint32_t poisson(denoise_dice *d, double mean)
{
    const double u = (double)(omn_random_at(d->seed, d->stream, d->at++) >> 11) * 0x1p-53;
    double p = exp(-mean), sum = p;
    uint32_t k = 0;
    while (u >= sum && k < MOST_SPAN) sum += p *= mean / ++k;
    return k;
}

/* `count` of n numbers, each set of them as likely, in an order of chance; order: room for n. */
static void choose(denoise_dice *d, uint32_t *order, size_t n, size_t count)
{
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = 0; i < count; i++) {
        const size_t k = i + (size_t)denoise_below(d, n - i);
        const uint32_t other = order[i];
        order[i] = order[k];
        order[k] = other;
    }
}

static void one_by_one(const gaps_how *how, denoise_dice *d, size_t n, uint32_t *order,
                       uint8_t *state)
{
    size_t count = (size_t)fmax(how->rate * (double)n, 1);
    if (count > how->most) count = how->most;
    choose(d, order, n, count);
    for (size_t i = 0; i < count; i++) state[order[i]] = FIRST;
    for (size_t i = n; i-- > 1;)
        if (state[i] == FIRST && state[i - 1] == FIRST) state[i] = GONE;
}

/* Gaps of so many words altogether, those without any as marks before a word: before[i]. */
static void spans(const gaps_how *how, denoise_dice *d, size_t n, uint32_t *order, uint8_t *state,
                  uint8_t *before)
{
    size_t left = (size_t)ceil(how->rate * (double)n), gaps = 0, most = how->most;
    uint32_t length[MOST_MARKS];
    if (most > n) most = n;
    while (left && most) {
        uint32_t k = poisson(d, how->span);
        if (k > left) k = (uint32_t)left;
        left -= k;
        most--;
        if (k) length[gaps++] = k;
        else before[denoise_below(d, n)]++;
    }
    choose(d, order, n, gaps);
    for (size_t i = 0; i < gaps; i++)
        if (state[order[i]] == KEPT) state[order[i]] = FIRST;
    for (size_t i = 0; i < gaps; i++)
        for (size_t k = order[i] + 1; k < n && k < (size_t)order[i] + length[i]; k++)
            state[k] = GONE;
}

static void put(omn_buf *b, const char *text, size_t n)
{
    if (b->length) omn_buf_puts(b, " ");
    omn_buf_put(b, text, n);
}

static void put_mark(const gaps_how *how, uint32_t number, omn_buf *b)
{
    char text[96];
    const char *hole = strstr(how->mark, "{}");
    if (!hole) omn_format(text, sizeof text, "%.60s", how->mark);
    else
        omn_format(text, sizeof text, "%.*s%d%s", (int)(hole - how->mark), how->mark, (int)number,
                   hole + 2);
    put(b, text, strlen(text));
}

static void write(const gaps_how *how, const word *w, size_t n, const uint8_t *state,
                  const uint8_t *before, omn_buf *shown, omn_buf *wanted)
{
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < before[i] + (state[i] == FIRST); k++, number++) {
            put_mark(how, number, shown);
            if (!how->whole) put_mark(how, number, wanted);
        }
        if (state[i] == KEPT) put(shown, w[i].at, w[i].n);
        else if (!how->whole) put(wanted, w[i].at, w[i].n);
    }
}

omn_status gaps_make(const gaps_how *how, denoise_dice *d, const char *text, omn_buf *shown,
                     omn_buf *wanted, omn_error *err)
{
    omn_status st = OMN_OK;
    char mark[64];
    omn_format(mark, sizeof mark, "%.*s", (int)strcspn(how->mark, "{"), how->mark);
    if (*mark && strstr(text, mark))
        return omn_fail(err, OMN_ERR_DATA, "the text has \"%s\" already, which marks what is taken "
                                           "out", mark);
    const size_t room = strlen(text) / 2 + 1 < MOST_WORDS ? strlen(text) / 2 + 1 : MOST_WORDS;
    word *w = calloc(room, sizeof *w);
    uint32_t *order = calloc(room, sizeof *order);
    uint8_t *state = calloc(room, 2);
    const size_t n = w ? split(text, w, room) : 0;
    if (!w || !order || !state) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    } else if (!n) {
        st = omn_fail(err, OMN_ERR_DATA, "the text has no word that could be taken out");
    } else {
        if (how->span > 0) spans(how, d, n, order, state, state + room);
        else one_by_one(how, d, n, order, state);
        write(how, w, n, state, state + room, shown, wanted);
        if (how->whole) omn_buf_puts(wanted, text);
        if (shown->failed || wanted->failed)
            st = omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    }
    free(w);
    free(order);
    free(state);
    return st;
}

/* ---- the key -------------------------------------------------------------------------------- */

omn_status gaps_read(omn_recipe *r, recipe_task *t, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "in", "rate", "span", "mark", "marks", "want", NULL };
    omn_status st = OMN_OK;
    const char *want;
    int64_t most;
    if (!y) return OMN_OK;
    gaps_how *g = omn_arena_alloc(r->arena, 1, sizeof *g);
    if (!g) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    OMN_TRY(yml_want(y, YML_MAP, "gaps", err));
    OMN_TRY(yml_only(y, keys, err));
    OMN_TRY(yml_text(yml_get(y, "in"), &t->gaps_in, "text", err));
    OMN_TRY(yml_double(yml_get(y, "rate"), 0.001, 1, &g->rate, 0.15, err));
    OMN_TRY(yml_double(yml_get(y, "span"), 0, 32, &g->span, 0, err));
    OMN_TRY(yml_text(yml_get(y, "mark"), &g->mark, "<extra_id_{}>", err));
    OMN_TRY(yml_int(yml_get(y, "marks"), 1, MOST_MARKS, &most, 100, err));
    OMN_TRY(yml_text(yml_get(y, "want"), &want, "gaps", err));
    g->most = (uint32_t)most;
    g->whole = !strcmp(want, "whole");
    if (!g->whole && strcmp(want, "gaps"))
        return yml_fail(yml_get(y, "want"), err, "\"%s\": gaps (what stood in them) or whole (the "
                                                 "text) is wanted", want);
    if (!*g->mark || strlen(g->mark) > 60 || strchr(g->mark, ' '))
        return yml_fail(yml_get(y, "mark"), err, "\"%.60s\": a short word is wanted, {} in it for "
                                                 "the number of the gap", g->mark);
    if (!g->whole && !strstr(g->mark, "{}"))
        return yml_fail(yml_get(y, "mark"), err, "\"%s\": gaps that are wanted need {} in their "
                                                 "mark, which tells them apart", g->mark);
    bool given = false;
    for (size_t i = 0; i < t->n_give; i++) given = given || !strcmp(t->give[i].name, t->gaps_in);
    if (!given)
        return yml_fail(y, err, "gaps: the task gives no \"%s\" (in: which input has the text)",
                        t->gaps_in);
    t->gaps = g;
    t->gaps_at = y;
done:
    return st;
}

omn_status gaps_prove(const omn_recipe *r, const recipe_task *t, omn_error *err)
{
    const gaps_how *g = t->gaps;
    omn_buf b;
    int32_t ids[2];
    size_t n = 0;
    if (!g) return OMN_OK;
    for (uint32_t i = 0; i < (strstr(g->mark, "{}") ? g->most : 1); i++) {
        omn_buf_init(&b, 128);
        put_mark(g, i, &b);
        const omn_status st = omn_model_tokens(r->teacher, b.data ? b.data : "", ids, 2, &n, NULL);
        const bool one = st == OMN_OK && n == 1;
        const omn_status bad =
            one ? OMN_OK
                : yml_fail(t->gaps_at, err, "gaps: \"%s\" is no token of the model's tokenizer%s",
                           b.data ? b.data : "", i ? " (marks: how many there are)" : "");
        omn_buf_fini(&b);
        if (bad != OMN_OK) return bad;
    }
    return OMN_OK;
}

/* ---- a lesson ------------------------------------------------------------------------------- */

omn_status gaps_item(const omn_recipe *r, const recipe_task *t, uint64_t number, task_item *item,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value **in = NULL, *shown = NULL, *wanted = NULL;
    omn_buf a, b;
    const uint64_t task = (uint64_t)(t - r->tasks);
    denoise_dice d = { omn_random_at(r->setup.seed, STREAM + task, number), STREAM, 0 };
    if (!t->gaps) return OMN_OK;
    omn_buf_init(&a, OMN_TEXT_MOST);
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (size_t i = 0; i < item->n_give; i++)
        if (!strcmp(item->give[i].name, t->gaps_in)) in = &item->give[i].value;
    if (!in || !omn_value_is(*in, "text"))
        OMN_TRY(omn_fail(err, OMN_ERR_TYPE, "gaps: \"%s\" is %s, a text is wanted", t->gaps_in,
                         in ? omn_value_kind_name(*in) : "not there"));
    OMN_TRY(gaps_make(t->gaps, &d, omn_text_get(*in, NULL), &a, &b, err));
    OMN_TRY(omn_text_new(a.data ? a.data : "", a.length, &shown, err));
    OMN_TRY(omn_text_new(b.data ? b.data : "", b.length, &wanted, err));
    omn_value_unref(*in);
    omn_value_unref(item->want);
    *in = shown;
    item->want = wanted;
    shown = wanted = NULL;
done:
    omn_value_unref(shown);
    omn_value_unref(wanted);
    omn_buf_fini(&a);
    omn_buf_fini(&b);
    return st;
}
