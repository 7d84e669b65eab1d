/* SPDX-License-Identifier: Apache-2.0 */
/* decoder uvim.code: maps as the codes that guide them. A map becomes its code by the oracle, which
 * is how the language model is taught; back, words stay words (answer "codes"): the base model
 * draws of them, and of the picture. Where the oracle sees the picture as well, "uvim.words" has
 * the words and no codes of maps, and "uvim.oracle" makes the code of both (answer "guided"). */
#include "uvim.h"

#include <stdlib.h>
#include <string.h>

typedef struct code {
    uvim u;
    omn_codes codes;
    omn_port port[2];                     /* of a map; of its picture */
} code;

static omn_status open_code(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    code *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "uvim: out of memory");
    *self = d;
    const omn_status st = uvim_read(&d->u, params, err);
    if (st != OMN_OK) return st;
    const int64_t each = d->u.patch * d->u.patch * d->u.n_maps;
    d->port[0] = (omn_port){ "labels", OMN_I32, omn_dim2(d->u.places, each), 0 };
    d->port[1] = (omn_port){ "patches", OMN_F32,
                             omn_dim2(d->u.places, 3 * d->u.patch * d->u.patch), 0 };
    d->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = (int32_t)d->u.dict,
                            .count = (int32_t)d->u.code_len, .stop = -1, .blank = -1 };
    return OMN_OK;
}

static const omn_codes *codes(const void *self) { return &((const code *)self)->codes; }

static uint32_t ports(const void *self, const omn_port **in, uint32_t *n_out, const omn_port **out)
{
    *in = *out = ((const code *)self)->port;
    *n_out = 1;
    return 1;
}

static uint32_t ports_of_both(const void *self, const omn_port **in, uint32_t *n_out,
                              const omn_port **out)
{
    return 1 + ports(self, in, n_out, out);
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, const omn_frame *like,
                          omn_feed *out, omn_error *err)
{
    const code *d = self;
    void *data = NULL;
    omn_status st = OMN_OK;
    (void)like;
    OMN_TRY(omn_feed_new(out, "labels", OMN_I32, d->port[0].most, &data, err));
    OMN_TRY(uvim_labels(&d->u, c, v, data, err));
done:
    return st;
}

static omn_status prepare_both(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *like, omn_feed *out, omn_error *err)
{
    const code *d = self;
    void *data = NULL;
    omn_status st = OMN_OK;
    if (omn_list_count(v) != 2)
        return omn_fail(err, OMN_ERR_DATA, "a map and its picture are wanted");
    OMN_TRY(prepare(self, c, omn_list_at(v, 0), like, out, err));
    OMN_TRY(omn_feed_new(out, "patches", OMN_F32, d->port[1].most, &data, err));
    OMN_TRY(uvim_patches(&d->u, c, omn_list_at(v, 1), data, err));
done:
    return st;
}

static omn_node *tokenize(const void *self, omn_scope *s, const omn_bundle *in)
{
    const uvim *u = &((const code *)self)->u;
    omn_node *x = uvim_oracle(u, s, omn_bundle_get(in, s, "labels"),
                              u->context ? omn_bundle_get(in, s, "patches") : NULL);
    x = omn_vector_quantise(s, x, uvim_words(u, s));
    return omn_reshape(s, x, omn_dim2(omn_node_dim(x, 0), u->code_len));
}

/* What the base model makes of a code and no picture, as labels: the graph names its weights to
 * those who ask for them. It is no map of anything, so no value is made of it. */
static void detokenize(const void *self, omn_scope *s, omn_node *ids, omn_bundle *out)
{
    const uvim *u = &((const code *)self)->u;
    const int64_t B = omn_node_dim(ids, 0), P = u->patch * u->patch;
    omn_node *scores[UVIM_MOST_MAPS] = { NULL }, *maps[UVIM_MOST_MAPS];
    float *grey = omn_arena_alloc(omn_scope_arena(s), (size_t)(u->places * 3 * P), sizeof *grey);
    if (!grey) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "uvim: out of memory");
        return;
    }
    memset(grey, 0, (size_t)(u->places * 3 * P) * sizeof *grey);
    omn_node *patches = omn_const(s, OMN_F32, omn_dim3(1, u->places, 3 * P), grey);
    patches = omn_expand(s, patches, omn_dim3(B, u->places, 3 * P));
    uvim_base(u, s, omn_embedding(s, uvim_words(u, s), ids), patches, scores);
    for (int i = 0; i < u->n_maps; i++) maps[i] = omn_argmax(s, scores[i]);
    omn_bundle_put(out, s, "labels", omn_concat(s, maps, (size_t)u->n_maps, 2));
}

static omn_status finish(const void *self, omn_call *c, const omn_feed *in, const omn_frame *like,
                         omn_value **out, omn_error *err)
{
    (void)self;
    (void)c;
    (void)in;
    (void)like;
    (void)out;
    return omn_fail(err, OMN_ERR_UNSUPPORTED, "a guiding code is no map: of it and of the "
                    "picture the base model draws one (embed: embedding.map)");
}

const omn_decoder_impl uvim_code_impl = {
    .makes = "image", .open = open_code, .close = free, .codes = codes, .ports = ports,
    .prepare = prepare, .tokenize = tokenize, .detokenize = detokenize, .finish = finish,
};
const omn_decoder_impl uvim_words_impl = {
    .makes = "image", .open = open_code, .close = free, .codes = codes, .ports = ports,
    .detokenize = detokenize, .finish = finish,
};
const omn_decoder_impl uvim_oracle_impl = {
    .makes = "list", .open = open_code, .close = free, .codes = codes, .ports = ports_of_both,
    .prepare = prepare_both, .tokenize = tokenize, .detokenize = detokenize, .finish = finish,
};
