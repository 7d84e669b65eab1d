/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer against recorded ids and texts of sentencepiece 0.1.97 and of the Unified-IO 2
 * wrapper (exact equality: these are integers and strings), streaming against decoding, the door,
 * and the tokenizer of models/nano. Hostile files and long texts: tests/codec/hostile.c. */
#include "plugins/codec/sentencepiece/sentencepiece.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/codec/sentencepiece/utf8.h"
#include "tests/codec/door.h"
#include "tests/codec/golden.h"
#include "tests/testing.h"

#define GOLDEN "tests/golden/codecs/"

extern const omn_plugin omnio_plugin;
static const sp_extra uio2 = { .start_first = true, .sentinels = 200, .bins = 1000,
                               .histories = 8, .marks = true };
static const sp_extra nano = { .start_first = true, .bins = 64, .marks = true };

static sp_model *open_model(const char *path, const sp_extra *extra)
{
    omn_error err = OMN_ERROR_INIT;
    sp_model *m = NULL;
    size_t size = 0;
    char *data = golden_file(path, &size);
    const omn_status st = sp_open(data, size, extra, &m, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", path, err.text);
    free(data);
    return m;
}

static sp_ids encode(const sp_model *m, const char *text, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    sp_ids ids = { 0 };
    ck_assert_msg(sp_encode(m, text, n, &ids, &err) == OMN_OK, "%s", err.text);
    return ids;
}

static omn_buf decode(const sp_model *m, const int32_t *ids, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf out;
    omn_buf_init(&out, 1 << 20);
    ck_assert_msg(sp_decode(m, ids, n, SP_TO_END, &out, &err) == OMN_OK, "%s", err.text);
    return out;
}

static void same_ids(const sp_ids *got, const json_t *want, size_t which)
{
    ck_assert_msg(got->count == json_array_size(want), "case %zu: %zu ids, %zu are right", which,
                  got->count, json_array_size(want));
    for (size_t i = 0; i < got->count; i++)
        ck_assert_msg(got->id[i] == json_integer_value(json_array_get(want, i)),
                      "case %zu: id %zu is %d, %d is right", which, i, got->id[i],
                      (int)json_integer_value(json_array_get(want, i)));
}

static void same_text(const omn_buf *got, const json_t *want, size_t which)
{
    const size_t n = json_string_length(want);
    ck_assert_msg(got->length == n &&
                      (n == 0 || memcmp(got->data, json_string_value(want), n) == 0),
                  "case %zu: \"%.*s\" instead of \"%s\"", which, (int)got->length,
                  got->data != NULL ? got->data : "", json_string_value(want));
}

/* What one id after the other gives; every part must be whole characters. */
static void same_stream(const sp_model *m, const int32_t *ids, size_t n, const omn_buf *want)
{
    omn_buf out;
    sp_stream s = { 0 };
    omn_buf_init(&out, 1 << 20);
    for (size_t i = 0; i <= n; i++) {
        const size_t before = out.length;
        if (i < n && ids[i] == m->end) i = n;
        const omn_status st =
            i < n ? sp_stream_put(m, &s, ids[i], &out, NULL) : sp_stream_end(m, &s, &out, NULL);
        ck_assert_int_eq(st, OMN_OK);
        for (size_t k = before; k < out.length;) {
            const size_t width = utf8_valid(out.data + k, out.length - k);
            ck_assert_msg(width > 0, "the stream cut a character at byte %zu", k);
            k += width;
        }
    }
    ck_assert_uint_eq(out.length, want->length);
    ck_assert(out.length == 0 || memcmp(out.data, want->data, out.length) == 0);
    omn_buf_fini(&out);
}

static void check_cases(const sp_model *m, const json_t *cases, size_t at_least)
{
    size_t i;
    const json_t *one;
    ck_assert_uint_ge(json_array_size(cases), at_least);
    json_array_foreach(cases, i, one)
    {
        size_t n = 0;
        char *text = golden_text(one, &n);
        sp_ids ids = encode(m, text, n);
        same_ids(&ids, golden_get(one, "ids"), i);
        const json_t *decoded = json_object_get(one, "decoded");
        if (decoded != NULL) {
            omn_buf out = decode(m, ids.id, ids.count);
            same_text(&out, decoded, i);
            same_stream(m, ids.id, ids.count, &out);
            omn_buf_fini(&out);
        }
        free(ids.id);
        free(text);
    }
}

static void check_model(const char *path, const char *section)
{
    json_t *root = golden_json(GOLDEN "tokenizer.json");
    const json_t *part = golden_get(root, section);
    sp_model *m = open_model(path, NULL);
    ck_assert_int_eq(m->count, json_integer_value(golden_get(part, "vocab_size")));
    ck_assert_int_eq(m->unknown, json_integer_value(golden_get(part, "unk")));
    ck_assert_int_eq(m->start, json_integer_value(golden_get(part, "bos")));
    ck_assert_int_eq(m->end, json_integer_value(golden_get(part, "eos")));
    ck_assert_int_eq(m->pad, json_integer_value(golden_get(part, "pad")));
    check_cases(m, golden_get(part, "cases"), 233);
    check_cases(m, golden_get(part, "invalid_utf8"), 9);
    sp_close(m);
    json_decref(root);
}

START_TEST(bpe_gives_the_recorded_ids)
{
    check_model(GOLDEN "tok_bpe.model", "bpe");
}
END_TEST

START_TEST(unigram_gives_the_recorded_ids)
{
    check_model(GOLDEN "tok_unigram.model", "unigram");
}
END_TEST

START_TEST(extra_pieces_are_those_of_unified_io_2)
{
    json_t *root = golden_json(GOLDEN "tokenizer.json");
    const json_t *part = golden_get(root, "uio2");
    sp_model *m = open_model(GOLDEN "tok_bpe.model", &uio2);
    const char *id;
    const json_t *piece;
    ck_assert_int_eq(m->count, json_integer_value(golden_get(part, "total_vocab")));
    ck_assert_int_eq(m->base, json_integer_value(golden_get(part, "base_vocab")));
    ck_assert_int_eq(m->unknown, 2);
    ck_assert_int_eq(m->start, 0);
    ck_assert_int_eq(m->end, 1);
    json_object_foreach(golden_get(part, "idmap"), id, piece)
    {
        const int32_t at = atoi(id);
        ck_assert_str_eq(m->pieces[at].text, json_string_value(piece));
        ck_assert_int_eq(sp_find(m, m->pieces[at].text, m->pieces[at].length), at);
    }
    check_cases(m, golden_get(part, "cases"), 233);
    sp_close(m);
    json_decref(root);
}
END_TEST

START_TEST(decoding_gives_the_recorded_texts)
{
    json_t *root = golden_json(GOLDEN "tokenizer.json");
    const json_t *cases = golden_get(golden_get(root, "uio2"), "decode_cases"), *one;
    sp_model *m = open_model(GOLDEN "tok_bpe.model", &uio2);
    size_t i;
    ck_assert_uint_ge(json_array_size(cases), 101);
    json_array_foreach(cases, i, one)
    {
        const json_t *list = golden_get(one, "ids");
        const size_t n = json_array_size(list);
        int32_t ids[512];
        ck_assert_uint_lt(n, 512);
        for (size_t k = 0; k < n; k++)
            ids[k] = (int32_t)json_integer_value(json_array_get(list, k));
        omn_buf out = decode(m, ids, n);
        same_text(&out, golden_get(one, "decoded"), i);
        same_stream(m, ids, n, &out);
        omn_buf_fini(&out);
    }
    sp_close(m);
    json_decref(root);
}
END_TEST

START_TEST(larger_locations_have_smaller_ids)
{
    sp_model *m = open_model(GOLDEN "tok_bpe.model", &uio2);
    ck_assert_int_eq(sp_location(m, 0), 2999);
    ck_assert_int_eq(sp_location(m, 999), 2000);
    ck_assert_int_eq(sp_location(m, 1000), -1);
    ck_assert_str_eq(m->pieces[sp_location(m, 300)].text, UTF8_SPACE_MARK "<extra_id_500>");
    sp_close(m);
}
END_TEST

START_TEST(a_stream_holds_back_unfinished_characters)
{
    static const unsigned char bytes[] = { 0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 'x', 0xff, 0xc3 };
    static const size_t lengths[] = { 0, 0, 0, 4, 4, 4, 4 + 3 + 3 + 1, 4 + 3 + 3 + 1 + 3, 14 };
    sp_model *m = open_model(GOLDEN "tok_bpe.model", NULL);
    sp_stream s = { 0 };
    omn_buf out;
    omn_buf_init(&out, 100);
    for (size_t i = 0; i < sizeof bytes; i++) {
        ck_assert_int_eq(sp_stream_put(m, &s, m->bytes[bytes[i]], &out, NULL), OMN_OK);
        ck_assert_msg(out.length == lengths[i], "%zu bytes after byte %zu", out.length, i);
    }
    ck_assert_int_eq(sp_stream_end(m, &s, &out, NULL), OMN_OK);
    ck_assert_str_eq(out.data, "\xf0\x9f\x98\x80" UTF8_REPLACEMENT UTF8_REPLACEMENT
                               "x" UTF8_REPLACEMENT UTF8_REPLACEMENT);
    omn_buf_fini(&out);
    sp_close(m);
}
END_TEST

START_TEST(the_door_encodes_decodes_and_streams)
{
    const char *settings[] = { "file",        testing_source(GOLDEN "tok_bpe.model"),
                               "start_first", "true",
                               "sentinels",   "200",
                               "bins",        "1000",
                               "histories",   "8",
                               "marks",       "true",
                               NULL };
    const char *text = "[Text] [S] a <extra_id_200>";
    omn_error err = OMN_ERROR_INIT;
    omn_buf out;
    int32_t ids[16];
    size_t n = 0;
    void *self = NULL;
    const omn_codec_impl *c = door_open(&omnio_plugin, "text.sentencepiece", &self, NULL, settings);
    ck_assert_str_eq(c->speaks, "text");
    ck_assert_int_eq(c->pieces(self), 3225);
    ck_assert_int_eq(c->piece(self, UTF8_SPACE_MARK "<image_input>"), 3216);
    ck_assert_int_eq(c->piece(self, "<image_input>"), 3216);
    ck_assert_int_eq(c->piece(self, "[Text] [S]"), 3218);
    ck_assert_int_eq(c->piece(self, "<extra_id_200>"), 2999);
    ck_assert_int_eq(c->piece(self, "</s>"), 1);
    ck_assert_int_eq(c->piece(self, "no such piece"), -1);
    ck_assert_int_eq(c->encode(self, text, strlen(text), ids, 16, &n, NULL), OMN_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(ids[0], 3218);
    ck_assert_int_eq(ids[2], 2999);
    ck_assert_int_eq(c->encode(self, text, strlen(text), ids, 2, &n, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "3 tokens"));
    omn_buf_init(&out, 1000);
    ck_assert_int_eq(c->decode(self, ids, 3, &out, NULL), OMN_OK);
    ck_assert_str_eq(out.data, text);
    out.length = 0;
    const omn_stream_impl *s = c->extension("omnio.stream/1");
    char state[64] = { 0 };
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(s->push(self, state, ids[i], i == 2, &out, NULL), OMN_OK);
    ck_assert_uint_eq(out.length, strlen(text));
    ck_assert_int_eq(memcmp(out.data, text, out.length), 0);
    ck_assert_ptr_null(c->extension("omnio.unheard/1"));
    omn_buf_fini(&out);
    c->close(self);
}
END_TEST

START_TEST(the_door_names_the_file_that_is_wrong)
{
    const char *path = testing_write(testing_folder(), "odd.model", "hello", 5);
    const char *settings[] = { "file", path, NULL };
    omn_error err = OMN_ERROR_INIT;
    void *self = NULL;
    const omn_codec_impl *c = door_open(&omnio_plugin, "text.sentencepiece", &self, &err, settings);
    ck_assert_uint_eq(err.status, OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "odd.model"));
    c->close(self);
}
END_TEST

/* Every text with the number of pieces that it may cost at most. */
START_TEST(nano_spells_its_world_in_words)
{
    static const struct {
        const char *text;
        size_t most;
    } cases[] = {
        { "What colour is the cube? A short answer to the question is", 6 },
        { "HOW MANY MATTE OBJECTS ARE THERE ?", 7 },
        { "Which region does the text \"the small red matte cube\" describe?", 7 },
        { "Return the bounding boxes and categories of region matching \"large cylinder\"", 4 },
        { "List all objects and their locations in the image", 1 },
        { "Caption this image.", 1 },
        { "What is this? Return a precise but very short answer.", 1 },
        { "What is the category of the object at <extra_id_0> <extra_id_31> <extra_id_32> "
          "<extra_id_63>?",
          6 },
        { "two objects: a small red cube, a large green ball", 9 },
        { "[Text] [S] yes", 2 },
        { "[Image] [S] <image_input>", 2 },
    };
    static const char *const words[] = {
        "cube",     "sphere", "cylinder", "cone",      "red",    "green",   "blue",    "yellow",
        "purple",   "orange", "white",    "black",     "small",  "large",   "matte",   "shiny",
        "ball",     "block",  "box",      "little",    "tiny",   "big",     "dull",    "glossy",
        "metallic", "cubes",  "spheres",  "cylinders", "cones",  "balls",   "blocks",  "boxes",
        "objects",  "things", "yes",      "no",        "none",   "one",     "two",     "three",
        "four",     "five",   "six",      "left",      "right",  "front",   "behind",  "larger",
        "smaller",  "bigger", "more",     "fewer",     "less",   "same",    "color",   "colour",
        "shape",    "size",   "material", "surface",   "finish", "kind",    "picture", "image",
        "camera",   "nearer", "closer",   "further",   "away",   "visible", "what's",  "contain",
        "exactly",  "any",    "than",     "which",
    };
    sp_model *m = open_model("models/nano/tokenizer.model", &nano);
    ck_assert_uint_ge(m->count, 600);
    ck_assert_uint_le(m->count, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_ids ids = encode(m, cases[i].text, strlen(cases[i].text));
        ck_assert_msg(ids.count <= cases[i].most, "%zu pieces: %s", ids.count, cases[i].text);
        free(ids.id);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        sp_ids ids = encode(m, words[i], strlen(words[i]));
        ck_assert_msg(ids.count == 1, "%s has %zu pieces", words[i], ids.count);
        free(ids.id);
    }
    sp_close(m);
}
END_TEST

START_TEST(nano_writes_any_text)
{
    static const struct {
        const char *text, *back;
    } cases[] = {
        { "What COLOUR is  the \xe2\x80\x9c"
          "ball\xe2\x80\x9d\xe2\x80\xa6",
          "what colour is the \"ball\"..." },
        { "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xf0\x9f\x98\x80 w\xc3\xb6rld",
          "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xf0\x9f\x98\x80 w\xc3\xb6rld" },
        { "a\tb\nc", "a b c" },
        { "  ", "" },
        { "{x}_[y]~\\|", "{x}_[y]~\\|" },
        { "\xef\xbc\xa1\xef\xbc\x91\xe3\x80\x80x", "a1 x" },
        { "[Text] [S] Box at <extra_id_7> <extra_id_8>",
          "[Text] [S] box at <extra_id_7> <extra_id_8>" },
    };
    sp_model *m = open_model("models/nano/tokenizer.model", &nano);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_ids ids = encode(m, cases[i].text, strlen(cases[i].text));
        omn_buf out = decode(m, ids.id, ids.count);
        for (size_t k = 0; k < ids.count; k++) ck_assert_int_ne(ids.id[k], m->unknown);
        ck_assert_str_eq(out.data != NULL ? out.data : "", cases[i].back);
        omn_buf_fini(&out);
        free(ids.id);
    }
    sp_close(m);
}
END_TEST

