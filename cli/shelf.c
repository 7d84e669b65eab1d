/* SPDX-License-Identifier: Apache-2.0 */
/* What lies where names are looked for: folders of pipelines and of models, and the devices of
 * compute plugins. */
#include "shelf.h"

#include <omnio/compute.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_NAMES 1024

const char *const shelf_kinds[] = { "answer",    "codec",   "company",   "compute", "decoder",
                                    "encoder",   "format",  "measure",   "model",   "objective",
                                    "op",        "operation", "source",  "value",   "weights",
                                    "world",     "pipeline", "trained" };
const size_t shelf_n_kinds = sizeof shelf_kinds / sizeof *shelf_kinds;

typedef struct shelf {
    char *names[MOST_NAMES], *paths[MOST_NAMES];
    size_t n;
    bool no_memory; /* and so not all of them */
} shelf;

static void add(shelf *s, const char *name, size_t length, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->names[i]) == length && !strncmp(s->names[i], name, length)) return;
    if (s->n == MOST_NAMES) return;
    char *copy = strndup(name, length), *where = strdup(path);
    if (!copy || !where) {
        free(copy);
        free(where);
        s->no_memory = true;
        return;
    }
    s->names[s->n] = copy;
    s->paths[s->n++] = where;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Entries of a folder that end in suffix, or hold the file config.json when suffix is NULL. */
static void look_into(shelf *s, const char *folder, const char *suffix)
{
    struct dirent **list = NULL;
    const int n = scandir(folder, &list, NULL, by_name);
    if (n < 0 && errno == ENOMEM) s->no_memory = true;
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        const size_t length = strlen(name), tail = suffix ? strlen(suffix) : 0;
        char path[4400];
        struct stat st;
        const int k =
            snprintf(path, sizeof path, suffix ? "%s/%s" : "%s/%s/config.json", folder, name);
        const bool fits =
            suffix ? length > tail && !strcmp(name + length - tail, suffix) : name[0] != '.';
        if (fits && k > 0 && (size_t)k < sizeof path && stat(path, &st) == 0 &&
            S_ISREG(st.st_mode)) {
            if (!suffix) path[(size_t)k - strlen("/config.json")] = '\0';
            add(s, name, length - tail, path);
        }
        free(list[i]);
    }
    free(list);
}

static void user_folder(shelf *s, const char *below, const char *suffix)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char path[4096];
    if (data && data[0] == '/')
        snprintf(path, sizeof path, "%s/omnio/%s", data, below);
    else if (home && home[0] == '/')
        snprintf(path, sizeof path, "%s/.local/share/omnio/%s", home, below);
    else
        return;
    look_into(s, path, suffix);
}

/* false: not all of them, for want of memory. */
static bool tell(shelf *s, shelf_fn *fn, void *user)
{
    for (size_t i = 0; i < s->n; i++) {
        fn(user, s->names[i], s->paths[i]);
        free(s->names[i]);
        free(s->paths[i]);
    }
    return !s->no_memory;
}

bool shelf_pipelines(cli *c, shelf_fn *fn, void *user)
{
    shelf s = { .n = 0 };
    char path[4096];
    user_folder(&s, "pipelines", ".yaml");
    snprintf(path, sizeof path, "%s/pipelines", omn_context_data(c->ctx));
    look_into(&s, path, ".yaml");
    return tell(&s, fn, user);
}

bool shelf_models(cli *c, shelf_fn *fn, void *user)
{
    shelf s = { .n = 0 };
    char path[4096];
    const char *places = omn_context_model_path(c->ctx);
    for (const char *p = places ? places : ""; *p;) {
        const size_t n = strcspn(p, ":");
        snprintf(path, sizeof path, "%.*s", (int)n, p);
        look_into(&s, path, NULL);
        p += n + (p[n] == ':');
    }
    user_folder(&s, "models", NULL);
    snprintf(path, sizeof path, "%s/models", omn_context_data(c->ctx));
    look_into(&s, path, NULL);
    return tell(&s, fn, user);
}

/* ---- names -------------------------------------------------------------------------------- */

