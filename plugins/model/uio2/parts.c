/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a Unified-IO 2 as its configuration names them: what it takes (a text, a picture, a
 * sound, and histories of both, whose items go through the weights of the present ones) and what it
 * writes. The official configuration lists both ("input_modalities", "target_modalities"); where it
 * does not, those are there that have a section of their own. */
#include "uio2.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t uio2_config_pair(omn_config *f, const char *path, int i, int64_t deflt)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%d", path, i);
    return omn_config_has(f, path) ? omn_config_int(f, name, 1, 65536) : deflt;
}

/* A whole number of a section: "image_vit_cfg" and "emb_dim". */
static int part_int(omn_config *f, const char *section, const char *key, int64_t lo, int64_t hi,
                    int64_t deflt)
{
    char path[128];
    snprintf(path, sizeof path, "%s.%s", section, key);
    return (int)omn_config_int_or(f, path, lo, hi, deflt);
}

static bool part_bool(omn_config *f, const char *section, const char *key, bool deflt)
{
    char path[128];
    snprintf(path, sizeof path, "%s.%s", section, key);
    return omn_config_bool_or(f, path, deflt);
}

/* Is this one in the list of the configuration, or, without a list, is its section there? */
static bool wanted(omn_config *f, const char *list, const char *name, const char *section)
{
    char path[128];
    if (!omn_config_has(f, list)) return omn_config_has(f, section);
    const size_t n = omn_config_count(f, list);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s.%zu", list, i);
        if (!strcmp(omn_config_string_or(f, path, ""), name)) return true;
    }
    return false;
}

/* A list of whole numbers as a parameter, "1,2,2,4". */
static const char *numbers(omn_config *f, const char *path, const char *deflt, char *out,
                           size_t room)
{
    const size_t n = omn_config_count(f, path);
    size_t used = 0;
    if (!omn_config_has(f, path)) return deflt;
    *out = 0;
    for (size_t i = 0; i < n && used < room; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.%zu", path, i);
        used += (size_t)snprintf(out + used, room - used, "%s%d", i ? "," : "",
                                 (int)omn_config_int(f, name, 1, 65536));
    }
    return out;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* What the encoder of pictures is told for a grid of so many patches. */
static void image_settings(const uio2 *u, omn_open *o, omn_config *f, const char *size,
                           int64_t deflt, char *out, size_t room)
{
    const char *v = "image_vit_cfg";
    const int64_t patch = omn_config_int_or(f, "t5_config.image_vit_patch_size", 1, 256, 16);
    const int64_t places = part_int(f, v, "num_pos", 2, 1 << 20, 197) - 1;
    const int64_t table_h = omn_config_int_or(f, "omnio.image_pos_rows", 1, 1024,
                                              (int64_t)llround(sqrt((double)places)));
    if (places % table_h)
        omn_open_fail(o, OMN_ERR_CONFIG, "image_vit_cfg.num_pos: %lld positions are no grid",
                      (long long)places);
    omn_format(out, room,
               "width=%d heads=%d head_width=%d layers=%d mlp=%d patch=%d rows=%d columns=%d "
               "table_rows=%d table_columns=%d frozen=%s shared=%s stem=%s act=%s "
               "rope=%.17g normalise=%s pos_init=%.17g out_init=%.17g",
               part_int(f, v, "emb_dim", 8, 65536, 768), part_int(f, v, "num_heads", 1, 512, 12),
               part_int(f, v, "head_dim", 2, 4096, 64), part_int(f, v, "num_layers", 1, 512, 11),
               part_int(f, v, "mlp_dim", 1, 1 << 20, 3072), (int)patch,
               (int)(uio2_config_pair(f, size, 0, deflt) / patch),
               (int)(uio2_config_pair(f, size, 1, deflt) / patch), (int)table_h,
               (int)(places / table_h), u->frozen ? "true" : "false",
               omn_config_bool_or(f, "omnio.share_image", false) ? "true" : "false",
               omn_config_string_or(f, "omnio.image_stem", "patch"),
               omn_config_string_or(f, "omnio.image_act", "gelu_erf"),
               omn_config_double_or(f, "omnio.image_rope", 0, 1e6, 0),
               omn_config_string_or(f, "omnio.image_normalise", "clip"),
               omn_config_double_or(f, "omnio.image_pos_init", 0, 100, 0.02),
               omn_config_double_or(f, "omnio.image_out_init", 0, 100, 1));
}

/* The same for the encoder of sounds. */
static void audio_settings(const uio2 *u, omn_config *f, const char *size, char *out, size_t room)
{
    const char *v = "audio_vit_cfg";
    const int64_t patch = omn_config_int_or(f, "t5_config.audio_vit_patch_size", 1, 256, 16);
    const int64_t learned = part_int(f, v, "patch_size", 1, 256, 16);
    snprintf(out, room,
             "width=%d heads=%d head_width=%d layers=%d mlp=%d patch=%d rows=%d columns=%d "
             "table_rows=%d table_columns=%d frozen=%s",
             part_int(f, v, "emb_dim", 8, 65536, 768), part_int(f, v, "num_heads", 1, 512, 12),
             part_int(f, v, "head_dim", 2, 4096, 64), part_int(f, v, "num_layers", 1, 512, 11),
             part_int(f, v, "mlp_dim", 1, 1 << 20, 3072), (int)patch,
             (int)(uio2_config_pair(f, size, 0, 256) / patch),
             (int)(uio2_config_pair(f, size, 1, 128) / patch),
             (int)(uio2_config_pair(f, "audio_vit_cfg.default_input_size", 0, 256) / learned),
             (int)(uio2_config_pair(f, "audio_vit_cfg.default_input_size", 1, 128) / learned),
             u->frozen ? "true" : "false");
}

/* Layers without cross-attention, which no released model has, are not built. */
static void check_resampler(omn_open *o, omn_config *f, const char *section, int layers)
{
    char path[128];
    snprintf(path, sizeof path, "%s.xattention_index", section);
    if (omn_config_has(f, path) && omn_config_count(f, path) != (size_t)layers)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: all %d layers have to look at the items", path,
                      layers);
    if (!part_bool(f, section, "xattn_qk_norm", true) &&
        !part_bool(f, section, "xattn_scaled_cosine", false))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "%s: xattn_qk_norm or xattn_scaled_cosine is wanted", section);
}

