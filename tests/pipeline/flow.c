/* SPDX-License-Identifier: Apache-2.0 */
/* What steps do to each other: parts of values, written records, conditions, repetitions, maps,
 * and outputs that cannot be made here. Nothing in this file asks a model. */
#include "tests/testing.h"

#include <omnio/pipeline.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static omn_context *context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

typedef struct run {
    omn_context *ctx;
    omn_pipeline *p;
    char *out, *told; /* JSON */
    omn_error err;
} run;

static void run_fini(run *r)
{
    free(r->out);
    free(r->told);
    omn_pipeline_close(r->p);
    omn_context_free(r->ctx);
}

static char *json(omn_value *taken)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_value_json(taken, &b);
    omn_value_unref(taken);
    return omn_buf_take(&b);
}

/* inputs: JSON of a record; wanted NULL: every output. */
static omn_status run_it(run *r, const char *yaml, const char *inputs, const char *wanted)
{
    omn_status st;
    omn_pipeline_run *state = NULL;
    omn_value *record = NULL, *out = NULL, *told = NULL;
    omn_named list[8];
    *r = (run){ .ctx = context(), .err = OMN_ERROR_INIT };
    const char *path = testing_write(testing_folder(), "p.yaml", yaml, strlen(yaml));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .temperature = -1, .top_p = -1,
                                     .wanted = wanted ? &wanted : NULL,
                                     .n_wanted = wanted != NULL };
    st = omn_pipeline_open(r->ctx, path, &r->p, &r->err);
    if (st == OMN_OK) st = omn_pipeline_run_new(r->p, &how, &state, &r->err);
    if (st == OMN_OK) st = omn_value_from_json(inputs, strlen(inputs), &record, &r->err);
    const size_t n = record ? omn_record_count(record) : 0;
    for (size_t i = 0; i < n; i++)
        list[i].value = (omn_value *)(uintptr_t)omn_record_at(record, i, &list[i].name);
    if (st == OMN_OK) st = omn_pipeline_run_one(state, list, n, 0, &out, &r->err);
    if (out) r->out = json(out);
    if (state) ck_assert_int_eq(omn_pipeline_run_told(state, &told, NULL), OMN_OK);
    if (told) r->told = json(told);
    omn_value_unref(record);
    omn_pipeline_run_free(state);
    return st;
}

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "inputs: {list: {type: list, default: 'a, b, c'}, n: {type: number, default: 2},\n"            \
    "         t: {type: text, default: 'no'}, boxes: {type: regions, default: "                    \
    "'1,2,3,4;5,6,7,8'}}\n"                                                                        \
    "steps:\n"
/* reads every input */
#define ALL "  - {record: {list: $list, n: $n, t: $t, boxes: $boxes}, as: all}\n"
#define TURNS(how, rest)                                                                           \
    "  - {repeat: {most: 4, carry: {t: $next}" how "}, steps: [\n"                                 \
    "      {record: {t: $t}, as: r},\n"                                                            \
    "      {apply: text.template, in: $r, template: '{t}+', as: next}],\n"                         \
    "     keep: $next, as: last, all: every" rest "}\n"

#define CUT(kind, how)                                                                             \
    "version: 1\ninputs: {v: {type: " kind "}}\nsteps:\n"                                         \
    "  - {window: $v, " how ", as: w}\noutputs: {w: $w, last: $w.-1}\n"
#define PART(samples, start)                                                                       \
    "{\"$kind\":\"audio\",\"samples\":[" samples "],\"rate\":2,\"start\":" start "}"
#define SOUND "{\"v\":" PART("[0],[1],[2],[3],[4]", "1") "}"
#define MOVED(time, action)                                                                        \
    "{\"$kind\":\"actions\",\"action\":" action ",\"time\":" time ",\"name\":[\"x\"]}"
#define MOVES(time, action) "{\"v\":" MOVED(time, action) "}"

