/* SPDX-License-Identifier: Apache-2.0 */
/* Every task that ships asks as it was published. The rows of tasks.jsonl say what each pipeline is
 * given and what the model is asked then: the prompt and its ids, which another tokenizer made
 * (task_ids.cc), how the answer is searched for, which ids it may be made of, its kind. The model
 * is a Unified-IO 2 with the published numbers of places and codes, few words and no weights: its
 * questions are looked at, and answered by the row. */
#include "tests/generate/toy.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "tests/pipeline/tasks.jsonl"
#define WORKS(expr, what) ck_assert_msg((expr) == OMN_OK, "%s: %s", what, err.text)

enum { WORDS = 2000, BINS = 1000, ROWS = 3328, CODES = 16384, PICTURE = 1024, SOUNDS = 8192,
       SOUND = 512 };

typedef struct table {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    json_t *rows;
} table;

/* One run, and where in its questions it is. */
typedef struct asked {
    const table *t;
    json_t *row, *asks;
    size_t n;
    const char *name;
} asked;

/* ---- values of the table -------------------------------------------------------------------- */

/* Noise; black; black with a white box at 100,50,300,200. */
static omn_value *picture(int w, int h, const char *kind)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, (uint32_t)w, (uint32_t)h, 3, NULL, &img, &px, &err), "a picture");
    for (size_t i = 0; i < (size_t)w * (size_t)h * 3; i++) {
        const size_t x = i / 3 % (size_t)w, y = i / 3 / (size_t)w;
        const bool white = !strcmp(kind, "box") && x >= 100 && x < 300 && y >= 50 && y < 200;
        const uint64_t noise = strcmp(kind, "picture") != 0 ? 0 : omn_random_at(7, 0, i) % 256;
        ((uint8_t *)px.data)[i] = (uint8_t)(white ? 255 : noise);
    }
    return omn_image_give(img);
}

static omn_value *pictures(const json_t *j)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *list[16] = { NULL }, *out = NULL;
    const size_t n = json_array_size(j);
    ck_assert_uint_le(n, 16);
    for (size_t i = 0; i < n; i++) list[i] = picture(64, 64, "picture");
    WORKS(omn_list_new(list, n, &out, &err), "pictures");
    for (size_t i = 0; i < n; i++) omn_value_unref(list[i]);
    return out;
}

/* So many samples of noise, of one channel. */
static omn_value *sound(int rate, int n)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    const double hz = rate, start = 0;
    omn_value *v = NULL;
    float *x = calloc((size_t)n, sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int i = 0; i < n; i++)
        x[i] = (float)(omn_random_at(9, 0, (uint64_t)i) % 2001) / 10000 - 0.1f;
    const omn_filled columns[] = { omn_fill("samples", OMN_F32, omn_dim2(n, 1), x),
                                   omn_fill("rate", OMN_F64, (omn_shape){ 0 }, &hz),
                                   omn_fill("start", OMN_F64, (omn_shape){ 0 }, &start) };
    WORKS(omn_kind_find(NULL, "audio", &kind, &err), "sound");
    WORKS(omn_value_make(kind, columns, 3, NULL, &v, &err), "a sound");
    free(x);
    return v;
}

/* "picture 640x480", "black 640x480", "box 640x480", "sound 16000x65280" (Hz, samples), another
 * text, JSON, or a list of pictures. */
static omn_value *value_of(const json_t *j)
{
    if (json_is_string(json_array_get(j, 0))) return pictures(j);
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    int w = 0, h = 0;
    char kind[16];
    const char *text = json_string_value(j);
    if (text && sscanf(text, "%15s %dx%d", kind, &w, &h) == 3 &&
        (!strcmp(kind, "picture") || !strcmp(kind, "black") || !strcmp(kind, "box")))
        return picture(w, h, kind);
    if (text && sscanf(text, "%15s %dx%d", kind, &w, &h) == 3 && !strcmp(kind, "sound"))
        return sound(w, h);
    char *dump = text ? NULL : json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text) WORKS(omn_text_new(text, strlen(text), &v, &err), text);
    else WORKS(omn_value_from_json(dump, strlen(dump), &v, &err), dump);
    free(dump);
    return v;
}

