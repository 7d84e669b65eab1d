/* SPDX-License-Identifier: Apache-2.0 */
/* Where a model lies: a folder with a config.json, by path or by its name in the places where
 * models are kept. Of several files of weights in it one can be named, FOLDER/model.pt, and what
 * its reader takes, FOLDER?tree=model_ema. */
#include "open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool has_config(const char *dir, char *out, size_t room)
{
    struct stat st;
    const int n = snprintf(out, room, "%s/config.json", dir);
    return n > 0 && (size_t)n < room && stat(out, &st) == 0 && S_ISREG(st.st_mode);
}

omn_status model_folder(omn_context *ctx, const char *path, char *out, size_t room, omn_error *err)
{
    char file[4200], user[4096] = "";
    struct stat st;
    if (strlen(path) > 2048) return omn_fail(err, OMN_ERR_ARGUMENT, "a model's path is too long");
    snprintf(out, room, "%s", path);
    if (has_config(path, file, sizeof file)) return OMN_OK;
    if (strchr(path, '/') || stat(path, &st) == 0)
        return omn_fail(err, OMN_ERR_MISSING,
                        "%s is no model: a folder with config.json and weights is wanted, or a "
                        "file of weights in such a folder", path);
    const char *places = omn_context_model_path(ctx);
    for (const char *p = places ? places : ""; *p;) {
        const size_t n = strcspn(p, ":");
        const int k = snprintf(out, room, "%.*s/%s", (int)n, p, path);
        if (n && k > 0 && (size_t)k < room && has_config(out, file, sizeof file)) return OMN_OK;
        p += n + (p[n] == ':');
    }
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/') snprintf(user, sizeof user, "%s/omnio/models", data);
    else if (home && home[0] == '/')
        snprintf(user, sizeof user, "%s/.local/share/omnio/models", home);
    int k = snprintf(out, room, "%s/%s", user, path);
    if (user[0] && k > 0 && (size_t)k < room && has_config(out, file, sizeof file)) return OMN_OK;
    k = snprintf(out, room, "%s/models/%s", omn_context_data(ctx), path);
    if (k > 0 && (size_t)k < room && has_config(out, file, sizeof file)) return OMN_OK;
    return omn_fail(err, OMN_ERR_MISSING,
                    "no model named \"%s\": looked in %s%s%s/omnio/models and %s/models", path,
                    places ? places : "", places ? ", " : "", data ? data : "~/.local/share",
                    omn_context_data(ctx));
}

/* Where settings behind a path begin, as readers of weights take them; its end: there are none. A
 * folder may have a name that looks so. */
static size_t settings_at(const char *path)
{
    struct stat st;
    const char *mark = strrchr(path, '?');
    const bool looks = mark && mark[1] != '=' && strchr(mark, '=') && !strchr(mark, '/');
    return looks && stat(path, &st) != 0 ? (size_t)(mark - path) : strlen(path);
}

omn_status model_place(omn_context *ctx, const char *path, char *dir, size_t room, char *weights,
                       size_t weights_room, omn_error *err)
{
    struct stat st;
    char plain[4096];
    const size_t n = settings_at(path);
    const char *rest = path + n;
    if (strlen(path) > 2048)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a model's path is too long");
    snprintf(plain, sizeof plain, "%.*s", (int)n, path);
    char *slash = strrchr(plain, '/');
    /* the configuration itself stands for its folder */
    if (!strcmp(slash ? slash + 1 : plain, "config.json") && stat(plain, &st) == 0)
        snprintf(plain, sizeof plain, "%.*s", slash ? (int)(slash - plain) : 1, slash ? path : ".");
    else if (stat(plain, &st) == 0 && S_ISREG(st.st_mode)) {
        snprintf(weights, weights_room, "%s", path);
        if (slash) *slash = 0;
        snprintf(dir, room, "%s", !slash ? "." : *plain ? plain : "/");
        return OMN_OK;                    /* they may bring their configuration themselves */
    }
    char config[4200];
    const bool folder = stat(plain, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder && !has_config(plain, config, sizeof config)) {
        snprintf(dir, room, "%s", plain);
        snprintf(weights, weights_room, "%s", path);
        return OMN_OK;                    /* the same */
    }
    const omn_status found = model_folder(ctx, plain, dir, room, err);
    if (found != OMN_OK) return found;
    const int k = snprintf(weights, weights_room, "%s%s", dir, rest);
    return k > 0 && (size_t)k < weights_room
               ? OMN_OK
               : omn_fail(err, OMN_ERR_ARGUMENT, "a model's path is too long");
}
