/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised weights in the blocks of GGUF. The bytes are those of its reference, so that files go
 * both ways; how the scales of the K forms are found is our own. In safetensors, whose types know
 * no blocks, such a tensor is one of bytes, which every reader can pass on, and an entry of the
 * metadata says what it stands for. */
#include "libcore/tensor/blocks.h"

#include "libcore/tensor/marks.h"

#include <math.h>
#include <string.h>

enum { SMALL = 32, LARGE = 256, PARTS = 8 };

static float half_at(const uint8_t *p)
{
    return omn_f16_to((uint16_t)(p[0] | p[1] << 8));
}

/* Held to what f16 can say. */
static void half_put(float x, uint8_t *p)
{
    const float most = 65504;
    const uint16_t h = omn_f16_of(x > most ? most : x < -most ? -most : x);
    p[0] = (uint8_t)h;
    p[1] = (uint8_t)(h >> 8);
}

/* The nearest whole number, halves away from zero, as roundf has it. */
static int held(float x, int low, int high)
{
    if (!(x > (float)low)) return low;
    return x >= (float)high ? high : (int)((double)x + (x < 0 ? -0.5 : 0.5));
}

/* ---- from blocks --------------------------------------------------------------------------- */

static void q8_0_to(const uint8_t *b, float *y)
{
    const float d = half_at(b);
    for (int i = 0; i < SMALL; i++) y[i] = d * (float)(int8_t)b[2 + i];
}