/* The same as what a question's answer is. */
static omn_value *answer_of(const table *t, const json_t *j, const char *kind)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *to = NULL;
    omn_value *v = NULL, *plain = value_of(j);
    WORKS(omn_kind_find_in(t->ctx, kind, &to, &err), kind);
    WORKS(omn_value_convert(t->call, plain, to, &v, &err), kind);
    omn_value_unref(plain);
    return v;
}

/* ---- what a question is --------------------------------------------------------------------- */

static const char *text_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_text_get(v, NULL) : NULL;
}

static double number_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_number_get(v) : 0;
}

static void same_text(const asked *a, const char *what, const char *is, const json_t *wanted)
{
    const char *t = json_string_value(wanted);
    ck_assert_msg(t && is && !strcmp(is, t), "%s: %s is \"%s\", not \"%s\"", a->name, what,
                  is ? is : "(none)", t ? t : "(none)");
}

static void same_number(const asked *a, const char *what, double is, const json_t *wanted)
{
    ck_assert_msg(fabs(is - json_number_value(wanted)) < 1e-9, "%s: %s is %g, not %g", a->name,
                  what, is, json_number_value(wanted));
}

static void same_ids(const asked *a, const omn_value *is, const json_t *wanted)
{
    ck_assert_msg(is && wanted && omn_list_count(is) == json_array_size(wanted),
                  "%s: %zu ids, not %zu", a->name, is ? omn_list_count(is) : 0,
                  json_array_size(wanted));
    for (size_t i = 0; i < omn_list_count(is); i++) {
        char what[32];
        snprintf(what, sizeof what, "id %zu", i);
        same_number(a, what, omn_number_get(omn_list_at(is, i)), json_array_get(wanted, i));
    }
}

/* Its text with its ids, and the media before it by their roles. */
static void same_inputs(const asked *a, const omn_value *question, const json_t *wanted)
{
    const omn_value *list = omn_record_get(question, "inputs");
    const json_t *from = json_object_get(wanted, "from");
    const size_t n = omn_list_count(list), media = json_array_size(from);
    ck_assert_msg(n == media + 1, "%s: %zu inputs, not %zu", a->name, n, media + 1);
    for (size_t i = 0; i < media; i++) {
        const omn_value *one = omn_list_at(list, i);
        same_text(a, "an input's role", text_at(one, "role"), json_array_get(from, i));
        /* silence has no tokens: who has no past hears none */
        ck_assert_msg(json_object_get(wanted, "silent") && i == 0 ? number_at(one, "tokens") == 0
                                                                  : number_at(one, "tokens") >= 16,
                      "%s: input %zu has %g tokens", a->name, i, number_at(one, "tokens"));
    }
    const omn_value *text = omn_list_at(list, media);
    same_text(a, "the prompt", text_at(text, "text"), json_object_get(wanted, "prompt"));
    same_ids(a, omn_record_get(text, "ids"), json_object_get(wanted, "ids"));
}

static void same_guidance(const asked *a, const omn_value *question, const json_t *wanted)
{
    const omn_value *list = omn_record_get(question, "guidance");
    const json_t *all = json_object_get(wanted, "guidance");
    const size_t n = list ? omn_list_count(list) : 0;
    ck_assert_msg(n == json_array_size(all), "%s: %zu guides, not %zu", a->name, n,
                  json_array_size(all));
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(all, i);
        same_number(a, "weight", number_at(omn_list_at(list, i), "weight"),
                    json_object_get(one, "weight"));
        same_inputs(a, omn_list_at(list, i), one);
    }
}

static void same_candidates(const asked *a, const omn_value *question, const json_t *wanted)
{
    const omn_value *list = omn_record_get(question, "candidates");
    const omn_part *decoder = omn_model_decoder(a->t->model, "text");
    /* as published, each ends twice where it is scored */
    ck_assert_int_eq(omn_part_vocabulary(decoder)->option_ends, 2);
    const json_t *all = json_object_get(wanted, "options");
    ck_assert_msg(omn_list_count(list) == json_array_size(all), "%s: %zu options", a->name,
                  omn_list_count(list));
    same_text(a, "the score of options", text_at(question, "score"),
              json_object_get(wanted, "score"));
    for (size_t i = 0; i < json_array_size(all); i++) {
        /* as a text that ends, of which the end is no part of the option */
        json_t *ids = json_deep_copy(json_object_get(json_array_get(all, i), "ids"));
        json_array_remove(ids, json_array_size(ids) - 1);
        same_ids(a, omn_list_at(list, i), ids);
        json_decref(ids);
    }
}

