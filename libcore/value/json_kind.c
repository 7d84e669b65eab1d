/* SPDX-License-Identifier: Apache-2.0 */
/* The general form of JSON read back: an object with the names of a kind's columns becomes a value
 * of that kind. Lists nest as the column's axes do; {"type","shape","base64"} gives the bytes. The
 * shape that is claimed is compared with what is there before memory is taken for it. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Columns while they are gathered: memory of each, freed at the end. */
typedef struct gathering {
    draft d;
    void *data[OMN_KIND_MOST_COLUMNS];
    omn_frame frame;
} gathering;

/* ---- nested lists --------------------------------------------------------------------------- */

/* The shape that nested lists have along their first items. Behind an empty one the axes say it, as
 * far as they are numbers. False: they nest otherwise. */
static bool shape_of(const omn_value *v, const char *const *words, uint32_t rank, omn_shape *shape)
{
    *shape = omn_dim0();
    shape->rank = rank;
    for (uint32_t i = 0; i < rank; i++) {
        if (v == NULL) {
            shape->dim[i] = strtol(words[i], NULL, 10);
            continue;
        }
        if (!value_has_kind(v, &kind_list)) return false;
        shape->dim[i] = (int64_t)omn_list_count(v);
        v = omn_list_at(v, 0);
    }
    return true;
}

static bool put_leaf(const omn_value *v, omn_type t, void *data, size_t i)
{
    const bool number = value_has_kind(v, &kind_number);
    if (t == OMN_ANY_VALUE) {
        ((const omn_value **)data)[i] = v;
        return true;
    }
    if (t == OMN_STRING) {
        const bool none = number && isnan(omn_number_get(v)); /* null */
        ((const char **)data)[i] = omn_text_get(v, NULL);
        return none || ((const char **)data)[i] != NULL;
    }
    return number && column_put(t, data, i, omn_number_get(v));
}

static bool put_nested(const omn_value *v, const omn_shape *shape, uint32_t axis, omn_type t,
                       void *data, size_t *at)
{
    if (axis == shape->rank) return put_leaf(v, t, data, (*at)++);
    if (!value_has_kind(v, &kind_list) || (int64_t)omn_list_count(v) != shape->dim[axis])
        return false;
    for (int64_t i = 0; i < shape->dim[axis]; i++)
        if (!put_nested(omn_list_at(v, (size_t)i), shape, axis + 1, t, data, at)) return false;
    return true;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static omn_type type_of(const char *name)
{
    return strcmp(name, "f64") == 0 ? OMN_F64 : omn_type_parse(name);
}

/* The shape in a record, of rank at most OMN_MAX_RANK. */
static bool shape_field(const omn_value *v, omn_shape *s)
{
    double dim[OMN_MAX_RANK];
    const omn_value *list = omn_record_get(v, "shape");
    const size_t rank = omn_list_count(list);
    if (!value_has_kind(list, &kind_list) || rank > OMN_MAX_RANK || !list_numbers(list, dim, rank))
        return false;
    *s = omn_dim0();
    s->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++) {
        if (!(dim[i] >= 0 && dim[i] <= 9e15 && dim[i] == floor(dim[i]))) return false;
        s->dim[i] = (int64_t)dim[i];
    }
    return true;
}

static omn_status from_bytes(const char *what, const omn_column *c, const omn_value *v,
                             omn_tensor *t, void **data, omn_error *err)
{
    const char *type = omn_text_get(omn_record_get(v, "type"), NULL);
    size_t n = 0;
    const char *coded = omn_text_get(omn_record_get(v, "base64"), &n);
    omn_shape s;
    if (type == NULL || coded == NULL || omn_record_count(v) != 3)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: column %s is neither lists nor {\"type\",\"shape\",\"base64\"}", what,
                        c->name);
    if (!shape_field(v, &s))
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s has no sane shape", what, c->name);
    if (type_of(type) == OMN_TYPE_NONE || !column_tensor(type_of(type), &s, NULL, t))
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s has no sane type and shape", what,
                        c->name);
    if (t->bytes > n) /* before memory is taken: three bytes are four letters */
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s has fewer bytes than its shape needs",
                        what, c->name);
    *data = calloc(t->bytes + 8, 1);
    if (*data == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for column %s", what, c->name);
    if (!base64_get(coded, n, *data, t->bytes))
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s is not %zu bytes in base64", what,
                        c->name, t->bytes);
    t->data = *data;
    return OMN_OK;
}

