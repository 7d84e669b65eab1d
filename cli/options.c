/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a command line by a command's rows. getopt_long does the reading; what it only hints at
 * (unknown, ambiguous, value missing) is said here in full, with the nearest name. */
#include "cli.h"
#include "shelf.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LONG_FIRST 256

static const cli_option machine_rows[] = {
    { "threads", 't', "int", "N", NULL, "0..256", "OMNIO_THREADS", "Machine",
      "threads to work with; 0: as many as the process may use" },
    { "device", 0, "string", "NAME", "cpu", NULL, "OMNIO_DEVICE", "Machine",
      "where the model runs: cpu, opencl, opencl:1 (see --list-devices)" },
    { "list-devices", 0, "flag", NULL, NULL, NULL, NULL, "Machine",
      "show the devices that a model can run on, and exit" },
};

static const cli_option precision_rows[] = {
    { "precision", 0, "choice", "TYPE", NULL, "auto|f32|bf16", "OMNIO_PRECISION", "Machine",
      "what products are made in; auto: bf16 where the weights are and this processor multiplies "
      "it faster [the model's own, else auto]" },
    { "cache", 0, "choice", "TYPE", NULL, "auto|f32|bf16", NULL, "Machine",
      "what keys and values of what was read and said are kept in; auto: bf16 where products are "
      "[the model's own, else auto]" },
    { "adapter", 0, "path", "FILE", NULL, NULL, NULL, "Machine",
      "adapters that the model works with, as the key lora of a recipe makes them" },
    { "keep", 0, "int", "MB", NULL, "0..1000000", NULL, "Machine",
      "memory for what encoders make of pictures and sound, which the next question about the same "
      "then finds; -v counts [0; 64 with --keep-folder, and for many items of omnio run]" },
    { "keep-folder", 0, "path", "DIR", NULL, NULL, NULL, "Machine",
      "keep it there too, for later runs: at most 1 GiB, what was used longest ago goes first" },
};

static const cli_option format_rows[] = {
    { "format", 0, "choice", "FORM", "text", "text|json|jsonl", NULL, "Output",
      "form of the answers: for people, JSON, or JSON Lines (one event a line)" },
};

static const cli_option every_rows[] = {
    { "verbose", 'v', "flag", NULL, NULL, NULL, "OMNIO_LOG", "Messages",
      "tell more; twice: still more" },
    { "quiet", 'q', "flag", NULL, NULL, NULL, NULL, "Messages", "tell nothing but errors" },
    { "no-color", 0, "flag", NULL, NULL, NULL, "NO_COLOR", "Messages",
      "no colours on the terminal" },
    { "help", 'h', "flag", NULL, NULL, NULL, NULL, "Messages", "show this help and exit" },
};

static void add_rows(cli_args *a, const cli_option *rows, size_t n)
{
    for (size_t i = 0; i < n && a->n_rows < CLI_MOST_ROWS; i++) {
        size_t k = 0;
        while (k < a->n_rows && strcmp(a->rows[k]->name, rows[i].name)) k++;
        if (k == a->n_rows) a->rows[a->n_rows++] = &rows[i];
    }
}

void cli_rows(cli_args *a, const cli_command *command, const cli_option *more, size_t n_more)
{
    a->command = command;
    a->n_rows = 0;
    add_rows(a, more, n_more);
    add_rows(a, command->options, command->n_options);
    if (command->flags & CLI_FORMAT) add_rows(a, CLI_ROWS(format_rows));
    if (command->flags & CLI_MACHINE) add_rows(a, CLI_ROWS(machine_rows));
    if (command->flags & CLI_PRECISION) add_rows(a, CLI_ROWS(precision_rows));
    add_rows(a, CLI_ROWS(every_rows));
}

/* ---- complaints --------------------------------------------------------------------------- */

