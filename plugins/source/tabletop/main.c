/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the tabletop world: a source without end whose examples are pictures with everything
 * that can be asked about them. An example is a record: image, and for each task a list of records
 * (empty when the picture has none of that task):
 *
 *   caption         answer
 *   vqa             kind, question, answer
 *   refexp          text, box
 *   localize        class, boxes, answer ("none" when there is no such thing, else "")
 *   detect          boxes (labelled, left to right), answer (the labels)
 *   categorize      options, answer
 *   box-categorize  box, options, answer
 *   region          box, answer
 *
 * World 2 is the same scenes, and with them:
 *
 *   mask             the number of the thing that each pixel shows, with names
 *   depth, normals   exact, of the ray through the middle of each pixel; a table unit is a metre
 *   depth-picture, normals-picture   the same as pictures, for decoders that make pictures
 *   white            how many metres away white is in the first of them
 *   things           a list: class, box, mask, picture (the mask, white on black)
 *   mask, picture    in each of refexp and of localize: what it speaks of
 *   instances        in each of localize: the same, a label for each thing
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dense.h"
#include "measures.h"
#include "sources.h"

enum { MOST_EACH = 32 };

#define TABLETOP(PAR, S)                                                                           \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, another endless row of scenes")           \
    PAR(S, int, width, "128", "64..4096", "px", "width of the pictures")                           \
    PAR(S, int, height, "128", "64..4096", "px", "height of the pictures")                         \
    PAR(S, double, mixed, "0", "0..1", NULL, "share of pictures with one side cut to 3/4")         \
    PAR(S, int, least, "1", "1..6", NULL, "fewest objects on the table")                           \
    PAR(S, int, most, "6", "1..6", NULL, "most objects; the number is uniform between the two")    \
    PAR(S, bool, clean, "false", NULL, NULL, "plain table and no film effects")                    \
    PAR(S, int64, round, "0", "0..4294967295", NULL, "another round, other words about a picture") \
    PAR(S, int, world, "1", "1..2", NULL, "2: with masks, depth and normals as well")              \
    PAR(S, int64, scenes, "0", "0..", NULL, "0: no end; else so many, again with other words")     \
    PAR(S, double, white, "10", "0.1..100", "m", "how far white is in the picture of depth")       \
    PAR(S, int, vqa, "9", "0..32", NULL, "questions for each picture")                             \
    PAR(S, int, refexp, "3", "0..32", NULL, "expressions for each picture")                        \
    PAR(S, int, localize, "1", "0..32", NULL, "classes to find in each picture")                   \
    PAR(S, int, box_categorize, "1", "0..32", NULL, "boxes to name in each picture")               \
    PAR(S, int, region, "1", "0..32", NULL, "boxes to describe in each picture")                   \
    PAR(S, double, property, "1", "0..100", NULL, "how often colour, shape, size, material")       \
    PAR(S, double, count, "2.5", "0..100", NULL, "how often counting, beside property")            \
    PAR(S, double, existence, "1.5", "0..100", NULL, "how often existence")                        \
    PAR(S, double, relation, "3", "0..100", NULL, "how often left, right, in front, behind")       \
    PAR(S, double, comparison, "2.5", "0..100", NULL, "how often comparison")                      \
    PAR(S, double, same, "0.5", "0..1", NULL, "share of comparisons that ask for sameness")        \
    PAR(S, double, told, "0", "0..1", NULL, "share of the things in those whose names may tell it")
OMN_PARAMS(tabletop, TABLETOP);

typedef struct tabletop_self {
    struct tabletop p;
    world_options options;
    world_mix mix;
} tabletop_self;

