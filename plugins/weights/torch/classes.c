/* SPDX-License-Identifier: Apache-2.0 */
/* The classes and functions that a pickle of tensors names, and what each makes here. Whatever is
 * not in this list is refused where it is named. */
#include "pickle.h"

#include <string.h>

static const pk_class known[] = {
    { "collections", "OrderedDict", PK_MEANS_DICT, OMN_TYPE_NONE },
    { "argparse", "Namespace", PK_MEANS_RECORD, OMN_TYPE_NONE },
    { "torch._utils", "_rebuild_tensor", PK_MEANS_TENSOR, OMN_TYPE_NONE },
    { "torch._utils", "_rebuild_tensor_v2", PK_MEANS_TENSOR2, OMN_TYPE_NONE },
    { "torch._utils", "_rebuild_tensor_v3", PK_MEANS_TENSOR3, OMN_TYPE_NONE },
    { "torch._utils", "_rebuild_parameter", PK_MEANS_PARAMETER, OMN_TYPE_NONE },
    { "torch._utils", "_rebuild_parameter_with_state", PK_MEANS_PARAMETER, OMN_TYPE_NONE },
    { "torch", "Size", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch", "device", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch.jit._pickle", "build_boollist", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch.jit._pickle", "build_doublelist", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch.jit._pickle", "build_intlist", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch.jit._pickle", "build_tensorlist", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch.jit._pickle", "restore_type_tag", PK_MEANS_FIRST, OMN_TYPE_NONE },
    { "torch.storage", "UntypedStorage", PK_MEANS_STORAGE, OMN_TYPE_NONE },
    { "torch", "UntypedStorage", PK_MEANS_STORAGE, OMN_TYPE_NONE },
    { "torch", "FloatStorage", PK_MEANS_STORAGE, OMN_F32 },
    { "torch", "DoubleStorage", PK_MEANS_STORAGE, OMN_F64 },
    { "torch", "HalfStorage", PK_MEANS_STORAGE, OMN_F16 },
    { "torch", "BFloat16Storage", PK_MEANS_STORAGE, OMN_BF16 },
    { "torch", "LongStorage", PK_MEANS_STORAGE, OMN_I64 },
    { "torch", "IntStorage", PK_MEANS_STORAGE, OMN_I32 },
    { "torch", "ShortStorage", PK_MEANS_STORAGE, OMN_I16 },
    { "torch", "CharStorage", PK_MEANS_STORAGE, OMN_I8 },
    { "torch", "ByteStorage", PK_MEANS_STORAGE, OMN_U8 },
    { "torch", "BoolStorage", PK_MEANS_STORAGE, OMN_BOOL },
    { "torch", "ComplexFloatStorage", PK_MEANS_STORAGE, OMN_C64 },
    { "torch", "float32", PK_MEANS_DTYPE, OMN_F32 },
    { "torch", "float64", PK_MEANS_DTYPE, OMN_F64 },
    { "torch", "float16", PK_MEANS_DTYPE, OMN_F16 },
    { "torch", "bfloat16", PK_MEANS_DTYPE, OMN_BF16 },
    { "torch", "int64", PK_MEANS_DTYPE, OMN_I64 },
    { "torch", "int32", PK_MEANS_DTYPE, OMN_I32 },
    { "torch", "int16", PK_MEANS_DTYPE, OMN_I16 },
    { "torch", "int8", PK_MEANS_DTYPE, OMN_I8 },
    { "torch", "uint8", PK_MEANS_DTYPE, OMN_U8 },
    { "torch", "uint16", PK_MEANS_DTYPE, OMN_U16 },
    { "torch", "uint32", PK_MEANS_DTYPE, OMN_U32 },
    { "torch", "uint64", PK_MEANS_DTYPE, OMN_U64 },
    { "torch", "bool", PK_MEANS_DTYPE, OMN_BOOL },
    { "torch", "complex64", PK_MEANS_DTYPE, OMN_C64 },
    { "torch", "float8_e4m3fn", PK_MEANS_DTYPE, OMN_F8_E4M3 },
    { "torch", "float8_e5m2", PK_MEANS_DTYPE, OMN_F8_E5M2 },
    { "torch", "float8_e8m0fnu", PK_MEANS_DTYPE, OMN_F8_E8M0 },
};

bool pickle_class(const char *module, const char *name, bool modules, pk_class *out)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].module, module) && !strcmp(known[i].name, name)) {
            *out = known[i];
            return true;
        }
    /* Modules of an archive of TorchScript are classes of its own; they hold attributes only. */
    if (!modules || strncmp(module, "__torch__", 9) || (module[9] && module[9] != '.'))
        return false;
    *out = (pk_class){ "__torch__", "module", PK_MEANS_MODULE, OMN_TYPE_NONE };
    return true;
}

bool pk_is(const pk *v, const char *text)
{
    return v->kind == PK_TEXT && v->u.text.n == strlen(text) &&
           memcmp(v->u.text.s, text, v->u.text.n) == 0;
}

const pk *pk_get(const pk *v, const char *key)
{
    if (v->kind != PK_DICT && v->kind != PK_RECORD) return NULL;
    for (size_t i = v->u.list.n; i >= 2; i -= 2) /* of two the last counts */
        if (pk_is(v->u.list.of[i - 2], key)) return v->u.list.of[i - 1];
    return NULL;
}

