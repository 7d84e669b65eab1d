/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a call, for hosts that use one call for many functions one after another: the
 * scratch memory of each is given back when it returns. */
#ifndef OMNIO_BASE_CALL_H
#define OMNIO_BASE_CALL_H

#include <omnio/base.h>

/* Where the scratch memory of c stands; and giving back what was taken since. [run] */
size_t call_scratch_mark(const omn_call *c);
void call_scratch_release(omn_call *c, size_t mark);

#endif