/* The slow tokenizer of the Transformers library, as BEiT-3's program makes it. */
static void check_fairseq(const char *model, const char *table)
{
    const sp_extra extra = { .fairseq = true };
    json_t *root = golden_json(table);
    const json_t *ids_of = golden_get(root, "ids"), *cases = golden_get(root, "cases"), *one;
    const char *name;
    const json_t *id;
    size_t i;
    sp_model *m = open_model(model, &extra);
    json_object_foreach((json_t *)ids_of, name, id)
        ck_assert_int_eq(sp_find(m, name, strlen(name)), json_integer_value(id));
    ck_assert_int_eq(m->count, json_integer_value(golden_get(root, "pieces")) + 2);
    ck_assert_uint_ge(json_array_size(cases), 25);
    json_array_foreach(cases, i, one)
    {
        const json_t *text = golden_get(one, "text");
        omn_error err = OMN_ERROR_INIT;
        omn_buf out;
        sp_ids ids = encode(m, json_string_value(text), json_string_length(text));
        same_ids(&ids, golden_get(one, "ids"), i);
        omn_buf_init(&out, 1 << 20);
        ck_assert(sp_decode(m, ids.id, ids.count, SP_ALL, &out, &err) == OMN_OK);
        same_text(&out, golden_get(one, "decoded"), i);
        omn_buf_fini(&out);
        free(ids.id);
    }
    sp_close(m);
    json_decref(root);
}

