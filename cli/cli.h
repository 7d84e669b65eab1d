/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of the program share. A command is one file that opens with its descriptor:
 * name, operands, options, examples. From the rows of the options follow getopt_long, --help, the
 * manual page and the completion of the shell. Results go to stdout, everything else to stderr. */
#ifndef OMNIO_CLI_H
#define OMNIO_CLI_H

#include <omnio/pipeline.h>

#include <stdatomic.h>
#include <stdio.h>

typedef struct cli cli;
typedef struct cli_args cli_args;

/* One option. type: "flag", or as in omn_param: "int", "int64", "double", "string", "path",
 * "choice" (range "text|json"). */
typedef struct cli_option {
    const char *name;         /* without dashes */
    int letter;               /* 0: none */
    const char *type, *value; /* value: its place holder in help, "FILE"; NULL for a flag */
    const char *deflt, *range, *env;
    const char *group, *help;
} cli_option;

typedef struct cli_example {
    const char *line, *what;
} cli_example;

enum {
    CLI_MACHINE = 1, /* takes --threads, --device, --list-devices */
    CLI_FORMAT = 2,  /* takes --format text|json|jsonl */
    CLI_HIDDEN = 4,
    CLI_PRECISION = 8 /* takes --precision, --cache, --adapter, --keep */
};

typedef struct cli_command {
    const char *name, *operands, *help; /* help: one sentence */
    const char *text;                   /* paragraphs, separated by empty lines */
    const cli_option *options;
    size_t n_options;
    unsigned flags;
    const cli_example *examples;
    size_t n_examples;
    const char *see;       /* "omnio-pipeline(5), omnio-recipe(5)" */
    const char *completes; /* what an operand is: "pipeline", "command", "file", ... */
    int (*run)(cli *c, int argc,
               char **argv); /* argv[0] is the command's name; gives the exit code */
} cli_command;

#define CLI_ROWS(x) (x), sizeof(x) / sizeof((x)[0])

extern const cli_command cmd_run, cmd_check, cmd_list, cmd_help, cmd_inspect, cmd_verify, cmd_train,
    cmd_eval, cmd_compare, cmd_convert, cmd_bench, cmd_new, cmd_show, cmd_validate, cmd_doctor,
    cmd_tune, cmd_quantize;
/* All commands, in the order of the help, up to NULL. */
extern const cli_command *const cli_commands[];
const cli_command *cli_command_find(const char *name);

/* ---- options.c: reading a command line by the rows ---------------------------------------- */

#define CLI_MOST_ROWS 160

typedef struct cli_given {
    const cli_option *row;
    const char *value;
} cli_given;

struct cli_args {
    const cli_command *command;
    const cli_option *rows[CLI_MOST_ROWS];
    size_t n_rows;
    cli_given *given;
    size_t n_given;
    const char **operands;
    size_t n_operands;
    const omn_pipeline *pipeline; /* whose help --help is; NULL: the command's */
    const char *word;             /* what it was called by */
    int next; /* CLI_FIRST: where in argv the first operand stands */
};

typedef enum cli_how {
    CLI_ALL,  /* options and operands in any order */
    CLI_FIRST /* up to the first operand */
} cli_how;

/* The rows of a command: its own, those of its flags, those of every command. More rows may be put
 * in front. */
void cli_rows(cli_args *a, const cli_command *command, const cli_option *more, size_t n_more);
/* Reads argv[1..]; what was given before is kept. Values are checked against type and range.
 * Returns -1, or the exit code when the program is to end (--help was printed, wrong usage was
 * told). */
int cli_parse(cli *c, cli_args *a, int argc, char **argv, cli_how how);
/* As if the option were given behind the others. false: no memory. */
bool cli_add(cli_args *a, const char *name, const char *value);
void cli_args_fini(cli_args *a);
/* The last value given, or that of the environment, or the default; NULL: none. */
const char *cli_text(const cli_args *a, const char *name);
bool cli_has(const cli_args *a, const char *name);
double cli_number(const cli_args *a, const char *name, double deflt);
size_t cli_count(const cli_args *a, const char *name);
/* How many options say what the machine does: with one, the context is another. */
size_t cli_count_machine(const cli_args *a);
const char *cli_nth(const cli_args *a, const char *name, size_t i);
/* --set key=value, all of them; *out is owned (free()). -1, or the exit code after a complaint. */
int cli_settings(cli *c, const cli_args *a, omn_setting **out, size_t *n);

