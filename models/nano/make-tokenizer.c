/* SPDX-License-Identifier: Apache-2.0 */
/* make-tokenizer WORDS OUTPUT: writes the tokenizer of models/nano, a SentencePiece unigram model,
 * from a list of words. A small model on a small world needs no trained vocabulary: every word of
 * its world is one piece, everything else is spelt with letters, and what has no letter with bytes.
 * The text is folded before it is cut (case, curly quotes, odd spaces), so "What COLOUR" costs
 * nothing to learn; the bracketed prefixes of prompts are kept as they are. The same list gives the
 * same file, byte for byte. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK       "\xe2\x96\x81" /* U+2581, a space inside pieces */
#define MOST_LINE  256u
#define MOST_RULES 256u
#define MOST_UNITS 65536u

/* ---- a growing block of bytes, and protobuf
 * -------------------------------------------------------- */

typedef struct block {
    uint8_t *data;
    size_t size, room;
} block;

static void stop(const char *what, const char *which)
{
    fprintf(stderr, "make-tokenizer: %s: %s\n", what, which);
    exit(1);
}

static void put(block *b, const void *bytes, size_t n)
{
    if (b->size + n > b->room) {
        b->room = (b->size + n) * 2;
        b->data = realloc(b->data, b->room);
        if (b->data == NULL) stop("no memory", "output");
    }
    if (n > 0) memcpy(b->data + b->size, bytes, n);
    b->size += n;
}

static void put_varint(block *b, uint64_t x)
{
    for (; x > 0x7f; x >>= 7) put(b, &(uint8_t){ (uint8_t)(x | 0x80) }, 1);
    put(b, &(uint8_t){ (uint8_t)x }, 1);
}

static void put_number(block *b, uint32_t field, uint64_t x)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, x);
}

static void put_bytes(block *b, uint32_t field, const void *bytes, size_t n)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, n);
    put(b, bytes, n);
}

static void put_u32(block *b, uint32_t x)
{
    for (int i = 0; i < 4; i++) put(b, &(uint8_t){ (uint8_t)(x >> (8 * i)) }, 1);
}

/* ---- pieces
 * ------------------------------------------------------------------------------------------ */

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

typedef struct pieces {
    block out;
    char (*seen)[MOST_LINE];
    uint32_t count, room;
} pieces;

static int has(const pieces *p, const char *text)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (strcmp(p->seen[i], text) == 0) return 1;
    return 0;
}

static void add(pieces *p, const char *text, double score, int type)
{
    if (has(p, text)) stop("twice in the list", text);
    if (p->count == p->room) {
        p->room = p->room * 2 + 256;
        p->seen = realloc(p->seen, p->room * sizeof *p->seen);
        if (p->seen == NULL) stop("no memory", text);
    }
    if (strlen(text) >= MOST_LINE) stop("too long", text);
    memcpy(p->seen[p->count++], text, strlen(text) + 1);
    block b = { 0 };
    const float as_float = (float)score;
    uint32_t bits;
    memcpy(&bits, &as_float, sizeof bits);
    put_bytes(&b, 1, text, strlen(text));
    put_varint(&b, 2 << 3 | 5);
    put_u32(&b, bits);
    if (type != NORMAL) put_number(&b, 3, (uint64_t)type);
    put_bytes(&p->out, 1, b.data, b.size);
    free(b.data);
}

/* A piece of words: spaces become marks, with one in front or not. */
static void add_words(pieces *p, const char *text, int behind_space, double score)
{
    char piece[3 * MOST_LINE] = "";
    size_t n = 0;
    if (behind_space) n += (size_t)snprintf(piece, sizeof piece, MARK);
    for (; *text && n + 4 < sizeof piece; text++)
        n += (size_t)snprintf(piece + n, sizeof piece - n, *text == ' ' ? MARK : "%c", *text);
    add(p, piece, score, NORMAL);
}

/* Earlier lines win ties: every line costs a little more than the one before. */
#define STEP 0.0005

