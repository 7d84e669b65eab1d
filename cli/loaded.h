/* SPDX-License-Identifier: Apache-2.0 */
/* Files that many lines name are read once. */
#ifndef OMNIO_CLI_LOADED_H
#define OMNIO_CLI_LOADED_H

#include <omnio/plugin.h>

typedef struct loaded loaded;

/* most: bytes of the values that are kept; what was used longest ago goes first. NULL: no
 * memory. */
loaded *loaded_new(size_t most);
void loaded_free(loaded *l);
/* omn_value_load, or the value that the same file gave before, as long as it is the same file. */
omn_status loaded_get(loaded *l, omn_context *ctx, const char *path, const char *type,
                      omn_value **out, omn_error *err);

#endif
