/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the foreign exam: scenes of the tabletop world that POV-Ray renders, with its lamps, its
 * surfaces and its patterns, not ours. Only the geometry and the words come from the world; boxes
 * and visible pixels are read from a second, flat picture that POV-Ray renders without smoothing.
 *
 *   exam pov NUMBER FOLDER          writes picture.pov and ids.pov, prints "width height smooth"
 *   exam line NUMBER IDS.ppm NAME   prints the manifest line; exit 3 if an object is not well seen
 *
 * make.sh calls it. The scenes belong to the split that no training may use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/world.h"

enum { SEED = 20, QUESTIONS = 6, EXPRESSIONS = 3 };

/* ---- which scene --------------------------------------------------------------------------- */

static world_canvas *make_scene(int number, world_scene *s)
{
    static const int SIDES[][2] = {{128, 128}, {128, 128}, {256, 192}, {128, 128}, {160, 160},
                                   {128, 128}, {128, 128}, {192, 192}, {128, 128}, {320, 240}};
    const int *side = SIDES[number % 10];
    int n = 1 + number % WORLD_MOST_OBJECTS;
    world_options o = {.least_objects = n, .most_objects = n};
    world_canvas *c = world_canvas_new(side[0], side[1]);
    if (!c || !world_scene_make(s, c, SEED, WORLD_FOREIGN, (uint64_t)number, &o)) {
        fprintf(stderr, "exam: no scene %d\n", number);
        exit(1);
    }
    return c;
}

/* The looks have dice of their own, so that the world's may change without them. */
static world_dice look_dice(int number)
{
    return world_dice_make(SEED + 1, WORLD_FOREIGN, (uint64_t)number, WORLD_LANE_FILM);
}

/* ---- POV-Ray's language -------------------------------------------------------------------- */

static void vector(FILE *f, const char *name, const float v[3], float k)
{
    fprintf(f, "%s <%.6f, %.6f, %.6f>\n", name, (double)(v[0] * k), (double)(v[1] * k),
            (double)(v[2] * k));
}

static void camera(FILE *f, const world_scene *s)
{
    const world_camera *c = &s->camera;
    float side = (float)(s->width < s->height ? s->width : s->height);
    fprintf(f, "camera { perspective\n");
    vector(f, "location", c->at, 1);
    vector(f, "direction", c->forward, c->focal);
    vector(f, "right", c->right, (float)s->width / side);
    vector(f, "up", c->up, (float)s->height / side);
    fprintf(f, "}\n");
}

static void solid(FILE *f, const world_object *o)
{
    double r = (double)o->radius, h = (double)o->height;
    switch (o->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE: fprintf(f, "box { <%f, %f, 0>, <%f, %f, %f>\n", -r, -r, r, r, h); break;
    case WORLD_SPHERE: fprintf(f, "sphere { <0, 0, %f>, %f\n", r, r); break;
    case WORLD_CYLINDER: fprintf(f, "cylinder { <0, 0, 0>, <0, 0, %f>, %f\n", h, r); break;
    default: fprintf(f, "cone { <0, 0, 0>, %f, <0, 0, %f>, 0\n", r, h); break;
    }
}

static void place(FILE *f, const world_object *o)
{
    double a = (double)o->cos_turn, b = (double)o->sin_turn;
    fprintf(f, "  matrix <%f, %f, 0, %f, %f, 0, 0, 0, 1, %f, %f, 0>\n}\n", a, b, -b, a,
            (double)o->x, (double)o->y);
}

static void ids(FILE *f, const world_scene *s)
{
    fprintf(f, "#version 3.7;\nglobal_settings { assumed_gamma 1.0 }\nbackground { rgb 0 }\n");
    camera(f, s);
    for (int i = 0; i < s->n; i++) {
        solid(f, &s->object[i]);
        /* red is the number of the object, thirty apart, as a display value */
        fprintf(f, "  pigment { srgb <%d/255, 0, 0> } finish { ambient 1 diffuse 0 }\n",
                30 * (i + 1));
        place(f, &s->object[i]);
    }
}

/* ---- POV-Ray's looks ----------------------------------------------------------------------- */

static double between(world_dice *d, double lo, double hi)
{
    return (double)dice_float(d, (float)lo, (float)hi);
}

