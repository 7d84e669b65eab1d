/* SPDX-License-Identifier: Apache-2.0 */
/* Whose inputs are kept prepared. Not installed. */
#ifndef OMNIO_GENERATE_PREPARED_H
#define OMNIO_GENERATE_PREPARED_H

#include <omnio/generate.h>

/* The model whose encoders prepare it, borrowed. */
const omn_model *prepared_model(const omn_prepared *p);

#endif
