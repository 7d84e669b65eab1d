/* SPDX-License-Identifier: Apache-2.0 */
/* From a file to a value. The bytes decide: every format that makes the wanted type is asked how
 * much the first 64 bytes look like its own, those whose suffix fits first, so that the usual case
 * loads one plugin. A format that reads files too long to hold is given the file itself. Text and
 * JSON are at home in this house and need no plugin; a file counts as one of them only when no
 * format claims it and all of it is UTF-8. */
#include "context.h"
#include "param.h"
#include "recognise.h"
#include "suffix.h"

#include "libcore/value/stream.h"

#include <omnio/texts.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FILE ((size_t)1 << 30)
#define HEAD      64u
#define SURE      90
#define ENOUGH    45 /* where the suffix fits and a type is wanted, as of streams */

typedef struct file_bytes {
    const char *path, *name; /* for messages; NULL where there is none */
    const uint8_t *bytes;
    size_t n;
} file_bytes;

typedef bool asked_for(const omn_format_impl *impl);

static bool reads(const omn_format_impl *impl)
{
    return impl->read;
}

static bool has_texts(const omn_format_impl *impl)
{
    return impl->probe && impl->extension && impl->extension("omnio.texts/1");
}

/* The format most certain about these bytes; NULL in *best when none is. bad: one that could not be
 * loaded, for the message. */
static omn_status ask_formats(omn_context *ctx, const char *type, const file_bytes *f,
                              asked_for *can, const omn_entry **best, omn_error *bad,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    format_names names;
    char suffix[SUFFIX_ROOM];
    int most = 0;
    const char *own = suffix_of(f->path, suffix) ? suffix : NULL;
    OMN_TRY(registry_formats(context_registry(ctx), ctx, type, own, &names, err));
    for (size_t i = 0; i < names.n; i++) {
        const omn_entry *e = NULL;
        omn_error why = OMN_ERROR_INIT;
        if (i >= names.preferred && most >= (type && names.preferred ? ENOUGH : SURE)) break;
        const omn_status found =
            omn_registry_find(ctx, "omnio.format/1", names.of[i], &e, &why);
        if (found == OMN_ERR_MEMORY) return omn_fail(err, found, "%s: %s", f->path, why.text);
        if (found != OMN_OK) {
            omn_fail(bad, found, "%s", why.text);
            continue;
        }
        const omn_format_impl *impl = omn_entry_object(e)->impl;
        if (!can(impl)) continue;
        int says = impl->probe(f->name, f->bytes, f->n < HEAD ? f->n : HEAD);
        if (says > most) {
            most = says;
            *best = e;
        }
    }
done:
    return st;
}

/* How the format reads long files; NULL: from their bytes. */
static const omn_format_file *by_file(const omn_entry *e)
{
    const omn_format_impl *impl = omn_entry_object(e)->impl;
    return impl->extension ? impl->extension("omnio.file/1") : NULL;
}

/* f->bytes NULL: from the file itself. */
static omn_status read_with(omn_context *ctx, const omn_entry *e, const file_bytes *f,
                            omn_value **out, omn_error *err)
{
    const omn_format_impl *impl = omn_entry_object(e)->impl;
    omn_call *c = NULL;
    omn_status st = OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &c, &why));
    OMN_TRY(f->bytes ? impl->read(c, f->bytes, f->n, out, &why)
                     : by_file(e)->read(c, f->path, out, &why));
    const char *is = omn_value_kind_name(*out);
    if (!*out || !param_takes(impl->makes, is)) {
        omn_value_unref(*out);
        *out = NULL;
        st = omn_fail(&why, OMN_ERR_PLUGIN, "format %s made %s instead of %s",
                      omn_entry_object(e)->name, is, impl->makes);
    }
done:
    omn_call_free(c);
    if (st != OMN_OK) {
        const char *text = why.text[0] ? why.text : "cannot be read";
        omn_fail(err, st, "%s: %s", f->path, text);
    }
    return st;
}

