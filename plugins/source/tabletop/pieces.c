/* SPDX-License-Identifier: Apache-2.0 */
/* A thing of one colour is a region where the picture is more like that colour than around it, but
 * how much more depends on light, film and what a codec left of it. So each colour has a map of how
 * much it is there, and what hangs together above each of several levels is a piece, as in a
 * component tree (Matas et al. 2002, maximally stable extremal regions); which of them are things
 * is for others to say. Pictures with much noise are looked at through a median.
 */
#include "pieces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 8, MAPS = 10, AROUND = 20 };

/* ---- colours ------------------------------------------------------------------------------- */

typedef struct shade {
    float r, g, b, most, least, vivid, hue; /* 0..1; degrees */
} shade;

static shade shade_of(float r, float g, float b)
{
    shade s = {.r = r, .g = g, .b = b, .most = fmaxf(r, fmaxf(g, b)),
               .least = fminf(r, fminf(g, b))};
    const float span = s.most - s.least;
    if (span <= 0)
        return s;
    s.vivid = span / s.most;
    s.hue = s.most == r ? 60 * (g - b) / span
            : s.most == g ? 120 + 60 * (b - r) / span : 240 + 60 * (r - g) / span;
    s.hue = s.hue < 0 ? s.hue + 360 : s.hue;
    return s;
}

/* How far a shade's tint is from another one, as vectors of hue and vividness. */
static float tint_apart(const shade *a, const shade *b)
{
    float turn = a->hue > b->hue ? a->hue - b->hue : b->hue - a->hue;
    turn = turn > 180 ? 360 - turn : turn;
    const float part = turn / 180, dot = a->vivid * b->vivid * (1 - 2 * part * (2 - part) * 0.75f);
    const float d = a->vivid * a->vivid + b->vivid * b->vivid - 2 * dot;
    return d > 0 ? sqrtf(d) : 0;
}

/* The middle value of each colour among what is not vivid: the table. */
static shade table_shade(const uint8_t *rgb, size_t n)
{
    float table[3];
    for (int k = 0; k < 3; k++) {
        size_t count[256] = {0}, all = 0, sum = 0;
        int v = 0;
        for (size_t i = 0; i < n; i++) {
            const uint8_t *p = rgb + 3 * i;
            int most = p[0] > p[1] ? p[0] : p[1], least = p[0] < p[1] ? p[0] : p[1];
            most = p[2] > most ? p[2] : most;
            least = p[2] < least ? p[2] : least;
            if ((most - least) * 100 > 52 * most)
                continue;
            count[p[k]]++;
            all++;
        }
        while (v < 255 && sum + count[v] <= all / 2)
            sum += count[v++];
        table[k] = (float)v / 255;
    }
    return shade_of(table[0], table[1], table[2]);
}

