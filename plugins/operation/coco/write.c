/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes, masks, bodies and outlines as COCO's JSON: a data set of one picture with its annotations
 * and categories, or a list of results. The JSON is written as text and read as any other. */
#include "categories.h"
#include "coco.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writing {
    omn_call *c;
    const coco_writing *how;
    categories known;
    omn_buf out;              /* the annotations */
    size_t n;
    double width, height;     /* of the picture; 0: nobody knows */
    const omn_value *bodies;  /* whose joints the categories tell */
    omn_value *person;        /* owned: perhaps the same */
} writing;

static void put_text(const char *s, omn_buf *out)
{
    omn_value *v = NULL;
    if (omn_text_new(s != NULL ? s : "", s != NULL ? strlen(s) : 0, &v, NULL) == OMN_OK)
        omn_value_json(v, out);
    else
        out->failed = true;
    omn_value_unref(v);
}

/* To a hundredth, as the published files have it. */
static void put_number(const char *before, double x, omn_buf *out)
{
    omn_buf_puts(out, before);
    omn_number_print(floor(x * 100 + 0.5) / 100 + 0.0, out);
}

static omn_status begin(writing *w, const char *label, omn_error *err)
{
    const int32_t id = categories_id(&w->known, label);
    if (id == 0)
        return omn_fail(err, OMN_ERR_DATA, "\"%.60s\" is none of the categories",
                        label != NULL ? label : "");
    omn_buf_puts(&w->out, w->n++ > 0 ? ",{" : "{");
    if (!w->how->results) omn_buf_printf(&w->out, "\"id\":%zu,", w->n);
    omn_buf_printf(&w->out, "\"image_id\":%lld,\"category_id\":%ld", (long long)w->how->image_id,
                   (long)id);
    return OMN_OK;
}

static void put_box(writing *w, double x0, double y0, double x1, double y1)
{
    put_number(",\"bbox\":[", x0, &w->out);
    put_number(",", y0, &w->out);
    put_number(",", x1 - x0, &w->out);
    put_number(",", y1 - y0, &w->out);
    omn_buf_puts(&w->out, "]");
}

static void end(writing *w, double area, double score)
{
    if (!w->how->results) {
        put_number(",\"area\":", area, &w->out);
        omn_buf_puts(&w->out, ",\"iscrowd\":0");
    }
    if (!isnan(score)) {
        omn_buf_puts(&w->out, ",\"score\":");
        omn_number_print(score, &w->out);
    } else if (w->how->results) {
        omn_buf_puts(&w->out, ",\"score\":1");
    }
    omn_buf_puts(&w->out, "}");
}

static omn_status put_regions(writing *w, const omn_value *v, omn_error *err)
{
    const omn_region *r;
    const size_t n = omn_regions_get(v, &r);
    for (size_t i = 0; i < n; i++) {
        const omn_status st = begin(w, r[i].label, err);
        if (st != OMN_OK) return st;
        put_box(w, r[i].x0, r[i].y0, r[i].x1, r[i].y1);
        end(w, (r[i].x1 - r[i].x0) * (r[i].y1 - r[i].y0), r[i].score);
    }
    return OMN_OK;
}

/* ---- masks ---------------------------------------------------------------------------------- */

/* What a label is called: by the legend; else by the number that it has among the categories; else,
 * where names come as they come, its number itself. NULL: it has no name, or there is no memory. */
static const char *name_of_label(writing *w, const omn_tensor *legend, int32_t label)
{
    if (legend != NULL && label < legend->shape.dim[0])
        return ((const char *const *)legend->data)[label];
    if (!w->known.open) return categories_name(&w->known, label);
    char *text = omn_call_scratch(w->c, 16, 1);
    if (text != NULL) snprintf(text, 16, "%ld", (long)label);
    return text;
}