/* ---- which ids may come --------------------------------------------------------------------- */

static void allow(const asked *a, const omn_request *rq, const int32_t *ids, size_t n,
                  omn_ids *out, bool *end)
{
    omn_error err = OMN_ERROR_INIT;
    out->count = 0;
    WORKS(omn_request_allowed(a->t->model, rq, ids, n, out, end, &err), a->name);
}

/* Behind these n come first .. last alone, or (first -1) nothing but the end; end -1: whatever. */
static void only(const asked *a, const omn_request *rq, const int32_t *ids, size_t n,
                 int32_t first, int32_t last, int end)
{
    omn_ids out;
    bool is = false;
    omn_ids_init(&out, 1 << 16);
    allow(a, rq, ids, n, &out, &is);
    const size_t count = first < 0 ? 0 : (size_t)(last - first + 1);
    ck_assert_msg(out.count == count && (!count || (out.ids[0] == first &&
                                                    out.ids[count - 1] == last)),
                  "%s: behind %zu ids %zu may come, %d .. %d, not %d .. %d", a->name, n, out.count,
                  out.count ? (int)out.ids[0] : -1,
                  out.count ? (int)out.ids[out.count - 1] : -1, (int)first, (int)last);
    ck_assert_msg(end < 0 || is == (end > 0), "%s: behind %zu ids it %s end", a->name, n,
                  is ? "may" : "may not");
    omn_ids_fini(&out);
}

static size_t places_in(const omn_ids *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        n += list->ids[i] >= WORDS && list->ids[i] < WORDS + BINS;
    return n;
}

/* Any text: all words and places, no other, and an end everywhere. */
static void any_text(const asked *a, const omn_request *rq)
{
    const int32_t said[2] = { 300, WORDS + 5 };
    for (size_t n = 0; n <= 2; n++) {
        omn_ids out;
        bool end = false;
        omn_ids_init(&out, 1 << 16);
        allow(a, rq, said, n, &out, &end);
        ck_assert_msg(end, "%s: no end behind %zu ids", a->name, n);
        size_t words = 0;
        const size_t places = places_in(&out);
        for (size_t i = 0; i < out.count; i++) {
            words += out.ids[i] < WORDS;
            ck_assert_msg(out.ids[i] > 2 && out.ids[i] < ROWS, "%s: id %d", a->name,
                          (int)out.ids[i]);
        }
        ck_assert_msg(places == BINS && words > WORDS - 10, "%s: %zu places, %zu words", a->name,
                      places, words);
        omn_ids_fini(&out);
    }
}

/* So many codes of a decoder, and then the end. */
static void coded(const asked *a, const omn_request *rq, int32_t codes, size_t count)
{
    int32_t *ids = calloc(count, sizeof *ids);
    for (size_t i = 0; i < count; i++) ids[i] = 2 + (int32_t)(i * 37) % codes;
    for (size_t n = 0; n < count; n = n ? 2 * n : 1) only(a, rq, ids, n, 2, codes + 1, 0);
    only(a, rq, ids, count - 1, 2, codes + 1, 0);
    only(a, rq, ids, count, -1, -1, 1);
    free(ids);
}

/* One box: four places, nothing else. */
static void one_box(const asked *a, const omn_request *rq)
{
    const int32_t ids[4] = { WORDS + 10, WORDS + 999, WORDS, WORDS + 3 };
    for (size_t n = 0; n < 4; n++) only(a, rq, ids, n, WORDS, WORDS + BINS - 1, 0);
    only(a, rq, ids, 4, -1, -1, 1);
}

/* Boxes: places in fours, each four with a name behind it where names are wanted. */
static void boxes(const asked *a, const omn_request *rq, bool named)
{
    const int32_t ids[5] = { WORDS + 10, WORDS + 999, WORDS, WORDS + 3, 300 };
    omn_ids out;
    bool end = false;
    for (size_t n = 1; n < 4; n++) only(a, rq, ids, n, WORDS, WORDS + BINS - 1, 0);
    omn_ids_init(&out, 1 << 16);
    allow(a, rq, ids, 0, &out, &end);
    ck_assert_msg(end && out.count >= BINS, "%s: it has to say something", a->name);
    allow(a, rq, ids, 4, &out, &end);
    ck_assert_msg(end == !named && out.count > BINS, "%s: behind a box %zu ids", a->name,
                  out.count);
    allow(a, rq, ids, 5, &out, &end);
    ck_assert_msg(end && out.count > BINS, "%s: behind a name %zu ids", a->name, out.count);
    omn_ids_fini(&out);
}

