/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the object that reads or writes a file, behind its path. */
#ifndef LIBCORE_PLUGIN_PATH_H
#define LIBCORE_PLUGIN_PATH_H

#include <omnio/plugin.h>

enum { PATH_SETTINGS = 64 };

/* "out.jpg?quality=90&progressive=yes": the path, and the settings behind the last question mark,
 * when what stands there looks like settings; else it is part of the name. All in the arena; set
 * has room for PATH_SETTINGS. */
omn_status path_split(const char *text, omn_arena *a, char **path, omn_setting *set, size_t *n,
                      omn_error *err);

#endif
