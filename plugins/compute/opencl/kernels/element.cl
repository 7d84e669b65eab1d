/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element. A work-item does `per` neighbours of n; where axes are stretched or moved it
 * does `per` neighbours of the innermost axis in each of `lines` rows of the outer ones. */
#define BEGIN const int from = get_global_id(0) * per, to = min(from + per, n)

kernel void act(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int n, int per, int kind)
{
    BEGIN;
    for (int i = from; i < to; i += 16)
        store_n(OUT(y_, y_at), i, to - i, activate(kind, load_n(x_ + x_at, F32, i, to - i)));
}

kernel void glu(bytes a_, ulong a_at, bytes b_, ulong b_at, global uchar *y_, ulong y_at, int n,
                int per, int kind)
{
    BEGIN;
    for (int i = from; i < to; i += 16)
        store_n(OUT(y_, y_at), i, to - i,
                activate(kind, load_n(a_ + a_at, F32, i, to - i)) *
                    load_n(b_ + b_at, F32, i, to - i));
}

kernel void scale(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int n, int per, float a,
                  float b)
{
    BEGIN;
    for (int i = from; i < to; i += 16)
        store_n(OUT(y_, y_at), i, to - i,
                FMA(load_n(x_ + x_at, F32, i, to - i), (float16)(a), (float16)(b)));
}

/* f32 from any; i32 from f32 towards zero, what does not fit becomes the nearest that does. */
kernel void cast(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int n, int per, int type,
                 int whole)
{
    BEGIN;
    if (whole) {
        for (int i = from; i < to; i++)
            ((global int *)(y_ + y_at))[i] = convert_int_sat_rtz(FLOATS(x_, x_at)[i]);
    } else if (type == I32) {
        for (int i = from; i < to; i++) OUT(y_, y_at)[i] = convert_float(INTS(x_, x_at)[i]);
    } else {
        for (int i = from; i < to; i += 16)
            store_n(OUT(y_, y_at), i, to - i, load_n(x_ + x_at, type, i, to - i));
    }
}

/* Where row r of the outer axes begins: dim and step of `rank` axes, the outermost first. */
long place(int r, int rank, const int *dim, const int *step)
{
    long at = 0;
    for (int i = rank; i-- > 0; r /= dim[i]) at += (long)(r % dim[i]) * step[i];
    return at;
}

kernel void binary(bytes a_, ulong a_at, bytes b_, ulong b_at, global uchar *y_, ulong y_at,
                   int rank, int8 dims, int8 a_steps, int8 b_steps, int rows, int n, int lines,
                   int per, int a_1, int b_1, int times)
{
    BEGIN;
    int dim[8], as[8], bs[8];
    vstore8(dims, 0, dim);
    vstore8(a_steps, 0, as);
    vstore8(b_steps, 0, bs);
    const int r0 = get_global_id(1) * lines, r1 = min(r0 + lines, rows);
    for (int r = r0; r < r1; r++) {
        global const float *a = FLOATS(a_, a_at) + place(r, rank, dim, as);
        global const float *b = FLOATS(b_, b_at) + place(r, rank, dim, bs);
        global float *y = OUT(y_, y_at) + (long)r * n;
        if ((a_1 | b_1) >> 1) {
            for (int i = from; i < to; i++) {
                const float u = a[(long)i * a_1], v = b[(long)i * b_1];
                y[i] = times ? u * v : u + v;
            }
            continue;
        }
        for (int i = from; i < to; i += 16) {
            const float16 u = a_1 ? load_n((bytes)a, F32, i, to - i) : (float16)(a[0]);
            const float16 v = b_1 ? load_n((bytes)b, F32, i, to - i) : (float16)(b[0]);
            store_n(y, i, to - i, times ? u * v : u + v);
        }
    }
}

/* 4-byte elements of any type from one arrangement to another; x_1, y_1 are steps of the inner
 * axis. zero: write zeros instead. */
kernel void move(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int rank, int8 dims,
                 int8 x_steps, int8 y_steps, int rows, int n, int lines, int per, int x_1, int y_1,
                 int zero)
{
    BEGIN;
    int dim[8], xs[8], ys[8];
    vstore8(dims, 0, dim);
    vstore8(x_steps, 0, xs);
    vstore8(y_steps, 0, ys);
    const int r0 = get_global_id(1) * lines, r1 = min(r0 + lines, rows);
    for (int r = r0; r < r1; r++) {
        global const uint *x =
            (global const uint *)(x_ + x_at) + (zero ? 0 : place(r, rank, dim, xs));
        global uint *y = (global uint *)(y_ + y_at) + place(r, rank, dim, ys);
        int i = from;
        if (y_1 == 1 && x_1 <= 1)
            for (; i + 16 <= to; i += 16)
                vstore16(zero ? (uint16)(0) : x_1 ? vload16(0, x + i) : (uint16)(x[0]), 0, y + i);
        for (; i < to; i++) y[(long)i * y_1] = zero ? 0 : x[(long)i * x_1];
    }
}

/* Pooling of x [B,H,W,C], windows of ky by kx; an average counts the whole window. Work-items:
 * (rows of pixels of y). */
kernel void pool(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int H, int W, int C, int OH,
                 int OW, int ky, int kx, int stride_y, int stride_x, int top, int left,
                 int greatest)
{
    const int line = get_global_id(0), b = line / OH, oy = line % OH;
    global const float *x = FLOATS(x_, x_at) + (long)b * H * W * C;
    global float *y = OUT(y_, y_at) + (long)line * OW * C;
    for (int ox = 0; ox < OW; ox++)
        for (int c = 0; c < C; c += 16) {
            float16 v = (float16)(greatest ? -INFINITY : 0.0f);
            for (int tap = 0; tap < ky * kx; tap++) {
                const int iy = oy * stride_y + tap / kx - top;
                const int ix = ox * stride_x + tap % kx - left;
                if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
                const float16 u = load_n((bytes)(x + ((long)iy * W + ix) * C), F32, c, C - c);
                v = greatest ? fmax(v, u) : v + u;
            }
            store_n(y + (long)ox * C, c, C - c, greatest ? v : v / (float)(ky * kx));
        }
}
