/* SPDX-License-Identifier: Apache-2.0 */
/* Pickles and archives by hand; see made.h. */
#include "tests/weights/made.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void made_put(made *m, const void *bytes, size_t n)
{
    if (m->n + n + 1 > m->room) {
        m->room = 2 * m->room + n + 1;
        m->p = realloc(m->p, m->room);
        if (!m->p) abort(); /* not only in tests */
    }
    if (n) memcpy(m->p + m->n, bytes, n);
    m->n += n;
}

void made_number(made *m, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++, x >>= 8) made_put(m, &(unsigned char){ (unsigned char)x }, 1);
}

void made_free(made *m)
{
    free(m->p);
    *m = (made){ NULL, 0, 0 };
}

/* ---- pickles -------------------------------------------------------------------------------- */

void pickle_op(made *m, const char *ops)
{
    made_put(m, ops, strlen(ops));
}

void pickle_begin(made *m)
{
    made_put(m, "\x80\x02", 2);
}

void pickle_text(made *m, const char *text)
{
    pickle_op(m, "X");
    made_number(m, strlen(text), 4);
    pickle_op(m, text);
}

void pickle_int(made *m, int64_t x)
{
    made_put(m, "\x8a\x08", 2);
    made_number(m, (uint64_t)x, 8);
}

void pickle_class(made *m, const char *module, const char *name)
{
    pickle_op(m, "c");
    pickle_op(m, module);
    pickle_op(m, "\n");
    pickle_op(m, name);
    pickle_op(m, "\n");
}

static void put_axes(made *m, size_t n, const int64_t *axes)
{
    pickle_op(m, "(");
    for (size_t i = 0; i < n; i++) pickle_int(m, axes[i]);
    pickle_op(m, "t");
}

void pickle_tensor(made *m, const char *type, const char *key, int64_t count, int64_t first,
                   size_t n, const int64_t *shape, const int64_t *strides)
{
    pickle_class(m, "torch._utils", "_rebuild_tensor_v2");
    pickle_op(m, "((");
    pickle_text(m, "storage");
    pickle_class(m, "torch", type);
    pickle_text(m, key);
    pickle_text(m, "cpu");
    pickle_int(m, count);
    pickle_op(m, "tQ");
    pickle_int(m, first);
    put_axes(m, n, shape);
    put_axes(m, n, strides);
    made_put(m, "\x89", 1);
    pickle_class(m, "collections", "OrderedDict");
    pickle_op(m, ")RtR");
}

/* ---- zip archives --------------------------------------------------------------------------- */

void archive_add(archive *z, const char *name, unsigned method, const void *bytes, size_t n,
                 size_t size, uint32_t crc)
{
    const size_t at = z->file.n;
    made *const to[] = { &z->file, &z->directory };
    for (int central = 0; central < 2; central++) {
        made *m = to[central];
        made_put(m, central ? "PK\1\2\x14\0" : "PK\3\4", central ? 6 : 4);
        made_number(m, 20, 2);
        made_number(m, 0, 2);
        made_number(m, method, 2);
        made_number(m, 0, 4);
        made_number(m, crc, 4);
        made_number(m, n, 4);
        made_number(m, size, 4);
        made_number(m, strlen(name), 2);
        made_number(m, 0, 2);
        if (central) {
            made_number(m, 0, 10);
            made_number(m, at, 4);
        }
        pickle_op(m, name);
    }
    made_put(&z->file, bytes, n);
    z->n++;
}

void archive_end(archive *z, bool wide)
{
    const size_t at = z->file.n, bytes = z->directory.n;
    made_put(&z->file, z->directory.p, bytes);
    if (wide) {
        const size_t end = z->file.n;
        made_put(&z->file, "PK\6\6", 4);
        made_number(&z->file, 44, 8);
        made_number(&z->file, 45 | 45 << 16, 4);
        made_number(&z->file, 0, 8);
        made_number(&z->file, z->n, 8);
        made_number(&z->file, z->n, 8);
        made_number(&z->file, bytes, 8);
        made_number(&z->file, at, 8);
        made_put(&z->file, "PK\6\7", 4);
        made_number(&z->file, 0, 4);
        made_number(&z->file, end, 8);
        made_number(&z->file, 1, 4);
    }
    made_put(&z->file, "PK\5\6", 4);
    made_number(&z->file, 0, 4);
    made_number(&z->file, wide ? 0xffff : z->n, 2);
    made_number(&z->file, wide ? 0xffff : z->n, 2);
    made_number(&z->file, wide ? 0xffffffff : bytes, 4);
    made_number(&z->file, wide ? 0xffffffff : at, 4);
    made_number(&z->file, 0, 2);
    made_free(&z->directory);
}

