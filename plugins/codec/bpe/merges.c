/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of a list of merges: the 256 bytes, the same at the end of a word, one symbol for
 * each line, two marks. A file spells bytes as visible characters: those of Latin-1 that can be
 * seen as themselves, the others in turn as U+0100 and up. Their order is that of the ids. */
#include <config.h>

#include "bpe.h"

#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#define MOST_BYTES ((size_t)1 << 26)    /* of a list, unpacked */
#define MOST_LINES (1 << 22)
#define END_MARK "</w>"

/* Does the byte stand for itself? */
static bool visible(int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; }

/* Byte number i of the order; i-th of the others is spelt as U+0100 + i. */
static void bytes_in_order(uint8_t *order, int16_t *spelt)
{
    int n = 0, more = 0;
    memset(spelt, 0xFF, 512 * sizeof *spelt);
    for (int b = 0; b < 256; b++)
        if (visible(b)) order[n++] = (uint8_t)b;
    for (int b = 0; b < 256; b++) {
        if (!visible(b)) order[n++] = (uint8_t)b;
        spelt[visible(b) ? b : 256 + more++] = (int16_t)b;
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

static size_t hash_bytes(const char *s, size_t n, bool ends)
{
    uint64_t h = ends ? 0x9E3779B97F4A7C15u : 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 0x100000001B3u;
    return (size_t)(h ^ h >> 29);
}

static size_t hash_pair(int32_t left, int32_t right)
{
    const uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    return (size_t)(h ^ h >> 31);
}

static size_t place_of(const bpe *b, const char *s, size_t n, bool ends)
{
    size_t at = hash_bytes(s, n, ends) & (b->names - 1);
    for (; b->named[at]; at = (at + 1) & (b->names - 1)) {
        const bpe_symbol *y = &b->symbol[b->named[at] - 1];
        if (y->n == n && y->ends == ends && !memcmp(y->bytes, s, n)) break;
    }
    return at;
}

int32_t bpe_find(const bpe *b, const char *s, size_t n, bool ends)
{
    return b->named[place_of(b, s, n, ends)] - 1;
}

static bpe_pair *pair_place(const bpe *b, int32_t left, int32_t right)
{
    size_t at = hash_pair(left, right) & (b->pairs - 1);
    while (b->pair[at].rank >= 0 && (b->pair[at].left != left || b->pair[at].right != right))
        at = (at + 1) & (b->pairs - 1);
    return &b->pair[at];
}

const bpe_pair *bpe_pair_of(const bpe *b, int32_t left, int32_t right)
{
    const bpe_pair *p = pair_place(b, left, right);
    return p->rank >= 0 ? p : NULL;
}

/* A symbol of these bytes with this id; one that is there already has it from now on. -1: no
 * memory. */
static int32_t add(bpe *b, const char *s, size_t n, bool ends, int32_t id)
{
    const size_t at = place_of(b, s, n, ends);
    if (!b->named[at]) {
        char *own = omn_arena_alloc(b->arena, n + 1, 1);
        if (!own) return -1;
        memcpy(own, s, n);
        b->symbol[b->count] = (bpe_symbol){ own, (uint32_t)n, ends, id };
        b->named[at] = ++b->count;
    }
    b->symbol[b->named[at] - 1].id = id;
    b->of_id[id] = b->named[at] - 1;
    return b->named[at] - 1;
}

/* ---- the file -------------------------------------------------------------------------------- */

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
                char *more = room < MOST_BYTES ? realloc(text, 2 * room) : NULL;
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
    return used == room ? omn_fail(err, OMN_ERR_DATA, "more than %zu MB unpacked", MOST_BYTES >> 20)
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

/* Bytes that a spelling of n bytes stands for, into out; the mark of an end sets *ends. -1: a
 * character that spells none. */
static long spelt_bytes(const int16_t *spelt, const char *s, size_t n, bool marks, char *out,
                        bool *ends)
{
    const size_t m = sizeof END_MARK - 1;
    points p = { 0 };
    long count = 0;
    *ends = marks && n > m && !memcmp(s + n - m, END_MARK, m);
    points_read(&p, s, *ends ? n - m : n);
    for (size_t i = 0; i < p.n && count >= 0; i++) {
        const int16_t b = p.at[i] < 512 ? spelt[p.at[i]] : -1;
        if (b >= 0) out[count++] = (char)b;
        else count = -1;
    }
    if (p.failed || p.n == 0) count = -1;
    points_fini(&p);
    return count;
}

typedef struct reading {
    const int16_t *spelt;
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
    const long left = spelt_bytes(r->spelt, s, first, b->style->ends, r->left, &ends[0]);
    char *behind = r->left + (left > 0 ? left : 0);
    const long right =
        spelt_bytes(r->spelt, gap + 1, n - first - 1, b->style->ends, behind, &ends[1]);
    if (left < 1 || right < 1 || ends[0])
        return omn_fail_at(err, OMN_ERR_DATA, "", r->line, 1,
                           "\"%.*s\" is no merge of two rows of bytes", (int)(n < 80 ? n : 80), s);
    const int32_t a = bpe_find(b, r->left, (size_t)left, false);
    const int32_t c = bpe_find(b, behind, (size_t)right, ends[1]);
    const int32_t made =
        add(b, r->left, (size_t)(left + right), ends[1], r->first + r->rank);
    if (made < 0) return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    bpe_pair *p = a >= 0 && c >= 0 ? pair_place(b, a, c) : NULL;
    /* halves that nothing makes are never met; of a pair that stands there twice the later is it */
    if (p) *p = (bpe_pair){ a, c, r->rank, made };
    r->rank++;
    return OMN_OK;
}

static size_t count_lines(const char *s, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += s[i] == '\n';
    return lines + (n > 0 && s[n - 1] != '\n');
}

static omn_status tables(bpe *b, size_t merges, omn_error *err)
{
    const size_t most = merges + 512 + 2;
    b->names = b->pairs = 1024;
    while (b->names < 2 * most) b->names *= 2;
    while (b->pairs < 2 * merges) b->pairs *= 2;
    b->room = (int32_t)most;
    b->symbol = omn_arena_alloc(b->arena, most, sizeof *b->symbol);
    b->of_id = omn_arena_alloc(b->arena, most, sizeof *b->of_id);
    b->named = omn_arena_alloc(b->arena, b->names, sizeof *b->named);
    b->pair = omn_arena_alloc(b->arena, b->pairs, sizeof *b->pair);
    if (!b->symbol || !b->of_id || !b->named || !b->pair)
        return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    memset(b->named, 0, b->names * sizeof *b->named);
    memset(b->of_id, 0xFF, most * sizeof *b->of_id);
    for (size_t i = 0; i < b->pairs; i++) b->pair[i].rank = -1;
    return OMN_OK;
}

/* The first line is a title; of the others as many as there have to be. */
static omn_status read_list(bpe *b, const char *s, size_t n, int32_t wanted, omn_error *err)
{
    omn_status st = OMN_OK;
    uint8_t order[256];
    int16_t spelt[512];
    const size_t lines = count_lines(s, n);
    const int32_t basic = b->style->ends ? 512 : 256;
    reading r = { .spelt = spelt, .line = 1, .first = basic };
    if (lines < 1 || lines > MOST_LINES)
        return omn_fail(err, OMN_ERR_DATA, "a list of merges has 1 to %d lines", MOST_LINES);
    size_t merges = lines - 1;
    if (wanted > 0) {
        if (wanted < basic + 2 || merges < (size_t)(wanted - basic - 2))
            return omn_fail(err, OMN_ERR_DATA,
                            "%zu merges make %zu ids, the model has %d: another file belongs to it",
                            merges, merges + (size_t)basic + 2, (int)wanted);
        merges = (size_t)(wanted - basic - 2);
    }
    bytes_in_order(order, spelt);
    OMN_TRY(tables(b, merges, err));
    r.left = omn_arena_alloc(b->arena, n + 2, 1);
    if (!r.left) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory"));
    for (int32_t i = 0; i < basic; i++) {
        const char byte = (char)order[i % 256];
        const int32_t y = add(b, &byte, 1, i >= 256, i);
        if (y < 0) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory"));
        b->single[i >= 256][order[i % 256]] = y;
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
    for (int i = 0; i < 2; i++)
        b->marks[i] = (bpe_mark){ b->style->marks[i], basic + (int32_t)merges + i };
    b->pieces = basic + (int32_t)merges + 2;
done:
    return st;
}

omn_status bpe_open(const char *bytes, size_t n, const char *style, int32_t wanted, bpe **out,
                    omn_error *err)
{
    static const bpe_style *const styles[] = { &bpe_clip };
    omn_status st = OMN_OK;
    char *text = NULL;
    bpe *b = calloc(1, sizeof *b);
    *out = b;
    if (!b || !(b->arena = omn_arena_new((size_t)1 << 31)))
        return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (!strcmp(styles[i]->name, style)) b->style = styles[i];
    if (!b->style) return omn_fail(err, OMN_ERR_ARGUMENT, "there is no style \"%s\"", style);
    if (n > 2 && !memcmp(bytes, "\x1F\x8B", 2)) {
        OMN_TRY(unpack(bytes, n, &text, &n, err));
        bytes = text;
    }
    OMN_TRY(read_list(b, bytes, n, wanted, err));
done:
    free(text);
    return st;
}

void bpe_close(bpe *b)
{
    if (!b) return;
    omn_arena_free(b->arena);
    free(b);
}
