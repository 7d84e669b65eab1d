/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Unified-IO 2, stage by stage. This file turns one's configuration into the
 * official form and its inputs into those of our graphs, and knows what each kind of stage is
 * allowed to differ by. What a build cannot do yet (another modality, another kind of case) is said
 * before anything is compared. */
#include "verify.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);
    return n >= m && !strcmp(s + n - m, with);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Without memory jansson 2.14 leaves a key away, in silence: not twice the same way. */
static char *text_of(const json_t *j)
{
    char *a = json_dumps(j, 0), *b = json_dumps(j, 0);
    const bool same = a && b && !strcmp(a, b);
    free(b);
    if (same) return a;
    free(a);
    return NULL;
}

/* How much of a history is looked at, as the case has it. */
static int add_history(const verify *v, json_t *lengths, const char *role)
{
    char name[96], key[96];
    snprintf(name, sizeof name, "in.inputs/%s/input", role);
    snprintf(key, sizeof key, "%s_input_samples", role);
    const omn_tensor *t = omn_weights_get(v->in, name);
    if (!t || t->shape.rank != 4) return 0;
    return json_object_set_new(lengths, key, json_integer((json_int_t)t->shape.dim[2]));
}

/* What the golden's configuration does not say: sizes that came with the inputs. */
static int add_lengths(verify *v, json_t *config)
{
    json_t *lengths = json_object();
    int bad = !lengths || add_history(v, lengths, "image_history") ||
              add_history(v, lengths, "audio_history") ||
              json_object_set_new(lengths, "num_frames", json_integer(1024));
    bad = json_object_set_new(config, "sequence_length", lengths) || bad;
    json_t *own = json_object();
    const json_t *sound = json_object_get(config, "audio_vqgan");
    const json_int_t side =
        json_integer_value(json_array_get(json_object_get(sound, "patch_size"), 0));
    if (side > 0)
        v->bands = (int64_t)(json_integer_value(json_array_get(
                                 json_object_get(sound, "default_input_size"), 0)) / side);
    bad = !own || json_object_set_new(own, "pattern_masks", json_boolean(v->patterns)) || bad;
    return json_object_set_new(config, "omnio", own) || bad;
}

/* The golden's sub-dictionaries under the names of the official configuration. */
omn_status verify_config(verify *v, omn_error *err)
{
    static const char *const names[][2] = {
        { "t5", "t5_config" },
        { "image_vit", "image_vit_cfg" },
        { "audio_vit", "audio_vit_cfg" },
        { "image_resampler", "image_history_cfg" },
        { "audio_resampler", "audio_history_cfg" },
        { "image_vqgan", "image_vqgan" },
        { "audio_vqgan", "audio_vqgan" },
    };
    json_error_t why;
    const char *text = omn_weights_meta(v->golden, "config");
    json_t *all = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
    json_t *again = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
    json_t *config = json_object();
    /* without memory jansson may refuse a good text, or cut a string off: not twice the same way */
    const bool memory = !config || !all != !again || (all && !json_equal(all, again)) ||
                        (text && !all && json_error_code(&why) == json_error_out_of_memory);
    omn_status st = memory ? omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name) : OMN_OK;
    if (st == OMN_OK && !json_is_object(all))
        st = omn_fail(err, OMN_ERR_DATA,
                      "%s: __metadata__ has no configuration (\"config\": a JSON object)", v->name);
    for (size_t i = 0; st == OMN_OK && i < sizeof names / sizeof *names; i++) {
        json_t *part = json_object_get(all, names[i][0]);
        if (part && json_object_set(config, names[i][1], part))
            st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
    }
    if (st == OMN_OK && !json_object_get(config, "t5_config"))
        st = omn_fail(err, OMN_ERR_DATA, "%s: its configuration lacks \"t5\"", v->name);
    if (st == OMN_OK && add_lengths(v, config))
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
    free(v->config);
    v->config = NULL;
    if (st == OMN_OK && !(v->config = text_of(config)))
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
    json_decref(config);
    json_decref(again);
    json_decref(all);
    return st;
}

/* Inputs come from this file, or from the case that it names. */
static omn_status find_inputs(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    char path[4608];
    const char *other = omn_weights_meta(v->golden, "case");
    bool own = false;
    for (size_t i = 0; i < omn_weights_count(v->golden); i++)
        own = own || starts(omn_weights_name(v->golden, i), "in.");
    v->in = v->golden;
    if (own || !other) goto done;
    OMN_TRY(omn_verification_beside(v->host, other, path, sizeof path, err));
    OMN_TRY(omn_weights_open(path, &v->other, err));
    v->in = v->other;
done:
    return st;
}

