/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in front of an answer: texts as their ids and <image> for each picture, in the order
 * in which they are given. Texts that follow each other are one, as the original makes one string
 * of all. The tag itself is never written by hand: it would stand for a picture that is not
 * there. */
#include "flamingo.h"

#include <omnio/answer.h>

#include <string.h>

typedef struct front {
    const flamingo *m;
    omn_ids *out;
    omn_buf text;                         /* what has been read since the last picture */
} front;

static omn_status flush(front *f, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t before = f->out->count;
    OMN_TRY(omn_buf_check(&f->text, "the prompt", err));
    if (!f->text.length) return OMN_OK;
    if (!f->m->tokenizer)
        return omn_fail(err, OMN_ERR_MISSING, "the model's folder has no tokenizer.json: copy the "
                        "one that belongs to these weights there");
    OMN_TRY(omn_ids_text(f->out, f->m->tokenizer, f->text.data, f->text.length, err));
    f->text.length = 0;
    for (size_t i = before; f->m->interval && i < f->out->count; i++)
        if (f->out->ids[i] == f->m->media)
            return omn_fail(err, OMN_ERR_DATA, "a text holds the tag <image>: pictures are given "
                            "as inputs, in their order among the texts");
done:
    return st;
}

static omn_status picture(front *f, omn_error *err)
{
    const omn_status st = flush(f, err);
    if (st == OMN_OK) omn_ids_put(f->out, f->m->media);
    return st;
}

static omn_status interleaved(front *f, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *item = NULL;
    for (size_t i = 0; i < omn_value_count(v); i++) {
        OMN_TRY(omn_value_item(v, i, &item, err));
        if (omn_value_is(item, "text")) omn_value_text(item, &f->text);
        else OMN_TRY(picture(f, err));
        omn_value_unref(item);
        item = NULL;
    }
done:
    omn_value_unref(item);
    return st;
}

/* Pictures are numbered as their encoders were opened, so they have to be given so. */
static int turn(const char *role)
{
    static const char *const order[] = { "interleaved", "image", "video" };
    for (int i = 0; i < 3; i++)
        if (!strcmp(role, order[i])) return i;
    return -1;
}

static omn_status prefix(const void *self, omn_call *c, const omn_row_input *const *inputs,
                         uint32_t n, const char *output, omn_ids *out, omn_error *err)
{
    const flamingo *m = self;
    omn_status st = OMN_OK;
    front f = { .m = m, .out = out };
    int last = 0;
    (void)c;
    (void)output;
    omn_buf_init(&f.text, (size_t)1 << 24);
    if (m->begin >= 0) omn_ids_put(out, m->begin);
    for (uint32_t i = 0; i < n; i++) {
        const char *role = omn_part_role(inputs[i]->part);
        const int now = turn(role);
        if (now >= 0 && now < last)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "what is interleaved comes before pictures, and "
                             "these before videos: \"%s\" is too late", role));
        if (now < 0) omn_value_text(inputs[i]->value, &f.text);
        else if (omn_value_is(inputs[i]->value, "interleaved"))
            OMN_TRY(interleaved(&f, inputs[i]->value, err));
        else OMN_TRY(picture(&f, err));
        if (now >= 0) last = now;
    }
    OMN_TRY(flush(&f, err));
    if (!out->count && !out->failed)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "there is nothing to go on with: a text or a picture "
                         "is wanted"));
    if (m->chunks && !out->failed) {
        bool *is = omn_call_scratch(c, out->count, sizeof *is);
        if (!is) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory"));
        flamingo_learnt(m, out->ids, out->count, true, is);
        for (size_t i = 0; i < out->count; i++) omn_ids_weigh(out, i, is[i] ? 1 : 0);
    }
done:
    omn_buf_fini(&f.text);
    return st;
}

void flamingo_learnt(const flamingo *m, const int32_t *ids, size_t n, bool chunks, bool *out)
{
    bool inside = !chunks;
    for (size_t i = 0; i < n; i++) {
        if (chunks && ids[i] == m->media) inside = true;
        out[i] = inside && ids[i] != m->media && ids[i] != m->pad;
        if (chunks && ids[i] == m->chunk_end) inside = false;
    }
}

static int32_t most(const void *self) { return (int32_t)((const flamingo *)self)->lm.most; }

const omn_row_impl flamingo_row = { prefix, most };