static void put_name(void *user, const char *name, const char *path)
{
    (void)path;
    omn_buf_printf(user, "%s\n", name);
}

static int put_object(void *user, const omn_listed *it)
{
    if (it->name) omn_buf_printf(user, "%s\n", it->name);
    return 0;
}

typedef struct device_names {
    cli *c;
    omn_buf *out;
} device_names;

static int put_devices_of(void *user, const omn_listed *it)
{
    device_names *d = user;
    const omn_entry *e = NULL;
    if (!it->name) return 0;
    const omn_status st = omn_registry_find(d->c->ctx, "omnio.compute/1", it->name, &e, NULL);
    if (st == OMN_ERR_MEMORY) d->out->failed = true;
    if (st != OMN_OK) return st == OMN_ERR_MEMORY;
    const omn_compute_impl *impl = omn_entry_object(e)->impl;
    for (uint32_t i = 0; i < impl->count(); i++)
        omn_buf_printf(d->out, i ? "%s:%u\n" : "%s\n", it->name, i);
    return 0;
}

bool shelf_names(cli *c, const char *what, omn_buf *out)
{
    device_names d = { c, out };
    bool whole = true;
    if (!strcmp(what, "pipeline"))
        whole = shelf_pipelines(c, put_name, out);
    else if (!strcmp(what, "model"))
        whole = shelf_models(c, put_name, out);
    else if (!strcmp(what, "object"))
        whole = omn_registry_list(c->ctx, NULL, put_object, out, NULL) != OMN_ERR_MEMORY;
    else if (!strcmp(what, "device"))
        whole = omn_registry_list(c->ctx, "omnio.compute/1", put_devices_of, &d, NULL) !=
                OMN_ERR_MEMORY;
    else
        return false;
    if (!whole) out->failed = true;
    return true;
}

void shelf_suggest(cli *c, const char *kinds, const char *name, omn_error *err)
{
    static const char *const all[] = { "pipeline", "model", "object" };
    const char *names[4 * MOST_NAMES];
    size_t n = 0;
    omn_buf b;
    if (strchr(name, '/') || strstr(err->text, "did you mean")) return;
    omn_buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < 3; i++)
        if (strstr(kinds, all[i])) shelf_names(c, all[i], &b);
    for (char *p = b.length ? b.data : NULL; p && *p && n < sizeof names / sizeof *names;) {
        char *end = strchr(p, '\n');
        if (!end) break;
        *end = '\0';
        names[n++] = p;
        p = end + 1;
    }
    /* "vqa.yaml" may be meant for "vqa" */
    char bare[256];
    const size_t length = strlen(name), tail = length > 5 && !strcmp(name + length - 5, ".yaml");
    snprintf(bare, sizeof bare, "%.*s", (int)(length - 5 * tail), name);
    const char *near = n ? omn_nearest_name(bare, names, n) : NULL;
    const size_t used = strlen(err->text);
    /* what is there and lacks something was found by its name */
    if (near && strcmp(near, name))
        snprintf(err->text + used, sizeof err->text - used, "; did you mean \"%s\"?", near);
    omn_buf_fini(&b);
}

bool shelf_is_there(const char *name)
{
    struct stat s;
    return stat(name, &s) == 0;
}

omn_status shelf_open_pipeline(cli *c, const char *name, const omn_setting *set, size_t n_set,
                               omn_pipeline **out, omn_error *err)
{
    const omn_status st = omn_pipeline_open_set(c->ctx, name, set, n_set, out, err);
    /* not of a file that the pipeline names */
    if (st == OMN_ERR_MISSING && !err->file[0] && !shelf_is_there(name))
        shelf_suggest(c, "pipeline", name, err);
    return st;
}

omn_status shelf_open_model_as(cli *c, const char *name, const omn_model_setup *how,
                               omn_model **out, omn_error *err)
{
    const omn_status st = omn_model_open(c->ctx, name, how, out, err);
    if (st == OMN_ERR_MISSING && !shelf_is_there(name)) shelf_suggest(c, "model", name, err);
    return st;
}

