/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Unified-IO 2, stage by stage. This file turns one's configuration into the
 * official form and its inputs into those of our graphs, and knows what each kind of stage is
 * allowed to differ by. What a build cannot do yet (another modality, another kind of case) is said
 * before anything is compared. */
#include "verify.h"

#include <jansson.h>

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

/* The golden's sub-dictionaries under the names of the official configuration. */
static omn_status read_config(verify *v, omn_error *err)
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
    static const char *const known[] = { "in.inputs/text/", "in.inputs/image/", "in.targets/text/",
                                         "in.options" };
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
    OMN_TRY(read_config(v, err));
    OMN_TRY(find_inputs(v, err));
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

/* ---- inputs --------------------------------------------------------------------------------- */

omn_status verify_input(const verify *v, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(v->in, name);
    if (!t) return omn_fail(err, OMN_ERR_DATA, "%s: the input \"%s\" is missing", v->name, name);
    if (t->type != type || t->shape.rank != rank || t->shape.dim[0] < 1 ||
        (rank > 1 && t->shape.dim[1] < 1)) {
        char text[96];
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is %s %s; %s with %u axes is wanted",
                        v->name, name, omn_type_get(t->type)->name,
                        omn_shape_text(&t->shape, text, sizeof text), omn_type_get(type)->name,
                        rank);
    }
    *out = t;
    return OMN_OK;
}

typedef struct field {
    const char *golden, *port;
    omn_type type;
    uint32_t rank;
} field;

/* Copy the fields of one input; all agree in their first two sizes. */
static omn_status copy_fields(verify *v, const field *list, size_t n, omn_feed *feed, int64_t *rows,
                              int64_t *length, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n; i++) {
        const omn_tensor *t;
        OMN_TRY(verify_input(v, list[i].golden, list[i].type, list[i].rank, &t, err));
        if (!*rows) *rows = t->shape.dim[0];
        if (i == 0) *length = t->shape.dim[1];
        if (t->shape.dim[0] != *rows || t->shape.dim[1] != *length) {
            char text[96];
            st = omn_fail(err, OMN_ERR_DATA,
                          "%s: \"%s\" is %s; it begins with [%lld, %lld] elsewhere", v->name,
                          list[i].golden, omn_shape_text(&t->shape, text, sizeof text),
                          (long long)*rows, (long long)*length);
            goto done;
        }
        OMN_TRY(omn_feed_copy(feed, list[i].port, t, err));
    }
done:
    return st;
}

/* The loss weights are the mask, as floats. */
static omn_status weights_of_mask(omn_feed *feed, omn_error *err)
{
    void *w = NULL;
    const omn_tensor *mask = omn_feed_get(feed, "target.seg");
    const omn_status st = omn_feed_new(feed, "target.weight", OMN_F32, mask->shape, &w, err);
    for (size_t i = 0; st == OMN_OK && i < mask->bytes / sizeof(int32_t); i++)
        ((float *)w)[i] = (float)((const int32_t *)mask->data)[i];
    return st;
}

omn_status verify_feed(verify *v, bool targets, omn_feed *feed, verify_sizes *z, omn_error *err)
{
    static const field text[] = { { "in.inputs/text/tokens", "text.ids", OMN_I32, 2 },
                                  { "in.inputs/text/mask", "text.seg", OMN_I32, 2 },
                                  { "in.inputs/text/pos_ids", "text.pos", OMN_I32, 2 } };
    static const field image[] = { { "in.inputs/image/input", "image.patches", OMN_F32, 3 },
                                   { "in.inputs/image/mask", "image.seg", OMN_I32, 2 },
                                   { "in.inputs/image/pos_ids", "image.pos", OMN_I32, 2 } };
    static const field answer[] = { { "in.targets/text/inputs", "target.ids", OMN_I32, 2 },
                                    { "in.targets/text/targets", "target.labels", OMN_I32, 2 },
                                    { "in.targets/text/mask", "target.seg", OMN_I32, 2 },
                                    { "in.targets/text/pos_ids", "target.pos", OMN_I32, 2 },
                                    { "in.targets/text/segment_ids", "target.part", OMN_I32, 2 } };
    omn_status st = OMN_OK;
    *z = (verify_sizes){ 0 };
    if (omn_weights_get(v->in, text[0].golden)) {
        z->roles[z->n_roles] = "text";
        OMN_TRY(copy_fields(v, text, 3, feed, &z->rows, &z->lengths[z->n_roles++], err));
    }
    if (omn_weights_get(v->in, image[0].golden)) {
        z->roles[z->n_roles] = "image";
        OMN_TRY(copy_fields(v, image, 3, feed, &z->rows, &z->lengths[z->n_roles++], err));
    }
    if (!z->n_roles) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, it has no inputs to run",
                      v->name);
        goto done;
    }
    if (!targets) goto done;
    OMN_TRY(copy_fields(v, answer, 5, feed, &z->rows, &z->target_length, err));
    OMN_TRY(weights_of_mask(feed, err));
done:
    return st;
}

/* ---- tolerances ----------------------------------------------------------------------------- */

/* spec uio2-model section 16. Integers must be equal. AdamW is chaotic on these random models: its
 * first steps are signs of gradients, and the difference of two float32 programs grows tenfold
 * every few steps. Its first twelve losses and ten gradient norms count, its end does not. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    static const char *const single[] = { "embed.text.embed", "vit.image.patch_embed",
                                          "decoder.input" };
    const bool chaotic = *(const bool *)user;
    const bool final = starts(stage, "final_norm.") || starts(stage, "final.");
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (ends(stage, ".rope")) return (omn_tolerance){ .abs = 1e-6 }; /* rows of tables */
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (!strcmp(stage, single[i])) return (omn_tolerance){ .abs = 1e-5 }; /* one operation */
    if (starts(stage, "loss.") || starts(stage, "scores_")) return (omn_tolerance){ .abs = 1e-4 };
    if (chaotic && final) return (omn_tolerance){ .unjudged = true };
    if (!strcmp(stage, "losses") || starts(stage, "final_norm.")) /* of training, and its end */
        return (omn_tolerance){ .rel = 1e-3, .first = chaotic ? 12 : 0 };
    if (!strcmp(stage, "grad_norms")) return (omn_tolerance){ .rel = 1e-3, .first = 10 };
    if (starts(stage, "gradnorm.")) return (omn_tolerance){ .rel = 1e-3 };
    return (omn_tolerance){ .abs = 2e-4, .rel = 1e-4 }; /* layers, logits */
}

omn_status verify_compare(verify *v, omn_verify_find_fn *find, void *user, omn_error *err)
{
    return omn_verify_compare(v->host, find, user, tolerance_of, &v->chaotic, err);
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
        gradients = gradients || starts(omn_weights_name(v.golden, i), "grad.");
    if (omn_weights_get(v.golden, "out.losses"))
        st = verify_training(&v, err);
    else if (gradients)
        st = verify_gradients(&v, err);
    else if (omn_weights_get(v.golden, "out.step_logits"))
        st = verify_generation(&v, err);
    else if (omn_weights_get(v.golden, "in.options"))
        st = verify_scores(&v, err);
    else
        st = verify_stages(&v, err);
done:
    omn_weights_close(v.other);
    free(v.config);
    return st;
}

const omn_verify_impl uio2_verify = { UIO2_GOLDEN, run };
