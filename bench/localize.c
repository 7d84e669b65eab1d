/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pipelines/localize answers, to classes that are in the picture, to those that are not, and
 * to words that models/nano never met. Pictures and classes are those of the held-out scenes of the
 * tabletop world, asked one by one through the pipeline as a user asks.
 *   f1          of all boxes, one is right when it covers a wanted one with more than 0.5 over both
 *   present     the same over the questions for classes that are there
 *   absent      questions for a class of the world that the picture lacks, and got boxes
 *   foreign     word k of the list about scene k, and got boxes
 *   coloured    the same with the colour of a thing in the scene in front: "red giraffe"
 *
 *   bench/localize [WORDS [SCENES [KEY=VALUE...]]]    from the top of the tree, with its plugins
 *   bench/localize bench/foreign-words.txt 2000 steps.0.answer.sure=0
 */
#include <omnio/pipeline.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/world.h"

enum { SEED = 1, MOST_SET = 16 };

typedef struct bench {
    omn_context *ctx;
    omn_model *model;
    omn_pipeline *pipeline;
    omn_pipeline_run *run;
} bench;

/* Questions, those that got boxes, boxes given, wanted and found. */
typedef struct tally {
    size_t asked, answered, given, wanted, hit;
} tally;

static omn_status open_all(bench *b, const omn_setting *set, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_context_setup setup = { OMN_FILL(omn_context_setup), .threads = 1 };
    OMN_TRY(omn_context_new(&setup, &b->ctx, err));
    OMN_TRY(omn_model_open(b->ctx, "nano", NULL, &b->model, err));
    OMN_TRY(omn_pipeline_open_set(b->ctx, "pipelines/localize.yaml", set, n, &b->pipeline, err));
    static const char *const wanted[] = { "boxes" };
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = b->model,
                                     .temperature = -1, .top_p = -1, .wanted = wanted,
                                     .n_wanted = 1 };
    OMN_TRY(omn_pipeline_run_new(b->pipeline, &how, &b->run, err));
done:
    return st;
}

static void close_all(bench *b)
{
    omn_pipeline_run_free(b->run);
    omn_pipeline_close(b->pipeline);
    omn_model_close(b->model);
    omn_context_free(b->ctx);
}

static void judge(const omn_region *got, size_t n, const world_item *item, tally *t)
{
    bool taken[WORLD_MOST_OBJECTS] = { false };
    const int wanted = item ? item->n_boxes : 0;
    t->asked++;
    t->answered += n > 0;
    t->given += n;
    t->wanted += (size_t)wanted;
    for (size_t i = 0; i < n; i++) {
        int best = -1;
        double top = 0.5;
        for (int j = 0; j < wanted; j++) {
            const int32_t *w = item->box[j];
            const omn_region box = { .x0 = w[0], .y0 = w[1], .x1 = w[2], .y1 = w[3] };
            const double iou = omn_region_iou(&got[i], &box);
            if (taken[j] || iou <= top) continue;
            best = j;
            top = iou;
        }
        if (best < 0) continue;
        taken[best] = true;
        t->hit++;
    }
}

/* item NULL: nothing of the kind is there. */
static omn_status ask(bench *b, omn_value *picture, const char *class, const world_item *item,
                      tally *t, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *word = NULL, *out = NULL;
    const omn_region *list = NULL;
    OMN_TRY(omn_text_new(class, strlen(class), &word, err));
    const omn_named in[] = { { "image", picture }, { "class", word } };
    OMN_TRY(omn_pipeline_run_one(b->run, in, 2, 0, &out, err));
    const size_t n = omn_regions_get(omn_record_get(out, "boxes"), &list);
    for (size_t i = 0; i < n; i++)
        if (!list[i].label || strcmp(list[i].label, class))
            OMN_TRY(omn_fail(err, OMN_ERR_FAILED, "%s: a box is called \"%s\"", class,
                             list[i].label ? list[i].label : ""));
    judge(list, n, item, t);
done:
    omn_value_unref(word);
    omn_value_unref(out);
    return st;
}

