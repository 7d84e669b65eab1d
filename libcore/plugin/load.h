/* SPDX-License-Identifier: Apache-2.0 */
/* Opening one plugin file in this process, whichever process that is. */
#ifndef LIBCORE_PLUGIN_LOAD_H
#define LIBCORE_PLUGIN_LOAD_H

#include "door.h"

/* dlopen with RTLD_NOW and RTLD_LOCAL, find the descriptor that this very file exports, check all
 * of it. The file stays loaded for ever, also when its descriptor is refused: a thread that it
 * started may run. *linked tells a file that could not be linked from one refused. [any] */
omn_status load_door(const char *path, const omn_plugin **out, bool *linked, omn_error *err);

#endif
