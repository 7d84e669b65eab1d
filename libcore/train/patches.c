/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs of which encoders see some places alone: those that a page hides (masked denoising: what
 * is to be found never enters the encoder, as in Unified-IO 2 and masked autoencoders), and those
 * for which there is no room, chosen at random for each page (as Unified-IO sees 128 patches of a
 * picture, or as a budget divided among the page's inputs). What is left moves to the front; its
 * port "pos" says which places those are. A choice follows from the seed and the page's number. */
#include "masking.h"
#include "trainer.h"

#include <math.h>
#include <string.h>

#define STREAM 0x7061746368

/* The ports of a role that tell which places there are. */
static const omn_port *port_of(const role *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_ports; i++)
        if (!strcmp(r->ports[i].name, name)) return &r->ports[i];
    return NULL;
}

/* Places of an encoder that can be left out one by one; 0: they cannot. */
static uint32_t places_of(const role *r)
{
    const omn_port *pos = port_of(r, "pos"), *seg = port_of(r, "seg");
    if (!pos || !seg || pos->type != OMN_I32 || seg->type != OMN_I32 || pos->most.rank != 1 ||
        seg->most.rank != 1)
        return 0;
    for (uint32_t i = 0; i < r->n_ports; i++)
        if (r->ports[i].most.dim[0] != pos->most.dim[0] || r->ports[i].varies != 1) return 0;
    return (uint32_t)pos->most.dim[0];
}

uint32_t patches_places(const omn_part *encoder, uint32_t *rows, uint32_t *columns)
{
    const void *impl = NULL, *self = omn_part_self(encoder, "omnio.encoder/1", &impl);
    const omn_encoder_impl *e = impl;
    role r = { .name = omn_part_role(encoder) };
    *rows = *columns = 0;
    if (!self || !e) return 0;
    r.n_ports = e->ports(self, &r.ports);
    const omn_grid_impl *g = e->extension ? e->extension("omnio.grid/1") : NULL;
    const omn_features_impl *f = e->extension ? e->extension("omnio.features/1") : NULL;
    if (g) g->grid(self, rows, columns);
    else if (f && f->grid) f->grid(self, rows, columns);
    const uint32_t n = places_of(&r);
    return (uint64_t)*rows * *columns == n ? n : 0;
}

static const omn_train_patches *rule_of(const omn_train_setup *u, const char *name)
{
    for (uint32_t i = 0; i < u->n_patches; i++)
        if (!strcmp(u->patches[i].role, name)) return &u->patches[i];
    return NULL;
}

static omn_status rule_fits(const omn_trainer *t, const omn_train_patches *p, omn_error *err)
{
    bool there = false;
    for (uint32_t i = 0; i < t->n_roles; i++) {
        if (strcmp(t->roles[i].name, p->role)) continue;
        there = true;
        if (t->roles[i].is_text || !places_of(&t->roles[i]))
            return omn_fail(err, OMN_ERR_UNSUPPORTED,
                            "patches: the encoder of \"%s\" cannot leave some of its places out",
                            p->role);
    }
    if (!there)
        return omn_fail(err, OMN_ERR_ARGUMENT, "patches: no lesson has an input \"%s\"", p->role);
    if (!(p->alpha >= 0) || !isfinite(p->alpha) || (!p->most && !(p->alpha > 0)))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "patches: \"%s\" has %u places and the share %g: one of them above 0 is "
                        "wanted", p->role, p->most, p->alpha);
    if (t->setup.aux > 0 && !strcmp(p->role, t->setup.aux_role))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "patches: the auxiliary loss wants all cells of \"%s\"", p->role);
    return OMN_OK;
}

omn_status patches_open(omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_train_setup *u = &t->setup;
    bool shared = false;
    omn_train_patches *own = omn_arena_alloc(t->arena, u->n_patches + 1u, sizeof *own);
    if (!own) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
    for (uint32_t i = 0; i < u->n_patches; i++) {
        own[i] = u->patches[i];
        if (!(own[i].role = omn_arena_strdup(t->arena, own[i].role)))
            return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
        OMN_TRY(rule_fits(t, &own[i], err));
        shared = shared || own[i].alpha > 0;
    }
    u->patches = own;
    if (shared != (u->budget > 0))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "patches: a budget and inputs that take part in it go together");
    for (uint32_t i = 0; i < t->n_roles; i++) {
        role *r = &t->roles[i];
        const omn_train_patches *p = rule_of(u, r->name);
        uint32_t n = p && p->most ? p->most : 0;
        if (p && p->alpha > 0 && (!n || u->budget < n)) n = u->budget;
        r->most = n && n < places_of(r) ? n : 0;
    }
done:
    return st;
}

/* ---- a page --------------------------------------------------------------------------------- */

/* An input of a page: which of its prepared places stay. */
typedef struct chosen {
    const omn_train_patches *rule;
    bool some;                            /* some are hidden */
    uint32_t n, rows, keep;               /* n of rows may stay, keep of them do */
    uint32_t *list;                       /* [n] */
} chosen;

static const omn_hidden *hidden_of(const omn_page *p, const role *r)
{
    for (uint32_t i = 0; i < p->n_hidden; i++)
        if (p->hidden[i].number == r->number && !strcmp(p->hidden[i].role, r->name))
            return &p->hidden[i];
    return NULL;
}

