/* SPDX-License-Identifier: Apache-2.0 */
/* omnio doctor: what this machine and this installation can do, a finding a line, and what is in
 * the way: plugins that cannot be used, libraries that the build went without, a folder that cannot
 * be written. Nothing is changed. */
#include "config.h"

#include "cli.h"
#include "machine.h"
#include "shelf.h"

#include <omnio/compute.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int doctor(cli *c, int argc, char **argv);

static const cli_example examples[] = {
    { "omnio doctor", "everything" },
    { "omnio doctor --format json", "for programs" },
    { "omnio doctor && echo fine", "for scripts" },
};

const cli_command cmd_doctor = {
    "doctor",
    "",
    "Say what this machine and this installation can do.",
    "A finding a line: the processor and the other devices, the memory, how many plugins are "
    "there, what the build went without and what that costs, models, the folder of the cache. What "
    "is in the way of something is marked with \"!\" and the exit code is 69 then; what was left "
    "out when omnio was built is no fault.",
    NULL,
    0,
    CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-list(1), omnio-check(1), omnio-bench(1)",
    NULL,
    doctor,
};

enum { MOST_FILES = 4096 };

typedef struct findings {
    cli *c;
    omn_buf b;
    size_t n, faults, plugins, objects;
    uint64_t files[MOST_FILES];           /* hashes of the names of plugin files */
    bool no_memory;
} findings;

static void put(findings *f, bool fault, const char *what, const char *text)
{
    if (f->c->format == CLI_TEXT) {
        omn_buf_printf(&f->b, "%s %-12s %s\n", fault ? "!" : " ", what, text);
    } else {
        if (f->c->format == CLI_JSON) omn_buf_puts(&f->b, f->n ? ",\n" : "[\n");
        omn_buf_printf(&f->b, "{\"type\":\"finding\",\"version\":%d,\"what\":", CLI_JSON_VERSION);
        json_text(&f->b, what);
        omn_buf_puts(&f->b, ",\"text\":");
        json_text(&f->b, text);
        omn_buf_printf(&f->b, ",\"fault\":%s}%s", fault ? "true" : "false",
                       f->c->format == CLI_JSON ? "" : "\n");
    }
    f->n++;
    f->faults += fault;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void memory(findings *f)
{
    char text[160];
    const machine_memory m = machine_memory_now();
    if (!m.all) return;
    omn_format(text, sizeof text, "%.1f GB, %.1f GB of it free%s", (double)m.all / 1e9,
               (double)m.free / 1e9, m.most == m.all ? "; more is there than it may take" : "");
    put(f, false, "memory", text);
}

/* ---- devices and plugins --------------------------------------------------------------------- */

static int on_device(void *user, const omn_listed *it)
{
    findings *f = user;
    const omn_entry *e = NULL;
    omn_error err = OMN_ERROR_INIT;
    if (!it->name) return 0;
    const omn_status st = omn_registry_find(f->c->ctx, "omnio.compute/1", it->name, &e, &err);
    if (st == OMN_ERR_MEMORY) f->no_memory = true;
    if (st != OMN_OK) {
        put(f, true, it->name, err.text);
        return st == OMN_ERR_MEMORY;
    }
    const omn_compute_impl *impl = omn_entry_object(e)->impl;
    const uint32_t n = impl->count();
    if (!n) put(f, false, it->name, "no device of this sort is here");
    for (uint32_t i = 0; i < n; i++) {
        omn_device_info info = { .units = 0 };
        char name[160], text[1200];
        omn_error why = OMN_ERROR_INIT;
        omn_format(name, sizeof name, i ? "%s:%u" : "%s", it->name, i);
        if (impl->describe(i, &info, &why) != OMN_OK) {
            put(f, true, name, why.text);
            continue;
        }
        omn_format(text, sizeof text, "%s%s%s%s%s; %.1f GB; %u units", info.name,
                   info.driver[0] ? ", " : "", info.driver, info.features[0] ? "; " : "",
                   info.features, (double)info.memory / 1e9, info.units);
        put(f, false, name, text);
    }
    return 0;
}

/* Counts each file once. */
static void count_file(findings *f, const char *name)
{
    uint64_t hash = 14695981039346656037u;                /* FNV-1a */
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    for (size_t i = 0; i < f->plugins; i++)
        if (f->files[i] == hash) return;
    if (f->plugins < MOST_FILES) f->files[f->plugins++] = hash;
}

static int on_object(void *user, const omn_listed *it)
{
    findings *f = user;
    char text[4400];
    if (!it->name) {
        omn_format(text, sizeof text, "%s: %s", it->file, it->why ? it->why : "cannot be used");
        put(f, true, "plugin", text);
        return 0;
    }
    f->objects++;
    count_file(f, it->file);
    return 0;
}

/* ---- what the build went without ------------------------------------------------------------- */

static const struct { const char *library, *brings, *package; } optional[] = {
    { "utf8proc", "texts compared without regard to how they are composed", "libutf8proc-dev" },
    { "opencl", "graphics cards and other devices of OpenCL", "ocl-icd-opencl-dev" },
    { "png", "PNG pictures", "libpng-dev" },
    { "jpeg", "JPEG pictures", "libjpeg-dev" },
    { "webp", "WebP pictures", "libwebp-dev" },
    { "gif", "GIF pictures", "libgif-dev" },
    { "tiff", "TIFF pictures", "libtiff-dev" },
    { "zlib", "compressed vocabularies and archives", "zlib1g-dev" },
    { "sndfile", "sound: WAV, FLAC, Ogg, Opus", "libsndfile1-dev" },
    { "mpg123", "MP3", "libmpg123-dev" },
    { "soxr", "sound of any rate", "libsoxr-dev" },
    { "fftw", "spectrograms, and so what a model hears", "libfftw3-dev" },
    { "espeak", "spoken questions to train on", "libespeak-ng-dev" },
    { "video", "moving pictures: MP4, WebM and others",
      "libavformat-dev libavcodec-dev libswscale-dev libswresample-dev" },
    { "mpi", "work shared by several processes and machines", "libopenmpi-dev" },
    { "cairo", "drawings: boxes, masks, skeletons, curves of training", "libcairo2-dev" },
};

static void left_out(findings *f)
{
    for (const char *p = OMN_BUILD_LIBRARIES; *p;) {
        const size_t n = strcspn(p, " ");
        for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
            const size_t k = strlen(optional[i].library);
            char text[300];
            if (n != k + 3 || strncmp(p, optional[i].library, k) || strncmp(p + k, "=no", 3))
                continue;
            omn_format(text, sizeof text, "%s: it brings %s (Debian: %s)", optional[i].library,
                       optional[i].brings, optional[i].package);
            put(f, false, "built without", text);
        }
        p += n + (p[n] == ' ');
    }
}

