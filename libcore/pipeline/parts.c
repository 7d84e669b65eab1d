/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders that a pipeline names with weights of their own, and the steps that go through one:
 *
 *   parts: {vq: {use: image.vqgan, weights: $weights, prefix: vqgan}}
 *   steps:
 *     - {tokenize: $image, as: codes, with: vq}
 *
 * so that codes are made and read without a model. `with` may name a decoder of the model as well.
 * A part is opened when the first step needs it, and again when its weights are other ones. */
#include "read.h"
#include "run.h"

#include "../generate/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- as it is written ------------------------------------------------------------------------ */

static bool is_own_key(const char *key)
{
    return !strcmp(key, "use") || !strcmp(key, "weights") || !strcmp(key, "prefix");
}

/* Parameters of its object, by name. */
static omn_status read_set(omn_pipeline *p, const yml *y, plan_part *part, omn_error *err)
{
    const uint32_t n = omn_entry_object(part->entry)->n_params;
    const char **keys = omn_arena_alloc(p->arena, n + 4u, sizeof *keys);
    size_t k = 0;
    part->set = omn_arena_alloc(p->arena, y->n + 1, sizeof *part->set);
    if (!keys || !part->set) goto memory;
    keys[k++] = "use";
    keys[k++] = "weights";
    keys[k++] = "prefix";
    for (uint32_t i = 0; i < n; i++) keys[k++] = omn_entry_param(part->entry, i)->name;
    TRY_READ(yml_only(y, keys, err));
    for (size_t i = 0; i < y->n; i++) {
        const char *key = yml_key(y, i)->text;
        const yml *v = yml_value(y, i);
        if (is_own_key(key)) continue;
        TRY_READ(yml_want(v, YML_SCALAR, key, err));
        for (uint32_t j = 0; j < n; j++) {
            const omn_param *row = omn_entry_param(part->entry, j);
            omn_error why = OMN_ERROR_INIT;
            if (strcmp(row->name, key)) continue;
            const omn_status st = omn_param_check(row, v->text, &why);
            if (st == OMN_ERR_MEMORY) goto memory;
            if (st != OMN_OK) return yml_fail(v, err, "%s", why.text);
        }
        part->set[part->n_set++] = (omn_setting){ key, v->text, v->line, v->column };
    }
    return OMN_OK;
memory:
    return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
}

static omn_status read_part(omn_pipeline *p, const yml *key, const yml *y, plan_part *part,
                            omn_error *err)
{
    const char *use = NULL;
    omn_error why = OMN_ERROR_INIT;
    TRY_READ(yml_want(y, YML_MAP, key->text, err));
    TRY_READ(yml_text(yml_get(y, "use"), &use, NULL, err));
    if (!use)
        return yml_fail(y, err, "%s: use: NAME of a decoder is wanted (omnio list decoder)",
                        key->text);
    *part = (plan_part){ .name = key->text, .at = y };
    const omn_status st = omn_registry_find(p->ctx, "omnio.decoder/1", use, &part->entry, &why);
    if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
    if (st != OMN_OK) return yml_fail(yml_get(y, "use"), err, "%s", why.text);
    TRY_READ(read_scalar(p, yml_get(y, "weights"), "weights", &part->weights, err));
    if (!part->weights.at)
        return yml_fail(y, err, "%s: weights: a file or folder of weights is wanted", key->text);
    TRY_READ(yml_text(yml_get(y, "prefix"), &part->prefix, "", err));
    return read_set(p, y, part, err);
}

omn_status read_parts(omn_pipeline *p, const yml *y, omn_error *err)
{
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_MAP, "parts", err));
    p->parts = omn_arena_alloc(p->arena, y->n + 1, sizeof *p->parts);
    if (!p->parts) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (; p->n_parts < y->n; p->n_parts++)
        TRY_READ(read_part(p, yml_key(y, p->n_parts), yml_value(y, p->n_parts),
                           &p->parts[p->n_parts], err));
    return OMN_OK;
}

static const plan_part *find(const omn_pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->n_parts; i++)
        if (!strcmp(p->parts[i].name, name)) return &p->parts[i];
    return NULL;
}

/* What the decoder makes: known of a part; of the model's, that is not open yet, by its role. */
static omn_status made_by(const omn_pipeline *p, const plan_step *s, const char **type,
                          omn_error *err)
{
    if (s->part) {
        *type = ((const omn_decoder_impl *)omn_entry_object(s->part->entry)->impl)->makes;
        return OMN_OK;
    }
    const omn_status st = type_of_role(p, s->output, type, err);
    if (!*type) *type = "any";
    return st;
}

