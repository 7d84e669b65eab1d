/* SPDX-License-Identifier: Apache-2.0 */
/* Byte pair encoding whose ids are in files, against the original programs: OFA's (encoder.json,
 * vocab.bpe, dict.txt), UniTAB's (vocab.json, merges.txt), GPT-NeoX's (tokenizer.json); texts of
 * odd characters against the Tokenizers library; that no text is lost, whatever bytes it is; and
 * files that are damaged or lie. */
#include "plugins/codec/bpe/bpe.h"

#include "tests/codec/door.h"
#include "tests/codec/golden.h"
#include "tests/testing.h"

#include <omnio/kinds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const omn_plugin omnio_plugin;

static const char *const models[] = { "tiny_a", "tiny_b" };

/* A path below the golden folder; four at a time. */
static const char *golden(const char *family, const char *model, const char *what)
{
    static char path[4][512];
    static int turn;
    char local[256];
    turn = (turn + 1) % 4;
    snprintf(local, sizeof local, "tests/golden/%s/%s%s", family, model, what);
    snprintf(path[turn], sizeof path[turn], "%s", testing_source(local));
    return path[turn];
}

static const omn_codec_impl *open_ofa(const char *model, int codes, int bins, bool read,
                                       void **self)
{
    char added[64];
    snprintf(added, sizeof added, "<mask>,<code_0..%d>,<bin_0..%d>", codes - 1,
             bins - 1);
    const char *const set[] = { "file",       golden("ofa", model, ".bpe/vocab.bpe"),
                                "style",      "gpt2",
                                "vocabulary", golden("ofa", model, ".bpe/encoder.json"),
                                "dictionary", golden("ofa", model, ".bpe/dict.txt"),
                                "added",      added,
                                "added_read", read ? "true" : "false",
                                "added_blanks", "true", NULL };
    return door_open(&omnio_plugin, "text.bpe", self, NULL, set);
}

static const omn_codec_impl *open_unitab(const char *model, void **self)
{
    const char *const set[] = { "file",       golden("unitab", model, ".bpe/merges.txt"),
                                "style",      "roberta",
                                "vocabulary", golden("unitab", model, ".bpe/vocab.json"), NULL };
    return door_open(&omnio_plugin, "text.bpe", self, NULL, set);
}

static const omn_codec_impl *open_neox(bool silent, void **self)
{
    const char *const set[] = { "file",  golden("flamingo", "", "tokenizer.json"),
                                "style", "json",
                                "added", "<|endofchunk|>,<image>,<PAD>",
                                "added_silent", silent ? "true" : "false", NULL };
    return door_open(&omnio_plugin, "text.bpe", self, NULL, set);
}