/* ---- models and folders ---------------------------------------------------------------------- */

static void on_model(void *user, const char *name, const char *path)
{
    findings *f = user;
    omn_model *m = NULL;
    omn_error err = OMN_ERROR_INIT;
    char text[4600], line[1200];
    const omn_model_setup bare = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_AUTO,
                                   .hollow = true };
    const omn_status st = omn_model_open(f->c->ctx, path, &bare, &m, &err);
    omn_format(text, sizeof text, "%s in %s%s%s", name, path, st == OMN_OK ? "" : ": ",
               st == OMN_OK ? "" : omn_error_line(&err, line, sizeof line));
    put(f, st != OMN_OK, "model", text);
    f->no_memory |= st == OMN_ERR_MEMORY;
    omn_model_close(m);
}

/* The folder, or the nearest above it that is there, may be written. */
static bool writable(const char *path)
{
    char at[4400];
    omn_format(at, sizeof at, "%s", path);
    while (access(at, F_OK) != 0) {
        char *slash = strrchr(at, '/');
        if (!slash || slash == at) return false;
        *slash = 0;
    }
    return access(at, W_OK) == 0;
}

static void cache(findings *f)
{
    const char *top = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char path[4200], text[4400];
    if (top && top[0] == '/') omn_format(path, sizeof path, "%s/omnio", top);
    else if (home && home[0] == '/') omn_format(path, sizeof path, "%s/.cache/omnio", home);
    else path[0] = 0;
    const bool fine = path[0] && writable(path);
    omn_format(text, sizeof text, "%s%s", path[0] ? path : "no HOME and no XDG_CACHE_HOME",
               !path[0] ? ": plugins are read anew at every start"
                        : fine ? "" : " cannot be written: plugins are read anew at every start");
    put(f, !fine, "cache", text);
}

static int find(findings *f)
{
    omn_error err = OMN_ERROR_INIT;
    char text[4400];
    omn_format(text, sizeof text, "%s, with %s", omn_version(), omn_context_data(f->c->ctx));
    put(f, false, "omnio", text);
    memory(f);
    if (omn_registry_list(f->c->ctx, "omnio.compute/1", on_device, f, &err) != OMN_OK ||
        omn_registry_list(f->c->ctx, NULL, on_object, f, &err) != OMN_OK)
        return cli_failed(f->c, &err);
    omn_format(text, sizeof text, "%zu with %zu objects", f->plugins, f->objects);
    put(f, f->plugins == 0, "plugins", text);
    left_out(f);
    if (!shelf_models(f->c, on_model, f) || f->no_memory) return cli_no_memory(f->c);
    cache(f);
    if (f->c->format == CLI_JSON) omn_buf_puts(&f->b, f->n ? "\n]\n" : "[]\n");
    if (!cli_put(f->c, &f->b)) return cli_lost(f->c);
    if (f->faults)
        cli_say(f->c, "%zu of these %s in the way of something", f->faults,
                f->faults == 1 ? "is" : "are");
    return f->faults ? omn_status_exit(OMN_ERR_UNSUPPORTED) : 0;
}

static int doctor(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    static const findings none;
    findings f = none;
    f.c = c;
    omn_buf_init(&f.b, (size_t)1 << 22);
    cli_rows(&a, &cmd_doctor, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands) code = cli_usage(c, "no words are wanted");
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) code = find(&f);
    omn_buf_fini(&f.b);
    cli_args_fini(&a);
    return code;
}
