/* SPDX-License-Identifier: Apache-2.0 */
/* Values as a person reads them: one thing per line, coordinates to a hundredth of a pixel. */
#include "inside.h"

#include <math.h>

void print_rounded(double x, omn_buf *out)
{
    double r = floor(x * 100 + 0.5) / 100;
    omn_number_print(fabs(x) < 1e12 ? r : x, out);
}

void print_indent(unsigned depth, omn_buf *out)
{
    for (unsigned i = 0; i < depth; i++) omn_buf_puts(out, "  ");
}

/* "series: time f64 [96], unit degC": a short word for each column. */
static void columns(const omn_value *v, omn_buf *out)
{
    char shape[160];
    omn_buf_puts(out, v->kind->name);
    for (uint32_t i = 0, n = 0; i < v->kind->n_columns; i++) {
        const omn_column *c = &v->kind->columns[i];
        const omn_tensor *t = value_column_at(v, i);
        if (t == NULL) continue;
        omn_buf_printf(out, "%s %s ", n++ > 0 ? "," : ":", c->name);
        if (t->shape.rank > 0 || t->type == OMN_ANY_VALUE)
            omn_buf_printf(out, "%s %s", omn_column_type(t->type),
                           omn_shape_text(&t->shape, shape, sizeof(shape)));
        else if (t->type == OMN_STRING)
            omn_buf_printf(out, "%.80s", *(const char *const *)t->data);
        else
            omn_number_print(column_number(t, 0), out);
        if (c->unit != NULL) omn_buf_printf(out, " %s", c->unit);
    }
}

/* What a plugin's kind says, its lines below each other. */
static void foreign(const omn_value *v, unsigned depth, omn_buf *out)
{
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    v->kind->impl->text(v, &b);
    for (const char *p = b.data != NULL ? b.data : ""; *p != '\0';) {
        const size_t n = strcspn(p, "\n") + (strchr(p, '\n') != NULL);
        omn_buf_put(out, p, n);
        p += n;
        if (*p != '\0') print_indent(depth, out);
    }
    if (b.failed) out->failed = true;
    omn_buf_fini(&b);
}

void print_value(const omn_value *v, unsigned depth, omn_buf *out)
{
    const view_rules *rules = v->kind->view;
    if (rules != NULL && rules->print != NULL)
        rules->print(v, depth, out);
    else if (v->kind->impl->text != NULL)
        foreign(v, depth, out);
    else
        columns(v, out);
}

void omn_value_text(const omn_value *v, omn_buf *out)
{
    if (v != NULL) print_value(v, 0, out);
}
