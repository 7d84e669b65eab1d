/* SPDX-License-Identifier: Apache-2.0 */
/* Calling operations through libffi: every type of parameter arrives exactly, every input is
 * checked before the call, and what a careless function hands back never reaches the caller
 * unchecked. */
#include "tests/plugin/shelf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct bench {
    omn_context *ctx;
    omn_call *call;
    omn_value *words, *picture;
} bench;

static bench open_bench(void)
{
    bench b = { 0 };
    omn_error err = OMN_ERROR_INIT;
    omn_image *img = NULL;
    omn_pixels px;
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    b.ctx = shelf_open(folder, "");
    ck_assert_int_eq(omn_context_call(b.ctx, 1, 2, NULL, &b.call, &err), OMN_OK);
    ck_assert_int_eq(omn_text_new("gr\xc3\xbc\xc3\x9f", 6, &b.words, &err), OMN_OK);
    ck_assert_int_eq(omn_image_new(OMN_U8, 7, 5, 3, NULL, &img, &px, &err), OMN_OK);
    b.picture = omn_image_give(img);
    return b;
}

static void close_bench(bench *b)
{
    omn_value_unref(b->words);
    omn_value_unref(b->picture);
    omn_call_free(b->call);
    omn_context_free(b->ctx);
}

START_TEST(every_type_of_parameter_arrives)
{
    bench b = open_bench();
    const omn_entry *e = shelf_find(b.ctx, "test.all");
    static const struct {
        omn_setting set[7];
        size_t n;
        const char *says;
        double count;
    } cases[] = {
        { { { "i", "1000", 0, 0 } },
          1,
          "1000 gr\xc3\xbc\xc3\x9f 9223372036854775807 0.5 0 [] [a/b] 0 7",
          35 },
        { { { "i", "-5", 0, 0 },
            { "seed", "-9223372036854775808", 0, 0 },
            { "ratio", "1e-1", 0, 0 },
            { "loud", "YES", 0, 0 },
            { "title", "a \"b\" \xe2\x82\xac", 0, 0 },
            { "file", "", 0, 0 },
            { "filter", "cubic", 0, 0 } },
          7,
          "-5 gr\xc3\xbc\xc3\x9f -9223372036854775808 0.10000000000000001 1 [a \"b\" \xe2\x82\xac] "
          "[] 2 7",
          35 },
        { { { "filter", "nearest", 0, 0 },
            { "ratio", "+10.", 0, 0 },
            { "i", "+0", 0, 0 },
            { "loud", "on", 0, 0 },
            { "seed", "9007199254740993", 0, 0 } },
          5,
          "0 gr\xc3\xbc\xc3\x9f 9007199254740993 10 1 [] [a/b] 1 7",
          35 },
    };
    const omn_value *in[] = { b.words, b.picture };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *out[2];
        omn_status st = omn_operation_call(e, b.call, in, cases[i].set, cases[i].n, out, &err);
        ck_assert_msg(st == OMN_OK, "%s", err.text);
        ck_assert_str_eq(omn_text_get(out[0], NULL), cases[i].says);
        ck_assert_double_eq(omn_number_get(out[1]), cases[i].count);
        omn_value_unref(out[0]);
        omn_value_unref(out[1]);
    }
    close_bench(&b);
}
END_TEST

START_TEST(an_optional_input_may_be_left_out)
{
    bench b = open_bench();
    omn_error err = OMN_ERROR_INIT;
    const omn_value *in[] = { b.words, NULL };
    omn_setting set = { "i", "1", 0, 0 };
    omn_value *out[2];
    ck_assert_int_eq(
        omn_operation_call(shelf_find(b.ctx, "test.all"), b.call, in, &set, 1, out, &err), OMN_OK);
    ck_assert_double_eq(omn_number_get(out[1]), 0);
    omn_value_unref(out[0]);
    omn_value_unref(out[1]);
    close_bench(&b);
}
END_TEST

/* What a plugin does to use another one. */
START_TEST(an_operation_is_called_by_its_name)
{
    bench b = open_bench();
    omn_value *out[2] = { NULL, NULL };
    const omn_value *in[2] = { b.words, NULL };
    const omn_setting set[] = { { "i", "7", 0, 0 } };
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_call_operation(b.call, "test.all", in, set, 1, out, &err), OMN_OK);
    ck_assert_ptr_nonnull(strstr(omn_text_get(out[0], NULL), "7 gr"));
    for (int i = 0; i < 2; i++) omn_value_unref(out[i]);
    in[0] = NULL;
    ck_assert_int_eq(omn_call_operation(b.call, "test.all", in, set, 1, out, &err), OMN_ERR_TYPE);
    ck_assert_msg(strncmp(err.text, "test.all: ", 10) == 0, "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_call_operation(b.call, "test.al", in, set, 1, out, &err), OMN_ERR_MISSING);
    ck_assert_msg(strstr(err.text, "test.all") != NULL, "%s", err.text);
    omn_call *alone = NULL;
    const omn_call_setup how = { OMN_FILL(omn_call_setup) };
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_call_new(&how, &alone, NULL), OMN_OK);
    ck_assert_int_eq(omn_call_operation(alone, "test.all", in, set, 1, out, &err),
                     OMN_ERR_UNSUPPORTED);
    omn_call_free(alone);
    close_bench(&b);
}
END_TEST

