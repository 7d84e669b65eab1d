/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of T5 and VL-T5: the model that one is of, the graph that its inputs want, and the
 * comparison. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

/* ---- the model ------------------------------------------------------------------------------- */

omn_status verify_spell(const verify *v, const verify_how *how, char **out, omn_error *err)
{
    json_t *own = json_pack("{s:s,s:s}", "model", v->visual ? "vlt5" : "t5", "loss",
                            how->per ? how->per : "token");
    json_t *all = json_deep_copy(v->g.config);
    bool good = own && all && !json_object_set(all, "omnio", own);
    if (good && how->joint)
        good = !json_object_set_new(all, "individual_vis_layer_norm", json_false());
    *out = good ? json_dumps(all, 0) : NULL;
    json_decref(own);
    json_decref(all);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
}

omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err)
{
    char *config = NULL;
    const golden_how own = { .training = how->training };
    omn_status st = verify_spell(v, how, &config, err);
    if (st == OMN_OK) st = golden_open(&v->g, config, &own, r, err);
    free(config);
    return st;
}

/* ---- its graphs ------------------------------------------------------------------------------ */

/* Places from .. from + count - 1 of f32 [B,N,width] as an input. */
static omn_status feed_part(golden_run *r, const char *of, const char *port, int number,
                            int64_t from, int64_t count, omn_error *err)
{
    const omn_tensor *t;
    char name[64];
    void *data = NULL;
    omn_status st = golden_input(r->g, of, OMN_F32, 3, &t, err);
    if (st != OMN_OK) return st;
    const int64_t *d = t->shape.dim;
    const size_t row = (size_t)d[2] * sizeof(float);
    if (number) omn_format(name, sizeof name, "regions#%d.%s", number + 1, port);
    else omn_format(name, sizeof name, "regions.%s", port);
    st = omn_feed_new(r->feed, name, OMN_F32, omn_dim3(d[0], count, d[2]), &data, err);
    for (int64_t b = 0; st == OMN_OK && b < d[0]; b++)
        memcpy((char *)data + (size_t)(b * count) * row,
               (const char *)t->data + (size_t)(b * d[1] + from) * row, (size_t)count * row);
    return st;
}

/* Which regions are there: all, or those of a mask f32 [B,N]. */
static omn_status feed_seg(golden_run *r, const char *mask, int number, int64_t rows, int64_t from,
                           int64_t count, omn_error *err)
{
    const omn_tensor *t = NULL;
    char name[64];
    void *data = NULL;
    omn_status st = mask ? golden_input(r->g, mask, OMN_F32, 2, &t, err) : OMN_OK;
    if (st == OMN_OK && t && (t->shape.dim[0] != rows || t->shape.dim[1] < from + count))
        st = omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" has another shape than the regions",
                      r->g->name, mask);
    if (number) omn_format(name, sizeof name, "regions#%d.seg", number + 1);
    else omn_format(name, sizeof name, "regions.seg");
    if (st == OMN_OK)
        st = omn_feed_new(r->feed, name, OMN_I32, omn_dim2(rows, count), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < rows * count; i++) {
        float on = 1;
        const size_t at = t ? (size_t)(i / count * t->shape.dim[1] + from + i % count) : 0;
        if (t) memcpy(&on, (const char *)t->data + at * sizeof on, sizeof on);
        ((int32_t *)data)[i] = on != 0;
    }
    return st;
}

/* Labels are those of the file, fed behind the start token; what is ignored feeds as padding. */
static omn_status feed_target(golden_run *r, const verify_ask *a, int64_t *rows, int64_t *length,
                              omn_error *err)
{
    const golden_taught t = { .role = "text", .ids = a->labels,
                              .labels = a->loss ? a->labels : NULL, .shift = true, .start = 0,
                              .ignored = -100 };
    const omn_status st = golden_feed_taught(r, &t, rows, length, err);
    if (st != OMN_OK) return st;
    int32_t *ids = omn_feed_data(r->feed, "target.text.ids");
    for (int64_t i = 0; i < *rows * *length; i++)
        if (ids[i] < 0) ids[i] = 0;
    return OMN_OK;
}

