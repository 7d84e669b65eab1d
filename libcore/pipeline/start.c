/* SPDX-License-Identifier: Apache-2.0 */
/* What a training run begins with: nothing, the weights of one model, or the mean of several; parts
 * of it with the weights of models of their own. The mean of runs that began alike is often better
 * than each of them (model soups: Wortsman et al. 2022). */
#include "recipe.h"

#include "../generate/folder.h"

#include "../tensor/finite.h"
#include "../tensor/normed.h"
#include "../tensor/tiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The file or folder of weights that the recipe names. */
static omn_status read_weights(omn_recipe *r, const yml *y, const char **out, omn_error *err)
{
    const char *name;
    const omn_status st = yml_text(y, &name, NULL, err);
    if (st != OMN_OK) return st;
    *out = strchr(name, '/') ? named_beside(r->path, name, r->arena)
                             : named_file(r->path, name, NAMED_WEIGHTS, r->arena);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", r->path);
}

/* PREFIX: weights of that part. */
static omn_status read_parts(omn_recipe *r, const yml *y, omn_error *err)
{
    omn_status st = yml_want(y, YML_MAP, "parts", err);
    if (st == OMN_OK && (!y->n || y->n > MOST_STARTS))
        st = yml_fail(y, err, "1 to %d parts are wanted", MOST_STARTS);
    for (size_t i = 0; st == OMN_OK && i < y->n; i++) {
        OMN_TRY(yml_text(yml_key(y, i), &r->parts[i].prefix, NULL, err));
        OMN_TRY(read_weights(r, yml_value(y, i), &r->parts[i].from, err));
        r->n_parts = i + 1;
    }
done:
    return st;
}

omn_status start_read(omn_recipe *r, const yml *start, const yml *parts, omn_error *err)
{
    omn_status st = OMN_OK;
    const bool many = start && start->kind == YML_LIST;
    if (many && (!start->n || start->n > MOST_STARTS))
        return yml_fail(start, err, "1 to %d weights to begin with are wanted", MOST_STARTS);
    r->n_start = many ? start->n : start ? 1 : 0;
    for (size_t i = 0; i < r->n_start; i++)
        OMN_TRY(read_weights(r, many ? start->items[i] : start, &r->start[i], err));
    if (parts) OMN_TRY(read_parts(r, parts, err));
done:
    return st;
}

/* The weights of a folder: of the file that its configuration names, if it does. */
static omn_status folder_weights(const omn_recipe *r, const char *folder, omn_weights **out,
                                 omn_error *err)
{
    char file[4400], name[256] = "";
    struct stat s;
    snprintf(file, sizeof file, "%s/config.json", folder);
    if (stat(file, &s) == 0) {
        const omn_status st = model_weights_name(file, name, sizeof name, err);
        if (st != OMN_OK) return st;
    }
    if (!*name) return omn_weights_load(r->ctx, folder, NULL, out, err);
    snprintf(file, sizeof file, "%s/%s", folder, name);
    return omn_weights_load(r->ctx, file, NULL, out, err);
}

/* The folder that a path or a name means; *folder "": it is a file. */
static omn_status place_of(const omn_recipe *r, const char *path, char *folder, size_t room,
                           omn_error *err)
{
    struct stat s;
    const bool there = stat(path, &s) == 0;
    *folder = 0;
    if (there && S_ISDIR(s.st_mode)) snprintf(folder, room, "%s", path);
    if (there || strchr(path, '/')) return OMN_OK;
    return model_folder(r->ctx, path, folder, room, err);
}

omn_status start_open(const omn_recipe *r, size_t i, omn_weights **out, omn_error *err)
{
    char folder[4300];
    const char *path = i < r->n_start ? r->start[i] : r->parts[i - r->n_start].from;
    const omn_status st = place_of(r, path, folder, sizeof folder, err);
    if (st != OMN_OK) return st;
    return *folder ? folder_weights(r, folder, out, err)
                   : omn_weights_load(r->ctx, path, NULL, out, err);
}

/* x += (w - x) / n: x, the mean of n - 1 tensors, becomes that of n. */
static omn_status blend(const omn_weights *from, const char *name, const omn_tensor *is, float *x,
                        size_t n, omn_error *err)
{
    size_t count = 0;
    const header_row *t = weights_row(from, name);
    normed parts;
    const bool halves = normed_find(from, name, &parts);
    if (halves) {
        const omn_status bad = normed_check(&parts, name, &is->shape, omn_weights_path(from), err);
        if (bad != OMN_OK) return bad;
    }
    if (!omn_shape_count(&is->shape, &count) ||
        (!halves && (!t || !omn_shape_equal(row_matrix(t), &is->shape))))
        return omn_fail(err, OMN_ERR_DATA, "%s %s %s; weights of one shape are wanted",
                        omn_weights_path(from), t ? "has another shape of" : "lacks", name);
    float *w = malloc((count ? count : 1) * sizeof *w);
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    const omn_status read = halves ? normed_to_f32(&parts, w, err) : row_to_f32(t, w, err);
    const size_t good = read == OMN_OK ? finite_until(w, count) : count;
    const double bad = good < count ? (double)w[good] : 0;
    for (size_t i = 0; read == OMN_OK && i < count; i++) x[i] += (w[i] - x[i]) / (float)n;
    free(w);
    if (good < count)
        return omn_fail(err, OMN_ERR_DATA, "%s: value %zu of %zu in %s is %g, which is no weight",
                        name, good + 1, count, omn_weights_path(from), bad);
    return read;
}

