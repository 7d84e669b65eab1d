/* SPDX-License-Identifier: Apache-2.0 */
/* Colours of segmentations. Unified-IO 1 publishes fifteen names (those of HTML) with its task
 * "segmentation to image"; the vocabulary of Unified-IO 2 was not released, so prompts carry names
 * that whoever asks may choose. What a model draws is never exactly a colour: the nearest one
 * counts. Where nobody says which colours there are, they are those that much of the picture has:
 * pixels that look like those around them (others are edges, which have colours of their own) are
 * counted in 32^3 cells, and from the fullest cell on each takes what is near. */
#include "colors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct known {
    const char *name;
    uint8_t rgb[3];
} known;
static const known table[] = {
    { "black", { 0, 0, 0 } },      { "white", { 255, 255, 255 } }, { "red", { 255, 0, 0 } },
    { "lime", { 0, 255, 0 } },     { "blue", { 0, 0, 255 } },      { "yellow", { 255, 255, 0 } },
    { "aqua", { 0, 255, 255 } },   { "fuchsia", { 255, 0, 255 } }, { "gray", { 128, 128, 128 } },
    { "silver", { 192, 192, 192 } }, { "maroon", { 128, 0, 0 } },  { "olive", { 128, 128, 0 } },
    { "green", { 0, 128, 0 } },    { "teal", { 0, 128, 128 } },    { "navy", { 0, 0, 128 } },
    { "purple", { 128, 0, 128 } },
};
enum { TABLE = sizeof(table) / sizeof(table[0]), CELL = 8, SIDE = 256 / CELL,
       CELLS = SIDE * SIDE * SIDE, EDGE = 24 /* in any colour, between neighbours */ };

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                             : -1;
}

static bool color_of(const char *word, uint8_t rgb[3])
{
    for (size_t i = 0; i < TABLE; i++)
        if (strcmp(word, table[i].name) == 0) {
            memcpy(rgb, table[i].rgb, 3);
            return true;
        }
    if (word[0] != '#' || strlen(word) != 7) return false;
    for (int i = 0; i < 3; i++) {
        const int high = hex(word[1 + 2 * i]), low = hex(word[2 + 2 * i]);
        if (high < 0 || low < 0) return false;
        rgb[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

static char *trim(char *p)
{
    p += strspn(p, " ");
    for (size_t n = strlen(p); n > 0 && p[n - 1] == ' '; n--) p[n - 1] = '\0';
    return p;
}

omn_status colors_read(omn_call *c, const char *text, colors *out, omn_error *err)
{
    const size_t length = strlen(text) + 1;
    char *copy = omn_call_scratch(c, length, 1);
    out->n = 0;
    if (copy == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for names of colours");
    memcpy(copy, text, length);
    for (char *p = copy, *next; p != NULL; p = next) {
        next = strchr(p, ',');
        if (next != NULL) *next++ = '\0';
        char *word = strrchr(p, ':'), *name = NULL;
        if (word != NULL) {
            *word++ = '\0';
            name = trim(p);
        }
        word = trim(word != NULL ? word : p);
        if (out->n == COLORS_MOST)
            return omn_fail(err, OMN_ERR_ARGUMENT, "more than %u colours", COLORS_MOST);
        if (!color_of(word, out->rgb[out->n]))
            return omn_fail(err, OMN_ERR_ARGUMENT, "\"%.40s\" is no colour: red, lime, blue, "
                            "white, gray, fuchsia, yellow, aqua, silver, maroon, olive, green, "
                            "teal, navy, purple, black or #rrggbb are", word);
        for (size_t i = 0; i < out->n; i++)
            if (memcmp(out->rgb[i], out->rgb[out->n], 3) == 0)
                return omn_fail(err, OMN_ERR_ARGUMENT, "\"%.40s\" stands for two labels", word);
        out->name[out->n++] = name != NULL && name[0] != '\0' ? name : NULL;
    }
    return OMN_OK;
}

static int32_t apart(const uint8_t a[3], const uint8_t b[3])
{
    int32_t sum = 0;
    for (int i = 0; i < 3; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

int32_t colors_nearest(const colors *k, const uint8_t rgb[3], double far)
{
    int32_t best = -1, least = INT32_MAX;
    for (size_t i = 0; i < k->n; i++) {
        const int32_t d = apart(k->rgb[i], rgb);
        if (d >= least) continue;
        least = d;
        best = (int32_t)i;
    }
    return best >= 0 && sqrt((double)least) <= far ? best : -1;
}

/* ---- the colours of a picture --------------------------------------------------------------- */

typedef struct cell {
    uint64_t count, sum[3];
    uint8_t mean[3];
    bool taken;
} cell;

static bool alike(const uint8_t *a, const uint8_t *b)
{
    for (int i = 0; i < 3; i++)
        if (abs(a[i] - b[i]) > EDGE) return false;
    return true;
}

static void count(const uint8_t *rgb, size_t w, size_t h, cell *cells)
{
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            const uint8_t *p = rgb + 3 * (y * w + x);
            if ((x > 0 && !alike(p, p - 3)) || (x + 1 < w && !alike(p, p + 3)) ||
                (y > 0 && !alike(p, p - 3 * w)) || (y + 1 < h && !alike(p, p + 3 * w)))
                continue;
            cell *k = &cells[(p[0] / CELL * SIDE + p[1] / CELL) * SIDE + p[2] / CELL];
            k->count++;
            for (int j = 0; j < 3; j++) k->sum[j] += p[j];
        }
    for (size_t i = 0; i < CELLS; i++)
        for (int j = 0; j < 3 && cells[i].count > 0; j++)
            cells[i].mean[j] = (uint8_t)(cells[i].sum[j] / cells[i].count);
}

/* All that is near the colour belongs to it: how many pixels those are. */
static uint64_t take(cell *cells, const uint8_t rgb[3], double near)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < CELLS; i++) {
        cell *k = &cells[i];
        if (k->count == 0 || k->taken || sqrt((double)apart(k->mean, rgb)) > near) continue;
        k->taken = true;
        sum += k->count;
    }
    return sum;
}

omn_status colors_found(const uint8_t *rgb, size_t w, size_t h, double near, double least,
                        colors *out, omn_error *err)
{
    cell *cells = calloc(CELLS, sizeof(*cells));
    if (cells == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for colours");
    count(rgb, w, h, cells);
    *out = (colors){ .n = 1 };
    take(cells, out->rgb[0], near);
    while (out->n < COLORS_MOST) {
        const cell *best = NULL;
        for (size_t i = 0; i < CELLS; i++)
            if (!cells[i].taken && cells[i].count > (best != NULL ? best->count : 0))
                best = &cells[i];
        if (best == NULL) break;
        uint8_t color[3];
        memcpy(color, best->mean, 3);
        if ((double)take(cells, color, near) < least * (double)(w * h)) continue;
        memcpy(out->rgb[out->n++], color, 3);
    }
    free(cells);
    return OMN_OK;
}
