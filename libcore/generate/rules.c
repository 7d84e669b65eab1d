/* SPDX-License-Identifier: Apache-2.0 */
/* Building rules: terms in an arena, checked as they are made; the first failure stays. Answers
 * build their rules once when they are opened. */
#include "rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ARENA ((size_t)256 << 20)

/* ---- ids ------------------------------------------------------------------------------------- */

void omn_ids_init(omn_ids *w, size_t most) { *w = (omn_ids){ .most = most }; }

void omn_ids_fini(omn_ids *w)
{
    free(w->ids);
    free(w->weights);
    *w = (omn_ids){ .most = w->most };
}

static bool have_room(omn_ids *w, size_t more)
{
    if (w->failed || more > w->most - w->count) {
        w->failed = true;
        return false;
    }
    if (w->count + more <= w->room) return true;
    size_t room = w->room ? w->room : 64;
    while (room < w->count + more) room *= 2;
    if (room > w->most) room = w->most;
    int32_t *p = reallocarray(w->ids, room, sizeof *p);
    if (p) w->ids = p;
    float *weights = p && w->weights ? reallocarray(w->weights, room, sizeof *weights) : NULL;
    if (weights) w->weights = weights;
    if (!p || (w->weights && !weights)) {
        w->failed = true;
        return false;
    }
    w->room = room;
    return true;
}

/* The ids behind the last one are there now. */
static void grown(omn_ids *w, size_t more)
{
    for (size_t i = w->count; w->weights && i < w->count + more; i++) w->weights[i] = 1;
    w->count += more;
}

void omn_ids_put(omn_ids *w, int32_t id)
{
    if (!have_room(w, 1)) return;
    w->ids[w->count] = id;
    grown(w, 1);
}

void omn_ids_weigh(omn_ids *w, size_t from, double weight)
{
    if (!w->weights) {
        w->weights = calloc(w->room ? w->room : 1, sizeof *w->weights);
        if (!w->weights) {
            w->failed = true;
            return;
        }
        for (size_t i = 0; i < w->count; i++) w->weights[i] = 1;
    }
    for (size_t i = from; i < w->count; i++) w->weights[i] = (float)weight;
}

omn_status omn_ids_text(omn_ids *w, const omn_part *tokenizer, const char *text, size_t n,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    size_t count = 0;
    if (!n) return OMN_OK;
    /* a piece has at least one byte, and a tokenizer may add a few of its own in front */
    const size_t most = w->most - w->count;
    size_t room = n < most ? n + 16 : most;
    /* one character can stand for many pieces: the first try says how many then */
    for (;;) {
        omn_error why = OMN_ERROR_INIT;
        if (room > most) room = most;
        if (w->failed || !have_room(w, room))
            return omn_fail(err, OMN_ERR_MEMORY, "%zu ids of a text: out of memory", room);
        int32_t *at = room > 0 ? w->ids + w->count : NULL;
        st = omn_codec_encode(tokenizer, text, n, at, room, &count, &why);
        if (st == OMN_OK) break;
        if (st != OMN_ERR_DATA || count <= room || room == most) {
            if (err) *err = why;
            return st;
        }
        room = count > 8 * room ? count : 8 * room;
    }
    grown(w, count);
    return OMN_OK;
}

/* ---- the builder ----------------------------------------------------------------------------- */

omn_status rules_new(const omn_vocab *vocab, const omn_part *tokenizer, omn_rules **out,
                     omn_error *err)
{
    omn_rules *r = calloc(1, sizeof *r);
    omn_arena *a = omn_arena_new(MOST_ARENA);
    if (!r || !a) {
        free(r);
        omn_arena_free(a);
        return omn_fail(err, OMN_ERR_MEMORY, "the rules of an answer: out of memory");
    }
    *r = (omn_rules){ .arena = a, .first = OMN_ERROR_INIT, .vocab = vocab,
                      .tokenizer = tokenizer };
    *out = r;
    return OMN_OK;
}

void rules_free(omn_rules *r)
{
    if (!r) return;
    omn_arena_free(r->arena);
    free(r->names);
    free(r);
}

const omn_vocab *omn_rules_vocabulary(const omn_rules *r) { return r->vocab; }

OMN_PRINTF(6, 0)
static void fail_text(omn_rules *r, omn_status st, const char *file, int32_t line, int32_t column,
                      const char *fmt, va_list ap)
{
    char text[512];
    omn_vformat(text, sizeof text, fmt, ap);
    if (file) omn_fail_at(&r->first, st, file, line, column, "%s", text);
    else omn_fail(&r->first, st, "%s", text);
}

