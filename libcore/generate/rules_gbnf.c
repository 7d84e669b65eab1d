/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars as people write them for other programs: GBNF, the notation of llama.cpp. A rule is
 * `name ::= ...` up to the end of its line; inside parentheses and around `|` it may go on over
 * lines. Whatever is wrong is told with its line and column. */
#include "rules.h"

#include <stdio.h>
#include <string.h>

#define MOST_NAME 64u
#define MOST_ITEMS 48             /* then they become one: groups nest, and the stack is small */

typedef struct reader {
    omn_rules *r;
    const char *text, *end, *at, *file;
    size_t scope;
    const char *counted;          /* up to here line and column are known */
    int32_t line, column;
} reader;

static void place(reader *g, const char *at, int32_t *line, int32_t *column)
{
    if (at < g->counted) {
        g->counted = g->text;
        g->line = g->column = 1;
    }
    for (; g->counted < at; g->counted++) {
        if (*g->counted == '\n') {
            g->line++;
            g->column = 1;
        } else if (((unsigned char)*g->counted & 0xc0) != 0x80) {
            g->column++;
        }
    }
    *line = g->line;
    *column = g->column;
}

static const omn_rule *wrong(reader *g, const char *at, const char *what)
{
    int32_t line, column;
    place(g, at, &line, &column);
    rules_fail_at(g->r, g->file ? g->file : "grammar", line, column, "%s", what);
    return NULL;
}

static char here(const reader *g) { return g->at < g->end ? *g->at : 0; }

/* Spaces and comments; over ends of lines only when told. */
static void space(reader *g, bool lines)
{
    for (; g->at < g->end; g->at++) {
        if (*g->at == '#')
            while (g->at + 1 < g->end && g->at[1] != '\n') g->at++;
        else if (*g->at != ' ' && *g->at != '\t' &&
                 !(lines && (*g->at == '\n' || *g->at == '\r')))
            break;
    }
}

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_';
}

/* The scoped name at the reader; its number, -1 after a failure. */
static int64_t name(reader *g)
{
    char full[MOST_NAME + 24];
    const char *from = g->at;
    int32_t line, column;
    while (in_name(here(g))) g->at++;
    const size_t n = (size_t)(g->at - from);
    if (n > MOST_NAME) {
        wrong(g, from, "a name is longer than 64 letters");
        return -1;
    }
    place(g, from, &line, &column);
    snprintf(full, sizeof full, "%.*s", (int)n, from);
    if (g->scope) snprintf(full + n, sizeof full - n, " (grammar %zu)", g->scope + 1);
    return rules_name(g->r, full, g->file ? g->file : "grammar", line, column);
}

static int hex(reader *g, int digits, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++, g->at++) {
        const char c = here(g);
        const char *all = "0123456789abcdef", *hit = c ? strchr(all, c | 32) : NULL;
        if (!hit || (c >= 'A' && c < 'a' && c > 'F')) return 0;
        *out = *out * 16 + (uint32_t)(c >= '0' && c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return 1;
}

/* One character of a literal or class, with escapes; false after a failure. */
static bool character(reader *g, uint32_t *out)
{
    const char *from = g->at;
    const unsigned char c = (unsigned char)here(g);
    if (c == '\\') {
        g->at++;
        const char e = here(g);
        const char *plain = "nrt\\\"[]^-/", *is = "\n\r\t\\\"[]^-/";
        const char *hit = e ? strchr(plain, e) : NULL;
        if (e) g->at++;
        if (hit) *out = (unsigned char)is[hit - plain];
        if (hit || (e == 'x' && hex(g, 2, out)) || (e == 'u' && hex(g, 4, out)) ||
            (e == 'U' && hex(g, 8, out))) {
            if (*out && *out <= 0x10ffff && !(*out >= 0xd800 && *out <= 0xdfff)) return true;
            wrong(g, from, "this is no character");
            return false;
        }
        wrong(g, from, "an escape is \\n \\r \\t \\\\ \\\" \\[ \\] \\xHH \\uHHHH or \\UHHHHHHHH");
        return false;
    }
    const size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (!c || c < 0x20 || (size_t)(g->end - g->at) < n) {
        wrong(g, from, "the text or class does not end on its line");
        return false;
    }
    *out = n == 1 ? c : c & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) *out = *out << 6 | ((unsigned char)g->at[i] & 0x3f);
    g->at += n;
    return true;
}

