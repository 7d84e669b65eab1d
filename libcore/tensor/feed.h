/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds, for those who look after others. */
#ifndef LIBCORE_TENSOR_FEED_H
#define LIBCORE_TENSOR_FEED_H

#include <omnio/tensor.h>

/* The first tensor behind whose end somebody has written; NULL: none. [any] */
const char *feed_overrun(const omn_feed *f);

#endif