static float clamp(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* Degrees of hue from the range of a colour, which ends where that of the next one begins. */
static float hue_off(float hue, int colour)
{
    static const float FROM[] = {-35, 78, 180, 42, 255, 15}, TO[] = {15, 180, 255, 78, 325, 42};
    const float middle = 0.5f * (FROM[colour] + TO[colour]);
    float d = fabsf(hue - middle);
    d = d > 180 ? 360 - d : d;
    d -= 0.5f * (TO[colour] - FROM[colour]);
    return d < 0 ? 0 : d;
}

/* How much of a colour is in a shade that lies on such a table, or about which the picture is so
 * light on average, 0..1. */
static float much_of(const shade *s, const shade *table, int colour)
{
    if (colour == WORLD_BLACK)
        return clamp((table->most - s->most) / fmaxf(table->most, 0.1f)) *
               clamp(2.2f - 2.4f * s->vivid);
    if (colour == WORLD_WHITE)
        return clamp((s->least - table->least) / fmaxf(1 - table->least, 0.15f)) *
               clamp(1.6f - 3 * s->vivid);
    const float apart = tint_apart(s, table), tint = apart < s->vivid ? apart : s->vivid;
    return clamp(1 - hue_off(s->hue, colour) / 18) * tint * clamp((s->most - 0.06f) * 12);
}

static const float LEVEL[3][LEVELS] = {
    {0.11f, 0.16f, 0.22f, 0.29f, 0.37f, 0.46f, 0.56f, 0.67f}, /* of what is vivid */
    {0.06f, 0.10f, 0.15f, 0.21f, 0.28f, 0.37f, 0.47f, 0.60f}, /* of white */
    {0.18f, 0.26f, 0.34f, 0.42f, 0.50f, 0.58f, 0.66f, 0.75f}, /* of black */
};

/* ---- noise --------------------------------------------------------------------------------- */

#define NOISY 9.f /* of 255: painted scenes have less than 2, worn ones less */

/* The standard deviation of the noise, of 255 (Immerkaer 1996: a mask that is 0 on planes). */
static float noise_of(const uint8_t *rgb, int w, int h)
{
    const int row = 3 * w;
    int64_t sum = 0;
    for (int y = 1; y < h - 1; y++)
        for (int x = 1; x < w - 1; x++) {
            const uint8_t *p = rgb + row * y + 3 * x + 1; /* green has most of the light */
            const int v = 4 * p[0] - 2 * (p[-3] + p[3] + p[-row] + p[row]) + p[-row - 3] +
                          p[-row + 3] + p[row - 3] + p[row + 3];
            sum += v < 0 ? -v : v;
        }
    return 1.2533f * (float)sum / (6 * (float)(w - 2) * (float)(h - 2));
}

/* The median of the 3 x 3 pixels about each, of those that are in the picture. */
static void median(const uint8_t *rgb, int w, int h, uint8_t *out)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int k = 0; k < 3; k++) {
                uint8_t v[9];
                int n = 0;
                for (int e = 0; e < 9; e++) {
                    const int xx = x + e % 3 - 1, yy = y + e / 3 - 1;
                    if (xx < 0 || yy < 0 || xx >= w || yy >= h)
                        continue;
                    const uint8_t q = rgb[3 * (yy * w + xx) + k];
                    int i = n++;
                    for (; i > 0 && v[i - 1] > q; i--)
                        v[i] = v[i - 1];
                    v[i] = q;
                }
                out[3 * (y * w + x) + k] = v[n / 2];
            }
}

/* ---- what hangs together -------------------------------------------------------------------- */

typedef struct finder {
    world_pieces *out;
    const uint8_t *rgb;
    shade table;
    int width, height, least, most; /* pixels of a piece */
    uint8_t *open, *mask;           /* above the level and not taken; the piece in hand */
    int *list;                      /* the pixels of the piece in hand */
    float *light;                   /* [height, width], 0..1 */
    float *about;                   /* [height, width], the mean light around */
    float *much;                    /* [height, width] */
} finder;

/* The open pixels that hang together with one; they are closed afterwards. Returns how many. */
static int flood(finder *f, int from, int box[4])
{
    static const int U[8] = {1, -1, 0, 0, 1, 1, -1, -1}, V[8] = {0, 0, 1, -1, 1, -1, 1, -1};
    const int w = f->width, h = f->height;
    int n = 0;
    box[0] = w;
    box[1] = h;
    box[2] = box[3] = 0;
    f->list[n++] = from;
    f->open[from] = 0;
    for (int i = 0; i < n; i++) {
        const int k = f->list[i], x = k % w, y = k / w;
        box[0] = x < box[0] ? x : box[0];
        box[1] = y < box[1] ? y : box[1];
        box[2] = x >= box[2] ? x + 1 : box[2];
        box[3] = y >= box[3] ? y + 1 : box[3];
        for (int e = 0; e < 8; e++) {
            const int xx = x + U[e], yy = y + V[e], at = yy * w + xx;
            if (xx < 0 || yy < 0 || xx >= w || yy >= h || !f->open[at])
                continue;
            f->open[at] = 0;
            f->list[n++] = at;
        }
    }
    return n;
}

