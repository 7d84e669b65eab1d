/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations of CLIP. Its own program has none, all sizes follow from its weights;
 * open_clip wrote them down for the same names ("vision_cfg", "text_cfg"), and the Transformers
 * library for names of its own ("vision_config", "text_config"). */
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool clip_known(omn_config *f)
{
    const char *type = omn_config_string_or(f, "model_type", "clip");
    if (omn_config_has(f, "vision_cfg") && omn_config_has(f, "text_cfg")) return true;
    return !strcmp(type, "clip") && omn_config_has(f, "vision_config") &&
           omn_config_has(f, "text_config");
}

/* ---- open_clip ------------------------------------------------------------------------------- */

/* OpenAI's weights and those that open_clip trained have the same configuration and not the same
 * activation: nobody can tell but who has them. */
static const char *act_of(omn_open *o, omn_config *f)
{
    if (!omn_config_has(f, "quick_gelu"))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "quick_gelu is missing: true for the weights of OpenAI, false for those that "
                      "open_clip trained");
    return omn_config_bool_or(f, "quick_gelu", true) ? "quick_gelu" : "gelu_erf";
}

/* Blocks of the stages of a residual network, "3,4,6,3"; "" for a transformer. */
static const char *blocks_of(omn_config *f, char *out, size_t room)
{
    const size_t n = omn_config_count(f, "vision_cfg.layers");
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < n && used < room; i++) {
        char path[64];
        snprintf(path, sizeof path, "vision_cfg.layers.%zu", i);
        used += (size_t)snprintf(out + used, room - used, "%s%d", i ? "," : "",
                                 (int)omn_config_int(f, path, 1, 512));
    }
    return out;
}

static void of_open_clip(clip *k, omn_open *o, omn_config *f)
{
    char text[96];
    const char *blocks = blocks_of(f, text, sizeof text), *act = act_of(o, f);
    const int width = (int)omn_config_int(f, "vision_cfg.width", 2, 65536);
    const int head = (int)omn_config_int_or(f, "vision_cfg.head_width", 1, 65536, 64);
    const int rows = (int)omn_config_int_or(f, "text_cfg.vocab_size", 4, 1 << 24, 49408);
    const bool residual = *blocks != 0;
    k->embed = omn_config_int(f, "embed_dim", 1, 65536);
    k->context = omn_config_int_or(f, "text_cfg.context_length", 2, 65536, 77);
    const int wide = residual ? 32 * width : width;     /* channels of the last stage */
    if (wide % head)
        omn_open_fail(o, OMN_ERR_CONFIG, "vision_cfg: %d channels are not made of heads of %d",
                      wide, head);
    k->image = omn_open_part(
        o, "image", "omnio.encoder/1", "image.clip", "visual",
        "names=openai side=%d patch=%d blocks=%s width=%d layers=%d heads=%d embed=%d act=%s",
        (int)omn_config_int(f, "vision_cfg.image_size", 1, 4096),
        residual ? 0 : (int)omn_config_int(f, "vision_cfg.patch_size", 1, 1024), blocks, width,
        residual ? 0 : (int)omn_config_int(f, "vision_cfg.layers", 1, 512), wide / head,
        (int)k->embed, act);
    k->text = omn_open_part(
        o, "text", "omnio.encoder/1", "text.clip", "",
        "names=openai rows=%d context=%d start=%d stop=%d width=%d layers=%d heads=%d embed=%d "
        "act=%s",
        rows, (int)k->context, rows - 2, rows - 1,
        (int)omn_config_int(f, "text_cfg.width", 2, 65536),
        (int)omn_config_int_or(f, "text_cfg.layers", 1, 512, 12),
        (int)omn_config_int(f, "text_cfg.heads", 1, 1024), (int)k->embed, act);
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
    k->hf = true;
    k->embed = omn_config_int_or(f, "projection_dim", 1, 65536, 512);
    k->context = omn_config_int_or(f, "text_config.max_position_embeddings", 2, 65536, 77);
    k->image = omn_open_part(
        o, "image", "omnio.encoder/1", "image.clip", "vision_model",
        "names=hf side=%d patch=%d width=%d layers=%d heads=%d mlp=%d embed=%d act=%s",
        (int)omn_config_int_or(f, "vision_config.image_size", 1, 4096, 224),
        (int)omn_config_int_or(f, "vision_config.patch_size", 1, 1024, 32),
        (int)omn_config_int_or(f, "vision_config.hidden_size", 2, 65536, 768),
        (int)omn_config_int_or(f, "vision_config.num_hidden_layers", 1, 512, 12),
        (int)omn_config_int_or(f, "vision_config.num_attention_heads", 1, 1024, 12),
        (int)omn_config_int_or(f, "vision_config.intermediate_size", 1, 1 << 20, 3072),
        (int)k->embed, hf_act(o, f, "vision_config.hidden_act"));
    k->text = omn_open_part(
        o, "text", "omnio.encoder/1", "text.clip", "text_model",
        "names=hf rows=%d context=%d start=%d stop=%d width=%d layers=%d heads=%d mlp=%d embed=%d "
        "act=%s",
        rows, (int)k->context, rows - 2, rows - 1,
        (int)omn_config_int_or(f, "text_config.hidden_size", 2, 65536, 512),
        (int)omn_config_int_or(f, "text_config.num_hidden_layers", 1, 512, 12),
        (int)omn_config_int_or(f, "text_config.num_attention_heads", 1, 1024, 8),
        (int)omn_config_int_or(f, "text_config.intermediate_size", 1, 1 << 20, 2048),
        (int)k->embed, hf_act(o, f, "text_config.hidden_act"));
}

/* ---- both ------------------------------------------------------------------------------------ */

/* The merges of its own program, or the files that the Transformers library keeps them in. */
static void open_tokenizer(omn_open *o, omn_config *f)
{
    static const char *const usual[] = { "bpe_simple_vocab_16e6.txt.gz",
                                         "bpe_simple_vocab_16e6.txt", "merges.txt" };
    const char *named = omn_config_string_or(f, "omnio.merges", NULL), *file = NULL;
    const int rows = (int)omn_config_int_or(
        f, omn_config_has(f, "text_cfg") ? "text_cfg.vocab_size" : "text_config.vocab_size", 4,
        1 << 24, 49408);
    if (named) file = omn_open_file(o, named, true) ? named : NULL;
    for (size_t i = 0; !named && !file && i < sizeof usual / sizeof *usual; i++)
        if (omn_open_file(o, usual[i], false)) file = usual[i];
    if (file)
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "file=%s style=clip pieces=%d", file, rows);
}

void clip_configure(clip *k, omn_open *o, omn_config *f)
{
    open_tokenizer(o, f);
    k->scale_init = omn_config_double_or(f, "logit_scale_init_value", -10, 10, log(1 / 0.07));
    if (omn_config_has(f, "vision_cfg")) of_open_clip(k, o, f);
    else of_transformers(k, o, f);
    if (omn_open_offers(o, "omnio.objective/1", "contrastive"))
        omn_open_part(o, "loss", "omnio.objective/1", "contrastive", "", "%s", "");
    omn_open_encoders(o, "width=%d", (int)k->embed);
}