START_TEST(fairseq_numbers_pieces_its_own_way)
{
    check_fairseq("tests/golden/beit3/tiny_a.spm", "tests/golden/beit3/tiny_a.tokenizer.json");
    check_fairseq("tests/golden/beit3/tiny_b.spm", "tests/golden/beit3/tiny_b.tokenizer.json");
}
END_TEST

static void among_any_bytes(const char *model, const sp_extra *extra)
{
    static const char *const parts[] = { "<mask>", "<extra_id_0>", "</s", ">", "<", " ", "\xff",
                                         "dog", "<pad>", "<unk>", "\t", "<<vis_extra_id_3>>" };
    sp_model *m = open_model(model, extra);
    for (uint64_t i = 0; i < 2000; i++) {
        char text[256] = "";
        size_t n = 0;
        for (uint64_t k = 0; k < 12; k++) {
            const char *part = parts[omn_random_at(3, i, k) % 12];
            memcpy(text + n, part, strlen(part) + 1);
            n += strlen(part);
        }
        sp_ids ids = encode(m, text, n);
        for (size_t k = 0; k < ids.count; k++)
            ck_assert(ids.id[k] >= 0 && (uint32_t)ids.id[k] < m->count);
        omn_buf out = decode(m, ids.id, ids.count);
        ck_assert(!out.length || (out.data[0] != ' ' && out.data[out.length - 1] != ' '));
        omn_buf_fini(&out);
        free(ids.id);
    }
    sp_close(m);
}

