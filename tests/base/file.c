/* SPDX-License-Identifier: Apache-2.0 */
/* Files: mapping, reading with a limit, and writing that never leaves half a file. */
#include <omnio/base.h>

#include "libcore/base/file_write.h"
#include "tests/testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *in(const char *folder, const char *name)
{
    static char kept[8][PATH_MAX];
    static unsigned next;
    char *path = kept[next++ % 8];
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static size_t entries(const char *folder)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void expect_content(const char *path, const char *want)
{
    char *data = NULL;
    size_t size = 0;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_file_read(path, 1 << 20, &data, &size, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_eq(size, strlen(want));
    ck_assert_str_eq(data, want);
    free(data);
}

START_TEST(a_mapped_file_has_its_bytes)
{
    omn_map *m = NULL;
    omn_error err = OMN_ERROR_INIT;
    const char *path = testing_write(testing_folder(), "a.bin", "hello", 5);
    ck_assert_msg(omn_map_open(path, &m, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_eq(omn_map_size(m), 5);
    ck_assert_int_eq(memcmp(omn_map_data(m), "hello", 5), 0);
    ck_assert_str_eq(omn_map_path(m), path);
    omn_map_close(m);
    path = testing_write(testing_folder(), "empty.bin", "", 0);
    ck_assert_int_eq(omn_map_open(path, &m, &err), OMN_OK);
    ck_assert_uint_eq(omn_map_size(m), 0);
    ck_assert_ptr_null(omn_map_data(m));
    omn_map_close(m);
    omn_map_close(NULL);
}
END_TEST

START_TEST(what_cannot_be_mapped_is_named)
{
    omn_map *m = (omn_map *)1;
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    ck_assert_int_eq(omn_map_open(in(folder, "none"), &m, &err), OMN_ERR_MISSING);
    ck_assert_ptr_null(m);
    ck_assert_ptr_nonnull(strstr(err.text, "/none: cannot be opened: No such file"));
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_map_open(folder, &m, &err), OMN_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "is a folder, and a regular file is needed"));
    /* A pipe nobody writes to is refused at once instead of waited for. */
    ck_assert_int_eq(mkfifo(in(folder, "pipe"), 0600), 0);
    ck_assert_int_eq(omn_map_open(in(folder, "pipe"), &m, NULL), OMN_ERR_IO);
}
END_TEST

START_TEST(reading_has_a_limit)
{
    char *data = NULL;
    size_t size = 0;
    omn_error err = OMN_ERROR_INIT;
    const char *path = testing_write(testing_folder(), "a", "0123456789", 10);
    ck_assert_int_eq(omn_file_read(path, 10, &data, &size, &err), OMN_OK);
    ck_assert_str_eq(data, "0123456789");
    free(data);
    ck_assert_int_eq(omn_file_read(path, 9, &data, &size, &err), OMN_ERR_DATA);
    ck_assert_ptr_null(data);
    ck_assert_ptr_nonnull(strstr(err.text, "larger than 9 bytes"));
    ck_assert_int_eq(omn_file_read(path, SIZE_MAX, &data, &size, NULL), OMN_OK);
    free(data);
    path = testing_write(testing_folder(), "b", "", 0);
    ck_assert_int_eq(omn_file_read(path, 0, &data, &size, NULL), OMN_OK);
    ck_assert_uint_eq(size, 0);
    ck_assert_str_eq(data, "");
    free(data);
    ck_assert_int_eq(omn_file_read(testing_folder(), 99, &data, &size, NULL), OMN_ERR_IO);
    ck_assert_int_eq(omn_file_read("/no/such", 99, &data, &size, NULL), OMN_ERR_MISSING);
}
END_TEST

START_TEST(a_file_without_an_end_stops_at_the_limit)
{
    char *data = NULL;
    size_t size = 0;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_file_read("/dev/zero", 300000, &data, &size, &err), OMN_ERR_DATA);
    ck_assert_ptr_null(data);
    ck_assert_str_eq(err.text,
                     "/dev/zero: larger than 300000 bytes, the most that is accepted here");
}
END_TEST

START_TEST(standard_input_is_read_by_its_name)
{
    int ends[2];
    char *data = NULL, *bytes = malloc(200000);
    size_t size = 0;
    memset(bytes, 'q', 200000);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (size_t n = 0; n < 200000;) {
            ssize_t done = write(ends[1], bytes + n, 200000 - n);
            if (done < 0) _exit(1);
            n += (size_t)done;
        }
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(omn_file_read("-", 200000, &data, &size, NULL), OMN_OK);
    ck_assert_uint_eq(size, 200000);
    ck_assert_int_eq(memcmp(data, bytes, size), 0);
    free(data);
    free(bytes);
}
END_TEST

static omn_file *create(const char *path, omn_overwrite how)
{
    omn_file *f = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_file_create(path, how, &f, &err) == OMN_OK, "%s", err.text);
    return f;
}

