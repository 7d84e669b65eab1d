/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of UniT: what another program made, in double precision, of small random weights.
 * Their inputs and outputs have the names that they have in the graphs. */
#include "../golden/named.h"

#include "unit.h"

/* What the released models were trained without. */
static const char *const frozen[] = { "unit_base_model.backbone.0.body.conv1.**",
                                      "unit_base_model.backbone.0.body.bn1.**",
                                      "unit_base_model.backbone.0.body.layer1.**",
                                      "unit_base_model.backbone.0.body.layer*.*.bn*.**",
                                      "unit_base_model.backbone.0.body.layer*.*.downsample.1.**" };

static omn_status run(omn_verification *host, omn_error *err)
{
    static const golden_role roles[] = { { "image", NULL }, { "things", "boxes" },
                                         { "text", "ids" } };
    const golden_named how = { .roles = roles, .n_roles = sizeof roles / sizeof *roles,
                               .frozen = frozen, .n_frozen = sizeof frozen / sizeof *frozen };
    return golden_named_run(&how, host, err);
}

const omn_verify_impl unit_verify = { "unit-golden-1", run };