START_TEST(pictures_go_in_and_come_out)
{
    bench b = open_bench();
    omn_error err = OMN_ERROR_INIT;
    const omn_value *in[] = { b.picture };
    omn_setting set = { "width", "64", 0, 0 };
    omn_value *out = NULL;
    ck_assert_int_eq(
        omn_operation_call(shelf_find(b.ctx, "test.pass"), b.call, in, &set, 1, &out, &err),
        OMN_OK);
    const omn_image *img = omn_value_image(out);
    ck_assert_ptr_nonnull(img);
    ck_assert_uint_eq(omn_image_pixels(img).width, 64);
    ck_assert_uint_eq(omn_image_pixels(img).channels, 3);
    omn_value_unref(out);
    close_bench(&b);
}
END_TEST

START_TEST(scratch_memory_is_given_back)
{
    bench b = open_bench();
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = shelf_find(b.ctx, "test.pass");
    const omn_value *in[] = { b.picture };
    /* Five thousand calls that take a mebibyte each, with room for three thousand of them. Under a
     * sanitizer, which reserves more than that and is slow, a few calls alone. */
#if TESTING_SANITIZED
    const int calls = 100;
#else
    const int calls = 5000;
    struct rlimit small = { (rlim_t)3 << 30, (rlim_t)3 << 30 };
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &small), 0);
#endif
    for (int i = 0; i < calls; i++) {
        omn_value *out = NULL;
        omn_status st = omn_operation_call(e, b.call, in, NULL, 0, &out, &err);
        ck_assert_msg(st == OMN_OK, "call %d: %s", i, err.text);
        omn_value_unref(out);
    }
    close_bench(&b);
}
END_TEST

START_TEST(what_does_not_fit_never_reaches_the_function)
{
    bench b = open_bench();
    static const struct {
        const char *op;
        int first, second;
        omn_setting set[2];
        size_t n;
        omn_status st;
        const char *says;
    } cases[] = {
        { "test.all",
          0,
          2,
          { { "i", "1", 0, 0 } },
          1,
          OMN_ERR_TYPE,
          "test.all: the input words (text: some text) is missing" },
        { "test.all",
          2,
          2,
          { { "i", "1", 0, 0 } },
          1,
          OMN_ERR_TYPE,
          "test.all: the input words must be of type text and is of type image" },
        { "test.all",
          1,
          1,
          { { "i", "1", 0, 0 } },
          1,
          OMN_ERR_TYPE,
          "test.all: the input picture must be of type image and is of type text" },
        { "test.all",
          1,
          2,
          { { 0 } },
          0,
          OMN_ERR_ARGUMENT,
          "test.all: i must be given (int -5..1000" },
        { "test.all",
          1,
          2,
          { { "i", "1001", 0, 0 } },
          1,
          OMN_ERR_ARGUMENT,
          "test.all: i 1001 px is outside -5..1000" },
        { "test.all",
          1,
          2,
          { { "i", "1", 0, 0 }, { "i", "2", 0, 0 } },
          2,
          OMN_ERR_ARGUMENT,
          "test.all: i is given twice" },
        { "test.all",
          1,
          2,
          { { "i", "1", 0, 0 }, { "lood", "yes", 0, 0 } },
          2,
          OMN_ERR_ARGUMENT,
          "there is no parameter \"lood\"; did you mean \"loud\"?" },
        { "test.all",
          1,
          2,
          { { "words", "1", 0, 0 } },
          1,
          OMN_ERR_ARGUMENT,
          "\"words\" is an input, not a parameter" },
        { "test.alone",
          1,
          0,
          { { "x", "1", 0, 0 } },
          1,
          OMN_ERR_ARGUMENT,
          "there is no parameter \"x\" (it has none)" },
        { "tst", 1, 0, { { 0 } }, 0, OMN_ERR_ARGUMENT, "tst is not an operation" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        const omn_value *some[] = { NULL, b.words, b.picture };
        const omn_value *in[] = { some[cases[i].first], some[cases[i].second] };
        omn_value *out[2] = { NULL, NULL };
        omn_status st = omn_operation_call(shelf_find(b.ctx, cases[i].op), b.call, in, cases[i].set,
                                           cases[i].n, out, &err);
        ck_assert_int_eq((int)st, (int)cases[i].st);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        ck_assert_ptr_null(out[0]);
        ck_assert_ptr_null(out[1]);
    }
    close_bench(&b);
}
END_TEST

START_TEST(careless_functions_are_named)
{
    bench b = open_bench();
    static const struct {
        const char *how;
        omn_status st;
        const char *says;
    } cases[] = {
        { "nothing", OMN_ERR_PLUGIN, "test.wrong: reported success without its output first" },
        { "type", OMN_ERR_PLUGIN,
          "test.wrong: its output first is of type number instead of text" },
        { "status", OMN_ERR_PLUGIN, "test.wrong: returned 77, which is no status" },
        { "silent", OMN_ERR_DATA, "test.wrong: failed (data) without saying why" },
        { "said", OMN_ERR_DATA, "test.wrong: the moon is not full" },
        { "half", OMN_ERR_IO, "test.wrong: only half was done" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_setting set = { "how", cases[i].how, 0, 0 };
        omn_value *out[2];
        omn_status st =
            omn_operation_call(shelf_find(b.ctx, "test.wrong"), b.call, NULL, &set, 1, out, &err);
        ck_assert_int_eq((int)st, (int)cases[i].st);
        ck_assert_int_eq((int)err.status, (int)cases[i].st);
        ck_assert_str_eq(err.text, cases[i].says);
        ck_assert_ptr_null(out[0]);
        ck_assert_ptr_null(out[1]);
        /* Without an error to fill, and with one that is filled already: the first one stays. */
        st = omn_operation_call(shelf_find(b.ctx, "test.wrong"), b.call, NULL, &set, 1, out, NULL);
        ck_assert_int_eq((int)st, (int)cases[i].st);
        err = (omn_error)OMN_ERROR_INIT;
        omn_fail(&err, OMN_ERR_SHAPE, "before");
        st = omn_operation_call(shelf_find(b.ctx, "test.wrong"), b.call, NULL, &set, 1, out, &err);
        ck_assert_int_eq((int)st, (int)cases[i].st);
        ck_assert_str_eq(err.text, "before");
    }
    close_bench(&b);
}
END_TEST

static void *call_alone(void *user)
{
    bench *b = user;
    omn_call *c = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    intptr_t others = 0;
    if (omn_registry_find(b->ctx, "omnio.operation/1", "test.alone", &e, &err) != OMN_OK ||
        omn_context_call(b->ctx, 0, 0, NULL, &c, &err) != OMN_OK)
        return (void *)(intptr_t)-1;
    for (int i = 0; i < 50; i++) {
        const omn_value *in[] = { b->words };
        omn_value *out = NULL;
        if (omn_operation_call(e, c, in, NULL, 0, &out, &err) != OMN_OK)
            return (void *)(intptr_t)-1;
        others += (intptr_t)omn_number_get(out);
        omn_value_unref(out);
    }
    omn_call_free(c);
    return (void *)others;
}

START_TEST(serial_operations_run_one_at_a_time)
{
    bench b = open_bench();
    pthread_t t[4];
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&t[i], NULL, call_alone, &b), 0);
    for (int i = 0; i < 4; i++) {
        void *others = NULL;
        pthread_join(t[i], &others);
        ck_assert_int_eq((intptr_t)others, 0);
    }
    close_bench(&b);
}
END_TEST

