/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a batch file, or of standard input, one after the other. */
#ifndef OMNIO_CLI_LINES_H
#define OMNIO_CLI_LINES_H

#include "cli.h"

#define LINES_LONGEST ((size_t)16 << 20)

typedef struct lines lines;
/* path "-": standard input. */
omn_status lines_open(cli *c, const char *path, lines **out, omn_error *err);
void lines_close(lines *l);
/* Is the next one there without waiting? */
bool lines_ready(const lines *l);
/* The next line that holds more than spaces; *line is borrowed until the next call, NULL when none
 * is left. OMN_ERR_DATA: this line is too long and is passed over; any other failure is the end. */
omn_status lines_next(lines *l, const char **line, size_t *n, omn_error *err);
/* The number of the line that was given last, from 1. */
int32_t lines_number(const lines *l);
/* Lines of a plain file, empty ones too; 0: it is none. */
uint64_t lines_total(const char *path);
const char *lines_name(const lines *l);

#endif
