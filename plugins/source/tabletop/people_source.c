/* SPDX-License-Identifier: Apache-2.0 */
/* The source of people: image, people (the joints of all), boxes (labelled "person"), and persons,
 * a list: class ("person"), name ("person in red"), box, joints, mask, picture (the mask, white on
 * black). From left to right. */
#include "sources.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "people.h"

static omn_status people_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct people), self, err);
}

/* Joints of n people in COCO's order. */
static void put_joints(fields *f, const char *name, const world_person *const *who, size_t n)
{
    size_t joints, bones;
    double point[WORLD_MOST_PEOPLE * WORLD_JOINTS * 2], seen[WORLD_MOST_PEOPLE * WORLD_JOINTS];
    const char *label[WORLD_MOST_PEOPLE];
    const char *const *names = omn_coco_joints(&joints);
    const int32_t *skeleton = omn_coco_skeleton(&bones);
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    for (size_t i = 0; i < n; i++) {
        label[i] = "person";
        for (size_t j = 0; j < WORLD_JOINTS; j++) {
            const size_t k = i * WORLD_JOINTS + j;
            seen[k] = who[i]->visible[j];
            point[2 * k] = (double)who[i]->at[j][0];
            point[2 * k + 1] = (double)who[i]->at[j][1];
        }
    }
    const int64_t rows = (int64_t)n;
    const omn_filled columns[] = {
        omn_fill("point", OMN_F64, omn_dim3(rows, WORLD_JOINTS, 2), point),
        omn_fill("visible", OMN_F64, omn_dim2(rows, WORLD_JOINTS), seen),
        omn_fill("joints", OMN_STRING, omn_dim1((int64_t)joints), names),
        omn_fill("skeleton", OMN_I32, omn_dim2((int64_t)bones, 2), skeleton),
        omn_fill("label", OMN_STRING, omn_dim1(rows), label),
    };
    if (f->st == OMN_OK)
        f->st = omn_kind_find(f->call, "keypoints", &kind, f->err);
    if (f->st == OMN_OK)
        f->st = omn_value_make(kind, columns, 5, f->frame, &v, f->err);
    put(f, name, v);
}

static void put_boxes(fields *f, const world_person *const *who, size_t n)
{
    omn_region r[WORLD_MOST_PEOPLE];
    omn_value *v = NULL;
    for (size_t i = 0; i < n; i++) {
        const int32_t *b = who[i]->seen.box;
        r[i] = (omn_region){b[0], b[1], b[2], b[3], (double)NAN, "person"};
    }
    if (f->st == OMN_OK)
        f->st = omn_regions_new(r, n, f->frame, &v, f->err);
    put(f, "boxes", v);
}

/* number: that of each in the object buffer, less one. */
static void put_persons(fields *f, const world_canvas *c, const world_person *const *who,
                        const int *number, size_t n)
{
    omn_value *list[WORLD_MOST_PEOPLE];
    size_t made = 0;
    for (size_t i = 0; i < n && f->st == OMN_OK; i++) {
        fields one = {.frame = f->frame, .call = f->call, .err = f->err};
        char name[WORLD_LABEL];
        snprintf(name, sizeof name, "person in %s",
                 world_value_name(WORLD_P_COLOUR, who[i]->shirt));
        put_text(&one, "class", "person");
        put_text(&one, "name", name);
        put_box(&one, "box", who[i]->seen.box, NULL);
        put_joints(&one, "joints", &who[i], 1);
        put_mask(&one, "mask", "picture", c->number, 1u << number[i]);
        f->st = fields_item(&one, list, &made);
    }
    put_list(f, "persons", list, made);
}

static omn_status people_get(const void *self, omn_call *call, omn_split split, uint64_t index,
                             omn_value **out, omn_error *err)
{
    const struct people *p = self;
    world_split own;
    world_canvas *c = NULL;
    world_scene s;
    const world_person *who[WORLD_MOST_PEOPLE];
    int number[WORLD_MOST_PEOPLE], n = 0;
    uint32_t words;
    omn_status st = OMN_OK;
    const uint64_t scene = source_scene(p->scenes, p->round, index, &words);
    world_crowd *crowd = omn_call_scratch(call, 1, sizeof *crowd);
    if (!crowd)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop-people: no memory");
    OMN_TRY(world_split_of(split, &own, err));
    OMN_TRY(world_canvas_get(p->width, p->height, &c, err));
    if (!world_people_make(&s, crowd, c, (uint64_t)p->seed, own, scene, p->most, p->solids,
                           p->clean)) {
        st = omn_fail(err, OMN_ERR_DATA, "tabletop-people: no clear scene for index %llu",
                      (unsigned long long)index);
        goto done;
    }
    world_scene_paint(&s, c);
    for (; n < crowd->n; n++) {
        int k = n;
        for (; k > 0 && who[k - 1]->seen.col > crowd->person[n].seen.col; k--) {
            who[k] = who[k - 1];
            number[k] = number[k - 1];
        }
        who[k] = &crowd->person[n];
        number[k] = s.n + n;
    }
    const omn_frame frame = omn_frame_identity(world_source_id(s.seed, split, scene),
                                               (uint32_t)c->width, (uint32_t)c->height);
    fields f = {.frame = &frame, .call = call, .err = err};
    put_picture(&f, "image", c->rgb);
    put_joints(&f, "people", who, (size_t)n);
    put_boxes(&f, who, (size_t)n);
    put_persons(&f, c, who, number, (size_t)n);
    st = fields_record(&f, out);
done:
    world_canvas_free(c);
    return st;
}

const omn_source_impl people_impl = {NULL, people_open, free, source_endless, people_get};
