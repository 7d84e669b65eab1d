/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint holds beside tensors (the arguments of the training, the epoch), as JSON for
 * people and for those who need a configuration. Tensors are left out, and dicts and lists of
 * nothing else with them. Bytes are null, and so are texts of Python 2 that are no UTF-8. */
#include "inside.h"

#include <omnio/value.h>

#include <math.h>
#include <string.h>

enum { DEEPEST = 16, STEPS = 100000 };

static void put_text(const pk_text *t, omn_buf *b)
{
    omn_buf_puts(b, "\"");
    for (size_t i = 0; i < t->n; i++) {
        const unsigned char c = (unsigned char)t->s[i];
        if (c == '"' || c == '\\')
            omn_buf_printf(b, "\\%c", c);
        else if (c < 0x20)
            omn_buf_printf(b, "\\u%04x", c);
        else
            omn_buf_put(b, t->s + i, 1);
    }
    omn_buf_puts(b, "\"");
}

static bool is_text(const pk *v)
{
    return v->kind == PK_TEXT && omn_utf8_check(v->u.text.s, v->u.text.n, NULL);
}

static bool is_plain(const pk *v, int depth, size_t *steps)
{
    if (v->kind <= PK_FLOAT || is_text(v)) return true;
    if (v->kind < PK_TUPLE || v->kind == PK_CLASS || v->kind > PK_RECORD || depth == DEEPEST)
        return false;
    if (v->u.list.n == 0) return true;
    const size_t step = v->kind == PK_DICT || v->kind == PK_RECORD ? 2 : 1;
    for (size_t i = step - 1; i < v->u.list.n && ++*steps < STEPS; i += step)
        if (is_plain(v->u.list.of[i], depth + 1, steps)) return true;
    return false;
}

static void put(const pk *v, int depth, size_t *steps, omn_buf *b)
{
    const bool pairs = v->kind == PK_DICT || v->kind == PK_RECORD;
    size_t told = 0;
    switch (v->kind) {
    case PK_BOOL: omn_buf_puts(b, v->u.is ? "true" : "false"); return;
    case PK_INT: omn_buf_printf(b, "%lld", (long long)v->u.i); return;
    case PK_FLOAT:
        if (isfinite(v->u.f)) omn_buf_printf(b, "%.17g", v->u.f);
        else omn_buf_puts(b, "null");
        return;
    case PK_TEXT:
        if (is_text(v)) put_text(&v->u.text, b);
        else omn_buf_puts(b, "null");
        return;
    case PK_TUPLE: case PK_LIST: case PK_DICT: case PK_RECORD: break;
    default: omn_buf_puts(b, "null"); return;
    }
    omn_buf_puts(b, pairs ? "{" : "[");
    for (size_t i = 0; i + pairs < v->u.list.n && !b->failed; i += 1 + (size_t)pairs) {
        const pk *key = v->u.list.of[i], *value = v->u.list.of[i + pairs];
        if (++*steps >= STEPS) b->failed = b->full = true;
        if (pairs && (!is_text(key) || !is_plain(value, depth + 1, steps))) continue;
        if (told++) omn_buf_puts(b, ",");
        if (pairs) {
            put_text(&key->u.text, b);
            omn_buf_puts(b, ":");
        }
        if (depth < DEEPEST) put(value, depth + 1, steps, b);
        else omn_buf_puts(b, "null");
    }
    omn_buf_puts(b, pairs ? "}" : "]");
}

void data_put(const pk *root, omn_buf *out)
{
    size_t steps = 0;
    put(root, 0, &steps, out);
}
