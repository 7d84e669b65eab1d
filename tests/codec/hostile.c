/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizer files that lie and texts that are meant to be slow: each file is one clear error or a
 * model that works, never a crash; time grows with the length of the text and not with its square.
 */
#include "plugins/codec/sentencepiece/sentencepiece.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/codec/golden.h"
#include "tests/testing.h"

/* ---- files made here, piece by piece
 * ------------------------------------------------------------------ */

static void field(omn_buf *b, unsigned number, const void *bytes, size_t n)
{
    const unsigned char head = (unsigned char)(number << 3 | 2);
    unsigned char length[5];
    size_t k = 0;
    for (size_t x = n; k == 0 || x > 0; x >>= 7)
        length[k++] = (unsigned char)((x & 0x7f) | (x > 0x7f ? 0x80 : 0));
    omn_buf_put(b, &head, 1);
    omn_buf_put(b, length, k);
    omn_buf_put(b, bytes, n);
}

static void number(omn_buf *b, unsigned at, unsigned value)
{
    const unsigned char bytes[] = { (unsigned char)(at << 3 & 0x7f) | (at > 15 ? 0x80 : 0),
                                    (unsigned char)(at >> 4), (unsigned char)value };
    omn_buf_put(b, bytes, 1);
    if (at > 15) omn_buf_put(b, bytes + 1, 1);
    omn_buf_put(b, bytes + 2, 1);
}

static void piece(omn_buf *b, const char *text, size_t n, float score, unsigned type)
{
    omn_buf p;
    unsigned char bits[5] = { 2 << 3 | 5 };
    memcpy(bits + 1, &score, 4);
    omn_buf_init(&p, 1 << 20);
    field(&p, 1, text, n);
    omn_buf_put(&p, bits, 5);
    number(&p, 3, type);
    field(b, 1, p.data, p.length);
    omn_buf_fini(&p);
}

static void word(omn_buf *b, const char *text, unsigned type)
{
    piece(b, text, strlen(text), 0, type);
}

static void trainer(omn_buf *b, unsigned algorithm, bool bytes)
{
    omn_buf t;
    omn_buf_init(&t, 100);
    number(&t, 3, algorithm);
    number(&t, 35, bytes);
    field(b, 2, t.data, t.length);
    omn_buf_fini(&t);
}

static omn_status open_it(const omn_buf *b, sp_model **m, omn_error *err)
{
    *err = (omn_error)OMN_ERROR_INIT;
    return sp_open(b->data, b->length, NULL, m, err);
}

/* Opens what was written to b; it must fail with this status and say so with these words. */
static void refused(omn_buf *b, omn_status status, const char *words)
{
    omn_error err;
    sp_model *m = NULL;
    ck_assert(!b->failed);
    ck_assert_msg(open_it(b, &m, &err) == status, "status %u: %s", err.status, err.text);
    ck_assert_ptr_null(m);
    ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
    b->length = 0;
}

START_TEST(wrong_files_are_named_errors)
{
    static char longest[SP_MOST_PIECE_BYTES + 1];
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_buf_put(&b, "", 0);
    refused(&b, OMN_ERR_DATA, "no pieces");
    omn_buf_puts(&b, "PNG picture or so");
    refused(&b, OMN_ERR_DATA, "damaged");
    word(&b, "a", SP_NORMAL);
    refused(&b, OMN_ERR_DATA, "no piece has the type unknown");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "<unk2>", SP_UNKNOWN);
    refused(&b, OMN_ERR_DATA, "both the unknown piece");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "abc", SP_NORMAL), word(&b, "abc", SP_USER);
    refused(&b, OMN_ERR_DATA, "pieces 1 and 2 are the same: \"abc\"");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "", SP_NORMAL);
    refused(&b, OMN_ERR_DATA, "piece 1 is empty");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "\xff\xfe", SP_NORMAL);
    refused(&b, OMN_ERR_DATA, "not UTF-8");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "x", 9);
    refused(&b, OMN_ERR_DATA, "type 9");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "<0x00>", SP_BYTE);
    refused(&b, OMN_ERR_DATA, "does not fall back");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "<0x0g>", SP_BYTE), trainer(&b, SP_BPE, true);
    refused(&b, OMN_ERR_DATA, "not named like");
    word(&b, "<unk>", SP_UNKNOWN), word(&b, "<0x00>", SP_BYTE), trainer(&b, SP_BPE, true);
    refused(&b, OMN_ERR_DATA, "<0x01> is missing");
    word(&b, "<unk>", SP_UNKNOWN), trainer(&b, 3, false);
    refused(&b, OMN_ERR_UNSUPPORTED, "type 3");
    memset(longest, 'a', sizeof longest);
    word(&b, "<unk>", SP_UNKNOWN), piece(&b, longest, sizeof longest, 0, SP_NORMAL);
    refused(&b, OMN_ERR_DATA, "1025 bytes");
    omn_buf_put(&b, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01zz", 13);
    refused(&b, OMN_ERR_DATA, "damaged");
    omn_buf_fini(&b);
}
END_TEST

