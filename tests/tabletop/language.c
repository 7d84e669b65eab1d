/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a scene is true, answers are balanced, expressions fit one object. A small
 * reader of its own understands the questions from their words and answers from the scene, so a
 * wrong template, a wrong synonym or a wrong answer shows. */
#include "tests/testing.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/world.h"

enum { SIDE = 128, MOST = 64, WORDS = 40 };

/* ---- the reader ---------------------------------------------------------------------------- */

typedef struct reading {
    int n;
    char word[WORDS][24];
} reading;

static reading read_words(const char *text)
{
    reading r = {0};
    int k = 0;
    for (; *text; text++) {
        if (isalpha((unsigned char)*text)) {
            ck_assert_int_lt(k, 23);
            r.word[r.n][k++] = (char)tolower((unsigned char)*text);
        } else if (k) {
            r.n++;
            k = 0;
        }
        ck_assert_int_lt(r.n, WORDS - 1);
    }
    r.n += k > 0;
    return r;
}

static bool has(const reading *r, const char *word)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->word[i], word) == 0)
            return true;
    return false;
}

typedef struct meaning {
    int is[WORLD_PROPERTIES]; /* -1: not named */
    bool noun;
} meaning;

static const struct {
    const char *word;
    int property, value;
} LEXICON[] = {
    {"red", 0, 0},      {"green", 0, 1},   {"blue", 0, 2},   {"yellow", 0, 3},  {"purple", 0, 4},
    {"orange", 0, 5},   {"white", 0, 6},   {"black", 0, 7},  {"cube", 1, 0},    {"block", 1, 0},
    {"box", 1, 0},      {"sphere", 1, 1},  {"ball", 1, 1},   {"cylinder", 1, 2}, {"cone", 1, 3},
    {"small", 2, 0},    {"little", 2, 0},  {"tiny", 2, 0},   {"large", 2, 1},   {"big", 2, 1},
    {"matte", 3, 0},    {"dull", 3, 0},    {"shiny", 3, 1},  {"glossy", 3, 1},  {"metallic", 3, 1},
    {"object", -1, 0},  {"thing", -1, 0},
};

/* Reads words from `from` up to a noun; false when the phrase breaks off. */
static bool read_phrase(const reading *r, int *from, meaning *m)
{
    *m = (meaning){{-1, -1, -1, -1}, false};
    for (int i = *from; i < r->n; i++) {
        char w[24];
        snprintf(w, sizeof w, "%s", r->word[i]);
        size_t n = strlen(w);
        if (strcmp(w, "boxes") == 0)
            w[3] = 0;
        else if (n > 3 && w[n - 1] == 's' && strcmp(w, "glass"))
            w[n - 1] = 0;
        int k = 0, known = (int)(sizeof LEXICON / sizeof LEXICON[0]);
        while (k < known && strcmp(LEXICON[k].word, w))
            k++;
        if (k == known)
            return false;
        if (LEXICON[k].property >= 0) {
            ck_assert_int_eq(m->is[LEXICON[k].property], -1);
            m->is[LEXICON[k].property] = LEXICON[k].value;
        }
        if (LEXICON[k].property == -1 || LEXICON[k].property == WORLD_P_SHAPE) {
            *from = i + 1;
            return true;
        }
    }
    return false;
}

/* The phrases of a text, in order; words around them are passed over. */
static int read_phrases(const reading *r, meaning *m, int most)
{
    int n = 0, i = 0;
    while (i < r->n && n < most) {
        int at = i;
        if (read_phrase(r, &at, &m[n])) {
            n++;
            i = at;
        } else {
            i++;
        }
    }
    return n;
}

static int fits(const world_scene *s, const meaning *m, int *which)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) {
        bool all = true;
        for (int p = 0; p < WORLD_PROPERTIES; p++)
            all = all && (m->is[p] < 0 || m->is[p] == s->object[i].is[p]);
        n += all;
        if (all)
            *which = i;
    }
    return n;
}

static const char *truth(bool yes)
{
    return yes ? "yes" : "no";
}

/* The property that a question about sameness asks for; -1: none. */
static int asked_property(const reading *r)
{
    return has(r, "colour") || has(r, "color") ? WORLD_P_COLOUR
            : has(r, "shape")                  ? WORLD_P_SHAPE
            : has(r, "material")               ? WORLD_P_MATERIAL
            : has(r, "size") || has(r, "as")   ? WORLD_P_SIZE
                                               : -1;
}

