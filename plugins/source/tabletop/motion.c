/* SPDX-License-Identifier: Apache-2.0 */
/* Motion: a scene, a way that the camera would call left, right, away or closer, and a straight
 * path that way on which nothing is in the way. Drawn again until all frames are good.
 */
#include "motion.h"

#include <string.h>

#include "draw.h"
#include "exact.h"
#include "look.h"
#include "solid.h"
#include "words.h"

#define SALT UINT64_C(0x6d6f74696f6e)
#define LEAST_STEP 12.f /* pixels of a picture 128 wide */
#define REACH 2.75f     /* the path stays within this distance of the middle */

void world_motion_at(const world_motion *m, int frame, world_scene *out)
{
    *out = m->first;
    out->object[m->mover].x += (float)frame * m->step[0];
    out->object[m->mover].y += (float)frame * m->step[1];
    /* grain of its own for each frame */
    out->seed = world_mix64(out->seed + (uint64_t)frame);
}

/* A step that way, in the plane of the table. */
static void draw_step(world_dice *d, world_motion *m)
{
    static const float ACROSS[WORLD_WAYS] = {-1, 1, 0, 0}, DEEPER[WORLD_WAYS] = {0, 0, 1, -1};
    const world_camera *c = &m->first.camera;
    float ahead[3] = {c->forward[0], c->forward[1], 0}, side[3], way[3];
    unit3(ahead);
    side[0] = ahead[1];
    side[1] = -ahead[0];
    float jitter = dice_float(d, -0.35f, 0.35f);
    float a = (float)exact_cos((double)jitter), b = (float)exact_sin((double)jitter);
    for (int i = 0; i < 2; i++)
        way[i] = ACROSS[m->way] * side[i] + DEEPER[m->way] * ahead[i];
    /* pixels of a table unit that way, at the middle of the table */
    float unit = c->focal * (float)WORLD_SIDE / sqrtf(dot3(c->at, c->at));
    if (m->way >= WORLD_AWAY)
        unit *= -c->forward[2];
    float length = dice_float(d, LEAST_STEP + 0.5f, LEAST_STEP + 5) / unit;
    m->step[0] = length * (a * way[0] - b * way[1]);
    m->step[1] = length * (a * way[1] + b * way[0]);
}

/* Nothing is in the way, and the table does not end. */
static bool path_free(const world_motion *m)
{
    const world_scene *s = &m->first;
    const world_object *o = &s->object[m->mover];
    for (int f = 0; f < 2 * m->frames - 1; f++) {
        float x = o->x + 0.5f * (float)f * m->step[0], y = o->y + 0.5f * (float)f * m->step[1];
        if (x * x + y * y > REACH * REACH)
            return false;
        for (int i = 0; i < s->n; i++) {
            float dx = s->object[i].x - x, dy = s->object[i].y - y;
            float need = solid_foot(o) + solid_foot(&s->object[i]);
            if (i != m->mover && dx * dx + dy * dy < need * need)
                return false;
        }
    }
    return true;
}

static bool well_seen(const world_scene *s, float unit)
{
    for (int i = 0; i < s->n; i++) {
        const world_seen *e = &s->seen[i];
        if ((float)e->pixels < 40 * unit * unit || (float)e->pixels < 0.45f * (float)e->alone)
            return false;
        if (e->box[0] < 1 || e->box[1] < 1 || e->box[2] > s->width - 1 ||
            e->box[3] > s->height - 1)
            return false;
    }
    return true;
}

/* From frame f - 1 to f far enough and clearly one way. */
static bool step_good(const world_motion *m, int f, float unit)
{
    float dx = m->col[f] - m->col[f - 1], dy = m->row[f] - m->row[f - 1];
    float x = dx < 0 ? -dx : dx, y = dy < 0 ? -dy : dy, least = LEAST_STEP * unit;
    switch (m->way) {
    case WORLD_LEFT: return dx <= -least && x > 2 * y;
    case WORLD_RIGHT: return dx >= least && x > 2 * y;
    case WORLD_AWAY: return dy <= -least && y > 2 * x;
    default: return dy >= least && y > 2 * x;
    }
}

static bool frames_good(world_motion *m, world_canvas *c)
{
    float unit = (float)(c->width < c->height ? c->width : c->height) / (float)WORLD_SIDE;
    for (int f = 0; f < m->frames; f++) {
        world_scene now;
        world_motion_at(m, f, &now);
        world_scene_look(&now, c);
        if (!well_seen(&now, unit))
            return false;
        const world_seen *e = &now.seen[m->mover];
        m->col[f] = e->col;
        m->row[f] = e->row;
        memcpy(m->box[f], e->box, sizeof m->box[f]);
        if (f && !step_good(m, f, unit))
            return false;
        if (!f)
            memcpy(m->first.seen, now.seen, sizeof now.seen);
    }
    return true;
}

bool world_motion_make(world_motion *m, world_canvas *c, uint64_t seed, world_split split,
                       uint64_t index, int frames, const world_options *options)
{
    const uint64_t own = world_mix64(seed + SALT);
    world_dice dice = world_dice_make(own, split, index, WORLD_LANE_SCENE), *d = &dice;
    world_scene *s = &m->first;
    memset(m, 0, sizeof *m);
    world_draw_begin(s, own, split, index);
    world_draw_objects(d, s, options->least_objects, options->most_objects);
    world_draw_around(d, s, options->clean);
    m->frames = frames;
    m->way = (world_way)dice_below(d, WORLD_WAYS);
    m->mover = dice_below(d, s->n);
    for (s->tries = 1; s->tries <= 40000; s->tries++) {
        if (!world_draw_places(d, s))
            continue;
        /* from high enough, or there is no room for away and closer */
        world_draw_camera(d, s, m->way < WORLD_AWAY ? 25 : 40, 60, 0.35f);
        draw_step(d, m);
        /* the path's middle is where the thing would have stood */
        s->object[m->mover].x -= 0.5f * (float)(frames - 1) * m->step[0];
        s->object[m->mover].y -= 0.5f * (float)(frames - 1) * m->step[1];
        if (!path_free(m) || !frames_good(m, c))
            continue;
        s->width = c->width;
        s->height = c->height;
        return true;
    }
    return false;
}

const char *world_way_name(world_way way)
{
    static const char *const WAYS[WORLD_WAYS] = {"left", "right", "away", "closer"};
    return (unsigned)way < WORLD_WAYS ? WAYS[way] : NULL;
}

void world_motion_ask(const world_motion *m, uint32_t round, char out[WORLD_TEXT])
{
    static const char *const FORMS[] = {
        "which way does the $a move", "where does the $a go", "in which direction does the $a move",
        "which way is the $a moving",
    };
    const world_scene *s = &m->first;
    world_dice d = world_dice_make(s->seed, s->split, s->index, WORLD_LANE_WORDS);
    d.count = world_mix64(d.count + round);
    char name[2 * WORLD_LABEL] = "thing that moves";
    world_desc w;
    if (world_desc_unique(s, m->mover, 0, &d, &w))
        world_desc_say(&w, false, &d, name, sizeof name);
    world_say(out, FORMS[dice_below(&d, 4)], name, "", &d, true);
}
