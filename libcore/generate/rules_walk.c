/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the rules: which ids may come, and where each leads. Stacks are chains of interned frames
 * (a place in the program, how often a repeat has run, whom to return to); a state is an interned
 * set of frames that wait for a terminal. What a set becomes behind a byte is remembered, so pieces
 * of text are matched by following numbers, all pieces in the order of their bytes in one go. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

#define MOST_FRAMES ((uint32_t)1 << 22)
#define MOST_SETS ((uint32_t)1 << 20)  /* times 4: states */
#define MOST_MEMBERS ((size_t)1 << 24)
#define MOST_IN_SET 65536u
#define N_KEPT 64u
#define NOBODY 0u                 /* frame 0: the answer is whole */
#define NOT_KNOWN (-2)

typedef struct frame { uint32_t at, parent; int32_t times; } frame;
typedef struct set { uint32_t from, n; bool ends, bytes; } set;
typedef struct move { uint32_t set; uint32_t byte; int32_t to; } move;   /* to NOT_KNOWN: empty */
typedef struct allowed { int32_t state; size_t count; uint64_t *bits; } allowed;

typedef struct table { uint32_t *at; size_t room, n; } table;   /* numbers + 1, open addressing */

struct rules_walk {
    const rules_program *p;
    const spelling *spell;
    int32_t rows;
    size_t words;
    frame *frames;
    uint32_t n_frames, room_frames;
    uint32_t *stamps, stamp;      /* frames that this closure has been through */
    set *sets;
    uint32_t n_sets, room_sets;
    uint32_t *members;
    size_t n_members, room_members;
    table of_frames, of_sets;
    move *moves;
    size_t n_moves, room_moves;
    uint32_t *found, *pending;       /* of the closure that is being made */
    size_t n_found, room_found, n_pending, room_pending;
    allowed kept[N_KEPT];
    uint32_t next_kept;
    int32_t *path;                /* sets after each byte of a piece */
    size_t room_path;
    int32_t start;
    bool failed, branched;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Room for one more item of `each` bytes; false without memory. */
static bool grow(rules_walk *w, void *list, size_t each, size_t n, size_t *room)
{
    void **p = list;
    if (n < *room) return true;
    const size_t more = *room ? 2 * *room : 256;
    void *q = reallocarray(*p, more, each);
    if (!q) {
        w->failed = true;
        return false;
    }
    *p = q;
    *room = more;
    return true;
}

static bool rehash(rules_walk *w, table *t, uint64_t (*hash)(const rules_walk *, uint32_t))
{
    if (2 * (t->n + 1) <= t->room) return true;
    const size_t room = t->room ? 2 * t->room : 512;
    uint32_t *at = calloc(room, sizeof *at);
    if (!at) {
        w->failed = true;
        return false;
    }
    for (size_t i = 0; i < t->room; i++) {
        if (!t->at[i]) continue;
        size_t k = hash(w, t->at[i] - 1) & (room - 1);
        while (at[k]) k = (k + 1) & (room - 1);
        at[k] = t->at[i];
    }
    free(t->at);
    t->at = at;
    t->room = room;
    return true;
}

static uint64_t hash_frame_of(uint32_t at, int32_t times, uint32_t parent)
{
    return mix(mix(mix(1, at), (uint32_t)times), parent);
}

static uint64_t hash_frame(const rules_walk *w, uint32_t i)
{
    const frame *f = &w->frames[i];
    return hash_frame_of(f->at, f->times, f->parent);
}

static uint64_t hash_members(const uint32_t *m, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) h = mix(h, m[i]);
    return h;
}

static uint64_t hash_set(const rules_walk *w, uint32_t i)
{
    return hash_members(w->members + w->sets[i].from, w->sets[i].n);
}

