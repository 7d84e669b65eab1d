/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations of OFA. Its own checkpoints keep fairseq's: the options of the model by their
 * names, at the top of config.json or as the file has them, below "cfg.model", those of the task
 * below "cfg.task". An architecture by name ("arch": "ofa_base") has the sizes of the releases, and
 * so have switches that nobody set. The Transformers library has names of its own. What changes the
 * numbers and is not built here is refused. */
#include "ofa.h"

#include "fixed.h"

#include <math.h>
#include <string.h>

static const ofa_names own = {
    .encoder_after = "attn_ln", .decoder_after = "self_attn_ln", .cross = "encoder_attn",
    .cross_before = "encoder_attn_layer_norm", .cross_after = "cross_attn_ln",
    .ffn_inner = "ffn_layernorm"
};
static const ofa_names transformers = {
    .encoder_after = "self_attn_mid_layer_norm", .decoder_after = "self_attn_mid_layer_norm",
    .cross = "cross_attn", .cross_before = "cross_attn_layer_norm",
    .cross_after = "cross_attn_mid_layer_norm", .ffn_inner = "ffn_layer_norm"
};

typedef struct arch {
    const char *name;
    int64_t D, heads, ffn, encoder, decoder;
    const char *resnet;
} arch;
static const arch archs[] = {
    { "ofa_tiny", 256, 4, 1024, 4, 4, "resnet50" },
    { "ofa_medium", 512, 8, 2048, 4, 4, "resnet101" },
    { "ofa_base", 768, 12, 3072, 6, 6, "resnet101" },
    { "ofa_large", 1024, 16, 4096, 12, 12, "resnet152" },
    { "ofa_huge", 1280, 16, 5120, 24, 12, "resnet152" },
};
enum { N_ARCHS = sizeof archs / sizeof *archs };

const char *ofa_key(const char *home, const char *key, char out[128])
{
    omn_format(out, 128, "%s%s", home, key);
    return out;
}

static int64_t whole(omn_config *f, const char *home, const char *key, int64_t lo, int64_t hi,
                     int64_t deflt)
{
    char path[128];
    return omn_config_int_or(f, ofa_key(home, key, path), lo, hi, deflt);
}

static bool flag(omn_config *f, const char *home, const char *key, bool deflt)
{
    char path[128];
    return omn_config_bool_or(f, ofa_key(home, key, path), deflt);
}

static bool transformers_names(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "ofa") &&
           omn_config_has(f, "d_model");
}

/* Where fairseq's options of the model stand. */
static const char *home_of(omn_config *f)
{
    static const char *const homes[] = { "cfg.model.", "args." };
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        char path[128];
        if (omn_config_has(f, ofa_key(homes[i], "arch", path)) ||
            omn_config_has(f, ofa_key(homes[i], "encoder_embed_dim", path)))
            return homes[i];
    }
    return "";
}

bool ofa_known(omn_config *f)
{
    char path[128];
    const char *name = omn_config_string_or(f, ofa_key(home_of(f), "arch", path), "");
    return transformers_names(f) || !strncmp(name, "ofa_", 4);
}

/* What its programs say of all models that were released, and nothing else is built of. */
static const fixed_key fixed[] = {
    KEY_IS("encoder_normalize_before", 1),
    KEY_IS("decoder_normalize_before", 1),
    KEY_IS("share_all_embeddings", 1),
    KEY_IS("share_decoder_input_output_embed", 1),
    KEY_IS("encoder_prompt", 0),
    KEY_IS("decoder_prompt", 0),
    KEY_IS("adapter", 0),
    KEY_IS("no_token_positional_embeddings", 0),
    KEY_IS("no_cross_attention", 0),
    KEY_IS("cross_self_attention", 0),
    KEY_IS("use_gamma_feature", 0),
    KEY_IS("tie_word_embeddings", 1),
    KEY_SAYS("activation_fn", "gelu"),
    KEY_SAYS("activation_function", "gelu"),
};

