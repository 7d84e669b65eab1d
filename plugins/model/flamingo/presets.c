/* SPDX-License-Identifier: Apache-2.0 */
/* The models that OpenFlamingo published, by their names: what their configurations say. The tables
 * of ids have the rows of the tokenizer with its three additions. */
#include "flamingo.h"

#include <string.h>

#define TOWER                                                                                      \
    "{\"vision_cfg\": {\"image_size\": 224, \"patch_size\": 14, \"width\": 1024, "                 \
    "\"layers\": 24}, \"quick_gelu\": true, "

static const struct { const char *name, *says; } presets[] = {
    { "openflamingo-3b",
      TOWER "\"cross_attn_every_n_layers\": 1, \"lang_encoder\": {\"model_type\": "
      "\"mosaic_gpt\", \"d_model\": 2048, \"n_heads\": 16, \"n_layers\": 24, "
      "\"vocab_size\": 50280, \"attn_qk_ln\": true, \"alibi\": true, \"no_bias\": true}}" },
    { "openflamingo-4b",
      TOWER "\"cross_attn_every_n_layers\": 2, \"lang_encoder\": {\"model_type\": "
      "\"gpt_neox\", \"hidden_size\": 2560, \"num_attention_heads\": 32, "
      "\"num_hidden_layers\": 32, \"intermediate_size\": 10240, \"vocab_size\": 50280, "
      "\"rotary_pct\": 1.0, \"use_parallel_residual\": false}}" },
    { "openflamingo-9b",
      TOWER "\"cross_attn_every_n_layers\": 4, \"lang_encoder\": {\"model_type\": \"mpt\", "
      "\"d_model\": 4096, \"n_heads\": 32, \"n_layers\": 32, \"vocab_size\": 50280, "
      "\"attn_config\": {\"alibi\": true}, \"no_bias\": true}}" },
};
enum { N_PRESETS = sizeof presets / sizeof *presets };

bool flamingo_preset(omn_open *o, omn_config *f)
{
    const char *size = omn_config_string_or(f, "omnio.size", NULL);
    if (!size) return true;
    for (int i = 0; i < N_PRESETS; i++)
        if (!strcmp(size, presets[i].name)) {
            omn_config_usual(f, presets[i].says);
            return true;
        }
    omn_open_fail(o, OMN_ERR_CONFIG, "omnio.size is \"%.40s\"; openflamingo-3b, openflamingo-4b or "
                  "openflamingo-9b is wanted", size);
    return false;
}
