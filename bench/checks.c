/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How right the checks without a network are themselves: of held-out pictures of the tabletop, as
 * they are and after the round trip of models/codec, the share that each check accepts; and of
 * pictures that are not what was asked for. Each row is a check and a kind of picture.
 *   bench/checks [EXAMPLES [shows|edit|next]]    from the top of the tree, with its plugins
 * OMNIO_BENCH_VERBOSE, where it is set, has the numbers of each edit and next picture printed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/trip.h"
#include "plugins/source/tabletop/edit.h"
#include "plugins/source/tabletop/judge.h"
#include "plugins/source/tabletop/motion.h"
#include "plugins/source/tabletop/read.h"

enum { ROWS = 64 };

typedef struct row { char name[64]; uint64_t n, yes; } row;
typedef struct bench {
    codec trips;
    world_canvas *canvas;
    row rows[ROWS];
    size_t n;
} bench;

static void tell(bench *b, const char *check, const char *what, const char *as, bool yes)
{
    char name[64];
    size_t i = 0;
    omn_format(name, sizeof name, "%s, %s, %s", check, what, as);
    while (i < b->n && strcmp(b->rows[i].name, name)) i++;
    if (i == ROWS) return;
    if (i == b->n) omn_format(b->rows[b->n++].name, sizeof name, "%s", name);
    b->rows[i].n++;
    b->rows[i].yes += yes;
}

static omn_status open_all(bench *b, omn_error *err)
{
    omn_status st = codec_open(&b->trips, err);
    b->canvas = world_canvas_new(SIDE, SIDE);
    if (st == OMN_OK && !b->canvas) st = omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    return st;
}

static void close_all(bench *b)
{
    world_canvas_free(b->canvas);
    codec_close(&b->trips);
}

/* The round trip of a picture that is not quite the same: other codes, as a model chooses them that
 * means the same. */
