/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: opened for a made-up vocabulary, whose rules are walked at random, as a model without
 * sense would. What was said in full is read as a value of the promised kind, that value is written
 * again within the rules, and read again it is the same; options are each written, chosen, and
 * found again. Hostile: sentences cut off or against the rules, values of any kind, no room. */
#include "tongue.h"

#include "libcore/generate/answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES  1000 /* as many as the published models have */
#define LONGEST 96
#define TRIES   8
#define N_NOTATIONS 4
#define NEAR_PX 8.0  /* a place is read back within so many pixels of 640 x 480 */

typedef struct spoken {
    int32_t ids[LONGEST];
    size_t n;
    bool whole;
} spoken;

/* A picture of 640 x 640 in a view of 384 x 384; hostile: one of 640 x 480, with a margin. */
static omn_frame view(bool margin)
{
    const double s = 0.6;
    return (omn_frame){ 7, { 1 / s, 0, 0, 0, 1 / s, margin ? -48 / s : 0 }, 640,
                        margin ? 480 : 640 };
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A value for a parameter: of a list that is chosen from, texts that differ. */
static omn_value *value_for(trial *t, const omn_param *p, bool *known)
{
    omn_value *items[5] = { NULL }, *v = NULL;
    const size_t n = 1 + dice_roll(&t->d, 5);
    if (strcmp(p->type, "list") != 0) return value_make(&t->d, p->type, t->hostile, known);
    *known = true;
    for (size_t i = 0; i < n; i++) {
        char text[40];
        const size_t k = (size_t)snprintf(text, sizeof(text), "%c%.*s", (char)('a' + i),
                                          (int)dice_roll(&t->d, 8), " red cube");
        omn_text_new(text, k, &items[i], NULL);
    }
    if (omn_list_new(items, n, &v, NULL) != OMN_OK) v = NULL;
    for (size_t i = 0; i < n; i++) omn_value_unref(items[i]);
    return v;
}

static omn_status open_with(trial *t, tongue *g, const omn_setting *set, size_t n,
                            const omn_named *values, size_t n_values, omn_answer **out,
                            omn_error *err)
{
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = t->s->object->name,
                                   .set = set,                 .n_set = n,
                                   .values = values,           .n_values = n_values };
    return omn_answer_open(tongue_model(g), t->c, &how, out, err);
}

/* Texts that must be given may be of a notation, of which these are the usual ones. */
static void in_notation(trial *t, size_t which, omn_setting *set, size_t n)
{
    static const char *const texts[N_NOTATIONS] = {
        "root ::= \"a \" [b-d]{1,4} | \"none\"",
        ("{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\", \"minimum\": 0, "
         "\"maximum\": 99}, \"w\": {\"enum\": [\"x\", \"y\"]}}, \"required\": [\"n\", \"w\"]}"),
        "1..4",
        "a,b,c",
    };
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < t->s->object->n_params; k++) {
            const omn_param *p = omn_entry_param(t->s->entry, k);
            if (strcmp(p->name, set[i].name) == 0 && !p->deflt && strcmp(p->type, "string") == 0)
                set[i].text = texts[which];
        }
}

/* With random parameters; should those not go together, with as few as possible. NULL: refused. */
static omn_answer *open_answer(trial *t, tongue *g, omn_arena *a)
{
    omn_setting set[64];
    omn_named values[64];
    omn_error err = OMN_ERROR_INIT;
    omn_answer *answer = NULL;
    size_t n_values = 0;
    for (size_t i = 0; i < t->s->object->n_params && n_values < 64; i++) {
        const omn_param *p = omn_entry_param(t->s->entry, i);
        bool known;
        if (strcmp(p->role, "in") != 0) continue;
        omn_value *v = value_for(t, p, &known);
        if (v) values[n_values++] = (omn_named){ p->name, v };
    }
    size_t n = settings_make(t, set, 64, a);
    omn_status st = open_with(t, g, set, n, values, n_values, &answer, &err);
    judge(t, "open", st, &err);
    for (size_t k = 0; k <= N_NOTATIONS && st != OMN_OK && !t->found[0] && !t->hostile; k++) {
        err = (omn_error)OMN_ERROR_INIT;
        n = settings_needed(t, set, 64, a);
        if (k < N_NOTATIONS) in_notation(t, k, set, n);
        st = open_with(t, g, set, n, values, n_values, &answer, &err);
        judge(t, "open", st, &err);
    }
    if (st != OMN_OK && !t->hostile)
        snprintf(t->left_out, sizeof(t->left_out), "cannot be opened alone: %.200s", err.text);
    for (size_t i = 0; i < n_values; i++) omn_value_unref(values[i].value);
    return st == OMN_OK ? answer : NULL;
}

