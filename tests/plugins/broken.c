/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that passes the door and breaks its promises, each object another one, for the tests of
 * omnio validate. */
#include <omnio/kinds.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT(IN, OPT, PAR, OUT)                                                                    \
    IN(text, in, "a text")                                                                         \
    OUT(text, out, "another one")
#define PROTOTYPE omn_call *c, const omn_value *in, omn_value **out, omn_error *err

static omn_status same(const omn_value *in, omn_value **out)
{
    *out = omn_value_ref(in);
    return OMN_OK;
}

static void *volatile kept; /* so that no compiler leaves the allocation out */
OMN_OPERATION(leaks, TEXT, OMN_PURE);
static omn_status leaks(PROTOTYPE)
{
    (void)c, (void)err;
    kept = malloc(40);
    return same(in, out);
}

/* Works as long as it is alone. */
static char shared_text[4096];
OMN_OPERATION(races, TEXT, OMN_PURE);
static omn_status races(PROTOTYPE)
{
    const struct timespec t = { 0, 300000 };
    size_t n;
    const char *s = omn_text_get(in, &n);
    (void)c;
    n = n < sizeof(shared_text) ? n : sizeof(shared_text) - 1;
    memcpy(shared_text, s, n);
    nanosleep(&t, NULL);
    for (size_t i = 0; i < n; i++)
        if ((shared_text[i] & 0x80) != 0) shared_text[i] = '?';
    return omn_text_new(shared_text, n, out, err);
}

OMN_OPERATION(silent, TEXT, OMN_PURE);
static omn_status silent(PROTOTYPE)
{
    (void)c, (void)in, (void)out, (void)err;
    return OMN_OK;
}

OMN_OPERATION(mute, TEXT, OMN_PURE);
static omn_status mute(PROTOTYPE)
{
    (void)c, (void)in, (void)out, (void)err;
    return OMN_ERR_DATA;
}

static int calls;
OMN_OPERATION(moody, TEXT, OMN_PURE);
static omn_status moody(PROTOTYPE)
{
    (void)c, (void)in;
    return ++calls % 2 ? omn_text_new("odd", 3, out, err) : omn_text_new("even", 4, out, err);
}

OMN_OPERATION(hangs, TEXT, OMN_PURE);
static omn_status hangs(PROTOTYPE)
{
    (void)c, (void)err;
    for (volatile bool wait = true; wait;) pause();
    return same(in, out);
}

/* Long texts were not thought of. */
OMN_OPERATION(crashes, TEXT, OMN_PURE);
static omn_status crashes(PROTOTYPE)
{
    size_t n;
    (void)c, (void)err;
    const char *s = omn_text_get(in, &n);
    if (n == 3 && memcmp(s, "die", 3) == 0) raise(SIGSEGV);
    if (n > 100) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit of it */
        raise(SIGSEGV);
    }
    return same(in, out);
}

#define TABLES(IN, OPT, PAR, OUT)                                                                  \
    IN(text, in, "a text")                                                                         \
    PAR(choice, way, "up", "up|down|up", NULL, "one of two")                                       \
    OUT(text, out, "another one")
OMN_OPERATION(tables, TABLES, OMN_PURE);
static omn_status tables(omn_call *c, const omn_value *in, int way, omn_value **out, omn_error *err)
{
    (void)c, (void)way, (void)err;
    return same(in, out);
}

/* A format that looks one byte too far. */
static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n > 1 && head[0] == 'B' ? 50 : 0;
}
static omn_status read_far(omn_call *c, const uint8_t *bytes, size_t n, omn_value **out,
                           omn_error *err)
{
    (void)c;
    const volatile uint8_t *p = bytes;
    return omn_number_new(p[n], out, err);
}
static const omn_format_impl far_format = { NULL, "number", "far", probe, read_far, NULL };

/* A format that forgets what it writes. */
static omn_status read_nought(omn_call *c, const uint8_t *bytes, size_t n, omn_value **out,
                              omn_error *err)
{
    (void)c, (void)bytes, (void)n;
    return omn_number_new(0, out, err);
}
static omn_status write_nought(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                               size_t *size, omn_error *err)
{
    (void)c, (void)params, (void)v, (void)err;
    *bytes = (uint8_t *)strdup("BB");
    *size = 2;
    return OMN_OK;
}
static const omn_format_impl lossy_format = { NULL,  "number",    "lossy",
                                              probe, read_nought, write_nought };

/* One that is surer than sure. */
static int probe_sure(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n > 1 && head[0] == 'B' ? 101 : 0;
}
static const omn_format_impl sure_format = { NULL,       "number",     "sure",
                                             probe_sure, read_nought, write_nought };

/* One that reads nothing and says that it did. */
static omn_status read_nothing(omn_call *c, const uint8_t *bytes, size_t n, omn_value **out,
                               omn_error *err)
{
    (void)c, (void)bytes, (void)n, (void)out, (void)err;
    return OMN_OK;
}
static const omn_format_impl empty_format = { NULL, "number", "empty", probe, read_nothing, NULL };