static omn_status picture_of(const world_canvas *c, uint64_t scene, omn_value **out, omn_error *err)
{
    const uint32_t w = (uint32_t)c->width, h = (uint32_t)c->height;
    const omn_frame frame = omn_frame_identity(scene, w, h);
    omn_image *image = NULL;
    omn_pixels pixels;
    const omn_status st = omn_image_new(OMN_U8, w, h, 3, &frame, &image, &pixels, err);
    if (st != OMN_OK) return st;
    memcpy(pixels.data, c->rgb, (size_t)w * h * 3);
    *out = omn_image_give(image);
    return OMN_OK;
}

typedef struct tallies { tally present, absent, foreign, coloured; } tallies;

/* Scene number i: its own questions, and a word of another world if there is one more. */
static omn_status scene(bench *b, world_canvas *c, uint64_t i, const char *word, tallies *t,
                        omn_error *err)
{
    const world_mix mix = { .items = { [WORLD_LOCALIZE] = 1 } };
    world_item items[WORLD_MOST_OBJECTS];
    char coloured[128];
    omn_status st = OMN_OK;
    omn_value *picture = NULL;
    world_scene s;
    if (!world_scene_make(&s, c, SEED, WORLD_HELD_OUT, i, NULL))
        return omn_fail(err, OMN_ERR_INTERNAL, "there is no scene %llu", (unsigned long long)i);
    world_scene_paint(&s, c);
    OMN_TRY(picture_of(c, i, &picture, err));
    const size_t n = world_items(&s, &mix, 0, items, WORLD_MOST_OBJECTS);
    for (size_t k = 0; k < n; k++)
        OMN_TRY(ask(b, picture, items[k].text, &items[k],
                    items[k].n_boxes ? &t->present : &t->absent, err));
    if (!word) goto done;
    snprintf(coloured, sizeof coloured, "%s %s",
             world_value_name(WORLD_P_COLOUR, s.object[0].is[WORLD_P_COLOUR]), word);
    OMN_TRY(ask(b, picture, word, NULL, &t->foreign, err));
    OMN_TRY(ask(b, picture, coloured, NULL, &t->coloured, err));
done:
    omn_value_unref(picture);
    return st;
}

static double f1(const tally *a, const tally *b)
{
    const size_t all = a->given + a->wanted + b->given + b->wanted;
    return all ? 2.0 * (double)(a->hit + b->hit) / (double)all : 1;
}

static void show(const char *name, const tally *t)
{
    printf("%-10s %4zu of %4zu got boxes\n", name, t->answered, t->asked);
}

int main(int argc, char **argv)
{
    const char *words = argc > 1 ? argv[1] : "bench/foreign-words.txt";
    const long scenes = argc > 2 ? atol(argv[2]) : 2000;
    omn_setting set[MOST_SET] = { { 0 } };
    omn_error err = OMN_ERROR_INIT;
    omn_status st = OMN_OK;
    char line[1200], *equal;
    bench b = { 0 };
    tallies t = { 0 };
    size_t n = 0;
    for (int i = 3; i < argc && n < MOST_SET; i++) {
        if (!(equal = strchr(argv[i], '='))) return 2;
        *equal = 0;
        set[n].name = argv[i];
        set[n++].text = equal + 1;
    }
    FILE *f = fopen(words, "r");
    world_canvas *c = world_canvas_new(WORLD_SIDE, WORLD_SIDE);
    if (!f || !c) {
        fprintf(stderr, "localize: %s cannot be read, or no memory\n", words);
        return 66;
    }
    OMN_TRY(open_all(&b, set, n, &err));
    for (long i = 0; i < scenes; i++) {
        const char *word = fgets(line, 100, f);
        if (word) line[strcspn(line, "\n")] = 0;
        OMN_TRY(scene(&b, c, (uint64_t)i, word, &t, &err));
    }
    printf("f1         %.4f\npresent    %.4f\n", f1(&t.present, &t.absent),
           f1(&t.present, &(tally){ 0 }));
    show("present", &t.present);
    show("absent", &t.absent);
    show("foreign", &t.foreign);
    show("coloured", &t.coloured);
done:
    if (st != OMN_OK) fprintf(stderr, "localize: %s\n", omn_error_line(&err, line, sizeof line));
    fclose(f);
    world_canvas_free(c);
    close_all(&b);
    return omn_status_exit(st);
}
