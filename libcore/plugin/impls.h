/* SPDX-License-Identifier: Apache-2.0 */
/* What lies behind `impl`, as data: for each kind that this omnio knows, how long its struct is and
 * which of its members are functions and texts. The door reads a plugin's impl with it and never
 * calls anything. The shapes of kinds that upper floors bring lie beside those kinds; the list of
 * them is here, because a door has to know every kind before any floor above has run. */
#ifndef LIBCORE_PLUGIN_IMPLS_H
#define LIBCORE_PLUGIN_IMPLS_H

#include <omnio/base.h>

typedef enum impl_type {
    IMPL_CODE,       /* a function that has to be there */
    IMPL_MAYBE_CODE, /* a function or NULL */
    IMPL_TEXT,       /* a text that has to be there */
    IMPL_MAYBE_TEXT  /* a text or NULL */
} impl_type;
typedef struct impl_member {
    const char *name;
    size_t offset;
    impl_type type;
} impl_member;
typedef struct impl_shape {
    const char *kind, *is; /* "omnio.compute/1", "device" */
    size_t size;
    const impl_member *members;
    size_t n;
    /* What members alone do not say, once they are checked; NULL: nothing. Returns what is wrong,
     * a text that lives as long as the program, or NULL. */
    const char *(*wrong)(const void *impl);
} impl_shape;

#define IMPL_MEMBER(struct_type, member, type)                                                     \
    {                                                                                              \
#member, offsetof(struct_type, member), type                                               \
    }
/* What every object has that is opened before it is used. */
#define IMPL_OPENED(struct_type)                                                                   \
    IMPL_MEMBER(struct_type, extension, IMPL_MAYBE_CODE),                                          \
        IMPL_MEMBER(struct_type, open, IMPL_CODE), IMPL_MEMBER(struct_type, close, IMPL_CODE)
#define IMPL_SHAPE(id, kind, is, struct_type, list, wrong)                                         \
    const impl_shape id = { kind, is, sizeof(struct_type), list, sizeof(list) / sizeof((list)[0]), \
                            wrong }

extern const impl_shape impl_operation, impl_format, impl_value; /* this floor */
extern const impl_shape impl_weights, impl_company;              /* this floor */
extern const impl_shape impl_compute, impl_op;                  /* graph */
extern const impl_shape impl_codec, impl_encoder, impl_decoder; /* generate */
extern const impl_shape impl_objective, impl_world;             /* generate */
extern const impl_shape impl_model, impl_source, impl_measure;  /* generate */
extern const impl_shape impl_answer;                            /* generate */

/* The shape of a kind; NULL: this omnio does not know the kind and never calls such an object. */
const impl_shape *impl_shape_of(const char *kind);

#endif
