/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the last axis: softmax, argmax, nearest rows, rotary positions; and rows by number:
 * tables, gathering, states. Every work-item does `per` rows. Numbers come from data: one that does
 * not fit is written into `fault` (what, which, number, limit), its row becomes zeros, and the host
 * fails the run. */
#define ROWS const int from = get_global_id(0) * per, to = min(from + per, rows)

kernel void softmax(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int rows, int D, int per,
                    int logarithm)
{
    ROWS;
    for (int r = from; r < to; r++) {
        bytes x = (bytes)(FLOATS(x_, x_at) + (long)r * D);
        global float *y = OUT(y_, y_at) + (long)r * D;
        const int whole = D / 16 * 16;
        float16 most = (float16)(-INFINITY), s = (float16)(0.0f);
        int i;
        for (i = 0; i < whole; i += 16) most = fmax(most, load(x, F32, i));
        float m = max16(most), sum = 0.0f;
        for (; i < D; i++) m = fmax(m, FLOATS(x, 0)[i]);
        for (i = 0; i < whole; i += 16) s += exp16(load(x, F32, i) - m);
        sum = sum16(s);
        for (; i < D; i++) sum += exp(FLOATS(x, 0)[i] - m);
        const float k = logarithm ? m + log(sum) : 1.0f / sum;
        for (i = 0; i < D; i += 16) {
            const float16 v = load_n(x, F32, i, D - i);
            store_n(y, i, D - i, logarithm ? v - k : exp16(v - m) * k);
        }
    }
}

/* The first of the greatest. */
kernel void argmax(bytes x_, ulong x_at, global uchar *y_, ulong y_at, int rows, int D, int per)
{
    ROWS;
    for (int r = from; r < to; r++) {
        global const float *x = FLOATS(x_, x_at) + (long)r * D;
        int at = 0, i = 1;
        float most = x[0];
        if (D >= 32) {
            float16 best = vload16(0, x);
            int16 where = IOTA;
            for (i = 16; i + 16 <= D; i += 16) {
                const float16 v = vload16(0, x + i);
                const int16 better = v > best;
                best = select(best, v, better);
                where = select(where, IOTA + i, better);
            }
            float b[16];
            int w[16];
            vstore16(best, 0, b);
            vstore16(where, 0, w);
            most = b[0];
            at = w[0];
            for (int k = 1; k < 16; k++)
                if (b[k] > most || (b[k] == most && w[k] < at)) {
                    most = b[k];
                    at = w[k];
                }
        }
        for (; i < D; i++)
            if (x[i] > most) {
                most = x[i];
                at = i;
            }
        ((global int *)(y_ + y_at))[r] = at;
    }
}

/* The first of the rows of book [V, D] nearest to each row of x. */
kernel void nearest(bytes x_, ulong x_at, bytes book_, ulong book_at, global uchar *y_, ulong y_at,
                    int rows, int D, int per, int V, int type)
{
    ROWS;
    for (int r = from; r < to; r++) {
        global const float *x = FLOATS(x_, x_at) + (long)r * D;
        float least = INFINITY;
        int at = 0;
        for (int v = 0; v < V; v++) {
            float sum = 0.0f;
            for (int i = 0; i < D; i++) {
                const float e = x[i] - load_one(book_ + book_at, type, v * D + i);
                sum = FMA(e, e, sum);
            }
            if (sum < least) {
                least = sum;
                at = v;
            }
        }
        ((global int *)(y_ + y_at))[r] = at;
    }
}

/* x [rows, H, K]; row r turns by row r % n_turns of turns [n_turns, K], couples of (cos, sin). */
kernel void rope(bytes x_, ulong x_at, bytes turns_, ulong turns_at, global uchar *y_, ulong y_at,
                 int rows, int H, int K, int per, int n_turns, int half_apart, int inverse)
{
    ROWS;
    for (int r = from; r < to; r++) {
        global const float *turn = FLOATS(turns_, turns_at) + (long)(r % n_turns) * K;
        for (int h = 0; h < H; h++) {
            global const float *x = FLOATS(x_, x_at) + ((long)r * H + h) * K;
            global float *y = OUT(y_, y_at) + ((long)r * H + h) * K;
            int i = 0;
            for (; i + 8 <= K / 2; i += 8) {
                const float16 t = vload16(0, turn + 2 * i);
                const float8 c = t.even, s = inverse ? -t.odd : t.odd;
                if (half_apart) {
                    const float8 u = vload8(0, x + i), v = vload8(0, x + K / 2 + i);
                    vstore8(u * c - v * s, 0, y + i);
                    vstore8(u * s + v * c, 0, y + K / 2 + i);
                } else {
                    const float16 w = vload16(0, x + 2 * i);
                    float16 z;
                    z.even = w.even * c - w.odd * s;
                    z.odd = w.even * s + w.odd * c;
                    vstore16(z, 0, y + 2 * i);
                }
            }
            for (; i < K / 2; i++) {
                const int p = half_apart ? i : 2 * i, q = half_apart ? p + K / 2 : p + 1;
                const float c = turn[2 * i], s = inverse ? -turn[2 * i + 1] : turn[2 * i + 1];
                const float u = x[p], v = x[q];
                y[p] = u * c - v * s;
                y[q] = u * s + v * c;
            }
        }
    }
}

