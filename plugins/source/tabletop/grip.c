/* SPDX-License-Identifier: Apache-2.0 */
/* The hand. Pushing is quasi-static: in small steps, what overlaps the hand is moved straight away
 * from it until it touches, and pushes others the same way; so a push off the middle slips off.
 */
#include "grip.h"

#include <string.h>

#include "exact.h"
#include "look.h"
#include "solid.h"
#include "words.h"

#define SALT UINT64_C(0x67726970)
#define FIST 0.14f     /* radius of the closed hand */
#define STEP 0.02f     /* of a push */
#define SPOT 0.24f     /* radius of the mark on the table */
#define BEHIND 0.12f   /* how far behind a thing a push begins, beyond touching */
#define TRIES 200

static float apart2(const float a[2], float x, float y)
{
    return (a[0] - x) * (a[0] - x) + (a[1] - y) * (a[1] - y);
}

/* ---- moves --------------------------------------------------------------------------------- */

static bool table_under(const world_scene *s, float x, float y, float at[2])
{
    const world_lens v = world_lens_make(s, s->width, s->height);
    float d[3], u, w;
    world_lens_ray(&v, x, y, d);
    if (d[2] >= -1e-3f * v.focal)
        return false;
    float t = -s->camera.at[2] / d[2];
    at[0] = s->camera.at[0] + t * d[0];
    at[1] = s->camera.at[1] + t * d[1];
    return world_table_holds(&s->table, at[0], at[1], &u, &w);
}

/* Moves b straight away from a until they are `need` apart. */
static void push_off(const float a[2], float need, world_object *b)
{
    float dx = b->x - a[0], dy = b->y - a[1], d2 = dx * dx + dy * dy;
    if (d2 >= need * need)
        return;
    float d = sqrtf(d2);
    if (d < 1e-4f) { /* exactly on top: any way is as good */
        dx = 1;
        dy = 0;
        d = 1;
    }
    b->x = a[0] + dx / d * need;
    b->y = a[1] + dy / d * need;
}

static void sweep(world_grip *g, const float to[2])
{
    world_scene *s = &g->scene;
    const float from[2] = {g->at[0], g->at[1]};
    float length = sqrtf(apart2(to, from[0], from[1]));
    int steps = (int)(length / STEP) + 1;
    for (int k = 0; k <= steps; k++) {
        float part = (float)k / (float)steps;
        const float at[2] = {from[0] + part * (to[0] - from[0]),
                             from[1] + part * (to[1] - from[1])};
        for (int i = 0; i < s->n; i++)
            push_off(at, FIST + s->object[i].radius, &s->object[i]);
        for (int pass = 0; pass < 3; pass++) {
            for (int i = 0; i < s->n; i++) {
                const float by[2] = {s->object[i].x, s->object[i].y};
                /* nearer to the hand pushes what is farther */
                for (int j = 0; j < s->n; j++)
                    if (i != j && apart2(at, by[0], by[1]) <
                                      apart2(at, s->object[j].x, s->object[j].y))
                        push_off(by, s->object[i].radius + s->object[j].radius, &s->object[j]);
            }
        }
    }
}

static void close_hand(world_grip *g)
{
    world_scene *s = &g->scene;
    for (int i = 0; i < s->n && g->held < 0; i++) {
        const world_object *o = &s->object[i];
        if (apart2(g->at, o->x, o->y) <= o->radius * o->radius)
            g->held = i;
    }
    if (g->held == g->thing)
        g->lifted = true;
}

/* Sets down what is held, where there is room for it. */
static bool open_hand(world_grip *g)
{
    world_scene *s = &g->scene;
    for (int i = 0; i < s->n && g->held >= 0; i++) {
        float need = s->object[i].radius + s->object[g->held].radius;
        if (i != g->held && apart2(g->at, s->object[i].x, s->object[i].y) < need * need)
            return false;
    }
    g->held = -1;
    return true;
}

