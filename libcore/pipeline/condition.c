/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: when a step runs, when a repetition ends. A closed set of questions about values that
 * are there, so that a reader of the file sees every case; nothing nests. */
#include "read.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

static const struct row {
    const char *key;
    test test;
    bool compares;
} tests[] = {
    { "empty", TEST_EMPTY, false }, { "not_empty", TEST_NOT_EMPTY, false },
    { "equal", TEST_EQUAL, true },  { "not_equal", TEST_NOT_EQUAL, true },
    { "above", TEST_ABOVE, true },  { "below", TEST_BELOW, true },
};
#define N_TESTS (sizeof tests / sizeof *tests)

static bool number_of(const param *side, const omn_value *v, double *out)
{
    char *end = NULL;
    const char *t = side->text;
    if (omn_value_is(v, "number")) {
        *out = omn_number_get(v);
        return true;
    }
    if (v) t = omn_text_get(v, NULL);
    *out = omn_number_read(t, &end);
    return end != t && !*end;
}

static omn_status read_sides(omn_pipeline *p, const yml *y, condition *out, omn_error *err)
{
    const bool numbers = out->test == TEST_ABOVE || out->test == TEST_BELOW;
    if (y->kind != YML_LIST || y->n != 2)
        return yml_fail(y, err, "two sides are wanted, as in equal: [$a, \"yes\"]");
    param *const sides[] = { &out->left, &out->right };
    for (size_t i = 0; i < 2; i++) {
        double x;
        TRY_READ(read_scalar(p, y->items[i], "a side", sides[i], err));
        if (numbers && sides[i]->text && !number_of(sides[i], NULL, &x))
            return yml_fail(y->items[i], err, "\"%s\": a number is wanted", y->items[i]->text);
    }
    if (out->left.slot < 0 && out->right.slot < 0)
        return yml_fail(y, err, "one side is a value, as $name; this is decided already");
    return OMN_OK;
}

omn_status read_condition(omn_pipeline *p, const yml *y, condition *out, omn_error *err)
{
    const char *keys[N_TESTS + 1] = { NULL };
    *out = (condition){ .at = y, .left.slot = -1, .right.slot = -1 };
    if (!y) return OMN_OK;
    for (size_t i = 0; i < N_TESTS; i++) keys[i] = tests[i].key;
    TRY_READ(yml_want(y, YML_MAP, "a condition", err));
    TRY_READ(yml_only(y, keys, err));
    if (y->n != 1) return yml_fail(y, err, "a condition asks one thing, as {empty: $boxes}");
    for (size_t i = 0; i < N_TESTS; i++) {
        const yml *v = yml_get(y, tests[i].key);
        if (!v) continue;
        out->test = tests[i].test;
        if (tests[i].compares) return read_sides(p, v, out, err);
        out->left = (param){ .name = tests[i].key, .slot = -1, .at = v };
        return name_refer(p, v, NULL, &out->left.slot, err);
    }
    return OMN_OK;
}

static void print_side(const omn_pipeline *p, const param *side, omn_buf *out)
{
    if (side->slot >= 0)
        omn_buf_printf(out, "$%s", p->slots[side->slot].name);
    else
        omn_buf_printf(out, side->at->quoted ? "\"%s\"" : "%s", side->text);
}

void condition_print(const omn_pipeline *p, const condition *c, omn_buf *out)
{
    static const char *const words[] = {
        "", "empty: ", "not_empty: ", "equal: [", "not_equal: [", "above: [", "below: ["
    };
    omn_buf_puts(out, words[c->test]);
    print_side(p, &c->left, out);
    if (c->test < TEST_EQUAL) return;
    omn_buf_puts(out, ", ");
    print_side(p, &c->right, out);
    omn_buf_puts(out, "]");
}

/* ---- while it runs -------------------------------------------------------------------------- */

static bool is_number(const omn_value *v)
{
    return omn_value_is(v, "number");
}

/* A number equals a text that spells it; texts are equal to the byte. */
static bool equal(const condition *c, const omn_value *a, const omn_value *b)
{
    double x, y;
    if (is_number(a) || is_number(b))
        return number_of(&c->left, a, &x) && number_of(&c->right, b, &y) && x == y;
    return !strcmp(a ? omn_text_get(a, NULL) : c->left.text,
                   b ? omn_text_get(b, NULL) : c->right.text);
}

static omn_status usable(const omn_pipeline_run *r, const param *side, omn_error *err)
{
    const omn_value *v = side->slot < 0 ? NULL : r->slots[side->slot];
    if (!v || is_number(v) || omn_value_is(v, "text")) return OMN_OK;
    return yml_fail(side->at, err, "$%s is %s, a text or a number is wanted",
                    r->p->slots[side->slot].name, omn_value_kind_name(v));
}

omn_status condition_holds(const omn_pipeline_run *r, const condition *c, bool *holds,
                           omn_error *err)
{
    const omn_value *a = c->left.slot < 0 ? NULL : r->slots[c->left.slot];
    const omn_value *b = c->right.slot < 0 ? NULL : r->slots[c->right.slot];
    double x, y;
    *holds = c->test == TEST_NONE;
    if (c->test == TEST_EMPTY || c->test == TEST_NOT_EMPTY)
        *holds = (!a || omn_value_empty(a)) == (c->test == TEST_EMPTY);
    if (c->test < TEST_EQUAL) return OMN_OK;
    TRY_READ(usable(r, &c->left, err));
    TRY_READ(usable(r, &c->right, err));
    if (c->test == TEST_EQUAL || c->test == TEST_NOT_EQUAL) {
        *holds = equal(c, a, b) == (c->test == TEST_EQUAL);
        return OMN_OK;
    }
    if (!number_of(&c->left, a, &x))
        return yml_fail(c->left.at, err, "\"%.80s\" is no number",
                        a ? omn_text_get(a, NULL) : c->left.text);
    if (!number_of(&c->right, b, &y))
        return yml_fail(c->right.at, err, "\"%.80s\" is no number",
                        b ? omn_text_get(b, NULL) : c->right.text);
    *holds = c->test == TEST_ABOVE ? x > y : x < y;
    return OMN_OK;
}
