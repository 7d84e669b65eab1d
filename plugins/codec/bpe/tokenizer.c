/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json of the Tokenizers library, as far as it is byte pair encoding over bytes: GPT-2's,
 * RoBERTa's, GPT-NeoX's, Llama 3's, Qwen 2's and their kin. What such a file may say and is not
 * done here is refused by its name; what only frames a text (start, end, padding, cutting) is the
 * model's matter. */
#include "bpe.h"

#include <jansson.h>

#include <string.h>

#define MOST_TEXT 256                   /* bytes of a piece that is added */

typedef struct reader { bpe *b; omn_error *err; } reader;

static omn_status unsupported(const reader *r, const char *where, const char *what)
{
    return omn_fail(r->err, OMN_ERR_UNSUPPORTED, "%s: %.80s is not supported%s", where, what,
                    ", only byte pair encoding over bytes is (ByteLevel, BPE)");
}

/* "type" of an object; "" where there is none. */
static const char *type_of(const json_t *j)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    return type ? type : "";
}

/* Every key of j is one of a list that NULL ends. */
static omn_status only(const reader *r, const char *where, const json_t *j,
                       const char *const *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key)) i++;
        if (!keys[i]) return unsupported(r, where, key);
    }
    return OMN_OK;
}

/* A member that changes nothing when it is absent, null, false or "". */
static bool idle(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return !v || json_is_null(v) || json_is_false(v) ||
           (json_is_string(v) && json_string_length(v) == 0);
}

/* ---- what is done to a text before and after ------------------------------------------------- */

static omn_status normalizer(const reader *r, const json_t *j, int depth)
{
    const char *type = type_of(j);
    size_t i;
    json_t *one;
    if (!j || json_is_null(j)) return OMN_OK;
    if (!strcmp(type, "NFC")) {
        r->b->clean = clean_compose;
        return OMN_OK;
    }
    if (strcmp(type, "Sequence") || depth) return unsupported(r, "normalizer", type);
    json_array_foreach(json_object_get(j, "normalizers"), i, one)
    {
        const omn_status st = normalizer(r, one, depth + 1);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* Bytes as visible characters; words are cut by its own rule, or were before. */
static omn_status byte_level(const reader *r, const json_t *j, bool cut)
{
    static const char *const keys[] = { "type", "add_prefix_space", "trim_offsets", "use_regex",
                                        NULL };
    if (strcmp(type_of(j), "ByteLevel")) return unsupported(r, "pre_tokenizer", type_of(j));
    if (json_is_false(json_object_get(j, "use_regex")) != cut)
        return unsupported(r, "pre_tokenizer", cut ? "use_regex: true behind a Split"
                                                   : "use_regex: false");
    r->b->prefix = !json_is_false(json_object_get(j, "add_prefix_space"));
    if (cut && r->b->prefix) return unsupported(r, "pre_tokenizer", "add_prefix_space: true");
    return only(r, "pre_tokenizer", j, keys);
}

/* An expression by which words are cut: one of those that are known by heart. */
static omn_status split(const reader *r, const json_t *j)
{
#define FRONT "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define BACK "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    static const struct {
        const char *expression;
        size_t (*word)(const points *p, size_t i, size_t end, bool *word);
    } known[] = { { FRONT "\\p{N}{1,3}" BACK, bpe_llama3_word },
                  { FRONT "\\p{N}" BACK, bpe_qwen2_word } };
#undef FRONT
#undef BACK
    static const char *const keys[] = { "type", "pattern", "behavior", "invert", NULL };
    const json_t *pattern = json_object_get(j, "pattern");
    const char *text = json_string_value(json_object_get(pattern, "Regex"));
    const char *how = json_string_value(json_object_get(j, "behavior"));
    if (strcmp(type_of(j), "Split")) return unsupported(r, "pre_tokenizer", type_of(j));
    if (!text) return unsupported(r, "pre_tokenizer", "a Split without a Regex");
    if (!how || strcmp(how, "Isolated"))
        return unsupported(r, "behavior", how ? how : "what is there");
    if (!idle(j, "invert")) return unsupported(r, "pre_tokenizer", "invert");
    r->b->word = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(text, known[i].expression)) r->b->word = known[i].word;
    return r->b->word ? only(r, "pre_tokenizer", j, keys) : unsupported(r, "Regex", text);
}

