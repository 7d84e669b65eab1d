/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what lies beside libomnio without any environment variable. The dynamic linker knows
 * which file this code came from. In a build tree the file omnio.tree marks the top. Otherwise the
 * library is installed, and the other folders follow from it by their relation to the configured
 * ones, so that a tree installed below DESTDIR or moved later still finds its plugins. */
#include "beside.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of a path, in place: "/a/b/c" becomes "/a/b". */
static void cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
}

/* `wanted` (configured) as it lies now that `configured` lies at `real`. The parts that both
 * configured paths share are the prefix; the rest of `configured` must end `real`, else nothing is
 * known and the configured path is the best guess. */
static char *moved(const char *configured, const char *real, const char *wanted)
{
    size_t shared = 0;
    for (size_t i = 0;; i++) {
        bool a_ends = configured[i] == '/' || configured[i] == 0;
        bool b_ends = wanted[i] == '/' || wanted[i] == 0;
        if (a_ends && b_ends) shared = i;
        if (configured[i] != wanted[i] || configured[i] == 0) break;
    }
    const char *tail = configured + shared;
    size_t real_len = strlen(real), tail_len = strlen(tail);
    omn_buf b;
    omn_buf_init(&b, 2 * PATH_MAX);
    if (real_len >= tail_len && strcmp(real + real_len - tail_len, tail) == 0) {
        omn_buf_put(&b, real, real_len - tail_len);
        omn_buf_puts(&b, wanted + shared);
    } else {
        omn_buf_puts(&b, wanted);
    }
    char *s = omn_buf_take(&b);
    omn_buf_fini(&b);
    return s;
}

static char *joined(const char *a, const char *b)
{
    omn_buf s;
    omn_buf_init(&s, 2 * PATH_MAX);
    omn_buf_puts(&s, a);
    omn_buf_puts(&s, b);
    char *r = omn_buf_take(&s);
    omn_buf_fini(&s);
    return r;
}

/* The source tree of a build tree: the first line of omnio.tree. */
static char *source_folder(const char *top)
{
    char *name = joined(top, "/omnio.tree"), *text = NULL;
    size_t n;
    if (name && omn_file_read(name, PATH_MAX, &text, &n, NULL) == OMN_OK)
        text[strcspn(text, "\n")] = 0;
    free(name);
    return text;
}

/* The build tree that holds this file: the folder with the file omnio.tree above
 * TOP/.libs/libomnio.so, or above a program of the tree that has the library inside it (tests of
 * hidden functions). */
static bool find_built(beside *p, const char *file, bool *no_memory)
{
    char top[PATH_MAX];
    size_t n = strlen(file);
    if (n >= sizeof(top)) return false;
    memcpy(top, file, n + 1);
    const char *name = strrchr(top, '/');
    bool library = name && strncmp(name, "/libomnio.", 10) == 0;
    cut_last(top);
    n = strlen(top);
    if (library && (n < 6 || strcmp(top + n - 6, "/.libs") != 0)) return false;
    for (int up = 0; up < (library ? 2 : 5); up++) {
        char *mark = joined(top, "/omnio.tree");
        bool here = mark && access(mark, R_OK) == 0;
        *no_memory = *no_memory || !mark;
        free(mark);
        if (here) {
            p->library = joined(top, "/.libs/libomnio.so.0");
            p->helper = joined(top, "/omnio-scan");
            p->plugins = joined(top, "/plugins/.libs");
            p->data = source_folder(top);
            p->built = true;
            return true;
        }
        cut_last(top);
    }
    return false;
}

void beside_fini(beside *p)
{
    free(p->library);
    free(p->helper);
    free(p->plugins);
    free(p->data);
    *p = (beside){ 0 };
}

omn_status beside_find(beside *out, omn_error *err)
{
    beside p = { 0 };
    Dl_info info;
    /* dladdr wants data or code of this library: the address of a string of ours will do. */
    static const char here[] = "libomnio";
    if (!dladdr(here, &info) || !info.dli_fname)
        return omn_fail(err, OMN_ERR_INTERNAL, "cannot tell which file libomnio was loaded from");
    char file[PATH_MAX];
    if (!realpath(info.dli_fname, file))
        return omn_fail(err, errno == ENOMEM ? OMN_ERR_MEMORY : OMN_ERR_MISSING,
                        errno == ENOMEM ? "%s: no memory for its path"
                                        : "%s: libomnio's own file is no longer there",
                        info.dli_fname);
    bool no_memory = false; /* what is not found then may be there */
    if (!find_built(&p, file, &no_memory) && !no_memory) {
        p.library = joined(file, "");
        cut_last(file);
        p.plugins = moved(OMN_LIBDIR, file, OMN_PLUGINDIR);
        p.data = moved(OMN_LIBDIR, file, OMN_PKGDATADIR);
        p.helper = moved(OMN_LIBDIR, file, OMN_PKGLIBEXECDIR "/omnio-scan");
    }
    if (!p.library || !p.helper || !p.plugins || !p.data) {
        beside_fini(&p);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for the folders beside libomnio");
    }
    *out = p;
    return OMN_OK;
}
