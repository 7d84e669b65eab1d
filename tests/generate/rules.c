/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and their walks: languages against plain C predicates, text by text and by random walks
 * over pieces that cut texts anywhere; what cannot be a rule is refused with its place. */
#include "tests/testing.h"

#include "libcore/generate/rules.h"
#include "libcore/generate/rules_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a small vocabulary ---------------------------------------------------------------------- */

#define MARKS 4                   /* ids 0..3 are no text: "location" */

static const char *const pieces[] = {
    "a", "b", "c", "d", "ab", "bc", "abc", " ", " a", "0", "1", "2", "3", "4", "5", "6", "7", "8",
    "9", "12", "00", "-", "-1", ".", ".5", "(", ")", "()", ")(", "y", "e", "s", "yes", "es", "no",
    "n", "o", "\"", "{", "}", "{\"", "\":", ":", ",", ", ", "[", "]", "t", "r", "u", "true", "f",
    "l", "false", "nu", "ll", "null", "\\", "E", "\xd0", "\xd1", "\xb0", "\xb1", "\x8f", "\xd0\xb0",
    "\xd0\xb1\xd1\x8f", "x", "\n", "\t",
};
#define N_PIECES ((int32_t)(sizeof pieces / sizeof *pieces))
#define ROWS (MARKS + N_PIECES + 1)
#define STOP (ROWS - 1)

static const omn_range ranges[] = { { "location", 3, 4, -1 } };
static const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = ROWS, .start = 0, .stop = STOP,
                                 .ranges = ranges, .n_ranges = 1 };

static spelling *spell_all(void)
{
    spelling *s = calloc(1, sizeof *s);
    *s = (spelling){ .rows = ROWS, .spells = true, .words = (ROWS + 63) / 64 };
    s->sayable = calloc(s->words, sizeof *s->sayable);
    s->plain = calloc(s->words, sizeof *s->plain);
    s->banned = calloc(ROWS, sizeof *s->banned);
    for (int first = 0; first < 2; first++) {
        omn_buf b;
        omn_buf_init(&b, 1 << 20);
        s->at[first].offset = calloc(ROWS + 1, sizeof(uint32_t));
        for (int32_t id = 0; id < ROWS; id++) {
            /* a piece loses its first space at the beginning of a text */
            const char *p = id >= MARKS && id < STOP ? pieces[id - MARKS] : "";
            if (first && *p == ' ') p++;
            omn_buf_puts(&b, p);
            s->at[first].offset[id + 1] = (uint32_t)b.length;
            if (id >= MARKS && id < STOP) bit_set(s->plain, id);
        }
        s->at[first].bytes = omn_buf_take(&b);
    }
    ck_assert_int_eq(spelling_sort(s, NULL), OMN_OK);
    return s;
}

typedef struct machine {
    rules_program *p;
    spelling *s;
    rules_walk *w;
} machine;

typedef const omn_rule *make_fn(omn_rules *r, const char *text);

static const omn_rule *gbnf(omn_rules *r, const char *text)
{
    return omn_rules_gbnf(r, text, strlen(text), NULL);
}

static const omn_rule *schema(omn_rules *r, const char *text)
{
    return omn_rules_json(r, text, strlen(text), NULL);
}

static machine machine_of(make_fn *make, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_rules *r = NULL;
    machine m = { .s = spell_all() };
    ck_assert_int_eq(rules_new(&vocab, NULL, &r, &err), OMN_OK);
    omn_rules_root(r, make(r, text));
    ck_assert_msg(rules_compile(r, &m.p, &err) == OMN_OK, "%s: %s", text, err.text);
    rules_free(r);
    ck_assert_msg(rules_walk_new(m.p, m.s, ROWS, &m.w, &err) == OMN_OK, "%s", err.text);
    return m;
}

static void machine_end(machine *m)
{
    rules_walk_free(m->w);
    rules_program_free(m->p);
    spelling_free(m->s);
}

static int32_t id_of(const char *piece, size_t n)
{
    for (int32_t i = 0; i < N_PIECES; i++)
        if (strlen(pieces[i]) == n && !memcmp(pieces[i], piece, n)) return MARKS + i;
    return -1;
}

