/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "objects": boxes of everything there is, each four coordinates and a class. The class
 * is the likeliest of all classes at its place, whatever was drawn there, and its probability the
 * box's score: sequences never end early, what is no object fills them up. Also what the answers
 * share. */
#include "answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- shared ---------------------------------------------------------------------------------- */

omn_status p2s_know(const omn_open *o, const char *who, p2s_known *out, omn_error *err)
{
    const omn_part *codec = omn_open_find_part(o, "omnio.codec/1", "tokenizer");
    const omn_part *image = omn_open_find_part(o, "omnio.encoder/1", "image");
    const p2s_ids *ids = codec ? p2s_ids_known(codec, &out->names) : NULL;
    const struct p2s_image *p = image ? p2s_image_known(image) : NULL;
    if (!ids || !p)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: only models of the family pix2seq say so",
                        who);
    out->ids = *ids;
    out->height = p->height;
    out->width = p->width;
    return OMN_OK;
}

const char *p2s_class_name(omn_call *c, const categories *names, int32_t class)
{
    const char *name = categories_name(names, class);
    char *own = name ? NULL : omn_call_scratch(c, 24, 1);
    if (own) snprintf(own, 24, "class %d", (int)class);
    return name ? name : own;
}

void p2s_to_source(const p2s_known *k, const omn_frame *f, const float yx[2], double xy[2])
{
    omn_frame_to_source(f, (double)yx[1] * k->width, (double)yx[0] * k->height, &xy[0], &xy[1]);
}

void p2s_from_source(const p2s_known *k, const omn_frame *f, const double xy[2], float yx[2])
{
    double x = 0, y = 0;
    omn_frame_from_source(f, xy[0], xy[1], &x, &y);
    yx[0] = (float)(y / k->height);
    yx[1] = (float)(x / k->width);
}

omn_status p2s_need_frame(const omn_frame *f, const char *who, omn_error *err)
{
    return f ? OMN_OK
             : omn_fail(err, OMN_ERR_ARGUMENT, "an answer in %s wants the picture that they lie in "
                        "among the inputs", who);
}

double p2s_chance(omn_call *c)
{
    return (double)(omn_call_random(c) >> 11) * 0x1p-53;
}

omn_status p2s_hide(omn_call *c, int32_t *fed, size_t n, double share, int32_t id, omn_error *err)
{
    float *draw = calloc(n + 1, sizeof *draw);
    if (!draw) return omn_fail(err, OMN_ERR_MEMORY, "what a lesson feeds: out of memory");
    if (share < 0) share = p2s_chance(c);
    for (size_t i = 0; i < n; i++) draw[i] = (float)p2s_chance(c);
    p2s_lesson_hide(&(p2s_lesson){ .input = fed, .n = n }, 0, draw, share, id);
    free(draw);
    return OMN_OK;
}

omn_status p2s_any_rules(omn_rules *r, int32_t least, int32_t most)
{
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_range(r, "codes"), least, most));
    return OMN_OK;
}

/* ---- objects --------------------------------------------------------------------------------- */

enum { EACH = 5 };

typedef struct self {
    p2s_known k;
    struct p2s_objects p;
} self;

static omn_status open_objects(omn_call *c, const void *params, omn_open *o, void **out,
                               omn_error *err)
{
    (void)c;
    self *a = calloc(1, sizeof *a);
    *out = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "objects: out of memory");
    a->p = *(const struct p2s_objects *)params;
    return p2s_know(o, "objects", &a->k, err);
}

static omn_status rules(const void *in, omn_rules *r, omn_error *err)
{
    const self *a = in;
    (void)err;
    omn_rules_keep(r, "class");
    return p2s_any_rules(r, EACH * a->p.objects, EACH * a->p.objects);
}

static omn_region region_of(const self *a, omn_call *c, const omn_frame *f, const p2s_object *o)
{
    double low[2], high[2];
    p2s_to_source(&a->k, f, o->box, low);
    p2s_to_source(&a->k, f, o->box + 2, high);
    return (omn_region){ fmin(low[0], high[0]), fmin(low[1], high[1]), fmax(low[0], high[0]),
                         fmax(low[1], high[1]), (double)o->score,
                         p2s_class_name(c, a->k.names, o->class) };
}

static omn_status read(const void *in, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const self *a = in;
    const size_t n = h->n / EACH;
    size_t count = 0;
    omn_status st = p2s_need_frame(frame, "boxes", err);
    if (st != OMN_OK) return st;
    if (n && (!h->kept || h->kept_width != (size_t)(a->k.ids.coords - P2S_CLASS)))
        return omn_fail(err, OMN_ERR_ARGUMENT, "objects: nobody kept how likely the classes were");
    omn_region *list = calloc(n + 1, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "objects: out of memory");
    for (size_t i = 0; i < n && count < OMN_REGIONS_MOST; i++) {
        const float *p = h->kept + (EACH * i + EACH - 1) * h->kept_width;
        const p2s_object o = p2s_object_read(&a->k.ids, h->ids + EACH * i, p);
        if ((double)o.score >= a->p.sure) list[count++] = region_of(a, c, frame, &o);
    }
    st = omn_regions_new(list, count, frame, out, err);
    free(list);
    return st;
}

