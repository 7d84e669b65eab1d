/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that are no coordinates, as the same words: depth, sizes, angles, joints of a machine.
 * Unified-IO 2 releases their ranges (spec uio2-tasks section 7); within its range a number takes
 * the way of a coordinate in a picture of side 1. */
#include "location.h"

int32_t loc_number_bin(const loc_scheme *s, loc_span of, double x)
{
    const double q = (x - of.least) / (of.most - of.least);
    return loc_bin(s, !(q > 0) ? 0 : q < 1 ? q : 1, 1, LOC_POINT);
}

double loc_number(const loc_scheme *s, loc_span of, int32_t bin)
{
    return of.least + loc_pixels(s, bin, 1, LOC_POINT) * (of.most - of.least);
}

void loc_put_number(const loc_scheme *s, loc_span of, double x, omn_buf *out)
{
    loc_put_word(s, loc_number_bin(s, of, x), out);
}

omn_status loc_check_number(loc_span of, double x, const char *what, const char *unit,
                            omn_error *err)
{
    const double slack = 1e-6 * (of.most - of.least); /* of numbers that went through f32 */
    if (x >= of.least - slack && x <= of.most + slack) return OMN_OK;
    const char *space = unit ? " " : "";
    if (!unit) unit = "";
    return omn_fail(err, OMN_ERR_DATA, "%s is %g%s%s: this model has words for %g to %g%s%s", what,
                    x, space, unit, of.least, of.most, space, unit);
}

double loc_take_number(const loc_scheme *s, loc_span of, const loc_run *run, const char **p)
{
    return loc_number(s, of, loc_take_bin(s, run, p));
}
