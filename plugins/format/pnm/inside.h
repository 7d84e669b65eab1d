/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: one reader for all of Netpbm's kinds, writers for each. */
#ifndef OMNIO_FORMAT_PNM_INSIDE_H
#define OMNIO_FORMAT_PNM_INSIDE_H

#include <omnio/plugin.h>

#define PNM_SAVE(PAR, S)                                                                           \
    PAR(S, choice, bits, "8", "8|16", NULL, "bits of each channel; 16 for depth maps")             \
    PAR(S, string, comment, "", NULL, NULL, "a line of text in the file's head")

omn_status pnm_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                    omn_error *err);
/* Grey, colour, whatever the picture is. */
omn_status pgm_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err);
omn_status ppm_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err);
omn_status pam_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err);

#endif
