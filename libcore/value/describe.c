/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of value is, for people: its schema in words. */
#include "inside.h"

static void column(const omn_column *c, size_t width, omn_buf *out)
{
    omn_buf_printf(out, "  %-*s  %s", (int)width, c->name, omn_column_type(c->type));
    if (c->axes == NULL)
        omn_buf_puts(out, " of any shape");
    else if (c->axes[0] != '\0')
        omn_buf_printf(out, " [%s]", c->axes);
    if (c->unit != NULL) omn_buf_printf(out, ", %s", c->unit);
    if (c->lo < c->hi) {
        omn_buf_puts(out, ", ");
        omn_number_print(c->lo, out);
        omn_buf_puts(out, "..");
        omn_number_print(c->hi, out);
    }
    if (c->flags & OMN_COLUMN_OPTIONAL) omn_buf_puts(out, ", may be absent");
    if (c->flags & OMN_COLUMN_NAN) omn_buf_puts(out, ", elements may be missing");
    omn_buf_puts(out, "\n");
}

void omn_kind_describe(const omn_kind *k, omn_buf *out)
{
    const omn_value_impl *impl = k->impl;
    const char *items = omn_kind_items(k);
    size_t width = 4;
    omn_buf_printf(out, "%s - %s\n\nkind of value", k->name, k->help);
    if (impl->place != NULL)
        omn_buf_puts(out, strcmp(impl->place, "time") == 0 ? ", in time" : ", in a picture");
    if (items != NULL)
        omn_buf_printf(out, ", with items%s",
                       strcmp(items, "any") == 0 ? " of any kind" : " of its own kind");
    omn_buf_puts(out, "\n\nColumns\n");
    for (uint32_t i = 0; i < k->n_columns; i++)
        if (strlen(k->columns[i].name) > width) width = strlen(k->columns[i].name);
    for (uint32_t i = 0; i < k->n_columns; i++) column(&k->columns[i], width, out);
    if (impl->form != NULL) omn_buf_printf(out, "\nOn the command line\n  %s", impl->form);
    if (impl->form != NULL && impl->example != NULL)
        omn_buf_printf(out, ", as %s", impl->example);
    if (impl->form != NULL) omn_buf_puts(out, "\n");
}
