/* SPDX-License-Identifier: Apache-2.0 */
/* The checks without a network, measured themselves: of what is right, painted or worn like a
 * picture that went through a codec, at least 97 % are accepted; of what is wrong at most 15 %.
 * Which things a picture shows is told less well: FLOORS. */
#include "tests/testing.h"

#include <omnio/kinds.h>
#include <omnio/learn.h>
#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/alike.h"
#include "plugins/source/tabletop/edit.h"
#include "plugins/source/tabletop/film.h"
#include "plugins/source/tabletop/judge.h"
#include "plugins/source/tabletop/listen.h"
#include "plugins/source/tabletop/motion.h"
#include "plugins/source/tabletop/read.h"
#include "plugins/source/tabletop/sound.h"
#include "tests/tabletop/wear.h"

enum { SIDE = 128, BYTES = SIDE * SIDE * 3 };

/* Noise of 8 %, as a sum of twelve draws. */
static void speckle(uint8_t *rgb, uint64_t number)
{
    for (uint64_t i = 0; i < BYTES; i++) {
        double sum = -6;
        for (uint64_t k = 0; k < 12; k++)
            sum += (double)(omn_random_at(number, k, i) >> 11) * 0x1p-53;
        const double x = rgb[i] + 0.08 * 255 * sum + 0.5;
        rgb[i] = (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
    }
}

START_TEST(pictures_are_read_through_noise)
{
    enum { N = 150 };
    const world_options plain = {.least_objects = 1, .most_objects = 3, .clean = true};
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_reading r;
    world_scene s;
    int right = 0, other = 0, others = 0, before = 0;
    world_claim claim[WORLD_MOST_OBJECTS], last[WORLD_MOST_OBJECTS];
    for (uint64_t i = 0; i < N; i++) {
        world_item item;
        ck_assert(world_scene_make(&s, c, 31, WORLD_HELD_OUT, i, &plain));
        world_caption(&s, &item);
        const int n = world_claims_of(item.answer, claim);
        world_scene_paint(&s, c);
        speckle(c->rgb, i);
        ck_assert(world_picture_read(c->rgb, SIDE, SIDE, &r));
        right += world_reading_shows(&r, claim, n);
        if (before == n) {
            other += world_reading_shows(&r, last, n);
            others++;
        }
        memcpy(last, claim, sizeof last);
        before = n;
    }
    ck_assert_msg(right * 100 >= N * 92, "accepts %d of %d", right, N);
    ck_assert_msg(other * 100 <= others * 15, "accepts %d of %d of others", other, others);
    world_canvas_free(c);
}
END_TEST

/* What a picture may be said to show: what it shows, what another one does, the same with one
 * colour or one solid that is not there, with one thing more, with one less. */
enum { SAYS_TRUE, SAYS_OTHER, SAYS_COLOUR, SAYS_SOLID, SAYS_MORE, SAYS_LESS, SAYINGS };

typedef struct saying { world_claim list[WORLD_MOST_OBJECTS + 1]; int n; } saying;

static bool say(int what, const saying *own, const saying *next, int i, saying *out)
{
    const int which = i % own->n;
    world_claim *c = &out->list[which];
    *out = what == SAYS_OTHER ? *next : *own;
    switch (what) {
    case SAYS_OTHER: return own->n == next->n;
    case SAYS_COLOUR: c->colour = (world_colour)((c->colour + 1 + (unsigned)i % 7) % 8); break;
    case SAYS_SOLID: c->shape = (world_shape)((c->shape + 1 + (unsigned)i % 3) % 4); break;
    case SAYS_MORE: out->list[out->n++] = next->list[0]; break;
    case SAYS_LESS: *c = out->list[--out->n]; break;
    default: break;
    }
    return out->n > 0;
}

/* Per cent: of what is so at least, of what is not at most. By clean, by worn, by saying. */
static const int FLOORS[2][2][SAYINGS] = {
    {{90, 10, 9, 45, 36, 34}, {90, 10, 9, 52, 36, 34}},
    {{92, 8, 8, 38, 34, 30}, {92, 8, 8, 44, 34, 30}},
};

/* Pictures in which all is plain, and as they are painted for learning, with cloth, film and lossy
 * files; each of them worn as well. */
START_TEST(pictures_of_a_text_are_told_from_those_of_another)
{
    enum { N = 200 };
    static saying all[N];
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_reading r;
    static world_scene s;
    for (int clean = 0; clean < 2; clean++) {
        const world_options how = {.least_objects = 1, .most_objects = 3, .clean = clean};
        int yes[2][SAYINGS] = {{0}}, of[2][SAYINGS] = {{0}};
        for (int i = 0; i < N; i++) {
            world_item item;
            ck_assert(world_scene_make(&s, c, 31, WORLD_HELD_OUT, (uint64_t)i, &how));
            world_caption(&s, &item);
            all[i].n = world_claims_of(item.answer, all[i].list);
            ck_assert_int_eq(all[i].n, s.n);
            for (int k = 0; k < s.n; k++) {
                ck_assert_int_eq(all[i].list[k].colour, s.object[k].is[WORLD_P_COLOUR]);
                ck_assert_int_eq(all[i].list[k].shape, s.object[k].is[WORLD_P_SHAPE]);
            }
        }
        for (int i = 0; i < N; i++) {
            ck_assert(world_scene_make(&s, c, 31, WORLD_HELD_OUT, (uint64_t)i, &how));
            world_scene_paint(&s, c);
            for (int worn = 0; worn < 2; worn++) {
                if (worn)
                    wear(c->rgb, 60);
                ck_assert(world_picture_read(c->rgb, SIDE, SIDE, &r));
                for (int what = 0; what < SAYINGS; what++) {
                    saying it;
                    if (!say(what, &all[i], &all[(i + 1) % N], i, &it))
                        continue;
                    of[worn][what]++;
                    yes[worn][what] += world_reading_shows(&r, it.list, it.n);
                }
            }
        }
        for (int worn = 0; worn < 2; worn++)
            for (int what = 0; what < SAYINGS; what++) {
                const int share = 100 * yes[worn][what], bound = FLOORS[clean][worn][what];
                ck_assert_msg(what == SAYS_TRUE ? share >= bound * of[worn][what]
                                                : share <= bound * of[worn][what],
                              "clean %d, worn %d, saying %d: accepts %d of %d, %d %% is the bound",
                              clean, worn, what, yes[worn][what], of[worn][what], bound);
            }
    }
    world_canvas_free(c);
}
END_TEST

/* The picture afterwards, painted and worn; the one before; another colour than was asked for. */
START_TEST(edits_are_told_from_what_was_not_asked)
{
    enum { N = 150 };
    const world_options usual = {.least_objects = 1, .most_objects = 3};
    static uint8_t want[BYTES], got[BYTES];
    static world_edit e;
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    int right = 0, before = 0, colour = 0, colours = 0;
    for (uint64_t i = 0; i < N; i++) {
        ck_assert(world_edit_make(&e, c, 8, WORLD_HELD_OUT, i, 0, &usual));
        world_scene_paint(&e.after, c);
        memcpy(want, c->rgb, BYTES);
        memcpy(got, want, BYTES);
        wear(got, 60);
        right += world_pictures_differ(got, want, SIDE, SIDE, 1.5, 0.16) < 10;
        world_scene_paint(&e.before, c);
        wear(c->rgb, 60);
        before += world_pictures_differ(c->rgb, want, SIDE, SIDE, 1.5, 0.16) < 10;
        if (e.what != WORLD_RECOLOUR)
            continue;
        world_object *o = &e.after.object[e.object];
        world_dice d = world_dice_make(1, WORLD_SPARE, i, WORLD_LANE_SCENE);
        o->is[WORLD_P_COLOUR] = (uint8_t)((o->is[WORLD_P_COLOUR] + 1 + i % 7) % 8);
        world_object_tint(&d, o);
        world_scene_paint(&e.after, c);
        wear(c->rgb, 60);
        colour += world_pictures_differ(c->rgb, want, SIDE, SIDE, 1.5, 0.16) < 10;
        colours++;
    }
    ck_assert_msg(right * 100 >= N * 97, "accepts %d of %d", right, N);
    ck_assert_msg(before * 100 <= N * 15, "accepts %d of %d unchanged", before, N);
    ck_assert_msg(colour * 100 <= colours * 15, "accepts %d of %d wrong colours", colour, colours);
    world_canvas_free(c);
}
END_TEST

static void mask_of(const world_canvas *c, int object, int32_t *out)
{
    for (size_t k = 0; k < (size_t)SIDE * SIDE; k++) out[k] = c->number[k] == object + 1;
}

/* What was asked is there and the rest is kept; or either of them is not. */
START_TEST(edits_are_what_was_asked_and_no_more)
{
    enum { N = 60, KINDS = 4 };
    const world_options usual = {.least_objects = 2, .most_objects = 3};
    static uint8_t want[BYTES], before[BYTES], got[BYTES];
    static int32_t where[SIDE * SIDE];
    static world_edit e;
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    int both[KINDS] = {0}, asked[KINDS] = {0}, kept[KINDS] = {0}, n = 0;
    for (uint64_t i = 0; i < N; i++) {
        ck_assert(world_edit_make(&e, c, 8, WORLD_HELD_OUT, i, 0, &usual));
        if (e.what != WORLD_RECOLOUR)
            continue;
        n++;
        world_scene_paint(&e.before, c);
        memcpy(before, c->rgb, BYTES);
        wear(before, 60);
        mask_of(c, e.object, where);
        world_scene_paint(&e.after, c);
        memcpy(want, c->rgb, BYTES);
        wear(want, 60);
        for (int k = 0; k < KINDS; k++) { /* as asked, unchanged, another colour, one more thing */
            world_scene s = k == 1 ? e.before : e.after;
            world_dice d = world_dice_make(1, WORLD_SPARE, i, WORLD_LANE_SCENE);
            const int at = k == 2 ? e.object : (e.object + 1) % s.n;
            world_object *o = &s.object[at];
            const uint8_t was = e.before.object[at].is[WORLD_P_COLOUR];
            world_edited look;
            for (int turn = 0; k > 1 && (turn == 0 || o->is[WORLD_P_COLOUR] == was); turn++)
                o->is[WORLD_P_COLOUR] = (uint8_t)((o->is[WORLD_P_COLOUR] + 1 + i % 6) % 8);
            if (k > 1)
                world_object_tint(&d, o);
            world_scene_paint(&s, c);
            memcpy(got, c->rgb, BYTES);
            wear(got, 60);
            ck_assert(world_edited_look(got, want, before, where, SIDE, SIDE, &look));
            asked[k] += world_edited_asked(&look);
            kept[k] += world_edited_kept(&look);
            both[k] += world_edited_asked(&look) && world_edited_kept(&look);
        }
    }
    ck_assert_int_ge(n, N / 2);
    ck_assert_int_ge(both[0] * 100, n * 97);
    ck_assert_int_le(asked[1] * 100, n * 3);
    ck_assert_int_ge(kept[1] * 100, n * 97);
    ck_assert_int_le(asked[2] * 100, n * 15);
    ck_assert_int_ge(asked[3] * 100, n * 97);
    ck_assert_int_le(kept[3] * 100, n * 15);
    world_canvas_free(c);
}
END_TEST

/* What moved is found where it is, and a copy that stays behind is seen. */
START_TEST(what_moves_is_found)
{
    enum { N = 40 };
    static const int SHIFT[] = {0, 3, 6, 9};
    const world_options usual = {.least_objects = 1, .most_objects = 3};
    static uint8_t want[BYTES], before[BYTES];
    static int32_t where[SIDE * SIDE];
    static world_motion m;
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    int right[4] = {0}, copied = 0, ghost = 0;
    double off = 0;
    for (uint64_t i = 0; i < N; i++) {
        world_scene now;
        world_moved look;
        ck_assert(world_motion_make(&m, c, 8, WORLD_HELD_OUT, i, 5, &usual));
        world_motion_at(&m, 3, &now);
        world_scene_paint(&now, c);
        memcpy(before, c->rgb, BYTES);
        const world_object old = now.object[m.mover];
        world_motion_at(&m, 4, &now);
        world_scene_paint(&now, c);
        memcpy(want, c->rgb, BYTES);
        mask_of(c, m.mover, where);
        const double step = hypot((double)m.col[4] - (double)m.col[3],
                                  (double)m.row[4] - (double)m.row[3]);
        for (int k = 0; k < 4; k++) {
            world_scene moved = now;
            moved.object[m.mover].x -= m.step[0] * (float)(SHIFT[k] / step);
            moved.object[m.mover].y -= m.step[1] * (float)(SHIFT[k] / step);
            world_scene_paint(&moved, c);
            wear(c->rgb, 60);
            ck_assert(world_moved_look(c->rgb, want, before, where, SIDE, SIDE, &look));
            right[k] += world_moved_there(&look, 4);
            off += k == 1 ? fabs(look.away - 3) : 0;
        }
        ck_assert(world_moved_look(before, want, before, where, SIDE, SIDE, &look));
        copied += world_moved_there(&look, 4);
        if (now.n == WORLD_MOST_OBJECTS)
            continue;
        now.object[now.n++] = old;
        world_scene_paint(&now, c);
        ck_assert(world_moved_look(c->rgb, want, before, where, SIDE, SIDE, &look));
        ghost += world_moved_there(&look, 4);
    }
    ck_assert_int_ge(right[0] * 100, N * 97);
    ck_assert_int_ge(right[1] * 100, N * 85);
    ck_assert_int_le(right[2] * 100, N * 15);
    ck_assert_int_le(right[3] * 100, N * 5);
    ck_assert_double_le(off / N, 1);
    ck_assert_int_le(copied * 100, N * 5);
    ck_assert_int_le(ghost * 100, N * 15);
    world_canvas_free(c);
}
END_TEST

/* The next picture with what moves `shift` pixels short of its place, and the copied last one. */
START_TEST(next_pictures_are_right_within_4_pixels)
{
    enum { N = 60 };
    static const int SHIFT[] = {0, 3, 7, 9};
    const world_options usual = {.least_objects = 1, .most_objects = 3};
    static uint8_t want[BYTES];
    static world_motion m;
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    int right[4] = {0}, copied = 0;
    for (uint64_t i = 0; i < N; i++) {
        world_scene now;
        ck_assert(world_motion_make(&m, c, 8, WORLD_HELD_OUT, i, 5, &usual));
        world_motion_at(&m, 4, &now);
        world_scene_paint(&now, c);
        memcpy(want, c->rgb, BYTES);
        const double step = hypot((double)m.col[4] - (double)m.col[3],
                                  (double)m.row[4] - (double)m.row[3]);
        for (int k = 0; k < 4; k++) {
            world_scene moved = now;
            moved.object[m.mover].x -= m.step[0] * (float)(SHIFT[k] / step);
            moved.object[m.mover].y -= m.step[1] * (float)(SHIFT[k] / step);
            world_scene_paint(&moved, c);
            wear(c->rgb, 60);
            right[k] += world_pictures_differ(c->rgb, want, SIDE, SIDE, 4, 0.16) < 10;
        }
        world_motion_at(&m, 3, &now);
        world_scene_paint(&now, c);
        copied += world_pictures_differ(c->rgb, want, SIDE, SIDE, 4, 0.16) < 10;
    }
    ck_assert_int_ge(right[0] * 100, N * 97);
    ck_assert_int_ge(right[1] * 100, N * 95);
    ck_assert_int_le(right[2] * 100, N * 15);
    ck_assert_int_le(right[3] * 100, N * 10);
    ck_assert_int_le(copied * 100, N * 5); /* a black thing on a black table */
    world_canvas_free(c);
}
END_TEST

START_TEST(hits_are_counted_where_they_are)
{
    enum { N = 400, MOST = 8 };
    static float x[40000];
    static world_sound w;
    world_canvas *c = world_canvas_new(64, 64);
    int right = 0, placed = 0, hits = 0;
    for (uint64_t i = 0; i < N; i++) {
        size_t at[MOST];
        ck_assert(world_sound_make(&w, c, 8, WORLD_HELD_OUT, i, 5, 2.04, true));
        world_sound_play(&w, x);
        const size_t n = world_hits_count(x, (size_t)w.samples, w.rate, at, MOST);
        right += n == (size_t)w.hits;
        for (size_t k = 0; n == (size_t)w.hits && k < n; k++, hits++)
            placed += abs((int)at[k] - w.at[k]) <= w.rate / 100;
    }
    ck_assert_msg(right * 100 >= N * 97, "%d of %d", right, N);
    ck_assert_int_ge(placed * 100, hits * 98);
    memset(x, 0, sizeof x);
    ck_assert_uint_eq(world_hits_count(x, 32000, 16000, NULL, 0), 0);
    ck_assert_uint_eq(world_hits_count(x, 3, 16000, NULL, 0), 0);
    world_canvas_free(c);
}
END_TEST

/* ---- through the door ----------------------------------------------------------------------- */

typedef struct door {
    omn_context *ctx;
    omn_arena *a;
    omn_call *call;
} door;

static void door_open(door *d)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup) };
    how.threads = 1;
    how.plugin_path = testing_build("plugins/.libs");
    how.only_plugin_path = true;
    *d = (door){ .a = omn_arena_new(0) };
    ck_assert_int_eq(omn_context_new(&how, &d->ctx, NULL), OMN_OK);
    ck_assert_int_eq(omn_context_call(d->ctx, 1, 0, NULL, &d->call, NULL), OMN_OK);
}

