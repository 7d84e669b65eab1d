/* SPDX-License-Identifier: Apache-2.0 */
/* The walk: every object of one file, level by level, case by case. Before anything foreign is
 * called an event says what, so that a host that runs this in a child knows what crashed or hung
 * and goes on behind it. The seed of a case is made from the one of the run, the unit and the
 * number of the case; its last 16 bits are the unit, so that it is all that is needed to repeat
 * it. */
#include "inside.h"

#include "libcore/plugin/impls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define USUAL_CASES 24
#define LEAK_CASES  3

const char *omn_validate_level_name(omn_validate_level level)
{
    static const char *const names[OMN_VALIDATE_LEVELS] = { "tables", "calls", "hostile", "leaks",
                                                            "threads" };
    const unsigned i = (unsigned)level;
    return i < OMN_VALIDATE_LEVELS ? names[i] : NULL;
}

const craft *craft_of(const char *kind)
{
    static const craft *const all[] = { &craft_operation, &craft_format,  &craft_codec,
                                        &craft_encoder,   &craft_decoder, &craft_source,
                                        &craft_op,        &craft_compute, &craft_model,
                                        &craft_measure,   &craft_value,   &craft_answer,
                                        &craft_objective, &craft_world,   &craft_weights };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i]->kind, kind) == 0) return all[i];
    return NULL;
}

typedef struct walk {
    omn_context *ctx;
    const omn_validate_setup *how;
    uint64_t seed;
    uint32_t cases, unit, done, faults;
    omn_validate_level level;
    const omn_object *object;
} walk;

