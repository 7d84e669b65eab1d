/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on lists, records, JSON, texts and boxes: a table of rows, each an operation, its
 * inputs as JSON, its settings and its result as JSON, or the word that its refusal must hold.
 * Boxes that suppress each other agree with recorded results of Unified-IO 2's way. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *name, *in[4];
    const char *set[6];
    const char *out, *refusal;
} row;

#define BOXES                                                                                      \
    "[{\"box\":[0,0,10,10],\"label\":\"cat\",\"score\":0.5},"                                      \
    "{\"box\":[0,0,10,9],\"label\":\"dog\",\"score\":0.9},"                                        \
    "{\"box\":[20,20,30,30],\"label\":\"cat\"}]"
#define CAT "{\"box\":[0,0,10,10],\"label\":\"cat\",\"score\":0.5}"
#define DOG "{\"box\":[0,0,10,9],\"label\":\"dog\",\"score\":0.9}"
#define FAR "{\"box\":[20,20,30,30],\"label\":\"cat\"}"

static const row rows[] = {
    { "json.parse", { "\"[1,{\\\"a\\\":2}]\"" }, { 0 }, "[1,{\"a\":2}]", NULL },
    { "json.parse", { "\"[]\"" }, { "kind", "regions" }, "[]", NULL },
    { "json.parse", { "\"[]\"" }, { "kind", "record" }, NULL, "list given, record wanted" },
    { "json.parse", { "\"[1,\"" }, { 0 }, NULL, "line 1 column 4" },
    { "json.format", { "{\"a\":[1,2]}" }, { 0 }, "\"{\\\"a\\\":[1,2]}\"", NULL },
    { "value.text", { "[{\"box\":[1,2,3,4],\"label\":\"a\"}]" }, { 0 }, "\"a: 1 2 3 4\"", NULL },
    { "list.length", { "[1,2,3]" }, { 0 }, "3", NULL },
    { "list.length", { BOXES }, { 0 }, "3", NULL },
    { "list.length", { "\"abc\"" }, { 0 }, "1", NULL },
    { "list.at", { "[1,2,3]" }, { 0 }, "1", NULL },
    { "list.at", { "[1,2,3]" }, { "index", "-1" }, "3", NULL },
    { "list.at", { BOXES }, { "index", "2" }, "[" FAR "]", NULL },
    { "list.at", { "[1,2,3]" }, { "index", "3" }, NULL, "no item 3 among 3" },
    { "list.at", { "[1,2,3]" }, { "index", "-4" }, NULL, "no item" },
    { "list.at", { "\"abc\"" }, { 0 }, NULL, "text has no items" },
    { "list.spread", { BOXES }, { 0 }, "[[" CAT "],[" DOG "],[" FAR "]]", NULL },
    { "list.of", { "1", "\"b\"", NULL, "[4]" }, { 0 }, "[1,\"b\",[4]]", NULL },
    { "record.get", { "{\"a\":{\"b\":7}}" }, { "name", "a.b" }, "7", NULL },
    { "record.get", { "{\"a.b\":1,\"a\":{\"b\":7}}" }, { "name", "a.b" }, "1", NULL },
    { "record.get", { "{\"a\":1,\"z\":2}" }, { "name", "b" }, NULL, "there are: a, z" },
    { "record.of", { "1", "2" }, { "names", "x, y" }, "{\"x\":1,\"y\":2}", NULL },
    { "record.of", { "1", "2" }, { "names", "x" }, NULL, "1 names for 2 values" },
    { "record.of", { "1", "2" }, { "names", "x,x" }, NULL, "twice" },
#define ROWS(x) "{\"$kind\":\"embeddings\",\"x\":" x "}"
    { "embedding.cosine", { ROWS("[[3,4]]"), ROWS("[[30,40]]") }, { 0 }, "1", NULL },
    { "embedding.cosine", { ROWS("[[3,4]]"), ROWS("[[4,3]]") }, { 0 }, "0.96", NULL },
    { "embedding.cosine", { ROWS("[[1,0]]"), ROWS("[[0,2]]") }, { 0 }, "0", NULL },
    { "embedding.cosine", { ROWS("[[1,0]]"), ROWS("[[-2,0]]") }, { 0 }, "-1", NULL },
    { "embedding.cosine", { ROWS("[[1,0],[0,1]]"), ROWS("[[0,2]]") }, { 0 }, NULL, "has 2 rows" },
    { "embedding.cosine", { ROWS("[[1,0]]"), ROWS("[[2]]") }, { 0 }, NULL, "of 2 and 1 numbers" },
    { "embedding.cosine", { ROWS("[[1]]"), ROWS("[[0]]") }, { 0 }, NULL, "no direction" },
    { "text.template", { "\"cat\"" }, { "template", "A {} {{x}}." }, "\"A cat {x}.\"", NULL },
    { "text.template",
      { "{\"q\":\"why\",\"n\":2}" },
      { "template", "{q}? {n}" },
      "\"why? 2\"",
      NULL },
    { "text.template",
      { NULL, "\"a\"", "\"b\"" },
      { "template", "{second}{first}" },
      "\"ba\"",
      NULL },
    { "text.template", { "\"cat\"" }, { "template", "{dog}" }, NULL, "{dog}" },
    { "text.template", { "\"cat\"" }, { "template", "a } b" }, NULL, "single brace" },
    { "text.template", { "\"cat\"" }, { "template", "a {b" }, NULL, "single brace" },
#define NEEDED(t) { "template", t, "needed", "true" }
    { "text.template", { "\"cat\"" }, NEEDED("a {}, a {}"), "\"a cat, a cat\"", NULL },
    { "text.template", { "\"cat\"" }, NEEDED("no braces"), NULL, "\"no braces\" has no {}" },
    { "text.template", { "\"cat\"" }, NEEDED("{{}}"), NULL, "has no {}" },
    { "text.template", { "\"cat\"" }, NEEDED(""), NULL, "\"\" has no {}" },
    { "text.template", { "\"\"" }, NEEDED("a {}"), NULL, "for {} is empty" },
    { "text.template", { "\"\"" }, { "template", "a {}." }, "\"a .\"", NULL },
    { "text.lower", { "\"ABC xYz 12\"" }, { 0 }, "\"abc xyz 12\"", NULL },
    { "text.upper", { "\"abc\"" }, { 0 }, "\"ABC\"", NULL },
    { "text.tidy", { "\"a dog , a cat . is n't it ' s ? they 're 's\"" }, { 0 },
      "\"a dog, a cat. isn't it's? they're's\"", NULL },
    { "text.strip", { "\" \\n a b\\t \"" }, { 0 }, "\"a b\"", NULL },
    { "text.squeeze", { "\" \\n a  b\\t \\r\\n c\"" }, { 0 }, "\"a b c\"", NULL },
    { "text.squeeze", { "\" \\n \"" }, { 0 }, "\"\"", NULL },
    { "text.strip", { "\" \\n \"" }, { 0 }, "\"\"", NULL },
    { "text.replace", { "\"aXbXXc\"" }, { "old", "X", "new", "--" }, "\"a--b----c\"", NULL },
    { "text.replace", { "\"aa\"" }, { "old", "" }, NULL, "empty" },
    { "text.before", { "\"no Answer, Question\"" }, { "at", "Question|Answer|Short" }, "\"no \"",
      NULL },
    { "text.before", { "\"as it is\"" }, { "at", ", " }, "\"as it is\"", NULL },
    { "text.before", { "\"\"" }, { "at", "a" }, "\"\"", NULL },
    { "text.before", { "\"a\"" }, { "at", "b||c" }, NULL, "an empty text" },
    { "text.split", { "\"a, b,,c \"" }, { 0 }, "[\"a\",\"b\",\"c\"]", NULL },
    { "text.split", { "\"a,,b\"" }, { "empty", "true" }, "[\"a\",\"\",\"b\"]", NULL },
    { "text.split", { "\"a\\nb\"" }, { "at", "\\n" }, "[\"a\",\"b\"]", NULL },
    { "text.split", { "\"\"" }, { 0 }, "[]", NULL },
    { "text.join", { "[\"a\",1,\"c\"]" }, { "with", " / " }, "\"a / 1 / c\"", NULL },
    { "box.nms", { BOXES }, { 0 }, "[" CAT "," FAR "]", NULL },
    { "box.nms", { BOXES }, { "order", "score" }, "[" DOG "," FAR "]", NULL },
    { "box.nms", { BOXES }, { "by_label", "true" }, "[" CAT "," DOG "," FAR "]", NULL },
    { "box.nms", { BOXES }, { "overlap", "0.9" }, "[" CAT "," DOG "," FAR "]", NULL },
    { "box.nms", { BOXES }, { "most", "1" }, "[" CAT "]", NULL },
    { "box.filter", { BOXES }, { "labels", "bird, cat" }, "[" CAT "," FAR "]", NULL },
    { "box.filter", { BOXES }, { "least", "0.6" }, "[" DOG "," FAR "]", NULL },
    { "box.filter", { BOXES }, { "side", "9.5" }, "[" CAT "," FAR "]", NULL },
    { "box.filter", { BOXES }, { "labels", "ca" }, "[]", NULL },
    { "box.sort", { BOXES }, { 0 }, "[" DOG "," CAT "," FAR "]", NULL },
    { "box.join", { "[[" CAT "],[],[" DOG "," FAR "]]" }, { 0 }, BOXES, NULL },
    { "box.join", { "[[],[]]" }, { 0 }, "[]", NULL },
    { "box.join", { "[[" CAT "],1]" }, { 0 }, NULL, "item 1 of the list is number" },
    { "box.labels", { BOXES }, { 0 }, "[\"cat\",\"dog\",\"cat\"]", NULL },
    { "box.centres",
      { BOXES },
      { 0 },
      "[{\"point\":[5,5],\"visible\":2,\"label\":\"cat\"},{\"point\":[5,4.5],\"visible\":2,"
      "\"label\":\"dog\"},"
      "{\"point\":[25,25],\"visible\":2,\"label\":\"cat\"}]",
      NULL },
};