static int unknown_long(cli *c, const cli_args *a, const char *word)
{
    const char *names[CLI_MOST_ROWS];
    char name[128], candidates[512] = "";
    size_t n = 0, alike = 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (size_t i = 0; i < a->n_rows; i++) {
        names[n++] = a->rows[i]->name;
        if (strncmp(names[i], name, strlen(name))) continue;
        const size_t used = strlen(candidates);
        snprintf(candidates + used, sizeof candidates - used, "%s--%s", alike++ ? ", " : "",
                 names[i]);
    }
    if (alike > 1) return cli_usage(c, "option --%s could be one of %s", name, candidates);
    const char *near = omn_nearest_name(name, names, n);
    if (near) return cli_usage(c, "unknown option --%s; did you mean --%s?", name, near);
    return cli_usage(c, "unknown option --%s", name);
}

static int complain(cli *c, const cli_args *a, int got, int opt, const char *word)
{
    if (got == ':') {
        const cli_option *o = NULL;
        for (size_t i = 0; i < a->n_rows; i++)
            if (opt == (int)i + LONG_FIRST || opt == a->rows[i]->letter) o = a->rows[i];
        if (o) return cli_usage(c, "option --%s wants a value: %s", o->name, o->value);
    }
    if (opt >= LONG_FIRST)
        return cli_usage(c, "option --%s takes no value", a->rows[opt - LONG_FIRST]->name);
    if (opt) return cli_usage(c, "unknown option -%c", opt);
    return unknown_long(c, a, word);
}

static int check_value(cli *c, const cli_option *o, const char *value, const char *whence)
{
    if (!strcmp(o->type, "flag")) return -1;
    const omn_param row = { "param", o->name, o->type, NULL, o->range, NULL, o->help, 0 };
    omn_error err = OMN_ERROR_INIT;
    if (omn_param_check(&row, value, &err) == OMN_OK) return -1;
    return cli_usage(c, "%s: %s", whence, err.text);
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool add_given(cli_args *a, const cli_option *row, const char *value)
{
    cli_given *more = realloc(a->given, (a->n_given + 1) * sizeof *more);
    if (!more) return false;
    a->given = more;
    a->given[a->n_given++] = (cli_given){ row, value };
    return true;
}

bool cli_add(cli_args *a, const char *name, const char *value)
{
    size_t i = 0;
    while (i < a->n_rows && strcmp(a->rows[i]->name, name)) i++;
    return i == a->n_rows || add_given(a, a->rows[i], value);
}

static bool add_operand(cli_args *a, const char *word)
{
    const char **more = realloc(a->operands, (a->n_operands + 1) * sizeof *more);
    if (!more) return false;
    a->operands = more;
    a->operands[a->n_operands++] = word;
    return true;
}

static int check_environment(cli *c, const cli_args *a)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        const char *value = o->env ? getenv(o->env) : NULL;
        const int code =
            value && *value && !cli_count(a, o->name) ? check_value(c, o, value, o->env) : -1;
        if (code >= 0) return code;
    }
    return -1;
}

static int take(cli *c, cli_args *a, int got, const char *value)
{
    size_t i = 0;
    if (got >= LONG_FIRST)
        i = (size_t)(got - LONG_FIRST);
    else
        while (i < a->n_rows && a->rows[i]->letter != got) i++;
    if (i == a->n_rows) return cli_usage(c, "unknown option -%c", got);
    char whence[140];
    snprintf(whence, sizeof whence, "--%.120s", a->rows[i]->name);
    const int code = value ? check_value(c, a->rows[i], value, whence) : -1;
    if (code >= 0) return code;
    return add_given(a, a->rows[i], value) ? -1 : cli_no_memory(c);
}

static int print_help(cli *c, const cli_args *a)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    cli_help(a, &b);
    const bool ok = cli_put(c, &b);
    omn_buf_fini(&b);
    return ok ? 0 : cli_lost(c);
}

