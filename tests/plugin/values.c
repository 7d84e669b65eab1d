/* SPDX-License-Identifier: Apache-2.0 */
/* Values from files and to files: the bytes decide, not the name; what is written appears whole and
 * never over something else unasked. */
#include "tests/plugin/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static omn_context *open_good(void)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    return shelf_open(folder, "");
}

static const char *put(const char *name, const char *text)
{
    return testing_write(testing_folder(), name, text, strlen(text));
}

static omn_value *load(omn_context *ctx, const char *path, const char *type)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(omn_value_load(ctx, path, type, &v, &err) == OMN_OK, "%s", err.text);
    return v;
}

static void loads(omn_context *ctx, const char *path, const char *type, const char *json)
{
    omn_buf b;
    omn_value *v = load(ctx, path, type);
    omn_buf_init(&b, 1 << 20);
    omn_value_json(v, &b);
    ck_assert_str_eq(b.data, json);
    omn_buf_fini(&b);
    omn_value_unref(v);
}

static void refuses(omn_context *ctx, const char *path, const char *type, omn_status st,
                    const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    char line[1200];
    omn_value *v = NULL;
    ck_assert_int_eq((int)omn_value_load(ctx, path, type, &v, &err), (int)st);
    ck_assert_ptr_null(v);
    omn_error_line(&err, line, sizeof(line));
    ck_assert_msg(strstr(line, says) != NULL, "%s", line);
}

START_TEST(the_bytes_decide)
{
    omn_context *ctx = open_good();
    loads(ctx, put("a.tst", "TSThello"), NULL, "\"hello\"");
    loads(ctx, put("a.png", "TSThello"), NULL, "\"hello\"");
    loads(ctx, put("none", "TSThello"), "text", "\"hello\"");
    loads(ctx, put("a.txt", "hello\n"), NULL, "\"hello\"");
    loads(ctx, put("b.txt", "\xef\xbb\xbfhello\r\n"), NULL, "\"hello\"");
    loads(ctx, put("c.txt", ""), NULL, "\"\"");
    loads(ctx, put("noname", "plain\ntext\n\n"), NULL, "\"plain\\ntext\\n\"");
    loads(ctx, put("a.json", "{\"a\": [1, 2, \"x\"]}"), NULL, "{\"a\":[1,2,\"x\"]}");
    loads(ctx, put("b.json", "{\"a\": 1}"), "text", "\"{\\\"a\\\": 1}\"");
    loads(ctx, put("c.json", " 12.5 "), "number", "12.5");
    loads(ctx, put("d.txt", "{\"a\": 1}"), "record", "{\"a\":1}");
    loads(ctx, put("e.json", "[{\"box\": [1,2,3,4], \"label\": \"cat\"}]"), "regions",
          "[{\"box\":[1,2,3,4],\"label\":\"cat\"}]");
    loads(ctx, put("f.json", "[]"), "regions", "[]");
    loads(ctx, put("a.jsonl", "{\"a\":1}\n\n[2]\r\n\"x\""), NULL, "[{\"a\":1},[2],\"x\"]");
    loads(ctx, put("b.jsonl", ""), "list", "[]");
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_cannot_be_read_says_why)
{
    omn_context *ctx = open_good();
    refuses(ctx, "/nowhere/at/all.tst", NULL, OMN_ERR_MISSING, "/nowhere/at/all.tst");
    refuses(ctx, testing_folder(), NULL, OMN_ERR_IO, testing_folder());
    refuses(ctx, put("a.tst", "TST"), NULL, OMN_ERR_DATA, "a.tst: a TST file has at least 4 bytes");
    refuses(ctx, put("b.tst", "TST0"), NULL, OMN_ERR_PLUGIN, "b.tst: format tst made nothing");
    refuses(ctx, put("c.tst", "TST1"), NULL, OMN_ERR_PLUGIN,
            "format tst made number instead of text");
    refuses(ctx, put("a.bin", "\x01\xff\xfe"), NULL, OMN_ERR_DATA, "no format that omnio knows");
    refuses(ctx, put("a.txt", "hello"), "image", OMN_ERR_DATA,
            "no format that omnio knows makes a value of type image");
    refuses(ctx, put("a.json", "{\"a\": }"), NULL, OMN_ERR_DATA, "a.json: ");
    refuses(ctx, put("b.json", "12"), "record", OMN_ERR_TYPE,
            "b.json: holds a value of type number, wanted is record");
    refuses(ctx, put("a.jsonl", "1\n2\n{\n"), NULL, OMN_ERR_DATA, "a.jsonl: line 3: ");
    refuses(ctx, put("b.txt", "x"), "picture", OMN_ERR_ARGUMENT,
            "there is no kind of value \"picture\"");
    const char *zero = testing_write(testing_folder(), "z.txt", "a\0b", 3);
    refuses(ctx, zero, NULL, OMN_ERR_DATA, "no format");
    omn_context_free(ctx);
}
END_TEST