/* Is the text in the language, cut into the pieces that the seed says? */
static bool accepts(machine *m, const char *text, uint64_t seed)
{
    int32_t state = rules_walk_start(m->w);
    for (uint64_t k = 0; *text; k++) {
        const size_t most = 1 + omn_random_at(seed, 0, k) % 4;
        size_t n = strlen(text) < most ? strlen(text) : most;
        while (n > 1 && id_of(text, n) < 0) n--;
        const int32_t id = id_of(text, n);
        ck_assert_msg(id >= 0, "no piece for %s", text);
        ck_assert_int_eq(rules_walk_step(m->w, state, id, &state, NULL), OMN_OK);
        if (state == RULES_DEAD) return false;
        text += n;
    }
    return rules_walk_ends(m->w, state);
}

/* ---- languages ------------------------------------------------------------------------------- */

static bool is_yes_no(const char *t) { return !strcmp(t, "yes") || !strcmp(t, "no"); }

static bool is_balanced(const char *t)
{
    int depth = 0;
    for (; *t; t++) {
        depth += *t == '(' ? 1 : -1;
        if (depth < 0) return false;
    }
    return depth == 0;
}

static bool is_price(const char *t)
{
    const size_t whole = strspn(t, "0123456789");
    if (whole < 1 || whole > 3) return false;
    if (!t[whole]) return true;
    return t[whole] == '.' && strspn(t + whole + 1, "0123456789") == 2 && !t[whole + 3];
}

/* (a|ab)(c|bcd)d* by trying all ways. */
static bool is_ambiguous(const char *t)
{
    static const char *const heads[] = { "a", "ab" }, *const tails[] = { "c", "bcd" };
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            char both[16];
            snprintf(both, sizeof both, "%s%s", heads[i], tails[k]);
            const size_t n = strlen(both);
            if (!strncmp(t, both, n) && t[n + strspn(t + n, "d")] == 0) return true;
        }
    return false;
}

static bool is_counted(const char *t)
{
    size_t n = 0;
    for (; *t; n++) {
        if (!strncmp(t, "ab", 2)) t += 2;
        else if (*t == 'c') t++;
        else return false;
    }
    return n >= 2 && n <= 3;
}

static bool is_whole(const char *t, long lo, long hi)
{
    char *end = NULL, again[32];
    const long x = strtol(t, &end, 10);
    snprintf(again, sizeof again, "%ld", x);
    return *t && !*end && !strcmp(again, t) && x >= lo && x <= hi;
}

static bool is_small(const char *t) { return is_whole(t, -12, 105); }
static bool is_teen(const char *t) { return is_whole(t, 97, 103); }
static bool is_below(const char *t) { return is_whole(t, -30, -7); }

static bool is_half(const char *t)   /* 0.0 to 2.5 with one decimal */
{
    return strlen(t) == 3 && strspn(t, "012") >= 1 && t[1] == '.' && t[2] >= '0' && t[2] <= '9' &&
           !(t[0] == '2' && t[2] > '5');
}

static bool is_ones(const char *t)   /* two or three */
{
    char plain[16] = "";
    size_t n = 0;
    for (const char *p = t; *p && n < 15; p++)
        if (*p != ' ' || p == t || p[-1] != ',') plain[n++] = *p;
    return !strcmp(plain, "[1,1]") || !strcmp(plain, "[1,1,1]");
}

static const struct language {
    make_fn *make;
    const char *rule, *alphabet;
    bool (*is)(const char *);
    size_t longest;
} languages[] = {
    { gbnf, "root ::= \"yes\" | \"no\"", "yesno", is_yes_no, 4 },
    { gbnf, "root ::= (\"(\" root \")\")*\n", "()", is_balanced, 8 },
    { gbnf, "root ::= one root | \"\"\none ::= \"(\" root \")\"", "()", is_balanced, 8 },
    { gbnf, "root ::= [0-9]{1,3} (\".\" [0-9]{2})?", "0.1", is_price, 6 },
    { gbnf, "root ::= (\"a\" | \"ab\") (\"c\" | \"bcd\") \"d\"*", "abcd", is_ambiguous, 6 },
    { gbnf, "root ::= (\"ab\" | \"c\"){2,3}", "abc", is_counted, 7 },
    { schema, "{\"type\": \"integer\", \"minimum\": -12, \"maximum\": 105}", "-0125", is_small, 4 },
    { schema, "{\"type\": \"integer\", \"minimum\": 97, \"maximum\": 103}", "0179", is_teen, 4 },
    { schema, "{\"type\": \"integer\", \"minimum\": -30, \"maximum\": -7}", "-03789", is_below, 4 },
    { schema, "{\"type\": \"number\", \"minimum\": 0, \"maximum\": 2.5, \"multipleOf\": 0.1}",
      "0.256", is_half, 4 },
    { schema, "{\"type\": \"array\", \"items\": {\"const\": 1}, \"minItems\": 2, \"maxItems\": 3}",
      "[1,]", is_ones, 7 },
};
#define N_LANGUAGES (sizeof languages / sizeof *languages)