/* Texts as omn_value_split codes them. The bytes stay where they are, each is ended by its 0. */
static omn_status texts_of(const char *what, const omn_column *c, const omn_tensor *coded,
                           omn_tensor *t, void **data, omn_error *err)
{
    const char *p = coded->data, *end = p + coded->bytes;
    const size_t n = column_count(t);
    if (coded->type != OMN_U8 || n > coded->bytes)
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s is not its texts", what, c->name);
    const char **list = calloc(n + 1, sizeof(*list));
    *data = (void *)list;
    if (list == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for column %s", what, c->name);
    for (size_t i = 0; i < n; i++) {
        const bool some = p < end && *p == 1;
        const char *zero = some ? memchr(p + 1, 0, (size_t)(end - p - 1)) : p;
        if (p >= end || (*p != 0 && *p != 1) || zero == NULL)
            return omn_fail(err, OMN_ERR_DATA, "%s: text %zu of column %s has no end", what, i,
                            c->name);
        list[i] = some ? p + 1 : NULL;
        p = zero + 1;
    }
    t->data = (const void *)list;
    if (p == end) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: column %s has texts left over", what, c->name);
}

/* A column that stands apart: {"tensor": name}. */
static omn_status from_apart(const kind_source *from, const char *what, const omn_column *c,
                             const omn_value *v, omn_tensor *t, void **data, omn_error *err)
{
    const char *name = omn_text_get(omn_record_get(v, "tensor"), NULL);
    const omn_tensor *given = name != NULL ? from->give(from->give_user, name) : NULL;
    omn_shape shape;
    if (given == NULL)
        return omn_fail(err, OMN_ERR_DATA, "%s: the tensor \"%.80s\" of column %s is missing", what,
                        name != NULL ? name : "", c->name);
    if (c->type != OMN_STRING) {
        *t = *given;
        const size_t each = omn_column_bytes(t->type);
        if (each == 0 || t->bytes == 0 || (uintptr_t)t->data % each == 0) return OMN_OK;
        *data = malloc(t->bytes); /* tensors of files may lie anywhere */
        if (*data == NULL)
            return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for column %s", what, c->name);
        t->data = memcpy(*data, t->data, t->bytes);
        return OMN_OK;
    }
    if (!shape_field(v, &shape) || !column_tensor(OMN_STRING, &shape, NULL, t))
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s has no sane shape", what, c->name);
    return texts_of(what, c, given, t, data, err);
}

static omn_status from_lists(const char *what, const omn_column *c, const omn_value *v,
                             omn_tensor *t, void **data, omn_error *err)
{
    const char *words[OMN_MAX_RANK];
    size_t lengths[OMN_MAX_RANK], at = 0;
    omn_shape shape;
    const int rank = c->axes != NULL ? axes_split(c->axes, words, lengths) : -1;
    if (rank < 0 || c->type == OMN_TYPE_NONE || !shape_of(v, words, (uint32_t)rank, &shape) ||
        !column_tensor(c->type, &shape, NULL, t))
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s has not the axes [%s]", what, c->name,
                        c->axes != NULL ? c->axes : "any");
    size_t room = t->bytes; /* at most what lists of that shape would take themselves */
    const size_t least = omn_value_bytes(v);
    if (room / sizeof(omn_tensor) > least)
        return omn_fail(err, OMN_ERR_DATA, "%s: column %s is ragged", what, c->name);
    *data = calloc(room + 8, 1);
    if (*data == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for column %s", what, c->name);
    if (!put_nested(v, &shape, 0, c->type, *data, &at))
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: column %s is not %s elements along the axes [%s], or ragged", what,
                        c->name, omn_column_type(c->type), c->axes);
    t->data = *data;
    return OMN_OK;
}