static const struct {
    const char *yaml, *inputs, *out, *says;
} good[] = {
    { HEAD ALL "outputs: {first: $list.0, last: $list.-1, box: $boxes.1}\n", "{}",
      "{\"first\":\"a\",\"last\":\"c\",\"box\":[{\"box\":[5,6,7,8]}]}", NULL },
    { HEAD ALL "outputs:\n  x: $list[1]\n  y: $all.boxes[0]\n", "{}",
      "{\"x\":\"b\",\"y\":[{\"box\":[1,2,3,4]}]}", NULL },
    { HEAD ALL "  - {record: {a: $n, b: 5, c: '5', d: \"$n\", e: [$t, 1.5, {f: $all.t}]}, as: r}\n"
               "outputs: {r: $r, f: $r.e.2.f}\n",
      "{}",
      "{\"r\":{\"a\":2,\"b\":5,\"c\":\"5\",\"d\":\"$n\",\"e\":[\"no\",1.5,{\"f\":\"no\"}]},"
      "\"f\":\"no\"}",
      NULL },
    { HEAD ALL "  - {apply: text.template, in: $all, template: '{n}', as: s}\n"
               "  - {apply: text.upper, in: $s, as: a, when: {equal: [$s, 2]}}\n"
               "  - {apply: text.upper, in: $t, as: b, when: {equal: [$t, no]}}\n"
               "  - {apply: text.upper, in: $t, as: c, when: {not_equal: [$t, no]}}\n"
               "outputs: {a: $a, b: $b, c: $c}\n",
      "{}", "{\"a\":\"2\",\"b\":\"NO\"}", "when not_equal: [$t, no] does not hold" },
    { HEAD ALL "  - {apply: text.upper, in: $t, as: a, when: {above: [$n, 1.5]}}\n"
               "  - {apply: text.upper, in: $t, as: b, when: {above: [$n, 2]}}\n"
               "  - {apply: text.upper, in: $t, as: c, when: {below: [2, $n]}}\n"
               "  - {apply: text.upper, in: $t, as: d, when: {below: [$n, 2.5]}}\n"
               "outputs: {a: $a, b: $b, c: $c, d: $d}\n",
      "{}", "{\"a\":\"NO\",\"d\":\"NO\"}", "when above: [$n, 2] does not hold" },
    /* what needs an absent value is left out too; an optional input is done without */
    { HEAD ALL
      "  - {apply: text.upper, in: $t, as: a, when: {empty: $boxes}}\n"
      "  - {apply: text.lower, in: $a, as: b}\n"
      "  - {record: {b: $b}, as: c}\n"
      "  - {apply: text.template, template: 'x', first: $a, as: d}\n"
      "  - {apply: text.upper, in: $d, as: e, when: {empty: $a}}\n"
      "  - {map: $list, each: i, steps: [{apply: text.lower, in: $a, as: x}], keep: $x, as: f}\n"
      "outputs: {a: $a, b: $b, c: $c, d: $d, e: $e, f: $f}\n",
      "{}", "{\"d\":\"x\",\"e\":\"X\",\"f\":[]}", "apply text.lower is left out: $a was not made" },
    { HEAD ALL TURNS("", "") "outputs: {last: $last, every: $every, t: $t}\n", "{}",
      "{\"last\":\"no++++\",\"every\":[\"no+\",\"no++\",\"no+++\",\"no++++\"],\"t\":\"no\"}",
      NULL },
    { HEAD ALL TURNS(", until: {equal: [$next, 'no++']}", "") "outputs: {l: $last}\n", "{}",
      "{\"l\":\"no++\"}", NULL },
    { HEAD ALL TURNS(", until: {equal: [$next, 'x']}", "") "outputs: {l: $last}\n", "{}",
      "{\"l\":\"no++++\"}", "repeat ended after 4 turns: until equal: [$next, \\\"x\\\"]" },
    { HEAD ALL TURNS("", ", when: {equal: [$t, yes]}") "outputs: {l: $last, n: $n}\n", "{}",
      "{\"n\":2}", "repeat is left out" },
    /* a name whose next value was not made keeps the one it has */
    { HEAD ALL "  - {repeat: {most: 3, carry: {t: $up}}, steps: [\n"
               "      {apply: text.upper, in: $t, as: up, when: {equal: [$t, no]}},\n"
               "      {record: {t: $t}, as: r}], keep: $r.t, all: every}\n"
               "outputs: {every: $every}\n",
      "{}", "{\"every\":[\"no\",\"NO\",\"NO\"]}", "does not hold" },
    /* what was not made does not end anything, whatever is asked of it */
#define UNTIL(test)                                                                                \
    { HEAD ALL "  - {repeat: {most: 3, carry: {t: $up}, until: {" test "}}, steps: [\n"            \
               "      {apply: text.upper, in: $t, as: up, when: {equal: [$t, no]}},\n"             \
               "      {record: {t: $t}, as: r}], keep: $r.t, all: every}\n"                        \
               "outputs: {every: $every}\n",                                                       \
      "{}", "{\"every\":[\"no\",\"NO\",\"NO\"]}", "repeat ended after 3 turns: until " }
    UNTIL("equal: [$up, x]"),
    UNTIL("equal: [x, $up]"),
    { HEAD ALL "  - {map: $boxes, each: b, steps: [{record: {b: $b, n: $n}, as: r}], keep: $r.b,\n"
               "     as: out}\noutputs: {out: $out}\n",
      "{}", "{\"out\":[[{\"box\":[1,2,3,4]}],[{\"box\":[5,6,7,8]}]]}", NULL },
    /* equal is to the byte; what is empty is dropped only where that is asked for */
    { HEAD ALL "  - {apply: text.upper, in: $t, as: a, when: {equal: [$t, 'NO']}}\n"
               "  - {apply: text.upper, in: $t, as: b, when: {not_equal: [$t, 'NO']}}\n"
               "outputs: {a: $a, b: $b}\n",
      "{}", "{\"b\":\"NO\"}", "does not hold" },
    { HEAD ALL "  - {map: $list, each: i, steps: [{apply: text.lower, in: $i, as: x}], keep: $x,\n"
               "     drop_if: empty, as: some}\n"
               "  - {map: $list, each: i, steps: [{apply: text.lower, in: $i, as: x}], keep: $x,\n"
               "     as: every}\noutputs: {some: $some, every: $every}\n",
      "{\"list\":[\"A\",\"\",\"B\"]}",
      "{\"some\":[\"a\",\"b\"],\"every\":[\"a\",\"\",\"b\"]}", NULL },
    /* a bound itself is neither above nor below it, and a text that spells a number is one */
    { HEAD ALL "  - {apply: text.upper, in: $t, as: a, when: {below: [$n, 2]}}\n"
               "  - {apply: text.upper, in: $t, as: b, when: {equal: ['2.0', $n]}}\n"
               "  - {apply: text.upper, in: $t, as: c, when: {equal: ['2x', $n]}}\n"
               "outputs: {a: $a, b: $b, c: $c}\n",
      "{}", "{\"b\":\"NO\"}", "does not hold" },
    /* windows of a sound, 5 samples at 2 Hz from 1 s: the last is the first at the end */
    { CUT("audio", "length: 1"), SOUND, "{\"w\":[" PART("[0],[1]", "1") "," PART("[2],[3]", "2")
      "," PART("[4]", "3") "],\"last\":" PART("[4]", "3") "}", NULL },
    { CUT("audio", "length: 1, rest: drop"), SOUND, "{\"w\":[" PART("[0],[1]", "1") ","
      PART("[2],[3]", "2") "],\"last\":" PART("[2],[3]", "2") "}", NULL },
    { CUT("audio", "length: 1.5, hop: 0.5"), SOUND, "{\"w\":[" PART("[0],[1],[2]", "1") ","
      PART("[1],[2],[3]", "1.5") "," PART("[2],[3],[4]", "2") "],\"last\":"
      PART("[2],[3],[4]", "2") "}", NULL },
    { CUT("audio", "length: 1.5, hop: 1"), SOUND, "{\"w\":[" PART("[0],[1],[2]", "1") ","
      PART("[2],[3],[4]", "2") "],\"last\":" PART("[2],[3],[4]", "2") "}", NULL },
    { CUT("audio", "length: 0.5, hop: 1.5, rest: drop"), SOUND, "{\"w\":[" PART("[0]", "1") ","
      PART("[3]", "2.5") "],\"last\":" PART("[3]", "2.5") "}", NULL },
    { CUT("audio", "length: 99"), SOUND, "{\"w\":[" PART("[0],[1],[2],[3],[4]", "1") "],\"last\":"
      PART("[0],[1],[2],[3],[4]", "1") "}", NULL },
    /* moments of their own: the last lasts as long as they do on average, here 2 s */
    { CUT("actions", "length: 4"), MOVES("[0,1,4,6]", "[[0],[1],[2],[3]]"),
      "{\"w\":[" MOVED("[0,1]", "[[0],[1]]") "," MOVED("[4,6]", "[[2],[3]]") "],\"last\":"
      MOVED("[4,6]", "[[2],[3]]") "}", NULL },
    { CUT("actions", "length: 3, rest: drop"), MOVES("[0,1,4,6]", "[[0],[1],[2],[3]]"),
      "{\"w\":[" MOVED("[0,1]", "[[0],[1]]") "," MOVED("[4]", "[[2]]") "],\"last\":"
      MOVED("[4]", "[[2]]") "}", NULL },
    /* one window at a time through other steps */
    { "version: 1\ninputs: {v: {type: audio}, s: {type: number, default: 1}}\nsteps:\n"
      "  - {window: $v, length: $s, as: w}\n"
      "  - {map: $w, each: x, steps: [{record: {heard: $x}, as: r}], keep: $r, as: all}\n"
      "  - {apply: list.length, in: $all, as: n}\noutputs: {n: $n}\n",
      SOUND, "{\"n\":3}", NULL },
};