/* Side of the square in which a model sees the picture that another one is a view of, as the
 * parameter of the part says; 0: its decoder knows no views. */
static uint32_t view_side(const plan_part *part)
{
    const char *text = NULL;
    for (uint32_t i = 0; i < omn_entry_object(part->entry)->n_params; i++)
        if (!strcmp(omn_entry_param(part->entry, i)->name, "view"))
            text = omn_entry_param(part->entry, i)->deflt;
    for (size_t i = 0; text && i < part->n_set; i++)
        if (!strcmp(part->set[i].name, "view")) text = part->set[i].text;
    const long side = text ? strtol(text, NULL, 10) : 0;
    return side > 0 && side <= (long)OMN_IMAGE_MOST_SIDE ? (uint32_t)side : 0;
}

/* The picture of which the value is a view: it is laid where that one lies. A decoder of the model
 * lays it where the model sees that one; type: what it makes. */
static omn_status read_like(omn_pipeline *p, const yml *like, const char *type, plan_step *s,
                            omn_error *err)
{
    if (!like) return OMN_OK;
    if (s->part ? !view_side(s->part) : strcmp(type, "image") != 0)
        return yml_fail(like, err, "like: the decoder \"%s\" makes no views of a picture here: a "
                        "part does that has a parameter \"view\", or the model's own decoder of "
                        "pictures", s->output);
    return name_refer(p, like, "image", &s->in[1], err);
}

omn_status read_tokens(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "tokenize", "detokenize", "as",    "when",
                                        "with",     "like",       "model", NULL };
    const bool to = s->verb == VERB_TOKENIZE;
    const char *type = "any";
    TRY_READ(yml_only(y, keys, err));
    TRY_READ(yml_text(yml_get(y, "with"), &s->output, "text", err));
    s->name = to ? "tokenize" : "detokenize";
    TRY_READ(read_by(p, y, s, err));
    s->part = s->by ? NULL : find(p, s->output);
    s->params = omn_arena_alloc(p->arena, 1, sizeof *s->params);
    if (!s->params) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    if (s->part) s->params[s->n_params++] = s->part->weights;
    TRY_READ(made_by(p, s, &type, err));
    TRY_READ(read_like(p, yml_get(y, "like"), type, s, err));
    const char *takes = to ? type : "tokens";
    TRY_READ(name_refer(p, yml_get(y, s->name), strcmp(takes, "any") ? takes : NULL, &s->in[0],
                        err));
    s->n_in = yml_get(y, "like") ? 2 : 1;
    s->n_out = 1;
    return name_result(p, y, "as", to ? "tokens" : type, &s->out[0], err);
}

/* ---- opened ---------------------------------------------------------------------------------- */

struct run_parts {
    struct opened { omn_model *model; char *weights; } *list;
    size_t n;
};

omn_status run_parts_new(const omn_pipeline *p, struct run_parts **out, omn_error *err)
{
    struct run_parts *r = calloc(1, sizeof *r);
    if (r) r->list = calloc(p->n_parts + 1, sizeof *r->list);
    if (!r || !r->list) {
        free(r);
        return omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
    }
    r->n = p->n_parts;
    *out = r;
    return OMN_OK;
}

void run_parts_free(struct run_parts *r)
{
    for (size_t i = 0; r && i < r->n; i++) {
        omn_model_close(r->list[i].model);
        free(r->list[i].weights);
    }
    if (r) free(r->list);
    free(r);
}

static omn_status open_part(omn_pipeline *p, const plan_part *part, const char *weights,
                            struct opened *o, omn_error *err)
{
    omn_status st = OMN_OK;
    const model_part is = { .kind = "omnio.decoder/1",
                            .object = omn_entry_object(part->entry)->name,
                            .role = part->name, .prefix = part->prefix, .file = p->path,
                            .set = part->set, .n_set = part->n_set };
    omn_model_close(o->model);
    free(o->weights);
    *o = (struct opened){ .weights = strdup(weights) };
    if (!o->weights) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", part->name);
    OMN_TRY(named_settings(p->ctx, is.kind, is.object, p->path, part->set, part->n_set, p->arena,
                           err));
    OMN_TRY(model_open_part(p->ctx, &is, weights, &o->model, err));
done:
    if (st != OMN_OK) omn_error_prefix(err, "part %s", part->name);
    return st;
}

