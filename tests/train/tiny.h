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
void tiny_open(tiny *k, const char *model, uint32_t threads, const omn_train_setup *s);
void tiny_close(tiny *k);
omn_page_fn tiny_page;
/* Steps that must succeed; returns the last report. */
omn_train_report tiny_steps(tiny *k, int n);

#endif
