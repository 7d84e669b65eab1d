/* SPDX-License-Identifier: Apache-2.0 */
/* The painter: one ray per pixel, more at edges. Light is Lambert's law plus Blinn's highlight
 * under one or two lamps that cast hard or soft shadows, ambient light from above and from the
 * table, darkening where things touch, and on shiny objects one reflection of table, sky and
 * neighbours. Rectangles computed beforehand say which objects and shadows a pixel can meet, so the
 * empty table, most of a picture, costs next to nothing.
 */
#include "look.h"

#include <string.h>

#include "film.h"
#include "people.h"
#include "solid.h"

enum { HIT_BIT = 0, SHADOW_BIT = 6, CONTACT_BIT = 18, PERSON_BIT = 24, CAST_BIT = 27 };

typedef struct painter {
    const world_scene *s;
    world_canvas *c;
    world_lens lens;
    float reach[WORLD_MOST_OBJECTS];
    uint32_t may; /* of the sample in hand; shadows: of points on the table */
    int set;      /* which of the lamp's four sets of points */
} painter;

/* ---- the table ----------------------------------------------------------------------------- */

static float lattice(uint32_t x, uint32_t y, uint32_t salt)
{
    uint32_t h = x * 0x9e3779b1u ^ y * 0x85ebca77u ^ salt;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return (float)((h ^ (h >> 15)) >> 8) * 0x1p-24f;
}

static int whole(float x)
{
    int i = (int)x;
    return (float)i > x ? i - 1 : i;
}

static float cloud(float x, float y, uint32_t salt)
{
    int i = whole(x), k = whole(y);
    float u = x - (float)i, v = y - (float)k;
    uint32_t a = (uint32_t)i, b = (uint32_t)k;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    float top = lattice(a, b, salt) * (1 - u) + lattice(a + 1, b, salt) * u;
    float low = lattice(a, b + 1, salt) * (1 - u) + lattice(a + 1, b + 1, salt) * u;
    return top * (1 - v) + low * v;
}

static bool table_colour(const world_table *t, float x, float y, float rgb[3])
{
    float u, v;
    if (!world_table_holds(t, x, y, &u, &v))
        return false;
    if (t->spot_radius > 0) {
        float dx = x - t->spot[0], dy = y - t->spot[1];
        if (dx * dx + dy * dy < t->spot_radius * t->spot_radius) {
            memcpy(rgb, t->spot_rgb, 3 * sizeof *rgb);
            return true;
        }
    }
    if (u > 200 || u < -200 || v > 200 || v < -200) {
        memcpy(rgb, t->one, 3 * sizeof *rgb);
        return true;
    }
    u = u * t->scale + t->shift[0];
    v = v * t->scale + t->shift[1];
    float mix = 0;
    switch (t->cloth) {
    case WORLD_PLAIN: break;
    case WORLD_CHEQUER: mix = (float)((whole(u) + whole(v)) & 1); break;
    case WORLD_STRIPES: mix = (float)(whole(2 * u) & 1); break;
    case WORLD_CLOUDS:
        mix = 0.65f * cloud(2 * u, 2 * v, t->salt) + 0.35f * cloud(7 * u, 7 * v, t->salt ^ 0x5bd1u);
        break;
    case WORLD_WOOD: {
        float bend = cloud(0.5f * u, 3 * v, t->salt) * 3 + 4 * v;
        float f = bend - (float)whole(bend);
        mix = 0.7f * f + 0.3f * cloud(3 * u, 30 * v, t->salt ^ 0x77u);
        break;
    }
    case WORLD_VEINS: {
        float bend = 3 * cloud(u, v, t->salt) + 0.8f * cloud(4 * u, 4 * v, t->salt ^ 0x31u) + 2 * v;
        float f = bend - (float)whole(bend);
        mix = f < 0.5f ? 2 * f : 2 - 2 * f;
        break;
    }
    case WORLD_SPECKS:
        mix = 0.5f * cloud(9 * u, 9 * v, t->salt) + 0.5f * cloud(23 * u, 23 * v, t->salt ^ 0x19u);
        mix = mix < 0.35f ? 0 : mix > 0.65f ? 1 : (mix - 0.35f) * (1 / 0.3f);
        break;
    }
    for (int i = 0; i < 3; i++)
        rgb[i] = t->one[i] + mix * (t->two[i] - t->one[i]);
    return true;
}

/* ---- light --------------------------------------------------------------------------------- */

/* True when a person stands between p and the middle of a lamp, d = lamp - p. What people throw are
 * hard shadows, also where the lamp is a disc. */
