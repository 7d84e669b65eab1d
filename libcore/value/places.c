/* SPDX-License-Identifier: Apache-2.0 */
/* Checked on the way in, so that whoever reads regions and points meets proper labels of a sane
 * length. */
#include "places.h"

#include <stdlib.h>

#define LABEL_MOST 65536u

omn_status places_label_check(const char *what, size_t i, const char *label, omn_error *err)
{
    if (label == NULL) return OMN_OK;
    size_t n = strlen(label), bad = 0;
    if (n > LABEL_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%s %zu: a label of %zu bytes is longer than %u", what,
                        i, n, LABEL_MOST);
    if (!omn_utf8_check(label, n, &bad))
        return omn_fail(err, OMN_ERR_DATA, "%s %zu: the label is not UTF-8 at byte %zu", what, i,
                        bad);
    return OMN_OK;
}

omn_status places_count(const char *what, size_t n, omn_error *err)
{
    if (n > OMN_REGIONS_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu %ss are more than %u", n, what, OMN_REGIONS_MOST);
    return OMN_OK;
}

omn_status places_check(const char *what, size_t n, const omn_tensor *labels, omn_error *err)
{
    omn_status st = places_count(what, n, err);
    for (size_t i = 0; st == OMN_OK && labels != NULL && i < n; i++)
        st = places_label_check(what, i, ((const char *const *)labels->data)[i], err);
    return st;
}

void places_label_json(const char *label, omn_buf *out)
{
    if (label == NULL) return;
    omn_buf_puts(out, ",\"label\":");
    value_json_string(label, strlen(label), out);
}

bool places_number(const omn_value *v, size_t *known, double most, double *x)
{
    if (v == NULL) return true;
    if (!value_has_kind(v, &kind_number)) return false;
    *x = omn_number_get(v);
    ++*known;
    return *x >= 0 && *x <= most;
}

bool places_label(const omn_value *v, size_t *known, const char **label)
{
    *label = NULL;
    if (v == NULL) return true;
    if (!value_has_kind(v, &kind_text)) return false;
    *label = omn_text_get(v, NULL);
    ++*known;
    return strlen(*label) <= LABEL_MOST;
}

omn_status places_of_records(const places_form *f, omn_value *const *items, size_t n,
                             omn_value **out, omn_error *err)
{
    if (n == 0 || n > OMN_REGIONS_MOST || !value_has_kind(items[0], &kind_record)) return OMN_OK;
    char *list = calloc(n, f->bytes);
    if (list == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu %ss", n, f->what);
    size_t i = 0;
    while (i < n && f->record(items[i], list + i * f->bytes)) i++;
    const omn_status st = i == n ? f->make(list, n, out, err) : OMN_OK;
    free(list);
    return st;
}

omn_status places_of_list(const places_form *f, const omn_value *v, size_t *bad, omn_value **out,
                          omn_error *err)
{
    const size_t n = omn_list_count(v);
    *out = NULL;
    omn_status st = places_count(f->what, n, err);
    if (st != OMN_OK) return st;
    char *list = calloc(n + 1, f->bytes);
    if (list == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu %ss", n, f->what);
    *bad = 0;
    while (*bad < n && f->any(omn_list_at(v, *bad), list + *bad * f->bytes)) ++*bad;
    if (*bad == n) st = f->make(list, n, out, err);
    free(list);
    return st;
}