static void colour(FILE *f, world_dice *d, int value)
{
    static const double PAINT[8][3] = {{0.80, 0.07, 0.10}, {0.06, 0.56, 0.19}, {0.10, 0.22, 0.80},
                                       {0.98, 0.84, 0.06}, {0.49, 0.11, 0.66}, {0.99, 0.45, 0.02},
                                       {0.93, 0.93, 0.93}, {0.06, 0.06, 0.065}};
    double v[3], far = value >= WORLD_WHITE ? 0.012 : 0.04;
    for (int i = 0; i < 3; i++) {
        v[i] = PAINT[value][i] + between(d, -far, far);
        v[i] = v[i] < 0 ? 0 : v[i] > 1 ? 1 : v[i];
    }
    fprintf(f, "  pigment { srgb <%.3f, %.3f, %.3f> }\n", v[0], v[1], v[2]);
}

static void finish(FILE *f, world_dice *d, int material, double ambient, bool grey)
{
    if (material == WORLD_MATTE) {
        fprintf(f, "  finish { ambient %.3f diffuse %.3f brilliance %.2f }\n", ambient,
                between(d, 0.65, 0.85), between(d, 0.8, 1.2));
        return;
    }
    bool phong = dice_below(d, 2);
    fprintf(f, "  finish { ambient %.3f diffuse %.3f", ambient, between(d, 0.6, 0.8));
    fprintf(f, " %s %.2f", phong ? "phong" : "specular", between(d, 0.5, 1.0));
    fprintf(f, " %s %.4f", phong ? "phong_size" : "roughness",
            phong ? between(d, 30, 110) : between(d, 0.005, 0.03));
    fprintf(f, " reflection { %.3f } }\n", grey ? between(d, 0.05, 0.14) : between(d, 0.08, 0.22));
}

/* A quiet colour, as srgb. */
static void quiet(FILE *f, world_dice *d, double lo, double hi)
{
    double v = between(d, lo, hi), a = between(d, -0.06, 0.09), b = between(d, -0.06, 0.06);
    fprintf(f, "srgb <%.3f, %.3f, %.3f>", v + a, v + b, v - a);
}

static void ground(FILE *f, world_dice *d, double ambient)
{
    double turn = between(d, 0, 360), size = between(d, 0.5, 1.4), reach = between(d, 3.6, 6);
    switch (dice_below(d, 3)) {
    case 0: fprintf(f, "plane { z, 0\n"); break;
    case 1: fprintf(f, "cylinder { <0, 0, -0.3>, <0, 0, 0>, %.2f\n", reach); break;
    default:
        fprintf(f, "box { <-%.2f, -%.2f, -0.3>, <%.2f, %.2f, 0>\n", reach, reach, reach, reach);
        break;
    }
    fprintf(f, "  pigment { ");
    switch (dice_below(d, 6)) {
    case 0:
    case 1: quiet(f, d, 0.25, 0.8); break;
    case 2:
        fprintf(f, "checker ");
        quiet(f, d, 0.25, 0.5);
        fprintf(f, " ");
        quiet(f, d, 0.5, 0.85);
        break;
    case 3:
        fprintf(f, "bozo color_map { [0 ");
        quiet(f, d, 0.3, 0.5);
        fprintf(f, "] [1 ");
        quiet(f, d, 0.5, 0.75);
        fprintf(f, "] } turbulence 0.5");
        break;
    case 4:
        fprintf(f, "granite color_map { [0 ");
        quiet(f, d, 0.35, 0.55);
        fprintf(f, "] [1 ");
        quiet(f, d, 0.55, 0.75);
        fprintf(f, "] }");
        break;
    default:
        fprintf(f, "marble color_map { [0 ");
        quiet(f, d, 0.3, 0.5);
        fprintf(f, "] [1 ");
        quiet(f, d, 0.45, 0.7);
        fprintf(f, "] } turbulence 0.4");
        break;
    }
    /* a chequer changes at z = 0: shifted, so that the surface lies inside a cell */
    fprintf(f, " scale %.2f translate <0, 0, %.3f> }\n", size, 0.37 * size);
    fprintf(f, "  finish { ambient %.3f diffuse 0.75 }\n  rotate <0, 0, %.1f> }\n", ambient, turn);
}