/* The number of a frame, a new one when it is new. */
static uint32_t frame_of(rules_walk *w, uint32_t at, int32_t times, uint32_t parent)
{
    if (!rehash(w, &w->of_frames, hash_frame)) return NOBODY;
    size_t k = hash_frame_of(at, times, parent) & (w->of_frames.room - 1);
    for (; w->of_frames.at[k]; k = (k + 1) & (w->of_frames.room - 1)) {
        const frame *f = &w->frames[w->of_frames.at[k] - 1];
        if (f->at == at && f->times == times && f->parent == parent)
            return w->of_frames.at[k] - 1;
    }
    if (w->n_frames == MOST_FRAMES) {
        w->failed = w->branched = true;
        return NOBODY;
    }
    if (w->n_frames == w->room_frames) {
        const size_t room = w->room_frames ? 2 * (size_t)w->room_frames : 256;
        frame *more = reallocarray(w->frames, room, sizeof *more);
        if (more) w->frames = more;
        uint32_t *stamps = more ? reallocarray(w->stamps, room, sizeof *stamps) : NULL;
        if (!stamps) {
            w->failed = true;
            return NOBODY;
        }
        memset(stamps + w->room_frames, 0, (room - w->room_frames) * sizeof *stamps);
        w->stamps = stamps;
        w->room_frames = (uint32_t)room;
    }
    w->frames[w->n_frames] = (frame){ at, parent, times };
    w->of_frames.at[k] = w->n_frames + 1;
    w->of_frames.n++;
    return w->n_frames++;
}

static void later(rules_walk *w, uint32_t at, int32_t times, uint32_t parent)
{
    const uint32_t f = frame_of(w, at, times, parent);
    if (w->failed || w->stamps[f] == w->stamp) return;
    w->stamps[f] = w->stamp;
    if (grow(w, &w->pending, sizeof *w->pending, w->n_pending, &w->room_pending))
        w->pending[w->n_pending++] = f;
}

static void enter(rules_walk *w, uint32_t rule, uint32_t back)
{
    const rule_body *b = &w->p->rules[rule];
    for (uint32_t i = 0; i < b->n; i++) later(w, w->p->alts[b->first + i], 0, back);
}

/* The rule behind a frame's element may begin, or be passed over. */
static void repeat(rules_walk *w, const frame *f, const element *e)
{
    int32_t times = f->times;
    if (times >= e->least) later(w, f->at + 1, 0, f->parent);
    if (e->most != OMN_NO_END && times >= e->most) return;
    if (e->most != OMN_NO_END || times < e->least) times++; /* without end: enough is enough */
    enter(w, e->a, frame_of(w, f->at, times, f->parent));
}

/* From the frames in pending to all frames that wait for a terminal, in `found`. */
static void close_over(rules_walk *w)
{
    while (w->n_pending && !w->failed) {
        const uint32_t i = w->pending[--w->n_pending];
        const frame f = w->frames[i];
        const element *e = &w->p->elements[f.at];
        if (i == NOBODY) {
            if (grow(w, &w->found, sizeof *w->found, w->n_found, &w->room_found))
                w->found[w->n_found++] = NOBODY;
            continue;
        }
        switch (e->kind) {
        case ELEMENT_END: {
            const frame back = w->frames[f.parent];
            if (f.parent != NOBODY) later(w, back.at, back.times, back.parent);
            else if (w->stamps[NOBODY] != w->stamp) {
                w->stamps[NOBODY] = w->stamp;
                if (grow(w, &w->pending, sizeof *w->pending, w->n_pending, &w->room_pending))
                    w->pending[w->n_pending++] = NOBODY;
            }
            break;
        }
        case ELEMENT_RULE:
            /* what ends with a call returns to its own caller: right recursion stays flat */
            enter(w, e->a,
                  e[1].kind == ELEMENT_END ? f.parent : frame_of(w, f.at + 1, 0, f.parent));
            break;
        case ELEMENT_REPEAT: repeat(w, &f, e); break;
        default:
            if (w->n_found == MOST_IN_SET) {
                w->failed = w->branched = true;
                return;
            }
            if (grow(w, &w->found, sizeof *w->found, w->n_found, &w->room_found))
                w->found[w->n_found++] = i;
        }
    }
}

