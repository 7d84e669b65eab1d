/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a SentencePiece .model file. It is one protobuf message: pieces (text, score, type) in
 * order of id, how they were trained (of which the algorithm, byte fallback and the names of the
 * special pieces matter here) and how text is normalised. The file is walked twice, once to count
 * and once to copy, so that every allocation is exact; then three tries are built over the pieces.
 */
#include "sentencepiece.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "wire.h"

/* Field numbers of the file format. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMAL = 3, MODEL_DENORMAL = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum {
    TRAINER_TYPE = 3,
    TRAINER_SUFFIX = 24,
    TRAINER_BYTES = 35,
    TRAINER_UNK_SURFACE = 44,
    TRAINER_BOS = 46,
    TRAINER_EOS = 47,
    TRAINER_PAD = 48
};
enum { RULES_TABLE = 2, RULES_PREFIX = 3, RULES_SQUEEZE = 4, RULES_ESCAPE = 5 };

/* The names by which the file knows its special pieces. */
typedef struct names {
    const char *start, *end, *pad;
    size_t n_start, n_end, n_pad;
} names;

static omn_status broken(const char *where, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "%s is damaged: not a SentencePiece model, or cut short",
                    where);
}

static bool valid_text(const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        const size_t k = utf8_valid((const char *)s + i, n - i);
        if (k == 0) return false;
        i += k;
    }
    return true;
}

static omn_status read_piece(const wire_field *field, uint32_t index, sp_piece *p, char *text,
                             omn_error *err)
{
    wire w = wire_open(field->data, field->size);
    wire_field f;
    const uint8_t *bytes = NULL;
    size_t length = 0;
    uint64_t type = SP_NORMAL;
    *p = (sp_piece){ .text = text };
    while (wire_next(&w, &f)) {
        if (f.number == PIECE_TEXT && f.type == WIRE_BYTES) {
            bytes = f.data;
            length = f.size;
        } else if (f.number == PIECE_SCORE && f.type == WIRE_FIXED32) {
            p->score = wire_float(&f);
        } else if (f.number == PIECE_TYPE && f.type == WIRE_VARINT) {
            type = f.value;
        }
    }
    if (w.bad) return omn_fail(err, OMN_ERR_DATA, "piece %u is damaged", index);
    if (length == 0) return omn_fail(err, OMN_ERR_DATA, "piece %u is empty", index);
    if (length > SP_MOST_PIECE_BYTES)
        return omn_fail(err, OMN_ERR_DATA, "piece %u has %zu bytes, at most %u are allowed", index,
                        length, SP_MOST_PIECE_BYTES);
    if (!valid_text(bytes, length))
        return omn_fail(err, OMN_ERR_DATA, "piece %u is not UTF-8", index);
    if (type < SP_NORMAL || type > SP_BYTE)
        return omn_fail(err, OMN_ERR_DATA, "piece %u has type %llu, known are 1 to 6", index,
                        (unsigned long long)type);
    if (!isfinite(p->score))
        return omn_fail(err, OMN_ERR_DATA, "the score of piece %u is not a finite number", index);
    p->type = (sp_type)type;
    p->length = (uint32_t)length;
    memcpy(text, bytes, length);
    text[length] = 0;
    return OMN_OK;
}

