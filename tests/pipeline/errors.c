/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong in a pipeline is named with line, column and what would be right; hostile files are
 * refused. */
#include "../testing.h"

#include <omnio/pipeline.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static omn_context *context(void)
{
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    ck_assert_int_eq(omn_context_new(&how, &ctx, NULL), OMN_OK);
    return ctx;
}

typedef struct bad {
    const char *text;
    int line, column;
    const char *says;
} bad;

#define HEAD "version: 1\ninputs: {image: {type: image}, text: {type: text}}\n"
static const bad cases[] = {
    { "", 1, 1, "empty" },
    { "- a\n", 1, 1, "a pipeline" },
    { "version: 2\nsteps: []\n", 1, 10,
      "the file is of version 2; this omnio reads version 1, a newer one is needed" },
    { "version: 0\nsteps: []\n", 1, 10, "the version is a whole number, 1 for this omnio" },
    { "version: \"2\"\nsteps: []\n", 1, 10, "the version is a whole number" },
    { "version: 1\nsteps: []\noutputs: {}\n---\nversion: 1\n", 4, 1,
      "a second document begins here" },
    { "version: 1\nsteps: []\noutputs: {}\n---\n", 4, 1, "a second document begins here" },
    { "version: 1\nhelp: caf\xe9 au lait\n", 2, 10, "byte 0xE9 is not UTF-8" },
    { "\xef\xbb\xbfversion: 1\r\nhelp: caf\xc3\xa9\r\nx: \xc3\xa9\xff\n", 3, 5,
      "byte 0xFF is not UTF-8" },
    { "version: 1\nhelp: a\007b\n", 2, 8, "character U+0007 is not allowed in YAML" },
    { "version: 1\nhelp: a\xc2\x9b\n", 2, 8, "character U+009B is not allowed" },
    { "a: &x 1\nb: &x 2\n", 2, 4, "an anchor of this name is there already" },
    { "a: *x\n", 1, 4, "an alias of an anchor that is not there" },
    { "a: &x [1, *x]\n", 1, 11, "an alias of what it stands in" },
    { "? [a]\n: b\n", 1, 3, "a key must be a plain word" },
    { "version: 1\nhelp: \"a\\0b\"\nsteps: []\noutputs: {}\n", 2, 7, "a text with a 0 byte" },
    { "version: 1\nsteps: [}\n", 2, 9, "" },
    { "version: 1\nversion: 1\n", 2, 1, "given twice, first in line 1" },
    { "version: 1\nstep: []\n", 2, 1, "did you mean \"steps\"" },
    { "version: 1\ninputs: {a: {help: words}}\nsteps: []\noutputs: {}\n", 2, 13,
      "a type is wanted" },
    { "version: 1\ninputs: {a: {type: regoins}}\nsteps: []\noutputs: {}\n", 2, 20,
      "there is no kind of value \"regoins\"; did you mean \"regions\"?" },
    { HEAD "steps:\n  - {aply: image.resize}\n", 4, 5, "a step begins with" },
    { HEAD "steps:\n  - {apply: image.resize, as: a, in: $picture, width: 1, height: 1}\n", 4, 38,
      "there is no value" },
    { HEAD "steps:\n  - {apply: image.resize, as: a, in: $text, width: 1, height: 1}\n", 4, 38,
      "$text is text, image is wanted" },
    { HEAD "steps:\n  - {apply: image.resize, as: a, in: $image, width: 0, height: 1}\n", 4, 53,
      "width" },
    { HEAD "steps:\n  - {apply: image.resize, as: a, in: $image, width: 1}\n", 4, 5, "height" },
    { HEAD "steps:\n  - {apply: image.resize, as: a, in: $image, width: 1, height: 1, hight: 2}\n",
      4, 67, "unknown key \"hight\"" },
    { HEAD "steps:\n  - {apply: image.resise, as: a, in: $image}\n", 4, 13, "image.resize" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: \"{txt}\"}\n", 4, 37,
      "there is no value \"txt\"" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: \"{\"}\n", 4, 37, "brace" },
    { HEAD "steps:\n  - {generate: text, as: text, prompt: x}\n", 4, 26, "already made" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, answer: {boxes: 1}}\n", 4, 48,
      "of: $image" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, answer: {boxes: 1, of: $text}}\n", 4, 63,
      "$text is text, a picture is wanted" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, answer: {boxs: 1}}\n", 4, 49,
      "did you mean \"boxes\"" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, answer: boxs}\n", 4, 48,
      "did you mean \"boxes\"" },
    { HEAD "steps:\n  - {generate: text, as: a, from: {image: $image}, prompt: x,\n"
           "     answer: {boxes: 1, label: true, of: $image}}\n",
      5, 25, "did you mean \"labels\"" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, answer: {text: short}}\n", 4, 55,
      "\"text\" takes nothing of its own: write text: true" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, answer: {options: []}}\n", 4, 58,
      "at least one" },
    { HEAD "steps:\n  - {score: text, as: a, prompt: x, answer: text}\n", 4, 5, "score chooses" },
    { HEAD "steps:\n  - {generate: text, as: a, scores: b, prompt: x}\n", 4, 37,
      "scores are those of options" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, search: {beams: 0}}\n", 4, 56,
      "from 1 to" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, search: {beams: 2, scheme: up}}\n", 4,
      67, "left or jacobi" },
    { HEAD "steps:\n  - {generate: text, as: a, prompt: x, guidance: {prompt: y}}\n", 4, 50,
      "weight" },
    { HEAD "steps: []\n", 1, 1, "outputs" },
    { "version: 1\ninputs: {a: {type: stream of nothing}}\nsteps: []\noutputs: {a: $a}\n", 2, 20,
      "nothing" },
    { "version: 1\ninputs: {a: {type: audio, default: $v}, v: {type: stream}}\nsteps: []\n"
      "outputs: {a: $a, v: $v}\n", 2, 36, "an input in front of it that is read from a file" },
    { "version: 1\ninputs: {v: {type: text}, a: {type: audio, default: $v}}\nsteps: []\n"
      "outputs: {a: $a, v: $v}\n", 2, 53, "an input in front of it that is read from a file" },
    { HEAD "steps: []\noutputs: {a: $image}\n", 2, 32, "no step uses the input \"text\"" },
    { HEAD "steps:\n  - {record: {a: $image}, as: r}\noutputs: {x: $r.b}\n", 5, 14,
      "no field \"b\"" },
    { HEAD "steps:\n  - {record: {a: $image, b: [1, 2]}, as: r}\noutputs: {x: $r.b.2}\n", 5, 14,
      "2 items" },
    { HEAD "steps:\n  - {record: {a: $image.0}, as: r}\n", 4, 18, "has no items" },
    { HEAD "steps:\n  - {record: {a: $image.b}, as: r}\n", 4, 18, "has no fields" },
    { HEAD "steps:\n  - {record: {a: $image.}, as: r}\n", 4, 18, "a part is a field" },
    { HEAD "steps: []\noutputs:\n  x: $text[y]\n", 5, 6, "a part is a field" },
    { HEAD "steps:\n  - {record: {a: $none}, as: r}\n", 4, 18, "there is no value" },
    { HEAD "steps:\n  - {record: [$text], as: r}\n", 4, 14, "keys with values" },
    { HEAD "steps:\n  - {record: {a: $text}}\n", 4, 5, "as: name" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a, when: {full: $text}}\n", 4, 50,
      "unknown key \"full\"" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a, when: {}}\n", 4, 49, "one thing" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a,\n"
           "     when: {empty: $text, not_empty: $image}}\n", 5, 12, "one thing" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a, when: {equal: [a, b]}}\n", 4, 57,
      "decided already" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a, when: {equal: [$image, b]}}\n", 4, 58,
      "$image is image" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a, when: {above: [$text, b]}}\n", 4, 65,
      "a number" },
    { HEAD "steps:\n  - {apply: text.upper, in: $text, as: a, when: {above: $text}}\n", 4, 57,
      "two sides" },
    { HEAD "steps:\n  - {repeat: {until: {empty: $text}}, steps: []}\n", 4, 14, "most" },
    { HEAD "steps:\n  - {repeat: {most: 0}, steps: [], keep: $text, as: a}\n", 4, 21,
      "whole number" },
    { HEAD "steps:\n  - {repeat: {most: 10001}, steps: [], keep: $text, as: a}\n", 4, 21,
      "whole number" },
    { HEAD "steps:\n  - {repeat: {most: 2}, steps: [], keep: $text}\n", 4, 5, "all: name" },
    { HEAD "steps:\n  - {repeat: {most: 2, carry: {text: $image}}, steps: [], keep: $text,\n"
           "     as: a}\n",
      4, 38, "$image is image, text is wanted" },
    { HEAD "steps:\n  - {repeat: {most: 2, carry: {b: $image}}, steps: [], keep: $text,\n"
           "     as: a}\n",
      4, 32, "there is no value \"b\"" },
    { HEAD "steps:\n  - {repeat: {most: 2}, steps: [{apply: text.upper, in: $text, as: b}],\n"
           "     keep: $b, as: a}\noutputs: {b: $b}\n",
      6, 14, "there is no value \"b\"" },
    { HEAD "steps:\n  - {map: $text, each: a, steps: [], keep: $a, as: b}\n", 4, 11,
      "map goes over" },
    { HEAD "steps:\n  - {window: $image, length: 1, as: a}\n", 4, 14,
      "window cuts what lies in time, as audio does, not image" },
    { HEAD "steps:\n  - {window: $text, as: a}\n", 4, 14, "lies in time" },
    { "version: 1\ninputs: {s: {type: audio}}\nsteps:\n  - {window: $s, as: a}\n", 4, 5,
      "window wants length: seconds" },
    { "version: 1\ninputs: {s: {type: audio}}\nsteps:\n  - {window: $s, length: 0, as: a}\n", 4,
      26, "" },
    { "version: 1\ninputs: {s: {type: audio}}\nsteps:\n  - {window: $s, length: 1, hop: x, as: a}"
      "\n", 4, 34, "" },
    { "version: 1\ninputs: {s: {type: audio}}\nsteps:\n  - {window: $s, length: 1, rest: pad, "
      "as: a}\n", 4, 35, "rest: keep or drop is wanted" },
    { HEAD "steps:\n  - {embed: text, prompt: a, as: e}\n", 4, 13,
      "embedding.NAME or class.NAME is wanted" },
    { HEAD "steps:\n  - {embed: embedding.text, as: e}\n", 4, 5, "a prompt or inputs (from)" },
    { HEAD "steps:\n  - {embed: embedding.text, prompt: a}\n", 4, 5, "a name for its result" },
    { HEAD "steps:\n  - {embed: embedding.text, prompt: a, rows: all, as: e}\n", 4, 46,
      "rows: mean or tokens" },
    { HEAD "steps:\n  - {embed: class.mood, prompt: a, rows: tokens, as: e}\n", 4, 42,
      "one score each" },
    { HEAD "steps:\n  - {embed: embedding.text, prompt: a, labels: [x], as: e}\n", 4, 48,
      "labels are names of classes" },
    { HEAD "steps:\n  - {embed: class.mood, prompt: a, labels: $image, as: e}\n", 4, 44,
      "$image is image, a list of texts is wanted" },
    { HEAD "steps:\n  - {embed: class.mood, prompt: a, labels: [], as: e}\n", 4, 44,
      "at least one" },
    { HEAD "steps:\n  - {embed: class.mood, prompt: \"{b}\", as: e}\n", 4, 33,
      "b" },
};

