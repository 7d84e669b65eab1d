/* SPDX-License-Identifier: Apache-2.0 */
/* Byte pair encoding against CLIP's own tokenizer: cleaning, ids and text again of the golden
 * strings; that nothing of a text is lost, whatever bytes it is; that a long word takes its share
 * of time; and lists that are damaged. */
#include "plugins/codec/bpe/bpe.h"

#include "tests/codec/door.h"
#include "tests/testing.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const omn_plugin omnio_plugin;

static const char *const models[] = { "tiny_a", "tiny_b" };

static const char *golden(const char *model, const char *what)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/clip/%s.%s", model, what);
    return testing_source(path);
}

static json_t *cases_of(const char *model, json_t **all)
{
    json_error_t why;
    *all = json_load_file(golden(model, "tokenizer.json"), JSON_ALLOW_NUL, &why);
    ck_assert_msg(*all != NULL, "%s", why.text);
    json_t *cases = json_object_get(*all, "cases");
    ck_assert_uint_ge(json_array_size(cases), 40);
    return cases;
}

static const omn_codec_impl *open_model(const char *model, void **self)
{
    const char *const set[] = { "file", golden(model, "bpe.txt.gz"), NULL };
    return door_open(&omnio_plugin, "text.bpe", self, NULL, set);
}

START_TEST(golden_ids)
{
    for (size_t m = 0; m < 2; m++) {
        json_t *all = NULL, *cases = cases_of(models[m], &all), *one;
        void *self = NULL;
        const omn_codec_impl *k = open_model(models[m], &self);
        size_t i;
        ck_assert_int_eq(k->pieces(self), (int)json_integer_value(json_object_get(all, "vocab")));
        ck_assert_int_eq(k->piece(self, "<|startoftext|>"),
                         (int)json_integer_value(json_object_get(all, "sot")));
        ck_assert_int_eq(k->piece(self, "<|endoftext|>"),
                         (int)json_integer_value(json_object_get(all, "eot")));
        json_array_foreach(cases, i, one)
        {
            omn_error err = OMN_ERROR_INIT;
            const json_t *text = json_object_get(one, "text"),
                         *wanted = json_object_get(one, "tiny_ids");
            int32_t ids[256];
            size_t n = 0;
            ck_assert_msg(k->encode(self, json_string_value(text), json_string_length(text), ids,
                                    256, &n, &err) == OMN_OK, "%s", err.text);
            ck_assert_msg(n == json_array_size(wanted), "%s: %zu ids, not %zu",
                          json_string_value(text), n, json_array_size(wanted));
            for (size_t j = 0; j < n; j++)
                ck_assert_msg(ids[j] == json_integer_value(json_array_get(wanted, j)),
                              "%s: id %zu is %d", json_string_value(text), j, (int)ids[j]);
        }
        k->close(self);
        json_decref(all);
    }
}
END_TEST

START_TEST(golden_text_again)
{
    for (size_t m = 0; m < 2; m++) {
        json_t *all = NULL, *cases = cases_of(models[m], &all), *one;
        void *self = NULL;
        const omn_codec_impl *k = open_model(models[m], &self);
        size_t i;
        json_array_foreach(cases, i, one)
        {
            const json_t *ids = json_object_get(one, "tiny_ids");
            int32_t list[256];
            omn_buf b;
            omn_buf_init(&b, 1 << 16);
            for (size_t j = 0; j < json_array_size(ids); j++)
                list[j] = (int32_t)json_integer_value(json_array_get(ids, j));
            ck_assert(k->decode(self, list, json_array_size(ids), &b, NULL) == OMN_OK);
            ck_assert_str_eq(b.data ? b.data : "",
                             json_string_value(json_object_get(one, "tiny_decoded")));
            omn_buf_fini(&b);
        }
        k->close(self);
        json_decref(all);
    }
}
END_TEST

/* The text as it is cleaned, in UTF-8. */
static void cleaned(const char *text, size_t n, omn_buf *out)
{
    points p = { 0 };
    points_read(&p, text, n);
    clean_clip(&p);
    ck_assert(!p.failed);
    for (size_t i = 0; i < p.n; i++) points_utf8(p.at[i], out);
    points_fini(&p);
}

/* Each text of the cases is cleaned as they say. */
static void check_cases(const json_t *cases)
{
    const json_t *one;
    size_t i;
    json_array_foreach(cases, i, one)
    {
        const json_t *text = json_object_get(one, "text");
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        cleaned(json_string_value(text), json_string_length(text), &b);
        ck_assert_str_eq(b.data ? b.data : "", json_string_value(json_object_get(one, "clean")));
        omn_buf_fini(&b);
    }
}