/* ---- lessons --------------------------------------------------------------------------------- */

/* What is no object: one of those there are moved by a tenth, or elsewhere, or any box. */
static void make_noise(omn_call *c, const float *real, size_t n, float box[4])
{
    const int way = n ? (int)(p2s_chance(c) * 3) : 2;
    const float *like = n ? real + 4 * (size_t)(p2s_chance(c) * (double)n) : NULL;
    for (int k = 0; k < 2; k++) {
        double low = p2s_chance(c), high = p2s_chance(c);
        if (like && way < 2) {
            const double side = (double)(like[2 + k] - like[k]);
            low = way ? p2s_chance(c) * (1 - side) : (double)like[k] + 0.2 * (low - 0.5) * side;
            high = low + (way ? side : side * (1 + 0.2 * (high - 0.5)));
        }
        box[k] = (float)fmin(fmax(fmin(low, high), 0), 1);
        box[2 + k] = (float)fmin(fmax(fmax(low, high), 0), 1);
    }
}

static void put_object(const self *a, const float box[4], int32_t class, omn_ids *out)
{
    int32_t ids[4];
    p2s_points_write(&a->k.ids, box, 4, ids);
    for (int i = 0; i < 4; i++) omn_ids_put(out, ids[i]);
    if (class == P2S_NOISE) omn_ids_weigh(out, out->count - 4, 0);
    omn_ids_put(out, class);
    if (class == P2S_NOISE) omn_ids_weigh(out, out->count - 1, a->p.noise);
}

static omn_status boxes_of(const self *a, const omn_region *r, size_t n, const omn_frame *frame,
                           float *box, int32_t *class, omn_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const double low[2] = { r[i].x0, r[i].y0 }, high[2] = { r[i].x1, r[i].y1 };
        class[i] = p2s_class_of(a->k.names, r[i].label ? r[i].label : "");
        if (class[i] < 1 || class[i] >= a->k.ids.coords - P2S_CLASS)
            return omn_fail(err, OMN_ERR_DATA, "box %zu: \"%.60s\" is no class of this model",
                            i + 1, r[i].label ? r[i].label : "");
        p2s_from_source(&a->k, frame, low, box + 4 * i);
        p2s_from_source(&a->k, frame, high, box + 4 * i + 2);
    }
    return OMN_OK;
}

/* In an order drawn by chance, and then what is no object. */
static omn_status write(const void *in, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const self *a = in;
    omn_status st = OMN_OK;
    const omn_region *r = NULL;
    float *box = NULL, noise[4];
    int32_t *class = NULL;
    if (!omn_value_is(v, "regions"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, boxes are wanted",
                        omn_value_kind_name(v));
    const size_t n = omn_regions_get(v, &r);
    OMN_TRY(p2s_need_frame(frame, "boxes", err));
    box = calloc(n + 1, 4 * sizeof *box);
    class = calloc(n + 1, sizeof *class);
    if (!box || !class) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "objects: out of memory"));
    OMN_TRY(boxes_of(a, r, n, frame, box, class, err));
    size_t left = n < (size_t)a->p.objects ? n : (size_t)a->p.objects;
    const size_t filled = (size_t)a->p.objects - left;
    for (size_t i = 0; left > 0; left--, i++) {
        const size_t at = i + (size_t)(p2s_chance(c) * (double)(n - i));
        float swap[4];
        memcpy(swap, box + 4 * i, sizeof swap);
        memcpy(box + 4 * i, box + 4 * at, sizeof swap);
        memcpy(box + 4 * at, swap, sizeof swap);
        const int32_t other = class[i];
        class[i] = class[at];
        class[at] = other;
        put_object(a, box + 4 * i, P2S_CLASS + class[i], out);
    }
    for (size_t i = 0; i < filled; i++) {
        make_noise(c, box, n, noise);
        put_object(a, noise, P2S_NOISE, out);
    }
done:
    free(box);
    free(class);
    return st;
}

/* A class that is read back as it is wanted would only be copied: sequences that are written for
 * real say many wrong ones. */
static omn_status feed(const void *in, omn_call *c, const int32_t *ids, size_t n, int32_t *fed,
                       omn_error *err)
{
    const self *a = in;
    (void)err;
    for (size_t i = EACH - 1; i < n; i += EACH) {
        const int32_t classes = a->k.ids.coords - P2S_CLASS;
        const p2s_draw d = { P2S_CLASS + (int32_t)(p2s_chance(c) * classes), (float)p2s_chance(c),
                             (float)p2s_chance(c) };
        fed[1 + i] = p2s_feed_class((p2s_fed)a->p.fed, ids[i], &d);
    }
    return OMN_OK;
}

static const void *extension(const char *id)
{
    static const omn_fed_impl fed = { feed };
    return !strcmp(id, "omnio.fed/1") ? &fed : NULL;
}

const omn_answer_impl p2s_objects_impl = { extension, "regions", open_objects, free,
                                          rules, write, read };
