/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/published.h: what people who have come by a model are told of its family (omnio tune):
 * under which names its files are usually found, and what it is asked. */
#ifndef OMNIO_PUBLISHED_H
#define OMNIO_PUBLISHED_H

#include <omnio/plugin.h>

/* "omnio.published/1" of models: names of files of weights as the original programs and their
 * releases have them, as in "ofa_base.pt, ofa_large.pt". [any] */
typedef struct omn_published_impl { const char *weights; } omn_published_impl;

/* "omnio.task/1" of models: the pipeline by which such a model is asked what it is for: the name of
 * one that ships, as in "vilbert-vqa", borrowed for ever. Where its parts, heads or configuration
 * tell, `of` says it of the opened model (NULL: of none in front of others); without, it is
 * `pipeline` of all. [any] */
typedef struct omn_task_impl {
    const char *pipeline;
    const char *(*of)(const void *self);
} omn_task_impl;

#endif
