/* SPDX-License-Identifier: Apache-2.0 */
/* What CLIP and CoCa have in common that open_clip's configurations describe. */
#ifndef MODEL_OPENCLIP_H
#define MODEL_OPENCLIP_H

#include "fixed.h"

/* How pictures of side x side pixels are made ready, by "preprocess_cfg", as parameters of the
 * encoder image.clip into out [room]: mean, std, filter, fit. Failures stay on o. [setup] */
void openclip_prepared(omn_open *o, omn_config *f, int side, char *out, size_t room);
/* Fails o at the first key of the towers or of the scale that asks for another computation; before
 * and family as keys_refuse has them. [setup] */
void openclip_refuse(const char *before, const char *family, omn_open *o, omn_config *f);
/* The tokenizer of so many ids, by the merges of CLIP's program or the file that "omnio.merges"
 * names; none where there is no such file. [setup] */
void openclip_tokenizer(omn_open *o, omn_config *f, int rows);

#endif
