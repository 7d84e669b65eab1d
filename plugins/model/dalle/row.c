/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in front of a picture: the text's ids, and at each of its places that is empty that
 * place's own id, which is learnt as the others are. Of the loss the text is worth 1, the picture
 * picture_weight, whatever their lengths: each id of the text weighs so much that the mean over all
 * places is ((mean of the text) + weight (mean of the picture)) / (1 + weight). */
#include "dalle.h"

#include <omnio/answer.h>

static omn_status put_text(const dalle *d, const omn_value *v, omn_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t n = 0;
    omn_ids ids;
    omn_ids_init(&ids, (size_t)d->places);
    const char *text = omn_text_get(v, &n);
    if (!d->tokenizer)
        OMN_TRY(omn_fail(err, OMN_ERR_MISSING, "the model's folder has no tokenizer: copy the one "
                         "that belongs to these weights there"));
    OMN_TRY(omn_ids_text(&ids, d->tokenizer, text, n, err));
    for (int64_t i = 0; i < d->places; i++) {
        const bool real = i < (int64_t)ids.count;
        omn_ids_put(out, real ? ids.ids[i] : (int32_t)(d->text - d->places + i));
    }
done:
    omn_ids_fini(&ids);
    return st;
}

static omn_status prefix(const void *self, omn_call *c, const omn_row_input *const *inputs,
                         uint32_t n, const char *output, omn_ids *out, omn_error *err)
{
    const dalle *d = self;
    const int64_t learnt = dalle_front(d) - 1;      /* nothing tells the first */
    omn_status st = OMN_OK;
    (void)c;
    (void)output;
    if (n != 1 || inputs[0]->part != d->words)
        return omn_fail(err, OMN_ERR_DATA, "DALL-E draws what one text says; %u inputs were given",
                        n);
    if (d->begin >= 0) omn_ids_put(out, d->begin);
    OMN_TRY(put_text(d, inputs[0]->value, out, err));
    if (learnt > 0)
        omn_ids_weigh(out, 0, (double)(d->grid * d->grid) / (d->picture_weight * (double)learnt));
done:
    return st;
}

static int32_t most(const void *self) { return (int32_t)dalle_most(self); }

const omn_row_impl dalle_row = { prefix, most };
