/* SPDX-License-Identifier: Apache-2.0 */
/* Weights files that are wrong, by accident or on purpose: each gets one error that names what is
 * wrong, and none takes the process down. */
#include <omnio/tensor.h>

#include "tests/testing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* length: what the first 8 bytes say, or UINT64_MAX for the truth. */
static const char *write_file(const char *name, const void *header, size_t n, size_t data,
                              uint64_t length)
{
    unsigned char *all = calloc(8 + n + data, 1);
    if (length == UINT64_MAX) length = n;
    for (int i = 0; i < 8; i++) all[i] = (unsigned char)(length >> (8 * i));
    memcpy(all + 8, header, n);
    const char *path = testing_write(testing_folder(), name, all, 8 + n + data);
    free(all);
    return path;
}

static void refuse(const char *path, omn_status want, const char *text)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_status st = omn_weights_open(path, &w, &err);
    ck_assert_msg(st == want, "status %s instead of %s, text \"%s\"", omn_status_name(st),
                  omn_status_name(want), err.text);
    ck_assert_ptr_null(w);
    ck_assert_uint_eq(err.status, st);
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" is not in \"%s\"", text, err.text);
    ck_assert_msg(strncmp(err.text, testing_folder(), strlen(testing_folder())) == 0,
                  "\"%s\" does not begin with the file", err.text);
    bool plain = true;
    for (const char *c = err.text; *c; c++) plain = plain && (unsigned char)*c >= 0x20;
    ck_assert_msg(plain, "control characters in \"%s\"", err.text);
}

#define T(dtype, shape, at)                                                                        \
    "{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" at "]}"

typedef struct bad {
    const char *header;
    size_t data;
    const char *text;
} bad;