/* ---- the object ----------------------------------------------------------------------------- */

static bool hex64(const char *s, uint64_t *out)
{
    *out = 0;
    if (s == NULL || strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16) return false;
    for (int i = 0; i < 16; i++)
        *out = *out << 4 | (uint64_t)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
    return true;
}

static omn_status frame_of(const omn_value *v, omn_frame *f, omn_error *err)
{
    const double width = omn_number_get(omn_record_get(v, "width")),
                 height = omn_number_get(omn_record_get(v, "height"));
    if (!list_numbers(omn_record_get(v, "map"), f->m, 6) ||
        !hex64(omn_text_get(omn_record_get(v, "source"), NULL), &f->source) ||
        !(width >= 0 && width <= UINT32_MAX) || !(height >= 0 && height <= UINT32_MAX))
        return omn_fail(err, OMN_ERR_DATA,
                        "\"$frame\" is {\"map\":[6 numbers],\"width\",\"height\",\"source\"}");
    f->width = (uint32_t)width;
    f->height = (uint32_t)height;
    return OMN_OK;
}

static omn_status unknown(const omn_kind *k, const char *name, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, 4096);
    for (uint32_t i = 0; i < k->n_columns; i++)
        omn_buf_printf(&b, "%s%s", i > 0 ? ", " : "", k->columns[i].name);
    const omn_status st = omn_fail(err, OMN_ERR_DATA, "%s has no column \"%.80s\"; it has %s",
                                   k->name, name, b.data != NULL ? b.data : "others");
    omn_buf_fini(&b);
    return st;
}

omn_status value_of_record(const omn_kind *k, const omn_value *record, omn_value **out,
                           omn_error *err)
{
    return value_of_parts(NULL, k, record, out, err);
}

omn_status value_of_parts(const kind_source *from, const omn_kind *k, const omn_value *record,
                          omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *v = NULL;
    gathering g;
    draft_init(&g.d, k);
    memset(g.data, 0, sizeof(g.data));
    for (size_t i = 0; i < omn_record_count(record); i++) {
        const char *name = "";
        const omn_value *field = omn_record_at(record, i, &name);
        if (strcmp(name, "$kind") == 0) continue;
        if (strcmp(name, "$frame") == 0) {
            OMN_TRY(frame_of(field, &g.frame, err));
            g.d.frame = &g.frame;
            continue;
        }
        const int at = kind_column(k, name);
        if (at < 0) {
            st = unknown(k, name, err);
            goto done;
        }
        const omn_column *c = &k->columns[at];
        const bool coded = value_has_kind(field, &kind_record) && c->type != OMN_ANY_VALUE;
        const bool apart = coded && from != NULL && from->give != NULL &&
                           omn_record_get(field, "tensor") != NULL;
        OMN_TRY(apart   ? from_apart(from, k->name, c, field, &g.d.col[at], &g.data[at], err)
                : coded ? from_bytes(k->name, c, field, &g.d.col[at], &g.data[at], err)
                        : from_lists(k->name, c, field, &g.d.col[at], &g.data[at], err));
    }
    OMN_TRY(draft_check(&g.d, err));
    OMN_TRY(value_build(&g.d, &v, err));
    if (k->impl->check != NULL) OMN_TRY(k->impl->check(v, err));
    *out = v;
    v = NULL;
done:
    omn_value_unref(v);
    for (size_t i = 0; i < OMN_KIND_MOST_COLUMNS; i++) free(g.data[i]);
    return st;
}
