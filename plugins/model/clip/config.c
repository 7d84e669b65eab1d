/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations of CLIP. Its own program has none, all sizes follow from its weights
 * (sizes.c); open_clip wrote them down for the same names ("vision_cfg", "text_cfg", and with
 * weights, as "model_cfg" beside a "preprocess_cfg"), and the Transformers library for names of
 * its own ("vision_config", "text_config"). Keys that ask for something else than is computed here
 * are refused by keys.c. */
#include "model.h"

#include "openclip.h"
#include "preprocessor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool clip_known(omn_config *f)
{
    const char *type = omn_config_string_or(f, "model_type", "clip");
    if (omn_config_has(f, "multimodal_cfg") || omn_config_has(f, "model_cfg.multimodal_cfg"))
        return false;                     /* CoCa */
    if (omn_config_has(f, "vision_cfg") && omn_config_has(f, "text_cfg")) return true;
    if (clip_measurable(f)) return true;
    if (omn_config_has(f, "model_cfg.vision_cfg") && omn_config_has(f, "model_cfg.text_cfg"))
        return true;
    return !strcmp(type, "clip") && omn_config_has(f, "vision_config") &&
           omn_config_has(f, "text_config");
}

/* ---- open_clip ------------------------------------------------------------------------------- */

/* "vision_cfg.width" as the file has it, in one of `at`. */
typedef struct place {
    char text[96];
} place;

static const char *in(const clip *k, place *at, const char *path)
{
    snprintf(at->text, sizeof at->text, "%s%s", k->wrapped ? "model_cfg." : "", path);
    return at->text;
}

static int whole(const clip *k, omn_config *f, const char *path, int lo, int hi)
{
    place at;
    return (int)omn_config_int(f, in(k, &at, path), lo, hi);
}

static int whole_or(const clip *k, omn_config *f, const char *path, int lo, int hi, int deflt)
{
    place at;
    return (int)omn_config_int_or(f, in(k, &at, path), lo, hi, deflt);
}

static double real_or(const clip *k, omn_config *f, const char *path, double lo, double hi,
                      double deflt)
{
    place at;
    return omn_config_double_or(f, in(k, &at, path), lo, hi, deflt);
}

/* OpenAI's weights and those that open_clip trained have the same configuration and not the same
 * activation: nobody can tell but who has them. Where the configuration came with the weights, what
 * it leaves out is false. */
static const char *act_of(const clip *k, omn_open *o, omn_config *f)
{
    place at;
    in(k, &at, "quick_gelu");
    if (!k->wrapped && !omn_config_has(f, at.text))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "quick_gelu is missing: true for the weights of OpenAI, false for those that "
                      "open_clip trained");
    return omn_config_bool_or(f, at.text, !k->wrapped) ? "quick_gelu" : "gelu_erf";
}

/* Blocks of the stages of a residual network, "3,4,6,3"; "" for a transformer. */
static const char *blocks_of(const clip *k, omn_config *f, char *out, size_t room)
{
    place at;
    const size_t n = omn_config_count(f, in(k, &at, "vision_cfg.layers"));
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < n && used < room; i++) {
        char path[64];
        snprintf(path, sizeof path, "vision_cfg.layers.%zu", i);
        used += (size_t)snprintf(out + used, room - used, "%s%d", i ? "," : "",
                                 whole(k, f, path, 1, 512));
    }
    return out;
}

/* Inner width of the feed-forward. */
static int mlp_of(const clip *k, omn_config *f, const char *path, int width)
{
    return (int)(width * real_or(k, f, path, 0.001, 64, 4));
}

static void open_clip_image(clip *k, omn_open *o, omn_config *f, const char *act)
{
    char text[96], ready[384];
    place at;
    const char *blocks = blocks_of(k, f, text, sizeof text);
    const int width = whole(k, f, "vision_cfg.width", 2, 65536);
    const int head = whole_or(k, f, "vision_cfg.head_width", 1, 65536, 64);
    const int side = whole(k, f, "vision_cfg.image_size", 1, 4096);
    const bool residual = *blocks != 0;
    const int wide = residual ? 32 * width : width;     /* channels of the last stage */
    if (wide % head)
        omn_open_fail(o, OMN_ERR_CONFIG, "vision_cfg: %d channels are not made of heads of %d",
                      wide, head);
    const bool no_pre = omn_config_bool_or(f, in(k, &at, "vision_cfg.no_ln_pre"), false);
    openclip_prepared(o, f, side, ready, sizeof ready);
    k->image = omn_open_part(
        o, "image", "omnio.encoder/1", "image.clip", "visual",
        "names=openai side=%d patch=%d blocks=%s width=%d layers=%d heads=%d mlp=%d embed=%d "
        "act=%s eps=%.17g ln_pre=%s %s",
        side, residual ? 0 : whole(k, f, "vision_cfg.patch_size", 1, 1024), blocks, width,
        residual ? 0 : whole(k, f, "vision_cfg.layers", 1, 512), wide / head,
        mlp_of(k, f, "vision_cfg.mlp_ratio", width), (int)k->embed, act,
        real_or(k, f, "vision_cfg.norm_kwargs.eps", 1e-12, 1, 1e-5), no_pre ? "false" : "true",
        ready);
}