/* Names may stand anywhere, whole or not, in any number. */
START_TEST(names_among_any_bytes)
{
    const sp_extra fairseq = { .fairseq = true }, t5 = { .gaps = 100, .visual = 100 };
    const sp_extra quiet = { .gaps = 100, .visual = 100, .hush = true };
    const sp_extra tight = { .gaps = 100, .visual = 100, .tight = true };
    among_any_bytes("tests/golden/vl-t5/tiny_spm.model", &tight);
    among_any_bytes("tests/golden/beit3/tiny_a.spm", &fairseq);
    among_any_bytes("tests/golden/vl-t5/tiny_spm.model", &t5);
    among_any_bytes("tests/golden/vl-t5/tiny_spm.model", &quiet);
}
END_TEST

/* What Python strips, the Transformers library strips beside a name; the last is no blank. */
START_TEST(names_take_blanks_of_any_kind)
{
    static const char *const blanks[] = { "\x1C", "\x1F", "\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80",
                                          "\xE2\x80\x80", "\xE2\x80\x8A", "\xE2\x80\xA8",
                                          "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
                                          "\xC3\xA9" };
    const sp_extra fairseq = { .fairseq = true }, t5 = { .gaps = 100 };
    sp_model *m[2] = { open_model("tests/golden/beit3/tiny_a.spm", &fairseq),
                       open_model("tests/golden/t5/tiny_spm.model", &t5) };
    static const char *const ends[2][2] = { { "dog", "<mask>" }, { "", "<extra_id_0>dog" } };
    for (size_t i = 0; i < 12; i++)
        for (int k = 0; k < 2; k++) {
            char text[64];
            snprintf(text, sizeof text, "%s%s%s%s", ends[k][0], blanks[i], blanks[(i + 1) % 11],
                     ends[k][1]);
            sp_ids with = encode(m[k], text, strlen(text));
            snprintf(text, sizeof text, "%s%s", ends[k][0], ends[k][1]);
            sp_ids bare = encode(m[k], text, strlen(text));
            const bool same = with.count == bare.count &&
                              !memcmp(with.id, bare.id, bare.count * sizeof *bare.id);
            ck_assert_msg(same == (i < 11), "blank %zu of form %d", i, k);
            free(with.id);
            free(bare.id);
        }
    /* at the ends of a text, and beside the names of the file itself, they are a text's own */
    static const char *const own[][2] = { { "\xC2\x85 dog", "dog" },
                                          { "dog \xC2\x85<pad>", "dog<pad>" } };
    for (size_t i = 0; i < 2; i++) {
        sp_ids with = encode(m[1], own[i][0], strlen(own[i][0]));
        sp_ids bare = encode(m[1], own[i][1], strlen(own[i][1]));
        ck_assert_uint_gt(with.count, bare.count);
        free(with.id);
        free(bare.id);
    }
    for (int k = 0; k < 2; k++) sp_close(m[k]);
}
END_TEST

