/* SPDX-License-Identifier: Apache-2.0 */
/* A model of a few thousand random weights in a folder of its own: what it says is nonsense, but
 * the same nonsense each time. Shared by the tests of answers. */
#ifndef OMNIO_TESTS_TOY_H
#define OMNIO_TESTS_TOY_H

#include "tests/testing.h"

#include <omnio/pipeline.h>

typedef struct toy {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
    omn_call *call;
} toy;

/* A path in a folder; four of them live at a time. */
const char *below(const char *folder, const char *name);
/* The usual config.json. */
extern const char toy_config[];
/* A new context that sees the plugins of this build alone. */
omn_context *toy_context(uint32_t threads);
/* Writes config.json, tokenizer.model and model.safetensors (random from seed) below `folder`. */
void toy_write(const char *folder, uint64_t seed);
/* The same with another configuration, for that tokenizer. */
void toy_write_as(const char *folder, const char *config, uint64_t seed);
/* Trains by this recipe, which becomes r.yaml in the folder, into `out` there. */
omn_status toy_train(omn_context *ctx, const char *folder, const char *recipe, const char *out,
                     omn_error *err);
void toy_open(toy *t, const char *folder, uint32_t threads);
void toy_close(toy *t);
/* A picture of w x h pixels, coloured from its seed; unref it. */
omn_value *toy_picture(toy *t, uint32_t w, uint32_t h, uint64_t seed);
/* Answer; the test fails with the message when it does not work. */
void toy_answer(toy *t, const omn_request *rq, omn_result *out);
/* An answer with settings "a=1 b=x" (NULL: none); the test fails when it cannot be. */
omn_answer *toy_open_answer(toy *t, const char *object, const char *settings);
omn_answer *toy_open_options(toy *t, const char *const *texts, size_t n, const char *settings);
const char *toy_text(const omn_result *r);

#endif
