/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of an encoder whose sources are theirs share: a context that sees the plugins of this
 * build on one thread, a sound, and the encoder's graphs on the reference device. */
#ifndef OMNIO_TESTS_KITCHEN_H
#define OMNIO_TESTS_KITCHEN_H

#include "tests/testing.h"

#include <omnio/generate.h>

extern const omn_plugin omnio_plugin;     /* that of the sources */

const omn_encoder_impl *kitchen_impl(void);
omn_context *kitchen_context(void);
/* n samples of one channel at 16 kHz that are no silence; unref it. */
omn_value *kitchen_sound(size_t n);
/* Builds the embedding of two inputs of the opened encoder. */
omn_status kitchen_embed(void *self, omn_error *err);

#endif