void blame(global int *fault, int what, int which, int number, int limit)
{
    if (atomic_cmpxchg((volatile global int *)fault, 0, what)) return;
    fault[1] = which;
    fault[2] = number;
    fault[3] = limit;
}

/* y[r] = table[ids[r]], D wide, V rows; -1 is a row of zeros when least is -1. */
kernel void pick(bytes table_, ulong table_at, bytes ids_, ulong ids_at, global uchar *y_,
                 ulong y_at, int rows, int D, int per, int V, int type, int least,
                 global int *fault, int what)
{
    ROWS;
    for (int r = from; r < to; r++) {
        const int id = INTS(ids_, ids_at)[r], good = id >= 0 && id < V;
        if (!good && (id >= V || id < least)) blame(fault, what, r, id, V - 1);
        if (type == F32 || type == I32) {
            global const uint *x =
                (global const uint *)(table_ + table_at) + (good ? (long)id * D : 0);
            global uint *y = (global uint *)(y_ + y_at) + (long)r * D;
            int i = 0;
            for (; i + 16 <= D; i += 16) vstore16(good ? vload16(0, x + i) : (uint16)(0), 0, y + i);
            for (; i < D; i++) y[i] = good ? x[i] : 0;
        } else {
            bytes x = table_ + table_at + (good ? (long)id * D * 2 : 0);
            global float *y = OUT(y_, y_at) + (long)r * D;
            for (int i = 0; i < D; i += 16)
                store_n(y, i, D - i, good ? load_n(x, type, i, D - i) : (float16)(0.0f));
        }
    }
}

/* x [rows / T, T, D] to places at[b] + t of axis 1 of state [.., room, D]. */
kernel void append(bytes x_, ulong x_at, bytes at_, ulong at_at, global uchar *y_, ulong y_at,
                   int rows, int T, int D, int room, int per, global int *fault, int what)
{
    ROWS;
    for (int r = from; r < to; r++) {
        const int b = r / T, at = INTS(at_, at_at)[b];
        if (at < 0 || at > room - T) {
            blame(fault, what, b, at, room - T);
            continue;
        }
        global const uint *x = (global const uint *)(x_ + x_at) + (long)r * D;
        global uint *y = (global uint *)(y_ + y_at) + ((long)b * room + at + r % T) * D;
        int i = 0;
        for (; i + 16 <= D; i += 16) vstore16(vload16(0, x + i), 0, y + i);
        for (; i < D; i++) y[i] = x[i];
    }
}

/* To the nearest, ties to even; a NaN stays one. */
ushort bf16_of(float x)
{
    const uint u = as_uint(x);
    return isnan(x) ? (u >> 16 | 0x40) : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

/* x [.., T, G, K] to places at[b] + t of a cache [.., G, room, K], which is F32 or BF16. */
kernel void append_heads(bytes x_, ulong x_at, bytes at_, ulong at_at, global uchar *y_, ulong y_at,
                         int rows, int T, int G, int K, int room, int type, int per,
                         global int *fault, int what)
{
    ROWS;
    for (int r = from; r < to; r++) {
        const int b = r / (T * G), t = r / G % T, g = r % G, at = INTS(at_, at_at)[b];
        if (at < 0 || at > room - T) {
            blame(fault, what, b, at, room - T);
            continue;
        }
        global const float *x = FLOATS(x_, x_at) + (long)r * K;
        const long first = (((long)b * G + g) * room + at + t) * K;
        global ushort *half_y = (global ushort *)(y_ + y_at) + first;
        global float *y = OUT(y_, y_at) + first;
        for (int i = 0; i < K; i++) {
            if (type == BF16) half_y[i] = bf16_of(x[i]);
            else y[i] = x[i];
        }
    }
}
