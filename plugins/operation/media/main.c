/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on what models hear, say and do beside pictures: sound, keypoints, options, grounded
 * text, interleaved media, actions, and windows of time. */
#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- time and sound ------------------------------------------------------------------------- */

#define WINDOW(IN, OPT, PAR, OUT)                                                                  \
    IN(any, in, "a sound, a video, actions, or what else lies in time")                            \
    PAR(double, from, "0", NULL, "s", "the first moment")                                          \
    PAR(double, until, NULL, NULL, "s", "the moment behind the last")                              \
    OUT(any, out, "what lies between, of the same kind")
OMN_OPERATION(window, WINDOW, OMN_PURE);
static omn_status window(omn_call *c, const omn_value *in, double from, double until,
                         omn_value **out, omn_error *err)
{
    (void)c;
    return omn_value_window(in, from, until, out, err);
}

#define MONO(IN, OPT, PAR, OUT)                                                                    \
    IN(audio, in, "a sound")                                                                       \
    OUT(audio, out, "the mean of its channels")
OMN_OPERATION(mono, MONO, OMN_PURE);
static omn_status mono(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "samples");
    const size_t n = (size_t)t->shape.dim[0], channels = (size_t)t->shape.dim[1];
    float *mean = malloc(n * sizeof(*mean) + 1);
    if (mean == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a sound");
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < channels; k++)
            sum += (double)((const float *)t->data)[i * channels + k];
        mean[i] = (float)(sum / (double)channels);
    }
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), mean),
        { "rate", *omn_value_column(in, "rate") },
        { "start", *omn_value_column(in, "start") },
    };
    (void)c;
    const omn_status st = omn_value_make(omn_value_kind(in), columns, 3, NULL, out, err);
    free(mean);
    return st;
}

/* ---- keypoints ------------------------------------------------------------------------------ */

#define KEYPOINT_BOXES(IN, OPT, PAR, OUT)                                                          \
    IN(keypoints, in, "bodies with joints")                                                        \
    PAR(double, margin, "0", "0..10", NULL, "added on each side, as a part of the box's size")     \
    OUT(regions, out, "a box around the joints of each body that has some")
OMN_OPERATION(keypoint_boxes, KEYPOINT_BOXES, OMN_PURE);
static omn_status keypoint_boxes(omn_call *c, const omn_value *in, double margin, omn_value **out,
                                 omn_error *err)
{
    const double *p = omn_value_column(in, "point")->data,
                 *visible = omn_value_column(in, "visible")->data;
    const omn_tensor *label = omn_value_column(in, "label"), *score = omn_value_column(in, "score");
    const size_t n = omn_value_count(in), k = (size_t)omn_value_column(in, "joints")->shape.dim[0];
    omn_region *r = omn_call_scratch(c, n + 1, sizeof(*r));
    size_t made = 0;
    if (r == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++) {
        omn_region b = { INFINITY, INFINITY, -INFINITY, -INFINITY, NAN, NULL };
        for (size_t j = i * k; j < (i + 1) * k; j++) {
            if (!(visible[j] > 0)) continue;
            b.x0 = fmin(b.x0, p[2 * j]);
            b.y0 = fmin(b.y0, p[2 * j + 1]);
            b.x1 = fmax(b.x1, p[2 * j]);
            b.y1 = fmax(b.y1, p[2 * j + 1]);
        }
        if (b.x0 > b.x1) continue;
        const double dx = margin * (b.x1 - b.x0), dy = margin * (b.y1 - b.y0);
        r[made] = (omn_region){ b.x0 - dx, b.y0 - dy, b.x1 + dx, b.y1 + dy, NAN, NULL };
        if (score != NULL) r[made].score = ((const double *)score->data)[i];
        if (label != NULL) r[made].label = ((const char *const *)label->data)[i];
        made++;
    }
    return omn_regions_new(r, made, omn_value_frame(in), out, err);
}

/* ---- options -------------------------------------------------------------------------------- */

#define BEST(IN, OPT, PAR, OUT)                                                                    \
    IN(options, in, "options with scores")                                                         \
    OUT(text, out, "the one that is worth most; the first among equals, or where none has a score")
OMN_OPERATION(best, BEST, OMN_PURE);
static omn_status best(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_tensor *score = omn_value_column(in, "score");
    const char *const *text = omn_value_column(in, "text")->data;
    size_t at = 0;
    double most = -INFINITY;
    (void)c;
    if (omn_value_count(in) == 0) return omn_fail(err, OMN_ERR_DATA, "there is no option");
    for (size_t i = 0; score != NULL && i < omn_value_count(in); i++) {
        const double x = ((const double *)score->data)[i];
        if (!(x > most)) continue;
        most = x;
        at = i;
    }
    return omn_text_new(text[at], strlen(text[at]), out, err);
}

