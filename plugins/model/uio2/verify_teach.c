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
    int64_t rows;          /* that were packed into one */
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

/* An input of every target, one behind the other: [rows, places of all]. */
static omn_status joined(run *r, const verify_sizes *z, const char *what, const char *stage,
                         const int32_t **out, int64_t *rows, int64_t *length, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t[VERIFY_OUTPUTS];
    void *data = NULL;
    int64_t before = 0;
    *length = 0;
    for (uint32_t i = 0; i < z->n_outputs; i++) {
        char name[96];
        snprintf(name, sizeof name, "target.%s.%s", z->outputs[i], what);
        t[i] = omn_feed_get(r->feed, name);
        *rows = t[i]->shape.dim[0];
        *length += t[i]->shape.dim[1];
    }
    OMN_TRY(omn_feed_new(r->made, stage, OMN_I32, omn_dim2(*rows, *length), &data, err));
    for (uint32_t i = 0; i < z->n_outputs; before += t[i++]->shape.dim[1])
        for (int64_t b = 0; b < *rows; b++) {
            const int64_t T = t[i]->shape.dim[1];
            memcpy((int32_t *)data + b * *length + before, (const int32_t *)t[i]->data + b * T,
                   (size_t)T * sizeof(int32_t));
        }
    *out = data;
done:
    return st;
}

static omn_status masks(run *r, const verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    void *self = NULL, *cross = NULL;
    omn_tensor memory;
    int64_t B = 0, T = 0;
    const int32_t *seg, *part;
    OMN_TRY(joined(r, z, "seg", "decoder.seg", &seg, &B, &T, err));
    OMN_TRY(joined(r, z, "part", "decoder.all_subsegments", &part, &B, &T, err));
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

/* The loss of one target is the graph's; its cross-entropy is the mean of what each token cost, the
 * rest is the z term. Both are added to those of all. */
static omn_status loss_of(run *r, const char *role, double *ce_all, double *all, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor loss, each;
    char name[96];
    double sum = 0, weight = 0;
    snprintf(name, sizeof name, "target.%s.weight", role);
    const omn_tensor *w = omn_feed_get(r->feed, name);
    snprintf(name, sizeof name, "nll.%s", role);
    if (!output(r, name, &each) || each.bytes != w->bytes) goto done;
    snprintf(name, sizeof name, "loss.%s", role);
    if (!output(r, name, &loss)) goto done;
    for (size_t i = 0; i < w->bytes / sizeof(float); i++) {
        sum += (double)((const float *)w->data)[i] * (double)((const float *)each.data)[i];
        weight += (double)((const float *)w->data)[i];
    }
    const double ce = sum / fmax(weight, 1), whole = (double)*(const float *)loss.data;
    *ce_all += ce;
    *all += whole;
    snprintf(name, sizeof name, "loss.%s.ce", role);
    OMN_TRY(put(r, name, ce, err));
    snprintf(name, sizeof name, "loss.%s.z", role);
    OMN_TRY(put(r, name, whole - ce, err));
done:
    return st;
}

/* The sum is the one that is trained. */
static omn_status losses(run *r, const verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor loss;
    double ce = 0, all = 0;
    for (uint32_t i = 0; i < z->n_outputs; i++) OMN_TRY(loss_of(r, z->outputs[i], &ce, &all, err));
    if (!output(r, "loss", &loss)) goto done;
    OMN_TRY(put(r, "loss.ce_total", ce, err));
    OMN_TRY(put(r, "loss.total", (double)*(const float *)loss.data, err));
done:
    return st;
}

/* What the loss was counted against. */
static omn_status wanted(run *r, const verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t i = 0; i < z->n_outputs; i++) {
        char name[96], stage[96];
        void *mask = NULL;
        snprintf(name, sizeof name, "target.%s.labels", z->outputs[i]);
        snprintf(stage, sizeof stage, "targets.%s", z->outputs[i]);
        OMN_TRY(omn_feed_copy(r->made, stage, omn_feed_get(r->feed, name), err));
        snprintf(name, sizeof name, "target.%s.weight", z->outputs[i]);
        snprintf(stage, sizeof stage, "loss_mask.%s", z->outputs[i]);
        const omn_tensor *w = omn_feed_get(r->feed, name);
        OMN_TRY(omn_feed_new(r->made, stage, OMN_I32, w->shape, &mask, err));
        for (size_t k = 0; k < w->bytes / sizeof(float); k++)
            ((int32_t *)mask)[k] = (int32_t)((const float *)w->data)[k];
    }
done:
    return st;
}

