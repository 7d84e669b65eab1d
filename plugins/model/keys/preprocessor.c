/* SPDX-License-Identifier: Apache-2.0 */
/* The file is JSON: "size" is a number, a record with shortest_edge, or with height and width;
 * "resample" is Pillow's number of a filter; what is missing is as CLIP's own program does it. */
#include "preprocessor.h"

#include <stdlib.h>
#include <string.h>

#define FILE_NAME "preprocessor_config.json"
#define MOST ((size_t)1 << 20)

enum { BILINEAR = 2, BICUBIC = 3 };             /* Pillow's */

static void refuse(omn_open *o, const char *what)
{
    omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ": %s", what);
}

/* " NAME=a,b,c" of a list of three numbers. */
static size_t colours(omn_open *o, const omn_value *all, const char *key, const char *name,
                      char *out, size_t room)
{
    const omn_value *list = omn_record_get(all, key);
    double x[3];
    if (!list) return 0;
    bool fine = omn_value_is(list, "list") && omn_list_count(list) == 3;
    for (size_t i = 0; i < 3 && fine; i++) {
        const omn_value *one = omn_list_at(list, i);
        fine = omn_value_is(one, "number");
        x[i] = fine ? omn_number_get(one) : 0;
    }
    if (!fine) {
        omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ": %s: three numbers are wanted", key);
        return 0;
    }
    return (size_t)omn_format(out, room, " %s=%.9g,%.9g,%.9g", name, x[0], x[1], x[2]);
}

/* A side of "size" or "crop_size"; 0: it does not say. */
static double side_of(const omn_value *size, const char *key)
{
    if (!size) return 0;
    if (omn_value_is(size, "number")) return omn_number_get(size);
    const omn_value *v = omn_value_is(size, "record") ? omn_record_get(size, key) : NULL;
    return v && omn_value_is(v, "number") ? omn_number_get(v) : 0;
}

static bool flag(const omn_value *all, const char *key, bool deflt)
{
    const omn_value *v = omn_record_get(all, key);
    const char *text = v && omn_value_is(v, "text") ? omn_text_get(v, NULL) : NULL;
    if (text) return strcmp(text, "false") != 0;
    return v && omn_value_is(v, "number") ? omn_number_get(v) != 0 : deflt;
}

/* Whole pictures are squeezed, or the short side is scaled and the middle cut out; both end with
 * the model's side. */
static bool squashed(omn_open *o, const omn_value *all, int side)
{
    const omn_value *size = omn_record_get(all, "size"), *crop = omn_record_get(all, "crop_size");
    const double edge = side_of(size, "shortest_edge");
    const double height = side_of(size, "height"), width = side_of(size, "width");
    const bool cut = flag(all, "do_center_crop", true);
    const bool both = size && omn_value_is(size, "record") && height > 0 && width > 0;
    const double is = both ? height : edge;
    if (is > 0 && (is != side || (both && width != side)))
        omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ": size: pictures of %g are made, the model "
                      "sees %d", is, side);
    else if (cut && crop && (side_of(crop, "height") != side || side_of(crop, "width") != side))
        omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ": crop_size: %g x %g are cut out, the model "
                      "sees %d", side_of(crop, "height"), side_of(crop, "width"), side);
    else if (!cut && !both)
        refuse(o, "do_center_crop is false, and size names no height and width: pictures would "
                  "have any shape");
    return both;
}

static void read_all(omn_open *o, const omn_value *all, int side, char *out, size_t room)
{
    const omn_value *resample = omn_record_get(all, "resample");
    const double filter = resample && omn_value_is(resample, "number") ? omn_number_get(resample)
                                                                       : BICUBIC;
    size_t n = 0;
    if (filter != BILINEAR && filter != BICUBIC)
        omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ": resample %g: 2 (bilinear) or 3 (bicubic) is "
                      "wanted", filter);
    if (!flag(all, "do_resize", true) || !flag(all, "do_rescale", true) ||
        !flag(all, "do_normalize", true))
        refuse(o, "do_resize, do_rescale and do_normalize: true is wanted");
    n += (size_t)omn_format(out, room, "filter=%s fit=%s", filter == BICUBIC ? "cubic" : "linear",
                            squashed(o, all, side) ? "squash" : "crop");
    n += colours(o, all, "image_mean", "mean", out + n, room - n);
    colours(o, all, "image_std", "std", out + n, room - n);
}

void preprocessor_settings(omn_open *o, int side, char *out, size_t room)
{
    const char *path = omn_open_file(o, FILE_NAME, false);
    omn_error err = OMN_ERROR_INIT;
    omn_value *all = NULL;
    char *text = NULL;
    size_t n = 0;
    *out = 0;
    if (!path) return;
    omn_status st = omn_file_read(path, MOST, &text, &n, &err);
    if (st == OMN_OK) st = omn_value_from_json(text, n, &all, &err);
    if (st == OMN_OK && !omn_value_is(all, "record"))
        st = omn_fail(&err, OMN_ERR_CONFIG, "an object is wanted");
    if (st == OMN_OK) read_all(o, all, side, out, room);
    else omn_open_fail(o, st, FILE_NAME ": %s", err.text);
    omn_value_unref(all);
    free(text);
}
