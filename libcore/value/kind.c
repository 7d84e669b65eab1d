/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds: our own by name, and those that plugins bring. Ours are constants. A plugin's kind is an
 * object that its context and every value of it hold together, so that no list for the whole
 * process is needed and no value outlives its schema. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const omn_kind *const own[] = {
    &kind_text,       &kind_number, &kind_image, &kind_regions, &kind_points, &kind_tokens,
    &kind_embeddings, &kind_tensor, &kind_list,  &kind_record, &kind_audio, &kind_video,
    &kind_mask, &kind_depth, &kind_normals, &kind_keypoints, &kind_polygons, &kind_camera,
    &kind_box3d, &kind_actions, &kind_grounded, &kind_options, &kind_interleaved, &kind_stream,
};
#define N_OWN (sizeof own / sizeof *own)

const omn_kind *omn_kind_at(size_t i)
{
    return i < N_OWN ? own[i] : NULL;
}

const omn_kind *kind_own(const char *name)
{
    for (size_t i = 0; i < N_OWN; i++)
        if (strcmp(own[i]->name, name) == 0) return own[i];
    return NULL;
}

const char *omn_kind_name(const omn_kind *k)
{
    return k != NULL ? k->name : "nothing";
}

const char *omn_kind_help(const omn_kind *k)
{
    return k->help;
}

const omn_column *omn_kind_column(const omn_kind *k, size_t i)
{
    return i < k->n_columns ? &k->columns[i] : NULL;
}

const omn_value_impl *omn_kind_impl(const omn_kind *k)
{
    return k->impl;
}

int kind_column(const omn_kind *k, const char *name)
{
    for (uint32_t i = 0; i < k->n_columns; i++)
        if (strcmp(k->columns[i].name, name) == 0) return (int)i;
    return -1;
}

bool kind_same(const omn_kind *a, const omn_kind *b)
{
    if (a == b) return true;
    if (a == NULL || b == NULL) return false;
    return a->impl == b->impl || (a->of == NULL && b->of == NULL && strcmp(a->name, b->name) == 0);
}

/* ---- axes ------------------------------------------------------------------------------------ */

bool kind_name_good(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return name[n] == '\0' && n > 0 && n < 64 && name[0] >= 'a' && name[0] <= 'z';
}

int axes_split(const char *axes, const char *words[OMN_MAX_RANK], size_t lengths[OMN_MAX_RANK])
{
    int n = 0;
    if (axes[0] == '\0') return 0;
    for (const char *p = axes;; p++) {
        const size_t length = strcspn(p, ",");
        const bool number = strspn(p, "0123456789") == length && length < 10,
                   name = strspn(p, "abcdefghijklmnopqrstuvwxyz_") == length;
        if (n == OMN_MAX_RANK || length == 0 || !(number || name)) return -1;
        words[n] = p;
        lengths[n++] = length;
        p += length;
        if (*p == '\0') return n;
    }
}

static bool first_axis_is(const char *axes, const char *word)
{
    const size_t n = strlen(word);
    return axes != NULL && strncmp(axes, word, n) == 0 && (axes[n] == ',' || axes[n] == '\0');
}

bool column_begins(const omn_kind *k, size_t i, const char *axis)
{
    return axis != NULL && first_axis_is(k->columns[i].axes, axis);
}

/* Where the axis stands in column i; -1: nowhere. */
static int axis_at(const omn_kind *k, size_t i, const char *axis)
{
    const char *words[OMN_MAX_RANK], *axes = k->columns[i].axes;
    size_t lengths[OMN_MAX_RANK];
    const int rank = axes != NULL ? axes_split(axes, words, lengths) : 0;
    for (int d = 0; d < rank; d++)
        if (lengths[d] == strlen(axis) && strncmp(words[d], axis, lengths[d]) == 0) return d;
    return -1;
}

bool kind_has_axis(const omn_kind *k, const char *axis)
{
    for (size_t i = 0; i < k->n_columns; i++)
        if (axis_at(k, i, axis) >= 0) return true;
    return false;
}

int64_t value_axis(const omn_value *v, const char *axis)
{
    for (size_t i = 0; i < v->kind->n_columns; i++) {
        const int d = value_column_at(v, i) != NULL ? axis_at(v->kind, i, axis) : -1;
        if (d >= 0) return v->columns[i].shape.dim[d];
    }
    return -1;
}

const char *omn_kind_items(const omn_kind *k)
{
    if (k->view != NULL && k->view->item != NULL) return "any";
    if (k->impl->item == NULL) return NULL;
    const bool others = k->n_columns == 1 && k->columns[0].type == OMN_ANY_VALUE;
    return others ? "any" : k->name;
}

