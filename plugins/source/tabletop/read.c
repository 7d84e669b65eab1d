/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a picture: of the pieces that may be things those are kept that are most like a solid,
 * one for each place; which solid and which colour each of them is tell all the pieces that agree
 * about its outline, by sums of their numbers (solids.c). What is nearly as likely as the best is
 * believed.
 */
#include "read.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "solids.h"

/* ---- pieces --------------------------------------------------------------------------------- */

static float sum_of(const float *weight, const float *x, int n)
{
    float part[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            part[k] += weight[i + k] * x[i + k];
    for (; i < n; i++)
        part[0] += weight[i] * x[i];
    return ((part[0] + part[1]) + (part[2] + part[3])) +
           ((part[4] + part[5]) + (part[6] + part[7]));
}

static float most_of(const float *x, int n)
{
    float most = x[0];
    for (int i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static float log_sum(const float *x, int n)
{
    const float most = most_of(x, n);
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += expf(x[i] - most);
    return most + logf(sum);
}

/* Logs of how likely each is, from what rows of numbers say. */
static void likely(const float *row, int n_rows, const float *x, int n, float *out)
{
    for (int i = 0; i < n_rows; i++, row += n + 1)
        out[i] = sum_of(row, x, n) + row[n];
    const float all = log_sum(out, n_rows);
    for (int i = 0; i < n_rows; i++)
        out[i] -= all;
}

static world_blob look_at(const world_piece *p)
{
    world_blob b = {.pixels = p->pixels};
    float kind[SOLIDS_KINDS], thing[2];
    memcpy(b.box, p->box, sizeof b.box);
    likely(world_solids[0], SOLIDS_KINDS, p->form, PIECES_FORM, kind);
    likely(world_things[0], 2, p->form, PIECES_FORM, thing);
    likely(world_tints[0], 8, p->tint, PIECES_TINT, b.colour);
    b.solid[WORLD_CUBE] = log_sum(kind, SOLIDS_TURNS);
    memcpy(b.solid + 1, kind + SOLIDS_TURNS, 3 * sizeof *kind);
    b.sure = thing[0] - thing[1];
    return b;
}

/* How many pixels two pieces have in common. */
static int common(const world_pieces *p, int i, int k)
{
    const int *a = p->list[i].box, *b = p->list[k].box;
    const int y0 = a[1] > b[1] ? a[1] : b[1], y1 = a[3] < b[3] ? a[3] : b[3];
    const int x0 = a[0] > b[0] ? a[0] : b[0], x1 = a[2] < b[2] ? a[2] : b[2];
    int n = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            n += world_piece_has(p, i, y * p->width + x) && world_piece_has(p, k, y * p->width + x);
    return n;
}

#define THERE -4.f   /* how sure it has to be that a piece is a thing */
#define SAME 0.6f    /* of the pixels of two pieces that are of the same thing, in both */
#define COVERED 0.5f /* of the pixels of the smaller of two pieces, in both: not two things */
#define AGREES 2.f   /* by how much less sure a piece of the same thing may be */

/* What another piece of the same thing says counts as well. */
static void agree(world_blob *b, const world_blob *more)
{
    for (int k = 0; k < SOLIDS; k++)
        b->solid[k] += more->solid[k];
    for (int k = 0; k < 8; k++)
        b->colour[k] += more->colour[k];
}

/* The surest piece and those that agree with it, and then the surest of what is left. */
static void choose(const world_pieces *p, world_blob *all, world_reading *out)
{
    while (out->n < WORLD_MOST_BLOBS) {
        int best = -1, weight = 1;
        for (int i = 0; i < p->n; i++)
            if (all[i].pixels && (best < 0 || all[i].sure > all[best].sure))
                best = i;
        if (best < 0 || all[best].sure < THERE)
            return;
        world_blob b = all[best];
        for (int i = 0; i < p->n; i++) {
            if (!all[i].pixels)
                continue;
            const float both = (float)common(p, i, best), one = (float)p->list[i].pixels;
            const float two = (float)p->list[best].pixels;
            if (both >= SAME * (one + two - both)) {
                if (i != best && all[i].sure > b.sure - AGREES) {
                    agree(&b, &all[i]);
                    weight++;
                }
                all[i].pixels = 0;
            } else if (both >= COVERED * (one < two ? one : two)) {
                all[i].pixels = 0; /* a part of it, or more than it */
            }
        }
        for (int k = 0; k < SOLIDS; k++)
            b.solid[k] /= (float)weight;
        for (int k = 0; k < 8; k++)
            b.colour[k] /= (float)weight;
        out->blob[out->n++] = b;
    }
}

bool world_picture_read(const uint8_t *rgb, int width, int height, world_reading *out)
{
    world_pieces p;
    out->n = 0;
    if (!world_pieces_find(rgb, width, height, &p))
        return false;
    memcpy(out->perhaps, p.perhaps, sizeof out->perhaps);
    world_blob *all = malloc((size_t)(p.n + 1) * sizeof *all);
    for (int i = 0; all && i < p.n; i++)
        all[i] = look_at(&p.list[i]);
    if (all)
        choose(&p, all, out);
    free(all);
    world_pieces_fini(&p);
    return all != NULL;
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

#define DOUBT 6.f    /* by the log of how much another solid may be likelier */
#define SHADE 6.f    /* the same of colours */
#define STRANGE 10.f /* how sure it is that a thing nobody spoke of is one */

static bool may_be(const world_blob *b, const world_claim *c)
{
    return b->solid[c->shape] >= most_of(b->solid, SOLIDS) - DOUBT &&
           b->colour[c->colour] >= most_of(b->colour, 8) - SHADE;
}

/* Finds claim i a blob, sending on those of other claims (Kuhn's augmenting paths). */
static bool place(const world_reading *r, const world_claim *claims, int i, int *of, bool *tried)
{
    for (int k = 0; k < r->n; k++) {
        if (tried[k] || !may_be(&r->blob[k], &claims[i]))
            continue;
        tried[k] = true;
        if (of[k] < 0 || place(r, claims, of[k], of, tried)) {
            of[k] = i;
            return true;
        }
    }
    return false;
}

/* Nothing that was not spoken of may be a thing of this colour. */
static bool unseen(const world_reading *r, world_colour colour, const int *of)
{
    for (int k = 0; k < r->n; k++)
        if (of[k] < 0 && r->blob[k].colour[colour] > -0.3f)
            return false;
    return true;
}

bool world_reading_shows(const world_reading *r, const world_claim *claims, int n)
{
    int of[WORLD_MOST_BLOBS];
    bool missing[WORLD_MOST_OBJECTS] = {false};
    for (int k = 0; k < r->n; k++)
        of[k] = -1;
    for (int i = 0; i < n; i++) {
        bool tried[WORLD_MOST_BLOBS] = {false};
        const world_colour c = claims[i].colour;
        missing[i] = !place(r, claims, i, of, tried);
        if (missing[i] && !(c == WORLD_BLACK && r->perhaps[0]) &&
            !(c == WORLD_WHITE && r->perhaps[1]))
            return false;
    }
    for (int i = 0; i < n; i++)
        if (missing[i] && !unseen(r, claims[i].colour, of))
            return false;
    for (int k = 0; k < r->n; k++)
        if (of[k] < 0 && r->blob[k].sure >= STRANGE)
            return false;
    return true;
}
