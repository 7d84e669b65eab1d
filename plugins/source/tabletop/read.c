/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a picture: the table has the usual colour of what is not vivid; colours are ranges of hue
 * above a vividness that no table has, black and white what is darker or lighter than the table;
 * outlines are compared with those of the solids after both are brought to one size. A picture with
 * much noise is looked at through a median.
 */
#include "read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"
#include "solid.h"

enum { GRID = 24, LIFTS = 9, TURNS = 6, NOTHING = 8, SURE = 16 };

typedef struct outline {
    uint8_t shape;
    float aspect; /* height through width */
    uint8_t cell[GRID * GRID];
} outline;

struct world_outlines {
    int n;
    outline list[LIFTS * (TURNS + 3) * 3];
};

/* ---- outlines ------------------------------------------------------------------------------ */

/* What of a mask lies in each cell of a grid over its box: 1 where half of it does. */
static void to_grid(const uint8_t *mask, int stride, const int box[4], uint8_t cell[GRID * GRID])
{
    const float w = (float)(box[2] - box[0]) / GRID, h = (float)(box[3] - box[1]) / GRID;
    for (int y = 0; y < GRID; y++) {
        for (int x = 0; x < GRID; x++) {
            /* the mask as a smooth function: linear between the middles of its pixels */
            float u = (float)box[0] + ((float)x + 0.5f) * w - 0.5f;
            float v = (float)box[1] + ((float)y + 0.5f) * h - 0.5f, sum = 0;
            int i = (int)u, k = (int)v;
            if (u < 0)
                i = 0;
            if (v < 0)
                k = 0;
            float fu = u < 0 ? 0 : u - (float)i, fv = v < 0 ? 0 : v - (float)k;
            for (int e = 0; e < 4; e++) {
                int xx = i + (e & 1), yy = k + (e >> 1);
                if (xx < box[2] && yy < box[3] && mask[yy * stride + xx])
                    sum += (e & 1 ? fu : 1 - fu) * (e >> 1 ? fv : 1 - fv);
            }
            cell[y * GRID + x] = sum >= 0.5f;
        }
    }
}

static bool mask_box(const uint8_t *mask, int width, int height, int box[4])
{
    box[0] = width;
    box[1] = height;
    box[2] = box[3] = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (mask[y * width + x]) {
                box[0] = x < box[0] ? x : box[0];
                box[1] = y < box[1] ? y : box[1];
                box[2] = x >= box[2] ? x + 1 : box[2];
                box[3] = y >= box[3] ? y + 1 : box[3];
            }
    return box[2] > box[0];
}

/* The solid seen from the side, `lift` above the table, at about the distance of cameras. */
static void draw_outline(world_object *o, float c, float s, outline *out)
{
    enum { SIDE = 96 };
    uint8_t mask[SIDE * SIDE] = {0};
    int box[4];
    const float far = 8, middle = 0.5f * o->height;
    const float at[3] = {-far * c, 0, middle + far * s}, forward[3] = {c, 0, -s}, up[3] = {s, 0, c};
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            float u = ((float)x + 0.5f) / SIDE - 0.5f, v = 0.5f - ((float)y + 0.5f) / SIDE, d[3];
            for (int i = 0; i < 3; i++)
                d[i] = 3.2f * forward[i] + v * up[i];
            d[1] -= u;
            mask[y * SIDE + x] = solid_hit(o, at, d) < SOLID_MISS;
        }
    }
    if (!mask_box(mask, SIDE, SIDE, box))
        return;
    out->shape = o->is[WORLD_P_SHAPE];
    out->aspect = (float)(box[3] - box[1]) / (float)(box[2] - box[0]);
    to_grid(mask, SIDE, box, out->cell);
}

