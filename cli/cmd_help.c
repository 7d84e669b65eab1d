/* SPDX-License-Identifier: Apache-2.0 */
/* omnio help: of a command, an object of a plugin, or a pipeline; as text or as a manual page; and
 * the completion of the shell. */
#include "cli.h"
#include "shelf.h"

#include <string.h>

static int help(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "man", 0, "flag", NULL, NULL, NULL, NULL, "Form",
      "as a manual page (mdoc); without NAME: omnio(1)" },
    { "completion", 0, "choice", "SHELL", NULL, "bash|zsh|fish", NULL, "Form",
      "the completion for a shell" },
    { "options", 0, "flag", NULL, NULL, NULL, NULL, "Form",
      "only the options that the inputs of pipeline NAME are" },
    { "names", 0, "flag", NULL, NULL, NULL, NULL, "Form",
      "only names of what NAME is: command, object, kind, pipeline, model, device" },
};

static const cli_example examples[] = {
    { "omnio help image.resize", "what an operation takes and gives" },
    { "omnio help encoder text.tokens", "the encoder, where a decoder has that name too" },
    { "omnio help --man run | man -l -", "the manual page of a command" },
};

const cli_command cmd_help = { "help",
                               "[[KIND] NAME]",
                               "Tell of a command, an object of a plugin, or a pipeline.",
                               "KIND tells objects of one name apart: omnio help codec location.",
                               CLI_ROWS(rows),
                               0,
                               CLI_ROWS(examples),
                               "omnio-list(1)",
                               "object",
                               help };

static int no_man(cli *c, const char *name)
{
    return cli_usage(c, "%s is a pipeline; it has no manual page", name);
}

static int of_pipeline(cli *c, const char *name, bool man, omn_buf *b, omn_error *err)
{
    omn_pipeline *p = NULL;
    omn_status st = shelf_open_pipeline(c, name, NULL, 0, &p, err);
    if (st == OMN_OK && !man) st = omn_pipeline_describe(p, NULL, b, err);
    omn_pipeline_close(p);
    if (st != OMN_OK) return cli_failed(c, err);
    return man ? no_man(c, name) : -1;
}

/* kind NULL: an object of any kind, or a pipeline. */
static int of_object(cli *c, const char *kind, const char *name, bool man, omn_buf *b)
{
    omn_error err = OMN_ERROR_INIT, other = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    omn_pipeline *p = NULL;
    if (kind && !strcmp(kind, "pipeline")) return of_pipeline(c, name, man, b, &err);
    const omn_kind *value = NULL;
    if ((!kind || !strcmp(kind, "omnio.value/1")) &&
        omn_kind_find_in(c->ctx, name, &value, NULL) == OMN_OK) {
        if (man)
            return cli_usage(c, "%s is a kind of value; omnio-pipeline(5) tells of them", name);
        omn_kind_describe(value, b);
        if (kind || omn_registry_find(c->ctx, "omnio.answer/1", name, &e, NULL) != OMN_OK)
            return -1;
        omn_buf_puts(b, "\n"); /* an answer of this name makes such values */
        return omn_entry_help(e, false, b, &err) == OMN_OK ? -1 : cli_failed(c, &err);
    }
    omn_status st = omn_registry_find(c->ctx, kind, name, &e, &err);
    if (st == OMN_OK) st = omn_entry_help(e, man, b, &err);
    if (st != OMN_ERR_MISSING) return st == OMN_OK ? -1 : cli_failed(c, &err);
    if (!kind && omn_pipeline_open(c->ctx, name, &p, &other) != OMN_ERR_MISSING) {
        omn_pipeline_close(p);
        return of_pipeline(c, name, man, b, &err);
    }
    if (!kind) shelf_suggest(c, "pipeline model", name, &err);
    return cli_failed(c, &err);
}

/* ---- for the completion ------------------------------------------------------------------- */

static int options_of(cli *c, const char *name, omn_buf *b)
{
    omn_pipeline *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_pipeline_port *list;
    if (shelf_open_pipeline(c, name, NULL, 0, &p, &err) != OMN_OK) return cli_failed(c, &err);
    const size_t n = omn_pipeline_inputs(p, &list);
    for (size_t i = 0; i < n; i++) omn_buf_printf(b, "--%s\n", list[i].name);
    omn_pipeline_close(p);
    return -1;
}

static int names_of(cli *c, const char *what, omn_buf *b)
{
    if (!strcmp(what, "kind"))
        for (size_t i = 0; i < shelf_n_kinds; i++) omn_buf_printf(b, "%s\n", shelf_kinds[i]);
    else if (!strcmp(what, "command") || !strcmp(what, "object"))
        for (size_t i = 0; cli_commands[i]; i++) omn_buf_printf(b, "%s\n", cli_commands[i]->name);
    if (strcmp(what, "kind") && strcmp(what, "command") && !shelf_names(c, what, b))
        return cli_usage(c, "--names: command, object, kind, pipeline, model or device is wanted");
    return -1;
}

static int help(cli *c, int argc, char **argv)
{
    cli_args a = { 0 }, of = { 0 };
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    cli_rows(&a, &cmd_help, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands > 2) code = cli_usage(c, "a kind and a name are wanted");
    if (code >= 0) goto done;
    const char *name = a.n_operands ? a.operands[a.n_operands - 1] : NULL;
    const char *kind = a.n_operands > 1 ? a.operands[0] : NULL;
    const cli_command *command = name && !kind ? cli_command_find(name) : NULL;
    const bool man = cli_has(&a, "man");
    if ((cli_has(&a, "options") || cli_has(&a, "names")) && !name) {
        code = cli_usage(c, "a name is wanted");
    } else if (cli_has(&a, "options") || cli_has(&a, "names")) {
        code = cli_session(c, &a);
        if (code < 0)
            code = cli_has(&a, "options") ? options_of(c, name, &b) : names_of(c, name, &b);
    } else if (cli_has(&a, "completion")) {
        cli_complete(cli_text(&a, "completion"), &b);
    } else if (!name && man) {
        cli_man(NULL, &b);
    } else if (!name) {
        cli_help_all(&b);
    } else if (command && man) {
        cli_man(command, &b);
    } else if (command) {
        cli_rows(&of, command, NULL, 0);
        cli_help(&of, &b);
    } else {
        code = cli_session(c, &a);
        if (code < 0) code = of_object(c, kind, name, man, &b);
    }
    if (code < 0) code = cli_put(c, &b) ? 0 : cli_lost(c);
done:
    omn_buf_fini(&b);
    cli_args_fini(&a);
    return code;
}
