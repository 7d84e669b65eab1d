/* SPDX-License-Identifier: Apache-2.0 */
/* Operations in space: depth from pictures, the normals of what depth shows, and where boxes in
 * space lie in the picture. All in the frame of one camera: x right, y down, z forward, metres. */
#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAREST 0.01 /* metres: what is nearer to the camera's plane is not seen */

typedef struct lens {
    double f[2], c[2], size[2];
} lens;

static lens lens_of(const omn_value *camera)
{
    lens l;
    memcpy(l.f, omn_value_column(camera, "focal")->data, sizeof(l.f));
    memcpy(l.c, omn_value_column(camera, "center")->data, sizeof(l.c));
    memcpy(l.size, omn_value_column(camera, "size")->data, sizeof(l.size));
    return l;
}

/* ---- depth ---------------------------------------------------------------------------------- */

#define DEPTH(IN, OPT, PAR, OUT)                                                                   \
    IN(image, in, "a grey picture")                                                                \
    PAR(double, scale, "1", "1e-9..1e9", "m", "metres of one whole: the value 1, or 255 of 8 bit") \
    PAR(double, offset, "0", "-1e6..1e6", "m", "metres of black")                                  \
    PAR(bool, black, "true", NULL, NULL, "black pixels are unknown")                               \
    OUT(depth, out, "scale * value + offset")
OMN_OPERATION(depth_from_image, DEPTH, OMN_PURE);
static omn_status depth_from_image(omn_call *c, const omn_image *in, double scale, double offset,
                                   bool black, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height;
    const omn_kind *kind = NULL;
    if (px.channels != 1)
        return omn_fail(err, OMN_ERR_SHAPE, "depth is read from a grey picture, not from %u "
                        "channels", px.channels);
    float *depth = malloc(n * sizeof(*depth));
    if (depth == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for depth");
    for (size_t i = 0; i < n; i++) {
        const double x = px.type == OMN_F32 ? (double)((const float *)px.data)[i]
                                            : ((const uint8_t *)px.data)[i] / 255.0;
        depth[i] = x == 0 && black ? NAN : (float)(scale * x + offset);
    }
    OMN_TRY(omn_kind_find(c, "depth", &kind, err));
    const omn_filled column = omn_fill("depth", OMN_F32, omn_dim2(px.height, px.width), depth);
    st = omn_value_make(kind, &column, 1, omn_image_frame(in), out, err);
done:
    free(depth);
    return st;
}

#define DEPTH_IMAGE(IN, OPT, PAR, OUT)                                                             \
    IN(depth, in, "depth of a picture")                                                            \
    PAR(double, scale, "1", "1e-9..1e9", "m", "metres from black to white")                        \
    PAR(double, offset, "0", "-1e6..1e6", "m", "metres of black")                                  \
    OUT(image, out, "grey, floats: (depth - offset) / scale within 0..1; unknown: black")
OMN_OPERATION(depth_image, DEPTH_IMAGE, OMN_PURE);
static omn_status depth_image(omn_call *c, const omn_value *in, double scale, double offset,
                              omn_image **out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "depth");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    omn_pixels px;
    (void)c;
    if (h < 1 || w < 1 || h > OMN_IMAGE_MOST_SIDE || w > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "depth of %lld x %lld makes no picture", (long long)w,
                        (long long)h);
    const omn_status st = omn_image_new(OMN_F32, (uint32_t)w, (uint32_t)h, 1, omn_value_frame(in),
                                        out, &px, err);
    for (int64_t i = 0; st == OMN_OK && i < w * h; i++) {
        const double x = ((double)((const float *)t->data)[i] - offset) / scale;
        ((float *)px.data)[i] = (float)(x > 0 ? (x < 1 ? x : 1) : 0);
    }
    return st;
}

/* ---- normals -------------------------------------------------------------------------------- */

