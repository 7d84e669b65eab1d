/* SPDX-License-Identifier: Apache-2.0 */
/* Draws scenes. What is on the table and how it looks is drawn once, so that the number of objects
 * stays uniform; where things stand and where the camera is are drawn again until world_scene_clear
 * holds. Ranges are wide on purpose: a model that has seen every mixture of lamp, table, lens and
 * film does not care which program, or which camera, made its next picture.
 */
#include "world.h"

#include <string.h>

#include "draw.h"
#include "exact.h"
#include "look.h"
#include "solid.h"

#define PI 3.14159265358979f
#define REACH 2.55f /* objects stand within this distance of the middle */

/* As a viewer would name them, in display values 0..1; squared they are about linear. */
const float world_paint[8][3] = {
    {0.84f, 0.10f, 0.10f}, {0.12f, 0.62f, 0.18f}, {0.12f, 0.26f, 0.86f}, {0.96f, 0.86f, 0.12f},
    {0.52f, 0.14f, 0.72f}, {0.98f, 0.50f, 0.06f}, {0.95f, 0.95f, 0.95f}, {0.08f, 0.08f, 0.09f},
};

static float squared(float x)
{
    return x < 0 ? 0 : x * x;
}

void world_object_tint(world_dice *d, world_object *o)
{
    int colour = o->is[WORLD_P_COLOUR];
    bool grey = colour == WORLD_WHITE || colour == WORLD_BLACK;
    float light = grey ? dice_float(d, 0.92f, 1.04f) : dice_float(d, 0.86f, 1.08f);
    float pale = grey ? 0 : dice_float(d, 0, 0.13f); /* towards grey of the same light */
    float spread = grey ? 0.015f : 0.045f;
    const float *p = world_paint[colour];
    float mean = (p[0] + p[1] + p[2]) / 3;
    for (int i = 0; i < 3; i++) {
        float v = p[i] + (mean - p[i]) * pale + dice_float(d, -spread, spread);
        v = v * light;
        o->rgb[i] = squared(v > 1 ? 1 : v);
    }
    if (colour == WORLD_BLACK) {
        float lift = dice_float(d, 0, 0.012f);
        for (int i = 0; i < 3; i++)
            o->rgb[i] += lift;
    }
}

static void draw_looks(world_dice *d, world_object *o)
{
    int colour = o->is[WORLD_P_COLOUR];
    bool grey = colour == WORLD_WHITE || colour == WORLD_BLACK;
    world_object_tint(d, o);
    bool large = o->is[WORLD_P_SIZE] == WORLD_LARGE;
    float r = large ? dice_float(d, 0.62f, 0.70f) : dice_float(d, 0.35f, 0.40f);
    float tall = dice_float(d, 0.92f, 1.08f);
    switch (o->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE:
        o->radius = 0.82f * r;
        o->height = 2 * o->radius;
        break;
    case WORLD_SPHERE:
        o->radius = r;
        o->height = 2 * r;
        break;
    case WORLD_CYLINDER:
        o->radius = 0.84f * r;
        o->height = 1.75f * r * tall;
        break;
    default:
        o->radius = 0.98f * r;
        o->height = 2.0f * r * tall;
        break;
    }
    if (o->is[WORLD_P_MATERIAL] == WORLD_SHINY) {
        o->gloss = dice_float(d, 0.45f, 1.1f);
        /* a strong mirror would turn black and white into the colours around */
        o->mirror = grey ? dice_float(d, 0.05f, 0.16f) : dice_float(d, 0.07f, 0.28f);
        o->sharp = 4 + dice_below(d, 4);
    } else {
        o->gloss = dice_chance(d, 0.3f) ? dice_float(d, 0.0f, 0.05f) : 0;
        o->mirror = 0;
        o->sharp = 3;
    }
}

void world_draw_objects(world_dice *d, world_scene *s, int least, int most)
{
    s->n = least + dice_below(d, most - least + 1);
    /* now and then one colour or shape is common, so that counting has something to count */
    int theme = s->n > 2 && dice_chance(d, 0.22f) ? dice_below(d, 2) : -1;
    int value = theme == WORLD_P_COLOUR ? dice_below(d, 8) : dice_below(d, 4);
    for (int i = 0; i < s->n; i++) {
        world_object *o = &s->object[i];
        o->is[WORLD_P_COLOUR] = (uint8_t)dice_below(d, 8);
        o->is[WORLD_P_SHAPE] = (uint8_t)dice_below(d, 4);
        o->is[WORLD_P_SIZE] = (uint8_t)dice_below(d, 2);
        o->is[WORLD_P_MATERIAL] = (uint8_t)dice_below(d, 2);
        if (theme >= 0 && dice_chance(d, 0.6f))
            o->is[theme] = (uint8_t)value;
        draw_looks(d, o);
    }
}

