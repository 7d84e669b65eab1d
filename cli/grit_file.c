/* SPDX-License-Identifier: Apache-2.0 */
/* GRIT's files of answers: lists of {"example_id", "confidence", and "words", "bboxes", "masks",
 * "points" or "normal"}. Masks are run lengths as COCO packs them. */
#include "grit_file.h"

#include "cli.h"
#include "grit_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BYTES ((size_t)1 << 30)      /* of the answers to a task */

struct grit_file {
    omn_context *ctx;
    char folder[4096];
    int64_t millions;
    omn_buf tasks[GRIT_TASKS];
    uint64_t n[GRIT_TASKS], pictures;
    bool normals, written;
};

omn_status grit_file_new(omn_context *ctx, const char *folder, int64_t millions, grit_file **out,
                         omn_error *err)
{
    if (strlen(folder) > 3000)
        return omn_fail(err, OMN_ERR_ARGUMENT, "the name of the submission's folder is too long");
    if (mkdir(folder, 0777) != 0)
        return omn_fail(err, OMN_ERR_IO, "%s: %s; the folder of a submission is made anew", folder,
                        strerror(errno));
    grit_file *f = calloc(1, sizeof *f);
    if (!f) return omn_fail(err, OMN_ERR_MEMORY, "a submission: out of memory");
    f->ctx = ctx;
    f->millions = millions;
    omn_format(f->folder, sizeof f->folder, "%s", folder);
    for (int i = 0; i < GRIT_TASKS; i++) omn_buf_init(&f->tasks[i], MOST_BYTES);
    *out = f;
    return OMN_OK;
}

/* ---- fields --------------------------------------------------------------------------------- */

static void put_boxes(const omn_value *v, omn_buf *b)
{
    const omn_region *list = NULL;
    const size_t n = omn_value_is(v, "regions") ? omn_regions_get(v, &list) : 0;
    omn_buf_puts(b, "\"bboxes\": [");
    for (size_t i = 0; i < n; i++)
        omn_buf_printf(b, "%s[%.2f, %.2f, %.2f, %.2f]", i ? ", " : "", list[i].x0, list[i].y0,
                       list[i].x1, list[i].y1);
    omn_buf_puts(b, "]");
}

static void put_bodies(const omn_value *v, omn_buf *b, size_t *n)
{
    const size_t items = omn_value_is(v, "list") ? omn_list_count(v) : 0;
    for (size_t i = 0; i < items; i++) put_bodies(omn_list_at(v, i), b, n);
    if (!omn_value_is(v, "keypoints")) return;
    const omn_tensor *p = omn_value_column(v, "point"), *s = omn_value_column(v, "visible");
    const size_t joints = (size_t)p->shape.dim[1];
    for (size_t i = 0; joints == 17 && i < (size_t)p->shape.dim[0]; i++) {
        omn_buf_puts(b, (*n)++ ? ", [" : "[");
        for (size_t k = 0; k < joints; k++) {
            const double *at = (const double *)p->data + 2 * (i * joints + k);
            /* every joint needs a place there; one that is not seen lies in the corner */
            omn_buf_printf(b, "%s%.2f, %.2f, %d", k ? ", " : "", isnan(at[0]) ? 0 : at[0],
                           isnan(at[1]) ? 0 : at[1],
                           (int)((const double *)s->data)[i * joints + k]);
        }
        omn_buf_puts(b, "]");
    }
}

/* A run length: five bits a character, the lowest first; bit 5 says that more follow. */
static void put_number(omn_buf *b, int64_t x)
{
    for (bool more = true; more;) {
        char c = (char)(x & 31);
        x >>= 5;
        more = c & 16 ? x != -1 : x != 0;
        c = (char)((more ? c | 32 : c) + 48);
        if (c == '\\') omn_buf_puts(b, "\\");
        omn_buf_put(b, &c, 1);
    }
}

/* The pixels of one label, or (0) of any above 0, column after column. */
static void put_mask(const omn_tensor *t, int32_t label, omn_buf *b)
{
    const int64_t high = t->shape.dim[0], wide = t->shape.dim[1];
    const int32_t *at = t->data;
    int64_t run = 0, before[3] = { 0 };
    size_t n = 0;
    bool inside = false;
    omn_buf_puts(b, "{\"counts\": \"");
    for (int64_t i = 0; i <= high * wide; i++) {
        const int32_t x = i < high * wide ? at[i % high * wide + i / high] : 0;
        const bool is = label ? x == label : x > 0;
        if (i < high * wide && is == inside) {
            run++;
            continue;
        }
        put_number(b, n > 2 ? run - before[1] : run);
        before[2] = before[1];
        before[1] = before[0];
        before[0] = run;
        n++;
        run = 1;
        inside = is;
    }
    omn_buf_printf(b, "\", \"size\": [%lld, %lld]}", (long long)high, (long long)wide);
}

static void put_masks(const omn_value *v, bool whole, omn_buf *b, size_t *n)
{
    const size_t items = omn_value_is(v, "list") ? omn_list_count(v) : 0;
    for (size_t i = 0; i < items; i++) put_masks(omn_list_at(v, i), true, b, n);
    const omn_tensor *t = omn_value_is(v, "mask") ? omn_value_column(v, "labels") : NULL;
    if (!t) return;
    const int32_t *at = t->data;
    const size_t pixels = (size_t)(t->shape.dim[0] * t->shape.dim[1]);
    int32_t most = 0;
    for (size_t i = 0; i < pixels; i++) most = at[i] > most ? at[i] : most;
    for (int32_t label = whole ? 0 : 1; label <= (whole ? 0 : most); label++) {
        bool some = whole;
        for (size_t i = 0; !some && i < pixels; i++) some = at[i] == label;
        if (!some) continue;
        if ((*n)++) omn_buf_puts(b, ", ");
        put_mask(t, label, b);
    }
}

