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

/* The plugin that reads this file; NULL in *out: none does, or it is safetensors. */
omn_status weights_reader(omn_context *ctx, const char *path, const omn_entry **out,
                          omn_error *err);
/* The files of a model that a file of weights holds inside ("omnio.weights-files/1"), each with a
 * plain name; none for all other paths, which need not be there. weights_files.c */
omn_status weights_files(omn_context *ctx, const char *path, omn_weights_file_fn *take, void *user,
                         omn_error *err);
/* Who writes a file of this name; NULL: nobody, or it is safetensors. weights_files.c */
const omn_weights_writer_impl *weights_writer(omn_context *ctx, const char *path);

#endif
