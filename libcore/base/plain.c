/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, with a point in every locale. A program that calls setlocale, as every desktop
 * program does, changes what printf writes and strtod reads for 0.5 in all its libraries; files and
 * messages must not follow it. Where the point of this thread is another, "C" is put in its place
 * for the one call: uselocale concerns the calling thread alone. */
#include <omnio/base.h>

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does this printf text ask for a number with a fraction? */
static bool has_fraction(const char *fmt)
{
    while ((fmt = strchr(fmt, '%')) != NULL) {
        fmt++;
        fmt += strspn(fmt, "-+ #0'*.0123456789hlLjzt");
        if (*fmt != '\0' && strchr("aAeEfFgG", *fmt)) return true;
        if (*fmt != '\0') fmt++;
    }
    return false;
}

static bool point_is_a_point(void)
{
    return strcmp(nl_langinfo(RADIXCHAR), ".") == 0;
}

int omn_vformat(char *buf, size_t room, const char *fmt, va_list ap)
{
    if (!has_fraction(fmt) || point_is_a_point()) return vsnprintf(buf, room, fmt, ap);
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) return -1;
    locale_t before = uselocale(c);
    int n = vsnprintf(buf, room, fmt, ap);
    uselocale(before);
    freelocale(c);
    return n;
}

int omn_format(char *buf, size_t room, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = omn_vformat(buf, room, fmt, ap);
    va_end(ap);
    return n;
}

double omn_number_read(const char *text, char **end)
{
    char *stop;
    double x = 0;
    if (!end) end = &stop;
    if (point_is_a_point()) return strtod(text, end);
    *end = (char *)(uintptr_t)text;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        errno = ENOMEM;
        return 0;
    }
    locale_t before = uselocale(c);
    x = strtod(text, end);
    int code = errno;
    uselocale(before);
    freelocale(c);
    errno = code;
    return x;
}