static omn_status tabletop_open(omn_call *c, const void *params, omn_open *o, void **self,
                                omn_error *err)
{
    (void)c;
    (void)o;
    const struct tabletop *p = params;
    if (p->most < p->least)
        return omn_fail(err, OMN_ERR_ARGUMENT, "tabletop: most is %d, but least is %d", p->most,
                        p->least);
    if (!(p->property + p->existence > 0))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "tabletop: property and existence are both 0; a picture of one object "
                        "would have no questions");
    tabletop_self *t = calloc(1, sizeof *t);
    if (!t)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop: no memory");
    t->p = *p;
    t->options = (world_options){.least_objects = p->least, .most_objects = p->most,
                                 .clean = p->clean};
    t->mix = world_mix_usual;
    t->mix.items[WORLD_VQA] = p->vqa;
    t->mix.items[WORLD_REFEXP] = p->refexp;
    t->mix.items[WORLD_LOCALIZE] = p->localize;
    t->mix.items[WORLD_BOX_CATEGORIZE] = p->box_categorize;
    t->mix.items[WORLD_REGION] = p->region;
    for (int k = WORLD_K_COLOUR; k <= WORLD_K_MATERIAL; k++)
        t->mix.kinds[k] = (float)p->property;
    t->mix.kinds[WORLD_K_COUNT] = (float)p->count;
    t->mix.kinds[WORLD_K_EXISTENCE] = (float)p->existence;
    t->mix.kinds[WORLD_K_RELATION] = (float)p->relation;
    t->mix.kinds[WORLD_K_COMPARISON] = (float)p->comparison;
    t->mix.same = (float)p->same;
    t->mix.told = (float)p->told;
    *self = t;
    return OMN_OK;
}

static void tabletop_close(void *self)
{
    free(self);
}

static uint64_t tabletop_count(const void *self, omn_split split)
{
    (void)self;
    (void)split;
    return OMN_ENDLESS;
}

/* A canvas with scene number index in it; *out is owned by the caller. */
static omn_status make(const tabletop_self *t, omn_split split, uint64_t index, world_scene *s,
                       world_canvas **out, omn_error *err)
{
    world_split own;
    omn_status st = world_split_of(split, &own, err);
    if (st != OMN_OK)
        return st;
    int width = t->p.width, height = t->p.height;
    world_dice d = world_dice_make((uint64_t)t->p.seed, own, index, WORLD_LANE_SIDES);
    if (dice_chance(&d, (float)t->p.mixed)) {
        int *side = dice_below(&d, 3) ? &height : &width; /* wide pictures are more usual */
        *side = *side * 3 / 4 < WORLD_LEAST_SIDE ? WORLD_LEAST_SIDE : *side * 3 / 4;
    }
    world_canvas *c = NULL;
    st = world_canvas_get(width, height, &c, err);
    if (st != OMN_OK)
        return st;
    if (!world_scene_make(s, c, (uint64_t)t->p.seed, own, index, &t->options)) {
        world_canvas_free(c);
        return omn_fail(err, OMN_ERR_DATA, "tabletop: no clear scene for index %llu",
                        (unsigned long long)index);
    }
    *out = c;
    return OMN_OK;
}

/* ---- items to values ----------------------------------------------------------------------- */

/* labelled: a box that is asked about must not say in its label what the answer is. */
static void put_boxes(fields *f, const char *name, const world_item *item, bool labelled)
{
    omn_region r[WORLD_MOST_OBJECTS];
    omn_value *v = NULL;
    for (int i = 0; i < item->n_boxes; i++)
        r[i] = (omn_region){item->box[i][0], item->box[i][1], item->box[i][2], item->box[i][3],
                            (double)NAN,     labelled ? item->label[i] : NULL};
    if (f->st == OMN_OK)
        f->st = omn_regions_new(r, (size_t)item->n_boxes, f->frame, &v, f->err);
    put(f, name, v);
}

static void put_options(fields *f, const world_item *item)
{
    omn_value *text[WORLD_MOST_OPTIONS] = {NULL}, *v = NULL;
    for (int i = 0; i < item->n_options && f->st == OMN_OK; i++)
        f->st = omn_text_new(item->option[i], strlen(item->option[i]), &text[i], f->err);
    if (f->st == OMN_OK)
        f->st = omn_list_new(text, (size_t)item->n_options, &v, f->err);
    for (int i = 0; i < item->n_options; i++)
        omn_value_unref(text[i]);
    put(f, "options", v);
}

/* Which objects an item's boxes hold, a bit for each. */
static uint32_t item_objects(const world_item *item)
{
    uint32_t bits = 0;
    for (int i = 0; i < item->n_boxes; i++)
        bits |= 1u << item->object[i];
    return bits;
}

