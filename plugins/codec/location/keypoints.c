/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "keypoints": named points in a fixed order, each two locations and its name; the
 * published forcing of Unified-IO 2 (spec uio2-tasks section 5) is these rules. What is not
 * mentioned is not seen, and stands at the mean of what is. What is wanted may be the joints of a
 * body as well. */
#include "location.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct keypoints { KEYPOINTS(OMN_S_PAR, keypoints) };

#define MOST_NAMES 256

typedef struct keypoints_answer {
    const loc_scheme *scheme;
    const omn_part *decoder, *tokenizer;
    char *text;                   /* the names, cut apart */
    const char *names[MOST_NAMES];
    size_t n;
    bool all, visibility;
} keypoints_answer;

static const char coco[] =
    "nose,left eye,right eye,left ear,right ear,left shoulder,right shoulder,left elbow,"
    "right elbow,left wrist,right wrist,left hip,right hip,left knee,right knee,left ankle,"
    "right ankle";

static omn_status cut_names(keypoints_answer *a, const char *list, omn_error *err)
{
    a->text = strdup(strcmp(list, "coco") ? list : coco);
    if (!a->text) return omn_fail(err, OMN_ERR_MEMORY, "keypoints: out of memory");
    for (char *save = NULL, *w = strtok_r(a->text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        while (*w == ' ') w++;
        if (a->n == MOST_NAMES || !*w)
            return omn_fail(err, OMN_ERR_CONFIG, "keypoints: 1 to %d names, none of them empty",
                            MOST_NAMES);
        for (size_t i = 0; i < a->n; i++)
            if (!strcmp(a->names[i], w))
                return omn_fail(err, OMN_ERR_CONFIG, "keypoints: \"%.60s\" comes twice", w);
        a->names[a->n++] = w;
    }
    return a->n ? OMN_OK : omn_fail(err, OMN_ERR_CONFIG, "keypoints: no names");
}

static omn_status open_keypoints(omn_call *c, const void *params, omn_open *o, void **self,
                                 omn_error *err)
{
    const struct keypoints *p = params;
    (void)c;
    keypoints_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "keypoints: out of memory");
    a->all = p->all;
    a->visibility = p->visibility;
    if (a->visibility && !a->all)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "keypoints: with visibility every one is told, all: false says nothing");
    a->decoder = omn_open_decoder(o);
    const omn_status st =
        loc_words_in(o, "points", "points", &a->scheme, &a->tokenizer, err);
    return st == OMN_OK ? cut_names(a, p->keypoints, err) : st;
}

static void close_keypoints(void *self)
{
    keypoints_answer *a = self;
    if (a) free(a->text);
    free(a);
}

static omn_status keypoints_rules(const void *self, omn_rules *r, omn_error *err)
{
    const keypoints_answer *a = self;
    const omn_rule *list[MOST_NAMES], *at = omn_rules_range(r, "location");
    const omn_rule *seen[3] = { NULL };
    (void)err;
    for (int k = 0; a->visibility && k < 3; k++)
        seen[k] = omn_rules_tokens(r, (const char[2]){ (char)('1' + k), 0 });
    for (size_t i = 0; i < a->n; i++) {
        const omn_rule *one[3] = { at, at, a->visibility ? omn_rules_either(r, seen, 3)
                                                         : omn_rules_tokens(r, a->names[i]) };
        list[i] = omn_rules_seq(r, one, 3);
        if (!a->all) list[i] = omn_rules_repeat(r, list[i], 0, 1);
    }
    omn_rules_root(r, omn_rules_seq(r, list, a->n));
    return OMN_OK;
}

/* left_eye, as data sets and bodies have it, is the left eye of a text. */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(strchr(" _", *a) && strchr(" _", *b))) return false;
    return !*a && !*b;
}

static const omn_point *named(const omn_point *p, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].label && same_name(p[i].label, name)) return &p[i];
    return NULL;
}

/* Where a point stands of which nobody knows where it is, so that what is written reads back as
 * what was meant: at the mean of those that are seen. */
static bool middle(const keypoints_answer *a, const omn_point *p, size_t n, omn_point *out)
{
    double x = 0, y = 0;
    size_t seen = 0;
    for (size_t i = 0; i < a->n; i++) {
        const omn_point *hit = named(p, n, a->names[i]);
        if (!hit || hit->visible == 0) continue;
        x += hit->x;
        y += hit->y;
        seen++;
    }
    if (seen) *out = (omn_point){ x / (double)seen, y / (double)seen, 2, NULL };
    return seen > 0;
}

/* Does the id stand for a place? */
static bool is_place(const omn_vocab *v, int32_t id)
{
    for (uint32_t i = 0; v && i < v->n_ranges; i++) {
        const omn_range *r = &v->ranges[i];
        const int32_t at = r->step ? (id - r->first) / r->step : -1;
        if (!strcmp(r->name, "location") && at >= 0 && at < r->count &&
            r->first + r->step * at == id)
            return true;
    }
    return false;
}

/* What stands in an answer for a point that is not seen need not be learnt: the model has to say
 * some place, and none is right. The point's word counts where it tells that (visibility); a name
 * stands there in any case. Each point begins with a place behind what is none. */
static void count_seen(const keypoints_answer *a, const bool *unseen, size_t from, omn_ids *out)
{
    const omn_vocab *v = omn_part_vocabulary(a->decoder);
    bool word = true, hidden = false;
    size_t point = 0;
    for (size_t i = from; i < out->count; i++) {
        const bool place = is_place(v, out->ids[i]);
        if (place && word && point < a->n) hidden = unseen[point++];
        if (place == word) omn_ids_weigh(out, i, hidden && (place || !a->visibility) ? 0 : 1);
        word = !place;
    }
}

