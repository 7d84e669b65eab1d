/* SPDX-License-Identifier: Apache-2.0 */
/* Spectra of sound, with FFTW (Frigo and Johnson 2005): the kind of value `spectrogram` and the
 * operations that make it, show it and turn it into sound again. Other plugins reach them by name
 * (omn_call_operation) and read the columns. */
#include "spectrum.h"

#define MEL(IN, OPT, PAR, OUT)                                                                     \
    IN(audio, in, "a sound of one channel")                                                        \
    PAR(int, length, "1024", "16..65536", "samples", "of a frame; 16, 32, ..")                    \
    PAR(int, hop, "256", "1..65536", "samples", "from one frame to the next")                      \
    PAR(int, bands, "128", "1..4096", NULL, "mel bands")                                           \
    PAR(double, low, "0", "0..1000000", "Hz", "lower end of the first band")                       \
    PAR(double, high, "8000", "1..1000000", "Hz", "upper end of the last band")                    \
    PAR(choice, hann, "symmetric", "symmetric|periodic", NULL, "Hann's window")                    \
    PAR(bool, log, "true", NULL, NULL, "the columns log and mask too")                             \
    OUT(spectrogram, out, "power [frames, bands], 1 + samples / hop frames; log: its natural"      \
                          " logarithm, of power held to 1e-5..1e5, 0 where mask is; mask: 0 where" \
                          " power is exactly 0, else 1. 65280 samples give [256, 128]")
OMN_OPERATION(mel, MEL, OMN_PURE);
static omn_status mel(omn_call *c, const omn_value *in, int length, int hop, int bands, double low,
                      double high, int hann, bool log, omn_value **out, omn_error *err)
{
    const mel_setup how = { length, hop, bands, low, high, hann == 1, log };
    return mel_make(c, in, &how, out, err);
}

#define SOUND(IN, OPT, PAR, OUT)                                                                   \
    IN(spectrogram, in, "power in mel bands, frames around every so many samples")                 \
    PAR(double, rate, "16000", "100..1000000", "Hz", "of the sound; a multiple of the frames'")    \
    PAR(int, length, "1024", "16..65536", "samples", "of a frame; 16, 32, ..")                    \
    PAR(double, low, "0", "0..1000000", "Hz", "lower end of the first band")                       \
    PAR(double, high, "8000", "1..1000000", "Hz", "upper end of the last band")                    \
    PAR(int, rounds, "32", "1..1000", NULL, "of guessing phases")                                  \
    OUT(audio, out, "a sound that has about this spectrogram")
OMN_OPERATION(again, SOUND, OMN_PURE);
static omn_status again(omn_call *c, const omn_value *in, double rate, int length, double low,
                        double high, int rounds, omn_value **out, omn_error *err)
{
    const invert_setup how = { rate, low, high, length, rounds };
    return invert_make(c, in, &how, out, err);
}

#define PICTURE(IN, OPT, PAR, OUT)                                                                 \
    IN(spectrogram, in, "a spectrogram")                                                           \
    PAR(int, side, "2", "1..16", "px", "of a cell")                                                \
    PAR(double, range, "80", "1..300", "dB", "how far below the loudest cell black is")            \
    OUT(image, out, "time to the right, low bands below, the loudest cell white")
OMN_OPERATION(picture, PICTURE, OMN_PURE);
static omn_status picture(omn_call *c, const omn_value *in, int side, double range,
                          omn_image **out, omn_error *err)
{
    return picture_make(c, in, side, range, out, err);
}

static const omn_object objects[] = {
    { "omnio.value/1", "spectrogram",
      "power of sound in frames and bands; log and mask as audio.mel says", &spectrogram_kind, NULL,
      0, 0 },
    OMN_OPERATION_OBJECT(mel, "audio.mel", "the power of a sound in mel bands, over time"),
    OMN_OPERATION_OBJECT(again, "spectrogram.audio",
                         "a sound from mel bands, its phases guessed (Griffin and Lim 1984)"),
    OMN_OPERATION_OBJECT(picture, "spectrogram.picture", "a spectrogram as people look at it"),
};
OMN_PLUGIN("operation-spectrum", "1.0", "GPL-3.0-or-later", "spectra of sound, with FFTW", objects);