static const void *object(const door *d, const char *kind, const char *name,
                          const omn_setting *set, size_t n, void **params)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *entry = NULL;
    ck_assert_msg(omn_registry_find(d->ctx, kind, name, &entry, &err) == OMN_OK &&
                      omn_params_fill(entry, set, n, "recipe", d->a, params, &err) == OMN_OK,
                  "%s", err.text);
    return omn_entry_object(entry)->impl;
}

static double share;
static void take(void *user, const omn_measure_row *row)
{
    (void)user;
    share = isnan(share) ? row->value : share; /* the first */
}

/* The share of `answer` of examples 0 to 19 that a measure calls right beside `want` of the same
 * examples; off: answers of another one. */
static double score(const char *source, const omn_setting *set, size_t n_set, const char *measure,
                    const char *answer, const char *text, uint64_t off)
{
    door d;
    void *params, *self = NULL, *judge = NULL, *state = NULL;
    door_open(&d);
    const omn_source_impl *s = object(&d, "omnio.source/1", source, set, n_set, &params);
    ck_assert_int_eq(s->open(d.call, params, NULL, &self, NULL), OMN_OK);
    const omn_measure_impl *m = object(&d, "omnio.measure/1", measure, NULL, 0, &params);
    ck_assert_int_eq(m->open(d.call, params, NULL, &judge, NULL), OMN_OK);
    ck_assert_int_eq(m->begin(judge, &state, NULL), OMN_OK);
    for (uint64_t i = 0; i < 20; i++) {
        omn_value *v = NULL, *w = NULL, *asked = NULL;
        bool right;
        ck_assert_int_eq(s->get(self, d.call, OMN_SPLIT_HELD_OUT, i, &v, NULL), OMN_OK);
        ck_assert_int_eq(s->get(self, d.call, OMN_SPLIT_HELD_OUT, i + off, &w, NULL), OMN_OK);
        const omn_value *said = omn_record_get(v, text);
        if (omn_value_is(said, "list")) /* caption: its answer */
            said = omn_record_get(omn_list_at(said, 0), "answer");
        omn_named input = { "text", omn_value_ref(said) };
        ck_assert_int_eq(omn_record_new(&input, 1, &asked, NULL), OMN_OK);
        ck_assert_int_eq(m->add(judge, state, d.call, omn_record_get(w, answer),
                                omn_record_get(v, answer), asked, &right, NULL),
                         OMN_OK);
        /* an answer of another kind is wrong, not an error */
        if (i == 0 && off)
            ck_assert_int_eq(m->add(judge, state, d.call, said, omn_record_get(v, answer), asked,
                                    &right, NULL),
                             OMN_OK);
        omn_value_unref(input.value);
        omn_value_unref(asked);
        omn_value_unref(v);
        omn_value_unref(w);
    }
    share = (double)NAN;
    ck_assert_int_eq(m->rows(judge, state, take, NULL, NULL), OMN_OK);
    m->end(judge, state);
    m->close(judge);
    s->close(self);
    omn_call_free(d.call);
    omn_context_free(d.ctx);
    omn_arena_free(d.a);
    return share;
}

