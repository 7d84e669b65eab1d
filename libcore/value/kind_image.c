/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: pixels aligned to 64 bytes for the kernels that read them. A picture without a given
 * frame is a source of its own. */
#include "inside.h"

static omn_status shape_check(omn_type t, uint64_t width, uint64_t height, uint64_t channels,
                              omn_error *err)
{
    if (t != OMN_U8 && t != OMN_F32)
        return omn_fail(err, OMN_ERR_TYPE, "a picture's pixels are u8 or f32, not type %d", (int)t);
    if (channels != 1 && channels != 3 && channels != 4)
        return omn_fail(err, OMN_ERR_SHAPE, "a picture has 1, 3 or 4 channels, not %llu",
                        (unsigned long long)channels);
    if (width < 1 || height < 1 || width > OMN_IMAGE_MOST_SIDE || height > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "a picture of %llu x %llu pixels: sides are 1..%u",
                        (unsigned long long)width, (unsigned long long)height, OMN_IMAGE_MOST_SIDE);
    if (width * height > OMN_IMAGE_MOST_PIXELS)
        return omn_fail(err, OMN_ERR_SHAPE, "a picture of %llu x %llu has more than %u pixels",
                        (unsigned long long)width, (unsigned long long)height,
                        OMN_IMAGE_MOST_PIXELS);
    return OMN_OK;
}

/* Of a picture that was made from its column. */
static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *t = &v->columns[0];
    const int64_t *dim = t->shape.dim;
    return shape_check(t->type, (uint64_t)dim[1], (uint64_t)dim[0], (uint64_t)dim[2], err);
}

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    const char *colour = px.channels == 1 ? "grey" : px.channels == 3 ? "RGB" : "RGBA";
    (void)depth;
    omn_buf_printf(out, "picture %u x %u, %s, %s", px.width, px.height, colour,
                   px.type == OMN_U8 ? "8 bit" : "float");
}

static void json(const omn_value *v, omn_buf *out)
{
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    omn_buf_printf(out, "{\"width\":%u,\"height\":%u,\"channels\":%u}", px.width, px.height,
                   px.channels);
}

static const omn_column columns[] = {
    { "pixels", OMN_TYPE_NONE, "h,w,c", NULL, 0, 0, OMN_COLUMN_FREE },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .format = "png",
    .example = "my.png",
    .check = check,
    .json = json,
};
static void own_frame(const omn_tensor *of, omn_frame *out)
{
    const int64_t *dim = of[0].shape.dim;
    *out = omn_frame_identity(0, (uint32_t)dim[1], (uint32_t)dim[0]);
}

static const view_rules view = { .print = print, .frame = own_frame };
KIND_OF(image, "a picture: grey, RGB or RGBA, 8 bit or float", &view);

omn_status omn_image_new(omn_type t, uint32_t width, uint32_t height, uint32_t channels,
                         const omn_frame *frame, omn_image **out, omn_pixels *px, omn_error *err)
{
    const omn_status st = shape_check(t, width, height, channels, err);
    const omn_shape shape = omn_dim3(height, width, channels);
    omn_value *v = NULL;
    draft d;
    if (st != OMN_OK) return st;
    draft_init(&d, &kind_image);
    d.frame = frame;
    if (!column_tensor(t, &shape, NULL, &d.col[0]))
        return omn_fail(err, OMN_ERR_MEMORY, "a picture of %u x %u is too large here", width,
                        height);
    const omn_status made = value_build(&d, &v, err);
    if (made != OMN_OK) return made;
    *out = (omn_image *)v;
    *px = omn_image_pixels(*out);
    return OMN_OK;
}

omn_status omn_image_new_within(const omn_call *c, omn_type t, uint32_t width, uint32_t height,
                                uint32_t channels, const omn_frame *frame, omn_image **out,
                                omn_pixels *px, omn_error *err)
{
    const uint64_t most = omn_call_most_bytes(c), pixels = (uint64_t)width * height;
    const uint64_t each = channels * (t == OMN_F32 ? 4u : 1u);
    if (most && pixels > most / (each ? each : 1))
        return omn_fail(err, OMN_ERR_DATA,
                        "a picture of %u x %u pixels takes %.1f MB of memory, and %.0f are allowed",
                        width, height, (double)pixels * (double)each / 1e6, (double)most / 1e6);
    return omn_image_new(t, width, height, channels, frame, out, px, err);
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
    return value_has_kind(v, &kind_image) ? (const omn_image *)v : NULL;
}
omn_pixels omn_image_pixels(const omn_image *img)
{
    const omn_tensor *t = &((const omn_value *)img)->columns[0];
    return (omn_pixels){ t->type, (uint32_t)t->shape.dim[1], (uint32_t)t->shape.dim[0],
                         (uint32_t)t->shape.dim[2], (void *)(uintptr_t)t->data };
}
const omn_frame *omn_image_frame(const omn_image *img)
{
    return value_frame((const omn_value *)img);
}

const void *value_as_argument(const char *type, const omn_value *v)
{
    return v != NULL && strcmp(type, "image") == 0 ? (const void *)omn_value_image(v) : v;
}

omn_value *value_of_result(const char *type, void *result)
{
    return result != NULL && strcmp(type, "image") == 0 ? omn_image_give(result) : result;
}
