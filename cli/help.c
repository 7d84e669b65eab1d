/* SPDX-License-Identifier: Apache-2.0 */
/* --help, from the rows: usage, one sentence, options in groups with default, range and variable,
 * examples, exit codes. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH  80
#define COLUMN 26

static const char *const exit_codes[] = { "0 fine; 1 failed while running; 2 wrong usage; 65 bad "
                                          "data; 66 no such input; 69 device, plugin or part "
                                          "missing; 70 our own mistake; 71 no memory; 74 reading "
                                          "or writing failed; 78 bad pipeline, recipe or "
                                          "configuration; 130 and 143 stopped by a signal" };

void cli_wrap(omn_buf *out, const char *text, size_t at, size_t indent, size_t width)
{
    bool first = true;
    while (*text) {
        const size_t n = strcspn(text, " \n");
        if (n && !first && at + 1 + n > width) {
            omn_buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        if (n && !first) {
            omn_buf_put(out, " ", 1);
            at++;
        }
        omn_buf_put(out, text, n);
        at += n;
        if (n) first = false;
        text += n;
        if (text[0] == '\n' && text[1] == '\n') {
            omn_buf_printf(out, "\n\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        text += *text != '\0';
    }
    omn_buf_put(out, "\n", 1);
}

void cli_option_usage(const cli_option *o, char *buf, size_t room)
{
    char letter[8] = "    ";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(buf, room, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
             o->value ? o->value : "");
}

static void option_text(const cli_option *o, char *text, size_t room)
{
    char range[200] = "", deflt[200] = "", env[80] = "";
    if (o->range && strcmp(o->type, "choice")) snprintf(range, sizeof range, "; %s", o->range);
    if (o->range && !strcmp(o->type, "choice")) snprintf(range, sizeof range, ": %s", o->range);
    if (o->deflt && *o->deflt) snprintf(deflt, sizeof deflt, " [%s]", o->deflt);
    if (o->env) snprintf(env, sizeof env, " ($%s)", o->env);
    snprintf(text, room, "%s%s%s%s", o->help ? o->help : "", range, deflt, env);
}

static void put_option(const cli_option *o, omn_buf *out)
{
    char usage[160], text[1024];
    cli_option_usage(o, usage, sizeof usage);
    option_text(o, text, sizeof text);
    const size_t used = strlen(usage) + 2;
    omn_buf_printf(out, "  %s", usage);
    if (used + 2 > COLUMN)
        omn_buf_printf(out, "\n%*s", COLUMN, "");
    else
        omn_buf_printf(out, "%*s", (int)(COLUMN - used), "");
    cli_wrap(out, text, COLUMN, COLUMN, WIDTH);
}

static void put_options(const cli_args *a, omn_buf *out)
{
    const char *done[16] = { 0 };
    size_t n_done = 0;
    for (size_t i = 0; i < a->n_rows; i++) {
        const char *group = a->rows[i]->group;
        size_t k = 0;
        while (k < n_done && strcmp(done[k], group)) k++;
        if (k < n_done || n_done == 16) continue;
        done[n_done++] = group;
        omn_buf_printf(out, "\n%s:\n", group);
        for (size_t j = i; j < a->n_rows; j++) {
            const cli_option *o = a->rows[j];
            if (!strcmp(o->group, group)) put_option(o, out);
        }
    }
}

/* What the inputs of a type are given in an example. */
static const char *example_of(const omn_pipeline_port *p)
{
    const omn_value_impl *impl = p->kind ? omn_kind_impl(p->kind) : NULL;
    if (impl && impl->example) return impl->example;
    if (!strcmp(p->type, "any")) return "my.json";
    return impl && !impl->word ? "my.safetensors" : "\"some words\"";
}

static void put_example(const cli_args *a, const char *what, const char *last, omn_buf *out)
{
    const omn_pipeline_port *in;
    const size_t n = omn_pipeline_inputs(a->pipeline, &in);
    omn_buf_printf(out, "  omnio run %s", a->word);
    for (size_t i = 0; i < n; i++)
        if (!in[i].deflt) omn_buf_printf(out, " --%s %s", in[i].name, example_of(&in[i]));
    omn_buf_printf(out, "%s\n      %s\n", last, what);
}