static const char *answer_comparison(const world_scene *s, const reading *r, const meaning m[2])
{
    int a = -1, b = -1, na = fits(s, &m[0], &a), nb = fits(s, &m[1], &b);
    if (has(r, "more"))
        return truth(na > nb);
    if (has(r, "fewer") || has(r, "less"))
        return truth(na < nb);
    ck_assert_int_eq(na, 1);
    ck_assert_int_eq(nb, 1);
    ck_assert_int_ne(a, b);
    const uint8_t *x = s->object[a].is, *y = s->object[b].is;
    if (has(r, "larger") || has(r, "bigger"))
        return truth(x[WORLD_P_SIZE] > y[WORLD_P_SIZE]);
    if (has(r, "smaller"))
        return truth(x[WORLD_P_SIZE] < y[WORLD_P_SIZE]);
    const int p = asked_property(r);
    ck_assert_int_ge(p, 0);
    return truth(x[p] == y[p]);
}

static const char *answer_relation(const world_scene *s, const reading *r, const meaning m[2])
{
    int a = -1, b = -1;
    ck_assert_int_eq(fits(s, &m[0], &a), 1);
    ck_assert_int_eq(fits(s, &m[1], &b), 1);
    ck_assert_int_ne(a, b);
    const world_seen *x = &s->seen[a], *y = &s->seen[b];
    if (has(r, "left") || has(r, "right")) {
        ck_assert_float_ge(fabsf(x->col - y->col), 6.0f);
        return truth(has(r, "left") ? x->col < y->col : x->col > y->col);
    }
    ck_assert_float_ge(fabsf(x->depth - y->depth), 0.4f);
    if (has(r, "front") || has(r, "closer") || has(r, "nearer"))
        return truth(x->depth < y->depth);
    ck_assert(has(r, "behind") || has(r, "further"));
    return truth(x->depth > y->depth);
}

static const char *answer_question(const world_scene *s, const world_item *item, char number[4])
{
    /* "large or small" asks, it does not describe */
    reading r = read_words(item->text);
    int which = -1;
    meaning m[4];
    int n = read_phrases(&r, m, 4);
    ck_assert_msg(n >= 1, "no phrase in: %s", item->text);
    switch (item->kind) {
    case WORLD_K_COUNT:
        ck_assert_int_eq(n, 1);
        snprintf(number, 4, "%d", fits(s, &m[0], &which));
        return number;
    case WORLD_K_EXISTENCE: ck_assert_int_eq(n, 1); return truth(fits(s, &m[0], &which) > 0);
    case WORLD_K_RELATION: ck_assert_int_eq(n, 2); return answer_relation(s, &r, m);
    case WORLD_K_COMPARISON: ck_assert_int_eq(n, 2); return answer_comparison(s, &r, m);
    default: break;
    }
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(m[0].is[item->kind], -1); /* what is asked is not said */
    int fit = fits(s, &m[0], &which);
    ck_assert_int_le(fit, 1);
    return fit ? world_value_name((world_property)item->kind, s->object[which].is[item->kind])
               : "none";
}

/* ---- scenes with all their items ----------------------------------------------------------- */

typedef void visit(const world_scene *s, const world_item *items, size_t n, void *user);

static void each_scene(uint64_t scenes, visit *f, void *user)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    ck_assert_ptr_nonnull(c);
    static world_item items[MOST];
    world_scene s;
    for (uint64_t i = 0; i < scenes; i++) {
        ck_assert(world_scene_make(&s, c, 21, WORLD_HELD_OUT, i, NULL));
        f(&s, items, world_items(&s, NULL, 0, items, MOST), user);
    }
    world_canvas_free(c);
}

static void check_answers(const world_scene *s, const world_item *items, size_t n, void *user)
{
    int *asked = user;
    for (size_t i = 0; i < n; i++) {
        char number[4];
        if (items[i].task != WORLD_VQA)
            continue;
        const char *want = answer_question(s, &items[i], number);
        ck_assert_msg(strcmp(want, items[i].answer) == 0, "%s answered %s, is %s", items[i].text,
                      items[i].answer, want);
        asked[items[i].kind]++;
    }
}

START_TEST(answers_are_true)
{
    int asked[WORLD_KINDS] = {0};
    each_scene(2500, check_answers, asked);
    for (int k = 0; k < WORLD_KINDS; k++)
        ck_assert_msg(asked[k] > 500, "only %d of %s", asked[k], world_kind_name((world_kind)k));
}
END_TEST

static void count_answers(const world_scene *s, const world_item *items, size_t n, void *user)
{
    (void)s;
    for (size_t i = 0; i < n; i++)
        if (items[i].task == WORLD_VQA)
            ck_assert(world_tally_add(user, items[i].kind, items[i].answer));
}

