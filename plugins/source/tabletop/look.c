/* SPDX-License-Identifier: Apache-2.0 */
/* What the camera sees: canvases, rectangles in which an object can appear, the object buffer with
 * the facts that follow from it (boxes, visible share, labels per cell), and the rules a scene has
 * to meet so that counting, naming and finding mean the same thing in it.
 */
#include "look.h"

#include <stdlib.h>
#include <string.h>

#include "people.h"
#include "solid.h"

world_canvas *world_canvas_new(int width, int height)
{
    if (width < WORLD_LEAST_SIDE || height < WORLD_LEAST_SIDE || width > WORLD_MOST_SIDE ||
        height > WORLD_MOST_SIDE)
        return NULL;
    world_canvas *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    size_t n = (size_t)width * (size_t)height;
    c->width = width;
    c->height = height;
    c->rgb = calloc(n, 3);
    c->number = calloc(n, 1);
    c->light = calloc(n * 3, sizeof *c->light);
    c->spare = calloc(n * 3, sizeof *c->spare);
    c->depth = calloc(n, sizeof *c->depth);
    c->may = calloc(n, sizeof *c->may);
    if (c->rgb && c->number && c->light && c->spare && c->depth && c->may)
        return c;
    world_canvas_free(c);
    return NULL;
}

void world_canvas_free(world_canvas *c)
{
    if (!c)
        return;
    free(c->rgb);
    free(c->number);
    free(c->light);
    free(c->spare);
    free(c->depth);
    free(c->may);
    free(c);
}

world_lens world_lens_make(const world_scene *s, int width, int height)
{
    const world_camera *c = &s->camera;
    world_lens v = {.width = width, .height = height};
    v.focal = c->focal * (float)(width < height ? width : height);
    for (int i = 0; i < 3; i++) {
        v.dx[i] = c->right[i];
        v.dy[i] = -c->up[i];
        v.corner[i] = c->forward[i] * v.focal - c->right[i] * 0.5f * (float)width +
                      c->up[i] * 0.5f * (float)height;
    }
    return v;
}

bool world_lens_point(const world_scene *s, const world_lens *v, const float p[3], float *col,
                      float *row)
{
    const world_camera *c = &s->camera;
    float q[3] = {p[0] - c->at[0], p[1] - c->at[1], p[2] - c->at[2]};
    float depth = dot3(q, c->forward);
    if (depth < 0.3f)
        return false;
    *col = 0.5f * (float)v->width + v->focal * dot3(q, c->right) / depth;
    *row = 0.5f * (float)v->height - v->focal * dot3(q, c->up) / depth;
    return true;
}

void world_rect_add(world_rect *r, float col, float row)
{
    r->x0 = col < r->x0 ? col : r->x0;
    r->y0 = row < r->y0 ? row : r->y0;
    r->x1 = col > r->x1 ? col : r->x1;
    r->y1 = row > r->y1 ? row : r->y1;
}

void world_rect_pixels(const world_rect *r, int width, int height, int32_t box[4])
{
    const float v[4] = {r->x0, r->y0, r->x1, r->y1};
    for (int i = 0; i < 4; i++) {
        float most = (float)(i & 1 ? height : width);
        float x = v[i] + (i < 2 ? -1.f : 2.f);
        box[i] = (int32_t)(x < 0 ? 0 : x > most ? most : x);
    }
}

void world_object_corner(const world_object *o, int i, float p[3])
{
    float a = i & 1 ? o->radius : -o->radius, b = i & 2 ? o->radius : -o->radius;
    p[0] = o->x + o->cos_turn * a - o->sin_turn * b;
    p[1] = o->y + o->sin_turn * a + o->cos_turn * b;
    p[2] = i & 4 ? o->height : 0;
}

world_rect world_object_rect(const world_scene *s, const world_lens *v, int i)
{
    const world_object *o = &s->object[i];
    world_rect r = WORLD_RECT_NONE;
    if (o->is[WORLD_P_SHAPE] == WORLD_SPHERE) {
        const world_camera *c = &s->camera;
        float q[3] = {o->x - c->at[0], o->y - c->at[1], o->radius - c->at[2]};
        float depth = dot3(q, c->forward), near = depth - o->radius;
        if (near < 0.3f)
            return WORLD_RECT_ALL;
        float half = v->focal * o->radius / near, col, row;
        const float p[3] = {o->x, o->y, o->radius};
        world_lens_point(s, v, p, &col, &row);
        /* the sphere's outline is at most this far from its projected centre */
        half *= 1.1f;
        world_rect_add(&r, col - half, row - half);
        world_rect_add(&r, col + half, row + half);
        return r;
    }
    for (int k = 0; k < 8; k++) {
        float p[3], col, row;
        world_object_corner(o, k, p);
        if (!world_lens_point(s, v, p, &col, &row))
            return WORLD_RECT_ALL;
        world_rect_add(&r, col, row);
    }
    return r;
}

