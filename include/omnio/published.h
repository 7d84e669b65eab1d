/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/published.h: under which names the files of a model family are usually found, for people
 * whose folder lacks them (omnio tune). */
#ifndef OMNIO_PUBLISHED_H
#define OMNIO_PUBLISHED_H

#include <omnio/plugin.h>

/* "omnio.published/1" of models: names of files of weights as the original programs and their
 * releases have them, as in "ofa_base.pt, ofa_large.pt". [any] */
typedef struct omn_published_impl { const char *weights; } omn_published_impl;

#endif
