/* SPDX-License-Identifier: Apache-2.0 */
/* FLAVA's graphs. It writes nothing: it places pictures and texts, tells whether they belong
 * together, and finds what was hidden. What is hidden is asked for as an answer: words (the ids
 * that are given have masks) and the codes of patches, of which omn_target.noised says the ones
 * that are not shown; of a text or a picture alone by its own encoder's head, of a pair by those
 * behind the multimodal one. Pairs alone, nothing asked, teach by the contrastive loss and by
 * matching, with the wrong pairs that are most alike. */
#include "flava.h"

#include "named.h"

#include "../golden/taught.h"

/* What is given and what is asked for. */
typedef struct request {
    const omn_given *picture, *text;
    const omn_target *words, *codes;
} request;

static bool read_request(const flava *k, const omn_build *rq, request *r)
{
    *r = (request){ NULL, NULL, NULL, NULL };
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_given *g = &rq->inputs[i], **to = g->part == k->pixels ? &r->picture : &r->text;
        if (*to || (g->part != k->pixels && g->part != k->words)) return false;
        *to = g;
    }
    for (uint32_t i = 0; i < rq->n_targets; i++)
        *(rq->targets[i]->part == k->hidden ? &r->words : &r->codes) = rq->targets[i];
    return true;
}

/* The first token of a side as a vector of length 1. */
static omn_node *vector(const flava *k, omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *p = omn_scope_at(s, "%s", k->root);
    x = named_linear(p, name, named_first(s, x), k->projection, true);
    return omn_l2_norm(s, x, 1e-12);
}

static omn_node *match(const flava *k, omn_scope *s, const flava_states *picture,
                       const flava_states *words)
{
    omn_scope *h = omn_scope_at(s, "/itm_head"), *p = omn_scope_at(h, "pooler");
    omn_node *x = named_first(s, flava_pair(k, s, picture, words));
    x = omn_activate(p, named_linear(p, "dense", x, k->D, true), OMN_ACT_TANH);
    return named_linear(h, "seq_relationship", x, 2, true);
}

/* Right pairs, then each text with a wrong picture, then each picture with a wrong text. */
static void put_match(const flava *k, omn_scope *s, const flava_states *picture,
                      const flava_states *words, omn_node *seen, omn_node *said, omn_bundle *out)
{
    const int64_t B = omn_node_dim(said, 0), n = B > 1 ? 3 : 1;
    omn_node *p[3] = { picture->raw, NULL, picture->raw }, *t[3] = { words->raw, words->raw };
    omn_node *seg[3] = { words->seg, words->seg };
    if (n > 1) {
        omn_node *row = pairs_most_alike(s, seen, said);
        p[1] = pairs_pick(s, picture->raw, pairs_most_alike(s, said, seen));
        t[2] = pairs_pick(s, words->raw, row);
        seg[2] = pairs_pick(s, words->seg, row);
    }
    const flava_states all = { .raw = omn_concat(s, p, (size_t)n, 0),
                               .seg = named_filled(s, n * B, omn_node_dim(picture->raw, 1), 1) };
    const flava_states texts = { .raw = omn_concat(s, t, (size_t)n, 0),
                                 .seg = omn_concat(s, seg, (size_t)n, 0) };
    omn_bundle_put(out, s, "logits.match", match(k, s, &all, &texts));
    omn_bundle_put(out, s, "labels.match", pairs_labels(s, B, n));
}

static void compare(const flava *k, omn_scope *s, const omn_build *rq, const request *r,
                    omn_bundle *out)
{
    flava_states p = { NULL, NULL, NULL }, t = { NULL, NULL, NULL };
    omn_node *seen = NULL, *said = NULL;
    if (r->picture) {
        p = flava_picture(k, s, r->picture, NULL);
        seen = vector(k, s, "image_projection", p.x);
        omn_bundle_put(out, s, "embedding.image", seen);
    }
    if (r->text) {
        t = flava_words(k, s, omn_bundle_get(r->text->in, s, "ids"),
                        omn_bundle_get(r->text->in, s, "seg"));
        said = vector(k, s, "text_projection", t.x);
        omn_bundle_put(out, s, "embedding.text", said);
    }
    if (rq->phase == OMN_TEACH)
        omn_bundle_put(out, s, "logit_scale",
                       omn_weight(omn_scope_at(s, "%s", k->root), "logit_scale", omn_dim1(1),
                                  OMN_INIT_CONST, k->scale_init));
    if (!r->picture || !r->text) return;
    if (k->heads && rq->phase == OMN_TEACH) put_match(k, s, &p, &t, seen, said, out);
    else if (k->heads) omn_bundle_put(out, s, "class.match", match(k, s, &p, &t));
    else omn_bundle_put(out, s, "tokens.pair", flava_pair(k, s, &p, &t));
    if (!k->heads)
        omn_bundle_put(out, s, "seg.pair",
                       named_filled(s, omn_node_dim(p.raw, 0),
                                    k->cls + omn_node_dim(p.raw, 1) + omn_node_dim(t.raw, 1), 1));
}