START_TEST(steps_give_what_is_written)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        run r;
        ck_assert_msg(run_it(&r, good[i].yaml, good[i].inputs, NULL) == OMN_OK, "%s\n%s",
                      good[i].yaml, r.err.text);
        ck_assert_str_eq(r.out, good[i].out);
        if (good[i].says)
            ck_assert_msg(strstr(r.told, good[i].says) != NULL, "%s", r.told);
        else
            ck_assert_str_eq(r.told, "{}");
        run_fini(&r);
    }
}
END_TEST

static const struct {
    const char *yaml, *inputs;
    omn_status st;
    int line, column;
    const char *says;
} bad[] = {
    { HEAD ALL "outputs: {x: $list.3}\n", "{}", OMN_ERR_DATA, 6, 14, "only 3" },
    { HEAD ALL "outputs: {x: $list.-4}\n", "{}", OMN_ERR_DATA, 6, 14, "only 3" },
    { HEAD ALL "  - {record: {b: $boxes.2}, as: r}\noutputs: {r: $r}\n", "{}", OMN_ERR_DATA, 6, 18,
      "only 2" },
    { HEAD ALL "outputs: {x: $list.0.0}\n", "{}", OMN_ERR_TYPE, 6, 14, "text, which has no items" },
    { HEAD ALL "outputs: {x: $list.0.a}\n", "{}", OMN_ERR_TYPE, 6, 14, "no fields" },
    { HEAD ALL "  - {apply: text.upper, in: $t, as: a, when: {above: [$t, 1]}}\n"
               "outputs: {a: $a}\n",
      "{}", OMN_ERR_CONFIG, 6, 55, "\"no\" is no number" },
    { HEAD ALL "  - {map: $list, each: i, steps: [{apply: text.upper, in: $i, as: u}],\n"
               "     keep: $u, as: out}\noutputs: {out: $out}\n",
      "{\"list\":[\"a\",5]}", OMN_ERR_TYPE, 6, 35, "text" },
    { CUT("audio", "length: 0.00001"), SOUND, OMN_ERR_DATA, 4, 5,
      "250000 windows every 1e-05 s of 2.5 s, at most 65536" },
    { CUT("actions", "length: 1"), MOVES("[0,1e9]", "[[0],[1]]"), OMN_ERR_DATA, 4, 5,
      "windows every 1 s of 2e+09 s" },
    { CUT("any", "length: 1"), "{\"v\":\"a\"}", OMN_ERR_TYPE, 4, 5, "text does not lie in time" },
    { "version: 1\ninputs: {v: {type: audio}, s: {type: number}}\nsteps:\n"
      "  - {window: $v, length: $s, as: w}\noutputs: {w: $w}\n",
      "{\"s\":-1,\"v\":" PART("[0]", "0") "}", OMN_ERR_CONFIG, 4, 26, "length: -1 is outside" },
    { CUT("audio", "length: 99, rest: drop"), SOUND, OMN_ERR_DATA, 5, 24,
      "there is no such item, only 0" },
};

