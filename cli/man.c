/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages in mdoc from the same rows as --help: omnio(1) and one page for each command,
 * omnio-run(1) and so on. */
#include "cli.h"

#include <string.h>

/* The day on which the texts of the pages were last gone through. */
#define PAGE_DATE "November 21, 2026"

/* Text for roff: no request, escape or macro in it. */
static void put_roff(const char *s, omn_buf *out)
{
    for (bool begins = true; *s; s++) {
        if (begins && (*s == '.' || *s == '\'')) omn_buf_puts(out, "\\&");
        if (*s == '\\')
            omn_buf_puts(out, "\\e");
        else if (*s == '-')
            omn_buf_puts(out, "\\-");
        else
            omn_buf_put(out, s, 1);
        begins = *s == '\n';
    }
}

/* As the one argument of a macro. */
static void put_argument(const char *macro, const char *s, omn_buf *out)
{
    omn_buf_printf(out, "%s \"\\&", macro);
    for (; *s; s++) {
        if (*s == '"')
            omn_buf_puts(out, "\\(dq");
        else if (*s == '\\')
            omn_buf_puts(out, "\\e");
        else if (*s == '-')
            omn_buf_puts(out, "\\-");
        else
            omn_buf_put(out, s, 1);
    }
    omn_buf_puts(out, "\"\n");
}

static void put_paragraphs(const char *text, omn_buf *out)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        const size_t n = end ? (size_t)(end - text) : strlen(text);
        char part[4096];
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        put_roff(part, out);
        omn_buf_puts(out, end ? "\n.Pp\n" : "\n");
        text += n + (end ? 2 : 0);
    }
}

/* "omnio-help(1), omnio-list(1)" as cross references. */
static void put_see(const char *see, omn_buf *out)
{
    omn_buf_puts(out, ".Sh SEE ALSO\n.Xr omnio 1");
    for (const char *p = see ? see : ""; *p;) {
        const size_t name = strcspn(p, "(");
        if (!p[name]) break;
        omn_buf_printf(out, " ,\n.Xr %.*s %c", (int)name, p, p[name + 1]);
        p += name + strcspn(p + name, " ");
        p += strspn(p, " ");
    }
    omn_buf_puts(out, "\n");
}

static void put_upper(const char *s, omn_buf *out)
{
    for (; *s; s++) {
        const char up = *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;
        omn_buf_put(out, &up, 1);
    }
}

static void put_exit_status(omn_buf *out)
{
    static const struct {
        int code;
        const char *what;
    } codes[] = { { 0, "fine" },
                  { 1, "ran and did not succeed: a comparison failed, an item of many was bad" },
                  { 2, "wrong usage" },
                  { 65, "bad data in a file" },
                  { 66, "an input file or a name is not there" },
                  { 69, "a device, a plugin or a part is missing" },
                  { 70, "a mistake of omnio itself" },
                  { 71, "no memory" },
                  { 74, "reading or writing failed" },
                  { 78, "a pipeline, a recipe or a configuration is wrong" },
                  { 130, "stopped by SIGINT (Ctrl\\-C)" },
                  { 143, "stopped by SIGTERM" } };
    omn_buf_puts(out, ".Sh EXIT STATUS\n.Bl -tag -width 4n -compact\n");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        omn_buf_printf(out, ".It %d\n%s\n", codes[i].code, codes[i].what);
    omn_buf_puts(out, ".El\n");
}

/* ---- one command -------------------------------------------------------------------------- */

static void put_option(const cli_option *o, omn_buf *out)
{
    omn_buf_puts(out, ".It ");
    if (o->letter)
        omn_buf_printf(out, "Fl %c%s%s , ", o->letter, o->value ? " Ar " : "",
                       o->value ? o->value : "");
    omn_buf_printf(out, "Fl -%s", o->name);
    if (o->value) omn_buf_printf(out, " Ns = Ns Ar %s", o->value);
    omn_buf_puts(out, "\n");
    put_roff(o->help ? o->help : "", out);
    if (o->range) {
        omn_buf_puts(out, !strcmp(o->type, "choice") ? ": " : "; ");
        put_roff(o->range, out);
    }
    omn_buf_puts(out, ".\n");
    if (o->deflt && *o->deflt) {
        omn_buf_puts(out, "The default is\n.Li ");
        put_roff(o->deflt, out);
        omn_buf_puts(out, " .\n");
    }
    if (o->env) omn_buf_printf(out, "Without it the variable\n.Ev %s\ncounts.\n", o->env);
}