/* Logits of what was hidden, of n places from the `from`-th of x. */
static void put_hidden(const flava *k, omn_scope *s, const omn_build *rq, const char *head,
                       const omn_target *t, omn_node *x, int64_t from, int64_t rows,
                       omn_bundle *out)
{
    omn_scope *h = omn_scope_at(s, "/%s", head), *f = omn_scope_at(h, "transform");
    x = omn_slice(s, x, 1, from, omn_node_dim(t->ids, 1));
    x = omn_activate(f, named_linear(f, "dense", x, k->D, true), OMN_ACT_GELU_ERF);
    x = named_linear(h, "decoder", named_norm(f, "LayerNorm", k->text.eps, x), rows, false);
    x = omn_add(h, x, omn_weight(h, "bias", omn_dim1(rows), OMN_INIT_ZERO, 0));
    omn_node *loss = taught_put(s, rq, t, x, 0, out), *sum = omn_bundle_find(out, "loss");
    if (loss && sum) omn_bundle_replace(out, s, "loss", omn_add(s, sum, loss));
    else if (loss) omn_bundle_put(out, s, "loss", loss);
}

/* exact: a target of codes has a place for each patch, as who only asks for weights does not see
 * to. */
static void hidden(const flava *k, omn_scope *s, const omn_build *rq, const request *r, bool exact,
                   omn_bundle *out)
{
    flava_states p = { NULL, NULL, NULL }, t = { NULL, NULL, NULL };
    if (r->codes && (!r->picture ||
                     (exact && omn_node_dim(r->codes->ids, 1) != k->patches))) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "FLAVA finds the codes of a picture's %lld patches "
                       "in the picture: it is wanted, with a target of so many",
                       (long long)k->patches);
        return;
    }
    if (r->picture) p = flava_picture(k, s, r->picture, r->codes ? r->codes->noised : NULL);
    if (r->words) t = flava_words(k, s, r->words->ids, r->words->seg);
    if (!p.x || !t.x) {
        if (r->words) put_hidden(k, s, rq, "mlm_head", r->words, t.x, 0, k->rows, out);
        if (r->codes) put_hidden(k, s, rq, "mim_head", r->codes, p.x, 1, k->codes, out);
        return;
    }
    omn_node *x = flava_pair(k, s, &p, &t);
    const int64_t before = k->cls + omn_node_dim(p.x, 1);
    if (r->codes)
        put_hidden(k, s, rq, "mmm_image_head", r->codes, x, k->cls + 1, k->codes, out);
    put_hidden(k, s, rq, "mmm_text_head", r->words, x, before, k->rows, out);
}

/* Who only asks for the weights gives all there is once: those of heads that a pair does not use
 * are named as well. */
static void mention(const flava *k, omn_scope *s)
{
    static const struct {
        const char *head;
        bool words;
    } heads[] = { { "mlm_head", true }, { "mim_head", false }, { "mmm_image_head", false },
                  { "mmm_text_head", true } };
    for (int i = 0; i < 4; i++) {
        omn_scope *h = omn_scope_at(s, "/%s", heads[i].head);
        const int64_t rows = heads[i].words ? k->rows : k->codes;
        omn_node *x = named_filled(h, 1, k->D, 0);
        omn_scope *f = omn_scope_at(h, "transform");
        x = omn_reshape(h, omn_cast(h, x, OMN_F32), omn_dim3(1, 1, k->D));
        x = named_norm(f, "LayerNorm", k->text.eps, named_linear(f, "dense", x, k->D, true));
        named_linear(h, "decoder", x, rows, false);
        omn_weight(h, "bias", omn_dim1(rows), OMN_INIT_ZERO, 0);
    }
}

void flava_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const flava *k = self;
    request r;
    s = omn_scope_at(s, "/");
    if (rq->in_map || rq->phase == OMN_ENCODE || rq->phase == OMN_STEP) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "FLAVA writes nothing, it embeds pictures and texts "
                       "(embedding.image, class.match), and packs no inputs of several examples");
        return;
    }
    if (!read_request(k, rq, &r) || (!rq->n_targets && !r.picture && !r.text)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "FLAVA takes a picture, a text, or one of each");
        return;
    }
    const bool all = rq->n_targets && !rq->targets[0]->labels && r.picture && r.text;
    if (!rq->n_targets || all) compare(k, s, rq, &r, out);
    if (all) mention(k, s);
    if (rq->n_targets) hidden(k, s, rq, &r, !all, out);
}
