/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on a kind of value that another plugin brings, known by name and columns alone; one is
 * about a kind that nobody brings. */
#include <omnio/plugin.h>

#define WARMEST(IN, OPT, PAR, OUT)                                                                 \
    IN(weather, in, "what stations measured")                                                      \
    OPT(weather, more, "and others")                                                               \
    OUT(number, out, "the highest of all")
OMN_OPERATION(warmest, WARMEST, OMN_PURE);
static omn_status warmest(omn_call *c, const omn_value *in, const omn_value *more, omn_value **out,
                          omn_error *err)
{
    const omn_value *all[2] = { in, more };
    double most = -1000;
    (void)c;
    for (int i = 0; i < 2 && all[i] != NULL; i++) {
        const omn_tensor *t = omn_value_column(all[i], "degrees");
        for (size_t k = 0; k < t->bytes / sizeof(float); k++)
            if ((double)((const float *)t->data)[k] > most)
                most = (double)((const float *)t->data)[k];
    }
    return omn_number_new(most, out, err);
}

#define FIRST(IN, OPT, PAR, OUT)                                                                   \
    IN(weather, in, "what stations measured")                                                      \
    OUT(weather, out, "the first station alone")
OMN_OPERATION(first, FIRST, OMN_PURE);
static omn_status first(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_value_item(in, 0, out, err);
}

#define LOST(IN, OPT, PAR, OUT)                                                                    \
    IN(wether, in, "a kind that is nowhere")                                                       \
    OUT(number, out, "nothing")
OMN_OPERATION(lost, LOST, OMN_PURE);
static omn_status lost(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    (void)in;
    return omn_number_new(0, out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(warmest, "weather.warmest", "the highest temperature"),
    OMN_OPERATION_OBJECT(first, "weather.first", "the first station"),
    OMN_OPERATION_OBJECT(lost, "weather.lost", "about nothing"),
};
OMN_PLUGIN("gauge", "1.0", "Apache-2.0", "operations on a foreign kind", objects);
