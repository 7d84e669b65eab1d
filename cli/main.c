/* SPDX-License-Identifier: Apache-2.0 */
/* The program omnio: finds the subcommand that was asked for and hands over to it. */
#include "config.h"

#include "cli.h"
#include "shelf.h"

#include <locale.h>
#include <string.h>

const cli_command *const cli_commands[] = { &cmd_run,     &cmd_check, &cmd_list,     &cmd_help,
                                            &cmd_inspect, &cmd_train, &cmd_eval,     &cmd_verify,
                                            &cmd_compare, &cmd_bench, &cmd_convert,  &cmd_new,
                                            &cmd_quantize,
                                            &cmd_show,    &cmd_validate, &cmd_doctor,  &cmd_tune,
                                            NULL };

const cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (!strcmp(cli_commands[i]->name, name)) return cli_commands[i];
    return NULL;
}

static int unknown(cli *c, const char *word)
{
    const char *names[32];
    size_t n = 0;
    while (cli_commands[n] && n < 32) {
        names[n] = cli_commands[n]->name;
        n++;
    }
    if (word[0] == '-')
        return cli_usage(c, "unknown option %s; options come after the command", word);
    const char *near = omn_nearest_name(word, names, n);
    if (near) return cli_usage(c, "unknown command \"%s\"; did you mean \"%s\"?", word, near);
    return cli_usage(c, "unknown command \"%s\"", word);
}

static int help(cli *c)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    cli_help_all(&b);
    const bool ok = cli_put(c, &b);
    omn_buf_fini(&b);
    return ok ? 0 : cli_lost(c);
}

/* --version, with -v the libraries of this build, one a line. */
static int version(cli *c, bool libraries)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_buf_printf(&b, "omnio %s\n", omn_version());
    for (const char *p = libraries ? OMN_BUILD_LIBRARIES : ""; *p;) {
        const size_t n = strcspn(p, " ");
        if (n) omn_buf_printf(&b, "  %.*s\n", (int)n, p);
        p += n + (p[n] == ' ');
    }
    const bool ok = cli_put(c, &b);
    omn_buf_fini(&b);
    return ok ? 0 : cli_lost(c);
}

/* --list-devices without a command. */
static int devices(cli *c, int argc, char **argv)
{
    static const cli_command row = { .name = "--list-devices",
                                     .help = "Show the devices.",
                                     .flags = CLI_FORMAT };
    cli_args a = { 0 };
    cli_rows(&a, &row, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0) code = shelf_show_devices(c, &a);
    cli_args_fini(&a);
    return code;
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
        code = version(&c, argc > 2 && (!strcmp(argv[2], "-v") || !strcmp(argv[2], "--verbose")));
    } else if (!strcmp(word, "--list-devices")) {
        code = devices(&c, argc - 1, argv + 1);
    } else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        code = help(&c);
    } else if (!*word) {
        code = cli_usage(&c, "a command is wanted: run, check, list, help, train, ...");
    } else {
        code = unknown(&c, word);
    }
    cli_fini(&c);
    /* an answer that nobody received is no success */
    if (!code && c.lost) code = cli_lost(&c);
    return code;
}
