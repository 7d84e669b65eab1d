/* SPDX-License-Identifier: Apache-2.0 */
/* Poses by forward kinematics: the body has a direction and leans a little, arms and legs swing
 * about shoulders and hips, elbows and knees bend the way they can, the head turns. Lengths are
 * shares of the person's height. Left is the person's own left, as COCO has it.
 */
#include "pose.h"

#include <string.h>

#include "draw.h"
#include "exact.h"
#include "solid.h"

enum {
    NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW,
    RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST, LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE,
    RIGHT_ANKLE
};

/* Three directions of a body part: forward, to its left, up. */
typedef struct axes {
    float forward[3], left[3], up[3];
} axes;

static float degrees(world_dice *d, float lo, float hi)
{
    return dice_float(d, lo, hi) * (3.14159265f / 180);
}

static void turn(float angle, float *c, float *s)
{
    *c = (float)exact_cos((double)angle);
    *s = (float)exact_sin((double)angle);
}

/* a cos + b sin, for two directions at a right angle. */
static void between(const float a[3], const float b[3], float angle, float out[3])
{
    float c, s;
    turn(angle, &c, &s);
    for (int i = 0; i < 3; i++)
        out[i] = c * a[i] + s * b[i];
}

/* from + a x + b y + c z in the axes of a part. */
static void reach_to(const float from[3], const axes *m, float forward, float left, float up,
                     float out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = from[i] + forward * m->forward[i] + left * m->left[i] + up * m->up[i];
}

/* Turned about its up, then nodded about its left. */
static void turned(const axes *m, float yaw, float nod, axes *out)
{
    float back[3];
    axes flat = *m;
    between(m->forward, m->left, yaw, flat.forward);
    for (int i = 0; i < 3; i++)
        back[i] = -m->forward[i];
    between(m->left, back, yaw, flat.left);
    *out = flat;
    between(flat.forward, flat.up, nod, out->forward);
    for (int i = 0; i < 3; i++)
        back[i] = -flat.forward[i];
    between(flat.up, back, nod, out->up);
}

/* A limb of two bones from a joint: swing forward, spread to its side, then bend in the middle,
 * towards `to` (an elbow forward, a knee back). */
static void limb(world_person *p, int root, int middle, int end, const axes *m, float side,
                 const float angle[3], float way, const float length[2])
{
    float down[3], swung[3], out[3], dir[3], bent[3], c, s;
    for (int i = 0; i < 3; i++) {
        down[i] = -m->up[i];
        out[i] = side * m->left[i];
    }
    between(down, m->forward, angle[0], swung);
    between(swung, out, angle[1], dir);
    /* the direction at a right angle to the bone that is nearest to forward */
    float k = dot3(m->forward, dir);
    for (int i = 0; i < 3; i++)
        bent[i] = m->forward[i] - k * dir[i];
    if (dot3(bent, bent) < 1e-4f)
        memcpy(bent, m->up, sizeof bent);
    unit3(bent);
    turn(angle[2], &c, &s);
    for (int i = 0; i < 3; i++) {
        p->joint[middle][i] = p->joint[root][i] + length[0] * dir[i];
        p->joint[end][i] = p->joint[middle][i] + length[1] * (c * dir[i] + way * s * bent[i]);
    }
}

static void head(world_dice *d, world_person *p, const axes *body, const float neck[3])
{
    float h = p->tall, r = 0.075f * h, centre[3];
    axes m;
    float yaw = degrees(d, -50, 50);
    turned(body, yaw, degrees(d, -15, 15), &m);
    reach_to(neck, &m, 0.01f * h, 0, 0.115f * h, centre);
    reach_to(centre, &m, 1.05f * r, 0, -0.1f * r, p->joint[NOSE]);
    for (int side = 0; side < 2; side++) {
        float way = side ? -1 : 1;
        reach_to(centre, &m, 0.86f * r, way * 0.42f * r, 0.3f * r, p->joint[LEFT_EYE + side]);
        reach_to(centre, &m, 0, way * 1.02f * r, 0.02f * r, p->joint[LEFT_EAR + side]);
    }
    world_part *face = &p->part[p->n++], *hair = &p->part[p->n++];
    memcpy(face->a, centre, sizeof centre);
    face->radius = r;
    reach_to(centre, &m, -0.26f * r, 0, 0.2f * r, hair->a);
    hair->radius = 0.95f * r;
    memcpy(face->b, face->a, sizeof face->b);
    memcpy(hair->b, hair->a, sizeof hair->b);
    face->joint[0] = face->joint[1] = hair->joint[0] = hair->joint[1] = -1;
}

