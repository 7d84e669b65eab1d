/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of a list of merges: the 256 bytes, the same at the end of a word where the style
 * tells them apart, one symbol for each line, the style's marks. Their order is that of the ids. */
#include <config.h>

#include "bpe.h"

#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#define MOST_LINES (1 << 22)

/* What gzip has packed, as it was. */
#ifdef HAVE_ZLIB
static omn_status unpack(const char *bytes, size_t n, char **out, size_t *length, omn_error *err)
{
    z_stream z = { 0 };
    size_t room = (size_t)1 << 16, used = 0;
    char *text = malloc(room);
    int r = Z_MEM_ERROR;
    if (text && n < UINT32_MAX && inflateInit2(&z, 15 + 16) == Z_OK) {
        z.next_in = (Bytef *)(uintptr_t)bytes;
        z.avail_in = (uInt)n;
        for (r = Z_OK; r == Z_OK;) {
            if (used == room) {
                char *more = room < BPE_MOST_BYTES ? realloc(text, 2 * room) : NULL;
                if (!more) break;
                text = more;
                room *= 2;
            }
            z.next_out = (Bytef *)text + used;
            z.avail_out = (uInt)(room - used);
            r = inflate(&z, Z_NO_FLUSH);
            used = room - z.avail_out;
            if (r == Z_BUF_ERROR && z.avail_out == 0) r = Z_OK;
        }
        inflateEnd(&z);
    }
    *out = text;
    *length = used;
    if (r == Z_STREAM_END) return OMN_OK;
    if (r == Z_MEM_ERROR) return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    return used == room ? omn_fail(err, OMN_ERR_DATA, "more than %zu MB unpacked",
                                   BPE_MOST_BYTES >> 20)
                        : omn_fail(err, OMN_ERR_DATA, "what gzip has packed there is damaged");
}

#else
static omn_status unpack(const char *bytes, size_t n, char **out, size_t *length, omn_error *err)
{
    (void)bytes;
    (void)n;
    (void)out;
    (void)length;
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "the list is packed by gzip, and this build is without zlib: unpack it first");
}
#endif

typedef struct reading {
    bpe_spelling spelling;
    char *left, *right;                 /* room for both halves of a line, one behind the other */
    int32_t line, rank, first;          /* first: id of the first merge */
} reading;

/* "a b": one merge. */
static omn_status take_line(bpe *b, reading *r, const char *s, size_t n, omn_error *err)
{
    const char *gap = memchr(s, ' ', n);
    bool ends[2] = { false, false };
    if (!gap || memchr(gap + 1, ' ', n - (size_t)(gap + 1 - s)))
        return omn_fail_at(err, OMN_ERR_DATA, "", r->line, 1,
                           "two symbols with a blank between are wanted");
    const size_t first = (size_t)(gap - s);
    const long left = bpe_spelt(&r->spelling, s, first, b->style->ends, r->left, &ends[0]);
    char *behind = r->left + (left > 0 ? left : 0);
    const long right =
        bpe_spelt(&r->spelling, gap + 1, n - first - 1, b->style->ends, behind, &ends[1]);
    if (left < 1 || right < 1 || ends[0])
        return omn_fail_at(err, OMN_ERR_DATA, "", r->line, 1,
                           "\"%.*s\" is no merge of two rows of bytes", (int)(n < 80 ? n : 80), s);
    const int32_t a = bpe_find(b, r->left, (size_t)left, false);
    const int32_t c = bpe_find(b, behind, (size_t)right, ends[1]);
    const int32_t made = bpe_add(b, r->left, (size_t)(left + right), ends[1], r->first + r->rank);
    if (made < 0) return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    /* halves that nothing makes are never met */
    if (a >= 0 && c >= 0) bpe_pair_put(b, (bpe_pair){ a, c, r->rank, made });
    r->rank++;
    return OMN_OK;
}

static size_t count_lines(const char *s, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += s[i] == '\n';
    return lines + (n > 0 && s[n - 1] != '\n');
}

/* The first line is a title; of the others as many as there have to be. */
static omn_status read_list(bpe *b, const char *s, size_t n, int32_t wanted, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t lines = count_lines(s, n);
    const int32_t basic = b->style->ends ? 512 : 256;
    int32_t marks = 0;
    while (b->style->marks[marks].text) marks++;
    reading r = { .line = 1, .first = basic };
    if (lines < 1 || lines > MOST_LINES)
        return omn_fail(err, OMN_ERR_DATA, "a list of merges has 1 to %d lines", MOST_LINES);
    size_t merges = lines - 1;
    if (wanted > 0) {
        if (wanted < basic + marks || merges < (size_t)(wanted - basic - marks))
            return omn_fail(err, OMN_ERR_DATA,
                            "%zu merges make %zu ids, the model has %d: another file belongs to it",
                            merges, merges + (size_t)(basic + marks), (int)wanted);
        merges = (size_t)(wanted - basic - marks);
    }
    bpe_spelling_init(&r.spelling);
    const size_t most = merges + (size_t)(basic + marks);
    OMN_TRY(bpe_tables(b, most, merges, most, err));
    r.left = omn_arena_alloc(b->arena, n + 2, 1);
    if (!r.left) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory"));
    for (int32_t i = 0; i < basic; i++) {
        const char byte = (char)r.spelling.order[i % 256];
        const int32_t y = bpe_add(b, &byte, 1, i >= 256, i);
        if (y < 0) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory"));
        b->single[i >= 256][r.spelling.order[i % 256]] = y;
    }
    const char *at = s, *end = s + n;
    for (size_t i = 0; i <= merges && at < end; i++, r.line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t length = (size_t)(stop - at);
        if (length && at[length - 1] == '\r') length--;
        if (i > 0) OMN_TRY(take_line(b, &r, at, length, err));
        at = stop < end ? stop + 1 : end;
    }
    for (int32_t i = 0; i < marks; i++)
        OMN_TRY(bpe_mark_add(b, b->style->marks[i].text, strlen(b->style->marks[i].text),
                             basic + (int32_t)merges + i, b->style->marks[i].how, err));
    b->pieces = (int32_t)most;
done:
    return st;
}

omn_status bpe_open(const char *bytes, size_t n, const char *style, int32_t wanted, bpe **out,
                    omn_error *err)
{
    omn_status st = OMN_OK;
    char *text = NULL;
    OMN_TRY(bpe_new(style, out, err));
    if (n > 2 && !memcmp(bytes, "\x1F\x8B", 2)) {
        OMN_TRY(unpack(bytes, n, &text, &n, err));
        bytes = text;
    }
    OMN_TRY(read_list(*out, bytes, n, wanted, err));
done:
    free(text);
    return st;
}
