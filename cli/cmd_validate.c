/* SPDX-License-Identifier: Apache-2.0 */
/* omnio validate: does a plugin keep its promises? The calls are made in a child, which says before
 * each of them what comes; when it crashes or does not come back the case is known, and another
 * child goes on with the next unit. So the program has no thread and no context of its own here. */
#include "validate.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int validate(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "seed", 's', "int64", "N", "1", "1..", NULL, "Cases", "all values follow from it" },
    { "cases", 0, "int", "N", "24", "1..100000", NULL, "Cases",
      "calls of each object at each level that calls" },
    { "object", 0, "string", "NAME", NULL, NULL, NULL, "Cases", "only the objects of this name" },
    { "reproduce", 0, "int64", "SEED", NULL, "1..", NULL, "Cases",
      "the one case of this seed, as the report told it" },
    { "limit", 0, "int", "SECONDS", "20", "1..3600", NULL, "Cases", "how long one case may take" },
};

static const cli_example examples[] = {
    { "omnio validate ./brighter.so", "a report by object and level" },
    { "omnio validate ./brighter.so --reproduce 281474976710659", "one case again" },
};

const cli_command cmd_validate = {
    "validate",
    "PLUGIN.so",
    "Look whether a plugin keeps its promises: for authors.",
    "Levels: loads (in a process of its own), tables (rows, ranges, defaults, help), calls (random "
    "values that are allowed: results as promised, the same twice), hostile (damaged bytes, ids "
    "out "
    "of range, edges: refused in one line), leaks (no more memory after many calls), threads "
    "(several at once give what one gives). An object that cannot be opened without other files is "
    "left out, which is told.\n\n"
    "Exit code 1: something was found.",
    CLI_ROWS(rows),
    0,
    CLI_ROWS(examples),
    "omnio-plugin(7)",
    "file",
    validate
};

/* ---- the report -------------------------------------------------------------------------------
 */

typedef struct report {
    cli *c;
    omn_buf out;
    const char *file;
    char kind[160], object[160];
    unsigned faults, objects;
    bool fine[OMN_VALIDATE_LEVELS], out_of[OMN_VALIDATE_LEVELS], met[OMN_VALIDATE_LEVELS];
} report;

/* "operation image.grey: tables, calls, hostile, leaks, threads; not: ..." behind its findings. */
static void end_object(report *r)
{
    size_t fine = 0;
    if (!r->object[0]) return;
    const char *dot = strchr(r->kind, '.'), *word = dot ? dot + 1 : r->kind;
    omn_buf_printf(&r->out, "%.*s %s:", (int)strcspn(word, "/"), word, r->object);
    for (int i = 0; i < OMN_VALIDATE_LEVELS; i++) {
        if (!r->met[i] || !r->fine[i] || r->out_of[i]) continue;
        omn_buf_printf(&r->out, "%s %s", fine ? "," : "",
                       omn_validate_level_name((omn_validate_level)i));
        fine++;
    }
    omn_buf_puts(&r->out, fine ? " fine\n" : " nothing fine\n");
    r->object[0] = 0;
}

static void on_event(void *user, const validate_line *e)
{
    report *r = user;
    if (strcmp(e->object, r->object) != 0 || strcmp(e->kind, r->kind) != 0) {
        end_object(r);
        snprintf(r->kind, sizeof(r->kind), "%s", e->kind);
        snprintf(r->object, sizeof(r->object), "%s", e->object);
        memset(r->met, 0, sizeof(r->met));
        memset(r->out_of, 0, sizeof(r->out_of));
        memset(r->fine, 1, sizeof(r->fine));
        r->objects++;
    }
    const unsigned level = e->level;
    r->met[level] = true;
    if (!e->found) return;
    const char *name = omn_validate_level_name((omn_validate_level)level);
    if (e->left_out) {
        if (!r->out_of[level] && !r->c->quiet)
            omn_buf_printf(&r->out, "  %s %s: left out: %s\n", r->object, name, e->found);
        r->out_of[level] = true;
        return;
    }
    r->fine[level] = false;
    r->faults++;
    omn_buf_printf(&r->out, "! %s %s: %s\n", r->object, name, e->found);
    if (e->seed)
        omn_buf_printf(&r->out, "    again: omnio validate %s --reproduce %llu\n", r->file,
                       (unsigned long long)e->seed);
}

static int validate(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_error err = OMN_ERROR_INIT;
    char path[PATH_MAX];
    report r = { .c = c };
    omn_buf_init(&r.out, (size_t)1 << 24);
    cli_rows(&a, &cmd_validate, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands != 1) code = cli_usage(c, "one plugin file is wanted");
    if (code >= 0) goto done;
    r.file = a.operands[0];
    c->quiet = cli_has(&a, "quiet");
    if (!realpath(r.file, path)) {
        omn_fail(&err, errno == ENOENT ? OMN_ERR_MISSING : OMN_ERR_IO, "%s: %s", r.file,
                 strerror(errno));
        code = cli_failed(c, &err);
        goto done;
    }
    if (strchr(path, ':')) {
        code = cli_usage(c, "%s: ':' stands between folders of plugins; the path may not have it",
                         path);
        goto done;
    }
    const char *only = cli_text(&a, "reproduce");
    const validate_run run = { .path = path,
                               .seed = strtoull(cli_text(&a, "seed"), NULL, 10),
                               .cases = (uint32_t)strtoul(cli_text(&a, "cases"), NULL, 10),
                               .limit_s = (uint32_t)strtoul(cli_text(&a, "limit"), NULL, 10),
                               .only = only ? strtoull(only, NULL, 10) : 0,
                               .object = cli_text(&a, "object"),
                               .verbose = cli_has(&a, "verbose"),
                               .event = on_event,
                               .user = &r };
    const omn_status st = validate_apart(&run, &err);
    end_object(&r);
    if (st != OMN_OK && st != OMN_ERR_PLUGIN)
        code = cli_failed(c, &err);
    else if (st != OMN_OK)
        omn_buf_printf(&r.out, "! loads: %s\n", err.text);
    else if (r.objects == 0)
        code = cli_usage(c, "%s: no object was looked at; is there one named \"%s\"?", r.file,
                         run.object ? run.object : "");
    if (code < 0) {
        if (r.faults) omn_buf_printf(&r.out, "%u found in %s\n", r.faults, r.file);
        const bool told = cli_put(c, &r.out);
        code = !told ? cli_lost(c) : r.faults || st != OMN_OK ? 1 : 0;
    }
done:
    omn_buf_fini(&r.out);
    cli_args_fini(&a);
    return code;
}
