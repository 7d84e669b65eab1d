/* SPDX-License-Identifier: Apache-2.0 */
/* measure/codec: the door of what is asked of a codec beside what its kind of value is asked: how
 * many of its codes are in use (codes.c), how far a sound is off in mel bands (mel.c). */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

static const omn_param codes_params[] = { CODES(OMN_S_ROW, codes) };
static const omn_param mel_params[] = { MEL(OMN_S_ROW, mel) };

omn_status measure_keep(const void *params, size_t n, void **self, omn_error *err)
{
    *self = malloc(n);
    if (!*self) return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    memcpy(*self, params, n);
    return OMN_OK;
}

static const omn_object objects[] = {
    { "omnio.measure/1", "codes-used", "how many codes of a codebook are in use, and how evenly",
      &codes_impl, OMN_OBJECT_PARAMS(codes) },
    { "omnio.measure/1", "mel-distance", "how far a sound is off, in decibels of mel bands",
      &mel_impl, OMN_OBJECT_PARAMS(mel) },
};
OMN_PLUGIN("measure-codec", "0.1.0", "Apache-2.0", "what is asked of a codec", objects);