static void add_list(pieces *p, const char *path)
{
    char line[MOST_LINE];
    double score = 0;
    FILE *f = fopen(path, "r");
    if (f == NULL) stop("cannot read", path);
    while (fgets(line, sizeof line, f) != NULL) {
        const size_t n = strcspn(line, "\n");
        if (line[n] != '\n') stop("a line is too long", line);
        line[n] = 0;
        const char marked = line[0] != 0 && line[1] == ' ' ? line[0] : 0;
        if (line[0] == 0 || line[0] == '#') continue;
        if (marked == '@') {
            score = strtod(line + 2, NULL);
            continue;
        }
        const char *text = marked == '>' || marked == '<' ? line + 2 : line;
        if (marked != '<') add_words(p, text, 1, score -= STEP);
        if (marked != '>') add_words(p, text, 0, score -= STEP);
    }
    fclose(f);
}

static void add_all(pieces *p, const char *list)
{
    char text[8];
    add(p, "<unk>", 0, UNKNOWN);
    add(p, "<s>", 0, CONTROL);
    add(p, "</s>", 0, CONTROL);
    for (unsigned b = 0; b < 256; b++) {
        snprintf(text, sizeof text, "<0x%02X>", b);
        add(p, text, 0, BYTE);
    }
    add_list(p, list);
    add(p, MARK, -12, NORMAL);
    for (int c = 0x21; c < 0x7f; c++) {
        snprintf(text, sizeof text, "%c", c);
        if (!has(p, text)) add(p, text, -12 - STEP * c, NORMAL);
    }
}

/* ---- normalisation rules, as a double array
 * ------------------------------------------------------------ */

typedef struct rule {
    char from[16], to[16];
} rule;

static const rule given[] = {
    /* what prompts begin with keeps its capitals: the longest rule is taken */
    { "[Text]", "[Text]" },
    { "[Image]", "[Image]" },
    { "[Audio]", "[Audio]" },
    { "[S]", "[S]" },
    { "[R]", "[R]" },
    { "[X]", "[X]" },
    { "\t", " " },
    { "\n", " " },
    { "\r", " " },
    { "\xc2\xa0", " " },
    { "\xe2\x80\xaf", " " },
    { "\xe3\x80\x80", " " },
    { "\xe2\x80\x8b", "" },
    { "\xef\xbb\xbf", "" },
    { "\xc2\xad", "" },
    { "\xe2\x80\x98", "'" },
    { "\xe2\x80\x99", "'" },
    { "\xe2\x80\x9c", "\"" },
    { "\xe2\x80\x9d", "\"" },
    { "\xc2\xab", "\"" },
    { "\xc2\xbb", "\"" },
    { "\xe2\x80\x9e", "\"" },
    { "\xc2\xb4", "'" },
    { "\xe2\x80\x90", "-" },
    { "\xe2\x80\x91", "-" },
    { "\xe2\x80\x92", "-" },
    { "\xe2\x80\x93", "-" },
    { "\xe2\x80\x94", "-" },
    { "\xe2\x88\x92", "-" },
    { "\xe2\x80\xa6", "..." },
    { "\xc2\xbf", "" },
    { "\xc2\xa1", "" },
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const rule *)a)->from, ((const rule *)b)->from);
}

/* Capitals, full-width forms and wide spaces come in rows. */
static size_t collect(rule *r)
{
    size_t n = sizeof given / sizeof *given;
    memcpy(r, given, sizeof given);
    for (int c = 'A'; c <= 'Z'; c++) r[n++] = (rule){ { (char)c }, { (char)(c + 32) } };
    for (int c = 0x21; c < 0x7f; c++) { /* U+FF01.. are ASCII's wide twins */
        const int u = 0xff00 + c - 0x20;
        const char low = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        r[n++] = (rule){ { (char)0xef, (char)(0x80 | (u >> 6 & 63)), (char)(0x80 | (u & 63)) },
                         { low } };
    }
    for (int u = 0x2000; u <= 0x200a; u++)
        r[n++] = (rule){ { (char)0xe2, (char)0x80, (char)(0x80 | (u & 63)) }, " " };
    if (n > MOST_RULES) stop("too many", "rules");
    qsort(r, n, sizeof *r, by_bytes);
    return n;
}

/* Units that no text can walk into: a label with the top bit set equals no byte. */
#define FREE 0x80000000u