/* The ball around all parts. */
static void surround(world_person *p)
{
    float lo[3] = {1e9f, 1e9f, 1e9f}, hi[3] = {-1e9f, -1e9f, -1e9f};
    for (int k = 0; k < 2 * p->n; k++) {
        const float *at = k & 1 ? p->part[k / 2].b : p->part[k / 2].a;
        for (int i = 0; i < 3; i++) {
            float r = p->part[k / 2].radius;
            lo[i] = at[i] - r < lo[i] ? at[i] - r : lo[i];
            hi[i] = at[i] + r > hi[i] ? at[i] + r : hi[i];
        }
    }
    float half[3];
    for (int i = 0; i < 3; i++) {
        p->middle[i] = 0.5f * (lo[i] + hi[i]);
        half[i] = 0.5f * (hi[i] - lo[i]);
    }
    p->reach = sqrtf(dot3(half, half));
}

/* ---- what the parts are made of ------------------------------------------------------------ */

static void squared(const float display[3], float shade, float rgb[3])
{
    for (int i = 0; i < 3; i++)
        rgb[i] = display[i] * display[i] * shade;
}

enum { SKIN, SHIRT, TROUSERS, HAIR, DARK, STUFFS };

static void rod(world_person *p, int from, int to, float radius, int stuff,
                float rgb[STUFFS][3])
{
    world_part *e = &p->part[p->n++];
    memcpy(e->a, p->joint[from], sizeof e->a);
    memcpy(e->b, p->joint[to], sizeof e->b);
    memcpy(e->rgb, rgb[stuff], sizeof e->rgb);
    e->radius = radius * p->tall;
    e->joint[0] = (int8_t)from;
    e->joint[1] = (int8_t)to;
}

/* All parts from the joints; the head's two are there. */
static void build(world_person *p, float rgb[STUFFS][3])
{
    static const struct {
        int8_t from, to, stuff;
        float radius;
    } RODS[] = {
        {LEFT_SHOULDER, LEFT_ELBOW, SHIRT, 0.034f}, {RIGHT_SHOULDER, RIGHT_ELBOW, SHIRT, 0.034f},
        {LEFT_ELBOW, LEFT_WRIST, SKIN, 0.027f},     {RIGHT_ELBOW, RIGHT_WRIST, SKIN, 0.027f},
        {LEFT_SHOULDER, RIGHT_SHOULDER, SHIRT, 0.042f},
        {LEFT_HIP, RIGHT_HIP, TROUSERS, 0.048f},
        {LEFT_HIP, LEFT_KNEE, TROUSERS, 0.044f},    {RIGHT_HIP, RIGHT_KNEE, TROUSERS, 0.044f},
        {LEFT_KNEE, LEFT_ANKLE, TROUSERS, 0.035f},  {RIGHT_KNEE, RIGHT_ANKLE, TROUSERS, 0.035f},
        {NOSE, NOSE, SKIN, 0.014f},                 {LEFT_EYE, LEFT_EYE, DARK, 0.013f},
        {RIGHT_EYE, RIGHT_EYE, DARK, 0.013f},       {LEFT_EAR, LEFT_EAR, SKIN, 0.018f},
        {RIGHT_EAR, RIGHT_EAR, SKIN, 0.018f},
    };
    memcpy(p->part[0].rgb, rgb[SKIN], sizeof p->part[0].rgb);
    memcpy(p->part[1].rgb, rgb[HAIR], sizeof p->part[1].rgb);
    for (size_t k = 0; k < sizeof RODS / sizeof RODS[0]; k++)
        rod(p, RODS[k].from, RODS[k].to, RODS[k].radius, RODS[k].stuff, rgb);
    /* chest and belly end at no joint */
    for (int k = 0; k < 2; k++) {
        world_part *e = &p->part[p->n++];
        for (int i = 0; i < 3; i++) {
            float low = 0.5f * (p->joint[LEFT_HIP][i] + p->joint[RIGHT_HIP][i]);
            float high = 0.5f * (p->joint[LEFT_SHOULDER][i] + p->joint[RIGHT_SHOULDER][i]);
            float neck = k ? p->part[0].a[i] : low;
            e->a[i] = high;
            e->b[i] = k ? high + 0.6f * (neck - high) : low + 0.12f * (high - low);
        }
        memcpy(e->rgb, rgb[k ? SKIN : SHIRT], sizeof e->rgb);
        e->radius = (k ? 0.028f : 0.062f) * p->tall;
        e->joint[0] = e->joint[1] = -1;
    }
}

