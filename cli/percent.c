/* SPDX-License-Identifier: Apache-2.0 */
/* A line of progress on a terminal, written anew when the whole per cent change. */
#include "percent.h"

#include <stdio.h>

void percent_show(void *user, uint64_t done, uint64_t total)
{
    percent *s = user;
    char line[64];
    const int now = total ? (int)(100.0 * (double)done / (double)total) : 0;
    if (!s->c->terminal_err || s->c->quiet || now == s->shown) return;
    s->shown = now;
    snprintf(line, sizeof line, "%s: %d %%", s->what, now);
    cli_progress(s->c, line);
}
