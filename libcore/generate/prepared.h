/* SPDX-License-Identifier: Apache-2.0 */
/* Whose inputs are kept prepared. Not installed. */
#ifndef OMNIO_GENERATE_PREPARED_H
#define OMNIO_GENERATE_PREPARED_H

#include <omnio/generate.h>

/* The model whose encoders prepare it, borrowed. */
const omn_model *prepared_model(const omn_prepared *p);
/* The end of an item, or of items side by side: what was prepared of pictures and sounds stays for
 * those who come with the same value, all goes once it takes more than a few MB. */
void prepared_leave(omn_prepared *p);

#endif