/* The published schedule of the joints of a person: -1 stands for a place. */
static void joints(const asked *a, const omn_request *rq)
{
    json_error_t why;
    json_t *root = json_load_file(testing_source("tests/golden/codecs/tasks.json"), 0, &why);
    const json_t *list = json_object_get(json_object_get(root, "force_keypoint_schedule"),
                                         "schedule");
    int32_t ids[256];
    const size_t n = json_array_size(list);
    ck_assert_msg(n > 50 && n < 256, "%zu steps of the schedule", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *step = json_array_get(list, i);
        const int32_t id = (int32_t)json_integer_value(step);
        if (json_is_null(step)) only(a, rq, ids, i, WORDS, WORDS + BINS - 1, 0);
        else if (id == 1) only(a, rq, ids, i, -1, -1, 1);
        else only(a, rq, ids, i, id, id, 0);
        ids[i] = json_is_null(step) ? WORDS + (int32_t)i : id;
    }
    json_decref(root);
}

/* Points: places in twos, and an end behind each two. */
static void points(const asked *a, const omn_request *rq)
{
    const int32_t ids[2] = { WORDS + 10, WORDS + 999 };
    omn_ids out;
    bool end = false;
    only(a, rq, ids, 1, WORDS, WORDS + BINS - 1, 0);
    omn_ids_init(&out, 1 << 16);
    allow(a, rq, ids, 2, &out, &end);
    ck_assert_msg(end && out.count >= BINS, "%s: behind a point %zu ids", a->name, out.count);
    omn_ids_fini(&out);
}

/* Boxes in space: places in twelves, each twelve with a name behind it. */
static void solids(const asked *a, const omn_request *rq)
{
    int32_t ids[13];
    omn_ids out;
    bool end = false;
    for (int32_t i = 0; i < 12; i++) ids[i] = WORDS + 80 * i;
    ids[12] = 300;
    for (size_t n = 1; n < 12; n++) only(a, rq, ids, n, WORDS, WORDS + BINS - 1, 0);
    only(a, rq, ids, 0, WORDS, WORDS + BINS - 1, 1);
    omn_ids_init(&out, 1 << 16);
    allow(a, rq, ids, 12, &out, &end);
    ck_assert_msg(!end && !places_in(&out), "%s: behind twelve places %zu ids", a->name, out.count);
    allow(a, rq, ids, 13, &out, &end);
    ck_assert_msg(end && places_in(&out) == BINS, "%s: behind a name %zu ids", a->name, out.count);
    omn_ids_fini(&out);
}

/* Words that the answer wants, the first that may come each time, and then so many places: as the
 * published texts have them. *n grows by all of them. */
static void words_then_places(const asked *a, const omn_request *rq, int32_t *ids, size_t *n,
                              size_t places)
{
    omn_ids out;
    bool end = false;
    omn_ids_init(&out, 1 << 16);
    for (size_t words = 0;; words++) {
        allow(a, rq, ids, *n, &out, &end);
        if (places_in(&out)) break;
        ck_assert_msg(out.count && words < 80, "%s: no place behind %zu ids", a->name, *n);
        ids[(*n)++] = out.ids[0];
    }
    for (size_t i = 0; i < places; i++) {
        only(a, rq, ids, *n, WORDS, WORDS + BINS - 1, 0);
        ids[(*n)++] = WORDS + (int32_t)(i * 100);
    }
    allow(a, rq, ids, *n, &out, &end);
    ck_assert_msg(!end && out.count && !places_in(&out), "%s: behind %zu ids comes no word",
                  a->name, *n);
    omn_ids_fini(&out);
}

/* It closes, by the first words that may come, and may end. */
static void closes(const asked *a, const omn_request *rq, int32_t *ids, size_t n)
{
    omn_ids out;
    bool end = false;
    omn_ids_init(&out, 1 << 16);
    for (size_t words = 0; !end; words++) {
        ck_assert_msg(words < 8, "%s: no end behind %zu ids", a->name, n);
        allow(a, rq, ids, n, &out, &end);
        if (!end) ids[n++] = out.ids[0];
    }
    omn_ids_fini(&out);
}