static void find_box(world_seen *seen, int i, const world_canvas *c, const int32_t in[4])
{
    int32_t *b = seen->box;
    b[0] = c->width;
    b[1] = c->height;
    b[2] = b[3] = 0;
    seen->pixels = 0;
    for (int y = in[1]; y < in[3]; y++) {
        const uint8_t *row = c->number + (size_t)y * (size_t)c->width;
        for (int x = in[0]; x < in[2]; x++) {
            if (row[x] != i + 1)
                continue;
            seen->pixels++;
            b[0] = x < b[0] ? x : b[0];
            b[1] = y < b[1] ? y : b[1];
            b[2] = x >= b[2] ? x + 1 : b[2];
            b[3] = y >= b[3] ? y + 1 : b[3];
        }
    }
    if (!seen->pixels)
        memset(b, 0, 4 * sizeof *b);
    seen->col = 0.5f * (float)(b[0] + b[2]);
    seen->row = 0.5f * (float)(b[1] + b[3]);
}

/* Where a person can appear. */
world_rect world_person_rect(const world_scene *s, const world_lens *v, const world_person *p)
{
    world_rect r = WORLD_RECT_NONE;
    for (int i = 0; i < 2 * p->n; i++) {
        const world_part *e = &p->part[i / 2];
        const float *at = i & 1 ? e->b : e->a;
        const float q[3] = {at[0] - s->camera.at[0], at[1] - s->camera.at[1],
                            at[2] - s->camera.at[2]};
        float near = dot3(q, s->camera.forward) - e->radius, col, row;
        if (near < 0.3f || !world_lens_point(s, v, at, &col, &row))
            return WORLD_RECT_ALL;
        float half = 1.2f * v->focal * e->radius / near;
        world_rect_add(&r, col - half, row - half);
        world_rect_add(&r, col + half, row + half);
    }
    return r;
}

/* People over what is in the object buffer. */
static void look_people(const world_scene *s, const world_lens *v, world_canvas *c)
{
    world_crowd *crowd = s->crowd;
    int32_t in[WORLD_MOST_PEOPLE][4];
    for (int i = 0; i < crowd->n; i++) {
        world_person *p = &crowd->person[i];
        world_rect r = world_person_rect(s, v, p);
        world_rect_pixels(&r, c->width, c->height, in[i]);
        p->seen.alone = 0;
        for (int y = in[i][1]; y < in[i][3]; y++) {
            for (int x = in[i][0]; x < in[i][2]; x++) {
                float d[3];
                int part;
                world_lens_ray(v, (float)x + 0.5f, (float)y + 0.5f, d);
                float t = world_person_hit(p, s->camera.at, d, &part);
                if (t >= SOLID_MISS)
                    continue;
                size_t k = (size_t)y * (size_t)c->width + (size_t)x;
                p->seen.alone++;
                if (c->number[k] && c->depth[k] <= t)
                    continue;
                c->number[k] = (uint8_t)(s->n + i + 1);
                c->depth[k] = t;
            }
        }
    }
    for (int i = 0; i < crowd->n; i++)
        find_box(&crowd->person[i].seen, s->n + i, c, in[i]);
    world_people_joints(s, crowd, c->width, c->height);
}

void world_scene_look(world_scene *s, world_canvas *c)
{
    world_lens v = world_lens_make(s, c->width, c->height);
    int32_t in[WORLD_MOST_OBJECTS][4];
    size_t n = (size_t)c->width * (size_t)c->height;
    memset(c->number, 0, n);
    for (int i = 0; i < s->n; i++) {
        const world_object *o = &s->object[i];
        world_rect r = world_object_rect(s, &v, i);
        world_rect_pixels(&r, c->width, c->height, in[i]);
        s->seen[i].alone = 0;
        for (int y = in[i][1]; y < in[i][3]; y++) {
            for (int x = in[i][0]; x < in[i][2]; x++) {
                float d[3];
                world_lens_ray(&v, (float)x + 0.5f, (float)y + 0.5f, d);
                float t = solid_hit(o, s->camera.at, d);
                if (t >= SOLID_MISS)
                    continue;
                size_t k = (size_t)y * (size_t)c->width + (size_t)x;
                s->seen[i].alone++;
                if (c->number[k] && c->depth[k] <= t)
                    continue;
                c->number[k] = (uint8_t)(i + 1);
                c->depth[k] = t;
            }
        }
    }
    if (s->crowd)
        look_people(s, &v, c);
    for (int i = 0; i < s->n; i++) {
        const world_object *o = &s->object[i];
        const float q[3] = {o->x - s->camera.at[0], o->y - s->camera.at[1],
                            0.5f * o->height - s->camera.at[2]};
        s->seen[i].depth = dot3(q, s->camera.forward);
        find_box(&s->seen[i], i, c, in[i]);
    }
    s->width = c->width;
    s->height = c->height;
}

