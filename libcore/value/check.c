/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema promises of a value's columns is checked here, once, before memory is taken for
 * them: whoever reads a value afterwards meets the types, sizes and ranges that its kind states. */
#include "inside.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SYMBOLS 32

/* Sizes that names of axes stand for. */
typedef struct symbols {
    size_t n;
    struct {
        const char *name;
        size_t length;
        int64_t size;
    } of[MOST_SYMBOLS];
} symbols;

static omn_status axis_check(const draft *d, symbols *s, const char *column, const char *word,
                             size_t length, int64_t size, omn_error *err)
{
    if (word[0] >= '0' && word[0] <= '9') {
        const long want = strtol(word, NULL, 10);
        if (want == size) return OMN_OK;
        return omn_fail(err, OMN_ERR_SHAPE, "%s: an axis of column %s has %lld elements, not %ld",
                        d->kind->name, column, (long long)size, want);
    }
    for (size_t i = 0; i < s->n; i++) {
        if (s->of[i].length != length || strncmp(s->of[i].name, word, length) != 0) continue;
        if (s->of[i].size == size) return OMN_OK;
        return omn_fail(err, OMN_ERR_SHAPE,
                        "%s: axis %.*s has %lld elements in column %s and %lld before",
                        d->kind->name, (int)length, word, (long long)size, column,
                        (long long)s->of[i].size);
    }
    if (s->n < MOST_SYMBOLS) {
        s->of[s->n].name = word;
        s->of[s->n].length = length;
        s->of[s->n++].size = size;
    }
    return OMN_OK;
}