/* f: empty fields; number: NULL in world 1. */
static omn_status item_value(fields f, const world_item *item, const uint8_t *number,
                             omn_value **out)
{
    switch (item->task) {
    case WORLD_VQA:
        put_text(&f, "kind", world_kind_name(item->kind));
        put_text(&f, "question", item->text);
        break;
    case WORLD_REFEXP:
        put_text(&f, "text", item->text);
        put_boxes(&f, "box", item, true);
        break;
    case WORLD_LOCALIZE:
        put_text(&f, "class", item->text);
        put_boxes(&f, "boxes", item, true);
        break;
    case WORLD_DETECT: put_boxes(&f, "boxes", item, true); break;
    case WORLD_CATEGORIZE: put_options(&f, item); break;
    case WORLD_BOX_CATEGORIZE:
        put_boxes(&f, "box", item, false);
        put_options(&f, item);
        break;
    case WORLD_REGION: put_boxes(&f, "box", item, false); break;
    default: break;
    }
    if (item->task != WORLD_REFEXP)
        put_text(&f, "answer", item->answer);
    if (number && (item->task == WORLD_REFEXP || item->task == WORLD_LOCALIZE))
        put_mask(&f, "mask", "picture", number, item_objects(item));
    if (number && item->task == WORLD_LOCALIZE)
        put_instances(&f, "instances", number, item_objects(item));
    return fields_record(&f, out);
}

/* The items of one task as a list of records. */
static void put_task(fields *f, const char *name, const world_item *items, size_t n,
                     world_task task, const uint8_t *number)
{
    const fields empty = {.frame = f->frame, .call = f->call, .err = f->err};
    omn_value *list[MOST_EACH];
    size_t made = 0;
    for (size_t i = 0; i < n && made < MOST_EACH && f->st == OMN_OK; i++) {
        if (items[i].task != task)
            continue;
        f->st = item_value(empty, &items[i], number, &list[made]);
        made += f->st == OMN_OK;
    }
    put_list(f, name, list, made);
}

/* ---- world 2 ------------------------------------------------------------------------------- */

/* Every thing by itself: what it is, its box, its mask. */
static void put_things(fields *f, const world_scene *s, const world_canvas *c)
{
    omn_value *list[WORLD_MOST_OBJECTS];
    size_t n = 0;
    for (int i = 0; i < s->n && f->st == OMN_OK; i++) {
        fields one = {.frame = f->frame, .call = f->call, .err = f->err};
        char name[WORLD_LABEL];
        world_object_name(&s->object[i], name, sizeof name);
        put_text(&one, "class", name);
        put_box(&one, "box", s->seen[i].box, NULL);
        put_mask(&one, "mask", "picture", c->number, 1u << i);
        f->st = fields_item(&one, list, &n);
    }
    put_list(f, "things", list, n);
}

/* The object buffer as a mask with names. */
static void put_numbers(fields *f, const world_scene *s, const world_canvas *c, int32_t *labels)
{
    const size_t n = (size_t)c->width * (size_t)c->height;
    char name[WORLD_MOST_OBJECTS][WORLD_LABEL];
    const char *legend[WORLD_MOST_OBJECTS + 1] = {"background"};
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    for (size_t k = 0; k < n; k++)
        labels[k] = c->number[k];
    for (int i = 0; i < s->n; i++) {
        world_object_name(&s->object[i], name[i], sizeof name[i]);
        legend[i + 1] = name[i];
    }
    const omn_filled columns[] = {
        omn_fill("labels", OMN_I32, omn_dim2(c->height, c->width), labels),
        omn_fill("legend", OMN_STRING, omn_dim1(s->n + 1), legend),
    };
    if (f->st == OMN_OK)
        f->st = omn_kind_find(f->call, "mask", &kind, f->err);
    if (f->st == OMN_OK)
        f->st = omn_value_make(kind, columns, 2, f->frame, &v, f->err);
    put(f, "mask", v);
}