/* The ids of a text are wanted[from..to), and of them it is made again. */
static void same_ids(const omn_codec_impl *k, const void *self, const json_t *text,
                     const json_t *wanted, size_t from, size_t to, const char *decoded)
{
    omn_error err = OMN_ERROR_INIT;
    int32_t ids[512];
    size_t n = 0;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    ck_assert_msg(k->encode(self, json_string_value(text), json_string_length(text), ids, 512, &n,
                            &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(n == to - from, "\"%s\": %zu ids, not %zu", json_string_value(text), n,
                  to - from);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(ids[i] == json_integer_value(json_array_get(wanted, from + i)),
                      "\"%s\": id %zu is %d, not %d", json_string_value(text), i, (int)ids[i],
                      (int)json_integer_value(json_array_get(wanted, from + i)));
    ck_assert(k->decode(self, ids, n, &b, &err) == OMN_OK);
    if (decoded) ck_assert_str_eq(b.data ? b.data : "", decoded);
    omn_buf_fini(&b);
}

START_TEST(ids_of_ofa)
{
    for (size_t m = 0; m < 2; m++) {
        char path[64];
        snprintf(path, sizeof path, "tests/golden/ofa/%s.tokenizer.json", models[m]);
        json_t *all = golden_json(path), *one;
        const json_t *config = golden_get(all, "config");
        const int bins = (int)json_integer_value(golden_get(config, "num_bins"));
        const int codes = (int)json_integer_value(golden_get(config, "code_dict_size"));
        void *self = NULL;
        const omn_codec_impl *k = open_ofa(models[m], codes, bins, false, &self);
        size_t i;
        ck_assert_int_eq(k->piece(self, "<mask>"),
                         (int)json_integer_value(golden_get(config, "mask_id")));
        ck_assert_int_eq(k->piece(self, "<code_0>"),
                         (int)json_integer_value(golden_get(config, "code_first")));
        ck_assert_int_eq(k->piece(self, "<bin_0>"),
                         (int)json_integer_value(golden_get(config, "bin_first")));
        json_array_foreach(golden_get(all, "strings"), i, one)
            same_ids(k, self, golden_get(one, "text"), golden_get(one, "ids"), 0,
                     json_array_size(golden_get(one, "ids")),
                     json_string_value(golden_get(one, "decoded")));
        ck_assert_uint_gt(i, 15);
        k->close(self);
        json_decref(all);
    }
}
END_TEST

/* Rows of names that the original looks up without its byte pairs. */
START_TEST(names_that_are_added)
{
    static const char text[] = " region: <bin_0> <bin_3>\t<bin_29><mask>", again[] =
        " region:<bin_0><bin_3><bin_29><mask>";
    void *self = NULL;
    const omn_codec_impl *k = open_ofa("tiny_a", 32, 30, true, &self);
    int32_t ids[64];
    size_t n = 0;
    omn_buf b;
    omn_buf_init(&b, 1 << 10);
    ck_assert(k->encode(self, text, strlen(text), ids, 64, &n, NULL) == OMN_OK);
    ck_assert_uint_gt(n, 4);
    static const int32_t last[] = { 446, 449, 475, 413 };
    for (size_t i = 0; i < 4; i++) ck_assert_int_eq(ids[n - 4 + i], last[i]);
    ck_assert(k->decode(self, ids, n, &b, NULL) == OMN_OK);
    ck_assert_str_eq(b.data, again);
    omn_buf_fini(&b);
    ck_assert(k->encode(self, "<bin_30>", 8, ids, 64, &n, NULL) == OMN_OK);
    ck_assert_uint_gt(n, 1);                        /* there is none: it is spelt */
    k->close(self);
}
END_TEST

START_TEST(ids_of_unitab)
{
    for (size_t m = 0; m < 2; m++) {
        char path[64];
        snprintf(path, sizeof path, "tests/golden/unitab/%s.tokenizer.json", models[m]);
        json_t *all = golden_json(path), *one;
        const json_t *config = golden_get(all, "config");
        void *self = NULL;
        const omn_codec_impl *k = open_unitab(models[m], &self);
        size_t i;
        ck_assert_int_eq(k->pieces(self),
                         (int)json_integer_value(golden_get(config, "text_vocab")));
        json_array_foreach(golden_get(all, "strings"), i, one)
        {
            /* the original's have start and end around them */
            const json_t *ids = golden_get(one, "ids");
            same_ids(k, self, golden_get(one, "text"), ids, 1, json_array_size(ids) - 1,
                     json_string_value(golden_get(one, "decoded")));
        }
        ck_assert_uint_gt(i, 15);
        k->close(self);
        json_decref(all);
    }
}
END_TEST

START_TEST(ids_of_gpt_neox)
{
    size_t size = 0, n = 0;
    uint64_t header = 0;
    char *file = golden_file("tests/golden/flamingo/tokenizer.safetensors", &size);
    int32_t *ids = golden_tensor("tests/golden/flamingo/tokenizer.safetensors", "out.ids", &n);
    memcpy(&header, file, 8);
    json_t *root = json_loadb(file + 8, (size_t)header, 0, NULL);
    const json_t *meta = golden_get(root, "__metadata__");
    json_t *texts = json_loads(json_string_value(golden_get(meta, "strings")), 0, NULL), *one;
    const size_t strings = json_array_size(texts), width = n / strings;
    ck_assert_uint_ge(strings, 20);
    for (int silent = 0; silent < 2; silent++) {
        json_t *again = json_loads(json_string_value(golden_get(
                            meta, silent ? "decoded_skip_special" : "decoded")), 0, NULL);
        void *self = NULL;
        const omn_codec_impl *k = open_neox(silent, &self);
        size_t i;
        ck_assert_int_eq(k->pieces(self), 330);
        ck_assert_int_eq(k->piece(self, "<image>"), 328);
        json_array_foreach(texts, i, one)
        {
            json_t *wanted = json_array();
            bool ends = false; /* the file's own are silent however the added are */
            for (size_t j = 0; j < width && ids[i * width + j] >= 0; j++) {
                json_array_append_new(wanted, json_integer(ids[i * width + j]));
                ends = ends || ids[i * width + j] < 2;
            }
            same_ids(k, self, one, wanted, 0, json_array_size(wanted),
                     ends && !silent ? NULL : json_string_value(json_array_get(again, i)));
            json_decref(wanted);
        }
        k->close(self);
        json_decref(again);
    }
    json_decref(texts);
    json_decref(root);
    free(ids);
    free(file);
}
END_TEST

/* Marks, endings, numbers of many scripts, kinds of blanks in random order: the ids that the
 * Tokenizers library makes of them. */
START_TEST(odd_texts)
{
    json_t *all = golden_json("tests/golden/codecs/bytepairs.json"), *one;
    void *self[2] = { NULL, NULL };
    const char *const set[] = { "file", golden("flamingo", "", "tokenizer.json"), "style", "json",
                                NULL };
    const omn_codec_impl *k = door_open(&omnio_plugin, "text.bpe", &self[0], NULL, set);
    open_unitab("tiny_a", &self[1]);
    size_t i;
    json_array_foreach(all, i, one)
    {
        const json_t *neox = golden_get(one, "neox"), *roberta = golden_get(one, "roberta");
        same_ids(k, self[0], golden_get(one, "text"), neox, 0, json_array_size(neox), NULL);
        same_ids(k, self[1], golden_get(one, "text"), roberta, 0, json_array_size(roberta), NULL);
    }
    ck_assert_uint_ge(i, 300);
    for (int j = 0; j < 2; j++) k->close(self[j]);
    json_decref(all);
}
END_TEST

/* Words as Llama 3 and Qwen 2 cut them: what the same library makes of the same vocabulary. */
START_TEST(words_cut_by_an_expression)
{
    static const char *const cuts[] = { "llama3", "qwen2" };
    json_t *cases = golden_json("tests/golden/llama/bytepairs.json"), *one;
    for (int c = 0; c < 2; c++) {
        json_t *all = golden_json("tests/golden/flamingo/tokenizer.json");
        omn_error err = OMN_ERROR_INIT;
        bpe *b = NULL;
        size_t i;
        json_object_set(all, "pre_tokenizer", golden_get(golden_get(cases, "cuts"), cuts[c]));
        json_object_set_new(golden_get(all, "model"), "ignore_merges", json_boolean(c == 0));
        /* runs of blanks have names there, which would be cut out before */
        while (json_array_size(golden_get(all, "added_tokens")) > 2)
            json_array_remove(golden_get(all, "added_tokens"), 2);
        char *text = json_dumps(all, 0);
        const bpe_file f = { "f", text, strlen(text) };
        ck_assert_msg(bpe_open_tokenizer(&f, &b, &err) == OMN_OK, "%s", err.text);
        ck_assert(bpe_marks_done(b, &err) == OMN_OK);
        json_array_foreach(golden_get(cases, "cases"), i, one)
        {
            const json_t *want = golden_get(one, cuts[c]), *said = golden_get(one, "text");
            bpe_ids ids = { 0 };
            omn_buf back;
            omn_buf_init(&back, 1 << 16);
            ck_assert(bpe_encode(b, json_string_value(said), json_string_length(said), &ids,
                                 &err) == OMN_OK);
            ck_assert_msg(ids.n == json_array_size(want), "%s: \"%s\"", cuts[c],
                          json_string_value(said));
            for (size_t k = 0; k < ids.n; k++)
                ck_assert_int_eq(ids.id[k], (int)json_integer_value(json_array_get(want, k)));
            ck_assert(bpe_decode(b, ids.id, ids.n, &back, &err) == OMN_OK);
            ck_assert_str_eq(back.data, json_string_value(said));
            omn_buf_fini(&back);
            free(ids.id);
        }
        ck_assert_uint_ge(i, 100);
        bpe_close(b);
        free(text);
        json_decref(all);
    }
    json_decref(cases);
}
END_TEST

/* Names of every sort, with blanks that are their own, in a file that puts a blank in front of what
 * is read: as the same library reads it. */
START_TEST(names_and_blanks)
{
    json_t *marks = golden_json("tests/golden/codecs/bytepairs_marks.json"), *one;
    json_t *all = golden_json("tests/golden/flamingo/tokenizer.json");
    omn_error err = OMN_ERROR_INIT;
    bpe *b = NULL;
    size_t i;
    json_array_extend(golden_get(all, "added_tokens"), golden_get(marks, "added_tokens"));
    json_object_set_new(golden_get(all, "pre_tokenizer"), "add_prefix_space", json_true());
    char *text = json_dumps(all, 0);
    const bpe_file f = { "f", text, strlen(text) };
    ck_assert_msg(bpe_open_tokenizer(&f, &b, &err) == OMN_OK, "%s", err.text);
    ck_assert(bpe_marks_done(b, &err) == OMN_OK);
    json_array_foreach(golden_get(marks, "cases"), i, one)
    {
        const json_t *want = golden_get(one, "ids"), *said = golden_get(one, "text");
        bpe_ids ids = { 0 };
        ck_assert(bpe_encode(b, json_string_value(said), json_string_length(said), &ids, &err) ==
                  OMN_OK);
        ck_assert_uint_eq(ids.n, json_array_size(want));
        for (size_t k = 0; k < ids.n; k++)
            ck_assert_int_eq(ids.id[k], (int)json_integer_value(json_array_get(want, k)));
        free(ids.id);
    }
    ck_assert_uint_ge(i, 150);
    bpe_close(b);
    free(text);
    json_decref(all);
    json_decref(marks);
}
END_TEST

/* Whatever bytes: what is decoded is the text with U+FFFD for what is no UTF-8, at once and id by
 * id, and each id alone spells bytes that are its part. */
START_TEST(random_bytes)
{
    void *self = NULL;
    const omn_codec_impl *k = open_ofa("tiny_a", 32, 30, true, &self);
    const omn_stream_impl *stream = k->extension("omnio.stream/1");
    const omn_spelling_impl *spelling = k->extension("omnio.spelling/1");
    for (uint64_t round = 0; round < 2000; round++) {
        _Alignas(max_align_t) char state[64] = { 0 };
        char text[64];
        int32_t ids[1024];
        size_t count = 0;
        points p = { 0 };
        omn_buf b[4];
        const size_t n = (size_t)(omn_random_at(1, round, 0) % sizeof text);
        const bool plain = round % 2;
        for (size_t i = 0; i < n; i++) {
            const uint64_t x = omn_random_at(2, round, i);
            text[i] = plain ? "aA 's1  \n\xC3\xB6\xCC\x81\xE2\x80\x99" "the"[x % 20] : (char)x;
        }
        for (int i = 0; i < 4; i++) omn_buf_init(&b[i], 1 << 16);
        ck_assert(k->encode(self, text, n, ids, 1024, &count, NULL) == OMN_OK);
        ck_assert(k->decode(self, ids, count, &b[0], NULL) == OMN_OK);
        for (size_t i = 0; i < count; i++) {
            omn_spelt what = OMN_SPELT_NONE;
            ck_assert(ids[i] >= 4 && ids[i] < k->pieces(self));
            ck_assert(stream->push(self, state, ids[i], i + 1 == count, &b[1], NULL) == OMN_OK);
            ck_assert(spelling->spell(self, ids[i], i == 0, &b[2], &what, NULL) == OMN_OK);
            ck_assert_int_eq(what, OMN_SPELT_TEXT);
        }
        points_read(&p, text, n);
        for (size_t i = 0; i < p.n; i++) points_utf8(p.at[i], &b[3]);
        for (int i = 0; i < 3; i++) {
            ck_assert_uint_eq(b[i].length, b[3].length);
            ck_assert(!b[i].length || !memcmp(b[i].data, b[3].data, b[i].length));
        }
        points_fini(&p);
        for (int i = 0; i < 4; i++) omn_buf_fini(&b[i]);
    }
    k->close(self);
}
END_TEST

/* A character whose bytes are several ids is not shown in parts; what never becomes one is. */
START_TEST(whole_characters)
{
    void *self = NULL;
    const omn_codec_impl *k = open_unitab("tiny_a", &self);
    const omn_stream_impl *stream = k->extension("omnio.stream/1");
    _Alignas(max_align_t) char state[64] = { 0 };
    int32_t ids[8];
    size_t n = 0;
    omn_buf b;
    omn_buf_init(&b, 100);
    ck_assert(k->encode(self, "\xF0\x9F\x98\x80", 4, ids, 8, &n, NULL) == OMN_OK);
    ck_assert_uint_eq(n, 4);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(stream->push(self, state, ids[i], false, &b, NULL) == OMN_OK);
        ck_assert_uint_eq(b.length, 0);
    }
    ck_assert(stream->push(self, state, ids[3], false, &b, NULL) == OMN_OK);
    ck_assert_str_eq(b.data, "\xF0\x9F\x98\x80");
    ck_assert(stream->push(self, state, ids[0], false, &b, NULL) == OMN_OK);
    ck_assert(stream->push(self, state, -1, true, &b, NULL) == OMN_OK);
    ck_assert_str_eq(b.data, "\xF0\x9F\x98\x80\xEF\xBF\xBD");
    omn_buf_fini(&b);
    k->close(self);
}
END_TEST

/* ---- files that are wrong -------------------------------------------------------------------- */

/* The golden files with one of them changed. */
typedef struct set { char *text[3]; size_t n[3]; } set;
enum { MERGES, IDS, DICTIONARY };

static set read_set(void)
{
    static const char *const names[] = { "vocab.bpe", "encoder.json", "dict.txt" };
    set s;
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/golden/ofa/tiny_a.bpe/%s", names[i]);
        s.text[i] = golden_file(path, &s.n[i]);
    }
    return s;
}

