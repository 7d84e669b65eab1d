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

#endif
