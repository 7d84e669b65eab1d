/* SPDX-License-Identifier: Apache-2.0 */
/* omnio new: the project of a plugin that builds and passes its own test. */
#include "cli.h"

#include <string.h>

static int new_project(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "kind", 0, "choice", "KIND", "operation",
      "operation|format|encoder|decoder|codec|model|source|op|compute|value|answer", NULL,
      "Project", "what the plugin offers" },
    { "output", 'o', "path", "DIR", NULL, NULL, NULL, "Project",
      "folder to make [the plugin's name]" },
};

static const cli_example examples[] = {
    { "omnio new plugin brighter --kind operation", "then: cd brighter && make check" },
};

const cli_command cmd_new = {
    "new",
    "plugin NAME",
    "Write the project of a new plugin.",
    "The project needs nothing but make, a C compiler and pkg-config omnio.",
    CLI_ROWS(rows),
    0,
    CLI_ROWS(examples),
    "omnio-plugin(7)",
    NULL,
    new_project
};

static int new_project(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_error err = OMN_ERROR_INIT;
    cli_rows(&a, &cmd_new, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && (a.n_operands != 2 || strcmp(a.operands[0], "plugin")))
        code = cli_usage(c, "\"plugin\" and a name are wanted, as in: omnio new plugin brighter");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    const char *folder = cli_text(&a, "output") ? cli_text(&a, "output") : a.operands[1];
    cli_keep(c, true);
    if (omn_plugin_project(c->ctx, cli_text(&a, "kind"), a.operands[1], folder, &err) != OMN_OK)
        code = cli_failed(c, &err);
    else
        code = cli_puts(c, folder) && cli_puts(c, "\n") ? 0 : cli_lost(c);
    if (!code && !c->quiet) cli_say(c, "next: cd %s && make check", folder);
done:
    cli_args_fini(&a);
    return code;
}
