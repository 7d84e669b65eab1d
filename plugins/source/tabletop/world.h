/* SPDX-License-Identifier: Apache-2.0 */
/* The tabletop world, version 1: one to six simple solids on a table, seen by a camera.
 *
 * A scene follows from (seed, split, index) alone. Making it draws camera, light, table, film and
 * objects until every object can be seen well, and fills in what the camera sees of each. Painting
 * it gives the picture. Talking about it gives questions with answers, captions, expressions and
 * boxes. Everything is plain C with no state: two threads may work with two canvases.
 *
 * Pixels are the same wherever float arithmetic is IEEE and not contracted: the files of this
 * folder use only + - * / and sqrt on values that matter, and compile with -ffp-contract=off.
 *
 * Boxes are x0 y0 x1 y1 in pixels of the picture, origin top left, x1 and y1 exclusive; they hold
 * the visible pixels of the object. Numbers in the object buffer: 0 nothing, i + 1 object i.
 * Objects are sorted by the horizontal centre of their box, left to right.
 */
#ifndef TABLETOP_WORLD_H
#define TABLETOP_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dice.h"

enum {
    WORLD_VERSION = 1,
    WORLD_MOST_OBJECTS = 6,
    WORLD_SIDE = 128,      /* usual width and height of a picture */
    WORLD_LEAST_SIDE = 64,
    WORLD_MOST_SIDE = 4096,
    WORLD_LIGHT_POINTS = 32
};

typedef enum world_shape { WORLD_CUBE, WORLD_SPHERE, WORLD_CYLINDER, WORLD_CONE } world_shape;
typedef enum world_colour {
    WORLD_RED, WORLD_GREEN, WORLD_BLUE, WORLD_YELLOW,
    WORLD_PURPLE, WORLD_ORANGE, WORLD_WHITE, WORLD_BLACK
} world_colour;
typedef enum world_size { WORLD_SMALL, WORLD_LARGE } world_size;
typedef enum world_material { WORLD_MATTE, WORLD_SHINY } world_material;

/* The four properties of an object, and how many values each can have. */
typedef enum world_property {
    WORLD_P_COLOUR, WORLD_P_SHAPE, WORLD_P_SIZE, WORLD_P_MATERIAL, WORLD_PROPERTIES
} world_property;

typedef struct world_object {
    uint8_t is[WORLD_PROPERTIES]; /* by world_property */
    float x, y;                   /* where it stands; the table is z = 0 */
    float turn, cos_turn, sin_turn;
    float radius, height;         /* a cube: half of its edge, and its edge */
    float rgb[3];                 /* linear */
    float gloss, mirror;          /* strength of highlight and of reflection, 0..1 */
    int sharp;                    /* the highlight's exponent is 2 to this power */
} world_object;

/* What the camera sees of an object. */
typedef struct world_seen {
    int32_t box[4];
    int32_t pixels; /* visible */
    int32_t alone;  /* visible if no other object were there */
    float depth;    /* distance of its centre along the line of sight, in table units */
    float col, row; /* centre of box */
} world_seen;

typedef struct world_camera {
    float at[3], right[3], up[3], forward[3];
    float focal; /* in widths of the shorter side of the picture */
} world_camera;

typedef struct world_light {
    float at[3], rgb[3];
    int points;                        /* on the lamp: 1 hard, 8 soft; 4 sets of them */
    bool shadow;
    float point[WORLD_LIGHT_POINTS][3];
    float spread; /* radius of the lamp */
} world_light;

typedef enum world_cloth {
    WORLD_PLAIN, WORLD_CHEQUER, WORLD_STRIPES, WORLD_CLOUDS, WORLD_WOOD, WORLD_VEINS, WORLD_SPECKS
} world_cloth;
typedef enum world_rim { WORLD_ENDLESS, WORLD_ROUND, WORLD_SQUARE } world_rim;
typedef struct world_table {
    world_cloth cloth;
    world_rim rim;
    float reach;             /* radius or half edge */
    float scale, cos_turn, sin_turn, shift[2];
    float one[3], two[3];    /* linear colours */
    uint32_t salt;
    float spot[2], spot_radius, spot_rgb[3]; /* a round mark; radius 0: there is none */
} world_table;