START_TEST(a_table_full_of_nonsense_does_no_harm)
{
    static const char text[] = "abcabc \xff\x80 xyz \xe2\x96\x81";
    uint64_t state = 1;
    for (int round = 0; round < 200; round++) {
        unsigned char table[4 + 1024 + 8] = { 0, 4 };
        omn_buf b, rules;
        omn_error err;
        sp_model *m = NULL;
        sp_ids ids = { 0 };
        for (size_t i = 4; i < sizeof table - 8; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            /* mostly small numbers: labels that match, loops, leaves that point anywhere */
            table[i] = (unsigned char)(state >> 60 > 11 ? state >> 33 : state >> 33 & 3);
        }
        omn_buf_init(&b, 1 << 20);
        omn_buf_init(&rules, 1 << 20);
        word(&b, "<unk>", SP_UNKNOWN), word(&b, "a", SP_NORMAL);
        field(&rules, 2, table, sizeof table);
        field(&b, 3, rules.data, rules.length);
        ck_assert_msg(open_it(&b, &m, &err) == OMN_OK, "%s", err.text);
        sp_encode(m, text, sizeof text, &ids, NULL);
        free(ids.id);
        sp_close(m);
        omn_buf_fini(&rules);
        omn_buf_fini(&b);
    }
}
END_TEST

/* Tables that end just before what they point at: the unit, the value or the replacement behind
 * the end would be right, and is not looked at. */
START_TEST(a_table_ends_where_it_ends)
{
    enum { N = 64 };
    static char replacements[] = "Z\0Q";
    static const struct { uint32_t root, node, leaf, value; const char *out; } list[] = {
        { 2 ^ 'a', 2, 1, 0, "Z" },          /* all of it inside */
        { N ^ 'a', N, 1, 0, "a" },          /* the node is the first behind the end */
        { 2 ^ 'a', 2, N, 0, "a" },          /* the value is */
        { 2 ^ 'a', 2, 1, 1, "" },           /* the last byte of the replacements, an empty text */
        { 2 ^ 'a', 2, 1, 2, "a" },          /* the first byte behind them */
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint32_t units[N + 1] = { 0 };
        omn_error err = OMN_ERROR_INIT;
        omn_buf out;
        units[0] = list[i].root << 10;
        units[list[i].leaf] = list[i].value | 1u << 31;
        units[list[i].node] = (list[i].leaf ^ list[i].node) << 10 | 1u << 8 | 'a';
        const sp_rules r = { .units = units, .n_units = N, .replacements = replacements,
                             .n_replacements = 2 };
        omn_buf_init(&out, 100);
        ck_assert_int_eq(sp_normalise(&r, NULL, false, "a", 1, &out, &err), OMN_OK);
        ck_assert_msg(!strcmp(out.data, list[i].out), "%zu: \"%s\"", i, out.data);
        omn_buf_fini(&out);
    }
}
END_TEST

/* What a damaged file still allows must work or fail with words. */
static void use(const char *data, size_t n)
{
    static const char text[] = " Hello world \xf0\x9f\x98\x80 <extra_id_3>\xff 123\n";
    omn_error err = OMN_ERROR_INIT;
    sp_model *m = NULL;
    sp_ids ids = { 0 };
    omn_buf out;
    if (sp_open(data, n, NULL, &m, &err) != OMN_OK) {
        ck_assert_uint_gt(strlen(err.text), 10);
        return;
    }
    omn_buf_init(&out, 1 << 16);
    if (sp_encode(m, text, sizeof text - 1, &ids, &err) == OMN_OK) {
        for (size_t i = 0; i < ids.count; i++)
            ck_assert(ids.id[i] >= 0 && (uint32_t)ids.id[i] < m->count);
        sp_decode(m, ids.id, ids.count, SP_ALL, &out, &err);
    }
    omn_buf_fini(&out);
    free(ids.id);
    sp_close(m);
}

