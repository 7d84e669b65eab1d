/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin without fault that offers an object which the good plugin has too, and its own. */
#include <omnio/plugin.h>

#define NOTE(IN, OPT, PAR, OUT)                                                                    \
    PAR(int, n, "1", "0..9", NULL, "a number")                                                     \
    OUT(number, out, "the number")
OMN_OPERATION(note, NOTE, OMN_PURE);
static omn_status note(omn_call *c, int n, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_number_new(n, out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(note, "test.all", "a number under the name of another"),
    OMN_OPERATION_OBJECT(note, "twin.own", "a number"),
    OMN_OPERATION_OBJECT(note, "tst", "a number under the name of a format"),
};
OMN_PLUGIN("twin", "2.0", "Apache-2.0", "comes late", objects);
