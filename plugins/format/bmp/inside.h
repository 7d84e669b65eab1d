/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef OMNIO_FORMAT_BMP_INSIDE_H
#define OMNIO_FORMAT_BMP_INSIDE_H

#include <omnio/plugin.h>

omn_status bmp_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                    omn_error *err);

#endif