static bool people_shade(const painter *a, const float p[3], const float d[3], bool table)
{
    const world_crowd *crowd = a->s->crowd;
    float dd = dot3(d, d);
    for (int i = 0; crowd && i < crowd->n; i++) {
        const world_person *who = &crowd->person[i];
        if (table && !(a->may >> (CAST_BIT + i) & 1))
            continue;
        const float q[3] = {who->middle[0] - p[0], who->middle[1] - p[1], who->middle[2] - p[2]};
        float along = dot3(q, d) / dd;
        const float off[3] = {q[0] - along * d[0], q[1] - along * d[1], q[2] - along * d[2]};
        if (dot3(off, off) > who->reach * who->reach)
            continue;
        for (int k = 0; k < who->n; k++) {
            float t = world_part_hit(&who->part[k], p, d);
            if (t > 2e-3f && t < 1)
                return true;
        }
    }
    return false;
}

/* The share of a lamp that is seen from p, 0..1. */
static float lamp_seen(const painter *a, const world_light *l, int number, const float p[3],
                       int self)
{
    const world_scene *s = a->s;
    uint32_t near = 0;
    const float d[3] = {l->at[0] - p[0], l->at[1] - p[1], l->at[2] - p[2]};
    float dd = dot3(d, d), far = sqrtf(dd);
    if (s->crowd && people_shade(a, p, d, self < 0))
        return 0;
    for (int i = 0; i < s->n; i++) {
        const world_object *o = &s->object[i];
        if (i == self || (self < 0 && !(a->may >> (SHADOW_BIT + 6 * number + i) & 1)))
            continue;
        const float q[3] = {o->x - p[0], o->y - p[1], 0.5f * o->height - p[2]};
        float along = dot3(q, d) / dd;
        if (along < -0.1f)
            continue;
        float off[3] = {q[0] - along * d[0], q[1] - along * d[1], q[2] - along * d[2]};
        float wide = a->reach[i] + 1.05f * l->spread * (along + a->reach[i] / far) + 0.01f;
        if (dot3(off, off) < wide * wide)
            near |= 1u << i;
    }
    if (!near)
        return 1;
    int lit = 0;
    for (int k = 0; k < l->points; k++) {
        const float *at = l->point[a->set * 8 + k];
        const float e[3] = {at[0] - p[0], at[1] - p[1], at[2] - p[2]};
        bool dark = false;
        for (int i = 0; i < s->n && !dark; i++)
            dark = (near >> i & 1) && solid_shades(&s->object[i], p, e);
        lit += !dark;
    }
    return (float)lit / (float)l->points;
}

static float contact(const painter *a, const float p[3])
{
    const world_scene *s = a->s;
    float open = 1;
    for (int i = 0; i < s->n; i++) {
        if (!(a->may >> (CONTACT_BIT + i) & 1))
            continue;
        const world_object *o = &s->object[i];
        float dx = p[0] - o->x, dy = p[1] - o->y, r2 = o->radius * o->radius;
        float k = 1 - (dx * dx + dy * dy) / (4 * r2); /* 0 at twice the radius */
        if (k > 0)
            open *= 1 - s->contact * k * k;
    }
    return open;
}

static void shade_table(const painter *a, const float p[3], float rgb[3])
{
    const world_scene *s = a->s;
    float open = a->may >> CONTACT_BIT & 63 ? contact(a, p) : 1;
    float e[3] = {s->sky[0] * open, s->sky[1] * open, s->sky[2] * open};
    for (int k = 0; k < s->n_lights; k++) {
        const world_light *l = &s->light[k];
        const float d[3] = {l->at[0] - p[0], l->at[1] - p[1], l->at[2]};
        float shine = d[2] / sqrtf(dot3(d, d));
        if (l->shadow && (a->may >> (SHADOW_BIT + 6 * k) & 63 || a->may >> CAST_BIT & 7))
            shine *= lamp_seen(a, l, k, p, -1);
        for (int i = 0; i < 3; i++)
            e[i] += l->rgb[i] * shine;
    }
    for (int i = 0; i < 3; i++)
        rgb[i] *= e[i];
}

