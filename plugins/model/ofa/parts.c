/* SPDX-License-Identifier: Apache-2.0 */
/* What OFA takes and writes: a text, a picture through the first three stages of a residual
 * network; a text with places in it, and a picture as codes of a Gumbel VQGAN. All its ids are rows
 * of one table. */
#include "ofa.h"

#include <string.h>

/* "3,4,23" of a list of the configuration; "" where there is none. */
static const char *numbers(omn_config *f, const char *key, int64_t most, char out[64])
{
    const size_t n = omn_config_count(f, key);
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < n && used < 64; i++) {
        char path[64];
        omn_format(path, sizeof path, "%s.%d", key, (int)i);
        used += (size_t)omn_format(out + used, 64 - used, "%s%d", i ? "," : "",
                                   (int)omn_config_int(f, path, 1, most));
    }
    return out;
}

/* Where the tensors of a checkpoint tell the network (ofa's own configuration names it alone, and
 * sizes of its own have no name): blocks of each stage, or channels in the middle of them. */
static const char *measured(omn_config *f, bool blocks, char out[64])
{
    size_t used = 0;
    *out = 0;
    for (int k = 1; k <= 3; k++) {
        char path[128];
        int n = 0, planes = 0;
        for (; n < 512; n++) {
            omn_format(path, sizeof path, "tensors.encoder.embed_images.layer%d.%d.conv1.weight", k,
                       n);
            if (!omn_config_has(f, path)) break;
            if (n) continue;
            omn_format(path, sizeof path, "tensors.encoder.embed_images.layer%d.0.conv1.weight.0",
                       k);
            planes = (int)omn_config_int(f, path, 1, 16384);
        }
        if (!n) return "";
        used += (size_t)omn_format(out + used, 64 - used, "%s%d", k > 1 ? "," : "",
                                   blocks ? n : planes);
    }
    return out;
}

/* Blocks of the first three stages. */
static const char *blocks_of(omn_open *o, omn_config *f, const char *home, const char *usual,
                             char out[64])
{
    static const char *const known[][2] = {
        { "resnet50", "3,4,6" }, { "resnet101", "3,4,23" }, { "resnet152", "3,8,36" }
    };
    char path[128];
    const char *type = omn_config_string_or(f, ofa_key(home, "resnet_type", path), usual);
    if (*numbers(f, "omnio.resnet.blocks", 512, out) || *measured(f, true, out)) return out;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(type, known[i][0])) return known[i][1];
    omn_open_fail(o, OMN_ERR_CONFIG, "%s is \"%.40s\"; resnet50, resnet101 or resnet152 is wanted",
                  path, type);
    return known[0][1];
}

static void open_image(ofa *u, omn_open *o, omn_config *f, const char *home, const char *resnet)
{
    char blocks[64], planes[64], path[128];
    const int64_t side = omn_config_int_or(
        f, "omnio.image_size", 16, 16384,
        omn_config_int_or(f, "cfg.task.patch_image_size", 16, 16384,
                          omn_config_int_or(f, ofa_key(home, "patch_image_size", path), 16, 16384,
                                            480)));
    const int64_t sample = omn_config_int_or(f, "omnio.sample_patch_num", 0, 1 << 20, 0);
    const bool frozen = omn_config_bool_or(f, ofa_key(home, "freeze_resnet", path), false);
    const bool stored = omn_config_bool_or(f, "omnio.stored_statistics", frozen);
    const bool imagenet = omn_config_bool_or(
        f, "omnio.imagenet_mean_and_std",
        omn_config_bool_or(f, "cfg.task.imagenet_default_mean_and_std", false));
    /* norms that are kept alike on several machines were built with another number */
    const bool alike = omn_config_bool_or(f, ofa_key(home, "sync_bn", path), false);
    u->sampled = sample > 0;
    omn_open_part(o, "image", "omnio.encoder/1", "image.resnet", "encoder.embed_images",
                  "width=%d height=%d blocks=%s stem=%d planes=%s eps=%s statistics=%s frozen=%s "
                  "normalise=%s sample=%d alpha=hides", (int)side,
                  (int)omn_config_int_or(f, "omnio.image_height", 16, 16384, side),
                  blocks_of(o, f, home, resnet, blocks),
                  (int)omn_config_int_or(
                      f, "omnio.resnet.stem", 1, 65536,
                      omn_config_int_or(f, "tensors.encoder.embed_images.conv1.weight.0", 1, 65536,
                                        64)),
                  *numbers(f, "omnio.resnet.planes", 16384, planes) ||
                          *measured(f, false, planes) ? planes : "64,128,256",
                  alike ? "1e-3" : "1e-5", stored ? "stored" : "batch", frozen ? "true" : "false",
                  imagenet ? "imagenet" : "half", (int)sample);
}

