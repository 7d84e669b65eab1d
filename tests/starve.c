/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the linker puts in the place of the library's allocating ones. */
#include "tests/starve.h"

#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
ssize_t __real_getline(char **line, size_t *room, FILE *f);
ssize_t __real___getdelim(char **line, size_t *room, int end, FILE *f);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
ssize_t __wrap_getline(char **line, size_t *room, FILE *f);
ssize_t __wrap___getdelim(char **line, size_t *room, int end, FILE *f);

static unsigned long failing, counted;
static bool and_on, resting;

void starve_at(unsigned long n, bool on)
{
    failing = n;
    and_on = on;
    counted = 0;
    resting = false;
}

void starve_rest(void) { resting = true; }

unsigned long starve_asked(void) { return counted; }

static bool fails(void)
{
    if (resting) return false;
    const unsigned long now = ++counted;
    return failing && (and_on ? now >= failing : now == failing);
}

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t each) { return fails() ? NULL : __real_calloc(n, each); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }
void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(align, n);
}
char *__wrap_strdup(const char *s) { return fails() ? NULL : __real_strdup(s); }
char *__wrap_strndup(const char *s, size_t n) { return fails() ? NULL : __real_strndup(s, n); }
ssize_t __wrap_getline(char **line, size_t *room, FILE *f)
{
    if (!fails()) return __real_getline(line, room, f);
    errno = ENOMEM;
    return -1;
}
/* what getline becomes where the compiler optimises */
ssize_t __wrap___getdelim(char **line, size_t *room, int end, FILE *f)
{
    if (!fails()) return __real___getdelim(line, room, end, f);
    errno = ENOMEM;
    return -1;
}

void starve_play(starve_scene *scene, void *user, unsigned long least, bool forgiving)
{
    starve_play_from(scene, user, 1, least, forgiving);
}

void starve_play_from(starve_scene *scene, void *user, unsigned long first, unsigned long least,
                      bool forgiving)
{
    for (unsigned long turn = first;; turn++) {
        omn_error err = OMN_ERROR_INIT;
        starve_at(turn, false);
        const omn_status st = scene(user, &err);
        const unsigned long seen = starve_asked();
        starve_at(0, false);
        if (seen < turn) {
            ck_assert_msg(st == OMN_OK, "with all memory: %s", err.text);
            ck_assert_uint_gt(turn - first + 1, least);
            return;
        }
        if (forgiving && st == OMN_OK) continue;
        ck_assert_msg(st == OMN_ERR_MEMORY && err.status == OMN_ERR_MEMORY && err.text[0],
                      "allocation %lu of the scene: status %s, \"%s\"", turn, omn_status_name(st),
                      err.text);
    }
}
