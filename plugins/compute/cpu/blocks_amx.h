/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear by quantised weights for several rows of x, sixteen at most, on matrix units, in bytes: x
 * is rounded as in blocks_few.h, a tile is 64 neighbours of sixteen rows of w, and the sums of a
 * scale's products (a part: 32 weights, of q6_K 16) leave the tiles to be scaled. That is the
 * dearer half, so few rows of x share a register of sums: column m * G + g of the tiles is row m of
 * x, zero but for part g of G. The sixteen rows of w lie far apart, so that each is one of sixteen
 * streams, which run on from row to row. Included by linear_blocks.c only.
 */
#ifndef OMN_CPU_BLOCKS_AMX_H
#define OMN_CPU_BLOCKS_AMX_H

#include "amx.h"
#include "blocks_few.h"
#include "tile.h"

enum {
    BYTES_ROWS = 16,              /* most rows of x, and rows of w at a time */
    BYTES_DEEP = 64,              /* of a tile */
    BYTES_TILE = 1024,
    BYTES_UNIT = 256,             /* weights of a row that are unpacked at a time */
    BYTES_ROW = BYTES_UNIT + 64,  /* from one unpacked row to the next */
    BYTES_FETCH = 1024            /* how far ahead of what is read */
};

/* A piece of x: tiles, then vectors of scales, and of what offsets count. */
typedef struct bytes_job {
    const cpu_linear *l;
    const int8_t *x;
    const float *s, *offset;
    size_t w_row, k, depth;       /* bytes of a row of w; the piece of the depth */
} bytes_job;

/* What a unit of sixteen rows of w becomes. */
typedef struct bytes_unit {
    int8_t q[BYTES_ROWS][BYTES_ROW];
    float s[BYTES_ROWS][16];      /* scales of parts; q4_K: of eight, then their offsets */
    uint16_t d[BYTES_ROWS][8];
} bytes_unit;

/* Four tiles of sums that have left, and what scales them. They are read when the next four are
 * under way: a tile's way to memory is long. */
typedef struct bytes_sums {
    int32_t c[4][BYTES_ROWS][16];
    const bytes_unit *unit;
    const float *s;
    size_t part;
} bytes_sums;

typedef struct bytes_room {
    bytes_unit unit[3];
    bytes_sums sums[2];
} bytes_room;

INLINE size_t bytes_part(omn_type t) { return t == OMN_Q6_K ? 16 : 32; }

/* Rows of x that share a register, and tiles of x for 256 of its depth. */
INLINE size_t bytes_share(size_t M) { return M > 8 ? 1 : M > 4 ? 2 : 4; }
INLINE size_t bytes_tiles(omn_type t, size_t G)
{
    const size_t parts = BYTES_UNIT / bytes_part(t), deep = BYTES_UNIT / BYTES_DEEP;
    return parts / G > deep ? parts / G : deep;
}

/* ---- w --------------------------------------------------------------------------------------- */

/* the scales of n blocks of sixteen rows, `step` bytes apart; those beyond are 0 */
INLINE void bytes_scales(bytes_unit *u, const uint8_t *const *rows, size_t step, size_t n)
{
    for (size_t r = 0; r < BYTES_ROWS; r++) {
        if (n == 8) {
            UNROLL
            for (size_t i = 0; i < 8; i++) memcpy(&u->d[r][i], rows[r] + i * step, 2);
            continue;
        }
        for (size_t i = 0; i < 8; i++) u->d[r][i] = 0;
        for (size_t i = 0; i < n; i++) memcpy(&u->d[r][i], rows[r] + i * step, 2);
    }
    for (size_t r = 0; r < BYTES_ROWS; r++)
        _mm256_storeu_ps(u->s[r], _mm256_cvtph_ps(_mm_loadu_si128((const void *)u->d[r])));
}

INLINE void bytes_q8_0(const uint8_t *b, size_t n, int8_t *q)
{
    UNROLL
    for (size_t i = 0; i < 8; i++)
        if (i < n)
            _mm256_storeu_si256((void *)(q + i * BLOCK),
                                _mm256_loadu_si256((const void *)(b + i * Q8_0 + 2)));
}

INLINE void bytes_q4_0(const uint8_t *b, size_t n, int8_t *q)
{
    const __m512i shift = _mm512_set_epi32(4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0);
    UNROLL
    for (size_t i = 0; i < 8; i += 2) {
        if (i >= n) break;
        const uint8_t *second = b + (i + 1 < n ? i + 1 : i) * Q4_0 + 2;
        const __m512i v = _mm512_mask_broadcast_i32x4(
            _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)(b + i * Q4_0 + 2))), 0xff00,
            _mm_loadu_si128((const void *)second));
        const vi four = (vi)_mm512_srlv_epi32(v, shift) & bytes_of(15);
        vst(q + i * BLOCK, (vf)_mm512_sub_epi8((__m512i)four, _mm512_set1_epi8(8)));
    }
}