static omn_status pre_tokenizer(const reader *r, const json_t *j)
{
    static const char *const keys[] = { "type", "pretokenizers", NULL };
    const json_t *all = json_object_get(j, "pretokenizers");
    omn_status st = OMN_OK;
    if (strcmp(type_of(j), "Sequence")) return byte_level(r, j, false);
    if (json_array_size(all) != 2)
        return unsupported(r, "pre_tokenizer", "a Sequence but of Split and ByteLevel");
    OMN_TRY(only(r, "pre_tokenizer", j, keys));
    OMN_TRY(split(r, json_array_get(all, 0)));
    OMN_TRY(byte_level(r, json_array_get(all, 1), true));
done:
    return st;
}

/* Whatever it puts around a text, the text's own ids stay as they are. */
static omn_status post_processor(const reader *r, const json_t *j, int depth)
{
    static const char *const known[] = { "ByteLevel", "RobertaProcessing", "TemplateProcessing",
                                         "BertProcessing" };
    size_t i;
    json_t *one;
    if (!j || json_is_null(j)) return OMN_OK;
    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(type_of(j), known[i])) return OMN_OK;
    if (strcmp(type_of(j), "Sequence") || depth)
        return unsupported(r, "post_processor", type_of(j));
    json_array_foreach(json_object_get(j, "processors"), i, one)
    {
        const omn_status st = post_processor(r, one, depth + 1);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* ---- the model ------------------------------------------------------------------------------- */

static omn_status merges(const reader *r, const json_t *list)
{
    bpe_spelling s;
    size_t i;
    json_t *one;
    bpe_spelling_init(&s);
    json_array_foreach(list, i, one)
    {
        omn_error why = OMN_ERROR_INIT;
        omn_status st = OMN_ERR_DATA;
        const json_t *left = json_array_get(one, 0), *right = json_array_get(one, 1);
        const char *text = json_string_value(one), *gap = text ? strchr(text, ' ') : NULL;
        if (gap && !strchr(gap + 1, ' '))
            st = bpe_read_merge(r->b, &s, text, (size_t)(gap - text), gap + 1, strlen(gap + 1),
                                (int32_t)i, &why);
        else if (json_array_size(one) == 2 && json_is_string(left) && json_is_string(right))
            st = bpe_read_merge(r->b, &s, json_string_value(left), json_string_length(left),
                                json_string_value(right), json_string_length(right), (int32_t)i,
                                &why);
        else
            omn_fail(&why, OMN_ERR_DATA, "two pieces with a blank between are wanted");
        if (st != OMN_OK)
            return omn_fail(r->err, st, "model.merges[%zu]: %s", i, why.text);
    }
    return OMN_OK;
}

static omn_status model(const reader *r, const json_t *j)
{
    static const char *const keys[] = { "type",       "dropout",
                                        "unk_token",  "continuing_subword_prefix",
                                        "fuse_unk",   "end_of_word_suffix",
                                        "vocab",      "byte_fallback",
                                        "merges",     "ignore_merges",
                                        NULL };
    /* bytes are never unknown, so that unk_token and fuse_unk say nothing */
    static const char *const silent[] = { "dropout", "continuing_subword_prefix",
                                          "end_of_word_suffix", "byte_fallback" };
    const json_t *ids = json_object_get(j, "vocab"), *list = json_object_get(j, "merges");
    omn_status st = OMN_OK;
    if (!json_is_object(j) || (json_object_get(j, "type") && strcmp(type_of(j), "BPE")))
        return unsupported(r, "model", json_is_object(j) ? type_of(j) : "what is there");
    OMN_TRY(only(r, "model", j, keys));
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (!idle(j, silent[i])) return unsupported(r, "model", silent[i]);
    if (!json_is_object(ids) || !json_is_array(list))
        return omn_fail(r->err, OMN_ERR_DATA,
                        "model: an object vocab and a list merges are wanted");
    OMN_TRY(bpe_read_ids(r->b, ids, json_array_size(list), 0, r->err));
    OMN_TRY(merges(r, list));
    r->b->whole = !idle(j, "ignore_merges");
done:
    return st;
}

/* ---- pieces that are added ------------------------------------------------------------------- */

/* Text and id are one piece: neither is another's, be the text one that the vocabulary spells. */
static omn_status one_piece(const reader *r, const char *text, int32_t id)
{
    const bpe *b = r->b;
    const size_t n = strlen(text);
    bpe_spelling s;
    char bytes[MOST_TEXT];
    bool ends = false;
    int32_t own = -1;
    if (n <= MOST_TEXT) {
        bpe_spelling_init(&s);
        const long k = bpe_spelt(&s, text, n, false, bytes, &ends);
        own = k > 0 ? bpe_find(b, bytes, (size_t)k, false) : -1;
    }
    const int32_t there = id < b->ids ? b->of_id[id] : -1;
    const bool mark = there < -1 && !strcmp(b->mark[-2 - there].text, text);
    if (own >= 0 && b->symbol[own].id != id && !mark)
        return omn_fail(r->err, OMN_ERR_DATA, "\"%.80s\" has id %d in the vocabulary, not %d", text,
                        (int)b->symbol[own].id, (int)id);
    if (there == -1 || mark || (own >= 0 && there == own)) return OMN_OK;
    return omn_fail(r->err, OMN_ERR_DATA, "id %d is another piece's already", (int)id);
}

static omn_status added_token(const reader *r, const json_t *j)
{
    static const char *const keys[] = { "id",     "content",    "single_word", "lstrip",
                                        "rstrip", "normalized", "special",     NULL };
    const json_t *content = json_object_get(j, "content"), *number = json_object_get(j, "id");
    const char *text = json_string_value(content);
    const json_int_t id = json_integer_value(number);
    omn_status st = OMN_OK;
    if (!text || !json_is_integer(number) || id < 0 || id >= BPE_MOST_IDS ||
        id > 4 * (json_int_t)r->b->pieces + 65536)
        return omn_fail(r->err, OMN_ERR_DATA, "a text and an id that is possible are wanted");
    OMN_TRY(only(r, text, j, keys));
    if (!idle(j, "single_word")) return unsupported(r, text, "single_word");
    OMN_TRY(one_piece(r, text, (int32_t)id));
    const unsigned how = (idle(j, "special") ? 0u : BPE_SILENT) |
                         (idle(j, "normalized") ? BPE_RAW : BPE_CLEAN) |
                         (idle(j, "lstrip") ? 0u : BPE_LEFT) | (idle(j, "rstrip") ? 0u : BPE_RIGHT);
    st = bpe_mark_add(r->b, text, json_string_length(content), (int32_t)id, how, r->err);
done:
    return st;
}

static omn_status added(const reader *r, const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const omn_status st = added_token(r, one);
        if (st != OMN_OK) {
            omn_error_prefix(r->err, "added_tokens[%zu]", i);
            return st;
        }
    }
    return OMN_OK;
}

