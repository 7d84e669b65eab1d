/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Unified-IO 1: the configuration as the model reads it, opening, what each kind of
 * stage may differ by, and which case a file is (by its name). */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening --------------------------------------------------------------------------------- */

static int64_t number(const verify *v, const char *section, const char *key)
{
    return (int64_t)json_integer_value(
        json_object_get(json_object_get(v->g.config, section), key));
}

/* Pictures of another size have as many codes as that. */
static int resize(const verify *v, json_t *model)
{
    const json_t *levels = json_object_get(json_object_get(v->g.config, "vae"), "ch_mult");
    const size_t halves = json_array_size(levels) ? json_array_size(levels) - 1 : 0;
    const int64_t h = v->height >> halves, w = v->width >> halves;
    if (!v->height) return 0;
    return json_object_set_new(model, "target_size", json_pack("[I,I]", (json_int_t)v->height,
                                                               (json_int_t)v->width)) ||
           json_object_set_new(model, "decoder_max_image_length", json_integer(h * w)) ||
           json_object_set_new(model, "decoder_image_width", json_integer(w));
}

static char *spell(const verify *v)
{
    json_t *own = json_pack("{s:s}", "model", "uio1");
    json_t *model = json_deep_copy(json_object_get(v->g.config, "model"));
    int bad = !own || !model || resize(v, model);
    const json_t *pieces = json_object_get(v->g.config, "text_pieces");
    if (json_is_integer(pieces))          /* bin 0 is behind 999 others */
        bad = json_object_set_new(own, "location_id",
                                  json_integer(json_integer_value(pieces) + 999)) || bad;
    if (v->seen_h)
        bad = json_object_set_new(own, "image_size", json_pack("[I,I]", (json_int_t)v->seen_h,
                                                               (json_int_t)v->seen_w)) || bad;
    json_t *all = json_pack("{s:o,s:o,s:O}", "omnio", own, "model", model, "vae",
                            json_object_get(v->g.config, "vae"));
    char *text = all && !bad ? json_dumps(all, 0) : NULL;
    json_decref(all);
    return text;
}

omn_status verify_open(verify *v, bool training, golden_run *r, omn_error *err)
{
    const golden_how how = { .training = training };
    char *config = spell(v);
    if (!config)
        return omn_fail(err, OMN_ERR_DATA, "%s: its configuration is not complete", v->g.name);
    const omn_status st = golden_open(&v->g, config, &how, r, err);
    free(config);
    return st;
}

/* ---- tolerances ------------------------------------------------------------------------------ */

/* spec uio1, section 14. Gradients are judged by their norms, those that cancel by the largest. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    /* the published program reads the codes of options as words; ours are those of codes */
    if (golden_starts(stage, "image_scores_original")) return (omn_tolerance){ .unjudged = true };
    if (golden_starts(stage, "gradnorm."))
        return (omn_tolerance){ .abs = 1e-6 * v->g.largest, .rel = 1e-4 };
    if (golden_starts(stage, "grad.") || golden_starts(stage, "grad_rows."))
        return (omn_tolerance){ .abs = 1e-5 * v->g.largest, .rel = 1e-4 };
    if (golden_starts(stage, "enc.pos_resize")) return (omn_tolerance){ .abs = 2e-5 };
    if (golden_starts(stage, "image") && !strstr(stage, "scores") && !strstr(stage, "logits"))
        return (omn_tolerance){ .abs = 1e-4 };
    if (!strcmp(v->g.kind, "vqgan")) return (omn_tolerance){ .abs = 1e-4, .rel = 1e-5 };
    return (omn_tolerance){ .abs = 5e-5, .rel = 1e-5 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return golden_compare(r, tolerance_of, uio1_of(r), err);
}

/* ---- the door -------------------------------------------------------------------------------- */

typedef omn_status case_fn(verify *v, omn_error *err);

static omn_status run(omn_verification *host, omn_error *err)
{
    static const struct {
        const char *kind;
        case_fn *run;
    } cases[] = {
        { "forward", verify_taught },          { "batch2", verify_taught },
        { "subsampled", verify_taught },       { "packed", verify_taught },
        { "full", verify_taught },             { "pos_resize_5", verify_taught },
        { "pos_resize_8", verify_taught },     { "grads", verify_gradients },
        { "answer_options", verify_options },  { "generate_text", verify_texts },
        { "generate_eos", verify_texts },      { "generate_beam", verify_texts },
        { "generate_locations", verify_texts }, { "generate_image", verify_pictures },
        { "sample_image", verify_pictures },   { "vqgan", verify_network },
        { "tables", verify_tables },
    };
    omn_status st = OMN_OK;
    verify v = { 0 };
    case_fn *fn = NULL;
    OMN_TRY(golden_begin(&v.g, host, err));
    v.V = number(&v, "model", "vocab_size");
    v.C = number(&v, "model", "image_vocab_size");
    v.patch = number(&v, "model", "image_patch_size");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(v.g.kind, cases[i].kind)) fn = cases[i].run;
    if (!fn || v.V < 1 || v.C < 1 || v.patch < 1)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, nothing here is called \"%s\"", v.g.name, v.g.kind));
    st = fn(&v, err);
done:
    golden_end(&v.g);
    return st;
}

const omn_verify_impl uio1_verify = { UIO1_GOLDEN, run };
