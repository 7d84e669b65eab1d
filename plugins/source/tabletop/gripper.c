/* SPDX-License-Identifier: Apache-2.0 */
/* The gripper: a world to act in and a source of lessons about its episodes. Both number their
 * episodes alike, so what the source shows for index i is what the world begins with for seed i.
 *
 * An action is rows of x, y (pixels of the picture), down and grip (0 or 1, the nearer counts). The
 * world shows a record: image, text ("put the red cube on the spot"), holding (what is in the hand,
 * "" for nothing), moves (how many are left). The reward is 1 when it is done as told, else 0.
 *
 * Examples of the source: image, text, kind ("pick", "place", "push"), name, box (of the thing),
 * actions (what somebody who knows where everything is does), thing and target (points), within
 * (half the width of the thing, pixels).
 */
#include "sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grip.h"
#include "look.h"

enum { ROW = 4 };

static const char *const NAMES[ROW] = {"x", "y", "down", "grip"};

static world_options grip_options(const struct gripper *p)
{
    return (world_options){.least_objects = 1, .most_objects = p->most, .clean = p->clean};
}

static omn_status gripper_open(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct gripper), self, err);
}

/* ---- lessons ------------------------------------------------------------------------------- */

static void put_actions(fields *f, const world_grip *g)
{
    static const char *const UNITS[ROW] = {"px", "px", NULL, NULL};
    const double least[ROW] = {0, 0, 0, 0};
    const double most[ROW] = {g->scene.width, g->scene.height, 1, 1};
    world_move plan[WORLD_MOST_MOVES];
    float rows[WORLD_MOST_MOVES * ROW];
    double time[WORLD_MOST_MOVES];
    const int n = world_grip_plan(g, plan);
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    for (int i = 0; i < n; i++) {
        rows[ROW * i] = plan[i].x;
        rows[ROW * i + 1] = plan[i].y;
        rows[ROW * i + 2] = plan[i].down;
        rows[ROW * i + 3] = plan[i].closed;
        time[i] = i;
    }
    const omn_filled columns[] = {omn_fill("action", OMN_F32, omn_dim2(n, ROW), rows),
                                  omn_fill("time", OMN_F64, omn_dim1(n), time),
                                  omn_fill("name", OMN_STRING, omn_dim1(ROW), NAMES),
                                  omn_fill("unit", OMN_STRING, omn_dim1(ROW), UNITS),
                                  omn_fill("least", OMN_F64, omn_dim1(ROW), least),
                                  omn_fill("most", OMN_F64, omn_dim1(ROW), most)};
    if (f->st == OMN_OK)
        f->st = omn_kind_find(f->call, "actions", &kind, f->err);
    if (f->st == OMN_OK)
        f->st = omn_value_make(kind, columns, 6, NULL, &v, f->err);
    put(f, "actions", v);
}

static void put_point(fields *f, const char *name, const world_grip *g, float x, float y)
{
    const world_lens v = world_lens_make(&g->scene, g->scene.width, g->scene.height);
    const float at[3] = {x, y, 0};
    float col = 0, row = 0;
    omn_value *value = NULL;
    world_lens_point(&g->scene, &v, at, &col, &row);
    const omn_point point = {(double)col, (double)row, 2, name};
    if (f->st == OMN_OK)
        f->st = omn_points_new(&point, 1, f->frame, &value, f->err);
    put(f, name, value);
}

/* Half the width of the thing where it stands, across the line of sight. */
static double half_width(const world_grip *g)
{
    const world_scene *s = &g->scene;
    const world_object *o = &s->object[g->thing];
    const world_lens v = world_lens_make(s, s->width, s->height);
    float at[3] = {o->x, o->y, 0}, col[2], row[2];
    world_lens_point(s, &v, at, &col[0], &row[0]);
    for (int i = 0; i < 3; i++)
        at[i] += o->radius * s->camera.right[i];
    world_lens_point(s, &v, at, &col[1], &row[1]);
    return hypot((double)(col[1] - col[0]), (double)(row[1] - row[0]));
}

static omn_status gripper_get(const void *self, omn_call *call, omn_split split, uint64_t index,
                              omn_value **out, omn_error *err)
{
    const struct gripper *p = self;
    const world_options options = grip_options(p);
    world_split own;
    world_canvas *c = NULL;
    char name[WORLD_LABEL];
    uint32_t words;
    omn_status st = OMN_OK;
    const uint64_t scene = source_scene(p->scenes, p->round, index, &words);
    world_grip *g = omn_call_scratch(call, 1, sizeof *g);
    if (!g)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop-gripper: no memory");
    OMN_TRY(world_split_of(split, &own, err));
    OMN_TRY(world_canvas_get(p->width, p->height, &c, err));
    if (!world_grip_make(g, c, (uint64_t)p->seed, own, scene, words, &options)) {
        st = omn_fail(err, OMN_ERR_DATA, "tabletop-gripper: no room for a job in episode %llu",
                      (unsigned long long)index);
        goto done;
    }
    const world_object *o = &g->scene.object[g->thing];
    const omn_frame frame = omn_frame_identity(world_source_id(g->scene.seed, split, scene),
                                               (uint32_t)c->width, (uint32_t)c->height);
    fields f = {.frame = &frame, .call = call, .err = err};
    world_grip_show(g);
    world_scene_paint(&g->scene, c);
    put_picture(&f, "image", c->rgb);
    put_text(&f, "text", g->text);
    put_text(&f, "kind", world_job_name(g->job));
    world_object_name(o, name, sizeof name);
    put_text(&f, "name", name);
    put_box(&f, "box", g->scene.seen[g->thing].box, NULL);
    put_actions(&f, g);
    put_point(&f, "thing", g, o->x, o->y);
    const bool spot = g->job != WORLD_PICK;
    put_point(&f, "target", g, spot ? g->target[0] : o->x, spot ? g->target[1] : o->y);
    put_number(&f, "within", half_width(g));
    st = fields_record(&f, out);
done:
    world_canvas_free(c);
    return st;
}

