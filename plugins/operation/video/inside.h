/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef OMNIO_OPERATION_VIDEO_INSIDE_H
#define OMNIO_OPERATION_VIDEO_INSIDE_H

#include <omnio/plugin.h>

/* Cuts the black bars off n pictures of one size, the same rectangle from each: what was there is
 * replaced by the cut. After a failure all are still there. */
omn_status bars_cut(omn_value **pictures, size_t n, omn_error *err);

#endif
