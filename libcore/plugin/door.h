/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a plugin's descriptor before anything in it is believed. */
#ifndef LIBCORE_PLUGIN_DOOR_H
#define LIBCORE_PLUGIN_DOOR_H

#include "segments.h"

#include <omnio/plugin.h>

#define DOOR_MOST_OBJECTS 4096u
#define DOOR_MOST_PARAMS  1024u
#define DOOR_MOST_STRIDE  4096u
#define DOOR_MOST_NAME    63u
#define DOOR_MOST_TEXT    1023u

/* All of the descriptor: magic, abi, minor, strides, counts, every string, every row, names listed
 * twice, and of every known kind what lies behind impl. OMN_ERR_PLUGIN with one line otherwise.
 * [any] */
omn_status door_check(const omn_plugin *p, const segments *mem, omn_error *err);
/* Row i of a list with that stride, copied; what this plugin does not know is zero. */
omn_object door_object(const omn_plugin *p, size_t i);
omn_param door_param(const omn_plugin *p, const omn_object *o, size_t i);
/* A text without control characters, well-formed and of 1 to `most` bytes. */
bool door_text(const char *s, size_t n, size_t most);
/* Letters, digits, '.', '_', '-', '+'; 1 to DOOR_MOST_NAME. */
bool door_name(const char *s);
/* "omnio.operation/1": a name, a slash, a revision. */
bool door_kind(const char *s);

#endif
