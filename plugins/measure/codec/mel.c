/* SPDX-License-Identifier: Apache-2.0 */
/* How far a sound is off: the mean over mel bands and frames of |10 log10 of one power over the
 * other|, what is softer than `least` taken as that. Frames that only one of the two has are silent
 * in the other; an answer that is no sound, or one of another rate, is silence as a whole. The
 * baseline is that of silence. */
#include "codec.h"

#include <math.h>
#include <stdlib.h>

typedef struct count { uint64_t n; double sum, silent; } count;

/* Power [frames, bands] of a sound; frames 0: there is no sound. */
typedef struct heard {
    omn_value *mel;
    const float *power;
    int64_t frames;
} heard;

static omn_status open_mel(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    (void)o;
    return measure_keep(params, sizeof(struct mel), self, err);
}

static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(count));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "mel-distance: out of memory");
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

static double rate_of(const omn_value *v)
{
    return *(const double *)omn_value_column(v, "rate")->data;
}

/* A sound too short for a frame is silence. */
static omn_status hear(const struct mel *p, omn_call *c, const omn_value *v, heard *out,
                       omn_error *err)
{
    char length[32], hop[32], bands[32], high[32];
    omn_value *one = NULL;
    omn_status st = OMN_OK;
    *out = (heard){ .mel = NULL };
    if (omn_value_column(v, "samples")->shape.dim[0] <= p->length / 2) return OMN_OK;
    omn_format(length, sizeof length, "%d", p->length);
    omn_format(hop, sizeof hop, "%d", p->hop);
    omn_format(bands, sizeof bands, "%d", p->bands);
    omn_format(high, sizeof high, "%.17g", rate_of(v) / 2);
    const omn_setting set[] = { { "length", length, 0, 0 }, { "hop", hop, 0, 0 },
                                { "bands", bands, 0, 0 }, { "high", high, 0, 0 },
                                { "log", "false", 0, 0 } };
    OMN_TRY(omn_call_operation(c, "audio.mono", &v, NULL, 0, &one, err));
    const omn_value *in = one;
    OMN_TRY(omn_call_operation(c, "audio.mel", &in, set, 5, &out->mel, err));
    const omn_tensor *t = omn_value_column(out->mel, "power");
    out->power = t->data;
    out->frames = t->shape.dim[0];
done:
    omn_value_unref(one);
    return st;
}

static double level(const heard *h, const struct mel *p, int64_t i)
{
    const double x = i < h->frames * p->bands ? (double)h->power[i] : 0;
    return 10 * log10(x > p->least ? x : p->least);
}

static omn_status add(const void *self, void *state, omn_call *call, const omn_value *answer,
                      const omn_value *want, const omn_value *inputs, bool *right, omn_error *err)
{
    const struct mel *p = self;
    count *c = state;
    heard a = { .mel = NULL }, b = { .mel = NULL };
    omn_status st = OMN_OK;
    double sum = 0, silent = 0;
    (void)inputs;
    *right = false;
    if (!omn_value_is(want, "audio"))
        return omn_fail(err, OMN_ERR_TYPE, "mel-distance: a sound is wanted to compare with, not "
                        "%s", omn_value_kind_name(want));
    const bool like = omn_value_is(answer, "audio") && rate_of(answer) == rate_of(want);
    OMN_TRY(hear(p, call, want, &b, err));
    if (like) OMN_TRY(hear(p, call, answer, &a, err));
    const int64_t n = (a.frames > b.frames ? a.frames : b.frames) * p->bands;
    for (int64_t i = 0; i < n; i++) {
        sum += fabs(level(&a, p, i) - level(&b, p, i));
        silent += level(&b, p, i) - 10 * log10(p->least);
    }
    if (n > 0) {
        sum /= (double)n;
        silent /= (double)n;
    }
    *right = like && sum < p->within;
    c->n++;
    c->sum += sum;
    c->silent += silent;
done:
    omn_value_unref(a.mel);
    omn_value_unref(b.mel);
    return st;
}

static omn_status rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err)
{
    const count *c = state;
    const double n = c->n ? (double)c->n : 1;
    (void)self;
    (void)err;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "mel distance", .unit = "dB",
                                  .value = c->sum / n, .baseline = c->silent / n, .less = true };
    emit(user, &row);
    return OMN_OK;
}

const omn_measure_impl mel_impl = { NULL, "audio", open_mel, free, begin, add, rows, end };
