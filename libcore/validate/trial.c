/* SPDX-License-Identifier: Apache-2.0 */
/* One case and its judgement: what a function of a plugin may give back, and the parameters that it
 * is given. */
#include "inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void complain(trial *t, const char *fmt, ...)
{
    va_list args;
    if (t->found[0]) return;
    va_start(args, fmt);
    omn_vformat(t->found, sizeof(t->found), fmt, args);
    va_end(args);
    for (char *p = t->found; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
}

bool judge(trial *t, const char *what, omn_status st, const omn_error *err)
{
    const int number = (int)st;
    const bool begins = strncmp(err->text, what, strlen(what)) == 0;
    t->digest = bytes_digest(t->digest, &number, sizeof(number));
    if (st == OMN_OK && err->status != OMN_OK)
        complain(t, "%s reports success and yet an error: %s", what, err->text);
    if (st == OMN_OK) return true;
    if (number < OMN_OK || number > OMN_ERR_FAILED)
        complain(t, "%s returns %d, which is no status", what, number);
    else if (err->status == OMN_OK)
        complain(t, "%s fails (%s) without saying why", what, omn_status_name(st));
    else if (st == OMN_ERR_INTERNAL || st == OMN_ERR_PLUGIN)
        complain(t, "%s%s%s", begins ? "" : what, begins ? "" : ": ", err->text);
    else if (!err->text[0] || strchr(err->text, '\n'))
        complain(t, "%s fails with a text that is not one line", what);
    return false;
}

bool judge_output(trial *t, const char *what, omn_status st, void *out)
{
    if (st == OMN_OK && (out == POISON || !out))
        complain(t, "%s reports success and sets no result", what);
    if (st != OMN_OK && out != POISON && out)
        complain(t, "%s fails and yet hands out a result, which nobody frees", what);
    return st == OMN_OK && out != POISON && out;
}

/* ---- parameters -------------------------------------------------------------------------------
 */

/* An end of "lo..hi" or a word of "a|b|c" as text; NULL: the row's range has none. */
static const char *of_range(dice *d, const omn_param *p, omn_arena *a)
{
    if (!p->range) return NULL;
    if (strcmp(p->type, "choice") == 0) {
        size_t n = 1;
        for (const char *c = p->range; *c; c++) n += *c == '|';
        const char *at = p->range;
        for (size_t k = dice_roll(d, n); k > 0; k--) at = strchr(at, '|') + 1;
        return omn_arena_strndup(a, at, strcspn(at, "|"));
    }
    const char *dots = strstr(p->range, "..");
    if (!dots) return NULL;
    const size_t lo = (size_t)(dots - p->range), hi = strlen(dots + 2);
    if (hi && (!lo || dice_roll(d, 2))) return omn_arena_strdup(a, dots + 2);
    return lo ? omn_arena_strndup(a, p->range, lo) : NULL;
}

/* A number not far above the lower end, or about the default: whatever is asked for stays small. */
static const char *small_number(dice *d, const omn_param *p, omn_arena *a)
{
    const char *from = p->deflt ? p->deflt : p->range ? p->range : "0";
    double base = omn_number_read(strncmp(from, "..", 2) == 0 ? "0" : from, NULL);
    const char *text;
    if (strcmp(p->type, "double") == 0)
        text = omn_arena_printf(a, "%g", base + dice_double(d, 0, 1) * (base > 1 ? base : 1));
    else
        text = omn_arena_printf(a, "%lld", (long long)base + (long long)dice_roll(d, 24));
    return text && omn_param_check(p, text, NULL) == OMN_OK ? text : NULL;
}

static const char *value_of(dice *d, const omn_param *p, bool end, omn_arena *a)
{
    char text[64];
    const char *s = NULL;
    if (strcmp(p->type, "bool") == 0) return dice_roll(d, 2) ? "yes" : "no";
    if (strcmp(p->type, "choice") == 0 || end) s = of_range(d, p, a);
    if (s) return s;
    if (strcmp(p->type, "string") == 0 || strcmp(p->type, "path") == 0) {
        if (p->deflt) return p->deflt;
        dice_text(d, text, sizeof(text) - 1, true);
        return omn_arena_strdup(a, text);
    }
    s = small_number(d, p, a);
    return s ? s : p->deflt ? p->deflt : of_range(d, p, a);
}

size_t settings_make(trial *t, omn_setting *set, size_t most, omn_arena *a)
{
    dice *d = &t->d;
    const omn_entry *e = t->s->entry;
    const omn_object *o = omn_entry_object(e);
    const size_t at_end = !t->mild && dice_roll(d, 2) ? dice_roll(d, o->n_params + 1) : o->n_params;
    size_t n = 0;
    for (size_t i = 0; i < o->n_params && n < most; i++) {
        const omn_param *p = omn_entry_param(e, i);
        if (strcmp(p->role, "param") != 0 || (p->deflt && i != at_end && dice_roll(d, 2))) continue;
        const char *text = value_of(d, p, i == at_end, a);
        if (text) set[n++] = (omn_setting){ .name = p->name, .text = text };
    }
    return n;
}

size_t settings_needed(trial *t, omn_setting *set, size_t most, omn_arena *a)
{
    const omn_object *o = t->s->object;
    size_t n = 0;
    for (size_t i = 0; i < o->n_params && n < most; i++) {
        const omn_param *p = omn_entry_param(t->s->entry, i);
        if (strcmp(p->role, "param") != 0 || p->deflt || strcmp(p->type, "path") == 0) continue;
        const char *text = value_of(&t->d, p, false, a);
        if (text) set[n++] = (omn_setting){ .name = p->name, .text = text };
    }
    return n;
}

void *params_make(trial *t, omn_arena *a)
{
    omn_setting set[64];
    void *params = NULL;
    omn_error err = OMN_ERROR_INIT;
    const size_t n = settings_make(t, set, 64, a);
    if (omn_params_fill(t->s->entry, set, n, NULL, a, &params, &err) != OMN_OK)
        complain(t, "its own parameters are refused: %s", err.text);
    return params;
}