START_TEST(a_reader_sees_the_old_file_until_the_new_one_is_whole)
{
    const char *folder = testing_folder(), *path = testing_write(folder, "a", "old", 3);
    omn_file *f = create(path, OMN_OVERWRITE);
    ck_assert_int_eq(omn_file_write(f, "new", 3, NULL), OMN_OK);
    expect_content(path, "old");
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
    expect_content(path, "new");
    ck_assert_int_eq(omn_file_write(f, "more", 4, NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_ERR_ARGUMENT);
    omn_file_free(f);
    expect_content(path, "new");
    ck_assert_uint_eq(entries(folder), 1);
}
END_TEST

START_TEST(what_is_not_committed_leaves_nothing)
{
    const char *folder = testing_folder(), *path = in(folder, "a");
    omn_file *f = create(path, OMN_KEEP_EXISTING);
    ck_assert_int_eq(omn_file_write(f, "new", 3, NULL), OMN_OK);
    ck_assert_uint_eq(entries(folder), 1);
    omn_file_free(f);
    omn_file_free(NULL);
    ck_assert_uint_eq(entries(folder), 0);
}
END_TEST

START_TEST(an_existing_file_is_kept)
{
    omn_error err = OMN_ERROR_INIT;
    omn_file *f = NULL;
    const char *folder = testing_folder(), *path = testing_write(folder, "a", "old", 3);
    ck_assert_int_eq(omn_file_create(path, OMN_KEEP_EXISTING, &f, &err), OMN_ERR_IO);
    ck_assert_ptr_null(f);
    ck_assert_ptr_nonnull(strstr(err.text, "is there already and is not overwritten"));
    /* Even one that appears after the first look. */
    path = in(folder, "b");
    f = create(path, OMN_KEEP_EXISTING);
    ck_assert_int_eq(omn_file_write(f, "mine", 4, NULL), OMN_OK);
    testing_write(folder, "b", "theirs", 6);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_file_commit(f, &err), OMN_ERR_IO);
    omn_file_free(f);
    expect_content(path, "theirs");
    ck_assert_uint_eq(entries(folder), 2);
    f = create(in(folder, "c"), OMN_KEEP_EXISTING);
    ck_assert_int_eq(omn_file_write(f, "mine", 4, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
    omn_file_free(f);
    expect_content(in(folder, "c"), "mine");
    ck_assert_uint_eq(entries(folder), 3);
}
END_TEST

START_TEST(devices_folders_and_nameless_files_are_refused)
{
    omn_error err = OMN_ERROR_INIT;
    omn_file *f = NULL;
    const char *folder = testing_folder();
    ck_assert_int_eq(omn_file_create("/dev/null", OMN_OVERWRITE, &f, &err), OMN_ERR_IO);
    ck_assert_str_eq(err.text, "/dev/null: is not a regular file and is not replaced by a file");
    ck_assert_int_eq(omn_file_create(folder, OMN_OVERWRITE, &f, NULL), OMN_ERR_IO);
    ck_assert_int_eq(omn_file_create("", OMN_OVERWRITE, &f, NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_file_create(in(folder, "x/"), OMN_OVERWRITE, &f, NULL), OMN_ERR_ARGUMENT);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_file_create(in(folder, "no/x"), OMN_OVERWRITE, &f, &err),
                     OMN_ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.text, "no/x: cannot be written: No such file"));
    ck_assert_ptr_null(f);
}
END_TEST

START_TEST(permissions_follow_the_umask)
{
    struct stat info;
    const char *path = in(testing_folder(), "a");
    umask(027);
    omn_file *f = create(path, OMN_KEEP_EXISTING);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
    omn_file_free(f);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
    ck_assert_int_eq(info.st_size, 0);
}
END_TEST

START_TEST(many_sizes_of_writes_arrive_in_order)
{
    enum { TOTAL = 700000 };
    unsigned char *bytes = malloc(TOTAL);
    for (size_t i = 0; i < TOTAL; i++) bytes[i] = (unsigned char)omn_random_at(3, 0, i);
    const char *path = in(testing_folder(), "a");
    omn_file *f = create(path, OMN_KEEP_EXISTING);
    for (size_t at = 0, i = 0; at < TOTAL; i++) {
        size_t n = omn_random_at(4, 0, i) % (i % 5 == 0 ? 150000 : 900);
        if (n > TOTAL - at) n = TOTAL - at;
        ck_assert_int_eq(omn_file_write(f, bytes + at, n, NULL), OMN_OK);
        at += n;
    }
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
    omn_file_free(f);
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(omn_file_read(path, TOTAL, &data, &size, NULL), OMN_OK);
    ck_assert_uint_eq(size, TOTAL);
    ck_assert_int_eq(memcmp(data, bytes, TOTAL), 0);
    free(data);
    free(bytes);
}
END_TEST

START_TEST(what_was_written_can_be_told_anew_until_it_is_committed)
{
    const char *folder = testing_folder(), *path = in(folder, "anew");
    omn_file *f = create(path, OMN_OVERWRITE);
    ck_assert_int_eq(omn_file_write(f, "head ...., ", 11, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_write(f, "body", 4, NULL), OMN_OK);
    ck_assert_int_eq(file_rewrite(f, 5, "1234", 4, NULL), OMN_OK);
    ck_assert_int_eq(file_rewrite(f, 0, NULL, 0, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_write(f, ", end", 5, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
    expect_content(path, "head 1234, body, end");
    ck_assert_int_eq(file_rewrite(f, 0, "H", 1, NULL), OMN_ERR_ARGUMENT);
    omn_file_free(f);
    expect_content(path, "head 1234, body, end");
}
END_TEST

START_TEST(a_full_disk_keeps_the_old_file)
{
    /* A limit on file sizes fails in the same place as a full disk. */
    const struct rlimit small = { 100000, 100000 };
    omn_error err = OMN_ERROR_INIT;
    char *bytes = calloc(1, 300000);
    const char *folder = testing_folder(), *path = testing_write(folder, "a", "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    omn_file *f = create(path, OMN_OVERWRITE);
    ck_assert_int_eq(omn_file_write(f, bytes, 300000, &err), OMN_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "/a: cannot be written: File too large"));
    ck_assert_int_eq(omn_file_write(f, bytes, 1, NULL), OMN_ERR_IO);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_ERR_IO);
    omn_file_free(f);
    expect_content(path, "old");
    ck_assert_uint_eq(entries(folder), 1);
    free(bytes);
}
END_TEST

/* The temporary file in a folder; there is one. */
static struct stat temporary(const char *folder)
{
    struct stat info = { .st_size = 0 };
    DIR *d = opendir(folder);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (!strncmp(e->d_name, ".omnio-", 7)) stat(in(folder, e->d_name), &info);
    closedir(d);
    ck_assert(S_ISREG(info.st_mode));
    return info;
}

START_TEST(a_new_file_takes_the_mode_of_the_one_it_replaces)
{
    static const mode_t modes[] = { 0600, 0640, 0606, 0777 };
    struct stat info;
    const char *folder = testing_folder(), *path = testing_write(folder, "a", "old", 3);
    umask(022);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        omn_file *f = create(path, OMN_OVERWRITE);
        ck_assert_uint_eq(temporary(folder).st_mode & 0777, 0600);
        ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
        omn_file_free(f);
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_uint_eq(info.st_mode & 0777, modes[i]);
    }
}
END_TEST

START_TEST(a_protected_file_is_not_replaced)
{
    omn_error err = OMN_ERROR_INIT;
    omn_file *f = NULL;
    const char *folder = testing_folder(), *path = testing_write(folder, "a", "old", 3);
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(omn_file_create(path, OMN_OVERWRITE, &f, &err), OMN_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "is protected from writing and is not replaced"));
    /* Even one that is protected after the first look. */
    ck_assert_int_eq(chmod(path, 0644), 0);
    f = create(path, OMN_OVERWRITE);
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_ERR_IO);
    omn_file_free(f);
    expect_content(path, "old");
    ck_assert_uint_eq(entries(folder), 1);
}
END_TEST

/* Makes a file in a process of its own, which is killed in the middle. */
static void killed_run(const char *path)
{
    int status = 0;
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        omn_file *f = NULL;
        if (omn_file_create(path, OMN_KEEP_EXISTING, &f, NULL) == OMN_OK) raise(SIGKILL);
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}

START_TEST(leftovers_of_killed_processes_are_swept)
{
    const char *folder = testing_folder();
    killed_run(in(folder, "a"));
    killed_run(in(folder, "b"));
    testing_write(folder, ".omnio-0123456789abcde.tmp", "too short", 9);
    testing_write(folder, ".omnio-0123456789abcdef.tmp~", "another", 7);
    testing_write(folder, "0123456789abcdef.tmp", "another", 7);
    ck_assert_int_eq(symlink("0123456789abcdef.tmp", in(folder, ".omnio-0123456789abcdef.tmp")), 0);
    ck_assert_uint_eq(entries(folder), 6);
    omn_file_sweep(folder);
    ck_assert_uint_eq(entries(folder), 4);
    omn_file_sweep(in(folder, "nowhere"));
    ck_assert_int_eq(chdir(folder), 0);
    killed_run("c");
    ck_assert_uint_eq(entries(folder), 5);
    omn_file_sweep("");
    ck_assert_uint_eq(entries(folder), 4);
}
END_TEST

START_TEST(files_that_somebody_writes_are_not_swept)
{
    int status = 0;
    const char *folder = testing_folder(), *path = in(folder, "a");
    omn_file *f = create(path, OMN_KEEP_EXISTING);
    ck_assert_int_eq(omn_file_write(f, "mine", 4, NULL), OMN_OK);
    omn_file_sweep(folder);
    ck_assert_uint_eq(entries(folder), 1);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        omn_file_sweep(folder);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_uint_eq(entries(folder), 1);
    ck_assert_int_eq(omn_file_commit(f, NULL), OMN_OK);
    omn_file_free(f);
    expect_content(path, "mine");
    ck_assert_uint_eq(entries(folder), 1);
}
END_TEST

/* A child that holds the lock of a file for that long and is gone. */
static pid_t holder(const char *path, long milliseconds)
{
    int ready[2];
    char c;
    ck_assert_int_eq(pipe(ready), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
        const int fd = open(path, O_RDWR | O_CREAT, 0666);
        if (omn_file_lock(fd) != 0 || write(ready[1], "x", 1) != 1) _exit(1);
        nanosleep(&t, NULL);
        _exit(0);
    }
    ck_assert_int_eq(close(ready[1]), 0);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    ck_assert_int_eq(close(ready[0]), 0);
    return child;
}

START_TEST(a_lock_that_ends_soon_is_waited_for)
{
    int status = 0;
    const char *path = in(testing_folder(), "lock");
    const pid_t child = holder(path, 300);
    const int fd = open(path, O_RDWR);
    ck_assert_int_eq(omn_file_lock(fd), 0);
    ck_assert_int_eq(omn_file_lock(fd), 0); /* ours: asked for again it stays */
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(omn_file_lock(fd), EBADF);
}
END_TEST

START_TEST(a_lock_that_stays_is_told)
{
    int status = 0;
    const char *path = in(testing_folder(), "lock");
    const pid_t child = holder(path, 60000);
    const int fd = open(path, O_RDWR);
    ck_assert_int_eq(omn_file_lock(fd), EWOULDBLOCK);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(omn_file_lock(fd), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_mapped_file_has_its_bytes,
        what_cannot_be_mapped_is_named,
        reading_has_a_limit,
        a_file_without_an_end_stops_at_the_limit,
        standard_input_is_read_by_its_name,
        a_reader_sees_the_old_file_until_the_new_one_is_whole,
        what_is_not_committed_leaves_nothing,
        an_existing_file_is_kept,
        devices_folders_and_nameless_files_are_refused,
        permissions_follow_the_umask,
        many_sizes_of_writes_arrive_in_order,
        what_was_written_can_be_told_anew_until_it_is_committed,
        a_full_disk_keeps_the_old_file,
        a_new_file_takes_the_mode_of_the_one_it_replaces,
        a_protected_file_is_not_replaced,
        leftovers_of_killed_processes_are_swept,
        files_that_somebody_writes_are_not_swept,
        a_lock_that_ends_soon_is_waited_for,
        a_lock_that_stays_is_told,
    };
    return TESTING_RUN("base/file", all, 10);
}
