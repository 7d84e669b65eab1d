/* SPDX-License-Identifier: Apache-2.0 */
/* The file of any value, those of kinds that a plugin brings too: what is numbers are tensors that
 * every reader of safetensors sees; the rest (kind, texts, where it lies) is one JSON text in the
 * metadata, "omnio.value". A file of tensors alone is read as a tensor, or as a record of them, and
 * so are the arrays of NumPy. */
#include <omnio/plugin.h>

#include <stdlib.h>
#include <string.h>

#define KEY "omnio.value"

static int probe(const char *name, const uint8_t *head, size_t n)
{
    const size_t length = name != NULL ? strlen(name) : 0;
    static const char suffix[] = ".safetensors";
    const size_t m = sizeof(suffix) - 1;
    uint64_t header = 0;
    /* The length of a header, which begins with a brace; more than 100 MB is none. */
    if (n < 10 || head[8] != '{') return 0;
    for (int i = 7; i >= 0; i--) header = header << 8 | head[i];
    if (header < 2 || header > 100000000) return 0;
    return length > m && strcmp(name + length - m, suffix) == 0 ? 98 : 91;
}

/* ---- reading -------------------------------------------------------------------------------- */

static omn_status tensor_value(const omn_weights *w, size_t i, omn_value **out, omn_error *err)
{
    const omn_tensor *t = omn_weights_at(w, i);
    if (omn_column_bytes(t->type) == 0)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "tensor %s is of type %s, which no value has",
                        omn_weights_name(w, i), omn_type_get(t->type)->name);
    return omn_tensor_value_new(t, out, err);
}

static omn_status plain_tensors(const omn_weights *w, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = omn_weights_count(w);
    size_t made = 0;
    if (n == 1) return tensor_value(w, 0, out, err);
    if (n == 0 || n > OMN_RECORD_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu tensors are no value; 1..%u are", n,
                        OMN_RECORD_MOST);
    omn_named *fields = calloc(n, sizeof(*fields));
    if (fields == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tensors", n);
    for (; made < n; made++) {
        fields[made].name = omn_weights_name(w, made);
        OMN_TRY(tensor_value(w, made, &fields[made].value, err));
    }
    st = omn_record_new(fields, n, out, err);
done:
    while (made > 0) omn_value_unref(fields[--made].value);
    free(fields);
    return st;
}

static const omn_tensor *give(void *user, const char *name)
{
    return omn_weights_get(user, name);
}

static omn_status read_value(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    OMN_TRY(omn_weights_of(bytes, size, "safetensors", &w, err));
    OMN_TRY(omn_weights_check(w, NULL, err));
    const char *json = omn_weights_meta(w, KEY);
    if (json != NULL)
        st = omn_value_join(c, json, strlen(json), give, w, out, err);
    else
        st = plain_tensors(w, out, err);
done:
    omn_weights_close(w);
    return st;
}

/* ---- writing -------------------------------------------------------------------------------- */

typedef struct parts {
    omn_weights_entry *list; /* names and data are owned */
    size_t n, room;
} parts;

/* A column lives as long as the value, but not what is made only to be handed over. */
static omn_status take(void *user, const char *name, const omn_tensor *t, omn_error *err)
{
    parts *p = user;
    if (p->n == p->room) {
        const size_t room = p->room > 0 ? 2 * p->room : 16;
        omn_weights_entry *more = realloc(p->list, room * sizeof(*more));
        if (more == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tensors", room);
        p->list = more;
        p->room = room;
    }
    char *own = strdup(name);
    void *data = malloc(t->bytes > 0 ? t->bytes : 1);
    if (own == NULL || data == NULL) {
        free(own);
        free(data);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a tensor of %zu bytes", t->bytes);
    }
    if (t->bytes > 0) memcpy(data, t->data, t->bytes);
    p->list[p->n] = (omn_weights_entry){ own, *t };
    p->list[p->n++].tensor.data = data;
    return OMN_OK;
}

static omn_status write_value(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                              size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    parts p = { 0 };
    omn_buf json;
    (void)c;
    (void)params;
    omn_buf_init(&json, OMN_TEXT_MOST); /* what reading takes */
    OMN_TRY(omn_value_split(v, take, &p, &json, err));
    const char *const meta[2] = { KEY, json.data };
    st = omn_weights_bytes(p.list, p.n, meta, 1, bytes, size, err);
done:
    for (size_t i = 0; i < p.n; i++) {
        free((char *)(uintptr_t)p.list[i].name);
        free((void *)(uintptr_t)p.list[i].tensor.data);
    }
    free(p.list);
    omn_buf_fini(&json);
    return st;
}

static const omn_format_impl format = { NULL,       "any",     "safetensors", probe,
                                        read_value, write_value };
/* ---- arrays of NumPy ------------------------------------------------------------------------ */

/* The reader of weights opens files, not bytes. */
static omn_status read_arrays(omn_call *c, const char *path, omn_value **out, omn_error *err)
{
    omn_weights *w = NULL;
    omn_context *ctx = omn_call_host(c);
    if (ctx == NULL)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "arrays of NumPy cannot be read in this call");
    omn_status st = omn_weights_load(ctx, path, NULL, &w, err);
    if (st == OMN_OK) st = plain_tensors(w, out, err);
    omn_weights_close(w);
    return st;
}

static omn_status refuse_bytes(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                               omn_error *err)
{
    (void)c;
    (void)bytes;
    (void)size;
    (void)out;
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "arrays of NumPy are read from a file, not from a pipe");
}

static int probe_arrays(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    if (n >= 6 && memcmp(head, "\x93NUMPY", 6) == 0) return 95;
    if (n < 31 || memcmp(head, "PK\3\4", 4) != 0) return 0;
    const size_t length = (size_t)head[26] | (size_t)head[27] << 8;
    return length > 4 && length <= n - 30 && memcmp(head + 30 + length - 4, ".npy", 4) == 0 ? 95
                                                                                           : 0;
}

static const void *extension_arrays(const char *id)
{
    static const omn_format_file file = { read_arrays };
    return strcmp(id, "omnio.file/1") == 0 ? &file : NULL;
}

static const omn_format_impl arrays = { extension_arrays, "any",        "npz,npy",
                                        probe_arrays,     refuse_bytes, NULL };
static const omn_object objects[] = {
    { "omnio.format/1", "npz", "arrays of NumPy: a tensor, or a record of them", &arrays, NULL, 0,
      0 },
    { "omnio.format/1", "safetensors", "any value: tensors, and the rest as JSON in the metadata",
      &format, NULL, 0, 0 },
};
OMN_PLUGIN("format-safetensors", "1.0", "Apache-2.0", "files of any value", objects);
