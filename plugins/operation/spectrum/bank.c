/* SPDX-License-Identifier: Apache-2.0 */
/* The bank of mel filters: triangles whose corners are equally far apart on Slaney's mel scale
 * (linear up to 1000 Hz, logarithmic above; Auditory Toolbox, 1998), each of the same area. */
#include "spectrum.h"

#include <math.h>

#define LINEAR (200.0 / 3) /* Hz of a mel up to 1000 Hz */
#define KNEE   1000.0
#define LOG    (log(6.4) / 27) /* of a mel above */

double mel_of(double hz)
{
    return hz < KNEE ? hz / LINEAR : KNEE / LINEAR + log(hz / KNEE) / LOG;
}

double hz_of(double mel)
{
    return mel < KNEE / LINEAR ? mel * LINEAR : KNEE * exp((mel - KNEE / LINEAR) * LOG);
}

static double weight(const double *edge, double f)
{
    const double rise = (f - edge[0]) / (edge[1] - edge[0]);
    const double fall = (edge[2] - f) / (edge[2] - edge[1]);
    const double w = rise < fall ? rise : fall;
    return w > 0 ? w * 2 / (edge[2] - edge[0]) : 0;
}

omn_status bank_make(omn_call *c, const bank_setup *how, bank *out, omn_error *err)
{
    const double low = mel_of(how->low), high = mel_of(how->high);
    const size_t n = how->bands, bins = how->window / 2 + 1;
    double *edge = omn_call_scratch(c, n + 2, sizeof(*edge));
    *out = (bank){ n, bins, omn_call_scratch(c, n, sizeof(*out->first)),
                   omn_call_scratch(c, n, sizeof(*out->count)),
                   omn_call_scratch(c, n, sizeof(*out->at)),
                   omn_call_scratch(c, 2 * bins + n, sizeof(*out->w)),
                   omn_call_scratch(c, n, sizeof(*out->center)) };
    if (!edge || !out->first || !out->count || !out->at || !out->w || !out->center)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu bands", n);
    if (!(how->low < how->high) || how->high > how->rate / 2)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "bands from %g to %g Hz: they rise and lie below %g Hz, half of the rate",
                        how->low, how->high, how->rate / 2);
    for (size_t i = 0; i < n + 2; i++)
        edge[i] = hz_of(low + (high - low) * (double)i / (double)(n + 1));
    uint32_t used = 0;
    for (size_t i = 0; i < n; i++) {
        out->at[i] = used;
        out->center[i] = edge[i + 1];
        const double first = floor(edge[i] * (double)how->window / how->rate);
        for (size_t k = first > 1 ? (size_t)first - 1 : 0; k < bins; k++) {
            const double f = how->rate * (double)k / (double)how->window;
            const double w = weight(edge + i, f);
            if (!(w > 0) && f > edge[i + 2]) break;
            if (!(w > 0)) continue;
            if (out->count[i]++ == 0) out->first[i] = (uint32_t)k;
            out->w[used++] = (float)w; /* each bin lies below two triangles at most */
        }
        if (out->count[i] == 0)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "band %zu, around %g Hz, holds no bin: less than %zu bands, or a window"
                            " longer than %zu samples", i, edge[i + 1], n, how->window);
    }
    return OMN_OK;
}
