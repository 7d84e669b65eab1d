/* SPDX-License-Identifier: Apache-2.0 */
/* What operation text.tagged does, apart from the list of its parameters. */
#ifndef OPERATION_TEXT_TAGGED_H
#define OPERATION_TEXT_TAGGED_H

#include <omnio/value.h>

/* A text, or a list of texts and of lists of numbers from 0, each of them a thing with a name
 * (texts) and a word <MARK_NUMBER>; "": names alone. tagged.c */
omn_status text_tagged(const omn_value *in, const omn_value *names, const char *mark,
                       omn_value **out, omn_error *err);

#endif