START_TEST(a_text_is_accepted_when_it_is_in_the_language)
{
    for (size_t i = 0; i < N_LANGUAGES; i++) {
        const struct language *l = &languages[i];
        machine m = machine_of(l->make, l->rule);
        const size_t k = strlen(l->alphabet);
        size_t total = 1, seen = 0;
        for (size_t n = 0; n <= l->longest; n++, total *= k)
            for (size_t c = 0; c < total; c++) {
                char text[16] = "";
                size_t x = c;
                for (size_t j = 0; j < n; j++, x /= k) text[j] = l->alphabet[x % k];
                const bool want = l->is(text);
                seen += want;
                ck_assert_msg(accepts(&m, text, c) == want, "%s: \"%s\"", l->rule, text);
            }
        ck_assert_uint_gt(seen, 0);
        machine_end(&m);
    }
}
END_TEST

/* From the start at random: what is allowed is exactly what can be stepped on, it is never empty
 * before an end, and what is said at an end is in the language. */
static void walk(machine *m, uint64_t seed, omn_buf *said)
{
    int32_t state = rules_walk_start(m->w);
    for (uint64_t k = 0; k < 400; k++) {
        const uint64_t *bits = NULL;
        size_t count = 0, found = 0;
        bool may_end = false;
        int32_t next = RULES_DEAD;
        omn_error err = OMN_ERROR_INIT;
        ck_assert_msg(rules_walk_allowed(m->w, state, &bits, &count, &may_end, &err) == OMN_OK,
                      "%s", err.text);
        uint64_t copy[(ROWS + 63) / 64];
        memcpy(copy, bits, sizeof copy);
        for (int32_t id = 0; id < ROWS; id++) {
            ck_assert_int_eq(rules_walk_step(m->w, state, id, &next, NULL), OMN_OK);
            ck_assert_msg(bit_get(copy, id) == (next != RULES_DEAD), "id %d", (int)id);
            found += next != RULES_DEAD;
        }
        ck_assert_uint_eq(found, count);
        ck_assert(count || may_end);
        if (!count || (may_end && omn_random_at(seed, 1, k) % 8 == 0)) return;
        size_t pick = omn_random_at(seed, 2, k) % count;
        for (int32_t id = 0; id < ROWS; id++) {
            if (!bit_get(copy, id) || pick--) continue;
            size_t n = 0;
            const char *b = spelling_get(m->s, id, k == 0, &n);
            omn_buf_put(said, b, n);
            ck_assert_int_eq(rules_walk_step(m->w, state, id, &state, NULL), OMN_OK);
            break;
        }
    }
    omn_buf_put(said, "?", 1);    /* it never came to an end: nothing is claimed */
}

START_TEST(random_walks_stay_in_the_language)
{
    for (size_t i = 0; i < N_LANGUAGES; i++) {
        const struct language *l = &languages[i];
        machine m = machine_of(l->make, l->rule);
        for (uint64_t seed = 0; seed < 60; seed++) {
            omn_buf b;
            omn_buf_init(&b, 1 << 16);
            omn_buf_put(&b, "", 0);
            walk(&m, seed, &b);
            const char *text = b.data ? b.data : "";
            if (!strchr(text, '?')) ck_assert_msg(l->is(text), "%s: \"%s\"", l->rule, text);
            omn_buf_fini(&b);
        }
        machine_end(&m);
    }
}
END_TEST

START_TEST(what_a_schema_allows_reads_back_as_json)
{
    static const char *const schemas[] = {
        ("{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}, \"b\": "
         "{\"type\": \"array\", \"items\": {\"type\": \"boolean\"}, \"minItems\": 1, "
         "\"maxItems\": 3}, \"c\": {\"enum\": [\"yes\", null, 12]}}, \"required\": [\"b\"]}"),
        "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 5}",
        "{\"type\": [\"number\", \"boolean\"]}",
        "{\"const\": {\"a\": [1, 2]}}",
        ("{\"type\": \"array\", \"maxItems\": 2, \"items\": {\"anyOf\": [{\"type\": \"boolean\"}, "
         "{\"const\": \"no\"}]}}"),
        "{}",
    };
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        machine m = machine_of(schema, schemas[i]);
        size_t whole = 0;
        for (uint64_t seed = 0; seed < 60; seed++) {
            omn_buf b;
            omn_value *v = NULL;
            omn_error err = OMN_ERROR_INIT;
            omn_buf_init(&b, 1 << 16);
            walk(&m, seed, &b);
            if (b.length && b.data[b.length - 1] != '?') {
                whole++;
                /* a key twice is JSON for the rules of any object, not for the reader */
                const omn_status st = omn_value_from_json(b.data, b.length, &v, &err);
                const bool twice = strstr(err.text, "duplicate") || strstr(err.text, "twice");
                ck_assert_msg(st == OMN_OK || (i == 5 && twice), "%s: %s: %s", schemas[i], b.data,
                              err.text);
            }
            omn_value_unref(v);
            omn_buf_fini(&b);
        }
        ck_assert_uint_gt(whole, 5);
        machine_end(&m);
    }
}
END_TEST

