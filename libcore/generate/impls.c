/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin has to bring that offers a part of a model, a model or a source of examples: the
 * door's view of those structs. */
#include "libcore/plugin/impls.h"

#include <omnio/answer.h>
#include <omnio/learn.h>

#include <string.h>

static const impl_member codec_members[] = {
    IMPL_OPENED(omn_codec_impl),
    IMPL_MEMBER(omn_codec_impl, speaks, IMPL_TEXT),
    IMPL_MEMBER(omn_codec_impl, encode, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_codec_impl, decode, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_codec_impl, pieces, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_codec_impl, piece, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_codec_impl, write, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_codec_impl, read, IMPL_MAYBE_CODE),
};

static const char *codec_wrong(const void *impl)
{
    const omn_codec_impl *m = impl;
    if (strcmp(m->speaks, "text") == 0)
        return m->encode && m->decode && m->pieces && m->piece
                   ? NULL
                   : "speaks text and needs encode, decode, pieces and piece";
    return m->write || m->read ? NULL : "speaks of values and needs write or read";
}

IMPL_SHAPE(impl_codec, "omnio.codec/1", "codec", omn_codec_impl, codec_members, codec_wrong);

static const impl_member encoder_members[] = {
    IMPL_OPENED(omn_encoder_impl),
    IMPL_MEMBER(omn_encoder_impl, accepts, IMPL_TEXT),
    IMPL_MEMBER(omn_encoder_impl, ports, IMPL_CODE),
    IMPL_MEMBER(omn_encoder_impl, prepare, IMPL_CODE),
    IMPL_MEMBER(omn_encoder_impl, embed, IMPL_CODE),
};
IMPL_SHAPE(impl_encoder, "omnio.encoder/1", "encoder", omn_encoder_impl, encoder_members, NULL);

static const impl_member decoder_members[] = {
    IMPL_OPENED(omn_decoder_impl),
    IMPL_MEMBER(omn_decoder_impl, makes, IMPL_TEXT),
    IMPL_MEMBER(omn_decoder_impl, codes, IMPL_CODE),
    IMPL_MEMBER(omn_decoder_impl, encode, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_decoder_impl, decode, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_decoder_impl, ports, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_decoder_impl, prepare, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_decoder_impl, tokenize, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_decoder_impl, detokenize, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_decoder_impl, finish, IMPL_MAYBE_CODE),
};

static const char *decoder_wrong(const void *impl)
{
    const omn_decoder_impl *m = impl;
    if (m->decode || (m->ports && m->detokenize && m->finish)) return NULL;
    return "needs decode, or ports, detokenize and finish";
}

IMPL_SHAPE(impl_decoder, "omnio.decoder/1", "decoder", omn_decoder_impl, decoder_members,
           decoder_wrong);

static const impl_member model_members[] = {
    IMPL_OPENED(omn_model_impl),
    IMPL_MEMBER(omn_model_impl, build, IMPL_CODE),
    IMPL_MEMBER(omn_model_impl, prefix, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_model_impl, most_tokens, IMPL_MAYBE_CODE),
};
IMPL_SHAPE(impl_model, "omnio.model/1", "model", omn_model_impl, model_members, NULL);

static const impl_member source_members[] = {
    IMPL_OPENED(omn_source_impl),
    IMPL_MEMBER(omn_source_impl, count, IMPL_CODE),
    IMPL_MEMBER(omn_source_impl, get, IMPL_CODE),
};
IMPL_SHAPE(impl_source, "omnio.source/1", "source of examples", omn_source_impl, source_members,
           NULL);

static const impl_member measure_members[] = {
    IMPL_OPENED(omn_measure_impl),
    IMPL_MEMBER(omn_measure_impl, takes, IMPL_TEXT),
    IMPL_MEMBER(omn_measure_impl, begin, IMPL_CODE),
    IMPL_MEMBER(omn_measure_impl, add, IMPL_CODE),
    IMPL_MEMBER(omn_measure_impl, rows, IMPL_CODE),
    IMPL_MEMBER(omn_measure_impl, end, IMPL_CODE),
};
IMPL_SHAPE(impl_measure, "omnio.measure/1", "measure", omn_measure_impl, measure_members, NULL);

static const impl_member objective_members[] = {
    IMPL_OPENED(omn_objective_impl),
    IMPL_MEMBER(omn_objective_impl, loss, IMPL_CODE),
};
IMPL_SHAPE(impl_objective, "omnio.objective/1", "objective", omn_objective_impl, objective_members,
           NULL);

static const impl_member world_members[] = {
    IMPL_OPENED(omn_world_impl),
    IMPL_MEMBER(omn_world_impl, shows, IMPL_TEXT),
    IMPL_MEMBER(omn_world_impl, takes, IMPL_TEXT),
    IMPL_MEMBER(omn_world_impl, reset, IMPL_CODE),
    IMPL_MEMBER(omn_world_impl, step, IMPL_CODE),
};
IMPL_SHAPE(impl_world, "omnio.world/1", "world", omn_world_impl, world_members, NULL);

static const impl_member answer_members[] = {
    IMPL_OPENED(omn_answer_impl),
    IMPL_MEMBER(omn_answer_impl, makes, IMPL_MAYBE_TEXT),
    IMPL_MEMBER(omn_answer_impl, rules, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_answer_impl, write, IMPL_CODE),
    IMPL_MEMBER(omn_answer_impl, read, IMPL_CODE),
};
IMPL_SHAPE(impl_answer, "omnio.answer/1", "answer", omn_answer_impl, answer_members, NULL);
