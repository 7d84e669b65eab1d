/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files for the codec tests. The safetensors reader here is as small as it can be: header
 * length, JSON header, a range of bytes; the files are ours. */
#include "tests/codec/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/testing.h"

char *golden_file(const char *path, size_t *size)
{
    FILE *f = fopen(testing_source(path), "rb");
    ck_assert_msg(f != NULL, "cannot read %s", testing_source(path));
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    const long n = ftell(f);
    ck_assert_int_ge(n, 0);
    rewind(f);
    char *data = malloc((size_t)n + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, (size_t)n, f), (size_t)n);
    fclose(f);
    data[n] = 0;
    *size = (size_t)n;
    return data;
}

json_t *golden_json(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(testing_source(path), JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "%s: %s", path, error.text);
    return root;
}

json_t *golden_get(const json_t *from, const char *key)
{
    json_t *it = json_object_get(from, key);
    ck_assert_msg(it != NULL, "no %s", key);
    return it;
}

char *golden_text(const json_t *one, size_t *n)
{
    const char *hex = json_string_value(golden_get(one, "text_hex"));
    *n = strlen(hex) / 2;
    char *text = calloc(*n + 1, 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < *n; i++) {
        const char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        text[i] = (char)strtol(two, NULL, 16);
    }
    return text;
}

void *golden_tensor(const char *path, const char *name, size_t *n)
{
    size_t size = 0;
    uint64_t header = 0;
    char *file = golden_file(path, &size);
    memcpy(&header, file, 8);
    json_t *root = json_loadb(file + 8, (size_t)header, 0, NULL);
    ck_assert_ptr_nonnull(root);
    const json_t *ends = golden_get(golden_get(root, name), "data_offsets");
    const size_t from = (size_t)json_integer_value(json_array_get(ends, 0));
    const size_t to = (size_t)json_integer_value(json_array_get(ends, 1));
    ck_assert(from <= to && 8 + header + to <= size);
    char *values = malloc(to - from + 1);
    ck_assert_ptr_nonnull(values);
    memcpy(values, file + 8 + header + from, to - from);
    *n = (to - from) / 4;
    json_decref(root);
    free(file);
    return values;
}