START_TEST(cut_and_damaged_files_are_survived)
{
    static const char *const files[] = { "models/nano/tokenizer.model",
                                         "tests/golden/codecs/tok_bpe.model" };
    uint64_t state = 7;
    for (int f = 0; f < 2; f++) {
        size_t n = 0;
        char *data = golden_file(files[f], &n);
        for (size_t cut = 0; cut < n; cut += cut < 64 ? 1 : 197) {
            char *part =
                malloc(cut + 1); /* exact size, so that a sanitizer sees one byte too far */
            memcpy(part, data, cut);
            use(part, cut);
            free(part);
        }
        for (int round = 0; round < 300; round++) {
            char kept[4];
            size_t at[4];
            for (int i = 0; i < 4; i++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                at[i] = (size_t)(state >> 33) % n;
                kept[i] = data[at[i]];
                data[at[i]] = (char)(state >> 20);
            }
            use(data, n);
            for (int i = 4; i-- > 0;) data[at[i]] = kept[i];
        }
        free(data);
    }
}
END_TEST

START_TEST(random_messages_are_survived)
{
    uint64_t state = 3;
    for (int round = 0; round < 3000; round++) {
        char data[300];
        size_t n = 0;
        for (; n < sizeof data && (n < 4 || state >> 57 != 0); n++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            data[n] = (char)(state >> 62 == 0 ? 0x0a : state >> 40 & (state >> 61 == 7 ? 255 : 31));
        }
        use(data, n);
    }
}
END_TEST

/* ---- long texts
 * ------------------------------------------------------------------------------------------ */

enum { LONG = 1 << 18 };

/* A model whose pieces are a, aa, aaaa, ... up to 1024 letters: merging climbs a tower and overlaps
 * everywhere. */
static sp_model *tower(sp_algorithm algorithm)
{
    static char as[SP_MOST_PIECE_BYTES];
    omn_error err;
    omn_buf b;
    sp_model *m = NULL;
    memset(as, 'a', sizeof as);
    omn_buf_init(&b, 1 << 20);
    word(&b, "<unk>", SP_UNKNOWN);
    for (size_t n = 1; n <= sizeof as; n *= 2) piece(&b, as, n, -(float)n, SP_NORMAL);
    trainer(&b, algorithm, false);
    ck_assert_msg(open_it(&b, &m, &err) == OMN_OK, "%s", err.text);
    omn_buf_fini(&b);
    return m;
}

/* Seconds of processor time for one text; the ids must be there. */
static double seconds(const sp_model *m, const char *text, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    sp_ids ids = { 0 };
    const clock_t start = clock();
    ck_assert_msg(sp_encode(m, text, n, &ids, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_gt(ids.count, 0);
    free(ids.id);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* 256 KiB in 20 s: at least twenty times what it takes; with the square of the length it takes an
 * hour. */
START_TEST(long_texts_take_time_in_proportion)
{
    static char text[LONG];
    const char *golden[] = { "tests/golden/codecs/tok_bpe.model",
                             "tests/golden/codecs/tok_unigram.model",
                             "models/nano/tokenizer.model" };
    sp_model *m[5] = { tower(SP_BPE), tower(SP_UNIGRAM) };
    for (int i = 0; i < 3; i++) {
        size_t n = 0;
        char *data = golden_file(golden[i], &n);
        ck_assert_int_eq(sp_open(data, n, NULL, &m[2 + i], NULL), OMN_OK);
        free(data);
    }
    for (int i = 0; i < 5; i++) {
        memset(text, 'a', LONG);
        ck_assert(seconds(m[i], text, LONG) < 20);
        for (size_t k = 0; k < LONG; k++) text[k] = "the quick brown fox"[k % 19];
        ck_assert(seconds(m[i], text, LONG) < 20);
        memset(text, ' ', LONG - 1);
        text[LONG - 1] = 'x';
        ck_assert(seconds(m[i], text, LONG) < 20);
        memset(text, 0xff, LONG);
        ck_assert(seconds(m[i], text, LONG) < 20);
        sp_close(m[i]);
    }
}
END_TEST

START_TEST(a_text_beyond_the_limit_is_refused)
{
    omn_error err = OMN_ERROR_INIT;
    sp_model *m = tower(SP_BPE);
    sp_ids ids = { 0 };
    char *text = calloc(SP_MOST_TEXT + 1, 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(sp_encode(m, text, SP_MOST_TEXT + 1, &ids, &err), OMN_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "16777217"));
    free(text);
    sp_close(m);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        wrong_files_are_named_errors,       a_table_full_of_nonsense_does_no_harm,
        a_table_ends_where_it_ends,
        cut_and_damaged_files_are_survived, random_messages_are_survived,
        long_texts_take_time_in_proportion, a_text_beyond_the_limit_is_refused,
    };
    /* the limit of time is above the sum of the limits inside */
    return TESTING_RUN("codec/hostile", all, 120);
}
