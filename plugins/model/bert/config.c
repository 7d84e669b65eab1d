/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a BERT, as the Transformers library writes them into its configurations. */
#include "bert.h"

static int64_t whole(omn_config *f, const char *name, const char *key, int64_t hi, int64_t deflt)
{
    char path[128];
    omn_format(path, sizeof path, "%s%s%s", name, *name ? "." : "", key);
    return omn_config_int_or(f, path, 1, hi, deflt);
}

void bert_configure(bert *b, omn_open *o, omn_config *f, const char *name)
{
    char path[128];
    omn_format(path, sizeof path, "%s%slayer_norm_eps", name, *name ? "." : "");
    b->rows = whole(f, name, "vocab_size", 1 << 24, b->rows);
    b->D = whole(f, name, "hidden_size", 65536, b->D);
    b->H = whole(f, name, "num_attention_heads", 512, b->H);
    b->layers = whole(f, name, "num_hidden_layers", 512, b->layers);
    b->ffn = whole(f, name, "intermediate_size", 1 << 20, b->ffn);
    b->places = whole(f, name, "max_position_embeddings", 1 << 20, b->places);
    b->types = whole(f, name, "type_vocab_size", 1024, b->types);
    b->eps = omn_config_double_or(f, path, 0, 1, b->eps);
    if (b->D % b->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s%shidden_size %lld of %lld heads: a multiple is wanted",
                      name, *name ? "." : "", (long long)b->D, (long long)b->H);
}

/* BERT's own numbers where there is no list of pieces to ask. */
static int piece(const omn_part *tokenizer, const bert *b, const char *name, int usual)
{
    const int32_t id = tokenizer ? omn_codec_piece(tokenizer, name) : -1;
    return id >= 0 ? id : usual < b->rows ? usual : (int)b->rows - 1;
}

static void open_text(const bert *b, omn_open *o, const char *role, int most, const char *words,
                      bool several)
{
    const omn_part *t = NULL;
    const bool lower = omn_config_bool_or(omn_open_config(o), "do_lower_case", true);
    if (omn_open_file(o, "vocab.txt", false))
        t = omn_open_part(o, role, "omnio.codec/1", "text.wordpiece", "",
                          "pieces=%d lower=%s%s", (int)b->rows, lower ? "true" : "false",
                          several ? " keep=[SEP]" : "");
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=%s rows=%d width=%d most=%d start=%d stop=%d cut=true wanted=vocab.txt "
                  "by=%s%s", words, (int)b->rows, (int)b->D, most, piece(t, b, "[CLS]", 101),
                  piece(t, b, "[SEP]", 102), role, several ? " types=true whole=2" : "");
}

void bert_open_text(const bert *b, omn_open *o, int most, const char *words)
{
    open_text(b, o, "tokenizer", most, words, false);
}

void bert_open_text_by(const bert *b, omn_open *o, const char *role, int most, const char *words)
{
    open_text(b, o, role, most, words, false);
}

void bert_open_texts(const bert *b, omn_open *o, int most, const char *words)
{
    open_text(b, o, "tokenizer", most, words, true);
}