void omn_rules_fail(omn_rules *r, omn_status st, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail_text(r, st, NULL, 0, 0, fmt, ap);
    va_end(ap);
}

void rules_fail_at(omn_rules *r, const char *file, int32_t line, int32_t column, const char *fmt,
                   ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail_text(r, OMN_ERR_CONFIG, file, line, column, fmt, ap);
    va_end(ap);
}

static void *take(omn_rules *r, size_t count, size_t each)
{
    void *p = r->first.status ? NULL : omn_arena_alloc(r->arena, count ? count : 1, each);
    if (!p) omn_rules_fail(r, OMN_ERR_MEMORY, "the rules of an answer: out of memory");
    return p;
}

static omn_rule *term(omn_rules *r, term_kind kind)
{
    if (!r->first.status && r->n_terms == RULES_MOST_TERMS)
        omn_rules_fail(r, OMN_ERR_CONFIG, "the rules have more than %zu terms", RULES_MOST_TERMS);
    omn_rule *t = take(r, 1, sizeof *t);
    if (!t) return NULL;
    r->n_terms++;
    t->kind = kind;
    t->depth = 1;
    return t;
}

static int by_first(const void *a, const void *b)
{
    const id_span *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Spans in order and apart; n becomes fewer. */
static size_t merge(id_span *s, size_t n)
{
    size_t m = 0;
    qsort(s, n, sizeof *s, by_first);
    for (size_t i = 0; i < n; i++) {
        if (m && (int64_t)s[i].first <= (int64_t)s[m - 1].last + 1) {
            if (s[i].last > s[m - 1].last) s[m - 1].last = s[i].last;
        } else {
            s[m++] = s[i];
        }
    }
    return m;
}

static const omn_rule *of_spans(omn_rules *r, id_span *spans, size_t n)
{
    omn_rule *t = term(r, TERM_IDS);
    if (!t || !spans) return NULL;
    t->spans = spans;
    t->n = merge(spans, n);
    return t;
}

const omn_rule *omn_rules_ids(omn_rules *r, const int32_t *ids, size_t n)
{
    id_span *s = take(r, n, sizeof *s);
    if (!s) return NULL;
    if (!n) {
        omn_rules_fail(r, OMN_ERR_ARGUMENT, "a choice among no ids");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= r->vocab->rows) {
            omn_rules_fail(r, OMN_ERR_ARGUMENT, "id %d is outside 0..%d", (int)ids[i],
                           (int)r->vocab->rows - 1);
            return NULL;
        }
        s[i] = (id_span){ ids[i], ids[i] };
    }
    return of_spans(r, s, n);
}

static const omn_range *range_of(omn_rules *r, const char *name)
{
    const omn_range *at = r->first.status ? NULL : omn_vocab_range(r->vocab, name);
    if (!at)
        omn_rules_fail(r, OMN_ERR_UNSUPPORTED, "this model's vocabulary has no \"%s\"", name);
    return at;
}

const omn_rule *omn_rules_part(omn_rules *r, const char *name, int32_t first, int32_t count)
{
    const omn_range *at = range_of(r, name);
    if (!at) return NULL;
    if (first < 0 || count < 1 || count > at->count - first) {
        omn_rules_fail(r, OMN_ERR_ARGUMENT, "\"%s\" has numbers 0..%d, not %d and %d more", name,
                       (int)at->count - 1, (int)first, (int)count - 1);
        return NULL;
    }
    const bool dense = at->step == 1 || at->step == -1;
    const size_t n = dense ? 1 : (size_t)count;
    id_span *s = take(r, n, sizeof *s);
    if (!s) return NULL;
    for (size_t i = 0; i < n; i++) {
        const int32_t a = at->first + at->step * (first + (int32_t)i);
        const int32_t b = dense ? at->first + at->step * (first + count - 1) : a;
        s[i] = a < b ? (id_span){ a, b } : (id_span){ b, a };
    }
    return of_spans(r, s, n);
}

const omn_rule *omn_rules_range(omn_rules *r, const char *name)
{
    const omn_range *at = range_of(r, name);
    return at ? omn_rules_part(r, name, 0, at->count) : NULL;
}

