/* SPDX-License-Identifier: Apache-2.0 */
/* model/uio2: Unified-IO 2 (Lu et al. 2023), text and picture in, text out. The door, and the
 * reading of the official configuration (t5_config, image_vit_cfg, ...). A few keys below "omnio"
 * describe smaller relatives that are trained with this program: another stem, fewer location bins,
 * pictures that packed questions share. */
#include "uio2.h"

#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t pair(omn_config *f, const char *path, int i, int64_t deflt)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%d", path, i);
    return omn_config_has(f, path) ? omn_config_int(f, name, 1, 65536) : deflt;
}

static void open_image(uio2 *u, omn_open *o, omn_config *f)
{
    const int64_t patch = omn_config_int_or(f, "t5_config.image_vit_patch_size", 1, 256, 16);
    const int64_t rows = pair(f, "t5_config.default_image_vit_size", 0, 384) / patch;
    const int64_t columns = pair(f, "t5_config.default_image_vit_size", 1, 384) / patch;
    const int64_t places = omn_config_int_or(f, "image_vit_cfg.num_pos", 2, 1 << 20, 197) - 1;
    const int64_t table_h = omn_config_int_or(f, "omnio.image_pos_rows", 1, 1024,
                                              (int64_t)llround(sqrt((double)places)));
    if (places % table_h)
        omn_open_fail(o, OMN_ERR_CONFIG, "image_vit_cfg.num_pos: %lld positions are no grid",
                      (long long)places);
    u->image =
        omn_open_part(o, "image", "omnio.encoder/1", "image.vit", "input_embedders.image",
                      "width=%d heads=%d head_width=%d layers=%d mlp=%d patch=%d rows=%d "
                      "columns=%d table_rows=%d "
                      "table_columns=%d second=%d project=%d frozen=%s shared=%s stem=%s act=%s "
                      "rope=%.17g normalise=%s pos_init=%.17g "
                      "out_init=%.17g",
                      (int)omn_config_int_or(f, "image_vit_cfg.emb_dim", 8, 65536, 768),
                      (int)omn_config_int_or(f, "image_vit_cfg.num_heads", 1, 512, 12),
                      (int)omn_config_int_or(f, "image_vit_cfg.head_dim", 2, 4096, 64),
                      (int)omn_config_int_or(f, "image_vit_cfg.num_layers", 1, 512, 11),
                      (int)omn_config_int_or(f, "image_vit_cfg.mlp_dim", 1, 1 << 20, 3072),
                      (int)patch, (int)rows, (int)columns, (int)table_h, (int)(places / table_h),
                      (int)omn_config_int_or(f, "omnio.image_second", 0, 511, 1), (int)u->D,
                      u->frozen ? "true" : "false",
                      omn_config_bool_or(f, "omnio.share_image", false) ? "true" : "false",
                      omn_config_string_or(f, "omnio.image_stem", "patch"),
                      omn_config_string_or(f, "omnio.image_act", "gelu_erf"),
                      omn_config_double_or(f, "omnio.image_rope", 0, 1e6, 0),
                      omn_config_string_or(f, "omnio.image_normalise", "clip"),
                      omn_config_double_or(f, "omnio.image_pos_init", 0, 100, 0.02),
                      omn_config_double_or(f, "omnio.image_out_init", 0, 100, 1));
}

/* Which ids are locations: bin b is the piece <extra_id_(200 + b)>, ids fall as bins rise. */
static void open_vocabulary(uio2 *u, omn_open *o, omn_config *f, const omn_part *tokenizer,
                            omn_part *text)
{
    const int64_t bins = omn_config_int_or(f, "omnio.location_bins", 2, 65536, 1000);
    const int64_t first_extra = omn_config_int_or(f, "omnio.location_first", 0, 65536, 200);
    char piece[48];
    snprintf(piece, sizeof piece, "<extra_id_%d>", (int)first_extra);
    int32_t first = tokenizer ? omn_codec_piece(tokenizer, piece) : -1;
    if (tokenizer && first < 0) {
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer has no piece %s: it does not belong to this "
                      "model", piece);
        return;
    }
    /* without a tokenizer nothing is written: only graphs are looked at */
    if (first < 0) first = (int32_t)(u->rows > 33000 ? 32999 : u->rows - 1);
    const bool fits = first - (bins - 1) >= 0;
    const omn_range ranges[2] = { { "codes", 0, (int32_t)u->rows, 1 },
                                  { "location", first, (int32_t)bins, -1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->rows, .start = 0, .stop = 1,
                          .pad = 0, .ranges = ranges, .n_ranges = fits ? 2 : 1,
                          /* the original appends the end token twice before it scores an option */
                          .option_ends =
                              (int32_t)omn_config_int_or(f, "omnio.option_ends", 1, 4, 2),
                          .table = "text_token_embedder.weight" };
    omn_open_vocabulary(o, text, &v);
    if (fits)
        omn_open_part(o, "location", "omnio.codec/1", "location", "",
                      "bins=%d first=%d width=%d height=%d rounding=%s", (int)bins,
                      (int)first_extra, (int)pair(f, "t5_config.default_image_vit_size", 1, 384),
                      (int)pair(f, "t5_config.default_image_vit_size", 0, 384),
                      omn_config_string_or(f, "omnio.location_rounding", "trunc"));
}

