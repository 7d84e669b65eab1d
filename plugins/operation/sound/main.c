/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on sound as models want it: another rate, and pieces of equal length. */
#include "sound.h"

#include <stdlib.h>
#include <string.h>

#define RESAMPLE(IN, OPT, PAR, OUT)                                                                \
    IN(audio, in, "a sound")                                                                       \
    PAR(double, rate, NULL, "100..1000000", "Hz", "samples of each channel in a second")           \
    OUT(audio, out, "the same moments at that rate")
OMN_OPERATION(resample, RESAMPLE, OMN_PURE);
static omn_status resample(omn_call *c, const omn_value *in, double rate, omn_value **out,
                           omn_error *err)
{
    sound s = { 0 };
    omn_status st = OMN_OK;
    if (*(const double *)omn_value_column(in, "rate")->data == rate) {
        *out = omn_value_ref(in);
        return OMN_OK;
    }
    OMN_TRY(sound_of(in, false, &s, err));
    OMN_TRY(sound_resample(c, &s, rate, err));
    OMN_TRY(sound_give(&s, in, out, err));
done:
    free(s.x);
    return st;
}

#define SEGMENTS(IN, OPT, PAR, OUT)                                                                \
    IN(audio, in, "a sound of any rate and any channels")                                          \
    PAR(double, rate, "16000", "100..1000000", "Hz", "samples in a second of the segments")        \
    PAR(double, seconds, "4.08", "0.01..3600", "s", "length of each")                              \
    PAR(double, each, "0", "0..3600", "s",                                                         \
        "how much of the sound each stands for: less, silence on both sides; more, its middle; 0:" \
        " its length")                                                                             \
    PAR(int, parts, "0", "0..64", NULL, "so many, which share the sound evenly, in place of each") \
    PAR(int, least, "0", "0..64", NULL, "so many of any sound that is not empty, silent ones in "  \
        "front: a model that wants a past has one")                                                \
    OUT(list, out, "the segments, of one channel: silence fills the last; what is left and no"     \
                   " longer than half of one and a tenth of a second is dropped")
OMN_OPERATION(segments, SEGMENTS, OMN_PURE);
static omn_status segments(omn_call *c, const omn_value *in, double rate, double seconds,
                           double each, int parts, int least, omn_value **out,
                           omn_error *err)
{
    sound s = { 0 };
    omn_status st = OMN_OK;
    if (each > 0 && each < 0.01)
        return omn_fail(err, OMN_ERR_ARGUMENT, "each: %g s is outside 0.01..3600", each);
    if (parts > 0 && each > 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "each and parts: one says how long they are");
    OMN_TRY(sound_of(in, true, &s, err));
    const double length = (double)s.n / s.rate;
    cut how = { .seconds = seconds, .length = length, .least = (size_t)least,
                .each = parts > 0 ? length / parts : each > 0 ? each : seconds,
                .parts = s.n > 0 ? (size_t)parts : 0 };
    OMN_TRY(sound_resample(c, &s, rate, err));
    OMN_TRY(sound_cut(&s, &how, in, out, err));
    const size_t heard = omn_list_count(*out) - how.silent;
    const double left = how.length - (double)heard * how.each;
    if (left > 0.001) /* nobody should believe that it was heard */
        omn_call_log(c, OMN_LOG_WARN, "audio.segments: the last %.2f s of %.2f s are left out",
                     left, how.length);
done:
    free(s.x);
    return st;
}

#define HEARD(IN, OPT, PAR, OUT)                                                                   \
    IN(stream, in, "a sound of any length, piece by piece, of any rate and any channels")          \
    PAR(double, rate, "16000", "100..1000000", "Hz", "samples in a second of the segments")        \
    PAR(double, seconds, "4.08", "0.01..3600", "s", "length of each")                              \
    PAR(int, first, "4", "0..64", NULL, "so many segments from its beginning")                     \
    PAR(int, last, "1", "1..64", NULL, "and so many from its end")                                 \
    PAR(int, least, "0", "0..64", NULL, "so many of any sound that is not empty, silent ones in "  \
        "front: a model that wants a past has one")                                                \
    OUT(list, out, "these of the segments that audio.segments cuts, in their order")
OMN_OPERATION(heard, HEARD, OMN_PURE);
static omn_status heard(omn_call *c, const omn_value *in, double rate, double seconds, int first,
                        int last, int least, omn_value **out, omn_error *err)
{
    const char *of = *(const char *const *)omn_value_column(in, "of")->data;
    cut how = { .seconds = seconds, .first = (size_t)first, .last = (size_t)last,
                .least = (size_t)least };
    if (strcmp(of, "audio") != 0)
        return omn_fail(err, OMN_ERR_TYPE, "a stream of %s, one of audio is wanted", of);
    const omn_status st = sound_heard(c, in, rate, &how, out, err);
    if (st != OMN_OK) return st;
    const size_t n = omn_list_count(*out) - how.silent + how.skipped;
    const double left = how.length - (double)n * how.each;
    if (how.skipped > 0)
        omn_call_log(c, OMN_LOG_WARN, "audio.heard: of %.2f s the first %.2f s and the last %.2f s "
                     "count", how.length, first * how.each, last * how.each);
    if (left > 0.001) /* nobody should believe that it was heard */
        omn_call_log(c, OMN_LOG_WARN, "audio.heard: the last %.2f s of %.2f s are left out", left,
                     how.length);
    return OMN_OK;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(resample, "audio.resample", "a sound at another rate"),
    OMN_OPERATION_OBJECT(segments, "audio.segments",
                         "a sound as pieces of equal length, one channel, as models read them"),
    OMN_OPERATION_OBJECT(heard, "audio.heard",
                         "the first and the last of these pieces of a sound that need not be held"),
};
OMN_PLUGIN("operation-sound", "1.0", "Apache-2.0", "rates and segments of sound", objects);
