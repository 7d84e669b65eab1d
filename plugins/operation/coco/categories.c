/* SPDX-License-Identifier: Apache-2.0 */
/* Names of things and their numbers: those of COCO, whose 80 classes have numbers of 1 to 90, or
 * those of somebody's own list. */
#include "categories.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    int32_t first;            /* the names that follow are numbered on from it */
    const char *names;
} coco[] = {
    { 1, "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant" },
    { 13, "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,"
          "giraffe" },
    { 27, "backpack,umbrella" },
    { 31, "handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,"
          "baseball glove,skateboard,surfboard,tennis racket,bottle" },
    { 46, "wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
          "hot dog,pizza,donut,cake,chair,couch,potted plant,bed" },
    { 67, "dining table" },
    { 70, "toilet" },
    { 72, "tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator" },
    { 84, "book,clock,vase,scissors,teddy bear,hair drier,toothbrush" },
};

static omn_status add(categories *k, const char *list, int32_t id, char **to, omn_error *err)
{
    for (const char *p = list; p != NULL; id++) {
        const char *comma = strchr(p, ',');
        size_t n = comma != NULL ? (size_t)(comma - p) : strlen(p);
        while (n > 0 && *p == ' ') p++, n--;
        while (n > 0 && p[n - 1] == ' ') n--;
        if (k->n == CATEGORIES_MOST)
            return omn_fail(err, OMN_ERR_ARGUMENT, "more than %d categories", CATEGORIES_MOST);
        memcpy(*to, p, n);
        (*to)[n] = '\0';
        k->names[k->n] = *to;
        k->ids[k->n++] = id;
        *to += n + 1;
        p = comma != NULL ? comma + 1 : NULL;
    }
    return OMN_OK;
}

omn_status categories_open(categories *k, const char *list, omn_error *err)
{
    const bool known = !strcmp(list, "coco");
    const size_t n = sizeof(coco) / sizeof(coco[0]);
    size_t room = strlen(list) + 1;
    omn_status st = OMN_OK;
    for (size_t i = 0; known && i < n; i++) room += strlen(coco[i].names) + 1;
    *k = (categories){ .open = list[0] == '\0', .text = malloc(room) };
    char *to = k->text;
    if (to == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for categories");
    for (size_t i = 0; known && st == OMN_OK && i < n; i++)
        st = add(k, coco[i].names, coco[i].first, &to, err);
    if (!known && !k->open) st = add(k, list, 1, &to, err);
    return st;
}

void categories_close(categories *k)
{
    free(k->text);
    k->text = NULL;
    k->n = 0;
}

int32_t categories_id(categories *k, const char *name)
{
    if (name == NULL) name = "";
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->names[i], name)) return k->ids[i];
    if (!k->open || k->n == CATEGORIES_MOST) return 0;
    k->names[k->n] = name;
    k->ids[k->n] = (int32_t)k->n + 1;
    return k->ids[k->n++];
}

const char *categories_name(const categories *k, int32_t id)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->ids[i] == id) return k->names[i];
    return NULL;
}