/* Sizes of the architecture that is named; of none, those of base. */
static const arch *arch_of(omn_open *o, omn_config *f, const char *home)
{
    char path[128];
    const char *name = omn_config_string_or(f, ofa_key(home, "arch", path), "ofa_base");
    for (int i = 0; i < N_ARCHS; i++)
        if (!strcmp(name, archs[i].name)) return &archs[i];
    omn_open_fail(o, OMN_ERR_CONFIG,
                  "%s is \"%.40s\"; ofa_tiny, ofa_medium, ofa_base, ofa_large or ofa_huge is "
                  "wanted", path, name);
    return &archs[2];
}

static ofa_stack stack_of(omn_config *f, const char *home, const char *side, const arch *a,
                          bool hf, int64_t layers)
{
    char key[64];
    ofa_stack s;
    omn_format(key, sizeof key, "%s_layers", side);
    s.layers = whole(f, home, key, 1, 512, layers);
    omn_format(key, sizeof key, "%s_attention_heads", side);
    s.heads = whole(f, home, key, 1, 512, a->heads);
    omn_format(key, sizeof key, hf ? "%s_ffn_dim" : "%s_ffn_embed_dim", side);
    s.ffn = whole(f, home, key, 1, 1 << 20, a->ffn);
    return s;
}

static void read_sizes(ofa *u, omn_open *o, omn_config *f, const char *home, bool hf)
{
    const arch *a = arch_of(o, f, home);
    char path[128];
    u->D = whole(f, home, hf ? "d_model" : "encoder_embed_dim", 8, 65536, a->D);
    u->encoder = stack_of(f, home, "encoder", a, hf, a->encoder);
    u->decoder = stack_of(f, home, "decoder", a, hf, a->decoder);
    if (!hf && whole(f, home, "decoder_embed_dim", 8, 65536, u->D) != u->D)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: both stacks are %lld wide",
                      ofa_key(home, "decoder_embed_dim", path), (long long)u->D);
    if (u->D % u->encoder.heads || u->D % u->decoder.heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: %lld is no multiple of %lld and %lld heads",
                      ofa_key(home, hf ? "d_model" : "encoder_embed_dim", path), (long long)u->D,
                      (long long)u->encoder.heads, (long long)u->decoder.heads);
    const int64_t most = hf ? whole(f, home, "max_position_embeddings", 8, 1 << 16, 1024) : 1024;
    u->text_in = hf ? most : whole(f, home, "max_source_positions", 8, 1 << 16, 1024);
    u->text_out = hf ? most : whole(f, home, "max_target_positions", 8, 1 << 16, 1024);
    u->token_bucket = whole(f, home, "token_bucket_size", 2, 1 << 16, 256);
    u->image_bucket = whole(f, home, "image_bucket_size", 2, 1024, 42);
    u->factor = omn_config_double_or(f, ofa_key(home, "attn_scale_factor", path), 1e-3, 1e3, 2);
    const int64_t side = whole(f, home, "code_image_size", 8, 8192, 128);
    u->window = omn_config_int_or(f, "omnio.code_image_size", 8, 8192, side) / 8;
    if (u->window > u->image_bucket)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: %lld codes in a row, of which image_bucket_size %lld "
                      "is the most", ofa_key(home, "code_image_size", path), (long long)u->window,
                      (long long)u->image_bucket);
}