static omn_status put_dense_fields(fields *f, const tabletop_self *t, const world_scene *s,
                                   const world_canvas *c)
{
    const size_t n = (size_t)c->width * (size_t)c->height;
    float *depth = malloc(n * sizeof *depth), *normals = malloc(3 * n * sizeof *normals);
    int32_t *labels = malloc(n * sizeof *labels);
    uint8_t *rgb = malloc(3 * n);
    if (!depth || !normals || !labels || !rgb) {
        f->st = omn_fail(f->err, OMN_ERR_MEMORY, "tabletop: no memory for a picture's depth");
        goto done;
    }
    world_scene_dense(s, c, depth, normals);
    put_numbers(f, s, c, labels);
    put_dense(f, "depth", "depth", omn_dim2(c->height, c->width), depth);
    put_dense(f, "normals", "normals", omn_dim3(c->height, c->width, 3), normals);
    world_depth_picture(depth, n, (float)t->p.white, rgb);
    put_picture(f, "depth-picture", rgb);
    world_normals_picture(normals, n, rgb);
    put_picture(f, "normals-picture", rgb);
    put_number(f, "white", t->p.white);
    put_things(f, s, c);
done:
    free(depth);
    free(normals);
    free(labels);
    free(rgb);
    return f->st;
}

static omn_status tabletop_get(const void *self, omn_call *call, omn_split split, uint64_t index,
                               omn_value **out, omn_error *err)
{
    static const char *const FIELDS[WORLD_TASKS] = {
        "caption", "vqa", "refexp", "localize", "detect", "categorize", "box-categorize", "region"};
    const tabletop_self *t = self;
    world_canvas *c = NULL;
    world_scene s;
    fields f = {.call = call, .err = err};
    size_t most = 0;
    uint64_t round = (uint64_t)t->p.round;
    for (int k = 0; k < WORLD_TASKS; k++)
        most += (size_t)t->mix.items[k];
    world_item *items = omn_call_scratch(call, most, sizeof *items);
    if (!items)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop: no memory for %zu questions", most);
    if (t->p.scenes) {
        round += index / (uint64_t)t->p.scenes;
        index %= (uint64_t)t->p.scenes;
    }
    const omn_status st = make(t, split, index, &s, &c, err);
    if (st != OMN_OK)
        return st;
    world_scene_paint(&s, c);
    const uint8_t *number = t->p.world > 1 ? c->number : NULL;
    size_t n = world_items(&s, &t->mix, (uint32_t)round, items, most);
    omn_frame frame = omn_frame_identity(world_source_id(s.seed, split, index), (uint32_t)c->width,
                                         (uint32_t)c->height);
    f.frame = &frame;
    put_picture(&f, "image", c->rgb);
    for (int k = 0; k < WORLD_TASKS; k++)
        put_task(&f, FIELDS[k], items, n, (world_task)k, number);
    if (number && f.st == OMN_OK)
        put_dense_fields(&f, t, &s, c);
    world_canvas_free(c);
    return fields_record(&f, out);
}

/* ---- labels per cell ----------------------------------------------------------------------- */

enum { CELL_GROUPS = 1 + WORLD_PROPERTIES, CELL_EDGES = 4, MOST_CELLS = 256 };
/* object or not, colour, shape, size, material */
static const int32_t CLASSES[CELL_GROUPS] = {2, 8, 4, 2, 2};

static omn_status tabletop_cells(const void *self, omn_call *call, omn_split split, uint64_t index,
                                 uint32_t rows, uint32_t columns, int32_t *labels, float *edges,
                                 omn_error *err)
{
    const tabletop_self *t = self;
    if (t->p.scenes)
        index %= (uint64_t)t->p.scenes;
    if (rows < 1 || columns < 1 || rows > MOST_CELLS || columns > MOST_CELLS ||
        (int)rows > t->p.height / 2 || (int)columns > t->p.width / 2)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "tabletop: a grid of %u x %u cells does not fit a picture of %d x %d", rows,
                        columns, t->p.height, t->p.width);
    size_t n = (size_t)rows * columns;
    world_cell *cells = omn_call_scratch(call, n, sizeof *cells);
    if (!cells)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop: no memory for %zu cells", n);
    world_canvas *c = NULL;
    world_scene s;
    const omn_status st = make(t, split, index, &s, &c, err);
    if (st != OMN_OK)
        return st;
    world_scene_cells(&s, c, (int)rows, (int)columns, cells);
    world_canvas_free(c);
    for (size_t k = 0; k < n; k++) {
        bool object = cells[k].object >= 0;
        labels[k * CELL_GROUPS] = object;
        for (int p = 0; p < WORLD_PROPERTIES; p++)
            labels[k * CELL_GROUPS + 1 + (size_t)p] = object ? cells[k].is[p] : -1;
        for (size_t e = 0; e < CELL_EDGES; e++)
            edges[k * CELL_EDGES + e] = object ? cells[k].edge[e] : NAN;
    }
    return OMN_OK;
}

