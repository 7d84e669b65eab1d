/* SPDX-License-Identifier: Apache-2.0 */
/* Terms to a program: each choice, repeat and name becomes a rule with alternatives, each
 * alternative a row of elements. Then the program is looked at as a whole: a rule that begins with
 * itself, one that repeats what may be empty and one that can never end have no walk, so they are
 * refused here, by name and place where there is one. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

typedef struct row {              /* elements of one alternative, while it is made */
    element *e;
    size_t n, room;
} row;

typedef struct body {
    row *alts;
    size_t n;
    int64_t name;                 /* -1: it has none */
} body;

typedef struct compiler {
    omn_rules *r;
    body *bodies;
    size_t n, room, n_elements, n_spans, room_spans;
    id_span *spans;
    uint32_t *of_name;            /* rule of each name + 1 */
    bool text, any;
} compiler;

static void no_memory(omn_rules *r)
{
    omn_rules_fail(r, OMN_ERR_MEMORY, "the rules of an answer: out of memory");
}

static bool put(compiler *c, row *w, element e)
{
    if (c->r->first.status) return false;
    if (++c->n_elements > RULES_MOST_ELEMENTS) {
        omn_rules_fail(c->r, OMN_ERR_CONFIG, "the rules have more than %zu elements",
                       RULES_MOST_ELEMENTS);
        return false;
    }
    if (w->n == w->room) {
        const size_t room = w->room ? 2 * w->room : 8;
        element *more = reallocarray(w->e, room, sizeof *more);
        if (!more) {
            no_memory(c->r);
            return false;
        }
        w->e = more;
        w->room = room;
    }
    w->e[w->n++] = e;
    return true;
}

/* A new rule with n alternatives, all empty. */
static int64_t new_rule(compiler *c, size_t n)
{
    if (c->r->first.status) return -1;
    if (c->n == c->room) {
        const size_t room = c->room ? 2 * c->room : 32;
        body *more = reallocarray(c->bodies, room, sizeof *more);
        if (!more) {
            no_memory(c->r);
            return -1;
        }
        c->bodies = more;
        c->room = room;
    }
    row *alts = calloc(n, sizeof *alts);
    if (!alts) {
        no_memory(c->r);
        return -1;
    }
    c->bodies[c->n] = (body){ alts, n, -1 };
    return (int64_t)c->n++;
}

static void emit(compiler *c, size_t rule, size_t alt, const omn_rule *t);

/* The rule of a term; each term is compiled once. */
static int64_t rule_of(compiler *c, const omn_rule *t)
{
    omn_rule *mark = (omn_rule *)t;   /* the compiler's own field of a term that the builder owns */
    if (t->rule) return (int64_t)t->rule - 1;
    const size_t n = t->kind == TERM_EITHER ? t->n : 1;
    const int64_t i = new_rule(c, n);
    if (i < 0) return -1;
    mark->rule = (uint32_t)i + 1;
    for (size_t k = 0; k < n; k++)
        emit(c, (size_t)i, k, t->kind == TERM_EITHER ? t->list[k] : t);
    return i;
}

static void call(compiler *c, size_t rule, size_t alt, int64_t target)
{
    if (target < 0) return;
    put(c, &c->bodies[rule].alts[alt],
        (element){ .kind = ELEMENT_RULE, .a = (uint32_t)target });
}

static void emit_ids(compiler *c, size_t rule, size_t alt, const omn_rule *t)
{
    if (c->n_spans + t->n > c->room_spans) {
        const size_t room = 2 * (c->n_spans + t->n);
        id_span *more = reallocarray(c->spans, room, sizeof *more);
        if (!more) {
            no_memory(c->r);
            return;
        }
        c->spans = more;
        c->room_spans = room;
    }
    memcpy(c->spans + c->n_spans, t->spans, t->n * sizeof *t->spans);
    put(c, &c->bodies[rule].alts[alt],
        (element){ .kind = ELEMENT_IDS, .a = (uint32_t)c->n_spans, .b = (uint32_t)t->n });
    c->n_spans += t->n;
}