static omn_status try_set(const set *s, omn_error *err)
{
    const bpe_file merges = { "merges", s->text[MERGES], s->n[MERGES] },
                   ids = { "ids", s->text[IDS], s->n[IDS] },
                   lines = { "lines", s->text[DICTIONARY], s->n[DICTIONARY] };
    bpe *b = NULL;
    bpe_ids out = { 0 };
    omn_status st = bpe_open_vocabulary(&ids, &merges, &lines, "gpt2", &b, err);
    if (st == OMN_OK) st = bpe_marks_done(b, err);
    if (st == OMN_OK) st = bpe_encode(b, "the cat's 12", 12, &out, err);
    free(out.id);
    bpe_close(b);
    return st;
}

START_TEST(lists_that_lie)
{
    static const struct { int file; const char *text, *says; } list[] = {
        { MERGES, "#version: 0.2\n\xC4\xA0 t\nab\n", "merges:3" },
        { MERGES, "t h h\n", "blank" },
        { MERGES, "t \xE2\x82\xAC\n", "no two rows" },
        { MERGES, "q q\n", "not all in the vocabulary" },
        { IDS, "[1, 2]", "an object" },
        { IDS, "{\"a\": 0", "ids:1" },
        { IDS, "{\"a\": 0, \"a\": 1}", "duplicate" },
        { IDS, "{\"a\": 0, \"b\": 0}", "two pieces have id 0" },
        { IDS, "{\"a\": -1}", "no id that is possible" },
        { IDS, "{\"a\": 4000000}", "no id that is possible" },
        { IDS, "{\"a\": 1.5}", "no id that is possible" },
        { IDS, "{\"\": 1}", "0 bytes" },
        { IDS, "{\"a\": 1}", "no piece is the byte 0" },
        { DICTIONARY, "5 1\n6\n", "lines:2" },
        { DICTIONARY, "5 1\n5 1\n", "twice" },
        { DICTIONARY, "5 \n", "how often" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        set s = read_set();
        omn_error err = OMN_ERROR_INIT;
        char line[600];
        free(s.text[list[i].file]);
        s.n[list[i].file] = strlen(list[i].text);
        s.text[list[i].file] = malloc(s.n[list[i].file] + 1);
        ck_assert_ptr_nonnull(s.text[list[i].file]);
        memcpy(s.text[list[i].file], list[i].text, s.n[list[i].file] + 1);
        ck_assert_msg(try_set(&s, &err) != OMN_OK, "%s", list[i].text);
        omn_error_line(&err, line, sizeof line);
        ck_assert_msg(strstr(line, list[i].says), "\"%s\" lacks \"%s\"", line, list[i].says);
        for (int j = 0; j < 3; j++) free(s.text[j]);
    }
}
END_TEST

/* tokenizer.json with one member set to something else. */
START_TEST(what_is_not_done_is_refused)
{
    static const struct { const char *where, *key, *value, *says; } list[] = {
        { NULL, "normalizer", "{\"type\": \"Lowercase\"}", "normalizer: Lowercase" },
        { NULL, "normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFD\"}]}",
          "normalizer: NFD" },
        { NULL, "pre_tokenizer", "{\"type\": \"Whitespace\"}", "pre_tokenizer: Whitespace" },
        { NULL, "pre_tokenizer", "{\"type\": \"ByteLevel\", \"use_regex\": false}", "use_regex" },
        { NULL, "post_processor", "{\"type\": \"Other\"}", "post_processor: Other" },
        { NULL, "decoder", "{\"type\": \"WordPiece\"}", "decoder: WordPiece" },
        { NULL, "surprise", "1", "surprise" },
        { "model", "type", "\"Unigram\"", "Unigram" },
        { "model", "dropout", "0.1", "dropout" },
        { "model", "byte_fallback", "true", "byte_fallback" },
        { NULL, "pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": []}", "Sequence" },
        { NULL, "pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
          "\"Split\", \"pattern\": {\"Regex\": \"\\\\s+\"}, \"behavior\": \"Isolated\"}, "
          "{\"type\": \"ByteLevel\"}]}",
          "Regex: \\s+" },
        { "model", "end_of_word_suffix", "\"</w>\"", "end_of_word_suffix" },
        { "model", "new_rule", "true", "new_rule" },
        { "model", "merges", "[\"a\"]", "merges[0]" },
        { "model", "merges", "[[\"a\", \"b\", \"c\"]]", "merges[0]" },
        { "model", "merges", "[[\"a\", \"q\"]]", "not all in the vocabulary" },
        { "model", "vocab", "7", "vocab" },
        { NULL, "added_tokens", "[{\"id\": 0, \"content\": \"x\"}]", "added_tokens[0]" },
        { NULL, "added_tokens", "[{\"id\": 400, \"content\": \"\"}]", "0 bytes" },
        { NULL, "added_tokens", "[{\"id\": 400, \"content\": \"a\"}]", "has id 66" },
        { NULL, "added_tokens", "[{\"id\": 16000000, \"content\": \"x\"}]", "possible" },
        { NULL, "added_tokens", "[{\"id\": 400, \"content\": \"x\", \"single_word\": true}]",
          "single_word" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        json_t *all = golden_json("tests/golden/flamingo/tokenizer.json");
        json_t *in = list[i].where ? json_object_get(all, list[i].where) : all;
        omn_error err = OMN_ERROR_INIT;
        bpe *b = NULL;
        json_object_set_new(in, list[i].key,
                            json_loads(list[i].value, JSON_DECODE_ANY, NULL));
        char *text = json_dumps(all, 0);
        const bpe_file f = { "f", text, strlen(text) };
        ck_assert_msg(bpe_open_tokenizer(&f, &b, &err) != OMN_OK, "%s", list[i].says);
        ck_assert_msg(strstr(err.text, list[i].says), "\"%s\" lacks \"%s\"", err.text,
                      list[i].says);
        bpe_close(b);
        free(text);
        json_decref(all);
    }
}
END_TEST

/* A crash is what may not be. */
START_TEST(damaged_files)
{
    set s = read_set();
    size_t n = 0;
    char *file = golden_file("tests/golden/flamingo/tokenizer.json", &n);
    for (uint64_t i = 0; i < 300; i++) {
        for (int k = 0; k < 3; k++) {
            char *at = &s.text[k][omn_random_at(7, i, (uint64_t)k) % s.n[k]];
            const char was = *at;
            *at = (char)omn_random_at(8, i, (uint64_t)k);
            (void)try_set(&s, NULL);
            *at = was;
        }
        char *at = &file[omn_random_at(9, i, 0) % n];
        const char was = *at;
        bpe *b = NULL;
        *at = (char)omn_random_at(9, i, 1);
        const bpe_file f = { "f", file, i % 8 ? n : (size_t)(omn_random_at(9, i, 2) % n) };
        if (bpe_open_tokenizer(&f, &b, NULL) == OMN_OK) (void)bpe_marks_done(b, NULL);
        bpe_close(b);
        *at = was;
    }
    for (int k = 0; k < 3; k++) free(s.text[k]);
    free(file);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        ids_of_ofa,
        names_that_are_added,
        ids_of_unitab,
        ids_of_gpt_neox,
        odd_texts,
        words_cut_by_an_expression,
        names_and_blanks,
        random_bytes,
        whole_characters,
        lists_that_lie,
        what_is_not_done_is_refused,
        damaged_files,
    };
    return TESTING_RUN("codec/bytepairs", all, 30);
}