START_TEST(golden_cleaning)
{
    json_t *all = NULL;
    check_cases(cases_of("tiny_a", &all));
    json_decref(all);
}
END_TEST

/* What was decoded by a wrong table, once or twice, or is of all of Latin-1's characters. */
START_TEST(garbled_cleaning)
{
    json_error_t why;
    json_t *all = json_load_file(testing_source("tests/golden/clip/garbled.json"), 0, &why);
    ck_assert_msg(all != NULL, "%s", why.text);
    const json_t *cases = json_object_get(all, "cases");
    ck_assert_uint_gt(json_array_size(cases), 400);
    check_cases(cases);
    json_decref(all);
}
END_TEST

/* Python's html.unescape and str.lower, and ftfy, say so of these. */
START_TEST(more_cleaning)
{
    static const char *const list[][2] = {
        { "&notit; &notin; &NotEqualTilde; &amp &ampx",
          "\xC2\xACit; \xE2\x88\x89 \xE2\x89\x82\xCC\xB8 & &x" },
        { "&#65;&#x42;&#128;&#0;&#xD800;&#1;|&#;&#x;",
          "ab\xE2\x82\xAC\xEF\xBF\xBD\xEF\xBF\xBD|&#;&#x;" },
        { "&EACUTE;", "\xC3\xA9" },
        { "&ldquo;x&rdquo;", "\"x\"" },
        { "<&ldquo;x", "<\xE2\x80\x9Cx" },
        { "\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3 \xCE\xA3\xCE\x91",
          "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x82 \xCF\x83\xCE\xB1" },
        { "e\xCC\x81", "\xC3\xA9" },
        { "\xC3\xA2\xE2\x82\xAC\xE2\x84\xA2", "'" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        cleaned(list[i][0], strlen(list[i][0]), &b);
        ck_assert_str_eq(b.data ? b.data : "", list[i][1]);
        omn_buf_fini(&b);
    }
}
END_TEST

static void without_blanks(const omn_buf *b, omn_buf *out)
{
    for (size_t i = 0; i < b->length; i++)
        if (b->data[i] != ' ') omn_buf_put(out, b->data + i, 1);
}

/* Whatever bytes: what is decoded is what was cleaned, but for blanks. */
START_TEST(random_bytes)
{
    void *self = NULL;
    const omn_codec_impl *k = open_model("tiny_a", &self);
    for (uint64_t round = 0; round < 2000; round++) {
        omn_error err = OMN_ERROR_INIT;
        char text[64];
        int32_t ids[1024];
        size_t count = 0;
        omn_buf b[4];
        const size_t n = (size_t)(omn_random_at(1, round, 0) % sizeof text);
        const bool plain = round % 2;
        for (size_t i = 0; i < n; i++) {
            const uint64_t x = omn_random_at(2, round, i);
            text[i] = plain ? "aA '&;#x0<|\xC3\xB6\xCC\x81\xE2\x80\x99"[x % 18] : (char)x;
        }
        for (int i = 0; i < 4; i++) omn_buf_init(&b[i], 1 << 16);
        ck_assert_msg(k->encode(self, text, n, ids, 1024, &count, &err) == OMN_OK, "%s", err.text);
        for (size_t i = 0; i < count; i++) ck_assert(ids[i] >= 0 && ids[i] < k->pieces(self));
        ck_assert(k->decode(self, ids, count, &b[0], &err) == OMN_OK);
        cleaned(text, n, &b[1]);
        without_blanks(&b[0], &b[2]);
        without_blanks(&b[1], &b[3]);
        ck_assert_uint_eq(b[2].length, b[3].length);
        ck_assert(!b[2].length || !memcmp(b[2].data, b[3].data, b[2].length));
        for (int i = 0; i < 4; i++) omn_buf_fini(&b[i]);
    }
    k->close(self);
}
END_TEST

/* The merges of the plain rule: of all neighbours the first of the list, everywhere, again. */
static size_t plainly(const bpe *b, const char *word, int32_t *symbol)
{
    size_t n = strlen(word);
    for (size_t i = 0; i < n; i++) symbol[i] = b->single[i + 1 == n][(uint8_t)word[i]];
    for (;;) {
        const bpe_pair *best = NULL;
        size_t to = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const bpe_pair *p = bpe_pair_of(b, symbol[i], symbol[i + 1]);
            if (p && (!best || p->rank < best->rank)) best = p;
        }
        if (!best) return n;
        for (size_t i = 0; i < n; i++) {
            const bool is = i + 1 < n && symbol[i] == best->left && symbol[i + 1] == best->right;
            symbol[to++] = is ? best->made : symbol[i];
            i += is;
        }
        n = to;
    }
}