static omn_status uio2_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    uio2 *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "uio2: out of memory");
    *self = u;
    u->D = omn_config_int(f, "t5_config.emb_dim", 8, 65536);
    u->H = omn_config_int(f, "t5_config.num_heads", 1, 512);
    u->K = omn_config_int_or(f, "t5_config.head_dim", 4, 4096, 64);
    u->n_enc = omn_config_int(f, "t5_config.num_encoder_layers", 1, 512);
    u->n_dec = omn_config_int(f, "t5_config.num_decoder_layers", 1, 512);
    u->mlp = omn_config_int(f, "t5_config.mlp_dim", 1, 1 << 20);
    u->rows = omn_config_int_or(f, "t5_config.vocab_size", 8, 1 << 24, 33280);
    u->cross_every = omn_config_int_or(f, "t5_config.decoder_xattention_internval", 1, 512, 1);
    u->qk_norm = omn_config_bool_or(f, "t5_config.qk_norm", true);
    u->frozen = omn_config_bool_or(f, "freeze_vit", true);
    u->out_init = omn_config_double_or(f, "omnio.out_init", 0, 100, 1);
    u->text_in = omn_config_int_or(f, "t5_config.encoder_max_text_length", 1, 65536, 512);
    u->text_out = omn_config_int_or(f, "t5_config.decoder_max_text_length", 1, 65536, 512);
    u->image_ratio =
        sqrt((double)omn_config_int_or(f, "t5_config.decoder_max_image_length", 1, 1 << 20, 1024) /
             (double)omn_config_int_or(f, "t5_config.encoder_max_image_length", 1, 1 << 20, 576));
    const char *file = omn_open_file(o, "tokenizer.model", false);
    omn_part *tokenizer = NULL;
    const int first = (int)omn_config_int_or(f, "omnio.location_first", 0, 65536, 200);
    const int bins = (int)omn_config_int_or(f, "omnio.location_bins", 0, 65536, 1000);
    const int histories = (int)omn_config_int_or(f, "omnio.histories", 0, 64, 8);
    if (file)
        tokenizer = omn_open_part(
            o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
            "file=tokenizer.model start_first=true sentinels=%d bins=%d histories=%d marks=true",
            first, bins, histories);
    u->text = omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "input_embedders.text",
                            "table=text_token_embedder.weight rows=%d width=%d most=%d",
                            (int)u->rows, (int)u->D, (int)u->text_in);
    open_image(u, o, f);
    omn_open_encoders(o, "width=%d most=%d", (int)u->D, (int)u->text_in);
    omn_part *text = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens",
                                   "target_embedders.text", "rows=%d", (int)u->rows);
    u->text_out_part = text;
    open_vocabulary(u, o, f, tokenizer, text);
    return omn_open_done(o, err);
}

static const char *uio2_prefix(const void *self, const char *output)
{
    (void)self;
    if (!strcmp(output, "image")) return "[Image] [S] ";
    if (!strcmp(output, "audio")) return "[Audio] [S] ";
    return "[Text] [S] ";
}

static int32_t uio2_most(const void *self, bool answer)
{
    const uio2 *u = self;
    return (int32_t)(answer ? u->text_out : u->text_in);
}

/* The official configuration is known by its keys. */
static bool claims(omn_config *f) { return omn_config_has(f, "t5_config"); }

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { claims };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    return strcmp(id, "omnio.verify/1") ? NULL : &uio2_verify;
}

static const omn_model_impl impl = { extension,  uio2_open,   free,
                                     uio2_build, uio2_prefix, uio2_most };
static const omn_object objects[] = {
    { "omnio.model/1", "uio2", "Unified-IO 2: text and pictures in, text out", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("uio2", "0.1.0", "Apache-2.0", "the Unified-IO 2 model family", objects);
