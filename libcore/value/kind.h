/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of values for the floor that knows plugins: it checks what they bring, and finds kinds by
 * name. */
#ifndef LIBCORE_VALUE_KIND_H
#define LIBCORE_VALUE_KIND_H

#include <omnio/value.h>

/* One of our own, or NULL. */
const omn_kind *kind_own(const char *name);
/* A name as kinds have: small letters, digits, '-' and '_', a letter first, at most 63. */
bool kind_name_good(const char *name);
/* The schema of a plugin contradicts itself: one line. Its pointers are sound already. */
omn_status kind_check(const char *name, const omn_value_impl *impl, omn_error *err);
/* Counted; name, help and what impl points to stay valid for ever. NULL: no memory. */
omn_kind *kind_new(const char *name, const char *help, const omn_value_impl *impl, omn_error *err);
const omn_kind *kind_ref(const omn_kind *k);
void kind_unref(const omn_kind *k);
/* The same schema, though perhaps of two contexts, or of two copies of this library in one process:
 * a program that holds it and a plugin that links the shared one. */
bool kind_same(const omn_kind *a, const omn_kind *b);

/* Where names of kinds that are not ours lead, for JSON, and those of tensors that stand apart
 * (give NULL: none do). */
typedef omn_status kind_finder(void *user, const char *name, const omn_kind **out, omn_error *err);
typedef struct kind_source {
    kind_finder *find;
    void *user;
    omn_give_fn *give;
    void *give_user;
} kind_source;
/* JSON, as a value of the wanted kind (NULL: whatever it is). from NULL: our own kinds alone. */
omn_status value_read_json(const kind_source *from, const omn_kind *wanted, const char *s, size_t n,
                           omn_value **out, omn_error *err);

/* Places within the picture of a frame: *out the same with what sticks out cut off, *cut how many
 * were; NULL when none was. None, an empty one or one outside is OMN_ERR_DATA. [any] */
omn_status value_within(const omn_value *v, const omn_frame *f, omn_value **out, size_t *cut,
                        omn_error *err);
/* Has a column of the kind this axis, "h" or "t"? And how many elements a value has along it; -1:
 * none of its columns has it. [any] */
bool kind_has_axis(const omn_kind *k, const char *axis);
int64_t value_axis(const omn_value *v, const char *axis);
/* How a C function is given a value of a type (a picture as omn_image, all else as omn_value), and
 * what one that it made is as a value; owned as before. [any] */
const void *value_as_argument(const char *type, const omn_value *v);
omn_value *value_of_result(const char *type, void *result);

#endif
