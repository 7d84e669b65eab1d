/* SPDX-License-Identifier: Apache-2.0 */
/* The source of motion: video (what is shown), image (its last picture), before (the one before
 * that), next (the picture that follows), box and mask (of what moves, in next), where (that mask,
 * white on black), name ("large red cube"),
 * shift (pixels that it moves from image to next), question, answer ("left", "right", "away",
 * "closer"), caption. */
#include "sources.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "motion.h"

static omn_status motion_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    const struct motion *p = params;
    if (p->most < p->least)
        return omn_fail(err, OMN_ERR_ARGUMENT, "tabletop-motion: most is %d, but least is %d",
                        p->most, p->least);
    return source_open(params, sizeof *p, self, err);
}

static void put_video(fields *f, omn_value **frames, int n, double rate)
{
    double time[WORLD_MOST_FRAMES];
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    for (int i = 0; i < n; i++)
        time[i] = i / rate;
    const omn_filled columns[] = {omn_fill("frames", OMN_ANY_VALUE, omn_dim1(n), frames),
                                  omn_fill("time", OMN_F64, omn_dim1(n), time)};
    if (f->st == OMN_OK)
        f->st = omn_kind_find(f->call, "video", &kind, f->err);
    if (f->st == OMN_OK)
        f->st = omn_value_make(kind, columns, 2, NULL, &v, f->err);
    put(f, "video", v);
}

static void put_words(fields *f, const world_motion *m, uint32_t words)
{
    static const char *const TO[WORLD_WAYS] = {"to the left", "to the right", "away",
                                               "closer"};
    char text[WORLD_TEXT], name[WORLD_LABEL];
    const int last = m->frames - 1;
    const float dx = m->col[last] - m->col[last - 1], dy = m->row[last] - m->row[last - 1];
    world_object_name(&m->first.object[m->mover], name, sizeof name);
    put_box(f, "box", m->box[last], NULL);
    put_text(f, "name", name);
    put_number(f, "shift", sqrt((double)dx * (double)dx + (double)dy * (double)dy));
    world_motion_ask(m, words, text);
    put_text(f, "question", text);
    put_text(f, "answer", world_way_name(m->way));
    snprintf(text, sizeof text, "the %s moves %s", name, TO[m->way]);
    put_text(f, "caption", text);
}

static omn_status motion_get(const void *self, omn_call *call, omn_split split, uint64_t index,
                             omn_value **out, omn_error *err)
{
    const struct motion *p = self;
    const world_options options = {.least_objects = p->least, .most_objects = p->most,
                                   .clean = p->clean};
    world_split own;
    world_canvas *c = NULL;
    omn_value *frames[WORLD_MOST_FRAMES];
    uint32_t words;
    omn_status st = OMN_OK;
    const uint64_t scene = source_scene(p->scenes, p->round, index, &words);
    world_motion *m = omn_call_scratch(call, 1, sizeof *m);
    if (!m)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop-motion: no memory");
    OMN_TRY(world_split_of(split, &own, err));
    OMN_TRY(world_canvas_get(p->width, p->height, &c, err));
    if (!world_motion_make(m, c, (uint64_t)p->seed, own, scene, p->frames, &options)) {
        st = omn_fail(err, OMN_ERR_DATA, "tabletop-motion: no clear path for index %llu",
                      (unsigned long long)index);
        goto done;
    }
    const omn_frame frame = omn_frame_identity(world_source_id(m->first.seed, split, scene),
                                               (uint32_t)c->width, (uint32_t)c->height);
    fields f = {.frame = &frame, .call = call, .err = err};
    fields shown = f; /* the pictures, one after the other */
    for (int i = 0; i < m->frames; i++) {
        world_scene now;
        world_motion_at(m, i, &now);
        world_scene_paint(&now, c);
        put_picture(&shown, "frame", c->rgb);
    }
    f.st = shown.st;
    for (size_t i = 0; i < shown.n; i++)
        frames[i] = shown.list[i].value;
    if (f.st == OMN_OK) {
        const int n = m->frames;
        put_video(&f, frames, n - 1, p->rate);
        put(&f, "before", omn_value_ref(frames[n - 3]));
        put(&f, "image", omn_value_ref(frames[n - 2]));
        put(&f, "next", omn_value_ref(frames[n - 1]));
        put_words(&f, m, words);
        put_mask(&f, "mask", "where", c->number, 1u << m->mover); /* of the last one painted */
    }
    for (size_t i = 0; i < shown.n; i++)
        omn_value_unref(frames[i]);
    st = fields_record(&f, out);
done:
    world_canvas_free(c);
    return st;
}

const omn_source_impl motion_impl = {NULL, motion_open, free, source_endless, motion_get};