/* A history of pictures or sounds: `set` is what their encoder is told. */
static void open_history(const uio2 *u, omn_open *o, omn_config *f, const char *of,
                         const char *object, char *set, int latents)
{
    char role[64], prefix[96], section[96], samples[128];
    snprintf(role, sizeof role, "%s_history", of);
    snprintf(prefix, sizeof prefix, "input_embedders.%s", role);
    snprintf(section, sizeof section, "%s_cfg", role);
    snprintf(samples, sizeof samples, "sequence_length.%s_input_samples", role);
    for (char *at = set; (at = strchr(at, ' '));) *at = ',';
    const int places = part_int(f, section, "max_frames", 1, 1024, 8);
    const int layers = part_int(f, section, "num_layers", 1, 512, 2);
    const int64_t used = omn_config_int_or(f, "sequence_length.num_frames", 1, 1024, 4);
    const bool cosine = part_bool(f, section, "xattn_scaled_cosine", false);
    check_resampler(o, f, section, layers);
    omn_open_part(o, role, "omnio.encoder/1", "history.resampler", prefix,
                  "of=%s of_prefix=input_embedders.%s of_set=%s,second=-1,project=0,stage=%s "
                  "frames=%d most_frames=%d choose=%s patches=%d latents=%d width=%d heads=%d "
                  "head_width=%d layers=%d mlp=%d attention=%s act=%s project=%d stage=%s",
                  object, of, set, role, (int)(used < places ? used : places), places,
                  strcmp(of, "image") ? "first" : "spread",
                  (int)omn_config_int_or(f, samples, 1, 1 << 20, 1 << 20),
                  part_int(f, section, "latents_size", 1, 65536, latents),
                  part_int(f, section, "emb_dim", 1, 65536, 768),
                  part_int(f, section, "num_heads", 1, 512, 12),
                  part_int(f, section, "head_dim", 2, 4096, 64), layers,
                  part_int(f, section, "mlp_dim", 1, 1 << 20, 2048), cosine ? "cosine" : "norm",
                  omn_config_string_or(f, "omnio.resampler_act", "gelu_erf"), (int)u->D, role);
}

