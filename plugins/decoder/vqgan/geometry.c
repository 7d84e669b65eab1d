/* SPDX-License-Identifier: Apache-2.0 */
/* Which pixel shows which, and colours as numbers. */
#include "vqgan.h"

#include <math.h>

uint32_t nearest_place(uint32_t i, uint32_t from, uint32_t to)
{
    return (uint32_t)((2 * (uint64_t)i + 1) * from / (2 * (uint64_t)to));
}

bool is_plain_view(const omn_frame *like, uint32_t view, omn_fit *fit)
{
    const double near = 1e-6;
    if (omn_fit_compute(like->width, like->height, view, view, fit, NULL) != OMN_OK) return false;
    const double s = (double)fit->scale;
    return like->m[1] == 0 && like->m[3] == 0 && fabs(like->m[0] * s - 1) < near &&
           fabs(like->m[4] * s - 1) < near && fabs(like->m[2] * s + fit->left) < near * view &&
           fabs(like->m[5] * s + fit->top) < near * view;
}

static float shade(const omn_pixels *px, size_t i)
{
    return px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[i] * (1.0f / 255)
                              : ((const float *)px->data)[i];
}

omn_status rgb_of(const omn_image *in, omn_image **out, omn_error *err)
{
    const omn_pixels px = omn_image_pixels(in);
    const bool colours = px.channels >= 3;
    omn_pixels to;
    const omn_status st = omn_image_new(OMN_F32, px.width, px.height, 3, omn_image_frame(in), out,
                                        &to, err);
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < (size_t)px.width * px.height; i++) {
        const float alpha = px.channels == 4 ? shade(&px, i * 4 + 3) : 1;
        for (size_t k = 0; k < 3; k++) {
            const float v = shade(&px, i * px.channels + (colours ? k : 0));
            const float over = alpha < 1 ? v * alpha + (1 - alpha) : v;
            ((float *)to.data)[i * 3 + k] = over > 0 ? over < 1 ? over : 1 : 0;
        }
    }
    return OMN_OK;
}
