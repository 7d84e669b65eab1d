/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a value can be written to. */
#ifndef OMNIO_CLI_FORMATS_H
#define OMNIO_CLI_FORMATS_H

#include "cli.h"

/* Can a value of this type be written to a file of this name? OMN_ERR_ARGUMENT with the suffixes
 * that there are. */
omn_status formats_check(cli *c, const char *type, const char *path, omn_error *err);
/* Is there a format of files that hold such values and no others? */
bool formats_make(cli *c, const char *type);
/* "a.png?quality=90" becomes "a.png". */
void formats_plain(char *path);
/* Write a value to a file, with a word on how it was made (JSON on a line; NULL: none) where the
 * format has a place for it. */
omn_status formats_save(cli *c, const char *path, const omn_value *v, omn_overwrite how,
                        const char *origin, omn_error *err);
/* Write a value to standard output, in the form that the name says ("-.jpg?quality=90"), or that of
 * `usual` for "-" alone. */
omn_status formats_to_stdout(cli *c, const char *name, const char *usual, const omn_value *v,
                             const char *origin, omn_error *err);
/* Is it a name of standard output, "-" or "-.png"? */
bool formats_is_stdout(const char *name);
/* The suffix that values of a kind have when no name says it: ".png" of the kind's own format, else
 * ".txt". */
void formats_usual(cli *c, const char *type, char *suffix, size_t room);
/* Is it written as a picture, which no terminal shows? */
bool formats_is_picture(cli *c, const char *type);

#endif