world_outlines *world_outlines_new(void)
{
    /* sines of 15 to 63 degrees, and of turns of a cube */
    static const float TALL[3] = {0.92f, 1, 1.08f};
    world_outlines *o = calloc(1, sizeof *o);
    for (int l = 0; o && l < LIFTS; l++) {
        float s = 0.28f + 0.07f * (float)l, c = sqrtf(1 - s * s);
        for (int shape = 0; shape < 4; shape++) {
            int turns = shape == WORLD_CUBE ? TURNS : 1;
            int talls = shape == WORLD_CYLINDER || shape == WORLD_CONE ? 3 : 1;
            for (int k = 0; k < turns * talls; k++) {
                float t = (float)(k % turns) / (float)turns, tall = talls > 1 ? TALL[k / turns] : 1;
                world_object a = {.is = {0, (uint8_t)shape, 0, 0}, .radius = 0.7f};
                a.cos_turn = (1 - t * t) / (1 + t * t); /* 0 to 90 degrees */
                a.sin_turn = 2 * t / (1 + t * t);
                a.radius = shape == WORLD_CUBE ? 0.574f : shape == WORLD_CYLINDER ? 0.588f
                           : shape == WORLD_CONE ? 0.686f : 0.7f;
                a.height = shape == WORLD_CYLINDER ? 1.225f * tall
                           : shape == WORLD_CONE ? 1.4f * tall : 2 * a.radius;
                draw_outline(&a, c, s, &o->list[o->n++]);
            }
        }
    }
    return o;
}

void world_outlines_free(world_outlines *o)
{
    free(o);
}

static void compare(const world_outlines *o, const uint8_t *mask, int stride, world_blob *b)
{
    uint8_t cell[GRID * GRID];
    to_grid(mask, stride, b->box, cell);
    float aspect = (float)(b->box[3] - b->box[1]) / (float)(b->box[2] - b->box[0]);
    /* a pixel more or less on a side changes little things a lot */
    float slack = 1.5f / (float)(b->box[2] - b->box[0]);
    memset(b->like, 0, sizeof b->like);
    for (int i = 0; i < o->n; i++) {
        const outline *e = &o->list[i];
        int both = 0, any = 0;
        for (int k = 0; k < GRID * GRID; k++) {
            both += cell[k] & e->cell[k];
            any += cell[k] | e->cell[k];
        }
        float off = aspect > e->aspect ? aspect / e->aspect - 1 : e->aspect / aspect - 1;
        off = off > slack ? off - slack : 0;
        float like = (float)both / (float)any - off;
        if (like > b->like[e->shape])
            b->like[e->shape] = like;
    }
}

/* ---- colours ------------------------------------------------------------------------------- */

typedef struct shade {
    int most, least;
    float vivid, hue; /* 0..1; degrees */
} shade;

static shade shade_of(const int p[3])
{
    shade s = {.most = p[0] > p[1] ? p[0] : p[1], .least = p[0] < p[1] ? p[0] : p[1]};
    s.most = p[2] > s.most ? p[2] : s.most;
    s.least = p[2] < s.least ? p[2] : s.least;
    float span = (float)(s.most - s.least);
    if (s.most == s.least)
        return s;
    s.vivid = span / (float)s.most;
    if (s.most == p[0])
        s.hue = 60 * (float)(p[1] - p[2]) / span;
    else if (s.most == p[1])
        s.hue = 120 + 60 * (float)(p[2] - p[0]) / span;
    else
        s.hue = 240 + 60 * (float)(p[0] - p[1]) / span;
    s.hue = s.hue < 0 ? s.hue + 360 : s.hue;
    return s;
}

static int hue_class(float h)
{
    return h < 15 || h >= 325 ? WORLD_RED : h < 42 ? WORLD_ORANGE : h < 78 ? WORLD_YELLOW
           : h < 180 ? WORLD_GREEN : h < 255 ? WORLD_BLUE : WORLD_PURPLE;
}

