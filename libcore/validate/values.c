/* SPDX-License-Identifier: Apache-2.0 */
/* Random values of every kind that can be made without a file, and what makes two of them equal. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEEP 2

static omn_value *make_text(dice *d, bool hostile)
{
    char text[2048];
    omn_value *v = NULL;
    const size_t n = dice_text(d, text, hostile ? sizeof(text) : 48, !hostile);
    return omn_text_new(text, n, &v, NULL) == OMN_OK ? v : NULL;
}

static omn_value *make_number(dice *d, bool hostile)
{
    static const double edges[] = { 0, -0.0, 1e308, -1e308, 5e-324, 9007199254740993.0, -1 };
    omn_value *v = NULL;
    const double x =
        hostile ? edges[dice_roll(d, sizeof(edges) / sizeof(edges[0]))] : (double)dice_roll(d, 100);
    return omn_number_new(x, &v, NULL) == OMN_OK ? v : NULL;
}

/* Smooth, so that formats that lose something lose little; hostile ones are noise, thin, or have
 * floats that no picture should have. */
static omn_value *make_image(dice *d, bool hostile)
{
    static const uint32_t channels[] = { 3, 1, 4, 3 }, odd[] = { 1, 2, 3, 7, 257 };
    omn_image *img = NULL;
    omn_pixels px;
    const uint32_t w = hostile ? odd[dice_roll(d, 5)] : 8 + (uint32_t)dice_roll(d, 40);
    const uint32_t h = hostile ? odd[dice_roll(d, 5)] : 8 + (uint32_t)dice_roll(d, 40);
    const bool real = dice_roll(d, 4) == 0;
    /* A number of its own would make every picture another one. */
    const omn_frame f = omn_frame_identity(7, w, h);
    if (omn_image_new(real ? OMN_F32 : OMN_U8, w, h, channels[dice_roll(d, 4)], &f, &img, &px,
                      NULL) != OMN_OK)
        return NULL;
    const double a = dice_double(d, 0, 0.25), b = dice_double(d, 0, 0.5);
    const size_t row = (size_t)w * px.channels, n = row * h;
    for (size_t i = 0; i < n; i++) {
        const double x = (double)(i % row / px.channels) / w, y = (double)(i / row) / h;
        const double v = px.channels == 4 && i % 4 == 3 ? 1 : a + b * x + 0.5 * (1 - b) * y;
        if (real)
            ((float *)px.data)[i] = hostile ? (float)dice_double(d, -1, 2) : (float)v;
        else
            ((uint8_t *)px.data)[i] = hostile ? (uint8_t)dice_bits(d) : (uint8_t)(255 * v);
    }
    if (hostile && real && dice_roll(d, 2)) ((float *)px.data)[dice_roll(d, n)] = NAN;
    return omn_image_give(img);
}

static omn_value *make_regions(dice *d, bool hostile)
{
    static const char *const labels[] = { "cat", "a dog", NULL, "\xc3\xa9t\xc3\xa9" };
    omn_region r[12];
    omn_value *v = NULL;
    const omn_frame f = omn_frame_identity(7, 640, 480);
    const size_t n = dice_roll(d, sizeof(r) / sizeof(r[0]));
    for (size_t i = 0; i < n; i++) {
        const double x = dice_double(d, hostile ? -1e6 : 0, hostile ? 1e6 : 600);
        const double y = dice_double(d, hostile ? -1e6 : 0, hostile ? 1e6 : 440);
        const double side = hostile && dice_roll(d, 3) == 0 ? 0 : dice_double(d, 1, 40);
        r[i] = (omn_region){ x,
                             y,
                             x + side,
                             y + side,
                             dice_roll(d, 2) ? NAN : dice_double(d, 0, 1),
                             labels[dice_roll(d, 4)] };
    }
    return omn_regions_new(r, n, dice_roll(d, 2) ? &f : NULL, &v, NULL) == OMN_OK ? v : NULL;
}

static omn_value *make_points(dice *d, bool hostile)
{
    omn_point p[12];
    omn_value *v = NULL;
    const omn_frame f = omn_frame_identity(7, 640, 480);
    const size_t n = dice_roll(d, sizeof(p) / sizeof(p[0]));
    for (size_t i = 0; i < n; i++)
        p[i] = (omn_point){ dice_double(d, hostile ? -1e9 : 0, hostile ? 1e9 : 640),
                            dice_double(d, 0, 480), (double)dice_roll(d, 3),
                            dice_roll(d, 2) ? "nose" : NULL };
    return omn_points_new(p, n, dice_roll(d, 2) ? &f : NULL, &v, NULL) == OMN_OK ? v : NULL;
}