/* parts in the order 0 2 1 3 4 6 5 7 */
INLINE void bytes_q4_k(const uint8_t *b, int8_t *q, float *s)
{
    vst(s, q4_k_factors(b, true));
    UNROLL
    for (int i = 0; i < 2; i++) {
        const vi v = ild(b + 16 + i * 64);
        vst(q + i * 128, (vf)nibbles_low(v));
        vst(q + i * 128 + 64, (vf)nibbles_high(v));
    }
}

INLINE void bytes_q6_k(const uint8_t *b, int8_t *q, float *s)
{
    const __m128i scales = _mm_loadu_si128((const void *)(b + 192));
    _mm512_storeu_ps(s, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)),
                                      _mm512_set1_ps(half_read(b + 208))));
    UNROLL
    for (int half = 0; half < 2; half++) {
        const vi v = ild(b + half * 64);
        const uint8_t *high = b + 128 + half * 32;
        const __m512i by = _mm512_set1_epi8(32);
        const vi w0 = q6_k_bytes(v, high, 0), w1 = q6_k_bytes((vi)((vu)v >> 4), high, 4);
        vst(q + half * 128, (vf)_mm512_sub_epi8((__m512i)w0, by));
        vst(q + half * 128 + 64, (vf)_mm512_sub_epi8((__m512i)w1, by));
    }
}

/* n blocks of 32 of sixteen rows; what lies beyond meets zeros of x */
INLINE void bytes_unpack(const omn_type t, bytes_unit *u, const uint8_t *const *rows, size_t n)
{
    if (t == OMN_Q8_0) bytes_scales(u, rows, Q8_0, n);
    if (t == OMN_Q4_0) bytes_scales(u, rows, Q4_0, n);
    for (size_t r = 0; r < BYTES_ROWS; r++) {
        UNROLL
        for (size_t i = 0; i < blocks_bytes(t, BYTES_UNIT); i += 64)
            __builtin_prefetch(rows[r] + BYTES_FETCH + i, 0, 3);
        if (t == OMN_Q8_0) bytes_q8_0(rows[r], n, u->q[r]);
        else if (t == OMN_Q4_0) bytes_q4_0(rows[r], n, u->q[r]);
        else if (t == OMN_Q4_K) bytes_q4_k(rows[r], u->q[r], u->s[r]);
        else bytes_q6_k(rows[r], u->q[r], u->s[r]);
    }
}

