/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fits what tells solids and colours in pieces of pictures: linear discriminants on the numbers of
 * pieces of scenes as they are painted, of the same softened and compressed, and of the same after
 * the round trip of models/codec. Writes plugins/source/tabletop/solids.c, and tells the share of
 * pieces that are told right of scenes that it was not fitted on.
 *   bench/solids [SCENES] > solids.c    from the top of the tree
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/trip.h"
#include "plugins/source/tabletop/pieces.h"
#include "plugins/source/tabletop/solids.h"
#include "tests/tabletop/wear.h"

enum { MOST = PIECES_FORM, CLASSES = 8, WAYS = 3 };

/* A linear discriminant: classes are bells about their means, all as wide as each other. */
typedef struct bells {
    int n, m;                    /* numbers, classes */
    double a[MOST][MOST];        /* sums of products; then their deviation, decomposed */
    double mean[CLASSES][MOST], weight[CLASSES];
    float row[CLASSES][MOST + 1];
} bells;

static bells form = { .n = PIECES_FORM, .m = SOLIDS_KINDS };
static bells good = { .n = PIECES_FORM, .m = 2 };
static bells tint = { .n = PIECES_TINT, .m = 8 };

static void add(bells *s, const float *x, int is)
{
    s->weight[is]++;
    for (int i = 0; i < s->n; i++) {
        const double v = (double)x[i];
        for (int k = 0; k <= i; k++) s->a[i][k] += v * (double)x[k];
        s->mean[is][i] += v;
    }
}

/* The log of how likely each class is, but for what all have in common: row . (x, 1). */
static void solve(bells *s, double ridge)
{
    double all = 0;
    bool flat[MOST];
    for (int c = 0; c < s->m; c++) all += s->weight[c];
    for (int c = 0; c < s->m; c++)
        for (int i = 0; i < s->n; i++) s->mean[c][i] /= s->weight[c];
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k <= i; k++) {
            for (int c = 0; c < s->m; c++)
                s->a[i][k] -= s->weight[c] * s->mean[c][i] * s->mean[c][k];
            s->a[i][k] /= all;
            if (i != k) continue;
            flat[i] = s->a[i][i] < 1e-9;
            s->a[i][i] += ridge;
        }
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k <= i; k++) {
            double v = s->a[i][k];
            for (int e = 0; e < k; e++) v -= s->a[i][e] * s->a[k][e];
            s->a[i][k] = i == k ? sqrt(v) : v / s->a[k][k];
        }
    for (int c = 0; c < s->m; c++) {
        double x[MOST], bias = 0;
        for (int i = 0; i < s->n; i++) {
            x[i] = s->mean[c][i];
            for (int k = 0; k < i; k++) x[i] -= s->a[i][k] * x[k];
            x[i] /= s->a[i][i];
        }
        for (int i = s->n - 1; i >= 0; i--) {
            for (int k = i + 1; k < s->n; k++) x[i] -= s->a[k][i] * x[k];
            x[i] /= s->a[i][i];
        }
        for (int i = 0; i < s->n; i++) {
            s->row[c][i] = (float)x[i];
            bias -= 0.5 * x[i] * s->mean[c][i];
        }
        for (int i = 0; i < s->n; i++) { /* what never varies is part of that */
            if (!flat[i]) continue;
            bias += x[i] * s->mean[c][i];
            s->row[c][i] = 0;
        }
        s->row[c][s->n] = (float)bias;
    }
}

static uint64_t draw(void)
{
    static uint64_t at;
    return omn_random_at(101, 0, at++);
}

/* The thing that a piece shows and how much of both they share. */
static int shown(const world_pieces *p, int i, const world_scene *s, const uint8_t *number,
                 double *like)
{
    int both[WORLD_MOST_OBJECTS + 1] = { 0 }, best = 1;
    const int *b = p->list[i].box;
    for (int y = b[1]; y < b[3]; y++)
        for (int x = b[0]; x < b[2]; x++)
            if (world_piece_has(p, i, y * SIDE + x)) both[number[y * SIDE + x]]++;
    for (int k = 1; k <= s->n; k++) best = both[k] > both[best] ? k : best;
    *like = (double)both[best] /
            (double)(p->list[i].pixels + s->seen[best - 1].pixels - both[best]);
    return best - 1;
}

/* A cube looks otherwise from each side: classes of their own, by its turn towards the camera. */
static int kind_of(const world_scene *s, const world_object *o)
{
    if (o->is[WORLD_P_SHAPE] != WORLD_CUBE) return o->is[WORLD_P_SHAPE] + SOLIDS_TURNS - 1;
    const double to = atan2((double)(s->camera.at[1] - o->y), (double)(s->camera.at[0] - o->x));
    const double quarter = 1.5707963267948966;
    const double turn = fmod((double)o->turn - to + 40 * quarter, quarter);
    return (int)(turn / quarter * SOLIDS_TURNS) % SOLIDS_TURNS;
}

