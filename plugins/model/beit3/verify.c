/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of BEiT-3: whose case a file is (by its name), the configuration as the model reads
 * it, opening, and what each kind of stage may differ by. */
#include "verify.h"

#include <stdio.h>
#include <string.h>

static void read_sizes(verify *v)
{
    const golden *g = &v->g;
    v->D = golden_int(g, "D");
    v->H = golden_int(g, "heads");
    v->ffn = golden_int(g, "ffn");
    v->layers = golden_int(g, "layers");
    v->patch = golden_int(g, "patch");
    v->img = golden_int(g, "img");
    v->img2 = golden_int(g, "img2");
    v->text_rows = golden_int(g, "max_text_positions");
    v->vqa = golden_int(g, "vqa");
    v->imagenet = golden_int(g, "imagenet");
    v->codes = golden_int(g, "codes");
    v->max_len = golden_int(g, "max_len");
    v->vocab = golden_int(g, "vocab");
    v->mask = golden_int(g, "mask_id");
    v->std_side = golden_int(g, "std_side");
    v->imagenet_side = golden_int(g, "imagenet_side");
}

/* "tiny_a.captioning_grads.safetensors": its inputs are those of captioning_train. */
static omn_status open_inputs(verify *v, omn_error *err)
{
    char kind[160];
    const char *line = strrchr(v->g.kind, '_');
    if (!line || (strcmp(line, "_grads") && strcmp(line, "_adamw"))) return OMN_OK;
    const int n = (int)(line - v->g.kind);
    snprintf(kind, sizeof kind, "%.*s%s", n, v->g.kind,
             golden_starts(v->g.kind, "captioning_") ? "_train" : "");
    return golden_inputs_of(&v->g, kind, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static omn_status spell(const verify *v, const verify_how *how, char *out, size_t room,
                        omn_error *err)
{
    const int64_t side = how->side ? how->side : v->img;
    const int64_t classes = !strcmp(how->task, "vqa") ? v->vqa : v->imagenet;
    const bool caption = golden_starts(v->g.kind, "captioning_generate");
    const int n = omn_format(
        out, room,
        "{\"omnio\": {\"model\": \"beit3\", \"task\": \"%s\", \"labels\": \"\", \"mask\": %lld, "
        "\"codes\": %lld, \"position_size\": %lld, \"keep\": %.17g}, \"encoder_embed_dim\": %lld, "
        "\"encoder_attention_heads\": %lld, \"encoder_layers\": %lld, "
        "\"encoder_ffn_embed_dim\": %lld, \"img_size\": %lld, \"patch_size\": %lld, "
        "\"vocab_size\": %lld, \"max_source_positions\": %lld, \"num_max_bpe_tokens\": %lld, "
        "\"num_classes\": %lld}",
        how->task, (long long)v->mask, (long long)v->codes,
        (long long)(how->learned ? how->learned : side), how->keep > 0 ? how->keep : 1.0,
        (long long)v->D, (long long)v->H, (long long)v->layers, (long long)v->ffn, (long long)side,
        (long long)v->patch, (long long)v->vocab, (long long)v->text_rows,
        (long long)(caption ? v->max_len : v->text_rows - 2), (long long)classes);
    if (n < 0 || (size_t)n >= room)
        return omn_fail(err, OMN_ERR_DATA, "%s: its numbers are too long", v->g.name);
    return OMN_OK;
}

omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err)
{
    char config[2048];
    const omn_status st = spell(v, how, config, sizeof config, err);
    return st == OMN_OK ? golden_open(&v->g, config, &how->model, r, err) : st;
}

/* ---- tolerances ------------------------------------------------------------------------------ */

/* spec beit3 section 10. A gradient that cancels is rounding: norms below a thousandth of the
 * largest are judged as that thousandth. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "std_") || golden_starts(stage, "imagenet_"))
        return (omn_tolerance){ .abs = 1e-6 };
    if (golden_starts(stage, "override.") || golden_starts(stage, "lr_scale.") ||
        golden_starts(stage, "decay.") || !strcmp(stage, "lr"))
        return (omn_tolerance){ .rel = 1e-6 };
    if (golden_starts(stage, "gradnorm."))
        return (omn_tolerance){ .abs = 1e-6 * v->g.largest, .rel = 1e-3 };
    if (golden_starts(stage, "grad.")) return (omn_tolerance){ .abs = 5e-6, .rel = 1e-3 };
    if (!strcmp(stage, "grad_norm")) return (omn_tolerance){ .rel = 1e-3 };
    if (golden_ends(v->g.kind, "_adamw")) return (omn_tolerance){ .abs = 1e-4, .rel = 1e-3 };
    if (strstr(stage, "loss") || golden_ends(stage, "score")) return (omn_tolerance){ .abs = 1e-4 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-4 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return golden_compare(r, tolerance_of, beit3_of(r), err);
}

/* ---- the door -------------------------------------------------------------------------------- */

typedef omn_status case_fn(verify *v, omn_error *err);

static omn_status run(omn_verification *host, omn_error *err)
{
    static const struct {
        const char *kind;
        case_fn *run;
    } cases[] = {
        { "joint", verify_trunk },          { "single", verify_trunk },
        { "vqa", verify_heads },            { "nlvr2", verify_heads },
        { "imagenet", verify_heads },       { "retrieval", verify_heads },
        { "mdm", verify_masked },           { "captioning_train", verify_caption },
        { "pos_resize", verify_resized },   { "eps", verify_eps },
        { "preprocess", verify_pictures },  { "captioning_generate", verify_search },
        { "captioning_adamw", verify_training },
    };
    omn_status st = OMN_OK;
    verify v = { 0 };
    case_fn *fn = NULL;
    OMN_TRY(golden_begin(&v.g, host, err));
    read_sizes(&v);
    OMN_TRY(open_inputs(&v, err));
    if (golden_ends(v.g.kind, "_grads")) fn = verify_gradients;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(v.g.kind, cases[i].kind)) fn = cases[i].run;
    if (!fn)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, nothing here is called \"%s\"", v.g.name, v.g.kind));
    st = fn(&v, err);
done:
    golden_end(&v.g);
    return st;
}

const omn_verify_impl beit3_verify = { BEIT3_GOLDEN, run };