bool world_grip_move(world_grip *g, const world_move *m)
{
    float to[2];
    if (!table_under(&g->scene, m->x, m->y, to))
        return false;
    if (!g->away && m->down && g->closed && g->held < 0)
        sweep(g, to); /* from above it comes down where it was */
    g->away = false;
    memcpy(g->at, to, sizeof to);
    g->down = m->down;
    if (g->held >= 0) {
        g->scene.object[g->held].x = to[0];
        g->scene.object[g->held].y = to[1];
    }
    if (m->closed && !g->closed && m->down)
        close_hand(g);
    if (m->closed || !m->down || open_hand(g))
        g->closed = m->closed || g->held >= 0;
    g->moves++;
    return true;
}

double world_grip_distance(const world_grip *g)
{
    const world_object *o = &g->scene.object[g->thing];
    const float *from = g->job == WORLD_PICK ? g->at : g->target;
    return (double)(sqrtf(apart2(from, o->x, o->y)) / o->radius);
}

bool world_grip_done(const world_grip *g)
{
    if (g->job == WORLD_PICK)
        return g->held == g->thing;
    return g->held != g->thing && (g->job == WORLD_PLACE || !g->lifted) &&
           world_grip_distance(g) <= 1;
}

int world_grip_plan(const world_grip *g, world_move plan[WORLD_MOST_MOVES])
{
    const world_scene *s = &g->scene;
    const world_object *o = &s->object[g->thing];
    const world_lens v = world_lens_make(s, s->width, s->height);
    float from[3] = {o->x, o->y, 0}, to[3] = {g->target[0], g->target[1], 0};
    if (g->job == WORLD_PUSH) {
        float dx = to[0] - from[0], dy = to[1] - from[1], d = sqrtf(dx * dx + dy * dy);
        float back = (o->radius + FIST + BEHIND) / d, touch = (o->radius + FIST) / d;
        from[0] -= back * dx;
        from[1] -= back * dy;
        to[0] -= touch * dx;
        to[1] -= touch * dy;
    }
    plan[0] = (world_move){.down = g->job != WORLD_PUSH, .closed = true};
    plan[1] = (world_move){.down = true, .closed = g->job == WORLD_PUSH};
    world_lens_point(s, &v, from, &plan[0].x, &plan[0].y);
    world_lens_point(s, &v, to, &plan[1].x, &plan[1].y);
    return g->job == WORLD_PICK ? 1 : 2;
}

/* ---- how it looks -------------------------------------------------------------------------- */

static void bar(world_person *p, float x, float y, float low, float high, float radius)
{
    world_part *e = &p->part[p->n++];
    *e = (world_part){.a = {x, y, low}, .b = {x, y, high}, .radius = radius,
                      .rgb = {0.16f, 0.17f, 0.2f}, .joint = {-1, -1}};
}

void world_grip_show(world_grip *g)
{
    world_person *p = &g->hand.person[0];
    memset(&g->hand, 0, sizeof g->hand);
    g->scene.crowd = NULL;
    if (g->away)
        return;
    float wide = g->held >= 0 ? g->scene.object[g->held].radius + 0.06f : g->closed ? 0.07f : 0.3f;
    float low = g->down ? 0.08f : 0.9f;
    bar(p, g->at[0] - wide, g->at[1], low, low + 1.3f, 0.06f);
    bar(p, g->at[0] + wide, g->at[1], low, low + 1.3f, 0.06f);
    bar(p, g->at[0], g->at[1], low + 1.5f, low + 1.9f, 0.11f);
    world_part *palm = &p->part[p->n++];
    *palm = p->part[0];
    palm->a[2] = palm->b[2] = low + 1.35f;
    palm->b[0] = g->at[0] + wide;
    palm->radius = 0.08f;
    p->middle[0] = g->at[0];
    p->middle[1] = g->at[1];
    p->middle[2] = low + 0.95f;
    p->reach = 1.2f + wide;
    g->hand.n = 1;
    g->scene.crowd = &g->hand;
}

/* ---- episodes ------------------------------------------------------------------------------ */

