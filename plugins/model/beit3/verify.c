/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of BEiT-3: whose case a file is (by its name), the configuration as the model reads
 * it, opening, and what each kind of stage may differ by. */
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

/* ---- the file -------------------------------------------------------------------------------- */

static omn_status read_config(verify *v, omn_error *err)
{
    static const char *const names[] = { "D",   "heads", "ffn",   "layers", "patch", "img",
                                         "img2", "max_text_positions", "vqa", "imagenet", "codes",
                                         "max_len", "vocab", "mask_id", "std_side",
                                         "imagenet_side" };
    int64_t *const to[] = { &v->D,     &v->H,   &v->ffn,      &v->layers, &v->patch,   &v->img,
                            &v->img2,  &v->text_rows, &v->vqa, &v->imagenet, &v->codes,
                            &v->max_len, &v->vocab, &v->mask, &v->std_side, &v->imagenet_side };
    json_error_t why;
    const char *text = omn_weights_meta(v->golden, "config");
    json_t *j = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (text && !j && json_error_code(&why) == json_error_out_of_memory)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
    if (!json_is_object(j)) {
        json_decref(j);
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: __metadata__ has no configuration (\"config\": a JSON object)",
                        v->name);
    }
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        const json_t *x = json_object_get(j, names[i]);
        *to[i] = json_is_integer(x) ? (int64_t)json_integer_value(x) : 0;
    }
    json_decref(j);
    return OMN_OK;
}

/* "tiny_a.captioning_grads.safetensors": whose inputs are those of captioning_train. */
static omn_status read_case(verify *v, omn_error *err)
{
    const char *name = omn_weights_meta(v->golden, "case"), *dot, *end;
    if (!name) name = v->name;
    dot = strchr(name, '.');
    end = dot ? strchr(dot + 1, '.') : NULL;
    if (!end || (size_t)(dot - name) >= sizeof v->model ||
        (size_t)(end - dot) > sizeof v->kind)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" names no case; MODEL.CASE.safetensors does",
                        v->name, name);
    snprintf(v->model, sizeof v->model, "%.*s", (int)(dot - name), name);
    snprintf(v->kind, sizeof v->kind, "%.*s", (int)(end - dot - 1), dot + 1);
    return OMN_OK;
}

static omn_status open_inputs(verify *v, omn_error *err)
{
    char name[300], path[4608];
    const char *line = strrchr(v->kind, '_');
    v->in = v->golden;
    if (!line || (strcmp(line, "_grads") && strcmp(line, "_adamw"))) return OMN_OK;
    const int n = (int)(line - v->kind);
    const bool caption = n == 10 && !strncmp(v->kind, "captioning", 10);
    snprintf(name, sizeof name, "%s.%.*s%s.safetensors", v->model, n, v->kind,
             caption ? "_train" : "");
    omn_status st = omn_verification_beside(v->host, name, path, sizeof path, err);
    if (st == OMN_OK) st = omn_weights_open(path, &v->other, err);
    v->in = v->other;
    return st;
}

omn_status verify_input(const verify *v, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(v->in, name);
    char text[96];
    if (!t)
        return omn_fail(err, OMN_ERR_DATA, "%s: it has no \"%s\"", v->name, name);
    bool good = t->type == type && t->shape.rank == rank;
    for (uint32_t i = 0; good && i < rank; i++) good = t->shape.dim[i] > 0;
    if (!good)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is %s %s; %s with %u axes is wanted",
                        v->name, name, omn_type_get(t->type)->name,
                        omn_shape_text(&t->shape, text, sizeof text), omn_type_get(type)->name,
                        rank);
    *out = t;
    return OMN_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static omn_status spell(const verify *v, const verify_how *how, char *out, size_t room,
                        omn_error *err)
{
    const int64_t side = how->side ? how->side : v->img;
    const int64_t classes = !strcmp(how->task, "vqa") ? v->vqa : v->imagenet;
    const bool caption = starts(v->kind, "captioning_generate");
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
        return omn_fail(err, OMN_ERR_DATA, "%s: its numbers are too long", v->name);
    return OMN_OK;
}

