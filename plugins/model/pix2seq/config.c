/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of Pix2Seq as its program writes it beside its checkpoints ("config.json"):
 * numbers of the network under "model", those of the task under "task". What it can say and this
 * network is not is refused by name. */
#include "pix2seq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool p2s_claims(omn_config *f)
{
    return omn_config_has(f, "model.resnet_variant") && omn_config_has(f, "model.dim_att_dec");
}

static int number(omn_config *f, const char *key, int64_t lo, int64_t hi)
{
    char path[64];
    snprintf(path, sizeof path, "model.%.50s", key);
    return (int)omn_config_int(f, path, lo, hi);
}

/* Words and switches of which there is one kind. */
static void refuse(omn_open *o, omn_config *f)
{
    static const struct { const char *key, *only; } words[] = {
        { "model.dec_proj_mode", "mlp" },
        { "model.pos_encoding", "sin_cos" },
        { "model.pos_encoding_dec", "learned" },
        { "model.name", "encoder_ar_decoder" },
    };
    static const struct { const char *key; bool only; } switches[] = {
        { "model.use_cls_token", false },
        { "model.shared_decoder_embedding", true },
        { "model.decoder_output_bias", true },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *is = omn_config_string_or(f, words[i].key, words[i].only);
        if (strcmp(is, words[i].only))
            omn_open_fail(o, OMN_ERR_UNSUPPORTED, "%s is \"%.40s\", only \"%s\" is known",
                          words[i].key, is, words[i].only);
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (omn_config_bool_or(f, switches[i].key, switches[i].only) != switches[i].only)
            omn_open_fail(o, OMN_ERR_UNSUPPORTED, "%s: only %s is known", switches[i].key,
                          switches[i].only ? "true" : "false");
    if (omn_config_double_or(f, "model.resnet_sk_ratio", 0, 1, 0) > 0)
        omn_open_fail(o, OMN_ERR_UNSUPPORTED, "model.resnet_sk_ratio: networks with selective "
                      "kernels are not known, 0 is wanted");
    if (omn_config_int_or(f, "model.resnet_width_multiplier", 1, 64, 1) != 1)
        omn_open_fail(o, OMN_ERR_UNSUPPORTED, "model.resnet_width_multiplier: only 1 is known");
}

/* Side number i of the picture: a list [height, width], or one number for both. */
static int side_of(omn_config *f, int i)
{
    char path[64];
    if (!omn_config_count(f, "model.image_size")) return number(f, "image_size", 1, 16384);
    snprintf(path, sizeof path, "image_size.%d", i);
    return number(f, path, 1, 16384);
}

static void open_image(pix2seq *m, omn_open *o, omn_config *f, int height, int width)
{
    const char *variant = omn_config_string_or(f, "model.resnet_variant", "c1");
    const bool patches = !strcmp(variant, "c1");
    const int stages = !strcmp(variant, "c4") ? 3 : P2S_STAGES;
    if (!patches && strcmp(variant, "standard") && strcmp(variant, "c4"))
        omn_open_fail(o, OMN_ERR_UNSUPPORTED,
                      "model.resnet_variant is \"%.40s\"; c1 (patches), standard or c4 is known",
                      variant);
    const struct p2s_image p = {
        .height = height, .width = width, .stem = patches ? P2S_PATCHES : P2S_RESIDUAL,
        .patch = (int)omn_config_int_or(f, "model.patch_size", 1, 256, 16),
        .depth = (int)omn_config_int_or(f, "model.resnet_depth", 1, 152, 50), .stages = stages,
        .base = (int)omn_config_int_or(f, "model.base_width", 1, 1024, 64),
        .dim = number(f, "dim_att", 4, 65536), .heads = number(f, "num_heads", 1, 1024),
        .layers = number(f, "num_encoder_layers", 0, 512),
        .mlp = number(f, "dim_mlp", 1, 1 << 20), .out = (int)m->D
    };
    m->places = p2s_cells(&p, height) * p2s_cells(&p, width);
    m->image = omn_open_part(
        o, "image", "omnio.encoder/1", "image.pix2seq", "",
        "height=%d width=%d stem=%s patch=%d depth=%d stages=%d base=%d still=%s dim=%d heads=%d "
        "layers=%d mlp=%d out=%d",
        height, width, patches ? "patches" : "residual", p.patch, patches ? 50 : p.depth, stages,
        p.base, omn_config_bool_or(f, "omnio.still_norms", false) ? "true" : "false", p.dim,
        p.heads, p.layers, p.mlp, p.out);
}

/* Texts, where the vocabulary has them and the file is there. */
static void open_words(pix2seq *m, omn_open *o, omn_config *f)
{
    static const char *const usual[] = { "c4_en_32k_spm.model", "tokenizer.model" };
    const p2s_ids *v = &m->ids;
    for (size_t i = 0; v->text < v->rows && i < 2 && !omn_open_find(o, "pieces"); i++)
        if (omn_open_file(o, usual[i], false))
            omn_open_part(o, "pieces", "omnio.codec/1", "text.sentencepiece", "",
                          "file=%s to_end=false", usual[i]);
    char labels[1024];
    const int n = snprintf(labels, sizeof labels, "%s", omn_config_string_or(f, "omnio.labels",
                                                                             "coco"));
    if (n < 0 || (size_t)n >= sizeof labels)
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.labels has %d characters, at most %zu are possible",
                      n, sizeof labels - 1);
    for (char *c = labels; *c; c++)
        if (*c == ' ') *c = P2S_BLANK;
    m->tokenizer = omn_open_part(o, "tokenizer", "omnio.codec/1", "text.pix2seq", "",
                                 "shift=%d rows=%d coords=%d bins=%d labels=%s", (int)v->text,
                                 (int)v->rows, (int)v->coords, (int)v->bins, labels);
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "", "rows=%d stop=%d",
                                (int)v->rows, v->text + 1 < v->rows ? (int)v->text + 1 : 0);
    const omn_range ranges[] = {
        { "codes", 0, v->rows, 1 },
        { "location", v->coords, v->bins, 1 },
        { "class", P2S_CLASS, v->coords - P2S_CLASS, 1 },
    };
    const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = v->rows, .start = -1, .stop = -1,
                              .pad = P2S_END, .ranges = ranges, .n_ranges = 3,
                              .table = "model/decoder/ar_decoder.Stoken_embedding" };
    omn_open_vocabulary(o, p, &vocab);
}