/* ---- tensors -------------------------------------------------------------------------------- */

static bool count_of(const pk *v, uint64_t *out)
{
    if (v->kind != PK_INT || v->u.i < 0) return false;
    *out = (uint64_t)v->u.i;
    return true;
}

/* The sizes or the strides. */
static bool read_axes(const pk *v, int64_t *to, size_t *n)
{
    if (v->kind != PK_TUPLE && v->kind != PK_LIST) return false;
    *n = v->u.list.n;
    for (size_t i = 0; i < *n; i++) {
        uint64_t x;
        if (!count_of(v->u.list.of[i], &x)) return false;
        if (i < OMN_MAX_RANK) to[i] = (int64_t)x;
    }
    return true;
}

/* Views that are conjugated or negated have other values than their storage. */
static bool has_marks(const pk *v)
{
    for (size_t i = 1; v->kind == PK_DICT && i < v->u.list.n; i += 2)
        if (v->u.list.of[i]->kind == PK_BOOL && v->u.list.of[i]->u.is) return true;
    return false;
}

static const char *make_tensor(const pk_class *f, const pk_list *args, pk *out)
{
    const size_t most = f->means == PK_MEANS_TENSOR ? 4 : f->means == PK_MEANS_TENSOR2 ? 7 : 8;
    const size_t least = f->means == PK_MEANS_TENSOR3 ? 7 : 4;
    size_t rank = 0, strides = 0;
    pk_tensor *t = &out->u.tensor;
    if (args->n < least || args->n > most) return "a tensor has other arguments than it should";
    if (args->of[0]->kind != PK_STORAGE) return "a tensor has no storage";
    out->kind = PK_TENSOR;
    t->storage = &args->of[0]->u.storage;
    t->type = t->storage->type;
    if (f->means == PK_MEANS_TENSOR3) {
        const pk *type = args->of[6];
        if (type->kind != PK_CLASS || type->u.of.means != PK_MEANS_DTYPE)
            return "a tensor has no type";
        t->type = type->u.of.type;
    }
    if (t->type == OMN_TYPE_NONE) return "a tensor has a storage without a type";
    if (!count_of(args->of[1], &t->first)) return "the offset of a tensor is no count";
    if (!read_axes(args->of[2], t->shape.dim, &rank)) return "the shape of a tensor is no shape";
    if (!read_axes(args->of[3], t->stride, &strides)) return "the strides of a tensor are none";
    if (rank != strides) return "a tensor has more axes than strides, or fewer";
    if (args->n == most && most > 4 && has_marks(args->of[most - 1]))
        return "a tensor is conjugated or negated when it is read, which nothing here does";
    t->deep = rank > OMN_MAX_RANK;
    t->shape.rank = t->deep ? 0 : (uint32_t)rank;
    return NULL;
}

const char *pickle_call(const pk_class *f, const pk *args, omn_arena *a, pk **out)
{
    if (args->kind != PK_TUPLE) return "a call has no tuple of arguments";
    const pk_list *list = &args->u.list;
    if (f->means == PK_MEANS_PARAMETER || f->means == PK_MEANS_FIRST) {
        if (list->n == 0) return "a call lacks its first argument";
        *out = list->of[0];
        return NULL;
    }
    *out = omn_arena_alloc(a, 1, sizeof **out);
    if (!*out) return "no memory";
    switch (f->means) {
    case PK_MEANS_DICT:
        /* Items may be handed over as a list of pairs, which no torch writes. */
        if (list->n != 0) return "an OrderedDict has arguments";
        (*out)->kind = PK_DICT;
        return NULL;
    case PK_MEANS_RECORD:
    case PK_MEANS_MODULE:
        if (list->n != 0) return "an object has arguments";
        (*out)->kind = PK_RECORD;
        return NULL;
    case PK_MEANS_TENSOR:
    case PK_MEANS_TENSOR2:
    case PK_MEANS_TENSOR3:
        return make_tensor(f, list, *out);
    default:
        return "a type is called";
    }
}

/* ('storage', class, key, place, count), and in old files a view: None or (key, first, count). */
const char *pickle_storage(const pk *id, pk *out)
{
    static const char wrong[] = "a persistent id is no storage";
    if (id->kind != PK_TUPLE || id->u.list.n < 5 || id->u.list.n > 6) return wrong;
    pk *const *of = id->u.list.of;
    pk_storage *s = &out->u.storage;
    if (!pk_is(of[0], "storage") || of[1]->kind != PK_CLASS ||
        of[1]->u.of.means != PK_MEANS_STORAGE || of[2]->kind != PK_TEXT || of[2]->u.text.n == 0 ||
        !count_of(of[4], &s->all))
        return wrong;
    out->kind = PK_STORAGE;
    s->type = of[1]->u.of.type;
    s->key = of[2]->u.text;
    s->count = s->all;
    if (id->u.list.n == 6 && of[5]->kind != PK_NONE) {
        const pk_list *view = &of[5]->u.list;
        if (of[5]->kind != PK_TUPLE || view->n != 3 || !count_of(view->of[1], &s->first) ||
            !count_of(view->of[2], &s->count) || s->first > s->all ||
            s->count > s->all - s->first)
            return "a view of a storage leads out of it";
    }
    return NULL;
}