/* The texts of VL-T5's tokenizer: what the original program decodes, names and unknown pieces left
 * out; and the same one id at a time but for the blanks at the ends. */
START_TEST(t5_leaves_its_names_out)
{
    const sp_extra quiet = { .gaps = 100, .visual = 100, .hush = true };
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    sp_model *m = open_model("tests/golden/vl-t5/tiny_spm.model", &quiet);
    ck_assert(omn_weights_open(testing_source("tests/golden/vl-t5/tokenizer.safetensors"), &w,
                               &err) == OMN_OK);
    const omn_tensor *ids = omn_weights_get(w, "out.ids");
    json_t *texts = json_loads(omn_weights_meta(w, "decoded"), 0, NULL), *one;
    size_t i;
    ck_assert_uint_eq(json_array_size(texts), (size_t)ids->shape.dim[0]);
    json_array_foreach(texts, i, one)
    {
        int32_t row[20];
        size_t n = 0;
        memcpy(row, (const int32_t *)ids->data + i * 20, sizeof row);
        while (n < 20 && row[n] >= 0) n++;
        omn_buf out;
        omn_buf_init(&out, 1 << 16);
        ck_assert(sp_decode(m, row, n, SP_TO_END, &out, &err) == OMN_OK);
        same_text(&out, one, i);
        omn_buf_fini(&out);
    }
    json_decref(texts);
    omn_weights_close(w);
    sp_close(m);
}
END_TEST

