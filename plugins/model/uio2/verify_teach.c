/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of the teach graph: every tagged stage of a forward pass, masks and losses, and the
 * gradients. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run {
    verify *v;
    omn_graph *graph;
    omn_exec *exec;
    omn_feed *feed, *made; /* made: stages that are worked out from others */
} run;

static bool output(const run *r, const char *name, omn_tensor *out)
{
    for (size_t i = 0; i < omn_graph_outputs(r->graph); i++)
        if (!strcmp(omn_graph_output_name(r->graph, i), name))
            return omn_exec_output(r->exec, r->graph, name, out, NULL) == OMN_OK;
    return false;
}

/* "encoder.l0.q_norm" is a part of encoder.layers_0.attention, and so on. */
static bool inside_attention(const char *stage, char *out, size_t room)
{
    static const struct {
        const char *stack, *before, *folder;
    } parts[] = {
        { "encoder.l", "", "attention" },
        { "decoder.l", "self_", "self_attention" },
        { "decoder.l", "cross_", "encoder_decoder_attention" },
    };
    static const char *const what[] = { "q_norm", "k_norm", "q_rope", "k_rope" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const size_t n = strlen(parts[i].stack), m = strlen(parts[i].before);
        if (strncmp(stage, parts[i].stack, n)) continue;
        char *end;
        const long layer = strtol(stage + n, &end, 10);
        if (end == stage + n || *end != '.' || strncmp(end + 1, parts[i].before, m)) continue;
        for (size_t k = 0; k < sizeof what / sizeof *what; k++) {
            if (strcmp(end + 1 + m, what[k])) continue;
            const int len = snprintf(out, room, "%.7s.layers_%ld.%s.%s", stage, layer,
                                     parts[i].folder, what[k]);
            return len > 0 && (size_t)len < room;
        }
    }
    return false;
}

static bool find(void *user, const char *stage, omn_tensor *out)
{
    const run *r = user;
    char name[256];
    const omn_tensor *t = omn_feed_get(r->made, stage);
    if (t) *out = *t;
    return t || output(r, stage, out) ||
           (inside_attention(stage, name, sizeof name) && output(r, name, out));
}

/* ---- masks and losses ----------------------------------------------------------------------- */

/* Which segments see each other: the rule of the attention op (graph.h at omn_attend). */
static int sees(int32_t q, int32_t k)
{
    return q != 0 && (q == k || k == OMN_SEG_SHARED);
}

static omn_status masks(run *r, const verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    void *self = NULL, *cross = NULL;
    omn_tensor memory;
    const int64_t B = z->rows, T = z->target_length;
    const int32_t *seg = omn_feed_data(r->feed, "target.seg");
    const int32_t *part = omn_feed_data(r->feed, "target.part");
    if (!output(r, "encoder.mask", &memory)) goto done;
    const int64_t L = memory.shape.dim[1];
    OMN_TRY(omn_feed_new(r->made, "decoder.self_mask", OMN_I32, omn_dim4(B, 1, T, T), &self, err));
    OMN_TRY(
        omn_feed_new(r->made, "decoder.cross_mask", OMN_I32, omn_dim4(B, 1, T, L), &cross, err));
    for (int64_t b = 0; b < B; b++)
        for (int64_t i = 0; i < T; i++) {
            const int64_t q = b * T + i;
            for (int64_t j = 0; j < T; j++)
                ((int32_t *)self)[q * T + j] =
                    j <= i && sees(seg[q], seg[b * T + j]) && part[q] == part[b * T + j];
            for (int64_t j = 0; j < L; j++)
                ((int32_t *)cross)[q * L + j] =
                    sees(seg[q], ((const int32_t *)memory.data)[b * L + j]);
        }
done:
    return st;
}

static omn_status put(run *r, const char *name, double x, omn_error *err)
{
    void *data = NULL;
    const omn_status st = omn_feed_new(r->made, name, OMN_F32, omn_dim1(1), &data, err);
    if (st == OMN_OK) *(float *)data = (float)x;
    return st;
}

/* The loss is the graph's; its cross-entropy is the mean of what each token cost, the rest is the z
 * term. */
