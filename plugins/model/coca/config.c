/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a CoCa as open_clip writes it: "vision_cfg", "text_cfg" and "multimodal_cfg"
 * at the top, or below "model_cfg" where the file came with the weights. */
#include "coca.h"

#include "openclip.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool coca_known(omn_config *f)
{
    return omn_config_has(f, "multimodal_cfg") || omn_config_has(f, "model_cfg.multimodal_cfg");
}

/* A configuration, and where in it the model stands. */
typedef struct reading {
    omn_open *o;
    omn_config *f;
    const char *before;
    char path[128];
} reading;

static const char *at(reading *r, const char *key)
{
    snprintf(r->path, sizeof r->path, "%s%s", r->before, key);
    return r->path;
}

static int64_t whole(reading *r, const char *key, int64_t lo, int64_t hi)
{
    return omn_config_int(r->f, at(r, key), lo, hi);
}

static int64_t whole_or(reading *r, const char *key, int64_t lo, int64_t hi, int64_t deflt)
{
    return omn_config_int_or(r->f, at(r, key), lo, hi, deflt);
}

static double real_or(reading *r, const char *key, double lo, double hi, double deflt)
{
    return omn_config_double_or(r->f, at(r, key), lo, hi, deflt);
}

static coca_stack stack_of(reading *r, const coca *k, const char *of)
{
    char key[64];
    coca_stack s;
    snprintf(key, sizeof key, "%s.width", of);
    const int64_t width = whole(r, key, 2, 65536);
    if (width != k->D)
        omn_open_fail(r->o, OMN_ERR_CONFIG,
                      "%s is %lld, embed_dim %lld: texts and what they look at have one width",
                      r->path, (long long)width, (long long)k->D);
    snprintf(key, sizeof key, "%s.layers", of);
    s.layers = whole_or(r, key, 1, 512, 12);
    snprintf(key, sizeof key, "%s.heads", of);
    s.heads = whole_or(r, key, 1, 1024, 8);
    if (k->D % s.heads)
        omn_open_fail(r->o, OMN_ERR_CONFIG, "%s: a width of %lld is not divided by %lld heads",
                      r->path, (long long)k->D, (long long)s.heads);
    snprintf(key, sizeof key, "%s.mlp_ratio", of);
    s.ffn = (int64_t)((double)k->D * real_or(r, key, 0.001, 64, 4));
    return s;
}

static void read_poolers(coca *k, reading *r)
{
    const char *kind = omn_config_string_or(r->f, "omnio.pool", "one");
    k->queries = whole_or(r, "vision_cfg.attn_pooler_queries", 2, 65536, 256);
    k->pool_heads = whole_or(r, "vision_cfg.attn_pooler_heads", 1, 1024, 8);
    if (k->D % k->pool_heads)
        omn_open_fail(r->o, OMN_ERR_CONFIG, "%s: embed_dim %lld is not divided by %lld heads",
                      r->path, (long long)k->D, (long long)k->pool_heads);
    if (!omn_config_bool_or(r->f, at(r, "vision_cfg.attentional_pool"), false))
        omn_open_fail(r->o, OMN_ERR_CONFIG,
                      "%s is not true: a CoCa looks through attentional poolers", r->path);
    k->pool = COCA_ONE;
    if (!strcmp(kind, "cascade")) k->pool = COCA_CASCADE;
    else if (!strcmp(kind, "parallel")) k->pool = COCA_PARALLEL;
    else if (strcmp(kind, "one"))
        omn_open_fail(r->o, OMN_ERR_CONFIG,
                      "omnio.pool is \"%.40s\"; one, cascade or parallel is wanted", kind);
    if (k->pool != COCA_ONE && k->vision != k->D)
        omn_open_fail(r->o, OMN_ERR_CONFIG,
                      "omnio.pool is \"%.40s\": both poolers look at vectors of one width, and "
                      "vision_cfg.width is %lld, embed_dim %lld", kind, (long long)k->vision,
                      (long long)k->D);
}