/* ---- speaking -------------------------------------------------------------------------------- */

/* One of the ids whose bits are set. */
static int32_t choose(dice *d, const uint64_t *bits, int32_t rows)
{
    uint64_t n = 0;
    for (int32_t i = 0; i < rows; i++) n += bit_get(bits, i);
    uint64_t left = n ? dice_roll(d, n) : 0;
    for (int32_t i = 0; i < rows; i++)
        if (bit_get(bits, i) && left-- == 0) return i;
    return -1;
}

/* A walk through the rules; one without rules says anything that can be said. */
static omn_status speak(trial *t, const omn_answer *a, spoken *s, omn_error *err)
{
    omn_status st = OMN_OK;
    rules_walk *w = NULL;
    OMN_TRY(answer_walk(a, &w, err));
    int32_t state = w ? rules_walk_start(w) : 0;
    s->n = 0;
    s->whole = !w;
    const size_t most = 1 + dice_roll(&t->d, LONGEST);
    while (s->n < most) {
        const uint64_t *bits = a->spell ? a->spell->sayable : NULL;
        size_t count = 1;
        if (w) OMN_TRY(rules_walk_allowed(w, state, &bits, &count, &s->whole, err));
        if (!count || !bits || (s->whole && dice_roll(&t->d, 6) == 0)) break;
        const int32_t id = choose(&t->d, bits, a->vocab->rows);
        if (id < 0 || id == a->vocab->stop) break;
        s->ids[s->n++] = id;
        if (w) OMN_TRY(rules_walk_step(w, state, id, &state, err));
        if (w) s->whole = state != RULES_DEAD && rules_walk_ends(w, state);
    }
    if (w && s->n == 0 && !s->whole) complain(t, "its rules allow nothing at all");
done:
    rules_walk_free(w);
    return st;
}

/* What was said, to read(); all of it before fences. */
static omn_value *hear(trial *t, const omn_answer *a, const spoken *s, bool bare,
                       const omn_frame *frame)
{
    fenced ids, logprob, kept;
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = POISON;
    const size_t width = a->program ? (size_t)a->program->keep.count : 0;
    if (!fenced_make(&ids, s->n * sizeof(int32_t))) return NULL;
    if (!fenced_make(&logprob, s->n * sizeof(float))) goto no_logprob;
    if (!fenced_make(&kept, s->n * width * sizeof(float))) goto no_kept;
    memcpy(ids.data, s->ids, s->n * sizeof(int32_t));
    for (size_t i = 0; i < s->n; i++)
        ((float *)(void *)logprob.data)[i] = (float)dice_double(&t->d, -3, 0);
    for (size_t i = 0; i < s->n * width; i++)
        ((float *)(void *)kept.data)[i] = (float)dice_double(&t->d, 0, 1 / (double)width);
    const omn_heard h = { OMN_FILL(omn_heard),
                          .ids = (const int32_t *)(void *)ids.data,
                          .logprob = bare ? NULL : (const float *)(void *)logprob.data,
                          .n = s->n,
                          .kept = bare || !width ? NULL : (const float *)(void *)kept.data,
                          .kept_width = width,
                          .score = bare ? (double)NAN : -1,
                          .stopped = s->whole,
                          .whole = s->whole };
    const omn_status st = a->impl->read(a->part->self, t->c, &h, frame, &v, &err);
    judge(t, "read", st, &err);
    if (st != OMN_OK && s->whole && !t->hostile && !t->found[0])
        complain(t, "read refuses what its rules allow: %s", err.text);
    if (!judge_output(t, "read", st, v)) v = NULL;
    fenced_free(&kept);
no_kept:
    fenced_free(&logprob);
no_logprob:
    fenced_free(&ids);
    return v == POISON ? NULL : v;
}

/* ---- the way back ---------------------------------------------------------------------------- */

typedef struct likeness {
    bool first, differ;
    char what[120];
} likeness;

