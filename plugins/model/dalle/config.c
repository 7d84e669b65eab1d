/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a DALL-E, by the names of the arguments of ruDALL-E's program, which is the
 * published model of this architecture; without any it is the paper's of twelve billion weights.
 * Below "omnio": tokens of pictures by a discrete VAE or a Gumbel VQGAN. */
#include "dalle.h"

#include "fixed.h"
#include "openclip.h"

#include <string.h>

bool dalle_known(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "dalle");
}

static void read_sizes(dalle *d, omn_open *o, omn_config *f)
{
    const char *version = omn_config_string_or(f, "hf_version", "v3");
    const bool second = !strcmp(version, "v2");
    d->D = omn_config_int_or(f, "hidden_size", 2, 65536, 3968);
    d->heads = omn_config_int_or(f, "num_attention_heads", 1, 1024, 62);
    d->layers = omn_config_int_or(f, "num_layers", 1, 512, 64);
    d->places = omn_config_int_or(f, "text_seq_length", 1, 65536, 256);
    d->text = omn_config_int_or(f, "vocab_size", 2, 1 << 22, 16384 + 256);
    d->codes = omn_config_int_or(f, "image_vocab_size", 2, 1 << 22, 8192);
    d->grid = omn_config_int_or(f, "image_tokens_per_dim", 1, 256, 32);
    d->picture_weight = omn_config_double_or(f, "loss_img_weight", 1e-6, 1e6, 7);
    d->sandwich = omn_config_bool_or(f, "cogview_sandwich_layernorm", false);
    d->kernel = omn_config_int_or(f, "omnio.kernel", 1, 511, 11);
    d->wraps = second;
    d->begin = second ? 2 : -1;
    if (!second && strcmp(version, "v3"))
        omn_open_fail(o, OMN_ERR_CONFIG, "hf_version is \"%.40s\"; v2 or v3 is wanted", version);
    if (d->D % d->heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "hidden_size: a width of %lld is not divided by %lld "
                      "heads", (long long)d->D, (long long)d->heads);
    if (d->text < d->places + 3)
        omn_open_fail(o, OMN_ERR_CONFIG, "vocab_size is %lld: a text of %lld places has as many "
                      "ids for empty ones, and three others at least", (long long)d->text,
                      (long long)d->places);
    if (d->kernel % 2 == 0)
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.kernel is %lld: a window around a place has an odd "
                      "side", (long long)d->kernel);
}

/* The discrete VAE as it was published, or the VQGAN of ruDALL-E. */
static omn_part *open_picture(const dalle *d, omn_open *o, omn_config *f)
{
    static const char *const mult[] = { "1", "1,2", "1,2,4", "1,2,4,8", "1,2,4,8,16" };
    const char *kind = omn_config_string_or(f, "omnio.vae", "dvae");
    if (!strcmp(kind, "vqgan"))
        return omn_open_part(
            o, "image", "omnio.decoder/1", "image.vqgan", "vae.model",
            "ch=%d ch_mult=1,1,2,4 blocks=2 n_embed=%d z=256 embed=256 attention=32 "
            "resolution=256 height=%d width=%d names=taming codebook=gumbel fit=cover",
            (int)omn_config_int_or(f, "omnio.vqgan_channels", 32, 8192, 128), (int)d->codes,
            (int)d->grid * 8, (int)d->grid * 8);
    if (strcmp(kind, "dvae")) {
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.vae is \"%.40s\"; dvae or vqgan is wanted", kind);
        return NULL;
    }
    const int groups = (int)omn_config_int_or(f, "omnio.group_count", 1, 5, 4);
    return omn_open_part(o, "image", "omnio.decoder/1", "image.vqgan", "vae",
                         "network=dvae ch=%d ch_mult=%s blocks=%d embed=%d n_embed=%d attention= "
                         "resolution=%d fit=cover",
                         (int)omn_config_int_or(f, "omnio.n_hid", 4, 8192, 256), mult[groups - 1],
                         (int)omn_config_int_or(f, "omnio.n_blk_per_group", 1, 64, 2),
                         (int)omn_config_int_or(f, "omnio.n_init", 1, 8192, 128), (int)d->codes,
                         (int)(d->grid << (groups - 1)));
}

static void open_tokenizer(dalle *d, omn_open *o, omn_config *f)
{
    const int pieces = (int)(d->text - d->places);
    if (omn_open_file(o, "tokenizer.model", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                      "file=tokenizer.model");
    else if (omn_open_file(o, "tokenizer.json", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "file=tokenizer.json style=json");
    else
        openclip_tokenizer(o, f, pieces);
    d->tokenizer = omn_open_find(o, "tokenizer");
    if (d->tokenizer && omn_codec_pieces(d->tokenizer) > pieces)
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer has %d pieces, vocab_size leaves %d beside "
                      "those of empty places: they do not belong together",
                      (int)omn_codec_pieces(d->tokenizer), pieces);
}

void dalle_configure(dalle *d, omn_open *o, omn_config *f)
{
    static const fixed_key own[] = { KEY_IS("is_bool_mask", 1) };
    const char *act = omn_config_string_or(f, "mlp_activation", "gelu_jit");
    read_sizes(d, o, f);
    keys_refuse(own, sizeof own / sizeof *own, "", "DALL-E", o, f);
    if (strcmp(act, "gelu_jit") && strcmp(act, "gelu"))
        omn_open_fail(o, OMN_ERR_CONFIG, "mlp_activation is \"%.40s\"; gelu or gelu_jit, which are "
                      "the same, is wanted", act);
    open_tokenizer(d, o, f);
    /* one place for the end that a text has elsewhere; the row looks at none of it */
    d->words = omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                             "table=text_embeddings.weight rows=%d width=1 most=%d stop=0 "
                             "embed=false wanted=tokenizer.model", (int)d->text,
                             (int)d->places + 1);
    omn_part *p = open_picture(d, o, f);
    const int32_t rows = (int32_t)(d->text + d->codes);
    const omn_range range = { "codes", (int32_t)d->text, (int32_t)d->codes, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = rows, .start = -1, .stop = -1, .pad = 0,
                          .ranges = &range, .n_ranges = 1 };
    if (p) omn_open_vocabulary(o, p, &v);
    if (omn_open_offers(o, "omnio.objective/1", "cross-entropy"))
        omn_open_part(o, "loss", "omnio.objective/1", "cross-entropy", "", "z=0");
}