/* How far a shade's tint is from the table's, as vectors of hue and vividness. */
static float tint_apart(const shade *a, const shade *b)
{
    float turn = a->hue > b->hue ? a->hue - b->hue : b->hue - a->hue;
    turn = turn > 180 ? 360 - turn : turn;
    float part = turn / 180, dot = a->vivid * b->vivid * (1 - 2 * part * (2 - part) * 0.75f);
    float d = a->vivid * a->vivid + b->vivid * b->vivid - 2 * dot;
    return d > 0 ? sqrtf(d) : 0;
}

/* The colour that a pixel alone tells, or NOTHING. SURE is added where there is no doubt. */
static int pixel_class(const uint8_t *p, const shade *table)
{
    const int rgb[3] = {p[0], p[1], p[2]};
    const shade s = shade_of(rgb);
    if (s.most > 30 && s.vivid > 0.48f)
        return hue_class(s.hue) | (s.most > 40 ? SURE : 0);
    if (s.most > 30 && s.vivid > 0.26f && tint_apart(&s, table) > 0.2f)
        return hue_class(s.hue) | (s.most > 40 && tint_apart(&s, table) > 0.3f ? SURE : 0);
    if (s.most < 70 && s.most * 100 < 50 * table->most)
        return WORLD_BLACK | (s.most * 100 < 42 * table->most ? SURE : 0);
    if (s.most > 110 && s.vivid < 0.24f && s.most > table->most + 2)
        return WORLD_WHITE | (s.most > table->most + 8 && s.most > 120 ? SURE : 0);
    return NOTHING;
}

/* The middle value of each colour among what is not vivid. */
static shade table_shade(const uint8_t *rgb, size_t n)
{
    int table[3];
    for (int k = 0; k < 3; k++) {
        int count[256] = {0}, all = 0, sum = 0, v = 0;
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
        table[k] = v;
    }
    return shade_of(table);
}

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

/* ---- blobs --------------------------------------------------------------------------------- */

typedef struct reader {
    int width, height;
    uint8_t *class, *sure, *mask; /* of each pixel; of the blob in hand */
    int *list; /* the pixels of the blob in hand */
} reader;

/* The connected pixels of one class about a place; they are NOTHING afterwards. Returns how many of
 * them are sure. */
static int flood(reader *r, int from, world_blob *b)
{
    const int colour = r->class[from] & ~SURE, w = r->width, h = r->height;
    int n = 0, sure = 0;
    *b = (world_blob){.colour = (world_colour)colour, .box = {w, h, 0, 0}};
    r->list[n++] = from;
    r->class[from] = NOTHING;
    for (int i = 0; i < n; i++) {
        const int k = r->list[i], x = k % w, y = k / w;
        sure += r->sure[k];
        r->mask[k] = 1;
        b->pixels++;
        b->box[0] = x < b->box[0] ? x : b->box[0];
        b->box[1] = y < b->box[1] ? y : b->box[1];
        b->box[2] = x >= b->box[2] ? x + 1 : b->box[2];
        b->box[3] = y >= b->box[3] ? y + 1 : b->box[3];
        for (int e = 0; e < 8; e++) {
            static const int U[8] = {1, -1, 0, 0, 1, 1, -1, -1}, V[8] = {0, 0, 1, -1, 1, -1, 1, -1};
            const int xx = x + U[e], yy = y + V[e], at = yy * w + xx;
            if (xx < 0 || yy < 0 || xx >= w || yy >= h || (r->class[at] & ~SURE) != colour)
                continue;
            r->class[at] = NOTHING;
            r->list[n++] = at;
        }
    }
    return sure;
}

/* The mask is empty again. */
static void clear(const reader *r, const world_blob *b)
{
    for (int i = 0; i < b->pixels; i++)
        r->mask[r->list[i]] = 0;
}

/* Fills what lies between the first and last pixel of each row: highlights. */
static void fill(const reader *r, const world_blob *b)
{
    for (int y = b->box[1]; y < b->box[3]; y++) {
        uint8_t *row = r->mask + y * r->width;
        int from = b->box[0], to = b->box[2] - 1;
        while (from < to && !row[from])
            from++;
        while (to > from && !row[to])
            to--;
        for (int x = from; x <= to; x++)
            row[x] = row[from] ? 1 : row[x];
    }
}

