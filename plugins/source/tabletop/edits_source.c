/* SPDX-License-Identifier: Apache-2.0 */
/* The source of edits: image, text ("make the cube blue"), picture (as it is afterwards), kind
 * ("recolour", "remove"), box and mask of the thing, name (what it was), answer (a caption of the
 * picture afterwards; "" when nothing is left). */
#include "sources.h"

#include <stdlib.h>

#include "edit.h"

static omn_status edits_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    const struct edits *p = params;
    if (p->most < p->least)
        return omn_fail(err, OMN_ERR_ARGUMENT, "tabletop-edits: most is %d, but least is %d",
                        p->most, p->least);
    return source_open(params, sizeof *p, self, err);
}

static omn_status edits_get(const void *self, omn_call *call, omn_split split, uint64_t index,
                            omn_value **out, omn_error *err)
{
    const struct edits *p = self;
    const world_options options = {.least_objects = p->least, .most_objects = p->most,
                                   .clean = p->clean};
    world_split own;
    world_canvas *c = NULL;
    world_item caption = {.answer = ""};
    uint32_t words;
    char name[WORLD_LABEL];
    omn_status st = OMN_OK;
    const uint64_t scene = source_scene(p->scenes, p->round, index, &words);
    world_edit *e = omn_call_scratch(call, 1, sizeof *e);
    if (!e)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop-edits: no memory");
    OMN_TRY(world_split_of(split, &own, err));
    OMN_TRY(world_canvas_get(p->width, p->height, &c, err));
    if (!world_edit_make(e, c, (uint64_t)p->seed, own, scene, words, &options)) {
        st = omn_fail(err, OMN_ERR_DATA, "tabletop-edits: no clear scene for index %llu",
                      (unsigned long long)index);
        goto done;
    }
    const omn_frame frame = omn_frame_identity(world_source_id(e->before.seed, split, scene),
                                               (uint32_t)c->width, (uint32_t)c->height);
    fields f = {.frame = &frame, .call = call, .err = err};
    world_scene_paint(&e->before, c);
    put_picture(&f, "image", c->rgb);
    put_text(&f, "text", e->text);
    put_text(&f, "kind", world_change_name(e->what));
    world_object_name(&e->before.object[e->object], name, sizeof name);
    put_text(&f, "name", name);
    put_box(&f, "box", e->before.seen[e->object].box, NULL);
    put_mask(&f, "mask", "where", c->number, 1u << e->object);
    world_scene_paint(&e->after, c);
    put_picture(&f, "picture", c->rgb);
    if (e->after.n > 0)
        world_caption(&e->after, &caption);
    put_text(&f, "answer", caption.answer);
    st = fields_record(&f, out);
done:
    world_canvas_free(c);
    return st;
}

const omn_source_impl edits_impl = {NULL, edits_open, free, source_endless, edits_get};
