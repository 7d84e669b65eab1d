/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of one kind as types: "stream of audio". Not installed. */
#ifndef OMNIO_VALUE_STREAM_H
#define OMNIO_VALUE_STREAM_H

#include <omnio/kinds_of_values.h>

/* The kind behind "stream of "; NULL: the type is no such one. [any] */
const char *stream_type_items(const char *type);
/* Of which kind a stream's items are. [any] */
const char *stream_items(const omn_value *stream);
/* A stream of that one value, which lies where it lies in time. OMN_ERR_MEMORY. [any] */
omn_status stream_of_one(const omn_value *v, omn_value **out, omn_error *err);

#endif
