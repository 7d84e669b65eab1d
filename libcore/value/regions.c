/* SPDX-License-Identifier: Apache-2.0 */
/* Regions and points: arrays of plain structs whose labels are copied behind them into the same
 * block, and checked on the way in, so that whoever reads them meets finite numbers and proper
 * text. */
#include "inside.h"

#include <math.h>
#include <string.h>

#define LABEL_MOST 65536u

/* Checks a label and adds the bytes that its copy takes. */
static omn_status label_bytes(const char *label, const char *what, size_t i, size_t *sum,
                              omn_error *err)
{
    if (label == NULL) return OMN_OK;
    size_t n = strlen(label), bad = 0;
    if (n > LABEL_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%s %zu: a label of %zu bytes is longer than %u", what,
                        i, n, LABEL_MOST);
    if (!omn_utf8_check(label, n, &bad))
        return omn_fail(err, OMN_ERR_DATA, "%s %zu: the label is not UTF-8 at byte %zu", what, i,
                        bad);
    *sum += n + 1; /* at most 2^16 times 2^16 + 1 */
    return OMN_OK;
}

static const char *label_copy(const char *label, char **at)
{
    if (label == NULL) return NULL;
    size_t n = strlen(label) + 1;
    char *to = *at;
    memcpy(to, label, n);
    *at += n;
    return to;
}

static omn_status count_check(size_t n, const char *what, omn_error *err)
{
    if (n > OMN_REGIONS_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu %ss are more than %u", n, what, OMN_REGIONS_MOST);
    return OMN_OK;
}

omn_status omn_regions_new(const omn_region *r, size_t n, const omn_frame *like, omn_value **out,
                           omn_error *err)
{
    omn_status st = count_check(n, "region", err);
    size_t labels = 0;
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        if (!isfinite(r[i].x0) || !isfinite(r[i].y0) || !isfinite(r[i].x1) || !isfinite(r[i].y1))
            return omn_fail(err, OMN_ERR_DATA, "region %zu: a coordinate is not finite", i);
        if (!isnan(r[i].score) && !(r[i].score >= 0 && r[i].score <= 1))
            return omn_fail(err, OMN_ERR_DATA, "region %zu: score %g is outside 0..1", i,
                            r[i].score);
        st = label_bytes(r[i].label, "region", i, &labels, err);
    }
    if (st != OMN_OK) return st;
    regions_value *v = value_new(OMN_VALUE_REGIONS, sizeof(*v), n * sizeof(*r) + labels, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    char *at = (char *)&v->list[n];
    for (size_t i = 0; i < n; i++) {
        v->list[i] = r[i];
        v->list[i].label = label_copy(r[i].label, &at);
    }
    v->n = n;
    if (like != NULL) v->frame = *like;
    *out = &v->base;
    return OMN_OK;
}

size_t omn_regions_get(const omn_value *v, const omn_region **list)
{
    bool is = v != NULL && v->kind == OMN_VALUE_REGIONS;
    if (list != NULL) *list = is ? ((const regions_value *)v)->list : NULL;
    return is ? ((const regions_value *)v)->n : 0;
}

omn_status omn_points_new(const omn_point *p, size_t n, const omn_frame *like, omn_value **out,
                          omn_error *err)
{
    omn_status st = count_check(n, "point", err);
    size_t labels = 0;
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        if (!isfinite(p[i].x) || !isfinite(p[i].y))
            return omn_fail(err, OMN_ERR_DATA, "point %zu: a coordinate is not finite", i);
        if (!(p[i].visible >= 0 && p[i].visible <= 2))
            return omn_fail(err, OMN_ERR_DATA, "point %zu: visible %g is outside 0..2", i,
                            p[i].visible);
        st = label_bytes(p[i].label, "point", i, &labels, err);
    }
    if (st != OMN_OK) return st;
    points_value *v = value_new(OMN_VALUE_POINTS, sizeof(*v), n * sizeof(*p) + labels, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    char *at = (char *)&v->list[n];
    for (size_t i = 0; i < n; i++) {
        v->list[i] = p[i];
        v->list[i].label = label_copy(p[i].label, &at);
    }
    v->n = n;
    if (like != NULL) v->frame = *like;
    *out = &v->base;
    return OMN_OK;
}

size_t omn_points_get(const omn_value *v, const omn_point **list)
{
    bool is = v != NULL && v->kind == OMN_VALUE_POINTS;
    if (list != NULL) *list = is ? ((const points_value *)v)->list : NULL;
    return is ? ((const points_value *)v)->n : 0;
}
