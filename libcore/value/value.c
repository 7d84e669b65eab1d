/* SPDX-License-Identifier: Apache-2.0 */
/* What every value can do, whatever its kind: be counted, say its columns, be taken apart. Taking a
 * reference costs one atomic addition; giving back the last one gives back what the value holds and
 * frees its block. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const omn_kind *omn_value_kind(const omn_value *v)
{
    return v != NULL ? v->kind : NULL;
}

const char *omn_value_kind_name(const omn_value *v)
{
    return v != NULL ? v->kind->name : "nothing";
}

bool omn_value_is(const omn_value *v, const char *kind)
{
    return v != NULL && strcmp(v->kind->name, kind) == 0;
}

omn_value *omn_value_ref(const omn_value *v)
{
    omn_value *own = (omn_value *)v;
    if (own != NULL) atomic_fetch_add_explicit(&own->count, 1, memory_order_relaxed);
    return own;
}

void omn_value_unref(omn_value *v)
{
    if (v == NULL || atomic_fetch_sub_explicit(&v->count, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        const omn_tensor *t = &v->columns[i];
        if (t->type != OMN_ANY_VALUE) continue;
        omn_value *const *items = t->data;
        for (size_t k = 0, n = column_count(t); k < n; k++) omn_value_unref(items[k]);
    }
    if (v->kind->view != NULL && v->kind->view->fini != NULL) v->kind->view->fini(v);
    kind_unref(v->kind);
    free(v);
}

const omn_tensor *omn_value_column(const omn_value *v, const char *name)
{
    const int i = v != NULL ? kind_column(v->kind, name) : -1;
    return i >= 0 ? value_column_at(v, (size_t)i) : NULL;
}

const omn_frame *omn_value_frame(const omn_value *v)
{
    const omn_frame *f = v != NULL ? value_frame(v) : NULL;
    return f != NULL && f->source != 0 ? f : NULL;
}

size_t omn_value_bytes(const omn_value *v)
{
    if (v == NULL) return 0;
    size_t sum = sizeof(*v) + v->kind->n_columns * sizeof(omn_tensor);
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        const omn_tensor *t = &v->columns[i];
        const size_t n = t->type != OMN_TYPE_NONE ? column_count(t) : 0;
        sum += n > 0 ? t->bytes : 0;
        if (t->type != OMN_STRING && t->type != OMN_ANY_VALUE) continue;
        for (size_t k = 0; k < n; k++) {
            const char *s = t->type == OMN_STRING ? ((const char *const *)t->data)[k] : NULL;
            if (s != NULL) sum += strlen(s) + 1;
            if (t->type == OMN_ANY_VALUE) sum += omn_value_bytes(((omn_value *const *)t->data)[k]);
        }
    }
    return sum;
}

/* ---- making --------------------------------------------------------------------------------- */

omn_status omn_value_make(const omn_kind *k, const omn_filled *columns, size_t n,
                          const omn_frame *frame, omn_value **out, omn_error *err)
{
    draft d;
    omn_value *v = NULL;
    omn_status st = OMN_OK;
    if (k == NULL || out == NULL || (n > 0 && columns == NULL))
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_value_make: no kind, columns or result");
    draft_init(&d, k);
    d.frame = frame;
    for (size_t i = 0; i < n; i++) {
        const int at = columns[i].name != NULL ? kind_column(k, columns[i].name) : -1;
        if (at < 0)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no column \"%.80s\"", k->name,
                            columns[i].name != NULL ? columns[i].name : "");
        if (d.col[at].type != OMN_TYPE_NONE)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the column %s is given twice", k->name,
                            columns[i].name);
        if (columns[i].tensor.type == OMN_TYPE_NONE)
            return omn_fail(err, OMN_ERR_TYPE, "%s: the column %s has no type", k->name,
                            columns[i].name);
        d.col[at] = columns[i].tensor;
    }
    OMN_TRY(draft_check(&d, err));
    OMN_TRY(value_build(&d, &v, err));
    if (k->impl->check != NULL) st = k->impl->check(v, err);
    if (st != OMN_OK) {
        omn_fail(err, st, "%s: refused", k->name);
        goto done;
    }
    *out = v;
    v = NULL;
done:
    omn_value_unref(v);
    return st;
}

omn_filled omn_fill(const char *name, omn_type t, omn_shape shape, const void *data)
{
    omn_filled f = { name, { t, shape, data, 0 } };
    if (shape.rank > OMN_MAX_RANK || !column_tensor(t, &shape, data, &f.tensor))
        f.tensor.bytes = SIZE_MAX; /* no column: refused when it is used */
    return f;
}

/* ---- items ---------------------------------------------------------------------------------- */

