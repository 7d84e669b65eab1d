/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files on each path of kernels, and with a change. */
#include "verified.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count(void *user, const omn_verify_row *row)
{
    seen *s = user;
    s->rows++;
    if (row->ok) return;
    s->wrong++;
    if (row->why && !strcmp(row->why, "missing")) s->missing++;
    if (!s->first[0])
        snprintf(s->first, sizeof s->first, "%s: %g absolute, %g relative, %g + %g allowed %s",
                 row->stage, row->abs_error, row->rel_error, row->tolerance_abs, row->tolerance_rel,
                 row->why ? row->why : "");
}

omn_status verified_run(const char *level, const char *file, seen *s, omn_error *err)
{
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    setenv("OMNIO_CPU", level, 1);
    omn_status st = omn_context_new(&how, &ctx, err);
    if (st == OMN_OK) st = omn_verify(ctx, file, count, s, err);
    omn_context_free(ctx);
    return st;
}

void verified_passes(const char *model, const char *name, const char *file, size_t least)
{
    const char *const *levels;
    const size_t n = testing_levels(&levels);
    /* a second size is about sizes: one path will do */
    const size_t first = testing_all() || !strcmp(model, "tiny_a") ? 0 : n - 1;
    for (size_t level = first; level < n; level++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        const omn_status st = verified_run(levels[level], file, &s, &err);
        ck_assert_msg(st == OMN_OK && !s.wrong, "%s %s on %s: %s; %s", model, name, levels[level],
                      err.text, s.first);
        ck_assert_msg(s.rows >= least, "%s %s: %zu stages", model, name, s.rows);
    }
}

const char *verified_changed(const char *folder, const char *file, const change *c)
{
    static char path[4096];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    size_t n = 0, m = 0;
    bool met = !c || !c->tensor;
    ck_assert_msg(omn_weights_open(file, &w, &err) == OMN_OK, "%s", err.text);
    omn_weights_entry *list = calloc(omn_weights_count(w) + 1, sizeof *list);
    const char **meta = calloc(2 * omn_weights_meta_count(w) + 2, sizeof *meta);
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        omn_tensor t = *omn_weights_at(w, i);
        void *copy = testing_memory(t.bytes);
        memcpy(copy, t.data, t.bytes);
        t.data = copy;
        list[n] = (omn_weights_entry){ omn_weights_name(w, i), t };
        if (c && c->tensor && !strcmp(list[n].name, c->tensor)) {
            met = true;
            if (c->leave_out) continue;
            float *x = (float *)copy + c->element;
            if (t.type == OMN_I32)
                ((int32_t *)copy)[c->element] += (int32_t)c->plus;
            else
                *x = (float)((double)*x * c->times + c->plus);
        }
        n++;
    }
    if (c && c->extra) {
        list[n] = list[0];
        list[n++].name = c->extra;
    }
    ck_assert(met);
    for (size_t i = 0; i < omn_weights_meta_count(w); i++) {
        const char *key = omn_weights_meta_key(w, i);
        meta[m++] = key;
        meta[m++] = c && c->meta && !strcmp(c->meta, key) ? c->value : omn_weights_meta(w, key);
    }
    const char *slash = strrchr(file, '/');
    snprintf(path, sizeof path, "%s/%s", folder, slash + 1);
    ck_assert_msg(omn_weights_write(path, OMN_OVERWRITE, list, n, meta, m / 2, &err) == OMN_OK,
                  "%s", err.text);
    omn_weights_close(w);
    free(list);
    free(meta);
    return path;
}

void verified_finds(const char *folder, const char *file, const change *c, const char *stage)
{
    omn_error err = OMN_ERROR_INIT;
    seen s = { 0 };
    const omn_status st = verified_run("avx2", verified_changed(folder, file, c), &s, &err);
    ck_assert_msg(st == OMN_ERR_FAILED, "%s: %s", stage, err.text);
    ck_assert_msg(s.wrong == 1 && !strncmp(s.first, stage, strlen(stage)), "%s: %zu, %s", stage,
                  s.wrong, s.first);
}
