/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of several files as one: a model whose parts other programs wrote apart, each under names
 * of its own. A rule renames what begins so; of two tensors with one name that of the later file
 * counts, as a checkpoint of what was trained lies over what it began with. */
#include "join.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 64, MOST_TENSORS = 1 << 20 };

/* Does a name begin like `from` [n], in which * is one part of it? Where that ends, and the parts;
 * NULL: no. */
static const char *begins(const char *name, const char *from, size_t n, const char **part,
                          size_t *length, size_t *parts)
{
    *parts = 0;
    for (size_t i = 0; i < n; i++) {
        if (from[i] != '*') {
            if (*name++ != from[i]) return NULL;
            continue;
        }
        const size_t m = strcspn(name, ".");
        if (!m || *parts == JOIN_PARTS) return NULL;
        part[*parts] = name;
        length[(*parts)++] = m;
        name += m;
    }
    return name;
}

/* By the first rule of "FROM=TO,FROM=TO" that fits; else as it is. */
static void rename_one(const char *rules, const char *name, omn_buf *out)
{
    while (*rules) {
        const size_t n = strcspn(rules, ","), from = strcspn(rules, "=");
        const char *part[JOIN_PARTS];
        size_t length[JOIN_PARTS], parts, next = 0;
        const char *rest = from < n ? begins(name, rules, from, part, length, &parts) : NULL;
        for (size_t i = from + 1; rest && i < n; i++) {
            if (rules[i] != '*') omn_buf_put(out, rules + i, 1);
            else if (next < parts) {
                omn_buf_put(out, part[next], length[next]);
                next++;
            }
        }
        if (rest) {
            omn_buf_puts(out, rest);
            return;
        }
        rules += n + (rules[n] == ',');
    }
    omn_buf_puts(out, name);
}

bool join_rules(const char *rules)
{
    while (*rules) {
        const size_t n = strcspn(rules, ","), from = strcspn(rules, "=");
        size_t stars[2] = { 0, 0 };
        if (!n || from == 0 || from >= n) return false;
        for (size_t i = 0; i < n; i++) stars[i > from] += rules[i] == '*';
        if (stars[0] > JOIN_PARTS || stars[1] > stars[0]) return false;
        rules += n + (rules[n] == ',');
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const omn_weights_entry *)a)->name, ((const omn_weights_entry *)b)->name);
}

/* All tensors of a file behind the n that there are; an older one of the same name goes. */
static omn_status add(const omn_weights *w, const char *rules, omn_weights_entry **list, size_t *n,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t old = *n, more = omn_weights_count(w);
    if (more > MOST_TENSORS - old) return omn_fail(err, OMN_ERR_DATA, "too many tensors");
    omn_weights_entry *all = realloc(*list, (old + more + 1) * sizeof *all);
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "%zu tensors: out of memory", old + more);
    *list = all;
    for (size_t i = 0; i < more; i++) {
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        rename_one(rules, omn_weights_name(w, i), &b);
        OMN_TRY(omn_buf_check(&b, "a name", err));
        const omn_weights_entry one = { omn_buf_take(&b), *omn_weights_at(w, i) };
        if (!one.name) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a name: out of memory"));
        omn_weights_entry *was = old ? bsearch(&one, all, old, sizeof one, by_name) : NULL;
        if (was) {
            free((char *)(uintptr_t)was->name);
            *was = one;
        } else {
            all[(*n)++] = one;
        }
    }
    qsort(all, *n, sizeof *all, by_name);
    for (size_t i = 1; i < *n; i++)
        if (!strcmp(all[i].name, all[i - 1].name))
            return omn_fail(err, OMN_ERR_DATA, "%s: two tensors would be called %s",
                            omn_weights_path(w), all[i].name);
done:
    return st;
}

omn_status join_files(omn_context *ctx, const char *const *files, size_t n_files,
                      const char *rules, const char *out, omn_overwrite how,
                      omn_weights_copied *done, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w[MOST_FILES] = { NULL };
    omn_weights_entry *list = NULL;
    size_t n = 0;
    if (n_files > MOST_FILES)
        return omn_fail(err, OMN_ERR_ARGUMENT, "at most %d files are joined", MOST_FILES);
    for (size_t i = 0; i < n_files; i++) {
        OMN_TRY(omn_weights_load(ctx, files[i], NULL, &w[i], err));
        OMN_TRY(add(w[i], rules, &list, &n, err));
    }
    OMN_TRY(omn_weights_write(out, how, list, n, NULL, 0, err));
    done->tensors = n;
    done->bytes = 0;
    for (size_t i = 0; i < n; i++) done->bytes += list[i].tensor.bytes;
done:
    for (size_t i = 0; i < n; i++) free((char *)(uintptr_t)list[i].name);
    free(list);
    for (size_t i = 0; i < n_files; i++) omn_weights_close(w[i]);
    return st;
}
