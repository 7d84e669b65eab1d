/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, objectives and worlds that pass the door and break their promises, each another one, for
 * the tests of omnio validate. Beside them one of each that keeps them. */
#include <omnio/answer.h>
#include <omnio/learn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers: a number of three digits at most ---------------------------------------------- */

typedef struct digits {
    const omn_part *decoder, *tokenizer;
} digits;

static omn_status open_digits(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)params;
    digits *d = malloc(sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "digits: out of memory");
    *d = (digits){ omn_open_decoder(o), omn_open_find_part(o, "omnio.codec/1", "tokenizer") };
    *self = d;
    return OMN_OK;
}

static omn_status digits_rules(const void *self, omn_rules *r, omn_error *err)
{
    static const omn_chars digit = { '0', '9' };
    (void)self;
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_chars(r, &digit, 1, false), 1, 3));
    return OMN_OK;
}

static omn_status write_digits(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *frame, omn_ids *out, omn_error *err)
{
    char text[32];
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "number"))
        return omn_fail(err, OMN_ERR_TYPE, "%s given, a number wanted", omn_value_kind_name(v));
    const double x = omn_number_get(v);
    if (!(x >= 0 && x <= 999)) return omn_fail(err, OMN_ERR_DATA, "%g is outside 0..999", x);
    const int n = snprintf(text, sizeof text, "%d", (int)x);
    return omn_ids_text(out, ((const digits *)self)->tokenizer, text, (size_t)n, err);
}

static omn_status number_of(const digits *d, const int32_t *ids, size_t n, omn_value **out,
                            omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_status st = omn_decoder_text(d->decoder, ids, n, &b, NULL, err);
    const char *text = b.data ? b.data : "";
    const size_t k = strspn(text, "0123456789");
    if (st == OMN_OK && (k == 0 || k > 3 || text[k]))
        st = omn_fail(err, OMN_ERR_DATA, "three digits are wanted");
    if (st == OMN_OK) st = omn_number_new(strtol(text, NULL, 10), out, err);
    omn_buf_fini(&b);
    return st;
}

static omn_status read_digits(const void *self, omn_call *c, const omn_heard *h,
                              const omn_frame *frame, omn_value **out, omn_error *err)
{
    (void)c;
    (void)frame;
    return number_of(self, h->ids, h->n, out, err);
}
static const omn_answer_impl honest = { NULL,         "number",     open_digits, free,
                                        digits_rules, write_digits, read_digits };

/* Every number is written as 0. */
static omn_status write_zero(const void *self, omn_call *c, const omn_value *v,
                             const omn_frame *frame, omn_ids *out, omn_error *err)
{
    (void)c, (void)v, (void)frame;
    return omn_ids_text(out, ((const digits *)self)->tokenizer, "0", 1, err);
}
static const omn_answer_impl zero = { NULL,         "number",   open_digits, free,
                                      digits_rules, write_zero, read_digits };

/* Numbers are written with their sign, which the rules do not allow. */
static omn_status write_signed(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const omn_status st = omn_ids_text(out, ((const digits *)self)->tokenizer, "+", 1, err);
    return st == OMN_OK ? write_digits(self, c, v, frame, out, err) : st;
}
static const omn_answer_impl sign = { NULL,         "number",     open_digits, free,
                                      digits_rules, write_signed, read_digits };

/* A text where a number was promised. */
static omn_status read_text(const void *self, omn_call *c, const omn_heard *h,
                            const omn_frame *frame, omn_value **out, omn_error *err)
{
    (void)self, (void)c, (void)h, (void)frame;
    return omn_text_new("7", 1, out, err);
}
static const omn_answer_impl other = { NULL,         "number",     open_digits, free,
                                       digits_rules, write_digits, read_text };

/* One id more than was said. */
static omn_status read_far(const void *self, omn_call *c, const omn_heard *h,
                           const omn_frame *frame, omn_value **out, omn_error *err)
{
    (void)c, (void)frame;
    const int32_t behind = ((const volatile int32_t *)h->ids)[h->n];
    return behind == 0 ? number_of(self, h->ids, h->n, out, err)
                       : omn_number_new(behind, out, err);
}
static const omn_answer_impl far = { NULL,         "number",     open_digits, free,
                                     digits_rules, write_digits, read_far };

/* Ids of another vocabulary. */
static omn_status write_wild(const void *self, omn_call *c, const omn_value *v,
                             const omn_frame *frame, omn_ids *out, omn_error *err)
{
    (void)self, (void)c, (void)v, (void)frame, (void)err;
    omn_ids_put(out, 1 << 28);
    return OMN_OK;
}
static const omn_answer_impl wild = { NULL, "text", open_digits, free, NULL, write_wild,
                                      read_text };

/* ---- objectives ------------------------------------------------------------------------------ */

static omn_status open_none(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c, (void)params, (void)o, (void)err;
    *self = NULL;
    return OMN_OK;
}
static void close_none(void *self)
{
    (void)self;
}

/* The mean of squared logits, each place by its weight. */
static omn_node *squares(omn_scope *s, const omn_bundle *outputs, const omn_target *t)
{
    omn_node *x = omn_bundle_get(outputs, s, "logits.text");
    x = omn_sum(s, omn_mul(s, x, x), 4, false, false); /* [B,T] */
    return omn_mul(s, x, t->weight);
}

