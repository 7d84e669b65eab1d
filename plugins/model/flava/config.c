/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of FLAVA as the Transformers library has it: "image_config", "text_config",
 * "multimodal_config". What its files leave out has the published size. */
#include "flava.h"

#include "openclip.h"

#include <stdio.h>
#include <string.h>

bool flava_known(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "flava");
}

static const char *at(const char *section, const char *key, char out[96])
{
    snprintf(out, 96, "%s.%s", section, key);
    return out;
}

static int64_t whole(omn_config *f, const char *section, const char *key, int64_t lo, int64_t hi,
                     int64_t deflt)
{
    char path[96];
    return omn_config_int_or(f, at(section, key, path), lo, hi, deflt);
}

static flava_stack stack_of(const flava *k, omn_open *o, omn_config *f, const char *section,
                            const char *name, int64_t layers)
{
    const fixed_key fixed[] = { KEY_SAYS("hidden_act", "gelu"),
                                KEY_EQUALS("hidden_size", (double)k->D),
                                KEY_SAYS("position_embedding_type", "absolute"),
                                KEY_EQUALS("num_channels", 3) };
    flava_stack s = { .name = name };
    char path[96];
    snprintf(path, sizeof path, "%s.", section);
    if (omn_config_has(f, section))
        keys_refuse(fixed, sizeof fixed / sizeof *fixed, path, "FLAVA", o, f);
    s.layers = whole(f, section, "num_hidden_layers", 1, 512, layers);
    s.heads = whole(f, section, "num_attention_heads", 1, 1024, 12);
    s.ffn = whole(f, section, "intermediate_size", 1, 1 << 20, 3072);
    s.eps = omn_config_double_or(f, at(section, "layer_norm_eps", path), 1e-14, 1, 1e-12);
    s.qkv_bias = omn_config_bool_or(f, at(section, "qkv_bias", path), true);
    if (k->D % s.heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: a width of %lld is not divided by %lld heads",
                      at(section, "num_attention_heads", path), (long long)k->D,
                      (long long)s.heads);
    return s;
}

static void open_image(flava *k, omn_open *o, omn_config *f)
{
    const int side = (int)whole(f, "image_config", "image_size", 1, 4096, 224);
    const int patch = (int)whole(f, "image_config", "patch_size", 1, 1024, 16);
    if (side % patch)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image_config.image_size: %d is no whole number of patches of %d", side,
                      patch);
    k->patches = (int64_t)(side / patch) * (side / patch);
    k->codes = whole(f, "image_config", "vocab_size", 2, 1 << 24, 8192);
    k->pixels = omn_open_part(o, "image", "omnio.encoder/1", "image.patches",
                              !strcmp(k->root, "/") ? "image_model.embeddings.patch_embeddings"
                                              : "flava.image_model.embeddings.patch_embeddings",
                              "side=%d patch=%d width=%d weight=projection fit=squash "
                              "normalise=clip", side, patch, (int)k->D);
}

static omn_part *decoder(omn_open *o, const char *role, const char *object, const omn_vocab *v,
                         const char *settings)
{
    omn_part *p = omn_open_part(o, role, "omnio.decoder/1", object, "", "rows=%d %s", (int)v->rows,
                                settings);
    const omn_range range = { "codes", 0, v->rows, 1 };
    omn_vocab own = *v;
    own.ranges = &range;
    own.n_ranges = 1;
    omn_open_vocabulary(o, p, &own);
    return p;
}

static void open_text(flava *k, omn_open *o, omn_config *f)
{
    const int rows = (int)k->rows;
    char table[96], settings[96];
    const int start = (int)omn_config_int_or(f, "omnio.start", 0, rows - 1, 101 % rows);
    const int stop = (int)omn_config_int_or(f, "omnio.stop", 0, rows - 1, 102 % rows);
    const int mask = (int)omn_config_int_or(f, "omnio.mask", 0, rows - 1, 103 % rows);
    snprintf(table, sizeof table, "%stext_model.embeddings.word_embeddings.weight",
             !strcmp(k->root, "/") ? "" : "flava.");
    openclip_tokenizer(o, f, rows);
    k->words = omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                             "table=%s rows=%d width=%d most=%d start=%d stop=%d cut=true "
                             "wanted=merges.txt", table, rows, (int)k->D,
                             (int)omn_config_int_or(f, "omnio.text_length", 3, k->most,
                                                    k->most < 77 ? k->most : 77), start, stop);
    if (!k->heads) return;
    const omn_vocab words = { OMN_FILL(omn_vocab), .rows = rows, .start = start, .stop = stop,
                              .table = table, .n_also = 1, .also = mask, .drop = 1 };
    snprintf(settings, sizeof settings, "stop=%d wanted=merges.txt", stop);
    k->hidden = decoder(o, "text", "text.tokens", &words, settings);
    const omn_vocab codes = { OMN_FILL(omn_vocab), .rows = (int32_t)k->codes, .stop = -1 };
    snprintf(settings, sizeof settings, "count=%d file= names=", (int)k->patches);
    k->hidden_codes = decoder(o, "codes", "text.labels", &codes, settings);
}

void flava_configure(flava *k, omn_open *o, omn_config *f)
{
    const char *kind = omn_config_string_or(f, "architectures.0", "FlavaForPreTraining");
    k->heads = !strcmp(kind, "FlavaForPreTraining");
    if (!k->heads && strcmp(kind, "FlavaModel"))
        omn_open_fail(o, OMN_ERR_CONFIG, "architectures is \"%.40s\"; FlavaForPreTraining or "
                      "FlavaModel is wanted", kind);
    k->root = k->heads ? "/flava" : "/";
    k->D = omn_config_int_or(f, "hidden_size", 8, 65536, 768);
    k->projection = omn_config_int_or(f, "projection_dim", 1, 65536, 768);
    k->scale_init = omn_config_double_or(f, "logit_scale_init_value", -10, 10, 2.6592);
    k->image = stack_of(k, o, f, "image_config", "image_model", 12);
    k->text = stack_of(k, o, f, "text_config", "text_model", 12);
    k->both = stack_of(k, o, f, "multimodal_config", "multimodal_model", 6);
    k->cls = omn_config_bool_or(f, "multimodal_config.use_cls_token", true);
    k->most = whole(f, "text_config", "max_position_embeddings", 3, 65536, 512);
    k->types = whole(f, "text_config", "type_vocab_size", 1, 65536, 2);
    k->rows = whole(f, "text_config", "vocab_size", 8, 1 << 24, 30522);
    if (!k->cls && k->heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "multimodal_config.use_cls_token is false: matching reads "
                      "that token, true is wanted");
    open_image(k, o, f);
    open_text(k, o, f);
    if (omn_open_offers(o, "omnio.objective/1", "pairs"))
        omn_open_part(o, "loss", "omnio.objective/1", "pairs", "", "%s", "");
}