/* Lists in no sensible order too, in which later merges make what earlier ones want. */
START_TEST(the_plain_rule)
{
    for (uint64_t round = 0; round < 300; round++) {
        char list[512] = "title\n", word[40];
        int32_t symbol[40];
        omn_error err = OMN_ERROR_INIT;
        bpe *b = NULL;
        bpe_ids ids = { 0 };
        for (uint64_t i = 0; i < 12; i++) {
            const uint64_t x = omn_random_at(3, round, i);
            static const char *const parts[] = { "a", "b", "aa", "ab", "ba", "bb", "aab", "aba" };
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s %s%s\n", parts[x % 8],
                     parts[x / 8 % 8], x / 64 % 4 ? "" : "</w>");
        }
        ck_assert_msg(bpe_open(list, strlen(list), "clip", 0, &b, &err) == OMN_OK, "%s", err.text);
        const size_t n = 1 + (size_t)(omn_random_at(4, round, 0) % 30);
        for (size_t i = 0; i < n; i++) word[i] = omn_random_at(5, round, i) % 2 ? 'a' : 'b';
        word[n] = 0;
        ck_assert(bpe_encode(b, word, n, &ids, &err) == OMN_OK);
        const size_t wanted = plainly(b, word, symbol);
        ck_assert_msg(ids.n == wanted, "%s of\n%s: %zu, not %zu", word, list, ids.n, wanted);
        for (size_t i = 0; i < wanted; i++) ck_assert_int_eq(ids.id[i], b->symbol[symbol[i]].id);
        free(ids.id);
        bpe_close(b);
    }
}
END_TEST

START_TEST(a_long_word)
{
    void *self = NULL;
    const omn_codec_impl *k = open_model("tiny_a", &self);
    const size_t n = 1000000;
    char *text = testing_memory(n);
    int32_t *ids = testing_memory(n * sizeof *ids);
    size_t count = 0;
    const clock_t from = clock();
    for (size_t i = 0; i < n; i++) text[i] = "photo"[i % 5];
    ck_assert(k->encode(self, text, n, ids, n, &count, NULL) == OMN_OK);
    ck_assert_uint_gt(count, n / 8);
    ck_assert_msg((double)(clock() - from) / CLOCKS_PER_SEC < 10, "it took too long");
    ck_assert(k->encode(self, text, 100, ids, 3, &count, NULL) == OMN_ERR_DATA);
    ck_assert_uint_gt(count, 3);
    k->close(self);
}
END_TEST

static void refused(const char *bytes, size_t n, int32_t wanted, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    bpe *b = NULL;
    ck_assert(bpe_open(bytes, n, "clip", wanted, &b, &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    bpe_close(b);
}

START_TEST(damaged_lists)
{
    static const struct { const char *text, *says; } list[] = {
        { "title\nab\n", "two symbols" },      { "title\na b c\n", "two symbols" },
        { "title\na</w> b\n", "no merge" },    { "title\na \n", "no merge" },
        { "title\n b\n", "no merge" },         { "title\na \xE2\x82\xAC\n", "no merge" },
        { "", "lines" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        refused(list[i].text, strlen(list[i].text), 0, list[i].says);
    refused("title\na b\n", 10, 600, "another file");
    refused("title\na b\n", 10, 3, "another file");
    char *bytes = NULL;
    size_t n = 0;
    ck_assert(omn_file_read(golden("tiny_a", "bpe.txt.gz"), 1 << 16, &bytes, &n, NULL) == OMN_OK);
    refused(bytes, n / 2, 0, "gzip");
    for (size_t i = 2; i < n; i++) { /* a crash is what may not be */
        bpe *b = NULL;
        bytes[i] = (char)(bytes[i] ^ 0x55);
        (void)bpe_open(bytes, n, "clip", 0, &b, NULL);
        bpe_close(b);
        bytes[i] = (char)(bytes[i] ^ 0x55);
    }
    free(bytes);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        golden_ids,   golden_text_again, golden_cleaning, garbled_cleaning,
        more_cleaning,
        random_bytes, the_plain_rule,    a_long_word,     damaged_lists,
    };
    return TESTING_RUN("codec/bpe", all, 30);
}