/* What a shiny object mirrors, without further shadows or reflections. */
static void mirrored(const painter *a, int self, const float p[3], const float d[3], float rgb[3])
{
    const world_scene *s = a->s;
    float best = SOLID_MISS;
    int hit = -1;
    for (int i = 0; i < s->n; i++) {
        const world_object *o = &s->object[i];
        if (i == self)
            continue;
        const float q[3] = {o->x - p[0], o->y - p[1], 0.5f * o->height - p[2]};
        float along = dot3(q, d), r = a->reach[i];
        if (along < 0 || dot3(q, q) - along * along > r * r)
            continue;
        float t = solid_hit(o, p, d);
        if (t < best) {
            best = t;
            hit = i;
        }
    }
    if (hit >= 0) {
        const world_object *o = &s->object[hit];
        float h[3] = {p[0] + best * d[0], p[1] + best * d[1], p[2] + best * d[2]}, n[3];
        solid_normal(o, h, n);
        const float *at = s->light[0].at;
        float l[3] = {at[0] - h[0], at[1] - h[1], at[2] - h[2]};
        unit3(l);
        float k = dot3(n, l);
        for (int i = 0; i < 3; i++)
            rgb[i] = o->rgb[i] * (s->sky[i] + (k > 0 ? k * s->light[0].rgb[i] : 0));
        return;
    }
    if (d[2] < -1e-3f) {
        float t = -p[2] / d[2], x = p[0] + t * d[0], y = p[1] + t * d[1];
        if (table_colour(&s->table, x, y, rgb)) {
            float open = 1 - 0.5f * s->contact / (1 + t);
            for (int i = 0; i < 3; i++)
                rgb[i] *= 0.85f * open;
            return;
        }
    }
    float high = d[2] < 0 ? 0 : d[2];
    for (int i = 0; i < 3; i++)
        rgb[i] = 0.4f * s->sky[i] + s->backdrop[1][i] * (1 - high) + s->backdrop[0][i] * high;
}

static void shade_object(const painter *a, int self, const float p[3], const float d[3],
                         float rgb[3])
{
    const world_scene *s = a->s;
    const world_object *o = &s->object[self];
    float n[3], v[3] = {-d[0], -d[1], -d[2]}, e[3], shine[3] = {0, 0, 0};
    solid_normal(o, p, n);
    unit3(v);
    float up = 0.5f + 0.5f * n[2];
    float low = 1 - 0.6f * s->contact * (1 - p[2] / o->height) * (1 - up);
    for (int i = 0; i < 3; i++)
        e[i] = (s->sky[i] * up + s->ground[i] * (1 - up)) * low;
    for (int k = 0; k < s->n_lights; k++) {
        const world_light *l = &s->light[k];
        float w[3] = {l->at[0] - p[0], l->at[1] - p[1], l->at[2] - p[2]};
        unit3(w);
        float cosine = dot3(n, w);
        if (cosine <= 0)
            continue;
        float seen = l->shadow ? lamp_seen(a, l, k, p, self) : 1;
        if (seen <= 0)
            continue;
        for (int i = 0; i < 3; i++)
            e[i] += l->rgb[i] * seen * cosine;
        if (o->gloss <= 0)
            continue;
        float h[3] = {w[0] + v[0], w[1] + v[1], w[2] + v[2]};
        unit3(h);
        float power = dot3(n, h);
        power = power < 0 ? 0 : power;
        for (int i = 0; i < o->sharp; i++)
            power *= power;
        for (int i = 0; i < 3; i++)
            shine[i] += l->rgb[i] * seen * o->gloss * power;
    }
    if (o->mirror > 0) {
        float facing = dot3(n, v), r[3], m[3];
        facing = facing < 0 ? 0 : facing;
        for (int i = 0; i < 3; i++)
            r[i] = 2 * facing * n[i] - v[i];
        mirrored(a, self, p, r, m);
        float f = 1 - facing, strong = o->mirror + 0.4f * f * f * f * f * f;
        for (int i = 0; i < 3; i++) {
            shine[i] += strong * m[i];
            e[i] *= 1 - 0.6f * strong;
        }
    }
    for (int i = 0; i < 3; i++)
        rgb[i] = o->rgb[i] * e[i] + shine[i];
}

/* Skin and cloth: no highlight, no mirror. */
static void shade_person(const painter *a, const world_part *part, const float p[3], float rgb[3])
{
    const world_scene *s = a->s;
    float n[3], e[3];
    world_part_normal(part, p, n);
    const float off[3] = {p[0] + 4e-3f * n[0], p[1] + 4e-3f * n[1], p[2] + 4e-3f * n[2]};
    float up = 0.5f + 0.5f * n[2];
    for (int i = 0; i < 3; i++)
        e[i] = s->sky[i] * up + s->ground[i] * (1 - up);
    for (int k = 0; k < s->n_lights; k++) {
        const world_light *l = &s->light[k];
        float w[3] = {l->at[0] - p[0], l->at[1] - p[1], l->at[2] - p[2]};
        unit3(w);
        float cosine = dot3(n, w);
        float seen = cosine <= 0 ? 0 : l->shadow ? lamp_seen(a, l, k, off, s->n) : 1;
        for (int i = 0; i < 3; i++)
            e[i] += seen > 0 ? l->rgb[i] * seen * cosine : 0;
    }
    for (int i = 0; i < 3; i++)
        rgb[i] = part->rgb[i] * e[i];
}

