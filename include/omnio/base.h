/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/base.h: the ground floor. Errors, memory, threads, files and the call that a working
 * function is given. Everything else in omnio stands on this page.
 *
 * Thread tags used in every omnio header:
 *   [any]    may be called from any thread at any time
 *   [setup]  alone for this object: nobody else uses it meanwhile
 *   [build]  the one thread that builds this graph
 *   [run]    a pool thread; one at a time for each instance
 * Ownership words: borrowed (until when is said), owned (the caller must free), taken (the callee
 * frees, also when it fails), copied. */
#ifndef OMNIO_BASE_H
#define OMNIO_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OMN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define OMN_EXPORT __attribute__((visibility("default")))
#define OMN_MUST_USE __attribute__((warn_unused_result))
#else
#define OMN_PRINTF(fmt, first)
#define OMN_EXPORT
#define OMN_MUST_USE
#endif
#define OMN_API OMN_EXPORT

/* A struct that a caller fills begins with its size; zero in a member is "none" or the usual.
 * Members are only added at the end. Such structs go by pointer, never nested, never in arrays. */
#define OMN_FILL(T) .size = sizeof(T)

/* ---- errors --------------------------------------------------------------------------------- */

/* What went wrong, in numbers that never change. omn_status_exit() gives the program's exit
 * code. */
typedef enum omn_status {
    OMN_OK = 0,
    OMN_ERR_ARGUMENT = 1,     /* the caller asked for something that makes no sense (exit 2) */
    OMN_ERR_MEMORY = 2,       /* an allocation failed or a limit on memory was reached (exit 71) */
    OMN_ERR_IO = 3,           /* reading or writing failed (exit 74) */
    OMN_ERR_MISSING = 4,      /* a file or a name is not there (exit 66) */
    OMN_ERR_DATA = 5,         /* a file's content is wrong (exit 65) */
    OMN_ERR_CONFIG = 6,       /* a pipeline, recipe or configuration is wrong (exit 78) */
    OMN_ERR_SHAPE = 7,        /* shapes do not fit (exit 65) */
    OMN_ERR_TYPE = 8,         /* types do not fit (exit 65) */
    OMN_ERR_UNSUPPORTED = 9,  /* understood, but this build, model or device cannot (exit 69) */
    OMN_ERR_DEVICE = 10,      /* a device is missing or failed (exit 69) */
    OMN_ERR_PLUGIN = 11,      /* a plugin could not be used (exit 69) */
    OMN_ERR_CANCELLED = 12,   /* stopped on request; what is finished is kept (exit 130) */
    OMN_ERR_INTERNAL = 13,    /* our own mistake (exit 70) */
    OMN_ERR_FAILED = 14       /* ran and did not succeed, a comparison for instance (exit 1) */
} omn_status;

/* Lives on the caller's stack, so that reporting "out of memory" needs no memory.
 * file, line and column name the place in a user's file; line 0 means "no place". */
typedef struct omn_error {
    uint32_t size, status;
    int32_t line, column;
    char file[256], text[744];
} omn_error;
#define OMN_ERROR_INIT { sizeof(omn_error), OMN_OK, 0, 0, "", "" }

/* Set the error unless one is set already (the first one stays); err may be NULL. One error is one
 * line of UTF-8: what omn_text_clean replaces is replaced in text and file.
 * Returns st, so that `return omn_fail(err, OMN_ERR_DATA, "...")` reads well. [any] */
OMN_API omn_status omn_fail(omn_error *err, omn_status st, const char *fmt, ...) OMN_PRINTF(3, 4);
/* The same with a place in a file; line and column count from 1, 0 is unknown. [any] */
OMN_API omn_status omn_fail_at(omn_error *err, omn_status st, const char *file, int32_t line,
                               int32_t column, const char *fmt, ...) OMN_PRINTF(6, 7);
/* Put context in front of the text of an error that is already set: "loading x: " + text. [any] */
OMN_API void omn_error_prefix(omn_error *err, const char *fmt, ...) OMN_PRINTF(2, 3);
/* "file:line:column: text" into buf (always terminated). Returns buf. [any] */
OMN_API const char *omn_error_line(const omn_error *err, char *buf, size_t room);
/* Short lower-case name ("shape") and the program exit code of a status. [any] */
OMN_API const char *omn_status_name(omn_status st);
OMN_API int omn_status_exit(omn_status st);

/* In a function with `omn_status st = OMN_OK;` and one label `done:` that cleans up. */
#define OMN_TRY(expr)                                                                            \
    do {                                                                                         \
        st = (expr);                                                                             \
        if (st != OMN_OK) goto done;                                                             \
    } while (0)

/* ---- text ----------------------------------------------------------------------------------- */

/* snprintf and strtod with a point in every locale, for files, settings and messages: %f and its
 * like print 0.5, never 0,5. omn_format returns what snprintf returns, below 0 without memory for a
 * locale. omn_number_read sets *end, unless end is NULL, behind what was read, to text itself when
 * there is no number. [any] */
