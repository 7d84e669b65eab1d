/* SPDX-License-Identifier: Apache-2.0 */
/* How far two values of a kind are apart, in figures that add up over many pairs. Nothing is known
 * but the columns: numbers differ by an amount in the column's unit, whole numbers and texts are
 * equal or not, values in columns are compared in turn. Items that lie somewhere (boxes, points)
 * are first matched to the nearest of the other side, those that texts name by their text, others
 * by their number; what finds no partner is counted. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_CANDIDATES ((size_t)1 << 20) /* of pairs that are looked at; more: by number */

typedef struct told {
    omn_apart_fn *fn;
    void *user;
    const omn_kind *kind;
} told;

static void tell(const told *t, const char *column, const char *what, omn_apart_fold fold,
                 const char *unit, double value, uint64_t n)
{
    char name[160];
    const char *gap = *column && *what ? " " : "";
    if (fold == OMN_APART_MEAN && n == 0) return;
    snprintf(name, sizeof(name), "%s%s%s", column, gap, what);
    const omn_apart figure = { OMN_FILL(omn_apart), .kind = t->kind->name, .name = name,
                               .unit = unit,        .value = value,        .n = n,
                               .fold = fold };
    t->fn(t->user, &figure);
}

static void count(const told *t, const char *column, const char *what, double n)
{
    tell(t, column, what, OMN_APART_COUNT, "", n, 1);
}

/* A share of n. */
static void share(const told *t, const char *column, const char *what, size_t of, size_t n)
{
    tell(t, column, what, OMN_APART_MEAN, NULL, n ? (double)of / (double)n : 0, n);
}

/* ---- which item is which --------------------------------------------------------------------- */

typedef struct pair {
    double good; /* the larger the sooner */
    size_t a, b;
} pair;

typedef struct matching {
    pair *list; /* in the order of the items of a, once they are matched */
    size_t n, unmatched;
    const char *axis;           /* NULL: the kind has no items */
    size_t place, name;         /* columns that tell items apart; n_columns: none */
} matching;

static bool whole(omn_type t)
{
    return t == OMN_I32 || t == OMN_I64 || t == OMN_BOOL || t == OMN_I8;
}

static bool measured(const omn_tensor *t)
{
    return t->type != OMN_TYPE_NONE && t->type != OMN_STRING && t->type != OMN_ANY_VALUE &&
           !whole(t->type);
}

/* By the columns alone: the axis of the items, where they lie, what they are called. */
static void schema(const omn_value *v, matching *m)
{
    const omn_kind *k = v->kind;
    m->axis = k->impl->item;
    m->place = m->name = k->n_columns;
    for (uint32_t i = 0; i < k->n_columns; i++) {
        const omn_column *c = &k->columns[i];
        const bool name = c->type == OMN_STRING && !c->flags && c->axes && *c->axes &&
                          !strchr(c->axes, ',');
        if (name && !m->axis) m->axis = c->axes;
        if (!column_begins(k, i, m->axis)) continue;
        if (name && m->name == k->n_columns) m->name = i;
        if (c->unit && m->place == k->n_columns && v->columns[i].shape.rank > 1 &&
            measured(&v->columns[i]))
            m->place = i;
    }
}

static size_t rows(const omn_value *v, const matching *m)
{
    for (uint32_t i = 0; i < v->kind->n_columns; i++)
        if (v->columns[i].type != OMN_TYPE_NONE && column_begins(v->kind, i, m->axis))
            return (size_t)v->columns[i].shape.dim[0];
    return 0;
}

static size_t width(const omn_tensor *t)
{
    const size_t n = t->shape.dim[0] > 0 ? (size_t)t->shape.dim[0] : 1;
    return column_count(t) / n;
}

/* Boxes by what they share, all else by how near it is; below 0: not at all. */
static double nearness(const omn_column *c, const omn_tensor *a, size_t i, const omn_tensor *b,
                       size_t j)
{
    double x[4], y[4], sum = 0;
    const size_t w = width(a);
    size_t n = 0;
    if (w == 4 && c->axes && strstr(c->axes, ",4")) {
        for (size_t k = 0; k < 4; k++) {
            x[k] = column_number(a, 4 * i + k);
            y[k] = column_number(b, 4 * j + k);
        }
        const omn_region p = { x[0], x[1], x[2], x[3], NAN, NULL },
                         q = { y[0], y[1], y[2], y[3], NAN, NULL };
        const double iou = omn_region_iou(&p, &q);
        return iou > 0 ? iou : -1;
    }
    for (size_t k = 0; k < w; k++) {
        const double d = column_number(a, w * i + k) - column_number(b, w * j + k);
        if (isnan(d)) continue;
        sum += d * d;
        n++;
    }
    return n ? 1 / (1 + sqrt(sum / (double)n)) : -1;
}