bool world_draw_places(world_dice *d, world_scene *s)
{
    float gap = dice_float(d, 0.06f, 0.3f);
    for (int i = 0; i < s->n; i++) {
        world_object *o = &s->object[i];
        o->turn = dice_float(d, 0, 0.5f * PI);
        o->cos_turn = (float)exact_cos(o->turn);
        o->sin_turn = (float)exact_sin(o->turn);
        bool free_place = false;
        for (int k = 0; k < 30 && !free_place; k++) {
            o->x = dice_float(d, -REACH, REACH);
            o->y = dice_float(d, -REACH, REACH);
            free_place = o->x * o->x + o->y * o->y < REACH * REACH;
            for (int j = 0; j < i && free_place; j++) {
                float dx = o->x - s->object[j].x, dy = o->y - s->object[j].y;
                float need = solid_foot(o) + solid_foot(&s->object[j]) + gap;
                free_place = dx * dx + dy * dy > need * need;
            }
        }
        if (!free_place)
            return false;
    }
    return true;
}

static void cross3(const float a[3], const float b[3], float out[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

void world_draw_camera(world_dice *d, world_scene *s, float low, float high, float eye_high)
{
    world_camera *c = &s->camera;
    float turn = dice_float(d, 0, 2 * PI), lift = dice_float(d, low, high) * (PI / 180);
    float far = dice_float(d, 6.6f, 9.4f);
    float eye[3] = {dice_float(d, -0.25f, 0.25f), dice_float(d, -0.25f, 0.25f), eye_high};
    float flat = far * (float)exact_cos(lift);
    c->at[0] = eye[0] + flat * (float)exact_cos(turn);
    c->at[1] = eye[1] + flat * (float)exact_sin(turn);
    c->at[2] = eye[2] + far * (float)exact_sin(lift);
    for (int i = 0; i < 3; i++)
        c->forward[i] = eye[i] - c->at[i];
    unit3(c->forward);
    const float z[3] = {0, 0, 1};
    float right[3], up[3];
    cross3(c->forward, z, right);
    unit3(right);
    cross3(right, c->forward, up);
    float roll = dice_chance(d, 0.5f) ? dice_float(d, -3, 3) * (PI / 180) : 0;
    float a = (float)exact_cos(roll), b = (float)exact_sin(roll);
    for (int i = 0; i < 3; i++) {
        c->right[i] = a * right[i] + b * up[i];
        c->up[i] = a * up[i] - b * right[i];
    }
    /* 17.5 to 24 pixels for a table unit at the middle of a picture 128 wide */
    c->focal = far * dice_float(d, 17.5f, 24) / (float)WORLD_SIDE;
    if (s->table.rim != WORLD_ENDLESS && s->table.reach < REACH + 0.9f)
        s->table.reach = REACH + 0.9f;
}

static void draw_light(world_dice *d, world_light *l, float strength, bool shadow)
{
    float turn = dice_float(d, 0, 2 * PI), lift = dice_float(d, 34, 82) * (PI / 180);
    float far = dice_float(d, 8, 40);
    float dir[3] = {(float)(exact_cos(lift) * exact_cos(turn)),
                    (float)(exact_cos(lift) * exact_sin(turn)), (float)exact_sin(lift)};
    float warm = dice_float(d, -0.09f, 0.09f);
    /* strength is what reaches the table: tilt is divided out, but not wholly for low lamps */
    float gain = strength / (0.35f + 0.65f * dir[2]);
    const float tint[3] = {1 + warm, 1, 1 - warm};
    for (int i = 0; i < 3; i++) {
        l->at[i] = far * dir[i];
        l->rgb[i] = gain * tint[i];
    }
    l->shadow = shadow;
    bool soft = dice_chance(d, 0.6f);
    l->points = soft ? 8 : 1;
    l->spread = soft ? far * dice_float(d, 0.03f, 0.22f) : 0;
    /* points on a disc across the line to the table, in a sunflower order; four turned sets */
    float a[3] = {-dir[1], dir[0], 0}, b[3];
    unit3(a);
    cross3(dir, a, b);
    for (int set = 0; set < 4; set++) {
        for (int k = 0; k < 8; k++) {
            double angle = 2.39996322972865332 * k + 0.6 * set + 0.1;
            float r = l->spread * sqrtf(((float)k + 0.5f) / 8);
            float u = r * (float)exact_cos(angle), v = r * (float)exact_sin(angle);
            for (int i = 0; i < 3; i++)
                l->point[set * 8 + k][i] = l->at[i] + u * a[i] + v * b[i];
        }
    }
}

/* A quiet colour, away from the pure colours of the objects. */
static void draw_quiet(world_dice *d, float lo, float hi, float most, float rgb[3])
{
    float value = dice_float(d, lo, hi), strong = dice_float(d, 0, most);
    float hue = dice_float(d, 0, 2 * PI);
    if (dice_chance(d, 0.4f)) {
        hue = dice_float(d, 0.15f, 0.9f); /* wood, sand, leather */
        strong *= 1.25f;
    }
    for (int i = 0; i < 3; i++) {
        float w = 0.5f + 0.5f * (float)exact_cos((double)hue - 2.0943951023931953 * i);
        float v = value * (1 - strong + strong * w);
        rgb[i] = squared(v);
    }
}

static void draw_table(world_dice *d, world_table *t)
{
    static const float SHARE[7] = {0.32f, 0.54f, 0.64f, 0.75f, 0.84f, 0.92f, 1.0f};
    float pick = dice_float(d, 0, 1);
    int cloth = 0;
    while (cloth < 6 && pick >= SHARE[cloth])
        cloth++;
    t->cloth = (world_cloth)cloth;
    t->rim = (world_rim)dice_below(d, 3);
    t->reach = dice_float(d, 3.5f, 6.0f);
    t->scale = 1 / dice_float(d, 0.35f, 1.5f);
    float turn = dice_float(d, 0, 2 * PI);
    t->cos_turn = (float)exact_cos(turn);
    t->sin_turn = (float)exact_sin(turn);
    t->shift[0] = dice_float(d, 0, 64);
    t->shift[1] = dice_float(d, 0, 64);
    t->salt = (uint32_t)(dice_bits(d) >> 32);
    draw_quiet(d, 0.22f, 0.86f, 0.34f, t->one);
    if (dice_chance(d, 0.35f)) {
        draw_quiet(d, 0.18f, 0.90f, 0.3f, t->two);
    } else {
        float k = dice_float(d, 0.45f, 0.92f);
        for (int i = 0; i < 3; i++)
            t->two[i] = t->one[i] * k;
    }
}

static void draw_air(world_dice *d, world_scene *s)
{
    float ambient =
        dice_chance(d, 0.3f) ? dice_float(d, 0.09f, 0.2f) : dice_float(d, 0.16f, 0.55f);
    float second = dice_chance(d, 0.35f) ? dice_float(d, 0.15f, 0.5f) : 0;
    float left = 1 - ambient;
    draw_light(d, &s->light[0], left * (1 - second), true);
    s->n_lights = 1;
    if (second > 0) {
        bool shadow = dice_chance(d, 0.6f);
        draw_light(d, &s->light[1], left * second, shadow);
        s->n_lights = 2;
    }
    float bounce = dice_float(d, 0.15f, 0.75f), cold = dice_float(d, -0.05f, 0.10f);
    const float tint[3] = {1 - cold, 1, 1 + cold};
    for (int i = 0; i < 3; i++) {
        s->sky[i] = ambient * tint[i];
        s->ground[i] = ambient * 0.35f + bounce * s->table.one[i];
    }
    s->contact = dice_chance(d, 0.7f) ? dice_float(d, 0.1f, 0.75f) : 0;
    draw_quiet(d, 0.08f, 0.95f, 0.35f, s->backdrop[0]);
    if (dice_chance(d, 0.5f))
        draw_quiet(d, 0.08f, 0.95f, 0.35f, s->backdrop[1]);
    else
        memcpy(s->backdrop[1], s->backdrop[0], sizeof s->backdrop[1]);
}

static void draw_film(world_dice *d, world_film *f)
{
    float pick = dice_float(d, 0, 1);
    f->samples = pick < 0.22f ? 1 : pick < 0.8f ? 2 : 3;
    f->exposure = dice_float(d, 0.78f, 1.32f);
    float warm = dice_float(d, -0.09f, 0.09f), green = dice_float(d, -0.04f, 0.04f);
    f->balance[0] = 1 + warm;
    f->balance[1] = 1 + green;
    f->balance[2] = 1 - warm;
    f->gamma = dice_float(d, 1.75f, 2.5f);
    f->shoulder = dice_chance(d, 0.4f) ? dice_float(d, 0.1f, 0.6f) : 0;
    f->contrast = dice_float(d, 0.85f, 1.15f);
    f->lift = dice_float(d, -0.04f, 0.05f);
    f->saturation = dice_float(d, 0.82f, 1.15f);
    f->blur = dice_chance(d, 0.35f) ? dice_float(d, 0.02f, 0.14f) : 0;
    f->noise = dice_chance(d, 0.45f) ? dice_float(d, 0.003f, 0.03f) : 0;
    f->vignette = dice_chance(d, 0.2f) ? dice_float(d, 0.05f, 0.3f) : 0;
    f->quality = dice_chance(d, 0.4f) ? 35 + dice_below(d, 61) : 0;
    f->halved = dice_chance(d, 0.7f);
}

static void clean_look(world_scene *s)
{
    s->film = (world_film){.samples = 2, .exposure = 1.05f, .balance = {1, 1, 1}, .gamma = 2.1f,
                           .contrast = 1, .saturation = 1};
    s->table.cloth = WORLD_PLAIN;
    s->table.rim = WORLD_ENDLESS;
}

void world_draw_around(world_dice *d, world_scene *s, bool clean)
{
    draw_table(d, &s->table);
    draw_air(d, s);
    draw_film(d, &s->film);
    if (clean)
        clean_look(s);
}

void world_draw_begin(world_scene *s, uint64_t seed, world_split split, uint64_t index)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->split = split;
    s->index = index;
}

/* Left to right, in the scene and in the object buffer. */
static void sort_objects(world_scene *s, world_canvas *c)
{
    int from[WORLD_MOST_OBJECTS];
    uint8_t now[WORLD_MOST_OBJECTS + 1] = {0};
    for (int i = 0; i < s->n; i++) {
        int k = i;
        for (; k > 0 && s->seen[from[k - 1]].col > s->seen[i].col; k--)
            from[k] = from[k - 1];
        from[k] = i;
    }
    world_object object[WORLD_MOST_OBJECTS];
    world_seen seen[WORLD_MOST_OBJECTS];
    for (int k = 0; k < s->n; k++) {
        object[k] = s->object[from[k]];
        seen[k] = s->seen[from[k]];
        now[from[k] + 1] = (uint8_t)(k + 1);
    }
    memcpy(s->object, object, (size_t)s->n * sizeof *object);
    memcpy(s->seen, seen, (size_t)s->n * sizeof *seen);
    size_t n = (size_t)c->width * (size_t)c->height;
    for (size_t k = 0; k < n; k++)
        c->number[k] = now[c->number[k]];
}

bool world_scene_make(world_scene *s, world_canvas *c, uint64_t seed, world_split split,
                      uint64_t index, const world_options *options)
{
    int least = options && options->least_objects > 0 ? options->least_objects : 1;
    int most = options && options->most_objects > 0 ? options->most_objects : WORLD_MOST_OBJECTS;
    most = most > WORLD_MOST_OBJECTS ? WORLD_MOST_OBJECTS : most;
    least = least > most ? most : least;
    world_dice dice = world_dice_make(seed, split, index, WORLD_LANE_SCENE), *d = &dice;
    world_draw_begin(s, seed, split, index);
    world_draw_objects(d, s, least, most);
    world_draw_around(d, s, options && options->clean);
    for (s->tries = 1; s->tries <= 20000; s->tries++) {
        if (!world_draw_places(d, s))
            continue;
        world_draw_camera(d, s, 19, 57, 0.35f);
        world_scene_look(s, c);
        if (!world_scene_clear(s))
            continue;
        sort_objects(s, c);
        return true;
    }
    return false;
}
