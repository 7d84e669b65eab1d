/* SPDX-License-Identifier: Apache-2.0 */
/* What a pickle of torch holds, as data. A pickle is a program for a machine that makes objects of
 * any class; this one knows the few that tensors need and makes nothing else. */
#ifndef WEIGHTS_TORCH_PICKLE_H
#define WEIGHTS_TORCH_PICKLE_H

#include <omnio/base.h>
#include <omnio/tensor.h>

typedef enum pk_kind {
    PK_NONE, PK_BOOL, PK_INT, PK_FLOAT,
    PK_BIG,      /* a whole number beyond 64 bits: text has its bytes, the low ones first */
    PK_TEXT, PK_BYTES, PK_TUPLE, PK_LIST,
    PK_DICT,     /* list: key, value, key, value */
    PK_CLASS,    /* one that is known */
    PK_RECORD,   /* argparse.Namespace, or a module of TorchScript: list as of a dict */
    PK_STORAGE, PK_TENSOR
} pk_kind;

/* What a class is here. */
typedef enum pk_means {
    PK_MEANS_DICT, PK_MEANS_RECORD, PK_MEANS_MODULE, PK_MEANS_STORAGE, PK_MEANS_DTYPE,
    PK_MEANS_TENSOR, PK_MEANS_TENSOR2, PK_MEANS_TENSOR3, PK_MEANS_PARAMETER, PK_MEANS_FIRST
} pk_means;

typedef struct pk_class {
    const char *module, *name;
    pk_means means;
    omn_type type;  /* of elements; a storage of OMN_TYPE_NONE counts bytes */
} pk_class;

typedef struct pk pk;
typedef struct pk_text { const char *s; size_t n; } pk_text;
typedef struct pk_list { pk **of; size_t n, room; } pk_list;
/* Elements of the entry `key`, from number `first` on; the entry has `all` of them. */
typedef struct pk_storage { omn_type type; pk_text key; uint64_t first, count, all; } pk_storage;
typedef struct pk_tensor {
    const pk_storage *storage;
    omn_type type;
    uint64_t first; /* element of the storage */
    omn_shape shape;
    int64_t stride[OMN_MAX_RANK];
    bool deep;      /* has more axes than a shape here */
} pk_tensor;
struct pk {
    pk_kind kind;
    union {
        bool is;
        int64_t i;
        double f;
        pk_text text;
        pk_list list;
        pk_class of;
        pk_storage storage;
        pk_tensor tensor;
    } u;
};

typedef struct pickle_setup {
    const char *name;      /* of the file, for messages */
    omn_arena *a;          /* all that is made lives here; its limit is the pickle's */
    bool modules;          /* classes of TorchScript (__torch__...) are records */
    pk_list *storages;     /* all that are named are put there; NULL: not wanted */
} pickle_setup;
/* One pickle from p on, of at most n bytes; *used is where it ends. [any] */
omn_status pickle_read(const pickle_setup *how, const uint8_t *p, size_t n, const pk **out,
                       size_t *used, omn_error *err);

/* Of the class of this name; false: it is none of the known ones. */
bool pickle_class(const char *module, const char *name, bool modules, pk_class *out);
/* What a call of f with these arguments makes, in *out (kinds PK_NONE etc. as they come). Returns
 * NULL or what is wrong. */
const char *pickle_call(const pk_class *f, const pk *args, omn_arena *a, pk **out);
/* The storage that a persistent id names. Returns NULL or what is wrong. */
const char *pickle_storage(const pk *id, pk *out);

/* Is it this text? */
bool pk_is(const pk *v, const char *text);
/* Value of a key of a dict or a record; NULL: none. */
const pk *pk_get(const pk *v, const char *key);

#endif