static const bad headers[] = {
    /* What the ranges claim. */
    { "{\"a\":" T("U8", "4", "0,4") ",\"b\":" T("U8", "4", "2,6") "}", 6,
      "the data of tensors a and b overlap" },
    { "{\"a\":" T("U8", "4", "0,4") ",\"b\":" T("U8", "4", "0,4") "}", 4, "overlap" },
    { "{\"a\":" T("U8", "4", "0,4") ",\"b\":" T("U8", "4", "5,9") "}", 9,
      "bytes 4 to 5 in front of tensor b belong to no tensor" },
    { "{\"a\":" T("U8", "4", "1,5") "}", 5, "bytes 0 to 1 in front of tensor a" },
    { "{\"a\":" T("U8", "4", "0,4") "}", 7, "the last 3 bytes belong to no tensor" },
    { "{}", 1, "the last 1 bytes belong to no tensor" },
    { "{\"a\":" T("U8", "4", "0,4") "}", 3,
      "tensor a: its data end at byte 4 of the 3 that follow the header; the file is cut off" },
    { "{\"a\":" T("U8", "4", "4,0") "}", 4, "tensor a: its data end before they begin" },
    { "{\"a\":" T("U8", "4", "-4,0") "}", 4, "a whole number is wanted, not negative" },
    { "{\"a\":" T("U8", "4", "0,9223372036854775807") "}", 4,
      "its data end at byte 92233720368547" },
    { "{\"a\":" T("U8", "4", "0,18446744073709551620") "}", 4, "a number is too large" },
    { "{\"a\":" T("U8", "4", "0") "}", 4, "data_offsets must be two numbers" },
    { "{\"a\":" T("U8", "4", "0,4,4") "}", 4, "data_offsets must be two numbers" },
    { "{\"a\":" T("U8", "4", "0,4.0") "}", 4, "a whole number is wanted" },
    { "{\"a\":" T("U8", "4", "00,4") "}", 4, "must not begin with 0" },
    /* What the shapes claim. */
    { "{\"a\":" T("F32", "4", "0,4") "}", 4, "tensor a: F32 [4] takes 16 bytes, not 4" },
    { "{\"a\":" T("U8", "4294967296,4294967296", "0,4") "}", 4,
      "tensor a: its shape is too large for any memory" },
    { "{\"a\":" T("F32", "4611686018427387905", "0,4") "}", 4, "too large for any memory" },
    { "{\"a\":" T("U8", "99999999999999999999", "0,4") "}", 4, "a number is too large" },
    { "{\"a\":" T("U8", "1,1,1,1,1,1,4", "0,4") "}", 4, "tensor a: more than 6 axes" },
    { "{\"a\":" T("U8", "2,-2", "0,4") "}", 4, "not negative" },
    { "{\"a\":" T("U8", "1e1", "0,4") "}", 4, "a whole number is wanted" },
    { "{\"a\":" T("U8", "[4]", "0,4") "}", 4, "a whole number is wanted" },
    /* Types. */
    { "{\"a\":" T("F128", "4", "0,64") "}", 64,
      "tensor a: type \"F128\" is none of F32 F16 BF16 I64 I32 I8 U8 BOOL F64 I16 U16 U32 U64 "
      "F8_E4M3 F8_E5M2 F8_E8M0 C64 F6_E2M3 F6_E3M2 F4" },
    { "{\"a\":" T("F64", "4", "0,16") "}", 16, "tensor a: F64 [4] takes 32 bytes, not 16" },
    { "{\"a\":" T("F4", "3", "0,2") "}", 2, "ends inside of a byte" },
    { "{\"a\":" T("F6_E2M3", "5", "0,4") "}", 4, "ends inside of a byte" },
    { "{\"a\":" T("F6_E2M3", "4", "0,4") "}", 4, "F6_E2M3 [4] takes 3 bytes, not 4" },
    { "{\"__metadata__\":{\"omnio.xxh3\":\"1\",\"omnio.xxh3\":\"2\"}}", 0, "\"omnio.xxh3\" twice" },
    { "{\"a\":" T("u8", "4", "0,4") "}", 4, "type \"u8\" is none of" },
    { "{\"a\":" T("", "4", "0,4") "}", 4, "type \"\" is none of" },
    { "{\"a\":{\"dtype\":3,\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "a string is wanted" },
    /* Members. */
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, "tensor a: must have dtype, shape and data" },
    { "{\"a\":{}}", 0, "tensor a: must have dtype, shape and data_offsets" },
    { "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
      "twice" },
    { "{\"a\":{\"size\":1}}", 0, "an entry that is none of dtype, shape, data_offsets" },
    { "{\"a\":" T("U8", "2", "0,2") ",\"a\":" T("U8", "2", "2,4") "}", 4,
      "tensor a is there twice" },
    { "{\"\\u0061\":" T("U8", "2", "0,2") ",\"a\":" T("U8", "2", "2,4") "}", 4,
      "tensor a is there twice" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "has __metadata__ twice" },
    { "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "__metadata__ has \"k\" twice" },
    { "{\"__metadata__\":{\"k\":1}}", 0, "a value of __metadata__ must be a string" },
    { "{\"__metadata__\":[]}", 0, "\"{\" is wanted" },
    { "{\"__metadata__\":null}", 0, "\"{\" is wanted" },
    /* JSON. */
    { "", 0, "header, byte 0: a header begins with \"{\"" },
    { " {}", 0, "a header begins with \"{\"" },
    { "[]", 0, "a header begins with \"{\"" },
    { "{", 0, "header, byte 1: the text ends too early" },
    { "{\"a", 0, "a string does not end" },
    { "{\"a\"", 0, "the text ends too early" },
    { "{\"a\":", 0, "the text ends too early" },
    { "{\"a\" 1}", 0, "\":\" is wanted" },
    { "{\"a\":7}", 0, "header, byte 5: \"{\" is wanted" },
    { "{a:1}", 0, "a string is wanted" },
    { "{,}", 0, "a string is wanted" },
    { "{\"a\":" T("U8", "4", "0,4") ",}", 4, "a string is wanted" },
    { "{\"a\":" T("U8", "4,", "0,4") "}", 4, "a whole number is wanted" },
    { "{\"a\":" T("U8", "4 4", "0,4") "}", 4, "\",\" or \"]\" is wanted" },
    { "{\"a\":" T("U8", "4", "0,4") " \"b\"}", 4, "\",\" or \"}\" is wanted" },
    { "{}{}", 0, "nothing should follow here" },
    { "{}\x01", 0, "nothing should follow here" },
    { "{\"\\x41\":1}", 0, "no such escape in a string" },
    { "{\"\\u00g1\":1}", 0, "four hexadecimal digits must follow" },
    { "{\"\\u00", 0, "the text ends too early" },
    { "{\"\\", 0, "the text ends too early" },
    { "{\"\\ud800\":1}", 0, "half of a surrogate pair" },
    { "{\"\\ud800\\u0041\":1}", 0, "half of a surrogate pair" },
    { "{\"\\udc00\":1}", 0, "half of a surrogate pair" },
    { "{\"a\\u0000b\":1}", 0, "a NUL character in a string" },
    { "{\"a\nb\":1}", 0, "a control character in a string" },
    { "{\"caf\xe9\":1}", 0, "bytes that are not UTF-8" },
    { "{\"\xc0\xaf\":1}", 0, "bytes that are not UTF-8" },
    { "{\"\xed\xa0\x80\":1}", 0, "bytes that are not UTF-8" },
    { "{\"\xf4\x90\x80\x80\":1}", 0, "bytes that are not UTF-8" },
    { "{\"\xe2\x82", 0, "bytes that are not UTF-8" },
    /* A name that would write to somebody's terminal. */
    { "{\"\\u001b[2J\\n\":" T("U8", "4", "0,1") "}", 1, "tensor ?[2J?: U8 [4] takes 4 bytes" },
};

