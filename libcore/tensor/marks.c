/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of __metadata__ that speaks of tensors by name: a JSON object inside of a string, which
 * is as little to be believed as the header around it. */
#include "libcore/tensor/marks.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *x, const void *y)
{
    return strcmp((*(header_row *const *)x)->name, (*(header_row *const *)y)->name);
}

static int name_against(const void *name, const void *row)
{
    return strcmp(name, (*(header_row *const *)row)->name);
}

omn_status marks_read(const marks *m, header_row *rows, size_t n, omn_arena *strings,
                      const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    char *name, shown[120];
    if (!m->entry) return OMN_OK;
    scan s = { .text = m->entry, .size = strlen(m->entry), .strings = strings };
    header_row **sorted = malloc((n + 1) * sizeof(header_row *));
    if (!sorted) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its header", path);
    for (size_t i = 0; i < n; i++) sorted[i] = &rows[i];
    if (n > 1) qsort(sorted, n, sizeof(header_row *), by_name);
    for (bool first = true; !s.wrong && scan_member(&s, &first, &name);) {
        header_row **row =
            n ? bsearch(name, sorted, n, sizeof(header_row *), name_against) : NULL;
        if (!row) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: is in %s and nowhere else", path,
                          header_show(name, shown), m->key);
            goto done;
        }
        OMN_TRY(m->one(&s, *row, m->user, err));
    }
    if (s.wrong || !scan_end(&s))
        st = omn_fail(err, s.status, "%s: %s of __metadata__, byte %zu: %s", path, m->key, s.at,
                      s.wrong);
done:
    free(sorted);
    return st;
}
