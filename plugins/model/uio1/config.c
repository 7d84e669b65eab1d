/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of Unified-IO 1. Its own program keeps them in code, as those of a model and of the
 * network of its pictures; here they stand in a configuration by the same names, flat or in the
 * sections "model" and "vae", or follow from "omnio": {"size": "small" to "xl"}, or from the
 * tensors of a file that comes without one. What is left out is as published. */
#include "uio1.h"

#include "shapes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int D, H, layers, mlp, segments;
} sizes[] = {
    { "small", 512, 6, 8, 1024, 2 },
    { "base", 768, 12, 12, 2048, 2 },
    { "large", 1024, 16, 24, 2816, 2 },
    { "xl", 2048, 32, 24, 5120, 8 },
};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

/* Where a number stands: in its section, where there is one, else at the top. */
static const char *at(omn_config *f, const char *section, const char *key, char out[128])
{
    const bool inside = omn_config_has(f, section);
    snprintf(out, 128, "%s%s%s", inside ? section : "", inside ? "." : "", key);
    return out;
}

static int64_t number(omn_config *f, const char *key, int64_t lo, int64_t hi, int64_t deflt)
{
    char path[128];
    at(f, "model", key, path);
    return deflt < 0 ? omn_config_int(f, path, lo, hi) : omn_config_int_or(f, path, lo, hi, deflt);
}

static int vae(omn_config *f, const char *key, int64_t lo, int64_t hi, int64_t deflt)
{
    char path[128];
    return (int)omn_config_int_or(f, at(f, "vae", key, path), lo, hi, deflt);
}

/* Item i of a list in the section, or the default where there is none. */
static int64_t item(omn_config *f, const char *key, int i, int64_t deflt)
{
    char list[128], path[160];
    at(f, "model", key, list);
    snprintf(path, sizeof path, "%s.%d", list, i);
    return omn_config_has(f, list) ? omn_config_int(f, path, 1, 65536) : deflt;
}

static bool measurable(omn_config *f)
{
    return shapes_has(f, "token_embedder/embedding") &&
           shapes_has(f, "encoder/relpos_bias/image_rel_embedding") &&
           shapes_has(f, "encoder/layers_0/mlp/wi_0/kernel");
}

/* Lengths of texts and pictures share tables of positions and are the published ones. */
static void measure(uio1 *u, omn_config *f)
{
    static const char table[] = "token_embedder/embedding", in[] = "encoder/layers_", out[] =
        "decoder/layers_", up[] = "/mlp/wi_0/kernel";
    const int64_t H = shapes_dim(f, "encoder/relpos_bias/rel_embedding", 0);
    const int64_t J = shapes_dim(f, "encoder/layers_0/attention/query/kernel", 1);
    const int64_t codes = shapes_dim(f, "discrete_vae/quantize/embedding", 0);
    const int64_t ch = shapes_dim(f, "discrete_vae/encoder/conv_in/kernel", 3);
    snprintf(u->usual, sizeof u->usual,
             "{\"emb_dim\": %lld, \"num_heads\": %lld, \"head_dim\": %lld, "
             "\"num_encoder_layers\": %d, \"num_decoder_layers\": %d, \"mlp_dim\": %lld, "
             "\"num_seg_emb\": %lld, \"vocab_size\": %lld, \"image_vocab_size\": %lld, "
             "\"ch\": %lld}",
             (long long)shapes_dim(f, table, 1), (long long)H, (long long)(H > 0 ? J / H : 0),
             shapes_count(f, in, up), shapes_count(f, out, up),
             (long long)shapes_dim(f, "encoder/layers_0/mlp/wi_0/kernel", 1),
             (long long)shapes_dim(f, "encoder/segment_embedding/embedding", 0),
             (long long)(shapes_dim(f, table, 0) - (codes ? codes : 16384)),
             (long long)(codes ? codes : 16384), (long long)(ch ? ch : 128));
    omn_config_usual(f, u->usual);
}

bool uio1_known(omn_config *f)
{
    return measurable(f) ||
           (omn_config_has(f, "model.image_vocab_size") && omn_config_has(f, "model.emb_dim")) ||
           (omn_config_has(f, "image_vocab_size") && omn_config_has(f, "emb_dim"));
}