static void put_bytes(compiler *c, size_t rule, size_t alt, const utf8_ranges *u)
{
    for (size_t i = 0; i < u->n; i++)
        put(c, &c->bodies[rule].alts[alt],
            (element){ .kind = ELEMENT_BYTE, .low = u->low[i], .high = u->high[i] });
}

static void emit_chars(compiler *c, size_t rule, size_t alt, const omn_rule *t)
{
    utf8_ranges u[UTF8_MOST_RANGES];
    size_t total = 0;
    omn_rule *mark = (omn_rule *)t;
    c->text = true;
    for (size_t i = 0; i < t->n; i++) total += utf8_split(t->chars[i].from, t->chars[i].to, u);
    if (total == 1) {
        utf8_split(t->chars[0].from, t->chars[0].to, u);
        put_bytes(c, rule, alt, u);
        return;
    }
    int64_t own = t->rule ? (int64_t)t->rule - 1 : -1;
    if (own < 0) {
        size_t k = 0;
        if (!total) {
            omn_rules_fail(c->r, OMN_ERR_CONFIG, "a class without any character");
            return;
        }
        own = new_rule(c, total);
        if (own < 0) return;
        mark->rule = (uint32_t)own + 1;
        for (size_t i = 0; i < t->n; i++) {
            const size_t m = utf8_split(t->chars[i].from, t->chars[i].to, u);
            for (size_t j = 0; j < m; j++) put_bytes(c, (size_t)own, k++, &u[j]);
        }
    }
    call(c, rule, alt, own);
}

static void emit_ref(compiler *c, size_t rule, size_t alt, const omn_rule *t)
{
    const rule_name *name = &c->r->names[t->name];
    if (!name->term) {
        const char *all[256];
        size_t n = 0;
        for (size_t i = 0; i < c->r->n_names && n < 256; i++)
            if (c->r->names[i].term) all[n++] = c->r->names[i].name;
        const char *near = omn_nearest_name(name->name, all, n);
        rules_fail_at(c->r, name->file, name->line, name->column,
                      "there is no rule \"%s\"%s%s%s", name->name, near ? "; did you mean \"" : "",
                      near ? near : "", near ? "\"?" : "");
        return;
    }
    if (!c->of_name[t->name]) {
        const int64_t i = new_rule(c, 1);
        if (i < 0) return;
        c->of_name[t->name] = (uint32_t)i + 1;
        c->bodies[i].name = t->name;
    }
    call(c, rule, alt, (int64_t)c->of_name[t->name] - 1);
}

static void emit(compiler *c, size_t rule, size_t alt, const omn_rule *t)
{
    if (c->r->first.status) return;
    switch (t->kind) {
    case TERM_IDS: emit_ids(c, rule, alt, t); break;
    case TERM_CHARS: emit_chars(c, rule, alt, t); break;
    case TERM_REF: emit_ref(c, rule, alt, t); break;
    case TERM_TEXT:
        c->text = true;
        for (size_t i = 0; i < t->n; i++) {
            const uint8_t b = (uint8_t)t->text[i];
            put(c, &c->bodies[rule].alts[alt],
                (element){ .kind = ELEMENT_BYTE, .low = b, .high = b });
        }
        break;
    case TERM_ANY:
        c->any = true;
        put(c, &c->bodies[rule].alts[alt], (element){ .kind = ELEMENT_ANY });
        break;
    case TERM_SEQ:
        for (size_t i = 0; i < t->n; i++) emit(c, rule, alt, t->list[i]);
        break;
    case TERM_EITHER: call(c, rule, alt, rule_of(c, t)); break;
    case TERM_REPEAT: {
        if (t->most == 0) break;
        const omn_rule *one = t->list[0];
        int64_t i = one->rule ? (int64_t)one->rule - 1 : -1;
        if (i < 0 && one->kind == TERM_EITHER) i = rule_of(c, one);
        if (i < 0) {
            i = new_rule(c, 1);
            if (i < 0) return;
            emit(c, (size_t)i, 0, one);
        }
        put(c, &c->bodies[rule].alts[alt],
            (element){ .kind = ELEMENT_REPEAT, .a = (uint32_t)i, .least = t->least,
                       .most = t->most });
        break;
    }
    }
}

/* ---- the whole program ----------------------------------------------------------------------- */

