/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF files: tensors are used where they lie in the mapping, metadata become texts. Public files
 * of language models have names of their own; they are told by the names that the Transformers
 * library has, and the rows of queries and keys, which those files hold in another order (names.c),
 * are brought into memory in the order of that library. */
#include "gguf.h"

#include <omnio/value.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NOTES = 500, MOST_NOTE = 1 << 16 };
enum { NAMES_AUTO, NAMES_FILE };

struct gguf_set {
    int32_t names;
};

static const omn_param params[] = {
    { "param", "names", "choice", "auto", "auto|file", NULL,
      "auto: of language models those that the Transformers library has; file: as they are there",
      offsetof(struct gguf_set, names) },
};

/* A tensor whose rows are made: which, and of how many heads. */
typedef struct turned { const gguf_tensor *t; int64_t heads; } turned;

typedef struct opened {
    omn_arena *a;
    gguf g;
    turned *turned;
    size_t n_turned;
} opened;

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 4 && memcmp(head, "GGUF", 4) == 0 ? 100 : 0;
}

/* ---- metadata -------------------------------------------------------------------------------- */

static const char *const kind_words[GGUF_KINDS] = {
    [GGUF_U8] = "u8", [GGUF_I8] = "i8", [GGUF_U16] = "u16", [GGUF_I16] = "i16", [GGUF_U32] = "u32",
    [GGUF_I32] = "i32", [GGUF_F32] = "f32", [GGUF_BOOL] = "bool", [GGUF_STRING] = "texts",
    [GGUF_ARRAY] = "arrays", [GGUF_U64] = "u64", [GGUF_I64] = "i64", [GGUF_F64] = "f64",
};

/* A value as text, into out. */
static void say(const gguf_value *v, omn_buf *out)
{
    gguf_text t;
    bool yes;
    double x;
    int64_t whole;
    if (v->array)
        omn_buf_printf(out, "(%llu %s)", (unsigned long long)v->count, kind_words[v->kind]);
    else if (gguf_string(v, &t) && t.n <= MOST_NOTE && omn_utf8_check(t.at, t.n, NULL))
        omn_buf_put(out, t.at, t.n);
    else if (v->kind == GGUF_STRING)
        omn_buf_printf(out, "(%zu bytes)", t.n);
    else if (gguf_bool(v, &yes))
        omn_buf_puts(out, yes ? "true" : "false");
    else if (v->kind == GGUF_U64)
        omn_buf_printf(out, "%llu", (unsigned long long)gguf_natural(v));
    else if (gguf_whole(v, &whole))
        omn_buf_printf(out, "%lld", (long long)whole);
    else if (gguf_number(v, &x))
        omn_buf_printf(out, "%.9g", x);
}

static omn_status note_all(const gguf *g, omn_weights_list *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf b;
    size_t n = 0;
    omn_buf_init(&b, 2 * MOST_NOTE);
    for (size_t i = 0; i < g->n_pairs && st == OMN_OK && n < MOST_NOTES; i++) {
        const char *key = g->pair[i].key;
        if (!strncmp(key, GGUF_FILE_KEY, strlen(GGUF_FILE_KEY))) continue;
        if (!strncmp(key, GGUF_SHAPE_KEY, strlen(GGUF_SHAPE_KEY))) continue;
        if (!strncmp(key, GGUF_META_KEY, strlen(GGUF_META_KEY))) key += strlen(GGUF_META_KEY);
        b.length = 0;
        omn_buf_puts(&b, "");
        say(&g->pair[i].value, &b);
        st = omn_buf_check(&b, g->path, err);
        if (st == OMN_OK && *key)
            st = omn_weights_list_note(out, key, b.length ? b.data : "", err);
        n++;
    }
    omn_buf_fini(&b);
    return st;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static omn_status add(opened *o, const gguf_tensor *t, bool public, omn_weights_list *out,
                      omn_error *err)
{
    char name[160];
    int64_t heads = 0;
    omn_weights_place p = { OMN_FILL(omn_weights_place), .name = t->name, .type = t->type,
                            .shape = t->shape, .at = t->at, .from = t->at,
                            .end = t->at + t->bytes };
    if (public && gguf_public_name(&o->g, t->name, name, sizeof name, &heads)) p.name = name;
    if (heads > 0) {
        const bool rows =
            t->shape.rank == 2 || (t->shape.rank == 1 && omn_type_get(t->type)->bytes);
        if (!rows || t->shape.dim[0] % (2 * heads))
            return omn_fail(err, OMN_ERR_DATA,
                            "%s: tensor %s: its rows are no whole pairs of %lld heads", o->g.path,
                            t->name, (long long)heads);
        p.made = true;
        p.id = o->n_turned;
        o->turned[o->n_turned++] = (turned){ t, heads };
    }
    return omn_weights_list_add(out, &p, err);
}

static omn_status open_gguf(omn_call *c, const void *given, const char *path,
                            omn_weights_list *out, void **self, omn_error *err)
{
    const struct gguf_set *set = given;
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    (void)c;
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(omn_weights_list_map(out, map, NULL, err));
    omn_arena *a = omn_arena_new(0);
    opened *o = a ? omn_arena_alloc(a, 1, sizeof *o) : NULL;
    if (!o) {
        omn_arena_free(a);
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    }
    *self = o;
    o->a = a;
    OMN_TRY(gguf_read(map, a, &o->g, err));
    o->turned = omn_arena_alloc(a, o->g.n_tensors + 1, sizeof *o->turned);
    if (!o->turned) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    const bool public = set->names == NAMES_AUTO && gguf_family(&o->g);
    for (size_t i = 0; i < o->g.n_tensors; i++)
        OMN_TRY(add(o, &o->g.tensor[i], public, out, err));
    st = note_all(&o->g, out, err);
done:
    return st;
}

static void close_gguf(void *self)
{
    opened *o = self;
    omn_arena_free(o->a);
}

/* Row h K + p K/2 + j of what is asked for is row h K + 2 j + p of the file. */
static omn_status read_gguf(void *self, uint64_t id, uint64_t at, void *bytes, size_t n,
                            omn_error *err)
{
    const opened *o = self;
    const turned *r = &o->turned[id];
    const uint64_t rows = (uint64_t)r->t->shape.dim[0], K = rows / (uint64_t)r->heads;
    const size_t each = rows ? r->t->bytes / (size_t)rows : 0;
    unsigned char *to = bytes;
    (void)err;
    while (n > 0 && each > 0) {
        const uint64_t row = at / each, k = row % K, from = at % each;
        const uint64_t there = row - k + 2 * (k % (K / 2)) + k / (K / 2);
        const size_t left = (size_t)(each - from), some = n < left ? n : left;
        memcpy(to, o->g.bytes + r->t->at + there * each + from, some);
        to += some;
        at += some;
        n -= some;
    }
    return OMN_OK;
}

static const void *extension(const char *id)
{
    if (!strcmp(id, "omnio.weights-files/1")) return &gguf_files;
    if (!strcmp(id, "omnio.weights-writer/1")) return &gguf_writer;
    return NULL;
}

static const omn_weights_impl impl = { extension, "gguf", probe, open_gguf, close_gguf, read_gguf };
static const omn_object objects[] = {
    { "omnio.weights/1", "gguf", "GGUF files of ggml, read and written", &impl, params,
      sizeof params / sizeof *params, sizeof(struct gguf_set) },
};
OMN_PLUGIN("weights-gguf", "1.0", "Apache-2.0", "GGUF files of ggml", objects);