static omn_status normals_new(omn_call *c, const float *n, int64_t h, int64_t w,
                              const omn_frame *frame, omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    const omn_filled column = omn_fill("normals", OMN_F32, omn_dim3(h, w, 3), n);
    const omn_status st = omn_kind_find(c, "normals", &kind, err);
    return st == OMN_OK ? omn_value_make(kind, &column, 1, frame, out, err) : st;
}

typedef struct view {
    const float *depth;
    int64_t w, h;
    const omn_frame *frame; /* of the depth in the camera's picture; NULL: the same */
    lens l;
    double step[2];         /* pixels of the camera in one of the picture */
} view;

/* A camera tells its lens in pixels of its own size; a depth that is smaller or larger shows the
 * same, of another shape it does not. */
static omn_status match_sizes(view *v, omn_error *err)
{
    const double w = v->frame != NULL ? v->frame->width : (double)v->w,
                 h = v->frame != NULL ? v->frame->height : (double)v->h;
    v->step[0] = v->l.size[0] / w;
    v->step[1] = v->l.size[1] / h;
    if (fabs(v->step[0] - v->step[1]) <= 0.02 * v->step[1]) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "a camera of %g x %g pixels did not take a picture of %g x %g: their shapes "
                    "differ", v->l.size[0], v->l.size[1], w, h);
}

/* The point that a pixel shows; false: unknown. */
static bool point_at(const view *v, int64_t x, int64_t y, double p[3])
{
    if (x < 0 || y < 0 || x >= v->w || y >= v->h) return false;
    const double z = (double)v->depth[y * v->w + x];
    double sx = (double)x + 0.5, sy = (double)y + 0.5;
    if (v->frame != NULL) omn_frame_to_source(v->frame, sx, sy, &sx, &sy);
    p[0] = (sx * v->step[0] - v->l.c[0]) / v->l.f[0] * z;
    p[1] = (sy * v->step[1] - v->l.c[1]) / v->l.f[1] * z;
    p[2] = z;
    return !isnan(z);
}

/* From one neighbour to the other, or from the middle to the one that is known. */
static bool slope(const view *v, int64_t x, int64_t y, int64_t dx, int64_t dy, double d[3])
{
    double a[3], b[3];
    const bool before = point_at(v, x - dx, y - dy, a), after = point_at(v, x + dx, y + dy, b);
    if (!before && !point_at(v, x, y, a)) return false;
    if (!after && !point_at(v, x, y, b)) return false;
    for (int i = 0; i < 3; i++) d[i] = b[i] - a[i];
    return before || after;
}

static void normal_at(const view *v, int64_t x, int64_t y, float *n)
{
    double p[3], u[3], w[3];
    n[0] = n[1] = n[2] = NAN;
    if (!point_at(v, x, y, p) || !slope(v, x, y, 1, 0, u) || !slope(v, x, y, 0, 1, w)) return;
    double m[3] = { w[1] * u[2] - w[2] * u[1], w[2] * u[0] - w[0] * u[2],
                    w[0] * u[1] - w[1] * u[0] };
    const double length = sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2]);
    /* towards the camera, which sees it */
    const double side = m[0] * p[0] + m[1] * p[1] + m[2] * p[2] > 0 ? -1 : 1;
    if (!(length > 0)) return;
    for (int i = 0; i < 3; i++) n[i] = (float)(side * m[i] / length);
}

#define NORMALS(IN, OPT, PAR, OUT)                                                                 \
    IN(depth, in, "depth of a picture")                                                            \
    IN(camera, camera, "the camera that took it")                                                  \
    OUT(normals, out, "what each pixel's surface faces, from its neighbours")
