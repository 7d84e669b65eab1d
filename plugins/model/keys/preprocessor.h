/* SPDX-License-Identifier: Apache-2.0 */
/* preprocessor_config.json, which the Transformers library puts beside a model: how pictures are
 * made ready for it. A convenience library that families link. */
#ifndef MODEL_PREPROCESSOR_H
#define MODEL_PREPROCESSOR_H

#include <omnio/kinds.h>

/* Settings of image.clip for pictures of `side` pixels, "mean=.. std=.. filter=.. fit=..", those
 * that the file beside the model says; "": there is no such file. What it says and is not done here
 * is refused. [setup] */
void preprocessor_settings(omn_open *o, int side, char *out, size_t room);

#endif
