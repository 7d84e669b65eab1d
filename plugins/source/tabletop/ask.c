/* SPDX-License-Identifier: Apache-2.0 */
/* Questions with answers. Balance is made when drawing: for a yes/no question the form comes first,
 * both answers must be possible in this scene, and a coin picks one; counts are drawn so that each
 * number from 0 to 6 is equally frequent over scenes. So a constant answer gains nothing.
 */
#include <stdio.h>
#include <string.h>

#include "words.h"

enum { PHRASE = 80, MOST_CHOICES = 64 };

#define PICK(d, list) (list)[dice_below(d, (int)(sizeof(list) / sizeof((list)[0])))]

static void begin(world_item *out, world_kind kind, const char *answer)
{
    memset(out, 0, sizeof *out);
    out->task = WORLD_VQA;
    out->kind = kind;
    snprintf(out->answer, sizeof out->answer, "%s", answer);
}

/* ---- what is this one like ----------------------------------------------------------------- */

static const char *const COLOUR_ASKED[] = {
    "what $c is the $a", "what $c is the $a", "what is the $c of the $a", "which $c is the $a",
    "which $c does the $a have", "what $c does the $a have", "the $a is what $c",
    "tell me the $c of the $a", "name the $c of the $a", "what's the $c of the $a",
};
static const char *const SHAPE_ASKED[] = {
    "what shape is the $a", "what shape is the $a", "what is the shape of the $a",
    "which shape is the $a", "what shape does the $a have", "which shape does the $a have",
    "what is the $a", "the $a has what shape", "tell me the shape of the $a",
};
static const char *const SIZE_ASKED[] = {
    "what size is the $a", "what is the size of the $a", "how large is the $a",
    "how big is the $a", "is the $a large or small", "is the $a small or large",
    "is the $a big or small", "which size is the $a", "what size does the $a have",
};
static const char *const MATERIAL_ASKED[] = {
    "is the $a shiny or matte", "is the $a matte or shiny", "what material is the $a",
    "what is the $a made of", "what is the material of the $a", "which material is the $a",
    "what kind of surface does the $a have", "is the $a glossy or dull",
    "what finish does the $a have",
};

/* A description that fits nothing here, but nearly: one object with one named property changed. */
static bool absent(const world_scene *s, unsigned named, world_dice *d, world_desc *out)
{
    for (int k = 0; k < 12; k++) {
        world_desc w = world_desc_of(&s->object[dice_below(d, s->n)], named);
        int p = dice_below(d, WORLD_PROPERTIES);
        if (!(named & NAMES(p)))
            continue;
        int n = world_value_count((world_property)p);
        w.is[p] = (uint8_t)((w.is[p] + 1 + dice_below(d, n - 1)) % n);
        if (world_desc_count(s, &w))
            continue;
        *out = w;
        return true;
    }
    return false;
}

static bool ask_property(const world_scene *s, world_kind kind, world_dice *d, world_item *out)
{
    world_property p = (world_property)kind;
    world_desc w;
    const char *answer = "none";
    if (dice_chance(d, 0.06f)) {
        /* the shape is said, unless it is asked; a question about a thing that is not there */
        unsigned named = kind == WORLD_K_SHAPE ? NAMES(WORLD_P_COLOUR) : NAMES(WORLD_P_SHAPE);
        if (kind != WORLD_K_COLOUR && dice_below(d, 2))
            named |= NAMES(WORLD_P_COLOUR);
        if (!absent(s, named, d, &w))
            return false;
    } else {
        /* the value first, so that each is as frequent as any other where the scene allows it */
        int value = dice_below(d, world_value_count(p)), i = dice_below(d, s->n), k = 0;
        if (p == WORLD_P_SIZE || p == WORLD_P_MATERIAL)
            while (k < s->n && s->object[i].is[p] != value) {
                i = (i + 1) % s->n;
                k++;
            }
        if (!world_desc_unique(s, i, NAMES(p), d, &w))
            return false;
        answer = world_value_name(p, s->object[i].is[p]);
    }
    char a[PHRASE];
    world_desc_say(&w, false, d, a, sizeof a);
    begin(out, kind, answer);
    const char *form = kind == WORLD_K_COLOUR  ? PICK(d, COLOUR_ASKED)
                       : kind == WORLD_K_SHAPE ? PICK(d, SHAPE_ASKED)
                       : kind == WORLD_K_SIZE  ? PICK(d, SIZE_ASKED)
                                               : PICK(d, MATERIAL_ASKED);
    world_say(out->text, form, a, "", d, true);
    return true;
}

