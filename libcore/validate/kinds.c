/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of value that a plugin brings: random values by the columns that it declares, their form as
 * JSON and back, and what it makes of words and texts of other origin. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS OMN_KIND_MOST_COLUMNS
#define MOST_SIZES   32
#define MOST_NUMBERS 4096

/* Axes by name: one size for all columns of a value. */
typedef struct sizes {
    char name[MOST_SIZES][32];
    int64_t of[MOST_SIZES];
    size_t n;
} sizes;

static int64_t size_of(dice *d, sizes *s, const char *name, size_t n)
{
    char *end;
    char word[32] = "";
    if (n == 0 || n >= sizeof(word)) return 1;
    memcpy(word, name, n);
    const long number = strtol(word, &end, 10);
    if (!*end) return number;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->name[i], word) == 0) return s->of[i];
    const int64_t size = 1 + (int64_t)dice_roll(d, 6);
    if (s->n == MOST_SIZES) return size;
    memcpy(s->name[s->n], word, sizeof(word));
    s->of[s->n++] = size;
    return size;
}

static omn_shape shape_of(dice *d, sizes *s, const char *axes)
{
    omn_shape shape = { 0 };
    if (!axes) return omn_dim1(1 + (int64_t)dice_roll(d, 6));
    for (const char *p = axes; *p && shape.rank < OMN_MAX_RANK;) {
        const size_t n = strcspn(p, ",");
        shape.dim[shape.rank++] = size_of(d, s, p, n);
        p += n + (p[n] == ',');
    }
    return shape;
}

/* One number within the column's bounds; at an end of them when hostile. */
static double number_of(dice *d, const omn_column *c, bool hostile)
{
    const bool bound = c->lo < c->hi;
    const double lo = bound ? (c->lo < -1e6 ? -1e6 : c->lo) : 0;
    const double hi = bound ? (c->hi > 1e6 ? 1e6 : c->hi) : 100;
    if (hostile && (c->flags & OMN_COLUMN_NAN) && dice_roll(d, 6) == 0) return NAN;
    if (hostile && dice_roll(d, 4) == 0) return dice_roll(d, 2) ? hi : lo;
    const double x = dice_double(d, lo, hi);
    return c->type == OMN_F32 || c->type == OMN_F64 || c->type == OMN_TYPE_NONE ? x : floor(x);
}

/* n elements of a column at `to`; false: a type that is not made here. */
static bool fill(dice *d, const omn_column *c, omn_type type, size_t n, bool hostile, char *to)
{
    static const char *const words[] = { "a", "two words", "\xc3\xa9", "" };
    for (size_t i = 0; i < n; i++) {
        const double x = number_of(d, c, hostile);
        const float f = (float)x;
        const int64_t l = isnan(x) ? 0 : (int64_t)x;
        const int32_t s = (int32_t)l;
        const uint8_t b = (uint8_t)l;
        const char *word = words[dice_roll(d, 4)];
        switch (type) {
        case OMN_F32:
            memcpy(to + i * sizeof(f), &f, sizeof(f));
            break;
        case OMN_F64:
            memcpy(to + i * sizeof(x), &x, sizeof(x));
            break;
        case OMN_I64:
            memcpy(to + i * sizeof(l), &l, sizeof(l));
            break;
        case OMN_I32:
            memcpy(to + i * sizeof(s), &s, sizeof(s));
            break;
        case OMN_I8:
        case OMN_U8:
        case OMN_BOOL:
            to[i] = (char)(type == OMN_BOOL ? b & 1 : b);
            break;
        case OMN_STRING:
            memcpy(to + i * sizeof(word), &word, sizeof(word));
            break;
        default:
            return false;
        }
    }
    return true;
}