/* the unit that begins `depth` before the end */
INLINE void bytes_unpack_at(const omn_type t, bytes_unit *u, const uint8_t *const *rows,
                            size_t depth)
{
    if (depth >= BYTES_UNIT) bytes_unpack(t, u, rows, 8);
    else bytes_unpack(t, u, rows, depth / BLOCK);
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* G floats over and over */
INLINE vf bytes_again(const size_t G, const float *p)
{
    if (G == 1) return vset(*p);
    if (G == 2) {
        double two;
        memcpy(&two, p, sizeof two);
        return (vf)_mm512_set1_pd(two);
    }
    return (vf)_mm512_broadcast_f32x4(_mm_loadu_ps(p));
}

/* a[r] += the sums of row r, scaled, n tiles of them */
INLINE void bytes_scaled(const bytes_sums *b, const size_t n, const size_t G, vf *a)
{
    UNROLL
    for (size_t i = 0; i < n; i++) {
        const vf xs = vld(b->s + i * 16);
        UNROLL
        for (int r = 0; r < BYTES_ROWS; r++)
            a[r] = vfma(int_f32(ild(b->c[i][r])) * xs,
                        bytes_again(G, &b->unit->s[r][b->part + i * G]), a[r]);
    }
}

/* Tile i of sums, of parts p + i * G and on: `tiles` products, or one over the tile of w that they
 * are in; on its way to memory then. */
#define BYTES_PART(i)                                                                              \
    do {                                                                                           \
        if (i >= n) break;                                                                         \
        const size_t w_at = (p + i * G) * part / BYTES_DEEP * BYTES_DEEP;                          \
        amx_zero(t, i);                                                                            \
        amx_load(t, 4, u->q[0] + w_at, BYTES_ROW);                                                 \
        amx_load(t, 6, x, 64);                                                                     \
        amx_dot_bytes(t, i, 4, 6);                                                                 \
        x += BYTES_TILE;                                                                           \
        if (G * part > BYTES_DEEP) {                                                               \
            amx_load(t, 5, u->q[0] + w_at + BYTES_DEEP, BYTES_ROW);                                \
            amx_load(t, 7, x, 64);                                                                 \
            amx_dot_bytes(t, i, 5, 7);                                                             \
            x += BYTES_TILE;                                                                       \
        }                                                                                          \
        amx_store(t, i, b->c[i], 64);                                                              \
    } while (0)

/* Rows n0, n0 + step... of w, `rows` of them, at most BYTES_ROWS. */
typedef struct bytes_walk {
    size_t n0, step, rows;
} bytes_walk;

/* these rows of w past all rows of x */
INLINE void bytes_group(const omn_type form, const size_t G, const bytes_job *j, tiles *t,
                        bytes_room *room, bytes_walk at)
{
    const cpu_linear *l = j->l;
    const size_t part = bytes_part(form), parts = BYTES_UNIT / part, all = parts / G;
    const size_t n = all < 4 ? all : 4, unit = blocks_bytes(form, BYTES_UNIT);
    const uint8_t *w[BYTES_ROWS];
    vf sum[BYTES_ROWS];
    (void)t;                            /* the processor holds the tiles */
    for (size_t r = 0; r < BYTES_ROWS; r++)
        w[r] = (const uint8_t *)l->w + blocks_bytes(form, j->k) +
               (at.n0 + (r < at.rows ? r : at.rows - 1) * at.step) * j->w_row;
    UNROLL
    for (int r = 0; r < BYTES_ROWS; r++) sum[r] = vset(0);
    const int8_t *x = j->x;
    const float *s = j->s, *offset = j->offset;
    const bytes_sums *before = NULL;
    size_t turn = 0;
    /* a unit is unpacked when the one before it is multiplied: so is a tile's way from memory */
    bytes_unit *u = room->unit, *after = u + 1;
    bytes_unpack_at(form, u, w, j->depth);
    for (size_t k = 0; k < j->depth; k += BYTES_UNIT) {
        for (size_t r = 0; r < BYTES_ROWS; r++) w[r] += unit;
        if (k + BYTES_UNIT < j->depth)
            bytes_unpack_at(form, after, w, j->depth - k - BYTES_UNIT);
        for (size_t p = 0; p < parts; p += n * G, s += n * 16) {
            bytes_sums *b = &room->sums[turn++ % 2];
            b->unit = u;
            b->s = s;
            b->part = p;
            BYTES_PART(0);
            BYTES_PART(1);
            BYTES_PART(2);
            BYTES_PART(3);
            if (before) bytes_scaled(before, n, G, sum);
            before = b;
        }
        for (size_t i = 0; form == OMN_Q4_K && i < 8; i += G, offset += 16) {
            const vf v = vld(offset);
            UNROLL
            for (int r = 0; r < BYTES_ROWS; r++)
                sum[r] = vfma(v, bytes_again(G, u->s[r] + 8 + i), sum[r]);
        }
        u = after;
        after = after == room->unit + 2 ? room->unit : after + 1;
    }
    bytes_scaled(before, n, G, sum);
    transpose(sum);
    UNROLL
    for (size_t m = 0; m < BYTES_ROWS / G; m++) {
        vf y = sum[m * G];
        float each[BYTES_ROWS];
        UNROLL
        for (size_t g = 1; g < G; g++) y = y + sum[m * G + g];
        vst(each, y);
        float *o = l->out + m * l->out_row + at.n0;
        for (size_t r = 0; m < l->M && r < at.rows; r++, o += at.step)
            *o = j->k ? *o + each[r] : each[r];
    }
}

typedef void group_fn(const bytes_job *j, tiles *t, bytes_room *room, bytes_walk at);
#define BYTES_GROUP(name, type, G)                                                                 \
    static __attribute__((noinline)) void name(const bytes_job *j, tiles *t, bytes_room *room,     \
                                               bytes_walk at)                                      \
    {                                                                                              \
        bytes_group(type, G, j, t, room, at);                                                      \
    }
BYTES_GROUP(q8_0_by_16, OMN_Q8_0, 1)
BYTES_GROUP(q8_0_by_8, OMN_Q8_0, 2)
BYTES_GROUP(q8_0_by_4, OMN_Q8_0, 4)
BYTES_GROUP(q4_0_by_16, OMN_Q4_0, 1)
BYTES_GROUP(q4_0_by_8, OMN_Q4_0, 2)
BYTES_GROUP(q4_0_by_4, OMN_Q4_0, 4)
BYTES_GROUP(q4_k_by_16, OMN_Q4_K, 1)
BYTES_GROUP(q4_k_by_8, OMN_Q4_K, 2)
BYTES_GROUP(q4_k_by_4, OMN_Q4_K, 4)
BYTES_GROUP(q6_k_by_16, OMN_Q6_K, 1)
BYTES_GROUP(q6_k_by_8, OMN_Q6_K, 2)
BYTES_GROUP(q6_k_by_4, OMN_Q6_K, 4)

static group_fn *bytes_kernel(omn_type t, size_t M)
{
    static group_fn *const of[4][3] = { { q8_0_by_16, q8_0_by_8, q8_0_by_4 },
                                        { q4_0_by_16, q4_0_by_8, q4_0_by_4 },
                                        { q4_k_by_16, q4_k_by_8, q4_k_by_4 },
                                        { q6_k_by_16, q6_k_by_8, q6_k_by_4 } };
    const size_t form = t == OMN_Q8_0 ? 0 : t == OMN_Q4_0 ? 1 : t == OMN_Q4_K ? 2 : 3;
    return of[form][bytes_share(M) / 2];
}

static void bytes_range(void *user, size_t from, size_t to)
{
    const bytes_job *j = user;
    const cpu_linear *l = j->l;
    group_fn *const group = bytes_kernel(l->w_type, l->M);
    bytes_room room __attribute__((aligned(64)));
    tiles here;
    memset(&room, 0, sizeof room);
    amx_begin(&here);
    const size_t n = to - from, all = n / BYTES_ROWS, far = all < 2 ? all : (all - 1) | 1;
    for (size_t i = 0; i < far; i++)
        group(j, &here, &room, (bytes_walk){ from + i, far, BYTES_ROWS });
    for (size_t i = from + far * BYTES_ROWS; i < to; i += BYTES_ROWS)
        group(j, &here, &room, (bytes_walk){ i, 1, to - i < BYTES_ROWS ? to - i : BYTES_ROWS });
    amx_end(&here);
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    if (j->k + j->depth < l->K || epilogue_none(&e, l->residual)) return;
    for (size_t m = 0; m < l->M; m++)
        epilogue_row(&e, l->out + m * l->out_row + from, from, n,
                     l->residual ? l->residual + m * l->residual_row + from : NULL);
}

/* ---- x --------------------------------------------------------------------------------------- */

/* 32 of row m of x, number `block` of a unit, into the unit's tiles and vectors */
static void bytes_pack(omn_type t, size_t G, size_t m, const void *x, omn_type x_type, size_t block,
                       int8_t *first, float *s, float *offset)
{
    static const uint8_t place[8] = { 0, 2, 1, 3, 4, 6, 5, 7 };
    const size_t part = bytes_part(t);
    int8_t q[BLOCK];
    int total;
    const float scale = dot_round(x, x_type, 0, q, &total);
    if (t == OMN_Q4_K) block = place[block];
    for (size_t i = 0; i < BLOCK; i += part) {
        const size_t k = block * BLOCK + i, p = k / part, column = m * G + p % G;
        /* the tile of a register's parts in which these are: of w its 64, or all there are */
        int8_t *tile = first + (G * part > BYTES_DEEP ? k / BYTES_DEEP : p / G) * BYTES_TILE +
                       k % BYTES_DEEP / 4 * 64 + column * 4;
        for (size_t c = 0; c < part; c += 4) memcpy(tile + c * 16, q + i + c, 4);
        s[p / G * 16 + column] = scale;
        offset[p / G * 16 + column] = -scale * (float)total;
    }
}

/* l's distances are given; M at most BYTES_ROWS. */
static void blocks_amx(const cpu_linear *l, const cpu_par *par)
{
    const omn_type t = l->w_type;
    const size_t G = bytes_share(l->M), bytes = bytes_tiles(t, G) * BYTES_TILE;
    const size_t floats = BYTES_UNIT / bytes_part(t) / G * 16;
    const size_t most = l->K < DOT_DEPTH ? l->K : DOT_DEPTH;
    const size_t units = (most + BYTES_UNIT - 1) / BYTES_UNIT;
    /* one task a thread, if that is known: long streams */
    const size_t tasks = par->threads ? par->threads : 8, grain = (l->N + tasks - 1) / tasks;
    char *block = par->take(par->scratch);
    int8_t *x = (int8_t *)block;
    float *s = (float *)(void *)(block + units * bytes), *offset = s + units * floats;
    bytes_job j = { l, x, s, offset, blocks_bytes(t, l->K), 0, 0 };
    for (; j.k < l->K; j.k += j.depth) {
        j.depth = l->K - j.k < DOT_DEPTH ? l->K - j.k : DOT_DEPTH;
        memset(block, 0, units * (bytes + 2 * floats * sizeof(float)));
        for (size_t m = 0; m < l->M; m++)
            for (size_t k = 0; k < j.depth; k += BLOCK) {
                const size_t u = k / BYTES_UNIT;
                bytes_pack(t, G, m, at(l->x, l->x_type, (ptrdiff_t)(m * l->x_row + j.k + k)),
                           l->x_type, k % BYTES_UNIT / BLOCK, x + u * bytes, s + u * floats,
                           offset + u * floats);
            }
        par_run(par, l->N, grain < 64 ? 64 : grain, bytes_range, &j);
    }
    par->give(par->scratch, block);
}

#endif