/* ---- how many ------------------------------------------------------------------------------ */

static const char *const COUNT_ASKED[] = {
    "how many $a are there", "how many $a are there", "how many $a are on the table",
    "how many $a are in the $p", "how many $a can you see", "how many $a do you see",
    "how many $a does the $p show", "what is the number of $a", "count the $a",
    "what number of $a is there",
};

/* Out of 100 tries in a scene of n objects: how often to ask for all, and how often to look for a
 * property that k objects share. Chosen by measuring so that every answer 0..6 is as frequent. */
static const uint8_t ASK_ALL[7] = {0, 14, 22, 30, 42, 46, 50};
static const uint8_t ASK_SOME[7][7] = {
    {0},
    {8, 6, 0, 0, 0, 0, 0},
    {8, 6, 6, 0, 0, 0, 0},
    {8, 6, 6, 6, 0, 0, 0},
    {8, 6, 6, 6, 4, 0, 0},
    {8, 6, 6, 6, 5, 4, 0},
    {8, 6, 6, 6, 5, 5, 0},
};

static bool ask_count(const world_scene *s, world_dice *d, world_item *out)
{
    int roll = dice_below(d, 100), target = -1;
    roll -= ASK_ALL[s->n];
    for (int k = 0; k < 7 && roll >= 0 && target < 0; k++) {
        roll -= ASK_SOME[s->n][k];
        if (roll < 0)
            target = k;
    }
    if (target < 0 && roll >= 0)
        return false;
    world_desc w = {.named = 0};
    if (target >= 0) {
        static const unsigned SETS[] = {
            NAMES(WORLD_P_COLOUR), NAMES(WORLD_P_SHAPE), NAMES(WORLD_P_SIZE),
            NAMES(WORLD_P_MATERIAL), NAMES(WORLD_P_COLOUR) | NAMES(WORLD_P_SHAPE),
            NAMES(WORLD_P_SIZE) | NAMES(WORLD_P_SHAPE),
            NAMES(WORLD_P_COLOUR), NAMES(WORLD_P_SHAPE), /* the likeliest questions twice */
        };
        bool found = false;
        for (int k = 0; k < 30 && !found; k++) {
            unsigned named = PICK(d, SETS);
            if (target) {
                w = world_desc_of(&s->object[dice_below(d, s->n)], named);
                found = world_desc_count(s, &w) == target;
            } else {
                w.named = named;
                for (int p = 0; p < WORLD_PROPERTIES; p++)
                    w.is[p] = (uint8_t)dice_below(d, world_value_count((world_property)p));
                found = world_desc_count(s, &w) == 0;
            }
        }
        if (!found)
            return false;
    }
    char a[PHRASE], answer[4];
    world_desc_say(&w, true, d, a, sizeof a);
    snprintf(answer, sizeof answer, "%d", target < 0 ? s->n : target);
    begin(out, WORLD_K_COUNT, answer);
    world_say(out->text, PICK(d, COUNT_ASKED), a, "", d, true);
    return true;
}

/* ---- is there one -------------------------------------------------------------------------- */

static const char *const EXISTENCE_ASKED[] = {
    "is there $x $a", "is there $x $a", "is there any $a", "is there $x $a on the table",
    "is there $x $a in the $p", "do you see $x $a", "can you see $x $a",
    "does the $p show $x $a", "is $x $a visible", "does the $p contain $x $a",
};

static bool ask_existence(const world_scene *s, world_dice *d, world_item *out)
{
    static const unsigned SETS[] = {
        NAMES(WORLD_P_COLOUR), NAMES(WORLD_P_SHAPE), NAMES(WORLD_P_COLOUR) | NAMES(WORLD_P_SHAPE),
        NAMES(WORLD_P_COLOUR) | NAMES(WORLD_P_SHAPE),
        NAMES(WORLD_P_SIZE) | NAMES(WORLD_P_SHAPE), NAMES(WORLD_P_SIZE) | NAMES(WORLD_P_COLOUR),
        NAMES(WORLD_P_MATERIAL) | NAMES(WORLD_P_SHAPE),
        NAMES(WORLD_P_MATERIAL) | NAMES(WORLD_P_COLOUR),
        NAMES(WORLD_P_SIZE) | NAMES(WORLD_P_COLOUR) | NAMES(WORLD_P_SHAPE),
    };
    unsigned named = PICK(d, SETS);
    world_desc no;
    if (!absent(s, named, d, &no))
        return false;
    bool yes = dice_below(d, 2);
    world_desc w = yes ? world_desc_of(&s->object[dice_below(d, s->n)], named) : no;
    char a[PHRASE];
    world_desc_say(&w, false, d, a, sizeof a);
    begin(out, WORLD_K_EXISTENCE, yes ? "yes" : "no");
    world_say(out->text, PICK(d, EXISTENCE_ASKED), a, "", d, true);
    return true;
}

