/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs in tar files, as WebDataset has them: neighbours with one name up to the first dot of its
 * last part are one example; what is behind that dot names the field: "jpg", "png", "jpeg" and
 * "webp" are "image", "txt" is "text", the members of "json" are fields of their own, texts and
 * numbers; "wav", "flac", "ogg" and "mp3" are "audio". Other files are left out. */
#include "sources.h"
#include "tar.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SHARDS 100000u
#define MOST_PARTS 16u
#define MOST_FIELDS 64u
#define MOST_TEXT ((uint64_t)16 << 20)

typedef struct part { uint64_t at, size; uint32_t shard; uint8_t kind; } part;
typedef struct sample { uint32_t first, n; } sample;

enum { IMAGE, AUDIO, TEXT, JSON, OTHER };

typedef struct source {
    struct shards p;
    omn_map **maps;
    size_t n_maps;
    part *parts;
    size_t n_parts, room_parts;
    sample *samples;
    size_t n_samples, room_samples;
    lot lot;
    char last[4096];                      /* while they are read: the name of the last sample */
    char other[128];                      /* the first file of no kind that is known */
    size_t n_other;
} source;

static void close_source(void *self)
{
    source *s = self;
    if (!s) return;
    for (size_t i = 0; i < s->n_maps; i++) omn_map_close(s->maps[i]);
    free(s->maps);
    free(s->parts);
    free(s->samples);
    lot_free(&s->lot);
    free(s);
}

static uint8_t kind_of(const char *suffix)
{
    static const struct { const char *suffix; uint8_t kind; } rows[] = {
        { "jpg", IMAGE }, { "jpeg", IMAGE }, { "png", IMAGE }, { "webp", IMAGE }, { "txt", TEXT },
        { "json", JSON }, { "wav", AUDIO },  { "flac", AUDIO }, { "ogg", AUDIO }, { "mp3", AUDIO },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].suffix, suffix)) return rows[i].kind;
    return OTHER;
}

static bool room(void **list, size_t n, size_t *have, size_t each)
{
    if (n < *have) return true;
    const size_t more = *have ? 2 * *have : 1024;
    void *p = n < UINT32_MAX ? realloc(*list, more * each) : NULL;
    if (!p) return false;
    *list = p;
    *have = more;
    return true;
}

/* One file of a shard: of the last sample, or the first of the next one. */
static omn_status take(void *user, const tar_file *f, omn_error *err)
{
    source *s = user;
    const char *slash = strrchr(f->name, '/'), *base = slash ? slash + 1 : f->name;
    const char *dot = strchr(base, '.');
    if (!dot || dot == base || base[0] == '.') return OMN_OK;
    const size_t n = (size_t)(dot - f->name);
    const uint8_t kind = kind_of(dot + 1);
    if (kind == OTHER) {
        if (!s->n_other++) snprintf(s->other, sizeof s->other, "%.120s", base);
        return OMN_OK;
    }
    if (!s->n_samples || strlen(s->last) != n || memcmp(s->last, f->name, n) != 0) {
        if (!room((void **)&s->samples, s->n_samples, &s->room_samples, sizeof *s->samples))
            return omn_fail(err, OMN_ERR_MEMORY, "shards: out of memory");
        s->samples[s->n_samples++] = (sample){ (uint32_t)s->n_parts, 0 };
        memcpy(s->last, f->name, n);
        s->last[n] = 0;
    }
    sample *last = &s->samples[s->n_samples - 1];
    if (last->n == MOST_PARTS)
        return omn_fail(err, OMN_ERR_DATA, "%s: more than %u files of one example", f->name,
                        MOST_PARTS);
    if (!room((void **)&s->parts, s->n_parts, &s->room_parts, sizeof *s->parts))
        return omn_fail(err, OMN_ERR_MEMORY, "shards: out of memory");
    s->parts[s->n_parts++] = (part){ f->at, f->size, (uint32_t)s->n_maps - 1, kind };
    last->n++;
    return OMN_OK;
}

static omn_status add_shard(source *s, const char *path, omn_error *err)
{
    omn_map **more = realloc(s->maps, (s->n_maps + 1) * sizeof(omn_map *));
    if (!more) return omn_fail(err, OMN_ERR_MEMORY, "shards: out of memory");
    s->maps = more;
    const omn_status st = omn_map_open(path, &s->maps[s->n_maps], err);
    if (st != OMN_OK) return st;
    const omn_map *m = s->maps[s->n_maps++];
    s->last[0] = 0;                       /* a sample does not go on in the next file */
    return tar_walk(omn_map_data(m), omn_map_size(m), omn_map_path(m), take, s, err);
}

static int is_tar(const struct dirent *e)
{
    const size_t n = strlen(e->d_name);
    return n > 4 && e->d_name[0] != '.' && !strcmp(e->d_name + n - 4, ".tar");
}

