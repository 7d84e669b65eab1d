/* SPDX-License-Identifier: Apache-2.0 */
/* The program omnio: finds the subcommand that was asked for and hands over to it. */
#include "cli.h"

#include <locale.h>
#include <string.h>

const cli_command *const cli_commands[] = { &cmd_run, &cmd_train, NULL };

const cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (!strcmp(cli_commands[i]->name, name)) return cli_commands[i];
    return NULL;
}

static int unknown(const cli *c, const char *word)
{
    const char *names[32];
    size_t n = 0;
    while (cli_commands[n] && n < 32) {
        names[n] = cli_commands[n]->name;
        n++;
    }
    if (word[0] == '-') return cli_usage(c, "unknown option %s; options come after the command", word);
    const char *near = omn_nearest_name(word, names, n);
    if (near) return cli_usage(c, "unknown command \"%s\"; did you mean \"%s\"?", word, near);
    return cli_usage(c, "unknown command \"%s\"", word);
}

static int help(cli *c)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    cli_help_all(c, &b);
    const bool ok = cli_put(c, &b);
    omn_buf_fini(&b);
    return ok ? 0 : omn_status_exit(OMN_ERR_IO);
}

int main(int argc, char **argv)
{
    cli c;
    int code;
    setlocale(LC_CTYPE, "");
    cli_init(&c);
    const char *word = argc > 1 ? argv[1] : "";
    const cli_command *command = cli_command_find(word);
    if (command) {
        c.command = command->name;
        code = command->run(&c, argc - 1, argv + 1);
    } else if (!strcmp(word, "--version")) {
        printf("omnio %s\n", omn_version());
        code = 0;
    } else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        code = help(&c);
    } else if (!*word) {
        code = cli_usage(&c, "a command is wanted: run, train, check, list, ...");
    } else {
        code = unknown(&c, word);
    }
    cli_fini(&c);
    return code;
}