static int size_of(omn_open *o, omn_config *f)
{
    const char *name = omn_config_string_or(f, "omnio.size", "");
    for (int i = 0; i < N_SIZES; i++)
        if (!strcmp(name, sizes[i].name)) return i;
    if (*name)
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.size is \"%s\"; small, base, large or xl is wanted",
                      name);
    return *name ? 0 : -1;
}

/* What would be another model. */
static void refuse(omn_open *o, omn_config *f)
{
    static const char *const acts[2] = { "gelu", "linear" };
    char path[128], of[160];
    at(f, "model", "mlp_activations", path);
    for (int i = 0; i < 2 && omn_config_has(f, path); i++) {
        snprintf(of, sizeof of, "%s.%d", path, i);
        if (omn_config_count(f, path) != 2 || strcmp(omn_config_string_or(f, of, ""), acts[i]))
            omn_open_fail(o, OMN_ERR_CONFIG, "%s: [\"gelu\", \"linear\"] is built alone", path);
    }
    if (!omn_config_bool_or(f, at(f, "model", "logits_via_embedding", path), true))
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: logits through the table of ids are built alone",
                      path);
    if (omn_config_double_or(f, at(f, "model", "dropout_rate", path), 0, 1, 0) != 0)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: a model without dropout is built alone", path);
    static const char *const none[] = { "visual_backbone_type", "visual_backbone_feature" };
    for (int i = 0; i < 2; i++)
        if (omn_config_has(f, at(f, "model", none[i], path)) &&
            *omn_config_string_or(f, path, ""))
            omn_open_fail(o, OMN_ERR_CONFIG, "%s: pictures as patches are built alone", path);
    static const char *const sections[] = { "model", "vae" };
    for (int i = 0; i < 2; i++)
        if (!strstr(omn_config_string_or(f, at(f, sections[i], "dtype", path), "float32"),
                    "float32"))
            omn_open_fail(o, OMN_ERR_CONFIG, "%s: float32 is built; \"omnio\": {\"precision\": "
                          "\"bf16\"} makes products of bf16", path);
    if (omn_config_bool_or(f, at(f, "vae", "double_z", path), false))
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: codes of one vector are built alone", path);
    if (omn_config_double_or(f, at(f, "vae", "dropout", path), 0, 1, 0) != 0)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: a network without dropout is built alone", path);
    if (vae(f, "in_channels", 1, 1024, 3) != 3 || vae(f, "out_ch", 1, 1024, 3) != 3)
        omn_open_fail(o, OMN_ERR_CONFIG, "pictures of three channels are built alone");
}

static void check(const uio1 *u, omn_open *o, int64_t side_h, int64_t side_w, int64_t patch)
{
    const double axis = sqrt((double)u->image_buckets / 4);
    if (side_h % patch || side_w % patch)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "pictures of %lld x %lld pixels are no whole patches of %lld",
                      (long long)side_w, (long long)side_h, (long long)patch);
    if (u->grid_h * u->grid_w != u->image_in && u->table_w * u->table_w != u->image_in)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "encoder_max_image_length: %lld positions are no square to be resized to "
                      "%lld x %lld patches",
                      (long long)u->image_in, (long long)u->grid_w, (long long)u->grid_h);
    if (u->image_out % u->out_w)
        omn_open_fail(o, OMN_ERR_CONFIG, "decoder_max_image_length: %lld codes are no rows of %lld",
                      (long long)u->image_out, (long long)u->out_w);
    if (axis != floor(axis))
        omn_open_fail(o, OMN_ERR_CONFIG, "image_relpos_buckets: %lld are not 4 times a square",
                      (long long)u->image_buckets);
}