/* "( polar sine cosine radius )" */
static void change(const asked *a, const omn_request *rq)
{
    int32_t ids[256];
    size_t n = 0;
    words_then_places(a, rq, ids, &n, 4);
    closes(a, rq, ids, n);
}

/* "1: pick from ( x y turn ) and place to ( x y turn )" */
static void steps(const asked *a, const omn_request *rq)
{
    int32_t ids[256];
    size_t n = 0;
    words_then_places(a, rq, ids, &n, 3);
    words_then_places(a, rq, ids, &n, 3);
    closes(a, rq, ids, n);
}

/* A place for each of three joints, once. */
static void joint_bins(const asked *a, const omn_request *rq)
{
    const int32_t ids[3] = { WORDS, WORDS + 999, WORDS + 5 };
    for (size_t n = 0; n < 3; n++) only(a, rq, ids, n, WORDS, WORDS + BINS - 1, 0);
    only(a, rq, ids, 3, -1, -1, 1);
}

static void same_ids_allowed(const asked *a, const omn_request *rq, const char *allowed)
{
    if (!strcmp(allowed, "text")) any_text(a, rq);
    else if (!strcmp(allowed, "picture")) coded(a, rq, CODES, PICTURE);
    else if (!strcmp(allowed, "sound")) coded(a, rq, SOUNDS, SOUND);
    else if (!strcmp(allowed, "box")) one_box(a, rq);
    else if (!strcmp(allowed, "boxes")) boxes(a, rq, false);
    else if (!strcmp(allowed, "named boxes")) boxes(a, rq, true);
    else if (!strcmp(allowed, "joints")) joints(a, rq);
    else if (!strcmp(allowed, "points")) points(a, rq);
    else if (!strcmp(allowed, "boxes in space")) solids(a, rq);
    else if (!strcmp(allowed, "camera")) change(a, rq);
    else if (!strcmp(allowed, "steps")) steps(a, rq);
    else if (!strcmp(allowed, "three bins")) joint_bins(a, rq);
    else ck_abort_msg("%s: no set of ids is called \"%s\"", a->name, allowed);
}

/* ---- a row ----------------------------------------------------------------------------------- */

static void same_search(const asked *a, const omn_value *question, const json_t *wanted)
{
    static const char *const settings[] = { "temperature", "top_p", "top_k", "beams", "no_repeat" };
    same_number(a, "max_tokens", number_at(question, "max_tokens"),
                json_object_get(wanted, "max_tokens"));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        same_number(a, settings[i], number_at(question, settings[i]),
                    json_object_get(wanted, settings[i]));
    const omn_value *prefers = omn_record_get(question, "prefers");
    same_number(a, "how much forces a place",
                prefers ? number_at(omn_list_at(prefers, 0), "above") : 0,
                json_object_get(wanted, "force"));
    if (!prefers) return;
    ck_assert_str_eq(text_at(omn_list_at(prefers, 0), "ids"), "2000-2999");
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    asked *a = user;
    omn_value *q = NULL;
    json_t *wanted = json_array_get(a->asks, a->n++);
    ck_assert_msg(wanted != NULL, "%s: more is asked than %zu questions: %s", a->name, a->n - 1,
                  step);
    const omn_status st = omn_request_describe(a->t->model, a->t->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s: %s: %s", a->name, step, err->text);
    same_text(a, "the output", text_at(q, "output"), json_object_get(wanted, "output"));
    same_text(a, "the kind", text_at(q, "makes"), json_object_get(wanted, "makes"));
    same_inputs(a, q, wanted);
    same_guidance(a, q, wanted);
    if (json_object_get(wanted, "options")) {
        same_candidates(a, q, wanted);
    } else {
        same_search(a, q, wanted);
        same_ids_allowed(a, rq, json_string_value(json_object_get(wanted, "allowed")));
    }
    json_t *give = json_object_get(wanted, "give");
    *ask = false;
    if (give) *instead = answer_of(a->t, give, text_at(q, "makes"));
    omn_value_unref(q);
    return OMN_OK;
}

static size_t inputs_of(json_t *row, omn_named *list, size_t most)
{
    size_t n = 0;
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(row, "inputs"), name, v) {
        ck_assert_uint_lt(n, most);
        list[n++] = (omn_named){ name, value_of(v) };
    }
    return n;
}