static int better(const void *p, const void *q)
{
    const pair *x = p, *y = q;
    if (x->good != y->good) return x->good < y->good ? 1 : -1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return x->b < y->b ? -1 : x->b > y->b;
}

static int in_order(const void *p, const void *q)
{
    const pair *x = p, *y = q;
    return x->a < y->a ? -1 : x->a > y->a;
}

static bool same_text(const omn_tensor *a, size_t i, const omn_tensor *b, size_t j)
{
    const char *x = ((const char *const *)a->data)[i], *y = ((const char *const *)b->data)[j];
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* All pairs that may be, the best first; then each item once. */
static omn_status match(const omn_value *a, const omn_value *b, matching *m, omn_error *err)
{
    const omn_kind *k = a->kind;
    const size_t na = rows(a, m), nb = rows(b, m), most = na < nb ? na : nb;
    const size_t by = m->place < k->n_columns ? m->place : m->name;
    const bool number = by == k->n_columns || (na && nb > MOST_CANDIDATES / na) ||
                        a->columns[by].type != b->columns[by].type ||
                        width(&a->columns[by]) != width(&b->columns[by]);
    const size_t room = number ? most : na * nb;
    bool *used = calloc(na + nb + 1, sizeof(*used));
    size_t n = 0;
    m->list = calloc(room + 1, sizeof(*m->list));
    if (!m->list || !used) {
        free(used);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory to compare %zu items with %zu", na, nb);
    }
    for (size_t i = 0; number && i < most; i++) m->list[n++] = (pair){ 1, i, i };
    for (size_t i = 0; !number && i < na; i++)
        for (size_t j = 0; j < nb; j++) {
            const omn_tensor *x = &a->columns[by], *y = &b->columns[by];
            const double good = by == m->place          ? nearness(&k->columns[by], x, i, y, j)
                                : same_text(x, i, y, j) ? 1
                                                        : -1;
            if (good >= 0) m->list[n++] = (pair){ good, i, j };
        }
    qsort(m->list, n, sizeof(*m->list), better);
    for (size_t i = 0; i < n; i++) {
        const pair p = m->list[i];
        if (used[p.a] || used[na + p.b]) continue;
        used[p.a] = used[na + p.b] = true;
        m->list[m->n++] = p;
    }
    qsort(m->list, m->n, sizeof(*m->list), in_order);
    m->unmatched = na + nb - 2 * m->n;
    free(used);
    return OMN_OK;
}

/* ---- one column ------------------------------------------------------------------------------ */

typedef struct sums {
    double all, most;
    size_t n, equal, missing;
} sums;

static omn_status value(const told *t, const omn_value *a, const omn_value *b, omn_error *err);

static omn_status element(const told *t, const omn_tensor *a, size_t i, const omn_tensor *b,
                          size_t j, sums *s, omn_error *err)
{
    if (a->type == OMN_ANY_VALUE)
        return value(t, ((omn_value *const *)a->data)[i], ((omn_value *const *)b->data)[j], err);
    if (a->type == OMN_STRING) {
        s->n++;
        s->equal += same_text(a, i, b, j);
        return OMN_OK;
    }
    const double x = column_number(a, i), y = column_number(b, j), d = fabs(x - y);
    if (isnan(x) && isnan(y)) return OMN_OK;
    s->equal += x == y;
    if (x != y && !isfinite(d)) {
        s->missing++;
        return OMN_OK;
    }
    s->n++;
    if (x == y) return OMN_OK;
    s->all += d;
    if (d > s->most) s->most = d;
    return OMN_OK;
}

/* Characters that two texts begin with alike. */
static size_t alike(const char *x, const char *y)
{
    size_t n = 0;
    for (size_t i = 0; x[i] && x[i] == y[i]; i++) n += ((unsigned char)x[i] & 0xc0) != 0x80;
    return n;
}

static void put_sums(const told *t, const omn_column *c, const omn_tensor *a, const omn_tensor *b,
                     const sums *s)
{
    const char *unit = c->unit ? c->unit : "";
    if (a->type == OMN_ANY_VALUE) return;
    if (a->type == OMN_STRING && a->shape.rank == 0) {
        const char *x = *(const char *const *)a->data, *y = *(const char *const *)b->data;
        if (x && y && !s->equal)
            tell(t, c->name, "begins to differ at", OMN_APART_MEAN, "characters",
                 (double)alike(x, y), 1);
    } else if (a->type == OMN_STRING || whole(a->type)) {
        share(t, c->name, "equal", s->equal, s->n);
    } else if (s->n) {
        tell(t, c->name, "", OMN_APART_MEAN, unit, s->all / (double)s->n, s->n);
        tell(t, c->name, "", OMN_APART_MOST, unit, s->most, s->n);
    }
    if (s->missing) count(t, c->name, "on one side only", (double)s->missing);
}

static bool same_rows(const omn_tensor *a, const omn_tensor *b)
{
    if (a->shape.rank != b->shape.rank) return false;
    for (uint32_t i = 1; i < a->shape.rank; i++)
        if (a->shape.dim[i] != b->shape.dim[i]) return false;
    return true;
}

static omn_status column(const told *t, const omn_value *a, const omn_value *b, size_t i,
                         const matching *m, omn_error *err)
{
    const omn_column *c = &t->kind->columns[i];
    const omn_tensor *x = &a->columns[i], *y = &b->columns[i];
    const bool items = column_begins(t->kind, i, m->axis);
    omn_status st = OMN_OK;
    sums s = { 0 };
    if (x->type == OMN_TYPE_NONE && y->type == OMN_TYPE_NONE) return OMN_OK;
    if (i == m->name && m->place == t->kind->n_columns) return OMN_OK;  /* what they match by */
    if (x->type == OMN_TYPE_NONE || y->type == OMN_TYPE_NONE) {
        count(t, c->name, "on one side only", 1);
        return OMN_OK;
    }
    if (x->type != y->type || !(items ? same_rows(x, y) : omn_shape_equal(&x->shape, &y->shape))) {
        count(t, c->name, x->type != y->type ? "of another type" : "of another size", 1);
        return OMN_OK;
    }
    const size_t w = items ? width(x) : column_count(x), n = items ? m->n : 1;
    for (size_t p = 0; p < n; p++)
        for (size_t k = 0; k < w && st == OMN_OK; k++)
            st = element(t, x, items ? w * m->list[p].a + k : k, y,
                         items ? w * m->list[p].b + k : k, &s, err);
    put_sums(t, c, x, y, &s);
    return st;
}

/* ---- whole values ---------------------------------------------------------------------------- */

static void put_matching(const told *t, const omn_value *a, const omn_value *b, const matching *m)
{
    const omn_kind *k = t->kind;
    double sum = 0;
    count(t, "", "unmatched", (double)m->unmatched);
    if (m->place < k->n_columns && k->columns[m->place].axes &&
        strstr(k->columns[m->place].axes, ",4")) {
        for (size_t i = 0; i < m->n; i++) {
            const double iou = nearness(&k->columns[m->place], &a->columns[m->place],
                                        m->list[i].a, &b->columns[m->place], m->list[i].b);
            if (iou > 0) sum += iou;
        }
        tell(t, "", "overlap", OMN_APART_MEAN, NULL, m->n ? sum / (double)m->n : 0, m->n);
    }
    /* which of the named ones comes first, where each is worth something */
    bool worth = false;
    for (uint32_t i = 0; i < k->n_columns; i++)
        worth = worth || (column_begins(k, i, m->axis) && measured(&a->columns[i]));
    if (worth && m->place == k->n_columns && m->name < k->n_columns && rows(a, m) && rows(b, m))
        share(t, "", "the same first",
              same_text(&a->columns[m->name], 0, &b->columns[m->name], 0), 1);
}

static omn_status value(const told *of, const omn_value *a, const omn_value *b, omn_error *err)
{
    omn_status st = OMN_OK;
    matching m = { 0 };
    if (!a && !b) return OMN_OK;
    const told t = { of->fn, of->user, a ? a->kind : b->kind };
    share(&t, "", "equal", omn_value_equal(a, b), 1);
    if (!a || !b || !kind_same(a->kind, b->kind)) {
        count(&t, "", a && b ? "of another kind" : "on one side only", 1);
        return OMN_OK;
    }
    schema(a, &m);
    if (m.axis) OMN_TRY(match(a, b, &m, err));
    if (m.axis) put_matching(&t, a, b, &m);
    for (uint32_t i = 0; i < t.kind->n_columns; i++) OMN_TRY(column(&t, a, b, i, &m, err));
done:
    free(m.list);
    return st;
}

omn_status omn_value_apart(const omn_value *a, const omn_value *b, omn_apart_fn *fn, void *user,
                           omn_error *err)
{
    const told t = { fn, user, NULL };
    return value(&t, a, b, err);
}
