/* SPDX-License-Identifier: Apache-2.0 */
/* omnio show: examples of a source, as a person looks at them: texts are printed, pictures, sounds
 * and the like become files of a folder. */
#include "formats.h"

#include <omnio/kinds.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH = 1024, MOST = 256 }; /* of a file's name; of a field's, with those around it */

static int show(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "output", 'o', "path", "DIR", NULL, NULL, NULL, "Examples",
      "folder for pictures, sounds and the like; without it they are described" },
    { "count", 'n', "int64", "N", "1", "1..100000", NULL, "Examples", "how many" },
    { "from", 0, "int64", "N", "0", "0..", NULL, "Examples", "the number of the first one" },
    { "split", 0, "choice", "NAME", "train", "train|held-out|foreign", NULL, "Examples",
      "which examples: for training, for the exam, of another world" },
    { "set", 0, "string", "KEY=VALUE", NULL, NULL, NULL, "Examples",
      "a parameter of the source, as omnio help tells them; may be repeated" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Examples",
      "files that are there are replaced" },
};

static const cli_example examples[] = {
    { "omnio show tabletop", "a scene: what is asked about it, and the answers" },
    { "omnio show tabletop --set world=2 -n 2 -o scenes", "masks, depth and normals as files" },
    { "omnio show tabletop-edits", "what is to be changed in a picture" },
    { "omnio show tabletop-people --set most=3 -o people", "stick figures and their joints" },
};

const cli_command cmd_show = { "show",
                               "SOURCE",
                               "Show examples of a source, as training sees them.",
                               "SOURCE is one of omnio list source. What a recipe's tasks name "
                               "are the fields that are printed here.",
                               CLI_ROWS(rows),
                               0,
                               CLI_ROWS(examples),
                               "omnio-list(1), omnio-train(1), omnio-recipe(5)",
                               NULL,
                               show };

typedef struct showing {
    cli *c;
    const char *folder; /* NULL: none */
    omn_overwrite how;
    omn_buf b;
} showing;

/* The suffix under which people can look at or listen to a kind of value; NULL: a text is best. */
static const char *suffix_of(const showing *s, const char *kind)
{
    static const char *const USUAL[] = { "a.png", "a.wav", "a.gif" };
    for (size_t i = 0; s->folder && i < sizeof USUAL / sizeof USUAL[0]; i++)
        if (formats_check(s->c, kind, USUAL[i], NULL) == OMN_OK) return USUAL[i] + 1;
    return NULL;
}

static omn_status to_file(showing *s, const char *name, const char *suffix, const omn_value *v,
                          omn_error *err)
{
    char path[PATH];
    if (snprintf(path, sizeof path, "%s/%s%s", s->folder, name, suffix) >= (int)sizeof path)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the name of a file is too long", s->folder);
    omn_buf_printf(&s->b, "%s\n", path);
    return omn_value_save(s->c->ctx, path, v, s->how, err);
}

/* A text, further lines of it indented. */
static void put_text(showing *s, const omn_value *v)
{
    omn_buf text;
    omn_buf_init(&text, (size_t)1 << 24);
    omn_value_text(v, &text);
    for (const char *p = text.data ? text.data : ""; *p;) {
        const size_t n = strcspn(p, "\n");
        omn_buf_printf(&s->b, "%s%.*s", p == text.data ? "" : "\n    ", (int)n, p);
        p += n + (p[n] != '\0');
    }
    omn_buf_puts(&s->b, "\n");
    omn_buf_fini(&text);
}

/* The value, and what is in it, each in a line with its name: "7.refexp.0.text: the red cube". */
static omn_status put_value(showing *s, const char *name, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    char inner[MOST];
    const char *field;
    if (omn_value_is(v, "record")) {
        for (size_t i = 0; i < omn_record_count(v); i++) {
            const omn_value *one = omn_record_at(v, i, &field);
            snprintf(inner, sizeof inner, "%s.%s", name, field);
            OMN_TRY(put_value(s, inner, one, err));
        }
        return OMN_OK;
    }
    if (omn_value_is(v, "list") && omn_list_count(v) && omn_value_is(omn_list_at(v, 0), "record")) {
        for (size_t i = 0; i < omn_list_count(v); i++) {
            snprintf(inner, sizeof inner, "%s.%zu", name, i);
            OMN_TRY(put_value(s, inner, omn_list_at(v, i), err));
        }
        return OMN_OK;
    }
    omn_buf_printf(&s->b, "%s: ", name);
    const char *suffix = suffix_of(s, omn_value_kind_name(v));
    if (suffix) return to_file(s, name, suffix, v, err);
    put_text(s, v);
done:
    return st;
}

static omn_status folder_made(const char *folder, omn_error *err)
{
    struct stat st;
    if (mkdir(folder, 0777) == 0) return OMN_OK;
    const int why = errno;
    if (why == EEXIST && stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) return OMN_OK;
    return omn_fail(err, OMN_ERR_IO, "%s: %s", folder,
                    why == EEXIST ? "is no folder" : strerror(why));
}

static omn_status put_examples(showing *s, omn_source *source, const cli_args *a, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *word = cli_text(a, "split");
    const omn_split split = !strcmp(word, "held-out")  ? OMN_SPLIT_HELD_OUT
                            : !strcmp(word, "foreign") ? OMN_SPLIT_FOREIGN
                                                       : OMN_SPLIT_TRAIN;
    const uint64_t from = strtoull(cli_text(a, "from"), NULL, 10);
    const uint64_t n = strtoull(cli_text(a, "count"), NULL, 10);
    for (uint64_t i = from; i < from + n && !cli_stopped(s->c); i++) {
        omn_value *v = NULL;
        char name[32];
        if (i > from && i >= omn_source_count(source, split)) break;
        OMN_TRY(omn_source_get(source, split, i, &v, err));
        snprintf(name, sizeof name, "%llu", (unsigned long long)i);
        st = put_value(s, name, v, err);
        omn_value_unref(v);
        if (st != OMN_OK) break;
        if (!cli_put(s->c, &s->b)) return omn_fail(err, s->c->lost, "standard output");
        omn_buf_fini(&s->b);
        omn_buf_init(&s->b, (size_t)1 << 26);
    }
done:
    return st;
}

static int show(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_setting *set = NULL;
    size_t n = 0;
    omn_source *source = NULL;
    omn_error err = OMN_ERROR_INIT;
    showing s = { .c = c };
    omn_buf_init(&s.b, (size_t)1 << 26);
    cli_rows(&a, &cmd_show, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands != 1)
        code = cli_usage(c, "one source is wanted; omnio list source names them");
    if (code < 0) code = cli_settings(c, &a, &set, &n);
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) {
        s.folder = cli_text(&a, "output");
        s.how = cli_has(&a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING;
        omn_status st = s.folder ? folder_made(s.folder, &err) : OMN_OK;
        if (st == OMN_OK) st = omn_source_open(c->ctx, a.operands[0], set, n, &source, &err);
        if (st == OMN_OK) st = put_examples(&s, source, &a, &err);
        code = st != OMN_OK ? (c->lost ? cli_lost(c) : cli_failed(c, &err)) : cli_stopped(c);
    }
    omn_source_close(source);
    omn_buf_fini(&s.b);
    free(set);
    cli_args_fini(&a);
    return code;
}
