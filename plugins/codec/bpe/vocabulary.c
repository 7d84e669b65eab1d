/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary in files of its own: ids as a JSON object of pieces (vocab.json, encoder.json), a
 * list of merges (merges.txt, vocab.bpe), and fairseq's dictionary (dict.txt), in whose lines the
 * ids of the first are symbols: line n is id 4 + n, and a piece that no line has is <unk>. */
#include "bpe.h"

#include <jansson.h>

#include <string.h>

#define MOST_PIECE 4096                 /* bytes of a piece as a file spells it */

/* ---- ids ------------------------------------------------------------------------------------- */

static omn_status add_piece(bpe *b, const bpe_spelling *s, const char *key, int32_t id,
                            omn_error *err)
{
    char bytes[MOST_PIECE];
    bool ends = false;
    const size_t n = strlen(key);
    if (n == 0 || n > MOST_PIECE)
        return omn_fail(err, OMN_ERR_DATA, "the piece of id %d has %zu bytes, 1 to %d are possible",
                        (int)id, n, MOST_PIECE);
    if (b->of_id[id] != -1)
        return omn_fail(err, OMN_ERR_DATA, "two pieces have id %d, one of them \"%.80s\"", (int)id,
                        key);
    const long k = bpe_spelt(s, key, n, false, bytes, &ends);
    /* no row of bytes: no merge makes it, it is only written */
    if (k < 0) return bpe_mark_add(b, key, n, id, 0, err);
    if (bpe_add(b, bytes, (size_t)k, false, id) < 0)
        return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    if (k == 1) b->single[0][(uint8_t)bytes[0]] = b->of_id[id];
    return OMN_OK;
}

omn_status bpe_read_ids(bpe *b, const json_t *ids, size_t merges, int32_t most, omn_error *err)
{
    omn_status st = OMN_OK;
    bpe_spelling s;
    const char *key;
    json_t *value;
    json_int_t last = most;
    const size_t n = json_object_size(ids);
    /* holes are possible; a table for them is not as large as somebody likes */
    const json_int_t limit = 4 * (json_int_t)n + 65536;
    json_object_foreach((json_t *)(uintptr_t)ids, key, value)
    {
        const json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id > limit || id >= BPE_MOST_IDS)
            return omn_fail(err, OMN_ERR_DATA,
                            "\"%.80s\" has no id that is possible among %zu pieces", key, n);
        if (id > last) last = id;
    }
    bpe_spelling_init(&s);
    OMN_TRY(bpe_tables(b, n, merges, (size_t)last + 1, err));
    json_object_foreach((json_t *)(uintptr_t)ids, key, value)
    {
        const int32_t id = (int32_t)json_integer_value(value);
        OMN_TRY(add_piece(b, &s, key, id, err));
        if (id >= b->pieces) b->pieces = id + 1;
    }
    for (int i = 0; i < 256; i++)
        if (b->single[0][i] < 0)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "no piece is the byte %d: not every text has ids",
                             i));
done:
    return st;
}

/* ---- merges ---------------------------------------------------------------------------------- */

omn_status bpe_read_merge(bpe *b, const bpe_spelling *s, const char *left, size_t n_left,
                          const char *right, size_t n_right, int32_t rank, omn_error *err)
{
    char bytes[2 * MOST_PIECE];
    bool ends = false;
    long l = -1, r = -1;
    if (n_left && n_right && n_left <= MOST_PIECE && n_right <= MOST_PIECE) {
        l = bpe_spelt(s, left, n_left, false, bytes, &ends);
        if (l > 0) r = bpe_spelt(s, right, n_right, false, bytes + l, &ends);
    }
    if (l < 0 || r < 0)
        return omn_fail(err, OMN_ERR_DATA, "\"%.*s\" and \"%.*s\" are no two rows of bytes",
                        (int)(n_left < 80 ? n_left : 80), left,
                        (int)(n_right < 80 ? n_right : 80), right);
    const bpe_pair p = { bpe_find(b, bytes, (size_t)l, false),
                         bpe_find(b, bytes + l, (size_t)r, false), rank,
                         bpe_find(b, bytes, (size_t)(l + r), false) };
    if (p.left < 0 || p.right < 0 || p.made < 0)
        return omn_fail(err, OMN_ERR_DATA,
                        "\"%.*s\" and \"%.*s\" and what they make are not all in the vocabulary",
                        (int)(n_left < 80 ? n_left : 80), left,
                        (int)(n_right < 80 ? n_right : 80), right);
    bpe_pair_put(b, p);
    return OMN_OK;
}

/* The next line of s[*at..n), without its end. */
static const char *next_line(const char *s, size_t n, size_t *at, size_t *length)
{
    const char *line = s + *at, *stop = memchr(line, '\n', n - *at);
    *length = stop ? (size_t)(stop - line) : n - *at;
    *at += *length + (stop != NULL);
    if (*length && line[*length - 1] == '\r') --*length;
    return line;
}

static size_t count_lines(const char *s, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += s[i] == '\n';
    return lines + (n > 0 && s[n - 1] != '\n');
}

/* A title "#version: 0.2", then "a b" in each line. */
static omn_status read_merges(bpe *b, const bpe_file *f, omn_error *err)
{
    bpe_spelling s;
    size_t n = f->n, at = 0, length = 0;
    int32_t number = 0, rank = 0;
    bpe_spelling_init(&s);
    while (n && (f->bytes[n - 1] == '\n' || f->bytes[n - 1] == '\r')) n--;
    while (at < n) {
        const char *line = next_line(f->bytes, n, &at, &length);
        number++;
        if (number == 1 && length >= 8 && !memcmp(line, "#version", 8)) continue;
        const char *gap = memchr(line, ' ', length);
        if (!gap || memchr(gap + 1, ' ', length - (size_t)(gap + 1 - line)))
            return omn_fail_at(err, OMN_ERR_DATA, f->name, number, 1,
                               "two pieces with a blank between are wanted");
        const size_t first = (size_t)(gap - line);
        omn_error why = OMN_ERROR_INIT;
        const omn_status st =
            bpe_read_merge(b, &s, line, first, gap + 1, length - first - 1, rank++, &why);
        if (st != OMN_OK) return omn_fail_at(err, st, f->name, number, 1, "%s", why.text);
    }
    return OMN_OK;
}