int cli_parse(cli *c, cli_args *a, int argc, char **argv, cli_how how)
{
    struct option longs[CLI_MOST_ROWS + 1] = { 0 };
    /* +: stops at the first operand; -: gives operands in their places. What follows -- is left */
    char shorts[2 * CLI_MOST_ROWS + 4];
    memcpy(shorts, how == CLI_FIRST ? "+:" : "-:", 3);
    size_t k = 2;
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        const bool flag = !strcmp(o->type, "flag");
        longs[i] = (struct option){ o->name, flag ? no_argument : required_argument, NULL,
                                    (int)i + LONG_FIRST };
        if (o->letter) shorts[k++] = (char)o->letter;
        if (o->letter && !flag) shorts[k++] = ':';
    }
    shorts[k] = '\0';
    optind = 0;
    opterr = 0;
    for (;;) {
        optopt = 0;
        const int got = getopt_long(argc, argv, shorts, longs, NULL);
        int code = -1;
        if (got == -1) break;
        if (got == 1)
            code = add_operand(a, optarg) ? -1 : cli_no_memory(c);
        else if (got == '?' || got == ':')
            code = complain(c, a, got, optopt, argv[optind - 1]);
        else
            code = take(c, a, got, optarg);
        if (code >= 0) return code;
    }
    for (int i = optind; how == CLI_ALL && i < argc; i++)
        if (!add_operand(a, argv[i])) return cli_no_memory(c);
    a->next = optind;
    if (cli_count(a, "help") && (how == CLI_ALL || a->next >= argc)) return print_help(c, a);
    const int code = check_environment(c, a);
    if (code < 0 && cli_count(a, "list-devices") && (how == CLI_ALL || a->next >= argc))
        return shelf_show_devices(c, a);
    return code;
}

void cli_args_fini(cli_args *a)
{
    free(a->given);
    free(a->operands);
}

/* ---- asking ------------------------------------------------------------------------------- */

size_t cli_count(const cli_args *a, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_given; i++) n += !strcmp(a->given[i].row->name, name);
    return n;
}

static size_t count_rows(const cli_args *a, const cli_option *rows, size_t n)
{
    size_t given = 0;
    for (size_t i = 0; i < n; i++) given += cli_count(a, rows[i].name);
    return given;
}

size_t cli_count_machine(const cli_args *a)
{
    return count_rows(a, CLI_ROWS(machine_rows)) + count_rows(a, CLI_ROWS(precision_rows));
}

const char *cli_nth(const cli_args *a, const char *name, size_t at)
{
    for (size_t i = 0; i < a->n_given; i++)
        if (!strcmp(a->given[i].row->name, name) && at-- == 0) return a->given[i].value;
    return NULL;
}

bool cli_has(const cli_args *a, const char *name)
{
    return cli_count(a, name) > 0;
}

const char *cli_text(const cli_args *a, const char *name)
{
    for (size_t i = a->n_given; i-- > 0;)
        if (!strcmp(a->given[i].row->name, name)) return a->given[i].value;
    for (size_t i = 0; i < a->n_rows; i++) {
        const cli_option *o = a->rows[i];
        if (strcmp(o->name, name)) continue;
        const char *value = o->env ? getenv(o->env) : NULL;
        return value && *value ? value : o->deflt;
    }
    return NULL;
}

double cli_number(const cli_args *a, const char *name, double deflt)
{
    const char *text = cli_text(a, name);
    return text ? strtod(text, NULL) : deflt;
}

int cli_settings(cli *c, const cli_args *a, omn_setting **out, size_t *n)
{
    *n = cli_count(a, "set");
    *out = calloc(*n + 1, sizeof **out);
    char *keys = NULL;
    for (size_t i = 0; i < *n && *out; i++) {
        const char *text = cli_nth(a, "set", i), *equal = strchr(text, '=');
        if (!equal || equal == text) {
            free(*out);
            *out = NULL;
            return cli_usage(
                c, "--set %s: key=value is wanted, as in batch=8 or optimizer.rate=1e-3", text);
        }
        /* argv is ours to write to: the key ends where its value begins */
        keys = (char *)(uintptr_t)text;
        keys[equal - text] = '\0';
        (*out)[i] = (omn_setting){ keys, equal + 1, 0, 0 };
    }
    return *out ? -1 : cli_no_memory(c);
}
