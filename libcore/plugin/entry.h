/* SPDX-License-Identifier: Apache-2.0 */
/* One object of a loaded plugin, as the host sees it: rows copied to the host's own sizes, and for
 * operations the prepared call. */
#ifndef LIBCORE_PLUGIN_ENTRY_H
#define LIBCORE_PLUGIN_ENTRY_H

#include <omnio/plugin.h>

#include <ffi.h>
#include <pthread.h>

struct omn_entry {
    omn_object object; /* params points to the copied rows */
    const omn_plugin *plugin;
    const char *file;
    const char *also;   /* other kinds with an object of this name: "decoder"; "" none */
    size_t n_in, n_out; /* operations */
    ffi_cif cif;
    ffi_type **cif_types;
    pthread_mutex_t serial; /* held around a SERIAL operation */
};

/* Object i of a checked descriptor; file is borrowed, the rest lives in the arena. [setup] */
omn_status entry_init(omn_entry *e, const omn_plugin *p, size_t i, const char *file, omn_arena *a,
                      omn_error *err);
void entry_fini(omn_entry *e);
/* The call interface of an operation's entry (operation.c). */
omn_status entry_prepare_call(omn_entry *e, omn_arena *a, omn_error *err);
/* "omnio.operation/1" is "operation" to people; n is the length of that word. */
const char *entry_kind_word(const char *kind, int *n);

#endif
