/* SPDX-License-Identifier: Apache-2.0 */
/* Where omnio's own files lie. libtool leaves a library that was not installed in TOP/.libs, and
 * configure writes TOP/omnio.tree, whose first line is the source tree: a library that finds itself
 * in such a place uses that tree, any other the folders chosen at configure time. */
#include "libcore/base/place.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The top of the build tree that this code runs from; false when it is installed. */
static bool find_tree(char top[PATH_MAX])
{
    Dl_info info;
    /* Any symbol of this library would do; the cast goes through an integer, as POSIX wants it. */
    if (dladdr((void *)(uintptr_t)&omn_version, &info) == 0 || !info.dli_fname) return false;
    if (!realpath(info.dli_fname, top)) return false;
    char *slash = strrchr(top, '/');
    if (!slash) return false;
    *slash = '\0';
    slash = strrchr(top, '/');
    if (!slash || strcmp(slash, "/.libs") != 0) return false;
    *slash = '\0';
    return true;
}

/* Reads the source tree from TOP/omnio.tree. */
static bool find_source(const char *top, char source[PATH_MAX])
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s/omnio.tree", top);
    if (n < 0 || (size_t)n >= sizeof name) return false;
    FILE *f = fopen(name, "re");
    if (!f) return false;
    bool ok = fgets(source, PATH_MAX, f) != NULL;
    (void)fclose(f);
    if (!ok) return false;
    source[strcspn(source, "\n")] = '\0';
    return source[0] == '/';
}

bool place_is_build_tree(void)
{
    char top[PATH_MAX], source[PATH_MAX];
    return find_tree(top) && find_source(top, source);
}

omn_status place_find(place_kind kind, char *path, size_t room, omn_error *err)
{
    static const char *const installed[] = {
        [PLACE_PLUGINS] = OMN_PLUGINDIR,
        [PLACE_HELPERS] = OMN_PKGLIBEXECDIR,
        [PLACE_DATA] = OMN_PKGDATADIR,
    };
    char top[PATH_MAX], source[PATH_MAX];
    int n;
    if (!find_tree(top) || !find_source(top, source)) {
        n = snprintf(path, room, "%s", installed[kind]);
    } else if (kind == PLACE_PLUGINS) {
        n = snprintf(path, room, "%s/plugins/.libs", top);
    } else {
        n = snprintf(path, room, "%s", kind == PLACE_DATA ? source : top);
    }
    if (n < 0 || (size_t)n >= room)
        return omn_fail(err, OMN_ERR_ARGUMENT, "the path of omnio's own files is too long");
    return OMN_OK;
}