/* The store holds the first weights; tensors that those lack stay as they were made. */
static omn_status mean(const omn_recipe *r, omn_store *store, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *first = NULL, *w = NULL;
    normed parts;
    OMN_TRY(start_open(r, 0, &first, err));
    for (size_t k = 1; k < r->n_start; k++) {
        OMN_TRY(start_open(r, k, &w, err));
        for (size_t i = 0; i < omn_store_count(store); i++) {
            const char *name = omn_store_name(store, i);
            const omn_tensor is = omn_store_tensor(store, i);
            if (!omn_weights_get(first, name) && !normed_find(first, name, &parts)) continue;
            OMN_TRY(blend(w, name, &is, omn_store_data(store, i), k + 1, err));
        }
        omn_weights_close(w);
        w = NULL;
    }
done:
    omn_weights_close(first);
    omn_weights_close(w);
    return st;
}

/* Rows of location ids that know their neighbours: row b holds sines and cosines of 2 pi f b /
 * bins, the frequencies normal with the recipe's deviation (Rahimi and Recht 2007). Neighbouring
 * bins then begin alike, and a box that is one bin off is a small error from the first step. Only
 * for weights that begin from nothing. */
static omn_status location_rows(const omn_recipe *r, const omn_model *m, omn_store *store,
                                omn_error *err)
{
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(m, "text"));
    const omn_range *at = omn_vocab_range(v, "location");
    const long i = v && v->table ? omn_store_find(store, v->table) : -1;
    if (!at || i < 0)
        return omn_fail_at(
            err, OMN_ERR_CONFIG, r->path, 0, 0,
            "initial: location_features wants a model whose vocabulary has locations");
    const int64_t D = omn_store_tensor(store, (size_t)i).shape.dim[1];
    float *table = omn_store_data(store, (size_t)i);
    for (int64_t k = 0; k + 1 < D; k += 2) {
        const double u =
            ((double)(omn_random_at(r->setup.seed, 0x6c6f63, (uint64_t)k) >> 11) + 1) * 0x1p-53;
        const double w =
            (double)(omn_random_at(r->setup.seed, 0x6c6f63, (uint64_t)k + 1) >> 11) * 0x1p-53;
        const double two_pi = 6.28318530717958647692;
        const double f = r->location_features * sqrt(-2 * log(u)) * cos(two_pi * w);
        for (int32_t b = 0; b < at->count; b++) {
            float *row = table + (int64_t)(at->first + at->step * b) * D;
            row[k] = (float)(sqrt(2.0) * sin(two_pi * f * b / at->count));
            row[k + 1] = (float)(sqrt(2.0) * cos(two_pi * f * b / at->count));
        }
    }
    return OMN_OK;
}

/* What stands behind "PREFIX." in a name, NULL: it does not begin so. */
static const char *below(const part_start *p, const char *name)
{
    const size_t n = strlen(p->prefix);
    return strncmp(name, p->prefix, n) || name[n] != '.' ? NULL : name + n + 1;
}

bool start_is_part(const omn_recipe *r, const char *name)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (below(&r->parts[i], name)) return true;
    return false;
}

/* All weights below the prefix are those of the folder, whose names have none. */
static omn_status one_part(const omn_recipe *r, size_t number, omn_store *store, omn_error *err)
{
    const part_start *p = &r->parts[number];
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    size_t found = 0;
    OMN_TRY(start_open(r, r->n_start + number, &w, err));
    for (size_t i = 0; i < omn_store_count(store); i++) {
        const char *name = below(p, omn_store_name(store, i));
        const omn_tensor is = omn_store_tensor(store, i);
        if (!name) continue;
        memset(omn_store_data(store, i), 0, is.bytes);
        OMN_TRY(blend(w, name, &is, omn_store_data(store, i), 1, err));
        found++;
    }
    if (!found)
        st = omn_fail(err, OMN_ERR_CONFIG, "the model has no weights whose names begin with "
                      "\"%s.\"", p->prefix);
done:
    if (st != OMN_OK) omn_error_prefix(err, "%s: parts: %s", r->path, p->prefix);
    omn_weights_close(w);
    return st;
}

omn_status start_weights(const omn_recipe *r, const omn_model *m, omn_store *store, size_t *moved,
                         omn_error *err)
{
    char folder[4300];
    omn_status st = OMN_OK;
    *moved = 0;
    if (r->n_start > 1) OMN_TRY(mean(r, store, err));
    if (r->n_start) {
        OMN_TRY(place_of(r, r->start[0], folder, sizeof folder, err));
        if (*folder) OMN_TRY(start_words(r, folder, m, store, moved, err));
    } else if (r->location_features > 0) {
        OMN_TRY(location_rows(r, m, store, err));
    }
    for (size_t i = 0; i < r->n_parts; i++) OMN_TRY(one_part(r, i, store, err));
done:
    return st;
}