/* How many pixels may be those of something in black, in white. */
static void count_grey(const uint8_t *rgb, size_t n, const shade *table, size_t count[2])
{
    count[0] = count[1] = 0;
    for (size_t k = 0; k < n; k++) {
        const int p[3] = {rgb[3 * k], rgb[3 * k + 1], rgb[3 * k + 2]};
        const shade s = shade_of(p);
        count[0] += s.vivid < 0.4f && s.most * 100 < 72 * table->most;
        count[1] += s.vivid < 0.26f && s.most > table->most + 3;
        /* in its own shade a white thing is darker than the table, but not tinted like it */
        count[1] += s.vivid + 0.05f < table->vivid && s.most > 90 && s.most <= table->most + 3 &&
                    tint_apart(&s, table) > 0.08f;
    }
}

bool world_picture_read(const world_outlines *o, const uint8_t *rgb, int width, int height,
                        world_reading *out)
{
    const size_t n = (size_t)width * (size_t)height;
    const int unit = width < height ? width : height, least = 24 * unit / 128 * unit / 128;
    reader r = {.width = width, .height = height, .class = malloc(n), .sure = malloc(n),
                .mask = calloc(n, 1), .list = malloc(n * sizeof(int))};
    const bool noisy = noise_of(rgb, width, height) > NOISY;
    uint8_t *quiet = noisy ? malloc(3 * n) : NULL;
    const bool ok = r.class && r.sure && r.mask && r.list && (quiet || !noisy);
    size_t grey[2];
    out->n = 0;
    out->unit = (float)unit / 128 * (float)unit / 128;
    if (!ok)
        goto done;
    if (noisy) {
        median(rgb, width, height, quiet);
        rgb = quiet;
    }
    const shade table = table_shade(rgb, n);
    count_grey(rgb, n, &table, grey);
    out->perhaps[0] = grey[0] >= (size_t)least || table.most < 100;
    out->perhaps[1] = grey[1] >= (size_t)least || table.most > 180;
    for (size_t k = 0; k < n; k++) {
        r.class[k] = (uint8_t)pixel_class(rgb + 3 * k, &table);
        r.sure[k] = r.class[k] >= SURE;
    }
    for (size_t k = 0; k < n; k++) {
        world_blob b;
        if (r.class[k] == NOTHING)
            continue;
        const int sure = flood(&r, (int)k, &b);
        if (b.pixels < least || sure < least / 2 || (size_t)b.pixels > n / 3) {
            clear(&r, &b);
            continue;
        }
        fill(&r, &b);
        compare(o, r.mask, width, &b);
        for (int y = b.box[1]; y < b.box[3]; y++)
            memset(r.mask + y * width + b.box[0], 0, (size_t)(b.box[2] - b.box[0]));
        int at = out->n < WORLD_MOST_BLOBS ? out->n++ : WORLD_MOST_BLOBS - 1;
        for (; at > 0 && out->blob[at - 1].pixels < b.pixels; at--)
            out->blob[at] = out->blob[at - 1];
        out->blob[at] = b;
    }
done:
    free(quiet);
    free(r.class);
    free(r.sure);
    free(r.mask);
    free(r.list);
    return ok;
}

/* ---- claims -------------------------------------------------------------------------------- */

/* The value that a word names, synonyms of questions too; -1: none. */
static int value_of(world_property p, const char *word)
{
    static const struct {
        const char *word;
        world_shape shape;
    } MORE[] = {{"ball", WORLD_SPHERE}, {"block", WORLD_CUBE}, {"box", WORLD_CUBE}};
    for (int i = 0; i < world_value_count(p); i++)
        if (!strcmp(word, world_value_name(p, i)))
            return i;
    for (size_t i = 0; p == WORLD_P_SHAPE && i < sizeof MORE / sizeof MORE[0]; i++)
        if (!strcmp(word, MORE[i].word))
            return (int)MORE[i].shape;
    return -1;
}