bool world_scene_clear(const world_scene *s)
{
    /* the rules speak of pictures 128 wide; other sizes follow in proportion */
    float unit = (float)(s->width < s->height ? s->width : s->height) / (float)WORLD_SIDE;
    for (int i = 0; i < s->n; i++) {
        const world_seen *e = &s->seen[i];
        if ((float)e->pixels < 40 * unit * unit || (float)e->pixels < 0.45f * (float)e->alone)
            return false;
        if (e->box[0] < 1 || e->box[1] < 1 || e->box[2] > s->width - 1 ||
            e->box[3] > s->height - 1)
            return false;
        for (int k = 0; k < i; k++) {
            float apart = e->col - s->seen[k].col;
            if (apart < 1.5f * unit && apart > -1.5f * unit)
                return false;
        }
    }
    return true;
}

static void label_cell(const world_scene *s, const world_canvas *c, const int at[4],
                       world_cell *out)
{
    int count[WORLD_MOST_OBJECTS + 1] = {0}, best = -1, most = 0;
    int area = (at[2] - at[0]) * (at[3] - at[1]);
    for (int y = at[1] < 0 ? 0 : at[1]; y < at[3] && y < c->height; y++)
        for (int x = at[0] < 0 ? 0 : at[0]; x < at[2] && x < c->width; x++)
            count[c->number[(size_t)y * (size_t)c->width + (size_t)x]]++;
    for (int i = 0; i < s->n; i++) {
        const world_seen *e = &s->seen[i];
        bool home = e->col >= (float)at[0] && e->col < (float)at[2] && e->row >= (float)at[1] &&
                    e->row < (float)at[3];
        if (count[i + 1] > most && (home || count[i + 1] * 8 >= area)) {
            most = count[i + 1];
            best = i;
        }
    }
    memset(out, 0, sizeof *out);
    out->object = (int8_t)best;
    if (best < 0)
        return;
    const int32_t *b = s->seen[best].box;
    float w = (float)(at[2] - at[0]), h = (float)(at[3] - at[1]);
    float x = 0.5f * (float)(at[0] + at[2]), y = 0.5f * (float)(at[1] + at[3]);
    memcpy(out->is, s->object[best].is, sizeof out->is);
    out->edge[0] = (x - (float)b[0]) / w;
    out->edge[1] = (y - (float)b[1]) / h;
    out->edge[2] = ((float)b[2] - x) / w;
    out->edge[3] = ((float)b[3] - y) / h;
}

void world_scene_cells(const world_scene *s, const world_canvas *c, int rows, int columns,
                       world_cell *cells)
{
    int side = c->width > c->height ? c->width : c->height;
    int left = (c->width - side) / 2, top = (c->height - side) / 2;
    for (int gy = 0; gy < rows; gy++) {
        for (int gx = 0; gx < columns; gx++) {
            const int at[4] = {left + gx * side / columns, top + gy * side / rows,
                               left + (gx + 1) * side / columns, top + (gy + 1) * side / rows};
            label_cell(s, c, at, &cells[gy * columns + gx]);
        }
    }
}

uint64_t world_scene_hash(const world_scene *s)
{
    uint64_t h = world_mix64((uint64_t)s->n + WORLD_VERSION);
    for (int i = 0; i < s->n; i++) {
        for (int k = 0; k < WORLD_PROPERTIES; k++)
            h = world_mix64(h ^ s->object[i].is[k]) + (uint64_t)k;
        for (int k = 0; k < 4; k++)
            h = world_mix64(h ^ (uint64_t)(uint32_t)s->seen[i].box[k]) + (uint64_t)k;
        h = world_mix64(h ^ (uint64_t)(uint32_t)s->seen[i].pixels);
    }
    return h;
}
