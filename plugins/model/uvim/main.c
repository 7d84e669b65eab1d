/* SPDX-License-Identifier: Apache-2.0 */
/* model/uvim: UViM (Kolesnikov et al. 2022): a map of a picture, its depth, colours or segments,
 * drawn at once by a base model that a short code guides, and a language model that writes that
 * code of a picture. The door. Names of weights are those of its programs, below "base" and
 * "lm". */
#include "uvim.h"

#include "../golden/golden.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status uvim_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    uvim *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "uvim: out of memory");
    *self = u;
    uvim_configure(u, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    (void)answer;
    return (int32_t)((const uvim *)self)->code_len;
}

static omn_status verify(omn_verification *host, omn_error *err)
{
    return golden_plain(host, err);
}

static const char *task(const void *self)
{
    const uvim *u = self;
    if (u->n_maps == 1 && !strcmp(u->maps[0], "depth")) return "uvim-depth";
    if (u->n_maps == 2 && !strcmp(u->maps[1], "instances")) return "uvim-panoptic";
    return u->n_maps == 3 && !strcmp(u->maps[0], "red") ? "uvim-colour" : NULL;
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { uvim_known };
    static const omn_verify_impl golden_files = { "uvim-golden-1", verify };
    static const omn_task_impl asked = { .of = task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    return strcmp(id, "omnio.verify/1") ? NULL : &golden_files;
}

#define FROM_PATCHES(IN, OPT, PAR, OUT)                                                           \
    IN(embeddings, in, "a row for each patch of a square, a number for each channel of a pixel")   \
    PAR(int, channels, "1", "1..3", NULL, "numbers of a pixel; of two the third is 0")             \
    PAR(int, levels, "0", "0..256", NULL, "the numbers are so many levels, told as bytes; 0: f32") \
    OPT(any, like, "the picture whose size it gets, by the nearest pixel")                         \
    OUT(image, out, "the picture")
OMN_OPERATION(from_patches, FROM_PATCHES, OMN_PURE);
static omn_status from_patches(omn_call *c, const omn_value *in, int channels, int levels,
                               const omn_value *like, omn_image **out, omn_error *err)
{
    return uvim_from_patches(c, in, channels, levels, like, out, err);
}

static const omn_model_impl impl = { extension, uvim_open, free, uvim_build, prefix, most_tokens };
OMN_PARAMS_VALUES(guided_answer, GUIDED_ANSWER);
static const omn_param part_params[] = { UVIM(OMN_S_ROW, uvim_part) };
struct guided { GUIDED(OMN_S_PAR, guided) };
static const omn_param guided_params[] = { GUIDED(OMN_S_ROW, guided) };
#define ROWS(list) list, sizeof list / sizeof *list
static const omn_object objects[] = {
    { "omnio.model/1", "uvim", "UViM: maps of a picture, guided by a code", &impl, NULL, 0, 0 },
    { "omnio.encoder/1", "uvim.picture", "pictures as UViM looks at them", &uvim_picture_impl,
      ROWS(part_params), sizeof(struct uvim_part) },
    { "omnio.encoder/1", "uvim.map", "maps as UViM's oracle looks at them", &uvim_map_impl,
      ROWS(part_params), sizeof(struct uvim_part) },
    { "omnio.encoder/1", "uvim.guide", "codes that guide UViM's base model", &uvim_guide_impl,
      ROWS(part_params), sizeof(struct uvim_part) },
    { "omnio.decoder/1", "uvim.code", "codes of maps, by UViM's oracle", &uvim_code_impl,
      ROWS(part_params), sizeof(struct uvim_part) },
    { "omnio.decoder/1", "uvim.words", "codes that guide UViM's base model", &uvim_words_impl,
      ROWS(part_params), sizeof(struct uvim_part) },
    { "omnio.decoder/1", "uvim.oracle", "codes of maps and their pictures, by UViM's oracle",
      &uvim_oracle_impl, ROWS(part_params), sizeof(struct uvim_part) },
    { "omnio.answer/1", "guided", "what UViM's oracle says of a map", &uvim_guided_answer_impl,
      OMN_OBJECT_PARAMS(guided_answer) },
    { "omnio.objective/1", "guided", "maps that are drawn under the guidance of a code",
      &uvim_guided_impl, ROWS(guided_params), sizeof(struct guided) },
    OMN_OPERATION_OBJECT(from_patches, "image.from_patches", "a picture of its patches"),
};
OMN_PLUGIN("model-uvim", "0.1.0", "Apache-2.0", "the UViM model family", objects);