static void put_utf8(omn_buf *b, uint32_t c)
{
    char out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    out[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c >> 6 * (n - 1));
    for (size_t i = 1; i < n; i++) out[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
    omn_buf_put(b, out, n);
}

static const omn_rule *literal(reader *g)
{
    const omn_rule *t = NULL;
    const char *from = g->at++;
    omn_buf b;
    omn_buf_init(&b, RULES_MOST_TEXT);
    while (here(g) != '"') {
        uint32_t c = 0;
        if (!character(g, &c)) goto done;
        put_utf8(&b, c);
    }
    g->at++;
    if (b.full) wrong(g, from, "the text is too long");
    else if (b.failed) omn_rules_fail(g->r, OMN_ERR_MEMORY, "a grammar: out of memory");
    else t = omn_rules_text(g->r, b.data, b.length);
done:
    omn_buf_fini(&b);
    return t;
}

static const omn_rule *class(reader *g)
{
    omn_chars list[512];
    size_t n = 0;
    const char *from = g->at++;
    const bool other = here(g) == '^';
    if (other) g->at++;
    while (here(g) != ']') {
        uint32_t a = 0, b = 0;
        if (!character(g, &a)) return NULL;
        b = a;
        if (here(g) == '-' && g->at + 1 < g->end && g->at[1] != ']') {
            g->at++;
            if (!character(g, &b)) return NULL;
        }
        if (b < a) return wrong(g, from, "a class counts upwards: [a-z], not [z-a]");
        if (n == sizeof list / sizeof *list) return wrong(g, from, "the class is too long");
        list[n++] = (omn_chars){ a, b };
    }
    g->at++;
    if (!n && !other) return wrong(g, from, "the class is empty");
    return omn_rules_chars(g->r, list, n, other);
}

static const omn_rule *choices(reader *g, int depth);

static const omn_rule *one(reader *g, int depth)
{
    const char *from = g->at;
    const omn_rule *t;
    if (here(g) == '"') return literal(g);
    if (here(g) == '[') return class(g);
    if (here(g) == '.') {
        const omn_chars line = { '\n', '\n' };
        g->at++;
        return omn_rules_chars(g->r, &line, 1, true);
    }
    if (in_name(here(g))) return rules_ref(g->r, name(g));
    if (here(g) != '(')
        return wrong(g, from, "a name, a \"text\", a [class] or a (group) is wanted here");
    if (depth > 60) return wrong(g, from, "groups are nested too deep");
    g->at++;
    t = choices(g, depth + 1);
    space(g, true);
    if (t && here(g) != ')') return wrong(g, from, "the group does not end");
    g->at++;
    return t;
}

static bool number(reader *g, int32_t *out)
{
    int64_t x = 0;
    const char *from = g->at;
    for (; here(g) >= '0' && here(g) <= '9'; g->at++)
        if (x <= RULES_MOST_COUNT) x = x * 10 + (here(g) - '0');
    if (g->at == from) return false;
    *out = x > RULES_MOST_COUNT ? RULES_MOST_COUNT + 1 : (int32_t)x;
    return true;
}

/* How often: * + ? {m} {m,} {m,n} {,n} */
static const omn_rule *times(reader *g, const omn_rule *t)
{
    const char *from = g->at;
    int32_t least = 0, most = OMN_NO_END;
    const char c = here(g);
    g->at++;
    if (c == '+') least = 1;
    if (c == '?') most = 1;
    if (c == '{') {
        const bool has = number(g, &least);
        most = least;
        if (here(g) == ',') {
            g->at++;
            if (!number(g, &most)) most = OMN_NO_END;
        } else if (!has) {
            return wrong(g, from, "how often: {3}, {3,} or {3,5}");
        }
        if (here(g) != '}') return wrong(g, from, "how often: {3}, {3,} or {3,5}");
        g->at++;
        if (least > RULES_MOST_COUNT || most > RULES_MOST_COUNT ||
            (most != OMN_NO_END && most < least))
            return wrong(g, from, "how often: at most 1000000 times, the larger number last");
    }
    return omn_rules_repeat(g->r, t, least, most);
}

static const omn_rule *sequence(reader *g, int depth)
{
    const omn_rule *list[MOST_ITEMS];
    size_t n = 0;
    const omn_rule *t = NULL;
    for (;;) {
        space(g, depth > 0);
        const char c = here(g);
        if (!c || c == '|' || c == ')' || c == '\n' || c == '\r') break;
        t = one(g, depth);
        while (t && (here(g) == '*' || here(g) == '+' || here(g) == '?' || here(g) == '{'))
            t = times(g, t);
        if (!t) return NULL;
        if (n == sizeof list / sizeof *list) {
            list[0] = omn_rules_seq(g->r, list, n);
            n = 1;
        }
        list[n++] = t;
    }
    return omn_rules_seq(g->r, list, n);
}

static const omn_rule *choices(reader *g, int depth)
{
    const omn_rule *list[MOST_ITEMS];
    size_t n = 0;
    for (;;) {
        if (n == sizeof list / sizeof *list) {
            list[0] = omn_rules_either(g->r, list, n);
            n = 1;
        }
        space(g, depth > 0);
        const omn_rule *t = sequence(g, depth);
        if (!t) return NULL;
        list[n++] = t;
        const char *back = g->at;
        space(g, true);
        if (here(g) != '|') {
            g->at = back;
            break;
        }
        g->at++;
        space(g, true);
    }
    return n == 1 ? list[0] : omn_rules_either(g->r, list, n);
}

const omn_rule *omn_rules_gbnf(omn_rules *r, const char *text, size_t n, const char *file)
{
    size_t bad = 0;
    const char *copy = file && !r->first.status ? omn_arena_strdup(r->arena, file) : NULL;
    reader g = { r, text, text + n, text, copy, r->grammars++, text, 1, 1 };
    int64_t root = -1;
    if (r->first.status) return NULL;
    if (file && !copy) {
        omn_rules_fail(r, OMN_ERR_MEMORY, "%s: out of memory", file);
        return NULL;
    }
    if (n > RULES_MOST_TEXT) return wrong(&g, text, "the grammar is longer than 128 KiB");
    if (!omn_utf8_check(text, n, &bad)) return wrong(&g, text + bad, "this is no UTF-8");
    for (space(&g, true); here(&g); space(&g, true)) {
        const char *from = g.at;
        int32_t line, column;
        place(&g, from, &line, &column);
        if (!in_name(here(&g))) return wrong(&g, from, "a rule begins with its name");
        const bool is_root = !strncmp(g.at, "root", 4) && !in_name(g.at[4 < g.end - g.at ? 4 : 0]);
        const int64_t i = name(&g);
        if (i < 0) return NULL;
        if (is_root) root = i;
        space(&g, false);
        if (g.end - g.at < 3 || memcmp(g.at, "::=", 3))
            return wrong(&g, g.at, "a rule is name ::= what it stands for");
        g.at += 3;
        space(&g, true);
        const omn_rule *t = choices(&g, 0);
        if (!t) return NULL;
        space(&g, false);
        if (here(&g) && here(&g) != '\n' && here(&g) != '\r')
            return wrong(&g, g.at, "this belongs to no rule");
        if (r->names[i].term) return wrong(&g, from, "this rule is defined twice");
        r->names[i].line = line;
        r->names[i].column = column;
        r->names[i].term = t;
    }
    if (root < 0) return wrong(&g, text, "there is no rule \"root\"");
    return rules_ref(r, root);
}
