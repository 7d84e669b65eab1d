/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that has not come to its end, as a value: a text that stands open is as long as it is, a
 * number has the digits it has, lists and objects have the members that are there; a name without a
 * value and a word that is cut are left away. */
#include "answers.h"

#include <string.h>

#define MOST_DEPTH 256

/* What was seen up to a place: the brackets that are open, and whether a text is. */
typedef struct scan {
    char open[MOST_DEPTH];        /* the bracket that closes each */
    size_t depth, safe, safe_depth;   /* safe: all up to there is values and what opens them */
    bool text, escape, name;      /* within a text; behind a backslash; it names a member */
    bool value;                   /* behind a colon, or within a list: what begins is a value */
    size_t digits;                /* of \uXXXX that are still to come */
    size_t whole;                 /* end of the last whole character of the open text */
} scan;

static void mark(scan *s, size_t at)
{
    s->safe = at;
    s->safe_depth = s->depth;
}

static void in_text(scan *s, char c, size_t at)
{
    if (s->digits > 0) s->digits--;
    else if (s->escape) {
        s->escape = false;
        s->digits = c == 'u' ? 4 : 0;
    } else if (c == '\\') s->escape = true;
    else if (c == '"') {
        s->text = false;
        if (!s->name) mark(s, at + 1);
    }
    /* half a surrogate pair, or of a character, may stand at the very end: the reader refuses it */
    if (!s->escape && s->digits == 0) s->whole = at + 1;
}

/* false: deeper than anybody writes. */
static bool step(scan *s, char c, size_t at)
{
    if (s->text) {
        in_text(s, c, at);
    } else if (c == '"') {
        s->text = true;
        s->name = !s->value;
        s->whole = at + 1;
    } else if (c == '{' || c == '[') {
        if (s->depth == MOST_DEPTH) return false;
        s->open[s->depth++] = c == '{' ? '}' : ']';
        s->value = c == '[';
        mark(s, at + 1);
    } else if ((c == '}' || c == ']') && s->depth > 0) {
        s->depth--;
        mark(s, at + 1);
    } else if (c == ',') {
        mark(s, at);
        s->value = s->depth > 0 && s->open[s->depth - 1] == ']';
    } else if (c == ':') {
        s->value = true;
    }
    return true;
}

static omn_status closed(const scan *s, const char *text, size_t n, size_t depth, bool quote,
                         omn_value **out, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_buf_put(&b, text, n);
    if (quote) omn_buf_put(&b, "\"", 1);
    while (depth > 0) omn_buf_put(&b, &s->open[--depth], 1);
    const omn_status st = b.failed ? omn_fail(err, OMN_ERR_MEMORY, "json: out of memory")
                                   : omn_value_from_json(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

omn_status json_so_far(const char *text, size_t n, omn_value **out, omn_error *err)
{
    scan s = { .value = true };
    omn_error why = OMN_ERROR_INIT;
    for (size_t i = 0; i < n; i++)
        if (!step(&s, text[i], i))
            return omn_fail(err, OMN_ERR_DATA, "json: more than %d brackets are open", MOST_DEPTH);
    const bool open = s.text && !s.name;
    if ((open || !s.text) &&
        closed(&s, text, open ? s.whole : n, s.depth, open, out, &why) == OMN_OK)
        return OMN_OK;
    return closed(&s, text, s.safe, s.safe_depth, false, out, err);
}
