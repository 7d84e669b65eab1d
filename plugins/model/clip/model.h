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
} clip;

/* Which of the two configurations is it? */
bool clip_known(omn_config *f);
/* Reads it and opens the parts that it names; failures stay on o. */
void clip_configure(clip *k, omn_open *o, omn_config *f);
/* Refuses what the configuration asks for and is not computed here. */
void clip_refuse(const clip *k, omn_open *o, omn_config *f);

extern const omn_verify_impl clip_verify;

#endif