START_TEST(classes_are_characters_and_not_bytes)
{
    machine m = machine_of(gbnf, "root ::= [\xd0\xb0-\xd1\x8f]{2} [^x]");
    ck_assert(accepts(&m, "\xd0\xb0\xd0\xb1" "a", 1));
    ck_assert(accepts(&m, "\xd0\xb1\xd1\x8f\n", 2));
    ck_assert(accepts(&m, "\xd0\xb1\xd1\x8f\xd0\xb0", 2));
    ck_assert(!accepts(&m, "\xd0\xb0" "ab", 3));
    ck_assert(!accepts(&m, "\xd0\xb0\xd0\xb0x", 4));
    ck_assert(!accepts(&m, "\xd0\xb0\xd0", 5));
    machine_end(&m);
    utf8_ranges u[UTF8_MOST_RANGES];
    ck_assert_uint_eq(utf8_split(0xd800, 0xdfff, u), 0);   /* halves of pairs are no characters */
    ck_assert_uint_le(utf8_split(1, 0x10ffff, u), UTF8_MOST_RANGES);
}
END_TEST

START_TEST(ids_and_text_stand_side_by_side)
{
    omn_error err = OMN_ERROR_INIT;
    omn_rules *r = NULL;
    machine m = { .s = spell_all() };
    ck_assert_int_eq(rules_new(&vocab, NULL, &r, &err), OMN_OK);
    const omn_rule *pair = omn_rules_repeat(r, omn_rules_range(r, "location"), 2, 2);
    const omn_rule *one[2] = { pair, omn_rules_repeat(r, omn_rules_any(r), 1, OMN_NO_END) };
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_seq(r, one, 2), 1, 2));
    omn_rules_prefer(r, "location", 0.5);
    ck_assert_msg(rules_compile(r, &m.p, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(m.p->prefer[0].low, 0);
    ck_assert_int_eq(m.p->prefer[0].count, 4);
    rules_free(r);
    ck_assert_int_eq(rules_walk_new(m.p, m.s, ROWS, &m.w, NULL), OMN_OK);
    const int32_t good[] = { 0, 3, 9, 8, 1, 2, 7 };
    int32_t state = rules_walk_start(m.w), next;
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(rules_walk_step(m.w, state, good[i], &next, NULL), OMN_OK);
        ck_assert_int_ne(next, RULES_DEAD);
        ck_assert(rules_walk_ends(m.w, next) == (i == 2 || i == 3 || i == 6));
        state = next;             /* an old state stays what it was: that is rolling back */
    }
    rules_walk_step(m.w, state, 0, &next, NULL);
    ck_assert_int_eq(next, RULES_DEAD);
    rules_walk_step(m.w, rules_walk_start(m.w), 9, &next, NULL);
    ck_assert_int_eq(next, RULES_DEAD);
    machine_end(&m);
}
END_TEST

static void refused(make_fn *make, const char *text, const char *why, int32_t line, int32_t column)
{
    omn_error err = OMN_ERROR_INIT;
    omn_rules *r = NULL;
    rules_program *p = NULL;
    ck_assert_int_eq(rules_new(&vocab, NULL, &r, &err), OMN_OK);
    omn_rules_root(r, make(r, text));
    ck_assert_msg(rules_compile(r, &p, &err) != OMN_OK, "%s is accepted", text);
    ck_assert_msg(strstr(err.text, why) != NULL, "%s: \"%s\" lacks \"%s\"", text, err.text, why);
    if (line) {
        ck_assert_msg(err.line == line && err.column == column, "%s: %d:%d", err.text, err.line,
                      err.column);
    }
    rules_free(r);
}