static omn_status put_label(writing *w, const omn_value *v, const flat *f, int32_t label,
                            rle_box box, omn_error *err)
{
    const omn_tensor *legend = omn_value_column(v, "legend");
    const char *name = name_of_label(w, legend, label);
    rle r;
    uint64_t area;
    omn_status st = rle_of(f->labels, f->width, f->height, label, box, &r, err);
    if (st == OMN_OK) st = begin(w, name, err);
    if (st == OMN_OK) {
        rle_measure(&r, &area, &box);
        omn_buf_puts(&w->out, ",\"segmentation\":{");
        rle_put(&r, w->how->compressed, &w->out);
        omn_buf_puts(&w->out, "}");
        put_box(w, (double)box.x0, (double)box.y0, (double)box.x1, (double)box.y1);
        end(w, (double)area, NAN);
    }
    rle_fini(&r);
    return st;
}

static omn_status put_mask(writing *w, const omn_value *v, omn_error *err)
{
    enum { LABELS = 65536 };
    flat f;
    rle_box *box = NULL;
    omn_status st = flat_of(v, &f, err);
    if (st == OMN_OK) box = calloc(LABELS, sizeof(*box));
    if (st == OMN_OK && box == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "no memory for labels");
    for (int64_t y = 0, i = 0; st == OMN_OK && y < f.height; y++)
        for (int64_t x = 0; x < f.width; x++, i++) {
            if (f.labels[i] < 0) continue;
            rle_box *b = &box[f.labels[i]];
            if (b->x1 == 0) *b = (rle_box){ x, y, x + 1, y + 1 };
            if (x < b->x0) b->x0 = x;
            if (x >= b->x1) b->x1 = x + 1;
            b->y1 = y + 1;
        }
    for (int32_t i = f.soft ? 1 : w->how->from; st == OMN_OK && i < LABELS; i++) {
        if (box[i].x1 == 0) continue;
        if (omn_call_cancelled(w->c)) st = omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
        else st = put_label(w, v, &f, i, box[i], err);
    }
    if (w->width <= 0 && st == OMN_OK) {
        w->width = (double)f.width;
        w->height = (double)f.height;
    }
    free(box);
    free(f.owned);
    return st;
}

/* ---- bodies and outlines -------------------------------------------------------------------- */

static omn_status put_body(writing *w, const omn_value *v, size_t i, omn_error *err)
{
    const omn_tensor *label = omn_value_column(v, "label"), *score = omn_value_column(v, "score");
    const size_t joints = (size_t)omn_value_column(v, "joints")->shape.dim[0];
    const double *p = (const double *)omn_value_column(v, "point")->data + 2 * i * joints;
    const double *seen = (const double *)omn_value_column(v, "visible")->data + i * joints;
    const char *name = label != NULL ? ((const char *const *)label->data)[i] : NULL;
    double box[4] = { INFINITY, INFINITY, -INFINITY, -INFINITY };
    size_t there = 0;
    const omn_status st = begin(w, name != NULL ? name : "person", err);
    if (st != OMN_OK) return st;
    omn_buf_puts(&w->out, ",\"keypoints\":[");
    for (size_t j = 0; j < joints; j++) {
        const bool is = seen[j] > 0;
        put_number(j > 0 ? "," : "", is ? p[2 * j] : 0, &w->out);
        put_number(",", is ? p[2 * j + 1] : 0, &w->out);
        omn_buf_printf(&w->out, ",%d", is ? (seen[j] > 1 ? 2 : 1) : 0);
        if (!is) continue;
        there++;
        for (int k = 0; k < 2; k++) {
            box[k] = fmin(box[k], p[2 * j + (size_t)k]);
            box[2 + k] = fmax(box[2 + k], p[2 * j + (size_t)k]);
        }
    }
    omn_buf_printf(&w->out, "],\"num_keypoints\":%zu", there);
    if (there == 0) box[0] = box[1] = box[2] = box[3] = 0;
    put_box(w, box[0], box[1], box[2], box[3]);
    end(w, (box[2] - box[0]) * (box[3] - box[1]),
        score != NULL ? ((const double *)score->data)[i] : NAN);
    return OMN_OK;
}

static omn_status put_bodies(writing *w, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    if (w->bodies == NULL) w->bodies = v;
    for (size_t i = 0; st == OMN_OK && i < omn_value_count(v); i++) st = put_body(w, v, i, err);
    return st;
}

/* "left eye" of points is the joint "left_eye". */
static bool same_name(const char *label, const char *joint)
{
    for (; *label != '\0' && *joint != '\0'; label++, joint++)
        if (*label != *joint && !(*label == ' ' && *joint == '_')) return false;
    return *label == *joint;
}