const omn_source_impl gripper_source_impl = {NULL, gripper_open, free, source_endless, gripper_get};

/* ---- the world ----------------------------------------------------------------------------- */

typedef struct gripper_world {
    struct gripper p;
    world_canvas *canvas;
    world_grip grip;
} gripper_world;

static omn_status world_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    gripper_world *w = calloc(1, sizeof *w);
    *self = w;
    if (!w)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop-gripper: no memory");
    w->p = *(const struct gripper *)params;
    return world_canvas_get(w->p.width, w->p.height, &w->canvas, err);
}

static void world_close(void *self)
{
    gripper_world *w = self;
    if (w)
        world_canvas_free(w->canvas);
    free(w);
}

static omn_status show(gripper_world *w, omn_call *call, omn_value **out, omn_error *err)
{
    world_grip *g = &w->grip;
    char name[WORLD_LABEL] = "";
    world_grip_show(g);
    world_scene_paint(&g->scene, w->canvas);
    const omn_frame frame = omn_frame_identity(
        world_mix64(g->scene.seed + (uint64_t)g->moves), (uint32_t)w->p.width,
        (uint32_t)w->p.height);
    fields f = {.frame = &frame, .call = call, .err = err};
    put_picture(&f, "image", w->canvas->rgb);
    put_text(&f, "text", g->text);
    if (g->held >= 0)
        world_object_name(&g->scene.object[g->held], name, sizeof name);
    put_text(&f, "holding", name);
    put_number(&f, "moves", w->p.moves - g->moves);
    return fields_record(&f, out);
}

static omn_status world_reset(void *self, omn_call *call, uint64_t seed, omn_value **observation,
                              omn_error *err)
{
    gripper_world *w = self;
    const world_options options = grip_options(&w->p);
    uint32_t words;
    const uint64_t scene = source_scene(w->p.scenes, w->p.round, seed, &words);
    const world_split split = w->p.split ? WORLD_HELD_OUT : WORLD_TRAIN;
    *observation = NULL;
    if (!world_grip_make(&w->grip, w->canvas, (uint64_t)w->p.seed, split, scene, words, &options))
        return omn_fail(err, OMN_ERR_DATA, "tabletop-gripper: no room for a job in episode %llu",
                        (unsigned long long)seed);
    return show(w, call, observation, err);
}

/* The rows of an action in the order of NAMES; NULL when it is not one of this world's. */
static const float *rows_of(const omn_value *action, size_t *n)
{
    const omn_tensor *t = omn_value_column(action, "action");
    const omn_tensor *name = omn_value_column(action, "name");
    if (!t || !name || t->type != OMN_F32 || t->shape.dim[1] != ROW)
        return NULL;
    for (size_t k = 0; k < ROW; k++)
        if (strcmp(((const char *const *)name->data)[k], NAMES[k]))
            return NULL;
    *n = (size_t)t->shape.dim[0];
    return t->data;
}

static omn_status world_step(void *self, omn_call *call, const omn_value *action,
                             omn_world_step *out, omn_error *err)
{
    gripper_world *w = self;
    size_t n = 0;
    const float *row = rows_of(action, &n);
    if (!row || n < 1)
        return omn_fail(err, OMN_ERR_DATA,
                        "tabletop-gripper: an action is rows of x, y, down, grip");
    world_grip next = w->grip;
    for (size_t i = 0; i < n && next.moves < w->p.moves && !world_grip_done(&next); i++) {
        const world_move m = {row[0], row[1], row[2] >= 0.5f, row[3] >= 0.5f};
        const bool inside = row[0] >= 0 && row[1] >= 0 && row[0] <= (float)w->p.width &&
                            row[1] <= (float)w->p.height;
        if (!inside || !world_grip_move(&next, &m))
            return omn_fail(err, OMN_ERR_DATA, "tabletop-gripper: no table under %g %g",
                            (double)row[0], (double)row[1]);
        row += ROW;
    }
    const world_grip before = w->grip;
    w->grip = next;
    const omn_status st = show(w, call, &out->observation, err);
    if (st != OMN_OK) {
        w->grip = before;
        return st;
    }
    const bool done = world_grip_done(&w->grip);
    out->reward = done;
    out->done = done || w->grip.moves >= w->p.moves;
    return OMN_OK;
}

const omn_world_impl gripper_world_impl = {NULL,       "record",    "actions",   world_open,
                                           world_close, world_reset, world_step};
