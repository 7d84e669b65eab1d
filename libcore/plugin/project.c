/* SPDX-License-Identifier: Apache-2.0 */
/* A new plugin's project, for people who begin one: templates that ship beside the library become a
 * folder that builds and passes its own test. A template is a plain file in which @words@ are
 * replaced; those of all kinds lie in examples/templates, those of one kind in a folder of its name
 * below. */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_TEMPLATE ((size_t)1 << 20)

/* What can be made; group: the first part of the object's name. */
static const struct {
    const char *kind, *group;
} kinds[] = {
    { "operation", "image." }, { "format", "" }, { "encoder", "list." },
    { "codec", "text." },      { "source", "" }, { "op", "act." },
    { "decoder", "number." },  { "model", "" },  { "compute", "" },
    { "value", "" },           { "answer", "time." },
};
static const struct {
    const char *template, *file;
    bool of_kind;
} files[] = {
    { "Makefile.in", "Makefile", false },    { "README.md.in", "README.md", false },
    { "gitignore.in", ".gitignore", false }, { "plugin.c.in", "plugin.c", true },
    { "test.c.in", "test.c", true },
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

typedef struct word {
    const char *from, *to;
} word;
#define N_WORDS 5

static omn_status check_name(const char *name, omn_error *err)
{
    bool ok = name[0] >= 'a' && name[0] <= 'z';
    size_t n = 0;
    for (; name[n] && ok; n++)
        ok = (name[n] >= 'a' && name[n] <= 'z') || (name[n] >= '0' && name[n] <= '9') ||
             (name[n] == '-' && name[n + 1]);
    if (ok && n <= 40) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "\"%.80s\" cannot be the name of a new plugin: a small "
                    "letter, then small letters, digits and '-', at most 40",
                    name);
}

/* text with every @word@ replaced. */
static void replace(const char *text, const word *words, omn_buf *out)
{
    for (const char *p = text; *p;) {
        size_t i = 0;
        while (i < N_WORDS && strncmp(p, words[i].from, strlen(words[i].from)) != 0) i++;
        if (i < N_WORDS) {
            omn_buf_puts(out, words[i].to);
            p += strlen(words[i].from);
        } else {
            omn_buf_put(out, p++, 1);
        }
    }
}

static omn_status write_one(const char *from, const char *to, const word *words, omn_error *err)
{
    omn_status st = OMN_OK;
    char *text = NULL;
    size_t n;
    omn_buf b;
    omn_file *f = NULL;
    omn_buf_init(&b, 2 * MOST_TEMPLATE);
    OMN_TRY(omn_file_read(from, MOST_TEMPLATE, &text, &n, err));
    replace(text, words, &b);
    if (b.failed) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for it", to);
        goto done;
    }
    OMN_TRY(omn_file_create(to, OMN_KEEP_EXISTING, &f, err));
    OMN_TRY(omn_file_write(f, b.data, b.length, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    omn_buf_fini(&b);
    free(text);
    return st;
}

/* Replacements for a plugin of that name; strings in the arena. */
static bool make_words(const char *name, size_t kind, omn_arena *a, word *words)
{
    char *ident = omn_arena_strdup(a, name), *upper = omn_arena_strdup(a, name);
    char *object = omn_arena_printf(a, "%s%s", kinds[kind].group, name);
    if (!ident || !upper || !object) return false;
    for (size_t i = 0; name[i]; i++) {
        if (name[i] == '-')
            ident[i] = upper[i] = '_';
        else if (name[i] >= 'a')
            upper[i] = (char)(name[i] - 'a' + 'A');
    }
    /* The function must not be called like a keyword or a function of C. */
    ident = omn_arena_printf(a, "%s_%s", kinds[kind].kind, ident);
    words[0] = (word){ "@name@", name };
    words[1] = (word){ "@ident@", ident };
    words[2] = (word){ "@UPPER@", upper };
    words[3] = (word){ "@object@", object };
    words[4] = (word){ "@kind@", kinds[kind].kind };
    return ident != NULL;
}

omn_status omn_plugin_project(omn_context *ctx, const char *kind, const char *name,
                              const char *folder, omn_error *err)
{
    omn_status st = OMN_OK;
    word words[N_WORDS];
    char *to[N_FILES] = { NULL };
    size_t k = 0, done_files = 0;
    const size_t n_kinds = sizeof(kinds) / sizeof(kinds[0]);
    if (!ctx || !kind || !name || !folder)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_plugin_project: an argument is missing");
    while (k < n_kinds && strcmp(kinds[k].kind, kind) != 0) k++;
    if (k == n_kinds)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "there is no template for a plugin of kind \"%.80s\"; "
                        "there are operation, format, encoder, decoder, codec, "
                        "model, source, op, compute, value and answer",
                        kind);
    st = check_name(name, err);
    if (st != OMN_OK) return st;
    omn_arena *a = omn_arena_new((size_t)1 << 20);
    if (!a || !make_words(name, k, a, words)) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a new plugin");
        goto done;
    }
    if (mkdir(folder, 0777) != 0) {
        int e = errno;
        st = omn_fail(err, e == EEXIST ? OMN_ERR_ARGUMENT : OMN_ERR_IO, "%s: %s", folder,
                      e == EEXIST ? "is there already; a new plugin gets a new folder"
                                  : strerror(e));
        goto done;
    }
    for (size_t i = 0; i < N_FILES && st == OMN_OK; i++) {
        char *from = omn_arena_printf(a, "%s/examples/templates/%s%s%s", omn_context_data(ctx),
                                      files[i].of_kind ? kind : "", files[i].of_kind ? "/" : "",
                                      files[i].template);
        to[i] = omn_arena_printf(a, "%s/%s", folder, files[i].file);
        if (!from || !to[i])
            st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a new plugin");
        else
            st = write_one(from, to[i], words, err);
        if (st == OMN_OK) done_files++;
    }
    if (st != OMN_OK) {
        while (done_files > 0) unlink(to[--done_files]);
        rmdir(folder);
    }
done:
    omn_arena_free(a);
    return st;
}