/* ---- the dictionary of fairseq --------------------------------------------------------------- */

enum { FIRST = 4, UNKNOWN = 3 };        /* id of the first line, and of what no line has */

/* A decimal number as it is written without need of a sign or zeros in front; -1: another text. */
static int32_t number_of(const char *s, size_t n)
{
    int32_t x = 0;
    if (n == 0 || n > 8 || (n > 1 && s[0] == '0')) return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return -1;
        x = 10 * x + (s[i] - '0');
    }
    return x;
}

typedef struct old_ids { const int32_t *of_id; const bpe_mark *mark; int32_t count; } old_ids;

/* "symbol count". */
static omn_status take_symbol(bpe *b, const old_ids *old, const char *line, size_t length,
                              int32_t id, omn_error *err)
{
    size_t n = length;
    while (n > 0 && line[n - 1] != ' ') n--;
    if (n < 2 || n == length)
        return omn_fail(err, OMN_ERR_DATA, "a symbol, a blank and how often it was met are wanted");
    n--;
    const int32_t was = number_of(line, n);
    const int32_t place = was >= 0 && was < old->count ? old->of_id[was] : -1;
    if (place < -1) {
        const bpe_mark *m = &old->mark[-2 - place];
        return bpe_mark_add(b, m->text, strlen(m->text), id, 0, err);
    }
    if (place < 0) return bpe_mark_add(b, line, n, id, 0, err);
    if (b->symbol[place].id != UNKNOWN)
        return omn_fail(err, OMN_ERR_DATA, "symbol %d stands there twice", (int)was);
    b->symbol[place].id = id;
    b->of_id[id] = place;
    return OMN_OK;
}

static omn_status read_dictionary(bpe *b, const bpe_file *f, omn_error *err)
{
    static const struct { const char *text; unsigned how; } first[FIRST] = {
        { "<s>", BPE_SILENT }, { "<pad>", 0 }, { "</s>", BPE_SILENT }, { "<unk>", 0 }
    };
    omn_status st = OMN_OK;
    const old_ids old = { b->of_id, b->mark, b->ids };
    const size_t lines = count_lines(f->bytes, f->n);
    size_t at = 0, length = 0;
    if (lines + FIRST > BPE_MOST_IDS)
        return omn_fail(err, OMN_ERR_DATA, "%s has more than %d lines", f->name, BPE_MOST_IDS);
    b->ids = (int32_t)(lines + FIRST);
    b->of_id = omn_arena_alloc(b->arena, lines + FIRST, sizeof *b->of_id);
    if (!b->of_id) return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    memset(b->of_id, 0xFF, (lines + FIRST) * sizeof *b->of_id);
    b->mark = NULL;
    b->marks = b->mark_room = 0;
    for (int32_t i = 0; i < b->count; i++) b->symbol[i].id = UNKNOWN;
    for (int32_t i = 0; i < FIRST; i++)
        OMN_TRY(bpe_mark_add(b, first[i].text, strlen(first[i].text), i, first[i].how, err));
    for (int32_t id = FIRST; at < f->n; id++) {
        const char *line = next_line(f->bytes, f->n, &at, &length);
        omn_error why = OMN_ERROR_INIT;
        st = take_symbol(b, &old, line, length, id, &why);
        if (st != OMN_OK)
            return omn_fail_at(err, st, f->name, id - FIRST + 1, 1, "%s", why.text);
    }
    b->pieces = b->ids;
done:
    return st;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static omn_status style_marks(bpe *b, omn_error *err)
{
    omn_status st = OMN_OK;
    for (int i = 0; b->style->marks[i].text && st == OMN_OK; i++) {
        const char *text = b->style->marks[i].text;
        const int32_t y = bpe_find(b, text, strlen(text), false);
        if (y >= 0)
            st = bpe_mark_add(b, text, strlen(text), b->symbol[y].id, b->style->marks[i].how, err);
    }
    return st;
}

omn_status bpe_open_vocabulary(const bpe_file *vocabulary, const bpe_file *merges,
                               const bpe_file *dictionary, const char *style, bpe **out,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    json_error_t why;
    json_t *ids = NULL;
    OMN_TRY(bpe_new(style, out, err));
    bpe *b = *out;
    if (b->style->ends)
        OMN_TRY(omn_fail(err, OMN_ERR_CONFIG,
                         "ids in a file of their own have style gpt2 or roberta, not %s", style));
    ids = json_loadb(vocabulary->bytes, vocabulary->n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(ids))
        OMN_TRY(omn_fail_at(err, OMN_ERR_DATA, vocabulary->name, ids ? 1 : why.line,
                            ids ? 1 : why.column, "%s",
                            ids ? "an object of pieces with their ids is wanted" : why.text));
    st = bpe_read_ids(b, ids, count_lines(merges->bytes, merges->n), 0, err);
    if (st != OMN_OK) omn_error_prefix(err, "%s", vocabulary->name);
    OMN_TRY(st);
    OMN_TRY(read_merges(b, merges, err));
    if (dictionary->bytes) OMN_TRY(read_dictionary(b, dictionary, err));
    else OMN_TRY(style_marks(b, err));
done:
    json_decref(ids);
    return st;
}
