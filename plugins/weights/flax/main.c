/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of flax: one map of MessagePack, nested by the parameters' paths; arrays are
 * extension 1, numbers of NumPy extension 3, both [shape, type, bytes] packed once more. Arrays
 * beyond a gigabyte are cut into a map of flat pieces, which are put together as they are read. */
#include "pack.h"

#include <omnio/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 32, MOST_NAME = 4096, EXT_ARRAY = 1, EXT_SCALAR = 3 };

struct flax {
    const char *tree;
};
static const omn_param params[] = {
    { "param", "tree", "string", "", NULL, NULL,
      "path of the map that is taken, as \"params\" or \"state/params\"; empty: params where the "
      "file has it, else all",
      offsetof(struct flax, tree) },
};

/* Bytes that lie in several places, or nowhere since they are a number of the file itself. */
typedef struct piece {
    const uint8_t *p;
    size_t n;
} piece;
typedef struct pieces {
    piece *of;
    size_t n;
    uint64_t number;
    uint8_t bytes;  /* of the number; 0: pieces */
} pieces;

typedef struct flax_file {
    omn_arena *a;
    pieces *made;
    size_t n_made, room;
} flax_file;

typedef struct array {
    omn_type type;
    omn_shape shape;
    const uint8_t *p;
    size_t n;
} array;

typedef struct reading {
    flax_file *f;
    pack m;
    const char *path, *tree;
    omn_weights_list *out;
    char name[MOST_NAME + 1];
    size_t length;
    size_t listed;
    omn_error *err;
} reading;

static omn_status bad(const reading *r, const char *what)
{
    char shown[120];
    snprintf(shown, sizeof shown, "%.100s", r->name);
    return omn_fail(r->err, OMN_ERR_DATA, "%s: byte %zu, %s: %s", r->path, r->m.at,
                    r->length ? omn_text_clean(shown) : "the map", what);
}

static omn_status no_memory(const reading *r)
{
    return omn_fail(r->err, OMN_ERR_MEMORY, "%s: no memory to open it", r->path);
}

/* ---- arrays --------------------------------------------------------------------------------- */