/* The light along the ray through (col, row); object says what the ray meets, -2 if not known. */
static void sample(painter *a, float col, float row, int object, float rgb[3])
{
    const world_scene *s = a->s;
    const float *o = s->camera.at;
    float d[3], best = SOLID_MISS;
    world_lens_ray(&a->lens, col, row, d);
    int person = -1, part = 0;
    if (object >= s->n) {
        person = object - s->n;
        best = world_person_hit(&s->crowd->person[person], o, d, &part);
    } else if (object >= 0) {
        best = solid_hit(&s->object[object], o, d);
    } else if (object == -2) {
        for (int i = 0; i < s->n; i++) {
            float t = a->may >> (HIT_BIT + i) & 1 ? solid_hit(&s->object[i], o, d) : SOLID_MISS;
            if (t < best) {
                best = t;
                object = i;
            }
        }
        for (int i = 0; s->crowd && i < s->crowd->n; i++) {
            int k;
            float t = a->may >> (PERSON_BIT + i) & 1
                          ? world_person_hit(&s->crowd->person[i], o, d, &k) : SOLID_MISS;
            if (t < best) {
                best = t;
                person = i;
                part = k;
            }
        }
    }
    if (best < SOLID_MISS) {
        const float p[3] = {o[0] + best * d[0], o[1] + best * d[1], o[2] + best * d[2]};
        if (person >= 0) {
            shade_person(a, &s->crowd->person[person].part[part], p, rgb);
            return;
        }
        shade_object(a, object, p, d, rgb);
        return;
    }
    if (d[2] < 0) {
        float t = -o[2] / d[2];
        const float p[3] = {o[0] + t * d[0], o[1] + t * d[1], 0};
        if (table_colour(&s->table, p[0], p[1], rgb)) {
            shade_table(a, p, rgb);
            return;
        }
    }
    float k = row / (float)a->c->height;
    for (int i = 0; i < 3; i++)
        rgb[i] = s->backdrop[0][i] * (1 - k) + s->backdrop[1][i] * k;
}

/* ---- which pixels may meet what ------------------------------------------------------------ */

static void mark(const painter *a, const world_rect *r, uint32_t bit)
{
    int32_t b[4];
    world_rect_pixels(r, a->c->width, a->c->height, b);
    for (int y = b[1]; y < b[3]; y++) {
        uint32_t *row = a->c->may + (size_t)y * (size_t)a->c->width;
        for (int x = b[0]; x < b[2]; x++)
            row[x] |= bit;
    }
}

static void mark_shadow(const painter *a, int i, int k)
{
    const world_light *l = &a->s->light[k];
    world_rect r = WORLD_RECT_NONE;
    bool all = false;
    for (int corner = 0; corner < 8 && !all; corner++) {
        float p[3], col, row;
        world_object_corner(&a->s->object[i], corner, p);
        /* the lamp is a disc; the square about it bounds every point of it */
        for (int e = 0; e < (p[2] > 0 && l->points > 1 ? 4 : 1) && !all; e++) {
            float w = l->points > 1 && p[2] > 0 ? l->spread : 0;
            float at[3] = {l->at[0] + (e & 1 ? w : -w), l->at[1] + (e & 2 ? w : -w), l->at[2]};
            at[2] -= w; /* the lowest a tilted disc can reach: the longest shadow */
            if (at[2] <= p[2] + 0.1f) {
                all = true;
                break;
            }
            float t = p[2] / (at[2] - p[2]);
            float q[3] = {p[0] + t * (p[0] - at[0]), p[1] + t * (p[1] - at[1]), 0};
            if (!world_lens_point(a->s, &a->lens, q, &col, &row))
                all = true;
            else
                world_rect_add(&r, col, row);
        }
    }
    if (all)
        r = WORLD_RECT_ALL;
    mark(a, &r, 1u << (SHADOW_BIT + 6 * k + i));
}

static void mark_contact(const painter *a, int i)
{
    world_object wide = a->s->object[i];
    wide.radius *= 2;
    wide.height = 0;
    wide.cos_turn = 1;
    wide.sin_turn = 0;
    world_rect r = WORLD_RECT_NONE;
    for (int corner = 0; corner < 4; corner++) {
        float p[3], col, row;
        world_object_corner(&wide, corner, p);
        if (world_lens_point(a->s, &a->lens, p, &col, &row))
            world_rect_add(&r, col, row);
        else
            r = WORLD_RECT_ALL;
    }
    mark(a, &r, 1u << (CONTACT_BIT + i));
}

