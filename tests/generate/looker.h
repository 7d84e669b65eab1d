/* SPDX-License-Identifier: Apache-2.0 */
/* A model that only looks (tests/plugins/classes.c) in a folder of its own, with random weights:
 * "embedding.text" and three classes, "class.mood". */
#ifndef OMNIO_TESTS_LOOKER_H
#define OMNIO_TESTS_LOOKER_H

#include "tests/testing.h"

#include <omnio/generate.h>

enum { LOOKER_ROWS = 960, LOOKER_WIDTH = 8 };

/* Writes config.json, tokenizer.model and model.safetensors; head gets the weights of the
 * classes. */
void looker_write(const char *folder, float head[3 * LOOKER_WIDTH]);
/* A context that knows this model and the plugins of this build. */
omn_context *looker_context(void);

#endif