static omn_status losses(run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor loss, each;
    const omn_tensor *w = omn_feed_get(r->feed, "target.weight");
    double sum = 0, weight = 0;
    if (!output(r, "loss", &loss) || !output(r, "nll.text", &each) || each.bytes != w->bytes)
        goto done;
    for (size_t i = 0; i < w->bytes / sizeof(float); i++) {
        sum += (double)((const float *)w->data)[i] * (double)((const float *)each.data)[i];
        weight += (double)((const float *)w->data)[i];
    }
    const double ce = sum / fmax(weight, 1), all = (double)*(const float *)loss.data;
    OMN_TRY(put(r, "loss.text.ce", ce, err));
    OMN_TRY(put(r, "loss.text.z", all - ce, err));
    OMN_TRY(put(r, "loss.ce_total", ce, err));
    OMN_TRY(put(r, "loss.total", all, err));
done:
    return st;
}

/* What the loss was counted against. */
static omn_status wanted(run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(omn_feed_copy(r->made, "targets.text", omn_feed_get(r->feed, "target.labels"), err));
    OMN_TRY(omn_feed_copy(r->made, "loss_mask.text", omn_feed_get(r->feed, "target.seg"), err));
done:
    return st;
}

/* ---- cases ---------------------------------------------------------------------------------- */

omn_status verify_teach(verify *v, omn_model *m, omn_feed *feed, verify_sizes *z, omn_graph **out,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(verify_feed(v, true, feed, z, err));
    const omn_graph_sizes sizes = { OMN_FILL(omn_graph_sizes),
                                    .phase = OMN_TEACH,
                                    .rows = z->rows,
                                    .roles = z->roles,
                                    .lengths = z->lengths,
                                    .n_roles = z->n_roles,
                                    .target_length = z->target_length,
                                    .labels = true };
    OMN_TRY(omn_model_graph(m, &sizes, out, err));
done:
    return st;
}

static void end(run *r)
{
    omn_exec_free(r->exec);
    omn_feed_free(r->feed);
    omn_feed_free(r->made);
}

/* One run of the teach graph of m. */
static omn_status begin(run *r, verify *v, omn_model *m, verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    *r = (run){ .v = v };
    OMN_TRY(omn_feed_make(&r->feed, err));
    OMN_TRY(omn_feed_make(&r->made, err));
    OMN_TRY(verify_teach(v, m, r->feed, z, &r->graph, err));
    OMN_TRY(omn_exec_new(omn_model_program(m), &r->exec, err));
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, v->call, err));
    OMN_TRY(losses(r, err));
done:
    return st;
}

omn_status verify_stages(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    verify_sizes z;
    run r = { 0 };
    OMN_TRY(verify_model(v, NULL, &m, err));
    OMN_TRY(begin(&r, v, m, &z, err));
    OMN_TRY(masks(&r, &z, err));
    OMN_TRY(wanted(&r, err));
    OMN_TRY(verify_compare(v, find, &r, err));
done:
    end(&r);
    omn_model_close(m);
    return st;
}

/* "grad.NAME" is the output "grad:NAME"; "gradnorm.NAME" its length. */
static bool find_gradient(void *user, const char *stage, omn_tensor *out)
{
    run *r = user;
    char name[600];
    const bool norm = !strncmp(stage, "gradnorm.", 9);
    if (!norm && strncmp(stage, "grad.", 5)) return find(user, stage, out);
    const int n = snprintf(name, sizeof name, "grad:%s", stage + (norm ? 9 : 5));
    if (n < 0 || (size_t)n >= sizeof name || !output(r, name, out)) return false;
    if (!norm) return true;
    double sum = 0;
    for (size_t i = 0; i < out->bytes / sizeof(float); i++)
        sum += (double)((const float *)out->data)[i] * (double)((const float *)out->data)[i];
    if (put(r, stage, sqrt(sum), NULL) != OMN_OK) return false;
    *out = *omn_feed_get(r->made, stage);
    return true;
}

omn_status verify_gradients(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    omn_store *store = NULL;
    omn_model *m = NULL;
    verify_sizes z;
    run r = { 0 };
    OMN_TRY(omn_weights_open(v->weights, &w, err));
    OMN_TRY(omn_store_new(0, w, false, &store, err));
    OMN_TRY(verify_model(v, store, &m, err));
    OMN_TRY(begin(&r, v, m, &z, err));
    OMN_TRY(verify_compare(v, find_gradient, &r, err));
done:
    end(&r);
    omn_model_close(m);
    omn_store_free(store);
    omn_weights_close(w);
    return st;
}