START_TEST(what_cannot_be_a_rule_is_refused_with_its_place)
{
    refused(gbnf, "root ::= root \"a\" | \"a\"", "left recursion", 1, 1);
    refused(gbnf, "root ::= \"a\" | two\ntwo ::= \"b\"? root", "left recursion", 2, 1);
    refused(gbnf, "root ::= x\nx ::= (\"a\"?)*", "may be empty", 2, 1);
    refused(gbnf, "root ::= \"a\" root", "never come to an end", 1, 1);
    refused(gbnf, "root ::= tow\ntwo ::= \"b\"", "did you mean \"two\"", 1, 10);
    refused(gbnf, "two ::= \"b\"", "no rule \"root\"", 1, 1);
    refused(gbnf, "root ::= \"b\nc\"", "does not end", 0, 0);
    refused(gbnf, "root ::= [b", "does not end", 0, 0);
    refused(gbnf, "root ::= [z-a]", "upwards", 1, 10);
    refused(gbnf, "root ::= []", "empty", 1, 10);
    refused(gbnf, "root ::= (\"a\"", "does not end", 1, 10);
    refused(gbnf, "root ::= \"a\"{2,1}", "larger", 1, 13);
    refused(gbnf, "root ::= \"a\"{1,9999999}", "1000000", 1, 13);
    refused(gbnf, "root ::= \"\\q\"", "escape", 1, 11);
    refused(gbnf, "root ::= \"a\" )", "no rule", 1, 14);
    refused(gbnf, "root = \"a\"", "::=", 1, 6);
    refused(gbnf, "root ::= \"a\"\nroot ::= \"b\"", "twice", 2, 1);
    refused(gbnf, "root ::= \"\xff\"", "UTF-8", 1, 11);
    refused(schema, "{\"type\": \"strin\"}", "a type is", 0, 0);
    refused(schema, "{\"type\": \"string\", \"pattern\": \"a\"}", "\"pattern\"", 0, 0);
    refused(schema, "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"x\"}}}",
            "#/a", 0, 0);
    refused(schema, "{\"type\": \"object\", \"properties\": {}, \"required\": [\"b\"]}",
            "not there", 0, 0);
    refused(schema, "{\"type\": \"integer\", \"minimum\": 3, \"maximum\": 2}", "above", 0, 0);
    refused(schema, "{\"type\": \"string\", \"maxLength\": -1}", "count", 0, 0);
    refused(schema, "{\"type\": \"null\"}", "property", 0, 0);
    refused(schema, "{\"const\": [null]}", "property", 0, 0);
    refused(schema, "{\"a\": 1", "", 1, 7);
}
END_TEST

START_TEST(hostile_sizes_are_errors_and_not_hours)
{
    /* groups of groups, long chains of names, many choices, and counts of counts */
    omn_buf deep, chain;
    omn_buf_init(&deep, 1 << 20);
    omn_buf_init(&chain, 1 << 20);
    omn_buf_puts(&deep, "root ::= ");
    for (int i = 0; i < 100; i++) omn_buf_puts(&deep, "(");
    refused(gbnf, deep.data, "too deep", 0, 0);
    omn_buf_puts(&chain, "root ::= r1\n");
    for (int i = 1; i < 2000; i++) omn_buf_printf(&chain, "r%d ::= r%d\n", i, i + 1);
    omn_buf_puts(&chain, "r2000 ::= \"a\"\n");
    machine m = machine_of(gbnf, chain.data);
    ck_assert(accepts(&m, "a", 0));
    ck_assert(!accepts(&m, "aa", 0));
    machine_end(&m);
    m = machine_of(gbnf, "root ::= ((\"a\" | \"ab\" | \"b\"){0,1000}){1,1}");
    char longest[1201];
    memset(longest, 'a', 1200);
    longest[1000] = 0;
    ck_assert(accepts(&m, longest, 1));
    longest[1000] = 'a';
    longest[1001] = 0;
    ck_assert(!accepts(&m, longest, 1));
    ck_assert_uint_lt(rules_walk_states(m.w), 20000);
    machine_end(&m);
    omn_buf_fini(&deep);
    omn_buf_fini(&chain);
}
END_TEST

START_TEST(counts_are_read_as_people_write_them)
{
    static const struct { const char *text; int32_t least, most; } list[] = {
        { "3", 3, 3 }, { "0..", 0, OMN_NO_END }, { "1..20", 1, 20 }, { "7..7", 7, 7 },
    };
    static const char *const bad[] = { "",      "0", "..",   "2..1", "-1..2",
                                       "1..2x", "a", "1...", "0..0" };
    int32_t a, b;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        ck_assert(omn_count_read(list[i].text, &a, &b));
        ck_assert_int_eq(a, list[i].least);
        ck_assert_int_eq(b, list[i].most);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!omn_count_read(bad[i], &a, &b), "%s", bad[i]);
}
END_TEST

