/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a codec from its door without a host: a parameter struct is filled by the table's rows.
 */
#ifndef OMNIO_TESTS_CODEC_DOOR_H
#define OMNIO_TESTS_CODEC_DOOR_H

#include <omnio/kinds.h>

/* The codec's functions; *self is opened with the given settings ("bins", "64", ..., NULL) over the
 * defaults. A failure to open is reported in err, or fails the test when err is NULL. Only types
 * that codecs use. */
const omn_codec_impl *door_open(const omn_plugin *plugin, const char *object, void **self,
                                omn_error *err, const char *const *settings);

#endif