/* Opened, unless it is. */
static omn_status opened_part(omn_pipeline *p, const plan_part *part, struct run_parts *parts,
                              const char *weights, const omn_part **out, omn_error *err)
{
    struct opened *o = &parts->list[part - p->parts];
    const bool same = o->model && !strcmp(o->weights, weights);
    const omn_status st = same ? OMN_OK : open_part(p, part, weights, o, err);
    if (st == OMN_OK) *out = omn_model_decoder(o->model, part->name);
    return st;
}

omn_status run_parts_check(omn_pipeline *p, const plan_part *part, struct run_parts *parts,
                           const omn_part **out, omn_error *err)
{
    const char *path = part->weights.text;
    *out = NULL;
    if (!path) return OMN_OK;
    path = named_file(p->path, path, NAMED_WEIGHTS, p->arena);
    if (!path) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", part->name);
    return opened_part(p, part, parts, path, out, err);
}

/* The decoder that a step names, opened. */
static omn_status decoder_of(omn_pipeline_run *r, const plan_step *s, const omn_part **out,
                             omn_error *err)
{
    const plan_part *part = s->part;
    const omn_model *m = run_by(r, s)->model;
    *out = part || !m ? NULL : omn_model_decoder(m, s->output);
    if (*out) return OMN_OK;
    char lacks[LACKS_ROOM];
    if (!m && s->by)
        return yml_fail(s->at, err, "%s: a task goes through its model's decoders, not through "
                        "those of %s", s->name, s->by->name);
    if (!part)
        return yml_fail(s->at, err, "%s: %s", s->name,
                        model_lacks(m, s->output, lacks, sizeof lacks));
    if (!r->parts)
        return yml_fail(s->at, err, "%s: a task goes through its model's decoders, not through the "
                        "part %s", s->name, part->name);
    const omn_value *given = part->weights.slot >= 0 ? r->slots[part->weights.slot] : NULL;
    const char *path = given ? omn_text_get(given, NULL) : part->weights.text;
    if (path && !given) path = named_file(r->p->path, path, NAMED_WEIGHTS, r->p->arena);
    if (!path)
        return yml_fail(part->weights.at, err, "the weights of %s: a file or folder is wanted",
                        part->name);
    return opened_part(r->p, part, r->parts, path, out, err);
}

omn_status run_sees(const omn_model *m, const plan_step *s, const char **role, omn_error *err)
{
    omn_part *const *parts;
    const size_t n = omn_model_parts(m, &parts);
    const omn_part *sees = omn_model_encoder(m, "image");
    for (size_t i = 0; i < n && !sees; i++) {
        const omn_part *e = omn_model_encoder(m, omn_part_role(parts[i]));
        if (e == parts[i] && !strcmp(((const omn_encoder_impl *)e->impl)->accepts, "image"))
            sees = e;
    }
    if (!sees)
        return yml_fail(s->at, err, "%s: like: this model sees no picture of which \"%s\" could "
                        "make a view", s->name, s->output);
    *role = omn_part_role(sees);
    return OMN_OK;
}

/* What a model would see of the picture that the value is a view of: the one that is run, or for a
 * part of its own any that sees a square of that size. */
static omn_status frame_like(const omn_pipeline_run *r, omn_call *c, const plan_step *s,
                             omn_frame *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value *like = r->slots[s->in[1]];
    omn_model *m = run_by(r, s)->model;
    const char *role = NULL;
    omn_image *fit = NULL;
    omn_feed *f = NULL;
    if (s->part) {
        const uint32_t side = view_side(s->part);
        OMN_TRY(omn_image_fit(c, omn_value_image(like), side, side, 0, &fit, NULL, err));
        *out = *omn_image_frame(fit);
    } else {
        OMN_TRY(run_sees(m, s, &role, err));
        OMN_TRY(omn_feed_make(&f, err));
        OMN_TRY(omn_model_prepare(m, c, role, like, f, out, err));
    }
done:
    omn_feed_free(f);
    omn_image_free(fit);
    return st;
}

omn_status run_tokens(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    const omn_value *v = r->slots[s->in[0]];
    const omn_part *d = NULL;
    omn_value *out = NULL;
    omn_frame frame, *like = s->n_in > 1 ? &frame : NULL;
    const int32_t *codes = NULL;
    omn_status st = decoder_of(r, s, &d, err);
    if (st == OMN_OK && like) st = frame_like(r, c, s, like, err);
    if (st != OMN_OK) return st;
    if (s->verb == VERB_TOKENIZE) {
        st = omn_decoder_codes(d, c, v, like, &out, err);
    } else {
        const size_t n = omn_tokens_get(v, &codes, NULL);
        st = omn_decoder_value(d, c, codes, n, like, &out, err);
    }
    if (st == OMN_OK) run_put(r, s->out[0], out);
    return st;
}
