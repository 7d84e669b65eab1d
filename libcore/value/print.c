/* SPDX-License-Identifier: Apache-2.0 */
/* Values as a person reads them: one thing per line, coordinates to a hundredth of a pixel. For
 * programs there is JSON, where nothing is rounded. */
#include "inside.h"

#include <math.h>

static void rounded(double x, omn_buf *out)
{
    double r = floor(x * 100 + 0.5) / 100;
    omn_number_print(fabs(x) < 1e12 ? r : x, out);
}

static void indent(unsigned depth, omn_buf *out)
{
    for (unsigned i = 0; i < depth; i++) omn_buf_puts(out, "  ");
}

static void regions_text(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_region *r;
    size_t n = omn_regions_get(v, &r);
    for (size_t i = 0; i < n; i++) {
        const double box[4] = { r[i].x0, r[i].y0, r[i].x1, r[i].y1 };
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            indent(depth, out);
        }
        if (r[i].label != NULL) omn_buf_printf(out, "%s: ", r[i].label);
        for (int k = 0; k < 4; k++) {
            if (k > 0) omn_buf_put(out, " ", 1);
            rounded(box[k], out);
        }
        if (!isnan(r[i].score)) {
            omn_buf_puts(out, " (");
            rounded(r[i].score, out);
            omn_buf_puts(out, ")");
        }
    }
}

static void points_text(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_point *p;
    size_t n = omn_points_get(v, &p);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            indent(depth, out);
        }
        if (p[i].label != NULL) omn_buf_printf(out, "%s: ", p[i].label);
        rounded(p[i].x, out);
        omn_buf_put(out, " ", 1);
        rounded(p[i].y, out);
        if (p[i].visible < 1)
            omn_buf_puts(out, " (not there)");
        else if (p[i].visible < 2)
            omn_buf_puts(out, " (hidden)");
    }
}

static void print(const omn_value *v, unsigned depth, omn_buf *out);

/* Lists: an item a line. Records: "name: value", the value below its name when it is itself
 * composed. */
static void composed(const omn_value *v, unsigned depth, omn_buf *out)
{
    bool record = v->kind == OMN_VALUE_RECORD;
    size_t n = record ? omn_record_count(v) : omn_list_count(v);
    for (size_t i = 0; i < n; i++) {
        const char *name = NULL;
        const omn_value *item = record ? omn_record_at(v, i, &name) : omn_list_at(v, i);
        bool below =
            item->depth > 1 || item->kind == OMN_VALUE_REGIONS || item->kind == OMN_VALUE_POINTS;
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            indent(depth, out);
        }
        if (record) {
            omn_buf_puts(out, name);
            omn_buf_puts(out, ":");
            if (below) {
                omn_buf_put(out, "\n", 1);
                indent(depth + 1, out);
            } else {
                omn_buf_put(out, " ", 1);
            }
        }
        print(item, record ? depth + 1 : depth, out);
    }
}

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    switch (v->kind) {
    case OMN_VALUE_TEXT:
        omn_buf_puts(out, omn_text_get(v, NULL));
        break;
    case OMN_VALUE_NUMBER: {
        double x = omn_number_get(v);
        if (isfinite(x))
            omn_number_print(x, out);
        else
            omn_buf_puts(out, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        break;
    }
    case OMN_VALUE_IMAGE: {
        const omn_pixels *px = &((const omn_image *)v)->px;
        const char *colour = px->channels == 1 ? "grey" : px->channels == 3 ? "RGB" : "RGBA";
        omn_buf_printf(out, "picture %u x %u, %s, %s", px->width, px->height, colour,
                       px->type == OMN_U8 ? "8 bit" : "float");
        break;
    }
    case OMN_VALUE_REGIONS:
        regions_text(v, depth, out);
        break;
    case OMN_VALUE_POINTS:
        points_text(v, depth, out);
        break;
    case OMN_VALUE_TOKENS: {
        const int32_t *ids;
        size_t n = omn_tokens_get(v, &ids, NULL);
        for (size_t i = 0; i < n; i++) omn_buf_printf(out, "%s%ld", i > 0 ? " " : "", (long)ids[i]);
        break;
    }
    case OMN_VALUE_EMBEDDINGS:
    case OMN_VALUE_TENSOR: {
        const omn_tensor *t = &((const tensor_value *)v)->t;
        char shape[160];
        omn_buf_printf(out, "%s %s %s", omn_value_kind_name(v->kind), omn_type_get(t->type)->name,
                       omn_shape_text(&t->shape, shape, sizeof(shape)));
        break;
    }
    case OMN_VALUE_LIST:
    case OMN_VALUE_RECORD:
        composed(v, depth, out);
        break;
    }
}

void omn_value_text(const omn_value *v, omn_buf *out)
{
    if (v != NULL) print(v, 0, out);
}