omn_value *value_of_columns(dice *d, const omn_kind *k, bool hostile)
{
    omn_filled filled[MOST_COLUMNS];
    sizes s = { .n = 0 };
    omn_value *v = NULL;
    const omn_column *c;
    const omn_frame frame = omn_frame_identity(7, 640, 480);
    const char *place = omn_kind_impl(k) ? omn_kind_impl(k)->place : NULL;
    omn_arena *a = omn_arena_new((size_t)1 << 22);
    size_t n = 0;
    bool made = a != NULL;
    for (size_t i = 0; made && (c = omn_kind_column(k, i)) != NULL && n < MOST_COLUMNS; i++) {
        const omn_type type = c->type == OMN_TYPE_NONE ? OMN_F32 : c->type;
        const omn_shape shape = shape_of(d, &s, c->axes);
        size_t count;
        if ((c->flags & OMN_COLUMN_OPTIONAL) && dice_roll(d, 2)) continue;
        char *data = NULL;
        made = omn_shape_count(&shape, &count) && count <= MOST_NUMBERS &&
               (data = omn_arena_alloc(a, count ? count : 1, 8)) != NULL &&
               fill(d, c, type, count, hostile, data);
        filled[n++] =
            (omn_filled){ c->name, { type, shape, data, count * omn_column_bytes(type) } };
    }
    if (made && omn_value_make(k, filled, n, place && strcmp(place, "frame") == 0 ? &frame : NULL,
                               &v, NULL) != OMN_OK)
        v = NULL;
    omn_arena_free(a);
    return v;
}

/* ---- the craft ------------------------------------------------------------------------------ */

static void there_and_back(trial *t, const omn_kind *k, const omn_value *v)
{
    omn_buf b;
    omn_error err = OMN_ERROR_INIT;
    omn_value *back = NULL;
    omn_buf_init(&b, (size_t)1 << 24);
    omn_value_json_whole(v, &b);
    if (b.failed || !b.data) goto done;
    const omn_status st = omn_call_json(t->c, k, b.data, b.length, &back, &err);
    if (st != OMN_OK)
        complain(t, "its JSON does not read back: %s", err.text);
    else if (!omn_value_equal(v, back))
        complain(t, "its JSON reads back as another value");
    t->digest = value_digest(t->digest, v);
    b.length = 0;
    omn_value_text(v, &b);
    if (!b.failed && b.data && !omn_utf8_check(b.data, b.length, NULL))
        complain(t, "its text for people is no UTF-8");
done:
    omn_value_unref(back);
    omn_buf_fini(&b);
}

/* A word of anybody's, and a plain value of another kind. */
static void strangers(trial *t, const omn_kind *k)
{
    static const char *const plain[] = { "text", "number", "list", "record" };
    bool known = true;
    omn_error err = OMN_ERROR_INIT;
    omn_value *from = value_make(&t->d, plain[dice_roll(&t->d, 4)], true, &known), *v = NULL;
    if (!from) return;
    const omn_status st = omn_value_convert(t->c, from, k, &v, &err);
    judge(t, "convert", st, &err);
    if (st == OMN_OK && (!v || strcmp(value_kind_of(v), omn_kind_name(k)) != 0))
        complain(t, "convert makes %s, not %s", value_kind_of(v), omn_kind_name(k));
    if (st != OMN_OK && v) complain(t, "convert fails and yet hands out a result");
    omn_value_unref(v);
    omn_value_unref(from);
}

static void call(trial *t)
{
    const omn_kind *k = NULL;
    omn_error err = OMN_ERROR_INIT;
    if (omn_kind_find(t->c, t->s->object->name, &k, &err) != OMN_OK) {
        complain(t, "is not found as a kind: %s", err.text);
        return;
    }
    omn_value *v = value_of_columns(&t->d, k, t->hostile);
    if (v)
        there_and_back(t, k, v);
    else
        snprintf(t->left_out, sizeof(t->left_out), "its check wants more than its columns say");
    omn_value_unref(v);
    if (t->hostile) strangers(t, k);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_value = { "omnio.value/1", NULL, call, shared, false };
