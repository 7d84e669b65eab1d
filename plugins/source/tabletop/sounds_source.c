/* SPDX-License-Identifier: Apache-2.0 */
/* The source of sounds: audio, image (the thing that is hit, with nothing beside it), text ("three
 * hits on a large metal thing"), hits (a number), times (seconds, a list), and questions, a list:
 * kind ("count", "material", "size"), question, answer. */
#include "sources.h"

#include <stdlib.h>

#include "sound.h"

static omn_status sounds_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    const struct sounds *p = params;
    if (p->seconds < 0.3 * (p->hits + 1))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "tabletop-sounds: %d hits take %g seconds at least, not %g", p->hits,
                        0.3 * (p->hits + 1), p->seconds);
    return source_open(params, sizeof *p, self, err);
}

static void put_audio(fields *f, const world_sound *w)
{
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    const double rate = w->rate, start = 0;
    float *samples = malloc((size_t)w->samples * sizeof *samples);
    if (!samples) {
        f->st = omn_fail(f->err, OMN_ERR_MEMORY, "tabletop-sounds: no memory for a sound");
        return;
    }
    world_sound_play(w, samples);
    const omn_filled columns[] = {omn_fill("samples", OMN_F32, omn_dim2(w->samples, 1), samples),
                                  omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                                  omn_fill("start", OMN_F64, omn_dim0(), &start)};
    if (f->st == OMN_OK)
        f->st = omn_kind_find(f->call, "audio", &kind, f->err);
    if (f->st == OMN_OK)
        f->st = omn_value_make(kind, columns, 3, NULL, &v, f->err);
    free(samples);
    put(f, "audio", v);
}

static void put_times(fields *f, const world_sound *w)
{
    omn_value *list[WORLD_MOST_HITS];
    size_t n = 0;
    for (; n < (size_t)w->hits && f->st == OMN_OK; n++) {
        list[n] = NULL;
        f->st = omn_number_new((double)w->at[n] / w->rate, &list[n], f->err);
    }
    put_list(f, "times", list, n);
}

static void put_questions(fields *f, const world_sound *w, uint32_t words)
{
    omn_value *list[WORLD_HEARD_KINDS];
    size_t n = 0;
    for (int k = 0; k < WORLD_HEARD_KINDS && f->st == OMN_OK; k++) {
        fields one = {.call = f->call, .err = f->err};
        char text[WORLD_TEXT], answer[WORLD_LABEL];
        world_sound_ask(w, (world_heard)k, words, text, answer);
        put_text(&one, "kind", world_heard_name((world_heard)k));
        put_text(&one, "question", text);
        put_text(&one, "answer", answer);
        f->st = fields_item(&one, list, &n);
    }
    put_list(f, "questions", list, n);
}

static omn_status sounds_get(const void *self, omn_call *call, omn_split split, uint64_t index,
                             omn_value **out, omn_error *err)
{
    const struct sounds *p = self;
    world_split own;
    world_canvas *c = NULL;
    char text[WORLD_TEXT];
    uint32_t words;
    omn_status st = OMN_OK;
    const uint64_t scene = source_scene(p->scenes, p->round, index, &words);
    world_sound *w = omn_call_scratch(call, 1, sizeof *w);
    if (!w)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop-sounds: no memory");
    OMN_TRY(world_split_of(split, &own, err));
    OMN_TRY(world_canvas_get(p->width, p->height, &c, err));
    if (!world_sound_make(w, c, (uint64_t)p->seed, own, scene, p->hits, p->seconds, p->clean)) {
        st = omn_fail(err, OMN_ERR_DATA, "tabletop-sounds: no clear scene for index %llu",
                      (unsigned long long)index);
        goto done;
    }
    const omn_frame frame = omn_frame_identity(world_source_id(w->scene.seed, split, scene),
                                               (uint32_t)c->width, (uint32_t)c->height);
    fields f = {.frame = &frame, .call = call, .err = err};
    put_audio(&f, w);
    world_scene_paint(&w->scene, c);
    put_picture(&f, "image", c->rgb);
    world_sound_tell(w, text);
    put_text(&f, "text", text);
    put_number(&f, "hits", w->hits);
    put_times(&f, w);
    put_questions(&f, w, words);
    st = fields_record(&f, out);
done:
    world_canvas_free(c);
    return st;
}

const omn_source_impl sounds_impl = {NULL, sounds_open, free, source_endless, sounds_get};
