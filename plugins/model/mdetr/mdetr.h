/* SPDX-License-Identifier: Apache-2.0 */
/* MDETR as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef MDETR_H
#define MDETR_H

#include <omnio/learn.h>

#include "detr.h"

typedef struct mdetr {
    detr d;
    int64_t queries, classes;             /* rows; places of a text, "no thing" not counted */
    int64_t align;                        /* width of the space of rows and words; 0: none */
    bool each;                            /* the layers before the last learn as well */
} mdetr;

/* The graphs; build.c */
void mdetr_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

extern const omn_verify_impl mdetr_verify;

#endif
