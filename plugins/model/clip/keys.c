/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a configuration that change what CLIP computes and that say here what is computed anyway;
 * anything else under them is refused. Programs write many of them with these values into each
 * file. */
#include "model.h"

#include "openclip.h"

#include <math.h>

#define LENGTH(list) (sizeof(list) / sizeof *(list))

static const fixed_key open_clip_keys[] = {
    KEY_IS("custom_text", 0),
    KEY_LACKS("multimodal_cfg"),
    KEY_IS("vision_cfg.attentional_pool", 0),
    KEY_LACKS("vision_cfg.attn_pooler_queries"),
    KEY_IS("text_cfg.embed_cls", 0),
    KEY_SAYS("text_cfg.pool_type", "argmax"),
};
static const fixed_key transformers_keys[] = {
    KEY_EQUALS("vision_config.num_channels", 3),
};

void clip_refuse(const clip *k, omn_open *o, omn_config *f)
{
    const char *before = k->wrapped ? "model_cfg." : "";
    if (k->hf) keys_refuse(transformers_keys, LENGTH(transformers_keys), "", "CLIP", o, f);
    else {
        openclip_refuse(before, "CLIP", o, f);
        keys_refuse(open_clip_keys, LENGTH(open_clip_keys), before, "CLIP", o, f);
    }
    if (!k->hf) return;
    /* An end of its own means that another place of the text is read out; 2 stands in old files and
     * has always been read as the largest id. */
    const int64_t rows_of_text = omn_config_int_or(f, "text_config.vocab_size", 4, 1 << 24, 49408);
    const int64_t end = omn_config_int_or(f, "text_config.eos_token_id", 0, 1 << 24, 2);
    if (end != 2 && end != rows_of_text - 1)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "text_config.eos_token_id is %lld: only the largest id, %lld, ends a text",
                      (long long)end, (long long)rows_of_text - 1);
}
