/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of ABI 2, written on the day on which that was settled: one object of ten kinds. It is
 * built against the headers beside it, never against today's, and is not changed any more. */
#include <omnio/answer.h>
#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- operation: bytes of a text ------------------------------------------------------------- */

#define COUNT(IN, OPT, PAR, OUT)                                                                   \
    IN(text, in, "a text")                                                                         \
    OPT(text, more, "another text")                                                                \
    PAR(int, times, "1", "1..100", NULL, "factor")                                                 \
    OUT(number, out, "its bytes, times the factor")
OMN_OPERATION(count, COUNT, OMN_PURE);
static omn_status count(omn_call *c, const omn_value *in, const omn_value *more, int times,
                        omn_value **out, omn_error *err)
{
    size_t n = 0, m = 0;
    (void)c;
    omn_text_get(in, &n);
    if (more) omn_text_get(more, &m);
    return omn_number_new((double)(n + m) * times, out, err);
}

/* ---- format: a number as text --------------------------------------------------------------- */

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 5 && !memcmp(head, "abi2 ", 5) ? 100 : 0;
}
static omn_status read_file(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                            omn_error *err)
{
    char text[64] = "", *end;
    (void)c;
    if (size < 6 || size > 60 || memcmp(bytes, "abi2 ", 5))
        return omn_fail(err, OMN_ERR_DATA, "no number of abi2");
    memcpy(text, bytes + 5, size - 5);
    const double x = omn_number_read(text, &end);
    if (*end || !isfinite(x)) return omn_fail(err, OMN_ERR_DATA, "no number of abi2");
    return omn_number_new(x, out, err);
}
static omn_status write_file(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                             size_t *size, omn_error *err)
{
    char text[64];
    (void)c;
    (void)params;
    const int n = omn_format(text, sizeof text, "abi2 %.17g", omn_number_get(v));
    *bytes = malloc((size_t)n);
    if (!*bytes) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a number");
    memcpy(*bytes, text, (size_t)n);
    *size = (size_t)n;
    return OMN_OK;
}
static const omn_format_impl format = { NULL, "number", "abi2", probe, read_file, write_file };

/* ---- value: pairs of a name and a length ---------------------------------------------------- */

static const omn_column columns[] = {
    { "name", OMN_STRING, "n", NULL, 0, 0, 0 },
    { "length", OMN_F64, "n", "m", 0, 1000, OMN_COLUMN_NAN },
};
static void text_of(const omn_value *v, omn_buf *out)
{
    const char *const *name = omn_value_column(v, "name")->data;
    for (size_t i = 0; i < omn_value_count(v); i++)
        omn_buf_printf(out, "%s%s", i ? "\n" : "", name[i]);
}
static const omn_value_impl pairs = { .columns = columns, .n_columns = 2,
                                      .column_size = sizeof(omn_column), .item = "n",
                                      .text = text_of };

/* ---- answer: yes or no, then three digits --------------------------------------------------- */

typedef struct words { const omn_part *decoder, *tokenizer; } words;

#define ANSWER(PAR, S) PAR(S, int, digits, "3", "1..9", NULL, "how many")
OMN_PARAMS(answer, ANSWER);
typedef struct spoken { words of; int digits; } spoken;