/* Equal but for what a picture's raster and unknown likelihoods leave open; the first time a part
 * that need not be there may get lost too, as a label that nobody asked for. */
static void look(void *user, const omn_apart *f)
{
    static const char lost[] = " on one side only";
    likeness *l = user;
    const size_t n = strlen(f->name), k = sizeof(lost) - 1;
    const bool score = strncmp(f->name, "score", 5) == 0, whole = strcmp(f->name, "equal") == 0;
    bool bad = false;
    if (score || whole || l->differ) return;
    if (l->first && n > k && strcmp(f->name + n - k, lost) == 0) return;
    if (f->fold == OMN_APART_MOST)
        bad = !(f->value <= (f->unit && strcmp(f->unit, "px") == 0 ? NEAR_PX : 1e-9));
    else if (f->fold == OMN_APART_COUNT) bad = f->value > 0;
    else if (!f->unit) bad = f->value < 1 && strcmp(f->name, "overlap") != 0;
    else bad = strcmp(f->unit, "characters") == 0;
    if (!bad) return;
    l->differ = true;
    omn_format(l->what, sizeof(l->what), "%s %g", f->name, f->value);
}

static void check_kind(trial *t, const omn_answer *a, const omn_value *v)
{
    const char *makes = omn_answer_makes(a);
    if (strcmp(makes, "any") != 0 && strcmp(value_kind_of(v), makes) != 0)
        complain(t, "read makes %s, not %s", value_kind_of(v), makes);
    t->digest = value_digest(t->digest, v);
}

static void check_ids(trial *t, const omn_answer *a, const char *who, const omn_ids *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->ids[i] < 0 || ids->ids[i] >= a->vocab->rows)
            complain(t, "%s makes the id %d of a vocabulary of %d", who, (int)ids->ids[i],
                     (int)a->vocab->rows);
}

/* The value as ids that the rules allow, read again; NULL: neither. *refused: what write says. */
static omn_value *written_and_read(trial *t, const omn_answer *a, const omn_value *v,
                                   const omn_frame *frame, omn_error *refused)
{
    omn_ids ids;
    spoken again = { .n = 0, .whole = true };
    omn_value *back = NULL;
    omn_ids_init(&ids, LONGEST * 8);
    const omn_status st = omn_answer_write(a, t->c, v, frame, &ids, refused);
    if (judge(t, "write", st, refused)) check_ids(t, a, "write", &ids);
    if (st == OMN_OK && !t->found[0] && ids.count <= LONGEST) {
        if (ids.count) memcpy(again.ids, ids.ids, ids.count * sizeof(int32_t));
        again.n = ids.count;
        t->digest = bytes_digest(t->digest, again.ids, again.n * sizeof(int32_t));
        back = hear(t, a, &again, true, frame);
    }
    omn_ids_fini(&ids);
    return back;
}

/* Of what a model without sense says something may be lost when it is read, a label of dots say, so
 * that write may refuse it; what was written once is written again. False: refused. */
static bool there_and_back(trial *t, const omn_answer *a, const omn_value *v,
                           const omn_frame *frame, omn_error *why)
{
    omn_error again = OMN_ERROR_INIT;
    omn_value *once = written_and_read(t, a, v, frame, why), *twice = NULL;
    likeness l = { .first = true }, m = { .first = false };
    if (once && !t->found[0]) twice = written_and_read(t, a, once, frame, &again);
    if (again.status) complain(t, "write refuses what it wrote before: %s", again.text);
    if (once) omn_value_apart(v, once, look, &l, NULL);
    if (twice) omn_value_apart(once, twice, look, &m, NULL);
    if (l.differ || m.differ)
        complain(t, "a value that is written and read again is another one: %s",
                 l.differ ? l.what : m.what);
    omn_value_unref(twice);
    omn_value_unref(once);
    return !why->status;
}

/* ---- one that chooses ------------------------------------------------------------------------ */