/* Each line that is not blank is one JSON value. */
static omn_status read_lines(omn_context *ctx, const char *s, size_t n, omn_value **out,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value **list = NULL;
    size_t count = 0, room = 0, number = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t len = end ? (size_t)(end - s) - at : n - at, blank = 0;
        number++;
        while (blank < len && strchr(" \t\r", s[at + blank])) blank++;
        if (blank < len) {
            if (count == room) {
                room = room ? 2 * room : 64;
                omn_value **more = realloc(list, room * sizeof(*more));
                if (!more) {
                    st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu lines", room);
                    goto done;
                }
                list = more;
            }
            st = context_json(ctx, NULL, s + at, len, &list[count], err);
            if (st != OMN_OK) {
                omn_error_prefix(err, "line %zu", number);
                goto done;
            }
            count++;
        }
        at += len + 1;
    }
    st = omn_list_new(list, count, out, err);
done:
    for (size_t i = 0; i < count; i++) omn_value_unref(list[i]);
    free(list);
    return st;
}

/* The file's text without a byte order mark and without the newline that ends its last line. */
static omn_status read_plain(const char *s, size_t n, omn_value **out, omn_error *err)
{
    if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
        s += 3;
        n -= 3;
    }
    if (n > 0 && s[n - 1] == '\n') n--;
    if (n > 0 && s[n - 1] == '\r') n--;
    return omn_text_new(s, n, out, err);
}

/* What to make of a file that no format knows: by wanted kind, else by suffix. */
static omn_status read_builtin(omn_context *ctx, const omn_kind *kind, const file_bytes *f,
                               omn_value **out, omn_error *err)
{
    char suffix[SUFFIX_ROOM];
    const char *s = (const char *)f->bytes, *type = kind ? omn_kind_name(kind) : NULL;
    bool named = suffix_of(f->path, suffix);
    bool lines = named && strcmp(suffix, "jsonl") == 0, json = named && strcmp(suffix, "json") == 0;
    omn_error why = OMN_ERROR_INIT;
    omn_value *v = NULL;
    omn_status st;
    if (type && strcmp(type, "text") == 0)
        st = read_plain(s, f->n, out, &why);
    else if (lines)
        st = read_lines(ctx, s, f->n, out, &why);
    else if (json || type) /* in the general form, columns need no "$kind" where it is wanted */
        st = context_json(ctx, type && !omn_kind_impl(kind)->json ? kind : NULL, s, f->n, out,
                          &why);
    else
        st = read_plain(s, f->n, out, &why);
    /* "[]" may also be no regions, [[0,0,9,9]] one. */
    const bool open = omn_value_is(*out, "list") || omn_value_is(*out, "record");
    if (st == OMN_OK && kind && open) {
        const omn_status converted = omn_value_convert(NULL, *out, kind, &v, &why);
        if (converted == OMN_OK || converted == OMN_ERR_MEMORY) {
            st = converted;
            omn_value_unref(*out);
            *out = v;
        }
    }
    if (st != OMN_OK) omn_fail(err, st, "%s: %s", f->path, why.text);
    return st;
}

/* JSON can say a value of this kind: its own form is read back, or it has the general one. */
static bool json_says(const omn_kind *kind)
{
    const omn_value_impl *impl = omn_kind_impl(kind);
    return !impl->json || impl->convert || impl->word;
}

/* " (read are bmp, jpeg, png)", as far as it fits; nothing when there is none. */
static void put_readable(omn_context *ctx, const char *type, omn_buf *out)
{
    format_names names;
    size_t listed = 0;
    if (registry_formats(context_registry(ctx), ctx, type, NULL, &names, NULL) != OMN_OK) return;
    for (size_t i = 0; i < names.n; i++) {
        const omn_entry *e = NULL;
        if (omn_registry_find(ctx, "omnio.format/1", names.of[i], &e, NULL) != OMN_OK) continue;
        const omn_format_impl *impl = omn_entry_object(e)->impl;
        if (impl->read) omn_buf_printf(out, "%s%s", listed++ ? ", " : " (read are ", names.of[i]);
    }
    if (listed) omn_buf_puts(out, ")");
}

