/* SPDX-License-Identifier: Apache-2.0 */
/* VQA (Goyal et al. 2017): one example is a question about a picture: "question", "answer" (that
 * which most people gave), "answers" (those of all), "kind" of the answer. Questions about one
 * picture are in one split. */
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ANSWERS 64u

typedef struct source {
    struct vqa p;
    char *images, *before, *after;        /* the name of a picture, around its number */
    int digits;
    document questions, answers;
    const items *asked, *told;
    pair *by;                             /* question -> item of told */
    lot lot;
} source;

static void close_source(void *self)
{
    source *s = self;
    if (!s) return;
    document_close(&s->questions);
    document_close(&s->answers);
    free(s->by);
    free(s->images);
    free(s->before);
    free(s->after);
    lot_free(&s->lot);
    free(s);
}

/* "COCO_train2014_{:12}.jpg" in its parts. */
static omn_status read_name(source *s, omn_error *err)
{
    const char *from = strchr(s->p.name, '{'), *to = from ? strchr(from, '}') : NULL;
    char *end = NULL;
    s->digits = 1;
    if (to && from[1] == ':') s->digits = (int)strtol(from + 2, &end, 10);
    if (!to || (from[1] == ':' ? end != to : from + 1 != to) || s->digits < 1 || s->digits > 18)
        return omn_fail(err, OMN_ERR_ARGUMENT, "name: \"%.80s\": {} for the number, or {:12} for "
                        "twelve digits of it, is wanted", s->p.name);
    s->before = strndup(s->p.name, (size_t)(from - s->p.name));
    s->after = strdup(to + 1);
    s->images = strdup(s->p.images);
    return s->before && s->after && s->images ? OMN_OK
                                              : omn_fail(err, OMN_ERR_MEMORY, "vqa: out of memory");
}

static omn_status find_list(document *d, const char *path, const char *name, const items **out,
                            omn_error *err)
{
    const omn_status st = document_open(d, path, err);
    if (st != OMN_OK) return st;
    *out = document_list(d, name);
    if (*out) return OMN_OK;
    return omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "a list \"%s\" is wanted", name);
}

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    omn_status st = OMN_OK;
    source *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "vqa: out of memory");
    *self = s;
    s->p = *(const struct vqa *)params;
    OMN_TRY(read_name(s, err));
    OMN_TRY(find_list(&s->questions, s->p.path, "questions", &s->asked, err));
    OMN_TRY(find_list(&s->answers, s->p.annotations, "annotations", &s->told, err));
    OMN_TRY(pairs_of(&s->answers, s->told, "question_id", &s->by, err));
    for (size_t i = 0; i < s->asked->n; i++) {
        json_t *q = NULL;
        int64_t picture = 0;
        st = document_item(&s->questions, s->asked, i, &q, err);
        if (st == OMN_OK)
            st = item_want(&s->questions, s->asked, i, q, "image_id", &picture, err);
        json_decref(q);
        if (st == OMN_OK)
            st = lot_put(&s->lot, split_of((uint64_t)picture, s->p.held_out, s->p.seed),
                         (uint32_t)i, err);
        if (st != OMN_OK) goto done;
    }
done:
    return st;
}

static uint64_t count(const void *self, omn_split split)
{
    return ((const source *)self)->lot.n[split == OMN_SPLIT_TRAIN ? 0 : 1];
}

static omn_status put_answers(omn_named *f, size_t *n, const json_t *all, omn_error *err)
{
    omn_value *list[MOST_ANSWERS] = { NULL }, *v = NULL;
    omn_status st = OMN_OK;
    size_t k = 0;
    for (size_t i = 0; i < json_array_size(all) && k < MOST_ANSWERS && st == OMN_OK; i++) {
        const char *text = json_string_value(json_object_get(json_array_get(all, i), "answer"));
        if (text) st = omn_text_new(text, strlen(text), &list[k], err);
        k += text && st == OMN_OK;
    }
    if (st == OMN_OK) st = omn_list_new(list, k, &v, err);
    for (size_t i = 0; i < k; i++) omn_value_unref(list[i]);
    return field_put(f, n, "answers", v, st);
}

/* Question i and its answer. */
static omn_status fill(const source *s, omn_call *c, size_t i, const json_t *q, json_t **answer,
                       omn_named *f, size_t *n, omn_error *err)
{
    omn_status st = OMN_OK;
    int64_t id = 0, picture = 0;
    char name[300];
    omn_value *v = NULL;
    OMN_TRY(item_want(&s->questions, s->asked, i, q, "question_id", &id, err));
    OMN_TRY(item_want(&s->questions, s->asked, i, q, "image_id", &picture, err));
    const size_t at = pairs_find(s->by, s->told->n, id);
    if (at == s->told->n)
        return omn_fail_at(err, OMN_ERR_DATA, omn_map_path(s->questions.map),
                           document_line(&s->questions, s->asked, i), 0,
                           "question %lld has no answer in %s", (long long)id,
                           omn_map_path(s->answers.map));
    const size_t place = s->by[at].number;
    OMN_TRY(document_item(&s->answers, s->told, place, answer, err));
    const char *question = json_string_value(json_object_get(q, "question"));
    const char *said = json_string_value(json_object_get(*answer, "multiple_choice_answer"));
    const char *kind = json_string_value(json_object_get(*answer, "answer_type"));
    if (!question || !said)
        return omn_fail_at(err, OMN_ERR_DATA,
                           omn_map_path(question ? s->answers.map : s->questions.map),
                           question ? document_line(&s->answers, s->told, place)
                                    : document_line(&s->questions, s->asked, i), 0,
                           "\"%s\", a text, is wanted", question ? "multiple_choice_answer"
                                                                 : "question");
    snprintf(name, sizeof name, "%.100s%0*lld%.100s", s->before, s->digits, (long long)picture,
             s->after);
    st = picture_load(c, s->images, name, &v, err);
    OMN_TRY(field_put(f, n, "image", v, st));
    OMN_TRY(field_put_text(f, n, "question", question, err));
    OMN_TRY(field_put_text(f, n, "answer", said, err));
    OMN_TRY(field_put_text(f, n, "kind", kind ? kind : "other", err));
    OMN_TRY(put_answers(f, n, json_object_get(*answer, "answers"), err));
done:
    return st;
}

static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const source *s = self;
    const size_t k = split == OMN_SPLIT_TRAIN ? 0 : 1;
    omn_named f[8] = { { NULL, NULL } };
    size_t n = 0;
    json_t *q = NULL, *answer = NULL;
    if (index >= s->lot.n[k])
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no example number %llu in this split",
                        omn_map_path(s->questions.map), (unsigned long long)index);
    const uint32_t i = s->lot.of[k][index];
    OMN_TRY(document_item(&s->questions, s->asked, i, &q, err));
    OMN_TRY(fill(s, c, i, q, &answer, f, &n, err));
    OMN_TRY(omn_record_new(f, n, out, err));
done:
    for (size_t j = 0; j < n; j++) omn_value_unref(f[j].value);
    json_decref(q);
    json_decref(answer);
    return st;
}

const omn_source_impl vqa_impl = { NULL, open_source, close_source, count, get };
