/* SPDX-License-Identifier: Apache-2.0 */
/* The key "keep" of a recipe: where codes of what is wanted are kept, and how many; and the makers
 * that the teachers of the recipe share, one for each decoder. */
#include "recipe.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

/* "64MiB", "1GiB", "4096": bytes. */
static omn_status read_bytes(const yml *y, uint64_t most, uint64_t deflt, uint64_t *out,
                             omn_error *err)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB" };
    const char *text;
    uint64_t n = 0;
    *out = deflt;
    omn_status st = yml_text(y, &text, NULL, err);
    if (st != OMN_OK || !text) return st;
    const size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; digits <= 15 && i < digits; i++) n = 10 * n + (uint64_t)(text[i] - '0');
    for (uint32_t u = 0; digits && digits <= 15 && u < 5; u++) {
        if (strcmp(text + digits, units[u]) || n > most >> (10 * u)) continue;
        *out = n << (10 * u);
        return OMN_OK;
    }
    return yml_fail(y, err, "\"%s\": a size up to %lluGiB is wanted, 64MiB or 1GiB", text,
                    (unsigned long long)(most >> 30));
}

omn_status keep_read(omn_recipe *r, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "folder", "most", "memory", NULL };
    omn_status st = OMN_OK;
    const char *folder;
    uint64_t memory = CODES_MEMORY;
    r->keep = (codes_keep){ .memory = CODES_MEMORY, .most = CODES_MOST };
    if (!y) return OMN_OK;
    OMN_TRY(yml_want(y, YML_MAP, "keep", err));
    OMN_TRY(yml_only(y, keys, err));
    OMN_TRY(yml_text(yml_get(y, "folder"), &folder, NULL, err));
    OMN_TRY(read_bytes(yml_get(y, "most"), (uint64_t)1 << 50, CODES_MOST, &r->keep.most, err));
    OMN_TRY(read_bytes(yml_get(y, "memory"), (uint64_t)1 << 40, CODES_MEMORY, &memory, err));
    r->keep.memory = (size_t)memory;
    if (yml_get(y, "most") && !folder)
        return yml_fail(yml_get(y, "most"), err, "most: bounds a folder, and none is named");
    if (!folder) return OMN_OK;
    if (!folder[0]) return yml_fail(yml_get(y, "folder"), err, "the name of a folder is wanted");
    r->keep.folder = folder[0] == '/' || !r->folder[0]
                         ? folder
                         : omn_arena_printf(r->arena, "%s/%s", r->folder, folder);
    if (!r->keep.folder) st = omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", r->path);
done:
    return st;
}

omn_status keep_open(omn_recipe *r, omn_error *err)
{
    codes_keep how = r->keep;
    if (!r->keeps) how.folder = NULL;
    for (size_t i = 0; i < r->n_tasks; i++) {
        omn_teacher *t = r->tasks[i].teacher;
        if (!t || !teacher_takes(t)) continue;
        codes_maker **k = &r->codes[r->tasks[i].output];
        if (!*k) {
            const omn_status st = codes_new(r->teacher, teacher_decoder(t), &how, k, err);
            if (st != OMN_OK) return st;
        }
        teacher_share(t, *k);
    }
    return OMN_OK;
}

void keep_close(omn_recipe *r)
{
    ahead_forget(r);
    for (size_t i = 0; i < MOST_OUTPUTS; i++) {
        codes_free(r->codes[i]);
        r->codes[i] = NULL;
    }
}

static omn_status settled(const omn_recipe *r, codes_maker *k, const omn_trainer *t, omn_error *err)
{
    const char *name = NULL;
    if (!k) return OMN_OK;
    codes_changed(k);
    for (size_t i = 0;; i++) {
        const omn_status st = codes_weight(k, i, &name, err);
        if (st != OMN_OK || !name) return st;
        if (t && trainer_moves(t, name))
            return yml_fail(r->root, err,
                            "the codes that are wanted depend on the weight \"%s\", which this "
                            "training changes: freeze: [\"%s\"] keeps it as it is",
                            name, name);
    }
}

omn_status keep_settled(omn_recipe *r, const omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < MOST_OUTPUTS && st == OMN_OK; i++) st = settled(r, r->codes[i], t, err);
    return st;
}
