/* SPDX-License-Identifier: Apache-2.0 */
/* From what a pickle made to named tensors. Programs keep the state dict beside optimisers, epochs
 * and a mean of the weights, under names that have become customs; which one is taken is said, and
 * a setting takes another. A pickle can hold itself, and a few bytes can hold the same list a
 * million times over, so a walk has a depth and a number of steps. */
#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 32, MOST_STEPS = 4000000, MOST_NAME = 4096, MOST_TOLD = 12, LEVELS = 4 };

typedef struct found {
    const char *name;
    const pk_tensor *tensor;
} found;

typedef struct walk {
    const torch_file *f;
    size_t steps;
    char name[MOST_NAME + 1];
    size_t length;
    found *list; /* owned */
    size_t n, room;
    char taken[256]; /* the tree, as it may be written in the setting */
    bool choice;     /* another one could have been taken */
} walk;

static const char *const usual[] = { "model_ema", "model", "module", "state_dict",
                                     "model_state_dict" };
enum { N_USUAL = sizeof usual / sizeof *usual };

static omn_status endless(const walk *w, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: its pickle holds more than %d values or values within values deeper than "
                    "%d",
                    w->f->path, MOST_STEPS, MOST_DEPTH);
}

static bool is_dict(const pk *v)
{
    return v->kind == PK_DICT || v->kind == PK_RECORD;
}

static bool is_list(const pk *v)
{
    return v->kind == PK_LIST || v->kind == PK_TUPLE;
}

/* Is there a tensor somewhere in it? */
static bool holds(walk *w, const pk *v, int depth)
{
    if (v->kind == PK_TENSOR) return true;
    if (depth == MOST_DEPTH || (!is_dict(v) && !is_list(v))) return false;
    const size_t step = is_dict(v) ? 2 : 1;
    for (size_t i = step - 1; i < v->u.list.n; i += step) {
        if (w->steps >= MOST_STEPS) return false;
        w->steps++;
        if (holds(w, v->u.list.of[i], depth + 1)) return true;
    }
    return false;
}

static bool holds_directly(const pk *v)
{
    for (size_t i = 1; is_dict(v) && i < v->u.list.n; i += 2)
        if (v->u.list.of[i]->kind == PK_TENSOR) return true;
    return false;
}

/* ---- which tree ----------------------------------------------------------------------------- */

/* The keys of a dict under which tensors are, "a, b", appended. */
static void put_keys(walk *w, const pk *v, omn_buf *b)
{
    size_t told = 0;
    for (size_t i = 0; is_dict(v) && i + 1 < v->u.list.n; i += 2) {
        const pk *key = v->u.list.of[i];
        if (key->kind != PK_TEXT || !holds(w, v->u.list.of[i + 1], 1)) continue;
        if (told == MOST_TOLD) {
            omn_buf_puts(b, ", ..");
            return;
        }
        omn_buf_puts(b, told++ ? ", " : "");
        omn_buf_put(b, key->u.text.s, key->u.text.n < 60 ? key->u.text.n : 60);
    }
}

/* The value at this path of keys, which may have points themselves; NULL: none. */
static const pk *follow(walk *w, const pk *v, const char *path)
{
    char key[256];
    const pk *whole = is_dict(v) ? pk_get(v, path) : NULL;
    if (whole) return whole;
    for (const char *dot = path; (dot = strchr(dot, '.')); dot++) {
        const size_t n = (size_t)(dot - path);
        if (n >= sizeof key || w->steps++ >= MOST_STEPS) return NULL;
        memcpy(key, path, n);
        key[n] = 0;
        const pk *part = is_dict(v) ? pk_get(v, key) : NULL;
        const pk *rest = part ? follow(w, part, dot + 1) : NULL;
        if (rest) return rest;
    }
    return NULL;
}

/* The only value with tensors; NULL: there are several, or none. */
static const pk *only_one(walk *w, const pk *v, const pk **key)
{
    const pk *one = NULL;
    for (size_t i = 0; i + 1 < v->u.list.n; i += 2) {
        if (v->u.list.of[i]->kind != PK_TEXT || !is_dict(v->u.list.of[i + 1]) ||
            !holds(w, v->u.list.of[i + 1], 1))
            continue;
        if (one) return NULL;
        one = v->u.list.of[i + 1];
        *key = v->u.list.of[i];
    }
    return one;
}