static void of_open_clip(clip *k, omn_open *o, omn_config *f)
{
    const char *act = act_of(k, o, f);
    const int rows = whole_or(k, f, "text_cfg.vocab_size", 4, 1 << 24, 49408);
    const int width = whole(k, f, "text_cfg.width", 2, 65536);
    k->embed = whole(k, f, "embed_dim", 1, 65536);
    k->context = whole_or(k, f, "text_cfg.context_length", 2, 65536, 77);
    k->scale_init = real_or(k, f, "init_logit_scale", -10, 10, k->scale_init);
    open_clip_image(k, o, f, act);
    k->text = omn_open_part(
        o, "text", "omnio.encoder/1", "text.clip", "",
        "names=openai rows=%d context=%d start=%d stop=%d width=%d layers=%d heads=%d mlp=%d "
        "embed=%d act=%s eps=%.17g",
        rows, (int)k->context, rows - 2, rows - 1, width,
        whole_or(k, f, "text_cfg.layers", 1, 512, 12), whole(k, f, "text_cfg.heads", 1, 1024),
        mlp_of(k, f, "text_cfg.mlp_ratio", width), (int)k->embed, act,
        real_or(k, f, "text_cfg.norm_kwargs.eps", 1e-12, 1, 1e-5));
}

/* ---- the Transformers library ---------------------------------------------------------------- */

static const char *hf_act(omn_open *o, omn_config *f, const char *path)
{
    const char *act = omn_config_string_or(f, path, "quick_gelu");
    if (!strcmp(act, "quick_gelu")) return act;
    if (!strcmp(act, "gelu")) return "gelu_erf";
    if (!strcmp(act, "gelu_new") || !strcmp(act, "gelu_pytorch_tanh")) return "gelu_tanh";
    omn_open_fail(o, OMN_ERR_CONFIG, "%s is \"%.40s\"; quick_gelu, gelu or gelu_new is wanted",
                  path, act);
    return "quick_gelu";
}

/* What its files leave out has the sizes of ViT-B/32. */
static void of_transformers(clip *k, omn_open *o, omn_config *f)
{
    const int rows = (int)omn_config_int_or(f, "text_config.vocab_size", 4, 1 << 24, 49408);
    const int side = (int)omn_config_int_or(f, "vision_config.image_size", 1, 4096, 224);
    char ready[384];
    preprocessor_settings(o, side, ready, sizeof ready);
    k->hf = true;
    k->embed = omn_config_int_or(f, "projection_dim", 1, 65536, 512);
    k->context = omn_config_int_or(f, "text_config.max_position_embeddings", 2, 65536, 77);
    k->image = omn_open_part(
        o, "image", "omnio.encoder/1", "image.clip", "vision_model",
        "names=hf side=%d patch=%d width=%d layers=%d heads=%d mlp=%d embed=%d act=%s eps=%.17g %s",
        side,
        (int)omn_config_int_or(f, "vision_config.patch_size", 1, 1024, 32),
        (int)omn_config_int_or(f, "vision_config.hidden_size", 2, 65536, 768),
        (int)omn_config_int_or(f, "vision_config.num_hidden_layers", 1, 512, 12),
        (int)omn_config_int_or(f, "vision_config.num_attention_heads", 1, 1024, 12),
        (int)omn_config_int_or(f, "vision_config.intermediate_size", 1, 1 << 20, 3072),
        (int)k->embed, hf_act(o, f, "vision_config.hidden_act"),
        omn_config_double_or(f, "vision_config.layer_norm_eps", 1e-12, 1, 1e-5), ready);
    k->text = omn_open_part(
        o, "text", "omnio.encoder/1", "text.clip", "text_model",
        "names=hf rows=%d context=%d start=%d stop=%d width=%d layers=%d heads=%d mlp=%d embed=%d "
        "act=%s eps=%.17g",
        rows, (int)k->context, rows - 2, rows - 1,
        (int)omn_config_int_or(f, "text_config.hidden_size", 2, 65536, 512),
        (int)omn_config_int_or(f, "text_config.num_hidden_layers", 1, 512, 12),
        (int)omn_config_int_or(f, "text_config.num_attention_heads", 1, 1024, 8),
        (int)omn_config_int_or(f, "text_config.intermediate_size", 1, 1 << 20, 2048),
        (int)k->embed, hf_act(o, f, "text_config.hidden_act"),
        omn_config_double_or(f, "text_config.layer_norm_eps", 1e-12, 1, 1e-5));
}

/* ---- both ------------------------------------------------------------------------------------ */

void clip_configure(clip *k, omn_open *o, omn_config *f)
{
    clip_sizes(k, o, f);
    k->wrapped = omn_config_has(f, "model_cfg.vision_cfg");
    k->hf = !k->wrapped && !omn_config_has(f, "vision_cfg");
    openclip_tokenizer(o, f, whole_or(k, f, k->hf ? "text_config.vocab_size"
                                                  : "text_cfg.vocab_size", 4, 1 << 24, 49408));
    clip_refuse(k, o, f);
    k->scale_init = omn_config_double_or(f, "logit_scale_init_value", -10, 10, log(1 / 0.07));
    if (k->hf) of_transformers(k, o, f);
    else of_open_clip(k, o, f);
    if (omn_open_offers(o, "omnio.objective/1", "contrastive"))
        omn_open_part(o, "loss", "omnio.objective/1", "contrastive", "", "%s", "");
    omn_open_encoders(o, "width=%d", (int)k->embed);
}
