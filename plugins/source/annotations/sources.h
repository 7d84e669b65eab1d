/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of this plugin, and what they share. */
#ifndef ANNOTATIONS_SOURCES_H
#define ANNOTATIONS_SOURCES_H

#include "document.h"

#define COCO(PAR, S)                                                                               \
    PAR(S, path, path, NULL, NULL, NULL,                                                           \
        "annotations as COCO has them: JSON with \"images\", \"annotations\" (boxes, captions) "   \
        "and \"categories\"")                                                                      \
    PAR(S, path, images, NULL, NULL, NULL, "folder of the pictures")                               \
    PAR(S, path, captions, "", NULL, NULL,                                                         \
        "a second file of annotations about the same pictures")                                    \
    PAR(S, path, refs, "", NULL, NULL,                                                             \
        "expressions as RefCOCO has them, as JSON: a list of {\"image_id\", \"ann_id\", "          \
        "\"split\", \"sentences\": [{\"sent\"}]}; a picture is in each split that has "     \
        "some, with these alone; pictures without one are left out then")                          \
    PAR(S, string, train, "train", NULL, NULL, "split of the expressions to learn from")           \
    PAR(S, string, held, "val", NULL, NULL, "split of the expressions that are held out")          \
    PAR(S, double, held_out, "0", "0..1", NULL,                                                    \
        "share of the pictures that is kept for evaluation, without refs")                         \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, another choice of held-out pictures")
struct coco { COCO(OMN_S_PAR, coco) };

#define VQA(PAR, S)                                                                                \
    PAR(S, path, path, NULL, NULL, NULL,                                                           \
        "questions as VQA has them: JSON with \"questions\" of question_id, image_id, question")   \
    PAR(S, path, annotations, NULL, NULL, NULL,                                                    \
        "their answers: JSON with \"annotations\" of question_id, multiple_choice_answer, "        \
        "answers")                                                                                 \
    PAR(S, path, images, NULL, NULL, NULL, "folder of the pictures")                               \
    PAR(S, string, name, "COCO_train2014_{:12}.jpg", NULL, NULL,                                   \
        "name of a picture's file: {} is its number, {:12} with twelve digits")                    \
    PAR(S, double, held_out, "0", "0..1", NULL,                                                    \
        "share of the pictures whose questions are kept for evaluation")                           \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, another choice of held-out pictures")
struct vqa { VQA(OMN_S_PAR, vqa) };

#define SHARDS(PAR, S)                                                                             \
    PAR(S, path, path, NULL, NULL, NULL,                                                           \
        "a tar file, or a folder of them: files with one name and different suffixes are one "     \
        "example (a.jpg, a.txt, a.json)")                                                          \
    PAR(S, double, held_out, "0", "0..1", NULL,                                                    \
        "share of the examples that is kept for evaluation")                                       \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, another choice of held-out examples")
struct shards { SHARDS(OMN_S_PAR, shards) };

#define IDX(PAR, S)                                                                                \
    PAR(S, path, path, NULL, NULL, NULL,                                                           \
        "folder of the files TRAIN-images-idx3-ubyte, TRAIN-labels-idx1-ubyte and the same of "    \
        "HELD, each plain or with .gz")                                                            \
    PAR(S, string, names, "", NULL, NULL,                                                          \
        "names of the classes, from 0 on, with commas between; without, the numbers")              \
    PAR(S, string, train, "train", NULL, NULL, "how the names of the files of training begin")     \
    PAR(S, string, held, "t10k", NULL, NULL, "how those of the test set begin, which is held out") \
    PAR(S, int64, variants, "1", "1..1000000", NULL,                                               \
        "how many variants of each picture training sees, one each time it has seen all pictures") \
    PAR(S, int, shift, "0", "0..1000", "pixels",                                                   \
        "variants are moved by up to so many pixels to each side")                                 \
    PAR(S, double, mirror, "0", "0..1", NULL, "share of the variants that are mirrored")           \
    PAR(S, double, hole, "0", "0..1", NULL,                                                        \
        "share of the variants with a black hole, a quarter to half of a side wide and high")      \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, other variants")
struct idx { IDX(OMN_S_PAR, idx) };

extern const omn_source_impl coco_impl, idx_impl, vqa_impl, shards_impl;

/* The split of what has this number: held_out of all are held out, by number and seed. */
static inline int split_of(uint64_t number, double held_out, int64_t seed)
{
    return (double)(omn_random_at((uint64_t)seed, 0x73706c, number) >> 11) * 0x1p-53 < held_out;
}

/* Examples by number, in two splits. */
typedef struct lot { uint32_t *of[2]; size_t n[2], room[2]; } lot;
omn_status lot_put(lot *l, int split, uint32_t number, omn_error *err);
void lot_free(lot *l);

/* An integer of item i that has to be there; a failure names file and line. */
omn_status item_want(const document *d, const items *list, size_t i, const json_t *o,
                     const char *key, int64_t *out, omn_error *err);
/* Numbers of things, to find them by: pairs sorted by key. */
typedef struct pair { int64_t key; uint32_t number; } pair;
void pairs_sort(pair *p, size_t n);
/* The first with this key; n when there is none. */
size_t pairs_find(const pair *p, size_t n, int64_t key);
/* All items of a list by an integer of theirs; *out is owned, of list->n. */
omn_status pairs_of(const document *d, const items *list, const char *key, pair **out,
                    omn_error *err);
/* A picture of the folder; its name may not lead out of it. */
omn_status picture_load(omn_call *c, const char *folder, const char *name, omn_value **out,
                        omn_error *err);
/* Puts a field and takes its value. st: of what made it. */
omn_status field_put(omn_named *fields, size_t *n, const char *name, omn_value *v, omn_status st);
omn_status field_put_text(omn_named *fields, size_t *n, const char *name, const char *text,
                          omn_error *err);

#endif