static void same_outputs(const asked *a, const omn_value *record)
{
    const char *name;
    json_t *kind;
    json_t *outputs = json_object_get(a->row, "outputs");
    ck_assert_msg(json_object_size(outputs) == omn_record_count(record), "%s: %zu outputs", a->name,
                  omn_record_count(record));
    json_object_foreach(outputs, name, kind) {
        const omn_value *v = omn_record_get(record, name);
        ck_assert_msg(v != NULL, "%s: no output %s", a->name, name);
        const char *is = omn_value_kind_name(v), *of = NULL;
        if (!strcmp(is, "list") && omn_list_count(v)) of = omn_value_kind_name(omn_list_at(v, 0));
        char both[128];
        if (of) snprintf(both, sizeof both, "%s of %zu %s", is, omn_list_count(v), of);
        else if (strcmp(is, "regions")) snprintf(both, sizeof both, "%s", is);
        else snprintf(both, sizeof both, "%zu %s", omn_value_count(v), is);
        same_text(a, name, both, kind);
    }
}

static void one_row(const table *t, json_t *row)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    omn_value *out = NULL, *told = NULL;
    omn_named list[16];
    char path[128];
    asked a = { .t = t, .row = row, .asks = json_object_get(row, "asks"),
                .name = json_string_value(json_object_get(row, "pipeline")) };
    snprintf(path, sizeof path, "pipelines/%s.yaml", a.name);
    WORKS(omn_pipeline_open(t->ctx, testing_source(path), &p, &err), path);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = t->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = &a };
    WORKS(omn_pipeline_run_new(p, &how, &run, &err), a.name);
    const size_t n = inputs_of(row, list, sizeof list / sizeof *list);
    WORKS(omn_pipeline_run_one(run, list, n, 0, &out, &err), a.name);
    WORKS(omn_pipeline_run_told(run, &told, &err), a.name);
    ck_assert_msg(a.n == json_array_size(a.asks), "%s: %zu questions, not %zu", a.name, a.n,
                  json_array_size(a.asks));
    same_outputs(&a, out);
    for (size_t i = 0; i < n; i++) omn_value_unref(list[i].value);
    omn_value_unref(told);
    omn_value_unref(out);
    omn_pipeline_run_free(run);
    omn_pipeline_close(p);
}

static void open_table(table *t)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *folder = testing_folder();
    char line[1 << 14];
    testing_copy("tests/golden/codecs/tok_bpe.model", folder, "tokenizer.model");
    testing_copy("tests/pipeline/unified-io-2.json", folder, "config.json");
    *t = (table){ .ctx = toy_context(1), .rows = json_array() };
    WORKS(omn_model_open(t->ctx, folder, &hollow, &t->model, &err), "the model");
    WORKS(omn_context_call(t->ctx, 0, 0, NULL, &t->call, &err), "a call");
    FILE *f = fopen(testing_source(TABLE), "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        json_error_t why;
        json_t *row = json_loads(line, 0, &why);
        ck_assert_msg(row != NULL, "%s: %s", TABLE, why.text);
        json_array_append_new(t->rows, row);
    }
    fclose(f);
}

static void close_table(table *t)
{
    json_decref(t->rows);
    omn_call_free(t->call);
    omn_model_close(t->model);
    omn_context_free(t->ctx);
}

/* Sound is heard through two operations that not every build has. */
static bool can_run(const table *t, json_t *row)
{
    const omn_entry *entry = NULL;
    omn_error err = OMN_ERROR_INIT;
    if (!json_object_get(json_object_get(row, "inputs"), "audio")) return true;
    return omn_registry_find(t->ctx, "omnio.operation/1", "audio.mel", &entry, &err) == OMN_OK &&
           omn_registry_find(t->ctx, "omnio.operation/1", "audio.segments", &entry, &err) == OMN_OK;
}

START_TEST(every_task_asks_as_published)
{
    table t;
    size_t i;
    json_t *row;
    open_table(&t);
    ck_assert_uint_gt(json_array_size(t.rows), 5);
    json_array_foreach(t.rows, i, row)
        if (can_run(&t, row)) one_row(&t, row);
    close_table(&t);
}
END_TEST

/* ---- who looks at questions ------------------------------------------------------------------ */

typedef struct looking {
    size_t n;
    bool empty, wrong;            /* answers: none at all, of another kind */
    char steps[8][64];
} looking;

