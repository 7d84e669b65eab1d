/* SPDX-License-Identifier: Apache-2.0 */
/* CLIP's cleaning of a text. Most of it is ftfy's (Speer 2019): line by line and until nothing
 * changes, characters of HTML (not where there is a "<"), a wrong table undone, control bytes of
 * Windows-1252, ligatures as letters, wide forms as usual ones, straight quotes, line ends, escapes
 * of terminals and control characters taken out, everything composed. Then HTML twice more, single
 * blanks, small letters. */
#include "bpe.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Two letters that were one character, and what they are. */
static const char *ligature(int32_t c)
{
    static const struct { int32_t c; const char *text; } list[] = {
        { 0x132, "IJ" },          { 0x133, "ij" },          { 0x149, "\xCA\xBCn" },
        { 0x1F1, "DZ" },          { 0x1F2, "Dz" },          { 0x1F3, "dz" },
        { 0x1C4, "D\xC5\xBD" },   { 0x1C5, "D\xC5\xBE" },   { 0x1C6, "d\xC5\xBE" },
        { 0x1C7, "LJ" },          { 0x1C8, "Lj" },          { 0x1C9, "lj" },
        { 0x1CA, "NJ" },          { 0x1CB, "Nj" },          { 0x1CC, "nj" },
        { 0xFB00, "ff" },         { 0xFB01, "fi" },         { 0xFB02, "fl" },
        { 0xFB03, "ffi" },        { 0xFB04, "ffl" },        { 0xFB05, "\xC5\xBFt" },
        { 0xFB06, "st" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i].c == c) return list[i].text;
    return NULL;
}

/* Letters as wide as an ideograph, and ideographs half as wide: their usual forms. */
static bool usual_width(int32_t c, points *out)
{
    utf8proc_int32_t to[16];
    int last = 0;
    if (c == 0x3000) {
        points_put(out, ' ');
        return true;
    }
    if (c < 0xFF01 || c > 0xFFEF) return false;
    const utf8proc_ssize_t n = utf8proc_decompose_char(
        c, to, 16, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);
    for (utf8proc_ssize_t i = 0; i < n && i < 16; i++) points_put(out, to[i]);
    return n > 0;
}

/* What is usual for one character; bytes of Windows-1252 first, for they may be quotes. */
static void mend(int32_t c, points *out)
{
    if (c >= 0x80 && c <= 0x9F) c = windows_1252[c - 0x80];
    const char *letters = ligature(c);
    if (letters) {
        points_read(out, letters, strlen(letters));
        return;
    }
    if (usual_width(c, out)) return;
    if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) c = '\'';
    if (c >= 0x201C && c <= 0x201F) c = '"';
    if (c == '\r' || c == 0x2028 || c == 0x2029) c = '\n';
    points_put(out, c);
}

/* A control character that no text wants. */
static bool is_control(int32_t c)
{
    return c < 9 || c == 0xB || (c > 0xD && c < 0x20) || c == 0x7F ||
           (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

/* Where the escape of a terminal that begins at i ends ("\33[1;36m"); i: there is none. */
static size_t escape(const points *p, size_t i)
{
    size_t k = i + 2;
    if (p->at[i] != 0x1B || i + 1 >= p->n || p->at[i + 1] != '[') return i;
    while (k < p->n && ((p->at[k] >= '0' && p->at[k] <= '9') || p->at[k] == ';')) k++;
    const int32_t c = k < p->n ? p->at[k] | 32 : 0;
    return c >= 'a' && c <= 'z' ? k + 1 : i;
}

static bool same(const points *a, const points *b)
{
    return a->n == b->n && (!a->n || !memcmp(a->at, b->at, a->n * sizeof *a->at));
}

/* Escapes of terminals and controls are taken out. */
static void drop_controls(points *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n;) {
        const size_t end = escape(p, i);
        if (end == i && !is_control(p->at[i])) p->at[n++] = p->at[i];
        i = end == i ? i + 1 : end;
    }
    p->n = n;
}

/* One line, until it stays as it is; each turn makes it simpler, so that eight are many. */
static void mend_line(points *line, bool html)
{
    for (int turn = 0; turn < 8 && !line->failed; turn++) {
        points out = { 0 }, before = { 0 };
        for (size_t i = 0; i < line->n; i++) points_put(&before, line->at[i]);
        if (html) entities_read(line, true);
        mojibake_undo(line);
        for (size_t i = 0; i < line->n; i++) mend(line->at[i], &out);
        out.failed = out.failed || before.failed;
        points_take(line, &out);
        drop_controls(line);
        points_compose(line);
        const bool done = same(line, &before);
        points_fini(&before);
        if (done) break;
    }
}

/* As ftfy mends a text. */
static void mend_text(points *p)
{
    points out = { 0 }, line = { 0 };
    bool html = true;
    for (size_t i = 0; i < p->n; i++) {
        points_put(&line, p->at[i]);
        html = html && p->at[i] != '<';
        if (p->at[i] != '\n' && i + 1 < p->n) continue;
        mend_line(&line, html);
        for (size_t k = 0; k < line.n; k++) points_put(&out, line.at[k]);
        out.failed = out.failed || line.failed;
        points_fini(&line);
    }
    points_take(p, &out);
}

static void single_blanks(points *p)
{
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < p->n; i++) {
        if (point_is_space(p->at[i])) {
            gap = n > 0;
            continue;
        }
        if (gap) p->at[n++] = ' ';
        gap = false;
        p->at[n++] = p->at[i];
    }
    p->n = n;
}

void clean_clip(points *p)
{
    mend_text(p);
    entities_read(p, false);
    entities_read(p, false);
    single_blanks(p);
    points_lower(p);
}

void clean_compose(points *p) { points_compose(p); }
