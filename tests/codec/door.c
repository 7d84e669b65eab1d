/* SPDX-License-Identifier: Apache-2.0 */
/* What the host does when it opens an object, as far as a codec needs it: defaults, then settings,
 * each written into the parameter struct at the offset that its row says. */
#include "tests/codec/door.h"

#include <stdlib.h>
#include <string.h>

#include "tests/testing.h"

static int choice(const char *range, const char *text)
{
    const size_t n = strlen(text);
    int i = 0;
    for (const char *at = range; at != NULL;
         at = strchr(at, '|'), at = at != NULL ? at + 1 : NULL, i++)
        if (strncmp(at, text, n) == 0 && (at[n] == '|' || at[n] == 0)) return i;
    ck_abort_msg("%s is none of %s", text, range);
    return -1;
}

static void store(const omn_param *row, const char *text, char *params)
{
    char *at = params + row->offset;
    const int number = strcmp(row->type, "int") == 0      ? atoi(text)
                       : strcmp(row->type, "choice") == 0 ? choice(row->range, text)
                                                          : 0;
    const bool truth = strcmp(text, "true") == 0;
    const double real = strcmp(row->type, "double") == 0 ? strtod(text, NULL) : 0;
    if (strcmp(row->type, "bool") == 0)
        memcpy(at, &truth, sizeof truth);
    else if (strcmp(row->type, "double") == 0)
        memcpy(at, &real, sizeof real);
    else if (strcmp(row->type, "string") == 0 || strcmp(row->type, "path") == 0)
        memcpy(at, &text, sizeof text);
    else
        memcpy(at, &number, sizeof number);
}

const omn_codec_impl *door_open(const omn_plugin *plugin, const char *object, void **self,
                                omn_error *err, const char *const *settings)
{
    omn_error mine = OMN_ERROR_INIT;
    for (uint32_t i = 0; i < plugin->n_objects; i++) {
        const omn_object *o = &plugin->objects[i];
        if (strcmp(o->name, object) != 0) continue;
        ck_assert_str_eq(o->kind, "omnio.codec/1");
        char *params = calloc(1, o->params_size);
        ck_assert_ptr_nonnull(params);
        for (uint32_t k = 0; k < o->n_params; k++) {
            const char *text = o->params[k].deflt;
            for (const char *const *s = settings; s != NULL && *s != NULL; s += 2)
                if (strcmp(s[0], o->params[k].name) == 0) text = s[1];
            ck_assert_ptr_nonnull(text);
            store(&o->params[k], text, params);
        }
        const omn_codec_impl *impl = o->impl;
        const omn_status st = impl->open(NULL, params, NULL, self, err != NULL ? err : &mine);
        ck_assert_msg(err != NULL || st == OMN_OK, "%s", mine.text);
        free(params);
        return impl;
    }
    ck_abort_msg("no object %s", object);
    return NULL;
}
