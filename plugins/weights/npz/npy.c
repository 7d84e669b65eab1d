/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a NumPy array (NEP 1): a magic number, a version, a length, and a dict as Python
 * writes it: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. Read as these three
 * entries in any order and nothing else; no Python is understood. */
#include "inside.h"

#include <string.h>

typedef struct reading {
    const char *p, *end;
} reading;

static void skip_space(reading *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t')) r->p++;
}

/* This word comes next, and is taken. */
static bool take(reading *r, const char *word)
{
    const size_t n = strlen(word);
    skip_space(r);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) return false;
    r->p += n;
    return true;
}

/* A quoted word without escapes, as text. */
static bool take_word(reading *r, char *out, size_t room)
{
    skip_space(r);
    if (r->p == r->end || (*r->p != '\'' && *r->p != '"')) return false;
    const char quote = *r->p++;
    size_t n = 0;
    for (; r->p < r->end && *r->p != quote; r->p++) {
        if (n + 1 == room || *r->p == '\\') return false;
        out[n++] = *r->p;
    }
    out[n] = 0;
    return r->p++ < r->end;
}

static bool take_count(reading *r, int64_t *out)
{
    int64_t x = 0;
    skip_space(r);
    const char *from = r->p;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        if (x > (INT64_MAX - 9) / 10) return false;
        x = 10 * x + (*r->p - '0');
    }
    *out = x;
    (void)(r->p < r->end && *r->p == 'L' && r->p++); /* Python 2 marks long ones */
    return r->p > from;
}

static const char *take_shape(reading *r, omn_shape *s)
{
    if (!take(r, "(")) return "its shape is no tuple";
    for (s->rank = 0; !take(r, ")"); s->rank++) {
        if (s->rank == OMN_MAX_RANK) return "it has more than 6 axes";
        if (!take_count(r, &s->dim[s->rank])) return "its shape has what is no size";
        if (!take(r, ",") && (r->p == r->end || *r->p != ')')) return "its shape has no end";
    }
    return NULL;
}

static omn_type type_of(const char *descr)
{
    static const struct {
        const char *descr;
        omn_type type;
    } known[] = {
        { "f4", OMN_F32 }, { "f8", OMN_F64 }, { "f2", OMN_F16 }, { "i8", OMN_I64 },
        { "i4", OMN_I32 }, { "i2", OMN_I16 }, { "i1", OMN_I8 },  { "u1", OMN_U8 },
        { "u2", OMN_U16 }, { "u4", OMN_U32 }, { "u8", OMN_U64 }, { "b1", OMN_BOOL },
        { "c8", OMN_C64 },
    };
    const bool one = descr[0] == '|' && (!strcmp(descr + 1, "i1") || !strcmp(descr + 1, "u1") ||
                                         !strcmp(descr + 1, "b1"));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((descr[0] == '<' || one) && !strcmp(descr + 1, known[i].descr)) return known[i].type;
    return OMN_TYPE_NONE;
}

static const char *take_type(reading *r, omn_type *out)
{
    char word[16];
    if (!take_word(r, word, sizeof word)) return "it is no plain array of numbers";
    *out = type_of(word);
    if (*out != OMN_TYPE_NONE) return NULL;
    if (word[0] == '>') return "its bytes are not in little-endian order";
    if (word[0] == '|' && word[1] == 'O') return "it holds objects, which are pickles and refused";
    return "it is of a type that is not known here";
}

static const char *take_dict(reading *r, npy *out)
{
    char key[24];
    unsigned seen = 0;
    if (!take(r, "{")) return "its header is no dict";
    while (!take(r, "}")) {
        const char *wrong = NULL;
        unsigned which = 0;
        if (!take_word(r, key, sizeof key) || !take(r, ":")) return "its header has no keys";
        if (!strcmp(key, "descr")) {
            which = 1;
            wrong = take_type(r, &out->type);
        } else if (!strcmp(key, "fortran_order")) {
            which = 2;
            out->columns = take(r, "True");
            if (!out->columns && !take(r, "False")) wrong = "its order is neither True nor False";
        } else if (!strcmp(key, "shape")) {
            which = 4;
            wrong = take_shape(r, &out->shape);
        } else {
            wrong = "its header has another entry than descr, fortran_order and shape";
        }
        if (wrong) return wrong;
        if (seen & which) return "its header has an entry twice";
        seen |= which;
        if (!take(r, ",") && (r->p == r->end || *r->p != '}')) return "its header has no end";
    }
    skip_space(r);
    if (r->p != r->end) return "its header goes on behind its end";
    return seen == 7 ? NULL : "its header lacks descr, fortran_order or shape";
}

const char *npy_read(const uint8_t *p, size_t n, npy *out)
{
    static const uint8_t magic[] = { 0x93, 'N', 'U', 'M', 'P', 'Y' };
    memset(out, 0, sizeof *out);
    if (n < 12 || memcmp(p, magic, sizeof magic) != 0) return "it is no NumPy array";
    if (p[6] < 1 || p[6] > 3) return "its version is none of 1 to 3";
    const size_t front = p[6] == 1 ? 10 : 12;
    size_t length = (size_t)p[8] | (size_t)p[9] << 8;
    if (front == 12) length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (length > NPY_HEADER - front) return "its header is longer than 64 KiB";
    if (length > n - front) return "its header is cut off";
    reading r = { (const char *)p + front, (const char *)p + front + length };
    out->header = front + length;
    return take_dict(&r, out);
}