START_TEST(faults_of_values_have_a_place)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run r;
        ck_assert_msg(run_it(&r, bad[i].yaml, bad[i].inputs, NULL) == bad[i].st, "%s: %d %s",
                      bad[i].yaml, r.err.status, r.err.text);
        ck_assert_msg(r.err.line == bad[i].line && r.err.column == bad[i].column, "%s: %d:%d: %s",
                      bad[i].yaml, (int)r.err.line, (int)r.err.column, r.err.text);
        ck_assert_msg(strstr(r.err.text, bad[i].says) != NULL, "%s", r.err.text);
        run_fini(&r);
    }
}
END_TEST

#define ABSENT                                                                                     \
    "version: 1\n"                                                                                 \
    "inputs: {t: {type: text, default: a}}\n"                                                      \
    "steps:\n"                                                                                     \
    "  - {apply: text.upper, in: $t, as: u}\n"                                                     \
    "  - {apply: nowhere.to.be.found, in: $u, colour: 3, as: v}\n"                                 \
    "  - {apply: text.lower, in: $v, as: w}\n"                                                     \
    "outputs: {u: $u, w: {value: $w, file: %s}}\n"

START_TEST(what_is_not_installed_costs_optional_outputs_alone)
{
    char yaml[1024];
    run r;
    snprintf(yaml, sizeof yaml, ABSENT, "optional");
    ck_assert_msg(run_it(&r, yaml, "{}", NULL) == OMN_OK, "%s", r.err.text);
    ck_assert_str_eq(r.out, "{\"u\":\"A\"}");
    ck_assert_msg(strstr(r.told, "nowhere.to.be.found") && strstr(r.told, "$v was not made"), "%s",
                  r.told);
    run_fini(&r);
    ck_assert_msg(run_it(&r, yaml, "{}", "u") == OMN_OK, "%s", r.err.text);
    ck_assert_str_eq(r.told, "{}");
    run_fini(&r);
    ck_assert_int_ne(run_it(&r, yaml, "{}", "w"), OMN_OK);
    ck_assert_msg(r.err.line == 5 && strstr(r.err.text, "nowhere"), "%s", r.err.text);
    run_fini(&r);
    snprintf(yaml, sizeof yaml, ABSENT, "w.txt");
    ck_assert_int_ne(run_it(&r, yaml, "{}", NULL), OMN_OK);
    ck_assert_msg(r.err.line == 5 && r.err.column == 13 && strstr(r.err.text, "nowhere"), "%s",
                  r.err.text);
    run_fini(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { steps_give_what_is_written, faults_of_values_have_a_place,
                                 what_is_not_installed_costs_optional_outputs_alone };
    return TESTING_RUN("pipeline/flow", all, 60);
}