/* ---- where is it from the other ------------------------------------------------------------ */

static const char *const LEFT_ASKED[] = {
    "is the $a left of the $b", "is the $a to the left of the $b",
    "is the $a on the left of the $b", "is the $a further left than the $b",
};
static const char *const RIGHT_ASKED[] = {
    "is the $a right of the $b", "is the $a to the right of the $b",
    "is the $a on the right of the $b", "is the $a further right than the $b",
};
static const char *const FRONT_ASKED[] = {
    "is the $a in front of the $b", "is the $a in front of the $b",
    "is the $a closer to the camera than the $b", "is the $a nearer than the $b",
};
static const char *const BEHIND_ASKED[] = {
    "is the $a behind the $b", "is the $a behind the $b",
    "is the $a further from the camera than the $b", "is the $a further away than the $b",
};

static bool ask_relation(const world_scene *s, world_dice *d, world_item *out)
{
    if (s->n < 2)
        return false;
    int i = dice_below(d, s->n), k = (i + 1 + dice_below(d, s->n - 1)) % s->n;
    bool depth = dice_below(d, 2), yes = dice_below(d, 2);
    float least = 6 * (float)(s->width < s->height ? s->width : s->height) / (float)WORLD_SIDE;
    float apart = s->seen[i].col - s->seen[k].col;
    if (depth) {
        least = 0.4f;
        apart = s->seen[i].depth - s->seen[k].depth;
    }
    if (apart < least && apart > -least)
        return false;
    world_desc one, two;
    if (!world_desc_unique(s, i, 0, d, &one) || !world_desc_unique(s, k, 0, d, &two))
        return false;
    char a[PHRASE], b[PHRASE];
    world_desc_say(&one, false, d, a, sizeof a);
    world_desc_say(&two, false, d, b, sizeof b);
    begin(out, WORLD_K_RELATION, yes ? "yes" : "no");
    bool less = (apart < 0) == yes; /* say left or in front */
    const char *form = depth ? (less ? PICK(d, FRONT_ASKED) : PICK(d, BEHIND_ASKED))
                             : (less ? PICK(d, LEFT_ASKED) : PICK(d, RIGHT_ASKED));
    world_say(out->text, form, a, b, d, true);
    return true;
}

/* ---- compared with each other -------------------------------------------------------------- */

static const char *const LARGER_ASKED[] = {"is the $a larger than the $b",
                                           "is the $a bigger than the $b"};
static const char *const SMALLER_ASKED[] = {"is the $a smaller than the $b"};
static const char *const SAME_ASKED[WORLD_PROPERTIES][4] = {
    {"are the $a and the $b the same $c", "do the $a and the $b have the same $c",
     "is the $a the same $c as the $b", "does the $a have the same $c as the $b"},
    {"are the $a and the $b the same shape", "do the $a and the $b have the same shape",
     "is the $a the same shape as the $b", "does the $a have the same shape as the $b"},
    {"are the $a and the $b the same size", "do the $a and the $b have the same size",
     "is the $a the same size as the $b", "is the $a as big as the $b"},
    {"are the $a and the $b the same material", "do the $a and the $b have the same material",
     "is the $a the same material as the $b", "are the $a and the $b made of the same material"},
};
static const char *const MORE_ASKED[] = {"are there more $a than $b", "are there more $a than $b",
                                         "do you see more $a than $b"};
static const char *const FEWER_ASKED[] = {"are there fewer $a than $b",
                                          "are there less $a than $b"};

/* More of one colour or shape than of another? */
static bool ask_more(const world_scene *s, world_dice *d, world_item *out)
{
    bool yes = dice_below(d, 2), more = dice_below(d, 2);
    world_property p = dice_below(d, 3) ? WORLD_P_SHAPE : WORLD_P_COLOUR;
    int both = 0, n = world_value_count(p), count[8] = {0};
    uint8_t pair[2][MOST_CHOICES][2];
    int pairs[2] = {0, 0};
    for (int i = 0; i < s->n; i++)
        count[s->object[i].is[p]]++;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) {
            if (i == k || count[i] + count[k] == 0)
                continue;
            /* an absent one makes it easy: only half of those */
            if ((!count[i] || !count[k]) && dice_below(d, 2))
                continue;
            int is = more ? count[i] > count[k] : count[i] < count[k];
            pair[is][pairs[is]][0] = (uint8_t)i;
            pair[is][pairs[is]++][1] = (uint8_t)k;
            both |= 1 << is;
        }
    }
    if (both != 3)
        return false;
    int pick = dice_below(d, pairs[yes]);
    world_desc one = {.named = NAMES(p)}, two = {.named = NAMES(p)};
    one.is[p] = pair[yes][pick][0];
    two.is[p] = pair[yes][pick][1];
    char a[PHRASE], b[PHRASE];
    world_desc_say(&one, true, d, a, sizeof a);
    world_desc_say(&two, true, d, b, sizeof b);
    begin(out, WORLD_K_COMPARISON, yes ? "yes" : "no");
    world_say(out->text, more ? PICK(d, MORE_ASKED) : PICK(d, FEWER_ASKED), a, b, d, true);
    return true;
}