/* Are they all there? Each is asked for, so that what is missing is told whole. */
static bool all_there(omn_open *o, const char *const *names)
{
    bool there = true;
    for (; *names; names++) there = omn_open_file(o, *names, false) && there;
    return there;
}

/* The files of its own program, or those of the Transformers library, whose list has all ids. */
static void open_tokenizer(const ofa *u, omn_open *o)
{
    static const char *const own[] = { "vocab.bpe", "encoder.json", "dict.txt", NULL };
    static const char *const library[] = { "merges.txt", "vocab.json", NULL };
    if (all_there(o, own))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "file=vocab.bpe style=gpt2 vocabulary=encoder.json dictionary=dict.txt "
                      "added=<mask>,<code_0..%d>,<bin_0..%d> added_blanks=true",
                      (int)u->codes - 1, (int)u->bins - 1);
    else if (all_there(o, library))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "file=merges.txt style=gpt2 vocabulary=vocab.json");
}

static void open_text(ofa *u, omn_open *o, omn_config *f)
{
    open_tokenizer(u, o);
    const int64_t places = u->text_out;
    u->most_in = omn_config_int_or(f, "omnio.max_src_length", 3, u->text_in, u->text_in);
    u->most_out = omn_config_int_or(f, "omnio.max_tgt_length", 2, places, places);
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "encoder",
                  "table=encoder.embed_tokens.weight rows=%d width=%d most=%d start=0 stop=2",
                  (int)u->rows, (int)u->D, (int)u->most_in);
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "decoder",
                                "rows=%d stop=2", (int)u->rows);
    const omn_range ranges[] = { { "codes", 0, (int32_t)u->rows, 1 },
                                 { "location", (int32_t)u->bin_first, (int32_t)u->bins, 1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->rows, .start = 0, .stop = 2,
                          .pad = 1, .ranges = ranges, .n_ranges = 2,
                          .table = "encoder.embed_tokens.weight" };
    omn_open_vocabulary(o, p, &v);
    u->text = p;
}

/* Places are so many 512ths of 512 pixels, whatever side the model sees. */
static void open_locations(const ofa *u, omn_open *o)
{
    static const char *const spoken[] = { "location", "location.points" };
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++)
        if (omn_open_offers(o, "omnio.codec/1", spoken[i]))
            omn_open_part(o, spoken[i], "omnio.codec/1", spoken[i], "",
                          "bins=%d first=0 open=<bin_ close=> order=xy rounding=even width=512 "
                          "height=512", (int)u->bins);
}

/* A picture as codes; its network is a file of its own, below "vqgan." of the weights. */
static void open_codes(ofa *u, omn_open *o, omn_config *f)
{
    const int64_t side = u->window * 8;
    if (!omn_open_offers(o, "omnio.decoder/1", "image.vqgan") ||
        !omn_config_bool_or(f, "omnio.writes_images", false))
        return;
    omn_part *p = omn_open_part(
        o, "image", "omnio.decoder/1", "image.vqgan", "vqgan",
        "ch=%d ch_mult=1,1,2,4 blocks=2 n_embed=%d z=256 embed=256 attention=32 resolution=256 "
        "height=%d width=%d names=taming codebook=gumbel fit=cover",
        (int)omn_config_int_or(f, "omnio.vqgan_channels", 32, 8192, 128), (int)u->codes, (int)side,
        (int)side);
    const omn_range range = { "codes", (int32_t)u->code_first, (int32_t)u->codes, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->rows, .start = 0, .stop = -1,
                          .pad = 1, .ranges = &range, .n_ranges = 1,
                          .table = "encoder.embed_tokens.weight" };
    omn_open_vocabulary(o, p, &v);
    u->image = p;
}

/* What its own program lowers, by the options of its criterion. */
static void open_loss(ofa *u, omn_open *o, omn_config *f)
{
    char among[64] = "";
    const int64_t from = omn_config_int_or(f, "omnio.constraint_from", 4, u->rows - 1, 0);
    const int64_t to = omn_config_int_or(f, "omnio.constraint_to", 5, u->rows, 0);
    if (from && from < to)
        omn_format(among, sizeof among, "0..3,%lld..%lld", (long long)from, (long long)to - 1);
    if (!omn_open_offers(o, "omnio.objective/1", "smoothed")) return;
    u->loss = omn_open_part(
        o, "loss", "omnio.objective/1", "smoothed", "",
        "as=entropy smoothing=%.17g keep=%.17g among=%s",
        omn_config_double_or(f, "cfg.criterion.label_smoothing", 0, 0.999, 0.1),
        1 - omn_config_double_or(f, "cfg.criterion.drop_worst_ratio", 0, 1, 0), among);
}

void ofa_open_parts(ofa *u, omn_open *o, omn_config *f, const char *home, const char *resnet)
{
    open_image(u, o, f, home, resnet);
    open_text(u, o, f);
    open_locations(u, o);
    open_codes(u, o, f);
    open_loss(u, o, f);
}
