/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a run: which ones it may write into, and how it is left when nothing came of it.
 * What somebody began with is never written over. */
#include "recipe.h"

#include "libcore/base/system.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool there(const char *folder, const char *name)
{
    char path[4400];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &s) == 0;
}

/* Is `path` (a folder, or a file in it) the folder `s`? */
static bool same_folder(const char *path, const struct stat *s)
{
    char folder[4400];
    struct stat t;
    snprintf(folder, sizeof folder, "%s", path);
    if (stat(folder, &t) != 0) return false;
    if (!S_ISDIR(t.st_mode)) {
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = 0;
        else
            snprintf(folder, sizeof folder, ".");
        if (stat(folder[0] ? folder : "/", &t) != 0) return false;
    }
    return t.st_dev == s->st_dev && t.st_ino == s->st_ino;
}

omn_status folder_allowed(const omn_recipe *r, const omn_model *m, const char *folder, bool replace,
                          omn_error *err)
{
    struct stat s;
    if (stat(folder, &s) != 0) return OMN_OK;
    if (!S_ISDIR(s.st_mode)) return omn_fail(err, OMN_ERR_ARGUMENT, "%s is no folder", folder);
    if (same_folder(omn_model_path(m), &s))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s is the folder of the recipe's model; a run writes into another one",
                        folder);
    for (size_t i = 0; i < r->n_start + r->n_parts; i++) {
        omn_weights *w = NULL;
        const omn_status st = start_open(r, i, &w, err);
        if (st != OMN_OK) return st;
        const bool same = same_folder(omn_weights_path(w), &s);
        omn_weights_close(w);
        if (same)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "%s holds the weights that the run begins with; a run writes into "
                            "another folder",
                            folder);
    }
    if (!replace && there(folder, "model.safetensors") && !there(folder, "checkpoint.safetensors"))
        return omn_fail(
            err, OMN_ERR_ARGUMENT,
            "%s holds a model and no checkpoint of a run; it would be replaced (another "
            "folder, or --overwrite)",
            folder);
    return OMN_OK;
}

omn_status folder_make(const char *folder, bool *made, omn_error *err)
{
    *made = mkdir(folder, 0777) == 0;
    if (*made || errno == EEXIST) return OMN_OK;
    return system_fail(err, errno, folder, "cannot be made");
}

void folder_undo(const omn_model *m, const char *folder)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/log.csv", folder);
    unlink(path);
    recipe_alone(m, folder);
    rmdir(folder);
}
