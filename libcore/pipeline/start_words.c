/* SPDX-License-Identifier: Apache-2.0 */
/* A model that begins with the weights of another one may count its words otherwise: a place for
 * one more picture, and all marks behind it have other ids. The rows of the tables follow the
 * words then. Words are the same that spell the same; of several that do, as the letter "a" and its
 * byte do, and of those that spell nothing, the k-th is the k-th. */
#include "recipe.h"

#include "../generate/folder.h"
#include "../generate/spelling.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void sorted(const spelling *s, spelled_id *out)
{
    for (int32_t id = 0; id < s->rows; id++) {
        size_t n;
        const char *bytes = spelling_get(s, id, false, &n);
        out[id] = (spelled_id){ bytes, (uint32_t)n, id };
    }
    qsort(out, (size_t)s->rows, sizeof *out, spelled_by_bytes);
}

/* from[id]: the row of old that id of new begins with; returns how many words move. What old has
 * and new has not are rows that nobody claims: words that new has alone take them in turn. Both
 * have n rows, so there is one for each. */
static int32_t follow(const spelled_id *old, const spelled_id *new, int32_t n, bool *taken,
                      int32_t *from)
{
    int32_t moved = 0, row = 0;
    for (int32_t i = 0; i < n; i++) from[i] = -1;
    for (int32_t i = 0, k = 0; i < n && k < n;) {
        const int c = spelled_alike(&old[i], &new[k]);
        if (c < 0) i++;
        else if (c > 0) k++;
        else {
            moved += old[i].n && old[i].id != new[k].id;
            taken[old[i].id] = true;
            from[new[k++].id] = old[i++].id;
        }
    }
    for (int32_t id = 0; id < n; id++) {
        if (from[id] >= 0) continue;
        while (taken[row]) row++;
        from[id] = row++;
    }
    return moved;
}

/* Is it the table of another decoder, of pictures, say? */
static bool of_codes(const omn_model *m, const char *name, const char *table)
{
    omn_part *const *parts;
    const size_t n = omn_model_parts(m, &parts);
    for (size_t i = 0; i < n; i++) {
        const omn_vocab *v = omn_part_vocabulary(parts[i]);
        if (v && v->table && strcmp(v->table, table) && !strcmp(v->table, name)) return true;
    }
    return false;
}

/* All tables of one shape: a head that is not tied to what reads the words has it as well. */
static omn_status rows_move(const omn_model *m, omn_store *store, const char *table,
                            const int32_t *from, int32_t rows, omn_error *err)
{
    const long first = omn_store_find(store, table);
    if (first < 0) return OMN_OK;
    const omn_tensor like = omn_store_tensor(store, (size_t)first);
    const size_t width = like.bytes / sizeof(float) / (size_t)rows;
    float *was = malloc(like.bytes ? like.bytes : 1);
    if (!was) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", table);
    for (size_t i = 0; i < omn_store_count(store); i++) {
        const omn_tensor t = omn_store_tensor(store, i);
        float *is = omn_store_data(store, i);
        if (!omn_shape_equal(&t.shape, &like.shape) ||
            of_codes(m, omn_store_name(store, i), table))
            continue;
        memcpy(was, is, like.bytes);
        for (int32_t id = 0; id < rows; id++)
            memcpy(is + (size_t)id * width, was + (size_t)from[id] * width, width * sizeof *is);
    }
    free(was);
    return OMN_OK;
}

static omn_status words_between(const omn_part *was, const omn_model *m, omn_store *store,
                                size_t *moved, omn_error *err)
{
    const omn_part *is = omn_model_decoder(m, "text");
    const omn_vocab *old = omn_part_vocabulary(was), *new = omn_part_vocabulary(is);
    omn_status st = OMN_OK;
    spelling *a = NULL, *b = NULL;
    spelled_id *words = NULL;
    int32_t *from = NULL;
    bool *taken = NULL;
    if (!old || !new || !new->table || old->rows != new->rows) return OMN_OK;
    const size_t n = (size_t)new->rows;
    OMN_TRY(spelling_new(was, old, &a, err));
    OMN_TRY(spelling_new(is, new, &b, err));
    if (!a->spells || !b->spells) goto done;
    words = calloc(2 * n, sizeof *words);
    from = calloc(n, sizeof *from);
    taken = calloc(n, sizeof *taken);
    if (!words || !from || !taken) {
        st = omn_fail(err, OMN_ERR_MEMORY, "the words of two models: out of memory");
        goto done;
    }
    sorted(a, words);
    sorted(b, words + n);
    const int32_t rows = follow(words, words + n, new->rows, taken, from);
    if (rows) OMN_TRY(rows_move(m, store, new->table, from, new->rows, err));
    *moved += (size_t)rows;
done:
    free(taken);
    free(from);
    free(words);
    spelling_free(a);
    spelling_free(b);
    return st;
}

omn_status start_words(const omn_recipe *r, const char *folder, const omn_model *m,
                       omn_store *store, size_t *moved, omn_error *err)
{
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
    omn_status st = OMN_OK;
    omn_model *old = NULL;
    char config[4400];
    struct stat s;
    *moved = 0;
    snprintf(config, sizeof config, "%s/config.json", folder);
    if (stat(config, &s) != 0) return OMN_OK;       /* weights alone say nothing of words */
    /* weights may be taken from what no family here can run: its words are not known then */
    omn_error none = OMN_ERROR_INIT;
    if (omn_model_open(r->ctx, folder, &how, &old, &none) != OMN_OK) return OMN_OK;
    const omn_part *was = omn_model_decoder(old, "text");
    if (was && omn_model_decoder(m, "text")) OMN_TRY(words_between(was, m, store, moved, err));
done:
    omn_model_close(old);
    return st;
}
