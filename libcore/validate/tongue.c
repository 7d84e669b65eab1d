/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up language. Ids are: padding, end, start; each byte; pieces of a few letters; places that
 * are written " <extra_id_200>" and on, as the published models do; codes. As in SentencePiece
 * words bring the space in front of them: a text is cut as if it began with one, which is dropped
 * when ids are read. It is cut greedily into the longest pieces, so that every text has ids; of
 * ids in any order what is well formed is read and the rest left out. */
#include "tongue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAD, STOP, START, BYTES, PIECES = BYTES + 256, N_PIECES = 96, N_CODES = 40 };

#define FIRST_PLACE 200
#define LONGEST     12

struct tongue {
    omn_model model;
    omn_open *open;
    char pieces[N_PIECES][LONGEST + 1];
    omn_range places, codes;
    int32_t rows;
    omn_codes shape;
};

/* ---- ids and their text ---------------------------------------------------------------------- */

/* The text of an id into buf; its length, 0: it has none. */
static size_t spell_id(const tongue *t, int32_t id, char buf[32], omn_spelt *what)
{
    const int64_t place = ((int64_t)id - t->places.first) * t->places.step;
    *what = OMN_SPELT_TEXT;
    if (id > BYTES && id < PIECES) { /* no text has a byte 0 */
        buf[0] = (char)(id - BYTES);
        return 1;
    }
    if (id >= PIECES && id < PIECES + N_PIECES) {
        const size_t n = strlen(t->pieces[id - PIECES]);
        memcpy(buf, t->pieces[id - PIECES], n + 1);
        return n;
    }
    *what = OMN_SPELT_NONE;
    if (place < 0 || place >= t->places.count) return 0;
    *what = OMN_SPELT_MARK;
    return (size_t)snprintf(buf, 32, " <extra_id_%lld>", FIRST_PLACE + (long long)place);
}

/* The id of "<extra_id_N>" or " <extra_id_N>" at s; *used: its length; -1: none is there. */
static int32_t place_at(const tongue *t, const char *s, size_t n, size_t *used)
{
    static const char begin[] = "<extra_id_";
    const size_t space = n > 0 && s[0] == ' ';
    size_t i = space + sizeof begin - 1;
    int64_t number = 0;
    if (n <= i || memcmp(s + space, begin, sizeof begin - 1)) return -1;
    const size_t digits = i;
    for (; i < n && i < digits + 9 && s[i] >= '0' && s[i] <= '9'; i++)
        number = 10 * number + (s[i] - '0');
    if (i == digits || i >= n || s[i] != '>') return -1;
    number -= FIRST_PLACE;
    if (number < 0 || number >= t->places.count) return -1;
    *used = i + 1;
    return t->places.first + t->places.step * (int32_t)number;
}

static int32_t next_id(const tongue *t, const char *s, size_t n, size_t *used)
{
    int32_t best = place_at(t, s, n, used);
    if (best >= 0) return best;
    best = BYTES + (unsigned char)s[0];
    *used = 1;
    for (int32_t i = 0; i < N_PIECES; i++) {
        const size_t length = strlen(t->pieces[i]);
        if (length <= *used || length > n || memcmp(s, t->pieces[i], length)) continue;
        *used = length;
        best = PIECES + i;
    }
    return best;
}

/* ---- the tokenizer --------------------------------------------------------------------------- */

static omn_status encode(const void *self, const char *text, size_t n, int32_t *ids, size_t most,
                         size_t *count, omn_error *err)
{
    size_t used = 0;
    char *spaced = malloc(n + 2);
    *count = 0;
    if (!spaced) return omn_fail(err, OMN_ERR_MEMORY, "a text of %zu bytes: out of memory", n);
    spaced[0] = ' ';
    if (n) memcpy(spaced + 1, text, n);
    for (size_t i = 0; n && i < n + 1; i += used) {
        const int32_t id = next_id(self, spaced + i, n + 1 - i, &used);
        if (*count < most) ids[*count] = id;
        *count += 1;
    }
    free(spaced);
    return *count <= most ? OMN_OK
                          : omn_fail(err, OMN_ERR_DATA, "%zu ids and room for %zu", *count, most);
}