static void q4_0_to(const uint8_t *b, float *y)
{
    const float d = half_at(b);
    for (int i = 0; i < SMALL / 2; i++) {
        y[i] = d * (float)((b[2 + i] & 15) - 8);
        y[i + SMALL / 2] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

/* Scale and offset of part j: the first four have 6 bits each in the first 8 bytes, whose upper 2
 * bits, with 4 of the last 4 bytes, are those of the others. */
static void scales_get(const uint8_t *s, int j, int *scale, int *offset)
{
    if (j < 4) {
        *scale = s[j] & 63;
        *offset = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
        *offset = s[j + 4] >> 4 | s[j] >> 6 << 4;
    }
}

static void scales_put(uint8_t *s, int j, int scale, int offset)
{
    if (j < 4) {
        s[j] = (uint8_t)(s[j] | scale);
        s[j + 4] = (uint8_t)(s[j + 4] | offset);
    } else {
        s[j + 4] = (uint8_t)((scale & 15) | (offset & 15) << 4);
        s[j - 4] = (uint8_t)(s[j - 4] | scale >> 4 << 6);
        s[j] = (uint8_t)(s[j] | offset >> 4 << 6);
    }
}

static void q4_k_to(const uint8_t *b, float *y)
{
    const float d = half_at(b), low = half_at(b + 2);
    for (int j = 0; j < PARTS; j++) {
        int scale, offset;
        const uint8_t *q = b + 16 + j / 2 * SMALL;
        scales_get(b + 4, j, &scale, &offset);
        const float s = d * (float)scale, m = low * (float)offset;
        for (int i = 0; i < SMALL; i++) {
            const float p = s * (float)(j % 2 ? q[i] >> 4 : q[i] & 15);
            y[j * SMALL + i] = p - m;
        }
    }
}

/* Where the 6 bits of element i lie: byte and shift of the lower 4 and of the upper 2. */
typedef struct six {
    int low, low_shift, high, high_shift;
} six;

static six six_at(int i)
{
    const int half = i / 128, quarter = i % 128 / 32, k = i % 32;
    return (six){ half * 64 + quarter % 2 * 32 + k, quarter / 2 * 4, 128 + half * 32 + k,
                  quarter * 2 };
}

static void q6_k_to(const uint8_t *b, float *y)
{
    const float d = half_at(b + 208);
    for (int i = 0; i < LARGE; i++) {
        const six at = six_at(i);
        const int q = (b[at.low] >> at.low_shift & 15) | (b[at.high] >> at.high_shift & 3) << 4;
        y[i] = d * (float)(int8_t)b[192 + i / 16] * (float)(q - 32);
    }
}

bool blocks_to_f32(omn_type t, const void *src, size_t n, float *dst)
{
    const omn_type_info *info = omn_type_get(t);
    const uint8_t *b = src;
    void (*const to)(const uint8_t *, float *) = t == OMN_Q8_0   ? q8_0_to
                                                 : t == OMN_Q4_0 ? q4_0_to
                                                 : t == OMN_Q4_K ? q4_k_to
                                                 : t == OMN_Q6_K ? q6_k_to
                                                                 : NULL;
    if (!to || n % info->block != 0) return false;
    for (size_t i = 0; i < n; i += info->block, b += info->block_bytes) to(b, dst + i);
    return true;
}

/* ---- into blocks --------------------------------------------------------------------------- */

static float outermost(const float *x, int n)
{
    float far = 0;
    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(far)) far = x[i];
    return far;
}

static void q8_0_of(const float *x, const float *w, uint8_t *b)
{
    const float d = fabsf(outermost(x, SMALL)) / 127, over = d > 0 ? 1 / d : 0;
    (void)w; /* what is left of an error is a 254th of the largest */
    half_put(d, b);
    for (int i = 0; i < SMALL; i++)
        b[2 + i] = isfinite(over) ? (uint8_t)held(x[i] * over, -127, 127) : 0;
}

/* As GGUF's writers do: the outermost element becomes -8 steps, halves go up. */
static float q4_0_plain(const float *x, int8_t *q)
{
    const float d = outermost(x, SMALL) / -8, over = d != 0 ? 1 / d : 0;
    for (int i = 0; i < SMALL; i++) {
        const float step = x[i] * over, y = isfinite(over) ? step + 8.5f : 8;
        q[i] = (int8_t)((y < 0 ? 0 : y > 15 ? 15 : (int)y) - 8);
    }
    return d;
}

static void q4_0_of(const float *x, const float *w, uint8_t *b)
{
    int8_t q[SMALL];
    half_put(w ? fit_scale(x, w, SMALL, -8, 7, q) : q4_0_plain(x, q), b);
    for (int i = 0; i < SMALL / 2; i++)
        b[2 + i] = (uint8_t)((q[i] + 8) | (q[i + SMALL / 2] + 8) << 4);
}

static void q4_k_of(const float *x, const float *w, uint8_t *b)
{
    float s[PARTS], m[PARTS], most_s = 0, most_m = 0;
    for (int j = 0; j < PARTS; j++) {
        s[j] = fit_offset(x + j * SMALL, w ? w + j * SMALL : NULL, SMALL, 15, &m[j]);
        if (s[j] > most_s) most_s = s[j];
        if (m[j] > most_m) most_m = m[j];
    }
    memset(b, 0, 144);
    half_put(most_s / 63, b);
    half_put(most_m / 63, b + 2);
    const float d = half_at(b), low = half_at(b + 2);
    for (int j = 0; j < PARTS; j++) {
        const int scale = d > 0 ? held(s[j] / d, 0, 63) : 0;
        const int offset = low > 0 ? held(m[j] / low, 0, 63) : 0;
        const float step = d * (float)scale, shift = low * (float)offset;
        uint8_t *q = b + 16 + j / 2 * SMALL;
        scales_put(b + 4, j, scale, offset);
        for (int i = 0; i < SMALL; i++) {
            const int v = step > 0 ? held((x[j * SMALL + i] + shift) / step, 0, 15) : 0;
            q[i] = (uint8_t)(q[i] | (j % 2 ? v << 4 : v));
        }
    }
}

static void q6_k_of(const float *x, const float *w, uint8_t *b)
{
    enum { PART = 16 };
    float s[LARGE / PART];
    int8_t q[PART];
    memset(b, 0, 210);
    for (int j = 0; j < LARGE / PART; j++)
        s[j] = fit_scale(x + j * PART, w ? w + j * PART : NULL, PART, -32, 31, q);
    half_put(outermost(s, LARGE / PART) / -128, b + 208);
    const float d = half_at(b + 208);
    for (int j = 0; j < LARGE / PART; j++)
        b[192 + j] = (uint8_t)(int8_t)(d != 0 ? held(s[j] / d, -128, 127) : 0);
    for (int i = 0; i < LARGE; i++) {
        const six at = six_at(i);
        const float step = d * (float)(int8_t)b[192 + i / PART];
        const int v = step != 0 ? held(x[i] / step, -32, 31) + 32 : 32;
        b[at.low] = (uint8_t)(b[at.low] | (v & 15) << at.low_shift);
        b[at.high] = (uint8_t)(b[at.high] | v >> 4 << at.high_shift);
    }
}

bool omn_blocks_of_rows(omn_type t, const float *rows, size_t N, size_t K, const float *importance,
                        void *blocks)
{
    const omn_type_info *info = omn_type_get(t);
    uint8_t *b = blocks;
    void (*const of)(const float *, const float *, uint8_t *) = t == OMN_Q8_0   ? q8_0_of
                                                                : t == OMN_Q4_0 ? q4_0_of
                                                                : t == OMN_Q4_K ? q4_k_of
                                                                : t == OMN_Q6_K ? q6_k_of
                                                                                : NULL;
    if (!of || K % info->block != 0) return false;
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k += info->block, b += info->block_bytes) {
            float x[LARGE];
            memcpy(x, rows + n * K + k, info->block * sizeof *x);
            of(x, importance ? importance + k : NULL, b);
        }
    return true;
}

