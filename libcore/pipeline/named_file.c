/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a pipeline or a recipe names. Whoever wrote the name saw the folder of that file, not
 * the one in which omnio happens to be started, so it is looked for there first. */
#include "plan.h"

#include <string.h>
#include <sys/stat.h>

const char *named_beside(const char *file, const char *name, omn_arena *a)
{
    const char *slash = strrchr(file, '/');
    if (name[0] == '/' || !slash) return name;
    while (name[0] == '.' && name[1] == '/')
        for (name++; *name == '/';) name++;
    return omn_arena_printf(a, "%.*s/%s", (int)(slash - file), file, *name ? name : ".");
}

/* A folder of a model, or a file of weights in one; settings may stand behind either. */
static bool is_model(const char *path, omn_arena *a, bool *failed)
{
    struct stat s;
    const char *mark = strrchr(path, '?');
    const size_t n = mark && !strchr(mark, '/') ? (size_t)(mark - path) : strlen(path);
    const char *plain = omn_arena_strndup(a, path, n);
    const char *config = plain ? omn_arena_printf(a, "%s/config.json", plain) : NULL;
    *failed = !config;
    if (!config) return false;
    return (stat(config, &s) == 0 || stat(plain, &s) == 0) && S_ISREG(s.st_mode);
}

const char *named_file(const char *file, const char *name, named_what what, omn_arena *a)
{
    struct stat s;
    const char *beside = named_beside(file, name, a);
    bool failed = !beside;
    if (beside && what == NAMED_MODEL && is_model(beside, a, &failed)) return beside;
    if (failed) return NULL;
    if (what == NAMED_MODEL) return name;
    return stat(beside, &s) == 0 && (what == NAMED_WEIGHTS || S_ISREG(s.st_mode)) ? beside : name;
}

omn_status named_settings(omn_context *ctx, const char *kind, const char *object, const char *file,
                          omn_setting *set, size_t n, omn_arena *a, omn_error *err)
{
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    const omn_status st = omn_registry_find(ctx, kind, object, &e, &why);
    if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
    if (st != OMN_OK) return OMN_OK; /* whoever opens it says what is wrong */
    for (uint32_t i = 0; i < omn_entry_object(e)->n_params; i++) {
        const omn_param *row = omn_entry_param(e, i);
        if (strcmp(row->type, "path")) continue;
        for (size_t k = 0; k < n; k++) {
            if (strcmp(set[k].name, row->name)) continue;
            set[k].text = named_beside(file, set[k].text, a);
            if (!set[k].text) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", file);
        }
    }
    return OMN_OK;
}