static omn_status open_answer(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    spoken *s = *self = calloc(1, sizeof *s);
    (void)c;
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "no memory for an answer");
    s->digits = ((const struct answer *)params)->digits;
    s->of = (words){ omn_open_decoder(o), omn_open_find_part(o, "omnio.codec/1", "tokenizer") };
    return s->of.tokenizer ? OMN_OK : omn_fail(err, OMN_ERR_MISSING, "there is no tokenizer");
}
static omn_status rules(const void *self, omn_rules *r, omn_error *err)
{
    static const omn_chars digit = { '0', '9' };
    const int n = ((const spoken *)self)->digits;
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_chars(r, &digit, 1, false), n, n));
    return OMN_OK;
}
static omn_status write_answer(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const spoken *s = self;
    char text[64];
    (void)c;
    (void)frame;
    const double x = omn_value_is(v, "number") ? omn_number_get(v) : -1;
    if (!(x >= 0 && x < pow(10, s->digits)))
        return omn_fail(err, OMN_ERR_DATA, "a number of %d digits is wanted", s->digits);
    const int n = snprintf(text, sizeof text, "%0*lld", s->digits, (long long)x);
    return omn_ids_text(out, s->of.tokenizer, text, (size_t)n, err);
}
static omn_status read_answer(const void *self, omn_call *c, const omn_heard *h,
                              const omn_frame *frame, omn_value **out, omn_error *err)
{
    const spoken *s = self;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, 1 << 16);
    omn_status st = omn_decoder_text(s->of.decoder, h->ids, h->n, &b, NULL, err);
    const char *text = b.data ? b.data : "";
    const size_t n = strspn(text, "0123456789");
    if (st == OMN_OK && (n != (size_t)s->digits || text[n]))
        st = omn_fail(err, OMN_ERR_DATA, "%d digits are wanted", s->digits);
    if (st == OMN_OK) st = omn_number_new(omn_number_read(text, NULL), out, err);
    omn_buf_fini(&b);
    return st;
}
static const omn_answer_impl answer_impl = { NULL,  "number",     open_answer, free,
                                             rules, write_answer, read_answer };

/* ---- measure: mean absolute error ----------------------------------------------------------- */

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
static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(2, sizeof(double));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for a count");
}
static omn_status add(const void *self, void *state, omn_call *c, const omn_value *given,
                      const omn_value *wanted, const omn_value *inputs, bool *right,
                      omn_error *err)
{
    double *sum = state;
    (void)self, (void)c, (void)inputs, (void)err;
    *right = omn_value_equal(given, wanted);
    sum[0] += *right;
    sum[1]++;
    return OMN_OK;
}
static omn_status rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err)
{
    const double *sum = state;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "equal", .baseline = NAN,
                                  .value = sum[1] > 0 ? sum[0] / sum[1] : 0, .hi = 1 };
    (void)self, (void)err;
    emit(user, &row);
    return OMN_OK;
}
static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}
static const omn_measure_impl measure = { NULL, "number", open_none, close_none,
                                          begin, add,     rows,      end };

/* ---- objective: half of cross-entropy ------------------------------------------------------- */

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n, omn_bundle *out)
{
    const omn_ce how = { OMN_FILL(omn_ce) };
    omn_node *each = NULL;
    (void)self, (void)n;
    omn_node *one = omn_cross_entropy(s, omn_bundle_get(outputs, s, "logits.text"),
                                      targets[0]->labels, targets[0]->weight, &how, &each);
    omn_bundle_put(out, s, "nll.text", each);
    return omn_scale(s, one, 0.5, 0);
}
static const omn_objective_impl objective = { NULL, open_none, close_none, loss };

/* ---- world: a counter ----------------------------------------------------------------------- */

static omn_status open_world(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c, (void)params, (void)o;
    *self = calloc(1, sizeof(double));
    return *self ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for a world");
}
static omn_status reset(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                        omn_error *err)
{
    (void)c;
    *(double *)self = (double)(seed % 10);
    return omn_number_new(*(double *)self, observation, err);
}
static omn_status step(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                       omn_error *err)
{
    double *at = self;
    const double by = omn_number_get(action);
    (void)c;
    if (!(fabs(by) <= 100)) return omn_fail(err, OMN_ERR_DATA, "-100 to 100, not %g", by);
    *at += by;
    out->reward = by;
    out->done = *at > 200;
    return omn_number_new(*at, &out->observation, err);
}
static const omn_world_impl world = { NULL, "number", "number", open_world, free, reset, step };

/* ---- source: squares ------------------------------------------------------------------------ */

