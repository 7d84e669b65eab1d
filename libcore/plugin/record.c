/* SPDX-License-Identifier: Apache-2.0 */
/* The line that describes one plugin file. Helper and cache speak the same language, so there is
 * one writer and one reader, and the reader trusts neither: counts, names and texts are checked
 * again with the rules of the door. */
#include "record.h"

#include "door.h"
#include "param.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *word;
    record_state state;
} words[] = {
    { "bad", RECORD_BAD },
    { "unlinked", RECORD_UNLINKED },
    { "late", RECORD_LATE },
    { "stopped", RECORD_STOPPED },
};

const char *record_why(omn_arena *a, const char *why)
{
    size_t n = strnlen(why, 500);
    while (n > 0 && !param_utf8(why, n)) n--;
    char *s = omn_arena_strndup(a, n ? why : "no reason is known", n ? n : 18);
    for (char *p = s; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    return s ? s : "no memory to say why";
}

void record_print(const record *r, omn_buf *out)
{
    if (r->state != RECORD_GOOD) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (words[i].state == r->state) omn_buf_printf(out, "%s\t%s", words[i].word, r->why);
        return;
    }
    omn_buf_printf(out, "good\t%s\t%s\t%s\t%s\t%zu", r->name, r->version, r->licence, r->summary,
                   r->n_objects);
    for (size_t i = 0; i < r->n_objects; i++) {
        const record_object *o = &r->objects[i];
        omn_buf_printf(out, "\t%s\t%s\t%s\t%s", o->kind, o->name, o->help, o->extra);
    }
}

/* The next field, terminated in place; NULL at the end. */
static char *next(char **at)
{
    char *s = *at;
    if (!s) return NULL;
    char *tab = strchr(s, '\t');
    if (tab) *tab = 0;
    *at = tab ? tab + 1 : NULL;
    return s;
}

static bool text(const char *s)
{
    return s && door_text(s, strlen(s), DOOR_MOST_TEXT);
}

static omn_status parse_good(char *at, omn_arena *a, record *r)
{
    r->name = next(&at);
    r->version = next(&at);
    r->licence = next(&at);
    r->summary = next(&at);
    const char *count = next(&at);
    if (!text(r->name) || !door_name(r->name) || !text(r->version) || !text(r->licence) ||
        !text(r->summary) || !count)
        return OMN_ERR_DATA;
    static const omn_param row = { "param", "count", "int", NULL, "1..4096", NULL, "objects", 0 };
    param_value v;
    const omn_status st = param_parse(&row, count, &v, NULL);
    if (st != OMN_OK) return st == OMN_ERR_MEMORY ? st : OMN_ERR_DATA;
    size_t n = (size_t)v.i;
    record_object *o = omn_arena_alloc(a, n, sizeof(*o));
    if (!o) return OMN_ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        o[i].kind = next(&at);
        o[i].name = next(&at);
        o[i].help = next(&at);
        o[i].extra = next(&at);
        if (!text(o[i].kind) || !door_kind(o[i].kind) || !text(o[i].name) ||
            !door_name(o[i].name) || !text(o[i].help) || !o[i].extra ||
            (*o[i].extra && !door_text(o[i].extra, strlen(o[i].extra), 2 * DOOR_MOST_TEXT + 1)))
            return OMN_ERR_DATA;
    }
    r->objects = o;
    r->n_objects = n;
    return at == NULL ? OMN_OK : OMN_ERR_DATA;
}

omn_status record_parse(const char *line, size_t n, omn_arena *a, record *r)
{
    if (n > RECORD_MOST_LINE || memchr(line, 0, n)) return OMN_ERR_DATA;
    char *at = omn_arena_strndup(a, line, n);
    if (!at) return OMN_ERR_MEMORY;
    const char *word = next(&at);
    if (strcmp(word, "good") == 0) {
        r->state = RECORD_GOOD;
        return parse_good(at, a, r);
    }
    r->state = RECORD_UNKNOWN;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].word, word) == 0) r->state = words[i].state;
    r->why = next(&at);
    return r->state != RECORD_UNKNOWN && text(r->why) && at == NULL ? OMN_OK : OMN_ERR_DATA;
}