static void lamps(FILE *f, world_dice *d, double ambient)
{
    int n = 1 + dice_below(d, 3);
    for (int i = 0; i < n; i++) {
        double turn = between(d, 0, 360), lift = between(d, 38, 75), far = between(d, 8, 25);
        double warm = between(d, -0.08, 0.08), power = (1.15 - ambient) / n * between(d, 0.9, 1.2);
        fprintf(f, "light_source { <%.2f, 0, 0> rgb <%.3f, %.3f, %.3f>\n", far, power * (1 + warm),
                power, power * (1 - warm));
        if (dice_below(d, 5) < 3) {
            double wide = far * between(d, 0.08, 0.35);
            fprintf(f, "  area_light <0, %.2f, 0>, <0, 0, %.2f>, 6, 6 adaptive 1 jitter circular\n",
                    wide, wide);
        }
        fprintf(f, "  rotate <0, %.1f, 0> rotate <0, 0, %.1f> }\n", -lift, turn);
    }
}

static void picture(FILE *f, const world_scene *s, world_dice *d)
{
    bool glow = dice_below(d, 5) < 2; /* radiosity instead of an ambient constant */
    double ambient = glow ? 0 : between(d, 0.08, 0.25);
    fprintf(f, "#version 3.7;\nglobal_settings { assumed_gamma 1.0\n");
    if (glow)
        fprintf(f, "  radiosity { count 80 error_bound 0.6 recursion_limit 2 brightness 1 }\n");
    fprintf(f, "}\n");
    fprintf(f, "sky_sphere { pigment { gradient z color_map { [0 ");
    quiet(f, d, 0.3, 0.8);
    fprintf(f, "] [1 ");
    quiet(f, d, 0.3, 0.9);
    fprintf(f, "] } } }\n");
    camera(f, s);
    lamps(f, d, glow ? 0.35 : ambient);
    ground(f, d, ambient);
    for (int i = 0; i < s->n; i++) {
        const uint8_t *is = s->object[i].is;
        solid(f, &s->object[i]);
        colour(f, d, is[WORLD_P_COLOUR]);
        finish(f, d, is[WORLD_P_MATERIAL], ambient, is[WORLD_P_COLOUR] >= WORLD_WHITE);
        place(f, &s->object[i]);
    }
}

static int write_scene(int number, const char *folder)
{
    world_scene s;
    world_canvas *c = make_scene(number, &s);
    world_dice d = look_dice(number);
    for (int k = 0; k < 2; k++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s.pov", folder, k ? "ids" : "picture");
        FILE *f = fopen(path, "w");
        if (!f) {
            perror(path);
            return 1;
        }
        if (k)
            ids(f, &s);
        else
            picture(f, &s, &d);
        if (fclose(f)) {
            perror(path);
            return 1;
        }
    }
    printf("%d %d %d\n", s.width, s.height, dice_below(&d, 5) > 0);
    world_canvas_free(c);
    return 0;
}

/* ---- the manifest -------------------------------------------------------------------------- */

/* A number of a PPM header, past white space and comments. */
static bool read_number(FILE *f, int *out)
{
    int c = fgetc(f);
    while (c == ' ' || c == '\n' || c == '#') {
        while (c == '#' && (c = fgetc(f)) != '\n' && c != EOF)
            c = '#';
        c = fgetc(f);
    }
    ungetc(c, f);
    return fscanf(f, "%d", out) == 1;
}

/* Numbers of objects from the flat picture, in place of our own. */
static bool read_ids(const char *path, world_canvas *c)
{
    FILE *f = fopen(path, "rb");
    int w = 0, h = 0, most = 0;
    bool ok = f && fgetc(f) == 'P' && fgetc(f) == '6' && read_number(f, &w) &&
              read_number(f, &h) && read_number(f, &most) && fgetc(f) != EOF && w == c->width &&
              h == c->height && most == 255;
    size_t n = (size_t)c->width * (size_t)c->height;
    ok = ok && fread(c->rgb, 3, n, f) == n;
    if (f)
        fclose(f);
    for (size_t k = 0; ok && k < n; k++) {
        c->number[k] = (uint8_t)((c->rgb[3 * k] + 15) / 30);
        ok = c->number[k] <= WORLD_MOST_OBJECTS;
    }
    return ok;
}