/* What it is, if that is known, and what would be right. */
static omn_status refuse(omn_context *ctx, const char *type, const file_bytes *f,
                         const omn_error *bad, omn_error *err)
{
    const char *more = bad->status != OMN_OK ? bad->text : "";
    const char *is = recognise(f->bytes, f->n);
    omn_buf b;
    omn_buf_init(&b, 512);
    put_readable(ctx, type, &b);
    omn_status st =
        omn_fail(err, OMN_ERR_DATA, "%s: %s%sno format that omnio knows%s%s%s%s%s%s", f->path,
                 is ? is : "", is ? "; " : "",
                 type ? " makes a value of type " : " reads this file", type ? type : "",
                 type ? " from it" : "", b.failed ? "" : b.data, *more ? "; " : "", more);
    omn_buf_fini(&b);
    return st;
}

/* What was read is of the wanted type (NULL: any), or goes. */
static omn_status wanted(const char *type, const file_bytes *f, omn_value **out, omn_error *err)
{
    const char *is = omn_value_kind_name(*out);
    if (!type || strcmp(type, is) == 0) return OMN_OK;
    omn_value_unref(*out);
    *out = NULL;
    return omn_fail(err, OMN_ERR_TYPE, "%s: holds a value of type %s, wanted is %s", f->path, is,
                    type);
}

/* The first bytes of a regular file, of which there are n; false: it is none, or cannot be read,
 * which reading all of it will tell. */
static bool head_of(const char *path, uint8_t head[HEAD], size_t *n)
{
    struct stat about;
    const int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    ssize_t got = -1;
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) got = read(fd, head, HEAD);
    if (fd >= 0) close(fd);
    *n = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* By a format that reads the file itself, if one does: *out is set then, or an error. */
static omn_status load_long(omn_context *ctx, const char *path, const char *type, omn_value **out,
                            omn_error *err)
{
    uint8_t head[HEAD];
    file_bytes f = { .path = path, .name = path, .bytes = head };
    omn_error bad = OMN_ERROR_INIT;
    const omn_entry *best = NULL;
    if (!head_of(path, head, &f.n)) return OMN_OK;
    omn_status st = ask_formats(ctx, type, &f, reads, &best, &bad, err);
    if (st != OMN_OK || !best || !by_file(best)) return st;
    f.bytes = NULL;
    st = read_with(ctx, best, &f, out, err);
    return st == OMN_OK ? wanted(type, &f, out, err) : st;
}

static omn_status load(omn_context *ctx, const char *path, const char *type, omn_value **out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    char *data = NULL;
    file_bytes f = { 0 };
    omn_error bad = OMN_ERROR_INIT;
    omn_error why = OMN_ERROR_INIT;
    const omn_entry *best = NULL;
    const omn_kind *kind = NULL;
    if (!ctx || !path || !out)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_value_load: no context, path or result");
    *out = NULL;
    if (type && strcmp(type, "any") == 0) type = NULL;
    if (type && omn_kind_find_in(ctx, type, &kind, &why) != OMN_OK)
        return omn_fail(err, why.status == OMN_ERR_MISSING ? OMN_ERR_ARGUMENT : why.status, "%s",
                        why.text);
    OMN_TRY(load_long(ctx, path, type, out, err));
    if (*out) goto done;
    OMN_TRY(omn_file_read(path, MOST_FILE, &data, &f.n, err));
    f.name = strcmp(path, "-") == 0 ? NULL : path;
    f.path = f.name ? path : "standard input";
    f.bytes = (const uint8_t *)data;
    OMN_TRY(ask_formats(ctx, type, &f, reads, &best, &bad, err));
    if (best) {
        OMN_TRY(read_with(ctx, best, &f, out, err));
        OMN_TRY(wanted(type, &f, out, err));
        goto done;
    }
    if ((type && !json_says(kind)) || !param_utf8(data, f.n) || memchr(data, 0, f.n)) {
        st = refuse(ctx, type, &f, &bad, err);
        goto done;
    }
    OMN_TRY(read_builtin(ctx, kind, &f, out, err));
    OMN_TRY(wanted(type, &f, out, err));
done:
    free(data);
    return st;
}

