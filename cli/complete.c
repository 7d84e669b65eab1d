/* SPDX-License-Identifier: Apache-2.0 */
/* The completion for bash, from the same rows as --help: commands, options, choices, files; names
 * of pipelines, objects and kinds are asked of the program itself. */
#include "cli.h"

#include <string.h>

static void put_option_names(const cli_args *a, omn_buf *out)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        omn_buf_printf(out, "%s--%s", i ? " " : "", o->name);
    }
}

/* "run:--output|run:-o)" for the options of one type: how their value is completed. */
static void put_values(const cli_args *a, const char *type, const char *command, omn_buf *out)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        if (strcmp(o->type, type)) continue;
        omn_buf_printf(out, "        %s:--%s", command, o->name);
        if (o->letter) omn_buf_printf(out, "|%s:-%c", command, o->letter);
        omn_buf_puts(out, ")");
        if (!strcmp(type, "choice")) {
            omn_buf_puts(out, " COMPREPLY=($(compgen -W '");
            for (const char *p = o->range; *p; p++) omn_buf_put(out, *p == '|' ? " " : p, 1);
            omn_buf_puts(out, "' -- \"$cur\")); return ;;\n");
        } else {
            omn_buf_puts(out, " COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
        }
    }
}

void cli_complete(omn_buf *out)
{
    omn_buf_puts(out,
                 "# Completion of omnio for bash; made by 'omnio help --completion'.\n_omnio()\n{\n"
                 "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local command=${COMP_WORDS[1]} words=\n    COMPREPLY=()\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; cli_commands[i]; i++) omn_buf_printf(out, "%s ", cli_commands[i]->name);
    omn_buf_puts(out, "--help --version --list-devices' -- \"$cur\"))\n        return\n    fi\n"
                      "    case $command:$prev in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        cli_args a = { 0 };
        cli_rows(&a, cli_commands[i], NULL, 0);
        put_values(&a, "choice", cli_commands[i]->name, out);
        put_values(&a, "path", cli_commands[i]->name, out);
    }
    omn_buf_puts(out, "    esac\n    case $command in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        cli_args a = { 0 };
        cli_rows(&a, cli_commands[i], NULL, 0);
        omn_buf_printf(out, "        %s) words='", cli_commands[i]->name);
        put_option_names(&a, out);
        omn_buf_puts(out, "' ;;\n");
    }
    omn_buf_puts(
        out,
        "    esac\n    if [ \"$command\" = run ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
        "        words=\"$words $(omnio help --options \"${COMP_WORDS[2]}\" 2>/dev/null)\"\n    "
        "fi\n"
        "    if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
        "        return\n    fi\n    case $command in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *what = cli_commands[i]->completes;
        if (what && strcmp(what, "file"))
            omn_buf_printf(out, "        %s) words=$(omnio help --names %s 2>/dev/null) ;;\n",
                           cli_commands[i]->name, what);
        else
            omn_buf_printf(out, "        %s) words= ;;\n", cli_commands[i]->name);
    }
    omn_buf_puts(out, "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\") $(compgen -f "
                      "-- \"$cur\"))\n}\n"
                      "complete -o filenames -F _omnio omnio\n");
}
