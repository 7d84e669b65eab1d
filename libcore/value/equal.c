/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two values are the same, and a number that says so without looking at both: the 128 bits
 * of XXH3 over the name of the kind, the shape and content of each column, and where the value lies
 * in its picture. Numbers count by value: 0 and -0, and any two NaN, are one. */
#include "inside.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static bool same_frame(const omn_frame *a, const omn_frame *b)
{
    if (a == NULL || b == NULL) return a == b;
    for (int i = 0; i < 6; i++)
        if (!(a->m[i] == b->m[i])) return false;
    return a->width == b->width && a->height == b->height;
}

static bool is_real(omn_type t)
{
    return t == OMN_F64 || t == OMN_F32 || t == OMN_F16 || t == OMN_BF16;
}

static bool same_column(const omn_tensor *a, const omn_tensor *b)
{
    if (a->type != b->type) return false;
    if (a->type == OMN_TYPE_NONE) return true;
    if (!omn_shape_equal(&a->shape, &b->shape)) return false;
    const size_t n = column_count(a);
    if (a->type == OMN_STRING) {
        const char *const *x = a->data, *const *y = b->data;
        for (size_t i = 0; i < n; i++)
            if (x[i] == NULL || y[i] == NULL ? x[i] != y[i] : strcmp(x[i], y[i]) != 0) return false;
        return true;
    }
    if (a->type == OMN_ANY_VALUE) {
        omn_value *const *x = a->data, *const *y = b->data;
        for (size_t i = 0; i < n; i++)
            if (!omn_value_equal(x[i], y[i])) return false;
        return true;
    }
    if (n == 0 || memcmp(a->data, b->data, a->bytes) == 0) return true;
    if (!is_real(a->type)) return false;
    for (size_t i = 0; i < n; i++) {
        const double x = column_number(a, i), y = column_number(b, i);
        if (!(x == y || (isnan(x) && isnan(y)))) return false;
    }
    return true;
}

bool omn_value_equal(const omn_value *a, const omn_value *b)
{
    if (a == b) return true;
    if (a == NULL || b == NULL || !kind_same(a->kind, b->kind) ||
        !same_frame(value_frame(a), value_frame(b)))
        return false;
    for (uint32_t i = 0; i < a->kind->n_columns; i++)
        if (!same_column(&a->columns[i], &b->columns[i])) return false;
    return true;
}

/* ---- hash ----------------------------------------------------------------------------------- */

/* A chain: each link is the hash of the link before and of what is added, so that no state has to
 * be allocated and hashing cannot fail. */
typedef struct chain {
    uint64_t link[2];
} chain;

static void add(chain *c, const void *bytes, size_t n)
{
    const XXH128_hash_t h = XXH3_128bits(bytes, n);
    const uint64_t both[4] = { c->link[0], c->link[1], h.high64, h.low64 };
    const XXH128_hash_t next = XXH3_128bits(both, sizeof(both));
    c->link[0] = next.high64;
    c->link[1] = next.low64;
}

static void add_text(chain *c, const char *text)
{
    if (text != NULL)
        add(c, text, strlen(text) + 1); /* with its end: no text is like none */
    else
        add(c, NULL, 0);
}

/* Numbers in the one form that equal ones share, a piece at a time. */
static void add_reals(chain *c, const omn_tensor *t)
{
    double piece[256];
    const size_t n = column_count(t);
    for (size_t i = 0; i < n;) {
        size_t k = 0;
        for (; k < sizeof(piece) / sizeof(piece[0]) && i < n; k++, i++) {
            const double x = column_number(t, i);
            piece[k] = isnan(x) ? (double)NAN : x + 0.0; /* -0 + 0 is 0 */
        }
        add(c, piece, k * sizeof(piece[0]));
    }
}

static void add_column(chain *c, const omn_tensor *t)
{
    const size_t n = column_count(t);
    uint64_t form[2 + OMN_MAX_RANK] = { (uint64_t)t->type, t->shape.rank };
    for (uint32_t i = 0; i < t->shape.rank; i++) form[2 + i] = (uint64_t)t->shape.dim[i];
    add(c, form, sizeof(form));
    if (t->type == OMN_STRING) {
        for (size_t i = 0; i < n; i++) add_text(c, ((const char *const *)t->data)[i]);
    } else if (t->type == OMN_ANY_VALUE) {
        for (size_t i = 0; i < n; i++) {
            uint64_t of[2];
            omn_value_hash(((omn_value *const *)t->data)[i], of);
            add(c, of, sizeof(of));
        }
    } else if (is_real(t->type)) {
        add_reals(c, t);
    } else {
        add(c, t->data, n > 0 ? t->bytes : 0);
    }
}

void omn_value_hash(const omn_value *v, uint64_t out[2])
{
    chain c = { { 0, 0 } };
    out[0] = out[1] = 0;
    if (v == NULL) return;
    add_text(&c, v->kind->name);
    const omn_frame *f = value_frame(v);
    if (f != NULL) {
        double place[8] = { 0, 0, 0, 0, 0, 0, f->width, f->height };
        for (int i = 0; i < 6; i++) place[i] = f->m[i] + 0.0;
        add(&c, place, sizeof(place));
    }
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        if (v->columns[i].type == OMN_TYPE_NONE) continue;
        add_text(&c, v->kind->columns[i].name);
        add_column(&c, &v->columns[i]);
    }
    out[0] = c.link[0];
    out[1] = c.link[1];
}