START_TEST(a_constant_answer_gains_nothing)
{
    static world_tally t;
    each_scene(8000, count_answers, &t);
    double share = 0;
    /* about 8000 answers of each kind: three standard errors are 1.7 points at one half and 1.2 at
     * one seventh; scenes share objects, so a little more is allowed */
    for (int k = WORLD_K_EXISTENCE; k < WORLD_KINDS; k++) {
        world_tally_best(&t, (world_kind)k, &share);
        ck_assert_msg(share < 0.52, "%s: %.3f", world_kind_name((world_kind)k), share);
    }
    world_tally_best(&t, WORLD_K_COUNT, &share);
    ck_assert_double_lt(share, 1.0 / 7 + 0.018);
    for (int a = 0; a <= 6; a++)
        ck_assert_double_gt((double)t.count[WORLD_K_COUNT][a] / (double)t.total[WORLD_K_COUNT],
                            1.0 / 7 - 0.018);
    for (int k = WORLD_K_COLOUR; k <= WORLD_K_MATERIAL; k++) {
        world_tally_best(&t, (world_kind)k, &share);
        ck_assert_double_lt(share, 1.0 / world_value_count((world_property)k) + 0.02);
    }
    ck_assert_ptr_null(world_tally_best(&(world_tally){0}, WORLD_K_COUNT, &share));
    ck_assert(!world_tally_add(&t, WORLD_K_COLOUR, "pink"));
}
END_TEST

typedef struct comparisons {
    int made, same, told; /* all; those that ask for sameness; of these, names that tell it */
    uint64_t hash;
} comparisons;

/* 12 tries in each of 300 scenes. */
static comparisons ask_comparisons(const world_mix *mix)
{
    comparisons all = {0};
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    ck_assert_ptr_nonnull(c);
    world_scene s;
    for (uint64_t i = 0; i < 300; i++) {
        ck_assert(world_scene_make(&s, c, 21, WORLD_HELD_OUT, i, NULL));
        world_dice d = world_dice_make(21, WORLD_HELD_OUT, i, WORLD_LANE_WORDS);
        for (int t = 0; t < 12; t++) {
            world_item q;
            char number[4];
            meaning m[2];
            if (!world_ask(&s, WORLD_K_COMPARISON, mix, &d, &q))
                continue;
            ck_assert_str_eq(q.answer, answer_question(&s, &q, number));
            const reading r = read_words(q.text);
            all.made++;
            if (has(&r, "same") || has(&r, "as")) {
                const int p = asked_property(&r);
                ck_assert_int_eq(read_phrases(&r, m, 2), 2);
                all.same++;
                all.told += (m[0].is[p] >= 0) + (m[1].is[p] >= 0);
            }
            for (const char *b = q.text; *b; b++)
                all.hash = world_mix64(all.hash ^ (unsigned char)*b);
        }
    }
    world_canvas_free(c);
    return all;
}

START_TEST(sameness_is_asked_as_often_as_the_mix_says)
{
    const comparisons usual = ask_comparisons(NULL),
                      none = ask_comparisons(&(world_mix){.same = 0}),
                      every = ask_comparisons(&(world_mix){.same = 1}),
                      most = ask_comparisons(&(world_mix){.same = 0.85f}),
                      told = ask_comparisons(&(world_mix){.same = 1, .told = 1});
    /* the questions of world 1 before the mix knew of sameness */
    ck_assert_uint_eq(usual.hash, UINT64_C(0xc9de1e05acbaa928));
    ck_assert_int_gt(usual.made, 800);
    ck_assert_int_gt(usual.same, usual.made / 3);
    ck_assert_int_lt(usual.same, usual.made * 2 / 3);
    ck_assert_int_gt(none.made, 800);
    ck_assert_int_eq(none.same, 0);
    ck_assert_int_gt(every.made, 800);
    ck_assert_int_eq(every.same, every.made);
    ck_assert_int_gt(most.same, most.made * 3 / 4);
    ck_assert_int_lt(most.same, most.made);
    ck_assert_int_eq(usual.told + every.told + most.told, 0);
    ck_assert_int_gt(told.told, told.same / 2); /* of two names each */
    ck_assert_int_lt(told.told, told.same * 2);
}
END_TEST

