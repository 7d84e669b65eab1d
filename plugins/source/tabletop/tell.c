/* SPDX-License-Identifier: Apache-2.0 */
/* Captions, lists of boxes, expressions and classes. The order of what is said follows the picture,
 * left to right, because an order that cannot be seen cannot be learnt. */
#include <stdio.h>
#include <string.h>

#include "words.h"

static void begin(world_item *out, world_task task)
{
    memset(out, 0, sizeof *out);
    out->task = task;
}

static void add_box(const world_scene *s, int i, unsigned named, world_item *out)
{
    world_desc w = world_desc_of(&s->object[i], named);
    int k = out->n_boxes++;
    memcpy(out->box[k], s->seen[i].box, sizeof out->box[k]);
    out->object[k] = (int8_t)i;
    world_desc_plain(&w, out->label[k], WORLD_LABEL);
}

static void append(world_item *out, const char *text)
{
    size_t at = strlen(out->answer);
    snprintf(out->answer + at, sizeof out->answer - at, "%s", text);
}

enum { COLOUR_AND_SHAPE = 1 << WORLD_P_COLOUR | 1 << WORLD_P_SHAPE };

void world_caption(const world_scene *s, world_item *out)
{
    static const char *const NUMBER[] = {"no", "one", "two", "three", "four", "five", "six"};
    begin(out, WORLD_CAPTION);
    append(out, NUMBER[s->n]);
    append(out, s->n == 1 ? " object: " : " objects: ");
    for (int i = 0; i < s->n; i++) {
        char phrase[WORLD_LABEL];
        world_desc w = world_desc_of(&s->object[i], COLOUR_AND_SHAPE | NAMES(WORLD_P_SIZE));
        world_desc_plain(&w, phrase, sizeof phrase);
        append(out, i ? ", a " : "a ");
        append(out, phrase);
    }
}

void world_detect(const world_scene *s, world_item *out)
{
    begin(out, WORLD_DETECT);
    for (int i = 0; i < s->n; i++) {
        add_box(s, i, COLOUR_AND_SHAPE, out);
        append(out, i ? ", " : "");
        append(out, out->label[i]);
    }
}

bool world_refer(const world_scene *s, world_dice *d, world_item *out)
{
    static const char *const FORMS[] = {"the $a", "the $a", "$a", "$a"};
    int i = dice_below(d, s->n);
    world_desc w;
    if (!world_desc_unique(s, i, 0, d, &w))
        return false;
    char a[WORLD_LABEL * 2];
    world_desc_say(&w, false, d, a, sizeof a);
    begin(out, WORLD_REFEXP);
    world_say(out->text, FORMS[dice_below(d, 4)], a, "", d, false);
    add_box(s, i, COLOUR_AND_SHAPE, out);
    return true;
}

bool world_localize(const world_scene *s, world_dice *d, world_item *out)
{
    static const unsigned SETS[] = {
        NAMES(WORLD_P_SHAPE), NAMES(WORLD_P_SHAPE), NAMES(WORLD_P_COLOUR), COLOUR_AND_SHAPE,
        COLOUR_AND_SHAPE, NAMES(WORLD_P_SIZE) | NAMES(WORLD_P_SHAPE), 0,
    };
    unsigned named = SETS[dice_below(d, (int)(sizeof SETS / sizeof SETS[0]))];
    world_desc w = world_desc_of(&s->object[dice_below(d, s->n)], named);
    if (named && dice_chance(d, 0.2f)) {
        for (int p = 0; p < WORLD_PROPERTIES; p++)
            w.is[p] = (uint8_t)dice_below(d, world_value_count((world_property)p));
        if (world_desc_count(s, &w))
            return false;
    }
    begin(out, WORLD_LOCALIZE);
    if (dice_below(d, 3))
        world_desc_plain(&w, out->text, sizeof out->text);
    else
        world_desc_say(&w, false, d, out->text, sizeof out->text);
    for (int i = 0; i < s->n; i++)
        if (world_desc_fits(&w, &s->object[i]))
            add_box(s, i, named, out);
    if (!out->n_boxes)
        append(out, "none");
    return true;
}

/* Fills options and answer for one object: the four shapes, or eight of the 32 coloured ones with
 * the right one among them, in random order. */
static void options(const world_object *o, world_dice *d, world_item *out)
{
    int shapes = world_value_count(WORLD_P_SHAPE), colours = world_value_count(WORLD_P_COLOUR);
    if (dice_below(d, 2)) {
        out->n_options = shapes;
        for (int k = 0; k < shapes; k++)
            snprintf(out->option[k], WORLD_LABEL, "%s", world_value_name(WORLD_P_SHAPE, k));
        append(out, world_value_name(WORLD_P_SHAPE, o->is[WORLD_P_SHAPE]));
        return;
    }
    int right = o->is[WORLD_P_COLOUR] * shapes + o->is[WORLD_P_SHAPE];
    int order[WORLD_MOST_OPTIONS] = {right};
    for (int n = 1; n < WORLD_MOST_OPTIONS; n++) {
        bool fresh = false;
        while (!fresh) {
            order[n] = dice_below(d, shapes * colours);
            fresh = true;
            for (int k = 0; k < n; k++)
                fresh = fresh && order[k] != order[n];
        }
    }
    int at = dice_below(d, WORLD_MOST_OPTIONS);
    order[0] = order[at];
    order[at] = right;
    out->n_options = WORLD_MOST_OPTIONS;
    for (int k = 0; k < out->n_options; k++)
        snprintf(out->option[k], WORLD_LABEL, "%s %s",
                 world_value_name(WORLD_P_COLOUR, order[k] / shapes),
                 world_value_name(WORLD_P_SHAPE, order[k] % shapes));
    append(out, out->option[at]);
}

