/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation that is here can be a step: with each of its rows written out under its own name,
 * and with the very line that its help shows. A row that is named like a word of the language could
 * not be given at all. */
#include "../testing.h"

#include <omnio/pipeline.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that the row takes: its default, the first choice, the lower end of its range. */
static void put_value(const omn_param *p, omn_buf *b)
{
    const char *deflt = p->deflt;
    if (deflt) {
        omn_buf_puts(b, "\"");
        for (; *deflt; deflt++) {
            if (*deflt == '"' || *deflt == '\\') omn_buf_puts(b, "\\");
            omn_buf_put(b, deflt, 1);
        }
        omn_buf_puts(b, "\"");
    } else if (strcmp(p->type, "choice") == 0) {
        omn_buf_put(b, p->range, strcspn(p->range, "|"));
    } else if (strcmp(p->type, "string") == 0 || strcmp(p->type, "path") == 0) {
        omn_buf_puts(b, "\"0,0,1,1\"");
    } else {
        const char *dots = p->range ? strstr(p->range, "..") : NULL;
        if (dots && dots != p->range)
            omn_buf_put(b, p->range, (size_t)(dots - p->range));
        else
            omn_buf_puts(b, strcmp(p->type, "bool") == 0 ? "no" : "0");
    }
}

/* Inputs of the pipeline, named like those of the operation. */
static void put_inputs(const omn_object *o, const omn_entry *e, omn_buf *b)
{
    bool any = false;
    omn_buf_puts(b, "version: 1\n");
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(e, i);
        if (strcmp(p->role, "in") != 0 && strcmp(p->role, "optional") != 0) continue;
        if (!any) omn_buf_puts(b, "inputs:\n");
        any = true;
        omn_buf_printf(b, "  %s: {type: %s}\n", p->name,
                       strcmp(p->type, "any") == 0 ? "text" : p->type);
    }
    omn_buf_puts(b, "steps:\n  ");
}

/* All rows: results under their names with an x behind it. */
static void put_step(const omn_object *o, const omn_entry *e, omn_buf *b)
{
    omn_buf_printf(b, "- {apply: %s", o->name);
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(e, i);
        omn_buf_printf(b, ", %s: ", p->name);
        if (strcmp(p->role, "in") == 0 || strcmp(p->role, "optional") == 0)
            omn_buf_printf(b, "$%s", p->name);
        else if (strcmp(p->role, "out") == 0)
            omn_buf_printf(b, "%sx", p->name);
        else
            put_value(p, b);
    }
    omn_buf_puts(b, "}\n");
}

/* The line of the help behind "In a pipeline", its "..." filled in. */
static void put_shown(const omn_object *o, const omn_entry *e, omn_buf *b)
{
    omn_buf help;
    omn_buf_init(&help, 1 << 20);
    ck_assert_int_eq(omn_entry_help(e, false, &help, NULL), OMN_OK);
    omn_buf_put(&help, "", 1);
    const char *line = strstr(help.data, "In a pipeline\n  ");
    ck_assert_msg(line != NULL, "%s: its help shows no step", o->name);
    line += strlen("In a pipeline\n  ");
    const char *end = strchr(line, '\n');
    ck_assert_ptr_nonnull(end);
    while (line < end) {
        const char *dots = strstr(line, ": ...");
        if (!dots || dots > end) break;
        omn_buf_put(b, line, (size_t)(dots - line) + 2);
        line = dots + 5;
        for (size_t i = 0; i < o->n_params; i++) {
            const omn_param *p = omn_entry_param(e, i);
            const size_t n = strlen(p->name);
            if (strncmp(dots - n, p->name, n) == 0 && dots[-(ptrdiff_t)n - 1] == ' ')
                put_value(p, b);
        }
    }
    omn_buf_put(b, line, (size_t)(end - line) + 1);
    omn_buf_fini(&help);
}

typedef struct seen {
    omn_context *ctx;
    const char *folder;
    size_t n;
} seen;

static void opens(seen *s, const char *name, const char *result, omn_buf *b)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_buf_printf(b, "outputs: {result: {value: $%s}}\n", result);
    ck_assert(!b->failed);
    const char *path = testing_write(s->folder, "step.yaml", b->data, b->length);
    const omn_status st = omn_pipeline_open(s->ctx, path, &p, &err);
    ck_assert_msg(st == OMN_OK, "%s: %d:%d: %s in\n%.*s", name, (int)err.line, (int)err.column,
                  err.text, (int)b->length, b->data);
    omn_pipeline_close(p);
}

static int try_one(void *user, const omn_listed *it)
{
    seen *s = user;
    const omn_entry *e = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_buf all, shown;
    char result[100] = "", written[104];
    if (!it->name) return 0;
    ck_assert_msg(omn_registry_find(s->ctx, it->kind, it->name, &e, &err) == OMN_OK, "%s",
                  err.text);
    const omn_object *o = omn_entry_object(e);
    for (size_t i = o->n_params; i > 0; i--)
        if (strcmp(omn_entry_param(e, i - 1)->role, "out") == 0)
            snprintf(result, sizeof(result), "%s", omn_entry_param(e, i - 1)->name);
    snprintf(written, sizeof(written), "%sx", result);
    omn_buf_init(&all, 1 << 16);
    omn_buf_init(&shown, 1 << 16);
    put_inputs(o, e, &all);
    put_inputs(o, e, &shown);
    put_step(o, e, &all);
    put_shown(o, e, &shown);
    opens(s, o->name, written, &all);
    opens(s, o->name, result, &shown);
    omn_buf_fini(&all);
    omn_buf_fini(&shown);
    s->n++;
    return 0;
}

START_TEST(every_operation_can_be_a_step)
{
    omn_context *ctx = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    ck_assert_int_eq(omn_context_new(&how, &ctx, NULL), OMN_OK);
    seen s = { ctx, testing_folder(), 0 };
    ck_assert_msg(omn_registry_list(ctx, "omnio.operation/1", try_one, &s, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_uint_gt(s.n, 20);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_operation_can_be_a_step };
    /* Every plugin of the tree may have to be looked at first. */
    return TESTING_RUN("pipeline/steps", all, 60);
}
