/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "json": a value by a JSON Schema (the subset that omnio-answer(5) tells). */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json { JSON(OMN_S_PAR, json) };

typedef struct json_answer {
    said said;
    char *schema;
    size_t n;
    char file[256];
} json_answer;

static omn_status open_json(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const struct json *p = params;
    const char *file = NULL;
    (void)c;
    json_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "json: out of memory");
    OMN_TRY(said_open(&a->said, o, "json", err));
    const bool text = p->json[strspn(p->json, " \t\r\n")] == '{';
    OMN_TRY(said_source(o, p->json, text, &a->schema, &a->n, &file, err));
    snprintf(a->file, sizeof a->file, "%s", file ? file : "");
done:
    return st;
}

static void close_json(void *self)
{
    json_answer *a = self;
    if (a) free(a->schema);
    free(a);
}

static omn_status json_rules(const void *self, omn_rules *r, omn_error *err)
{
    const json_answer *a = self;
    (void)err;
    omn_rules_root(r, omn_rules_json(r, a->schema, a->n, a->file[0] ? a->file : NULL));
    return OMN_OK;
}

static omn_status write_json(const void *self, omn_call *c, const omn_value *v,
                             const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const json_answer *a = self;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_value_json(v, &b);
    const omn_status st = b.failed ? omn_fail(err, OMN_ERR_MEMORY, "json: out of memory")
                                   : said_write(&a->said, b.data, b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

static omn_status read_json(const void *self, omn_call *c, const omn_heard *h,
                            const omn_frame *frame, omn_value **out, omn_error *err)
{
    const json_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, 16);
    OMN_TRY(said_whole(h, "json", err));
    OMN_TRY(said_read(&a->said, h, &b, err));
    st = h->partial ? json_so_far(b.data ? b.data : "", b.length, out, err)
                    : omn_value_from_json(b.data ? b.data : "", b.length, out, err);
done:
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl answer_json_impl = { NULL,       "any",      open_json, close_json,
                                      json_rules, write_json, read_json };