static void tell(walk *w, uint64_t seed, const char *found, bool left_out)
{
    omn_validate_event e = {
        OMN_FILL(omn_validate_event), .unit = w->unit, .level = w->level, .kind = w->object->kind,
        .object = w->object->name,    .seed = seed,    .found = found,    .left_out = left_out
    };
    if (found && !left_out) w->faults++;
    if (w->how->event) w->how->event(w->how->user, &e);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static void shut(subject *s)
{
    open_end(s->open);
    omn_call_free(s->call);
}

/* A part of its own, with its defaults, and small values for what must be given. False: why says
 * what it lacks. */
static bool open_subject(subject *s, const craft *k, omn_error *why)
{
    omn_status st = OMN_OK;
    omn_setting set[64];
    if (!k || !k->opens) return true;
    OMN_TRY(omn_context_call(s->ctx, 1, 0, NULL, &s->call, why));
    OMN_TRY(open_begin(s->ctx, s->call, NULL, NULL, "", &s->open, why));
    trial t = { .s = s, .d = { 1, 0, NULL }, .mild = true };
    const size_t n = settings_needed(&t, set, sizeof(set) / sizeof(set[0]), s->open->arena);
    s->part = part_open_settings(s->open, "validate", s->object->kind, s->object->name, set, n,
                                 NULL, why);
    if (!s->part) return false;
    s->self = s->part->self;
done:
    return st == OMN_OK;
}

/* ---- units ------------------------------------------------------------------------------------
 */

static trial trial_of(const subject *s, omn_call *c, uint64_t seed, bool hostile)
{
    return (
        trial){ .s = s, .c = c, .d = { seed, 0, c }, .hostile = hostile, .digest = DIGEST_START };
}

/* One case; those with allowed values twice. True: it was too slow to tell of leaks. */
static bool one_case(walk *w, const subject *s, const craft *k, omn_call *c, uint64_t seed)
{
    trial t = trial_of(s, c, seed, w->level == OMN_VALIDATE_HOSTILE);
    t.mild = w->level == OMN_VALIDATE_LEAKS || w->level == OMN_VALIDATE_THREADS;
    tell(w, seed, NULL, false);
    switch (w->level) {
    case OMN_VALIDATE_LEAKS:
        check_leaks(&t, k);
        break;
    case OMN_VALIDATE_THREADS:
        check_threads(&t, k);
        break;
    default:
        call_once(&t, k);
        if (w->level == OMN_VALIDATE_CALLS && !t.found[0] && k->shared && k->shared(s)) {
            trial twin = trial_of(s, c, seed, false);
            call_once(&twin, k);
            if (twin.digest != t.digest) complain(&t, "the same call twice gives two results");
        }
    }
    if (t.found[0]) tell(w, seed, t.found, false);
    if (t.left_out[0]) tell(w, seed, t.left_out, true);
    return t.slow;
}

static uint64_t case_seed(const walk *w, uint32_t i)
{
    const uint64_t stream = bytes_digest(w->level, w->object->name, strlen(w->object->name));
    const uint64_t random = omn_random_at(w->seed, stream, i);
    return ((random | 1) << 32 >> 16) | (w->unit & 0xffff);
}

static void run_cases(walk *w, subject *s, const craft *k)
{
    omn_error why = OMN_ERROR_INIT;
    omn_call *c = NULL;
    char text[800];
    if (!k || !k->call) {
        tell(w, 0,
             impl_shape_of(s->object->kind) ? "is called by models and recipes only"
                                            : "is of a kind that this omnio does not know",
             true);
        return;
    }
    if (w->level == OMN_VALIDATE_THREADS && (!k->shared || !k->shared(s))) {
        tell(w, 0, "is used by one thread at a time", true);
        return;
    }
    if (!open_subject(s, k, &why) || omn_context_call(s->ctx, 1, 1, NULL, &c, &why) != OMN_OK) {
        snprintf(text, sizeof(text), "cannot be opened alone: %.600s", why.text);
        const bool fault =
            why.status == OMN_OK || why.status == OMN_ERR_INTERNAL || why.status == OMN_ERR_PLUGIN;
        tell(w, 0, text, !fault);
        return;
    }
    const uint32_t n = w->level == OMN_VALIDATE_LEAKS     ? LEAK_CASES
                       : w->level == OMN_VALIDATE_THREADS ? 1
                                                          : w->cases;
    const uint32_t before = w->faults;
    uint32_t slow = 0;
    /* One complaint for each unit is what an author can mend at a time. */
    if (w->how->only)
        one_case(w, s, k, c, w->how->only);
    else
        for (uint32_t i = 0; i < n && w->faults == before; i++)
            slow += one_case(w, s, k, c, case_seed(w, i));
    if (slow == n) tell(w, 0, "a call takes too long to make many", true);
    omn_call_free(c);
}

static void run_unit(walk *w, const omn_entry *e)
{
    subject s = { .ctx = w->ctx, .entry = e, .object = omn_entry_object(e) };
    const craft *k = craft_of(s.object->kind);
    s.impl = s.object->impl;
    tell(w, 0, NULL, false);
    if (w->level == OMN_VALIDATE_TABLES) {
        trial t = trial_of(&s, NULL, 1, false);
        check_tables(&t, k);
        if (t.found[0]) tell(w, 0, t.found, false);
    } else {
        run_cases(w, &s, k);
    }
    shut(&s);
}

/* ---- objects of the file ----------------------------------------------------------------------
 */

typedef struct listing {
    const char *file;
    struct stat is; /* that file, by whichever name it is found */
    omn_arena *a;
    struct {
        const char *kind, *name;
    } at[4096];
    size_t n;
    const char *why;
} listing;

static int note(void *user, const omn_listed *it)
{
    listing *l = user;
    struct stat s;
    if (stat(it->file, &s) != 0 || s.st_dev != l->is.st_dev || s.st_ino != l->is.st_ino) return 0;
    if (!it->name) {
        l->why = omn_arena_strdup(l->a, it->why ? it->why : "cannot be used");
    } else if (l->n < sizeof(l->at) / sizeof(l->at[0])) {
        l->at[l->n].kind = omn_arena_strdup(l->a, it->kind);
        l->at[l->n].name = omn_arena_strdup(l->a, it->name);
        if (l->at[l->n].kind && l->at[l->n].name) l->n++;
    }
    return 0;
}

static omn_status walk_objects(walk *w, const listing *l, omn_error *err)
{
    const uint32_t most = w->how->most ? w->how->most : UINT32_MAX;
    for (size_t i = 0; i < l->n; i++) {
        const omn_entry *e = NULL;
        if (w->how->object && strcmp(w->how->object, l->at[i].name) != 0) {
            w->unit += OMN_VALIDATE_LEVELS;
            continue;
        }
        omn_status st = omn_registry_find(w->ctx, l->at[i].kind, l->at[i].name, &e, err);
        if (st != OMN_OK) return st;
        w->object = omn_entry_object(e);
        for (unsigned level = 0; level < OMN_VALIDATE_LEVELS; level++, w->unit++) {
            w->level = (omn_validate_level)level;
            if (w->unit < w->how->from || w->done >= most) continue;
            run_unit(w, e);
            w->done++;
        }
    }
    return OMN_OK;
}

omn_status omn_validate(omn_context *ctx, const char *file, const omn_validate_setup *how,
                        uint32_t *faults, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!ctx || !file || !how || !faults)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_validate: an argument is missing");
    *faults = 0;
    walk w = { .ctx = ctx,
               .how = how,
               .seed = how->seed ? how->seed : 1,
               .cases = how->cases ? how->cases : USUAL_CASES };
    omn_arena *a = omn_arena_new((size_t)16 << 20);
    listing *l = a ? omn_arena_alloc(a, 1, sizeof(*l)) : NULL;
    if (!l) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to look at it", file);
        goto done;
    }
    *l = (listing){ .file = file, .a = a };
    if (stat(file, &l->is) != 0) {
        const int why = errno;
        st = omn_fail(err, why == ENOENT ? OMN_ERR_MISSING : OMN_ERR_IO, "%s: %s", file,
                      strerror(why));
        goto done;
    }
    OMN_TRY(omn_registry_list(ctx, NULL, note, l, err));
    if (l->why)
        st = omn_fail(err, OMN_ERR_PLUGIN, "%s: %s", file, l->why);
    else if (l->n == 0)
        st = omn_fail(err, OMN_ERR_MISSING, "%s: is no plugin that this omnio finds", file);
    OMN_TRY(st);
    OMN_TRY(walk_objects(&w, l, err));
done:
    *faults = w.faults;
    omn_arena_free(a);
    return st;
}
