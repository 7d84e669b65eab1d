/* SPDX-License-Identifier: Apache-2.0 */
/* The answer series.degrees, a whole number with its unit ("-7 degrees"), and what it is worth: the
 * measure series.error. Nothing but what the rules say can come out of the model. */
#include <omnio/answer.h>
#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT " degrees"

typedef struct answer { const omn_part *decoder, *tokenizer; } answer;

static omn_status open_answer(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    answer *a = *self = calloc(1, sizeof *a);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "series.degrees: out of memory");
    a->decoder = omn_open_decoder(o);
    a->tokenizer = omn_open_find_part(o, "omnio.codec/1", "tokenizer");
    return a->tokenizer ? OMN_OK : omn_fail(err, OMN_ERR_MISSING, "there is no tokenizer");
}

static omn_status rules(const void *self, omn_rules *r, omn_error *err)
{
    const omn_chars digits = { '0', '9' };
    const omn_rule *all[] = {
        omn_rules_repeat(r, omn_rules_text(r, "-", 1), 0, 1),
        omn_rules_repeat(r, omn_rules_chars(r, &digits, 1, false), 1, 2),
        omn_rules_text(r, UNIT, strlen(UNIT)),
    };
    omn_rules_root(r, omn_rules_seq(r, all, 3));
    return OMN_OK;
}

static omn_status write_ids(const void *self, omn_call *c, const omn_value *v,
                            const omn_frame *frame, omn_ids *out, omn_error *err)
{
    char s[32];
    const double x = round(omn_number_get(v));
    if (!omn_value_is(v, "number") || !(fabs(x) < 100))
        return omn_fail(err, OMN_ERR_DATA, "series.degrees says numbers from -99 to 99");
    const int n = snprintf(s, sizeof s, "%d" UNIT, (int)x);
    return omn_ids_text(out, ((const answer *)self)->tokenizer, s, (size_t)n, err);
}

static omn_status read_ids(const void *self, omn_call *c, const omn_heard *h,
                           const omn_frame *frame, omn_value **out, omn_error *err)
{
    omn_buf b;
    char *end = NULL;
    omn_buf_init(&b, 4096);
    const omn_part *decoder = ((const answer *)self)->decoder;
    omn_status st = omn_decoder_text(decoder, h->ids, h->n, &b, NULL, err);
    const double x = st == OMN_OK && b.data ? omn_number_read(b.data, &end) : 0;
    if (st == OMN_OK && (!end || end == b.data || strcmp(end, UNIT)))
        st = omn_fail(err, OMN_ERR_DATA, "what was said is no temperature");
    if (st == OMN_OK) st = omn_number_new(x, out, err);
    omn_buf_fini(&b);
    return st;
}

typedef struct errors { double sum, n; } errors;

static omn_status open_error(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err) { return OMN_OK; }

static omn_status begin(const void *self, void **state, omn_error *err)
{
    *state = calloc(1, sizeof(errors));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "series.error: out of memory");
}

static omn_status add(const void *self, void *state, omn_call *c, const omn_value *answer,
                      const omn_value *wanted, const omn_value *inputs, bool *right, omn_error *err)
{
    errors *e = state;
    const bool is = omn_value_is(answer, "number"); /* what is none counts as wholly wrong */
    const double off = is ? fabs(omn_number_get(answer) - omn_number_get(wanted)) : 100;
    e->sum += off;
    e->n++;
    *right = off < 0.5;
    return OMN_OK;
}

static omn_status rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err)
{
    const errors *e = state;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "mean absolute error",
                                  .unit = "C", .value = e->sum / e->n, .baseline = NAN,
                                  .less = true };
    emit(user, &row);
    return OMN_OK;
}

static void end(const void *self, void *state) { free(state); }

static const omn_answer_impl degrees = { .makes = "number", .open = open_answer, .close = free,
                                         .rules = rules, .write = write_ids, .read = read_ids };
static const omn_measure_impl error = { .takes = "number", .open = open_error, .close = free,
                                        .begin = begin, .add = add, .rows = rows, .end = end };
static const omn_object objects[] = {
    { "omnio.answer/1", "series.degrees", "a whole number of degrees", &degrees, NULL, 0, 0 },
    { "omnio.measure/1", "series.error", "how many degrees answers are off", &error, NULL, 0, 0 },
};
OMN_PLUGIN("series-answer", "1.0", "Apache-2.0", "temperatures as answers", objects);