/* "stream of audio": a file that is read piece by piece, if its pieces are such; else the value of
 * that kind, which a video's file has as well, as a stream of one. What is no plain file is read
 * once, and so as that value. */
static omn_status load_stream(omn_context *ctx, const char *path, const char *of, omn_value **out,
                              omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    omn_value *whole = NULL;
    uint8_t head[HEAD];
    size_t n = 0;
    const bool plain = head_of(path, head, &n);
    omn_status st = plain ? load(ctx, path, "stream", out, &why) : OMN_ERR_MISSING;
    if (st == OMN_ERR_MEMORY || st == OMN_ERR_CANCELLED) return omn_fail(err, st, "%s", why.text);
    if (st == OMN_OK && strcmp(stream_items(*out), of) == 0) return st;
    if (st == OMN_OK) omn_value_unref(*out);
    *out = NULL;
    st = load(ctx, path, of, &whole, err);
    if (st == OMN_OK) st = stream_of_one(whole, out, err);
    omn_value_unref(whole);
    return st;
}

omn_status omn_value_load(omn_context *ctx, const char *path, const char *type, omn_value **out,
                          omn_error *err)
{
    const char *of = type && ctx && path && out ? stream_type_items(type) : NULL;
    if (!of) return load(ctx, path, type, out, err);
    *out = NULL;
    return load_stream(ctx, path, of, out, err);
}

/* Its first bytes say which format it is, so that a file of gigabytes is not read for nothing. */
omn_status omn_texts_load(omn_context *ctx, const char *path, omn_text_fn *fn, void *user,
                          const char **format, omn_error *err)
{
    omn_status st = OMN_OK;
    char *data = NULL;
    uint8_t head[HEAD];
    file_bytes f = { .path = path, .name = path, .bytes = head };
    omn_error bad = OMN_ERROR_INIT;
    const omn_entry *best = NULL;
    omn_call *c = NULL;
    if (!ctx || !path || !fn || !format)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_texts_load: no context, path or function");
    *format = NULL;
    if (head_of(path, head, &f.n)) OMN_TRY(ask_formats(ctx, NULL, &f, has_texts, &best, &bad, err));
    if (!best) return omn_fail(err, OMN_ERR_MISSING, "%s: no format that keeps texts", path);
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &c, err));
    const omn_format_impl *impl = omn_entry_object(best)->impl;
    const omn_format_texts *texts = impl->extension("omnio.texts/1");
    const omn_format_texts_file *in_file = impl->extension("omnio.texts.file/1");
    *format = omn_entry_object(best)->name;
    if (!in_file) OMN_TRY(omn_file_read(path, MOST_FILE, &data, &f.n, err));
    st = in_file ? in_file->read(c, path, fn, user, err)
                 : texts->read(c, (const uint8_t *)data, f.n, fn, user, err);
    if (st != OMN_OK) omn_error_prefix(err, "%s", path);
done:
    omn_call_free(c);
    free(data);
    return st;
}

omn_status omn_call_load(omn_call *c, const char *path, const char *type, omn_value **out,
                         omn_error *err)
{
    omn_context *ctx = omn_call_host(c);
    if (!ctx)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: files cannot be read in this call", path);
    return omn_value_load(ctx, path, type, out, err);
}
