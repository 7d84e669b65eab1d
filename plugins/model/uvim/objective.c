/* SPDX-License-Identifier: Apache-2.0 */
/* objective guided: what a model that draws maps under the guidance of a code is taught by. Every
 * output "labels.MAP" i32 [..] has its scores in "logits.MAP" [..,levels]; the cross-entropies are
 * means over all pixels and are added. "off.code", how far words lie off the dictionary's, moves
 * both towards each other. Where an answer is asked, the code itself, its cross-entropy counts
 * alone. */
#include "uvim.h"

#include <stdlib.h>
#include <string.h>

struct guided { GUIDED(OMN_S_PAR, guided) };

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct guided *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "guided: out of memory");
    *p = *(const struct guided *)params;
    *self = p;
    return OMN_OK;
}

static omn_node *more(omn_scope *s, omn_node *sum, omn_node *x)
{
    return sum ? omn_add(s, sum, x) : x;
}

static omn_node *of_map(omn_scope *s, const omn_bundle *outputs, const char *map, omn_node *labels,
                        omn_bundle *out)
{
    const omn_ce how = { OMN_FILL(omn_ce) };
    char name[96];
    omn_node *each = NULL;
    omn_format(name, sizeof name, "logits.%s", map);
    omn_node *logits = omn_bundle_get(outputs, s, name);
    omn_node *weight = omn_scale(s, omn_cast(s, labels, OMN_F32), 0, 1);
    omn_node *loss = omn_cross_entropy(s, logits, labels, weight, &how, &each);
    omn_format(name, sizeof name, "loss.%s", map);
    omn_bundle_put(out, s, name, loss);
    return loss;
}

static omn_node *of_target(omn_scope *s, const omn_bundle *outputs, const omn_target *t,
                           omn_bundle *out)
{
    const omn_ce how = { OMN_FILL(omn_ce) };
    const char *role = omn_part_role(t->part);
    char name[96];
    omn_node *each = NULL;
    omn_format(name, sizeof name, "logits.%s", role);
    omn_node *loss = omn_cross_entropy(s, omn_bundle_get(outputs, s, name), t->labels, t->weight,
                                       &how, &each);
    omn_format(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    omn_format(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, each);
    return loss;
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct guided *p = self;
    omn_node *sum = NULL;
    for (uint32_t i = 0; i < n_targets; i++)
        if (targets[i]->labels) sum = more(s, sum, of_target(s, outputs, targets[i], out));
    const size_t n = n_targets ? 0 : omn_bundle_count(outputs);
    for (size_t i = 0; i < n; i++) {
        const char *name = NULL;
        omn_node *x = omn_bundle_at(outputs, i, &name);
        if (!strncmp(name, "labels.", 7))
            sum = more(s, sum, of_map(s, outputs, name + 7, x, out));
    }
    omn_node *off = n_targets ? NULL : omn_bundle_find(outputs, "off.code");
    if (sum && off && p->commit > 0) {
        off = omn_sum(s, omn_activate(s, off, OMN_ACT_SQUARE), 7, false, true);
        sum = more(s, sum, omn_reshape(s, omn_scale(s, off, p->commit, 0), omn_dim1(1)));
    }
    if (sum) return sum;
    return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "guided: the model puts out no map that is "
                          "learnt, \"labels.MAP\"");
}

const omn_objective_impl uvim_guided_impl = { NULL, open_loss, free, loss };