START_TEST(each_wrong_header_has_its_own_error)
{
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const bad *b = &headers[i];
        refuse(write_file("x.safetensors", b->header, strlen(b->header), b->data, UINT64_MAX),
               OMN_ERR_DATA, b->text);
    }
}
END_TEST

START_TEST(lengths_that_lie_are_refused)
{
    refuse(write_file("x", "{}", 2, 0, 3), OMN_ERR_DATA, "should have 3 bytes and only 2 follow");
    refuse(write_file("x", "{}", 2, 0, 100000000), OMN_ERR_DATA, "and only 2 follow");
    refuse(write_file("x", "{}", 2, 0, 100000001), OMN_ERR_DATA, "is longer than 100000000");
    refuse(write_file("x", "{}", 2, 0, UINT64_MAX - 1), OMN_ERR_DATA, "no safetensors file");
    refuse(write_file("x", "{}", 2, 0, 0), OMN_ERR_DATA, "a header begins with");
    refuse(testing_write(testing_folder(), "x", "\2\0\0\0\0\0\0", 7), OMN_ERR_DATA,
           "7 bytes are too few");
    refuse(testing_write(testing_folder(), "x", "", 0), OMN_ERR_DATA, "0 bytes are too few");
    refuse(testing_write(testing_folder(), "x", "\x89PNG\r\n\x1a\nIHDR", 12), OMN_ERR_DATA,
           "no safetensors file");
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    enum { DEEP = 1000000 };
    char *text = malloc(DEEP + 32);
    int n = sprintf(text, "{\"other\":");
    memset(text + n, '[', DEEP);
    const char *path = testing_write(testing_folder(), "x.json", text, (size_t)n + DEEP);
    refuse(path, OMN_ERR_DATA, "nested too deeply");
    /* As deep as is allowed, opened and closed. */
    memset(text + n, '[', 64);
    memset(text + n + 64, ']', 64);
    text[n + 128] = '}';
    path = testing_write(testing_folder(), "x.json", text, (size_t)n + 129);
    refuse(path, OMN_ERR_DATA, "an index needs a weight_map with tensors");
    free(text);
}
END_TEST

START_TEST(every_cut_of_a_good_file_is_an_error)
{
    static const char good[] =
        "{\"__metadata__\":{\"k\":\"v\"},\"a\":" T("F32", "1,2", "0,8") ",\"b\":"
        T("U8", "3", "8,11") "}";
    size_t n = sizeof good - 1;
    for (size_t cut = 0; cut < n; cut++)
        refuse(write_file("x", good, cut, 0, n), OMN_ERR_DATA, "only");
    for (size_t cut = 0; cut < n; cut++)
        refuse(write_file("x", good, cut, 11, UINT64_MAX), OMN_ERR_DATA, "x: header, byte");
    for (size_t data = 0; data < 11; data++)
        refuse(write_file("x", good, n, data, UINT64_MAX), OMN_ERR_DATA, "the file is cut off");
}
END_TEST

START_TEST(changed_bytes_never_crash_and_never_reach_outside)
{
    static const char good[] =
        "{\"__metadata__\":{\"k\":\"v\\n\"},\"a\":" T("F32", "1,2", "0,8") ",\"b\":"
        T("U8", "3", "8,11") "}";
    static const char alphabet[] = "\"{}[]:,\\u0123456789-.eEtfn \xff\x80\xc3";
    size_t opened = 0;
    for (uint64_t round = 0; round < 4000; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        uint64_t changes = 1 + omn_random_at(1, round, 0) % 3;
        for (uint64_t c = 1; c <= changes; c++)
            text[omn_random_at(1, round, 2 * c) % (sizeof good - 1)] =
                alphabet[omn_random_at(1, round, 2 * c + 1) % (sizeof alphabet - 1)];
        const char *path = write_file("x", text, sizeof good - 1, 11, UINT64_MAX);
        omn_weights *w = NULL;
        omn_error err = OMN_ERROR_INIT;
        if (omn_weights_open(path, &w, &err) != OMN_OK) {
            ck_assert_msg(err.status == OMN_ERR_DATA && err.text[0], "round %llu",
                          (unsigned long long)round);
            continue;
        }
        opened++;
        const omn_map *map = omn_weights_map(w, 0);
        const char *base = omn_map_data(map);
        bool inside = true;
        for (size_t i = 0; i < omn_weights_count(w); i++) {
            const omn_tensor *t = omn_weights_at(w, i);
            const char *data = t->data;
            inside = inside && data >= base && data + t->bytes <= base + omn_map_size(map);
        }
        ck_assert(inside);
        omn_weights_close(w);
    }
    /* Changes inside names and texts are harmless; both ends must have been seen. */
    ck_assert_uint_gt(opened, 10);
    ck_assert_uint_lt(opened, 3000);
}
END_TEST

