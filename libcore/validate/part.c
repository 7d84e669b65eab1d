/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders and decoders: the ports that they declare, and what they put into them. */
#include "inside.h"

#include "libcore/tensor/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_ports(trial *t, const omn_port *list, uint32_t n)
{
    if (n && !list) complain(t, "ports counts %u and lists none", n);
    for (uint32_t i = 0; i < n && list; i++) {
        const omn_port *p = &list[i];
        if (!p->name || !p->name[0] || !omn_type_get(p->type)) {
            complain(t, "port %u has no name or no type", i);
            continue;
        }
        if (p->most.rank >= OMN_MAX_RANK)
            complain(t, "port %s has %u axes, and a batch axis is to come", p->name, p->most.rank);
        if (p->varies >> p->most.rank)
            complain(t, "port %s: an axis varies that it has not", p->name);
        for (uint32_t k = 0; k < p->most.rank && k < OMN_MAX_RANK; k++)
            if (p->most.dim[k] < 1)
                complain(t, "port %s has an axis of %lld", p->name, (long long)p->most.dim[k]);
        for (uint32_t k = 0; k < i; k++)
            if (list[k].name && strcmp(list[k].name, p->name) == 0)
                complain(t, "two ports are called %s", p->name);
    }
}

/* One tensor for each port, of its type, within its largest shape, shorter only where it varies. */
static void check_feed(trial *t, const omn_feed *f, const omn_port *list, uint32_t n)
{
    char a[160], b[160];
    for (uint32_t i = 0; i < n; i++) {
        const omn_port *p = &list[i];
        const omn_tensor *x = omn_feed_get(f, p->name);
        if (!x) {
            complain(t, "prepare leaves out the port %s", p->name);
            continue;
        }
        bool fits = x->type == p->type && x->shape.rank == p->most.rank;
        for (uint32_t k = 0; fits && k < x->shape.rank; k++)
            fits =
                x->shape.dim[k] == p->most.dim[k] ||
                (x->shape.dim[k] < p->most.dim[k] && x->shape.dim[k] >= 0 && (p->varies >> k & 1));
        if (!fits)
            complain(t, "prepare gives the port %s %s instead of %s", p->name,
                     omn_shape_text(&x->shape, a, sizeof(a)),
                     omn_shape_text(&p->most, b, sizeof(b)));
        t->digest = bytes_digest(t->digest, x->data, x->bytes);
    }
    if (omn_feed_count(f) > n) complain(t, "prepare makes tensors that are no ports");
    const char *name = feed_overrun(f);
    if (name) complain(t, "prepare writes beyond the end of the port %s", name);
}

/* ---- encoders ---------------------------------------------------------------------------------
 */

static void encoder_call(trial *t)
{
    const omn_encoder_impl *m = t->s->impl;
    const omn_port *list = NULL;
    const uint32_t n = m->ports(t->s->self, &list);
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    bool known = true;
    omn_frame frame = { .source = 0x5a5a5a5a };
    check_ports(t, list, n);
    omn_value *v = value_make(&t->d, m->accepts, t->hostile, &known);
    if (!known)
        snprintf(t->left_out, sizeof(t->left_out), "no value of kind %.60s is made here",
                 m->accepts);
    if (v && !t->found[0] && omn_feed_make(&f, NULL) == OMN_OK) {
        const omn_status st = m->prepare(t->s->self, t->c, v, f, &frame, &err);
        if (judge(t, "prepare", st, &err)) check_feed(t, f, list, n);
        if (st == OMN_OK && omn_value_image(v) && frame.source == 0x5a5a5a5a)
            complain(t, "prepare does not say where its view lies in the picture (frame)");
        const char *name = feed_overrun(f);
        if (name) complain(t, "prepare writes beyond the end of the port %s", name);
    }
    omn_feed_free(f);
    omn_value_unref(v);
}

const craft craft_encoder = { "omnio.encoder/1", NULL, encoder_call, NULL, true };

/* ---- decoders ---------------------------------------------------------------------------------
 */

static void check_codes(trial *t, const omn_codes *c)
{
    if (!c) {
        complain(t, "codes says nothing");
        return;
    }
    if (c->codes < 1 || c->count < 0) complain(t, "codes says that there are %d", (int)c->codes);
    if (c->stop < -1 || c->stop >= c->codes || c->blank < -1 || c->blank >= c->codes)
        complain(t, "codes: stop and blank are codes, or -1");
    if (c->count == 0 && c->stop < 0)
        complain(t, "codes: answers without a count and without a stop");
}

static omn_value *decoded(trial *t, const int32_t *codes, size_t n)
{
    const omn_decoder_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = POISON;
    fenced f;
    if (!m->decode || !fenced_make(&f, n * sizeof(*codes))) return NULL;
    if (n) memcpy(f.data, codes, n * sizeof(*codes));
    const omn_status st = m->decode(t->s->self, t->c, (const int32_t *)(void *)f.data, n, &v, &err);
    fenced_free(&f);
    judge(t, "decode", st, &err);
    if (!judge_output(t, "decode", st, v)) return NULL;
    if (strcmp(value_kind_of(v), m->makes) != 0)
        complain(t, "decode makes %s, not %s", value_kind_of(v), m->makes);
    t->digest = value_digest(t->digest, v);
    return v;
}

static void decoder_call(trial *t)
{
    const omn_decoder_impl *m = t->s->impl;
    const omn_codes *c = m->codes(t->s->self);
    const omn_port *in = NULL, *out = NULL;
    uint32_t n_out = 0;
    int32_t codes[256];
    size_t n = dice_roll(&t->d, 64), count = 0;
    bool known = true;
    omn_error err = OMN_ERROR_INIT;
    check_codes(t, c);
    if (m->ports) {
        check_ports(t, in, 0);
        const uint32_t n_in = m->ports(t->s->self, &in, &n_out, &out);
        check_ports(t, in, n_in);
        check_ports(t, out, n_out);
    }
    if (t->found[0] || !c) return;
    for (size_t i = 0; i < n; i++)
        codes[i] = t->hostile ? (int32_t)(uint32_t)dice_bits(&t->d)
                              : (int32_t)dice_roll(&t->d, (uint64_t)c->codes);
    omn_value_unref(decoded(t, codes, n));
    if (!m->encode) return;
    omn_value *v = value_make(&t->d, m->makes, t->hostile, &known);
    if (v) {
        const omn_status st = m->encode(t->s->self, t->c, v, codes, 256, &count, &err);
        if (judge(t, "encode", st, &err) && count > 256)
            complain(t, "encode says that %zu codes are in a room for 256", count);
        for (size_t i = 0; st == OMN_OK && i < count && i < 256; i++)
            if (codes[i] < 0 || codes[i] >= c->codes)
                complain(t, "encode makes the code %d of %d", (int)codes[i], (int)c->codes);
    }
    omn_value_unref(v);
}

const craft craft_decoder = { "omnio.decoder/1", NULL, decoder_call, NULL, true };
