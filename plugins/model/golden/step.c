/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of decoding over the states that an ENCODE left. */
#include "golden.h"

#include <math.h>
#include <string.h>

omn_status golden_step_run(golden_run *r, const golden_step *s, omn_tensor *logits,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t B = s->rows, T = s->length;
    void *to[5] = { NULL };
    char name[96];
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_STEP, .rows = B,
                                .output = s->role, .target_length = T, .capacity = s->capacity,
                                .memory_rows = s->memory_rows,
                                .memory_length = s->memory_length };
    omn_feed_clear(r->feed);
    OMN_TRY(golden_graph(r, &z, err));
    OMN_TRY(omn_feed_new(r->feed, "target.ids", OMN_I32, omn_dim2(B, T), &to[0], err));
    OMN_TRY(omn_feed_new(r->feed, "target.pos", OMN_I32, omn_dim2(B, T), &to[1], err));
    OMN_TRY(omn_feed_new(r->feed, "target.seg", OMN_I32, omn_dim2(B, T), &to[2], err));
    OMN_TRY(omn_feed_new(r->feed, "start", OMN_I32, omn_dim1(B), &to[3], err));
    OMN_TRY(omn_feed_new(r->feed, "memory_row", OMN_I32, omn_dim1(B), &to[4], err));
    memcpy(to[0], s->ids, (size_t)(B * T) * sizeof *s->ids);
    for (int64_t i = 0; i < B * T; i++) {
        ((int32_t *)to[1])[i] = s->start + (int32_t)(i % T);
        ((int32_t *)to[2])[i] = 1;
    }
    for (int64_t b = 0; b < B; b++) {
        ((int32_t *)to[3])[b] = s->start;
        ((int32_t *)to[4])[b] =
            s->memory_row ? s->memory_row[b] : (int32_t)(b * s->memory_rows / B);
    }
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err));
    omn_format(name, sizeof name, "logits.%s", s->role);
    OMN_TRY(omn_exec_output(r->exec, r->graph, name, logits, err));
done:
    return st;
}

double golden_log_sum(const float *x, int64_t n)
{
    double top = (double)x[0], sum = 0;
    for (int64_t i = 1; i < n; i++) top = fmax(top, (double)x[i]);
    for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - top);
    return top + log(sum);
}

int32_t golden_likeliest(const float *x, int64_t n)
{
    int32_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = (int32_t)i;
    return best;
}