OMN_OPERATION(normals_from_depth, NORMALS, OMN_PURE);
static omn_status normals_from_depth(omn_call *c, const omn_value *in, const omn_value *camera,
                                     omn_value **out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "depth");
    view v = { t->data, t->shape.dim[1], t->shape.dim[0], omn_value_frame(in), lens_of(camera),
               { 1, 1 } };
    size_t bytes;
    omn_status st = match_sizes(&v, err);
    if (st != OMN_OK) return st;
    if (!omn_size_mul(t->bytes, 3, &bytes))
        return omn_fail(err, OMN_ERR_MEMORY, "normals of too large a picture");
    float *normals = malloc(bytes > 0 ? bytes : 1);
    if (normals == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for normals");
    for (int64_t y = 0; y < v.h; y++)
        for (int64_t x = 0; x < v.w; x++) normal_at(&v, x, y, normals + 3 * (y * v.w + x));
    st = normals_new(c, normals, v.h, v.w, omn_value_frame(in), out, err);
    free(normals);
    return st;
}

/* What red, green and blue of a picture of normals grow with; ours are right, down, away. */
#define AXES "right-up-toward|right-down-away"
static const double axis_sign[][3] = { { 1, -1, -1 }, { 1, 1, 1 } };

#define FROM_PICTURE(IN, OPT, PAR, OUT)                                                            \
    IN(image, in, "a picture whose colours are normals")                                           \
    PAR(choice, axes, "right-up-toward", AXES, NULL, "what red, green and blue grow with")         \
    PAR(double, middle, "127.5", "1..254", NULL, "the value of 0, of 255; 122.5: Unified-IO 2")    \
    OUT(normals, out, "each of length 1; unknown where the picture has no direction")
OMN_OPERATION(normals_from_image, FROM_PICTURE, OMN_PURE);
static omn_status normals_from_image(omn_call *c, const omn_image *in, int axes, double middle,
                                     omn_value **out, omn_error *err)
{
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height;
    if (px.channels != 3)
        return omn_fail(err, OMN_ERR_SHAPE, "normals are read from a picture in colours, not from "
                        "%u channels", px.channels);
    float *normals = malloc(n * 3 * sizeof(*normals));
    if (normals == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for normals");
    for (size_t i = 0; i < n; i++) {
        double v[3], square = 0;
        for (size_t k = 0; k < 3; k++) {
            const double x = px.type == OMN_F32 ? 255 * (double)((const float *)px.data)[3 * i + k]
                                                : ((const uint8_t *)px.data)[3 * i + k];
            v[k] = axis_sign[axes][k] * (x - middle) / middle + 0.0; /* no minus 0 */
            square += v[k] * v[k];
        }
        for (size_t k = 0; k < 3; k++)
            normals[3 * i + k] = square > 0 ? (float)(v[k] / sqrt(square)) : NAN;
    }
    const omn_status st = normals_new(c, normals, px.height, px.width, omn_image_frame(in), out,
                                      err);
    free(normals);
    return st;
}

#define TO_PICTURE(IN, OPT, PAR, OUT)                                                              \
    IN(normals, in, "normals of a picture")                                                        \
    PAR(choice, axes, "right-up-toward", AXES, NULL, "what red, green and blue grow with")         \
    OUT(image, out, "a colour for each direction; black where it is unknown")
OMN_OPERATION(normals_image, TO_PICTURE, OMN_PURE);
static omn_status normals_image(omn_call *c, const omn_value *in, int axes, omn_image **out,
                                omn_error *err)
{
    (void)c;
    const omn_tensor *t = omn_value_column(in, "normals");
    const float *n = t->data;
    omn_pixels px;
    if (t->shape.dim[0] > UINT16_MAX || t->shape.dim[1] > UINT16_MAX)
        return omn_fail(err, OMN_ERR_SHAPE, "normals of too large a picture");
    const omn_status st =
        omn_image_new(OMN_U8, (uint32_t)t->shape.dim[1], (uint32_t)t->shape.dim[0], 3,
                      omn_value_frame(in), out, &px, err);
    for (size_t i = 0; st == OMN_OK && i < (size_t)px.width * px.height; i++)
        for (size_t k = 0; k < 3; k++) {
            const double v = axis_sign[axes][k] * (double)n[3 * i + k];
            ((uint8_t *)px.data)[3 * i + k] =
                isnan(v) ? 0 : (uint8_t)fmin(255, fmax(0, floor((v + 1) * 127.5 + 0.5)));
        }
    return st;
}

/* ---- boxes in space ------------------------------------------------------------------------- */

static void see(const lens *l, const double p[3], double box[4])
{
    const double x = l->f[0] * p[0] / p[2] + l->c[0], y = l->f[1] * p[1] / p[2] + l->c[1];
    box[0] = fmin(box[0], x);
    box[1] = fmin(box[1], y);
    box[2] = fmax(box[2], x);
    box[3] = fmax(box[3], y);
}

/* The box in the picture around what of the edges lies before the camera. */
static void project_one(const lens *l, const double *center, const double *size,
                        const double *turn, double box[4])
{
    double corner[8][3];
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 3; i++) {
            corner[k][i] = center[i];
            for (int s = 0; s < 3; s++)
                corner[k][i] += turn[3 * i + s] * size[s] * (k >> s & 1 ? 0.5 : -0.5);
        }
    for (int k = 0; k < 8; k++)
        for (int s = 0; s < 3; s++) {
            const double *a = corner[k], *b = corner[k ^ 1 << s];
            if (a[2] >= NEAREST) see(l, a, box);
            if ((a[2] >= NEAREST) == (b[2] >= NEAREST)) continue;
            const double f = (NEAREST - a[2]) / (b[2] - a[2]);
            const double cut[3] = { a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1]), NEAREST };
            see(l, cut, box);
        }
    for (int i = 0; i < 4; i++) {
        if (box[i] < 0) box[i] = 0;
        if (box[i] > l->size[i % 2]) box[i] = l->size[i % 2];
    }
}

