/* SPDX-License-Identifier: Apache-2.0 */
/* From a plugin's rows to the host's. A plugin built against an older release has shorter rows;
 * copying them once, with zeros for what they lack, lets everything else use plain arrays. */
#include "entry.h"

#include "door.h"
#include "param.h"

#include <string.h>

omn_status entry_init(omn_entry *e, const omn_plugin *p, size_t i, const char *file, omn_arena *a,
                      omn_error *err)
{
    omn_object o = door_object(p, i);
    *e = (omn_entry){ .object = o, .plugin = p, .file = file };
    e->object.params = NULL;
    if (o.n_params) {
        omn_param *rows = omn_arena_alloc(a, o.n_params, sizeof(*rows));
        if (!rows) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the rows of %s", o.name);
        for (size_t k = 0; k < o.n_params; k++) {
            rows[k] = door_param(p, &o, k);
            if (param_is_input(&rows[k])) e->n_in++;
            if (strcmp(rows[k].role, "out") == 0) e->n_out++;
        }
        e->object.params = rows;
    }
    if (strcmp(o.kind, "omnio.operation/1") == 0) {
        omn_status st = entry_prepare_call(e, a, err);
        if (st != OMN_OK) return st;
    }
    if (pthread_mutex_init(&e->serial, NULL) != 0)
        return omn_fail(err, OMN_ERR_MEMORY, "no lock for %s", o.name);
    return OMN_OK;
}

void entry_fini(omn_entry *e)
{
    pthread_mutex_destroy(&e->serial);
}

const char *entry_kind_word(const char *kind, int *n)
{
    const char *dot = strncmp(kind, "omnio.", 6) == 0 ? kind + 6 : kind;
    *n = (int)strcspn(dot, "/");
    return dot;
}

const omn_object *omn_entry_object(const omn_entry *e)
{
    return e ? &e->object : NULL;
}

const char *omn_entry_file(const omn_entry *e)
{
    return e ? e->file : NULL;
}

const omn_plugin *omn_entry_plugin(const omn_entry *e)
{
    return e ? e->plugin : NULL;
}

const omn_param *omn_entry_param(const omn_entry *e, size_t i)
{
    return e && i < e->object.n_params ? &e->object.params[i] : NULL;
}