void uio2_open_inputs(uio2 *u, omn_open *o, omn_config *f)
{
    const char *list = "input_modalities";
    char set[1024];
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "input_embedders.text",
                  "table=text_token_embedder.weight rows=%d width=%d most=%d", (int)u->rows,
                  (int)u->D, (int)u->text_in);
    image_settings(u, o, f, "t5_config.default_image_vit_size", 384, set, sizeof set);
    if (!omn_config_has(f, list) || wanted(f, list, "image", "image_vit_cfg"))
        omn_open_part(o, "image", "omnio.encoder/1", "image.vit", "input_embedders.image",
                      "%s second=%d project=%d", set,
                      (int)omn_config_int_or(f, "omnio.image_second", 0, 511, 1), (int)u->D);
    if (wanted(f, list, "image_history", "image_history_cfg")) {
        image_settings(u, o, f, "t5_config.default_image_history_vit_size", 256, set, sizeof set);
        open_history(u, o, f, "image", "image.vit", set, 32);
    }
    if (wanted(f, list, "audio", "audio_vit_cfg")) {
        audio_settings(u, f, "t5_config.default_audio_vit_size", set, sizeof set);
        omn_open_part(o, "audio", "omnio.encoder/1", "audio.ast", "input_embedders.audio",
                      "%s project=%d", set, (int)u->D);
    }
    if (wanted(f, list, "audio_history", "audio_history_cfg")) {
        audio_settings(u, f, "t5_config.default_audio_history_vit_size", set, sizeof set);
        open_history(u, o, f, "audio", "audio.ast", set, 16);
    }
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* The ids of codes: 0 begins, 1 stands for what is missing, neither is ever written. */
static void open_codes(uio2_output *to, omn_open *o, omn_part *part, int64_t codes)
{
    const omn_range range = { "codes", 2, (int32_t)codes, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)to->rows, .start = 0, .stop = -1,
                          .pad = 0, .ranges = &range, .n_ranges = 1, .table = to->table };
    to->part = part;
    omn_open_vocabulary(o, part, &v);
}

static void open_image(uio2 *u, omn_open *o, omn_config *f)
{
    const char *q = "image_vqgan";
    uio2_output *to = &u->out[UIO2_IMAGE];
    char mult[128], attention[128];
    const int64_t patch = uio2_config_pair(f, "image_vqgan.patch_size", 0, 8);
    const int64_t h = uio2_config_pair(f, "image_vqgan.default_input_size", 0, 256);
    const int64_t w = uio2_config_pair(f, "image_vqgan.default_input_size", 1, 256);
    const int codes = part_int(f, q, "n_embed", 1, 1 << 24, 16384);
    *to = (uio2_output){ .table = "image_token_embedder.weight", .grid_h = h / patch,
                         .grid_w = w / patch, .rope_h = h / patch, .rope_w = w / patch };
    to->rows = omn_config_int_or(f, "t5_config.image_vocab_size", 8, 1 << 24, 16512);
    open_codes(to, o,
               omn_open_part(o, "image", "omnio.decoder/1", "image.vqgan", "target_embedders.image",
                             "inner=vqgan ch=%d ch_mult=%s blocks=%d z=%d embed=%d n_embed=%d "
                             "attention=%s resolution=%d height=%d width=%d view=%d groups=%d "
                             "names=%s",
                             part_int(f, q, "ch", 1, 8192, 128),
                             numbers(f, "image_vqgan.ch_mult", "1,2,2,4", mult, sizeof mult),
                             part_int(f, q, "num_res_blocks", 1, 64, 2),
                             part_int(f, q, "z_channels", 1, 8192, 4),
                             part_int(f, q, "embed_dim", 1, 8192, 4), codes,
                             numbers(f, "image_vqgan.attn_resolutions", "32", attention,
                                     sizeof attention),
                             part_int(f, q, "resolution", 1, 8192, 256), (int)h, (int)w,
                             (int)uio2_config_pair(f, "t5_config.default_image_vit_size", 0, 384),
                             (int)omn_config_int_or(f, "omnio.image_codec_groups", 1, 8192, 32),
                             omn_config_string_or(f, "omnio.image_codec_names", "uio2")),
               codes);
}

