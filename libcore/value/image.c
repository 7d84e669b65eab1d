/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: header and pixels are one block, the pixels aligned to 64 bytes for the kernels that
 * read them. A picture without a given frame is a source of its own, and its number must differ
 * from that of every other picture without a counter that the whole process would share: it is made
 * of the address, which no other living picture has, and of the time in nanoseconds, which the next
 * picture there will not share. */
#include "inside.h"

#include <math.h>
#include <string.h>
#include <time.h>

static uint64_t source_number(const void *address)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t t = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    uint64_t x = omn_random_at(t, (uint64_t)(uintptr_t)address, 0);
    return x != 0 ? x : 1;
}

omn_status omn_image_new(omn_type t, uint32_t width, uint32_t height, uint32_t channels,
                         const omn_frame *frame, omn_image **out, omn_pixels *px, omn_error *err)
{
    if (t != OMN_U8 && t != OMN_F32)
        return omn_fail(err, OMN_ERR_TYPE, "a picture's pixels are u8 or f32, not type %d", (int)t);
    if (channels != 1 && channels != 3 && channels != 4)
        return omn_fail(err, OMN_ERR_SHAPE, "a picture has 1, 3 or 4 channels, not %u", channels);
    if (width < 1 || height < 1 || width > OMN_IMAGE_MOST_SIDE || height > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "a picture of %u x %u pixels: sides are 1..%u", width,
                        height, OMN_IMAGE_MOST_SIDE);
    if ((uint64_t)width * height > OMN_IMAGE_MOST_PIXELS)
        return omn_fail(err, OMN_ERR_SHAPE, "a picture of %u x %u has more than %u pixels", width,
                        height, OMN_IMAGE_MOST_PIXELS);
    size_t bytes = (size_t)width * height; /* at most 2^28 */
    if (!omn_size_mul(bytes, channels * (t == OMN_F32 ? sizeof(float) : 1), &bytes))
        return omn_fail(err, OMN_ERR_MEMORY, "a picture of %u x %u is too large here", width,
                        height);
    omn_image *img = value_new(OMN_VALUE_IMAGE, sizeof(*img) + 64, bytes, err);
    if (img == NULL) return OMN_ERR_MEMORY;
    img->frame = frame != NULL ? *frame : omn_frame_identity(source_number(img), width, height);
    uintptr_t at = ((uintptr_t)(img + 1) + 63) & ~(uintptr_t)63;
    img->px = (omn_pixels){ t, width, height, channels, (char *)img + (at - (uintptr_t)img) };
    *px = img->px;
    *out = img;
    return OMN_OK;
}

void omn_image_free(omn_image *img)
{
    omn_value_unref((omn_value *)img);
}
omn_value *omn_image_give(omn_image *taken)
{
    return (omn_value *)taken;
}
const omn_image *omn_value_image(const omn_value *v)
{
    return v != NULL && v->kind == OMN_VALUE_IMAGE ? (const omn_image *)v : NULL;
}
omn_pixels omn_image_pixels(const omn_image *img)
{
    return img->px;
}
const omn_frame *omn_image_frame(const omn_image *img)
{
    return &img->frame;
}

const omn_frame *omn_value_frame(const omn_value *v)
{
    if (v == NULL) return NULL;
    const omn_frame *f = NULL;
    if (v->kind == OMN_VALUE_IMAGE)
        f = &((const omn_image *)v)->frame;
    else if (v->kind == OMN_VALUE_REGIONS)
        f = &((const regions_value *)v)->frame;
    else if (v->kind == OMN_VALUE_POINTS)
        f = &((const points_value *)v)->frame;
    return f != NULL && f->source != 0 ? f : NULL;
}

/* One pixel of the colour that lies outside. */
static size_t fill_pixel(const omn_pixels *px, const double fill[4], unsigned char pixel[16])
{
    for (uint32_t c = 0; c < px->channels; c++) {
        double x = fill == NULL ? 0 : fill[c];
        x = x > 0 ? (x < 1 ? x : 1) : 0; /* NaN too becomes 0 */
        if (px->type == OMN_U8) {
            pixel[c] = (unsigned char)floor(x * 255 + 0.5);
        } else {
            float f = (float)x;
            memcpy(pixel + 4 * c, &f, sizeof(f));
        }
    }
    return px->channels * (px->type == OMN_U8 ? 1u : 4u);
}

omn_status omn_image_crop(const omn_image *in, int64_t left, int64_t top, uint32_t width,
                          uint32_t height, const double fill[4], omn_image **out, omn_error *err)
{
    const int64_t far = (int64_t)1 << 40; /* so that sums below cannot overflow */
    if (left < -far || left > far || top < -far || top > far)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a crop at %lld, %lld lies too far outside",
                        (long long)left, (long long)top);
    const omn_pixels *a = &in->px;
    omn_frame frame = omn_frame_then(&in->frame, 1, 1, (double)left, (double)top);
    omn_pixels b;
    omn_image *img = NULL;
    omn_status st = omn_image_new(a->type, width, height, a->channels, &frame, &img, &b, err);
    if (st != OMN_OK) return st;
    unsigned char pixel[16] = { 0 };
    size_t each = fill_pixel(a, fill, pixel);
    /* columns [x0, x1) of the new picture lie inside the old one */
    int64_t x0 = left < 0 ? -left : 0, x1 = (int64_t)a->width - left;
    if (x1 > (int64_t)width) x1 = width;
    for (uint32_t y = 0; y < height; y++) {
        unsigned char *row = (unsigned char *)b.data + (size_t)y * width * each;
        int64_t from = y + top;
        bool inside = from >= 0 && from < (int64_t)a->height && x0 < x1;
        int64_t c0 = inside ? x0 : width, c1 = inside ? x1 : width;
        for (int64_t x = 0; x < c0; x++) memcpy(row + (size_t)x * each, pixel, each);
        if (inside)
            memcpy(row + (size_t)x0 * each,
                   (const unsigned char *)a->data +
                       ((size_t)from * a->width + (size_t)(x0 + left)) * each,
                   (size_t)(x1 - x0) * each);
        for (int64_t x = c1; x < (int64_t)width; x++) memcpy(row + (size_t)x * each, pixel, each);
    }
    *out = img;
    return OMN_OK;
}