typedef struct look {
    compiler *c;
    bool *empty, *ends;           /* of each rule: may be empty; can come to an end */
    uint8_t *seen;                /* 1: being looked at, 2: done */
} look;

static bool may_be_empty(const look *l, const element *e)
{
    if (e->kind == ELEMENT_RULE) return l->empty[e->a];
    return e->kind == ELEMENT_REPEAT && (e->least == 0 || l->empty[e->a]);
}

static bool can_end(const look *l, const element *e)
{
    if (e->kind == ELEMENT_RULE) return l->ends[e->a];
    return e->kind != ELEMENT_REPEAT || e->least == 0 || l->ends[e->a];
}

/* Both properties grow until they stay; rules are looked at in turns of rising and falling number,
 * so that long chains settle soon. */
static void properties(look *l)
{
    bool up = true;
    for (bool more = true; more; up = !up) {
        more = false;
        for (size_t at = 0; at < l->c->n; at++) {
            const size_t i = up ? at : l->c->n - 1 - at;
            for (size_t k = 0; k < l->c->bodies[i].n; k++) {
                const row *w = &l->c->bodies[i].alts[k];
                bool empty = true, ends = true;
                for (size_t j = 0; j < w->n; j++) {
                    empty = empty && may_be_empty(l, &w->e[j]);
                    ends = ends && can_end(l, &w->e[j]);
                }
                more = more || (empty && !l->empty[i]) || (ends && !l->ends[i]);
                l->empty[i] = l->empty[i] || empty;
                l->ends[i] = l->ends[i] || ends;
            }
        }
    }
}

static void complain(const look *l, size_t rule, const char *what)
{
    omn_rules *r = l->c->r;
    const int64_t n = l->c->bodies[rule].name;
    if (n < 0) omn_rules_fail(r, OMN_ERR_CONFIG, "a rule %s", what);
    else
        rules_fail_at(r, r->names[n].file, r->names[n].line, r->names[n].column,
                      "the rule \"%s\" %s", r->names[n].name, what);
}

typedef struct frame { uint32_t rule, alt, at; } frame;

/* The next rule that may stand at the beginning of the frame's rule; -1: no more. */
static int64_t next_beginning(const look *l, frame *f)
{
    const body *b = &l->c->bodies[f->rule];
    while (f->alt < b->n) {
        const row *w = &b->alts[f->alt];
        if (f->at >= w->n || (f->at && !may_be_empty(l, &w->e[f->at - 1]))) {
            f->alt++;
            f->at = 0;
            continue;
        }
        const element *e = &w->e[f->at++];
        if (e->kind == ELEMENT_RULE || e->kind == ELEMENT_REPEAT) return e->a;
    }
    return -1;
}

/* The name nearest to a rule on the path, for the message. */
static size_t named_on(const look *l, const frame *path, size_t n, size_t rule)
{
    size_t hit = rule;
    for (size_t i = n; i-- > 0;) {
        if (l->c->bodies[path[i].rule].name >= 0) return path[i].rule;
        if (path[i].rule == rule) break;
    }
    return hit;
}

/* Depth first, with a path of our own: names may follow each other as often as they like. */
static void left_recursion(look *l)
{
    frame *path = calloc(l->c->n + 1, sizeof *path);
    if (!path) {
        no_memory(l->c->r);
        return;
    }
    for (size_t i = 0; i < l->c->n && !l->c->r->first.status; i++) {
        size_t n = 0;
        if (l->seen[i]) continue;
        path[n++] = (frame){ (uint32_t)i, 0, 0 };
        l->seen[i] = 1;
        while (n && !l->c->r->first.status) {
            const int64_t next = next_beginning(l, &path[n - 1]);
            if (next < 0) {
                l->seen[path[--n].rule] = 2;
            } else if (l->seen[next] == 1) {
                complain(l, named_on(l, path, n, (size_t)next),
                         "may begin with itself (left recursion): put what it begins with first");
            } else if (!l->seen[next]) {
                l->seen[next] = 1;
                path[n++] = (frame){ (uint32_t)next, 0, 0 };
            }
        }
    }
    free(path);
}