/* The places that are real and not hidden. */
static omn_status look(const omn_trainer *t, made *m, uint32_t r, chosen *out, omn_error *err)
{
    const omn_hidden *h = hidden_of(&m->page, &t->roles[r]);
    const omn_tensor *seg = omn_feed_get(m->feeds[r], "seg"),
                     *pos = omn_feed_get(m->feeds[r], "pos");
    *out = (chosen){ .rule = rule_of(&t->setup, t->roles[r].name), .some = h != NULL };
    if (!out->rule && !h) return OMN_OK;
    if (!places_of(&t->roles[r]) || !seg || !pos || seg->bytes != pos->bytes)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "the encoder of \"%s\" cannot leave some of its places out",
                        t->roles[r].name);
    const int32_t *real = seg->data, *at = pos->data;
    out->rows = (uint32_t)(seg->bytes / sizeof *real);
    out->list = omn_arena_alloc(m->arena, out->rows + 1u, sizeof *out->list);
    if (!out->list) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a page of lessons");
    for (uint32_t i = 0; i < out->rows; i++) {
        if (h && (at[i] < 0 || (uint32_t)at[i] >= h->n))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "\"%s\" has a place %d, the page tells of %u which are hidden",
                            t->roles[r].name, at[i], h->n);
        if (real[i] && !(h && h->hidden[at[i]])) out->list[out->n++] = i;
    }
    out->keep = out->n;
    if (out->rule && out->rule->most && out->keep > out->rule->most) out->keep = out->rule->most;
    return OMN_OK;
}

/* The rows of a feed that are in the list, in front; one that is not real where there is none. */
static omn_status gather(made *m, uint32_t r, const chosen *x, const role *e, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *some = NULL;
    OMN_TRY(omn_feed_make(&some, err));
    for (uint32_t i = 0; i < e->n_ports; i++) {
        const omn_tensor *from = omn_feed_get(m->feeds[r], e->ports[i].name);
        void *to = NULL;
        if (!from || (uint32_t)from->shape.dim[0] != x->rows) {
            st = omn_fail(err, OMN_ERR_PLUGIN, "the encoder of \"%s\" made no \"%s\" of %u places",
                          e->name, e->ports[i].name, x->rows);
            goto done;
        }
        const size_t each = from->bytes / x->rows;
        omn_shape shape = from->shape;
        shape.dim[0] = x->keep ? x->keep : 1;
        OMN_TRY(omn_feed_new(some, e->ports[i].name, from->type, shape, &to, err));
        for (uint32_t k = 0; k < x->keep; k++)
            memcpy((char *)to + k * each, (const char *)from->data + x->list[k] * each, each);
    }
    omn_feed_free(m->feeds[r]);
    m->feeds[r] = some;
    return OMN_OK;
done:
    omn_feed_free(some);
    return st;
}

/* What a page hides is there to be hidden. */
static omn_status are_seen(const omn_trainer *t, const made *m, omn_error *err)
{
    for (uint32_t i = 0; i < m->page.n_hidden; i++) {
        const omn_hidden *h = &m->page.hidden[i];
        bool seen = false;
        for (uint32_t r = 0; r < t->n_roles; r++)
            seen = seen || (m->has[r] && h->number == t->roles[r].number &&
                            !strcmp(h->role, t->roles[r].name));
        if (!seen)
            return omn_fail(err, OMN_ERR_ARGUMENT, "places of \"%s\" are hidden, no lesson of the "
                            "page sees it", h->role);
    }
    return OMN_OK;
}

/* The budget is divided among the page's inputs that take part in it. */
static void divide(const omn_trainer *t, denoise_dice *d, chosen *all)
{
    double alpha[MOST_ROLES];
    uint32_t most[MOST_ROLES], share[MOST_ROLES], which[MOST_ROLES], n = 0;
    for (uint32_t r = 0; r < t->n_roles; r++) {
        if (!all[r].rule || !(all[r].rule->alpha > 0) || !all[r].list) continue;
        alpha[n] = all[r].rule->alpha;
        most[n] = all[r].keep;
        which[n++] = r;
    }
    masking_share(d, alpha, n, t->setup.budget, most, share);
    for (uint32_t i = 0; i < n; i++) all[which[i]].keep = share[i];
}

omn_status patches_choose(const omn_trainer *t, made *m, uint64_t index, omn_error *err)
{
    omn_status st = OMN_OK;
    chosen all[MOST_ROLES] = { { 0 } };
    denoise_dice d = { omn_random_at(t->setup.seed, STREAM, index), STREAM, 0 };
    if (!t->setup.n_patches && !m->page.n_hidden) return OMN_OK;
    OMN_TRY(are_seen(t, m, err));
    for (uint32_t r = 0; r < t->n_roles; r++)
        if (m->has[r]) OMN_TRY(look(t, m, r, &all[r], err));
    if (t->setup.budget) divide(t, &d, all);
    for (uint32_t r = 0; r < t->n_roles; r++) {
        chosen *x = &all[r];
        uint32_t *some;
        const uint32_t room = t->roles[r].most ? t->roles[r].most : x->rows;
        if (!x->list || (!x->some && x->keep == x->n && x->rows <= room)) continue;
        if (!(some = omn_arena_alloc(m->arena, x->keep + 1u, sizeof *some)))
            return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a page of lessons");
        masking_choose(&d, x->n, x->keep, some);
        for (uint32_t k = 0; k < x->keep; k++) some[k] = x->list[some[k]];
        x->list = some;
        OMN_TRY(gather(m, r, x, &t->roles[r], err));
    }
done:
    return st;
}
