/* SPDX-License-Identifier: Apache-2.0 */
/* Sound as the network wants it, and what it made as sound. Segments, spectra and guessed phases
 * are operations of other plugins, called by name. */
#include "vitvqgan.h"

#include <math.h>
#include <string.h>

/* One operation of one value. */
static omn_status apply(omn_call *c, const char *name, const omn_value *in, const omn_setting *set,
                        size_t n, omn_value **out, omn_error *err)
{
    return omn_call_operation(c, name, &in, set, n, out, err);
}

/* The only segment of a sound. */
static omn_status segment(const vitvqgan_self *v, omn_call *c, const omn_value *in, omn_value **out,
                          omn_error *err)
{
    char rate[32], seconds[32];
    const double length = (double)(v->p->frames - 1) * v->p->hop / v->p->rate;
    omn_value *list = NULL;
    (void)omn_format(rate, sizeof rate, "%d", v->p->rate);
    (void)omn_format(seconds, sizeof seconds, "%.17g", length);
    const omn_setting set[] = { { "rate", rate, 0, 0 }, { "seconds", seconds, 0, 0 } };
    omn_status st = apply(c, "audio.segments", in, set, 2, &list, err);
    if (st != OMN_OK) return st;
    const size_t n = omn_list_count(list);
    if (n == 1)
        *out = omn_value_ref(omn_list_at(list, 0));
    else
        st = omn_fail(err, OMN_ERR_DATA, n ? "audio.vitvqgan: a sound of %zu segments of %.3g s;"
                      " codes stand for one: audio.segments cuts it"
                      : "audio.vitvqgan: there is no sound (%zu segments of %.3g s)", n, length);
    omn_value_unref(list);
    return st;
}

omn_status vitvqgan_prepare(const void *self, omn_call *c, const omn_value *value,
                            const omn_frame *like, omn_feed *out, omn_error *err)
{
    const vitvqgan_self *v = self;
    const size_t n = (size_t)v->p->frames * (size_t)v->p->bands;
    const double log_least = log(VITVQGAN_LEAST);
    char hop[32], bands[32], high[32];
    omn_value *one = NULL, *mel = NULL;
    omn_status st = OMN_OK;
    void *data = NULL;
    (void)like;
    if (!omn_value_is(value, "audio"))
        return omn_fail(err, OMN_ERR_TYPE, "audio.vitvqgan takes sound, not %s",
                        omn_value_kind_name(value));
    (void)omn_format(hop, sizeof hop, "%d", v->p->hop);
    (void)omn_format(bands, sizeof bands, "%d", v->p->bands);
    (void)omn_format(high, sizeof high, "%.17g", v->p->rate / 2.0);
    const omn_setting set[] = { { "hop", hop, 0, 0 }, { "bands", bands, 0, 0 },
                                { "high", high, 0, 0 } };
    OMN_TRY(segment(v, c, value, &one, err));
    OMN_TRY(apply(c, "audio.mel", one, set, 3, &mel, err));
    const omn_tensor *t = omn_value_column(mel, "log");
    if (!t || t->type != OMN_F32 || t->shape.rank != 2 || t->shape.dim[0] != v->p->frames ||
        t->shape.dim[1] != v->p->bands) {
        st = omn_fail(err, OMN_ERR_SHAPE, "audio.vitvqgan: audio.mel made no [%d, %d]",
                      v->p->frames, v->p->bands);
        goto done;
    }
    OMN_TRY(omn_feed_new(out, "spectrogram", OMN_F32, v->in.most, &data, err));
    const omn_tensor *heard = v->p->silent == SILENT_LEAST ? omn_value_column(mel, "mask") : NULL;
    for (size_t i = 0; i < n; i++) {
        const bool none = heard && !((const uint8_t *)heard->data)[i];
        const float level = none ? (float)log_least : ((const float *)t->data)[i];
        ((float *)data)[i] = (level - (float)VITVQGAN_MEAN) / (float)VITVQGAN_DEVIATION;
    }
done:
    omn_value_unref(one);
    omn_value_unref(mel);
    return st;
}

static omn_status give(omn_call *c, const float *x, size_t n, double rate, omn_value **out,
                       omn_error *err)
{
    const omn_kind *kind = NULL;
    const double start = 0;
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    const omn_status st = omn_kind_find(c, "audio", &kind, err);
    return st == OMN_OK ? omn_value_make(kind, columns, 3, NULL, out, err) : st;
}

/* Without a vocoder: the power that the network stands for, and phases that fit. */
static omn_status guess(const vitvqgan_self *v, omn_call *c, const float *x, omn_value **out,
                        omn_error *err)
{
    const size_t n = (size_t)v->p->frames * (size_t)v->p->bands;
    const double frames_hz = (double)v->p->rate / v->p->hop, start = 0;
    const omn_kind *kind = NULL;
    omn_value *mel = NULL;
    char rate[32], high[32];
    omn_status st = OMN_OK;
    float *power = omn_call_scratch(c, n, sizeof *power);
    if (!power) return omn_fail(err, OMN_ERR_MEMORY, "audio.vitvqgan: out of memory");
    for (size_t i = 0; i < n; i++) {
        const double log = (double)x[i] * VITVQGAN_DEVIATION + VITVQGAN_MEAN;
        power[i] = (float)exp(log < 80 ? log : 80);
    }
    (void)omn_format(rate, sizeof rate, "%d", v->p->rate);
    (void)omn_format(high, sizeof high, "%.17g", v->p->rate / 2.0);
    const omn_setting set[] = { { "rate", rate, 0, 0 }, { "high", high, 0, 0 } };
    const omn_filled columns[3] = {
        omn_fill("power", OMN_F32, omn_dim2(v->p->frames, v->p->bands), power),
        omn_fill("rate", OMN_F64, omn_dim0(), &frames_hz),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    OMN_TRY(omn_kind_find(c, "spectrogram", &kind, err));
    OMN_TRY(omn_value_make(kind, columns, 3, NULL, &mel, err));
    OMN_TRY(apply(c, "spectrogram.audio", mel, set, 2, out, err));
done:
    omn_value_unref(mel);
    return st;
}

omn_status vitvqgan_finish(const void *self, omn_call *c, const omn_feed *in,
                           const omn_frame *like, omn_value **out, omn_error *err)
{
    const vitvqgan_self *v = self;
    const omn_tensor *t = omn_feed_get(in, v->out.name);
    size_t bytes = 0;
    (void)like;
    if (!omn_shape_bytes(&v->out.most, OMN_F32, &bytes) || !t || t->type != OMN_F32 ||
        t->bytes != bytes)
        return omn_fail(err, OMN_ERR_SHAPE, "audio.vitvqgan: %s of %zu bytes f32 is wanted",
                        v->out.name, bytes);
    if (v->p->vocoder[0])
        return give(c, t->data, bytes / sizeof(float), v->p->rate, out, err);
    return guess(v, c, t->data, out, err);
}