static void empty_loops(const look *l)
{
    for (size_t i = 0; i < l->c->n; i++)
        for (size_t k = 0; k < l->c->bodies[i].n; k++) {
            const row *w = &l->c->bodies[i].alts[k];
            for (size_t j = 0; j < w->n; j++)
                if (w->e[j].kind == ELEMENT_REPEAT && l->empty[w->e[j].a] &&
                    (w->e[j].most > 1 || w->e[j].most == OMN_NO_END)) {
                    complain(l, i, "repeats something that may be empty");
                    return;
                }
        }
}

static void look_at(compiler *c)
{
    look l = { .c = c, .empty = calloc(c->n, 1), .ends = calloc(c->n, 1), .seen = calloc(c->n, 1) };
    if (!l.empty || !l.ends || !l.seen) {
        no_memory(c->r);
    } else {
        properties(&l);
        empty_loops(&l);
        left_recursion(&l);
        for (int named = 1; named >= 0; named--)
            for (size_t i = 0; i < c->n && !c->r->first.status; i++)
                if (!l.ends[i] && (c->bodies[i].name >= 0) == named)
                    complain(&l, i, "can never come to an end");
    }
    free(l.empty);
    free(l.ends);
    free(l.seen);
}

/* Rows one behind the other, each with its end. */
static rules_program *flatten(compiler *c)
{
    rules_program *p = calloc(1, sizeof *p);
    size_t alts = 0, at = 0;
    if (!p) return NULL;
    for (size_t i = 0; i < c->n; i++) alts += c->bodies[i].n;
    p->elements = calloc(c->n_elements + alts, sizeof *p->elements);
    p->alts = calloc(alts, sizeof *p->alts);
    p->rules = calloc(c->n, sizeof *p->rules);
    if (!p->elements || !p->alts || !p->rules) {
        rules_program_free(p);
        return NULL;
    }
    for (size_t i = 0; i < c->n; i++) {
        p->rules[i] = (rule_body){ (uint32_t)p->n_alts, (uint32_t)c->bodies[i].n };
        for (size_t k = 0; k < c->bodies[i].n; k++) {
            const row *w = &c->bodies[i].alts[k];
            p->alts[p->n_alts++] = (uint32_t)at;
            if (w->n) memcpy(p->elements + at, w->e, w->n * sizeof *w->e);
            at += w->n;
            p->elements[at++] = (element){ .kind = ELEMENT_END };
        }
    }
    p->n_elements = at;
    p->n_rules = c->n;
    p->spans = c->spans;
    p->n_spans = c->n_spans;
    c->spans = NULL;
    p->text = c->text;
    p->any = c->any;
    memcpy(p->prefer, c->r->prefer, sizeof p->prefer);
    p->n_prefer = c->r->n_prefer;
    p->keep = c->r->keep;
    return p;
}

omn_status rules_compile(omn_rules *r, rules_program **out, omn_error *err)
{
    compiler c = { .r = r };
    *out = NULL;
    if (!r->first.status && !r->root)
        omn_rules_fail(r, OMN_ERR_ARGUMENT, "the rules of an answer have no root");
    c.of_name = calloc(r->n_names + 1, sizeof *c.of_name);
    if (!c.of_name) no_memory(r);
    if (!r->first.status) {
        const int64_t root = new_rule(&c, 1);
        if (root == 0) emit(&c, 0, 0, r->root);
        /* names wait for their turn: a long chain of them needs no deep stack */
        for (size_t i = 0; i < c.n && !r->first.status; i++)
            if (c.bodies[i].name >= 0) emit(&c, i, 0, r->names[c.bodies[i].name].term);
    }
    if (!r->first.status) look_at(&c);
    if (!r->first.status && !(*out = flatten(&c))) no_memory(r);
    for (size_t i = 0; i < c.n; i++) {
        for (size_t k = 0; k < c.bodies[i].n; k++) free(c.bodies[i].alts[k].e);
        free(c.bodies[i].alts);
    }
    free(c.bodies);
    free(c.spans);
    free(c.of_name);
    if (!r->first.status) return OMN_OK;
    if (err && !err->status) *err = r->first;
    return (omn_status)r->first.status;
}

void rules_program_free(rules_program *p)
{
    if (!p) return;
    free(p->elements);
    free(p->alts);
    free(p->rules);
    free(p->spans);
    free(p);
}