/* What the Transformers library's tokenizer makes of names among words, "legacy" or not:
 * tests/golden/t5/legacy.py. */
START_TEST(behind_a_name_a_word_begins_as_the_library_says)
{
    json_t *root = golden_json("tests/golden/t5/legacy.json"), *file, *text;
    json_t *texts = golden_get(root, "texts");
    size_t f, i, differ = 0;
    json_array_foreach(golden_get(root, "files"), f, file)
        for (int tight = 0; tight < 2; tight++) {
            const sp_extra extra = { .gaps = 100, .tight = tight };
            sp_model *m = open_model(json_string_value(golden_get(file, "file")), &extra);
            const json_t *rows = golden_get(file, tight ? "new" : "legacy");
            const json_t *other = golden_get(file, tight ? "legacy" : "new");
            ck_assert_uint_eq(json_array_size(rows), json_array_size(texts));
            json_array_foreach(texts, i, text)
            {
                sp_ids ids = encode(m, json_string_value(text), json_string_length(text));
                same_ids(&ids, json_array_get(rows, i), i);
                differ += !json_equal(json_array_get(rows, i), json_array_get(other, i));
                free(ids.id);
            }
            sp_close(m);
        }
    ck_assert_uint_gt(differ, 100);
    json_decref(root);
}
END_TEST

START_TEST(files_that_cannot_be_numbered_so)
{
    static const sp_extra both[] = { { .fairseq = true, .bins = 3 }, { .gaps = 3, .bins = 3 },
                                     { .gaps = 3, .fairseq = true }, { .visual = 100001 } };
    size_t size = 0;
    char *data = golden_file("tests/golden/beit3/tiny_a.spm", &size);
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        omn_error err = OMN_ERROR_INIT;
        sp_model *m = NULL;
        ck_assert_int_eq(sp_open(data, size, &both[i], &m, &err), OMN_ERR_ARGUMENT);
    }
    free(data);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        bpe_gives_the_recorded_ids,
        unigram_gives_the_recorded_ids,
        extra_pieces_are_those_of_unified_io_2,
        decoding_gives_the_recorded_texts,
        larger_locations_have_smaller_ids,
        a_stream_holds_back_unfinished_characters,
        the_door_encodes_decodes_and_streams,
        the_door_names_the_file_that_is_wrong,
        nano_spells_its_world_in_words,
        nano_writes_any_text,
        fairseq_numbers_pieces_its_own_way,
        names_among_any_bytes,
        names_take_blanks_of_any_kind,
        t5_leaves_its_names_out,
        behind_a_name_a_word_begins_as_the_library_says,
        files_that_cannot_be_numbered_so,
    };
    return TESTING_RUN("codec/sentencepiece", all, 4);
}
