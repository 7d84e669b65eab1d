/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON, in the stable form that omnio/value.h states. What is printed here is what
 * programs read: fields keep their order, numbers their exact value, texts become the shortest
 * valid escapes. */
#include "inside.h"

#include <math.h>
#include <string.h>

void json_string(const char *s, size_t n, omn_buf *out)
{
    size_t from = 0;
    omn_buf_put(out, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
        omn_buf_put(out, s + from, i - from);
        from = i + 1;
        if (c == '"')
            omn_buf_puts(out, "\\\"");
        else if (c == '\\')
            omn_buf_puts(out, "\\\\");
        else if (c == '\n')
            omn_buf_puts(out, "\\n");
        else if (c == '\r')
            omn_buf_puts(out, "\\r");
        else if (c == '\t')
            omn_buf_puts(out, "\\t");
        else
            omn_buf_printf(out, "\\u%04x", c);
    }
    omn_buf_put(out, s + from, n - from);
    omn_buf_put(out, "\"", 1);
}

static void comma(size_t i, omn_buf *out)
{
    if (i > 0) omn_buf_put(out, ",", 1);
}

static void label_field(const char *label, omn_buf *out)
{
    if (label == NULL) return;
    omn_buf_puts(out, ",\"label\":");
    json_string(label, strlen(label), out);
}

static void numbers(const double *x, size_t n, omn_buf *out)
{
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        comma(i, out);
        omn_number_print(x[i], out);
    }
    omn_buf_put(out, "]", 1);
}

static void regions_json(const omn_value *v, omn_buf *out)
{
    const omn_region *r;
    size_t n = omn_regions_get(v, &r);
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        comma(i, out);
        omn_buf_puts(out, "{\"box\":");
        numbers((const double[4]){ r[i].x0, r[i].y0, r[i].x1, r[i].y1 }, 4, out);
        label_field(r[i].label, out);
        if (!isnan(r[i].score)) {
            omn_buf_puts(out, ",\"score\":");
            omn_number_print(r[i].score, out);
        }
        omn_buf_put(out, "}", 1);
    }
    omn_buf_put(out, "]", 1);
}

static void points_json(const omn_value *v, omn_buf *out)
{
    const omn_point *p;
    size_t n = omn_points_get(v, &p);
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        comma(i, out);
        omn_buf_puts(out, "{\"point\":");
        numbers((const double[2]){ p[i].x, p[i].y }, 2, out);
        omn_buf_puts(out, ",\"visible\":");
        omn_number_print(p[i].visible, out);
        label_field(p[i].label, out);
        omn_buf_put(out, "}", 1);
    }
    omn_buf_put(out, "]", 1);
}

static void tokens_json(const omn_value *v, omn_buf *out)
{
    const int32_t *ids;
    const char *vocabulary;
    size_t n = omn_tokens_get(v, &ids, &vocabulary);
    omn_buf_puts(out, "{\"tokens\":[");
    for (size_t i = 0; i < n; i++) omn_buf_printf(out, "%s%ld", i > 0 ? "," : "", (long)ids[i]);
    omn_buf_puts(out, "],\"vocabulary\":");
    json_string(vocabulary, strlen(vocabulary), out);
    omn_buf_put(out, "}", 1);
}

static void embeddings_json(const omn_tensor *t, omn_buf *out)
{
    const float *x = t->data;
    size_t width = (size_t)t->shape.dim[1];
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < (size_t)t->shape.dim[0] && !out->failed; i++) {
        comma(i, out);
        omn_buf_put(out, "[", 1);
        for (size_t k = 0; k < width && !out->failed; k++) {
            comma(k, out);
            number_shortest((double)x[i * width + k], 9, out);
        }
        omn_buf_put(out, "]", 1);
    }
    omn_buf_put(out, "]", 1);
}

static void tensor_json(const omn_tensor *t, omn_buf *out)
{
    omn_buf_printf(out, "{\"type\":\"%s\",\"shape\":[", omn_type_get(t->type)->name);
    for (uint32_t i = 0; i < t->shape.rank; i++)
        omn_buf_printf(out, "%s%lld", i > 0 ? "," : "", (long long)t->shape.dim[i]);
    omn_buf_puts(out, "]}");
}

static void record_json(const omn_value *v, omn_buf *out)
{
    omn_buf_put(out, "{", 1);
    for (size_t i = 0; i < omn_record_count(v); i++) {
        const char *name = "";
        const omn_value *field = omn_record_at(v, i, &name);
        comma(i, out);
        json_string(name, strlen(name), out);
        omn_buf_put(out, ":", 1);
        omn_value_json(field, out);
    }
    omn_buf_put(out, "}", 1);
}

void omn_value_json(const omn_value *v, omn_buf *out)
{
    if (v == NULL) {
        omn_buf_puts(out, "null");
        return;
    }
    switch (v->kind) {
    case OMN_VALUE_TEXT: {
        size_t n;
        const char *s = omn_text_get(v, &n);
        json_string(s, n, out);
        break;
    }
    case OMN_VALUE_NUMBER:
        omn_number_print(omn_number_get(v), out);
        break;
    case OMN_VALUE_IMAGE: {
        const omn_pixels *px = &((const omn_image *)v)->px;
        omn_buf_printf(out, "{\"width\":%u,\"height\":%u,\"channels\":%u}", px->width, px->height,
                       px->channels);
        break;
    }
    case OMN_VALUE_REGIONS:
        regions_json(v, out);
        break;
    case OMN_VALUE_POINTS:
        points_json(v, out);
        break;
    case OMN_VALUE_TOKENS:
        tokens_json(v, out);
        break;
    case OMN_VALUE_EMBEDDINGS:
        embeddings_json(&((const tensor_value *)v)->t, out);
        break;
    case OMN_VALUE_TENSOR:
        tensor_json(&((const tensor_value *)v)->t, out);
        break;
    case OMN_VALUE_LIST:
        omn_buf_put(out, "[", 1);
        for (size_t i = 0; i < omn_list_count(v); i++) {
            comma(i, out);
            omn_value_json(omn_list_at(v, i), out);
        }
        omn_buf_put(out, "]", 1);
        break;
    case OMN_VALUE_RECORD:
        record_json(v, out);
        break;
    }
}
