/* SPDX-License-Identifier: Apache-2.0 */
/* conv2d: x [B,H,W,C] by w [O,C,kh,kw] gives y [B,OH,OW,O]. Weights are turned once per call into
 * [kh kw][C][O up to a multiple of 32], so that a tile is 6 neighbouring pixels by 32 channels,
 * each sum a float16 over channels, x spread. Pixels outside read a row of zeros that lies behind
 * the weights. With -DBACK it is conv2d_dx: x is the gradient of the output, y that of the input, C
 * and O change places, and the pixels of a tile are a stride apart, so that they meet the same
 * taps. Taps lie gap_y lines and gap_x columns apart. Work-items of `pack`: (kh kw C + 1); of
 * `conv`: (strips of channels, rows of pixels, parts of a row). */
#define MR 6

/* The place of x that place o of y reads below a tap, along one axis of n places; -1: none. */
int place(int o, int tap, int stride, int gap, int before, int n)
{
#ifdef BACK
    const int at = o + before - tap * gap;
    return at < 0 || at % stride || at / stride >= n ? -1 : at / stride;
#else
    const int at = o * stride + tap * gap - before;
    return at < 0 || at >= n ? -1 : at;
#endif
}

kernel void pack(bytes w_, ulong w_at, global float *to, int O, int C, int taps, int room, int type,
                 int o_step, int c_step)
{
    const int r = get_global_id(0);
    bytes w = w_ + w_at;
    global float *row = to + (long)r * room;
    if (r == taps * C) {
        for (int c = 0; c < C; c++) row[c] = 0.0f;
        return;
    }
    const int tap = r / C, c = r % C;
    for (int o = 0; o < room; o++)
        row[o] = o < O ? load_one(w, type, o * o_step + c * c_step + tap) : 0.0f;
}

kernel void conv(bytes x_, ulong x_at, global const float *w, global uchar *y_, ulong y_at,
                 bytes bias, ulong bias_at, int H, int W, int C, int OH, int OW, int O, int kh,
                 int kw, int stride_y, int stride_x, int gap_y, int gap_x, int top, int left,
                 int wide, int room, int act, int bias_type)
{
#ifdef BACK
    const int apart = stride_x;
#else
    const int apart = 1;
#endif
    const int x0 = get_global_id(2) * wide, x1 = min(x0 + wide, OW);
    const int line = get_global_id(1), b = line / OH, oy = line % OH;
    const int n0 = get_global_id(0) * 32, n1 = min(n0 + 32, O), more = min(n1 - n0 - 16, 16);
    global const float *x = FLOATS(x_, x_at) + (long)b * H * W * C,
                       *zeros = w + (long)kh * kw * C * room;
    global float *y = OUT(y_, y_at) + (long)line * OW * O;
    for (int px = x0; px < min(x0 + apart, x1); px++) {
        for (int ox = px; ox < x1; ox += MR * apart) {
            float16 s[MR], t[MR];
#pragma unroll
            for (int i = 0; i < MR; i++) s[i] = t[i] = (float16)(0.0f);
            for (int tap = 0; tap < kh * kw; tap++) {
                const int iy = place(oy, tap / kw, stride_y, gap_y, top, H);
                if (iy < 0) continue;
#ifdef BACK
                if ((ox + left - tap % kw * gap_x) % stride_x) continue;
#endif
                global const float *at[MR], *row = w + (long)tap * C * room + n0;
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const int ix = place(ox + i * apart, tap % kw, stride_x, gap_x, left, W);
                    at[i] = ix < 0 ? zeros : x + ((long)iy * W + ix) * C;
                }
                for (int c = 0; c < C; c++) {
                    const float16 p = vload16(0, row + (long)c * room);
                    const float16 q = vload16(0, row + (long)c * room + 16);
#pragma unroll
                    for (int i = 0; i < MR; i++) {
                        const float16 v = (float16)(at[i][c]);
                        s[i] = FMA(v, p, s[i]);
                        t[i] = FMA(v, q, t[i]);
                    }
                }
            }
#pragma unroll
            for (int i = 0; i < MR; i++) {
                const int to = ox + i * apart;
                if (to >= x1) break;
                store_n(y + (long)to * O, n0, n1 - n0, s[i]);
                if (more > 0) store_n(y + (long)to * O, n0 + 16, more, t[i]);
            }
        }
    }
    finish(y, O, x0, x1, n0, n1, 1.0f, act, bias + bias_at, bias_type, 0);
}
