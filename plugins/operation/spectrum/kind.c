/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of value `spectrogram`: power of frames in bands, and how loud they are heard. */
#include "spectrum.h"

static const omn_column columns[] = {
    { "power", OMN_F32, "t,f", NULL, 0, 3.4e38, 0 },
    { "frequency", OMN_F64, "f", "Hz", 0, 1e7, OMN_COLUMN_OPTIONAL },
    { "rate", OMN_F64, "", "Hz", 1e-9, 1e9, 0 },
    { "start", OMN_F64, "", "s", 0, 0, 0 },
    { "log", OMN_F32, "t,f", NULL, 0, 0, OMN_COLUMN_OPTIONAL },
    { "mask", OMN_U8, "t,f", NULL, 0, 1, OMN_COLUMN_OPTIONAL },
};

static omn_status check(const omn_value *v, omn_error *err)
{
    if ((omn_value_column(v, "log") == NULL) == (omn_value_column(v, "mask") == NULL))
        return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "a spectrogram has both log and mask, or none of them");
}

static void text(const omn_value *v, omn_buf *out)
{
    const int64_t *dim = omn_value_column(v, "power")->shape.dim;
    omn_buf_printf(out, "spectrogram of %lld frames, %lld bands, ", (long long)dim[0],
                   (long long)dim[1]);
    omn_number_print(*(const double *)omn_value_column(v, "rate")->data, out);
    omn_buf_puts(out, " Hz");
}

const omn_value_impl spectrogram_kind = { .columns = columns,
                                          .n_columns = sizeof(columns) / sizeof(columns[0]),
                                          .column_size = sizeof(omn_column),
                                          .place = "time",
                                          .check = check,
                                          .text = text };

omn_status cells_give(omn_call *c, const cells *s, omn_value **out, omn_error *err)
{
    const omn_shape shape = omn_dim2(s->frames, s->bands);
    const omn_kind *kind = NULL;
    const omn_filled filled[6] = {
        omn_fill("power", OMN_F32, shape, s->power),
        omn_fill("frequency", OMN_F64, omn_dim1(s->bands), s->center),
        omn_fill("rate", OMN_F64, omn_dim0(), &s->rate),
        omn_fill("start", OMN_F64, omn_dim0(), &s->start),
        omn_fill("log", OMN_F32, shape, s->log),
        omn_fill("mask", OMN_U8, shape, s->mask),
    };
    const omn_status st = omn_kind_find(c, "spectrogram", &kind, err);
    return st != OMN_OK ? st : omn_value_make(kind, filled, s->log ? 6 : 4, NULL, out, err);
}
