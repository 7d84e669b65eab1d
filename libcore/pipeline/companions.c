/* SPDX-License-Identifier: Apache-2.0 */
/* A model is a folder: configuration, tokenizer, weights. What training writes is a model from the
 * first checkpoint on, so the files that belong to the weights are put beside them. */
#include "recipe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FILE ((size_t)64 << 20)
#define CONFIG "config.json"

/* A configuration without the name of the file that held the weights (omnio.weights): a folder that
 * training writes has its own. NULL: it names none, or is no JSON, and is copied as it is. */
static char *without_weights(const char *data, size_t n)
{
    json_t *all = json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL);
    json_t *own = json_object_get(all, "omnio");
    char *text = NULL;
    if (json_object_get(own, "weights")) {
        json_object_del(own, "weights");
        text = json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    }
    json_decref(all);
    return text;
}

static omn_status copy_file(const char *from, const char *to, bool config, omn_error *err)
{
    omn_status st = OMN_OK;
    char *data = NULL, *text = NULL;
    size_t n = 0;
    omn_file *f = NULL;
    OMN_TRY(omn_file_read(from, MOST_FILE, &data, &n, err));
    if (config) text = without_weights(data, n);
    OMN_TRY(omn_file_create(to, OMN_KEEP_EXISTING, &f, err));
    OMN_TRY(omn_file_write(f, text ? text : data, text ? strlen(text) : n, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    free(text);
    free(data);
    return st;
}

static omn_status companion(const omn_model *m, const char *name, const char *out, omn_error *err)
{
    char from[4400], to[4400];
    struct stat s;
    snprintf(from, sizeof from, "%s/%s", model_dir(m), name);
    snprintf(to, sizeof to, "%s/%s", out, name);
    if (stat(from, &s) != 0 || stat(to, &s) == 0) return OMN_OK;
    if (!strchr(name, '/')) return copy_file(from, to, !strcmp(name, CONFIG), err);
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "%s lies in a folder of its own below the model's: copy it to %s yourself",
                    name, to);
}

omn_status recipe_companions(const omn_model *m, const char *out, omn_error *err)
{
    const char *name;
    omn_status st = companion(m, CONFIG, out, err);
    for (size_t i = 0; st == OMN_OK && (name = model_file(m, i)); i++)
        st = companion(m, name, out, err);
    return st;
}

void recipe_alone(const omn_model *m, const char *out)
{
    const char *name = CONFIG;
    for (size_t i = 0; name; name = m ? model_file(m, i++) : NULL) {
        char path[4400];
        snprintf(path, sizeof path, "%s/%s", out, name);
        unlink(path);
    }
}
