/* SPDX-License-Identifier: Apache-2.0 */
/* Calling operations in tests. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <stdarg.h>
#include <string.h>

static omn_context *context;

omn_context *apply_context(void)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2 };
    if (context == NULL) ck_assert_int_eq(omn_context_new(&how, &context, NULL), OMN_OK);
    return context;
}

void apply_end(void)
{
    omn_context_free(context);
    context = NULL;
}

static omn_value *apply_all(size_t which, omn_error *err, const char *name,
                            const omn_value *const in[4], va_list more)
{
    omn_error own = OMN_ERROR_INIT, *e = err != NULL ? err : &own;
    const omn_entry *entry = NULL;
    omn_setting set[16];
    size_t n = 0;
    omn_call *c = NULL;
    omn_value *out[4] = { NULL, NULL, NULL, NULL };
    for (const char *s; n < 16 && (s = va_arg(more, const char *)) != NULL; n++)
        set[n] = (omn_setting){ s, va_arg(more, const char *), 0, 0 };
    omn_status st = omn_registry_find(apply_context(), "omnio.operation/1", name, &entry, e);
    ck_assert_msg(st == OMN_OK, "%s: %s", name, e->text);
    ck_assert_int_eq(omn_context_call(apply_context(), 1, 2, NULL, &c, NULL), OMN_OK);
    st = omn_operation_call(entry, c, in, set, n, out, e);
    omn_call_free(c);
    ck_assert_msg(st == OMN_OK || err != NULL, "%s: %s", name, e->text);
    for (size_t i = 0; i < 4; i++)
        if (i != which) omn_value_unref(out[i]);
    ck_assert((st == OMN_OK) == (out[which] != NULL));
    return out[which];
}

omn_value *apply(omn_error *err, const char *name, const omn_value *const in[4], ...)
{
    va_list more;
    va_start(more, in);
    omn_value *out = apply_all(0, err, name, in, more);
    va_end(more);
    return out;
}

omn_value *apply_nth(size_t which, const char *name, const omn_value *const in[4], ...)
{
    va_list more;
    va_start(more, in);
    omn_value *out = apply_all(which, NULL, name, in, more);
    va_end(more);
    return out;
}

const char *as_json(omn_value *v)
{
    static char text[65536];
    omn_buf b;
    omn_buf_init(&b, sizeof(text) - 1);
    omn_value_json(v, &b);
    ck_assert(!b.failed);
    memcpy(text, b.data, b.length + 1);
    omn_buf_fini(&b);
    omn_value_unref(v);
    return text;
}

omn_value *from_json(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    omn_status st = omn_value_from_json(s, strlen(s), &v, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", s, err.text);
    return v;
}

omn_value *text_of(const char *s)
{
    omn_value *v = NULL;
    ck_assert_int_eq(omn_text_new(s, strlen(s), &v, NULL), OMN_OK);
    return v;
}