static void see(world_scene *s, const world_canvas *c)
{
    for (int i = 0; i < s->n; i++) {
        world_seen *e = &s->seen[i];
        int32_t *b = e->box;
        b[0] = c->width, b[1] = c->height, b[2] = b[3] = e->pixels = 0;
        for (int y = 0; y < c->height; y++) {
            for (int x = 0; x < c->width; x++) {
                if (c->number[(size_t)y * (size_t)c->width + (size_t)x] != i + 1)
                    continue;
                e->pixels++;
                b[0] = x < b[0] ? x : b[0];
                b[1] = y < b[1] ? y : b[1];
                b[2] = x >= b[2] ? x + 1 : b[2];
                b[3] = y >= b[3] ? y + 1 : b[3];
            }
        }
        e->col = 0.5f * (float)(b[0] + b[2]);
        e->row = 0.5f * (float)(b[1] + b[3]);
    }
}

static void print_box(const int32_t b[4])
{
    printf("[%d, %d, %d, %d]", b[0], b[1], b[2], b[3]);
}

static bool asked_before(char list[][WORLD_TEXT], int n, const char *text)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static void print_questions(const world_scene *s, int number, world_dice *d)
{
    char said[QUESTIONS][WORLD_TEXT];
    int n = 0;
    for (int k = 0; n < QUESTIONS; k++) {
        /* the kinds in turn, so that each has its share; a kind that cannot be asked is passed */
        world_kind kind = (world_kind)((number * QUESTIONS + n + k / 40) % WORLD_KINDS);
        /* few questions: yes and no in turn rather than by a coin */
        const char *wanted = (number * QUESTIONS + n) / WORLD_KINDS & 1 ? "yes" : "no";
        world_item q;
        if (!world_ask(s, kind, NULL, d, &q) || asked_before(said, n, q.text) ||
            (kind >= WORLD_K_EXISTENCE && k % 40 < 30 && strcmp(q.answer, wanted)))
            continue;
        memcpy(said[n++], q.text, sizeof q.text);
        printf("%s{\"kind\": \"%s\", \"question\": \"%s\", \"answer\": \"%s\"}",
               n > 1 ? ", " : "", world_kind_name(kind), q.text, q.answer);
    }
}

static void print_expressions(const world_scene *s, world_dice *d)
{
    char said[EXPRESSIONS][WORLD_TEXT];
    int n = 0;
    for (int k = 0; n < EXPRESSIONS && k < 200; k++) {
        world_item q;
        if (!world_refer(s, d, &q) || asked_before(said, n, q.text))
            continue;
        memcpy(said[n++], q.text, sizeof q.text);
        printf("%s{\"text\": \"%s\", \"box\": ", n > 1 ? ", " : "", q.text);
        print_box(q.box[0]);
        printf("}");
    }
}

static int write_line(int number, const char *path, const char *name)
{
    world_scene s;
    world_canvas *c = make_scene(number, &s);
    if (!read_ids(path, c)) {
        fprintf(stderr, "exam: %s is not the flat picture of scene %d\n", path, number);
        return 1;
    }
    see(&s, c);
    if (!world_scene_clear(&s))
        return 3;
    world_dice d = world_dice_make(SEED, WORLD_FOREIGN, (uint64_t)number, WORLD_LANE_WORDS);
    world_item item;
    printf("{\"image\": \"%s\", \"scene\": {\"world\": %d, \"seed\": %d, \"index\": %d}, ", name,
           WORLD_VERSION, SEED, number);
    world_caption(&s, &item);
    printf("\"caption\": [{\"answer\": \"%s\"}], \"vqa\": [", item.answer);
    print_questions(&s, number, &d);
    printf("], \"refexp\": [");
    print_expressions(&s, &d);
    printf("], \"detect\": [{\"boxes\": [");
    world_detect(&s, &item);
    for (int i = 0; i < item.n_boxes; i++) {
        printf("%s{\"box\": ", i ? ", " : "");
        print_box(item.box[i]);
        printf(", \"label\": \"%s\"}", item.label[i]);
    }
    printf("]}]}\n");
    world_canvas_free(c);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "pov") == 0)
        return write_scene(atoi(argv[2]), argv[3]);
    if (argc == 5 && strcmp(argv[1], "line") == 0)
        return write_line(atoi(argv[2]), argv[3], argv[4]);
    fprintf(stderr, "usage: exam pov NUMBER FOLDER | exam line NUMBER IDS.ppm NAME\n");
    return 2;
}
