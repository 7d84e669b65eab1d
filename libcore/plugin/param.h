/* SPDX-License-Identifier: Apache-2.0 */
/* One parameter: its type, its range, and the one parser that turns a user's text into a value.
 * YAML, options, model configurations and defaults all come through here. */
#ifndef LIBCORE_PLUGIN_PARAM_H
#define LIBCORE_PLUGIN_PARAM_H

#include <omnio/plugin.h>

typedef enum param_type {
    PARAM_NONE,
    PARAM_INT,
    PARAM_INT64,
    PARAM_DOUBLE,
    PARAM_BOOL,
    PARAM_STRING,
    PARAM_PATH,
    PARAM_CHOICE
} param_type;

/* Longest text of a string, longest path, longest number. */
#define PARAM_MOST_STRING ((size_t)1 << 20)
#define PARAM_MOST_PATH   4096u

/* i: int, int64, bool, choice; d: double; s: string and path, the text itself (borrowed). */
typedef struct param_value {
    int64_t i;
    double d;
    const char *s;
} param_value;

/* PARAM_NONE for a name that is no parameter type. */
param_type param_type_of(const char *name);
/* Size and alignment inside a parameter struct. */
size_t param_type_size(param_type t);
/* Where a value goes: "in", "optional". */
bool param_is_input(const omn_param *p);
/* A value of this kind may stand in a row, or come from a format, of type `want`: the same, or
 * "any". */
bool param_takes(const char *want, const char *kind);
/* "any", or what may be the name of a kind of value; whether there is one is asked later. */
bool param_kind_good(const char *name);
/* The row describes itself without contradiction: type, range, default. The strings are sane
 * already. */
omn_status param_row_check(const omn_param *p, omn_error *err);
/* text (not NULL) as a value of row p, inside its range. */
omn_status param_parse(const omn_param *p, const char *text, param_value *out, omn_error *err);
/* Where v goes in memory: at `to`, with the C type of t. */
void param_store(param_type t, const param_value *v, void *to);
/* A user's text as it may stand in a message: cut, control characters replaced. */
const char *param_shown(const char *text, char *buf, size_t room);
/* Length of the choice number i of "a|b|c", its start in *word; 0 when there are not so many. */
size_t param_choice(const char *range, size_t i, const char **word);
/* Every byte belongs to well-formed UTF-8. */
bool param_utf8(const char *s, size_t n);

#endif