static void note_taken(walk *w, const char *key, size_t n)
{
    const size_t at = strlen(w->taken);
    snprintf(w->taken + at, sizeof w->taken - at, "%s%.*s", at ? "." : "", n < 200 ? (int)n : 200,
             key);
}

/* One level down; NULL: this level is the state dict. */
static const pk *descend(walk *w, const pk *v)
{
    const pk *best = NULL, *key = NULL;
    if (v->kind != PK_DICT) return NULL;
    for (size_t i = 0; i < N_USUAL; i++) {
        const pk *part = pk_get(v, usual[i]);
        if (!part || !is_dict(part) || !holds(w, part, 1)) continue;
        if (best) {
            w->choice = true;
            continue;
        }
        best = part;
        note_taken(w, usual[i], strlen(usual[i]));
    }
    if (best || holds_directly(v)) return best;
    best = only_one(w, v, &key);
    if (best) note_taken(w, key->u.text.s, key->u.text.n);
    return best;
}

/* Are there tensors elsewhere than under what was taken? keys: where there are some. */
static bool left_out(const char *taken, const char *keys)
{
    const size_t n = strlen(keys);
    return strncmp(taken, keys, n) != 0 || (taken[n] != '.' && taken[n] != '\0');
}

static omn_status choose(walk *w, const pk *root, const pk **out, omn_error *err)
{
    omn_buf keys;
    omn_status st = OMN_OK;
    const char *tree = w->f->tree;
    omn_buf_init(&keys, 2048);
    *out = root;
    put_keys(w, root, &keys);
    char others[1024];
    snprintf(others, sizeof others, "%s", keys.failed ? "" : keys.data);
    omn_text_clean(others);
    if (keys.failed && !keys.full)
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its names", w->f->path);
    if (st != OMN_OK) goto done;
    if (*tree) {
        *out = follow(w, root, tree);
        if (!*out || !holds(w, *out, 0))
            st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: tree=%.80s: there are no tensors; %s%s",
                          w->f->path, tree, *others ? "they are under " : "there are none at all",
                          others);
        else
            note_taken(w, tree, strlen(tree));
    } else {
        const pk *next = root;
        for (int level = 0; level < LEVELS && (next = descend(w, *out)); level++) *out = next;
    }
    omn_text_clean(w->taken);
    if (st == OMN_OK && w->taken[0]) {
        st = omn_weights_list_note(w->f->out, "tree", w->taken, err);
        if (st == OMN_OK) st = omn_weights_list_note(w->f->out, "trees", others, err);
        if (!*tree)
            omn_call_log(w->f->call, w->choice || left_out(w->taken, others) ? OMN_LOG_WARN
                                                                             : OMN_LOG_INFO,
                         "%s: takes the tensors under %s; it has some under %s "
                         "(\"%s?tree=NAME\" takes others)",
                         w->f->path, w->taken, others, w->f->path);
    }
done:
    omn_buf_fini(&keys);
    return st;
}

/* ---- its tensors ---------------------------------------------------------------------------- */