/* Elements along an axis: the first size of a column that begins with it. */
static size_t along(const omn_value *v, const char *axis)
{
    for (uint32_t i = 0; axis != NULL && i < v->kind->n_columns; i++)
        if (v->columns[i].type != OMN_TYPE_NONE && column_begins(v->kind, i, axis))
            return (size_t)v->columns[i].shape.dim[0];
    return 0;
}

static bool walks(const omn_value *v)
{
    return v != NULL && omn_kind_items(v->kind) != NULL;
}

size_t omn_value_count(const omn_value *v)
{
    if (!walks(v)) return 0;
    const view_rules *rules = v->kind->view;
    return rules != NULL && rules->count != NULL ? rules->count(v) : along(v, v->kind->impl->item);
}

bool omn_value_empty(const omn_value *v)
{
    if (v == NULL) return true;
    if (walks(v)) return omn_value_count(v) == 0;
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        const omn_tensor *t = &v->columns[i];
        const size_t n = t->type != OMN_TYPE_NONE ? column_count(t) : 0;
        if (n > 0 && t->type != OMN_STRING) return false;
        for (size_t k = 0; k < n; k++) {
            const char *s = ((const char *const *)t->data)[k];
            if (s != NULL && s[0] != '\0') return false;
        }
    }
    return true;
}

/* The columns of v, cut to from..to of n along an axis. */
static void cut(const omn_value *v, const char *axis, size_t from, size_t to, size_t n, draft *d)
{
    draft_init(d, v->kind);
    d->frame = value_frame(v);
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        const omn_tensor *t = &v->columns[i];
        d->col[i] = *t;
        if (t->type == OMN_TYPE_NONE || !column_begins(v->kind, i, axis)) continue;
        const size_t each = n > 0 ? t->bytes / n : 0;
        d->col[i].shape.dim[0] = (int64_t)(to - from);
        d->col[i].data = (const char *)t->data + from * each;
        d->col[i].bytes = (to - from) * each;
    }
}

/* What is heard beside the rows, as a video's sound, from a moment to another: cut as they are. It
 * is put into *piece, owned, and the draft then points there. */
static omn_status cut_sound(const omn_value *v, double from_s, double to_s, omn_value **piece,
                            draft *d, omn_error *err)
{
    const int column = kind_column(v->kind, "sound");
    const omn_tensor *t = column >= 0 ? value_column_at(v, (size_t)column) : NULL;
    if (t == NULL || t->type != OMN_ANY_VALUE || t->shape.rank != 0) return OMN_OK;
    const omn_value *sound = *(omn_value *const *)t->data;
    const omn_status st = omn_value_window(sound, from_s, to_s, piece, err);
    d->col[column].data = piece;
    return st;
}

/* When row i of n is seen; before the first and behind the last is all that lies there. */
static double moment_at(const omn_value *v, size_t i, size_t n)
{
    const omn_tensor *time = omn_value_column(v, "time");
    if (i == 0 || i >= n || time == NULL) return i == 0 ? -INFINITY : INFINITY;
    return column_number(time, i);
}

omn_status omn_value_slice(const omn_value *v, size_t from, size_t to, omn_value **out,
                           omn_error *err)
{
    const size_t n = omn_value_count(v);
    omn_value *piece = NULL;
    draft d;
    if (!walks(v)) return omn_fail(err, OMN_ERR_TYPE, "%s has no items", omn_value_kind_name(v));
    const view_rules *rules = v->kind->view;
    if (v->kind->impl->item == NULL && (rules == NULL || rules->part == NULL))
        return omn_fail(err, OMN_ERR_TYPE, "%s hands out its items one by one",
                        omn_value_kind_name(v));
    if (from > to || to > n)
        return omn_fail(err, OMN_ERR_ARGUMENT, "items %zu..%zu of %zu", from, to, n);
    if (rules != NULL && rules->part != NULL) return rules->part(v, from, to, out, err);
    cut(v, v->kind->impl->item, from, to, n, &d);
    if (rules != NULL && rules->slice != NULL) rules->slice(v, from, to, &d);
    omn_status st = cut_sound(v, moment_at(v, from, n), from < to ? moment_at(v, to, n)
                                                                  : moment_at(v, from, n),
                              &piece, &d, err);
    if (st == OMN_OK) st = value_build(&d, out, err);
    omn_value_unref(piece);
    return st;
}