/* Behind a first piece that was nothing but its space only such pieces follow as say the same at
 * both places. */
START_TEST(a_space_that_is_lost_is_lost_once)
{
    machine m = machine_of(gbnf, "root ::= \"a\" \"a\"? | \" a\"");
    const int32_t space = id_of(" ", 1), a = id_of("a", 1), both = id_of(" a", 2);
    const uint64_t *bits = NULL;
    size_t count = 0;
    bool may_end = false;
    int32_t quiet = RULES_DEAD, next = RULES_DEAD;
    ck_assert_int_eq(rules_walk_step(m.w, rules_walk_start(m.w), space, &quiet, NULL), OMN_OK);
    ck_assert_int_ne(quiet, RULES_DEAD);
    ck_assert_int_eq(rules_walk_allowed(m.w, quiet, &bits, &count, &may_end, NULL), OMN_OK);
    ck_assert(bit_get(bits, a));
    ck_assert(!bit_get(bits, both));
    ck_assert(!may_end);
    rules_walk_step(m.w, quiet, both, &next, NULL);
    ck_assert_int_eq(next, RULES_DEAD);
    rules_walk_step(m.w, quiet, a, &next, NULL);
    ck_assert(next != RULES_DEAD && rules_walk_ends(m.w, next));
    /* the same set at its beginning allows what it does not allow here, and the other way round */
    ck_assert_int_eq(rules_walk_allowed(m.w, rules_walk_start(m.w), &bits, &count, &may_end, NULL),
                     OMN_OK);
    ck_assert(bit_get(bits, both) && bit_get(bits, space));
    rules_walk_step(m.w, rules_walk_start(m.w), both, &next, NULL);
    ck_assert(next != RULES_DEAD && rules_walk_ends(m.w, next));
    rules_walk_step(m.w, next, both, &next, NULL);
    ck_assert_int_eq(next, RULES_DEAD);
    machine_end(&m);
}
END_TEST

START_TEST(ids_between_others_are_not_allowed)
{
    static const int32_t some[] = { 2, 0, 7, 12 };
    omn_rules *r = NULL;
    machine m = { .s = spell_all() };
    const uint64_t *bits = NULL;
    size_t count = 0;
    bool may_end = false;
    ck_assert_int_eq(rules_new(&vocab, NULL, &r, NULL), OMN_OK);
    omn_rules_root(r, omn_rules_ids(r, some, 4));
    ck_assert_int_eq(rules_compile(r, &m.p, NULL), OMN_OK);
    rules_free(r);
    ck_assert_int_eq(rules_walk_new(m.p, m.s, ROWS, &m.w, NULL), OMN_OK);
    ck_assert_int_eq(rules_walk_allowed(m.w, rules_walk_start(m.w), &bits, &count, &may_end, NULL),
                     OMN_OK);
    ck_assert_uint_eq(count, 4);
    for (int32_t id = 0; id < ROWS; id++) {
        int32_t next = RULES_DEAD;
        const bool is = id == 0 || id == 2 || id == 7 || id == 12;
        rules_walk_step(m.w, rules_walk_start(m.w), id, &next, NULL);
        ck_assert(bit_get(bits, id) == is && (next != RULES_DEAD) == is);
    }
    machine_end(&m);
}
END_TEST

/* Does a sequence of byte ranges take this text whole? */
static bool in_ranges(const utf8_ranges *u, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < u[i].n && text[k] && u[i].low[k] <= (uint8_t)text[k] &&
               (uint8_t)text[k] <= u[i].high[k])
            k++;
        if (k == u[i].n && !text[k]) return true;
    }
    return false;
}

