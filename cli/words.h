/* SPDX-License-Identifier: Apache-2.0 */
/* From a word of the command line to a value, and what a value takes. */
#ifndef OMNIO_CLI_WORDS_H
#define OMNIO_CLI_WORDS_H

#include "cli.h"

/* Is a value of this type read from a file whose name is given? */
bool words_are_files(const char *type);
/* The place holder of an input of this type in help: "FILE". */
const char *words_holder(const char *type);
/* The value that an input of this type is to be: a file, "-" for the text of standard input, JSON,
 * boxes as omnio prints them, or the word itself, which the pipeline turns into what it wants. */
omn_status words_value(cli *c, const char *type, const char *word, omn_value **out, omn_error *err);
/* Bytes in memory, about. */
size_t words_size(const omn_value *v);

#endif
