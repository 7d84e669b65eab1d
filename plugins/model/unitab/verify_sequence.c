/* SPDX-License-Identifier: Apache-2.0 */
/* The case of UniTAB's rows: captions and boxes become what is learnt, rows that were written
 * become boxes and the words that they are of. */
#include "../golden/golden.h"

#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOXES 5                           /* of a row, as many as were recorded */

static unitab_marks marks_of(const verify *v)
{
    const int32_t V = (int32_t)v->words;
    return (unitab_marks){ V, V, V + 1, V + 2, (int32_t)golden_int(&v->g, "num_bins") };
}

/* ---- making ---------------------------------------------------------------------------------- */

/* The words that a box is of: one run, or the last and the first of several. */
static size_t runs_of(const int32_t *on, int64_t T, int32_t number, const int32_t *bin,
                      unitab_span *out)
{
    unitab_span last = { 0 }, first = { 0 };
    size_t runs = 0;
    for (int64_t i = 0; i < T; i++) {
        if (!on[i]) continue;
        if (i == 0 || !on[i - 1]) {
            runs++;
            last = (unitab_span){ .begin = (int32_t)i, .number = number };
            memcpy(last.bin, bin, sizeof last.bin);
        }
        last.end = (int32_t)i + 1;
        if (runs == 1) first = last;
    }
    if (runs > 0) out[0] = first;
    if (runs > 1) out[1] = last;
    return runs > 2 ? 2 : runs;
}

static omn_status spans_of(const verify *v, int i, int64_t T, unitab_span *spans, size_t most,
                           size_t *count, omn_error *err)
{
    char name[32];
    const omn_tensor *boxes, *on;
    *count = 0;
    snprintf(name, sizeof name, "in.boxes%d", i);
    if (!omn_weights_get(v->g.file, name)) return OMN_OK;
    omn_status st = golden_input(&v->g, name, OMN_F32, 2, &boxes, err);
    snprintf(name, sizeof name, "in.positive%d", i);
    if (st == OMN_OK) st = golden_input(&v->g, name, OMN_I32, 2, &on, err);
    if (st != OMN_OK) return st;
    const int64_t n = boxes->shape.dim[0];
    if (boxes->shape.dim[1] != 4 || on->shape.dim[0] != n || on->shape.dim[1] != T ||
        (size_t)n * 2 > most)
        return omn_fail(err, OMN_ERR_DATA, "%s: %s is not of the boxes", v->g.name, name);
    int32_t *row = omn_call_scratch(v->g.call, (size_t)T, sizeof *row);
    if (!row) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    for (int64_t k = 0; k < n; k++) {
        float box[4];
        int32_t bin[4];
        memcpy(box, (const char *)boxes->data + 16 * k, sizeof box);
        memcpy(row, (const char *)on->data + 4 * k * T, (size_t)T * 4);
        unitab_bins(box, marks_of(v).bins, bin);
        *count += runs_of(row, T, (int32_t)k, bin, spans + *count);
    }
    return OMN_OK;
}

static omn_status make(const verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t;
    void *prev = NULL, *target = NULL;
    const int64_t T = v->most;
    const unitab_marks m = marks_of(v);
    OMN_TRY(golden_input(&v->g, "in.caption_ids", OMN_I32, 2, &t, err));
    if (t->shape.dim[1] != T)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: captions of %lld places", v->g.name,
                         (long long)T));
    OMN_TRY(omn_feed_new(r->made, "prev", OMN_I32, t->shape, &prev, err));
    OMN_TRY(omn_feed_new(r->made, "target", OMN_I32, t->shape, &target, err));
    int32_t *words = omn_call_scratch(v->g.call, (size_t)T, sizeof *words);
    if (!words) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    for (int64_t i = 0; i < t->shape.dim[0]; i++) {
        unitab_span spans[64];
        size_t count = 0, length = 0, n = (size_t)T;
        int32_t *row = (int32_t *)prev + i * T, *next = (int32_t *)target + i * T;
        memcpy(words, (const char *)t->data + 4 * i * T, (size_t)T * 4);
        while (n > 0 && words[n - 1] == 1) n--;
        OMN_TRY(spans_of(v, (int)i, T, spans, 64, &count, err));
        OMN_TRY(unitab_inline(&m, words, n, spans, count, (size_t)T, row, &length, err));
        for (int64_t k = (int64_t)length; k < T; k++) row[k] = 1;
        for (int64_t k = 0; k < T; k++) next[k] = k + 1 < T ? row[k + 1] : 1;
    }