/* Where a person appears, and where its shadow may fall: in that of the ball around it. */
static void mark_person(const painter *a, int i)
{
    const world_person *p = &a->s->crowd->person[i];
    world_rect r = world_person_rect(a->s, &a->lens, p);
    mark(a, &r, 1u << (PERSON_BIT + i));
    r = WORLD_RECT_NONE;
    for (int k = 0; k < a->s->n_lights; k++) {
        const world_light *l = &a->s->light[k];
        for (int corner = 0; corner < 8; corner++) {
            float col, row, at[3];
            for (int e = 0; e < 3; e++)
                at[e] = p->middle[e] + (corner >> e & 1 ? p->reach : -p->reach);
            at[2] = at[2] < 0 ? 0 : at[2];
            if (l->at[2] <= at[2] + 0.1f) {
                r = WORLD_RECT_ALL;
                break;
            }
            float t = at[2] / (l->at[2] - at[2]);
            const float q[3] = {at[0] + t * (at[0] - l->at[0]), at[1] + t * (at[1] - l->at[1]), 0};
            if (!world_lens_point(a->s, &a->lens, q, &col, &row)) {
                r = WORLD_RECT_ALL;
                break;
            }
            world_rect_add(&r, col, row);
        }
    }
    mark(a, &r, 1u << (CAST_BIT + i));
}

/* ---- edges --------------------------------------------------------------------------------- */

static bool differs(const float *p, const float *q)
{
    for (int i = 0; i < 3; i++) {
        float x = p[i] - q[i], y = 0.04f + 0.22f * (p[i] + q[i]);
        if (x > y || x < -y)
            return true;
    }
    return false;
}

static void smooth_edges(painter *a, int samples)
{
    world_canvas *c = a->c;
    size_t w = (size_t)c->width, n = w * (size_t)c->height;
    uint8_t *edge = (uint8_t *)c->spare;
    memset(edge, 0, n);
    for (size_t k = 0; k < n; k++) {
        const float *p = c->light + 3 * k;
        if ((k + 1) % w && (c->number[k] != c->number[k + 1] || differs(p, p + 3)))
            edge[k] = edge[k + 1] = 1;
        if (k + w < n && (c->number[k] != c->number[k + w] || differs(p, p + 3 * w)))
            edge[k] = edge[k + w] = 1;
    }
    float step = 1 / (float)samples, part = step * step;
    for (size_t k = 0; k < n; k++) {
        if (!edge[k])
            continue;
        float sum[3] = {0, 0, 0};
        float x = (float)(k % w), y = (float)(k / w);
        a->may = c->may[k];
        for (int i = 0; i < samples * samples; i++) {
            float rgb[3];
            a->set = i & 3;
            sample(a, x + ((float)(i % samples) + 0.5f) * step,
                   y + ((float)(i / samples) + 0.5f) * step, -2, rgb);
            for (int j = 0; j < 3; j++) /* a lamp in a mirror must not outshine its pixel */
                sum[j] += rgb[j] < 1.6f ? rgb[j] : 1.6f;
        }
        for (int j = 0; j < 3; j++)
            c->light[3 * k + (size_t)j] = sum[j] * part;
    }
}

void world_scene_paint(const world_scene *s, world_canvas *c)
{
    world_scene copy = *s;
    world_scene_look(&copy, c);
    painter a = {.s = s, .c = c, .lens = world_lens_make(s, c->width, c->height)};
    memset(c->may, 0, (size_t)c->width * (size_t)c->height * sizeof *c->may);
    for (int i = 0; i < s->n; i++) {
        a.reach[i] = solid_reach(&s->object[i]);
        world_rect r = world_object_rect(s, &a.lens, i);
        mark(&a, &r, 1u << (HIT_BIT + i));
        for (int k = 0; k < s->n_lights; k++)
            if (s->light[k].shadow)
                mark_shadow(&a, i, k);
        if (s->contact > 0)
            mark_contact(&a, i);
    }
    for (int i = 0; s->crowd && i < s->crowd->n; i++)
        mark_person(&a, i);
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            size_t k = (size_t)y * (size_t)c->width + (size_t)x;
            a.may = c->may[k];
            a.set = (x & 1) + 2 * (y & 1);
            sample(&a, (float)x + 0.5f, (float)y + 0.5f, c->number[k] - 1, c->light + 3 * k);
        }
    }
    if (s->film.samples > 1)
        smooth_edges(&a, s->film.samples);
    world_film_develop(s, c);
}
