/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for the shells, from the same rows as --help: commands, options, choices, files; names
 * of pipelines, models, devices, objects and kinds are asked of the program itself, with
 * `omnio help --names`. */
#include "cli.h"

#include <string.h>

/* What `omnio help --names` is asked for the value of an option; NULL: nothing. */
static const char *asked_names(const cli_option *o)
{
    if (!strcmp(o->name, "model")) return "model";
    if (o->value && !strcmp(o->value, "PIPELINE")) return "pipeline";
    return !strcmp(o->name, "device") ? "device" : NULL;
}

/* "text|json" with another sign between the words. */
static void put_choices(const cli_option *o, const char *between, omn_buf *out)
{
    for (const char *p = o->range; *p; p++)
        if (*p == '|')
            omn_buf_puts(out, between);
        else
            omn_buf_put(out, p, 1);
}

/* ---- bash --------------------------------------------------------------------------------- */

static void put_option_names(const cli_args *a, omn_buf *out)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        omn_buf_printf(out, "%s--%s", i ? " " : "", o->name);
    }
}

/* "run:--output|run:-o) ...": how the value of each option is completed. */
static void put_values(const cli_args *a, const char *command, omn_buf *out)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        const char *names = asked_names(o);
        const bool choice = !strcmp(o->type, "choice"), path = !strcmp(o->type, "path");
        if (!names && !choice && !path) continue;
        omn_buf_printf(out, "        %s:--%s", command, o->name);
        if (o->letter) omn_buf_printf(out, "|%s:-%c", command, o->letter);
        omn_buf_puts(out, ") COMPREPLY=($(compgen ");
        if (choice) {
            omn_buf_puts(out, "-W '");
            put_choices(o, " ", out);
            omn_buf_puts(out, "'");
        } else if (names) {
            omn_buf_printf(out, "-W \"$(omnio help --names %s 2>/dev/null)\" -d", names);
        } else {
            omn_buf_puts(out, "-f");
        }
        omn_buf_puts(out, " -- \"$cur\")); return ;;\n");
    }
}

