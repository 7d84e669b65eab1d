/* SPDX-License-Identifier: Apache-2.0 */
/* The format pgm, for main.c. */
#ifndef PGM_H
#define PGM_H

#include <omnio/plugin.h>

#define PGM_PARAMETERS(PAR, S)                                                                     \
    PAR(S, string, comment, "", NULL, NULL, "a line of comment in the file; empty: none")
OMN_PARAMS(pgm, PGM_PARAMETERS);
#define PGM_PARAMS OMN_OBJECT_PARAMS(pgm)

extern const omn_format_impl pgm_format;

#endif