/* ---- cases ---------------------------------------------------------------------------------- */

omn_status verify_teach(verify *v, omn_model *m, bool packed, omn_feed *feed, verify_sizes *z,
                        omn_graph **out, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(verify_inputs(v, m, feed, z, err));
    if (packed) OMN_TRY(verify_pack(v, feed, z, err));
    OMN_TRY(verify_targets(v, feed, z, err));
    const omn_graph_sizes sizes = { OMN_FILL(omn_graph_sizes),
                                    .phase = OMN_TEACH,
                                    .rows = z->rows,
                                    .roles = z->roles,
                                    .lengths = z->lengths,
                                    .n_roles = z->n_roles,
                                    .outputs = z->outputs,
                                    .target_lengths = z->targets,
                                    .n_outputs = z->n_outputs,
                                    .noised = v->patterns,
                                    .packed_rows = packed ? 1 : 0,
                                    .packed_length = z->packed_length,
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
static omn_status begin(run *r, verify *v, omn_model *m, bool packed, verify_sizes *z,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    *r = (run){ .v = v };
    OMN_TRY(omn_feed_make(&r->feed, err));
    OMN_TRY(omn_feed_make(&r->made, err));
    OMN_TRY(verify_teach(v, m, packed, r->feed, z, &r->graph, err));
    OMN_TRY(omn_exec_new(omn_model_program(m), &r->exec, err));
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, v->call, err));
    OMN_TRY(losses(r, z, err));
done:
    return st;
}

/* The logits of one target as a stage. Padding attends to nothing: what it becomes is the mean over
 * whatever a program lays under its masks, so that these rows are taken from the golden file. */
static omn_status real_rows(run *r, const run *of, const verify *v, const char *role,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    char name[96], stage[128];
    omn_tensor logits;
    void *data = NULL;
    snprintf(name, sizeof name, "logits.%s", role);
    if (!output(of, name, &logits)) goto done;
    snprintf(stage, sizeof stage, "out.pattern_on.%s", name);
    const omn_tensor *want = omn_weights_get(v->golden, stage);
    snprintf(name, sizeof name, "target.%s.seg", role);
    const omn_tensor *seg = omn_feed_get(of->feed, name);
    if (!want || want->bytes != logits.bytes) goto done;
    OMN_TRY(omn_feed_new(r->made, stage + 4, OMN_F32, logits.shape, &data, err));
    const size_t n = seg->bytes / sizeof(int32_t), row = logits.bytes / n;
    for (size_t i = 0; i < n; i++) {
        const bool real = ((const int32_t *)seg->data)[i] != 0;
        memcpy((char *)data + i * row, (const char *)(real ? logits.data : want->data) + i * row,
               row);
    }
done:
    return st;
}

/* The logits of the same case with patterns of attention, as stages "pattern_on.logits.ROLE". */
static omn_status with_patterns(run *r, verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    verify_sizes z;
    run p = { 0 };
    v->patterns = true;
    OMN_TRY(verify_config(v, err));
    OMN_TRY(verify_model(v, NULL, &m, err));
    OMN_TRY(begin(&p, v, m, false, &z, err));
    for (uint32_t i = 0; i < z.n_outputs; i++)
        OMN_TRY(real_rows(r, &p, v, z.outputs[i], err));
done:
    end(&p);
    omn_model_close(m);
    return st;
}

omn_status verify_stages(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    verify_sizes z;
    run r = { 0 };
    OMN_TRY(verify_model(v, NULL, &m, err));
    OMN_TRY(begin(&r, v, m, false, &z, err));
    OMN_TRY(masks(&r, &z, err));
    OMN_TRY(wanted(&r, &z, err));
    if (omn_weights_get(v->golden, "out.pattern_on.logits.text"))
        OMN_TRY(with_patterns(&r, v, err));
    OMN_TRY(verify_compare(v, find, &r, err));
done:
    end(&r);
    omn_model_close(m);
    return st;
}

