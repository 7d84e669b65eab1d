/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between their files: terms as they are built, the program they become, and the walk that
 * says at each step which ids may come. Not installed.
 *
 * The program is a grammar over terminals of ids and of bytes. A walk holds sets of stacks: each
 * stack is a chain of places to return to, shared among all stacks and interned, so a stack is one
 * number; a set of stacks is interned too, so a state is one number, copied with a beam and rolled
 * back by keeping the old one. */
#ifndef OMNIO_GENERATE_RULES_H
#define OMNIO_GENERATE_RULES_H

#include <omnio/answer.h>

#include "spelling.h"

#define RULES_MOST_TERMS ((size_t)1 << 18)
#define RULES_MOST_ELEMENTS ((size_t)1 << 18)
#define RULES_MOST_TEXT ((size_t)1 << 17)
#define RULES_MOST_NAMES 2048u
#define RULES_MOST_DEPTH 200u
#define RULES_MOST_COUNT 1000000
#define RULES_MOST_PREFERRED 4u

typedef struct id_span { int32_t first, last; } id_span;

typedef enum term_kind {
    TERM_IDS,
    TERM_TEXT,
    TERM_CHARS,
    TERM_ANY,
    TERM_SEQ,
    TERM_EITHER,
    TERM_REPEAT,
    TERM_REF
} term_kind;

struct omn_rule {
    term_kind kind;
    uint32_t depth;
    const id_span *spans;         /* ids, in order, apart */
    const char *text;
    const omn_chars *chars;       /* in order, apart */
    const omn_rule *const *list;
    size_t n;                     /* of whichever there is */
    int32_t least, most;
    uint32_t name;                /* of a reference */
    uint32_t rule;                /* compiling: its rule + 1; 0: none yet */
};

typedef struct rule_name {
    const char *name;
    const omn_rule *term;         /* NULL: not defined yet */
    const char *file;             /* where it was used first; NULL: by a program */
    int32_t line, column;
} rule_name;

typedef struct preferred { int32_t low, count; double mass; } preferred;

struct omn_rules {
    omn_arena *arena;
    omn_error first;
    const omn_vocab *vocab;
    const omn_part *tokenizer;
    rule_name *names;
    size_t n_names, room_names, n_terms, grammars;
    const omn_rule *root;
    preferred prefer[RULES_MOST_PREFERRED];
    uint32_t n_prefer;
    omn_range keep;               /* count 0: nothing is kept */
};

/* vocab and tokenizer (NULL: none) are borrowed. */
omn_status rules_new(const omn_vocab *vocab, const omn_part *tokenizer, omn_rules **out,
                     omn_error *err);
void rules_free(omn_rules *r);
/* The number of a name, made when it is new. place: file may be NULL. -1 after a failure. */
int64_t rules_name(omn_rules *r, const char *name, const char *file, int32_t line, int32_t column);
const omn_rule *rules_ref(omn_rules *r, int64_t name);
void rules_fail_at(omn_rules *r, const char *file, int32_t line, int32_t column, const char *fmt,
                   ...) OMN_PRINTF(5, 6);

/* ---- the program ---------------------------------------------------------------------------- */

typedef enum element_kind {
    ELEMENT_END,
    ELEMENT_IDS,                  /* spans a .. a + b - 1 */
    ELEMENT_ANY,
    ELEMENT_BYTE,                 /* low..high */
    ELEMENT_RULE,                 /* rule a */
    ELEMENT_REPEAT                /* rule a, least .. most times */
} element_kind;

typedef struct element {
    uint8_t kind, low, high;
    uint32_t a, b;
    int32_t least, most;
} element;

typedef struct rule_body { uint32_t first, n; } rule_body; /* of `alts` */

typedef struct rules_program {
    element *elements;
    uint32_t *alts;               /* element where each alternative begins */
    rule_body *rules;             /* rules[0] is the root */
    id_span *spans;
    size_t n_elements, n_alts, n_rules, n_spans;
    bool text;                    /* some terminals are bytes */
    bool any;                     /* some are any piece of text */
    preferred prefer[RULES_MOST_PREFERRED];
    uint32_t n_prefer;
    omn_range keep;
} rules_program;

/* Left recursion, empty loops, what never ends, names without a meaning, too much of anything: the
 * builder's own failures come first. */
omn_status rules_compile(omn_rules *r, rules_program **out, omn_error *err);
void rules_program_free(rules_program *p);

/* Sequences of byte ranges that are the UTF-8 of code points from..to (at most 4 bytes each, at
 * most 16 sequences). */
typedef struct utf8_ranges { uint8_t n, low[4], high[4]; } utf8_ranges;
#define UTF8_MOST_RANGES 16
size_t utf8_split(uint32_t from, uint32_t to, utf8_ranges out[UTF8_MOST_RANGES]);

/* ---- the walk: one thread at a time --------------------------------------------------------- */

typedef struct rules_walk rules_walk;
/* All are borrowed; spell may be NULL when the program has neither text nor any. */
omn_status rules_walk_new(const rules_program *p, const spelling *spell, int32_t rows,
                          rules_walk **out, omn_error *err);
void rules_walk_free(rules_walk *w);
#define RULES_DEAD (-1)
int32_t rules_walk_start(const rules_walk *w);
/* The state behind one id; RULES_DEAD when it may not come here. */
omn_status rules_walk_step(rules_walk *w, int32_t state, int32_t id, int32_t *next, omn_error *err);
/* The ids that may come, as bits, borrowed until the next call; how many there are; whether the
 * answer may end here. */
omn_status rules_walk_allowed(rules_walk *w, int32_t state, const uint64_t **bits, size_t *count,
                              bool *may_end, omn_error *err);
bool rules_walk_ends(const rules_walk *w, int32_t state);
/* What a state takes of the memory, for tests. */
size_t rules_walk_states(const rules_walk *w);

#endif