static void open_audio(uio2 *u, omn_open *o, omn_config *f)
{
    const char *q = "audio_vqgan";
    uio2_output *to = &u->out[UIO2_AUDIO];
    const int64_t patch = uio2_config_pair(f, "audio_vqgan.patch_size", 0, 8);
    const int64_t bands = uio2_config_pair(f, "audio_vqgan.default_input_size", 0, 128);
    const int64_t frames = uio2_config_pair(f, "audio_vqgan.default_input_size", 1, 256);
    const int codes = part_int(f, q, "vocab_size", 1, 1 << 24, 8192);
    *to = (uio2_output){ .table = "audio_token_embedder.weight", .grid_h = frames / patch,
                         .grid_w = bands / patch, .rope_h = bands / patch,
                         .rope_w = frames / patch };
    to->rows = omn_config_int_or(f, "t5_config.audio_vocab_size", 8, 1 << 24, 8320);
    open_codes(
        to, o,
        omn_open_part(o, "audio", "omnio.decoder/1", "audio.vitvqgan", "target_embedders.audio",
                      "inner=vqgan codes=%d embed=%d width=%d encoder_layers=%d encoder_mlp=%d "
                      "encoder_heads=%d encoder_head_width=%d decoder_layers=%d decoder_mlp=%d "
                      "decoder_heads=%d decoder_head_width=%d frames=%d bands=%d patch=%d "
                      "vocoder=%s silent=%s",
                      codes, part_int(f, q, "proj_dim", 1, 8192, 32),
                      part_int(f, q, "encoder_hidden_size", 4, 8192, 512),
                      part_int(f, q, "encoder_num_layers", 1, 256, 8),
                      part_int(f, q, "encoder_mlp_dim", 1, 65536, 2048),
                      part_int(f, q, "encoder_num_heads", 1, 256, 8),
                      part_int(f, q, "encoder_head_dim", 1, 1024, 64),
                      part_int(f, q, "decoder_num_layers", 1, 256, 8),
                      part_int(f, q, "decoder_mlp_dim", 1, 65536, 2048),
                      part_int(f, q, "decoder_num_heads", 1, 256, 8),
                      part_int(f, q, "decoder_head_dim", 1, 1024, 64), (int)frames, (int)bands,
                      (int)patch, omn_config_string_or(f, "omnio.vocoder", ""),
                      omn_config_string_or(f, "omnio.audio_codec_silent", "zero")),
        codes);
}

/* Which ids are locations: bin b is the piece <extra_id_(200 + b)>, ids fall as bins rise. */
static void open_vocabulary(uio2 *u, omn_open *o, omn_config *f, const omn_part *tokenizer,
                            omn_part *text)
{
    const char *size = "t5_config.default_image_vit_size";
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
    /* points, space, cameras and machines are said in the same words as boxes */
    static const char *const spoken[] = { "location", "location.points", "location.box3d",
                                          "location.camera", "location.actions" };
    for (size_t i = 0; fits && i < sizeof spoken / sizeof *spoken; i++)
        if (i == 0 || omn_open_offers(o, "omnio.codec/1", spoken[i]))
            omn_open_part(o, spoken[i], "omnio.codec/1", spoken[i], "",
                          "bins=%d first=%d width=%d height=%d rounding=%s", (int)bins,
                          (int)first_extra, (int)uio2_config_pair(f, size, 1, 384),
                          (int)uio2_config_pair(f, size, 0, 384),
                          omn_config_string_or(f, "omnio.location_rounding", "trunc"));
}

/* A part without which the model is of use: what is not installed is not written. */
static bool offered(omn_open *o, omn_config *f, const char *name, const char *section,
                    const char *object)
{
    return wanted(f, "target_modalities", name, section) &&
           omn_open_offers(o, "omnio.decoder/1", object);
}

void uio2_open_outputs(uio2 *u, omn_open *o, omn_config *f)
{
    omn_part *text = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens",
                                   "target_embedders.text", "rows=%d", (int)u->rows);
    u->out[UIO2_TEXT] = (uio2_output){ .part = text, .table = "text_token_embedder.weight",
                                       .rows = u->rows, .most = u->text_out };
    open_vocabulary(u, o, f, omn_open_find(o, "tokenizer"), text);
    if (offered(o, f, "image", "image_vqgan", "image.vqgan")) open_image(u, o, f);
    if (offered(o, f, "audio", "audio_vqgan", "audio.vitvqgan")) open_audio(u, o, f);
}