static omn_status copy_text(char **to, const wire_field *f, omn_error *err)
{
    free(*to);
    *to = calloc(f->size + 1, 1);
    if (*to == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a SentencePiece model");
    memcpy(*to, f->data, f->size);
    if (!valid_text(f->data, f->size))
        return omn_fail(err, OMN_ERR_DATA, "the text for unknown pieces is not UTF-8");
    return OMN_OK;
}

static omn_status read_trainer(sp_model *m, names *special, const wire_field *field, omn_error *err)
{
    wire w = wire_open(field->data, field->size);
    wire_field f;
    while (wire_next(&w, &f)) {
        const bool number = f.type == WIRE_VARINT, bytes = f.type == WIRE_BYTES;
        if (f.number == TRAINER_TYPE && number) {
            if (f.value != SP_UNIGRAM && f.value != SP_BPE)
                return omn_fail(err, OMN_ERR_UNSUPPORTED,
                                "the model is of type %llu; known are "
                                "unigram (1) and bpe (2)",
                                (unsigned long long)f.value);
            m->algorithm = (sp_algorithm)f.value;
        } else if (f.number == TRAINER_SUFFIX && number) {
            m->space_behind = f.value != 0;
        } else if (f.number == TRAINER_BYTES && number) {
            m->byte_fallback = f.value != 0;
        } else if (f.number == TRAINER_UNK_SURFACE && bytes) {
            const omn_status st = copy_text(&m->unknown_text, &f, err);
            if (st != OMN_OK) return st;
        } else if (f.number == TRAINER_BOS && bytes) {
            special->start = (const char *)f.data;
            special->n_start = f.size;
        } else if (f.number == TRAINER_EOS && bytes) {
            special->end = (const char *)f.data;
            special->n_end = f.size;
        } else if (f.number == TRAINER_PAD && bytes) {
            special->pad = (const char *)f.data;
            special->n_pad = f.size;
        }
    }
    return w.bad ? broken("the trainer part", err) : OMN_OK;
}

static omn_status read_rules(sp_rules *r, const wire_field *field, omn_error *err)
{
    wire w = wire_open(field->data, field->size);
    wire_field f;
    while (wire_next(&w, &f)) {
        if (f.number == RULES_TABLE && f.type == WIRE_BYTES) {
            const omn_status st = sp_rules_table(r, f.data, f.size, err);
            if (st != OMN_OK) return st;
        } else if (f.number == RULES_PREFIX && f.type == WIRE_VARINT) {
            r->dummy_prefix = f.value != 0;
        } else if (f.number == RULES_SQUEEZE && f.type == WIRE_VARINT) {
            r->squeeze = f.value != 0;
        } else if (f.number == RULES_ESCAPE && f.type == WIRE_VARINT) {
            r->escape = f.value != 0;
        }
    }
    return w.bad ? broken("the normaliser part", err) : OMN_OK;
}

/* First walk: how many pieces, how many bytes of text. */
static omn_status measure(sp_model *m, const void *data, size_t size, size_t *text, omn_error *err)
{
    wire w = wire_open(data, size);
    wire_field f;
    *text = 0;
    while (wire_next(&w, &f))
        if (f.number == MODEL_PIECES && f.type == WIRE_BYTES) {
            if (++m->base > SP_MOST_PIECES)
                return omn_fail(err, OMN_ERR_DATA, "the model has more than %u pieces",
                                SP_MOST_PIECES);
            *text += f.size + 1;
        }
    if (w.bad) return broken("the file", err);
    if (m->base == 0)
        return omn_fail(err, OMN_ERR_DATA,
                        "the file holds no pieces: not a "
                        "SentencePiece model");
    return OMN_OK;
}

/* Second walk. `text` is room for all pieces; *used grows. */
static omn_status read_all(sp_model *m, const void *data, size_t size, names *special, size_t *used,
                           omn_error *err)
{
    wire w = wire_open(data, size);
    wire_field f;
    omn_status st = OMN_OK;
    while (st == OMN_OK && wire_next(&w, &f)) {
        if (f.type != WIRE_BYTES) continue;
        if (f.number == MODEL_PIECES) {
            sp_piece *p = &m->pieces[m->count];
            st = read_piece(&f, m->count, p, m->text + *used, err);
            *used += (size_t)p->length + 1;
            m->count++;
        } else if (f.number == MODEL_TRAINER) {
            st = read_trainer(m, special, &f, err);
        } else if (f.number == MODEL_NORMAL) {
            st = read_rules(&m->normal, &f, err);
        } else if (f.number == MODEL_DENORMAL) {
            st = read_rules(&m->denormal, &f, err);
        }
    }
    return st;
}

static omn_status put_start_first(sp_model *m, omn_error *err)
{
    static const sp_type want[3] = { SP_UNKNOWN, SP_CONTROL, SP_CONTROL };
    for (uint32_t i = 0; i < 3; i++)
        if (m->base < 3 || m->pieces[i].type != want[i])
            return omn_fail(err, OMN_ERR_DATA,
                            "pieces 0, 1, 2 must be unknown, start and end to be "
                            "put in the order start, end, unknown");
    const sp_piece unknown = m->pieces[0];
    m->pieces[0] = m->pieces[1];
    m->pieces[1] = m->pieces[2];
    m->pieces[2] = unknown;
    return OMN_OK;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that a piece such as <0x0A> names, or -1. */
static int byte_of(const sp_piece *p)
{
    if (p->length != 6 || memcmp(p->text, "<0x", 3) != 0 || p->text[5] != '>') return -1;
    const int hi = hex(p->text[3]), lo = hex(p->text[4]);
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

static omn_status note_byte(sp_model *m, uint32_t i, omn_error *err)
{
    sp_piece *p = &m->pieces[i];
    const int b = byte_of(p);
    if (b < 0)
        return omn_fail(err, OMN_ERR_DATA, "piece %u is a byte piece but is not named like <0x0A>",
                        i);
    if (!m->byte_fallback)
        return omn_fail(err, OMN_ERR_DATA,
                        "piece %u is a byte piece, but the model says that it does "
                        "not fall back to bytes",
                        i);
    p->byte = (uint8_t)b;
    m->bytes[b] = (int32_t)i;
    return OMN_OK;
}

/* Whether a piece holds a space mark behind something else: "a_b" does, "_a" and "__" do not. */
static bool spans_words(const sp_piece *p)
{
    const size_t k = sizeof UTF8_SPACE_MARK - 1;
    size_t i = 0;
    while (i + k <= p->length && memcmp(p->text + i, UTF8_SPACE_MARK, k) == 0) i += k;
    return strstr(p->text + i, UTF8_SPACE_MARK) != NULL;
}

static omn_status classify(sp_model *m, omn_error *err)
{
    m->unknown = -1;
    m->lowest = FLT_MAX;
    m->highest = FLT_MIN; /* the reference starts here, not at the smallest float */
    m->cut_at_spaces = true;
    for (int i = 0; i < 256; i++) m->bytes[i] = -1;
    for (uint32_t i = 0; i < m->count; i++) {
        const sp_piece *p = &m->pieces[i];
        if (p->type == SP_UNKNOWN) {
            if (m->unknown >= 0)
                return omn_fail(err, OMN_ERR_DATA, "pieces %d and %u are both the unknown piece",
                                m->unknown, i);
            m->unknown = (int32_t)i;
        } else if (p->type == SP_BYTE) {
            const omn_status st = note_byte(m, i, err);
            if (st != OMN_OK) return st;
        } else if (p->type == SP_NORMAL) {
            m->lowest = fminf(m->lowest, p->score);
            m->highest = fmaxf(m->highest, p->score);
        }
        if (p->type == SP_UNUSED) m->has_unused = true;
        if ((p->type == SP_NORMAL || p->type == SP_UNUSED) && spans_words(p))
            m->cut_at_spaces = false;
    }
    if (m->unknown < 0) return omn_fail(err, OMN_ERR_DATA, "no piece has the type unknown");
    for (int i = 0; m->byte_fallback && i < 256; i++)
        if (m->bytes[i] < 0)
            return omn_fail(err, OMN_ERR_DATA,
                            "the model falls back to bytes, but <0x%02X> is missing", (unsigned)i);
    if (m->has_unused) m->cut_at_spaces = false;
    return OMN_OK;
}

typedef enum group { SEARCHED, RESERVED, USER } group;

static bool belongs(const sp_piece *p, group g)
{
    const bool reserved = p->type == SP_UNKNOWN || p->type == SP_CONTROL || p->type == SP_BYTE;
    return g == USER ? p->type == SP_USER : reserved == (g == RESERVED);
}

static omn_status build_trie(const sp_model *m, group g, trie *t, omn_error *err)
{
    size_t n = 0;
    int32_t twice[2] = { 0, 0 };
    trie_key *keys = calloc(m->count, sizeof *keys);
    if (keys == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a SentencePiece model");
    for (uint32_t i = 0; i < m->count; i++) {
        const sp_piece *p = &m->pieces[i];
        if (belongs(p, g)) keys[n++] = (trie_key){ p->text, p->length, (int32_t)i };
    }
    const trie_result r = trie_init(t, keys, n, twice);
    free(keys);
    if (r == TRIE_TWICE)
        return omn_fail(err, OMN_ERR_DATA, "pieces %d and %d are the same: \"%.60s\"", twice[0],
                        twice[1], m->pieces[twice[0]].text);
    if (r == TRIE_NO_MEMORY)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a SentencePiece model");
    return OMN_OK;
}

static int32_t find_control(const sp_model *m, const char *name, size_t n)
{
    const int32_t id = trie_find(&m->reserved, name, n);
    return id >= 0 && m->pieces[id].type == SP_CONTROL ? id : -1;
}

#define EXTRA_ROOM 48u /* the longest extra piece has 3 + 27 bytes */

static omn_status check_extra(const sp_model *m, omn_error *err)
{
    const sp_extra *e = &m->extra;
    if (e->sentinels > 100000 || e->bins > 100000 || e->histories > 1000)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%u sentinels, %u bins and %u histories: at most 100000, "
                        "100000 and 1000 are possible",
                        e->sentinels, e->bins, e->histories);
    if (e->gaps > 100000 || e->visual > 100000)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%u gaps and %u regions: at most 100000 are possible", e->gaps,
                        e->visual);
    if (e->fairseq && (e->start_first || sp_extra_count(e)))
        return omn_fail(err, OMN_ERR_ARGUMENT, "fairseq's ids go with no other added pieces");
    if (sp_is_t5(e) &&
        (e->start_first || e->marks || e->sentinels + e->bins + e->histories > 0))
        return omn_fail(err, OMN_ERR_ARGUMENT, "T5's pieces go with no other added pieces");
    return OMN_OK;
}

static void append_extra(sp_model *m, size_t used)
{
    for (uint32_t i = 0; sp_extra_piece(&m->extra, i, m->text + used, EXTRA_ROOM); i++) {
        const uint32_t length = (uint32_t)strlen(m->text + used);
        m->pieces[m->count++] =
            (sp_piece){ .text = m->text + used, .length = length,
                        .type = sp_is_t5(&m->extra) ? SP_CONTROL : SP_USER };
        used += length + 1;
    }
}

omn_status sp_open(const void *data, size_t size, const sp_extra *extra, sp_model **out,
                   omn_error *err)
{
    omn_status st = OMN_OK;
    size_t room = 0, used = 0;
    names special = { "<s>", "</s>", "<pad>", 3, 4, 5 };
    sp_model *m = calloc(1, sizeof *m);
    if (m == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a SentencePiece model");
    m->algorithm = SP_UNIGRAM;
    m->normal.dummy_prefix = m->normal.squeeze = m->normal.escape = true;
    m->denormal = m->normal;
    if (extra != NULL) m->extra = *extra;
    if (size > SP_MOST_FILE)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA,
                         "the file has %zu bytes, a SentencePiece model at most %zu", size,
                         SP_MOST_FILE));
    OMN_TRY(check_extra(m, err));
    OMN_TRY(measure(m, data, size, &room, err));
    const uint32_t added = m->extra.fairseq ? 5 : sp_extra_count(&m->extra);
    m->pieces = calloc((size_t)m->base + added, sizeof *m->pieces);
    m->text = calloc(room + (size_t)added * EXTRA_ROOM, 1);
    if (m->pieces == NULL || m->text == NULL)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "no memory for a SentencePiece model"));
    OMN_TRY(read_all(m, data, size, &special, &used, err));
    if (m->extra.start_first) OMN_TRY(put_start_first(m, err));
    if (m->extra.fairseq) OMN_TRY(sp_fairseq_order(m, m->text + used, err));
    else append_extra(m, used);
    OMN_TRY(classify(m, err));
    OMN_TRY(build_trie(m, SEARCHED, &m->searched, err));
    OMN_TRY(build_trie(m, RESERVED, &m->reserved, err));
    OMN_TRY(build_trie(m, USER, &m->user, err));
    m->start = find_control(m, special.start, special.n_start);
    m->end = find_control(m, special.end, special.n_end);
    m->pad = find_control(m, special.pad, special.n_pad);
    m->has_denormal = m->denormal.units != NULL;
    *out = m;
    m = NULL;
done:
    sp_close(m);
    return st;
}

void sp_close(sp_model *m)
{
    if (m == NULL) return;
    trie_fini(&m->searched);
    trie_fini(&m->reserved);
    trie_fini(&m->user);
    sp_rules_fini(&m->normal);
    sp_rules_fini(&m->denormal);
    free(m->unknown_text);
    free(m->pieces);
    free(m->text);
    free(m);
}

int32_t sp_find(const sp_model *m, const char *piece, size_t n)
{
    const int32_t id = trie_find(&m->reserved, piece, n);
    return id >= 0 ? id : trie_find(&m->searched, piece, n);
}
