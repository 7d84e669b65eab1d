/* SPDX-License-Identifier: Apache-2.0 */
/* omnio verify: golden files against what this build computes, stage by stage. No option loosens a
 * tolerance. */
#include "cli.h"

#include <math.h>
#include <string.h>

static int verify(cli *c, int argc, char **argv);

static const cli_example examples[] = {
    { "omnio verify tiny_a.text_only.safetensors",
      "does the port give the numbers of the original?" },
    { "omnio verify --device opencl *.safetensors", "the same on another device" },
};

const cli_command cmd_verify = {
    "verify",
    "FILE...",
    "Compare golden files with what this build computes.",
    "A golden file holds inputs and the outputs of the original program, and names the weights "
    "beside it. Each "
    "stage is shown with its largest absolute and relative error and its tolerance. Exit code 1: a "
    "stage is outside "
    "its tolerance or missing; 69: a file needs parts that this build lacks.",
    NULL,
    0,
    CLI_MACHINE | CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-inspect(1)",
    "file",
    verify
};

typedef struct shown {
    cli *c;
    uint64_t rows, bad;
} shown;

static void put_number(omn_buf *b, const char *key, double x)
{
    omn_buf_printf(b, ",\"%s\":", key);
    omn_number_print(x, b);
}

static void on_row(void *user, const omn_verify_row *row)
{
    shown *s = user;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    if (!row->ok) s->bad++;
    if (s->c->format == CLI_TEXT) {
        if (!s->rows)
            omn_buf_printf(&b, "%-44s %11s %11s %11s %11s\n", "stage", "abs error", "rel error",
                           "abs allowed", "rel allowed");
        omn_buf_printf(&b, "%-44s %11.3g %11.3g %11.3g %11.3g  %s%s%s\n", row->stage,
                       row->abs_error, row->rel_error, row->tolerance_abs, row->tolerance_rel,
                       row->ok ? "ok" : "NOT OK", row->why ? ": " : "", row->why ? row->why : "");
    } else {
        if (s->c->format == CLI_JSON) omn_buf_puts(&b, s->rows ? ",\n" : "[\n");
        omn_buf_printf(&b, "{\"type\":\"stage\",\"version\":%d,\"file\":", CLI_JSON_VERSION);
        json_text(&b, row->file);
        omn_buf_puts(&b, ",\"stage\":");
        json_text(&b, row->stage);
        put_number(&b, "abs_error", row->abs_error);
        put_number(&b, "rel_error", row->rel_error);
        put_number(&b, "tolerance_abs", row->tolerance_abs);
        put_number(&b, "tolerance_rel", row->tolerance_rel);
        omn_buf_printf(&b, ",\"ok\":%s", row->ok ? "true" : "false");
        if (row->why) {
            omn_buf_puts(&b, ",\"why\":");
            json_text(&b, row->why);
        }
        omn_buf_puts(&b, s->c->format == CLI_JSON ? "}" : "}\n");
    }
    s->rows++;
    cli_put(s->c, &b);
    omn_buf_fini(&b);
}

static void put_name(cli *c, const char *file, bool another)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_buf_printf(&b, "%s%s\n", another ? "\n" : "", file);
    cli_put(c, &b);
    omn_buf_fini(&b);
}

static int verify(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    shown s = { c, 0, 0 };
    cli_rows(&a, &cmd_verify, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && !a.n_operands) code = cli_usage(c, "a golden file is wanted");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    code = 0;
    for (size_t i = 0; i < a.n_operands && !cli_stopped(c); i++) {
        omn_error err = OMN_ERROR_INIT;
        if (c->format == CLI_TEXT) put_name(c, a.operands[i], i > 0);
        if (c->format == CLI_TEXT) s.rows = 0;
        const omn_status st = omn_verify(c->ctx, a.operands[i], on_row, &s, &err);
        if (st == OMN_ERR_UNSUPPORTED) {
            cli_say(c, "%s: not supported: %s", a.operands[i], err.text);
            if (!code) code = omn_status_exit(st);
        } else if (st != OMN_OK) {
            const int each = c->format == CLI_JSON ? omn_status_exit(st) : cli_failed(c, &err);
            if (!code || code == omn_status_exit(OMN_ERR_UNSUPPORTED)) code = each;
            if (c->format == CLI_JSON) cli_say(c, "%s: %s", a.operands[i], err.text);
        }
    }
    if (c->format == CLI_JSON) cli_puts(c, s.rows ? "\n]\n" : "[]\n");
    if (cli_stopped(c)) code = cli_stopped(c);
done:
    cli_args_fini(&a);
    return code;
}
