/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of OFA: the configuration as the model reads it, opening, which case a file is (by
 * its name), and what each kind of stage may differ by. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

/* ---- the configuration ----------------------------------------------------------------------- */

static void copy(const golden *g, const char *from, json_t *to, const char *name)
{
    json_t *x = json_object_get(g->config, from);
    if (x) json_object_set(to, name, x);
}

static json_t *own_part(const verify *v, const verify_how *how)
{
    json_t *own = json_pack("{s:s,s:b,s:b,s:b}", "model", "ofa", "writes_images", 1,
                            "stored_statistics", !how->batch, "imagenet_mean_and_std",
                            how->imagenet);
    static const char *const pairs[][2] = {
        { "code_dict_size", "codes" }, { "num_bins", "bins" }, { "code_first", "code_first" },
        { "bin_first", "bin_first" },  { "resnet", "resnet" },
    };
    for (size_t i = how->bins ? 4 : 0; i < sizeof pairs / sizeof *pairs; i++)
        copy(&v->g, pairs[i][0], own, pairs[i][1]);
    if (how->bins) json_object_set_new(own, "bins", json_integer((json_int_t)how->bins));
    if (how->to) {
        json_object_set_new(own, "constraint_from", json_integer((json_int_t)how->from));
        json_object_set_new(own, "constraint_to", json_integer((json_int_t)how->to));
    }
    json_object_set_new(own, "image_size", json_integer((json_int_t)how->width));
    json_object_set_new(own, "image_height", json_integer((json_int_t)how->height));
    json_object_set_new(own, "sample_patch_num", json_integer((json_int_t)how->sample));
    return own;
}

static json_t *spell(const verify *v, const verify_how *how)
{
    static const char *const pairs[][2] = {
        { "vocab_size", "vocab_size" }, { "embed_dim", "encoder_embed_dim" },
        { "embed_dim", "decoder_embed_dim" }, { "ffn_dim", "encoder_ffn_embed_dim" },
        { "ffn_dim", "decoder_ffn_embed_dim" }, { "heads", "encoder_attention_heads" },
        { "heads", "decoder_attention_heads" }, { "encoder_layers", "encoder_layers" },
        { "decoder_layers", "decoder_layers" }, { "image_bucket_size", "image_bucket_size" },
        { "token_bucket_size", "token_bucket_size" }, { "max_positions", "max_source_positions" },
        { "max_positions", "max_target_positions" }, { "code_image_size", "code_image_size" },
        { "attn_scale_factor", "attn_scale_factor" }, { "scale_attn", "scale_attn" },
        { "scale_fc", "scale_fc" }, { "scale_heads", "scale_heads" },
        { "scale_resids", "scale_resids" }, { "disable_entangle", "disable_entangle" },
        { "entangle_position_embedding", "entangle_position_embedding" },
        { "layernorm_embedding", "layernorm_embedding" },
        { "patch_layernorm_embedding", "patch_layernorm_embedding" },
        { "code_layernorm_embedding", "code_layernorm_embedding" },
        { "add_type_embedding", "add_type_embedding" },
        { "no_scale_embedding", "no_scale_embedding" },
        { "interpolate_position", "interpolate_position" },
        { "orig_patch_image_size", "orig_patch_image_size" },
    };
    json_t *all = json_pack("{s:o,s:{s:{s:f,s:f}}}", "omnio", own_part(v, how), "cfg",
                            "criterion", "label_smoothing", how->smoothing, "drop_worst_ratio",
                            how->drop);
    for (size_t i = how->bins ? 1 : 0; i < sizeof pairs / sizeof *pairs; i++)
        copy(&v->g, pairs[i][0], all, pairs[i][1]);   /* bins of their own: the usual ids */
    return all;
}

verify *ofa_of(const golden_run *r) { return (verify *)r->g; }

omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err)
{
    verify_how own = *how;
    const omn_tensor *px = omn_weights_get(v->g.in, "in.patch_images");
    if (!own.width && px && px->shape.rank == 4) {
        own.height = px->shape.dim[2];
        own.width = px->shape.dim[3];
    }
    if (!own.width) own.width = own.height = 32;
    json_t *all = spell(v, &own);
    char *text = all ? json_dumps(all, 0) : NULL;
    const omn_status st = text ? golden_open(&v->g, text, &own.model, r, err)
                               : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    free(text);
    json_decref(all);
    return st;
}

/* ---- tolerances ------------------------------------------------------------------------------ */

/* spec ofa section 11. A gradient that cancels is rounding: norms below a thousandth of the largest
 * are judged as that thousandth. What never was a candidate has no score. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "image0.") || golden_starts(stage, "image1."))
        return (omn_tolerance){ .abs = 1e-6 };
    if (golden_starts(stage, "decoded")) return (omn_tolerance){ .abs = 1e-3 };
    if (!strcmp(stage, "grad_norms")) return (omn_tolerance){ .abs = 1e-6 * v->g.largest,
                                                              .rel = 1e-3 };
    if (golden_starts(stage, "grad.")) return (omn_tolerance){ .abs = 1e-5, .rel = 1e-3 };
    if (golden_starts(stage, "cand_scores")) return (omn_tolerance){ .abs = 1e-4, .rel = 1e-6 };
    if (strstr(stage, "score")) return (omn_tolerance){ .abs = 1e-4, .rel = 1e-6 };
    if (strstr(stage, "loss") || strstr(stage, "nll")) return (omn_tolerance){ .abs = 1e-4,
                                                                               .rel = 1e-6 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-5 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return golden_compare(r, tolerance_of, ofa_of(r), err);
}

/* ---- the door -------------------------------------------------------------------------------- */

typedef omn_status case_fn(verify *v, omn_error *err);

/* Tables of the published sizes belong to no model. */
static case_fn *case_of(const verify *v)
{
    if (!strcmp(v->g.kind, "real_sizes")) return verify_tables;
    if (golden_starts(v->g.model, "vqgan")) return NULL;     /* a decoder's, not a model's */
    static const struct { const char *kind; case_fn *run; } cases[] = {
        { "forward", verify_forward },      { "single", verify_forward },
        { "interp", verify_forward },       { "patches", verify_patches },
        { "codes", verify_codes },          { "mixed", verify_mixed },
        { "losses", verify_losses },        { "beam", verify_search },
        { "beam_lenpen", verify_search },   { "greedy", verify_search },
        { "grounding", verify_search },     { "beam_trie", verify_search },
        { "beam_trie_free", verify_search }, { "codes_greedy", verify_search },
        { "codes_topk", verify_drawn },     { "allcand", verify_candidates },
        { "tables", verify_tables },        { "preprocess", verify_pictures },
        { "locations", verify_locations },  { "grads", verify_gradients },
        { "train_bn", verify_gradients },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(v->g.kind, cases[i].kind)) return cases[i].run;
    return NULL;
}

static omn_status run(omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    verify v = { 0 };
    OMN_TRY(golden_begin(&v.g, host, err));
    v.encoder_layers = golden_int(&v.g, "encoder_layers");
    v.decoder_layers = golden_int(&v.g, "decoder_layers");
    v.vocab = golden_int(&v.g, "vocab_size");
    v.window = golden_int(&v.g, "code_window");
    v.codes = golden_int(&v.g, "code_dict_size");
    v.factor = json_number_value(json_object_get(v.g.config, "attn_scale_factor"));
    v.code_first = golden_int(&v.g, "code_first");
    case_fn *fn = case_of(&v);
    if (!fn)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, nothing here is called \"%s\"", v.g.name, v.g.kind));
    st = fn(&v, err);
done:
    golden_end(&v.g);
    return st;
}

const omn_verify_impl ofa_verify = { OFA_GOLDEN, run };