typedef struct seeker {
    omn_context *ctx;
    const omn_entry *found[6];
    int failures;
} seeker;

static void *seek(void *user)
{
    static const char *const names[] = { "test.all", "test.pass", "test.wrong",
                                         "tst",      "rude-a",    "rude-b" };
    seeker *s = user;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 6; i++) {
            const omn_entry *e = NULL;
            if (omn_registry_find(s->ctx, NULL, names[i], &e, NULL) != OMN_OK) s->failures++;
            if (s->found[i] && s->found[i] != e) s->failures++;
            s->found[i] = e;
        }
        omn_error err = OMN_ERROR_INIT;
        const omn_entry *e = NULL;
        if (omn_registry_find(s->ctx, NULL, "test.non", &e, &err) != OMN_ERR_MISSING) s->failures++;
        free(shelf_list(s->ctx));
    }
    return NULL;
}

START_TEST(many_threads_find_the_same)
{
    const char *folder = shelf_folder("plugins"), *cache = shelf_folder("cache");
    shelf_put(folder, "good", "good");
    shelf_put(folder, "rude", "rude-a");
    shelf_put(folder, "rude", "rude-b");
    shelf_put(folder, "liar", "lie-abi");
    /* Two contexts that know nothing of each other, four threads for each. */
    omn_context *ctx[2] = { shelf_open(folder, cache), shelf_open(folder, cache) };
    seeker s[8];
    pthread_t t[8];
    memset(s, 0, sizeof(s));
    for (int i = 0; i < 8; i++) {
        s[i].ctx = ctx[i % 2];
        ck_assert_int_eq(pthread_create(&t[i], NULL, seek, &s[i]), 0);
    }
    for (int i = 0; i < 8; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(s[i].failures, 0);
        ck_assert_mem_eq(s[i].found, s[i % 2].found, sizeof(s[i].found));
    }
    ck_assert_ptr_ne(s[0].found[0], s[1].found[0]);
    omn_context_free(ctx[0]);
    omn_context_free(ctx[1]);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_type_of_parameter_arrives,
        an_optional_input_may_be_left_out,
        an_operation_is_called_by_its_name,
        pictures_go_in_and_come_out,
        scratch_memory_is_given_back,
        what_does_not_fit_never_reaches_the_function,
        careless_functions_are_named,
        serial_operations_run_one_at_a_time,
        many_threads_find_the_same,
    };
    /* Each starts the helper; under a sanitizer that takes its time. */
    return TESTING_RUN("plugin/operation", all, 20);
}