typedef struct world_film {
    int samples;          /* at edges, per axis: 1, 2 or 3 */
    float exposure, balance[3];
    float gamma, shoulder, contrast, lift;
    float blur, noise, vignette, saturation;
    int quality;          /* 0: no lossy round trip, else 1..100 */
    bool halved;          /* colour at half size */
} world_film;

typedef struct world_scene {
    uint64_t seed, index;
    world_split split;
    int width, height;
    int n;
    world_object object[WORLD_MOST_OBJECTS];
    world_seen seen[WORLD_MOST_OBJECTS];
    world_camera camera;
    world_light light[2];
    int n_lights;
    float sky[3], ground[3];         /* ambient from above and from below */
    float backdrop[2][3];            /* top and bottom, linear */
    float contact;                   /* darkness of the table near an object */
    world_table table;
    world_film film;
    int tries;                       /* how many draws it took */
    struct world_crowd *crowd;       /* people.h; borrowed; NULL: nobody is there */
} world_scene;

typedef struct world_options {
    int least_objects, most_objects; /* 0: 1 and 6; the number is uniform between them */
    bool clean;                      /* one plain look, no film effects: for teaching, for tests */
} world_options;

/* Buffers for one picture size. rgb and number are for the caller to read; the rest is scratch. */
typedef struct world_canvas {
    int width, height;
    uint8_t *rgb;    /* [height, width, 3] */
    uint8_t *number; /* [height, width] */
    float *light;    /* [height, width, 3] */
    float *spare;    /* [height, width, 3] */
    float *depth;    /* [height, width] */
    uint32_t *may;   /* [height, width]: which objects and shadows may be met */
} world_canvas;

/* A canvas of width x height, owned by the caller; NULL when a side is outside 64..4096 or memory
 * is short. [any] */
world_canvas *world_canvas_new(int width, int height);
void world_canvas_free(world_canvas *c);

/* Draws scene number index of a split for pictures of the canvas's size; the object buffer of the
 * canvas is filled too. options may be NULL. False when no good scene was found in 20000 draws,
 * which a side of 64 or more does not meet. [any] */
bool world_scene_make(world_scene *s, world_canvas *c, uint64_t seed, world_split split,
                      uint64_t index, const world_options *options);
/* Draws the shade of an object of its colour. */
void world_object_tint(world_dice *d, world_object *o);
/* Fills number and seen from the scene and the size of the canvas. Objects keep their order. */
void world_scene_look(world_scene *s, world_canvas *c);
/* True when every object is well seen: large enough, not too hidden, inside, apart in x. */
bool world_scene_clear(const world_scene *s);
/* Paints rgb, and fills number as world_scene_look does. */
void world_scene_paint(const world_scene *s, world_canvas *c);

/* One cell of a grid of labels: object is -1 or its index, edge the distances of its box's edges
 * from the centre of the cell, in cells: left, top, right, bottom, positive inside the box. */
typedef struct world_cell {
    int8_t object;
    uint8_t is[WORLD_PROPERTIES];
    float edge[4];
} world_cell;
/* cells: [rows, columns] over the smallest square about the picture, as a model sees it that pads
 * pictures to squares, from the object buffer of c. A cell belongs to the object that covers most
 * of it, if that is an eighth or the cell holds the centre of its box. */
void world_scene_cells(const world_scene *s, const world_canvas *c, int rows, int columns,
                       world_cell *cells);

/* 64 bits that change with anything that is told of a scene: objects, boxes, order. */
uint64_t world_scene_hash(const world_scene *s);

/* ---- language ------------------------------------------------------------------------------ */

