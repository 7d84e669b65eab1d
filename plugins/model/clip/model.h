/* SPDX-License-Identifier: Apache-2.0 */
/* CLIP as numbers: what its configuration says, whoever wrote it. */
#ifndef CLIP_MODEL_H
#define CLIP_MODEL_H

#include <omnio/learn.h>

typedef struct clip {
    int64_t embed, context;
    bool hf;                            /* names of the Transformers library */
    bool wrapped;                       /* open_clip's configuration is below "model_cfg" */
    const omn_part *image, *text;
    double scale_init;                  /* of logit_scale, untrained */
    char usual[640];                    /* what a size or the tensors say, as open_clip would */
} clip;

/* Which of the two configurations is it? */
bool clip_known(omn_config *f);
/* Reads it and opens the parts that it names; failures stay on o. */
void clip_configure(clip *k, omn_open *o, omn_config *f);
/* Tensors of OpenAI's names, as their archives have them, without a configuration? sizes.c */
bool clip_measurable(omn_config *f);
/* What a size by its name, or such tensors, say becomes what is usual. */
void clip_sizes(clip *k, omn_open *o, omn_config *f);
/* Refuses what the configuration asks for and is not computed here. */
void clip_refuse(const clip *k, omn_open *o, omn_config *f);

extern const omn_verify_impl clip_verify;

#endif
