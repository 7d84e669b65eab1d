/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a configuration that change what a language model or a tower computes and that say here
 * what is computed anyway; anything else under them is refused. */
#include "flamingo.h"

#include "fixed.h"

#include <math.h>
#include <stdio.h>

#define LENGTH(list) (sizeof(list) / sizeof *(list))

static const fixed_key tower_keys[] = {
    KEY_SAYS("vision_cfg.timm_model_name", ""),
    KEY_IS("vision_cfg.attentional_pool", 0),
    KEY_LACKS("vision_cfg.attn_pooler_queries"),
    KEY_SAYS("vision_cfg.pos_embed_type", "learnable"),
    KEY_IS("vision_cfg.no_ln_pre", 0),
    KEY_IS("vision_cfg.input_patchnorm", 0),
    KEY_EQUALS("vision_cfg.ls_init_value", NAN),
    KEY_LACKS("vision_cfg.act_kwargs"),
    KEY_LACKS("vision_cfg.norm_kwargs"),
    KEY_SAYS("vision_cfg.block_type", "default"),
    KEY_IS("vision_cfg.qk_norm", 0),
    KEY_IS("vision_cfg.scaled_cosine_attn", 0),
    KEY_IS("vision_cfg.scale_heads", 0),
    KEY_IS("vision_cfg.scale_attn_inner", 0),
    KEY_IS("vision_cfg.scale_attn", 0),
    KEY_IS("vision_cfg.scale_fc", 0),
};
static const fixed_key mosaic_keys[] = {
    KEY_IS("alibi", 1),
    KEY_IS("no_bias", 1),
    KEY_IS("prefix_lm", 0),
    KEY_IS("attn_uses_sequence_id", 0),
    KEY_EQUALS("embedding_fraction", 1),
    KEY_IS("tie_word_embeddings", 1),
};
static const fixed_key mpt_keys[] = {
    KEY_IS("attn_config.alibi", 1),
    KEY_IS("attn_config.prefix_lm", 0),
    KEY_SAYS("attn_config.attn_type", "multihead_attention"),
    KEY_IS("attn_config.attn_uses_sequence_id", 0),
    KEY_IS("attn_config.qk_gn", 0),
    KEY_IS("attn_config.rope", 0),
    KEY_EQUALS("attn_config.kv_n_heads", NAN),
    KEY_EQUALS("attn_config.sliding_window_size", -1),
    KEY_SAYS("ffn_config.ffn_type", "mptmlp"),
    KEY_IS("no_bias", 1),
    KEY_EQUALS("embedding_fraction", 1),
    KEY_IS("tie_word_embeddings", 1),
};
static const fixed_key neox_keys[] = {
    KEY_SAYS("hidden_act", "gelu"),
    KEY_IS("tie_word_embeddings", 0),
    KEY_IS("attention_bias", 1),
    KEY_EQUALS("rope_scaling", NAN),
};
static const fixed_key llama_keys[] = {
    KEY_IS("use_sliding_window", 0),
    KEY_LACKS("quantization_config"),
    KEY_EQUALS("partial_rotary_factor", 1),
};

void flamingo_refuse(omn_open *o, omn_config *f)
{
    keys_refuse(tower_keys, LENGTH(tower_keys), "", "tower of pictures", o, f);
}

void language_refuse(language_form form, omn_open *o, omn_config *f, const char *path)
{
    static const struct {
        const fixed_key *list;
        size_t n;
    } keys[] = {
        [LANGUAGE_MOSAIC] = { mosaic_keys, LENGTH(mosaic_keys) },
        [LANGUAGE_MPT] = { mpt_keys, LENGTH(mpt_keys) },
        [LANGUAGE_NEOX] = { neox_keys, LENGTH(neox_keys) },
        [LANGUAGE_LLAMA] = { llama_keys, LENGTH(llama_keys) },
    };
    char before[128];
    snprintf(before, sizeof before, "%s%s", path, *path ? "." : "");
    keys_refuse(keys[form].list, keys[form].n, before, "language model", o, f);
}
