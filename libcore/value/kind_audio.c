/* SPDX-License-Identifier: Apache-2.0 */
/* Sound: floats, the channels of one moment side by side, with their rate and where they begin in
 * what they were cut from. */
#include "inside.h"

enum { SAMPLES, RATE, START };

static omn_status check(const omn_value *v, omn_error *err)
{
    const int64_t channels = v->columns[SAMPLES].shape.dim[1];
    if (channels >= 1 && channels <= 64) return OMN_OK;
    return omn_fail(err, OMN_ERR_SHAPE, "a sound has 1..64 channels, not %lld",
                    (long long)channels);
}

static void text(const omn_value *v, omn_buf *out)
{
    const int64_t *dim = v->columns[SAMPLES].shape.dim;
    const double rate = column_number(&v->columns[RATE], 0);
    omn_buf_puts(out, "sound of ");
    print_rounded((double)dim[0] / rate, out);
    omn_buf_printf(out, " s, %lld channel%s, ", (long long)dim[1], dim[1] == 1 ? "" : "s");
    omn_number_print(rate, out);
    omn_buf_puts(out, " Hz");
}

/* A video with a sound is that sound where one is wanted. */
static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    const bool video = value_has_kind(plain, &kind_video);
    const omn_tensor *sound = video ? omn_value_column(plain, "sound") : NULL;
    if (value_has_kind(plain, &kind_record))
        return value_of_record(&kind_audio, plain, out, err);
    if (sound == NULL)
        return omn_fail(err, OMN_ERR_TYPE, "%s%s given, audio wanted", omn_value_kind_name(plain),
                        video ? " without a sound" : "");
    *out = omn_value_ref(*(omn_value *const *)sound->data);
    return OMN_OK;
}

static const omn_column columns[] = {
    { "samples", OMN_F32, "t,c", NULL, 0, 0, 0 },
    { "rate", OMN_F64, "", "Hz", 1, 1e7, 0 },
    { "start", OMN_F64, "", "s", 0, 0, 0 },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "time",
    .example = "my.wav",
    .check = check,
    .text = text,
    .convert = convert,
};
KIND_OF(audio, "sound: samples, their rate and their start", NULL);