omn_status omn_value_item(const omn_value *v, size_t i, omn_value **out, omn_error *err)
{
    const size_t n = omn_value_count(v);
    if (!walks(v)) return omn_fail(err, OMN_ERR_TYPE, "%s has no items", omn_value_kind_name(v));
    if (i >= n) return omn_fail(err, OMN_ERR_ARGUMENT, "there is no item %zu of %zu", i, n);
    const view_rules *rules = v->kind->view;
    if (rules != NULL && rules->item != NULL) return rules->item(v, i, out, err);
    if (strcmp(omn_kind_items(v->kind), "any") != 0) return omn_value_slice(v, i, i + 1, out, err);
    *out = omn_value_ref(((omn_value *const *)v->columns[0].data)[i]);
    return OMN_OK;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* The first number of a sorted column that is not below x. */
static size_t first_from(const omn_tensor *t, double x)
{
    size_t lo = 0, hi = column_count(t);
    while (lo < hi) {
        const size_t middle = lo + (hi - lo) / 2;
        if (column_number(t, middle) < x)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

/* Sample numbers are whole, though rounding may leave a little beside one. */
static size_t sample(double at, size_t n)
{
    const double near = floor(at + 0.5), i = fabs(at - near) < 1e-6 ? near : ceil(at);
    return i <= 0 ? 0 : i >= (double)n ? n : (size_t)i;
}

/* It has rows that follow each other in time. */
static omn_status in_time(const omn_value *v, omn_error *err)
{
    const char *place = v != NULL ? v->kind->impl->place : NULL;
    if (place == NULL || strcmp(place, "time") != 0)
        return omn_fail(err, OMN_ERR_TYPE, "%s does not lie in time", omn_value_kind_name(v));
    for (uint32_t i = 0; i < v->kind->n_columns; i++)
        if (column_begins(v->kind, i, "t")) return OMN_OK;
    return omn_fail(err, OMN_ERR_TYPE, "%s has no rows that follow each other in time",
                    omn_value_kind_name(v));
}

/* How many such rows; items that are made when they are asked for are some too. */
static size_t moments(const omn_value *v)
{
    const view_rules *rules = v->kind->view;
    return rules != NULL && rules->count != NULL ? rules->count(v) : along(v, "t");
}

/* Rows a..b; start: of kinds that have one. span: the two moments between which they lie. */
static omn_status cut_moments(const omn_value *v, size_t a, size_t b, const double *start,
                              const double span[2], omn_value **out, omn_error *err)
{
    const view_rules *rules = v->kind->view;
    omn_value *piece = NULL;
    draft d;
    if (rules != NULL && rules->part != NULL) return rules->part(v, a, b, out, err);
    cut(v, "t", a, b, moments(v), &d);
    if (start != NULL) d.col[kind_column(v->kind, "start")].data = start;
    omn_status st = cut_sound(v, span[0], span[1], &piece, &d, err);
    if (st == OMN_OK) st = value_build(&d, out, err);
    omn_value_unref(piece);
    return st;
}

omn_status omn_value_span(const omn_value *v, double *from_s, double *to_s, omn_error *err)
{
    const omn_tensor *time = omn_value_column(v, "time"), *rate = omn_value_column(v, "rate");
    const omn_tensor *begin = omn_value_column(v, "start");
    const omn_status st = in_time(v, err);
    if (st != OMN_OK) return st;
    const omn_tensor *until = omn_value_column(v, "until");
    const size_t n = moments(v);
    if (time == NULL && (rate == NULL || begin == NULL))
        return omn_fail(err, OMN_ERR_TYPE, "%s has neither time nor rate and start",
                        omn_value_kind_name(v));
    *from_s = *to_s = time == NULL ? column_number(begin, 0) : n > 0 ? column_number(time, 0) : 0;
    if (n == 0) return OMN_OK;
    if (time == NULL) {
        *to_s += (double)n / column_number(rate, 0);
        return OMN_OK;
    }
    if (until != NULL) {
        *to_s = column_number(until, 0);
        return OMN_OK;
    }
    const double last = column_number(time, n - 1);
    *to_s = n > 1 ? last + (last - *from_s) / (double)(n - 1) : nextafter(last, INFINITY);
    return OMN_OK;
}

omn_status omn_value_window(const omn_value *v, double from_s, double to_s, omn_value **out,
                            omn_error *err)
{
    const omn_tensor *time = omn_value_column(v, "time"), *rate = omn_value_column(v, "rate");
    const omn_tensor *begin = omn_value_column(v, "start");
    if (!(from_s <= to_s))
        return omn_fail(err, OMN_ERR_ARGUMENT, "a window from %g s to %g s", from_s, to_s);
    const omn_status st = in_time(v, err);
    if (st != OMN_OK) return st;
    const size_t n = moments(v);
    if (time != NULL) {
        const size_t a = first_from(time, from_s), b = first_from(time, to_s);
        return cut_moments(v, a, b, NULL, (const double[2]){ from_s, to_s }, out, err);
    }
    if (rate == NULL || begin == NULL)
        return omn_fail(err, OMN_ERR_TYPE, "%s has neither time nor rate and start",
                        omn_value_kind_name(v));
    const double hz = column_number(rate, 0), at = column_number(begin, 0);
    const size_t a = sample((from_s - at) * hz, n), b = sample((to_s - at) * hz, n);
    const double moved = at + (double)a / hz;
    return cut_moments(v, a, b, &moved, (const double[2]){ from_s, to_s }, out, err);
}