static omn_status write_point(const keypoints_answer *a, const omn_point *p, const omn_frame *frame,
                              omn_buf *b, omn_error *err)
{
    omn_value *one = NULL;
    if (a->visibility) return loc_write_joint(a->scheme, p, frame, b, err);
    omn_status st = omn_points_new(p, 1, NULL, &one, err);
    if (st == OMN_OK && b->length) omn_buf_puts(b, " ");
    if (st == OMN_OK) st = loc_write_points(a->scheme, one, frame, b, err);
    omn_value_unref(one);
    return st;
}

/* What is wanted as points, or as the joints of one body (a value of the kind keypoints), which
 * become such points. *own: to be freed. */
static omn_status wanted_points(const omn_value *v, const omn_point **p, size_t *n, omn_point **own,
                                omn_error *err)
{
    *own = NULL;
    if (omn_value_is(v, "points")) {
        *n = omn_points_get(v, p);
        return OMN_OK;
    }
    if (!omn_value_is(v, "keypoints") || omn_value_count(v) != 1)
        return omn_fail(err, OMN_ERR_TYPE,
                        "the wanted answer is %s%s, points or the keypoints of one body are wanted",
                        omn_value_kind_name(v),
                        omn_value_is(v, "keypoints") ? " of several bodies" : "");
    const omn_tensor *names = omn_value_column(v, "joints");
    const double *at = omn_value_column(v, "point")->data;
    const double *visible = omn_value_column(v, "visible")->data;
    *n = (size_t)names->shape.dim[0];
    *p = *own = calloc(*n + 1, sizeof **own);
    if (!*own) return omn_fail(err, OMN_ERR_MEMORY, "keypoints: out of memory");
    for (size_t i = 0; i < *n; i++, at += 2) {
        const bool there = visible[i] > 0 && isfinite(at[0]) && isfinite(at[1]);
        (*own)[i] = (omn_point){ there ? at[0] : 0, there ? at[1] : 0, there ? visible[i] : 0,
                                 ((const char *const *)names->data)[i] };
    }
    return OMN_OK;
}

static omn_status write_keypoints(const void *self, omn_call *c, const omn_value *v,
                                  const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const keypoints_answer *a = self;
    const omn_point *p = NULL;
    omn_point *own;
    size_t n = 0;
    bool unseen[MOST_NAMES] = { false }, some = false;
    const size_t from = out->count;
    omn_point mean;
    omn_buf b;
    (void)c;
    omn_status st = wanted_points(v, &p, &n, &own, err);
    if (st != OMN_OK) return st;
    const bool any = middle(a, p, n, &mean);
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (size_t i = 0; i < a->n; i++) {
        const omn_point *hit = named(p, n, a->names[i]);
        omn_point one = hit ? *hit : mean;
        if (a->visibility && !hit)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "\"%.60s\" is missing", a->names[i]));
        unseen[i] = !hit || hit->visible == 0;
        some = some || unseen[i];
        if (unseen[i] && !a->all) continue;
        if (unseen[i] && !a->visibility && !any)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "none of the points is seen"));
        if (unseen[i] && !a->visibility) one = mean;
        one.label = a->names[i];
        OMN_TRY(write_point(a, &one, frame, &b, err));
    }
    OMN_TRY(omn_ids_text(out, a->tokenizer, b.data ? b.data : "", b.length, err));
    if (a->all && some) count_seen(a, unseen, from, out);
done:
    free(own);
    omn_buf_fini(&b);
    return st;
}

/* All names in order; those that were not mentioned at the mean of those that were. */
static omn_status complete(const keypoints_answer *a, const omn_value *heard,
                           const omn_frame *frame, omn_value **out, omn_error *err)
{
    const omn_point *p = NULL;
    omn_point all[MOST_NAMES];
    const size_t n = omn_points_get(heard, &p);
    double x = 0, y = 0;
    size_t seen = 0;
    for (size_t i = 0; i < a->n; i++) {
        const omn_point *hit = named(p, n, a->names[i]);
        all[i] = hit ? *hit : (omn_point){ 0, 0, 0, NULL };
        all[i].label = a->names[i];
        if (!hit) continue;
        x += hit->x;
        y += hit->y;
        seen++;
    }
    for (size_t i = 0; i < a->n && seen; i++)
        if (all[i].visible == 0) {
            all[i].x = x / (double)seen;
            all[i].y = y / (double)seen;
        }
    return omn_points_new(all, seen ? a->n : 0, frame, out, err);
}

static omn_status read_keypoints(const void *self, omn_call *c, const omn_heard *h,
                                 const omn_frame *frame, omn_value **out, omn_error *err)
{
    const keypoints_answer *a = self;
    omn_status st = OMN_OK;
    omn_value *heard = NULL;
    omn_buf b;
    size_t *ends = NULL;
    if (!frame)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "an answer in keypoints wants the picture that they lie in among the "
                        "inputs");
    OMN_TRY(loc_hear(a->decoder, h, &b, &ends, err));
    const char *text = b.data ? b.data : "";
    if (a->visibility) {
        st = loc_read_joints(a->scheme, c, text, b.length, frame, a->names, a->n, out, err);
        goto done;
    }
    OMN_TRY(loc_read(a->scheme, text, b.length, frame, false, NULL, &heard, err));
    OMN_TRY(complete(a, heard, frame, out, err));
done:
    omn_value_unref(heard);
    free(ends);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl loc_answer_keypoints = { NULL,            "points",
                                               open_keypoints,  close_keypoints,
                                               keypoints_rules, write_keypoints,
                                               read_keypoints };
