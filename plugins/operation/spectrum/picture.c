/* SPDX-License-Identifier: Apache-2.0 */
/* A spectrogram as a picture: time to the right, low bands below, brightness by decibels below the
 * loudest cell. Colours go once around from black to white and always become brighter, so that the
 * picture is right in grey as well. */
#include "colours.h"
#include "spectrum.h"

#include <math.h>

omn_status picture_make(omn_call *c, const omn_value *in, int side, double range, omn_image **out,
                        omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "power");
    const int64_t frames = t->shape.dim[0], bands = t->shape.dim[1];
    const float *p = t->data;
    omn_pixels px;
    float most = 0;
    if (frames * side > OMN_IMAGE_MOST_SIDE || bands * side > OMN_IMAGE_MOST_SIDE || frames < 1)
        return omn_fail(err, OMN_ERR_DATA,
                        "%lld frames of %lld bands: sides of a picture are 1..%u pixels;"
                        " value.window cuts time", (long long)frames, (long long)bands,
                        OMN_IMAGE_MOST_SIDE);
    const omn_status st =
        omn_image_new_within(c, OMN_U8, (uint32_t)(frames * side), (uint32_t)(bands * side), 3,
                             NULL, out, &px, err);
    if (st != OMN_OK) return st;
    for (int64_t i = 0; i < frames * bands; i++) most = p[i] > most ? p[i] : most;
    uint8_t *to = px.data;
    for (uint32_t y = 0; y < px.height; y++)
        for (uint32_t x = 0; x < px.width; x++, to += 3) {
            const int64_t band = bands - 1 - y / (uint32_t)side, frame = x / (uint32_t)side;
            const float v = p[frame * bands + band];
            const double db = v > 0 ? 10 * log10((double)v / (double)most) : -range;
            colour_of_number(db <= -range ? 0 : 1 + db / range, to);
        }
    return OMN_OK;
}
