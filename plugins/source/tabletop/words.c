/* SPDX-License-Identifier: Apache-2.0 */
/* Words: canonical names for answers, synonyms for questions, and the little grammar that joins
 * them. Answers have one spelling so that they can be compared; questions have many because people
 * do. */
#include "words.h"

#include <stdio.h>
#include <string.h>

static const char *const VALUES[WORLD_PROPERTIES][9] = {
    {"red", "green", "blue", "yellow", "purple", "orange", "white", "black", NULL},
    {"cube", "sphere", "cylinder", "cone", NULL},
    {"small", "large", NULL},
    {"matte", "shiny", NULL},
};
static const char *const TASKS[WORLD_TASKS] = {
    "caption", "vqa", "refexp", "localize", "detect", "categorize", "box-categorize", "region"};
static const char *const KINDS[WORLD_KINDS] = {"colour", "shape",     "size",     "material",
                                               "count",  "existence", "relation", "comparison"};

const char *world_task_name(world_task task)
{
    return (unsigned)task < WORLD_TASKS ? TASKS[task] : NULL;
}

const char *world_kind_name(world_kind kind)
{
    return (unsigned)kind < WORLD_KINDS ? KINDS[kind] : NULL;
}

int world_value_count(world_property p)
{
    int n = 0;
    while ((unsigned)p < WORLD_PROPERTIES && VALUES[p][n])
        n++;
    return n;
}

const char *world_value_name(world_property p, int value)
{
    return value >= 0 && value < world_value_count(p) ? VALUES[p][value] : NULL;
}

world_desc world_desc_of(const world_object *o, unsigned named)
{
    world_desc w = {.named = named};
    memcpy(w.is, o->is, sizeof w.is);
    return w;
}

bool world_desc_fits(const world_desc *w, const world_object *o)
{
    for (int p = 0; p < WORLD_PROPERTIES; p++)
        if ((w->named & NAMES(p)) && w->is[p] != o->is[p])
            return false;
    return true;
}

int world_desc_count(const world_scene *s, const world_desc *w)
{
    int n = 0;
    for (int i = 0; i < s->n; i++)
        n += world_desc_fits(w, &s->object[i]);
    return n;
}

bool world_desc_unique(const world_scene *s, int object, unsigned not_named, world_dice *d,
                       world_desc *out)
{
    world_desc fit[1 << WORLD_PROPERTIES];
    int n = 0;
    for (unsigned named = 0; named <= WORLD_ALL_NAMED; named++) {
        world_desc w = world_desc_of(&s->object[object], named);
        if (!(named & not_named) && world_desc_count(s, &w) == 1)
            fit[n++] = w;
    }
    if (!n)
        return false;
    *out = fit[dice_below(d, n)];
    return true;
}

static const char *synonym(world_property p, int value, world_dice *d)
{
    static const char *const SMALL[] = {"small", "small", "small", "little", "tiny"};
    static const char *const LARGE[] = {"large", "large", "large", "big", "big"};
    static const char *const MATTE[] = {"matte", "matte", "matte", "matte", "dull"};
    static const char *const SHINY[] = {"shiny", "shiny", "shiny", "glossy", "metallic"};
    int k = dice_below(d, 5);
    if (p == WORLD_P_SIZE)
        return value == WORLD_SMALL ? SMALL[k] : LARGE[k];
    if (p == WORLD_P_MATERIAL)
        return value == WORLD_MATTE ? MATTE[k] : SHINY[k];
    if (p == WORLD_P_SHAPE && value == WORLD_SPHERE && k < 2)
        return "ball";
    if (p == WORLD_P_SHAPE && value == WORLD_CUBE && k < 1)
        return dice_below(d, 2) ? "block" : "box";
    return VALUES[p][value];
}

static void join(char *out, size_t n, const char *word)
{
    size_t at = strlen(out);
    snprintf(out + at, n - at, "%s%s", at ? " " : "", word);
}

void world_desc_plain(const world_desc *w, char *out, size_t n)
{
    static const world_property ORDER[] = {WORLD_P_SIZE, WORLD_P_MATERIAL, WORLD_P_COLOUR};
    out[0] = 0;
    for (int i = 0; i < 3; i++)
        if (w->named & NAMES(ORDER[i]))
            join(out, n, VALUES[ORDER[i]][w->is[ORDER[i]]]);
    join(out, n, w->named & NAMES(WORLD_P_SHAPE) ? VALUES[WORLD_P_SHAPE][w->is[WORLD_P_SHAPE]]
                                                 : "object");
}

void world_object_name(const world_object *o, char *out, size_t n)
{
    world_desc w = world_desc_of(o, WORLD_ALL_NAMED & ~NAMES(WORLD_P_MATERIAL));
    world_desc_plain(&w, out, n);
}

void world_desc_say(const world_desc *w, bool plural, world_dice *d, char *out, size_t n)
{
    static const world_property ORDER[3][3] = {
        {WORLD_P_SIZE, WORLD_P_MATERIAL, WORLD_P_COLOUR},
        {WORLD_P_SIZE, WORLD_P_COLOUR, WORLD_P_MATERIAL},
        {WORLD_P_MATERIAL, WORLD_P_SIZE, WORLD_P_COLOUR},
    };
    int pick = dice_below(d, 8), way = pick < 5 ? 0 : pick < 7 ? 1 : 2;
    out[0] = 0;
    for (int i = 0; i < 3; i++) {
        world_property p = ORDER[way][i];
        if (w->named & NAMES(p))
            join(out, n, synonym(p, w->is[p], d));
    }
    const char *noun = dice_below(d, 3) ? "object" : "thing";
    if (w->named & NAMES(WORLD_P_SHAPE))
        noun = synonym(WORLD_P_SHAPE, w->is[WORLD_P_SHAPE], d);
    join(out, n, noun);
    if (!plural)
        return;
    size_t at = strlen(out);
    snprintf(out + at, n - at, strcmp(noun, "box") ? "s" : "es");
}

static bool vowel(const char *word)
{
    return word[0] && strchr("aeiou", word[0]);
}

void world_say(char *out, const char *pattern, const char *a, const char *b, world_dice *d,
               bool question)
{
    size_t n = 0;
    out[0] = 0;
    for (const char *c = pattern; *c && n + 1 < WORLD_TEXT; c++) {
        const char one[2] = {*c, 0};
        const char *word = one;
        if (*c == '$') {
            switch (*++c) {
            case 'a': word = a; break;
            case 'b': word = b; break;
            case 'x': word = vowel(a) ? "an" : "a"; break;
            case 'c': word = dice_below(d, 2) ? "colour" : "color"; break;
            case 'o': word = dice_below(d, 3) ? "object" : "thing"; break;
            case 'p': word = dice_below(d, 2) ? "picture" : "image"; break;
            default: word = ""; c--; break;
            }
        }
        int k = snprintf(out + n, WORLD_TEXT - n, "%s", word);
        n += k > 0 ? (size_t)k : 0;
    }
    n = n < WORLD_TEXT - 3 ? n : WORLD_TEXT - 3;
    int mark = dice_below(d, 20), style = dice_below(d, 40);
    if (question && mark < 14)
        out[n++] = '?';
    else if (question && mark < 15)
        memcpy(out + n, " ?", 2), n += 2;
    else if (!question && mark < 2)
        out[n++] = '.';
    out[n] = 0;
    size_t capital = style < (question ? 22 : 8) ? 1 : style == 39 ? n : 0;
    for (size_t i = 0; i < capital; i++)
        if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
}