/* A spot that can be seen, with room around it, and for a push a way to it. */
static bool draw_target(world_grip *g, const world_canvas *c, world_dice *d)
{
    const world_scene *s = &g->scene;
    const world_object *o = &s->object[g->thing];
    const world_lens v = world_lens_make(s, c->width, c->height);
    float turn = dice_float(d, 0, 6.2831853f), far = dice_float(d, 1.0f, 2.6f), col, row;
    float way[2] = {(float)exact_cos((double)turn), (float)exact_sin((double)turn)};
    const float to[3] = {o->x + far * way[0], o->y + far * way[1], 0};
    memcpy(g->target, to, sizeof g->target);
    if (to[0] * to[0] + to[1] * to[1] > 2.4f * 2.4f || !world_lens_point(s, &v, to, &col, &row))
        return false;
    float edge = 0.09f * (float)(c->width < c->height ? c->width : c->height);
    if (col < edge || row < edge || col > (float)c->width - edge || row > (float)c->height - edge)
        return false;
    if (c->number[(size_t)row * (size_t)c->width + (size_t)col])
        return false;
    float start = g->job == WORLD_PUSH ? -(o->radius + FIST + BEHIND) : far;
    for (float k = start; k <= far + 0.01f; k += 0.1f) {
        for (int i = 0; i < s->n; i++) {
            float wide = k < 0 ? FIST : o->radius;
            float need = s->object[i].radius + wide + 0.08f;
            const float at[2] = {o->x + k * way[0], o->y + k * way[1]};
            if (i != g->thing && apart2(at, s->object[i].x, s->object[i].y) < need * need)
                return false;
        }
    }
    world_move plan[WORLD_MOST_MOVES];
    float at[2];
    for (int i = 0, n = world_grip_plan(g, plan); i < n; i++)
        if (!(plan[i].x >= 0 && plan[i].y >= 0 && plan[i].x <= (float)c->width &&
              plan[i].y <= (float)c->height) || !table_under(s, plan[i].x, plan[i].y, at))
            return false;
    return true;
}

static void say(world_grip *g, uint32_t round, const world_desc *unique)
{
    static const char *const FORMS[WORLD_JOBS][3] = {
        {"pick up the $a", "take the $a", "grasp the $a"},
        {"put the $a on the spot", "place the $a on the spot", "lift the $a onto the spot"},
        {"push the $a onto the spot", "push the $a to the spot", "slide the $a onto the spot"},
    };
    const world_scene *s = &g->scene;
    char name[2 * WORLD_LABEL];
    world_dice d = world_dice_make(s->seed, s->split, s->index, WORLD_LANE_WORDS);
    d.count = world_mix64(d.count + round);
    world_desc_say(unique, false, &d, name, sizeof name);
    world_say(g->text, FORMS[g->job][dice_below(&d, 3)], name, "", &d, false);
}

bool world_grip_make(world_grip *g, world_canvas *c, uint64_t seed, world_split split,
                     uint64_t index, uint32_t round, const world_options *options)
{
    static const float PINK[3] = {0.85f, 0.06f, 0.40f};
    const uint64_t own = world_mix64(seed + SALT);
    world_scene *s = &g->scene;
    world_dice d = world_dice_make(own, split, index, WORLD_LANE_SIDES);
    memset(g, 0, sizeof *g);
    g->held = -1;
    g->away = true;
    g->job = (world_job)dice_below(&d, WORLD_JOBS);
    /* a scene in which there is no room for the job is passed over for another */
    for (uint64_t k = 0; k < TRIES; k++) {
        if (!world_scene_make(s, c, world_mix64(own + k), split, index, options))
            continue;
        for (int attempt = 0; attempt < 40; attempt++) {
            world_desc w;
            g->thing = dice_below(&d, s->n);
            if (!world_desc_unique(s, g->thing, 0, &d, &w))
                continue;
            if (g->job != WORLD_PICK && !draw_target(g, c, &d))
                continue;
            if (g->job != WORLD_PICK) {
                s->table.spot[0] = g->target[0];
                s->table.spot[1] = g->target[1];
                s->table.spot_radius = SPOT;
                memcpy(s->table.spot_rgb, PINK, sizeof PINK);
            }
            say(g, round, &w);
            return true;
        }
    }
    return false;
}

const char *world_job_name(world_job job)
{
    static const char *const JOBS[WORLD_JOBS] = {"pick", "place", "push"};
    return (unsigned)job < WORLD_JOBS ? JOBS[job] : NULL;
}