static void read_switches(ofa *u, omn_config *f, const char *home, bool hf)
{
    const bool former = hf ? flag(f, home, "normformer", true) : true;
    u->after = hf ? former : flag(f, home, "scale_attn", true);
    u->ffn_inner = hf ? former : flag(f, home, "scale_fc", true);
    u->head_scale = hf ? former : flag(f, home, "scale_heads", true);
    u->scale_resids = !hf && flag(f, home, "scale_resids", false);
    u->norm_text = flag(f, home, "layernorm_embedding", true);
    u->norm_image = flag(f, home, "patch_layernorm_embedding", true);
    u->norm_codes = flag(f, home, "code_layernorm_embedding", true);
    u->types = flag(f, home, "add_type_embedding", true);
    u->entangled = flag(f, home, "entangle_position_embedding", false);
    /* its own program asks whether the switch is there, which it always is, and then for this one;
     * the library's asks the switch itself */
    u->entangled_out = hf ? u->entangled : !flag(f, home, "disable_entangle", true);
    const bool scaled = hf ? flag(f, home, "scale_embedding", false)
                           : !flag(f, home, "no_scale_embedding", true);
    u->embed_scale = scaled ? sqrt((double)u->D) : 1;
    if (flag(f, home, "interpolate_position", false))
        u->original = whole(f, home, "orig_patch_image_size", 16, 16384, 256) / 16;
}

/* Texts, then codes of pictures, then places: the order of the releases; rows behind the places are
 * answers of a checkpoint that was tuned for them. */
static void read_vocabulary(ofa *u, omn_open *o, omn_config *f)
{
    static const int64_t released = 59457;
    u->rows = omn_config_int_or(f, "vocab_size", 16, 1 << 24,
                                omn_config_int_or(f, "tensors.encoder.embed_tokens.weight.0", 16,
                                                  1 << 24, released));
    u->codes = omn_config_int_or(f, "omnio.codes", 1, 1 << 24,
                                 omn_config_int_or(f, "cfg.task.code_dict_size", 1, 1 << 24, 8192));
    u->bins = omn_config_int_or(f, "omnio.bins", 2, 100000,
                                omn_config_int_or(f, "cfg.task.num_bins", 2, 100000, 1000));
    const int64_t end = u->rows > released ? released : u->rows;
    const int64_t first = end - u->bins - u->codes;
    u->code_first = omn_config_int_or(f, "omnio.code_first", 4, 1 << 24, first < 4 ? 4 : first);
    u->bin_first = omn_config_int_or(f, "omnio.bin_first", 4, 1 << 24, u->code_first + u->codes);
    if (u->code_first + u->codes > u->rows || u->bin_first + u->bins > u->rows)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "vocab_size: %lld rows, of which %lld codes begin with %lld and %lld places "
                      "with %lld", (long long)u->rows, (long long)u->codes,
                      (long long)u->code_first, (long long)u->bins, (long long)u->bin_first);
}

/* What a checkpoint was tuned for, by the names of its program's tasks; one that was not answers in
 * free words. */
static const char *asked_by(omn_config *f)
{
    static const struct { const char *task, *pipeline; } tasks[] = {
        { "caption", "ofa-caption" },        { "vqa_gen", "ofa-vqa" },
        { "refcoco", "ofa-locate" },         { "snli_ve", "ofa-entail" },
        { "image_gen", "ofa-image" },        { "image_classify", "ofa-classify" },
        { "gigaword", "ofa-summary" },       { "ocr", "ofa-read" },
        { "sst2", "ofa-sentiment" },         { "mrpc", "ofa-same" },
        { "qqp", "ofa-equal" },              { "mnli", "ofa-imply" },
    };
    const char *name = omn_config_string_or(f, "cfg.task._name", "");
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (!strcmp(name, tasks[i].task)) return tasks[i].pipeline;
    return "ofa-ask";
}

void ofa_configure(ofa *u, omn_open *o, omn_config *f)
{
    const bool hf = transformers_names(f);
    const char *home = hf ? "" : home_of(f);
    u->names = hf ? &transformers : &own;
    keys_refuse(fixed, sizeof fixed / sizeof *fixed, home, "OFA", o, f);
    read_sizes(u, o, f, home, hf);
    read_switches(u, f, home, hf);
    read_vocabulary(u, o, f);
    u->task = asked_by(f);
    ofa_open_parts(u, o, f, home, arch_of(o, f, home)->resnet);
}
