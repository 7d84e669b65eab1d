/* SPDX-License-Identifier: Apache-2.0 */
/* A model is a folder: configuration, tokenizer, weights. What training writes is a model from the
 * first checkpoint on, so the files that belong to the weights are put beside them. */
#include "recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MOST_FILE ((size_t)64 << 20)

static omn_status copy_file(const char *from, const char *to, omn_error *err)
{
    omn_status st = OMN_OK;
    char *data = NULL;
    size_t n = 0;
    omn_file *f = NULL;
    OMN_TRY(omn_file_read(from, MOST_FILE, &data, &n, err));
    OMN_TRY(omn_file_create(to, OMN_KEEP_EXISTING, &f, err));
    OMN_TRY(omn_file_write(f, data, n, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    free(data);
    return st;
}

omn_status recipe_companions(const omn_model *m, const char *out, omn_error *err)
{
    static const char *const names[] = { "config.json", "tokenizer.model" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[4400], to[4400];
        struct stat s;
        snprintf(from, sizeof from, "%s/%s", omn_model_path(m), names[i]);
        snprintf(to, sizeof to, "%s/%s", out, names[i]);
        if (stat(from, &s) != 0 || stat(to, &s) == 0) continue;
        const omn_status st = copy_file(from, to, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}
