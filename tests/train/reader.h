/* SPDX-License-Identifier: Apache-2.0 */
/* The model of tests/plugins/reader.c in training and in use: lessons and requests of a text, a
 * number and a text, from one description. */
#ifndef OMNIO_TESTS_TRAIN_READER_H
#define OMNIO_TESTS_TRAIN_READER_H

#include "libcore/train/trainer.h"

/* What a lesson is given, in order: a text, a number, a text; NULL and NAN: not there. */
typedef struct ask {
    const char *first;
    double number;
    const char *then, *says;
} ask;

/* Pages of these lessons, all of them on each page, or one on each. */
typedef struct pages {
    omn_model *model;
    const ask *asks;
    uint32_t n, mask;
    bool apart;
} pages;

typedef struct lab {
    omn_context *ctx;
    omn_call *call;
    omn_store *store;
    omn_model *model;
    omn_trainer *t;
    pages pages;
} lab;

typedef struct speaker {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
} speaker;

/* A configuration without fault; three lessons about one number; a text of more than 64 tokens. */
extern const char reader_config[];
extern const ask reader_usual[3];
extern const char reader_lengthy[];

/* A folder with this configuration and nano's tokenizer. */
const char *reader_folder(const char *config);
omn_train_setup reader_setup(uint32_t batch);
/* A trainer of pages of these lessons; change k->pages before the first batch. */
void reader_open(lab *k, const char *folder, omn_train_setup s, const ask *asks, uint32_t n);
void reader_close(lab *k);
/* The first batch that is not done yet; and what it costs, without a step. */
void reader_fill(lab *k);
double reader_forward(lab *k);
/* Ids that a text has, its end included. */
uint32_t reader_tokens(const lab *k, const char *text);
/* The weights as they are, as a model's file. */
void reader_write(lab *k, const char *folder);
void reader_speaks(speaker *s, const char *folder);
void reader_falls_silent(speaker *s);
/* A lesson's inputs as a request; those in `own` are to be unref'd. */
omn_request reader_request(const ask *q, omn_named in[3], omn_value *own[3]);
/* Scores of these options as answers to rq, sums; out is to be finished. */
void reader_scores(const speaker *s, omn_request rq, const char *const *says, uint32_t n,
                   omn_result *out);

#endif