const omn_rule *omn_rules_text(omn_rules *r, const char *text, size_t n)
{
    omn_rule *t = term(r, TERM_TEXT);
    if (!t) return NULL;
    if (n > RULES_MOST_TEXT) {
        omn_rules_fail(r, OMN_ERR_CONFIG, "a text of %zu bytes in the rules, at most %zu", n,
                       RULES_MOST_TEXT);
        return NULL;
    }
    char *copy = take(r, n, 1);
    if (!copy) return NULL;
    memcpy(copy, text, n);
    t->text = copy;
    t->n = n;
    return t;
}

const omn_rule *omn_rules_tokens(omn_rules *r, const char *text)
{
    omn_ids w;
    const omn_rule *t = NULL;
    if (r->first.status) return NULL;
    if (!r->tokenizer) {
        omn_rules_fail(r, OMN_ERR_UNSUPPORTED, "this model has no tokenizer");
        return NULL;
    }
    omn_ids_init(&w, RULES_MOST_TEXT);
    if (omn_ids_text(&w, r->tokenizer, text, strlen(text), &r->first) == OMN_OK) {
        const omn_rule **list = take(r, w.count, sizeof(omn_rule *));
        for (size_t i = 0; list && i < w.count; i++) list[i] = omn_rules_ids(r, &w.ids[i], 1);
        if (list) t = omn_rules_seq(r, list, w.count);
    }
    omn_ids_fini(&w);
    return t;
}

/* The code points outside of n classes in order; as many as fit; surrogates belong to neither. */
static size_t all_others(const omn_chars *in, size_t n, omn_chars *out)
{
    uint32_t at = 1;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (in[i].from > at) out[m++] = (omn_chars){ at, in[i].from - 1 };
        at = in[i].to + 1;
    }
    if (at <= 0x10ffff) out[m++] = (omn_chars){ at, 0x10ffff };
    return m;
}

static int by_from(const void *a, const void *b)
{
    const omn_chars *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

const omn_rule *omn_rules_chars(omn_rules *r, const omn_chars *list, size_t n, bool other)
{
    omn_rule *t = term(r, TERM_CHARS);
    omn_chars *c = take(r, n + 1, sizeof *c), *rest = take(r, n + 2, sizeof *rest);
    size_t m = 0;
    if (!t || !c || !rest) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (list[i].from > list[i].to || list[i].to > 0x10ffff) {
            omn_rules_fail(r, OMN_ERR_CONFIG, "a class of characters from %x to %x", list[i].from,
                           list[i].to);
            return NULL;
        }
        c[i] = list[i];
    }
    qsort(c, n, sizeof *c, by_from);
    for (size_t i = 0; i < n; i++) {
        if (m && c[i].from <= c[m - 1].to + 1) {
            if (c[i].to > c[m - 1].to) c[m - 1].to = c[i].to;
        } else {
            c[m++] = c[i];
        }
    }
    t->chars = other ? rest : c;
    t->n = other ? all_others(c, m, rest) : m;
    if (!t->n) {
        omn_rules_fail(r, OMN_ERR_CONFIG, "an empty class of characters");
        return NULL;
    }
    return t;
}

const omn_rule *omn_rules_any(omn_rules *r) { return term(r, TERM_ANY); }

static const omn_rule *of_list(omn_rules *r, term_kind kind, const omn_rule *const *list, size_t n)
{
    omn_rule *t = term(r, kind);
    const omn_rule **copy = take(r, n, sizeof(omn_rule *));
    if (!t || !copy) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!list[i]) {
            omn_rules_fail(r, OMN_ERR_ARGUMENT, "a rule of a term that is not there");
            return NULL;
        }
        copy[i] = list[i];
        if (list[i]->depth >= t->depth) t->depth = list[i]->depth + 1;
    }
    if (t->depth > RULES_MOST_DEPTH) {
        omn_rules_fail(r, OMN_ERR_CONFIG, "the rules are nested deeper than %u terms",
                       RULES_MOST_DEPTH);
        return NULL;
    }
    t->list = copy;
    t->n = n;
    return t;
}

const omn_rule *omn_rules_seq(omn_rules *r, const omn_rule *const *list, size_t n)
{
    return of_list(r, TERM_SEQ, list, n);
}

const omn_rule *omn_rules_either(omn_rules *r, const omn_rule *const *list, size_t n)
{
    if (!n) omn_rules_fail(r, OMN_ERR_ARGUMENT, "a choice among no rules");
    return of_list(r, TERM_EITHER, list, n);
}

