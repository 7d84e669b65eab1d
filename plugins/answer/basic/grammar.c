/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "grammar": a text of a language that a GBNF grammar tells. */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct grammar { GRAMMAR(OMN_S_PAR, grammar) };

typedef struct grammar_answer {
    said said;
    char *text;
    size_t n;
    char file[256];
} grammar_answer;

static omn_status open_grammar(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    const struct grammar *p = params;
    const char *file = NULL;
    (void)c;
    grammar_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "grammar: out of memory");
    OMN_TRY(said_open(&a->said, o, "grammar", err));
    OMN_TRY(said_source(o, p->grammar, strstr(p->grammar, "::=") != NULL, &a->text, &a->n, &file,
                        err));
    snprintf(a->file, sizeof a->file, "%s", file ? file : "");
done:
    return st;
}

static void close_grammar(void *self)
{
    grammar_answer *a = self;
    if (a) free(a->text);
    free(a);
}

static omn_status grammar_rules(const void *self, omn_rules *r, omn_error *err)
{
    const grammar_answer *a = self;
    (void)err;
    omn_rules_root(r, omn_rules_gbnf(r, a->text, a->n, a->file[0] ? a->file : NULL));
    return OMN_OK;
}

static omn_status write_grammar(const void *self, omn_call *c, const omn_value *v,
                                const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const grammar_answer *a = self;
    size_t n = 0;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, a text is wanted",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, &n);
    return said_write(&a->said, text, n, out, err);
}

static omn_status read_grammar(const void *self, omn_call *c, const omn_heard *h,
                               const omn_frame *frame, omn_value **out, omn_error *err)
{
    const grammar_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, 16);
    OMN_TRY(said_whole(h, "grammar", err));
    OMN_TRY(said_read(&a->said, h, &b, err));
    OMN_TRY(omn_text_new(b.data ? b.data : "", b.length, out, err));
done:
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl answer_grammar_impl = { NULL,          "text",        open_grammar,
                                              close_grammar, grammar_rules, write_grammar,
                                              read_grammar };