#define PROJECT(IN, OPT, PAR, OUT)                                                                 \
    IN(box3d, in, "boxes in space")                                                                \
    IN(camera, camera, "the camera before which they stand")                                       \
    OUT(regions, out, "around each that is seen, cut at the picture's edges")
OMN_OPERATION(project, PROJECT, OMN_PURE);
static omn_status project(omn_call *c, const omn_value *in, const omn_value *camera,
                          omn_value **out, omn_error *err)
{
    const lens l = lens_of(camera);
    const size_t n = omn_value_count(in);
    const double *center = omn_value_column(in, "center")->data,
                 *size = omn_value_column(in, "size")->data,
                 *turn = omn_value_column(in, "rotation")->data;
    const omn_tensor *label = omn_value_column(in, "label"), *score = omn_value_column(in, "score");
    omn_region *r = omn_call_scratch(c, n + 1, sizeof(*r));
    size_t seen = 0;
    if (r == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++) {
        double box[4] = { INFINITY, INFINITY, -INFINITY, -INFINITY };
        project_one(&l, center + 3 * i, size + 3 * i, turn + 9 * i, box);
        if (!(box[2] > box[0]) || !(box[3] > box[1])) continue;
        r[seen++] = (omn_region){ box[0], box[1], box[2], box[3],
                                  score != NULL ? ((const double *)score->data)[i] : NAN,
                                  label != NULL ? ((const char *const *)label->data)[i] : NULL };
    }
    return omn_regions_new(r, seen, omn_value_frame(camera), out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(depth_from_image, "depth.from_image", "a picture as depth in metres"),
    OMN_OPERATION_OBJECT(depth_image, "depth.image", "depth as a grey picture"),
    OMN_OPERATION_OBJECT(normals_from_depth, "normals.from_depth", "the normals of a depth"),
    OMN_OPERATION_OBJECT(normals_from_image, "normals.from_image", "a picture as normals"),
    OMN_OPERATION_OBJECT(normals_image, "normals.image", "normals as a picture in colours"),
    OMN_OPERATION_OBJECT(project, "box3d.project", "where boxes in space lie in the picture"),
};
OMN_PLUGIN("operation-space", "1.0", "Apache-2.0", "depth, normals and boxes in space", objects);
