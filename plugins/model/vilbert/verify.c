/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of ViLBERT: what another program made, in double precision, of small random weights.
 * Their inputs and outputs have the names that they have in the graphs. */
#include "../golden/named.h"

#include "vilbert.h"

static omn_status run(omn_verification *host, omn_error *err)
{
    static const golden_role roles[] = { { "regions", "boxes" }, { "regions", "boxes" },
                                         { "text", "ids" } };
    /* of two pictures the second has a number */
    const bool pair = omn_weights_get(omn_verification_golden(host), "in.regions#2.boxes") != NULL;
    const golden_named how = { .roles = roles + (pair ? 0 : 1), .n_roles = pair ? 3 : 2 };
    return golden_named_run(&how, host, err);
}

const omn_verify_impl vilbert_verify = { "vilbert-golden-1", run };