/* ---- of plugins ------------------------------------------------------------------------------ */

static omn_column column_at(const omn_value_impl *impl, size_t i)
{
    omn_column c = { 0 };
    const size_t n = impl->column_size < sizeof(c) ? impl->column_size : sizeof(c);
    memcpy(&c, (const char *)impl->columns + i * impl->column_size, n);
    return c;
}

static omn_status column_check(const char *kind, const omn_value_impl *impl, size_t i,
                               omn_error *err)
{
    const omn_column c = column_at(impl, i);
    const char *words[OMN_MAX_RANK];
    size_t lengths[OMN_MAX_RANK];
    if (!kind_name_good(c.name))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: \"%.80s\" cannot be the name of a column", kind,
                        c.name);
    for (size_t k = 0; k < i; k++)
        if (strcmp(column_at(impl, k).name, c.name) == 0)
            return omn_fail(err, OMN_ERR_PLUGIN, "%s: the column %s is listed twice", kind, c.name);
    if (c.type != OMN_TYPE_NONE && omn_column_bytes(c.type) == 0)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the column %s is of unknown type %d", kind,
                        c.name, (int)c.type);
    const int rank = c.axes != NULL ? axes_split(c.axes, words, lengths) : 0;
    if (rank < 0)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: the axes \"%.40s\" of column %s are not of the form \"n,4\"", kind,
                        c.axes, c.name);
    for (int k = 1; k < rank && impl->item != NULL; k++)
        if (lengths[k] == strlen(impl->item) && strncmp(words[k], impl->item, lengths[k]) == 0)
            return omn_fail(err, OMN_ERR_PLUGIN,
                            "%s: %s, the axis of its items, is not the first of column %s", kind,
                            impl->item, c.name);
    if (isnan(c.lo) || isnan(c.hi) || c.lo > c.hi || c.flags > 7)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the column %s has no range %g..%g or flags %u",
                        kind, c.name, c.lo, c.hi, c.flags);
    return OMN_OK;
}

omn_status kind_check(const char *name, const omn_value_impl *impl, omn_error *err)
{
    bool items = impl->item == NULL;
    if (!kind_name_good(name) || strcmp(name, "any") == 0 || kind_own(name) != NULL)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: cannot be the name of a kind of value of its own", name);
    if (impl->n_columns < 1 || impl->n_columns > OMN_KIND_MOST_COLUMNS)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: %u columns; a kind has 1..%u", name,
                        impl->n_columns, OMN_KIND_MOST_COLUMNS);
    for (size_t i = 0; i < impl->n_columns; i++) {
        const omn_status st = column_check(name, impl, i, err);
        if (st != OMN_OK) return st;
        if (impl->item != NULL) items = items || first_axis_is(column_at(impl, i).axes, impl->item);
    }
    if (!items)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: no column has the axis %s of its items", name,
                        impl->item);
    if (impl->place != NULL && strcmp(impl->place, "frame") != 0 &&
        strcmp(impl->place, "time") != 0)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: lies in \"%.40s\"; there are frame and time",
                        name, impl->place);
    return OMN_OK;
}

omn_kind *kind_new(const char *name, const char *help, const omn_value_impl *impl, omn_error *err)
{
    omn_kind *k = calloc(1, sizeof(*k));
    omn_column *columns = calloc(impl->n_columns, sizeof(*columns));
    if (k == NULL || columns == NULL) {
        free(k);
        free(columns);
        omn_fail(err, OMN_ERR_MEMORY, "no memory for the kind %s", name);
        return NULL;
    }
    for (uint32_t i = 0; i < impl->n_columns; i++) columns[i] = column_at(impl, i);
    k->name = name;
    k->help = help;
    k->impl = impl;
    k->columns = columns;
    k->n_columns = impl->n_columns;
    k->of = k;
    atomic_init(&k->count, 1);
    return k;
}

const omn_kind *kind_ref(const omn_kind *k)
{
    omn_kind *counted = (omn_kind *)k->of;
    if (counted != NULL) atomic_fetch_add_explicit(&counted->count, 1, memory_order_relaxed);
    return k;
}

void kind_unref(const omn_kind *k)
{
    omn_kind *counted = k != NULL ? (omn_kind *)k->of : NULL;
    if (counted == NULL ||
        atomic_fetch_sub_explicit(&counted->count, 1, memory_order_acq_rel) != 1)
        return;
    free((omn_column *)counted->columns);
    free(counted);
}
