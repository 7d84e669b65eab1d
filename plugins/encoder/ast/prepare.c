/* SPDX-License-Identifier: Apache-2.0 */
/* A sound as the encoder wants it: its last segment (audio.segments; a short sound has one, filled
 * with silence), as a log-mel spectrogram (audio.mel), normalised and cut into patches in (time,
 * mel) order. Cells of exact silence are masked; a patch is real when the cell at its centre is
 * (nearest-neighbour resize). What came before the last segment is history. */
#include "ast.h"

#include <stdio.h>

#define RATE 16000                        /* Hz */
#define HOP  256                          /* samples from one frame to the next */

/* The last segment of v as a spectrogram of rows * patch columns. */
static omn_status spectrogram(const struct ast *p, omn_call *c, const omn_value *v,
                              omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char seconds[48], rate[16], hop[16], bands[16];
    omn_value *segments = NULL;
    const omn_value *in = v;
    omn_format(seconds, sizeof seconds, "%.17g",
               ((double)p->rows * p->patch - 1) * HOP / (double)RATE);
    snprintf(rate, sizeof rate, "%d", RATE);
    snprintf(hop, sizeof hop, "%d", HOP);
    snprintf(bands, sizeof bands, "%d", p->columns * p->patch);
    const omn_setting cut[] = { { .name = "rate", .text = rate },
                                { .name = "seconds", .text = seconds } };
    const omn_setting mel[] = { { .name = "bands", .text = bands },
                                { .name = "hop", .text = hop } };
    OMN_TRY(omn_call_operation(c, "audio.segments", &in, cut, 2, &segments, err));
    const size_t n = omn_list_count(segments);
    if (!n) {
        st = omn_fail(err, OMN_ERR_DATA, "audio.ast: the sound is empty");
        goto done;
    }
    in = omn_list_at(segments, n - 1);
    OMN_TRY(omn_call_operation(c, "audio.mel", &in, mel, 2, out, err));
done:
    omn_value_unref(segments);
    return st;
}

/* One patch: rows of time, in each the bands. */
static void cut(const struct ast *p, const float *log, int64_t row, int64_t column, float *out)
{
    const int64_t P = p->patch, wide = p->columns * P;
    for (int64_t y = 0; y < P; y++)
        for (int64_t x = 0; x < P; x++) {
            const double cell = (double)log[(row * P + y) * wide + column * P + x];
            *out++ = (float)((cell - p->mean) / p->deviation);
        }
}

omn_status ast_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                       omn_frame *frame, omn_error *err)
{
    const struct ast *p = ((const ast_self *)self)->p;
    const int64_t P = p->patch, N = (int64_t)p->rows * p->columns, wide = p->columns * P;
    omn_status st = OMN_OK;
    omn_value *made = NULL;
    void *x = NULL, *seg = NULL, *pos = NULL;
    (void)frame;
    if (!omn_value_is(v, "audio"))
        return omn_fail(err, OMN_ERR_TYPE, "audio.ast listens to sound, not to %s",
                        omn_value_kind_name(v));
    OMN_TRY(spectrogram(p, c, v, &made, err));
    const omn_tensor *log = omn_value_column(made, "log"), *mask = omn_value_column(made, "mask");
    if (!log || !mask || log->shape.dim[0] != p->rows * P || log->shape.dim[1] != wide) {
        st = omn_fail(err, OMN_ERR_PLUGIN,
                      "audio.ast: audio.mel made no logarithms of [%lld, %lld]",
                      (long long)(p->rows * P), (long long)wide);
        goto done;
    }
    OMN_TRY(omn_feed_new(out, "patches", OMN_F32, omn_dim2(N, P * P), &x, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(N), &seg, err));
    OMN_TRY(omn_feed_new(out, "pos", OMN_I32, omn_dim1(N), &pos, err));
    for (int64_t i = 0; i < N; i++) {
        const int64_t row = i / p->columns, column = i % p->columns;
        cut(p, log->data, row, column, (float *)x + i * P * P);
        ((int32_t *)seg)[i] =
            ((const uint8_t *)mask->data)[(row * P + P / 2) * wide + column * P + P / 2] != 0;
        ((int32_t *)pos)[i] = (int32_t)i;
    }
done:
    omn_value_unref(made);
    return st;
}
