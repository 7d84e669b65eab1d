/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as a pipeline uses them: by name, with settings as text, through the checked call. */
#ifndef OMNIO_TESTS_OPERATION_APPLY_H
#define OMNIO_TESTS_OPERATION_APPLY_H

#include <omnio/plugin.h>

/* A context for this test; the same on every call. */
omn_context *apply_context(void);
void apply_end(void);
/* The first result of the operation `name` on up to 4 values; settings: "width", "3", "height",
 * "4", NULL. err may be NULL: then a failure ends the test. Otherwise NULL comes back and err says
 * why. */
omn_value *apply(omn_error *err, const char *name, const omn_value *const in[4], ...);
/* Another result, from 0 on, of what does not fail. */
omn_value *apply_nth(size_t which, const char *name, const omn_value *const in[4], ...);
/* The same when no text of it is wanted but JSON: valid until the next call. Takes v. */
const char *as_json(omn_value *v);
omn_value *from_json(const char *s);
omn_value *text_of(const char *s);

#endif