static uint64_t examples(const void *self, omn_split split)
{
    (void)self;
    return split == OMN_SPLIT_TRAIN ? 40 : 10;
}
static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    omn_value *x = NULL;
    (void)c;
    if (index >= examples(self, split)) return omn_fail(err, OMN_ERR_ARGUMENT, "too far");
    omn_status st = omn_number_new((double)(index * index + split), &x, err);
    const omn_named field = { "answer", x };
    if (st == OMN_OK) st = omn_record_new(&field, 1, out, err);
    omn_value_unref(x);
    return st;
}
static const omn_source_impl source = { NULL, open_none, close_none, examples, get };

/* ---- op: x to -x ---------------------------------------------------------------------------- */

static omn_status rule(const void *params, const omn_shape *in, const omn_type *type,
                       omn_shape *out, omn_type *out_type, omn_error *err)
{
    (void)params;
    if (type[0] != OMN_F32) return omn_fail(err, OMN_ERR_TYPE, "f32 is wanted");
    out[0] = in[0];
    out_type[0] = OMN_F32;
    return OMN_OK;
}
static omn_status run(omn_call *c, const void *params, const omn_tensor *in, const omn_tensor *out,
                      void *const *y, omn_error *err)
{
    (void)c, (void)params, (void)err;
    for (size_t i = 0; i < out[0].bytes / sizeof(float); i++)
        ((float *)y[0])[i] = -((const float *)in[0].data)[i];
    return OMN_OK;
}
static void gradient(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                     omn_node *gy, omn_node **gx)
{
    (void)params, (void)in, (void)out;
    gx[0] = omn_scale(s, gy, -1, 0);
}
static const omn_op_impl op = { NULL, 1, 1, rule, run, gradient };

/* ---- codec: a byte is a token --------------------------------------------------------------- */

static omn_status encode(const void *self, const char *text, size_t n, int32_t *ids, size_t most,
                         size_t *n_ids, omn_error *err)
{
    (void)self;
    *n_ids = n;
    if (n > most) return omn_fail(err, OMN_ERR_DATA, "%zu tokens, and room for %zu", n, most);
    for (size_t i = 0; i < n; i++) ids[i] = (unsigned char)text[i];
    return OMN_OK;
}
static omn_status decode(const void *self, const int32_t *ids, size_t n, omn_buf *out,
                         omn_error *err)
{
    (void)self;
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)ids[i];
        if (ids[i] >= 0 && ids[i] < 256) omn_buf_put(out, &byte, 1);
    }
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for a text") : OMN_OK;
}
static int32_t pieces(const void *self)
{
    (void)self;
    return 256;
}
static int32_t piece(const void *self, const char *text)
{
    (void)self;
    return text[0] && !text[1] ? (unsigned char)text[0] : -1;
}
static const omn_codec_impl codec = { .speaks = "text", .open = open_none, .close = close_none,
                                      .encode = encode, .decode = decode,  .pieces = pieces,
                                      .piece = piece };

#define ONE(kind, name, help, impl) { kind, name, help, impl, NULL, 0, 0 }
static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(count, "abi2.count", "how many bytes a text has"),
    ONE("omnio.format/1", "abi2", "a number as text", &format),
    ONE("omnio.value/1", "abi2", "names with lengths", &pairs),
    { "omnio.answer/1", "abi2.digits", "a number of so many digits", &answer_impl,
      OMN_OBJECT_PARAMS(answer) },
    ONE("omnio.measure/1", "abi2.equal", "share of equal numbers", &measure),
    ONE("omnio.objective/1", "abi2.half", "half of cross-entropy", &objective),
    ONE("omnio.world/1", "abi2.counter", "a counter", &world),
    ONE("omnio.source/1", "abi2.squares", "squares", &source),
    ONE("omnio.op/1", "abi2.negative", "x to -x", &op),
    ONE("omnio.codec/1", "abi2.bytes", "a byte is a token", &codec),
};
OMN_PLUGIN("abi2", "1.0", "Apache-2.0", "one of each, as of ABI 2", objects);