static void open_image(coca *k, reading *r)
{
    char ready[384];
    const int head = (int)whole_or(r, "vision_cfg.head_width", 1, 65536, 64);
    const int side = (int)whole(r, "vision_cfg.image_size", 1, 4096);
    const bool quick = omn_config_bool_or(r->f, at(r, "quick_gelu"), false);
    k->act = quick ? OMN_ACT_QUICK_GELU : OMN_ACT_GELU_ERF;
    k->vision = whole(r, "vision_cfg.width", 2, 65536);
    if (k->vision % head)
        omn_open_fail(r->o, OMN_ERR_CONFIG, "vision_cfg: %d channels are not made of heads of %d",
                      (int)k->vision, head);
    openclip_prepared(r->o, r->f, side, ready, sizeof ready);
    k->image = omn_open_part(
        r->o, "image", "omnio.encoder/1", "image.clip", "visual",
        "names=openai give=all stage=vision side=%d patch=%d width=%d layers=%d heads=%d mlp=%d "
        "act=%s eps=%.17g ln_pre=%s %s",
        side, (int)whole(r, "vision_cfg.patch_size", 1, 1024), (int)k->vision,
        (int)whole(r, "vision_cfg.layers", 1, 512), (int)k->vision / head,
        (int)((double)k->vision * real_or(r, "vision_cfg.mlp_ratio", 0.001, 64, 4)),
        quick ? "quick_gelu" : "gelu_erf", k->eps,
        omn_config_bool_or(r->f, at(r, "vision_cfg.no_ln_pre"), false) ? "false" : "true", ready);
}

/* What is written and what is compared: one tokenizer, one table. */
static void open_text(coca *k, reading *r)
{
    static const char *const table = "text.token_embedding.weight";
    const int rows = (int)k->rows;
    openclip_tokenizer(r->o, r->f, rows);
    k->words = omn_open_part(r->o, "text", "omnio.encoder/1", "text.tokens", "",
                             "table=%s rows=%d width=%d most=%d start=%d stop=%d cut=true "
                             "wanted=bpe_simple_vocab_16e6.txt.gz", table, rows, (int)k->D,
                             (int)k->context, rows - 2, rows - 1);
    omn_part *p = omn_open_part(r->o, "text", "omnio.decoder/1", "text.tokens", "",
                                "rows=%d stop=%d wanted=bpe_simple_vocab_16e6.txt.gz", rows,
                                rows - 1);
    const omn_range range = { "codes", 0, rows, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = rows, .start = rows - 2, .stop = rows - 1,
                          .pad = 0, .ranges = &range, .n_ranges = 1, .table = table };
    omn_open_vocabulary(r->o, p, &v);
    k->answer = p;
}

/* Keys of the multimodal stack that the other one has as well, and must have alike. */
static void same(reading *r, const char *key, int64_t wanted, int64_t lo)
{
    const int64_t is = whole_or(r, key, lo, 1 << 24, wanted);
    if (is != wanted)
        omn_open_fail(r->o, OMN_ERR_CONFIG, "%s is %lld, that of text_cfg %lld: they are one text",
                      r->path, (long long)is, (long long)wanted);
}

void coca_configure(coca *k, omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_IS("text_cfg.embed_cls", 1), KEY_IS("text_cfg.correct_cls_mask", 0),
        KEY_EQUALS("text_cfg.pad_id", 0), KEY_EQUALS("multimodal_cfg.ls_init_value", NAN),
        KEY_SAYS("multimodal_cfg.hf_model_name", ""),
    };
    reading r = { .o = o, .f = f };
    r.before = omn_config_has(f, "model_cfg.multimodal_cfg") ? "model_cfg." : "";
    k->eps = real_or(&r, "text_cfg.norm_kwargs.eps", 1e-12, 1, 1e-5);
    k->scale_init = real_or(&r, "init_logit_scale", -10, 10, log(1 / 0.07));
    k->D = whole(&r, "embed_dim", 2, 65536);
    k->context = whole_or(&r, "text_cfg.context_length", 3, 65536, 76);
    k->rows = whole_or(&r, "text_cfg.vocab_size", 4, 1 << 24, 49408);
    same(&r, "multimodal_cfg.context_length", k->context, 3);
    same(&r, "multimodal_cfg.vocab_size", k->rows, 4);
    keys_refuse(own, sizeof own / sizeof *own, r.before, "CoCa", o, f);
    openclip_refuse(r.before, "CoCa", o, f);
    k->text = stack_of(&r, k, "text_cfg");
    k->multimodal = stack_of(&r, k, "multimodal_cfg");
    open_image(k, &r);
    read_poolers(k, &r);
    open_text(k, &r);
    if (omn_open_offers(o, "omnio.objective/1", "pairs"))
        omn_open_part(o, "loss", "omnio.objective/1", "pairs", "", "caption=2");
}
