/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that are a model without a config.json beside them: programs that train write down what
 * they were told into their checkpoints, and a family that knows such words can be configured by
 * them. Sizes that no word tells are in the tensors: under "tensors" the configuration has the
 * shape of each below its name, the parts between dots as keys; families whose checkpoints hold no
 * words at all know themselves by those names. */
#include "folder.h"

#include <omnio/tensor.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_NAME 512

/* Puts the shape at the end of a name's keys; a name that begins with another one is left out. */
static bool put_shape(json_t *at, const char *name, const omn_shape *shape)
{
    char key[MOST_NAME];
    if (strlen(name) >= sizeof key) return true;
    for (const char *p = name;;) {
        const size_t n = strcspn(p, ".");
        memcpy(key, p, n);
        key[n] = 0;
        json_t *next = json_object_get(at, key);
        if (!p[n]) break;
        if (next && !json_is_object(next)) return true;
        if (!next && (!(next = json_object()) || json_object_set_new(at, key, next))) return false;
        at = next;
        p += n + 1;
    }
    if (json_object_get(at, key)) return true;
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < shape->rank; i++)
        if (json_array_append_new(list, json_integer(shape->dim[i]))) {
            json_decref(list);
            return false;
        }
    return list && !json_object_set_new(at, key, list);
}

static omn_status no_config(const char *path, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MISSING,
                    "%.*s: there is no config.json beside these weights: a model is a folder with "
                    "both, or a checkpoint with a configuration in it or tensors that a family "
                    "knows; omnio-models(7) says what stands in a config.json",
                    (int)strcspn(path, "?"), path);
}

/* The weights of a file, or the only ones of a folder. */
static omn_status open_alone(omn_context *ctx, const char *path, omn_weights **out, omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    struct stat st;
    char plain[4096];
    const omn_status found = omn_weights_load(ctx, path, NULL, out, &why);
    if (found == OMN_OK) return found;
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(path, "?"), path);
    if (found == OMN_ERR_MISSING && stat(plain, &st) == 0 && S_ISDIR(st.st_mode))
        return omn_fail(err, found,
                        "%s is no model: a folder with config.json and weights is wanted, or a "
                        "file of weights in such a folder", plain);
    return omn_fail(err, found, "%s", why.text);
}

omn_status own_config(omn_context *ctx, const char *path, json_t **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    json_t *all = NULL, *tensors = json_object();
    *out = NULL;
    if (!tensors) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path));
    OMN_TRY(open_alone(ctx, path, &w, err));
    const char *data = omn_weights_meta(w, "data");
    if (!data) data = "{}";
    OMN_TRY(config_parse(data, strlen(data), 0, path, &all, err));
    if (!json_is_object(all)) OMN_TRY(no_config(path, err));
    bool whole = true;
    for (size_t i = 0; i < omn_weights_count(w) && whole; i++)
        whole = put_shape(tensors, omn_weights_name(w, i), &omn_weights_at(w, i)->shape);
    if (!whole || json_object_set(all, "tensors", tensors))
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path));
    bool known = false;
    OMN_TRY(config_known(ctx, all, path, &known, err));
    if (!known) OMN_TRY(no_config(path, err));
    *out = all;
    all = NULL;
done:
    json_decref(all);
    json_decref(tensors);
    omn_weights_close(w);
    return st;
}