/* How likely one option of several is, whose scores are logarithms of probabilities. */
static bool share_of(const omn_value *options, const char *option, double *out)
{
    const omn_tensor *score = omn_value_column(options, "score");
    const char *const *text = omn_value_column(options, "text")->data;
    double most = -INFINITY, all = 0, own = -INFINITY;
    if (score == NULL) return false;
    const double *x = score->data;
    for (size_t i = 0; i < omn_value_count(options); i++) {
        most = fmax(most, x[i]);
        if (!strcmp(text[i], option)) own = x[i];
    }
    for (size_t i = 0; i < omn_value_count(options); i++) all += exp(x[i] - most);
    *out = exp(own - most) / all;
    return own > -INFINITY && isfinite(*out);
}

/* Of each thing options and a name, and one thing at least. */
static omn_status check_things(const omn_value *in, const omn_value *names, omn_error *err)
{
    const size_t n = omn_list_count(in);
    if (n == 0 || omn_list_count(names) != n)
        return omn_fail(err, OMN_ERR_DATA, "%zu names of %zu things: one each, and one thing at "
                                           "least, is wanted", omn_list_count(names), n);
    for (size_t i = 0; i < n; i++) {
        const omn_value *one = omn_list_at(in, i), *name = omn_list_at(names, i);
        if (!omn_value_is(one, "options") || !omn_value_is(name, "text"))
            return omn_fail(err, OMN_ERR_TYPE, "thing %zu is %s called by %s: options and a text "
                                               "are wanted", i + 1, omn_value_kind_name(one),
                            omn_value_kind_name(name));
    }
    return OMN_OK;
}

static omn_status give_options(omn_call *c, const char **text, const double *score, size_t n,
                               omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    const omn_filled f[2] = { omn_fill("text", OMN_STRING, omn_dim1((int64_t)n), text),
                              omn_fill("score", OMN_F64, omn_dim1((int64_t)n), score) };
    const omn_status st = omn_kind_find(c, "options", &kind, err);
    return st == OMN_OK ? omn_value_make(kind, f, 2, NULL, out, err) : st;
}

#define MOST(IN, OPT, PAR, OUT)                                                                    \
    IN(list, in, "of each thing options with scores, which are logarithms of probabilities")       \
    IN(list, names, "what these things are called, texts")                                         \
    PAR(string, option, "true", NULL, NULL, "the option that is looked at")                        \
    OUT(text, best, "the thing of which it is likeliest")                                          \
    OUT(options, scores, "all of them, in their order, with their shares of that")