static void put_options(const cli_args *a, omn_buf *out)
{
    omn_buf_puts(out, "The options are:\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < a->n_rows; i++) put_option(a->rows[i], out);
    omn_buf_puts(out, ".El\n");
}

static void command_page(const cli_command *m, omn_buf *out)
{
    cli_args a = { 0 };
    cli_rows(&a, m, NULL, 0);
    omn_buf_puts(out, ".Dd " PAGE_DATE "\n.Dt OMNIO-");
    put_upper(m->name, out);
    omn_buf_printf(out, " 1\n.Os omnio\n.Sh NAME\n.Nm omnio-%s\n", m->name);
    put_argument(".Nd", m->help, out);
    omn_buf_printf(out, ".Sh SYNOPSIS\n.Nm omnio %s\n.Op Ar option ...\n", m->name);
    if (m->operands) put_argument(".Ar", m->operands, out);
    omn_buf_puts(out, ".Sh DESCRIPTION\n");
    put_paragraphs(m->text ? m->text : m->help, out);
    omn_buf_puts(out, ".Pp\n");
    put_options(&a, out);
    put_exit_status(out);
    omn_buf_puts(out, ".Sh EXAMPLES\n");
    for (size_t i = 0; i < m->n_examples; i++) {
        put_roff(m->examples[i].what, out);
        omn_buf_puts(out, ":\n");
        put_argument(".Dl", m->examples[i].line, out);
    }
    put_see(m->see, out);
}

/* ---- omnio(1) ----------------------------------------------------------------------------- */

static const struct {
    const char *name, *what;
} variables[] = {
    { "OMNIO_PLUGIN_PATH",
      "folders of plugins, separated by colons; searched before the user's and the installed" },
    { "OMNIO_MODEL_PATH",
      "folders of models, separated by colons; searched before the user's and the installed" },
    { "OMNIO_DEVICE", "where models run, as --device" },
    { "OMNIO_PRECISION", "what products are made in, as --precision" },
    { "OMNIO_THREADS", "threads to work with, as --threads" },
    { "OMNIO_CPU",
      "portable, avx2, avx512 or amx: which kernels the cpu uses, instead of the best it has" },
    { "OMNIO_LOG", "error, warn, info or debug: what is told on standard error" },
    { "NO_COLOR", "when not empty: no colours" },
};

static const struct {
    const char *name, *what;
} files[] = {
    { "$XDG_DATA_HOME/omnio/plugins",
      "plugins of the user; ~/.local/share when the variable is not set" },
    { "$XDG_DATA_HOME/omnio/models", "models of the user, a folder each" },
    { "$XDG_DATA_HOME/omnio/pipelines", "pipelines of the user" },
    { "$XDG_CACHE_HOME/omnio", "what plugin files said when they were looked at; built kernels" },
};

static const struct {
    const char *type, *fields;
} events[] = {
    { "start", "program, pipeline, model, models (others by name): once, before anything else" },
    { "token", "item, step, text: what a step has just written; only when there is one item" },
    { "partial", "item, step, value: what another step than one of text says so far, whenever that "
                 "has changed; only when there is one item" },
    { "question", "item, step, request: with --plan, what the model would be asked: output, makes "
                  "(a kind), answer, max_tokens and the like, first_ids (what may begin it), "
                  "inputs, of texts with text and ids, guidance" },
    { "regions", "item, output, regions: boxes, each {\"box\": [x0, y0, x1, y1], \"label\": .., "
                 "\"score\": ..}; only "
                 "when there is one item. So for other places in a picture, \"points\" as points" },
    { "image", "item, output, file: a picture that was written; so for other kinds of values" },
    { "done", "item, id, extra, inputs, outputs, files, confidence, seconds: one item is answered; "
              "id is that of the batch line, as it stands there, extra holds what else the line "
              "has and is no input, and confidence, from 0 to 1, is how sure the model is: of "
              "options the share of the chosen one, of boxes the mean of their scores, of words "
              "the probability of all of them, the least where a pipeline asks several times" },
    { "error", "item, id, status, exit, text, file, line, column: what went wrong, with the exit "
               "code that it has" },
};

static void program_page(omn_buf *out)
{
    omn_buf_puts(
        out,
        ".Dd " PAGE_DATE "\n.Dt OMNIO 1\n.Os omnio\n.Sh NAME\n.Nm omnio\n"
        ".Nd run and train models that take and give texts, pictures and places in pictures\n"
        ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Nm\n.Fl -version\n.Op Fl v\n.Nm\n"
        ".Fl -list-devices\n.Sh DESCRIPTION\n"
        "A pipeline names inputs, steps and outputs; its inputs are options of\n.Nm omnio run .\n"
        "Models, formats, operations and devices are plugins.\n"
        "Results go to standard output, messages to standard error.\n"
        "Nothing touches the network.\n.Pp\nThe commands, each with a page of its own:\n"
        ".Bl -tag -width omnio-inspect\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        if (cli_commands[i]->flags & CLI_HIDDEN) continue;
        omn_buf_printf(out, ".It Xr omnio-%s 1\n", cli_commands[i]->name);
        put_roff(cli_commands[i]->help, out);
        omn_buf_puts(out, "\n");
    }
    omn_buf_puts(
        out,
        ".El\n.Ss JSON Lines\nWith\n.Fl -format Ns = Ns Cm jsonl\nevery line is an object with\n"
        ".Li type\nand\n.Li version\n(1).\nFields may be added, those named here stay.\n"
        ".Bl -tag -width regions\n");
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        omn_buf_printf(out, ".It Li %s\n", events[i].type);
        put_roff(events[i].fields, out);
        omn_buf_puts(out, "\n");
    }
    omn_buf_puts(
        out,
        ".El\n.Pp\nWith\n.Fl -format Ns = Ns Cm json\nan item is one object with the fields of\n"
        ".Li done ,\nmany items are a list of them.\nBoxes are in pixels of the picture that was "
        "given, "
        "x to the right and y down, to a hundredth.\n"
        ".Ss A batch that goes on\nWith\n.Fl -journal Ns = Ns Ar FILE\n"
        "a run of many items keeps what it has finished.\n"
        "Was it killed, the same command goes on from there: finished items are passed over,\n"
        "each answer is told once, files are whole and nothing half written is left.\n"
        "Items that failed are tried again.\n"
        "The journal also holds the answers; should the file that they went to be emptied, they\n"
        "are told again.\n"
        "Only where standard output is a pipe, an answer that was under way when the run was\n"
        "killed may be told twice.\n"
        "A journal of other inputs, options, another pipeline or batch is refused.\n"
        ".Fl -answers Ns = Ns Ar FILE\nwrites answers to a file and keeps the journal beside "
        "it:\n"
        ".Bd -literal -offset indent\n"
        "omnio run caption --batch many.jsonl --answers captions.jsonl\n.Ed\n"
        ".Sh ENVIRONMENT\nOptions go before variables.\n"
        ".Bl -tag -width OMNIO_PLUGIN_PATH\n");
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        omn_buf_printf(out, ".It Ev %s\n", variables[i].name);
        put_roff(variables[i].what, out);
        omn_buf_puts(out, "\n");
    }
    omn_buf_puts(out, ".El\n.Sh FILES\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        omn_buf_printf(out, ".It Pa %s\n", files[i].name);
        put_roff(files[i].what, out);
        omn_buf_puts(out, "\n");
    }
    omn_buf_puts(out, ".El\n");
    put_exit_status(out);
    omn_buf_puts(out, ".Sh EXAMPLES\n");
    for (size_t i = 0; i < cmd_run.n_examples; i++) {
        put_roff(cmd_run.examples[i].what, out);
        omn_buf_puts(out, ":\n");
        put_argument(".Dl", cmd_run.examples[i].line, out);
    }
    omn_buf_puts(out, ".Sh SEE ALSO\n");
    for (size_t i = 0; cli_commands[i]; i++)
        if (!(cli_commands[i]->flags & CLI_HIDDEN))
            omn_buf_printf(out, ".Xr omnio-%s 1 ,\n", cli_commands[i]->name);
    omn_buf_puts(
        out, ".Xr omnio 3 ,\n.Xr omnio-pipeline 5 ,\n.Xr omnio-recipe 5 ,\n.Xr omnio-plugin 7\n");
}

void cli_man(const cli_command *command, omn_buf *out)
{
    if (command)
        command_page(command, out);
    else
        program_page(out);
}