static void saves(omn_context *ctx, const char *name, const omn_value *v, const char *bytes)
{
    omn_error err = OMN_ERROR_INIT;
    char path[4200];
    size_t n;
    snprintf(path, sizeof(path), "%s/%s", testing_folder(), name);
    ck_assert_msg(omn_value_save(ctx, path, v, OMN_KEEP_EXISTING, &err) == OMN_OK, "%s", err.text);
    if (strchr(path, '=')) *strrchr(path, '?') = 0;
    char *got = shelf_read(path, &n);
    ck_assert_str_eq(got, bytes);
    free(got);
}

START_TEST(values_are_written_by_suffix)
{
    omn_context *ctx = open_good();
    omn_error err = OMN_ERROR_INIT;
    omn_value *text = NULL, *list = NULL;
    ck_assert_int_eq(omn_text_new("ab", 2, &text, &err), OMN_OK);
    omn_value *items[] = { text, text };
    ck_assert_int_eq(omn_list_new(items, 2, &list, &err), OMN_OK);
    saves(ctx, "a.txt", text, "ab\n");
    saves(ctx, "a.json", text, "\"ab\"\n");
    saves(ctx, "a.jsonl", text, "\"ab\"\n");
    saves(ctx, "b.json", list, "[\"ab\",\"ab\"]\n");
    saves(ctx, "b.jsonl", list, "\"ab\"\n\"ab\"\n");
    saves(ctx, "a.tst", text, "TSTab!");
    saves(ctx, "a.TS2", text, "TSTab!");
    saves(ctx, "b.tst?times=3&mark=.&twice=yes", text, "TSTababab..");
    saves(ctx, "what?.tst", text, "TSTab!");
    omn_value_unref(text);
    omn_value_unref(list);
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_cannot_be_written_says_why)
{
    omn_context *ctx = open_good();
    omn_error err = OMN_ERROR_INIT;
    omn_value *text = NULL, *number = NULL;
    ck_assert_int_eq(omn_text_new("ab", 2, &text, &err), OMN_OK);
    ck_assert_int_eq(omn_number_new(1, &number, &err), OMN_OK);
    const struct {
        const char *name;
        const omn_value *v;
        omn_status st;
        const char *says;
    } cases[] = {
        { "noname", text, OMN_ERR_ARGUMENT, "no suffix" },
        { ".tst", text, OMN_ERR_ARGUMENT, "no suffix" },
        { "a.xyz", text, OMN_ERR_UNSUPPORTED,
          "no format writes a value of type text to files ending in .xyz" },
        { "a.tst", number, OMN_ERR_UNSUPPORTED, "no format writes a value of type number" },
        { "a.tst?times=0", text, OMN_ERR_ARGUMENT, "tst: times 0 is outside 1..9" },
        { "a.tst?tmes=2", text, OMN_ERR_ARGUMENT, "did you mean \"times\"?" },
        { "a.tst?times=2&x", text, OMN_ERR_ARGUMENT, "?name=value" },
        { "a.txt?a=b", text, OMN_ERR_ARGUMENT, ".txt has no settings" },
        { "gone/a.txt", text, OMN_ERR_MISSING, "gone/a.txt" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[4200], line[1200];
        omn_error e = OMN_ERROR_INIT;
        snprintf(path, sizeof(path), "%s/%s", testing_folder(), cases[i].name);
        omn_status st = omn_value_save(ctx, path, cases[i].v, OMN_OVERWRITE, &e);
        omn_error_line(&e, line, sizeof(line));
        ck_assert_msg(strstr(line, cases[i].says) != NULL, "%s", line);
        ck_assert_msg(st == cases[i].st, "%s: %d", cases[i].name, (int)st);
        if (strchr(path, '=')) *strrchr(path, '?') = 0;
        ck_assert_int_ne(access(path, F_OK), 0);
    }
    omn_value_unref(text);
    omn_value_unref(number);
    omn_context_free(ctx);
}
END_TEST

START_TEST(nothing_is_overwritten_unasked)
{
    omn_context *ctx = open_good();
    omn_error err = OMN_ERROR_INIT;
    omn_value *text = NULL;
    size_t n;
    ck_assert_int_eq(omn_text_new("new", 3, &text, &err), OMN_OK);
    const char *path = put("a.tst", "old");
    ck_assert_int_ne(omn_value_save(ctx, path, text, OMN_KEEP_EXISTING, &err), OMN_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "is not overwritten"));
    char *got = shelf_read(path, &n);
    ck_assert_str_eq(got, "old");
    free(got);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_value_save(ctx, path, text, OMN_OVERWRITE, &err), OMN_OK);
    got = shelf_read(path, &n);
    ck_assert_str_eq(got, "TSTnew!");
    free(got);
    omn_value_unref(text);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_bytes_decide,
        what_cannot_be_read_says_why,
        values_are_written_by_suffix,
        what_cannot_be_written_says_why,
        nothing_is_overwritten_unasked,
    };
    /* Each starts the helper. */
    return TESTING_RUN("plugin/values", all, 15);
}
