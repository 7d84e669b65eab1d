/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a GGUF file front to back. Every length is compared with what is left of the file before
 * it is used, so that memory for names and keys is at most a few times the file; tensors lie within
 * the file, at their alignment, and none shares a byte with another. */
#include "gguf.h"

#include <omnio/value.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 4, MOST_ALIGNMENT = 1 << 20 };

/* Bytes of one value; 0: a text or an array, whose length is its own. */
static const uint8_t kind_bytes[GGUF_KINDS] = {
    [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,
    [GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};

static uint64_t little(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    while (n-- > 0) x = x << 8 | p[n];
    return x;
}

/* ---- values ---------------------------------------------------------------------------------- */

bool gguf_string(const gguf_value *v, gguf_text *out)
{
    if (!v || v->array || v->kind != GGUF_STRING) return false;
    const uint8_t *p = v->at;
    *out = gguf_text_next(&p);
    return true;
}

gguf_text gguf_text_next(const uint8_t **p)
{
    const gguf_text t = { (const char *)*p + 8, (size_t)little(*p, 8) };
    *p += 8 + t.n;
    return t;
}

bool gguf_is(const gguf_value *v, const char *text)
{
    gguf_text t;
    return gguf_string(v, &t) && t.n == strlen(text) && !memcmp(t.at, text, t.n);
}

int64_t gguf_whole_at(const gguf_value *v, uint64_t i)
{
    const size_t n = kind_bytes[v->kind];
    const uint64_t x = little(v->at + i * n, n);
    if (v->kind == GGUF_I8) return (int8_t)x;
    if (v->kind == GGUF_I16) return (int16_t)x;
    if (v->kind == GGUF_I32) return (int32_t)x;
    return x > INT64_MAX && v->kind == GGUF_U64 ? INT64_MAX : (int64_t)x;
}

uint64_t gguf_natural(const gguf_value *v) { return little(v->at, 8); }

static bool is_whole(const gguf_value *v)
{
    return v->kind != GGUF_F32 && v->kind != GGUF_F64 && v->kind != GGUF_BOOL &&
           v->kind != GGUF_STRING && v->kind != GGUF_ARRAY;
}

double gguf_number_at(const gguf_value *v, uint64_t i)
{
    if (is_whole(v)) return (double)gguf_whole_at(v, i);
    if (v->kind == GGUF_F32) {
        const uint32_t bits = (uint32_t)little(v->at + 4 * i, 4);
        float x;
        memcpy(&x, &bits, sizeof x);
        return (double)x;
    }
    const uint64_t bits = v->kind == GGUF_F64 ? little(v->at + 8 * i, 8) : 0;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

bool gguf_whole(const gguf_value *v, int64_t *out)
{
    if (!v || v->array || !is_whole(v)) return false;
    *out = gguf_whole_at(v, 0);
    return true;
}

bool gguf_number(const gguf_value *v, double *out)
{
    if (!v || v->array || (!is_whole(v) && v->kind != GGUF_F32 && v->kind != GGUF_F64))
        return false;
    *out = gguf_number_at(v, 0);
    return true;
}

bool gguf_bool(const gguf_value *v, bool *out)
{
    if (!v || v->array || v->kind != GGUF_BOOL) return false;
    *out = *v->at != 0;
    return true;
}

static int by_key(const void *x, const void *y)
{
    return strcmp(((const gguf_pair *)x)->key, ((const gguf_pair *)y)->key);
}

const gguf_value *gguf_find(const gguf *g, const char *key)
{
    const gguf_pair wanted = { .key = key };
    if (g->n_pairs == 0) return NULL;
    const gguf_pair *hit = bsearch(&wanted, g->pair, g->n_pairs, sizeof wanted, by_key);
    return hit ? &hit->value : NULL;
}

const gguf_value *gguf_of(const gguf *g, const char *architecture, const char *key)
{
    char whole[160];
    snprintf(whole, sizeof whole, "%s.%s", architecture, key);
    return gguf_find(g, whole);
}

const gguf_tensor *gguf_tensor_named(const gguf *g, const char *name)
{
    for (size_t i = 0; i < g->n_tensors; i++)
        if (!strcmp(g->tensor[i].name, name)) return &g->tensor[i];
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct cursor {
    gguf *g;
    size_t at;
    omn_error *err;
} cursor;

static size_t rest(const cursor *c) { return c->g->size - c->at; }

static omn_status bad(const cursor *c, const char *what)
{
    return omn_fail(c->err, OMN_ERR_DATA, "%s: byte %zu: %s", c->g->path, c->at, what);
}

static omn_status cut_off(const cursor *c)
{
    return bad(c, "the file is cut off or says more than it has");
}

static omn_status no_memory(const cursor *c)
{
    return omn_fail(c->err, OMN_ERR_MEMORY, "%s: no memory to open it", c->g->path);
}

static omn_status number(cursor *c, size_t bytes, uint64_t *out)
{
    *out = 0;
    if (rest(c) < bytes) return cut_off(c);
    *out = little(c->g->bytes + c->at, bytes);
    c->at += bytes;
    return OMN_OK;
}

/* A text that becomes a name: UTF-8 without a NUL, copied and terminated. */
static omn_status name(cursor *c, size_t most, const char *what, const char **out)
{
    uint64_t n;
    char text[80];
    const omn_status st = number(c, 8, &n);
    if (st != OMN_OK) return st;
    if (n > rest(c)) return cut_off(c);
    const char *p = (const char *)c->g->bytes + c->at;
    snprintf(text, sizeof text, "%s is empty, longer than %zu bytes or no UTF-8", what, most);
    if (n == 0 || n > most || memchr(p, 0, (size_t)n) || !omn_utf8_check(p, (size_t)n, NULL))
        return bad(c, text);
    *out = omn_arena_strndup(c->g->a, p, (size_t)n);
    c->at += (size_t)n;
    return *out ? OMN_OK : no_memory(c);
}

/* Walks over `count` values. */
static omn_status values(cursor *c, uint64_t kind, uint64_t count, int depth)
{
    omn_status st = OMN_OK;
    const size_t each = kind < GGUF_KINDS ? kind_bytes[kind] : 0;
    if (kind >= GGUF_KINDS) return bad(c, "a value of a kind that GGUF does not know");
    if (each) {
        if (count > rest(c) / each) return cut_off(c);
        for (uint64_t i = 0; kind == GGUF_BOOL && i < count; i++)
            if (c->g->bytes[c->at + i] > 1) return bad(c, "a truth that is neither 0 nor 1");
        c->at += (size_t)count * each;
        return OMN_OK;
    }
    for (uint64_t i = 0; i < count && st == OMN_OK; i++) {
        uint64_t n = 0, inner = 0;
        if (kind == GGUF_STRING) {
            st = number(c, 8, &n);
            if (st == OMN_OK && n > rest(c)) return cut_off(c);
            if (st == OMN_OK) c->at += (size_t)n;
            continue;
        }
        if (depth == MOST_DEPTH) return bad(c, "arrays within arrays, too deep");
        OMN_TRY(number(c, 4, &inner));
        OMN_TRY(number(c, 8, &n));
        st = values(c, inner, n, depth + 1);
    }
done:
    return st;
}

static omn_status pair(cursor *c, gguf_pair *p)
{
    omn_status st = OMN_OK;
    uint64_t kind, count = 1;
    OMN_TRY(name(c, GGUF_MOST_KEY, "a key of metadata", &p->key));
    OMN_TRY(number(c, 4, &kind));
    p->value.array = kind == GGUF_ARRAY;
    if (p->value.array) {
        OMN_TRY(number(c, 4, &kind));
        OMN_TRY(number(c, 8, &count));
    }
    p->value.at = c->g->bytes + c->at;
    p->value.count = count;
    OMN_TRY(values(c, kind, count, 0));
    p->value.kind = (gguf_kind)kind;
done:
    return st;
}

static omn_status all_pairs(cursor *c, size_t n)
{
    gguf *g = c->g;
    g->pair = omn_arena_alloc(g->a, n + 1, sizeof *g->pair);
    if (!g->pair) return no_memory(c);
    for (size_t i = 0; i < n; i++) {
        const omn_status st = pair(c, &g->pair[i]);
        if (st != OMN_OK) return st;
    }
    g->n_pairs = n;
    if (n > 1) qsort(g->pair, n, sizeof *g->pair, by_key);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(g->pair[i - 1].key, g->pair[i].key))
            return omn_fail(c->err, OMN_ERR_DATA, "%s: metadata %.80s is there twice", g->path,
                            g->pair[i].key);
    return OMN_OK;
}

/* The shape that omnio wrote beside, where ggml has none for it. */
static omn_status own_shape(const cursor *c, gguf_tensor *t)
{
    char key[GGUF_MOST_NAME + 32];
    omn_shape s = { 0, { 0 } };
    size_t was, is = 0;
    snprintf(key, sizeof key, GGUF_SHAPE_KEY "%s", t->name);
    const gguf_value *v = gguf_find(c->g, key);
    if (!v) return OMN_OK;
    bool good = v->array && v->kind == GGUF_I64 && v->count <= OMN_MAX_RANK &&
                omn_shape_count(&t->shape, &was);
    for (uint64_t d = 0; good && d < v->count; d++) s.dim[s.rank++] = gguf_whole_at(v, d);
    good = good && omn_shape_count(&s, &is) && is == was;
    if (!good)
        return omn_fail(c->err, OMN_ERR_DATA, "%s: %.80s%.200s is no shape of that tensor",
                        c->g->path, GGUF_SHAPE_KEY, t->name);
    t->shape = s;
    return OMN_OK;
}

static omn_status tensor(cursor *c, gguf_tensor *t)
{
    omn_status st = OMN_OK;
    uint64_t rank, dim, type;
    const char *word;
    OMN_TRY(name(c, GGUF_MOST_NAME, "the name of a tensor", &t->name));
    OMN_TRY(number(c, 4, &rank));
    if (rank > GGUF_MOST_AXES) return bad(c, "a tensor of more than 4 axes");
    t->shape.rank = (uint32_t)rank;
    for (size_t d = (size_t)rank; d-- > 0;) { /* the fastest axis comes first */
        OMN_TRY(number(c, 8, &dim));
        if (dim > INT64_MAX) return bad(c, "a tensor with an axis beyond all memory");
        t->shape.dim[d] = (int64_t)dim;
    }
    OMN_TRY(number(c, 4, &type));
    OMN_TRY(number(c, 8, &t->at));
    t->type = gguf_type((uint32_t)type, &word);
    if (t->type == OMN_TYPE_NONE && word)
        return omn_fail(c->err, OMN_ERR_UNSUPPORTED,
                        "%s: tensor %.200s is of type %s; F32, F16, BF16, Q8_0, Q4_0, Q4_K and "
                        "Q6_K are read",
                        c->g->path, t->name, word);
    if (t->type == OMN_TYPE_NONE)
        return omn_fail(c->err, OMN_ERR_DATA,
                        "%s: tensor %.200s is of type %u, which ggml does not have", c->g->path,
                        t->name, (unsigned)type);
    OMN_TRY(own_shape(c, t));
    if (!omn_shape_bytes(&t->shape, t->type, &t->bytes))
        return omn_fail(c->err, OMN_ERR_DATA,
                        "%s: tensor %.200s: its rows are no whole blocks of %s, or it is larger "
                        "than any memory",
                        c->g->path, t->name, word);
done:
    return st;
}

static int by_place(const void *x, const void *y)
{
    const gguf_tensor *a = *(const gguf_tensor *const *)x, *b = *(const gguf_tensor *const *)y;
    if (a->at != b->at) return a->at < b->at ? -1 : 1;
    return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

/* Behind each other, each at the alignment, all within the file. */
static omn_status places(const cursor *c, uint64_t alignment)
{
    gguf *g = c->g;
    const uint64_t over = c->at % alignment, data = c->at + (over ? alignment - over : 0);
    uint64_t end = data;
    gguf_tensor **row = omn_arena_alloc(g->a, g->n_tensors + 1, sizeof *row);
    if (!row) return no_memory(c);
    for (size_t i = 0; i < g->n_tensors; i++) {
        gguf_tensor *t = row[i] = &g->tensor[i];
        if (t->at % alignment)
            return omn_fail(c->err, OMN_ERR_DATA,
                            "%s: tensor %.200s begins at byte %llu of the data, no multiple of the "
                            "alignment, %llu",
                            g->path, t->name, (unsigned long long)t->at,
                            (unsigned long long)alignment);
        if (data > g->size || t->at > g->size - data || t->bytes > g->size - data - t->at)
            return omn_fail(c->err, OMN_ERR_DATA,
                            "%s: tensor %.200s reaches beyond the end of the file at byte %zu; it "
                            "is cut off or wrong",
                            g->path, t->name, g->size);
        t->at += data;
    }
    if (g->n_tensors > 1) qsort(row, g->n_tensors, sizeof *row, by_place);
    for (size_t i = 0; i < g->n_tensors; i++) {
        if (row[i]->bytes && row[i]->at < end)
            return omn_fail(c->err, OMN_ERR_DATA, "%s: tensor %.200s lies over another", g->path,
                            row[i]->name);
        if (row[i]->bytes) end = row[i]->at + row[i]->bytes;
    }
    return OMN_OK;
}

static omn_status alignment_of(const cursor *c, uint64_t *out)
{
    int64_t said = GGUF_ALIGNMENT;
    const gguf_value *v = gguf_find(c->g, "general.alignment");
    if (v && !gguf_whole(v, &said)) said = 0;
    if (said < 1 || said > MOST_ALIGNMENT || (said & (said - 1)))
        return omn_fail(c->err, OMN_ERR_DATA,
                        "%s: general.alignment is no power of 2 up to %d", c->g->path,
                        MOST_ALIGNMENT);
    *out = (uint64_t)said;
    return OMN_OK;
}

omn_status gguf_read(const omn_map *map, omn_arena *a, gguf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    uint64_t magic, version, tensors, pairs, alignment = GGUF_ALIGNMENT;
    *out = (gguf){ .a = a, .path = omn_map_path(map), .bytes = omn_map_data(map),
                   .size = omn_map_size(map) };
    cursor c = { .g = out, .err = err };
    OMN_TRY(number(&c, 4, &magic));
    OMN_TRY(number(&c, 4, &version));
    if (magic != 0x46554747u) return bad(&c, "it does not begin with GGUF");
    if (version >= 1u << 24)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: a GGUF file of a big-endian machine; only little-endian ones are read",
                        out->path);
    if (version != 2 && version != 3)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: GGUF of version %u; versions 2 and 3 are read", out->path,
                        (unsigned)version);
    out->version = (uint32_t)version;
    OMN_TRY(number(&c, 8, &tensors));
    OMN_TRY(number(&c, 8, &pairs));
    /* a pair has at least a key of a byte, a kind and a byte; a tensor a name, type and place */
    if (pairs > rest(&c) / 14 || tensors > rest(&c) / 25) return cut_off(&c);
    OMN_TRY(all_pairs(&c, (size_t)pairs));
    OMN_TRY(alignment_of(&c, &alignment));
    out->tensor = omn_arena_alloc(a, (size_t)tensors + 1, sizeof *out->tensor);
    if (!out->tensor) return no_memory(&c);
    for (size_t i = 0; i < tensors; i++) OMN_TRY(tensor(&c, &out->tensor[i]));
    out->n_tensors = (size_t)tensors;
    st = places(&c, alignment);
done:
    return st;
}