static omn_value *make_tokens(dice *d, bool hostile)
{
    int32_t ids[32];
    omn_value *v = NULL;
    const size_t n = dice_roll(d, sizeof(ids) / sizeof(ids[0]));
    for (size_t i = 0; i < n; i++)
        ids[i] = hostile ? (int32_t)(uint32_t)dice_bits(d) : (int32_t)dice_roll(d, 100);
    return omn_tokens_new(ids, n, "test", &v, NULL) == OMN_OK ? v : NULL;
}

static omn_value *make_tensor(dice *d, bool hostile, bool embeddings)
{
    float x[60];
    omn_value *v = NULL;
    const size_t rows = hostile && !embeddings ? dice_roll(d, 5) : 1 + dice_roll(d, 5);
    const size_t width = 1 + dice_roll(d, 12);
    for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
        x[i] = hostile && dice_roll(d, 8) == 0 ? (dice_roll(d, 2) ? NAN : INFINITY)
                                               : (float)dice_double(d, -2, 2);
    const omn_tensor t = { OMN_F32, omn_dim2((int64_t)rows, (int64_t)width), x,
                           rows * width * sizeof(float) };
    const omn_status st = embeddings ? omn_embeddings_new(x, rows, width, &v, NULL)
                                     : omn_tensor_value_new(&t, &v, NULL);
    return st == OMN_OK ? v : NULL;
}

static omn_value *make(dice *d, const char *kind, bool hostile, int deep, bool *known);

/* A list or a record of a few values. */
static omn_value *make_many(dice *d, bool record, bool hostile, int deep)
{
    static const char *const inner[] = { "text", "number", "regions", "list", "record" };
    static const char *const names[] = { "a", "b", "text", "boxes" };
    omn_named fields[4];
    omn_value *items[4] = { NULL }, *v = NULL;
    const size_t n = dice_roll(d, 5), kind = dice_roll(d, deep < DEEP ? 5 : 3);
    size_t made = 0;
    for (; made < n; made++) {
        bool known;
        const size_t k = record || hostile ? dice_roll(d, deep < DEEP ? 5 : 3) : kind;
        items[made] = make(d, inner[k], hostile, deep + 1, &known);
        if (!items[made]) break;
        fields[made] = (omn_named){ names[made], items[made] };
    }
    if (made == n &&
        (record ? omn_record_new(fields, n, &v, NULL) : omn_list_new(items, n, &v, NULL)) != OMN_OK)
        v = NULL;
    for (size_t i = 0; i < made; i++) omn_value_unref(items[i]);
    return v;
}

static omn_value *make(dice *d, const char *kind, bool hostile, int deep, bool *known)
{
    static const char *const any[] = { "text",   "number", "image", "regions",
                                       "points", "list",   "record" };
    *known = true;
    if (strcmp(kind, "any") == 0) kind = any[dice_roll(d, sizeof(any) / sizeof(any[0]))];
    if (strcmp(kind, "text") == 0) return make_text(d, hostile);
    if (strcmp(kind, "number") == 0) return make_number(d, hostile);
    if (strcmp(kind, "image") == 0) return make_image(d, hostile);
    if (strcmp(kind, "regions") == 0) return make_regions(d, hostile);
    if (strcmp(kind, "points") == 0) return make_points(d, hostile);
    if (strcmp(kind, "tokens") == 0) return make_tokens(d, hostile);
    if (strcmp(kind, "embeddings") == 0) return make_tensor(d, hostile, true);
    if (strcmp(kind, "tensor") == 0) return make_tensor(d, hostile, false);
    if (strcmp(kind, "list") == 0) return make_many(d, false, hostile, deep);
    if (strcmp(kind, "record") == 0) return make_many(d, true, hostile, deep);
    const omn_kind *k = NULL;
    *known = omn_kind_find(d->c, kind, &k, NULL) == OMN_OK;
    return *known ? value_of_columns(d, k, hostile) : NULL;
}

omn_value *value_make(dice *d, const char *kind, bool hostile, bool *known)
{
    return make(d, kind, hostile, 0, known);
}

const char *value_kind_of(const omn_value *v)
{
    return omn_value_kind_name(v);
}

uint64_t bytes_digest(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3u;
    return (h ^ n) * 0x100000001b3u;
}

uint64_t value_digest(uint64_t h, const omn_value *v)
{
    uint64_t of[2];
    omn_value_hash(v, of);
    return bytes_digest(h, of, sizeof(of));
}
