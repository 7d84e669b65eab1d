/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of weights' names: "*" stays within a name part, "**" crosses the dots, "?" is one
 * character; names.c. */
#ifndef OMNIO_GRAPH_GLOB_H
#define OMNIO_GRAPH_GLOB_H

#include <stdbool.h>

bool glob_match(const char *glob, const char *name);

#endif