/* The mask, and what lies between the first and last pixel of each row: highlights. */
static int fill(finder *f, int n, const int box[4])
{
    int all = 0;
    for (int i = 0; i < n; i++)
        f->mask[f->list[i]] = 1;
    for (int y = box[1]; y < box[3]; y++) {
        uint8_t *row = f->mask + y * f->width;
        int from = box[0], to = box[2] - 1;
        while (from < to && !row[from])
            from++;
        while (to > from && !row[to])
            to--;
        for (int x = from; x <= to; x++)
            row[x] = row[from] ? 1 : row[x];
        for (int x = from; x <= to; x++)
            all += row[x];
    }
    return all;
}

/* ---- what a piece is like ------------------------------------------------------------------- */

/* Outline and shading in a square about the piece, each value linear between the middles of
 * pixels; shading by its own mean and deviation. */
static void form_of(const finder *f, world_piece *p)
{
    const int w = p->box[2] - p->box[0], h = p->box[3] - p->box[1];
    const float side = 1.2f * (float)(w > h ? w : h), unit = f->out->unit;
    const float left = 0.5f * (float)(p->box[0] + p->box[2]) - 0.5f * side;
    const float top = 0.5f * (float)(p->box[1] + p->box[3]) - 0.5f * side;
    float sum = 0, square = 0;
    for (int y = p->box[1]; y < p->box[3]; y++)
        for (int x = p->box[0]; x < p->box[2]; x++) {
            const int k = y * f->width + x;
            const float v = f->mask[k] ? f->light[k] : 0;
            sum += v;
            square += v * v;
        }
    const float n = (float)p->pixels, mean = sum / n, var = square / n - mean * mean;
    const float scale = 1 / (sqrtf(var > 0 ? var : 0) + 0.016f);
    enum { CELLS = PIECES_GRID * PIECES_GRID };
    float strong = 0, *at = p->form;
    for (int y = p->box[1]; y < p->box[3]; y++)
        for (int x = p->box[0]; x < p->box[2]; x++)
            strong += f->mask[y * f->width + x] ? f->much[y * f->width + x] : 0;
    strong = n / fmaxf(strong, 0.01f * n);
    memset(p->form, 0, sizeof p->form);
    for (int i = 0; i < PIECES_GRID; i++)
        for (int j = 0; j < PIECES_GRID; j++, at++) {
            const float v = top + ((float)i + 0.5f) * side / PIECES_GRID - 0.5f;
            const float u = left + ((float)j + 0.5f) * side / PIECES_GRID - 0.5f;
            const int y = (int)floorf(v), x = (int)floorf(u);
            for (int e = 0; e < 4; e++) {
                const int xx = x + (e & 1), yy = y + (e >> 1), k = yy * f->width + xx;
                const float much = (e & 1 ? u - (float)x : 1 - u + (float)x) *
                                   (e >> 1 ? v - (float)y : 1 - v + (float)y);
                if (xx < 0 || yy < 0 || xx >= f->width || yy >= f->height)
                    continue;
                const float light = (f->light[k] - mean) * scale;
                at[2 * CELLS] += much * fminf(f->much[k] * strong, 2);
                at[3 * CELLS] += much * fmaxf(-4, fminf(light, 4));
                if (!f->mask[k])
                    continue;
                at[0] += much;
                at[CELLS] += much * light;
            }
        }
    const bool edge = p->box[0] < 1 || p->box[1] < 1 || p->box[2] >= f->width ||
                      p->box[3] >= f->height;
    const float more[] = {(float)w / (float)h, (float)h / (float)w, (float)w / (30 * unit),
                          (float)h / (30 * unit), n / (float)(w * h), edge ? 1.f : 0.f, 1};
    memcpy(p->form + 4 * CELLS, more, sizeof more);
}