static void read_decoder(pix2seq *m, omn_open *o, omn_config *f)
{
    m->D = number(f, "dim_att_dec", 4, 65536);
    m->H = number(f, "num_heads_dec", 1, 1024);
    m->ffn = number(f, "dim_mlp_dec", 1, 1 << 20);
    m->layers = number(f, "num_decoder_layers", 0, 512);
    m->most = number(f, "max_seq_len", P2S_MOST_PROMPT + 2, 65536);
    if (m->D % m->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "model.dim_att_dec: %lld is no multiple of %lld heads",
                      (long long)m->D, (long long)m->H);
}

static void read_ids(pix2seq *m, omn_open *o, omn_config *f)
{
    p2s_ids *v = &m->ids;
    v->rows = number(f, "vocab_size", 128, 1 << 24);
    v->coords = (int32_t)omn_config_int_or(f, "model.coord_vocab_shift", P2S_CLASS + 1, 1 << 24,
                                           1000);
    v->bins = (int32_t)omn_config_int_or(f, "task.quantization_bins", 2, 100000, 1000);
    v->text = (int32_t)omn_config_int_or(f, "model.text_vocab_shift", P2S_CLASS, 1 << 24, 3000);
    if (v->coords > v->rows - v->bins)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "model.vocab_size: %d ids have no room for %d coordinates from %d on",
                      (int)v->rows, (int)v->bins, (int)v->coords);
}

void p2s_configure(pix2seq *m, omn_open *o, omn_config *f)
{
    const int height = side_of(f, 0), width = side_of(f, 1);
    refuse(o, f);
    read_decoder(m, o, f);
    read_ids(m, o, f);
    open_image(m, o, f, height, width);
    open_words(m, o, f);
    m->prompt = omn_open_part(o, "text", "omnio.encoder/1", "prompt.pix2seq", "",
                              "rows=%d width=%d most=%d", (int)m->ids.rows, (int)m->D,
                              (int)m->most);
    omn_open_part(o, "boxes", "omnio.codec/1", "location", "",
                  "bins=%d first=0 rounding=even order=yx width=%d height=%d open=< close=> "
                  "labels=none",
                  (int)m->ids.bins, width, height);
    m->loss = omn_open_part(o, "loss", "omnio.objective/1", "weighted-mean", "", "smoothing=%.17g",
                            omn_config_double_or(f, "train.label_smoothing", 0, 0.999, 0));
}