/* So steep that large logits overflow. */
static omn_node *loss_endless(const void *self, omn_scope *s, const omn_bundle *outputs,
                              const omn_target *const *targets, uint32_t n, omn_bundle *out)
{
    (void)self, (void)n, (void)out;
    omn_node *x = omn_bundle_get(outputs, s, "logits.text");
    for (int i = 0; i < 4; i++) x = omn_mul(s, x, x); /* x^16 */
    x = omn_mul(s, omn_sum(s, x, 4, false, true), targets[0]->weight);
    return omn_sum(s, x, 3, false, false);
}
static const omn_objective_impl endless = { NULL, open_none, close_none, loss_endless };

static omn_node *loss_rows(const void *self, omn_scope *s, const omn_bundle *outputs,
                           const omn_target *const *targets, uint32_t n, omn_bundle *out)
{
    (void)self, (void)n, (void)out;
    return omn_sum(s, squares(s, outputs, targets[0]), 2, false, false); /* [B] */
}
static const omn_objective_impl rows = { NULL, open_none, close_none, loss_rows };

/* Half of it is kept from the gradient. */
static omn_node *loss_steep(const void *self, omn_scope *s, const omn_bundle *outputs,
                            const omn_target *const *targets, uint32_t n, omn_bundle *out)
{
    (void)self, (void)n, (void)out;
    omn_node *x = omn_scale(s, squares(s, outputs, targets[0]), 1e-3, 0);
    return omn_sum(s, omn_add(s, x, omn_stop_gradient(s, x)), 3, false, false);
}
static const omn_objective_impl steep = { NULL, open_none, close_none, loss_steep };

/* ---- worlds: a counter; actions are numbers below 50 ---------------------------------------- */

typedef struct counter {
    double at;
} counter;

static omn_status open_counter(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c, (void)params, (void)o;
    *self = calloc(1, sizeof(counter));
    return *self ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a counter: out of memory");
}

static omn_status reset(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                        omn_error *err)
{
    (void)c;
    ((counter *)self)->at = (double)(seed % 100);
    return omn_number_new(((counter *)self)->at, observation, err);
}

static omn_status count(counter *w, double by, omn_world_step *out, omn_error *err)
{
    w->at += by;
    out->reward = by;
    return omn_number_new(w->at, &out->observation, err);
}

static omn_status step(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                       omn_error *err)
{
    (void)c;
    const double by = omn_number_get(action);
    if (!(by >= 0 && by < 50)) return omn_fail(err, OMN_ERR_DATA, "0 to 50, not %g", by);
    return count(self, by, out, err);
}
static const omn_world_impl fair = { NULL,  "number", "number", open_counter,
                                     free, reset,    step };

/* What is refused happens all the same. */
static omn_status step_anyway(void *self, omn_call *c, const omn_value *action,
                              omn_world_step *out, omn_error *err)
{
    counter *w = self;
    const double by = omn_number_get(action);
    (void)c;
    if (by >= 0 && by < 50) return count(w, by, out, err);
    w->at += 1;
    return omn_fail(err, OMN_ERR_DATA, "0 to 50, not %g", by);
}
static const omn_world_impl anyway = { NULL,  "number", "number",   open_counter,
                                       free, reset,    step_anyway };

/* Every episode begins elsewhere, whatever the seed. */
static omn_status reset_anew(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                             omn_error *err)
{
    (void)c, (void)seed;
    ((counter *)self)->at += 1;
    return omn_number_new(((counter *)self)->at, observation, err);
}
static const omn_world_impl anew = { NULL,  "number",   "number", open_counter,
                                     free, reset_anew, step };

/* An observation is kept for ever. */
static omn_status step_kept(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                            omn_error *err)
{
    const omn_status st = step(self, c, action, out, err);
    if (st == OMN_OK) omn_value_ref(out->observation);
    return st;
}
static const omn_world_impl kept = { NULL,  "number", "number", open_counter,
                                     free, reset,    step_kept };

#define ONE(kind, name, help, impl) { kind, name, help, impl, NULL, 0, 0 }
static const omn_object objects[] = {
    ONE("omnio.answer/1", "fibber.honest", "three digits", &honest),
    ONE("omnio.answer/1", "fibber.zero", "writes nothing but 0", &zero),
    ONE("omnio.answer/1", "fibber.sign", "writes what its rules forbid", &sign),
    ONE("omnio.answer/1", "fibber.other", "makes another kind", &other),
    ONE("omnio.answer/1", "fibber.far", "reads too far", &far),
    ONE("omnio.answer/1", "fibber.wild", "writes ids of another vocabulary", &wild),
    ONE("omnio.objective/1", "fibber.endless", "overflows", &endless),
    ONE("omnio.objective/1", "fibber.rows", "a loss for each row", &rows),
    ONE("omnio.objective/1", "fibber.slope", "a gradient of half of it", &steep),
    ONE("omnio.world/1", "fibber.fair", "a counter", &fair),
    ONE("omnio.world/1", "fibber.anyway", "does what it refuses", &anyway),
    ONE("omnio.world/1", "fibber.anew", "begins elsewhere each time", &anew),
    ONE("omnio.world/1", "fibber.kept", "keeps what it shows", &kept),
};
OMN_PLUGIN("fibber", "1.0", "Apache-2.0", "breaks its promises to those who train", objects);