/* The mean colour of the piece, of its lighter half, of the table, their products. */
static void tint_of(const finder *f, world_piece *p)
{
    float sum[2][3] = {{0}}, mean = 0, n[2] = {0, 0}, x[11];
    for (int turn = 0; turn < 2; turn++) {
        for (int r = p->box[1]; r < p->box[3]; r++)
            for (int c = p->box[0]; c < p->box[2]; c++) {
                const int k = r * f->width + c;
                if (!f->mask[k] || (turn && f->light[k] < mean))
                    continue;
                n[turn]++;
                for (int i = 0; i < 3; i++)
                    sum[turn][i] += (float)f->rgb[3 * k + i];
                mean += turn ? 0 : f->light[k];
            }
        mean = turn ? mean : mean / n[0];
    }
    for (int i = 0; i < 6; i++)
        x[i] = sum[i / 3][i % 3] / (255 * fmaxf(n[i / 3], 1));
    x[6] = f->table.r;
    x[7] = f->table.g;
    x[8] = f->table.b;
    const float light = fmaxf(x[3], fmaxf(x[4], x[5])) + 0.06f;
    x[9] = (x[3] - x[4]) / light;
    x[10] = (x[3] + x[4] - 2 * x[5]) / light;
    float *out = p->tint;
    *out++ = 1;
    for (int i = 0; i < 11; i++)
        *out++ = x[i];
    for (int i = 0; i < 11; i++)
        for (int k = i; k < 11; k++)
            *out++ = x[i] * x[k];
}

static void take(finder *f, int n, const int box[4])
{
    world_pieces *o = f->out;
    const int all = fill(f, n, box);
    if (all <= f->most && o->n < PIECES_MOST) {
        world_piece *p = &o->list[o->n];
        uint8_t *bits = o->mask + (size_t)o->n++ * o->row;
        p->pixels = all;
        memcpy(p->box, box, sizeof p->box);
        form_of(f, p);
        tint_of(f, p);
        for (int y = box[1]; y < box[3]; y++)
            for (int x = box[0], k = y * f->width + x; x < box[2]; x++, k++)
                bits[k / 8] = (uint8_t)(bits[k / 8] | f->mask[k] << (k % 8));
    }
    for (int y = box[1]; y < box[3]; y++)
        memset(f->mask + y * f->width + box[0], 0, (size_t)(box[2] - box[0]));
}

/* The mean light of a square about each pixel: sums of rows, then of columns. */
static void look_around(finder *f)
{
    const int w = f->width, h = f->height, reach = (int)(AROUND * f->out->unit + 0.5f);
    float *row = f->much; /* not in use yet */
    for (int y = 0; y < h; y++) {
        const float *in = f->light + y * w;
        for (int x = 0; x < w; x++) {
            const int x0 = x > reach ? x - reach : 0, x1 = x + reach < w ? x + reach : w - 1;
            float sum = 0;
            for (int k = x0; k <= x1; k++)
                sum += in[k];
            row[y * w + x] = sum / (float)(x1 - x0 + 1);
        }
    }
    for (int y = 0; y < h; y++) {
        const int y0 = y > reach ? y - reach : 0, y1 = y + reach < h ? y + reach : h - 1;
        for (int x = 0; x < w; x++)
            f->about[y * w + x] = 0;
        for (int k = y0; k <= y1; k++)
            for (int x = 0; x < w; x++)
                f->about[y * w + x] += row[k * w + x];
        for (int x = 0; x < w; x++)
            f->about[y * w + x] /= (float)(y1 - y0 + 1);
    }
}

