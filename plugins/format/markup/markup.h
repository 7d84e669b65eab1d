/* SPDX-License-Identifier: Apache-2.0 */
/* How a file was made, as an element of XML: SVG has such texts in <metadata>, WebP in an XMP
 * packet. */
#ifndef OMNIO_FORMAT_MARKUP_H
#define OMNIO_FORMAT_MARKUP_H

#include <omnio/texts.h>

/* The element, appended: <made xmlns="urn:omnio">text</made>. OMN_ERR_ARGUMENT when the text is
 * not shorter than OMN_ORIGIN_MOST, no UTF-8, or holds control characters, which XML has no way to
 * write. [any] */
omn_status markup_put(const char *origin, omn_buf *out, omn_error *err);

/* The text of the first such element within n bytes of any kind, of OMN_ORIGIN_MOST bytes at most;
 * false: there is none that ends. out is empty and holds at least that many. Entities other than
 * the five of XML stay as they are. [any] */
bool markup_take(const uint8_t *bytes, size_t n, omn_buf *out);

#endif