/* Why a file of this text does not open. */
static omn_error complaint(omn_context *ctx, const char *text, size_t n)
{
    omn_pipeline *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    const char *path = testing_write(testing_folder(), "bad.yaml", text, n);
    const omn_status st = omn_pipeline_open(ctx, path, &p, &err);
    ck_assert_msg(st != OMN_OK, "accepted: %.2000s", text);
    ck_assert_int_eq(st, err.status);
    ck_assert_str_eq(err.file, path);
    return err;
}

START_TEST(errors_name_line_column_and_remedy)
{
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bad *b = &cases[i];
        const omn_error err = complaint(ctx, b->text, strlen(b->text));
        ck_assert_msg(err.line == b->line && err.column == b->column, "%s: at %d:%d, not %d:%d: %s",
                      b->text, (int)err.line, (int)err.column, b->line, b->column, err.text);
        ck_assert_msg(strstr(err.text, b->says) != NULL, "\"%s\" does not say \"%s\"", err.text,
                      b->says);
    }
    omn_context_free(ctx);
}
END_TEST

/* A file whose flaw alone is why it is refused: without it the same file opens. */
static void refused(const char *text, size_t n, const char *says, const char *mended)
{
    omn_context *ctx = context();
    omn_pipeline *p = NULL;
    omn_error err = complaint(ctx, text, n);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" does not say \"%s\"", err.text, says);
    err = (omn_error)OMN_ERROR_INIT;
    const char *path = testing_write(testing_folder(), "mended.yaml", mended, strlen(mended));
    ck_assert_msg(omn_pipeline_open(ctx, path, &p, &err) == OMN_OK, "%s", err.text);
    omn_pipeline_close(p);
    omn_context_free(ctx);
}