/* ---- help.c, man.c, complete.c ------------------------------------------------------------ */

void cli_help(const cli_args *a, omn_buf *out);
void cli_help_all(omn_buf *out);
void cli_man(const cli_command *command, omn_buf *out); /* NULL: omnio(1) itself */
/* shell: "bash", "zsh", "fish". */
void cli_complete(const char *shell, omn_buf *out);
/* Text wrapped to width columns behind `indent` spaces; the first line continues at column `at`. */
void cli_wrap(omn_buf *out, const char *text, size_t at, size_t indent, size_t width);
/* "--threads", "-t, --threads N"; dashes and place holder as in --help. */
void cli_option_usage(const cli_option *o, char *buf, size_t room);

/* ---- session.c: the context, messages, signals -------------------------------------------- */

typedef enum cli_format { CLI_TEXT, CLI_JSON, CLI_JSONL } cli_format;

struct cli {
    const char *command;
    omn_context *ctx;
    omn_cancel *cancel;
    cli_format format;
    omn_level level;
    bool quiet, terminal_out, terminal_err, colour;
    omn_status lost;       /* why not all of standard output was written, which was told */
    atomic_bool open_line; /* standard output ends in the middle of a line */
    atomic_bool bar;       /* standard error ends with a line of progress */
    struct signals *signals;
    omn_company *company; /* NULL: this process is alone */
    bool agreed;          /* all of the company end with the same exit code */
};

void cli_init(cli *c);
void cli_fini(cli *c);
/* From now on a mapped file that is cut off ends the program with a line that names it. */
void cli_catch_bus(void);
/* Makes the context and catches signals, by the command's options. */
int cli_session(cli *c, const cli_args *a);
/* Meets the processes that this one was started with, if there are any. -1, or the exit code. */
int cli_join(cli *c);
/* Leaves them; after a failure that they do not know of it ends them. */
void cli_leave(cli *c, int code);
/* "omnio: text" on stderr. */
void cli_say(cli *c, const char *fmt, ...) OMN_PRINTF(2, 3);
/* Wrong usage: the text, and where help is; returns 2. */
int cli_usage(cli *c, const char *fmt, ...) OMN_PRINTF(2, 3);
/* Tells of a failure on stderr (and as an event on stdout with JSON); returns the exit code. */
int cli_failed(cli *c, const omn_error *err);
/* Did a signal ask to stop? 130, 143, or 0. */
int cli_stopped(const cli *c);
/* A signal asks the work to stop; what does not hear it (a pipe that nobody writes to, a long file)
 * is ended soon after, but for what must be finished: from on = true to on = false. */
void cli_keep(cli *c, bool on);
/* What standard output is to end with should the program be ended so; "" at first. Not copied. */
void cli_closing(cli *c, const char *text);
/* Writes a buffer to stdout; false: nobody reads any more, the disk is full or memory is out (told
 * once). cli_lost(): the exit code then. */
bool cli_put(cli *c, omn_buf *b);
int cli_lost(const cli *c);
bool cli_puts(cli *c, const char *text);
/* A line of progress on a terminal, in place of the last one; NULL ends it. */
void cli_progress(cli *c, const char *text);
/* From now on a crash names the plugin that it happened in. crash.c */
void cli_crash_watch(void);
/* "omnio: out of memory"; returns 71. */
int cli_no_memory(cli *c);
/* Before a file is written: what killed runs left in its folder goes. */
void cli_sweep_beside(const char *file);

/* ---- json.c ------------------------------------------------------------------------------- */

#define CLI_JSON_VERSION 1

void json_text(omn_buf *b, const char *s);
/* {"type":"error",...}: status, exit code, text, place; item below 0: none; id: JSON, or
 * NULL. */
void json_error(omn_buf *b, const omn_error *err, int64_t item, const char *id);

#endif
