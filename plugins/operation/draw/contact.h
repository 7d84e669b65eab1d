/* SPDX-License-Identifier: Apache-2.0 */
/* Contact sheets, for the door of this plugin. */
#ifndef OMNIO_OPERATION_DRAW_CONTACT_H
#define OMNIO_OPERATION_DRAW_CONTACT_H

#include <omnio/plugin.h>

/* A list, a video or a stream of pictures on one sheet, row by row. columns 0: as square as it
 * goes; labels: the moment of each, or its number. [run] */
omn_status contact_draw(omn_call *c, const omn_value *in, int columns, int width, bool labels,
                        omn_image **out, omn_error *err);

#endif
