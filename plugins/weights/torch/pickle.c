/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of pickles, protocols 2 to 5, as far as tensors need it. It calls nothing: a class is
 * looked up in a list when it is named and refused by its name otherwise. Every length is compared
 * with what is left before it is used, nothing here calls itself, what is made comes from one arena
 * with a limit, and stack, marks and memo have theirs, so that no program can make it grow. */
#include "pickle.h"

#include <omnio/value.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PROTOCOL = 5, MOST_SHOWN = 100, MOST_STACK = 4 << 20, MOST_MARKS = 1 << 16 };

typedef struct machine {
    const pickle_setup *how;
    const uint8_t *p;
    size_t n, at, op; /* op: where the current one begins */
    pk **stack;
    size_t depth, room;
    size_t *marks;
    size_t n_marks, marks_room;
    pk **memo;
    size_t memo_room, n_memo;
    pk none, yes, no, empty; /* values without a difference */
    omn_error *err;
} machine;

static omn_status wrong(machine *m, const char *what)
{
    if (!strcmp(what, "no memory"))
        return omn_fail(m->err, OMN_ERR_MEMORY,
                        "%s: pickle, byte %zu: no memory, or more than pickles here may use",
                        m->how->name, m->op);
    return omn_fail(m->err, OMN_ERR_DATA, "%s: pickle, byte %zu: %s", m->how->name, m->op, what);
}