typedef struct array {
    uint32_t unit[MOST_UNITS];
    uint8_t based[MOST_UNITS]; /* already the base of some node */
    uint32_t used;             /* highest index in use + 1 */
} array;

static uint32_t find_base(const array *a, const uint8_t *label, size_t n)
{
    for (uint32_t base = 1; base + 256 < MOST_UNITS; base++) {
        size_t i = 0;
        if (a->based[base]) continue;
        while (i < n && (base ^ label[i]) != 0 && a->unit[base ^ label[i]] == FREE) i++;
        if (i == n) return base;
    }
    stop("too many", "rules");
    return 0;
}

/* Rules r[0..n) share the first `depth` bytes, which lead to node `at`. to[i]: where the text of
 * rule i lies. */
static void build(array *a, uint32_t at, const rule *r, const uint32_t *to, size_t n, size_t depth)
{
    uint8_t label[256];
    size_t labels = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t c = (uint8_t)r[i].from[depth];
        if (labels == 0 || label[labels - 1] != c) label[labels++] = c;
    }
    const uint32_t base = find_base(a, label, labels);
    a->based[base] = 1;
    a->unit[at] |= (base ^ at) << 10 | (label[0] == 0 ? 1u << 8 : 0);
    for (size_t i = 0; i < labels; i++) {
        const uint32_t child = base ^ label[i];
        a->unit[child] = label[i] == 0 ? FREE | to[0] : label[i];
        if (child >= a->used) a->used = child + 1;
    }
    for (size_t i = label[0] == 0 ? 1 : 0; i < n;) {
        size_t end = i + 1;
        while (end < n && r[end].from[depth] == r[i].from[depth]) end++;
        build(a, base ^ (uint8_t)r[i].from[depth], r + i, to + i, end - i, depth + 1);
        i = end;
    }
}

/* The table of a SentencePiece file: size of the array, the array in whole blocks of 256, the
 * texts. */
static void put_rules(block *out)
{
    static rule r[MOST_RULES];
    static array a;
    uint32_t to[MOST_RULES];
    block texts = { 0 };
    const size_t n = collect(r);
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint32_t)texts.size;
        put(&texts, r[i].to, strlen(r[i].to) + 1);
    }
    for (uint32_t i = 0; i < MOST_UNITS; i++) a.unit[i] = FREE;
    a.unit[0] = 0;
    build(&a, 0, r, to, n, 0);
    const uint32_t units = (a.used + 255) / 256 * 256;
    put_u32(out, units * 4);
    for (uint32_t i = 0; i < units; i++) put_u32(out, a.unit[i]);
    put(out, texts.data, texts.size);
    free(texts.data);
}

int main(int argc, char **argv)
{
    if (argc != 3) stop("usage", "make-tokenizer WORDS OUTPUT");
    pieces p = { 0 };
    block trainer = { 0 }, rules = { 0 }, table = { 0 };
    add_all(&p, argv[1]);
    put_number(&trainer, 3, 1); /* unigram */
    put_number(&trainer, 4, p.count);
    put_number(&trainer, 35, 1); /* fall back to bytes */
    put_number(&trainer, 40, 0);
    put_number(&trainer, 41, 1);
    put_number(&trainer, 42, 2);
    put_number(&trainer, 43, UINT64_MAX); /* no padding piece: -1 */
    put_bytes(&p.out, 2, trainer.data, trainer.size);
    put_rules(&table);
    put_bytes(&rules, 1, "omnio_nano", 10);
    put_bytes(&rules, 2, table.data, table.size);
    put_number(&rules, 3, 1); /* a space in front */
    put_number(&rules, 4, 1); /* squeeze spaces */
    put_number(&rules, 5, 1); /* spaces become marks */
    put_bytes(&p.out, 3, rules.data, rules.size);
    FILE *f = fopen(argv[2], "wb");
    if (f == NULL) stop("cannot write", argv[2]);
    const int bad = fwrite(p.out.data, 1, p.out.size, f) != p.out.size;
    if (fclose(f) != 0 || bad) stop("cannot write", argv[2]);
    printf("%u pieces, %zu bytes\n", p.count, p.out.size);
    free(p.out.data);
    free(p.seen);
    free(trainer.data);
    free(rules.data);
    free(table.data);
    return 0;
}