/* Bytes that wait for the rest of their character. */
typedef struct waiting {
    unsigned char n, begun;
    char bytes[3];
} waiting;

/* Whole characters of what waits and what comes; what can be none is left out. */
static void put_whole(waiting *w, const char *more, size_t n, bool end, omn_buf *out)
{
    char s[40];
    size_t have = w->n, at = 0;
    memcpy(s, w->bytes, have);
    memcpy(s + have, more, n);
    have += n;
    while (at < have) {
        const unsigned char lead = (unsigned char)s[at];
        const size_t want = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (at + want > have && !end && lead >= 0xc2 && lead < 0xf5) break;
        const bool good = at + want <= have && omn_utf8_check(s + at, want, NULL);
        if (good) omn_buf_put(out, s + at, want);
        at += good ? want : 1;
    }
    w->n = (unsigned char)(have - at);
    memcpy(w->bytes, s + at, have - at);
}

static omn_status push(const void *self, void *state, int32_t id, bool end, omn_buf *out,
                       omn_error *err)
{
    char text[32];
    omn_spelt what;
    (void)err;
    waiting *w = state;
    const size_t n = end ? 0 : spell_id(self, id, text, &what);
    const size_t dropped = n && !w->begun && text[0] == ' ';
    w->begun = w->begun || n > 0;
    put_whole(w, text + dropped, n - dropped, end, out);
    return OMN_OK;
}

static omn_status decode(const void *self, const int32_t *ids, size_t n, omn_buf *out,
                         omn_error *err)
{
    waiting w = { 0 };
    for (size_t i = 0; i < n; i++) push(self, &w, ids[i], false, out, err);
    push(self, &w, -1, true, out, err);
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "a text: out of memory") : OMN_OK;
}

static int32_t count_pieces(const void *self)
{
    return ((const tongue *)self)->rows;
}

static int32_t piece(const void *self, const char *text)
{
    size_t used = 0;
    const size_t n = strlen(text);
    if (n == 0) return -1;
    const int32_t id = next_id(self, text, n, &used);
    return used == n ? id : -1;
}

static omn_status spell(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    char text[32];
    (void)err;
    const size_t n = spell_id(self, id, text, what), dropped = n && first && text[0] == ' ';
    omn_buf_put(out, text + dropped, n - dropped);
    return OMN_OK;
}

static const void *extension(const char *id)
{
    static const omn_stream_impl stream = { push };
    static const omn_spelling_impl spelling = { spell };
    if (strcmp(id, "omnio.stream/1") == 0) return &stream;
    return strcmp(id, "omnio.spelling/1") == 0 ? (const void *)&spelling : NULL;
}

static const omn_codec_impl tokenizer = { .extension = extension, .speaks = "text",
                                          .encode = encode,       .decode = decode,
                                          .pieces = count_pieces, .piece = piece };

/* ---- the decoder ----------------------------------------------------------------------------- */

static const omn_codes *codes(const void *self)
{
    return &((const tongue *)self)->shape;
}

static omn_status encode_value(const void *self, omn_call *c, const omn_value *v, int32_t *ids,
                               size_t most, size_t *count, omn_error *err)
{
    size_t n;
    (void)c;
    const char *text = omn_text_get(v, &n);
    return text ? encode(self, text, n, ids, most, count, err)
                : omn_fail(err, OMN_ERR_TYPE, "%s given, a text is wanted", value_kind_of(v));
}

