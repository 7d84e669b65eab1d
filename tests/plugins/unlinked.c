/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that cannot be linked when it is loaded: either because a library that it needs is not
 * there, or, linked without that library, because it calls a function that nobody defines. */
#include <omnio/plugin.h>

int omn_test_gone(int x);

#define NOTE(IN, OPT, PAR, OUT)                                                                    \
    PAR(int, n, "1", "0..9", NULL, "a number")                                                     \
    OUT(number, out, "the number")
OMN_OPERATION(note, NOTE, OMN_PURE);
static omn_status note(omn_call *c, int n, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_number_new(omn_test_gone(n), out, err);
}

static const omn_object objects[] = { OMN_OPERATION_OBJECT(note, "unlinked.note", "a number") };
OMN_PLUGIN("unlinked", "1.0", "Apache-2.0", "is missing something", objects);