static const omn_cells_impl cells_impl = {CELL_GROUPS, CELL_EDGES, CLASSES, tabletop_cells};

static const void *tabletop_extension(const char *id)
{
    return strcmp(id, "omnio.cells/1") == 0 ? &cells_impl : NULL;
}

static const omn_source_impl tabletop_impl = {tabletop_extension, tabletop_open, tabletop_close,
                                              tabletop_count, tabletop_get};

SOURCE_ROWS(edits, EDITS);
SOURCE_ROWS(people, PEOPLE);
SOURCE_ROWS(motion, MOTION);
SOURCE_ROWS(sounds, SOUNDS);
SOURCE_ROWS(gripper, GRIPPER);
SOURCE_ROWS(shows, SHOWS);
SOURCE_ROWS(alike, ALIKE);
SOURCE_ROWS(hits, HITS);
SOURCE_ROWS(moves, MOVES);
SOURCE_ROWS(edited, EDITED);
SOURCE_ROWS(moved, MOVED);

static const omn_object objects[] = {
    {"omnio.source/1", "tabletop",
     "pictures of one to six solids on a table, with questions, captions, expressions and boxes",
     &tabletop_impl, OMN_OBJECT_PARAMS(tabletop)},
    {"omnio.source/1", "tabletop-edits",
     "pictures of the tabletop, what is to be changed in them, and how they look afterwards",
     &edits_impl, OMN_OBJECT_PARAMS(edits)},
    {"omnio.source/1", "tabletop-people",
     "stick figures on the tabletop with their joints, boxes and masks", &people_impl,
     OMN_OBJECT_PARAMS(people)},
    {"omnio.source/1", "tabletop-motion",
     "one thing moves along the table: pictures, the next one, which way", &motion_impl,
     OMN_OBJECT_PARAMS(motion)},
    {"omnio.source/1", "tabletop-sounds",
     "hits on a thing of the tabletop: sound, picture, how many, of what", &sounds_impl,
     OMN_OBJECT_PARAMS(sounds)},
    {"omnio.source/1", "tabletop-gripper",
     "what a hand is to do on the tabletop, and how it is done", &gripper_source_impl,
     OMN_OBJECT_PARAMS(gripper)},
    {"omnio.world/1", "tabletop-gripper", "a hand that picks, places and pushes on the tabletop",
     &gripper_world_impl, OMN_OBJECT_PARAMS(gripper)},
    {"omnio.measure/1", "tabletop-shows",
     "share of pictures that show the things in plain colours that a text names", &shows_impl,
     OMN_OBJECT_PARAMS(shows)},
    {"omnio.measure/1", "tabletop-alike",
     "share of pictures that are the wanted one but for small shifts", &alike_impl,
     OMN_OBJECT_PARAMS(alike)},
    {"omnio.measure/1", "tabletop-hits", "share of sounds with as many hits as were asked for",
     &hits_impl, OMN_OBJECT_PARAMS(hits)},
    {"omnio.measure/1", "tabletop-moves",
     "share of the gripper's actions whose moves are all near the wanted ones", &moves_impl,
     OMN_OBJECT_PARAMS(moves)},
    {"omnio.measure/1", "tabletop-edited",
     "share of edited pictures that are changed as was asked, and not otherwise", &edited_impl,
     OMN_OBJECT_PARAMS(edited)},
    {"omnio.measure/1", "tabletop-moved",
     "share of next pictures in which what moves is where it should be", &moved_impl,
     OMN_OBJECT_PARAMS(moved)},
};
OMN_PLUGIN("tabletop", "1.0", "Apache-2.0",
           "a procedural tabletop world, drawn by its own ray caster", objects);