static void check_references(const world_scene *s, const world_item *items, size_t n, void *user)
{
    int *seen = user;
    for (size_t i = 0; i < n; i++) {
        const world_item *t = &items[i];
        int which = -1, from = 0;
        meaning m;
        if (t->task == WORLD_REFEXP) {
            reading r = read_words(t->text);
            from = strcmp(r.word[0], "the") == 0;
            ck_assert_msg(read_phrase(&r, &from, &m) && from == r.n, "%s", t->text);
            ck_assert_msg(fits(s, &m, &which) == 1, "not one: %s", t->text);
            ck_assert_int_eq(t->n_boxes, 1);
            ck_assert_mem_eq(t->box[0], s->seen[which].box, sizeof t->box[0]);
            seen[0]++;
        } else if (t->task == WORLD_LOCALIZE) {
            reading r = read_words(t->text);
            ck_assert_msg(read_phrase(&r, &from, &m) && from == r.n, "%s", t->text);
            ck_assert_int_eq(fits(s, &m, &which), t->n_boxes);
            ck_assert_str_eq(t->answer, t->n_boxes ? "" : "none");
            for (int b = 0; b < t->n_boxes; b++)
                ck_assert_mem_eq(t->box[b], s->seen[t->object[b]].box, sizeof t->box[b]);
            seen[1 + !t->n_boxes]++;
        } else if (t->task == WORLD_DETECT) {
            ck_assert_int_eq(t->n_boxes, s->n);
            for (int b = 0; b < s->n; b++) {
                char label[64];
                snprintf(label, sizeof label, "%s %s",
                         world_value_name(WORLD_P_COLOUR, s->object[b].is[WORLD_P_COLOUR]),
                         world_value_name(WORLD_P_SHAPE, s->object[b].is[WORLD_P_SHAPE]));
                ck_assert_str_eq(t->label[b], label);
                ck_assert_mem_eq(t->box[b], s->seen[b].box, sizeof t->box[b]);
            }
        } else if (t->task == WORLD_CATEGORIZE || t->task == WORLD_BOX_CATEGORIZE) {
            int right = 0, o = t->task == WORLD_CATEGORIZE ? 0 : t->object[0];
            ck_assert(t->task != WORLD_CATEGORIZE || s->n == 1);
            for (int k = 0; k < t->n_options; k++) {
                right += strcmp(t->option[k], t->answer) == 0;
                for (int j = 0; j < k; j++)
                    ck_assert_str_ne(t->option[k], t->option[j]);
            }
            ck_assert_int_eq(right, 1);
            reading r = read_words(t->answer);
            ck_assert(read_phrase(&r, &from, &m));
            for (int p = 0; p < WORLD_PROPERTIES; p++)
                ck_assert(m.is[p] < 0 || m.is[p] == s->object[o].is[p]);
            seen[3]++;
        }
    }
}

START_TEST(expressions_fit_one_object_and_boxes_all_that_are_named)
{
    int seen[4] = {0};
    each_scene(2000, check_references, seen);
    for (int k = 0; k < 4; k++)
        ck_assert_int_gt(seen[k], 150);
}
END_TEST

static void check_captions(const world_scene *s, const world_item *items, size_t n, void *user)
{
    static const char *const NUMBER[] = {"", "one", "two", "three", "four", "five", "six"};
    (void)user;
    for (size_t i = 0; i < n; i++) {
        if (items[i].task != WORLD_CAPTION)
            continue;
        reading r = read_words(items[i].answer);
        ck_assert_str_eq(r.word[0], NUMBER[s->n]);
        int from = 2;
        for (int o = 0; o < s->n; o++) {
            meaning m;
            ck_assert_str_eq(r.word[from], "a");
            from++;
            ck_assert(read_phrase(&r, &from, &m));
            for (int p = WORLD_P_COLOUR; p <= WORLD_P_SIZE; p++)
                ck_assert_int_eq(m.is[p], s->object[o].is[p]);
        }
        ck_assert_int_eq(from, r.n);
    }
}

START_TEST(captions_name_everything_from_left_to_right)
{
    each_scene(500, check_captions, NULL);
}
END_TEST

START_TEST(a_round_repeats_and_another_does_not)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_item one[MOST], two[MOST], three[MOST];
    world_scene s;
    int same = 0, all = 0;
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert(world_scene_make(&s, c, 1, WORLD_TRAIN, i, NULL));
        size_t n = world_items(&s, NULL, 5, one, MOST), m = world_items(&s, NULL, 5, two, MOST);
        ck_assert_uint_eq(n, m);
        ck_assert_mem_eq(one, two, n * sizeof one[0]);
        m = world_items(&s, NULL, 6, three, MOST);
        for (size_t k = 0; k < n && k < m; k++) {
            if (one[k].task != WORLD_VQA || three[k].task != WORLD_VQA)
                continue;
            all++;
            same += strcmp(one[k].text, three[k].text) == 0;
        }
        /* no room for more than asked */
        ck_assert_uint_eq(world_items(&s, NULL, 5, two, 4), 4);
    }
    ck_assert_int_lt(same * 20, all);
    world_canvas_free(c);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        answers_are_true,
        a_constant_answer_gains_nothing,
        sameness_is_asked_as_often_as_the_mix_says,
        expressions_fit_one_object_and_boxes_all_that_are_named,
        captions_name_everything_from_left_to_right,
        a_round_repeats_and_another_does_not,
    };
    return TESTING_RUN("tabletop/language", all, 60);
}