/* ---- the entry of the metadata ------------------------------------------------------------- */

omn_shape blocks_file_shape(const omn_tensor *t)
{
    const omn_type_info *info = omn_type_get(t->type);
    omn_shape s = t->shape;
    if (info && info->block && s.rank) /* of a checked tensor */
        s.dim[s.rank - 1] = s.dim[s.rank - 1] / info->block * info->block_bytes;
    return s;
}

/* One "NAME":"q8_0": everything that makes it blocks. */
static omn_status mark(header_row *row, const char *form, omn_error *err)
{
    char shown[120], text[160], shown_form[120];
    const omn_type t = omn_type_parse(form);
    const omn_type_info *info = omn_type_get(t);
    omn_shape *s = &row->tensor.shape;
    size_t bytes;
    header_show(row->name, shown);
    if (!info || !info->block || strcmp(info->name, form) != 0)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: its form \"%s\" is none of q8_0, q4_0, q4_K, q6_K",
                        row->file, shown, header_show(form, shown_form));
    if (row->tensor.type != OMN_U8)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: is %s, and %s is stored in U8%s",
                        row->file, shown, omn_type_get(row->tensor.type)->name, form,
                        omn_type_get(row->tensor.type)->block ? " and named once" : "");
    const int64_t last = s->rank ? s->dim[s->rank - 1] : 0;
    if (last < 1 || last % info->block_bytes != 0)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: rows of %s are multiples of %u bytes, and it is %s",
                        row->file, shown, form, info->block_bytes,
                        omn_shape_text(s, text, sizeof text));
    omn_shape of = *s;
    of.dim[of.rank - 1] = last / info->block_bytes;
    if (of.dim[of.rank - 1] > INT64_MAX / info->block)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: its rows are too long", row->file,
                        shown);
    of.dim[of.rank - 1] *= info->block;
    if (!omn_shape_bytes(&of, t, &bytes) || bytes != row->tensor.bytes)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: its shape is too large for any memory",
                        row->file, shown);
    *s = of;
    row->tensor.type = t;
    return OMN_OK;
}

static omn_status read_form(scan *s, header_row *row, void *user, omn_error *err)
{
    char *form;
    (void)user;
    return scan_string(s, &form) ? mark(row, form, err) : OMN_OK;
}

omn_status blocks_give(header_row *rows, size_t n, const char *entry, omn_arena *strings,
                       const char *path, omn_error *err)
{
    const marks m = { BLOCKS_KEY, entry, read_form, NULL };
    return marks_read(&m, rows, n, strings, path, err);
}