/* The maps of the eight colours; those of white and black again, by what is around. */
static void find_of(finder *f, int map)
{
    const int colour = map < 8 ? map : map - 2;
    const float *level = LEVEL[colour < WORLD_WHITE ? 0 : colour == WORLD_WHITE ? 1 : 2];
    const int n = f->width * f->height;
    for (int k = 0; k < n; k++) {
        const uint8_t *p = f->rgb + 3 * k;
        const shade s = shade_of((float)p[0] / 255, (float)p[1] / 255, (float)p[2] / 255);
        const shade about = {.most = f->about[k], .least = f->about[k]};
        f->much[k] = much_of(&s, map < 8 ? &f->table : &about, colour);
    }
    for (int l = 0; l < LEVELS; l++) {
        for (int k = 0; k < n; k++)
            f->open[k] = f->much[k] > level[l];
        for (int k = 0; k < n; k++) {
            int box[4];
            if (!f->open[k])
                continue;
            const int got = flood(f, k, box);
            if (got >= f->least && got <= f->most)
                take(f, got, box);
        }
    }
}

/* Whether as many pixels as a thing has may be those of something in black, in white. In its own
 * shade a white thing is darker than the table, but not tinted like it. */
static void count_grey(const finder *f, bool perhaps[2])
{
    const shade *table = &f->table;
    int n[2] = {0, 0};
    for (int k = 0; k < f->width * f->height; k++) {
        const uint8_t *p = f->rgb + 3 * k;
        const shade s = shade_of((float)p[0] / 255, (float)p[1] / 255, (float)p[2] / 255);
        const bool light = s.most > table->most + 0.012f;
        n[0] += s.vivid < 0.4f && s.most < 0.72f * table->most;
        n[1] += light ? s.vivid < 0.26f : s.vivid + 0.05f < table->vivid && s.most > 0.35f &&
                                          tint_apart(&s, table) > 0.08f;
    }
    perhaps[0] = n[0] >= f->least || table->most < 0.4f;
    perhaps[1] = n[1] >= f->least || table->most > 0.7f;
}

bool world_pieces_find(const uint8_t *rgb, int width, int height, world_pieces *out)
{
    const size_t n = (size_t)width * (size_t)height;
    const int side = width < height ? width : height;
    finder f = {.out = out, .rgb = rgb, .width = width, .height = height, .open = calloc(n, 1),
                .mask = calloc(n, 1), .list = malloc(n * sizeof(int)),
                .light = malloc(n * sizeof(float)), .about = malloc(n * sizeof(float)),
                .much = malloc(n * sizeof(float))};
    const bool noisy = noise_of(rgb, width, height) > NOISY;
    uint8_t *quiet = noisy ? malloc(3 * n) : NULL;
    *out = (world_pieces){.width = width, .height = height, .row = n / 8 + 1};
    out->unit = (float)side / 128;
    out->list = malloc(PIECES_MOST * sizeof *out->list);
    out->mask = calloc(PIECES_MOST, out->row);
    f.least = (int)(24 * out->unit * out->unit);
    f.most = (int)(n / 6);
    const bool ok = f.open && f.mask && f.list && f.light && f.about && f.much &&
                    (quiet || !noisy) && out->list && out->mask;
    if (!ok)
        goto done;
    if (noisy) {
        median(rgb, width, height, quiet);
        f.rgb = quiet;
    }
    f.table = table_shade(f.rgb, n);
    for (size_t k = 0; k < n; k++)
        f.light[k] = (0.3f * (float)f.rgb[3 * k] + 0.59f * (float)f.rgb[3 * k + 1] +
                      0.11f * (float)f.rgb[3 * k + 2]) / 255;
    count_grey(&f, out->perhaps);
    look_around(&f);
    for (int map = 0; map < MAPS; map++)
        find_of(&f, map);
done:
    free(quiet);
    free(f.open);
    free(f.mask);
    free(f.list);
    free(f.light);
    free(f.about);
    free(f.much);
    if (!ok)
        world_pieces_fini(out);
    return ok;
}

void world_pieces_fini(world_pieces *p)
{
    free(p->list);
    free(p->mask);
    *p = (world_pieces){.n = 0};
}
