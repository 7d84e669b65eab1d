/* SPDX-License-Identifier: Apache-2.0 */
/* conv2d: x [B,H,W,C] by w [O,C,kh,kw] gives y [B,OH,OW,O]. Weights are turned once per call into
 * [kh kw][C][O up to a multiple of 32], so that a tile is 6 neighbouring pixels by 32 channels,
 * each sum a float16 over channels, x spread. Pixels outside read a row of zeros that lies behind
 * the weights. Work-items of `pack`: (kh kw C + 1); of `conv`: (strips of channels, rows of
 * pixels). */
#define MR 6

kernel void pack(bytes w_, ulong w_at, global float *to, int O, int C, int taps, int room, int type)
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
        row[o] = o < O ? load_one(w, type, (o * C + c) * taps + tap) : 0.0f;
}

kernel void conv(bytes x_, ulong x_at, global const float *w, global uchar *y_, ulong y_at,
                 bytes bias, ulong bias_at, int H, int W, int C, int OH, int OW, int O, int kh,
                 int kw, int stride_y, int stride_x, int top, int left, int room, int act,
                 int bias_type)
{
    const int line = get_global_id(1), b = line / OH, oy = line % OH;
    const int n0 = get_global_id(0) * 32, n1 = min(n0 + 32, O), more = min(n1 - n0 - 16, 16);
    global const float *x = FLOATS(x_, x_at) + (long)b * H * W * C,
                       *zeros = w + (long)kh * kw * C * room;
    global float *y = OUT(y_, y_at) + (long)line * OW * O;
    for (int ox = 0; ox < OW; ox += MR) {
        float16 s[MR], t[MR];
#pragma unroll
        for (int i = 0; i < MR; i++) s[i] = t[i] = (float16)(0.0f);
        for (int tap = 0; tap < kh * kw; tap++) {
            const int iy = oy * stride_y + tap / kw - top;
            if (iy < 0 || iy >= H) continue;
            global const float *at[MR], *row = w + (long)tap * C * room + n0;
#pragma unroll
            for (int i = 0; i < MR; i++) {
                const int ix = (ox + i) * stride_x + tap % kw - left;
                at[i] = ix < 0 || ix >= W ? zeros : x + ((long)iy * W + ix) * C;
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
            if (ox + i >= OW) break;
            store_n(y + (long)(ox + i) * O, n0, n1 - n0, s[i]);
            if (more > 0) store_n(y + (long)(ox + i) * O, n0 + 16, more, t[i]);
        }
    }
    finish(y, O, 0, OW, n0, n1, 1.0f, act, bias + bias_at, bias_type, 0);
}