/* Where a pipeline asks several models, which ones, and how they are given. */
static void put_models(const cli_args *a, omn_buf *out)
{
    const omn_pipeline_port *list;
    const size_t n = omn_pipeline_models(a->pipeline, &list);
    const char *own = omn_pipeline_model(a->pipeline);
    if (!n) return;
    omn_buf_puts(out, "\nModels:\n");
    if (own) {
        omn_buf_printf(out, "  %-*s", COLUMN - 2, "-m MODEL");
        omn_buf_printf(out, "its own, which is asked where no other is named [%s]\n", own);
    }
    for (size_t i = 0; i < n; i++) {
        char usage[160], text[1024];
        snprintf(usage, sizeof usage, "-m %s=MODEL", list[i].name);
        const char *deflt = list[i].deflt;
        snprintf(text, sizeof text, "%s%s%s%s", list[i].help, deflt ? " [" : "",
                 deflt ? deflt : "", deflt ? "]" : "");
        omn_buf_printf(out, "  %-*s", COLUMN - 2, usage);
        if (strlen(usage) + 2 >= COLUMN) omn_buf_printf(out, "\n%*s", COLUMN, "");
        cli_wrap(out, text, COLUMN, COLUMN, WIDTH);
    }
}

/* The help of a pipeline: what it does, what it takes and gives, how it is called. The options of
 * the command are not told again. */
static void help_of_pipeline(const cli_args *a, omn_buf *out)
{
    const omn_pipeline_port *in, *made;
    const size_t n = omn_pipeline_inputs(a->pipeline, &in);
    const size_t m = omn_pipeline_outputs(a->pipeline, &made);
    omn_buf_printf(out, "Usage: omnio run %s", a->word);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < a->n_rows; k++)
            if (!strcmp(a->rows[k]->name, in[i].name))
                omn_buf_printf(out, in[i].deflt ? " [--%s %s]" : " --%s %s", in[i].name,
                               a->rows[k]->value);
    omn_buf_puts(out, " [OPTION]...\n");
    cli_wrap(out, omn_pipeline_help(a->pipeline), 0, 0, WIDTH);
    omn_buf_puts(out, "\nInputs:\n");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < a->n_rows; k++)
            if (!strcmp(a->rows[k]->name, in[i].name)) put_option(a->rows[k], out);
    put_models(a, out);
    omn_buf_puts(out, "\nOutputs:\n");
    for (size_t i = 0; i < m; i++) {
        const char *file = made[i].file;
        omn_buf_printf(out, "      %-18s  %s", made[i].name, made[i].type);
        if (file && strcmp(file, "optional")) omn_buf_printf(out, ", into %s", file);
        if (file && !strcmp(file, "optional"))
            omn_buf_printf(out, ", with -o %s=FILE", made[i].name);
        omn_buf_puts(out, "\n");
    }
    omn_buf_puts(out, "\nExamples:\n");
    put_example(a, "one item", "", out);
    put_example(a, "for a program", " --format json", out);
    omn_buf_printf(out, "\n'omnio run --help' tells of all options, 'omnio help %s' of the "
                        "steps.\n", a->word);
}

void cli_help(const cli_args *a, omn_buf *out)
{
    const cli_command *m = a->command;
    if (a->pipeline) {
        help_of_pipeline(a, out);
        return;
    }
    omn_buf_printf(out, "Usage: omnio %s [OPTION]...%s%s\n", m->name, m->operands ? " " : "",
                   m->operands ? m->operands : "");
    cli_wrap(out, m->help, 0, 0, WIDTH);
    if (m->text) {
        omn_buf_puts(out, "\n");
        cli_wrap(out, m->text, 0, 0, WIDTH);
    }
    put_options(a, out);
    if (m->n_examples) omn_buf_puts(out, "\nExamples:\n");
    for (size_t i = 0; i < m->n_examples; i++)
        omn_buf_printf(out, "  %s\n      %s\n", m->examples[i].line, m->examples[i].what);
    omn_buf_puts(out, "\nExit codes: ");
    cli_wrap(out, exit_codes[0], 12, 12, WIDTH);
    if (m->see) omn_buf_printf(out, "\nSee also: %s\n", m->see);
}

void cli_help_all(omn_buf *out)
{
    omn_buf_puts(
        out, "Usage: omnio COMMAND [OPTION]...\n"
             "Runs and trains models that take and give texts, pictures and places in pictures.\n\n"
             "Commands:\n");
    for (size_t i = 0; cli_commands[i]; i++)
        if (!(cli_commands[i]->flags & CLI_HIDDEN)) {
            omn_buf_printf(out, "  %-9s ", cli_commands[i]->name);
            cli_wrap(out, cli_commands[i]->help, 12, 12, WIDTH);
        }
    omn_buf_puts(out,
                 "\n      --list-devices    show the devices that a model can run on\n"
                 "      --version         show the version; with -v the libraries of this build\n"
                 "  -h, --help            show this help\n\n"
                 "First steps:\n"
                 "  omnio run vqa --image my.png --question \"what colour is the cube?\"\n"
                 "  omnio list pipeline\n"
                 "  omnio run vqa --help\n\n"
                 "'omnio COMMAND --help' tells of a command, 'omnio help NAME' of an object.\n");
}