static void begin_closure(rules_walk *w)
{
    w->n_found = w->n_pending = 0;
    w->stamp++;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The number of the set in `found`; RULES_DEAD for the empty one. */
static int32_t intern(rules_walk *w)
{
    if (w->failed || !w->n_found) return RULES_DEAD;
    qsort(w->found, w->n_found, sizeof *w->found, by_number);
    if (!rehash(w, &w->of_sets, hash_set)) return RULES_DEAD;
    size_t k = hash_members(w->found, w->n_found) & (w->of_sets.room - 1);
    for (; w->of_sets.at[k]; k = (k + 1) & (w->of_sets.room - 1)) {
        const set *s = &w->sets[w->of_sets.at[k] - 1];
        if (s->n == w->n_found &&
            !memcmp(w->members + s->from, w->found, w->n_found * sizeof *w->found))
            return (int32_t)w->of_sets.at[k] - 1;
    }
    if (w->n_sets == MOST_SETS || w->n_members + w->n_found > MOST_MEMBERS) {
        w->failed = w->branched = true;
        return RULES_DEAD;
    }
    size_t room = w->room_sets;
    if (!grow(w, &w->sets, sizeof *w->sets, w->n_sets, &room)) return RULES_DEAD;
    w->room_sets = (uint32_t)room;
    while (w->n_members + w->n_found > w->room_members)
        if (!grow(w, &w->members, sizeof *w->members, w->room_members, &w->room_members))
            return RULES_DEAD;
    set s = { (uint32_t)w->n_members, (uint32_t)w->n_found, w->found[0] == NOBODY, false };
    for (size_t i = 0; i < w->n_found; i++)
        s.bytes = s.bytes || (w->found[i] != NOBODY &&
                              w->p->elements[w->frames[w->found[i]].at].kind == ELEMENT_BYTE);
    memcpy(w->members + w->n_members, w->found, w->n_found * sizeof *w->found);
    w->n_members += w->n_found;
    w->sets[w->n_sets] = s;
    w->of_sets.at[k] = w->n_sets + 1;
    w->of_sets.n++;
    return (int32_t)w->n_sets++;
}

/* Behind the terminal that frame i waits for. */
static void pass(rules_walk *w, uint32_t i)
{
    const frame f = w->frames[i];
    later(w, f.at + 1, 0, f.parent);
}

static move *find_move(rules_walk *w, uint32_t from, uint32_t byte)
{
    if (2 * (w->n_moves + 1) > w->room_moves) {
        const size_t room = w->room_moves ? 2 * w->room_moves : 1024;
        move *more = calloc(room, sizeof *more);
        if (!more) {
            w->failed = true;
            return NULL;
        }
        for (size_t i = 0; i < room; i++) more[i].to = NOT_KNOWN;
        for (size_t i = 0; i < w->room_moves; i++) {
            const move *m = &w->moves[i];
            if (m->to == NOT_KNOWN) continue;
            size_t k = mix(mix(3, m->set), m->byte) & (room - 1);
            while (more[k].to != NOT_KNOWN) k = (k + 1) & (room - 1);
            more[k] = *m;
        }
        free(w->moves);
        w->moves = more;
        w->room_moves = room;
    }
    size_t k = mix(mix(3, from), byte) & (w->room_moves - 1);
    while (w->moves[k].to != NOT_KNOWN && (w->moves[k].set != from || w->moves[k].byte != byte))
        k = (k + 1) & (w->room_moves - 1);
    return &w->moves[k];
}

/* The set behind one byte. */
static int32_t behind(rules_walk *w, int32_t from, uint8_t byte)
{
    move *m = find_move(w, (uint32_t)from, byte);
    if (!m) return RULES_DEAD;
    if (m->to != NOT_KNOWN) return m->to;
    begin_closure(w);
    const set s = w->sets[from];
    for (uint32_t i = 0; s.bytes && i < s.n; i++) {
        const uint32_t f = w->members[s.from + i];
        const element *e = &w->p->elements[w->frames[f].at];
        if (f != NOBODY && e->kind == ELEMENT_BYTE && e->low <= byte && byte <= e->high) pass(w, f);
    }
    close_over(w);
    const int32_t to = intern(w);
    if (w->failed) return RULES_DEAD;
    m = find_move(w, (uint32_t)from, byte);
    if (!m) return RULES_DEAD;
    *m = (move){ (uint32_t)from, byte, to };
    w->n_moves++;
    return to;
}

static bool in_spans(const rules_program *p, const element *e, int32_t id)
{
    uint32_t lo = 0, hi = e->b;
    const id_span *s = p->spans + e->a;
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        if (s[mid].last < id) lo = mid + 1;
        else hi = mid;
    }
    return lo < e->b && s[lo].first <= id;
}