static void learn(const world_pieces *p, const world_scene *s, const uint8_t *number)
{
    for (int i = 0; i < p->n; i++) {
        double like;
        const world_object *o = &s->object[shown(p, i, s, number, &like)];
        if (like >= 0.6) add(&form, p->list[i].form, kind_of(s, o));
        if (like >= 0.7) add(&good, p->list[i].form, 0);
        else if (like < 0.45 && draw() % 4 == 0) add(&good, p->list[i].form, 1);
        if (like >= 0.5) add(&tint, p->list[i].tint, o->is[WORLD_P_COLOUR]);
    }
}

static void print(const char *name, const bells *s)
{
    printf("\nconst float %s[%d][%d] = {", name, s->m, s->n + 1);
    for (int c = 0; c < s->m; c++) {
        printf("\n    {");
        for (int i = 0; i <= s->n; i++)
            printf("%s%.6ff", i % 7 ? ", " : i ? ",\n     " : "", (double)s->row[c][i]);
        printf("},");
    }
    printf("\n};\n");
}

static int best_of(const bells *s, const float *x)
{
    int best = 0;
    float most = -1e9f;
    for (int c = 0; c < s->m; c++) {
        float v = s->row[c][s->n];
        for (int i = 0; i < s->n; i++) v += s->row[c][i] * x[i];
        if (v > most) {
            most = v;
            best = c;
        }
    }
    return best;
}

typedef struct tally { int things, found, pieces, solid, colour, junk, none; } tally;

static void test(const world_pieces *p, const world_scene *s, const uint8_t *number, tally *t)
{
    bool found[WORLD_MOST_OBJECTS] = { false };
    for (int i = 0; i < p->n; i++) {
        double like;
        const int k = shown(p, i, s, number, &like);
        const world_object *o = &s->object[k];
        const int is = best_of(&form, p->list[i].form) - SOLIDS_TURNS + 1;
        if (like < 0.4) {
            t->junk++;
            t->none += best_of(&good, p->list[i].form) == 1;
        }
        if (like < 0.6) continue;
        found[k] = true;
        t->pieces++;
        t->solid += (is < 0 ? 0 : is) == o->is[WORLD_P_SHAPE];
        t->colour += best_of(&tint, p->list[i].tint) == o->is[WORLD_P_COLOUR];
    }
    t->things += s->n;
    for (int k = 0; k < s->n; k++) t->found += found[k];
}

/* As painted, softened and compressed, after the round trip of the codec. */
static omn_status through(codec *trips, uint64_t n, uint64_t seed, tally *t, omn_error *err)
{
    omn_status st = OMN_OK;
    const world_options how = { .least_objects = 1, .most_objects = 3 };
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_scene s;
    static uint8_t rgb[BYTES];
    if (!c) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "out of memory"));
    for (uint64_t i = 0; i < n; i++) {
        if (!world_scene_make(&s, c, seed, WORLD_TRAIN, i, &how)) continue;
        world_scene_paint(&s, c);
        for (int way = 0; way < WAYS; way++) {
            world_pieces p;
            memcpy(rgb, c->rgb, BYTES);
            if (way == 1) wear(rgb, 50 + (int)(draw() % 40));
            if (way == 2) OMN_TRY(trip(trips, rgb, err));
            if (!world_pieces_find(rgb, SIDE, SIDE, &p))
                OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "out of memory"));
            if (t) test(&p, &s, c->number, t + way);
            else learn(&p, &s, c->number);
            world_pieces_fini(&p);
        }
    }
done:
    world_canvas_free(c);
    return st;
}

int main(int argc, char **argv)
{
    static const char *const names[WAYS] = { "painted", "worn", "codec" };
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
    codec trips = { 0 };
    omn_error err = OMN_ERROR_INIT;
    char line[1200];
    tally t[WAYS] = { { 0 } };
    omn_status st = codec_open(&trips, &err);
    if (st == OMN_OK) st = through(&trips, n, 101, NULL, &err);
    solve(&form, 3e-3);
    solve(&good, 3e-3);
    solve(&tint, 1e-6);
    if (st == OMN_OK) st = through(&trips, n / 10, 102, t, &err);
    codec_close(&trips);
    if (st != OMN_OK) {
        fprintf(stderr, "%s\n", omn_error_line(&err, line, sizeof line));
        return 1;
    }
    printf("/* SPDX-License-Identifier: Apache-2.0 */\n"
           "/* What bench/solids fitted to %llu scenes: how much each number of a piece speaks for "
           "each solid,\n * for a thing and for none, for each colour. */\n"
           "#include \"solids.h\"\n", (unsigned long long)n);
    print("world_solids", &form);
    print("world_things", &good);
    print("world_tints", &tint);
    for (int k = 0; k < WAYS; k++)
        fprintf(stderr, "%s: %.1f %% of things are a piece; of those %.1f %% told by solid, "
                "%.1f %% by colour; of others %.1f %% told to be none\n", names[k],
                100.0 * t[k].found / t[k].things, 100.0 * t[k].solid / t[k].pieces,
                100.0 * t[k].colour / t[k].pieces, 100.0 * t[k].none / t[k].junk);
    return 0;
}
