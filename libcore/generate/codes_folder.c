/* SPDX-License-Identifier: Apache-2.0 */
/* Codes in a folder, a file for each value; vectors lie so too, as words of 32 bits. The name is
 * the key's hash; in the file stand the whole key, the codes and a checksum, so that a file which
 * is cut, damaged or somebody else's is noticed. A file takes its name when it is whole; hence
 * processes may share a folder without a word.
 *
 * The time of a file's last change is that of its last use. When the files outgrow the bound, those
 * that were used longest ago go, down to seven eighths of it, so that the folder is looked through
 * seldom. Nobody knows what the others write: each looks again after having written a sixteenth of
 * the bound. */
#include "codes.h"

#include "../base/system.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "OMNCODE1"
#define DIGITS 32
#define SUFFIX ".codes"
#define WORDS 6                           /* magic, the key's four, how many codes */
#define MOST_CODES ((uint64_t)1 << 24)
#define MOST_FILES ((size_t)1 << 22)      /* looked at when some have to go */

struct codes_folder {
    char *path;
    uint64_t most, bytes, written;        /* bytes: about; written: since we looked */
    pthread_mutex_t lock;                 /* of the two numbers, and while some go */
};

typedef struct found {
    char name[DIGITS + sizeof SUFFIX];
    struct timespec used;
    uint64_t bytes;
} found;

/* ---- what goes ------------------------------------------------------------------------------ */

static bool is_ours(const char *name)
{
    return strspn(name, "0123456789abcdef") == DIGITS && !strcmp(name + DIGITS, SUFFIX);
}

static int by_use(const void *a, const void *b)
{
    const found *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec) return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    if (x->used.tv_nsec != y->used.tv_nsec) return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool grow(found **list, size_t n, size_t *room)
{
    if (n < *room) return true;
    const size_t more = *room ? 2 * *room : 256;
    found *wide = more <= MOST_FILES ? realloc(*list, more * sizeof *wide) : NULL;
    if (!wide) return false;
    *list = wide;
    *room = more;
    return true;
}

/* The files that are there and their bytes; list NULL: the bytes alone. */
static omn_status look(const codes_folder *f, found **list, size_t *n, uint64_t *bytes,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    size_t room = 0;
    DIR *d = opendir(f->path);
    if (!d) return system_fail(err, errno, f->path, "cannot be looked through");
    *bytes = 0;
    for (struct dirent *e; st == OMN_OK && (e = readdir(d));) {
        struct stat s;
        if (!is_ours(e->d_name) || fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(s.st_mode))
            continue;
        *bytes += (uint64_t)s.st_size;
        if (!list) continue;
        if (!grow(list, *n, &room)) {
            st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", f->path);
            break;
        }
        found *one = &(*list)[(*n)++];
        *one = (found){ .used = s.st_mtim, .bytes = (uint64_t)s.st_size };
        memcpy(one->name, e->d_name, sizeof one->name);
    }
    closedir(d);
    return st;
}

/* Makes room for a file; the lock is held. */
static omn_status make_room(codes_folder *f, uint64_t more, omn_error *err)
{
    omn_status st = OMN_OK;
    found *list = NULL;
    size_t n = 0;
    if (f->bytes + more <= f->most && f->written <= f->most / 16) return OMN_OK;
    OMN_TRY(look(f, &list, &n, &f->bytes, err));
    f->written = 0;
    if (f->bytes + more <= f->most) goto done;
    const uint64_t low = f->most - f->most / 8;
    if (n) qsort(list, n, sizeof *list, by_use);
    for (size_t i = 0; i < n && f->bytes + more > low; i++) {
        char path[4400];
        snprintf(path, sizeof path, "%s/%s", f->path, list[i].name);
        /* another process may have been faster */
        if (unlink(path) == 0 || errno == ENOENT) f->bytes -= list[i].bytes;
    }
done:
    free(list);
    return st;
}

/* ---- the folder ----------------------------------------------------------------------------- */

omn_status codes_folder_open(const char *path, uint64_t most, codes_folder **out, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat s;
    if (strlen(path) > 4000)
        return omn_fail(err, OMN_ERR_ARGUMENT, "the folder of what is kept: its name is too long");
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return system_fail(err, errno, path, "the folder of what is kept cannot be made");
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode))
        return omn_fail(err, OMN_ERR_IO, "%s is no folder; what is kept lies in one", path);
    codes_folder *f = calloc(1, sizeof *f);
    if (!f || pthread_mutex_init(&f->lock, NULL) != 0) {
        free(f);
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    }
    f->most = most;
    f->path = strdup(path);
    if (!f->path) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path));
    omn_file_sweep(f->path);
    OMN_TRY(look(f, NULL, NULL, &f->bytes, err));
    *out = f;
    f = NULL;