/* Bytes as the pictures of truth have them: what -1..1 is of 0..255; no direction is black. */
static omn_status save_normals(grit_file *f, const omn_value *v, const char *name, omn_error *err)
{
    omn_status st = OMN_OK;
    char path[4200];
    omn_pixels px;
    omn_image *img = NULL;
    omn_value *shown = NULL;
    const omn_tensor *t = omn_value_column(v, "normals");
    const size_t n = (size_t)(t->shape.dim[0] * t->shape.dim[1]);
    omn_format(path, sizeof path, "%s/normals", f->folder);
    if (!f->normals && mkdir(path, 0777) != 0)
        return omn_fail(err, OMN_ERR_IO, "%s: %s", path, strerror(errno));
    f->normals = true;
    omn_format(path, sizeof path, "%s/normals/%s", f->folder, name);
    OMN_TRY(omn_image_new(OMN_U8, (uint32_t)t->shape.dim[1], (uint32_t)t->shape.dim[0], 3, NULL,
                          &img, &px, err));
    for (size_t i = 0; i < 3 * n; i++) {
        const float x = ((const float *)t->data)[i];
        const double y = isnan(x) ? -1 : fmin(1, fmax(-1, (double)x));
        ((uint8_t *)px.data)[i] = (uint8_t)((y + 1) / 2 * 255);
    }
    shown = omn_image_give(img);
    st = omn_value_save(f->ctx, path, shown, OMN_KEEP_EXISTING, err);
done:
    omn_value_unref(shown);
    return st;
}

static omn_status put_normal(grit_file *f, const omn_value *answer, omn_buf *b, omn_error *err)
{
    char name[32];
    if (!omn_value_is(answer, "normals"))
        return omn_fail(err, OMN_ERR_TYPE, "an answer of kind %s is no picture of normals",
                        omn_value_kind_name(answer));
    omn_format(name, sizeof name, "%llu.png", (unsigned long long)f->pictures++);
    omn_buf_printf(b, "\"normal\": \"%s\"", name);
    return save_normals(f, answer, name, err);
}

omn_status grit_file_put(grit_file *f, int task, const char *id, double confidence,
                         const omn_value *answer, omn_error *err)
{
    omn_buf *b = &f->tasks[task];
    const char *name = grit_task_names[task];
    omn_status st = OMN_OK;
    size_t n = 0;
    omn_buf_puts(b, f->n[task]++ ? ",\n{\"example_id\": " : "[{\"example_id\": ");
    json_text(b, id);
    omn_buf_puts(b, ", \"confidence\": ");
    omn_number_print(confidence, b);
    omn_buf_puts(b, ", ");
    if (!strcmp(name, "categorization") || !strcmp(name, "vqa")) {
        omn_buf_puts(b, "\"words\": ");
        json_text(b, omn_value_is(answer, "text") ? omn_text_get(answer, NULL) : "");
    } else if (!strcmp(name, "localization") || !strcmp(name, "refexp")) {
        put_boxes(answer, b);
    } else if (!strcmp(name, "keypoint")) {
        omn_buf_puts(b, "\"points\": [");
        put_bodies(answer, b, &n);
        omn_buf_puts(b, "]");
    } else if (!strcmp(name, "segmentation")) {
        omn_buf_puts(b, "\"masks\": [");
        put_masks(answer, false, b, &n);
        omn_buf_puts(b, "]");
    } else {
        st = put_normal(f, answer, b, err);
    }
    omn_buf_puts(b, "}");
    return st == OMN_OK ? omn_buf_check(b, "the answers to a task", err) : st;
}

/* ---- files ---------------------------------------------------------------------------------- */

static omn_status write_file(const grit_file *f, const char *name, const char *text, size_t n,
                             omn_error *err)
{
    char path[4200];
    omn_file *file = NULL;
    omn_status st = OMN_OK;
    omn_format(path, sizeof path, "%s/%s.json", f->folder, name);
    OMN_TRY(omn_file_create(path, OMN_KEEP_EXISTING, &file, err));
    OMN_TRY(omn_file_write(file, text, n, err));
    OMN_TRY(omn_file_commit(file, err));
done:
    omn_file_free(file);
    return st;
}

omn_status grit_file_write(grit_file *f, omn_error *err)
{
    char params[64];
    omn_status st = OMN_OK;
    omn_format(params, sizeof params, "{\"params_in_millions\": %lld}\n", (long long)f->millions);
    for (int i = 0; i < GRIT_TASKS; i++) {
        if (!f->n[i]) continue;
        omn_buf_puts(&f->tasks[i], "]\n");
        OMN_TRY(omn_buf_check(&f->tasks[i], "the answers to a task", err));
        OMN_TRY(write_file(f, grit_task_names[i], f->tasks[i].data, f->tasks[i].length, err));
    }
    OMN_TRY(write_file(f, "params", params, strlen(params), err));
    f->written = true;
done:
    return st;
}

void grit_file_free(grit_file *f)
{
    char path[4200];
    if (!f) return;
    for (uint64_t i = 0; !f->written && i < f->pictures; i++) {
        omn_format(path, sizeof path, "%s/normals/%llu.png", f->folder, (unsigned long long)i);
        unlink(path);
    }
    for (int i = 0; !f->written && i < GRIT_TASKS; i++) {
        omn_format(path, sizeof path, "%s/%s.json", f->folder, grit_task_names[i]);
        unlink(path);
    }
    if (!f->written) {
        omn_format(path, sizeof path, "%s/normals", f->folder);
        rmdir(path);
        rmdir(f->folder);
    }
    for (int i = 0; i < GRIT_TASKS; i++) omn_buf_fini(&f->tasks[i]);
    free(f);
}
