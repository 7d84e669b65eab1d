/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a status, a text and a place, written into a struct on the caller's stack. The first
 * error that is set stays, so that cleanup code may pass the same struct on without hiding the
 * cause. */
#include <omnio/base.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_code;
} statuses[] = {
    [OMN_OK] = { "ok", 0 },
    [OMN_ERR_ARGUMENT] = { "argument", 2 },
    [OMN_ERR_MEMORY] = { "memory", 71 },
    [OMN_ERR_IO] = { "io", 74 },
    [OMN_ERR_MISSING] = { "missing", 66 },
    [OMN_ERR_DATA] = { "data", 65 },
    [OMN_ERR_CONFIG] = { "config", 78 },
    [OMN_ERR_SHAPE] = { "shape", 65 },
    [OMN_ERR_TYPE] = { "type", 65 },
    [OMN_ERR_UNSUPPORTED] = { "unsupported", 69 },
    [OMN_ERR_DEVICE] = { "device", 69 },
    [OMN_ERR_PLUGIN] = { "plugin", 69 },
    [OMN_ERR_CANCELLED] = { "cancelled", 130 },
    [OMN_ERR_INTERNAL] = { "internal", 70 },
    [OMN_ERR_FAILED] = { "failed", 1 },
};

/* Copies what fits and never ends in the middle of a UTF-8 character. */
static void copy_text(char *to, size_t room, const char *from)
{
    size_t n = strlen(from);
    if (n >= room) {
        n = room - 1;
        while (n > 0 && ((unsigned char)from[n] & 0xC0) == 0x80) n--;
    }
    memmove(to, from, n);
    to[n] = '\0';
}

/* Formats into room bytes; a text that is too long is cut at a character. */
static void OMN_PRINTF(3, 0) format_cut(char *to, size_t room, const char *fmt, va_list ap)
{
    int n = omn_vformat(to, room, fmt, ap);
    if (n < 0) {
        copy_text(to, room, "(a message that could not be formatted)");
        return;
    }
    if ((size_t)n < room) return;
    size_t end = room - 1;
    size_t start = end;
    while (start > 0 && end - start < 4 && ((unsigned char)to[start - 1] & 0xC0) == 0x80) start--;
    if (start == 0 || (unsigned char)to[start - 1] < 0x80) return;
    unsigned char lead = (unsigned char)to[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead >= 0xC0 && end - (start - 1) < wanted) to[start - 1] = '\0';
}

/* Names from files are part of messages: what could be mistaken for a second line goes. */
static void OMN_PRINTF(3, 0) format_text(char *to, size_t room, const char *fmt, va_list ap)
{
    format_cut(to, room, fmt, ap);
    (void)omn_text_clean(to);
}

static bool is_free(const omn_error *err)
{
    return err && err->status == OMN_OK;
}

omn_status omn_fail(omn_error *err, omn_status st, const char *fmt, ...)
{
    if (is_free(err)) {
        va_list ap;
        va_start(ap, fmt);
        format_text(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        err->status = (uint32_t)st;
        err->line = err->column = 0;
        err->file[0] = '\0';
    }
    return st;
}

omn_status omn_fail_at(omn_error *err, omn_status st, const char *file, int32_t line,
                       int32_t column, const char *fmt, ...)
{
    if (is_free(err)) {
        va_list ap;
        va_start(ap, fmt);
        format_text(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        err->status = (uint32_t)st;
        err->line = line;
        err->column = column;
        copy_text(err->file, sizeof err->file, file ? file : "");
        (void)omn_text_clean(err->file);
    }
    return st;
}

void omn_error_prefix(omn_error *err, const char *fmt, ...)
{
    if (!err || err->status == OMN_OK) return;
    char all[2 * sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    format_text(all, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t n = strlen(all);
    copy_text(all + n, sizeof all - n, ": ");
    n += strlen(all + n);
    copy_text(all + n, sizeof all - n, err->text);
    copy_text(err->text, sizeof err->text, all);
}

const char *omn_error_line(const omn_error *err, char *buf, size_t room)
{
    if (room == 0) return buf;
    buf[0] = '\0';
    if (!err) return buf;
    if (err->file[0] == '\0') {
        copy_text(buf, room, err->text);
    } else if (err->line <= 0) {
        (void)snprintf(buf, room, "%s: %s", err->file, err->text);
    } else if (err->column <= 0) {
        (void)snprintf(buf, room, "%s:%d: %s", err->file, (int)err->line, err->text);
    } else {
        (void)snprintf(buf, room, "%s:%d:%d: %s", err->file, (int)err->line, (int)err->column,
                       err->text);
    }
    return omn_text_clean(buf);
}

const char *omn_status_name(omn_status st)
{
    size_t n = sizeof statuses / sizeof *statuses;
    return (size_t)st < n ? statuses[st].name : "unknown";
}

int omn_status_exit(omn_status st)
{
    size_t n = sizeof statuses / sizeof *statuses;
    return (size_t)st < n ? statuses[st].exit_code : 70;
}