static omn_type type_of(const pack_value *v)
{
    static const struct {
        const char *name;
        omn_type type;
    } known[] = {
        { "float32", OMN_F32 }, { "bfloat16", OMN_BF16 }, { "float16", OMN_F16 },
        { "float64", OMN_F64 }, { "int64", OMN_I64 },     { "int32", OMN_I32 },
        { "int16", OMN_I16 },   { "int8", OMN_I8 },       { "uint8", OMN_U8 },
        { "uint16", OMN_U16 },  { "uint32", OMN_U32 },    { "uint64", OMN_U64 },
        { "bool", OMN_BOOL },   { "complex64", OMN_C64 },
        { "float8_e4m3fn", OMN_F8_E4M3 }, { "float8_e5m2", OMN_F8_E5M2 },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (pack_is(v, known[i].name)) return known[i].type;
    return OMN_TYPE_NONE;
}

/* [shape, type, bytes], and nothing behind. Returns NULL or what is wrong. */
static const char *read_array(const pack_value *ext, array *out)
{
    pack m = { ext->p, ext->n, 0 };
    pack_value v, size;
    size_t bytes;
    memset(out, 0, sizeof *out);
    if (!pack_next(&m, &v) || v.kind != PACK_LIST || v.n != 3)
        return "an array is no list of three";
    if (!pack_next(&m, &v) || v.kind != PACK_LIST) return "an array has no shape";
    if (v.n > OMN_MAX_RANK) return "an array has more than 6 axes";
    for (; out->shape.rank < v.n; out->shape.rank++) {
        if (!pack_next(&m, &size) || size.kind != PACK_INT || size.above || size.i < 0)
            return "a shape has what is no size";
        out->shape.dim[out->shape.rank] = size.i;
    }
    if (!pack_next(&m, &v) || v.kind != PACK_TEXT) return "an array has no type";
    out->type = type_of(&v);
    if (out->type == OMN_TYPE_NONE) return "an array is of a type that is not known here";
    if (!pack_next(&m, &v) || v.kind != PACK_BYTES || m.at != m.n) return "an array has no bytes";
    out->p = v.p;
    out->n = v.n;
    if (!omn_shape_bytes(&out->shape, out->type, &bytes) || bytes != out->n)
        return "the shape of an array is not of as many bytes as it has";
    return NULL;
}

static bool is_wanted(const reading *r)
{
    const size_t n = strlen(r->tree);
    return n == 0 || (strncmp(r->name, r->tree, n) == 0 && r->name[n] == '/');
}

static const char *own_name(const reading *r)
{
    const size_t n = strlen(r->tree);
    return r->name + (n ? n + 1 : 0);
}

static omn_status add_lying(reading *r, const array *x)
{
    const uint64_t at = (uint64_t)(x->p - r->m.p);
    const omn_weights_place p = { OMN_FILL(omn_weights_place), .name = own_name(r),
                                  .type = x->type, .shape = x->shape, .at = at, .from = at,
                                  .end = at + x->n };
    if (!is_wanted(r)) return OMN_OK;
    r->listed++;
    return omn_weights_list_add(r->out, &p, r->err);
}

static omn_status add_made(reading *r, omn_type type, const omn_shape *shape, const pieces *of)
{
    flax_file *f = r->f;
    if (!is_wanted(r)) return OMN_OK;
    if (f->n_made == f->room) {
        const size_t room = f->room ? 2 * f->room : 16;
        pieces *more = omn_arena_alloc(f->a, room, sizeof *more);
        if (!more) return no_memory(r);
        if (f->n_made) memcpy(more, f->made, f->n_made * sizeof *more);
        f->made = more;
        f->room = room;
    }
    const omn_weights_place p = { OMN_FILL(omn_weights_place), .name = own_name(r), .type = type,
                                  .shape = *shape, .made = true, .id = f->n_made };
    f->made[f->n_made++] = *of;
    r->listed++;
    return omn_weights_list_add(r->out, &p, r->err);
}

/* Numbers of Python that stand in the tree: 0-d tensors, as flax reads them. */
static omn_status add_number(reading *r, const pack_value *v)
{
    pieces of = { .bytes = 8 };
    const omn_shape shape = omn_dim0();
    omn_type type = OMN_I64;
    if (v->kind == PACK_BOOL) {
        type = OMN_BOOL;
        of.bytes = 1;
        of.number = v->is;
    } else if (v->kind == PACK_FLOAT) {
        type = OMN_F64;
        memcpy(&of.number, &v->f, 8);
    } else {
        of.number = (uint64_t)v->i;
        if (v->above) type = OMN_U64;
    }
    return add_made(r, type, &shape, &of);
}

/* ---- arrays in pieces ----------------------------------------------------------------------- */

/* A map of "0", "1", .. in this order; value by value. */
static bool next_numbered(reading *r, size_t i, pack_value *out)
{
    char want[24];
    pack_value key;
    snprintf(want, sizeof want, "%zu", i);
    return pack_next(&r->m, &key) && pack_is(&key, want) && pack_next(&r->m, out);
}

static const char *read_shape(reading *r, omn_shape *s)
{
    pack_value map, size;
    if (!pack_next(&r->m, &map) || map.kind != PACK_MAP || map.n > OMN_MAX_RANK)
        return "an array in pieces has no shape of at most 6 axes";
    for (s->rank = 0; s->rank < map.n; s->rank++) {
        if (!next_numbered(r, s->rank, &size) || size.kind != PACK_INT || size.above || size.i < 0)
            return "the shape of an array in pieces has what is no size";
        s->dim[s->rank] = size.i;
    }
    return NULL;
}

static const char *read_pieces(reading *r, pieces *to, omn_type *type, size_t *bytes)
{
    pack_value map, ext;
    array x;
    *bytes = 0;
    if (!pack_next(&r->m, &map) || map.kind != PACK_MAP || map.n == 0)
        return "an array in pieces has none";
    to->of = omn_arena_alloc(r->f->a, map.n, sizeof *to->of);
    if (!to->of) return "there is no memory for its pieces";
    for (to->n = 0; to->n < map.n; to->n++) {
        if (!next_numbered(r, to->n, &ext) || ext.kind != PACK_EXT || ext.type != EXT_ARRAY)
            return "a piece of an array is none";
        const char *wrong = read_array(&ext, &x);
        if (wrong) return wrong;
        if (to->n && x.type != *type) return "the pieces of an array are of several types";
        *type = x.type;
        to->of[to->n] = (piece){ x.p, x.n };
        if (!omn_size_add(*bytes, x.n, bytes)) return "an array in pieces is too large";
    }
    return NULL;
}

/* Behind the key that says what it is: its shape and its pieces, in either order. */
static omn_status add_chunked(reading *r, size_t left)
{
    pack_value key, v;
    omn_shape shape = omn_dim0();
    pieces of = { .n = 0 };
    omn_type type = OMN_TYPE_NONE;
    size_t bytes = 0, want = 0;
    unsigned seen = 0;
    if (!pack_next(&r->m, &v)) return bad(r, "is cut off");
    for (; left > 0; left--) {
        if (!pack_next(&r->m, &key)) return bad(r, "is cut off");
        const bool is_shape = pack_is(&key, "shape");
        const char *wrong = is_shape ? read_shape(r, &shape)
                            : pack_is(&key, "chunks") ? read_pieces(r, &of, &type, &bytes)
                                                      : "an array in pieces has another entry";
        if (wrong) return bad(r, wrong);
        seen |= is_shape ? 1 : 2;
    }
    if (seen != 3 || !omn_shape_bytes(&shape, type, &want) || want != bytes)
        return bad(r, "the pieces of an array are not of as many bytes as its shape");
    return add_made(r, type, &shape, &of);
}

/* ---- the tree ------------------------------------------------------------------------------- */

static omn_status push_key(reading *r, const pack_value *key, size_t index)
{
    char number[24];
    const char *text = (const char *)key->p;
    size_t n = key->n;
    if (key->kind != PACK_TEXT) {
        n = (size_t)snprintf(number, sizeof number, "%zu", index);
        text = number;
    }
    if (n == 0 || memchr(text, 0, n)) return bad(r, "a key is empty or has a 0 in it");
    if (n + 1 > MOST_NAME - r->length) return bad(r, "a name is longer than 4096 bytes");
    if (r->length) r->name[r->length++] = '/';
    memcpy(r->name + r->length, text, n);
    r->length += n;
    r->name[r->length] = 0;
    return OMN_OK;
}

static omn_status walk(reading *r, const pack_value *v, int depth);

static omn_status walk_all(reading *r, const pack_value *v, int depth)
{
    const size_t length = r->length;
    omn_status st = OMN_OK;
    if (depth == MOST_DEPTH) return bad(r, "maps within maps, deeper than 32");
    for (size_t i = 0; i < v->n && st == OMN_OK; i++) {
        pack_value key = { .kind = PACK_NIL }, value;
        if (v->kind == PACK_MAP && !pack_next(&r->m, &key)) return bad(r, "is cut off");
        if (v->kind == PACK_MAP && key.kind != PACK_TEXT) return bad(r, "a key is no text");
        if (i == 0 && pack_is(&key, "__msgpack_chunked_array__"))
            return add_chunked(r, v->n - 1);
        if (!pack_next(&r->m, &value)) return bad(r, "is cut off, or no MessagePack");
        st = push_key(r, &key, i);
        if (st == OMN_OK) st = walk(r, &value, depth + 1);
        r->length = length;
        r->name[length] = 0;
    }
    return st;
}

static omn_status walk(reading *r, const pack_value *v, int depth)
{
    array x;
    const char *wrong;
    switch (v->kind) {
    case PACK_MAP: case PACK_LIST: return walk_all(r, v, depth);
    case PACK_INT: case PACK_FLOAT: case PACK_BOOL: return add_number(r, v);
    case PACK_EXT:
        if (v->type != EXT_ARRAY && v->type != EXT_SCALAR) return OMN_OK;
        wrong = read_array(v, &x);
        return wrong ? bad(r, wrong) : add_lying(r, &x);
    default: return OMN_OK; /* texts, nothing */
    }
}

/* Does the outermost map hold a map of this name? */
static bool has_map(pack m, const char *name)
{
    pack_value map, key, value;
    if (!pack_next(&m, &map) || map.kind != PACK_MAP) return false;
    for (size_t i = 0; i < map.n; i++) {
        if (!pack_next(&m, &key) || !pack_next(&m, &value)) return false;
        if (pack_is(&key, name)) return value.kind == PACK_MAP;
        if (!pack_skip(&m, &value, 0)) return false;
    }
    return false;
}

static omn_status read_tree(reading *r, omn_call *c)
{
    pack_value root;
    const bool said = *r->tree != '\0';
    if (!said && has_map(r->m, "params")) r->tree = "params";
    if (!pack_next(&r->m, &root) || root.kind != PACK_MAP)
        return bad(r, "a file of flax is one map of MessagePack");
    const omn_status st = walk(r, &root, 0);
    if (st != OMN_OK) return st;
    if (r->m.at != r->m.n) return bad(r, "has bytes behind its end");
    if (!r->listed)
        return omn_fail(r->err, said ? OMN_ERR_ARGUMENT : OMN_ERR_DATA,
                        "%s: it holds no arrays%s%.80s", r->path, said ? " under " : "", r->tree);
    if (!*r->tree) return OMN_OK;
    if (!said)
        omn_call_log(c, OMN_LOG_INFO, "%s: takes the arrays under params (\"%s?tree=NAME\" takes "
                     "others)", r->path, r->path);
    return omn_weights_list_note(r->out, "tree", r->tree, r->err);
}

static omn_status open_flax(omn_call *c, const void *set, const char *path, omn_weights_list *out,
                            void **self, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    omn_arena *a = omn_arena_new(0);
    flax_file *f = a ? omn_arena_alloc(a, 1, sizeof *f) : NULL;
    reading *r = f ? omn_arena_alloc(a, 1, sizeof *r) : NULL;
    if (!r) {
        omn_arena_free(a);
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    }
    f->a = a;
    *self = f;
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(omn_weights_list_map(out, map, NULL, err));
    r->f = f;
    r->m = (pack){ omn_map_data(map), omn_map_size(map), 0 };
    r->path = path;
    r->tree = ((const struct flax *)set)->tree;
    r->out = out;
    r->err = err;
    st = read_tree(r, c);
done:
    return st;
}

static void close_flax(void *self)
{
    omn_arena_free(((flax_file *)self)->a);
}

static omn_status read_flax(void *self, uint64_t id, uint64_t at, void *bytes, size_t n,
                            omn_error *err)
{
    const pieces *x = &((const flax_file *)self)->made[id];
    uint8_t *to = bytes, number[8];
    const piece own = { number, x->bytes };
    const piece *of = x->bytes ? &own : x->of;
    const size_t count = x->bytes ? 1 : x->n;
    (void)err;
    for (int i = 0; i < 8; i++) number[i] = (uint8_t)(x->number >> 8 * i);
    for (size_t i = 0; i < count && n > 0; i++) {
        if (at >= of[i].n) {
            at -= of[i].n;
            continue;
        }
        const size_t some = of[i].n - (size_t)at < n ? of[i].n - (size_t)at : n;
        memcpy(to, of[i].p + at, some);
        to += some;
        n -= some;
        at = 0;
    }
    return OMN_OK;
}

/* A map that is not empty, whose first key is a text. */
static int probe(const char *name, const uint8_t *head, size_t n)
{
    const size_t length = name ? strlen(name) : 0;
    if (n < 4) return 0;
    const size_t at = head[0] == 0xde ? 3 : head[0] == 0xdf ? 5 : 1;
    if ((at == 1 && (head[0] < 0x81 || head[0] > 0x8f)) || n <= at) return 0;
    if (!((head[at] >= 0xa0 && head[at] < 0xc0) || head[at] == 0xd9)) return 0;
    return length > 8 && !strcmp(name + length - 8, ".msgpack") ? 90 : 55;
}

static const omn_weights_impl impl = { NULL, "msgpack,bin", probe, open_flax, close_flax,
                                       read_flax };
static const omn_object objects[] = {
    { "omnio.weights/1", "flax", "checkpoints of flax (MessagePack)", &impl, params, 1,
      sizeof(struct flax) },
};
OMN_PLUGIN("weights-flax", "1.0", "Apache-2.0", "checkpoints of flax", objects);