static void candidates(trial *t, const omn_answer *a)
{
    const size_t n = a->candidates->count(a->part->self);
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = POISON;
    omn_ids one, back;
    double scores[64];
    if (n < 1 || n > OMN_MOST_CANDIDATES) complain(t, "there are %zu candidates", n);
    if (t->found[0] || n > 64) return;
    const size_t i = dice_roll(&t->d, n);
    for (size_t k = 0; k < n; k++) scores[k] = 1 + dice_double(&t->d, 0, 1);
    scores[i] = 0.5;
    omn_ids_init(&one, t->hostile ? dice_roll(&t->d, 4) : 4096);
    omn_ids_init(&back, 4096);
    if (!judge(t, "write of a candidate", a->candidates->write(a->part->self, i, &one, &err),
               &err))
        goto done;
    check_ids(t, a, "write of a candidate", &one);
    const omn_heard h = { OMN_FILL(omn_heard), .scores = scores, .n_scores = n, .chosen = i,
                          .score = -0.5, .stopped = true, .whole = true };
    const omn_status st = a->impl->read(a->part->self, t->c, &h, NULL, &v, &err);
    judge(t, "read", st, &err);
    if (!judge_output(t, "read", st, v)) goto done;
    check_kind(t, a, v);
    if (!t->hostile && judge(t, "write", a->impl->write(a->part->self, t->c, v, NULL, &back, &err),
                             &err) &&
        (back.count != one.count ||
         (one.count && memcmp(back.ids, one.ids, one.count * sizeof(int32_t)) != 0)))
        complain(t, "candidate %zu is not written as what read makes of it", i + 1);
    omn_value_unref(v);
done:
    omn_ids_fini(&one);
    omn_ids_fini(&back);
}

/* ---- the craft ------------------------------------------------------------------------------- */

/* Ids against the rules, a sentence that was cut off, or a value of any kind and little room. */
static void strangers(trial *t, const omn_answer *a, const omn_frame *frame)
{
    spoken s = { .n = dice_roll(&t->d, LONGEST), .whole = dice_roll(&t->d, 2) };
    bool known;
    for (size_t i = 0; i < s.n; i++)
        s.ids[i] = (int32_t)dice_roll(&t->d, (uint64_t)a->vocab->rows);
    omn_value *v = hear(t, a, &s, true, dice_roll(&t->d, 3) ? frame : NULL);
    if (v) check_kind(t, a, v);
    omn_value_unref(v);
    v = value_make(&t->d, dice_roll(&t->d, 2) ? omn_answer_makes(a) : "any", true, &known);
    if (v && !t->found[0]) {
        omn_ids ids;
        omn_error err = OMN_ERROR_INIT;
        omn_ids_init(&ids, dice_roll(&t->d, 2) ? dice_roll(&t->d, 9) : 4096);
        const omn_status st = a->impl->write(a->part->self, t->c, v,
                                             dice_roll(&t->d, 3) ? frame : NULL, &ids, &err);
        if (judge(t, "write", st, &err)) check_ids(t, a, "write", &ids);
        omn_ids_fini(&ids);
    }
    omn_value_unref(v);
}

/* Until something that was said can be written as well. */
static void converse(trial *t, const omn_answer *a, const omn_frame *frame)
{
    omn_error why = OMN_ERROR_INIT;
    bool fine = false;
    for (size_t i = 0; i < TRIES && !fine && !t->found[0]; i++) {
        spoken s = { .n = 0 };
        omn_error err = OMN_ERROR_INIT;
        why = err;
        if (!judge(t, "rules", speak(t, a, &s, &err), &err)) return;
        t->digest = bytes_digest(t->digest, s.ids, s.n * sizeof(int32_t));
        omn_value *v = hear(t, a, &s, false, frame);
        if (v) check_kind(t, a, v);
        fine = !v || !s.whole || t->found[0] || there_and_back(t, a, v, frame, &why);
        omn_value_unref(v);
    }
    if (!fine) complain(t, "write refuses what read made, %d times: %s", TRIES, why.text);
}

static void call(trial *t)
{
    tongue *g = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    const omn_frame frame = view(t->hostile);
    omn_arena *arena = omn_arena_new((size_t)1 << 22);
    if (!arena || tongue_new(&t->d, t->s->ctx, t->c, PLACES, true, &g, &err) != OMN_OK) goto done;
    a = open_answer(t, g, arena);
    if (!a || t->found[0]) goto done;
    if (a->candidates) {
        candidates(t, a);
    } else if (t->hostile) {
        strangers(t, a, &frame);
    } else {
        converse(t, a, &frame);
    }
done:
    omn_answer_close(a);
    tongue_free(g);
    omn_arena_free(arena);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_answer = { "omnio.answer/1", NULL, call, shared, false };