const omn_rule *omn_rules_repeat(omn_rules *r, const omn_rule *one, int32_t least, int32_t most)
{
    if (least < 0 || least > RULES_MOST_COUNT || most > RULES_MOST_COUNT ||
        (most != OMN_NO_END && most < least)) {
        omn_rules_fail(r, OMN_ERR_CONFIG, "%d to %d times: 0 to %d, the larger number last",
                       (int)least, (int)most, RULES_MOST_COUNT);
        return NULL;
    }
    omn_rule *t = (omn_rule *)of_list(r, TERM_REPEAT, &one, 1);
    if (!t) return NULL;
    t->least = least;
    t->most = most;
    return t;
}

int64_t rules_name(omn_rules *r, const char *name, const char *file, int32_t line, int32_t column)
{
    if (r->first.status) return -1;
    for (size_t i = 0; i < r->n_names; i++)
        if (!strcmp(r->names[i].name, name)) return (int64_t)i;
    if (r->n_names == RULES_MOST_NAMES) {
        rules_fail_at(r, file, line, column, "more than %u names in the rules", RULES_MOST_NAMES);
        return -1;
    }
    if (r->n_names == r->room_names) {
        const size_t room = r->room_names ? 2 * r->room_names : 32;
        rule_name *more = reallocarray(r->names, room, sizeof *more);
        if (!more) {
            omn_rules_fail(r, OMN_ERR_MEMORY, "the rules of an answer: out of memory");
            return -1;
        }
        r->names = more;
        r->room_names = room;
    }
    const char *copy = omn_arena_strdup(r->arena, name);
    if (!copy) {
        omn_rules_fail(r, OMN_ERR_MEMORY, "the rules of an answer: out of memory");
        return -1;
    }
    r->names[r->n_names] = (rule_name){ copy, NULL, file, line, column };
    return (int64_t)r->n_names++;
}

const omn_rule *rules_ref(omn_rules *r, int64_t name)
{
    omn_rule *t = name < 0 ? NULL : term(r, TERM_REF);
    if (t) t->name = (uint32_t)name;
    return t;
}

const omn_rule *omn_rules_ref(omn_rules *r, const char *name)
{
    return rules_ref(r, rules_name(r, name, NULL, 0, 0));
}

void omn_rules_define(omn_rules *r, const char *name, const omn_rule *t)
{
    const int64_t i = rules_name(r, name, NULL, 0, 0);
    if (i < 0 || !t) return;
    if (r->names[i].term)
        omn_rules_fail(r, OMN_ERR_CONFIG, "the rule \"%s\" is defined twice", name);
    r->names[i].term = t;
}

void omn_rules_root(omn_rules *r, const omn_rule *t)
{
    if (r->first.status || !t) return;
    if (r->root) omn_rules_fail(r, OMN_ERR_ARGUMENT, "the rules of an answer have one root");
    r->root = t;
}

void omn_rules_prefer(omn_rules *r, const char *name, double mass)
{
    const omn_range *at = range_of(r, name);
    if (!at) return;
    if (r->n_prefer == RULES_MOST_PREFERRED || !(mass >= 0 && mass <= 1) ||
        (at->step != 1 && at->step != -1)) {
        omn_rules_fail(r, OMN_ERR_ARGUMENT,
                       "preferring \"%s\": at most %u ranges of ids in a row, a mass of 0..1", name,
                       RULES_MOST_PREFERRED);
        return;
    }
    const int32_t low = at->step < 0 ? at->first - at->count + 1 : at->first;
    r->prefer[r->n_prefer++] = (preferred){ low, at->count, mass };
}

void omn_rules_keep(omn_rules *r, const char *name)
{
    const omn_range *at = range_of(r, name);
    if (!at) return;
    if (r->keep.count) omn_rules_fail(r, OMN_ERR_ARGUMENT, "only one range is kept");
    r->keep = *at;
}

bool omn_count_read(const char *text, int32_t *least, int32_t *most)
{
    int a = 0, b = 0, used = 0;
    if (sscanf(text, "%9d..%9d%n", &a, &b, &used) == 2 && !text[used] && a >= 0 && b >= a &&
        b > 0) {
        *least = a;
        *most = b;
    } else if (sscanf(text, "%9d..%n", &a, &used) == 1 && used > 0 && !text[used] && a >= 0) {
        *least = a;
        *most = OMN_NO_END;
    } else if (sscanf(text, "%9d%n", &a, &used) == 1 && !text[used] && a > 0) {
        *least = *most = a;
    } else {
        return false;
    }
    return *least <= RULES_MOST_COUNT && *most <= RULES_MOST_COUNT;
}
