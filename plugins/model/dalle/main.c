/* SPDX-License-Identifier: Apache-2.0 */
/* model/dalle: DALL-E (Ramesh et al. 2021): a text and the codes of a picture as one row, of which
 * a decoder with sparse attention says what comes next. The door. Names of weights and keys of the
 * configuration are those of ruDALL-E, whose weights were published. */
#include "dalle.h"

#include "../golden/golden.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status dalle_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    dalle *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "dalle: out of memory");
    *self = d;
    dalle_configure(d, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    const dalle *d = self;
    return (int32_t)(answer ? d->grid * d->grid : d->places + 1);
}

static omn_status verify(omn_verification *host, omn_error *err)
{
    return golden_plain(host, err);
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { dalle_known };
    static const omn_verify_impl golden_files = { "dalle-golden-1", verify };
    static const omn_task_impl asked = { .pipeline = "dalle-image" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.row/1")) return &dalle_row;
    return strcmp(id, "omnio.verify/1") ? NULL : &golden_files;
}

static const omn_model_impl impl = { extension, dalle_open, free, dalle_build, prefix,
                                     most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "dalle", "DALL-E: pictures of what a text says", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("model-dalle", "0.1.0", "Apache-2.0", "the DALL-E model family", objects);
