/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "region": those of the given regions that the model names, each by one id of the range
 * "regions" of its vocabulary. Only regions that were given can be said. */
#include "regions.h"

#include <math.h>
#include <stdlib.h>

struct region { REGION(OMN_S_PAR, OMN_S_VAL, region) };

typedef struct region_answer {
    const omn_value *given;
    detections d;
    omn_range range;
    int32_t least, most;
    bool soft;
} region_answer;

static omn_status open_region(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct region *p = params;
    const omn_range *range = omn_vocab_range(omn_part_vocabulary(omn_open_decoder(o)), "regions");
    (void)c;
    region_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "region: out of memory");
    if (!range)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "region: this model has no words for regions");
    if (!p->region)
        return omn_fail(err, OMN_ERR_ARGUMENT, "region: which regions were given is wanted");
    a->range = *range;
    a->soft = p->soft;
    const omn_status st = detections_get(p->region, &a->d, err);
    if (st != OMN_OK) return st;
    a->given = omn_value_ref((omn_value *)(uintptr_t)p->region);
    if (!omn_count_read(p->count, &a->least, &a->most))
        return omn_fail(err, OMN_ERR_CONFIG, "region: how many: 1, 1..3 or 1.., not \"%.40s\"",
                        p->count);
    if (a->d.n < 1 || a->d.n > range->count)
        return omn_fail(err, OMN_ERR_DATA, "region: %lld regions, 1 to %d have words",
                        (long long)a->d.n, (int)range->count);
    return OMN_OK;
}

static void close_region(void *self)
{
    region_answer *a = self;
    if (!a) return;
    omn_value_unref((omn_value *)(uintptr_t)a->given);
    free(a);
}

static omn_status rules(const void *self, omn_rules *r, omn_error *err)
{
    const region_answer *a = self;
    (void)err;
    const omn_rule *one = omn_rules_part(r, "regions", 0, (int32_t)a->d.n);
    /* several may be wanted of a model that says one and judges all */
    omn_rules_root(r, omn_rules_repeat(r, one, a->least, a->soft ? (int32_t)a->d.n : a->most));
    return OMN_OK;
}

static omn_region at(const region_answer *a, int64_t i)
{
    const double *b = a->d.box + 4 * i;
    return (omn_region){ b[0], b[1], b[2], b[3], a->d.score ? a->d.score[i] : NAN,
                         a->d.label ? a->d.label[i] : NULL };
}

/* How much two boxes share where both count the pixels of their edges, as 12-in-1 has it. */
static double shared(const omn_region *a, const omn_region *b)
{
    const omn_region x = { a->x0, a->y0, a->x1 + 1, a->y1 + 1, NAN, NULL },
                     y = { b->x0, b->y0, b->x1 + 1, b->y1 + 1, NAN, NULL };
    return omn_region_iou(&x, &y);
}

/* Every given box that shares half with a wanted one, with what it shares as its weight. */
static omn_status write_soft(const region_answer *a, const omn_region *list, size_t n, omn_ids *out,
                             omn_error *err)
{
    const size_t before = out->count;
    for (int64_t k = 0; k < a->d.n; k++) {
        const omn_region one = at(a, k);
        double most = 0;
        for (size_t i = 0; i < n; i++) most = fmax(most, shared(&one, &list[i]));
        if (most < 0.5) continue;
        omn_ids_put(out, a->range.first + a->range.step * (int32_t)k);
        omn_ids_weigh(out, out->count - 1, most);
    }
    if (out->count > before) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "no given region overlaps a box of the wanted answer by "
                    "half");
}

/* Each wanted box as the given one that covers it best. */
static omn_status write(const void *self, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const region_answer *a = self;
    const omn_region *list = NULL;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "regions"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, regions are wanted",
                        omn_value_kind_name(v));
    const size_t n = omn_regions_get(v, &list);
    if (a->soft) return write_soft(a, list, n, out, err);
    for (size_t i = 0; i < n; i++) {
        int64_t best = 0;
        double most = 0;
        for (int64_t k = 0; k < a->d.n; k++) {
            const omn_region one = at(a, k);
            const double iou = omn_region_iou(&one, &list[i]);
            if (iou > most) best = k;
            if (iou > most) most = iou;
        }
        if (most < 0.5)
            return omn_fail(err, OMN_ERR_DATA,
                            "box %zu of the wanted answer overlaps no given region by half", i + 1);
        omn_ids_put(out, a->range.first + a->range.step * (int32_t)best);
    }
    return OMN_OK;
}

static omn_status read(const void *self, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const region_answer *a = self;
    (void)c;
    (void)frame;
    omn_region *list = calloc(h->n + 1, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "%zu regions: out of memory", h->n);
    omn_status st = OMN_OK;
    for (size_t i = 0; i < h->n && st == OMN_OK; i++) {
        const int64_t j = (h->ids[i] - a->range.first) / a->range.step;
        if (j < 0 || j >= a->d.n || a->range.first + a->range.step * j != h->ids[i])
            st = omn_fail(err, OMN_ERR_DATA, "id %d names none of the %lld regions",
                          (int)h->ids[i], (long long)a->d.n);
        else list[i] = at(a, j);
    }
    const omn_frame of = detections_frame(a->given, &a->d);
    if (st == OMN_OK) st = omn_regions_new(list, h->n, &of, out, err);
    free(list);
    return st;
}

const omn_answer_impl answer_region_impl = { NULL, "regions", open_region, close_region,
                                             rules, write, read };
