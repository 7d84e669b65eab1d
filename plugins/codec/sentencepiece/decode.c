/* SPDX-License-Identifier: Apache-2.0 */
/* Ids to text. Pieces give their text with space marks as spaces, byte pieces are gathered to
 * characters, control pieces give nothing, unknown ids give the file's text for them. The space
 * that encoding puts in front of the first word is dropped again. All of this is a small state
 * machine fed one id at a time, so that a model's answer can be shown while it is made; a whole row
 * is many puts. */
#include "sentencepiece.h"

#include <string.h>

#include "utf8.h"

#define UNKNOWN_TEXT " \xe2\x81\x87 "

static void put(sp_stream *s, const char *text, size_t n, omn_buf *out)
{
    if (n > 0) s->wrote = true;
    omn_buf_put(out, text, n);
}

/* Write what can be decided about the waiting bytes; with `all`, decide everything. */
static void settle(sp_stream *s, bool all, omn_buf *out)
{
    uint32_t at = 0;
    while (at < s->n_waiting) {
        const char *p = s->waiting + at;
        const size_t left = s->n_waiting - at, k = utf8_valid(p, left);
        if (k == 0 && !all && utf8_unfinished(p, left)) break;
        if (k > 0)
            put(s, p, k, out);
        else
            put(s, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1, out);
        at += k > 0 ? (uint32_t)k : 1;
    }
    memmove(s->waiting, s->waiting + at, s->n_waiting - at);
    s->n_waiting -= at;
}

/* The text of a piece, space marks as spaces. */
static void put_piece(sp_stream *s, const sp_piece *p, size_t skip, omn_buf *out)
{
    const char *text = p->text + skip;
    size_t left = p->length - skip;
    const size_t k = sizeof UTF8_SPACE_MARK - 1;
    for (size_t i = 0; i < left;) {
        if (left - i < k || memcmp(text + i, UTF8_SPACE_MARK, k) != 0) {
            i++;
            continue;
        }
        put(s, text, i, out);
        put(s, " ", 1, out);
        text += i + k;
        left -= i + k;
        i = 0;
    }
    put(s, text, left, out);
}

/* Are unknown pieces and the blanks at both ends left out? */
static bool quiet(const sp_model *m) { return m->extra.fairseq || sp_is_t5(&m->extra); }

static void put_id(const sp_model *m, sp_stream *s, int32_t id, omn_buf *out)
{
    if (id < 0 || (uint32_t)id >= m->count) id = m->unknown;
    const sp_piece *p = &m->pieces[id];
    const size_t k = sizeof UTF8_SPACE_MARK - 1;
    if (p->type == SP_BYTE) {
        s->waiting[s->n_waiting++] = (char)p->byte;
        settle(s, false, out);
        return;
    }
    settle(s, true, out);
    if (s->dropped || s->wrote) s->past_start = true;
    s->dropped = false;
    if (sp_t5_is_name(m, id) && !m->extra.hush) {
        if (s->wrote) put(s, " ", 1, out);
        put_piece(s, p, 0, out);
        return;
    }
    if (p->type == SP_CONTROL || (p->type == SP_UNKNOWN && quiet(m))) return;
    if (p->type == SP_UNKNOWN) {
        const char *text = m->unknown_text != NULL ? m->unknown_text : UNKNOWN_TEXT;
        put(s, text, strlen(text), out);
        return;
    }
    size_t skip = 0;
    if (!s->past_start && (m->normal.dummy_prefix || m->normal.squeeze) && p->length >= k &&
        memcmp(p->text, UTF8_SPACE_MARK, k) == 0) {
        skip = k;
        s->dropped = !m->normal.squeeze; /* a squeezing model drops every leading space */
    }
    put_piece(s, p, skip, out);
}

static omn_status check(const omn_buf *out, omn_error *err)
{
    if (!out->failed) return OMN_OK;
    return omn_fail(err, OMN_ERR_MEMORY, "no memory for a decoded text (at most %zu bytes)",
                    out->most);
}

omn_status sp_stream_put(const sp_model *m, sp_stream *s, int32_t id, omn_buf *out, omn_error *err)
{
    put_id(m, s, id, out);
    return check(out, err);
}

omn_status sp_stream_end(const sp_model *m, sp_stream *s, omn_buf *out, omn_error *err)
{
    (void)m;
    settle(s, true, out);
    memset(s, 0, sizeof *s);
    return check(out, err);
}

/* No blanks at the ends of what was appended. */
static void strip(omn_buf *out, size_t from)
{
    size_t first = from;
    if (out->length == from) return;
    while (out->length > from && out->data[out->length - 1] == ' ') out->length--;
    while (first < out->length && out->data[first] == ' ') first++;
    if (first > from) memmove(out->data + from, out->data + first, out->length - first);
    out->length -= first - from;
    out->data[out->length] = 0;
}

omn_status sp_decode(const sp_model *m, const int32_t *ids, size_t n, sp_until until, omn_buf *out,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t from = out->length;
    sp_stream s = { 0 };
    omn_buf held = { 0 }, *to = m->has_denormal ? &held : out;
    omn_buf_init(&held, SP_MOST_NORMAL);
    for (size_t i = 0; i < n; i++) {
        if (until == SP_TO_END && m->end >= 0 && ids[i] == m->end) break;
        OMN_TRY(sp_stream_put(m, &s, ids[i], to, err));
    }
    OMN_TRY(sp_stream_end(m, &s, to, err));
    if (held.length > 0)
        OMN_TRY(sp_normalise(&m->denormal, NULL, false, held.data, held.length, out, err));
    if (quiet(m) && !out->failed) strip(out, from);
done:
    omn_buf_fini(&held);
    return st;
}

omn_spelt sp_spell(const sp_model *m, int32_t id, bool first, omn_buf *out)
{
    if (id < 0 || (uint32_t)id >= m->count || m->has_denormal) return OMN_SPELT_NONE;
    const sp_piece *p = &m->pieces[id];
    const size_t from = out->length;
    sp_stream s = { .past_start = !first };
    if (sp_t5_is_name(m, id)) {
        omn_buf_put(out, p->text, p->length);
        return OMN_SPELT_MARK;
    }
    if (p->type == SP_CONTROL || p->type == SP_UNKNOWN || p->type == SP_UNUSED)
        return OMN_SPELT_NONE;
    if (p->type == SP_BYTE) {
        const char byte = (char)p->byte;
        if (byte == 0) return OMN_SPELT_NONE;
        omn_buf_put(out, &byte, 1);
        return OMN_SPELT_TEXT;
    }
    put_id(m, &s, id, out);
    if (out->length == from) return OMN_SPELT_NONE;
    return (uint32_t)id >= m->base ? OMN_SPELT_MARK : OMN_SPELT_TEXT;
}
