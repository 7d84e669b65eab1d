/* SPDX-License-Identifier: Apache-2.0 */
/* From a word of the command line to a value, and what a value takes. */
#ifndef OMNIO_CLI_WORDS_H
#define OMNIO_CLI_WORDS_H

#include "cli.h"

/* Is the input's value read from a file whose name is given? */
bool words_are_files(const omn_pipeline_port *port);
/* Does this word name one: also a file .json that is there, where a value may be given as JSON? */
bool words_name_file(const omn_pipeline_port *port, const char *word);
/* Its place holder in help: "FILE". */
const char *words_holder(const omn_pipeline_port *port);
/* JSON in which kinds of plugins may be named. */
omn_status words_json(cli *c, const char *text, size_t n, omn_value **out, omn_error *err);
/* The value that it is to be: a file, "-" for the text of standard input, JSON, or the word itself,
 * which the pipeline turns into what it wants. */
omn_status words_value(cli *c, const omn_pipeline_port *port, const char *word, omn_value **out,
                       omn_error *err);
/* Bytes in memory, about. */
size_t words_size(const omn_value *v);

#endif
