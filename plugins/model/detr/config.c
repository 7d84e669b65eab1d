/* SPDX-License-Identifier: Apache-2.0 */
/* The options of MDETR's program, whose heirs have them too: sizes, the residual network, the text
 * encoder, whose keys are those of its own library. */
#include "detr.h"
#include "fixed.h"

#include <string.h>

/* What the program and the text encoder's library can be told and the released models are not. */
static void refuse_others(omn_open *o, omn_config *f, const char *family)
{
    static const fixed_key own[] = {
        KEY_IS("pre_norm", 0),
        KEY_IS("pass_pos_and_query", 1),
        KEY_SAYS("position_embedding", "sine"),
    };
    static const fixed_key text[] = {
        KEY_SAYS("model_type", "roberta"),
        KEY_SAYS("hidden_act", "gelu"),
        KEY_SAYS("position_embedding_type", "absolute"),
        KEY_IS("is_decoder", 0),
        KEY_IS("add_cross_attention", 0),
        KEY_EQUALS("bos_token_id", 0),
        KEY_EQUALS("pad_token_id", 1),
        KEY_EQUALS("eos_token_id", 2),
    };
    /* sizes by a name are those of one alone */
    static const fixed_key base[] = { KEY_SAYS("text_encoder_type", "roberta-base") };
    keys_refuse(own, sizeof own / sizeof *own, "", family, o, f);
    keys_refuse(text, sizeof text / sizeof *text, "text_config.", "text encoder", o, f);
    if (!omn_config_has(f, "text_config")) keys_refuse(base, 1, "", "text encoder", o, f);
}

void detr_configure(detr *u, omn_open *o, omn_config *f, const char *family)
{
    refuse_others(o, f, family);
    u->D = omn_config_int_or(f, "hidden_dim", 4, 65536, 256);
    u->H = omn_config_int_or(f, "nheads", 1, 512, 8);
    u->n_enc = omn_config_int_or(f, "enc_layers", 1, 512, 6);
    u->n_dec = omn_config_int_or(f, "dec_layers", 1, DETR_MOST_LAYERS, 6);
    u->ffn = omn_config_int_or(f, "dim_feedforward", 1, 1 << 20, 2048);
    u->text = (bert){ .D = 768, .H = 12, .layers = 12, .ffn = 3072, .rows = 50265, .places = 514,
                      .types = 1, .first = 2, .eps = 1e-5 };
    bert_configure(&u->text, o, f, "text_config");
    u->start = 0;
    u->stop = 2;
    if (u->D % u->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "hidden_dim %lld of %lld heads: a multiple is wanted",
                      (long long)u->D, (long long)u->H);
}

bool detr_large(omn_open *o, omn_config *f)
{
    const char *net = omn_config_string_or(f, "backbone", "resnet101");
    const bool large = !strcmp(net, "resnet101");
    if (!large && strcmp(net, "resnet50"))
        omn_open_fail(o, OMN_ERR_UNSUPPORTED,
                      "backbone: \"%s\" is not supported, resnet50 and resnet101 are", net);
    return large;
}

void detr_open_image(const detr *u, omn_open *o, omn_config *f, const char *prefix, bool large)
{
    detr_open_sized(u, o, f, prefix, large, 800, 1333);
}

void detr_open_sized(const detr *u, omn_open *o, omn_config *f, const char *prefix, bool large,
                     int side, int usual)
{
    const bool dilated =
        omn_config_bool_or(f, "dilation", omn_config_bool_or(f, "base_args.dilation", false));
    const int64_t longest = omn_config_int_or(f, "omnio.longest", 1, 16384, usual);
    const int64_t canvas = (longest + 31) / 32 * 32;
    omn_open_part(o, "image", "omnio.encoder/1", "image.unitab", prefix,
                  "side=%d longest=%d height=%d width=%d blocks=%s stem=%d planes=%s positions=%d "
                  "dilated=%s",
                  (int)omn_config_int_or(f, "omnio.side", 1, 16384, side), (int)longest,
                  (int)omn_config_int_or(f, "omnio.canvas_height", 1, 16384, canvas),
                  (int)omn_config_int_or(f, "omnio.canvas_width", 1, 16384, canvas),
                  omn_config_string_or(f, "omnio.blocks", large ? "3,4,23,3" : "3,4,6,3"),
                  (int)omn_config_int_or(f, "omnio.stem", 1, 65536, 64),
                  omn_config_string_or(f, "omnio.planes", "64,128,256,512"), (int)u->D,
                  dilated ? "true" : "false");
}