OMN_API int omn_format(char *buf, size_t room, const char *fmt, ...) OMN_PRINTF(3, 4);
OMN_API int omn_vformat(char *buf, size_t room, const char *fmt, va_list ap) OMN_PRINTF(3, 0);
OMN_API double omn_number_read(const char *text, char **end);
/* Make a text safe to show in one line, in place: control characters, ends of lines, marks that
 * turn the direction of writing and bytes that are no UTF-8 become "?". Returns text. [any] */
OMN_API char *omn_text_clean(char *text);

/* ---- memory --------------------------------------------------------------------------------- */

/* a * b, or false when it does not fit into size_t. [any] */
OMN_API bool omn_size_mul(size_t a, size_t b, size_t *out) OMN_MUST_USE;
OMN_API bool omn_size_add(size_t a, size_t b, size_t *out) OMN_MUST_USE;

/* An arena: many allocations, one free. Aligned to 16 bytes, zeroed. Not shared between threads. */
typedef struct omn_arena omn_arena;
/* limit: most bytes it may ever hold, 0 for none. Returns NULL without memory. [any] */
OMN_API omn_arena *omn_arena_new(size_t limit);
OMN_API void omn_arena_free(omn_arena *a);
/* count * each zeroed bytes, valid until the arena is freed or released below; NULL without memory
 * or over the limit. [setup] */
OMN_API void *omn_arena_alloc(omn_arena *a, size_t count, size_t each);
OMN_API char *omn_arena_strdup(omn_arena *a, const char *s);
OMN_API char *omn_arena_strndup(omn_arena *a, const char *s, size_t n);
OMN_API char *omn_arena_printf(omn_arena *a, const char *fmt, ...) OMN_PRINTF(2, 3);
/* A mark, and giving back everything allocated since. [setup] */
OMN_API size_t omn_arena_mark(const omn_arena *a);
OMN_API void omn_arena_release(omn_arena *a, size_t mark);

/* A growing byte buffer that is always terminated by a 0 beyond its length and never passes `most`.
 * Zero-initialise, then omn_buf_init. After a failed append (no memory; `full`: too long) `failed`
 * stays true and later appends do nothing: check once at the end. */
typedef struct omn_buf {
    char *data;
    size_t length, room, most;
    bool failed, full;
} omn_buf;
OMN_API void omn_buf_init(omn_buf *b, size_t most);
OMN_API void omn_buf_fini(omn_buf *b);
OMN_API void omn_buf_put(omn_buf *b, const void *bytes, size_t n);
OMN_API void omn_buf_puts(omn_buf *b, const char *s);
OMN_API void omn_buf_printf(omn_buf *b, const char *fmt, ...) OMN_PRINTF(2, 3);
/* OMN_OK; of a buffer that failed OMN_ERR_MEMORY ("WHAT: out of memory") or, when it was full,
 * OMN_ERR_DATA ("WHAT is longer than N bytes"). [any] */
OMN_API omn_status omn_buf_check(const omn_buf *b, const char *what, omn_error *err);
/* The content as a heap string (owned, free()), the buffer is emptied; NULL after a failure. */
OMN_API char *omn_buf_take(omn_buf *b);

/* ---- threads -------------------------------------------------------------------------------- */

/* A fixed pool. Work is a range of n items cut into pieces of at least `grain`; the pieces of one
 * split are the same for every number of threads, so results that depend on pieces do not. */
typedef void omn_range_fn(void *user, size_t from, size_t to);
typedef struct omn_pool omn_pool;
/* threads: 1..256, 0 for as many as the process may use (sched_getaffinity). The caller's thread
 * works too, so threads - 1 are started. [any] */
OMN_API omn_status omn_pool_new(uint32_t threads, omn_pool **out, omn_error *err);
OMN_API void omn_pool_free(omn_pool *p);
OMN_API uint32_t omn_pool_threads(const omn_pool *p);
/* Run fn over [0, n) in pieces; returns when all are done. Splits of several callers queue up; a
 * split inside a split runs on the calling thread alone. p NULL: serial. [any] */
OMN_API void omn_pool_split(omn_pool *p, size_t n, size_t grain, omn_range_fn *fn, void *user);

/* A flag that stops work. Setting is async-signal-safe. */
typedef struct omn_cancel omn_cancel;
OMN_API omn_cancel *omn_cancel_new(void);
OMN_API void omn_cancel_free(omn_cancel *c);
OMN_API void omn_cancel_set(omn_cancel *c);
OMN_API bool omn_cancel_get(const omn_cancel *c);

/* ---- files ---------------------------------------------------------------------------------- */

/* A file mapped read-only. Its bytes stay valid until close. An empty file has data NULL, size
 * 0. */