typedef enum world_task {
    WORLD_CAPTION,        /* answer */
    WORLD_VQA,            /* kind, text = question, answer */
    WORLD_REFEXP,         /* text = expression, boxes[0] */
    WORLD_LOCALIZE,       /* text = class, boxes (none: answer "none") */
    WORLD_DETECT,         /* boxes with labels, left to right; answer lists the labels */
    WORLD_CATEGORIZE,     /* options, answer; only pictures of one object */
    WORLD_BOX_CATEGORIZE, /* boxes[0], options, answer */
    WORLD_REGION,         /* boxes[0], answer = its description */
    WORLD_TASKS
} world_task;

typedef enum world_kind {
    WORLD_K_COLOUR, WORLD_K_SHAPE, WORLD_K_SIZE, WORLD_K_MATERIAL,
    WORLD_K_COUNT, WORLD_K_EXISTENCE, WORLD_K_RELATION, WORLD_K_COMPARISON,
    WORLD_KINDS
} world_kind;

enum { WORLD_TEXT = 192, WORLD_ANSWER = 256, WORLD_LABEL = 40, WORLD_MOST_OPTIONS = 8 };

typedef struct world_item {
    world_task task;
    world_kind kind;
    char text[WORLD_TEXT];
    char answer[WORLD_ANSWER];
    int n_boxes;
    int32_t box[WORLD_MOST_OBJECTS][4];
    int8_t object[WORLD_MOST_OBJECTS]; /* whose box it is */
    char label[WORLD_MOST_OBJECTS][WORLD_LABEL];
    int n_options;
    char option[WORLD_MOST_OPTIONS][WORLD_LABEL];
} world_item;

/* "vqa", "existence", "red": names as the files and tables write them. NULL outside the enum. */
const char *world_task_name(world_task task);
const char *world_kind_name(world_kind kind);
const char *world_value_name(world_property p, int value);
int world_value_count(world_property p);
/* "large red cube". */
void world_object_name(const world_object *o, char *out, size_t n);

/* How many items of each task a picture should carry; how often each kind of question; which share
 * of comparisons (0..1) asks whether two things are the same; which share of the things in those
 * may be called by what is asked for ("is the red thing the same colour as the cube"). */
typedef struct world_mix {
    int items[WORLD_TASKS];
    float kinds[WORLD_KINDS];
    float same, told;
} world_mix;
extern const world_mix world_mix_usual;

void world_caption(const world_scene *s, world_item *out);
void world_detect(const world_scene *s, world_item *out);
/* The rest draw their wording and their subject; false when this scene has no such item this time:
 * draw again, or another. mix NULL: the usual one. */
bool world_ask(const world_scene *s, world_kind kind, const world_mix *mix, world_dice *d,
               world_item *out);
bool world_refer(const world_scene *s, world_dice *d, world_item *out);
bool world_localize(const world_scene *s, world_dice *d, world_item *out);
bool world_categorize(const world_scene *s, world_dice *d, world_item *out);
void world_box_categorize(const world_scene *s, world_dice *d, world_item *out);
void world_region(const world_scene *s, world_dice *d, world_item *out);

/* Up to most items for this scene, no question or expression twice; the wording follows from the
 * scene's numbers and from round (another round, other items). mix NULL: the usual one. */
size_t world_items(const world_scene *s, const world_mix *mix, uint32_t round, world_item *out,
                   size_t most);

/* The answer a blind reader would give: counts answers per kind. Zero before use. */
typedef struct world_tally {
    uint64_t total[WORLD_KINDS];
    uint64_t count[WORLD_KINDS][24];
} world_tally;
/* The possible answers of a kind, ended by NULL. */
const char *const *world_answers(world_kind kind);
/* False when the answer is none of the kind's. */
bool world_tally_add(world_tally *t, world_kind kind, const char *answer);
/* The majority answer of a kind and its share, 0..1; NULL when nothing was counted. */
const char *world_tally_best(const world_tally *t, world_kind kind, double *share);

#endif
