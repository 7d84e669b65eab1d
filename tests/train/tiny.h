/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny model of the uio2 family with nano's tokenizer, and pages that it can learn: a picture of
 * one colour and questions about it, and now and then a page of text alone. */
#ifndef OMNIO_TESTS_TRAIN_TINY_H
#define OMNIO_TESTS_TRAIN_TINY_H

#include <omnio/train.h>

typedef struct tiny {
    omn_context *ctx;
    omn_call *call;
    omn_store *store;
    omn_model *model;
    omn_trainer *t;
} tiny;

/* Writes the model's folder below `folder`; returns its path. */
const char *tiny_folder(const char *folder);
/* A setup of tiny pages; change what the test is about. */
omn_train_setup tiny_setup(omn_optimizer kind);
/* One more lesson of a page whose lessons have room for 8: a question, what should be said, and
 * (NULL: nothing) what it is about, a value that is taken. Its ids are those of the model that was
 * named last; tiny_open does so. */
void tiny_speaks(omn_model *m);
omn_status tiny_lesson(omn_page *page, omn_arena *a, const char *question, const char *answer,
                       const omn_named *about, omn_lesson as, omn_error *err);
void tiny_open(tiny *k, const char *model, uint32_t threads, const omn_train_setup *s);
void tiny_close(tiny *k);
omn_page_fn tiny_page;
/* A picture with a colour (0 to 3) on its left or right half. */
omn_status tiny_picture(omn_call *c, int colour, int side, omn_value **out, omn_error *err);
/* Steps that must succeed; returns the last report. */
omn_train_report tiny_steps(tiny *k, int n);

#endif