static omn_status check(const rules_walk *w, omn_error *err)
{
    if (!w->failed) return OMN_OK;
    return w->branched ? omn_fail(err, OMN_ERR_UNSUPPORTED,
                                  "the rules of the answer branch into too many ways at once")
                       : omn_fail(err, OMN_ERR_MEMORY, "following the rules: out of memory");
}

/* A state is 4 * set + where its text stands: LATER; at the FIRST piece, which may lose a space; or
 * behind a first piece that was nothing but that space (QUIET), where only such pieces may follow
 * as are the same at both places: tokenizers differ in what the others would say. */
enum { LATER, FIRST, QUIET };

int32_t rules_walk_start(const rules_walk *w) { return w->start; }

omn_status rules_walk_step(rules_walk *w, int32_t state, int32_t id, int32_t *next, omn_error *err)
{
    *next = RULES_DEAD;
    if (state < 0 || id < 0 || id >= w->rows) return check(w, err);
    const int32_t from = state >> 2;
    const int mode = state & 3;
    int32_t text = RULES_DEAD;
    const bool plain = w->spell && bit_get(w->spell->plain, id);
    if (plain && w->sets[from].bytes) {
        size_t n = 0, other = 0;
        const char *b = spelling_get(w->spell, id, mode == FIRST, &n);
        spelling_get(w->spell, id, true, &other);
        if (!n && mode == FIRST) {
            *next = 4 * from + QUIET;
            return check(w, err);
        }
        text = n && (mode != QUIET || n == other) ? from : RULES_DEAD;
        for (size_t i = 0; i < n && text >= 0; i++) text = behind(w, text, (uint8_t)b[i]);
    }
    begin_closure(w);
    const set s = w->sets[from];
    for (uint32_t i = 0; i < s.n; i++) {
        const uint32_t f = w->members[s.from + i];
        const element *e = &w->p->elements[w->frames[f].at];
        if (f == NOBODY) continue;
        if (e->kind == ELEMENT_ANY ? plain : e->kind == ELEMENT_IDS && in_spans(w->p, e, id))
            pass(w, f);
    }
    close_over(w);
    if (text >= 0) {
        const set t = w->sets[text];
        for (uint32_t i = 0; i < t.n && !w->failed; i++) {
            const uint32_t f = w->members[t.from + i];
            if (w->stamps[f] == w->stamp) continue;
            w->stamps[f] = w->stamp;
            if (grow(w, &w->found, sizeof *w->found, w->n_found, &w->room_found))
                w->found[w->n_found++] = f;
        }
    }
    const int32_t to = intern(w);
    if (to >= 0) *next = 4 * to;
    return check(w, err);
}

/* All pieces whose bytes lead somewhere, in the order of their bytes: what a piece shares with the
 * one before it is not followed again, and a dead end takes all that share it along. */
static void allow_text(rules_walk *w, int32_t from, int mode, uint64_t *bits)
{
    const spelled *at = &w->spell->at[mode == FIRST], *first = &w->spell->at[1];
    size_t known = 0;             /* path[0..known] belongs to the piece before */
    w->path[0] = from;
    for (size_t i = 0; i < at->n && !w->failed; i++) {
        const int32_t id = at->order[i];
        const uint8_t *b = (const uint8_t *)at->bytes + at->offset[id];
        const size_t n = at->offset[id + 1] - at->offset[id];
        size_t k = i && at->same[i] < known ? at->same[i] : i ? known : 0;
        if (i && at->same[i] > known) continue;
        while (k < n) {
            const int32_t to = behind(w, w->path[k], b[k]);
            if (to < 0) break;
            if (!grow(w, &w->path, sizeof *w->path, k + 1, &w->room_path)) return;
            w->path[++k] = to;
        }
        known = k;
        if (k == n && (mode != QUIET || first->offset[id + 1] - first->offset[id] == n))
            bit_set(bits, id);
    }
    for (int32_t id = 0; mode == FIRST && id < w->rows; id++)
        if (bit_get(w->spell->plain, id) && first->offset[id + 1] == first->offset[id])
            bit_set(bits, id);
}