static omn_status decode_value(const void *self, omn_call *c, const int32_t *ids, size_t n,
                               omn_value **out, omn_error *err)
{
    omn_buf b;
    (void)c;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_status st = decode(self, ids, n, &b, err);
    if (st == OMN_OK) st = omn_text_new(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

static const omn_decoder_impl decoder = { .extension = extension, .makes = "text", .codes = codes,
                                          .encode = encode_value, .decode = decode_value };

/* ---- the whole ------------------------------------------------------------------------------- */

static omn_part *add_part(tongue *t, const char *role, const char *kind, const char *object,
                          const void *impl)
{
    omn_part *p = calloc(1, sizeof(*p));
    if (!p) return NULL;
    snprintf(p->role, sizeof(p->role), "%s", role);
    snprintf(p->object, sizeof(p->object), "%s", object);
    p->kind = kind;
    p->impl = impl;
    p->self = t; /* their close is NULL: the tongue frees itself */
    t->open->parts[t->open->n_parts++] = p;
    return p;
}

/* Codecs of values, of whichever plugin, with their defaults. */
static int take_codec(void *user, const omn_listed *it)
{
    tongue *t = user;
    const omn_entry *e = NULL;
    omn_error none = OMN_ERROR_INIT;
    if (!it->name || omn_registry_find(t->model.ctx, it->kind, it->name, &e, NULL) != OMN_OK)
        return 0;
    const omn_codec_impl *m = omn_entry_object(e)->impl;
    if (strcmp(m->speaks, "text") != 0)
        part_open_settings(t->open, it->name, "omnio.codec/1", it->name, NULL, 0, NULL, &none);
    return 0;
}

static void make_pieces(dice *d, tongue *t)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789,.\"{}[]:-";
    static const char *const odd[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x88", " the" };
    for (size_t i = 0; i < N_PIECES; i++) {
        char *p = t->pieces[i];
        const size_t n = 2 + dice_roll(d, 3);
        if (i < sizeof odd / sizeof *odd) {
            snprintf(p, LONGEST + 1, "%s", odd[i]);
            continue;
        }
        for (size_t k = 0; k < n; k++) p[k] = letters[dice_roll(d, sizeof letters - 1)];
        if (dice_roll(d, 2)) p[0] = ' '; /* spaces begin a piece, if there are any */
    }
}

/* A range rises or falls. */
static omn_range range_of(dice *d, const char *name, int32_t low, int32_t count)
{
    if (dice_roll(d, 2)) return (omn_range){ name, low, count, 1 };
    return (omn_range){ name, low + count - 1, count, -1 };
}

omn_status tongue_new(dice *d, omn_context *ctx, omn_call *c, int32_t places, bool codecs,
                      tongue **out, omn_error *err)
{
    omn_status st = OMN_OK;
    tongue *t = calloc(1, sizeof(*t));
    if (!t) return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    t->model.ctx = ctx;
    t->model.has_lock = pthread_mutex_init(&t->model.lock, NULL) == 0;
    OMN_TRY(open_begin(ctx, c, NULL, NULL, "", &t->open, err));
    t->model.open = t->open;
    make_pieces(d, t);
    t->places = range_of(d, "location", PIECES + N_PIECES, places);
    t->codes = range_of(d, "codes", PIECES + N_PIECES + places, N_CODES);
    t->rows = PIECES + N_PIECES + places + N_CODES;
    t->shape = (omn_codes){ OMN_FILL(omn_codes), .codes = t->rows, .stop = STOP, .blank = -1 };
    omn_part *words = add_part(t, "tokenizer", "omnio.codec/1", "made-up words", &tokenizer);
    omn_part *text = add_part(t, "text", "omnio.decoder/1", "made-up text", &decoder);
    if (!words || !text) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory"));
    const omn_range ranges[] = { t->places, t->codes };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = t->rows, .start = START, .stop = STOP,
                          .pad = PAD, .ranges = ranges, .n_ranges = 2 };
    omn_open_vocabulary(t->open, text, &v);
    OMN_TRY(omn_open_done(t->open, err));
    if (codecs) OMN_TRY(omn_registry_list(ctx, "omnio.codec/1", take_codec, t, err));
    *out = t;
    return OMN_OK;
done:
    tongue_free(t);
    return st;
}

void tongue_free(tongue *t)
{
    if (!t) return;
    open_end(t->open);
    if (t->model.has_lock) pthread_mutex_destroy(&t->model.lock);
    free(t);
}

omn_model *tongue_model(tongue *t)
{
    return &t->model;
}

const omn_part *tongue_decoder(const tongue *t)
{
    return omn_model_decoder(&t->model, "text");
}