/* Halves of surrogate pairs are in no range, whichever way it goes over them. */
START_TEST(ranges_of_characters_are_split_right)
{
    static const uint32_t edges[] = { 1, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00,
                                      0xdfff, 0xe000, 0xffff, 0x10000, 0x10ffff };
    enum { N_EDGES = sizeof edges / sizeof *edges };
    for (size_t a = 0; a < N_EDGES; a++)
        for (size_t b = a; b < N_EDGES; b++) {
            utf8_ranges u[UTF8_MOST_RANGES];
            const size_t n = utf8_split(edges[a], edges[b], u);
            ck_assert_uint_le(n, UTF8_MOST_RANGES);
            for (size_t c = 0; c < N_EDGES; c++) {
                const uint32_t x = edges[c];
                char t[5] = { 0 };
                if (x < 0x80) t[0] = (char)x;
                else if (x < 0x800) t[0] = (char)(0xc0 | x >> 6), t[1] = (char)(0x80 | (x & 63));
                else if (x < 0x10000)
                    t[0] = (char)(0xe0 | x >> 12), t[1] = (char)(0x80 | (x >> 6 & 63)),
                    t[2] = (char)(0x80 | (x & 63));
                else
                    t[0] = (char)(0xf0 | x >> 18), t[1] = (char)(0x80 | (x >> 12 & 63)),
                    t[2] = (char)(0x80 | (x >> 6 & 63)), t[3] = (char)(0x80 | (x & 63));
                const bool half = x >= 0xd800 && x <= 0xdfff;
                ck_assert_msg(in_ranges(u, n, t) == (c >= a && c <= b && !half),
                              "U+%04X in %04X..%04X", x, edges[a], edges[b]);
            }
        }
}
END_TEST

typedef struct limit {
    const char *what;
    bool good;
} limit;

/* Builds rule number i of the list below. */
static limit limit_at(omn_rules *r, int i)
{
    static const int32_t last[] = { ROWS - 1 }, beyond[] = { ROWS }, below[] = { -1 };
    static const omn_chars most[] = { { 'a', 0x10ffff } }, more[] = { { 'a', 0x110000 } },
                           back[] = { { 'b', 'a' } };
    const omn_rule *a = omn_rules_text(r, "a", 1), *x = a;
    limit l = { "", true };
    switch (i) {
    case 0: x = omn_rules_ids(r, last, 1); break;
    case 1: x = omn_rules_ids(r, beyond, 1), l = (limit){ "outside 0..", false }; break;
    case 2: x = omn_rules_ids(r, below, 1), l = (limit){ "outside 0..", false }; break;
    case 3: x = omn_rules_ids(r, NULL, 0), l = (limit){ "no ids", false }; break;
    case 4: x = omn_rules_part(r, "location", 3, 1); break;
    case 5: x = omn_rules_part(r, "location", 3, 2), l = (limit){ "numbers 0..3", false }; break;
    case 6: x = omn_rules_part(r, "location", -1, 2), l = (limit){ "numbers 0..3", false }; break;
    case 7: x = omn_rules_part(r, "location", 0, 0), l = (limit){ "numbers 0..3", false }; break;
    case 8: x = omn_rules_range(r, "colour"), l = (limit){ "no \"colour\"", false }; break;
    case 9: x = omn_rules_chars(r, most, 1, false); break;
    case 10: x = omn_rules_chars(r, more, 1, false), l = (limit){ "", false }; break;
    case 11: x = omn_rules_chars(r, back, 1, false), l = (limit){ "", false }; break;
    case 12: x = omn_rules_repeat(r, a, 0, 1000000); break;
    case 13: x = omn_rules_repeat(r, a, 0, 1000001), l = (limit){ "0 to 1000000", false }; break;
    case 14: x = omn_rules_repeat(r, a, 2, 1), l = (limit){ "larger number last", false }; break;
    case 15: x = omn_rules_repeat(r, a, -1, 1), l = (limit){ "0 to 1000000", false }; break;
    case 22: x = rules_whole(r, 0, 5, 9); break;
    case 23: x = rules_whole(r, 0, 5, 10), l = (limit){ "18 digits", false }; break;
    case 24: x = rules_whole(r, 6, 5, 0), l = (limit){ "larger bound comes last", false }; break;
    case 16: omn_rules_prefer(r, "location", 1); break;
    case 17: omn_rules_prefer(r, "location", 1.5), l = (limit){ "a mass of 0..1", false }; break;
    case 18: omn_rules_prefer(r, "location", -0.5), l = (limit){ "a mass of 0..1", false }; break;
    case 19: omn_rules_prefer(r, "location", (double)NAN), l = (limit){ "a mass of", false }; break;
    case 20:
    case 21:
        for (int k = 0; k < i - 16; k++) omn_rules_prefer(r, "location", 0.5);
        if (i == 21) l = (limit){ "at most 4 ranges", false };
        break;
    default:
        omn_rules_keep(r, "location");
        omn_rules_keep(r, "location");
        l = (limit){ "only one range is kept", false };
    }
    omn_rules_root(r, x);
    return l;
}

