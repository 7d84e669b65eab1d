/* SPDX-License-Identifier: Apache-2.0 */
/* omnio list: objects of plugins by kind, pipelines, models; what could not be used is named with
 * its reason. */
#include "cli.h"
#include "shelf.h"

#include <string.h>

static int list(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "exists", 0, "string", "NAME", NULL, NULL, NULL, "List",
      "print nothing; exit code 0 when there is an object (pipeline, model) NAME of this kind, "
      "else 1" },
    { "long", 'l', "flag", NULL, NULL, NULL, NULL, "List",
      "with plugin, version, licence and file" },
};

static const cli_example examples[] = {
    { "omnio list", "everything" },
    { "omnio list operation", "the operations for pipelines" },
    { "omnio list value", "the types of a pipeline's values; omnio help TYPE tells of one" },
    { "omnio list pipeline", "pipelines that can be run by name" },
    { "omnio list format --exists png && echo yes", "for scripts" },
};

const cli_command cmd_list = { "list",
                               "[KIND]",
                               "List what is there: objects of plugins, pipelines, models.",
                               "KIND is one of answer, codec, compute, decoder, encoder, "
                               "format, model, measure, objective, op, operation, source, "
                               "value (kinds of values, those of omnio too), "
                               "weights (formats of weights files), world (objects of plugins), "
                               "pipeline, trained (folders of models).",
                               CLI_ROWS(rows),
                               CLI_FORMAT,
                               CLI_ROWS(examples),
                               "omnio-help(1), omnio-inspect(1), omnio-plugin(7)",
                               "kind",
                               list };

typedef struct listing {
    cli *c;
    omn_buf b;
    const char *kind, *exists;
    const char *word; /* "pipeline" */
    bool full, found;
    size_t n, bad;
    omn_error err; /* OMN_ERR_MEMORY: what was listed is not all */
} listing;

static void put_entry(listing *l, const char *kind, const char *name, const char *help,
                      const omn_listed *it, const char *path)
{
    if (l->exists) {
        l->found = l->found || !strcmp(l->exists, name);
        return;
    }
    if (l->c->format == CLI_TEXT) {
        omn_buf_printf(&l->b, "%-10s %-22s %s\n", kind, name, help);
        if (l->full && it)
            omn_buf_printf(&l->b, "%33s %s %s, %s, %s\n", "", it->plugin, it->version, it->licence,
                           it->file);
        else if (l->full)
            omn_buf_printf(&l->b, "%33s %s\n", "", path);
    } else {
        const char *const keys[] = { "kind",           "name",    "help", "plugin",
                                     "plugin_version", "licence", "file" };
        const char *const values[] = { kind,
                                       name,
                                       help,
                                       it ? it->plugin : NULL,
                                       it ? it->version : NULL,
                                       it ? it->licence : NULL,
                                       it ? it->file : path };
        if (l->c->format == CLI_JSON) omn_buf_puts(&l->b, l->n ? ",\n" : "[\n");
        omn_buf_printf(&l->b, "{\"type\":\"object\",\"version\":%d", CLI_JSON_VERSION);
        for (size_t i = 0; i < 7; i++) {
            if (!values[i]) continue;
            omn_buf_printf(&l->b, ",\"%s\":", keys[i]);
            json_text(&l->b, values[i]);
        }
        omn_buf_puts(&l->b, l->c->format == CLI_JSON ? "}" : "}\n");
    }
    l->n++;
}

static int on_object(void *user, const omn_listed *it)
{
    listing *l = user;
    char word[64];
    if (!it->name) {
        if (!l->exists) cli_say(l->c, "%s: %s", it->file, it->why ? it->why : "cannot be used");
        l->bad++;
        return 0;
    }
    const char *dot = strchr(it->kind, '.');
    const char *kind = dot ? dot + 1 : it->kind;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(kind, "/"), kind);
    put_entry(l, word, it->name, it->help, it, NULL);
    return 0;
}

static void on_file(void *user, const char *name, const char *path)
{
    listing *l = user;
    omn_pipeline *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    const char *help = "";
    char line[1200];
    if (!strcmp(l->word, "pipeline") && !l->exists) {
        if (l->err.status) return;
        const omn_status st = omn_pipeline_open(l->c->ctx, path, &p, &err);
        if (st == OMN_ERR_MEMORY) l->err = err;
        if (st == OMN_OK)
            help = omn_pipeline_help(p);
        else if (st != OMN_ERR_MEMORY)
            cli_say(l->c, "%s", omn_error_line(&err, line, sizeof line));
        if (!p) return;
    }
    put_entry(l, l->word, name, help, NULL, path);
    omn_pipeline_close(p);
}

static int collect(listing *l)
{
    omn_error err = OMN_ERROR_INIT;
    char id[64];
    const omn_kind *own;
    const bool files = l->kind && (!strcmp(l->kind, "pipeline") || !strcmp(l->kind, "trained"));
    snprintf(id, sizeof id, "omnio.%s/1", l->kind ? l->kind : "");
    if (!files && omn_registry_list(l->c->ctx, l->kind ? id : NULL, on_object, l, &err) != OMN_OK)
        return cli_failed(l->c, &err);
    for (size_t i = 0; (own = omn_kind_at(i)) && (!l->kind || !strcmp(l->kind, "value")); i++)
        put_entry(l, "value", omn_kind_name(own), omn_kind_help(own), NULL, "libomnio");
    bool whole = true;
    l->word = "pipeline";
    if (!l->kind || !strcmp(l->kind, "pipeline")) whole = shelf_pipelines(l->c, on_file, l);
    l->word = "trained";
    if (!l->kind || !strcmp(l->kind, "trained")) whole = shelf_models(l->c, on_file, l) && whole;
    if (l->err.status) return cli_failed(l->c, &l->err);
    if (!whole) return cli_no_memory(l->c);
    if (l->exists) return l->found ? 0 : omn_status_exit(OMN_ERR_FAILED);
    if (l->c->format == CLI_JSON) omn_buf_puts(&l->b, l->n ? "\n]\n" : "[]\n");
    return cli_put(l->c, &l->b) ? 0 : cli_lost(l->c);
}

static int list(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    listing l = { .c = c, .err = OMN_ERROR_INIT };
    omn_buf_init(&l.b, (size_t)1 << 24);
    cli_rows(&a, &cmd_list, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands > 1) code = cli_usage(c, "one kind is wanted");
    if (code < 0 && a.n_operands) {
        size_t i = 0, n = strlen(a.operands[0]);
        while (i < shelf_n_kinds && strcmp(shelf_kinds[i], a.operands[0]) &&
               !(n == strlen(shelf_kinds[i]) + 1 && a.operands[0][n - 1] == 's' &&
                 !strncmp(shelf_kinds[i], a.operands[0], n - 1)))
            i++;
        const char *near = NULL;
        if (i == shelf_n_kinds) near = omn_nearest_name(a.operands[0], shelf_kinds, shelf_n_kinds);
        if (near)
            code =
                cli_usage(c, "there is no kind \"%s\"; did you mean \"%s\"?", a.operands[0], near);
        else if (i == shelf_n_kinds)
            code = cli_usage(c, "there is no kind \"%s\"", a.operands[0]);
        else
            l.kind = shelf_kinds[i];
    }
    l.exists = cli_text(&a, "exists");
    l.full = cli_has(&a, "long");
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) code = collect(&l);
    omn_buf_fini(&l.b);
    cli_args_fini(&a);
    return code;
}
