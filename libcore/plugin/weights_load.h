/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of any format, before they are weights. */
#ifndef LIBCORE_PLUGIN_WEIGHTS_LOAD_H
#define LIBCORE_PLUGIN_WEIGHTS_LOAD_H

#include <omnio/plugin.h>

/* What this path holds: the list of a plugin (owned), complete; or NULL in *list and in *native the
 * path that omn_weights_open reads, in the arena. check: every byte is going to be read, so a
 * reader that takes the setting "check" compares the checksums that its format has. */
omn_status weights_find(omn_context *ctx, const char *path, bool check, omn_arena *a,
                        omn_weights_list **list, const char **native, omn_error *err);

#endif