START_TEST(every_row_gives_its_result)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const row *r = &rows[i];
        omn_error err = OMN_ERROR_INIT;
        omn_value *in[4] = { NULL, NULL, NULL, NULL };
        for (int k = 0; k < 4; k++)
            if (r->in[k] != NULL) in[k] = from_json(r->in[k]);
        const omn_value *const given[4] = { in[0], in[1], in[2], in[3] };
        omn_value *out = apply(&err, r->name, given, r->set[0], r->set[1], r->set[2], r->set[3],
                               r->set[4], r->set[5], NULL);
        if (r->out != NULL) {
            ck_assert_msg(out != NULL, "row %zu, %s: %s", i, r->name, err.text);
            const char *got = as_json(out);
            ck_assert_msg(strcmp(got, r->out) == 0, "row %zu, %s: %s", i, r->name, got);
        } else {
            ck_assert_msg(out == NULL && strstr(err.text, r->refusal) != NULL, "row %zu, %s: %s", i,
                          r->name, err.text);
        }
        for (int k = 0; k < 4; k++) omn_value_unref(in[k]);
    }
    apply_end();
}
END_TEST

START_TEST(suppression_agrees_with_recorded_results)
{
    char *text = NULL;
    size_t n = 0;
    omn_value *cases = NULL;
    ck_assert_int_eq(
        omn_file_read(testing_source("tests/golden/nms.json"), 1 << 20, &text, &n, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_from_json(text, n, &cases, NULL), OMN_OK);
    free(text);
    ck_assert_uint_eq(omn_list_count(cases), 12);
    for (size_t i = 0; i < omn_list_count(cases); i++) {
        const omn_value *one = omn_list_at(cases, i), *boxes = omn_record_get(one, "boxes_yxyx");
        const omn_value *keep = omn_record_get(one, "keep");
        omn_region r[64];
        char iou[32];
        omn_value *in = NULL, *out;
        const omn_region *kept;
        size_t count = omn_list_count(boxes);
        ck_assert(count > 0 && count <= 64);
        for (size_t k = 0; k < count; k++) {
            const omn_value *b = omn_list_at(boxes, k);
            r[k] = (omn_region){ omn_number_get(omn_list_at(b, 1)),
                                 omn_number_get(omn_list_at(b, 0)),
                                 omn_number_get(omn_list_at(b, 3)),
                                 omn_number_get(omn_list_at(b, 2)),
                                 1 - (double)k / 64,
                                 NULL };
        }
        snprintf(iou, sizeof(iou), "%g", omn_number_get(omn_record_get(one, "iou_threshold")));
        ck_assert_int_eq(omn_regions_new(r, count, NULL, &in, NULL), OMN_OK);
        for (int order = 0; order < 2; order++) {
            const omn_value *const given[4] = { in, NULL, NULL, NULL };
            out = apply(NULL, "box.nms", given, "overlap", iou, "order", order ? "score" : "given",
                        NULL);
            size_t m = omn_regions_get(out, &kept);
            ck_assert_uint_eq(m, omn_list_count(keep));
            for (size_t k = 0; k < m; k++) {
                size_t at = (size_t)omn_number_get(omn_list_at(keep, k));
                ck_assert_double_eq(kept[k].score, r[at].score);
            }
            omn_value_unref(out);
        }
        omn_value_unref(in);
    }
    omn_value_unref(cases);
    apply_end();
}
END_TEST

START_TEST(wrong_kinds_are_refused_before_the_call)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *text = text_of("x");
    const omn_value *const given[4] = { text, NULL, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "box.nms", given, NULL));
    ck_assert_uint_eq(err.status, OMN_ERR_TYPE);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "text.lower", given, "colour", "red", NULL));
    ck_assert(err.status != OMN_OK);
    omn_value_unref(text);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_row_gives_its_result,
        suppression_agrees_with_recorded_results,
        wrong_kinds_are_refused_before_the_call,
    };
    return TESTING_RUN("operation/composed", all, 20);
}