static omn_status on_step(void *user, const char *step, const omn_request *rq, bool *ask,
                          omn_value **instead, omn_error *err)
{
    looking *l = user;
    const omn_region box = { 10, 10, 40, 40, NAN, "person" };
    ck_assert(*ask && *instead == NULL);
    ck_assert_uint_lt(l->n, 8);
    snprintf(l->steps[l->n++], sizeof l->steps[0], "%s", step);
    *ask = false;
    if (l->empty) return OMN_OK;
    if (l->wrong) return omn_text_new("a box", 5, instead, err);
    (void)rq;
    return omn_regions_new(&box, 1, NULL, instead, err);
}

static omn_status look(const table *t, looking *l, omn_value **out, omn_value **told,
                       omn_error *why)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    const omn_named in[] = { { "image", picture(64, 64, "picture") }, { "question", NULL } };
    omn_named list[2] = { in[0], in[1] };
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = t->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_step,
                                     .user = l };
    WORKS(omn_text_new("where?", 6, &list[1].value, &err), "a question");
    const char *path = testing_source("pipelines/point.yaml");
    WORKS(omn_pipeline_open(t->ctx, path, &p, &err), "point");
    WORKS(omn_pipeline_run_new(p, &how, &run, &err), "point");
    const omn_status st = omn_pipeline_run_one(run, list, 2, 0, out, why);
    if (told) WORKS(omn_pipeline_run_told(run, told, &err), "what was told");
    for (size_t i = 0; i < 2; i++) omn_value_unref(list[i].value);
    omn_pipeline_run_free(run);
    omn_pipeline_close(p);
    return st;
}

/* An answer that nobody gives is absent, and what needs it too; one of another kind is refused. */
START_TEST(a_question_may_be_answered_by_who_looks)
{
    table t;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL, *told = NULL;
    looking given = { 0 }, none = { .empty = true }, wrong = { .wrong = true };
    open_table(&t);
    WORKS(look(&t, &given, &out, NULL, &err), "given");
    ck_assert_uint_eq(given.n, 1);
    ck_assert_str_eq(given.steps[0], "generate box");
    const omn_point *p = NULL;
    ck_assert_uint_eq(omn_points_get(omn_record_get(out, "point"), &p), 1);
    ck_assert(fabs(p->x - 25) < 1e-9 && fabs(p->y - 25) < 1e-9);
    omn_value_unref(out);
    WORKS(look(&t, &none, &out, &told, &err), "none");
    ck_assert_uint_eq(omn_record_count(out), 0);
    ck_assert_uint_ge(omn_list_count(omn_record_get(told, "notes")), 2);
    omn_value_unref(told);
    omn_value_unref(out);
    out = NULL;
    ck_assert_int_eq(look(&t, &wrong, &out, NULL, &err), OMN_ERR_TYPE);
    ck_assert_msg(strstr(err.text, "regions") && strstr(err.text, "text"), "%s", err.text);
    ck_assert_ptr_null(out);
    close_table(&t);
}
END_TEST

/* The rules tell what may follow, and refuse what may not have been said. */
START_TEST(ids_that_may_not_be_said_are_refused)
{
    table t;
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    omn_ids out;
    bool end = true;
    const int32_t word = 300;
    const omn_setting one = { .name = "boxes", .text = "1" };
    open_table(&t);
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "boxes", .set = &one,
                                   .n_set = 1 };
    WORKS(omn_answer_open(t.model, t.call, &how, &a, &err), "boxes");
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "where?", .answer = a };
    const omn_request sound = { OMN_FILL(omn_request), .prompt = "where?", .output = "smell" };
    omn_ids_init(&out, 1 << 16);
    ck_assert_int_eq(omn_request_allowed(t.model, &rq, &word, 1, &out, &end, &err), OMN_ERR_DATA);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_request_allowed(t.model, &sound, NULL, 0, &out, &end, &err),
                     OMN_ERR_UNSUPPORTED);
    ck_assert_str_eq(err.text, "this model writes no \"smell\"; it writes text, image, audio");
    omn_ids_fini(&out);
    omn_answer_close(a);
    close_table(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_task_asks_as_published,
                                 a_question_may_be_answered_by_who_looks,
                                 ids_that_may_not_be_said_are_refused };
    return TESTING_RUN("pipeline/tasks", all, 60);
}
