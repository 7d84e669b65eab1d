/* SPDX-License-Identifier: Apache-2.0 */
/* Measures of codecs: their parameters, for the door in main.c. */
#ifndef MEASURE_CODEC_H
#define MEASURE_CODEC_H

#include <omnio/kinds_of_values.h>
#include <omnio/learn.h>

#define CODES(PAR, S)                                                                              \
    PAR(S, int, of, "8192", "1..16777216", NULL, "entries of the codebook")
struct codes { CODES(OMN_S_PAR, codes) };
extern const omn_measure_impl codes_impl;

#define MEL(PAR, S)                                                                                \
    PAR(S, int, bands, "64", "1..4096", NULL, "mel bands, from 0 Hz to half of the rate")          \
    PAR(S, int, length, "1024", "16..65536", "samples", "of a frame; 16, 32, ..")                  \
    PAR(S, int, hop, "256", "1..65536", "samples", "from one frame to the next")                   \
    PAR(S, double, least, "1e-5", "1e-12..1", NULL, "power below this is silence, and as much")    \
    PAR(S, double, within, "4", "0..200", "dB", "a sound is right when its distance is below")
struct mel { MEL(OMN_S_PAR, mel) };
extern const omn_measure_impl mel_impl;

/* The parameters as they are, for as long as the measure lives. */
omn_status measure_keep(const void *params, size_t n, void **self, omn_error *err);

#endif