/* ---- packing -------------------------------------------------------------------------------- */

/* A tensor of whole numbers worked out from another one. */
typedef int32_t number_fn(int32_t x, const verify_sizes *z);

static int32_t is_real(int32_t seg, const verify_sizes *z)
{
    (void)z;
    return seg != 0;
}

/* How verify_targets numbers what may see each other. */
static int32_t modality(int32_t part, const verify_sizes *z)
{
    (void)z;
    return part % VERIFY_OUTPUTS;
}
static int32_t segment(int32_t part, const verify_sizes *z)
{
    return part / VERIFY_OUTPUTS % (int32_t)z->rows;
}
static int32_t answer(int32_t part, const verify_sizes *z)
{
    return part / VERIFY_OUTPUTS / (int32_t)z->rows;
}

static omn_status derive(run *r, const verify_sizes *z, const char *stage, const omn_tensor *from,
                         number_fn *fn, omn_error *err)
{
    void *data = NULL;
    const omn_status st = omn_feed_new(r->made, stage, OMN_I32, from->shape, &data, err);
    for (size_t i = 0; st == OMN_OK && i < from->bytes / sizeof(int32_t); i++)
        ((int32_t *)data)[i] = fn(((const int32_t *)from->data)[i], z);
    return st;
}

/* Which example each place of the inputs is of; what is padding as well. */
static omn_status encoder_segments(run *r, const verify_sizes *z, omn_error *err)
{
    void *data = NULL;
    const omn_tensor *map = omn_feed_get(r->feed, "pack.map");
    const int64_t each = z->packed_length / z->rows;
    const omn_status st =
        omn_feed_new(r->made, "encoder.segment_ids", OMN_I32, map->shape, &data, err);
    for (int64_t i = 0; st == OMN_OK && i < z->packed_length; i++)
        ((int32_t *)data)[i] = ((const int32_t *)map->data)[i] / (int32_t)each;
    return st;
}

/* Stages are named "packed.NAME"; logits are told row by row again. */
static bool find_packed(void *user, const char *stage, omn_tensor *out)
{
    run *r = user;
    if (strncmp(stage, "packed.", 7)) return false;
    if (!find(user, stage + 7, out)) return false;
    if (!strncmp(stage + 7, "logits.", 7)) {
        out->shape.dim[1] /= r->rows;
        out->shape.dim[0] = r->rows;
    }
    return true;
}

omn_status verify_packed(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    verify_sizes z;
    run r = { 0 };
    OMN_TRY(verify_model(v, NULL, &m, err));
    OMN_TRY(begin(&r, v, m, true, &z, err));
    r.rows = z.rows;
    OMN_TRY(masks(&r, &z, err));
    const omn_tensor *seg = omn_feed_get(r.made, "decoder.seg");
    const omn_tensor *part = omn_feed_get(r.made, "decoder.all_subsegments");
    OMN_TRY(derive(&r, &z, "decoder.mask", seg, is_real, err));
    OMN_TRY(derive(&r, &z, "decoder.modality_id", part, modality, err));
    OMN_TRY(derive(&r, &z, "decoder.segment_ids", part, segment, err));
    OMN_TRY(derive(&r, &z, "decoder.subsegments", part, answer, err));
    OMN_TRY(encoder_segments(&r, &z, err));
    const omn_tensor *inputs = omn_feed_get(r.feed, "pack.seg");
    OMN_TRY(derive(&r, &z, "encoder.mask", inputs, is_real, err));
    OMN_TRY(verify_compare(v, find_packed, &r, err));
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
    OMN_TRY(begin(&r, v, m, false, &z, err));
    OMN_TRY(verify_compare(v, find_gradient, &r, err));
done:
    end(&r);
    omn_model_close(m);
    omn_store_free(store);
    omn_weights_close(w);
    return st;
}