int world_claims_of(const char *text, world_claim out[WORLD_MOST_OBJECTS])
{
    int n = 0, colour = -1;
    while (*text && n < WORLD_MOST_OBJECTS) {
        char word[16];
        size_t k = 0;
        while (*text && !isalpha((unsigned char)*text))
            text++;
        for (; isalpha((unsigned char)*text); text++)
            if (k + 1 < sizeof word)
                word[k++] = (char)tolower((unsigned char)*text);
        word[k] = 0;
        const int c = value_of(WORLD_P_COLOUR, word), s = value_of(WORLD_P_SHAPE, word);
        colour = c >= 0 ? c : colour;
        if (s < 0 || colour < 0)
            continue;
        out[n++] = (world_claim){(world_colour)colour, (world_shape)s};
        colour = -1;
    }
    return n;
}

#define DOUBT 0.07f /* by how much a blob may be more like another solid */
#define CLEAR 0.76f /* what is less like any solid is several things, or a part of one */
#define SURELY 0.84f /* what is as like a solid is one, and no shadow */
enum { STRANGE = 60 }; /* pixels of 128 x 128 that a thing nobody spoke of has at least */

static float best_like(const world_blob *b)
{
    float best = 0;
    for (int k = 0; k < 4; k++)
        best = b->like[k] > best ? b->like[k] : best;
    return best;
}

/* By how much less a blob is like this solid than like any; unclear ones may be anything. */
static float short_of(const world_blob *b, world_shape shape)
{
    const float best = best_like(b);
    return best < CLEAR ? DOUBT : best - b->like[shape];
}

/* The blob that is most like the claim, not used yet if it is a clear one; -1: none. */
static int blob_for(const world_reading *r, const world_claim *claim, const bool *used)
{
    int best = -1;
    for (int k = 0; k < r->n; k++) {
        const float off = short_of(&r->blob[k], claim->shape);
        if ((used[k] && best_like(&r->blob[k]) >= CLEAR) || r->blob[k].colour != claim->colour ||
            off > DOUBT)
            continue;
        if (best < 0 || off < short_of(&r->blob[best], claim->shape))
            best = k;
    }
    return best;
}

/* Something vivid by itself: not a light spot or a reflection on what was spoken of. */
static bool strange(const world_reading *r, int k, const bool *used)
{
    const world_blob *b = &r->blob[k];
    if (b->colour >= WORLD_WHITE || (float)b->pixels < r->unit * STRANGE || best_like(b) < CLEAR)
        return false;
    for (int i = 0; i < r->n; i++) {
        const int *in = r->blob[i].box;
        if (used[i] && b->box[0] < in[2] && b->box[2] > in[0] && b->box[1] < in[3] &&
            b->box[3] > in[1])
            return false;
    }
    return true;
}

/* Something of the colour is there, surely a solid, and not one that was spoken of. */
static bool otherwise(const world_reading *r, world_colour colour, const bool *used)
{
    for (int k = 0; k < r->n; k++)
        if (!used[k] && r->blob[k].colour == colour && best_like(&r->blob[k]) >= SURELY)
            return true;
    return false;
}

bool world_reading_shows(const world_reading *r, const world_claim *claims, int n)
{
    bool used[WORLD_MOST_BLOBS] = {false};
    unsigned colours = 0;
    for (int i = 0; i < n; i++) {
        const world_colour c = claims[i].colour;
        const int k = blob_for(r, &claims[i], used);
        if (k >= 0)
            used[k] = true;
        else if ((!(c == WORLD_BLACK && r->perhaps[0]) && !(c == WORLD_WHITE && r->perhaps[1])) ||
                 otherwise(r, c, used))
            return false;
        colours |= 1u << c;
    }
    for (int k = 0; k < r->n; k++)
        if (!(colours >> r->blob[k].colour & 1) && strange(r, k, used))
            return false;
    return true;
}
