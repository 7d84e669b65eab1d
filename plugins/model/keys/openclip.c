/* SPDX-License-Identifier: Apache-2.0 */
/* What the families have in common that open_clip's configurations describe: how pictures are made
 * ready, and keys under which only what is computed anyway may stand. */
#include "openclip.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *colour_of(omn_config *f, const char *path, const char *usual, char *out,
                             size_t room)
{
    double x[3] = { 0 };
    char at[96];
    const size_t n = omn_config_count(f, path);
    if (!n) {
        snprintf(at, sizeof at, "%s", path);
        const double all = omn_config_double_or(f, at, -1e6, 1e6, NAN);
        if (isnan(all)) return usual;
        x[0] = x[1] = x[2] = all;
    }
    for (size_t i = 0; i < 3 && n; i++) {
        snprintf(at, sizeof at, "%s.%zu", path, i);
        x[i] = omn_config_double_or(f, at, -1e6, 1e6, NAN); /* a missing one is refused below */
    }
    omn_format(out, room, "%.9g,%.9g,%.9g", x[0], x[1], x[2]);
    return n > 3 ? "four colours" : out;
}

void openclip_prepared(omn_open *o, omn_config *f, int side, char *out, size_t room)
{
    static const char *const mean = "0.48145466,0.4578275,0.40821073",
                      *const std = "0.26862954,0.26130258,0.27577711";
    char a[96], b[96];
    const char *filter = omn_config_string_or(f, "preprocess_cfg.interpolation", "bicubic");
    const char *fit = omn_config_string_or(f, "preprocess_cfg.resize_mode", "shortest");
    const char *mode = omn_config_string_or(f, "preprocess_cfg.mode", "RGB");
    const bool linear = !strcmp(filter, "bilinear"), squash = !strcmp(fit, "squash");
    const size_t sides = omn_config_count(f, "preprocess_cfg.size");
    if (!linear && strcmp(filter, "bicubic"))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "preprocess_cfg.interpolation is \"%.40s\"; bicubic or bilinear is wanted",
                      filter);
    if (!squash && strcmp(fit, "shortest"))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "preprocess_cfg.resize_mode is \"%.40s\"; shortest or squash is wanted", fit);
    if (strcmp(mode, "RGB"))
        omn_open_fail(o, OMN_ERR_CONFIG, "preprocess_cfg.mode is \"%.40s\"; RGB is wanted", mode);
    omn_config_int_or(f, sides ? "preprocess_cfg.size.0" : "preprocess_cfg.size", side, side, side);
    if (sides) omn_config_int_or(f, "preprocess_cfg.size.1", side, side, side);
    omn_format(out, room, "mean=%s std=%s filter=%s fit=%s",
               colour_of(f, "preprocess_cfg.mean", mean, a, sizeof a),
               colour_of(f, "preprocess_cfg.std", std, b, sizeof b), linear ? "linear" : "cubic",
               squash ? "squash" : "crop");
}

static const fixed_key common[] = {
    KEY_EQUALS("init_logit_bias", NAN),
    KEY_IS("nonscalar_logit_scale", 0),
    KEY_SAYS("vision_cfg.timm_model_name", ""),
    KEY_SAYS("vision_cfg.pool_type", "tok"),
    KEY_SAYS("vision_cfg.pos_embed_type", "learnable"),
    KEY_IS("vision_cfg.final_ln_after_pool", 0),
    KEY_IS("vision_cfg.input_patchnorm", 0),
    KEY_IS("vision_cfg.global_average_pool", 0),
    KEY_EQUALS("vision_cfg.ls_init_value", NAN),
    KEY_LACKS("vision_cfg.act_kwargs"),
    KEY_SAYS("vision_cfg.block_type", "default"),
    KEY_IS("vision_cfg.qk_norm", 0),
    KEY_IS("vision_cfg.scaled_cosine_attn", 0),
    KEY_IS("vision_cfg.scale_heads", 0),
    KEY_IS("vision_cfg.scale_attn_inner", 0),
    KEY_IS("vision_cfg.scale_attn", 0),
    KEY_IS("vision_cfg.scale_fc", 0),
    KEY_SAYS("text_cfg.hf_model_name", ""),
    KEY_SAYS("text_cfg.hf_tokenizer_name", ""),
    KEY_IS("text_cfg.no_causal_mask", 0),
    KEY_SAYS("text_cfg.proj_type", "linear"),
    KEY_IS("text_cfg.proj_bias", 0),
    KEY_IS("text_cfg.final_ln_after_pool", 0),
    KEY_EQUALS("text_cfg.ls_init_value", NAN),
    KEY_LACKS("text_cfg.act_kwargs"),
    KEY_SAYS("text_cfg.block_type", "default"),
    KEY_IS("text_cfg.qk_norm", 0),
    KEY_IS("text_cfg.scaled_cosine_attn", 0),
    KEY_IS("text_cfg.scale_heads", 0),
    KEY_IS("text_cfg.scale_attn_inner", 0),
    KEY_IS("text_cfg.scale_attn", 0),
    KEY_IS("text_cfg.scale_fc", 0),
};

void openclip_refuse(const char *before, const char *family, omn_open *o, omn_config *f)
{
    keys_refuse(common, sizeof common / sizeof *common, before, family, o, f);
}

void openclip_tokenizer(omn_open *o, omn_config *f, int rows)
{
    static const char *const usual[] = { "bpe_simple_vocab_16e6.txt.gz",
                                         "bpe_simple_vocab_16e6.txt", "merges.txt" };
    const char *named = omn_config_string_or(f, "omnio.merges", NULL), *file = NULL;
    if (named) file = omn_open_file(o, named, true) ? named : NULL;
    for (size_t i = 0; !named && !file && i < sizeof usual / sizeof *usual; i++)
        if (omn_open_file(o, usual[i], false)) file = usual[i];
    if (file)
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "file=%s style=clip pieces=%d", file, rows);
}