omn_status verify_open(verify *v, const verify_how *how, verify_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    char config[2048];
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = how->store,
                                    .training = how->training, .keep_tagged = !how->training,
                                    .precision = OMN_PRECISION_F32,
                                    .weights = how->hollow ? NULL : v->weights,
                                    .hollow = how->hollow };
    r->v = v;
    OMN_TRY(spell(v, how, config, sizeof config, err));
    OMN_TRY(omn_model_open_text(omn_verification_context(v->host), config, v->name, &setup,
                                &r->model, err));
    OMN_TRY(omn_feed_make(&r->feed, err));
    if (!r->made) OMN_TRY(omn_feed_make(&r->made, err));
    OMN_TRY(omn_exec_new(omn_model_program(r->model), &r->exec, err));
done:
    return st;
}

omn_status verify_open_store(verify *v, const char *task, bool training, verify_run *r,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(omn_weights_open(v->weights, &r->file, err));
    OMN_TRY(omn_store_new(0, r->file, false, &r->store, err));
    const verify_how how = { .task = task, .store = r->store, .training = training };
    OMN_TRY(verify_open(v, &how, r, err));
done:
    return st;
}

void verify_end(verify_run *r)
{
    omn_exec_free(r->exec);
    omn_feed_free(r->feed);
    omn_feed_free(r->made);
    omn_model_close(r->model);
    omn_store_free(r->store);
    omn_weights_close(r->file);
    *r = (verify_run){ 0 };
}

/* ---- tolerances ------------------------------------------------------------------------------ */

/* spec beit3 section 10. A gradient that cancels is rounding: norms below a thousandth of the
 * largest are judged as that thousandth. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (starts(stage, "std_") || starts(stage, "imagenet_")) return (omn_tolerance){ .abs = 1e-6 };
    if (starts(stage, "override.") || starts(stage, "lr_scale.") || starts(stage, "decay.") ||
        !strcmp(stage, "lr"))
        return (omn_tolerance){ .rel = 1e-6 };
    if (starts(stage, "gradnorm."))
        return (omn_tolerance){ .abs = 1e-6 * v->largest, .rel = 1e-3 };
    if (starts(stage, "grad.")) return (omn_tolerance){ .abs = 5e-6, .rel = 1e-3 };
    if (!strcmp(stage, "grad_norm")) return (omn_tolerance){ .rel = 1e-3 };
    if (ends(v->kind, "_adamw")) return (omn_tolerance){ .abs = 1e-4, .rel = 1e-3 };
    if (strstr(stage, "loss") || ends(stage, "score")) return (omn_tolerance){ .abs = 1e-4 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-4 };
}

static bool find(void *user, const char *stage, omn_tensor *out)
{
    const omn_tensor *t = omn_feed_get(((const verify_run *)user)->made, stage);
    if (t) *out = *t;
    return t != NULL;
}

omn_status verify_compare(verify_run *r, omn_error *err)
{
    verify *v = r->v;
    for (size_t i = 0; i < omn_weights_count(v->golden); i++) {
        const omn_tensor *t = omn_weights_at(v->golden, i);
        if (!starts(omn_weights_name(v->golden, i), "gradnorm.") || t->bytes != sizeof(float))
            continue;
        float x;
        memcpy(&x, t->data, sizeof x);
        if ((double)x > v->largest) v->largest = (double)x;
    }
    return omn_verify_compare(v->host, find, r, tolerance_of, v, err);
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
    verify v = { .host = host, .call = omn_verification_call(host),
                 .name = omn_verification_name(host), .golden = omn_verification_golden(host) };
    const char *weights = omn_weights_meta(v.golden, "weights_file");
    case_fn *fn = NULL;
    OMN_TRY(read_case(&v, err));
    OMN_TRY(read_config(&v, err));
    OMN_TRY(open_inputs(&v, err));
    if (weights && *weights)
        OMN_TRY(omn_verification_beside(host, weights, v.weights, sizeof v.weights, err));
    if (ends(v.kind, "_grads")) fn = verify_gradients;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(v.kind, cases[i].kind)) fn = cases[i].run;
    if (!fn || (!v.weights[0] && fn != verify_pictures)) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                      fn ? "%s: not supported, it names no weights_file to run"
                         : "%s: not supported, nothing here is called \"%s\"", v.name, v.kind);
        goto done;
    }
    st = fn(&v, err);
done:
    omn_weights_close(v.other);
    return st;
}

const omn_verify_impl beit3_verify = { BEIT3_GOLDEN, run };
