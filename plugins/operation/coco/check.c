/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's JSON before it is read: every field that is used is of its type, or the file is refused.
 * What a reader passes over, a score as a text, a list of categories that is none, is lost without
 * a word. */
#include "coco.h"

#include <stdio.h>
#include <string.h>

typedef struct field {
    const char *name, *kinds; /* of the value: "number", or "list record" */
} field;

static const field of_set[] = { { "images", "list" }, { "annotations", "list" },
                                { "categories", "list" } };
static const field of_image[] = { { "id", "number" },
                                  { "width", "number" },
                                  { "height", "number" },
                                  { "file_name", "text" } };
static const field of_category[] = { { "id", "number" },
                                     { "name", "text" },
                                     { "keypoints", "list" },
                                     { "skeleton", "list" } };
static const field of_annotation[] = { { "image_id", "number" },  { "category_id", "number" },
                                       { "bbox", "list" },        { "segmentation", "list record" },
                                       { "keypoints", "list" },   { "score", "number" } };

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

/* what: "annotation 3". */
static omn_status check_fields(const omn_value *v, const field *rows, size_t n, const char *what,
                               size_t number, omn_error *err)
{
    char name[64];
    snprintf(name, sizeof(name), number < SIZE_MAX ? "%s %zu" : "%s", what, number);
    if (!omn_value_is(v, "record"))
        return omn_fail(err, OMN_ERR_DATA, "%s is %s, not a record", name, omn_value_kind_name(v));
    for (size_t i = 0; i < n; i++) {
        const omn_value *one = omn_record_get(v, rows[i].name);
        if (one == NULL || strstr(rows[i].kinds, omn_value_kind_name(one)) != NULL) continue;
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is %s; a %s is wanted", name, rows[i].name,
                        omn_value_kind_name(one),
                        strchr(rows[i].kinds, ' ') != NULL ? "list or a record" : rows[i].kinds);
    }
    return OMN_OK;
}

static omn_status check_all(const omn_value *list, const field *rows, size_t n, const char *what,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    if (!omn_value_is(list, "list")) return OMN_OK;
    for (size_t i = 0; st == OMN_OK && i < omn_list_count(list); i++)
        st = check_fields(omn_list_at(list, i), rows, n, what, i, err);
    return st;
}

static omn_status check_scores(const omn_value *list, omn_error *err)
{
    for (size_t i = 0; i < omn_list_count(list); i++) {
        const omn_value *v = omn_record_get(omn_list_at(list, i), "score");
        if (v == NULL || (omn_number_get(v) >= 0 && omn_number_get(v) <= 1)) continue;
        return omn_fail(err, OMN_ERR_DATA, "annotation %zu: a score of %g; 0 to 1 is wanted", i,
                        omn_number_get(v));
    }
    return OMN_OK;
}

omn_status coco_check(const omn_value *in, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value *list = in;
    if (omn_value_is(in, "record")) {
        list = omn_record_get(in, "annotations");
        st = check_fields(in, of_set, LENGTH(of_set), "the data set", SIZE_MAX, err);
        if (st == OMN_OK)
            st = check_all(omn_record_get(in, "images"), of_image, LENGTH(of_image), "picture",
                           err);
        if (st == OMN_OK)
            st = check_all(omn_record_get(in, "categories"), of_category, LENGTH(of_category),
                           "category", err);
        if (st == OMN_OK && list == NULL) /* perhaps one annotation alone */
            return check_fields(in, of_annotation, LENGTH(of_annotation), "the annotation",
                                SIZE_MAX, err);
    }
    if (st == OMN_OK) st = check_all(list, of_annotation, LENGTH(of_annotation), "annotation", err);
    return st == OMN_OK && omn_value_is(list, "list") ? check_scores(list, err) : st;
}
