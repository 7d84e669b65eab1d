/* SPDX-License-Identifier: Apache-2.0 */
/* Text to ids: normalise, cut by the model's algorithm, and say what becomes of the parts that are
 * in no piece: their UTF-8 bytes where the model has byte pieces, else one unknown id for a whole
 * run. */
#include "sentencepiece.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

omn_status sp_ids_put(sp_ids *ids, int32_t id, omn_error *err)
{
    if (ids->count == ids->room) {
        const size_t room = ids->room < 32 ? 64 : ids->room * 2;
        int32_t *p = room > SIZE_MAX / sizeof *p ? NULL : realloc(ids->id, room * sizeof *p);
        if (p == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tokens", room);
        ids->id = p;
        ids->room = room;
    }
    ids->id[ids->count++] = id;
    return OMN_OK;
}

omn_status sp_emit(const sp_model *m, int32_t id, const char *s, size_t n, bool *in_unknown,
                   sp_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const bool run = *in_unknown;
    *in_unknown = id < 0;
    if (id >= 0) return sp_ids_put(out, id, err);
    if (!m->byte_fallback) return run ? OMN_OK : sp_ids_put(out, m->unknown, err);
    for (size_t i = 0; i < n && st == OMN_OK; i++)
        st = sp_ids_put(out, m->bytes[(uint8_t)s[i]], err);
    return st;
}

/* Fewest tokens that a normalised text can have: no piece is longer than the longest one, and only
 * characters that no piece spells may share a token in larger numbers. */
static size_t fewest(const sp_model *m, const char *s, size_t n)
{
    size_t longest = 1, spelt = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->pieces[i].length > longest) longest = m->pieces[i].length;
    for (size_t at = 0; at < n;) {
        const size_t most = n - at, wide = utf8_length(s[at]), width = wide < most ? wide : most;
        if (m->byte_fallback || sp_find(m, s + at, width) >= 0) spelt += width;
        at += width;
    }
    return spelt / longest;
}

omn_status sp_encode(const sp_model *m, const char *text, size_t n, sp_ids *out, omn_error *err)
{
    return sp_encode_most(m, text, n, SIZE_MAX, out, err);
}

/* A normalised text. */
static omn_status cut(const sp_model *m, const char *s, size_t n, size_t most, sp_ids *out,
                      omn_error *err)
{
    if (n == 0) return OMN_OK;
    if (n / SP_MOST_PIECE_BYTES > most || (n > 4096 && most < SIZE_MAX)) {
        const size_t least = fewest(m, s, n);
        if (least > most)
            return omn_fail(err, OMN_ERR_DATA,
                            "the text has %zu tokens or more, at most %zu are possible here", least,
                            most);
    }
    return m->algorithm == SP_BPE ? sp_encode_bpe(m, s, n, out, err)
                                  : sp_encode_unigram(m, s, n, out, err);
}

/* A text without names that are ids. */
static omn_status encode_plain(const sp_model *m, const char *text, size_t n, size_t most,
                               sp_ids *out, omn_error *err)
{
    if (n == 0) return OMN_OK;
    omn_status st = OMN_OK;
    omn_buf normal = { 0 };
    omn_buf_init(&normal, SP_MOST_NORMAL);
    OMN_TRY(sp_normalise(&m->normal, &m->user, m->space_behind, text, n, &normal, err));
    OMN_TRY(cut(m, normal.data, normal.length, most, out, err));
done:
    omn_buf_fini(&normal);
    return st;
}

static bool is_ascii_blank(char c) { return c == ' ' || (c >= 9 && c <= 13); }

/* Bytes of the blank that s[0..n) begins with, one of those that Python strips; 0: it is none. */
static size_t blank_at(const char *s, size_t n)
{
    static const char *const wide[] = { "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
                                        "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                                        "\xE2\x81\x9F", "\xE3\x80\x80" };
    const unsigned char *u = (const unsigned char *)s;
    if (n == 0) return 0;
    if (*u < 0x80) return *u == ' ' || (*u >= 9 && *u <= 13) || (*u >= 28 && *u <= 31);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        const size_t length = strlen(wide[i]);
        if (length <= n && !memcmp(s, wide[i], length)) return length;
    }
    /* U+2000 to U+200A */
    return n >= 3 && u[0] == 0xE2 && u[1] == 0x80 && u[2] >= 0x80 && u[2] <= 0x8A ? 3 : 0;
}

/* Bytes of a text without the blanks at its end; any: not only those of ASCII. */
static size_t without_blanks(const char *text, size_t n, bool any)
{
    for (size_t k = 1; k <= (any ? 3u : 1u) && k <= n;)
        if (blank_at(text + n - k, k) == k && (any || is_ascii_blank(text[n - 1]))) {
            n -= k;
            k = 1;
        } else {
            k++;
        }
    return n;
}

/* The first name in a text that is an id; false: there is none, or names are text here. */
static bool first_name(const sp_model *m, const char *text, size_t n, sp_name *out)
{
    if (m->extra.fairseq) return sp_fairseq_name(m, text, n, out);
    return sp_is_t5(&m->extra) && sp_t5_name(m, text, n, out);
}