static void allow_ids(const rules_walk *w, int32_t from, uint64_t *bits)
{
    const set *s = &w->sets[from];
    for (uint32_t i = 0; i < s->n; i++) {
        const uint32_t f = w->members[s->from + i];
        const element *e = &w->p->elements[w->frames[f].at];
        if (f == NOBODY) continue;
        for (uint32_t k = 0; e->kind == ELEMENT_IDS && k < e->b; k++)
            for (int32_t id = w->p->spans[e->a + k].first; id <= w->p->spans[e->a + k].last; id++)
                bit_set(bits, id);
        for (size_t k = 0; e->kind == ELEMENT_ANY && k < w->words; k++)
            bits[k] |= w->spell->plain[k];
    }
}

omn_status rules_walk_allowed(rules_walk *w, int32_t state, const uint64_t **bits, size_t *count,
                              bool *may_end, omn_error *err)
{
    *may_end = w->sets[state >> 2].ends;
    for (uint32_t i = 0; i < N_KEPT; i++)
        if (w->kept[i].bits && w->kept[i].state == state) {
            *bits = w->kept[i].bits;
            *count = w->kept[i].count;
            return OMN_OK;
        }
    allowed *a = &w->kept[w->next_kept];
    if (!a->bits) a->bits = calloc(w->words, sizeof *a->bits);
    if (!a->bits)
        return omn_fail(err, OMN_ERR_MEMORY, "following the rules: out of memory");
    memset(a->bits, 0, w->words * sizeof *a->bits);
    a->state = RULES_DEAD;
    allow_ids(w, state >> 2, a->bits);
    if (w->sets[state >> 2].bytes) allow_text(w, state >> 2, state & 3, a->bits);
    const omn_status st = check(w, err);
    if (st != OMN_OK) return st;
    a->count = 0;
    for (size_t i = 0; i < w->words; i++) a->count += (size_t)__builtin_popcountll(a->bits[i]);
    a->state = state;
    w->next_kept = (w->next_kept + 1) % N_KEPT;
    *bits = a->bits;
    *count = a->count;
    return OMN_OK;
}

bool rules_walk_ends(const rules_walk *w, int32_t state) { return w->sets[state >> 2].ends; }

size_t rules_walk_states(const rules_walk *w) { return w->n_sets; }

omn_status rules_walk_new(const rules_program *p, const spelling *spell, int32_t rows,
                          rules_walk **out, omn_error *err)
{
    omn_status st = OMN_OK;
    rules_walk *w = calloc(1, sizeof *w);
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "following the rules: out of memory");
    *w = (rules_walk){ .p = p, .spell = spell, .rows = rows, .words = ((size_t)rows + 63) / 64 };
    /* frame 0 is nobody, whatever its place: the end of the root's first alternative would do */
    frame_of(w, 0, -1, UINT32_MAX);
    begin_closure(w);
    if (!w->failed) enter(w, 0, NOBODY);
    close_over(w);
    const int32_t set0 = intern(w);
    grow(w, &w->path, sizeof *w->path, 0, &w->room_path);
    OMN_TRY(check(w, err));
    w->start = 4 * set0 + FIRST;
    *out = w;
    return OMN_OK;
done:
    rules_walk_free(w);
    return st;
}

void rules_walk_free(rules_walk *w)
{
    if (!w) return;
    for (uint32_t i = 0; i < N_KEPT; i++) free(w->kept[i].bits);
    free(w->frames);
    free(w->stamps);
    free(w->sets);
    free(w->members);
    free(w->of_frames.at);
    free(w->of_sets.at);
    free(w->moves);
    free(w->found);
    free(w->pending);
    free(w->path);
    free(w);
}