#define GOOD "version: 1\ninputs: {list: {type: list}}\nsteps: []\noutputs: {list: $list}\n"

/* Ten aliases of ten aliases, `deep` times; what the last stands for is the help's business. */
static void bomb(omn_buf *b, int deep)
{
    omn_buf_init(b, 1 << 20);
    omn_buf_puts(b, "version: 1\nsteps:\n  - record:\n      a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < deep; i++) {
        omn_buf_printf(b, "      a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) omn_buf_printf(b, "%s*a%d", k ? ", " : "", i - 1);
        omn_buf_puts(b, "]\n");
    }
    omn_buf_puts(b, "    as: r\noutputs: {r: $r}\n");
}

START_TEST(a_bomb_of_aliases_is_refused)
{
    omn_buf b, small;
    bomb(&b, 12);
    bomb(&small, 3);
    refused(b.data, b.length, "more than 100000 parts", small.data);
    omn_buf_fini(&b);
    omn_buf_fini(&small);
}
END_TEST

/* {version: 1, ..., steps: [{record: {a: [[[..]]]}, as: r}]} */
static void nested(omn_buf *b, int deep)
{
    omn_buf_init(b, 1 << 20);
    omn_buf_puts(b, "version: 1\nsteps:\n  - {as: r, record: {a: ");
    for (int i = 0; i < deep; i++) omn_buf_puts(b, "[");
    for (int i = 0; i < deep; i++) omn_buf_puts(b, "]");
    omn_buf_puts(b, "}}\noutputs: {r: $r}\n");
}

START_TEST(deep_nesting_is_refused)
{
    omn_buf b, flat;
    char open[4096];
    nested(&b, 2000);
    nested(&flat, 20);
    refused(b.data, b.length, "nested deeper", flat.data);
    memset(open, '[', sizeof open);
    refused(open, sizeof open, "nested deeper", GOOD);
    omn_buf_fini(&b);
    omn_buf_fini(&flat);
}
END_TEST

START_TEST(an_alias_of_itself_is_refused)
{
    static const char text[] = "version: 1\nsteps: &a [*a]\noutputs: {r: $r}\n";
    refused(text, sizeof text - 1, "an alias of what it stands in", GOOD);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused)
{
    static const char text[] = "version: 1\nhelp: \"\xff\xfe\"\n" GOOD;
    static const char zero[] = "version: 1\nhelp: \"a\\0b\"\ninputs: {list: {type: list}}\n"
                               "steps: []\noutputs: {list: $list}\n";
    refused(text, sizeof text - 1, "UTF-8", GOOD);
    refused(zero, sizeof zero - 1, "a 0 byte",
            "version: 1\nhelp: \"a0b\"\ninputs: {list: {type: list}}\n"
            "steps: []\noutputs: {list: $list}\n");
}
END_TEST

/* Each refused with its own words, and at once: the first limit that is passed ends the reading. */
START_TEST(what_has_no_end_is_refused_where_the_limit_is)
{
    static const struct {
        const char *head, *each, *says;
        int line;
    } rows[] = {
        { "version: 1\nsteps: ", "[", "nested deeper than 32", 2 },
        { "version: 1\nsteps: ", "{a: ", "nested deeper than 32", 2 },
        { "version: 1\nsteps:\n  ", "- ", "nested deeper than 32", 3 },
        { "version: 1\nsteps: [", "a,", "more than 100000 parts", 2 },
        { "version: 1\nx:\n", "- &a%d x\n", "more than 256 anchors", 259 },
        { "a: &a [1,2,3,4,5,6,7,8,9,0]\nb: [", "*a,", "more than 100000 parts", 2 },
    };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        omn_buf b;
        omn_buf_init(&b, 1 << 20);
        omn_buf_puts(&b, rows[i].head);
        for (int k = 0; b.length < 500000; k++) {
            char one[32];
            const char *mark = strstr(rows[i].each, "%d");
            if (mark)
                snprintf(one, sizeof one, "%.*s%d%s", (int)(mark - rows[i].each), rows[i].each, k,
                         mark + 2);
            omn_buf_puts(&b, mark ? one : rows[i].each);
        }
        const omn_error err = complaint(ctx, b.data, b.length);
        ck_assert_int_eq(err.status, OMN_ERR_CONFIG);
        ck_assert_msg(strstr(err.text, rows[i].says) && err.line == rows[i].line, "%d: %s",
                      (int)err.line, err.text);
        omn_buf_fini(&b);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(many_keys_are_compared_too)
{
    omn_context *ctx = context();
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    for (int i = 0; i < 20000; i++) omn_buf_printf(&b, "key%d: x\n", i);
    omn_buf_puts(&b, "key77: again\n");
    const omn_error err = complaint(ctx, b.data, b.length);
    ck_assert_int_eq(err.status, OMN_ERR_CONFIG);
    ck_assert_str_eq(err.text, "\"key77\" is given twice, first in line 78");
    ck_assert_int_eq(err.line, 20001);
    omn_buf_fini(&b);
    omn_context_free(ctx);
}
END_TEST

/* A good file with bytes changed: read or refused, never worse. */
START_TEST(changed_files_are_read_or_refused)
{
    char *text = NULL;
    size_t n = 0;
    omn_context *ctx = context();
    const char *folder = testing_folder();
    ck_assert_int_eq(
        omn_file_read(testing_source("pipelines/detect.yaml"), 1 << 20, &text, &n, NULL), OMN_OK);
    for (uint64_t i = 0; i < 300; i++) {
        static const char odd[] = "{}[]$:,&*!\"'\n -0a\xff";
        omn_pipeline *p = NULL;
        omn_error err = OMN_ERROR_INIT;
        char *copy = malloc(n);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, n);
        for (uint64_t k = 0; k < 1 + i % 4; k++)
            copy[omn_random_at(i, 0, k) % n] = odd[omn_random_at(i, 1, k) % (sizeof odd - 1)];
        const char *path = testing_write(folder, "changed.yaml", copy, n);
        if (omn_pipeline_open(ctx, path, &p, &err) != OMN_OK) ck_assert_str_ne(err.text, "");
        omn_pipeline_close(p);
        free(copy);
    }
    free(text);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        errors_name_line_column_and_remedy,
        a_bomb_of_aliases_is_refused,
        deep_nesting_is_refused,
        an_alias_of_itself_is_refused,
        bytes_that_are_no_text_are_refused,
        what_has_no_end_is_refused_where_the_limit_is,
        many_keys_are_compared_too,
        changed_files_are_read_or_refused,
    };
    return TESTING_RUN("pipeline/errors", all, 120);
}