START_TEST(rules_have_limits)
{
    for (int i = 0; i < 26; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_rules *r = NULL;
        rules_program *p = NULL;
        ck_assert_int_eq(rules_new(&vocab, NULL, &r, &err), OMN_OK);
        const limit l = limit_at(r, i);
        const omn_status st = rules_compile(r, &p, &err);
        ck_assert_msg((st == OMN_OK) == l.good, "rule %d: %s", i, err.text);
        ck_assert_msg(strstr(err.text, l.what) != NULL, "rule %d: %s", i, err.text);
        rules_program_free(p);
        rules_free(r);
    }
}
END_TEST

/* More choices at once than a set holds are an error, one less than that many are not. */
START_TEST(sets_have_a_most)
{
    for (size_t n = 65536; n <= 65537; n++) {
        omn_error err = OMN_ERROR_INIT;
        omn_rules *r = NULL;
        machine m = { .s = spell_all() };
        const omn_rule **list = testing_memory(n * sizeof *list);
        ck_assert_int_eq(rules_new(&vocab, NULL, &r, &err), OMN_OK);
        for (size_t i = 0; i < n; i++) list[i] = omn_rules_text(r, "a", 1);
        omn_rules_root(r, omn_rules_either(r, list, n));
        ck_assert_msg(rules_compile(r, &m.p, &err) == OMN_OK, "%s", err.text);
        rules_free(r);
        const omn_status st = rules_walk_new(m.p, m.s, ROWS, &m.w, &err);
        ck_assert_msg(st == (n > 65536 ? OMN_ERR_UNSUPPORTED : OMN_OK), "%zu: %s", n, err.text);
        machine_end(&m);
    }
}
END_TEST

START_TEST(grammars_and_schemas_have_limits)
{
    for (int more = 0; more < 2; more++) {
        omn_buf name, groups, deep, many;
        omn_buf_init(&name, 1 << 16);
        omn_buf_init(&groups, 1 << 16);
        omn_buf_init(&deep, 1 << 16);
        omn_buf_init(&many, 1 << 16);
        omn_buf_printf(&name, "root ::= %.*s\n%.*s ::= \"a\"", 64 + more,
                       "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
                       64 + more,
                       "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
        omn_buf_puts(&groups, "root ::= ");
        for (int i = 0; i < 61 + more; i++) omn_buf_puts(&groups, "(");
        omn_buf_puts(&groups, "\"a\"");
        for (int i = 0; i < 61 + more; i++) omn_buf_puts(&groups, ")");
        for (int i = 0; i < 40 + more; i++)
            omn_buf_puts(&deep, "{\"anyOf\": [");
        omn_buf_puts(&deep, "{\"type\": \"boolean\"}");
        for (int i = 0; i < 40 + more; i++) omn_buf_puts(&deep, "]}");
        omn_buf_puts(&many, "{\"type\": \"object\", \"properties\": {");
        for (int i = 0; i < 60 + more; i++)
            omn_buf_printf(&many, "%s\"p%d\": {\"type\": \"boolean\"}", i ? ", " : "", i);
        omn_buf_puts(&many, "}}");
        const struct { make_fn *make; const char *text, *why; } rows[] = {
            { gbnf, name.data, "64" }, { gbnf, groups.data, "too deep" },
            { schema, deep.data, "deeper than 40" }, { schema, many.data, "60" },
        };
        for (size_t i = 0; i < 4; i++) {
            if (more) {
                refused(rows[i].make, rows[i].text, rows[i].why, 0, 0);
                continue;
            }
            machine m = machine_of(rows[i].make, rows[i].text);
            machine_end(&m);
        }
        omn_buf_fini(&name);
        omn_buf_fini(&groups);
        omn_buf_fini(&deep);
        omn_buf_fini(&many);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_text_is_accepted_when_it_is_in_the_language,
        random_walks_stay_in_the_language,
        what_a_schema_allows_reads_back_as_json,
        classes_are_characters_and_not_bytes,
        ids_and_text_stand_side_by_side,
        what_cannot_be_a_rule_is_refused_with_its_place,
        hostile_sizes_are_errors_and_not_hours,
        counts_are_read_as_people_write_them,
        a_space_that_is_lost_is_lost_once,
        ids_between_others_are_not_allowed,
        ranges_of_characters_are_split_right,
        rules_have_limits,
        sets_have_a_most,
        grammars_and_schemas_have_limits,
    };
    return TESTING_RUN("generate/rules", all, 60); /* every text of a small alphabet is tried */
}
