/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a UViM: "base" and "lm" by the names of its programs' models, the sizes of
 * pictures at the top; without any they are those of the published depth estimation. */
#include "uvim.h"

#include "fixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool uvim_known(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "uvim");
}

/* The words of "a,b,c", at most UVIM_MOST_MAPS of 1 to 15 letters; how many, 0 for others. */
static int split(const char *text, char out[UVIM_MOST_MAPS][16])
{
    int n = 0;
    while (n < UVIM_MOST_MAPS) {
        const size_t length = strcspn(text, ",");
        if (length < 1 || length > 15) return 0;
        memcpy(out[n], text, length);
        out[n++][length] = 0;
        if (!text[length]) return n;
        text += length + 1;
    }
    return 0;
}

static bool is_square(int64_t n)
{
    int64_t side = 0;
    while (side * side < n) side++;
    return side * side == n;
}

omn_status uvim_read(uvim *u, const struct uvim_part *p, omn_error *err)
{
    char levels[UVIM_MOST_MAPS][16];
    u->side = p->side;
    u->patch = p->patch;
    u->code_len = p->code_len;
    u->dict = p->dict_size;
    u->codeword = p->codeword_dim;
    u->width = p->width;
    u->mlp = p->mlp_dim;
    u->heads = p->num_heads;
    u->enc = p->enc_depth;
    u->dec = p->dec_depth;
    u->resize = p->resize;
    u->context = p->context;
    u->n_maps = split(p->maps, u->maps);
    if (!u->n_maps || split(p->levels, levels) != u->n_maps)
        return omn_fail(err, OMN_ERR_CONFIG, "maps \"%s\", levels \"%s\": 1 to %d names, and a "
                        "number for each, are wanted", p->maps, p->levels, (int)UVIM_MOST_MAPS);
    for (int i = 0; i < u->n_maps; i++) {
        char *end = levels[i];
        const long n = strtol(levels[i], &end, 10);
        if (*end || n < 2 || n > 65536)
            return omn_fail(err, OMN_ERR_CONFIG, "levels \"%s\": a number of 2..65536 is wanted, "
                            "not \"%s\"", p->levels, levels[i]);
        u->levels[i] = (int32_t)n;
    }
    if (u->side % u->patch)
        return omn_fail(err, OMN_ERR_CONFIG, "input_size is %d: no whole number of patches of %d",
                        p->side, p->patch);
    if (u->width % u->heads)
        return omn_fail(err, OMN_ERR_CONFIG, "base.width: %d is not divided by %d heads", p->width,
                        p->num_heads);
    if (u->resize && !is_square(u->code_len))
        return omn_fail(err, OMN_ERR_CONFIG, "base.code_len is %d: a code that is a grid has the "
                        "square of a number", p->code_len);
    u->grid = u->side / u->patch;
    u->places = u->grid * u->grid;
    if ((int64_t)u->levels[0] * u->patch * u->patch >= 1 << 24)
        return omn_fail(err, OMN_ERR_CONFIG, "levels \"%s\" of patches of %d: their table has too "
                        "many rows", p->levels, p->patch);
    return OMN_OK;
}

static void refuse(omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_IS("base.with_decoder_ctx", 1),
        KEY_IS("base.quantize", 1), KEY_IS("base.zero_decoder_seq", 0),
        KEY_IS("lm.zero_decoder_seq", 0), KEY_SAYS("base.posemb", "learn"),
        KEY_SAYS("lm.posemb_type", "learn"),
    };
    keys_refuse(own, sizeof own / sizeof *own, "", "UViM", o, f);
}

/* What all parts are told. */
static void said(omn_config *f, char *out, size_t room)
{
    const int width = (int)omn_config_int_or(f, "base.width", 2, 65536, 768);
    snprintf(out, room, "side=%d patch=%d maps=%.60s levels=%.60s code_len=%d dict_size=%d "
             "codeword_dim=%d width=%d mlp_dim=%d num_heads=%d enc_depth=%d dec_depth=%d "
             "resize=%s context=%s dropout=%.16s",
             (int)omn_config_int_or(f, "input_size", 1, 4096, 512),
             (int)omn_config_int_or(f, "patch_size", 1, 256, 16),
             omn_config_string_or(f, "maps", "depth"), omn_config_string_or(f, "levels", "256"),
             (int)omn_config_int_or(f, "base.code_len", 1, 65536, 256),
             (int)omn_config_int_or(f, "base.dict_size", 2, 1 << 20, 4096),
             (int)omn_config_int_or(f, "base.codeword_dim", 1, 65536, width), width,
             (int)omn_config_int_or(f, "base.mlp_dim", 1, 1 << 20, 4 * width),
             (int)omn_config_int_or(f, "base.num_heads", 1, 1024, 12),
             (int)omn_config_int_or(f, "base.enc_depth", 0, 512, 6),
             (int)omn_config_int_or(f, "base.dec_depth", 1, 512, 12),
             omn_config_bool_or(f, "base.bottleneck_resize", true) ? "true" : "false",
             omn_config_bool_or(f, "base.with_encoder_ctx", true) ? "true" : "false",
             omn_config_string_or(f, "base.code_dropout", "random"));
}

static const void *self_of(const omn_part *p)
{
    const void *impl = NULL;
    return omn_part_self(p, "omnio.encoder/1", &impl);
}

void uvim_configure(uvim *u, omn_open *o, omn_config *f)
{
    char all[512];
    refuse(o, f);
    said(f, all, sizeof all);
    const omn_part *image = omn_open_part(o, "image", "omnio.encoder/1", "uvim.picture", "", "%s",
                                          all);
    if (!image) return;
    *u = *(const uvim *)self_of(image);   /* which begins with what it was told */
    u->image = image;
    u->map = omn_open_part(o, "map", "omnio.encoder/1", "uvim.map", "", "%s", all);
    u->guide = omn_open_part(o, "code", "omnio.encoder/1", "uvim.guide", "", "%s", all);
    u->lm_width = omn_config_int_or(f, "lm.emb_dim", 2, 65536, 1024);
    u->lm_mlp = omn_config_int_or(f, "lm.mlp_dim", 1, 1 << 20, 4 * u->lm_width);
    u->lm_heads = omn_config_int_or(f, "lm.num_heads", 1, 1024, 16);
    u->lm_layers = omn_config_int_or(f, "lm.num_layers", 1, 512, 24);
    if (u->lm_width % u->lm_heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "lm.emb_dim: %lld is not divided by %lld heads",
                      (long long)u->lm_width, (long long)u->lm_heads);
    omn_part *p = omn_open_part(o, "code", "omnio.decoder/1",
                                u->context ? "uvim.words" : "uvim.code", "", "%s", all);
    if (u->context) omn_open_part(o, "oracle", "omnio.decoder/1", "uvim.oracle", "", "%s", all);
    const omn_range range = { "codes", 1, (int32_t)u->dict, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->dict + 1, .start = 0,
                          .stop = -1, .pad = 0, .ranges = &range, .n_ranges = 1,
                          .table = "lm/decoder/EmbedTargets/embedding" };
    if (p) omn_open_vocabulary(o, p, &v);
    if (omn_open_offers(o, "omnio.objective/1", "guided"))
        omn_open_part(o, "loss", "omnio.objective/1", "guided", "", " ");
}
