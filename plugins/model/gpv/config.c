/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of GPV-1: what stands below "model" in its program's own, and below "losses"
 * the weights of its losses; what the program has no key for stands below "omnio". */
#include "gpv.h"

#include "classes.h"
#include "fixed.h"

#include <string.h>

static void refuse_others(omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_SAYS("answering_type", "generation"),
        KEY_EQUALS("detr.num_classes", 1),
        KEY_SAYS("detr.position_embedding", "sine"),
        KEY_IS("detr.pre_norm", 0),
        KEY_IS("detr.dilation", 0),
        KEY_IS("detr.masks", 0),
        KEY_IS("detr.aux_loss", 0),
        KEY_IS("detr.frozenbatchnorm", 1),
        KEY_SAYS("co_att.hidden_act", "gelu"),
        KEY_SAYS("co_att.v_hidden_act", "gelu"),
    };
    keys_refuse(own, sizeof own / sizeof *own, "", "GPV", o, f);
}

static void want_width(omn_open *o, omn_config *f, const char *path, int64_t wanted)
{
    const int64_t is = omn_config_int_or(f, path, 1, 1 << 20, wanted);
    if (is != wanted)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s is %lld, the streams that meet there are %lld wide",
                      path, (long long)is, (long long)wanted);
}

static void want_heads(omn_open *o, const char *path, int64_t width, int64_t heads)
{
    if (width % heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: %lld of %lld heads: a multiple is wanted", path,
                      (long long)width, (long long)heads);
}

/* Which residual network: is it the one with 101 layers? */
static bool large(omn_open *o, omn_config *f)
{
    const char *net = omn_config_string_or(f, "detr.backbone", "resnet50");
    const bool large = !strcmp(net, "resnet101");
    if (!large && strcmp(net, "resnet50"))
        omn_open_fail(o, OMN_ERR_UNSUPPORTED,
                      "detr.backbone: \"%s\" is not supported, resnet50 and resnet101 are", net);
    return large;
}

static void read_eyes(gpv *k, omn_open *o, omn_config *f)
{
    detr *e = &k->eyes;
    e->D = omn_config_int_or(f, "detr.hidden_dim", 4, 65536, 256);
    e->H = omn_config_int_or(f, "detr.nheads", 1, 512, 8);
    e->n_enc = omn_config_int_or(f, "detr.num_encoder_layers", 1, 512, 6);
    e->n_dec = omn_config_int_or(f, "detr.num_decoder_layers", 1, DETR_MOST_LAYERS, 6);
    e->ffn = omn_config_int_or(f, "detr.dim_feedforward", 1, 1 << 20, 2048);
    k->queries = omn_config_int_or(f, "detr.num_queries", 1, 65536, 100);
    want_heads(o, "detr.hidden_dim", e->D, e->H);
    /* as published, pictures are 640 x 480 pixels whatever their shape was */
    detr_open_sized(e, o, f, "detr.backbone.0.body", large(o, f), 480, 640);
}

static void read_meeting(gpv *k, omn_open *o, omn_config *f)
{
    k->D = omn_config_int_or(f, "hidden_dim", 4, 65536, 768);
    k->co_layers = omn_config_int_or(f, "co_att.num_layers", 1, 512, 3);
    k->co_heads = omn_config_int_or(f, "co_att.bi_num_attention_heads", 1, 512, 16);
    k->co_inner = omn_config_int_or(f, "co_att.bi_hidden_size", 1, 65536, k->D);
    k->co_ffn[0] = omn_config_int_or(f, "co_att.v_intermediate_size", 1, 1 << 20, 3072);
    k->co_ffn[1] = omn_config_int_or(f, "co_att.intermediate_size", 1, 1 << 20, 3072);
    k->pooled = omn_config_bool_or(f, "roi_head", true);
    k->conditioned = omn_config_bool_or(f, "relevance_conditioning", true);
    static const char *const widths[] = { "co_att.hidden_size", "co_att.v_hidden_size",
                                          "co_att.output_size", "co_att.v_output_size",
                                          "detr_joiner.out_dim", "bert_joiner.out_dim",
                                          "text_decoder.hidden_dim" };
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) want_width(o, f, widths[i], k->D);
    want_heads(o, "co_att.bi_hidden_size", k->co_inner, k->co_heads);
    k->text = (bert){ .D = 768, .H = 12, .layers = 12, .ffn = 3072, .rows = 30522, .places = 512,
                      .types = 2, .first = 0, .eps = 1e-12 };
    bert_configure(&k->text, o, f, "omnio.bert_config");
    want_width(o, f, "bert_joiner.bert_dim", k->text.D);
    k->most = omn_config_int_or(f, "omnio.most", 3, k->text.places,
                                k->text.places < 128 ? k->text.places : 128);
}

