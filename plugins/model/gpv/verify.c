/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of GPV-1: what another program made, in double precision, of small random weights.
 * Their inputs and outputs have the names that they have in the graphs; those with a row of ids of
 * its own say that it is written a step at a time. */
#include "../golden/named.h"

#include "gpv.h"

/* What the released models were trained without; the last one is learnt beside a linear head. */
static const char *const frozen[] = { "bert.**",
                                      "answer_head.vocab_embed",
                                      "detr.backbone.0.body.conv1.**",
                                      "detr.backbone.0.body.bn1.**",
                                      "detr.backbone.0.body.layer1.**",
                                      "detr.backbone.0.body.layer*.*.bn*.**",
                                      "detr.backbone.0.body.layer*.*.downsample.1.**",
                                      "answer_input_embedings.embedding_layer.**" };

static omn_status run(omn_verification *host, omn_error *err)
{
    const omn_weights *file = omn_verification_golden(host);
    const bool learnt = omn_weights_get(file, "gradnorm.answer_input_embedings.embedding_layer."
                                              "weight") != NULL;
    if (omn_weights_get(file, "in.ids")) return golden_plain(host, err);
    static const golden_role roles[] = { { "image", NULL }, { "text", "ids" },
                                         { "things", "boxes" } };
    const golden_named how = { .roles = roles, .n_roles = sizeof roles / sizeof *roles,
                               .frozen = frozen,
                               .n_frozen = sizeof frozen / sizeof *frozen - learnt };
    return golden_named_run(&how, host, err);
}

const omn_verify_impl gpv_verify = { "gpv-golden-1", run };