static omn_status add_folder(source *s, const char *folder, omn_error *err)
{
    omn_status st = OMN_OK;
    struct dirent **names = NULL;
    const int n = scandir(folder, &names, is_tar, alphasort);
    if (n <= 0 || n > (int)MOST_SHARDS)
        st = omn_fail(err, OMN_ERR_MISSING, "%s: 1 to %u files NAME.tar are wanted", folder,
                      MOST_SHARDS);
    for (int i = 0; i < n; i++) {
        char path[8300];
        snprintf(path, sizeof path, "%.4000s/%.256s", folder, names[i]->d_name);
        if (st == OMN_OK) st = add_shard(s, path, err);
        free(names[i]);
    }
    free(names);
    return st;
}

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)o;
    omn_status st = OMN_OK;
    struct stat is;
    source *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "shards: out of memory");
    *self = s;
    s->p = *(const struct shards *)params;
    if (stat(s->p.path, &is) != 0)
        return omn_fail(err, OMN_ERR_MISSING, "%s: no such file or folder", s->p.path);
    if (S_ISDIR(is.st_mode)) OMN_TRY(add_folder(s, s->p.path, err));
    else OMN_TRY(add_shard(s, s->p.path, err));
    if (!s->n_samples)
        return omn_fail(err, OMN_ERR_DATA, "%s: there are no examples in it", s->p.path);
    if (s->n_other)
        omn_call_log(c, OMN_LOG_WARN, "%s: %zu files are of no kind that is read here and left "
                     "out, %s among them", s->p.path, s->n_other, omn_text_clean(s->other));
    for (size_t i = 0; i < s->n_samples; i++)
        OMN_TRY(lot_put(&s->lot, split_of(i, s->p.held_out, s->p.seed), (uint32_t)i, err));
done:
    return st;
}

static uint64_t count(const void *self, omn_split split)
{
    return ((const source *)self)->lot.n[split == OMN_SPLIT_TRAIN ? 0 : 1];
}

/* ---- an example ----------------------------------------------------------------------------- */

/* Bytes as a value: formats read files. */
static omn_status decode(omn_call *c, const char *bytes, size_t size, const char *type,
                         omn_value **out, omn_error *err)
{
    const char *dir = getenv("TMPDIR");
    char path[4200];
    omn_status st = OMN_OK;
    size_t done = 0;
    snprintf(path, sizeof path, "%.4000s/omnio-shard-XXXXXX", dir && *dir ? dir : "/tmp");
    const int fd = mkstemp(path);
    if (fd < 0) return omn_fail(err, OMN_ERR_IO, "%s: cannot be made", path);
    while (done < size) {
        const ssize_t n = write(fd, bytes + done, size - done);
        if (n <= 0) break;
        done += (size_t)n;
    }
    if (close(fd) != 0 || done < size)
        st = omn_fail(err, OMN_ERR_IO, "%s: cannot be written", path);
    if (st == OMN_OK) st = omn_call_load(c, path, type, out, err);
    (void)unlink(path);
    return st;
}

/* A text without the ends of lines behind it. */
static size_t line_of(const char *bytes, uint64_t size)
{
    while (size && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r')) size--;
    return (size_t)size;
}

static bool there(const omn_named *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(f[i].name, name)) return true;
    return false;
}

/* Members of an object that stands beside; names live in `record`. */
static omn_status spread(const omn_value *record, omn_named *f, size_t *n, omn_error *err)
{
    if (!omn_value_is(record, "record"))
        return omn_fail(err, OMN_ERR_DATA, "the .json of an example is an object");
    for (size_t i = 0; i < omn_record_count(record); i++) {
        const char *name;
        const omn_value *v = omn_record_at(record, i, &name);
        if (there(f, *n, name)) continue;
        if (*n == MOST_FIELDS)
            return omn_fail(err, OMN_ERR_DATA, "more than %u fields", MOST_FIELDS);
        (void)field_put(f, n, name, omn_value_ref(v), OMN_OK);
    }
    return OMN_OK;
}

static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    static const char *const names[] = { "image", "audio", "text" };
    omn_status st = OMN_OK;
    const source *s = self;
    const size_t k = split == OMN_SPLIT_TRAIN ? 0 : 1;
    omn_named f[MOST_FIELDS] = { { NULL, NULL } };
    omn_value *record = NULL;
    const char *path = "";
    size_t n = 0;
    if (index >= s->lot.n[k])
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no example number %llu in this split",
                        s->n_maps ? omn_map_path(s->maps[0]) : "", (unsigned long long)index);
    const sample *one = &s->samples[s->lot.of[k][index]];
    for (int pass = 0; pass < 2; pass++)  /* objects last: files go before their members */
        for (uint32_t i = 0; i < one->n; i++) {
            const part *p = &s->parts[one->first + i];
            const char *bytes = (const char *)omn_map_data(s->maps[p->shard]) + p->at;
            omn_value *v = NULL;
            path = omn_map_path(s->maps[p->shard]);
            if ((p->kind == JSON) != (pass == 1)) continue;
            OMN_TRY(omn_map_unchanged(s->maps[p->shard], err));
            if (p->kind != JSON && there(f, n, names[p->kind]))
                OMN_TRY(omn_fail(err, OMN_ERR_DATA, "two files of it are its %s", names[p->kind]));
            if ((p->kind == TEXT || p->kind == JSON) && p->size > MOST_TEXT)
                OMN_TRY(omn_fail(err, OMN_ERR_DATA, "a text of %llu bytes",
                                 (unsigned long long)p->size));
            if (p->kind == JSON) {
                if (record) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "two files of it are .json"));
                OMN_TRY(omn_call_json(c, NULL, bytes, p->size, &record, err));
                OMN_TRY(spread(record, f, &n, err));
                continue;
            }
            st = p->kind == TEXT ? omn_text_new(bytes, line_of(bytes, p->size), &v, err)
                                 : decode(c, bytes, p->size, names[p->kind], &v, err);
            OMN_TRY(field_put(f, &n, names[p->kind], v, st));
        }
    OMN_TRY(omn_record_new(f, n, out, err));
done:
    for (size_t j = 0; j < n; j++) omn_value_unref(f[j].value);
    omn_value_unref(record);
    if (st != OMN_OK) omn_error_prefix(err, "%s, example %llu", path, (unsigned long long)index);
    return st;
}

const omn_source_impl shards_impl = { NULL, open_source, close_source, count, get };