static omn_status near(bench *b, const uint8_t *rgb, uint64_t number, uint8_t *out, omn_error *err)
{
    for (uint64_t k = 0; k < BYTES; k++) {
        const int x = rgb[k] + (int)(omn_random_at(number, 1, k) % 17) - 8;
        out[k] = (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
    }
    return trip(&b->trips, out, err);
}

/* ---- what a text names ---------------------------------------------------------------------- */

typedef struct claims { world_claim list[WORLD_MOST_OBJECTS]; int n; } claims;

static void read_one(bench *b, const uint8_t *rgb, const claims *own, const claims *other,
                     uint64_t i, const char *as)
{
    static world_reading r;
    claims wrong = *own;
    const int which = (int)(i % (uint64_t)own->n);
    if (!world_picture_read(rgb, SIDE, SIDE, &r)) return;
    tell(b, "shows", "true", as, world_reading_shows(&r, own->list, own->n));
    if (other->n == own->n)
        tell(b, "shows", "another text", as, world_reading_shows(&r, other->list, own->n));
    wrong.list[which].colour =
        (world_colour)(((unsigned)wrong.list[which].colour + 1 + (unsigned)(i % 7)) % 8);
    tell(b, "shows", "one wrong colour", as, world_reading_shows(&r, wrong.list, own->n));
    wrong = *own;
    wrong.list[which].shape =
        (world_shape)(((unsigned)wrong.list[which].shape + 1 + (unsigned)(i % 3)) % 4);
    tell(b, "shows", "one wrong solid", as, world_reading_shows(&r, wrong.list, own->n));
    if (own->n < WORLD_MOST_OBJECTS) {
        wrong = *own;
        wrong.list[wrong.n++] = other->list[0];
        tell(b, "shows", "one is missing", as, world_reading_shows(&r, wrong.list, wrong.n));
    }
    if (own->n > 1) {
        wrong = *own;
        wrong.list[which] = wrong.list[--wrong.n];
        tell(b, "shows", "one too many", as, world_reading_shows(&r, wrong.list, wrong.n));
    }
}

static omn_status of_texts(bench *b, uint64_t n, bool clean, omn_error *err)
{
    omn_status st = OMN_OK;
    const world_options how = { .least_objects = 1, .most_objects = 3, .clean = clean };
    claims own = { .n = 0 }, next;
    static world_scene s;
    world_item item;
    for (uint64_t i = n + 1; i-- > 0;) {
        if (!world_scene_make(&s, b->canvas, 6, WORLD_HELD_OUT, i, &how)) continue;
        next = own;
        world_caption(&s, &item);
        own.n = world_claims_of(item.answer, own.list);
        if (!next.n) continue;
        world_scene_paint(&s, b->canvas);
        read_one(b, b->canvas->rgb, &own, &next, i, clean ? "plain" : "painted");
        OMN_TRY(trip(&b->trips, b->canvas->rgb, err));
        read_one(b, b->canvas->rgb, &own, &next, i, clean ? "plain, codec" : "codec");
    }
done:
    return st;
}

/* ---- edits ---------------------------------------------------------------------------------- */

static void labels_of(const world_canvas *c, int object, int32_t *out)
{
    for (size_t k = 0; k < (size_t)SIDE * SIDE; k++) out[k] = c->number[k] == object + 1;
}

static void edited(bench *b, const char *what, const uint8_t *made, const uint8_t *want,
                   const uint8_t *before, const int32_t *where)
{
    world_edited e;
    if (!world_edited_look(made, want, before, where, SIDE, SIDE, &e)) return;
    tell(b, "edit", what, "asked", world_edited_asked(&e));
    tell(b, "edit", what, "kept", world_edited_kept(&e));
    tell(b, "edit", what, "both", world_edited_asked(&e) && world_edited_kept(&e));
    if (getenv("OMNIO_BENCH_VERBOSE"))
        printf("edit %-12s off %.3f same %.3f rest %.4f spots %.0f\n", what, e.off, e.same, e.rest,
               e.spots);
}

static omn_status of_edits(bench *b, uint64_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    const world_options usual = { .least_objects = 1, .most_objects = 3 };
    static uint8_t before[BYTES], want[BYTES], made[BYTES];
    static int32_t where[SIDE * SIDE];
    static world_edit e;
    for (uint64_t i = 0; i < n; i++) {
        if (!world_edit_make(&e, b->canvas, 7, WORLD_HELD_OUT, i, 0, &usual)) continue;
        world_scene_paint(&e.before, b->canvas);
        memcpy(before, b->canvas->rgb, BYTES);
        labels_of(b->canvas, e.object, where);
        world_scene_paint(&e.after, b->canvas);
        memcpy(want, b->canvas->rgb, BYTES);
        OMN_TRY(near(b, want, i, made, err));
        OMN_TRY(trip(&b->trips, want, err));
        OMN_TRY(near(b, before, i, b->canvas->rgb, err));
        OMN_TRY(trip(&b->trips, before, err));
        edited(b, "true", made, want, before, where);
        edited(b, "unchanged", b->canvas->rgb, want, before, where);
        /* of another thing, in another colour, of one more thing */
        for (int k = 0; k < 3; k++) {
            world_scene other = k ? e.after : e.before;
            world_dice d = world_dice_make(1, WORLD_SPARE, i, WORLD_LANE_SCENE);
            const int at = k == 1 ? e.object : (e.object + 1) % e.before.n;
            if (k ? e.what != WORLD_RECOLOUR : 0) continue;
            if (k != 1 && e.before.n < 2) continue;
            world_object *o = &other.object[at];
            o->is[WORLD_P_COLOUR] = (uint8_t)((o->is[WORLD_P_COLOUR] + 1 + i % 7) % 8);
            if (k == 1 && o->is[WORLD_P_COLOUR] == e.before.object[at].is[WORLD_P_COLOUR]) continue;
            world_object_tint(&d, o);
            world_scene_paint(&other, b->canvas);
            OMN_TRY(near(b, b->canvas->rgb, i, made, err));
            edited(b, k == 0 ? "wrong thing" : k == 1 ? "wrong colour" : "one too many", made,
                   want, before, where);
        }
    }
done:
    return st;
}

/* ---- what follows --------------------------------------------------------------------------- */

static void moved(bench *b, const char *what, const uint8_t *made, const uint8_t *want,
                  const uint8_t *before, const int32_t *where)
{
    world_moved m;
    if (!world_moved_look(made, want, before, where, SIDE, SIDE, &m)) return;
    tell(b, "next", what, "there", world_moved_there(&m, 4));
    if (getenv("OMNIO_BENCH_VERBOSE"))
        printf("next %-12s away %.2f off %.3f left %.2f\n", what, m.away, m.off, m.left);
}

static omn_status of_motion(bench *b, uint64_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    static const int SHIFT[] = { 0, 3, 6, 9 };
    static const char *const NAMES[] = { "true", "3 px short", "6 px short", "9 px short" };
    const world_options usual = { .least_objects = 1, .most_objects = 3 };
    static uint8_t before[BYTES], want[BYTES], made[BYTES];
    static int32_t where[SIDE * SIDE];
    static world_motion m;
    static world_scene now;
    for (uint64_t i = 0; i < n; i++) {
        if (!world_motion_make(&m, b->canvas, 10, WORLD_HELD_OUT, i, 5, &usual)) continue;
        world_motion_at(&m, 3, &now);
        world_scene_paint(&now, b->canvas);
        memcpy(before, b->canvas->rgb, BYTES);
        world_motion_at(&m, 4, &now);
        world_scene_paint(&now, b->canvas);
        memcpy(want, b->canvas->rgb, BYTES);
        labels_of(b->canvas, m.mover, where);
        const double step = hypot((double)m.col[4] - (double)m.col[3],
                                  (double)m.row[4] - (double)m.row[3]);
        OMN_TRY(trip(&b->trips, want, err));
        OMN_TRY(near(b, before, i, made, err));
        OMN_TRY(trip(&b->trips, before, err));
        moved(b, "copied", made, want, before, where);
        for (size_t k = 0; k < 4; k++) {
            world_scene at = now;
            at.object[m.mover].x -= m.step[0] * (float)(SHIFT[k] / step);
            at.object[m.mover].y -= m.step[1] * (float)(SHIFT[k] / step);
            world_scene_paint(&at, b->canvas);
            OMN_TRY(near(b, b->canvas->rgb, i, made, err));
            moved(b, NAMES[k], made, want, before, where);
        }
    }
done:
    return st;
}

int main(int argc, char **argv)
{
    bench b = { .n = 0 };
    omn_error err = OMN_ERROR_INIT;
    char line[1200];
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 500;
    const char *only = argc > 2 ? argv[2] : "";
    omn_status st = open_all(&b, &err);
    if (st == OMN_OK && strstr("shows", only)) st = of_texts(&b, n, true, &err);
    if (st == OMN_OK && strstr("shows", only)) st = of_texts(&b, n, false, &err);
    if (st == OMN_OK && strstr("edit", only)) st = of_edits(&b, n, &err);
    if (st == OMN_OK && strstr("next", only)) st = of_motion(&b, n, &err);
    if (st != OMN_OK) fprintf(stderr, "%s\n", omn_error_line(&err, line, sizeof line));
    for (size_t i = 0; i < b.n; i++)
        printf("%-40s %5.1f %%  of %llu\n", b.rows[i].name,
               100 * (double)b.rows[i].yes / (double)b.rows[i].n,
               (unsigned long long)b.rows[i].n);
    close_all(&b);
    return st != OMN_OK;
}