static omn_status cut_off(machine *m)
{
    return wrong(m, "the file ends inside of it");
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool has(const machine *m, uint64_t n)
{
    return n <= m->n - m->at;
}

static bool take_number(machine *m, int bytes, uint64_t *out)
{
    if (!has(m, (uint64_t)bytes)) return false;
    *out = 0;
    for (int i = bytes - 1; i >= 0; i--) *out = *out << 8 | m->p[m->at + (size_t)i];
    m->at += (size_t)bytes;
    return true;
}

/* A line without its end, as a text in the arena; NULL: cut off or no memory. */
static char *take_line(machine *m)
{
    const uint8_t *end = memchr(m->p + m->at, '\n', m->n - m->at);
    if (!end) return NULL;
    const size_t n = (size_t)(end - (m->p + m->at));
    char *line = omn_arena_strndup(m->how->a, (const char *)m->p + m->at, n);
    m->at += n + 1;
    return line;
}

/* ---- the stack ------------------------------------------------------------------------------ */

static omn_status push(machine *m, pk *v)
{
    if (m->depth == MOST_STACK) return wrong(m, "holds more than 4 million values in the air");
    if (m->depth == m->room) {
        const size_t room = m->room ? 2 * m->room : 256;
        pk **more = reallocarray(m->stack, room, sizeof(pk *));
        if (!more) return wrong(m, "no memory");
        m->stack = more;
        m->room = room;
    }
    m->stack[m->depth++] = v;
    return OMN_OK;
}

static omn_status push_new(machine *m, const pk *v)
{
    pk *made = omn_arena_alloc(m->how->a, 1, sizeof *made);
    if (!made) return wrong(m, "no memory");
    *made = *v;
    return push(m, made);
}

/* Values below the newest mark cannot be taken. */
static size_t floor_of(const machine *m)
{
    return m->n_marks ? m->marks[m->n_marks - 1] : 0;
}

static pk *pop(machine *m)
{
    return m->depth > floor_of(m) ? m->stack[--m->depth] : NULL;
}

static pk *top(const machine *m)
{
    return m->depth > floor_of(m) ? m->stack[m->depth - 1] : NULL;
}

static omn_status mark(machine *m)
{
    if (m->n_marks == MOST_MARKS) return wrong(m, "nests more than 65536 deep");
    if (m->n_marks == m->marks_room) {
        const size_t room = m->marks_room ? 2 * m->marks_room : 64;
        size_t *more = reallocarray(m->marks, room, sizeof *more);
        if (!more) return wrong(m, "no memory");
        m->marks = more;
        m->marks_room = room;
    }
    m->marks[m->n_marks++] = m->depth;
    return OMN_OK;
}

/* What lies above the newest mark, which goes; false: there is none. */
static bool pop_mark(machine *m, pk ***items, size_t *n)
{
    if (m->n_marks == 0) return false;
    const size_t from = m->marks[--m->n_marks];
    *items = m->stack + from;
    *n = m->depth - from;
    m->depth = from;
    return true;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static omn_status append(machine *m, pk_list *to, pk *const *items, size_t n)
{
    if (n > to->room - to->n) {
        size_t room = to->room ? 2 * to->room : 4;
        if (room - to->n < n) room = to->n + n;
        pk **more = omn_arena_alloc(m->how->a, room, sizeof(pk *));
        if (!more) return wrong(m, "no memory");
        if (to->n) memcpy(more, to->of, to->n * sizeof(pk *));
        to->of = more;
        to->room = room;
    }
    if (n) memcpy(to->of + to->n, items, n * sizeof(pk *));
    to->n += n;
    return OMN_OK;
}

static omn_status push_list(machine *m, pk_kind kind, pk *const *items, size_t n)
{
    pk v = { .kind = kind };
    const omn_status st = append(m, &v.u.list, items, n);
    return st == OMN_OK ? push_new(m, &v) : st;
}

/* Items onto the list or dict below them. */
static omn_status put_items(machine *m, pk_kind kind, pk *const *items, size_t n)
{
    pk *to = top(m);
    if (!to || to->kind != kind)
        return wrong(m, kind == PK_DICT ? "no dict takes these items"
                                        : "no list takes these items");
    if (kind == PK_DICT && n % 2) return wrong(m, "a dict gets a key without a value");
    return append(m, &to->u.list, items, n);
}

/* ---- the memo ------------------------------------------------------------------------------- */

static omn_status remember(machine *m, uint64_t at)
{
    pk *v = top(m);
    if (!v) return wrong(m, "there is nothing to remember");
    /* Pickles number what they remember from 0 on; a number that no such pickle could have got to
     * would only make the table grow. */
    if (at > 2 * (uint64_t)m->n_memo + 1024)
        return wrong(m, "remembers a value under a number beyond all values");
    if (at >= m->memo_room) {
        size_t room = m->memo_room ? 2 * m->memo_room : 256;
        if (room <= at) room = (size_t)at + 1;
        pk **more = reallocarray(m->memo, room, sizeof(pk *));
        if (!more) return wrong(m, "no memory");
        memset(more + m->memo_room, 0, (room - m->memo_room) * sizeof(pk *));
        m->memo = more;
        m->memo_room = room;
    }
    m->memo[at] = v;
    m->n_memo++;
    return OMN_OK;
}

static omn_status recall(machine *m, uint64_t at)
{
    if (at >= m->memo_room || !m->memo[at]) return wrong(m, "recalls a value that was not kept");
    return push(m, m->memo[at]);
}

/* ---- numbers and texts ---------------------------------------------------------------------- */

/* A whole number in two's complement, the low bytes first. */
static omn_status push_long(machine *m, uint64_t n)
{
    if (!has(m, n)) return cut_off(m);
    const uint8_t *p = m->p + m->at;
    m->at += (size_t)n;
    if (n > 8)
        return push_new(m, &(pk){ .kind = PK_BIG, .u.text = { (const char *)p, (size_t)n } });
    uint64_t x = n && p[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = (size_t)n; i-- > 0;) x = x << 8 | p[i];
    return push_new(m, &(pk){ .kind = PK_INT, .u.i = (int64_t)x });
}

static omn_status push_double(machine *m)
{
    uint64_t bits = 0;
    double f;
    if (!has(m, 8)) return cut_off(m);
    for (int i = 0; i < 8; i++) bits = bits << 8 | m->p[m->at++];
    memcpy(&f, &bits, sizeof f);
    return push_new(m, &(pk){ .kind = PK_FLOAT, .u.f = f });
}

/* UTF-8, in which Python also writes halves of surrogate pairs, of names of files that are none. */
static bool is_unicode(const char *s, size_t n)
{
    size_t bad = 0;
    while (!omn_utf8_check(s, n, &bad)) {
        const unsigned char *at = (const unsigned char *)s + bad;
        if (n - bad < 3 || at[0] != 0xed || at[1] < 0xa0 || at[1] > 0xbf || (at[2] & 0xc0) != 0x80)
            return false;
        s += bad + 3;
        n -= bad + 3;
    }
    return true;
}

/* A text or bytes whose length stands in front in so many bytes; not copied. */
static omn_status push_text(machine *m, pk_kind kind, int bytes)
{
    uint64_t n;
    if (!take_number(m, bytes, &n) || !has(m, n)) return cut_off(m);
    const pk v = { .kind = kind, .u.text = { (const char *)m->p + m->at, (size_t)n } };
    m->at += (size_t)n;
    return push_new(m, &v);
}

/* Of protocol 0: "01" and "00" are truth values. */
static omn_status push_line_int(machine *m)
{
    char *line = take_line(m), *end;
    if (!line) return cut_off(m);
    if (!strcmp(line, "01")) return push(m, &m->yes);
    if (!strcmp(line, "00")) return push(m, &m->no);
    const intmax_t x = strtoimax(line, &end, 10);
    if (end == line || *end) return wrong(m, "a number is none");
    return push_new(m, &(pk){ .kind = PK_INT, .u.i = (int64_t)x });
}

/* ---- classes -------------------------------------------------------------------------------- */

static omn_status push_class(machine *m, const char *module, const char *name)
{
    pk v = { .kind = PK_CLASS };
    if (pickle_class(module, name, m->how->modules, &v.u.of)) return push_new(m, &v);
    return omn_fail(m->err, OMN_ERR_DATA,
                    "%s: pickle, byte %zu: names %.*s.%.*s, which is refused: of a pickle only "
                    "tensors, numbers, texts, lists, dicts and argparse.Namespace are read, and "
                    "nothing is executed; save the state dict alone",
                    m->how->name, m->op, MOST_SHOWN, module, MOST_SHOWN, name);
}

static omn_status class_of_lines(machine *m)
{
    const char *module = take_line(m), *name = module ? take_line(m) : NULL;
    return name ? push_class(m, module, name) : cut_off(m);
}

static omn_status class_of_stack(machine *m)
{
    const pk *name = pop(m), *module = name ? pop(m) : NULL;
    if (!module || name->kind != PK_TEXT || module->kind != PK_TEXT)
        return wrong(m, "a class has no name");
    const char *a = omn_arena_strndup(m->how->a, module->u.text.s, module->u.text.n);
    const char *b = omn_arena_strndup(m->how->a, name->u.text.s, name->u.text.n);
    return a && b ? push_class(m, a, b) : wrong(m, "no memory");
}

static omn_status call(machine *m)
{
    const pk *args = pop(m), *f = args ? pop(m) : NULL;
    pk *made = NULL;
    if (!f || f->kind != PK_CLASS) return wrong(m, "calls what is no class");
    const char *why = pickle_call(&f->u.of, args, m->how->a, &made);
    return why ? wrong(m, why) : push(m, made);
}

/* State given to what was made: attributes of a record; what a dict or a tensor has beside its
 * items is of no use here. */
static omn_status build(machine *m)
{
    const pk *state = pop(m);
    pk *to = state ? top(m) : NULL;
    if (!to) return wrong(m, "gives a state to nothing");
    if (to->kind == PK_DICT || to->kind == PK_TENSOR) return OMN_OK;
    if (to->kind != PK_RECORD) return wrong(m, "gives a state to what has none");
    if (state->kind != PK_DICT) return wrong(m, "gives a record no dict of attributes");
    return append(m, &to->u.list, state->u.list.of, state->u.list.n);
}

static omn_status load_storage(machine *m)
{
    const pk *id = pop(m);
    pk v = { .kind = PK_NONE };
    if (!id) return wrong(m, "has no persistent id");
    const char *why = pickle_storage(id, &v);
    omn_status st = why ? wrong(m, why) : push_new(m, &v);
    if (st == OMN_OK && m->how->storages)
        st = append(m, m->how->storages, &m->stack[m->depth - 1], 1);
    return st;
}

/* ---- the operations ------------------------------------------------------------------------- */

static const char *const names[256] = {
    ['F'] = "FLOAT", ['L'] = "LONG", ['P'] = "PERSID", ['S'] = "STRING", ['V'] = "UNICODE",
    ['g'] = "GET", ['p'] = "PUT", ['i'] = "INST", ['o'] = "OBJ", [0x82] = "EXT1", [0x83] = "EXT2",
    [0x84] = "EXT4", [0x8f] = "EMPTY_SET", [0x90] = "ADDITEMS", [0x91] = "FROZENSET",
    [0x92] = "NEWOBJ_EX", [0x96] = "BYTEARRAY8", [0x97] = "NEXT_BUFFER",
    [0x98] = "READONLY_BUFFER",
};

static omn_status unknown(machine *m, uint8_t op)
{
    return omn_fail(m->err, OMN_ERR_DATA, "%s: pickle, byte %zu: operation 0x%02x%s%s is refused",
                    m->how->name, m->op, op, names[op] ? " " : "", names[op] ? names[op] : "");
}

static omn_status op_number(machine *m, uint8_t op)
{
    uint64_t x;
    switch (op) {
    case 'K': case 'M': case 'J':
        if (!take_number(m, op == 'K' ? 1 : op == 'M' ? 2 : 4, &x)) return cut_off(m);
        return push_new(m, &(pk){ .kind = PK_INT, .u.i = op == 'J' ? (int32_t)x : (int64_t)x });
    case 0x8a: case 0x8b: /* LONG1, LONG4, whose length has a sign */
        if (!take_number(m, op == 0x8a ? 1 : 4, &x)) return cut_off(m);
        return x > INT32_MAX ? wrong(m, "a number has a length below 0") : push_long(m, x);
    case 'G': return push_double(m);
    default: return push_line_int(m);
    }
}

static omn_status push_unicode(machine *m, int bytes)
{
    const omn_status st = push_text(m, PK_TEXT, bytes);
    if (st != OMN_OK) return st;
    const pk_text *t = &m->stack[m->depth - 1]->u.text;
    return is_unicode(t->s, t->n) ? OMN_OK : wrong(m, "a text is not UTF-8");
}

static omn_status op_text(machine *m, uint8_t op)
{
    switch (op) {
    case 'X': return push_unicode(m, 4);
    case 0x8c: return push_unicode(m, 1);
    case 0x8d: return push_unicode(m, 8);
    case 'T': return push_text(m, PK_TEXT, 4); /* texts of Python 2, of bytes */
    case 'U': return push_text(m, PK_TEXT, 1);
    case 'B': return push_text(m, PK_BYTES, 4);
    case 'C': return push_text(m, PK_BYTES, 1);
    default: return push_text(m, PK_BYTES, 8);
    }
}

/* Tuples, lists and dicts of what lies above the mark, or of the last few. */
static omn_status op_group(machine *m, uint8_t op)
{
    pk **items;
    size_t n;
    if (op >= 0x85 && op <= 0x87) {
        n = (size_t)op - 0x84;
        if (m->depth - floor_of(m) < n) return wrong(m, "a tuple of more than there is");
        m->depth -= n;
        return push_list(m, PK_TUPLE, m->stack + m->depth, n);
    }
    if (!pop_mark(m, &items, &n)) return wrong(m, "there is no mark");
    switch (op) {
    case 't': return push_list(m, PK_TUPLE, items, n);
    case 'l': return push_list(m, PK_LIST, items, n);
    case 'd':
        return n % 2 ? wrong(m, "a dict gets a key without a value")
                     : push_list(m, PK_DICT, items, n);
    case 'e': return put_items(m, PK_LIST, items, n);
    case 'u': return put_items(m, PK_DICT, items, n);
    default: return OMN_OK; /* POP_MARK */
    }
}

static omn_status op_item(machine *m, uint8_t op)
{
    const size_t n = op == 'a' ? 1 : 2;
    if (m->depth - floor_of(m) < n) return wrong(m, "an item is not there");
    m->depth -= n;
    return put_items(m, op == 'a' ? PK_LIST : PK_DICT, m->stack + m->depth, n);
}

static omn_status op_memo(machine *m, uint8_t op)
{
    uint64_t x = m->n_memo;
    if (op != 0x94 && !take_number(m, op == 'q' || op == 'h' ? 1 : 4, &x)) return cut_off(m);
    return op == 'h' || op == 'j' ? recall(m, x) : remember(m, x);
}

static omn_status op_start(machine *m, uint8_t op)
{
    uint64_t x;
    if (!take_number(m, op == 0x80 ? 1 : 8, &x)) return cut_off(m);
    if (op == 0x80 && x > MOST_PROTOCOL) return wrong(m, "is of a protocol beyond 5");
    return OMN_OK; /* a frame is only a hint */
}

static omn_status step(machine *m, uint8_t op)
{
    switch (op) {
    case 0x80: case 0x95: return op_start(m, op);
    case '(': return mark(m);
    case '0': return pop(m) ? OMN_OK : wrong(m, "there is nothing to drop");
    case '2': return top(m) ? push(m, top(m)) : wrong(m, "there is nothing to double");
    case 'N': return push(m, &m->none);
    case 0x88: return push(m, &m->yes);
    case 0x89: return push(m, &m->no);
    case ')': return push(m, &m->empty);
    case ']': return push_list(m, PK_LIST, NULL, 0);
    case '}': return push_list(m, PK_DICT, NULL, 0);
    case 'K': case 'M': case 'J': case 'G': case 'I': case 0x8a: case 0x8b:
        return op_number(m, op);
    case 'X': case 'T': case 'U': case 'B': case 'C': case 0x8c: case 0x8d: case 0x8e:
        return op_text(m, op);
    case 't': case 'l': case 'd': case 'e': case 'u': case '1': case 0x85: case 0x86: case 0x87:
        return op_group(m, op);
    case 'a': case 's': return op_item(m, op);
    case 'q': case 'r': case 'h': case 'j': case 0x94: return op_memo(m, op);
    case 'c': return class_of_lines(m);
    case 0x93: return class_of_stack(m);
    case 'R': case 0x81: return call(m);
    case 'b': return build(m);
    case 'Q': return load_storage(m);
    default: return unknown(m, op);
    }
}

omn_status pickle_read(const pickle_setup *how, const uint8_t *p, size_t n, const pk **out,
                       size_t *used, omn_error *err)
{
    omn_status st = OMN_OK;
    machine *m = omn_arena_alloc(how->a, 1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to read its pickle", how->name);
    *m = (machine){ .how = how, .p = p, .n = n, .err = err, .yes = { .kind = PK_BOOL },
                    .no = { .kind = PK_BOOL }, .empty = { .kind = PK_TUPLE } };
    m->yes.u.is = true;
    *out = NULL;
    for (;;) {
        m->op = m->at;
        if (!has(m, 1)) {
            st = cut_off(m);
            break;
        }
        const uint8_t op = m->p[m->at++];
        if (op == '.') break;
        st = step(m, op);
        if (st != OMN_OK) break;
    }
    if (st == OMN_OK && (m->depth != 1 || m->n_marks)) st = wrong(m, "leaves no single value");
    if (st == OMN_OK) *out = m->stack[0];
    *used = m->at;
    free(m->stack);
    free(m->marks);
    free(m->memo);
    return st;
}