/* One that fails with a number of its own. */
static omn_status read_own(omn_call *c, const uint8_t *bytes, size_t n, omn_value **out,
                           omn_error *err)
{
    (void)c, (void)bytes, (void)n, (void)out, (void)err;
    return (omn_status)(OMN_ERR_FAILED + 1);
}
static const omn_format_impl own_format = { NULL, "number", "own", probe, read_own, NULL };

/* What opens to nothing. */
static int self_of_all;
static omn_status open_any(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c, (void)params, (void)o, (void)err;
    *self = &self_of_all;
    return OMN_OK;
}
static void close_any(void *self)
{
    (void)self;
}

/* An encoder that writes behind its port. */
static const omn_port far_port = { "x", OMN_F32, { 1, { 4 } }, 0 };
static uint32_t ports(const void *self, const omn_port **list)
{
    (void)self;
    *list = &far_port;
    return 1;
}
static omn_status prepare_far(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                              omn_frame *frame, omn_error *err)
{
    void *data;
    (void)self, (void)c, (void)v, (void)frame;
    omn_status st = omn_feed_new(out, "x", OMN_F32, omn_dim1(4), &data, err);
    if (st == OMN_OK) memset(data, 0, 5 * sizeof(float));
    return st;
}
static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    (void)self, (void)s, (void)in;
    return NULL;
}
static const omn_encoder_impl far_encoder = { NULL,  "text",      open_any, close_any,
                                              ports, prepare_far, embed };

/* A tokenizer that has never met an id of another. */
static omn_status encode(const void *self, const char *text, size_t n, int32_t *ids, size_t most,
                         size_t *count, omn_error *err)
{
    (void)self;
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        if (*count == most) return omn_fail(err, OMN_ERR_DATA, "more than %zu ids", most);
        ids[(*count)++] = (unsigned char)text[i];
    }
    return OMN_OK;
}
static omn_status decode(const void *self, const int32_t *ids, size_t n, omn_buf *out,
                         omn_error *err)
{
    (void)self;
    for (size_t i = 0; i < n; i++) {
        const char c = (char)ids[i];
        if (ids[i] < 0 || ids[i] > 255) return omn_fail(err, OMN_ERR_DATA, "what is %d?", ids[i]);
        omn_buf_put(out, &c, 1);
    }
    return OMN_OK;
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
static const omn_codec_impl strict_codec = { .speaks = "text",
                                             .open = open_any,
                                             .close = close_any,
                                             .encode = encode,
                                             .decode = decode,
                                             .pieces = pieces,
                                             .piece = piece };

/* One that has an id for the end, which it did not count. */
static omn_status encode_end(const void *self, const char *text, size_t n, int32_t *ids,
                             size_t most, size_t *count, omn_error *err)
{
    if (most < 1) return omn_fail(err, OMN_ERR_DATA, "no room");
    const omn_status st = encode(self, text, n, ids, most - 1, count, err);
    if (st == OMN_OK) ids[(*count)++] = 256;
    return st;
}
static const omn_codec_impl ending_codec = { .speaks = "text",
                                             .open = open_any,
                                             .close = close_any,
                                             .encode = encode_end,
                                             .decode = decode,
                                             .pieces = pieces,
                                             .piece = piece };

/* A source of three examples that has a fourth. */
static uint64_t count(const void *self, omn_split split)
{
    (void)self, (void)split;
    return 3;
}
static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    (void)self, (void)c, (void)split, (void)index;
    return omn_record_new(NULL, 0, out, err);
}
static const omn_source_impl endless_source = { NULL, open_any, close_any, count, get };

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(leaks, "broken.leaks", "keeps what it takes"),
    OMN_OPERATION_OBJECT(races, "broken.races", "works alone only"),
    OMN_OPERATION_OBJECT(silent, "broken.silent", "succeeds without a result"),
    OMN_OPERATION_OBJECT(mute, "broken.mute", "fails without a word"),
    OMN_OPERATION_OBJECT(moody, "broken.moody", "gives now this, now that"),
    OMN_OPERATION_OBJECT(hangs, "broken.hangs", "does not come back"),
    OMN_OPERATION_OBJECT(crashes, "broken.crashes", "dies of long texts"),
    OMN_OPERATION_OBJECT(tables, "broken.tables", "has a choice with a word twice"),
    { "omnio.format/1", "broken.far", "looks too far", &far_format, NULL, 0, 0 },
    { "omnio.format/1", "broken.lossy", "forgets", &lossy_format, NULL, 0, 0 },
    { "omnio.format/1", "broken.sure", "is too sure", &sure_format, NULL, 0, 0 },
    { "omnio.format/1", "broken.empty", "reads nothing", &empty_format, NULL, 0, 0 },
    { "omnio.format/1", "broken.own", "has a status of its own", &own_format, NULL, 0, 0 },
    { "omnio.encoder/1", "broken.port", "writes too far", &far_encoder, NULL, 0, 0 },
    { "omnio.codec/1", "broken.ids", "refuses foreign ids", &strict_codec, NULL, 0, 0 },
    { "omnio.codec/1", "broken.ending", "has one id too many", &ending_codec, NULL, 0, 0 },
    { "omnio.source/1", "broken.source", "has one too many", &endless_source, NULL, 0, 0 },
};
OMN_PLUGIN("broken", "1.0", "Apache-2.0", "breaks its promises", objects);
