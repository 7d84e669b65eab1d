/* SPDX-License-Identifier: Apache-2.0 */
/* A value that was read is no longer what was written: a large number is rounded, true is 1. What
 * is only handed through (the id of a batch line, fields that are no inputs) is therefore cut out
 * of the text. Nothing is checked here but its end: that it is JSON shows when it is read. */
#include "record.h"

#include <stdint.h>
#include <string.h>

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) p++;
    return p;
}

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end)
{
    for (int depth = 0; p < end;) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (depth == 0 && (*p == ',' || *p == '}')) break;
        if (*p == '{' || *p == '[') depth++;
        if (*p == '}' || *p == ']') depth--;
        p++;
    }
    return p;
}

bool record_next(const char **at, const char *end, record_member *out)
{
    const char *p = skip_space(*at, end);
    if (p < end && (*p == '{' || *p == ',')) p = skip_space(p + 1, end);
    if (p >= end || *p != '"') return false;
    out->name = p;
    p = skip_string(p, end);
    out->name_n = (size_t)(p - out->name);
    p = skip_space(p, end);
    if (p >= end || *p != ':') return false;
    out->value = skip_space(p + 1, end);
    *at = p = skip_value(out->value, end);
    while (p > out->value && strchr(" \t\r\n", p[-1])) p--;
    out->value_n = (size_t)(p - out->value);
    return true;
}

void record_name(const record_member *m, char *buf, size_t room)
{
    omn_value *v = NULL;
    const char *text = m->name + 1;
    size_t n = m->name_n - 2;
    if (memchr(text, '\\', n) && omn_value_from_json(m->name, m->name_n, &v, NULL) == OMN_OK &&
        omn_value_is(v, "text"))
        text = omn_text_get(v, &n);
    snprintf(buf, room, "%.*s", (int)n, text);
    omn_value_unref(v);
}

void record_blank(char *p, const char *end)
{
    const char *const from = p;
    for (; p < end; p++) {
        if (*p == '"') {
            p = (char *)(uintptr_t)skip_string(p, end) - 1;
        } else if (p > from && end - p >= 4 && !memcmp(p, "null", 4) &&
                   memchr("[,: \t", p[-1], 5)) {
            memcpy(p, "0   ", 4);
        }
    }
}