/* Which blanks at one end of a text are not its own. */
typedef enum blanks { KEPT, ASCII, ALL } blanks;

/* T5's gaps and regions, and the <mask> of fairseq's ids in front of it, take all blanks along. */
static blanks beside(const sp_model *m, const sp_name *name, bool in_front)
{
    if (m->extra.fairseq)
        return in_front && (uint32_t)name->id == m->count - 1 ? ALL : KEPT;
    return (uint32_t)name->id >= m->base ? ALL : m->extra.tight ? KEPT : ASCII;
}

/* The same where only a space that stands there begins a word: the first part of a text has one in
 * front, other parts have their own. A letter is put in front of it, which keeps the space, and is
 * taken away again; no table puts it together with a space. */
static omn_status encode_tight(const sp_model *m, const char *text, size_t n, bool first,
                               size_t most, sp_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf whole = { 0 }, normal = { 0 };
    sp_rules rules = m->normal;
    const size_t kept = first || (n && *text == ' ') ? 1 : 0;
    rules.dummy_prefix = false;
    omn_buf_init(&whole, SP_MOST_NORMAL);
    omn_buf_init(&normal, SP_MOST_NORMAL);
    if (kept) omn_buf_puts(&whole, "a");
    if (first) omn_buf_puts(&whole, UTF8_SPACE_MARK);
    omn_buf_put(&whole, text, n);
    OMN_TRY(omn_buf_check(&whole, "a text", err));
    OMN_TRY(sp_normalise(&rules, &m->user, m->space_behind, whole.data, whole.length, &normal,
                         err));
    if (normal.length > kept)
        OMN_TRY(cut(m, normal.data + kept, normal.length - kept, most, out, err));
done:
    omn_buf_fini(&whole);
    omn_buf_fini(&normal);
    return st;
}

/* Space marks of a text are spaces. */
static omn_status unmark(const char *text, size_t n, omn_buf *out, omn_error *err)
{
    const size_t mark = sizeof UTF8_SPACE_MARK - 1;
    for (size_t i = 0; i < n;) {
        const bool is = n - i >= mark && !memcmp(text + i, UTF8_SPACE_MARK, mark);
        omn_buf_put(out, is ? " " : text + i, 1);
        i += is ? mark : 1;
    }
    return omn_buf_check(out, "a text", err);
}

/* A text between names, or between one and an end: which blanks are not its own, and whether the
 * whole begins with it or ends. */
typedef struct part {
    const char *text;
    size_t n;
    blanks front, back;
    bool first, last;
} part;

static omn_status encode_part(const sp_model *m, part p, size_t most, sp_ids *out, omn_error *err)
{
    if (p.back != KEPT) p.n = without_blanks(p.text, p.n, p.back == ALL);
    for (size_t k; p.front != KEPT && (k = blank_at(p.text, p.n)) > 0; p.n -= k) {
        if (p.front == ASCII && !is_ascii_blank(*p.text)) break;
        p.text += k;
    }
    if (!m->extra.tight) return encode_plain(m, p.text, p.n, most, out, err);
    /* of nothing in front of a name the space in front is taken away, too */
    if (p.n == 0 && !(p.first && p.last)) return OMN_OK;
    return encode_tight(m, p.text, p.n, p.first, most, out, err);
}

static omn_status encode_parts(const sp_model *m, const char *text, size_t n, size_t most,
                               sp_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    sp_name name;
    const blanks usual = sp_is_t5(&m->extra) && !m->extra.tight ? ASCII : KEPT;
    part p = { .text = text, .front = usual, .first = true };
    while (first_name(m, p.text, n, &name)) {
        p.n = name.at;
        p.back = beside(m, &name, true);
        OMN_TRY(encode_part(m, p, most, out, err));
        OMN_TRY(sp_ids_put(out, name.id, err));
        p.front = beside(m, &name, false);
        p.first = false;
        p.text += name.at + name.length;
        n -= name.at + name.length;
    }
    p.n = n;
    p.back = usual;
    p.last = true;
    st = encode_part(m, p, most, out, err);
done:
    return st;
}

omn_status sp_encode_most(const sp_model *m, const char *text, size_t n, size_t most, sp_ids *out,
                          omn_error *err)
{
    if (n > SP_MOST_TEXT)
        return omn_fail(err, OMN_ERR_ARGUMENT, "the text has %zu bytes, at most %zu can be encoded",
                        n, SP_MOST_TEXT);
    if (!m->extra.tight || n == 0) return encode_parts(m, text, n, most, out, err);
    omn_status st = OMN_OK;
    omn_buf spaced = { 0 };
    omn_buf_init(&spaced, SP_MOST_NORMAL);
    OMN_TRY(unmark(text, n, &spaced, err));
    OMN_TRY(encode_parts(m, spaced.data, spaced.length, most, out, err));
done:
    omn_buf_fini(&spaced);
    return st;
}