START_TEST(measures_judge_what_the_sources_show)
{
    const omn_setting plain[] = { { "clean", "true", 0, 0 }, { "most", "2", 0, 0 } };
    ck_assert_double_ge(score("tabletop", plain, 2, "tabletop-shows", "image", "caption", 0), 0.9);
    ck_assert_double_le(score("tabletop", plain, 2, "tabletop-shows", "image", "caption", 1), 0.3);
    for (uint64_t off = 0; off < 2; off++)
        ck_assert_double_eq(
            score("tabletop-edits", NULL, 0, "tabletop-alike", "picture", "text", off), 1.0 - off);
    ck_assert_double_ge(score("tabletop-sounds", NULL, 0, "tabletop-hits", "audio", "text", 0),
                        0.95);
    ck_assert_double_le(score("tabletop-sounds", NULL, 0, "tabletop-hits", "audio", "text", 1),
                        0.5); /* a fifth of them have as many hits */
    ck_assert_double_eq(score("tabletop-gripper", NULL, 0, "tabletop-moves", "actions", "text", 0),
                        1);
    ck_assert_double_le(score("tabletop-gripper", NULL, 0, "tabletop-moves", "actions", "text", 1),
                        0.1); /* a thing may stand where that of the next episode stood */
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        pictures_are_read_through_noise,
        pictures_of_a_text_are_told_from_those_of_another,
        edits_are_told_from_what_was_not_asked,
        edits_are_what_was_asked_and_no_more,
        what_moves_is_found,
        next_pictures_are_right_within_4_pixels,
        hits_are_counted_where_they_are,
        measures_judge_what_the_sources_show,
    };
    return TESTING_RUN("tabletop/checks", all, 120);
}
