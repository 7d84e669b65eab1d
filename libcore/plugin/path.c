/* SPDX-License-Identifier: Apache-2.0 */
/* Settings behind a path. A question mark may be part of a name, so only what looks like settings
 * is taken for them. */
#include "path.h"

#include <string.h>

omn_status path_split(const char *text, omn_arena *a, char **path, omn_setting *set, size_t *n,
                      omn_error *err)
{
    *n = 0;
    *path = omn_arena_strdup(a, text);
    if (!*path) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a path");
    char *mark = strrchr(*path, '?');
    if (!mark || mark[1] == '=' || !strchr(mark, '=') || strchr(mark, '/')) return OMN_OK;
    *mark = 0;
    for (char *p = mark + 1, *next; p; p = next) {
        next = strchr(p, '&');
        if (next) *next++ = 0;
        char *equal = strchr(p, '=');
        if (!equal || equal == p)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "%s: settings of a format are written as "
                            "?name=value&name=value",
                            text);
        if (*n == PATH_SETTINGS)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s: more than %d settings", text,
                            PATH_SETTINGS);
        *equal = 0;
        set[(*n)++] = (omn_setting){ p, equal + 1, 0, 0 };
    }
    return OMN_OK;
}