void uio1_read(uio1 *u, omn_open *o, omn_config *f)
{
    const int size = size_of(o, f);
    if (measurable(f)) measure(u, f);
    const bool said = size >= 0;
    u->D = number(f, "emb_dim", 8, 65536, said ? sizes[size].D : -1);
    u->H = number(f, "num_heads", 1, 512, said ? sizes[size].H : -1);
    u->K = number(f, "head_dim", 1, 4096, 64);
    u->n_enc = number(f, "num_encoder_layers", 1, 512, said ? sizes[size].layers : -1);
    u->n_dec = number(f, "num_decoder_layers", 1, 512, said ? sizes[size].layers : -1);
    u->mlp = number(f, "mlp_dim", 1, 1 << 20, said ? sizes[size].mlp : -1);
    u->segments = number(f, "num_seg_emb", 2, 1024, said ? sizes[size].segments : 2);
    u->text_rows = number(f, "vocab_size", 8, 1 << 24, 33152);
    u->codes = number(f, "image_vocab_size", 2, 1 << 24, 16384);
    u->text_in = number(f, "encoder_max_text_length", 2, 8192, 256);
    u->text_out = number(f, "decoder_max_text_length", 2, 8192, 256);
    u->image_in = number(f, "encoder_max_image_length", 1, 8192, 576);
    u->image_out = number(f, "decoder_max_image_length", 1, 8192, 256);
    u->text_buckets = number(f, "decoder_relpos_buckets", 8, 1024, 32);
    u->image_buckets = number(f, "image_relpos_buckets", 4, 65536, 256);
    const int64_t patch = number(f, "image_patch_size", 1, 256, 16);
    const int64_t h = item(f, "default_image_size", 0, 384);
    const int64_t w = item(f, "default_image_size", 1, 384);
    const int64_t seen_h = omn_config_int_or(f, "omnio.image_size.0", 1, 65536, h);
    const int64_t seen_w = omn_config_int_or(f, "omnio.image_size.1", 1, 65536, w);
    u->grid_h = seen_h / patch;
    u->grid_w = seen_w / patch;
    u->table_w = (int64_t)llround(sqrt((double)u->image_in));
    u->out_w = number(f, "decoder_image_width", 1, 8192,
                      (int64_t)llround(sqrt((double)u->image_out)));
    refuse(o, f);
    check(u, o, seen_h, seen_w, patch);
    u->patch = patch;
    u->side = seen_h > seen_w ? seen_h : seen_w;
}

/* A list of numbers of the network as a parameter, "1,2,4". */
static const char *numbers(omn_config *f, const char *key, const char *deflt, char *out,
                           size_t room)
{
    char list[128], path[160];
    size_t used = 0;
    at(f, "vae", key, list);
    if (!omn_config_has(f, list)) return deflt;
    *out = 0;
    for (size_t i = 0; i < omn_config_count(f, list) && used < room; i++) {
        snprintf(path, sizeof path, "%s.%zu", list, i);
        used += (size_t)snprintf(out + used, room - used, "%s%d", i ? "," : "",
                                 (int)omn_config_int(f, path, 1, 65536));
    }
    return out;
}

omn_part *uio1_open_codes(uio1 *u, omn_open *o, omn_config *f)
{
    char mult[128], attention[128];
    if (!omn_open_offers(o, "omnio.decoder/1", "image.vqgan")) return NULL;
    if (vae(f, "n_embed", 1, 1 << 24, u->codes) != u->codes)
        omn_open_fail(o, OMN_ERR_CONFIG, "n_embed: %d codes; image_vocab_size says %lld",
                      vae(f, "n_embed", 1, 1 << 24, u->codes), (long long)u->codes);
    omn_part *p = omn_open_part(
        o, "image", "omnio.decoder/1", "image.vqgan", "discrete_vae",
        "names=flax fit=uio1 ch=%d ch_mult=%s blocks=%d z=%d embed=%d n_embed=%d attention=%s "
        "resolution=%d height=%d width=%d groups=%d view=%d",
        vae(f, "ch", 1, 8192, 128), numbers(f, "ch_mult", "1,1,2,2,4", mult, sizeof mult),
        vae(f, "num_res_blocks", 1, 64, 2), vae(f, "z_channels", 1, 8192, 256),
        vae(f, "embed_dim", 1, 8192, 256), (int)u->codes,
        numbers(f, "attn_resolutions", "16", attention, sizeof attention),
        vae(f, "resolution", 1, 8192, 256), (int)item(f, "target_size", 0, 256),
        (int)item(f, "target_size", 1, 256), vae(f, "num_groups", 1, 8192, 32),
        (int)item(f, "default_image_size", 0, 384));
    const omn_codes *c = p ? omn_part_codes(p) : NULL;
    if (c && (c->count != u->image_out || c->grid_w != u->out_w))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "target_size: a picture is %d codes in rows of %d; decoder_max_image_length "
                      "says %lld in rows of %lld",
                      c->count, c->grid_w, (long long)u->image_out, (long long)u->out_w);
    return p;
}
