/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of classes as answers. */
#include "classes.h"

#include "../golden/taught.h"

#include <omnio/learn.h>

#include <stdio.h>
#include <string.h>

const omn_part *classes_open(omn_open *o, const char *role, int64_t rows, int64_t count,
                             const char *file, const char *names)
{
    omn_part *p = omn_open_part(o, role, "omnio.decoder/1", "text.labels", "",
                                "rows=%d count=%d file=%s names=%s", (int)rows, (int)count, file,
                                names);
    const omn_range range = { "codes", 0, (int32_t)rows, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)rows, .start = 0, .stop = -1,
                          .pad = 0, .ranges = &range, .n_ranges = 1 };
    omn_open_vocabulary(o, p, &v);
    return p;
}

const omn_part *classes_loss(omn_open *o, const char *object, const char *settings)
{
    if (!object[0] || !omn_open_offers(o, "omnio.objective/1", object)) return NULL;
    const omn_part *p = omn_open_part(o, "loss", "omnio.objective/1", object, "", "%s", settings);
    if (!strcmp(object, "binary")) omn_open_answer_loss(o, p);
    return p;
}

bool classes_step(omn_scope *s, const omn_build *rq, int64_t classes, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    if (rq->phase != OMN_STEP) return false;
    taught_logits(top, rq->targets[0], taught_kept(top, rq, classes), out);
    return true;
}

void classes_put(omn_scope *s, const omn_build *rq, const char *name, omn_node *x,
                 const omn_part *loss, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    char all[96];
    omn_node_tag(top, x, "scores");
    if (rq->phase == OMN_EMBED) {
        snprintf(all, sizeof all, "class.%s", name);
        omn_bundle_put(out, s, all, x);
    } else if (rq->phase == OMN_ENCODE) {
        taught_keep(top, x, out);
    } else {
        taught_logits(top, rq->targets[0], taught_spread(top, x, rq->targets[0]), out);
        if (rq->targets[0]->labels) taught_sum(top, rq, loss, out);
    }
}