OMN_OPERATION(most, MOST, OMN_PURE);
static omn_status most(omn_call *c, const omn_value *in, const omn_value *names, const char *option,
                       omn_value **best, omn_value **scores, omn_error *err)
{
    const size_t n = omn_list_count(in);
    omn_status st = OMN_OK;
    double *worth = omn_call_scratch(c, n + 1, sizeof *worth), all = 0;
    const char **text = omn_call_scratch(c, n + 1, sizeof *text);
    size_t at = 0;
    if (worth == NULL || text == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory to rank");
    OMN_TRY(check_things(in, names, err));
    for (size_t i = 0; i < n; i++) {
        if (!share_of(omn_list_at(in, i), option, &worth[i]))
            return omn_fail(err, OMN_ERR_DATA, "thing %zu: no score of the option \"%.60s\"", i + 1,
                            option);
        text[i] = omn_text_get(omn_list_at(names, i), NULL);
        all += worth[i];
        if (worth[i] > worth[at]) at = i;
    }
    for (size_t i = 0; i < n && all > 0; i++) worth[i] /= all;
    OMN_TRY(give_options(c, text, worth, n, scores, err));
    OMN_TRY(omn_text_new(text[at], strlen(text[at]), best, err));
done:
    return st;
}

/* ---- ranking -------------------------------------------------------------------------------- */

typedef struct ranked { double score; size_t at; } ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

/* The logarithm of how much likelier one option is than another. */
static bool odds_of(const omn_value *options, const char *option, const char *against, double *out)
{
    const omn_tensor *score = omn_value_column(options, "score");
    const char *const *text = omn_value_column(options, "text")->data;
    double own = NAN, other = NAN;
    for (size_t i = 0; score != NULL && i < omn_value_count(options); i++) {
        if (!strcmp(text[i], option)) own = ((const double *)score->data)[i];
        if (!strcmp(text[i], against)) other = ((const double *)score->data)[i];
    }
    *out = own - other;
    return isfinite(*out);
}

#define RANK(IN, OPT, PAR, OUT)                                                                    \
    IN(list, in, "of each thing options with scores, which are logarithms of probabilities")       \
    IN(list, names, "what these things are called, texts")                                         \
    PAR(string, option, "yes", NULL, NULL, "the option that is looked at")                         \
    PAR(string, against, "no", NULL, NULL, "the option beside which it is")                        \
    OUT(text, best, "the thing of which it is likeliest")                                          \
    OUT(options, ranked, "all of them, that one first, by the logarithm of what each has of all "  \
        "the odds together")
OMN_OPERATION(rank, RANK, OMN_PURE);
static omn_status rank(omn_call *c, const omn_value *in, const omn_value *names, const char *option,
                       const char *against, omn_value **best, omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(in);
    omn_status st = OMN_OK;
    ranked *all = omn_call_scratch(c, n + 1, sizeof *all);
    double *score = omn_call_scratch(c, n + 1, sizeof *score), sum = 0;
    const char **text = omn_call_scratch(c, n + 1, sizeof *text);
    if (!all || !score || !text) return omn_fail(err, OMN_ERR_MEMORY, "no memory to rank");
    OMN_TRY(check_things(in, names, err));
    for (size_t i = 0; i < n; i++) {
        all[i].at = i;
        if (!odds_of(omn_list_at(in, i), option, against, &all[i].score))
            return omn_fail(err, OMN_ERR_DATA, "thing %zu: no scores of \"%.60s\" and \"%.60s\"",
                            i + 1, option, against);
    }
    qsort(all, n, sizeof *all, by_score);
    for (size_t i = 0; i < n; i++) sum += exp(all[i].score - all[0].score);
    for (size_t i = 0; i < n; i++) {
        score[i] = all[i].score - all[0].score - log(sum);
        text[i] = omn_text_get(omn_list_at(names, all[i].at), NULL);
    }
    OMN_TRY(give_options(c, text, score, n, out, err));
    OMN_TRY(omn_text_new(text[0], strlen(text[0]), best, err));
done:
    return st;
}

/* ---- grounded text -------------------------------------------------------------------------- */

#define GROUNDED_TEXT(IN, OPT, PAR, OUT)                                                           \
    IN(grounded, in, "a text of which parts stand for places")                                     \
    OUT(text, out, "the text alone")
OMN_OPERATION(grounded_text, GROUNDED_TEXT, OMN_PURE);
static omn_status grounded_text(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const char *s = *(const char *const *)omn_value_column(in, "text")->data;
    (void)c;
    return omn_text_new(s, strlen(s), out, err);
}

#define GROUNDED_BOXES(IN, OPT, PAR, OUT)                                                          \
    IN(grounded, in, "a text of which parts stand for places")                                     \
    OUT(regions, out, "the places, labelled with their parts of the text")
OMN_OPERATION(grounded_boxes, GROUNDED_BOXES, OMN_PURE);
static omn_status grounded_boxes(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const char *s = *(const char *const *)omn_value_column(in, "text")->data;
    const int32_t *span = omn_value_column(in, "span")->data;
    const double *box = omn_value_column(in, "box")->data;
    const omn_tensor *score = omn_value_column(in, "score");
    const size_t n = omn_value_count(in);
    omn_region *r = omn_call_scratch(c, n + 1, sizeof(*r));
    if (r == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++, span += 2, box += 4) {
        const size_t length = (size_t)(span[1] - span[0]);
        char *label = omn_call_scratch(c, length + 1, 1);
        if (label == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for labels");
        memcpy(label, s + span[0], length);
        r[i] = (omn_region){ box[0], box[1], box[2], box[3],
                             score != NULL ? ((const double *)score->data)[i] : NAN, label };
    }
    return omn_regions_new(r, n, omn_value_frame(in), out, err);
}

/* ---- interleaved media ---------------------------------------------------------------------- */

/* Appends v, or what is interleaved in it already, also as an item of a list. */
static void add(omn_value **items, size_t *n, size_t room, const omn_value *v, omn_status *st,
                omn_error *err)
{
    const bool many = omn_value_is(v, "interleaved") || omn_value_is(v, "list");
    for (size_t i = 0; *st == OMN_OK && i < (many ? omn_value_count(v) : 1); i++) {
        if (*n == room) {
            *st = omn_fail(err, OMN_ERR_DATA, "more than %zu items", room);
        } else if (many) {
            *st = omn_value_item(v, i, &items[*n], err);
            if (*st != OMN_OK) return;
            omn_value *item = items[*n];
            if (omn_value_is(item, "interleaved")) {
                add(items, n, room, item, st, err);
                omn_value_unref(item);
            } else {
                ++*n;
            }
        } else {
            items[(*n)++] = omn_value_ref(v);
        }
    }
}

#define JOIN(IN, OPT, PAR, OUT)                                                                    \
    IN(any, first, "a text, a medium, or a list of such")                                          \
    OPT(any, second, "what follows")                                                               \
    OPT(any, third, "what follows")                                                                \
    OPT(any, fourth, "what follows")                                                               \
    OUT(interleaved, out, "all of it, in this order")
OMN_OPERATION(join, JOIN, OMN_PURE);
static omn_status join(omn_call *c, const omn_value *first, const omn_value *second,
                       const omn_value *third, const omn_value *fourth, omn_value **out,
                       omn_error *err)
{
    const omn_value *all[4] = { first, second, third, fourth };
    enum { ROOM = 4096 };
    omn_value **items = omn_call_scratch(c, ROOM, sizeof(*items));
    const omn_kind *kind = NULL;
    size_t n = 0;
    if (items == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for items");
    omn_status st = omn_kind_find(c, "interleaved", &kind, err);
    for (int i = 0; i < 4; i++)
        if (all[i] != NULL) add(items, &n, ROOM, all[i], &st, err);
    const omn_filled column = omn_fill("items", OMN_ANY_VALUE, omn_dim1((int64_t)n), items);
    if (st == OMN_OK) st = omn_value_make(kind, &column, 1, NULL, out, err);
    while (n > 0) omn_value_unref(items[--n]);
    return st;
}

/* ---- actions -------------------------------------------------------------------------------- */

#define CLIP(IN, OPT, PAR, OUT)                                                                    \
    IN(actions, in, "actions")                                                                     \
    IN(tensor, bounds, "the least and the most of each number, [2, width]")                        \
    OUT(actions, out, "the same within these bounds, which they carry")
OMN_OPERATION(clip, CLIP, OMN_PURE);
static omn_status clip(omn_call *c, const omn_value *in, const omn_value *bounds, omn_value **out,
                       omn_error *err)
{
    static const char *const kept[] = { "time", "name", "unit" };
    const omn_tensor *t = omn_value_column(in, "action"), *b = omn_value_tensor(bounds);
    const size_t n = (size_t)t->shape.dim[0], width = (size_t)t->shape.dim[1];
    omn_filled columns[6];
    size_t k = 0;
    if (b->shape.rank != 2 || b->shape.dim[0] != 2 || (size_t)b->shape.dim[1] != width)
        return omn_fail(err, OMN_ERR_SHAPE, "the bounds of %zu numbers are [2, %zu]", width, width);
    float *x = omn_call_scratch(c, n * width + 1, sizeof(*x));
    float *edge = omn_call_scratch(c, 2 * width + 1, sizeof(*edge));
    double *bound = omn_call_scratch(c, 2 * width + 1, sizeof(*bound));
    if (x == NULL || edge == NULL || bound == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for actions");
    if (!omn_to_f32(b->type, b->data, 2 * width, edge))
        return omn_fail(err, OMN_ERR_TYPE, "bounds are numbers");
    for (size_t i = 0; i < 2 * width; i++) bound[i] = (double)edge[i];
    for (size_t i = 0; i < n * width; i++) {
        const float v = ((const float *)t->data)[i], lo = edge[i % width],
                    hi = edge[width + i % width];
        x[i] = v < lo ? lo : v > hi ? hi : v;
    }
    columns[k++] = omn_fill("action", OMN_F32, t->shape, x);
    columns[k++] = omn_fill("least", OMN_F64, omn_dim1((int64_t)width), bound);
    columns[k++] = omn_fill("most", OMN_F64, omn_dim1((int64_t)width), bound + width);
    for (size_t i = 0; i < 3; i++) {
        const omn_tensor *column = omn_value_column(in, kept[i]);
        if (column != NULL) columns[k++] = (omn_filled){ kept[i], *column };
    }
    return omn_value_make(omn_value_kind(in), columns, k, NULL, out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(window, "value.window", "what lies between two moments"),
    OMN_OPERATION_OBJECT(mono, "audio.mono", "a sound with one channel"),
    OMN_OPERATION_OBJECT(keypoint_boxes, "keypoints.regions", "boxes around bodies"),
    OMN_OPERATION_OBJECT(best, "options.best", "the option that is worth most"),
    OMN_OPERATION_OBJECT(most, "options.most", "of which thing an option is likeliest"),
    OMN_OPERATION_OBJECT(rank, "options.rank", "things by how likely an option is of each"),
    OMN_OPERATION_OBJECT(grounded_text, "grounded.text", "a grounded text without its places"),
    OMN_OPERATION_OBJECT(grounded_boxes, "grounded.regions", "the places of a grounded text"),
    OMN_OPERATION_OBJECT(join, "interleaved.join", "texts and media in order"),
    OMN_OPERATION_OBJECT(clip, "actions.clip", "actions within bounds"),
};
OMN_PLUGIN("operation-media", "1.0", "Apache-2.0", "sound, keypoints, options, text with places",
           objects);