/* Every input must be one that this build can feed. */
static omn_status check_parts(const verify *v, omn_error *err)
{
    static const char *const known[] = {
        "in.inputs/text/",    "in.inputs/image/",         "in.inputs/image_history/",
        "in.inputs/audio/",   "in.inputs/audio_history/", "in.negative.inputs/text/",
        "in.targets/text/",   "in.negative.inputs/image/", "in.targets/image/",
        "in.targets/audio/",  "in.codes/image",            "in.codes/audio",
        "in.options"
    };
    for (size_t i = 0; i < omn_weights_count(v->in); i++) {
        const char *name = omn_weights_name(v->in, i);
        bool ok = !starts(name, "in.");
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) ok = ok || starts(name, known[k]);
        if (!ok)
            return omn_fail(err, OMN_ERR_UNSUPPORTED,
                            "%s: not supported, it needs \"%s\", which no part of this build takes",
                            v->name, name + 3);
    }
    return OMN_OK;
}

static omn_status open_case(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *weights = omn_weights_meta(v->golden, "weights_file");
    if (!weights)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: not supported, it names no weights_file to run", v->name);
    OMN_TRY(omn_verification_beside(v->host, weights, v->weights, sizeof v->weights, err));
    OMN_TRY(find_inputs(v, err));
    OMN_TRY(verify_config(v, err));
    OMN_TRY(check_parts(v, err));
done:
    return st;
}

omn_status verify_model(verify *v, omn_store *store, omn_model **out, omn_error *err)
{
    const omn_model_setup how = { OMN_FILL(omn_model_setup),      .store = store,
                                  .training = store != NULL,      .keep_tagged = store == NULL,
                                  .precision = OMN_PRECISION_F32, .weights = v->weights };
    return omn_model_open_text(omn_verification_context(v->host), v->config, v->name, &how, out,
                               err);
}

/* ---- tolerances ----------------------------------------------------------------------------- */

/* spec uio2-model section 16. Integers must be equal. How much of a training two right programs
 * share: verify_train.c. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    static const char *const single[] = { "embed.text.embed", "vit.image.patch_embed",
                                          "decoder.input", "vit.audio.patch_embed",
                                          "vit.image_history.patch_embed",
                                          "vit.audio_history.patch_embed" };
    const verify *v = user;
    const bool final = starts(stage, "final_norm.") || starts(stage, "final.");
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (ends(stage, ".rope")) return (omn_tolerance){ .abs = 1e-6 }; /* rows of tables */
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (!strcmp(stage, single[i])) return (omn_tolerance){ .abs = 1e-5 }; /* one operation */
    if (starts(stage, "loss.") || starts(stage, "scores_")) return (omn_tolerance){ .abs = 1e-4 };
    if (!strcmp(stage, "step_scores")) return (omn_tolerance){ .abs = 2e-4 * (1 + 2 * v->alpha) };
    if (v->chaotic && final) return (omn_tolerance){ .unjudged = true };
    if (!strcmp(stage, "losses") || starts(stage, "final_norm.")) /* of training, and its end */
        return (omn_tolerance){ .rel = 1e-3, .first = final ? 0 : v->shared };
    if (!strcmp(stage, "grad_norms")) return (omn_tolerance){ .rel = 1e-3, .first = 10 };
    if (starts(stage, "gradnorm.")) return (omn_tolerance){ .rel = 1e-3 };
    return (omn_tolerance){ .abs = 2e-4, .rel = 1e-4 }; /* layers, logits */
}

omn_status verify_compare(verify *v, omn_verify_find_fn *find, void *user, omn_error *err)
{
    return omn_verify_compare(v->host, find, user, tolerance_of, v, err);
}

/* ---- the door ------------------------------------------------------------------------------- */

/* What a file holds tells what to run. */
static omn_status run(omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    bool gradients = false;
    verify v = { .host = host,
                 .call = omn_verification_call(host),
                 .name = omn_verification_name(host),
                 .golden = omn_verification_golden(host) };
    OMN_TRY(open_case(&v, err));
    for (size_t i = 0; i < omn_weights_count(v.golden); i++)
        gradients = gradients || starts(omn_weights_name(v.golden, i), "grad.") ||
                    starts(omn_weights_name(v.golden, i), "gradnorm.");
    if (omn_weights_get(v.golden, "out.losses"))
        st = verify_training(&v, err);
    else if (gradients)
        st = verify_gradients(&v, err);
    else if (omn_weights_get(v.golden, "out.step_logits"))
        st = verify_generation(&v, err);
    else if (omn_weights_get(v.golden, "in.options"))
        st = verify_scores(&v, err);
    else if (omn_weights_get(v.golden, "out.packed.encoder.output"))
        st = verify_packed(&v, err);
    else
        st = verify_stages(&v, err);
done:
    omn_weights_close(v.other);
    free(v.config);
    return st;
}

const omn_verify_impl uio2_verify = { UIO2_GOLDEN, run };