/* The named points of one person, as a model finds them, are a body. */
static omn_status put_person(writing *w, const omn_value *v, omn_error *err)
{
    enum { MOST = 32 };
    size_t k, bones;
    const char *const *joints = omn_coco_joints(&k);
    const int32_t *skeleton = omn_coco_skeleton(&bones);
    double at[2 * MOST], seen[MOST] = { 0 };
    const omn_point *p;
    omn_value *body = NULL;
    const omn_kind *kind = NULL;
    for (size_t i = 0; i < 2 * k && i < 2 * MOST; i++) at[i] = NAN;
    for (size_t i = 0, n = omn_points_get(v, &p); i < n; i++)
        for (size_t j = 0; j < k && j < MOST; j++) {
            if (p[i].label == NULL || !same_name(p[i].label, joints[j])) continue;
            at[2 * j] = p[i].x;
            at[2 * j + 1] = p[i].y;
            seen[j] = p[i].visible;
        }
    omn_status st = omn_kind_find(w->c, "keypoints", &kind, err);
    const omn_filled f[4] = {
        omn_fill("point", OMN_F64, omn_dim3(1, (int64_t)k, 2), at),
        omn_fill("visible", OMN_F64, omn_dim2(1, (int64_t)k), seen),
        omn_fill("joints", OMN_STRING, omn_dim1((int64_t)k), joints),
        omn_fill("skeleton", OMN_I32, omn_dim2((int64_t)bones, 2), skeleton),
    };
    if (st == OMN_OK) st = omn_value_make(kind, f, 4, omn_value_frame(v), &body, err);
    if (st == OMN_OK) st = put_body(w, body, 0, err);
    if (st == OMN_OK && w->bodies == NULL) w->bodies = w->person = body;
    else omn_value_unref(body);
    return st;
}

static omn_status put_outline(writing *w, const omn_value *v, size_t i, const int32_t **length,
                              const double **at, omn_error *err)
{
    const int32_t rings = ((const int32_t *)omn_value_column(v, "rings")->data)[i];
    const omn_tensor *label = omn_value_column(v, "label"), *score = omn_value_column(v, "score");
    double box[4] = { INFINITY, INFINITY, -INFINITY, -INFINITY }, area = 0;
    const omn_status st =
        begin(w, label != NULL ? ((const char *const *)label->data)[i] : NULL, err);
    if (st != OMN_OK) return st;
    omn_buf_puts(&w->out, ",\"segmentation\":[");
    for (int32_t r = 0; r < rings; r++) {
        const int32_t n = *(*length)++;
        double twice = 0;
        omn_buf_puts(&w->out, r > 0 ? ",[" : "[");
        for (int32_t k = 0; k < n; k++) {
            const double *p = *at + 2 * k, *q = *at + 2 * ((k + 1) % n);
            put_number(k > 0 ? "," : "", p[0], &w->out);
            put_number(",", p[1], &w->out);
            twice += p[0] * q[1] - q[0] * p[1];
            for (int j = 0; j < 2; j++) {
                box[j] = fmin(box[j], p[j]);
                box[2 + j] = fmax(box[2 + j], p[j]);
            }
        }
        area += fabs(twice) / 2;
        *at += 2 * (size_t)n;
        omn_buf_puts(&w->out, "]");
    }
    omn_buf_puts(&w->out, "]");
    put_box(w, box[0], box[1], box[2], box[3]);
    end(w, area, score != NULL ? ((const double *)score->data)[i] : NAN);
    return OMN_OK;
}

static omn_status put_outlines(writing *w, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    const int32_t *length = omn_value_column(v, "points")->data;
    const double *at = omn_value_column(v, "point")->data;
    for (size_t i = 0; st == OMN_OK && i < omn_value_count(v); i++)
        st = put_outline(w, v, i, &length, &at, err);
    return st;
}

