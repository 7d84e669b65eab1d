/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "options": one of several texts. The model does not write: it is asked how likely each
 * one is, and the likeliest per token (or as a whole) is the answer; spec uio2-tasks section 6. */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

struct options { OPTIONS(OMN_S_PAR, OMN_S_VAL, options) };

typedef struct options_answer {
    said said;
    char **texts;
    size_t n;
    bool sum;
} options_answer;

static omn_status open_options(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    const struct options *p = params;
    const size_t n = p->options ? omn_list_count(p->options) : 0;
    (void)c;
    options_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "options: out of memory");
    a->sum = p->score == 1;
    OMN_TRY(said_open(&a->said, o, "options", err));
    if (!n || n > OMN_MOST_CANDIDATES) {
        st = omn_fail(err, OMN_ERR_DATA, "%zu options: 1 to %u are wanted", n,
                      OMN_MOST_CANDIDATES);
        goto done;
    }
    a->texts = calloc(n, sizeof *a->texts);
    if (!a->texts) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu options: out of memory", n));
    for (size_t i = 0; i < n; i++) {
        const omn_value *v = omn_list_at(p->options, i);
        omn_buf b;
        if (!omn_value_is(v, "text") && !omn_value_is(v, "number"))
            OMN_TRY(omn_fail(err, OMN_ERR_TYPE, "option %zu is %s, a text is wanted", i + 1,
                             omn_value_kind_name(v)));
        omn_buf_init(&b, OMN_TEXT_MOST);
        omn_value_text(v, &b);
        if (!b.failed && !b.data[strspn(b.data, " ")]) {
            omn_buf_fini(&b);
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "option %zu is empty", i + 1));
        }
        a->texts[i] = omn_buf_take(&b);
        if (!a->texts[i]) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu options: out of memory", n));
        a->n++;
    }
done:
    return st;
}

static void close_options(void *self)
{
    options_answer *a = self;
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) free(a->texts[i]);
    free(a->texts);
    free(a);
}

static size_t count(const void *self) { return ((const options_answer *)self)->n; }
static bool sum(const void *self) { return ((const options_answer *)self)->sum; }

static omn_status write_one(const void *self, size_t i, omn_ids *out, omn_error *err)
{
    const options_answer *a = self;
    const omn_status st = said_write(&a->said, a->texts[i], strlen(a->texts[i]), out, err);
    if (st != OMN_OK) omn_error_prefix(err, "option %zu", i + 1);
    return st;
}

static omn_status write_options(const void *self, omn_call *c, const omn_value *v,
                                const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const options_answer *a = self;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted option is %s, a text is wanted",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, NULL);
    for (size_t i = 0; i < a->n; i++)
        if (!strcmp(a->texts[i], text)) return write_one(self, i, out, err);
    return omn_fail(err, OMN_ERR_DATA, "\"%.80s\" is not among the options", text);
}

static omn_status read_options(const void *self, omn_call *c, const omn_heard *h,
                               const omn_frame *frame, omn_value **out, omn_error *err)
{
    const options_answer *a = self;
    (void)c;
    (void)frame;
    if (h->chosen >= a->n)
        return omn_fail(err, OMN_ERR_INTERNAL, "option %zu of %zu", h->chosen + 1, a->n);
    return omn_text_new(a->texts[h->chosen], strlen(a->texts[h->chosen]), out, err);
}

static const void *extension(const char *id)
{
    static const omn_candidates_impl candidates = { count, write_one, sum };
    return strcmp(id, "omnio.candidates/1") ? NULL : &candidates;
}

const omn_answer_impl answer_options_impl = { extension, "text",        open_options, close_options,
                                              NULL,      write_options, read_options };