/* A name does not tell what is asked for; each may, in a share of told. A share of 0 throws no
 * dice: the usual world keeps its questions. */
static bool ask_pair(const world_scene *s, world_property p, bool same, float told, world_dice *d,
                     world_item *out)
{
    /* pairs by truth; for "larger" the order of the pair counts */
    uint8_t pair[2][MOST_CHOICES][2];
    int pairs[2] = {0, 0};
    bool larger = dice_below(d, 2);
    for (int i = 0; i < s->n; i++) {
        for (int k = 0; k < s->n; k++) {
            int x = s->object[i].is[p], y = s->object[k].is[p];
            int is = same ? x == y : larger ? x > y : x < y;
            world_desc w;
            if (i == k || !world_desc_unique(s, i, NAMES(p), d, &w) ||
                !world_desc_unique(s, k, NAMES(p), d, &w))
                continue;
            pair[is][pairs[is]][0] = (uint8_t)i;
            pair[is][pairs[is]++][1] = (uint8_t)k;
        }
    }
    if (!pairs[0] || !pairs[1])
        return false;
    bool yes = dice_below(d, 2);
    int pick = dice_below(d, pairs[yes]);
    world_desc name[2];
    for (int i = 0; i < 2; i++) {
        bool tell = told > 0 && dice_chance(d, told);
        if (!world_desc_unique(s, pair[yes][pick][i], tell ? 0 : NAMES(p), d, &name[i]))
            return false;
    }
    char a[PHRASE], b[PHRASE];
    world_desc_say(&name[0], false, d, a, sizeof a);
    world_desc_say(&name[1], false, d, b, sizeof b);
    begin(out, WORLD_K_COMPARISON, yes ? "yes" : "no");
    const char *form = same     ? SAME_ASKED[p][dice_below(d, 4)]
                       : larger ? PICK(d, LARGER_ASKED)
                                : PICK(d, SMALLER_ASKED);
    world_say(out->text, form, a, b, d, true);
    return true;
}

/* Half of the faces of the die ask whether two things are the same. Another share turns faces of
 * the other half over, with one more throw: the usual share throws no more than it always did. */
static bool ask_comparison(const world_scene *s, const world_mix *mix, world_dice *d,
                           world_item *out)
{
    static const world_property SAME[] = {WORLD_P_SIZE, WORLD_P_COLOUR, WORLD_P_SHAPE,
                                          WORLD_P_MATERIAL};
    if (s->n < 2)
        return false;
    int face = dice_below(d, 8);
    if (face < 4 && mix->same > 0.5f)
        face += dice_chance(d, 2 * mix->same - 1) ? 4 : 0;
    else if (face >= 4 && mix->same < 0.5f)
        face -= dice_chance(d, 1 - 2 * mix->same) ? 4 : 0;
    if (face < 2)
        return ask_more(s, d, out);
    if (face < 4)
        return ask_pair(s, WORLD_P_SIZE, false, 0, d, out);
    return ask_pair(s, SAME[face - 4], true, mix->told, d, out);
}

bool world_ask(const world_scene *s, world_kind kind, const world_mix *mix, world_dice *d,
               world_item *out)
{
    mix = mix ? mix : &world_mix_usual;
    switch (kind) {
    case WORLD_K_COUNT: return ask_count(s, d, out);
    case WORLD_K_EXISTENCE: return ask_existence(s, d, out);
    case WORLD_K_RELATION: return ask_relation(s, d, out);
    case WORLD_K_COMPARISON: return ask_comparison(s, mix, d, out);
    case WORLD_K_COLOUR:
    case WORLD_K_SHAPE:
    case WORLD_K_SIZE:
    case WORLD_K_MATERIAL: return ask_property(s, kind, d, out);
    default: return false;
    }
}