static void for_bash(omn_buf *out)
{
    omn_buf_puts(out,
                 "# Completion of omnio for bash; made by 'omnio help --completion bash'.\n"
                 "_omnio()\n{\n"
                 "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local command=${COMP_WORDS[1]} words=\n    COMPREPLY=()\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; cli_commands[i]; i++) omn_buf_printf(out, "%s ", cli_commands[i]->name);
    omn_buf_puts(out, "--help --version --list-devices' -- \"$cur\"))\n        return\n    fi\n"
                      "    case $command:$prev in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        cli_args a = { 0 };
        cli_rows(&a, cli_commands[i], NULL, 0);
        put_values(&a, cli_commands[i]->name, out);
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

/* ---- zsh ---------------------------------------------------------------------------------- */

/* Text in an option of _arguments: its brackets and colons are signs there, and so is the quote. */
static void put_zsh(const char *s, omn_buf *out)
{
    for (; *s; s++) {
        if (*s == '\'')
            omn_buf_puts(out, "'\\''");
        else if (strchr("[]:\\", *s))
            omn_buf_printf(out, "\\%c", *s);
        else
            omn_buf_put(out, s, 1);
    }
}

static void zsh_option(const cli_option *o, omn_buf *out)
{
    const char *names = asked_names(o);
    for (int letter = o->letter ? 1 : 0; letter >= 0; letter--) {
        omn_buf_puts(out, "            '*");
        if (letter)
            omn_buf_printf(out, "-%c", o->letter);
        else
            omn_buf_printf(out, "--%s", o->name);
        omn_buf_puts(out, "[");
        put_zsh(o->help, out);
        omn_buf_puts(out, "]");
        if (o->value) {
            omn_buf_puts(out, ":");
            put_zsh(o->value, out);
            omn_buf_puts(out, ":");
        }
        if (names) {
            omn_buf_printf(out, "_omnio_names %s", names);
        } else if (!strcmp(o->type, "choice")) {
            omn_buf_puts(out, "(");
            put_choices(o, " ", out);
            omn_buf_puts(out, ")");
        } else if (!strcmp(o->type, "path")) {
            omn_buf_puts(out, "_files");
        }
        omn_buf_puts(out, "' \\\n");
    }
}

static void for_zsh(omn_buf *out)
{
    omn_buf_puts(out, "#compdef omnio\n"
                      "# Completion of omnio for zsh; made by 'omnio help --completion zsh'.\n"
                      "_omnio_names() {\n"
                      "    local -a names\n"
                      "    names=(${(f)\"$(omnio help --names $1 2>/dev/null)\"})\n"
                      "    compadd -a names\n    _files\n}\n"
                      "_omnio_inputs() {\n"
                      "    local -a names\n"
                      "    names=(${(f)\"$(omnio help --options ${words[2]} 2>/dev/null)\"})\n"
                      "    compadd -a names\n}\n"
                      "_omnio() {\n    local -a commands\n    commands=(\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        omn_buf_printf(out, "        '%s:", cli_commands[i]->name);
        put_zsh(cli_commands[i]->help, out);
        omn_buf_puts(out, "'\n");
    }
    omn_buf_puts(out, "    )\n    if (( CURRENT == 2 )); then\n"
                      "        _describe command commands\n"
                      "        compadd -- --help --version --list-devices\n        return\n    fi\n"
                      "    shift words\n    (( CURRENT-- ))\n    case ${words[1]} in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        const cli_command *m = cli_commands[i];
        cli_args a = { 0 };
        cli_rows(&a, m, NULL, 0);
        omn_buf_printf(out, "    %s)\n", m->name);
        if (!strcmp(m->name, "run"))
            omn_buf_puts(out, "        [[ ${words[CURRENT]} == -* && -n ${words[2]} ]] && "
                              "_omnio_inputs\n");
        omn_buf_puts(out, "        _arguments \\\n");
        for (size_t k = 0; k < a.n_rows; k++) zsh_option(a.rows[k], out);
        if (m->completes && strcmp(m->completes, "file"))
            omn_buf_printf(out, "            '*:%s:_omnio_names %s' ;;\n", m->completes,
                           m->completes);
        else
            omn_buf_puts(out, "            '*:file:_files' ;;\n");
    }
    omn_buf_puts(out, "    esac\n}\n_omnio \"$@\"\n");
}

/* ---- fish --------------------------------------------------------------------------------- */

static void put_quoted(const char *s, omn_buf *out)
{
    omn_buf_puts(out, "'");
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\') omn_buf_puts(out, "\\");
        omn_buf_put(out, s, 1);
    }
    omn_buf_puts(out, "'");
}

static void for_fish(omn_buf *out)
{
    omn_buf_puts(out, "# Completion of omnio for fish; made by 'omnio help --completion fish'.\n"
                      "function __omnio_names\n    omnio help --names $argv[1] 2>/dev/null\nend\n"
                      "function __omnio_inputs\n"
                      "    set -l words (commandline -opc)\n"
                      "    test (count $words) -gt 2; and omnio help --options $words[3] "
                      "2>/dev/null\nend\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        omn_buf_printf(out, "complete -c omnio -f -n __fish_use_subcommand -a %s -d ",
                       cli_commands[i]->name);
        put_quoted(cli_commands[i]->help, out);
        omn_buf_puts(out, "\n");
    }
    omn_buf_puts(out, "complete -c omnio -n __fish_use_subcommand -l help -s h -l version "
                      "-l list-devices\n"
                      "complete -c omnio -n '__fish_seen_subcommand_from run' -a "
                      "'(__omnio_inputs)'\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        const cli_command *m = cli_commands[i];
        cli_args a = { 0 };
        cli_rows(&a, m, NULL, 0);
        if (m->completes && strcmp(m->completes, "file"))
            omn_buf_printf(out, "complete -c omnio -n '__fish_seen_subcommand_from %s' -a "
                                "'(__omnio_names %s)'\n", m->name, m->completes);
        for (size_t k = 0; k < a.n_rows; k++) {
            const cli_option *o = a.rows[k];
            omn_buf_printf(out, "complete -c omnio -n '__fish_seen_subcommand_from %s' -l %s",
                           m->name, o->name);
            if (o->letter) omn_buf_printf(out, " -s %c", o->letter);
            if (o->value) omn_buf_puts(out, !strcmp(o->type, "path") ? " -r -F" : " -x");
            if (asked_names(o)) omn_buf_printf(out, " -a '(__omnio_names %s)'", asked_names(o));
            if (!strcmp(o->type, "choice")) {
                omn_buf_puts(out, " -a '");
                put_choices(o, " ", out);
                omn_buf_puts(out, "'");
            }
            omn_buf_puts(out, " -d ");
            put_quoted(o->help, out);
            omn_buf_puts(out, "\n");
        }
    }
}

void cli_complete(const char *shell, omn_buf *out)
{
    if (!strcmp(shell, "zsh"))
        for_zsh(out);
    else if (!strcmp(shell, "fish"))
        for_fish(out);
    else
        for_bash(out);
}