/* ---- opening -------------------------------------------------------------------------------- */

omn_context *made_context(void)
{
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .level = OMN_LOG_ERROR };
    ck_assert_int_eq(omn_context_new(&how, &ctx, NULL), OMN_OK);
    return ctx;
}

omn_weights *made_open(omn_context *ctx, const char *path)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_weights_load(ctx, path, NULL, &w, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    ck_assert_ptr_nonnull(w);
    return w;
}

static void check_line(const omn_error *err)
{
    char clean[sizeof err->text];
    ck_assert(err->text[0] != '\0');
    snprintf(clean, sizeof clean, "%s", err->text);
    ck_assert_str_eq(omn_text_clean(clean), err->text);
    ck_assert_int_ne(err->status, OMN_ERR_INTERNAL);
}

void made_refused(omn_context *ctx, const char *path, omn_status want, const char *text)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_weights_load(ctx, path, NULL, &w, &err);
    ck_assert_msg(st == want, "%s instead of %s for \"%s\": %s", omn_status_name(st),
                  omn_status_name(want), text, err.text);
    ck_assert_ptr_null(w);
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" is not in \"%s\"", text, err.text);
    check_line(&err);
}

omn_status made_try(omn_context *ctx, const char *path)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_weights_load(ctx, path, NULL, &w, &err);
    ck_assert((st == OMN_OK) == (w != NULL));
    if (st != OMN_OK) check_line(&err);
    unsigned sum = 0;
    for (size_t i = 0; w && i < omn_weights_count(w); i++) {
        const omn_tensor *t = omn_weights_at(w, i);
        for (size_t k = 0; k < t->bytes; k++) sum += ((const unsigned char *)t->data)[k];
    }
    ck_assert(sum < UINT32_MAX); /* so that the bytes are read */
    omn_weights_close(w);
    return st;
}

static float *floats(const omn_tensor *t, size_t *n)
{
    ck_assert(omn_shape_count(&t->shape, n));
    float *f = calloc(*n + 1, sizeof *f);
    ck_assert_msg(omn_to_f32(t->type, t->data, *n, f), "type %d", (int)t->type);
    return f;
}

static bool same_shape(const omn_shape *a, const omn_shape *b)
{
    /* Some goldens write a number as [1]. */
    if (a->rank == 0 && b->rank == 1 && b->dim[0] == 1) return true;
    return omn_shape_equal(a, b);
}

size_t made_compare(omn_context *ctx, const char *path, const char *golden, const char *prefix)
{
    omn_weights *want = NULL, *have = made_open(ctx, path);
    const size_t front = strlen(prefix);
    size_t compared = 0;
    ck_assert_int_eq(omn_weights_open(golden, &want, NULL), OMN_OK);
    for (size_t i = 0; i < omn_weights_count(want); i++) {
        const char *name = omn_weights_name(want, i);
        if (strncmp(name, prefix, front) != 0) continue;
        const omn_tensor *y = omn_weights_at(want, i), *x = omn_weights_get(have, name + front);
        ck_assert_msg(x != NULL, "%s is not in %s", name + front, path);
        ck_assert_msg(same_shape(&x->shape, &y->shape), "%s: another shape", name);
        size_t n, m;
        float *a = floats(x, &n), *b = floats(y, &m);
        ck_assert_uint_eq(n, m);
        for (size_t k = 0; k < n; k++) {
            if (x->type == OMN_F16) b[k] = omn_f16_to(omn_f16_of(b[k]));
            ck_assert_msg(memcmp(&a[k], &b[k], sizeof *a) == 0, "%s, value %zu: %g, not %g", name,
                          k, (double)a[k], (double)b[k]);
        }
        free(a);
        free(b);
        compared++;
    }
    omn_weights_close(want);
    omn_weights_close(have);
    return compared;
}
