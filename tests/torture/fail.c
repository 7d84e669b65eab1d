/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before libc: lets one allocation, or one call that writes, of the program omnio fail.
 *
 *   FAIL_MEMORY=N   allocation number N (memory, mappings, threads) fails; N+: all that follow too
 *   FAIL_WRITE=N    call number N that writes (write, fsync, rename, ...) gives ENOSPC; N+ too
 *   FAIL_COUNT=FILE appends "memory N" and "write N" at the end: how many there were
 *   FAIL_WITHIN=TEXT   counts only calls below a library whose path contains TEXT
 *   FAIL_TRACE=FILE writes where it failed for the first time
 *
 * Helpers that the program starts (its scanner) are left alone: what they do is the plugin door's
 * business, and has its own tests. Messages on standard error never fail: nobody could tell. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

typedef struct trap {
    long at, count;
    int on; /* fails from there on, not once */
} trap;
static trap memory = { -1, 0, 0 }, writing = { -1, 0, 0 };
static int traced = -1; /* a file; -1: none, or it is written */
static const char *within; /* NULL: everywhere */
static __thread int quiet; /* inside this library: nothing fails */

static void tell(void)
{
    void *at[48];
    if (traced < 0) return;
    quiet++; /* backtrace may allocate */
    const int n = backtrace(at, 48);
    backtrace_symbols_fd(at, n, traced);
    quiet--;
    traced = -1;
}

/* Is the library that is asked for among the callers? */
static int is_within(void)
{
    void *at[48];
    Dl_info about;
    int found = 0;
    quiet++;
    const int n = backtrace(at, 48);
    for (int i = 1; i < n && !found; i++)
        found = dladdr(at[i], &about) && about.dli_fname && strstr(about.dli_fname, within);
    quiet--;
    return found;
}

static int springs(trap *t, int number)
{
    if (t->at < 0 || quiet || (within && !is_within())) return 0;
    const long now = __sync_add_and_fetch(&t->count, 1);
    if (t->at == 0 || (t->on ? now < t->at : now != t->at)) return 0;
    tell();
    errno = number;
    return 1;
}
static int no_memory(void) { return springs(&memory, ENOMEM); }
static int no_space(void) { return springs(&writing, ENOSPC); }

/* The next definition of a function, once looked up. */
static void *next(const char *name)
{
    quiet++;
    void *f = dlsym(RTLD_NEXT, name);
    quiet--;
    return f;
}
#define NEXT(name) ((__typeof__(&name))next(#name))

/* ---- memory ------------------------------------------------------------------------------- */

void *malloc(size_t n) { return no_memory() ? NULL : __libc_malloc(n); }
void *calloc(size_t a, size_t b) { return no_memory() ? NULL : __libc_calloc(a, b); }
void *realloc(void *p, size_t n) { return no_memory() ? NULL : __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { return no_memory() ? NULL : __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { return no_memory() ? NULL : __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n)
{
    if (no_memory()) return ENOMEM;
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}
void *mmap(void *at, size_t n, int prot, int flags, int f, off_t from)
{
    return no_memory() ? MAP_FAILED : NEXT(mmap)(at, n, prot, flags, f, from);
}
int pthread_create(pthread_t *t, const pthread_attr_t *how, void *(*run)(void *), void *user)
{
    if (no_memory()) return EAGAIN;
    quiet++; /* its stack was counted */
    const int code = NEXT(pthread_create)(t, how, run, user);
    quiet--;
    return code;
}

/* ---- writing ------------------------------------------------------------------------------ */

ssize_t write(int f, const void *p, size_t n)
{
    return f != 2 && no_space() ? -1 : NEXT(write)(f, p, n);
}
ssize_t pwrite(int f, const void *p, size_t n, off_t at)
{
    return no_space() ? -1 : NEXT(pwrite)(f, p, n, at);
}
ssize_t writev(int f, const struct iovec *v, int n)
{
    return no_space() ? -1 : NEXT(writev)(f, v, n);
}
size_t fwrite(const void *p, size_t each, size_t n, FILE *f)
{
    return f != stderr && no_space() ? 0 : NEXT(fwrite)(p, each, n, f);
}
int fflush(FILE *f)
{
    return f != stderr && no_space() ? EOF : NEXT(fflush)(f);
}
int fclose(FILE *f)
{
    const int code = NEXT(fclose)(f);
    return f != stderr && no_space() ? EOF : code;
}
int fsync(int f) { return no_space() ? -1 : NEXT(fsync)(f); }
int fdatasync(int f) { return no_space() ? -1 : NEXT(fdatasync)(f); }
int rename(const char *a, const char *b) { return no_space() ? -1 : NEXT(rename)(a, b); }
int link(const char *a, const char *b) { return no_space() ? -1 : NEXT(link)(a, b); }
int ftruncate(int f, off_t n) { return no_space() ? -1 : NEXT(ftruncate)(f, n); }
int mkdir(const char *path, mode_t mode) { return no_space() ? -1 : NEXT(mkdir)(path, mode); }
int open(const char *path, int how, ...)
{
    va_list ap;
    va_start(ap, how);
    const mode_t mode = how & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return how & O_CREAT && no_space() ? -1 : NEXT(open)(path, how, mode);
}
/* What a full disk says late, of a file over the network for instance. */
int close(int f)
{
    struct stat info;
    const int how = fcntl(f, F_GETFL);
    const int file = how >= 0 && (how & O_ACCMODE) != O_RDONLY && !fstat(f, &info) &&
                     S_ISREG(info.st_mode);
    const int code = NEXT(close)(f);
    return file && no_space() ? -1 : code;
}

/* ---- the beginning and the end ------------------------------------------------------------ */

static void set(trap *t, const char *name)
{
    const char *s = getenv(name);
    if (!s) return;
    t->on = *s && s[strlen(s) - 1] == '+';
    t->at = atol(s);
}

__attribute__((constructor)) static void begin(void)
{
    const char *me = program_invocation_short_name;
    if (!strncmp(me, "lt-", 3)) me += 3;
    if (strcmp(me, "omnio")) return;
    void *warm[2];
    const char *trace = getenv("FAIL_TRACE");
    if (trace && *trace) traced = open(trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    within = getenv("FAIL_WITHIN");
    if (within && !*within) within = NULL;
    if (traced >= 0 || within) backtrace(warm, 2); /* loads libgcc now, not at the failure */
    set(&memory, "FAIL_MEMORY");
    set(&writing, "FAIL_WRITE");
}

__attribute__((destructor)) static void end(void)
{
    const char *file = getenv("FAIL_COUNT");
    char s[128];
    if (!file || (memory.at < 0 && writing.at < 0)) return;
    const long m = memory.count, w = writing.count;
    memory.at = writing.at = -1;
    const int f = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (f < 0) return;
    const int n = snprintf(s, sizeof s, "memory %ld\nwrite %ld\n", m, w);
    if (write(f, s, (size_t)n) != n) _exit(99);
    close(f);
}