done:
    codes_folder_close(f);
    return st;
}

void codes_folder_close(codes_folder *f)
{
    if (!f) return;
    pthread_mutex_destroy(&f->lock);
    free(f->path);
    free(f);
}

/* ---- a file --------------------------------------------------------------------------------- */

static void name_of(const codes_folder *f, const codes_key *k, char *out, size_t room)
{
    const uint64_t key[] = { htole64(k->value[0]), htole64(k->value[1]), htole64(k->decoder[0]),
                             htole64(k->decoder[1]) };
    const XXH128_hash_t h = XXH3_128bits(key, sizeof key);
    snprintf(out, room, "%s/%016llx%016llx" SUFFIX, f->path, (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

/* All but the codes. */
static void head_of(const codes_key *k, size_t n, uint64_t head[WORDS])
{
    const uint64_t key[] = { k->value[0], k->value[1], k->decoder[0], k->decoder[1], n };
    memcpy(&head[0], MAGIC, sizeof head[0]);
    for (size_t i = 0; i < 5; i++) head[i + 1] = htole64(key[i]);
}

static bool whole(const codes_key *k, const char *data, size_t size, int32_t **out, size_t *n)
{
    uint64_t head[WORDS], mine[WORDS], sum;
    const size_t least = sizeof head + sizeof sum;
    if (size < least || (size - least) % sizeof(uint32_t)) return false;
    const size_t count = (size - least) / sizeof(uint32_t), body = size - sizeof sum;
    head_of(k, count, mine);
    memcpy(head, data, sizeof head);
    memcpy(&sum, data + body, sizeof sum);
    if (memcmp(head, mine, sizeof head) || le64toh(sum) != XXH3_64bits(data, body)) return false;
    *out = malloc((count + 1) * sizeof **out);
    *n = count;
    for (size_t i = 0; *out && i < count; i++) {
        uint32_t code;
        memcpy(&code, data + sizeof head + i * sizeof code, sizeof code);
        (*out)[i] = (int32_t)le32toh(code);
    }
    return true;
}

omn_status codes_folder_get(codes_folder *f, const codes_key *k, int32_t **out, size_t *n,
                            bool *damaged, omn_error *err)
{
    char path[4400], *data = NULL;
    size_t size = 0;
    omn_error why = OMN_ERROR_INIT;
    const struct timespec now[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
    *out = NULL;
    *damaged = false;
    name_of(f, k, path, sizeof path);
    const omn_status st =
        omn_file_read(path, (size_t)MOST_CODES * sizeof(int32_t) + 1024, &data, &size, &why);
    if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s: out of memory", path);
    if (st == OMN_ERR_MISSING) return OMN_OK;
    *damaged = st != OMN_OK || !whole(k, data, size, out, n);
    free(data);
    if (*damaged) return OMN_OK;
    if (!*out) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    /* a folder that may only be read serves as well */
    (void)utimensat(AT_FDCWD, path, now, 0);
    return OMN_OK;
}

omn_status codes_folder_put(codes_folder *f, const codes_key *k, const int32_t *codes, size_t n,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    char path[4400];
    omn_file *file = NULL;
    omn_buf b;
    uint64_t head[WORDS];
    const uint64_t bytes = sizeof head + n * sizeof *codes + sizeof(uint64_t);
    if (n > MOST_CODES || bytes > f->most) return OMN_OK;
    omn_buf_init(&b, (size_t)bytes + 1);
    head_of(k, n, head);
    omn_buf_put(&b, head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        const uint32_t code = htole32((uint32_t)codes[i]);
        omn_buf_put(&b, &code, sizeof code);
    }
    const uint64_t sum = b.failed ? 0 : htole64(XXH3_64bits(b.data, b.length));
    omn_buf_put(&b, &sum, sizeof sum);
    if (b.failed) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu codes: out of memory", n));
    pthread_mutex_lock(&f->lock);
    st = make_room(f, bytes, err);
    if (st == OMN_OK) {
        f->bytes += bytes;
        f->written += bytes;
    }
    pthread_mutex_unlock(&f->lock);
    if (st != OMN_OK) goto done;
    name_of(f, k, path, sizeof path);
    OMN_TRY(omn_file_create(path, OMN_OVERWRITE, &file, err));
    OMN_TRY(omn_file_write(file, b.data, b.length, err));
    OMN_TRY(omn_file_commit(file, err));
done:
    omn_file_free(file);
    omn_buf_fini(&b);
    return st;
}