static void refuse_index(const char *text, omn_status st, const char *want)
{
    refuse(testing_write(testing_folder(), "model.safetensors.index.json", text, strlen(text)), st,
           want);
}

START_TEST(an_index_stays_in_its_folder)
{
    const char *const names[] = { "../x.safetensors", "/etc/passwd", "sub/x", "..", ".", "",
                                  "a\\\\b" };
    char text[200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "{\"weight_map\":{\"a\":\"%s\"}}", names[i]);
        refuse_index(text, OMN_ERR_DATA, "must be the name of a file in the same folder");
    }
}
END_TEST

START_TEST(an_index_that_does_not_fit_its_shards_is_refused)
{
    static const char one[] = "{\"a\":" T("U8", "2", "0,2") "}";
    write_file("1", one, sizeof one - 1, 2, UINT64_MAX);
    write_file("2", one, sizeof one - 1, 2, UINT64_MAX);
    write_file("3", one, sizeof one - 1, 1, UINT64_MAX);
    refuse_index("{\"weight_map\":{\"a\":\"none\"}}", OMN_ERR_MISSING,
                 "/none: cannot be opened: No such file");
    refuse_index("{\"weight_map\":{\"b\":\"1\"}}", OMN_ERR_DATA, "tensor b is not in its shard 1");
    refuse_index("{\"weight_map\":{\"a\":\"1\",\"b\":\"1\"}}", OMN_ERR_DATA,
                 "tensor b is not in its shard 1");
    refuse_index("{\"weight_map\":{\"a\":\"1\",\"a\":\"1\"}}", OMN_ERR_DATA,
                 "tensor a is listed twice");
    refuse_index("{\"weight_map\":{\"a\":\"1\",\"a\":\"2\"}}", OMN_ERR_DATA,
                 "tensor a is listed twice");
    refuse_index("{\"weight_map\":{\"a\":\"3\"}}", OMN_ERR_DATA, "3: tensor a: its data end at");
    refuse_index("{\"weight_map\":{}}", OMN_ERR_DATA, "needs a weight_map with tensors");
    refuse_index("{\"weight_map\":{},\"weight_map\":{}}", OMN_ERR_DATA, "has weight_map twice");
    refuse_index("{\"weight_map\":{\"a\":1}}", OMN_ERR_DATA, "byte 19: a string is wanted");
    refuse_index("{\"weight_map\":7}", OMN_ERR_DATA, "\"{\" is wanted");
    refuse_index("{\"metadata\":{\"n\":tru}}", OMN_ERR_DATA, "a value is wanted");
    refuse_index("{\"metadata\":{\"n\":{\"x\":1]}}", OMN_ERR_DATA, "\",\" or \"}\" is wanted");
    refuse_index("{}", OMN_ERR_DATA, "needs a weight_map with tensors");
    refuse_index("", OMN_ERR_DATA, "the text ends too early");
    refuse_index("[]", OMN_ERR_DATA, "\"{\" is wanted");
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/none.safetensors", testing_folder());
    refuse(path, OMN_ERR_MISSING, "none.safetensors: cannot be opened: No such file");
    refuse(testing_folder(), OMN_ERR_MISSING,
           "holds neither model.safetensors nor model.safetensors.index.json");
    snprintf(path, sizeof path, "%s/model.safetensors", testing_folder());
    ck_assert_int_eq(mkdir(path, 0700), 0);
    refuse(testing_folder(), OMN_ERR_IO, "is a folder");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        each_wrong_header_has_its_own_error,
        lengths_that_lie_are_refused,
        deep_nesting_is_refused,
        every_cut_of_a_good_file_is_an_error,
        changed_bytes_never_crash_and_never_reach_outside,
        an_index_stays_in_its_folder,
        an_index_that_does_not_fit_its_shards_is_refused,
        what_is_not_there_is_named,
    };
    return TESTING_RUN("tensor/hostile", all, 20);
}