omn_status shelf_open_model(cli *c, const char *name, omn_model **out, omn_error *err)
{
    return shelf_open_model_as(c, name, NULL, out, err);
}

omn_status shelf_open_planned(cli *c, const char *name, omn_model **out, omn_error *err)
{
    const omn_model_setup bare = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_AUTO,
                                   .hollow = true };
    omn_error why = OMN_ERROR_INIT, other = OMN_ERROR_INIT;
    omn_status st = shelf_open_model(c, name, out, &why);
    if (st == OMN_ERR_MISSING && omn_model_open(c->ctx, name, &bare, out, &other) == OMN_OK)
        return OMN_OK;
    if (st != OMN_OK && err) *err = why;
    return st;
}

/* ---- devices ------------------------------------------------------------------------------ */

typedef struct devices {
    cli *c;
    omn_buf *out;
    size_t n;
} devices;

static void put_device(devices *d, const char *name, const omn_device_info *info)
{
    if (d->c->format == CLI_TEXT) {
        omn_buf_printf(d->out, "%-12s %s%s%s%s", name, info->name, info->driver[0] ? ", " : "",
                       info->driver, info->features[0] ? "; " : "");
        omn_buf_puts(d->out, info->features);
        if (info->memory) omn_buf_printf(d->out, "; %.1f GB", (double)info->memory / 1e9);
        omn_buf_printf(d->out, "; %u units\n", info->units);
    } else {
        if (d->c->format == CLI_JSON) omn_buf_puts(d->out, d->n ? ",\n" : "[\n");
        omn_buf_printf(d->out, "{\"type\":\"device\",\"version\":%d,\"device\":", CLI_JSON_VERSION);
        json_text(d->out, name);
        omn_buf_puts(d->out, ",\"name\":");
        json_text(d->out, info->name);
        omn_buf_puts(d->out, ",\"driver\":");
        json_text(d->out, info->driver);
        omn_buf_puts(d->out, ",\"features\":");
        json_text(d->out, info->features);
        omn_buf_printf(d->out, ",\"memory\":%llu,\"units\":%u}%s", (unsigned long long)info->memory,
                       info->units, d->c->format == CLI_JSON ? "" : "\n");
    }
    d->n++;
}

static int on_compute(void *user, const omn_listed *it)
{
    devices *d = user;
    const omn_entry *e = NULL;
    omn_error err = OMN_ERROR_INIT;
    if (!it->name) return 0;
    const omn_status st = omn_registry_find(d->c->ctx, "omnio.compute/1", it->name, &e, &err);
    if (st == OMN_ERR_MEMORY) {
        d->out->failed = true;
        return 1;
    }
    if (st != OMN_OK) {
        cli_say(d->c, "%s", err.text);
        return 0;
    }
    const omn_compute_impl *impl = omn_entry_object(e)->impl;
    const uint32_t n = impl->count();
    for (uint32_t i = 0; i < n; i++) {
        omn_device_info info = { .units = 0 };
        char name[160];
        snprintf(name, sizeof name, i ? "%s:%u" : "%s", it->name, i);
        if (impl->describe(i, &info, &err) == OMN_OK)
            put_device(d, name, &info);
        else
            cli_say(d->c, "%s: %s", name, err.text);
        err = (omn_error)OMN_ERROR_INIT;
    }
    return 0;
}

static int put_devices(cli *c, omn_buf *out)
{
    devices d = { c, out, 0 };
    omn_error err = OMN_ERROR_INIT;
    if (omn_registry_list(c->ctx, "omnio.compute/1", on_compute, &d, &err) != OMN_OK)
        return cli_failed(c, &err);
    if (c->format == CLI_JSON) omn_buf_puts(out, d.n ? "\n]\n" : "[]\n");
    return cli_put(c, out) ? 0 : cli_lost(c);
}

int shelf_show_devices(cli *c, const cli_args *a)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    int code = cli_session(c, a);
    if (code < 0) code = put_devices(c, &b);
    omn_buf_fini(&b);
    return code;
}