void world_person_dress(world_dice *d, world_person *p)
{
    p->tall = dice_float(d, 2.1f, 3.0f);
    p->shirt = (uint8_t)dice_below(d, 8);
    p->trousers = (uint8_t)((p->shirt + 1 + dice_below(d, 7)) % 8);
}

void world_person_pose(world_dice *d, world_person *p)
{
    static const float SKINS[5][3] = {{0.95f, 0.78f, 0.66f}, {0.87f, 0.67f, 0.52f},
                                      {0.74f, 0.54f, 0.40f}, {0.56f, 0.38f, 0.27f},
                                      {0.42f, 0.28f, 0.20f}};
    static const float HAIRS[4][3] = {{0.12f, 0.09f, 0.07f}, {0.35f, 0.22f, 0.12f},
                                      {0.72f, 0.55f, 0.28f}, {0.62f, 0.62f, 0.62f}};
    static const float EYES[3] = {0.05f, 0.05f, 0.06f};
    float rgb[STUFFS][3], h = p->tall, c, s;
    squared(SKINS[dice_below(d, 5)], 1, rgb[SKIN]);
    squared(HAIRS[dice_below(d, 4)], 1, rgb[HAIR]);
    squared(world_paint[p->shirt], dice_float(d, 0.85f, 1.05f), rgb[SHIRT]);
    squared(world_paint[p->trousers], dice_float(d, 0.85f, 1.05f), rgb[TROUSERS]);
    squared(EYES, 1, rgb[DARK]);
    turn(dice_float(d, 0, 6.2831853f), &c, &s);
    const axes upright = {{c, s, 0}, {-s, c, 0}, {0, 0, 1}};
    axes body;
    turned(&upright, 0, degrees(d, -14, 8), &body);
    const float root[3] = {p->x, p->y, 0.5f * h};
    float neck[3];
    p->n = 0;
    reach_to(root, &body, 0, 0, 0.31f * h, neck);
    static const float ARM[2] = {0.165f, 0.15f}, LEG[2] = {0.24f, 0.23f};
    const float arm[2] = {ARM[0] * h, ARM[1] * h}, leg[2] = {LEG[0] * h, LEG[1] * h};
    for (int k = 0; k < 2; k++) {
        float side = k ? -1 : 1;
        reach_to(neck, &body, 0, side * 0.105f * h, 0, p->joint[LEFT_SHOULDER + k]);
        reach_to(root, &upright, 0, side * 0.065f * h, 0, p->joint[LEFT_HIP + k]);
        const float up[3] = {degrees(d, -35, 110), degrees(d, 4, 95), degrees(d, 0, 120)};
        const float down[3] = {degrees(d, -25, 45), degrees(d, 0, 18), degrees(d, 0, 50)};
        limb(p, LEFT_SHOULDER + k, LEFT_ELBOW + k, LEFT_WRIST + k, &body, side, up, 1, arm);
        limb(p, LEFT_HIP + k, LEFT_KNEE + k, LEFT_ANKLE + k, &upright, side, down, -1, leg);
    }
    head(d, p, &body, neck);
    float low = 0.035f * h;
    float left = p->joint[LEFT_ANKLE][2], right = p->joint[RIGHT_ANKLE][2];
    float sink = (left < right ? left : right) - low;
    for (int j = 0; j < WORLD_JOINTS; j++)
        p->joint[j][2] -= sink;
    for (int k = 0; k < p->n; k++) {
        p->part[k].a[2] -= sink;
        p->part[k].b[2] -= sink;
    }
    build(p, rgb);
    surround(p);
}
