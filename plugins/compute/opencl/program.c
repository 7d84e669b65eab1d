/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: kernel sources travel inside the plugin (OMNIO_KERNEL_PATH names a folder to read them
 * from instead), are built when an op first wants them, and what the driver made of them is kept in
 * the cache folder under a hash of source, options, device and driver. A file that does not fit is
 * built anew.
 */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EMBEDDED(F) F(common) F(linear) F(attention) F(conv) F(norm) F(rows) F(element)
#define DECLARE(n)  extern const unsigned char kernel_##n[];
EMBEDDED(DECLARE)

#define MAGIC "omnio-opencl-1\n"
enum { MOST_BINARY = 1 << 28, MOST_SOURCE = 1 << 20 };

typedef struct file_head {
    char magic[16];
    uint64_t key, bytes, sum;
} file_head;

static uint64_t hash(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

static uint64_t hash_text(uint64_t h, const char *s)
{
    return hash(h, s, strlen(s) + 1);
}

/* `kept` gets what must be freed, NULL for embedded text. */
static omn_status source_text(const char *name, const char **text, char **kept, omn_error *err)
{
    static const struct {
        const char *name;
        const unsigned char *text;
    } all[] = {
#define ROW(n) { #n, kernel_##n },
        EMBEDDED(ROW)
    };
    const char *folder = getenv("OMNIO_KERNEL_PATH");
    *kept = NULL;
    if (folder && *folder) {
        char path[1024];
        size_t n;
        snprintf(path, sizeof path, "%s/%s.cl", folder, name);
        const omn_status st = omn_file_read(path, MOST_SOURCE, kept, &n, err);
        *text = *kept;
        return st;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].name, name)) {
            *text = (const char *)all[i].text;
            return OMN_OK;
        }
    return omn_fail(err, OMN_ERR_INTERNAL, "OpenCL: there is no kernel source '%s'", name);
}

static void cache_path(const device *d, uint64_t key, char *path, size_t room)
{
    snprintf(path, room, "%s/opencl-%016llx.bin", d->cache_dir, (unsigned long long)key);
}

static cl_program from_cache(device *d, uint64_t key, const char *options)
{
    char path[1024], *data = NULL;
    size_t n = 0;
    file_head head;
    cl_program p = NULL;
    if (!d->cache_dir) return NULL;
    cache_path(d, key, path, sizeof path);
    if (omn_file_read(path, MOST_BINARY, &data, &n, NULL) != OMN_OK) return NULL;
    if (n > sizeof head) {
        memcpy(&head, data, sizeof head);
        const unsigned char *code = (const unsigned char *)data + sizeof head;
        const size_t bytes = n - sizeof head;
        cl_int e = CL_SUCCESS, each = CL_SUCCESS;
        if (!memcmp(head.magic, MAGIC, sizeof MAGIC) && head.key == key && head.bytes == bytes &&
            head.sum == hash(key, code, bytes)) {
            p = d->cl.clCreateProgramWithBinary(d->context, 1, &d->id, &bytes, &code, &each, &e);
            if (p && (e || each || d->cl.clBuildProgram(p, 1, &d->id, options, NULL, NULL))) {
                d->cl.clReleaseProgram(p);
                p = NULL;
            }
        }
    }
    free(data);
    return p;
}

/* A cache that cannot be written is no failure. */
static void to_cache(device *d, uint64_t key, cl_program p)
{
    char path[1024];
    size_t bytes = 0;
    omn_file *f = NULL;
    if (!d->cache_dir ||
        d->cl.clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) || !bytes ||
        bytes > MOST_BINARY)
        return;
    unsigned char *code = calloc(1, bytes);
    if (code && !d->cl.clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof code, &code, NULL)) {
        const file_head head = { MAGIC, key, bytes, hash(key, code, bytes) };
        mkdir(d->cache_dir, 0700);
        cache_path(d, key, path, sizeof path);
        omn_file_sweep(d->cache_dir);
        if (omn_file_create(path, OMN_OVERWRITE, &f, NULL) == OMN_OK &&
            omn_file_write(f, &head, sizeof head, NULL) == OMN_OK &&
            omn_file_write(f, code, bytes, NULL) == OMN_OK)
            omn_file_commit(f, NULL);
        omn_file_free(f);
    }
    free(code);
}

static omn_status build(device *d, const char *source, const char *options, cl_program *out,
                        omn_error *err)
{
    const char *text[2] = { NULL, NULL };
    char *kept[2] = { NULL, NULL }, log[512] = "";
    omn_status st;
    cl_int e;
    OMN_TRY(source_text("common", &text[0], &kept[0], err));
    OMN_TRY(source_text(source, &text[1], &kept[1], err));
    uint64_t key = hash_text(0xcbf29ce484222325u, text[0]);
    key = hash_text(hash_text(key, text[1]), options);
    key = hash_text(hash_text(key, d->name), d->driver);
    *out = from_cache(d, key, options);
    if (*out) goto done;
    *out = d->cl.clCreateProgramWithSource(d->context, 2, text, NULL, &e);
    if (!*out) {
        st = cl_fail(err, e, "clCreateProgramWithSource");
        goto done;
    }
    e = d->cl.clBuildProgram(*out, 1, &d->id, options, NULL, NULL);
    if (e) {
        char *whole = calloc(1, MOST_SOURCE);
        if (whole && !d->cl.clGetProgramBuildInfo(*out, d->id, CL_PROGRAM_BUILD_LOG,
                                                  MOST_SOURCE - 1, whole, NULL))
            snprintf(log, sizeof log, "%.500s", whole);
        free(whole);
        st = omn_fail(err, e == CL_OUT_OF_HOST_MEMORY ? OMN_ERR_MEMORY : OMN_ERR_DEVICE,
                      "OpenCL: '%s' does not build %s.cl: %s (%d): %s", d->name, source,
                      cl_error_name(e), (int)e, log);
        d->cl.clReleaseProgram(*out);
        *out = NULL;
        goto done;
    }
    to_cache(d, key, *out);
done:
    free(kept[0]);
    free(kept[1]);
    return st;
}

omn_status program_get(device *d, const char *source, const char *options, cl_program *out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    pthread_mutex_lock(&d->lock);
    built *b = d->programs;
    while (b && (strcmp(b->source, source) || strcmp(b->options, options))) b = b->next;
    if (!b) {
        b = calloc(1, sizeof *b);
        if (b) {
            b->source = source;
            snprintf(b->options, sizeof b->options, "%s", options);
            st = build(d, source, options, &b->program, err);
        } else {
            st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a program");
        }
        if (st == OMN_OK) {
            b->next = d->programs;
            d->programs = b;
        } else {
            free(b);
            b = NULL;
        }
    }
    *out = b ? b->program : NULL;
    pthread_mutex_unlock(&d->lock);
    return st;
}

void programs_free(device *d)
{
    for (built *b = d->programs, *next; b; b = next) {
        next = b->next;
        d->cl.clReleaseProgram(b->program);
        free(b);
    }
    d->programs = NULL;
}