/* The id of a mark in the list of words; one of the last rows where there is no list. */
static int32_t mark(const omn_part *t, const gpv *k, omn_open *o, const char *name, int64_t behind)
{
    const int32_t id = t ? omn_codec_piece(t, name) : (int32_t)(k->words - behind);
    if (id < 0)
        omn_open_fail(o, OMN_ERR_DATA, "words.txt: it has no %s; the list of words of these "
                      "weights is wanted, one on each line", name);
    return id < 0 ? 0 : id;
}

static void open_answers(gpv *k, omn_open *o, omn_config *f)
{
    const omn_part *t = NULL;
    const int64_t told = omn_config_int_or(f, "omnio.words", 5, 1 << 24, 0);
    if (omn_open_file(o, "words.txt", false))
        t = omn_open_part(o, "tokenizer", "omnio.codec/1", "text.wordpiece", "",
                          "file=words.txt marks=underscores pieces=%d", (int)told);
    k->words = told ? told : t ? omn_codec_pieces(t) : 0;
    if (k->words < 5) {
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.words: how many words answers are made of, where "
                      "there is no words.txt");
        return;
    }
    k->embed = k->text.D;
    k->longest = omn_config_int_or(f, "max_text_len", 2, 65536, 20);
    k->places = omn_config_int_or(f, "max_pos_enc_len", 1, 65536, 30);
    k->numbered = omn_config_bool_or(f, "text_decoder.pos_enc", false);
    const char *head = omn_config_string_or(f, "answer_head", "");
    k->linear = !strcmp(head, "linear");
    if (*head && !k->linear)
        omn_open_fail(o, OMN_ERR_CONFIG, "answer_head: \"%.40s\" is not supported, \"linear\" is, "
                      "and null: the given vectors of words", head);
    k->mouth = (detr){ .D = k->D, .H = omn_config_int_or(f, "text_decoder.nheads", 1, 512, 8),
                       .n_dec = omn_config_int_or(f, "text_decoder.num_layers", 1, 512, 3),
                       .ffn = omn_config_int_or(f, "text_decoder.dim_feedforward", 1, 1 << 20,
                                                2048) };
    want_heads(o, "hidden_dim", k->D, k->mouth.H);
    if (k->numbered && (k->places < k->longest || k->D % 2))
        omn_open_fail(o, OMN_ERR_CONFIG, "max_pos_enc_len: %lld places of an answer's %lld, in an "
                      "even width", (long long)k->places, (long long)k->longest);
    const int32_t stop = mark(t, k, o, "__stop__", 2);
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "",
                                "rows=%d stop=%d wanted=words.txt", (int)k->words, (int)stop);
    const omn_range range = { "codes", 0, (int32_t)k->words, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)k->words,
                          .start = mark(t, k, o, "__cls__", 3), .stop = stop,
                          .pad = mark(t, k, o, "__pad__", 1), .ranges = &range, .n_ranges = 1,
                          .table = "answer_input_embedings.embedding_layer.weight" };
    omn_open_vocabulary(o, p, &v);
    k->answer = p;
}

static void open_loss(gpv *k, omn_open *o, omn_config *f)
{
    char text[400];
    omn_open_part(o, "things", "omnio.encoder/1", "things.classes", "", "classes=1 most=%d labels=",
                  (int)k->queries);
    omn_format(text, sizeof text, "by=weights align=0 nothing=%.17g class=%.17g box=%.17g "
               "giou=%.17g cost_class=%.17g cost_box=%.17g cost_giou=%.17g",
               omn_config_double_or(f, "losses.Localization.eos_coef", 0, 1e6, 0.1),
               omn_config_double_or(f, "losses.Localization.loss_wts.loss_ce", 0, 1e6, 1),
               omn_config_double_or(f, "losses.Localization.loss_wts.loss_bbox", 0, 1e6, 5),
               omn_config_double_or(f, "losses.Localization.loss_wts.loss_giou", 0, 1e6, 2),
               omn_config_double_or(f, "losses.Localization.cost_wts.ce", 0, 1e6, 1),
               omn_config_double_or(f, "losses.Localization.cost_wts.bbox", 0, 1e6, 5),
               omn_config_double_or(f, "losses.Localization.cost_wts.giou", 0, 1e6, 2));
    k->loss = classes_loss(o, "detection", text);
}

void gpv_configure(gpv *k, omn_open *o, omn_config *f)
{
    refuse_others(o, f);
    read_meeting(k, o, f);
    read_eyes(k, o, f);
    bert_open_text_by(&k->text, o, "reader", (int)k->most,
                      "bert.model.embeddings.word_embeddings.weight");
    open_answers(k, o, f);
    open_loss(k, o, f);
}