done:
    return st;
}

static omn_status quantise(const verify *v, golden_run *r, int32_t bins, omn_error *err)
{
    char name[32];
    const omn_tensor *t;
    void *out = NULL;
    snprintf(name, sizeof name, "bins_%d", (int)bins);
    omn_status st = golden_input(&v->g, "in.quant_boxes", OMN_F32, 2, &t, err);
    if (st == OMN_OK) st = omn_feed_new(r->made, name, OMN_I32, t->shape, &out, err);
    for (int64_t i = 0; st == OMN_OK && t->shape.dim[1] == 4 && i < t->shape.dim[0]; i++) {
        float box[4];
        memcpy(box, (const char *)t->data + 16 * i, sizeof box);
        unitab_bins(box, bins, (int32_t *)out + 4 * i);
    }
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct found { void *first, *all, *pixels, *words; } found;

static void read_row(const unitab_marks *m, const int32_t *ids, int64_t T, int64_t i,
                     const found *f)
{
    float *first = (float *)f->first + 4 * i, *pixels = (float *)f->pixels + 4 * i;
    float *all = (float *)f->all + 4 * BOXES * i;
    int32_t *map = (int32_t *)f->words + BOXES * (T + 1) * i, box = 0;
    unitab_walk w = { 0 };
    size_t at = 0;
    bool met = false;
    int64_t n = 0;
    for (int64_t k = 0; k < T; k++) {
        if (ids[k] != m->close) continue;
        if (!met && k >= 4) unitab_box(m, ids, (size_t)k, first);
        met = true;
        if (k >= 4 && n < BOXES) unitab_box(m, ids, (size_t)k, all + 4 * n++);
    }
    for (int a = 0; a < 4; a++)
        pixels[a] = (first[a % 2] + (a < 2 ? -1 : 1) * first[2 + a % 2] / 2) * (a % 2 ? 480 : 640);
    for (int64_t k = 1; unitab_word(m, &w, ids, (size_t)T, &at, &box); k++)
        if (box >= 0 && box < BOXES) map[box * (T + 1) + k] = 1;
}

static omn_status read(const verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t;
    found f = { NULL, NULL, NULL, NULL };
    const int64_t T = v->most;
    const unitab_marks m = marks_of(v);
    OMN_TRY(golden_input(&v->g, "in.sequences", OMN_I32, 2, &t, err));
    const int64_t n = t->shape.dim[0];
    if (t->shape.dim[1] != T)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: rows of %lld places", v->g.name, (long long)T));
    OMN_TRY(omn_feed_new(r->made, "boxes_refexp", OMN_F32, omn_dim2(n, 4), &f.first, err));
    OMN_TRY(omn_feed_new(r->made, "boxes_pixels", OMN_F32, omn_dim2(n, 4), &f.pixels, err));
    OMN_TRY(omn_feed_new(r->made, "boxes_all", OMN_F32, omn_dim3(n, BOXES, 4), &f.all, err));
    OMN_TRY(omn_feed_new(r->made, "word_map", OMN_I32, omn_dim3(n, BOXES, T + 1), &f.words, err));
    int32_t *ids = omn_call_scratch(v->g.call, (size_t)T, sizeof *ids);
    if (!ids) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    for (int64_t i = 0; i < n; i++) {
        memcpy(ids, (const char *)t->data + 4 * i * T, (size_t)T * 4);
        read_row(&m, ids, T, i, &f);
    }
done:
    return st;
}

omn_status verify_sequences(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    const int32_t bins = marks_of(v).bins;
    OMN_TRY(omn_feed_make(&r.made, err));
    if (v->words < 8 || v->words > (1 << 24) || bins < 2 || bins > 100000)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: text_vocab and num_bins are wanted", v->g.name));
    OMN_TRY(make(v, &r, err));
    OMN_TRY(quantise(v, &r, bins, err));
    if (bins != 200) OMN_TRY(quantise(v, &r, 200, err));
    OMN_TRY(read(v, &r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