static omn_status add(walk *w, const pk_tensor *t, omn_error *err)
{
    if (w->n == w->room) {
        const size_t room = w->room ? 2 * w->room : 256;
        found *more = reallocarray(w->list, room, sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its names", w->f->path);
        w->list = more;
        w->room = room;
    }
    const char *name = omn_arena_strndup(w->f->a, w->name, w->length);
    if (!name) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its names", w->f->path);
    w->list[w->n++] = (found){ name, t };
    return OMN_OK;
}

/* A key onto the name. */
static omn_status put_key(walk *w, const pk *key, size_t index, omn_error *err)
{
    char number[32];
    const char *text = number;
    size_t n = 0;
    if (key && key->kind == PK_TEXT) {
        text = key->u.text.s;
        n = key->u.text.n;
    } else {
        const long long i = key && key->kind == PK_INT ? (long long)key->u.i : (long long)index;
        n = (size_t)snprintf(number, sizeof number, "%lld", i);
    }
    if (n == 0 || memchr(text, 0, n))
        return omn_fail(err, OMN_ERR_DATA, "%s: a key of its dicts is empty or has a 0 in it",
                        w->f->path);
    if (n + 1 > MOST_NAME - w->length)
        return omn_fail(err, OMN_ERR_DATA, "%s: a name is longer than %d bytes", w->f->path,
                        MOST_NAME);
    if (w->length) w->name[w->length++] = '.';
    memcpy(w->name + w->length, text, n);
    w->length += n;
    return OMN_OK;
}

static omn_status collect(walk *w, const pk *v, int depth, omn_error *err)
{
    omn_status st = OMN_OK;
    if (v->kind == PK_TENSOR) return add(w, &v->u.tensor, err);
    if (!is_dict(v) && !is_list(v)) return OMN_OK;
    if (depth == MOST_DEPTH) return endless(w, err);
    const size_t step = is_dict(v) ? 2 : 1, length = w->length;
    for (size_t i = 0; i + step <= v->u.list.n && st == OMN_OK; i += step) {
        const pk *value = v->u.list.of[i + step - 1];
        if (w->steps++ >= MOST_STEPS) return endless(w, err);
        if (value->kind != PK_TENSOR && !is_dict(value) && !is_list(value)) continue;
        st = put_key(w, step == 2 ? v->u.list.of[i] : NULL, i, err);
        if (st == OMN_OK) st = collect(w, value, depth + 1, err);
        w->length = length;
    }
    return st;
}

bool storage_bytes(const pk_storage *s, uint64_t *all)
{
    const omn_type_info *type = omn_type_get(s->type);
    size_t bytes;
    if (s->all > SIZE_MAX || !omn_size_mul((size_t)s->all, type ? type->bytes : 1, &bytes))
        return false;
    *all = bytes;
    return true;
}

static omn_status place(const walk *w, const found *x, const char *name, omn_error *err)
{
    const pk_tensor *t = x->tensor;
    const pk_storage *s = t->storage;
    const omn_type_info *type = omn_type_get(t->type), *unit = omn_type_get(s->type);
    size_t skip, to;
    omn_weights_place p = { OMN_FILL(omn_weights_place), .map = w->f->map, .name = name,
                            .type = t->type, .shape = t->shape, .strides = t->stride };
    if (t->deep)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %.100s: more than 6 axes", w->f->path, name);
    omn_status st = w->f->place(w->f, s, &p.from, &p.end, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "tensor %.100s", name);
        return st;
    }
    p.end += p.from; /* it was their number; the file has them */
    const size_t each = unit ? unit->bytes : 1;
    if (t->first > SIZE_MAX || !omn_size_mul((size_t)t->first, type->bytes, &skip) ||
        !omn_size_add(skip, (size_t)s->first * each, &to) || to > p.end - p.from)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %.100s: begins behind its storage",
                        w->f->path, name);
    p.end = p.from + (s->first + s->count) * each;
    p.at = p.from + to;
    return omn_weights_list_add(w->f->out, &p, err);
}

/* Programs for several devices put "module." in front of all names. */
static size_t common_prefix(const walk *w)
{
    static const char front[] = "module.";
    const size_t n = sizeof front - 1;
    for (size_t i = 0; i < w->n; i++)
        if (strncmp(w->list[i].name, front, n) != 0 || !w->list[i].name[n]) return 0;
    return w->n ? n : 0;
}

static omn_status put_data(const walk *w, const pk *root, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)256 << 10);
    data_put(root, &b);
    omn_status st = OMN_OK;
    if (b.failed && !b.full)
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for what it holds beside tensors",
                      w->f->path);
    if (!b.failed && b.length > 2) st = omn_weights_list_note(w->f->out, "data", b.data, err);
    omn_buf_fini(&b);
    return st;
}

omn_status tree_list(const torch_file *f, const pk *root, omn_error *err)
{
    omn_status st = OMN_OK;
    const pk *tree = root;
    walk *w = calloc(1, sizeof *w);
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its names", f->path);
    w->f = f;
    if (root->kind == PK_TENSOR) /* one tensor alone has no name */
        w->length = (size_t)snprintf(w->name, sizeof w->name, "tensor");
    OMN_TRY(choose(w, root, &tree, err));
    OMN_TRY(collect(w, tree, 0, err));
    if (w->n == 0) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: it holds no tensors", f->path);
        goto done;
    }
    const size_t front = common_prefix(w);
    if (front) {
        OMN_TRY(omn_weights_list_note(f->out, "prefix", "module.", err));
        omn_call_log(f->call, OMN_LOG_INFO, "%s: \"module.\" in front of all names is left out",
                     f->path);
    }
    for (size_t i = 0; i < w->n; i++) OMN_TRY(place(w, &w->list[i], w->list[i].name + front, err));
    if (root->kind != PK_RECORD) OMN_TRY(put_data(w, root, err)); /* modules have attributes */
done:
    free(w->list);
    free(w);
    return st;
}