static omn_status read_all(const reader *r, const json_t *j)
{
    static const char *const keys[] = { "version",       "truncation",     "padding",
                                        "added_tokens",  "normalizer",     "pre_tokenizer",
                                        "post_processor", "decoder",       "model",
                                        NULL };
    omn_status st = OMN_OK;
    const json_t *decoder = json_object_get(j, "decoder");
    if (!json_is_object(j)) return omn_fail(r->err, OMN_ERR_DATA, "an object is wanted");
    OMN_TRY(only(r, "the file", j, keys));
    OMN_TRY(normalizer(r, json_object_get(j, "normalizer"), 0));
    OMN_TRY(pre_tokenizer(r, json_object_get(j, "pre_tokenizer")));
    OMN_TRY(post_processor(r, json_object_get(j, "post_processor"), 0));
    if (decoder && !json_is_null(decoder) && strcmp(type_of(decoder), "ByteLevel"))
        return unsupported(r, "decoder", type_of(decoder));
    OMN_TRY(model(r, json_object_get(j, "model")));
    OMN_TRY(added(r, json_object_get(j, "added_tokens")));
done:
    return st;
}

omn_status bpe_open_tokenizer(const bpe_file *file, bpe **out, omn_error *err)
{
    omn_status st = OMN_OK;
    json_error_t why;
    json_t *j = NULL;
    OMN_TRY(bpe_new("gpt2", out, err));
    j = json_loadb(file->bytes, file->n, JSON_REJECT_DUPLICATES, &why);
    if (!j) OMN_TRY(omn_fail_at(err, OMN_ERR_DATA, file->name, why.line, why.column, "%s",
                                why.text));
    const reader r = { *out, err };
    st = read_all(&r, j);
    if (st != OMN_OK) omn_error_prefix(err, "%s", file->name);
done:
    json_decref(j);
    return st;
}