omn_status verify_run(golden_run *r, const verify_ask *a, omn_error *err)
{
    enum { MOST = 2 };
    static const char *const roles[1 + MOST] = { "text", "regions", "regions" };
    static const char *const text = "text";
    const int pictures = a->pictures ? a->pictures : 1;
    int64_t lengths[1 + MOST] = { 0 }, rows = 0, T = 0, target_rows = 0;
    omn_status st = OMN_OK;
    const omn_tensor *t;
    omn_feed_clear(r->feed);
    OMN_TRY(golden_feed_tokens(r, "in.ids", "in.ids", false, "text", &rows, &lengths[0], err));
    if (a->feats) {
        OMN_TRY(golden_input(r->g, a->feats, OMN_F32, 3, &t, err));
        const int64_t n = t->shape.dim[1] / pictures;
        if (n < 1 || t->shape.dim[0] != rows)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" does not go with the texts",
                             r->g->name, a->feats));
        for (int i = 0; i < pictures && i < MOST; i++) {
            lengths[i + 1] = n;
            OMN_TRY(feed_part(r, a->feats, "features", i, i * n, n, err));
            OMN_TRY(feed_part(r, a->boxes, "boxes", i, i * n, n, err));
            OMN_TRY(feed_seg(r, a->mask, i, rows, i * n, n, err));
        }
    }
    if (a->labels) OMN_TRY(feed_target(r, a, &target_rows, &T, err));
    if (a->labels && target_rows != rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld texts and %lld targets", r->g->name,
                         (long long)rows, (long long)target_rows));
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = a->phase, .rows = rows,
                                .roles = roles, .lengths = lengths,
                                .n_roles = a->feats ? 1 + (uint32_t)pictures : 1,
                                .outputs = a->labels ? &text : NULL, .target_lengths = &T,
                                .n_outputs = a->labels ? 1 : 0, .labels = a->loss };
    OMN_TRY(golden_run_graph(r, &z, err));
done:
    return st;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* spec vl-t5, section 7: states 1e-4, losses 1e-5, gradients 1e-4 of the norm, ids exact. Single
 * gradients are that far from the largest of their tensor, which the norm is not below. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const golden_run *r = user;
    const omn_tensor *t;
    float norm = 0;
    char name[300];
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "loss")) return (omn_tolerance){ .abs = 1e-5 };
    if (golden_starts(stage, "gradnorm.")) return (omn_tolerance){ .abs = 1e-7, .rel = 1e-4 };
    if (golden_starts(stage, "grad.") || golden_starts(stage, "grad_rows.")) {
        omn_format(name, sizeof name, "gradnorm.%s", strchr(stage, '.') + 1);
        t = omn_weights_get(r->g->file, name);
        if (t && t->bytes == sizeof norm) memcpy(&norm, t->data, sizeof norm);
        return (omn_tolerance){ .abs = 1e-7 + 1e-4 * (double)norm };
    }
    return (omn_tolerance){ .abs = 1e-4 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return golden_compare(r, tolerance_of, r, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

static omn_status run_family(omn_verification *host, bool visual, omn_error *err)
{
    static const struct {
        const char *kind;
        omn_status (*run)(verify *v, omn_error *err);
        bool model, visual;               /* needs weights; is of VL-T5 alone */
    } cases[] = {
        { "forward", verify_forward, true, false },
        { "loss", verify_loss, true, false },
        { "variants", verify_variants, true, true },
        { "generate", verify_generate, true, false },
        { "buckets", verify_buckets, false, false },
        { "tokenizer", verify_tokenizer, false, false },
    };
    omn_status st = OMN_OK;
    verify v = { .visual = visual };
    OMN_TRY(golden_begin(&v.g, host, err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *kind = cases[i].kind;
        if (strcmp(v.g.kind, kind) || (cases[i].visual && !visual)) continue;
        if (cases[i].model && !v.g.weights[0])
            OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                             "%s: not supported, it names no weights_file to run", v.g.name));
        st = cases[i].run(&v, err);
        goto done;
    }
    st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, nothing here is called \"%s\"",
                  v.g.name, v.g.kind);
done:
    golden_end(&v.g);
    return st;
}

static omn_status run_t5(omn_verification *host, omn_error *err)
{
    return run_family(host, false, err);
}

static omn_status run_vlt5(omn_verification *host, omn_error *err)
{
    return run_family(host, true, err);
}

const omn_verify_impl t5_verify = { "t5-golden-1", run_t5 };
const omn_verify_impl vlt5_verify = { "vl-t5-golden-1", run_vlt5 };