static omn_status put_one(writing *w, const omn_value *v, omn_error *err)
{
    const omn_frame *f = omn_value_frame(v);
    const omn_point *p;
    if (w->width <= 0 && f != NULL && f->width > 0) {
        w->width = f->width;
        w->height = f->height;
    }
    if (omn_value_is(v, "regions")) return put_regions(w, v, err);
    if (omn_points_get(v, &p) > 0) return put_person(w, v, err);
    if (omn_value_is(v, "mask")) return put_mask(w, v, err);
    if (omn_value_is(v, "keypoints")) return put_bodies(w, v, err);
    if (omn_value_is(v, "polygons")) return put_outlines(w, v, err);
    return omn_fail(err, OMN_ERR_TYPE,
                    "%s given; COCO holds regions, masks, bodies, polygons and lists of such",
                    omn_value_kind_name(v));
}

/* One, or a list of such. */
static omn_status put_all(writing *w, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!omn_value_is(v, "list")) return put_one(w, v, err);
    for (size_t i = 0; st == OMN_OK && i < omn_list_count(v); i++)
        st = put_one(w, omn_list_at(v, i), err);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void put_joints(const omn_value *v, omn_buf *out)
{
    const omn_tensor *joints = omn_value_column(v, "joints"),
                     *skeleton = omn_value_column(v, "skeleton");
    omn_buf_puts(out, ",\"keypoints\":[");
    for (int64_t i = 0; i < joints->shape.dim[0]; i++) {
        omn_buf_puts(out, i > 0 ? "," : "");
        put_text(((const char *const *)joints->data)[i], out);
    }
    omn_buf_puts(out, "],\"skeleton\":[");
    for (int64_t i = 0; skeleton != NULL && i < skeleton->shape.dim[0]; i++) {
        const int32_t *e = (const int32_t *)skeleton->data + 2 * i;   /* COCO counts from 1 */
        omn_buf_printf(out, "%s[%ld,%ld]", i > 0 ? "," : "", (long)e[0] + 1, (long)e[1] + 1);
    }
    omn_buf_puts(out, "]");
}

static void put_whole(const writing *w, omn_buf *out)
{
    const coco_writing *how = w->how;
    omn_buf_printf(out, "{\"images\":[{\"id\":%lld", (long long)how->image_id);
    if (w->width > 0) {
        omn_buf_puts(out, ",\"width\":");
        omn_number_print(w->width, out);
        omn_buf_puts(out, ",\"height\":");
        omn_number_print(w->height, out);
    }
    omn_buf_puts(out, ",\"file_name\":");
    put_text(how->file, out);
    omn_buf_puts(out, "}],\"annotations\":[");
    if (w->out.data != NULL) omn_buf_puts(out, w->out.data);
    omn_buf_puts(out, "],\"categories\":[");
    for (size_t i = 0; i < w->known.n; i++) {
        omn_buf_printf(out, "%s{\"id\":%ld,\"name\":", i > 0 ? "," : "", (long)w->known.ids[i]);
        put_text(w->known.names[i], out);
        if (w->bodies != NULL && (!strcmp(w->known.names[i], "person") || w->known.n == 1))
            put_joints(w->bodies, out);
        omn_buf_puts(out, "}");
    }
    omn_buf_puts(out, "]}");
}

omn_status coco_write(omn_call *c, const omn_value *in, const coco_writing *how, omn_value **out,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    writing *w = calloc(1, sizeof(*w));
    omn_buf text;
    if (w == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for annotations");
    w->c = c;
    w->how = how;
    omn_buf_init(&text, OMN_TEXT_MOST);
    omn_buf_init(&w->out, OMN_TEXT_MOST);
    if (how->image != NULL) {
        w->width = omn_image_frame(how->image)->width;
        w->height = omn_image_frame(how->image)->height;
    }
    OMN_TRY(categories_open(&w->known, how->categories, err));
    OMN_TRY(put_all(w, in, err));
    OMN_TRY(omn_buf_check(&w->out, "what COCO's JSON says", err));
    if (how->results)
        omn_buf_printf(&text, "[%s]", w->out.data != NULL ? w->out.data : "");
    else
        put_whole(w, &text);
    OMN_TRY(omn_buf_check(&text, "what COCO's JSON says", err));
    OMN_TRY(omn_value_from_json(text.data, text.length, out, err));
done:
    categories_close(&w->known);
    omn_value_unref(w->person);
    omn_buf_fini(&w->out);
    omn_buf_fini(&text);
    free(w);
    return st;
}