typedef struct omn_map omn_map;
OMN_API omn_status omn_map_open(const char *path, omn_map **out, omn_error *err);
OMN_API void omn_map_close(omn_map *m);
OMN_API const void *omn_map_data(const omn_map *m);
OMN_API size_t omn_map_size(const omn_map *m);
OMN_API const char *omn_map_path(const omn_map *m);
/* OMN_ERR_IO when the file was written anew or cut off in its place since it was mapped; touching
 * what it has no longer ends the process with SIGBUS. [any] */
OMN_API omn_status omn_map_unchanged(const omn_map *m, omn_error *err);

/* A whole file into heap memory (owned, free(), one 0 byte beyond size). path "-": standard input.
 * most: largest size accepted, so that a hostile file cannot take all memory. [any] */
OMN_API omn_status omn_file_read(const char *path, size_t most, char **data, size_t *size,
                                 omn_error *err);

/* Writing under a temporary name beside the target; commit syncs and renames, so a reader sees the
 * old file or the whole new one. Not committed: the temporary file is removed on free. A file that
 * replaces another takes its mode, and one that is protected from writing is not replaced. */
typedef enum omn_overwrite { OMN_KEEP_EXISTING, OMN_OVERWRITE } omn_overwrite;
typedef struct omn_file omn_file;
OMN_API omn_status omn_file_create(const char *path, omn_overwrite how, omn_file **out,
                                   omn_error *err);
OMN_API omn_status omn_file_write(omn_file *f, const void *bytes, size_t n, omn_error *err);
OMN_API omn_status omn_file_commit(omn_file *f, omn_error *err);
OMN_API void omn_file_free(omn_file *f);
/* Remove the temporary files that killed processes left in a folder ("": the current one). Those of
 * living processes stay. To be called before the first file is written there. [any] */
OMN_API void omn_file_sweep(const char *folder);
/* Lock an open file for this process alone (flock, exclusive) until it is closed. Where another
 * holds the lock, two seconds are waited: that of a killed process goes with the last process that
 * has its files, which may be a moment later (a child between fork and exec, a checker of leaks).
 * Returns 0, or an errno: EWOULDBLOCK when it is still held. [any] */
OMN_API int omn_file_lock(int fd);

/* ---- the call ------------------------------------------------------------------------------- */

typedef enum omn_level { OMN_LOG_ERROR, OMN_LOG_WARN, OMN_LOG_INFO, OMN_LOG_DEBUG } omn_level;
typedef void omn_log_fn(void *user, omn_level level, const char *text);

/* What a working function may use while it runs: borrowed, valid until it returns. It comes first
 * in every plugin function that works. Without it an operation could reach neither pool, scratch
 * memory, log, progress nor cancel, since there are no globals. */
typedef struct omn_call omn_call;
/* count * each zeroed bytes, freed when the function returns; NULL without memory. [run] */
OMN_API void *omn_call_scratch(omn_call *c, size_t count, size_t each);
OMN_API bool omn_call_cancelled(const omn_call *c);                          /* [any] */
OMN_API void omn_call_progress(omn_call *c, uint64_t done, uint64_t total);  /* [run] */
OMN_API void omn_call_log(omn_call *c, omn_level level, const char *fmt, ...) OMN_PRINTF(3, 4);
/* fn over [0, n) on the host's pool; OMN_ERR_CANCELLED when stopped between pieces. [run] */
OMN_API omn_status omn_call_split(omn_call *c, size_t n, size_t grain, omn_range_fn *fn, void *user,
                                  omn_error *err);
/* 64 random bits from the run's seed and this item's number: the same on every machine. [run] */
OMN_API uint64_t omn_call_random(omn_call *c);

/* Making a call, for hosts and tests. Any member may be zero. */
typedef struct omn_call_setup {
    uint32_t size;
    omn_pool *pool;
    omn_cancel *cancel;
    omn_log_fn *log;
    void *log_user;
    void (*progress)(void *user, uint64_t done, uint64_t total);
    void *progress_user;
    uint64_t seed, item;
    void *host;                           /* whatever the host wants to find again: its context */
    uint64_t most_bytes;                  /* of one value that is read from a file; 0: no bound */
} omn_call_setup;
OMN_API omn_status omn_call_new(const omn_call_setup *how, omn_call **out, omn_error *err);
OMN_API void omn_call_free(omn_call *c);
OMN_API omn_pool *omn_call_pool(const omn_call *c);
OMN_API void *omn_call_host(const omn_call *c);
OMN_API uint64_t omn_call_most_bytes(const omn_call *c);

/* Counter-based random numbers (SplitMix64 of seed and position): no state to save. [any] */
OMN_API uint64_t omn_random_at(uint64_t seed, uint64_t stream, uint64_t position);

/* Asks the system for large pages (2 MiB on most) within the block of n bytes at p, before it is
 * written to: for blocks of megabytes that are read and written all over, weights and results. What
 * is touched of a large page is taken whole; nothing outside the block is. Contents stay. [any] */
OMN_API void omn_large_pages(void *p, size_t n);

/* The version of the library that runs, "MAJOR.MINOR.PATCH". [any] */
OMN_API const char *omn_version(void);

#ifdef __cplusplus
}
#endif
#endif
