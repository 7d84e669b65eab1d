/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Gato: whose case a file is, the configuration, which has the keys of the model's
 * own, and what each kind of stage may differ by. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static omn_status read_config(verify *v, omn_error *err)
{
    const golden *g = &v->g;
    const char *layout = json_string_value(json_object_get(g->config, "layout"));
    const double mu = json_number_value(json_object_get(g->config, "mu"));
    const double m = json_number_value(json_object_get(g->config, "m"));
    const int64_t text = golden_int(g, "text_vocab"), bins = golden_int(g, "bins");
    const int64_t discrete = golden_int(g, "discrete");
    if (text < 0 || text > 1 << 22 || bins < 2 || bins > 1 << 20 || discrete < 0 ||
        discrete > 1 << 20 || !(mu > 0) || !(m > 0))
        return omn_fail(err, OMN_ERR_DATA, "%s: its ids make no sense: text_vocab %lld, bins %lld, "
                        "discrete %lld, mu %g, m %g", g->name, (long long)text, (long long)bins,
                        (long long)discrete, mu, m);
    v->ids = (gato_ids){ (int32_t)text, (int32_t)bins, (int32_t)discrete,
                         layout && !strcmp(layout, "disjoint"), mu, m };
    json_t *config = json_copy(g->config), *own = json_pack("{s:{s:s}}", "omnio", "model", "gato");
    if (config && own && !json_object_update(config, own)) v->config = json_dumps(config, 0);
    json_decref(own);
    json_decref(config);
    return v->config ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", g->name);
}

/* The ids that the file counts with are those that follow from its sizes. */
static omn_status check_ids(const verify *v, omn_error *err)
{
    const struct {
        const char *key;
        int32_t is;
    } list[] = { { "vocab", gato_separator(&v->ids) + 1 },
                 { "separator", gato_separator(&v->ids) },
                 { "continuous_base", v->ids.text },
                 { "discrete_base", gato_first_discrete(&v->ids) } };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (golden_int(&v->g, list[i].key) != list[i].is)
            return omn_fail(err, OMN_ERR_FAILED, "%s: %s is %lld there and %d here", v->g.name,
                            list[i].key, (long long)golden_int(&v->g, list[i].key), list[i].is);
    return OMN_OK;
}

omn_status verify_open(verify *v, bool training, golden_run *r, omn_error *err)
{
    const golden_how how = { .training = training };
    omn_status st = check_ids(v, err);
    return st == OMN_OK ? golden_open(&v->g, v->config, &how, r, err) : st;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* The norm that the file tells of this gradient. */
static double norm_of(const golden *g, const char *weight)
{
    char name[200];
    float x = 0;
    snprintf(name, sizeof name, "gradnorm.%.180s", weight);
    const omn_tensor *t = omn_weights_get(g->file, name);
    if (t && t->bytes == sizeof x) memcpy(&x, t->data, sizeof x);
    return (double)x;
}

/* Padding stands behind the last token of the last row: so many places of [B,S,..] are judged. */
static size_t real_places(const golden *g)
{
    const omn_tensor *t = omn_weights_get(g->in, "in.kind");
    size_t n = t && t->type == OMN_I32 ? t->bytes / sizeof(int32_t) : 0;
    for (int32_t kind = -1; n; n--) {
        memcpy(&kind, (const char *)t->data + (n - 1) * sizeof kind, sizeof kind);
        if (kind >= 0) break;
    }
    return n;
}

/* The two implementations differ by 1.1e-5 in states and 8e-7 in gradients. The gradient of a bias
 * of keys is 0 but for rounding, for a softmax does not feel it. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    const golden *g = &v->g;
    omn_tolerance all = { .abs = 1e-4, .rel = 1e-4 };
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "gradnorm."))
        return (omn_tolerance){ .abs = 1e-6 * g->largest, .rel = 1e-4 };
    if (golden_starts(stage, "grad."))
        return (omn_tolerance){ .abs = fmax(1e-4 * norm_of(g, stage + 5), 1e-6 * g->largest) };
    if (!strcmp(g->kind, "quantise")) return (omn_tolerance){ .abs = 1e-6, .rel = 1e-6 };
    if (!strcmp(g->kind, "forward") && !golden_starts(stage, "patch.") && !strstr(stage, "loss")) {
        const omn_tensor *t = omn_weights_get(g->in, "in.kind");
        char name[200];
        snprintf(name, sizeof name, "out.%.180s", stage);
        const omn_tensor *want = omn_weights_get(g->file, name);
        const size_t places = t ? t->bytes / sizeof(int32_t) : 0;
        if (want && places) all.first = want->bytes / sizeof(float) / places * real_places(g);
    }
    return all;
}

/* Stages of an attention have the heads side by side in the file. */
static bool find(void *user, const char *stage, omn_tensor *out)
{
    const golden_run *r = user;
    const omn_tensor *made = omn_feed_get(r->made, stage);
    char name[200], what[8];
    int block = 0;
    if (made) *out = *made;
    if (made || golden_output(r, stage, out)) return true;
    if (sscanf(stage, "block.%d.%7s", &block, what) != 2) return false;
    if (!strcmp(what, "ln1")) snprintf(name, sizeof name, "blocks.%d.norm", block);
    else if (!strcmp(what, "attn")) snprintf(name, sizeof name, "blocks.%d.attn.out", block);
    else if (!strcmp(what, "ffn")) snprintf(name, sizeof name, "blocks.%d.ffn.out", block);
    else snprintf(name, sizeof name, "blocks.%d.attn.%s_norm", block, what);
    if (!golden_output(r, name, out)) return false;
    if (out->shape.rank == 4)
        out->shape = omn_dim3(out->shape.dim[0], out->shape.dim[1],
                              out->shape.dim[2] * out->shape.dim[3]);
    return true;
}

omn_status verify_compare(verify *v, golden_run *r, omn_error *err)
{
    return omn_verify_compare(v->g.host, find, r, tolerance_of, v, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

static omn_status run(omn_verification *host, omn_error *err)
{
    static const struct {
        const char *kind;
        omn_status (*run)(verify *v, omn_error *err);
    } cases[] = { { "forward", verify_forward }, { "grads", verify_gradients },
                  { "act", verify_act },         { "quantise", verify_quantise } };
    verify v = { .g = { 0 } };
    omn_status st = golden_begin(&v.g, host, err);
    if (st == OMN_OK) st = read_config(&v, err);
    size_t i = 0;
    const size_t n = sizeof cases / sizeof *cases;
    while (i < n && strcmp(v.g.kind, cases[i].kind)) i++;
    if (st == OMN_OK && i == n)
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, nothing here is called \"%s\"",
                      v.g.name, v.g.kind);
    if (st == OMN_OK) st = cases[i].run(&v, err);
    free(v.config);
    golden_end(&v.g);
    return st;
}

const omn_verify_impl gato_verify = { GATO_GOLDEN, run };