static omn_status shape_check(const draft *d, symbols *s, size_t i, omn_error *err)
{
    const omn_column *c = &d->kind->columns[i];
    const omn_tensor *t = &d->col[i];
    const char *words[OMN_MAX_RANK];
    size_t lengths[OMN_MAX_RANK];
    char have[160];
    omn_tensor whole;
    if (t->shape.rank > OMN_MAX_RANK || !column_tensor(t->type, &t->shape, NULL, &whole))
        return omn_fail(err, OMN_ERR_SHAPE, "%s: the shape of column %s makes no sense",
                        d->kind->name, c->name);
    if (t->bytes != whole.bytes)
        return omn_fail(err, OMN_ERR_SHAPE, "%s: column %s has %zu bytes, its shape needs %zu",
                        d->kind->name, c->name, t->bytes, whole.bytes);
    if (c->axes == NULL) return OMN_OK;
    const int rank = axes_split(c->axes, words, lengths);
    if (rank != (int)t->shape.rank)
        return omn_fail(err, OMN_ERR_SHAPE, "%s: column %s is %s, it has the axes [%s]",
                        d->kind->name, c->name, omn_shape_text(&t->shape, have, sizeof(have)),
                        c->axes);
    for (int k = 0; k < rank; k++) {
        const omn_status st =
            axis_check(d, s, c->name, words[k], lengths[k], t->shape.dim[k], err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* Sounds and pictures are long columns of floats, all of them good nearly always: seen at a glance.
 * The bounds are the outermost floats within them. */
static bool floats_good(const float *x, size_t n, double lo, double hi)
{
    float least = (float)lo, most = (float)hi;
    unsigned bad[4] = { 0 };
    size_t k = 0;
    if ((double)least < lo) least = nextafterf(least, INFINITY);
    if ((double)most > hi) most = nextafterf(most, -INFINITY);
    for (; k + 4 <= n; k += 4)
        for (size_t j = 0; j < 4; j++)
            bad[j] |= (unsigned)!(x[k + j] >= least) | (unsigned)!(x[k + j] <= most);
    for (; k < n; k++) bad[0] |= (unsigned)!(x[k] >= least) | (unsigned)!(x[k] <= most);
    return (bad[0] | bad[1] | bad[2] | bad[3]) == 0;
}

static omn_status numbers_check(const draft *d, size_t i, omn_error *err)
{
    const omn_column *c = &d->kind->columns[i];
    const omn_tensor *t = &d->col[i];
    const bool bound = c->lo < c->hi, none = (c->flags & OMN_COLUMN_NAN) != 0;
    const bool real = t->type == OMN_F64 || omn_type_get(t->type)->is_float;
    const size_t n = column_count(t);
    if (t->data == NULL || (c->flags & OMN_COLUMN_FREE) != 0) return OMN_OK;
    if (t->type == OMN_BOOL)
        for (size_t k = 0; k < n; k++)
            if (((const uint8_t *)t->data)[k] > 1)
                return omn_fail(err, OMN_ERR_DATA, "%s: element %zu of column %s is not 0 or 1",
                                d->kind->name, k, c->name);
    if (!bound && !real) return OMN_OK;
    const double lo = bound ? c->lo : -(double)FLT_MAX, hi = bound ? c->hi : (double)FLT_MAX;
    if (t->type == OMN_F32 && lo >= -(double)FLT_MAX && hi <= (double)FLT_MAX &&
        floats_good(t->data, n, lo, hi))
        return OMN_OK;
    for (size_t k = 0; k < n; k++) {
        const double x = column_number(t, k);
        if (isnan(x) && none) continue;
        if (!isfinite(x))
            return omn_fail(err, OMN_ERR_DATA, "%s: element %zu of column %s is not finite",
                            d->kind->name, k, c->name);
        if (bound && !(x >= c->lo && x <= c->hi))
            return omn_fail(err, OMN_ERR_DATA, "%s: element %zu of column %s is %g%s%s, outside "
                            "%g..%g", d->kind->name, k, c->name, x, c->unit != NULL ? " " : "",
                            c->unit != NULL ? c->unit : "", c->lo, c->hi);
    }
    return OMN_OK;
}

static omn_status texts_check(const draft *d, size_t i, omn_error *err)
{
    const omn_column *c = &d->kind->columns[i];
    const omn_tensor *t = &d->col[i];
    const char *const *list = t->data;
    const size_t n = column_count(t);
    if (n > VALUE_MOST_TEXTS)
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s holds %zu texts, more than %u",
                        d->kind->name, c->name, n, VALUE_MOST_TEXTS);
    for (size_t k = 0; k < n; k++) {
        size_t bad = 0;
        const char *s = list != NULL ? list[k] : NULL;
        if (s == NULL && (c->flags & OMN_COLUMN_NAN) != 0) continue;
        if (s == NULL)
            return omn_fail(err, OMN_ERR_DATA, "%s: text %zu of column %s is missing",
                            d->kind->name, k, c->name);
        const size_t length = strlen(s);
        if (length > OMN_TEXT_MOST)
            return omn_fail(err, OMN_ERR_DATA, "%s: text %zu of column %s is longer than %zu bytes",
                            d->kind->name, k, c->name, OMN_TEXT_MOST);
        if (!omn_utf8_check(s, length, &bad))
            return omn_fail(err, OMN_ERR_DATA, "%s: text %zu of column %s is not UTF-8 at byte %zu",
                            d->kind->name, k, c->name, bad);
    }
    return OMN_OK;
}

static omn_status type_check(const draft *d, size_t i, omn_error *err)
{
    const omn_column *c = &d->kind->columns[i];
    const omn_type t = d->col[i].type;
    const bool number = t != OMN_STRING && t != OMN_ANY_VALUE && omn_column_bytes(t) > 0;
    if (t == c->type || (c->type == OMN_TYPE_NONE && number)) return OMN_OK;
    return omn_fail(err, OMN_ERR_TYPE, "%s: column %s is of type %s, not %s", d->kind->name,
                    c->name, omn_column_type(t), omn_column_type(c->type));
}

static omn_status frame_check(const draft *d, omn_error *err)
{
    const char *place = d->kind->impl->place;
    if (d->frame == NULL) return OMN_OK;
    if (place == NULL || strcmp(place, "frame") != 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s does not lie in a picture", d->kind->name);
    for (int i = 0; i < 6; i++)
        if (!isfinite(d->frame->m[i]))
            return omn_fail(err, OMN_ERR_DATA, "%s: its frame is not finite", d->kind->name);
    return OMN_OK;
}

omn_status draft_check(const draft *d, omn_error *err)
{
    omn_status st = OMN_OK;
    symbols s = { 0 };
    OMN_TRY(frame_check(d, err));
    for (uint32_t i = 0; i < d->kind->n_columns; i++) {
        const omn_column *c = &d->kind->columns[i];
        if (d->col[i].type == OMN_TYPE_NONE) {
            if (c->flags & OMN_COLUMN_OPTIONAL) continue;
            return omn_fail(err, OMN_ERR_DATA, "%s: its column %s is missing", d->kind->name,
                            c->name);
        }
        OMN_TRY(type_check(d, i, err));
        OMN_TRY(shape_check(d, &s, i, err));
        if (d->col[i].type == OMN_STRING)
            OMN_TRY(texts_check(d, i, err));
        else if (d->col[i].type != OMN_ANY_VALUE)
            OMN_TRY(numbers_check(d, i, err));
    }
done:
    return st;
}
