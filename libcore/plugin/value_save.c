/* SPDX-License-Identifier: Apache-2.0 */
/* From a value to a file. The suffix says which format, settings may follow a question mark as in
 * "out.jpg?quality=90", and the file appears whole or not at all. */
#include "context.h"
#include "path.h"
#include "suffix.h"

#include <stdlib.h>
#include <string.h>

#define MOST_TEXT ((size_t)1 << 30)

static omn_status put_bytes(const char *path, const void *bytes, size_t n, omn_overwrite how,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    OMN_TRY(omn_file_create(path, how, &f, err));
    OMN_TRY(omn_file_write(f, bytes, n, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    return st;
}

/* Text and JSON; false: not a suffix of ours. */
static bool put_builtin(const char *suffix, const omn_value *v, omn_buf *out)
{
    if (strcmp(suffix, "txt") == 0) {
        omn_value_text(v, out);
        /* Texts end as they are, plus the newline that loading takes away again. */
        bool text = omn_value_is(v, "text");
        if (text || out->length == 0 || out->data[out->length - 1] != '\n') omn_buf_puts(out, "\n");
        return true;
    }
    if (strcmp(suffix, "json") == 0) {
        omn_value_json(v, out);
        omn_buf_puts(out, "\n");
        return true;
    }
    if (strcmp(suffix, "jsonl") != 0) return false;
    bool list = omn_value_is(v, "list");
    for (size_t i = 0; i < (list ? omn_list_count(v) : 1); i++) {
        omn_value_json(list ? omn_list_at(v, i) : v, out);
        omn_buf_puts(out, "\n");
    }
    return true;
}

static omn_status find_format(omn_context *ctx, const char *path, const char *suffix,
                              const char *type, const omn_entry **out, omn_error *err)
{
    format_names names;
    omn_status st = registry_formats(context_registry(ctx), ctx, type, suffix, &names, err);
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < names.preferred; i++) {
        st = omn_registry_find(ctx, "omnio.format/1", names.of[i], out, err);
        if (st != OMN_OK) return st;
        const omn_format_impl *impl = omn_entry_object(*out)->impl;
        if (impl->write) return OMN_OK;
    }
    if (names.preferred > 0)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: format %s can be read but not written", path,
                        names.of[0]);
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "%s: no format writes a value of type %s to files "
                    "ending in .%s (omnio list shows the formats)",
                    path, type, suffix);
}

omn_status omn_value_save(omn_context *ctx, const char *path, const omn_value *v, omn_overwrite how,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    char suffix[SUFFIX_ROOM], *plain = NULL;
    omn_setting set[PATH_SETTINGS];
    size_t n_set = 0, n = 0;
    const omn_entry *e = NULL;
    omn_call *c = NULL;
    void *params = NULL;
    uint8_t *bytes = NULL;
    omn_buf text;
    if (!ctx || !path || !v)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_value_save: no context, path or value");
    omn_arena *a = omn_arena_new((size_t)4 << 20);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "no memory to save %s", path);
    omn_buf_init(&text, MOST_TEXT);
    OMN_TRY(path_split(path, a, &plain, set, &n_set, err));
    if (!suffix_of(plain, suffix)) {
        st = omn_fail(err, OMN_ERR_ARGUMENT,
                      "%s: the name has no suffix that says which format to "
                      "write (as .txt, .json or .png)",
                      plain);
        goto done;
    }
    if (put_builtin(suffix, v, &text)) {
        if (n_set)
            st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: .%s has no settings", plain, suffix);
        else if (text.failed)
            st = omn_fail(err, OMN_ERR_MEMORY, "%s: too large", plain);
        else
            st = put_bytes(plain, text.data, text.length, how, err);
        goto done;
    }
    OMN_TRY(find_format(ctx, plain, suffix, omn_value_kind_name(v), &e, err));
    OMN_TRY(omn_params_fill(e, set, n_set, NULL, a, &params, err));
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &c, err));
    const omn_format_impl *impl = omn_entry_object(e)->impl;
    st = impl->write(c, params, v, &bytes, &n, err);
    if (st != OMN_OK) {
        omn_fail(err, st, "format %s failed without saying why", omn_entry_object(e)->name);
        omn_error_prefix(err, "%s", plain);
    } else if (!bytes && n) {
        st = omn_fail(err, OMN_ERR_PLUGIN, "%s: format %s wrote nothing", plain,
                      omn_entry_object(e)->name);
    } else {
        st = put_bytes(plain, bytes, n, how, err);
    }
done:
    free(bytes);
    omn_call_free(c);
    omn_buf_fini(&text);
    omn_arena_free(a);
    return st;
}