bool world_categorize(const world_scene *s, world_dice *d, world_item *out)
{
    if (s->n != 1)
        return false;
    begin(out, WORLD_CATEGORIZE);
    options(&s->object[0], d, out);
    return true;
}

void world_box_categorize(const world_scene *s, world_dice *d, world_item *out)
{
    int i = dice_below(d, s->n);
    begin(out, WORLD_BOX_CATEGORIZE);
    add_box(s, i, COLOUR_AND_SHAPE, out);
    options(&s->object[i], d, out);
}

void world_region(const world_scene *s, world_dice *d, world_item *out)
{
    int i = dice_below(d, s->n);
    begin(out, WORLD_REGION);
    add_box(s, i, COLOUR_AND_SHAPE, out);
    world_desc w = world_desc_of(&s->object[i], COLOUR_AND_SHAPE | NAMES(WORLD_P_SIZE));
    world_desc_plain(&w, out->answer, sizeof out->answer);
}

/* ---- many items of one picture ------------------------------------------------------------- */

const world_mix world_mix_usual = {
    .items = {[WORLD_CAPTION] = 1, [WORLD_VQA] = 9, [WORLD_REFEXP] = 3, [WORLD_LOCALIZE] = 1,
              [WORLD_DETECT] = 1, [WORLD_CATEGORIZE] = 1, [WORLD_BOX_CATEGORIZE] = 1,
              [WORLD_REGION] = 1},
    .kinds = {[WORLD_K_COLOUR] = 1, [WORLD_K_SHAPE] = 1, [WORLD_K_SIZE] = 1,
              [WORLD_K_MATERIAL] = 1, [WORLD_K_COUNT] = 2.5f, [WORLD_K_EXISTENCE] = 1.5f,
              [WORLD_K_RELATION] = 3, [WORLD_K_COMPARISON] = 2.5f},
    .same = 0.5f,
};

/* The kind of one question. Counting is only drawn as the first kind of a question: whatever takes
 * the place of a failed draw is another kind, so the uniform answers of ask_count stay uniform. */
static world_kind draw_kind(const world_mix *mix, bool first, world_dice *d)
{
    float sum = 0;
    for (int k = 0; k < WORLD_KINDS; k++)
        sum += first || k != WORLD_K_COUNT ? mix->kinds[k] : 0;
    float at = dice_float(d, 0, sum);
    for (int k = 0; k < WORLD_KINDS; k++) {
        float share = first || k != WORLD_K_COUNT ? mix->kinds[k] : 0;
        if (at < share)
            return (world_kind)k;
        at -= share;
    }
    return WORLD_K_EXISTENCE;
}

static bool draw_item(const world_scene *s, const world_mix *mix, world_task task, bool first,
                      world_dice *d, world_item *out)
{
    switch (task) {
    case WORLD_CAPTION: world_caption(s, out); return true;
    case WORLD_DETECT: world_detect(s, out); return true;
    case WORLD_VQA: return world_ask(s, draw_kind(mix, first, d), mix, d, out);
    case WORLD_REFEXP: return world_refer(s, d, out);
    case WORLD_LOCALIZE: return world_localize(s, d, out);
    case WORLD_CATEGORIZE: return world_categorize(s, d, out);
    case WORLD_BOX_CATEGORIZE: world_box_categorize(s, d, out); return true;
    case WORLD_REGION: world_region(s, d, out); return true;
    default: return false;
    }
}

static bool said_before(const world_item *list, size_t n, const world_item *one)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].task == one->task && strcmp(list[i].text, one->text) == 0 &&
            memcmp(list[i].box, one->box, sizeof one->box) == 0)
            return true;
    return false;
}

size_t world_items(const world_scene *s, const world_mix *mix, uint32_t round, world_item *out,
                   size_t most)
{
    mix = mix ? mix : &world_mix_usual;
    world_dice d = world_dice_make(s->seed, s->split, s->index, WORLD_LANE_WORDS);
    d.count = world_mix64(d.count + round);
    size_t n = 0;
    for (int task = 0; task < WORLD_TASKS; task++) {
        for (int k = 0; k < mix->items[task] && n < most; k++) {
            bool made = false;
            for (int attempt = 0; attempt < 8 && !made; attempt++)
                made = draw_item(s, mix, (world_task)task, attempt == 0, &d, &out[n]) &&
                       !said_before(out, n, &out[n]);
            n += made;
        }
    }
    return n;
}
