/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files: whose one is (its "format" is asked of every object that can have some), and the
 * comparison itself: each tensor that is no input is a stage, each stage has the tolerance that its
 * owner gives it, and a stage that was not made is a failure like one that is wrong. No option
 * loosens a tolerance. */
#include <omnio/learn.h>
#include <omnio/train.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct omn_verification {
    omn_context *ctx;
    omn_call *call;
    const char *file, *name;
    omn_weights *golden;
    void (*on_row)(void *user, const omn_verify_row *row);
    void *user;
    size_t rows, wrong;
};

omn_context *omn_verification_context(const omn_verification *v)
{
    return v->ctx;
}
omn_call *omn_verification_call(const omn_verification *v)
{
    return v->call;
}
const omn_weights *omn_verification_golden(const omn_verification *v)
{
    return v->golden;
}
const char *omn_verification_name(const omn_verification *v)
{
    return v->name;
}

omn_status omn_verification_beside(const omn_verification *v, const char *name, char *out,
                                   size_t room, omn_error *err)
{
    const char *slash = strrchr(v->file, '/');
    const int folder = slash ? (int)(slash - v->file) + 1 : 0;
    if (strchr(name, '/') || !strcmp(name, "..") || !*name)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is no file name beside it", v->name, name);
    const int n = snprintf(out, room, "%.*s%s", folder, v->file, name);
    return n > 0 && (size_t)n < room
               ? OMN_OK
               : omn_fail(err, OMN_ERR_ARGUMENT, "%s: too long a path", v->name);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static double number(const omn_tensor *t, size_t i)
{
    if (t->type == OMN_I32) {
        int32_t x;
        memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
        return x;
    }
    float x;
    memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
    return x;
}

/* Largest errors of the first n elements; the relative one over what is not tiny beside the largest
 * of them. */
static bool differ(const omn_tensor *want, const omn_tensor *got, size_t n, omn_verify_row *row)
{
    bool ok = true;
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(number(want, i)));
    for (size_t i = 0; i < n; i++) {
        const double b = number(want, i), e = fabs(number(got, i) - b);
        /* written so that NaN fails */
        if (!(e <= row->tolerance_abs + row->tolerance_rel * fabs(b))) ok = false;
        if (!(e <= row->abs_error)) row->abs_error = e;
        if (fabs(b) > 0.01 * top && !(e / fabs(b) <= row->rel_error)) row->rel_error = e / fabs(b);
    }
    return ok;
}

static void one(omn_verification *v, const char *stage, const omn_tensor *want,
                omn_verify_find_fn *find, void *user, const omn_tolerance t)
{
    omn_tensor got;
    size_t n = 0;
    char why[256] = "", a[96], b[96];
    omn_verify_row row = {
        .file = v->file, .stage = stage, .tolerance_abs = t.abs, .tolerance_rel = t.rel
    };
    if (want->type != OMN_F32 && want->type != OMN_I32)
        snprintf(why, sizeof why, "type %s, f32 or i32 is wanted", omn_type_get(want->type)->name);
    else if (!find(user, stage, &got))
        snprintf(why, sizeof why, "missing");
    else if (got.type != want->type)
        snprintf(why, sizeof why, "type %s not %s", omn_type_get(got.type)->name,
                 omn_type_get(want->type)->name);
    else if (!omn_shape_equal(&got.shape, &want->shape))
        snprintf(why, sizeof why, "shape %s not %s", omn_shape_text(&got.shape, a, sizeof a),
                 omn_shape_text(&want->shape, b, sizeof b));
    else if (!omn_shape_count(&want->shape, &n))
        snprintf(why, sizeof why, "too large a shape");
    else {
        if (t.first && t.first < n) {
            snprintf(why, sizeof why, "the first %zu of %zu are judged", t.first, n);
            n = t.first;
        }
        row.ok = differ(want, &got, n, &row);
        if (t.unjudged) {
            snprintf(why, sizeof why, "not judged");
            row.ok = true;
        }
    }
    if (why[0]) row.why = why;
    v->rows++;
    if (!row.ok) v->wrong++;
    if (v->on_row) v->on_row(v->user, &row);
}

omn_status omn_verify_compare(omn_verification *v, omn_verify_find_fn *find, void *find_user,
                              omn_tolerance_fn *tolerance, void *tolerance_user, omn_error *err)
{
    for (size_t i = 0; i < omn_weights_count(v->golden); i++) {
        const char *name = omn_weights_name(v->golden, i);
        const omn_tensor *want = omn_weights_at(v->golden, i);
        if (!strncmp(name, "in.", 3)) continue;
        const char *stage = strncmp(name, "out.", 4) ? name : name + 4;
        one(v, stage, want, find, find_user, tolerance(tolerance_user, stage, want->type));
    }
    if (!v->rows) return omn_fail(err, OMN_ERR_DATA, "%s: it has no stages to compare", v->name);
    if (v->wrong)
        return omn_fail(err, OMN_ERR_FAILED,
                        "%s: %zu of %zu stages are missing or outside their tolerance", v->name,
                        v->wrong, v->rows);
    return OMN_OK;
}

/* ---- whose it is ---------------------------------------------------------------------------- */

/* Every impl begins so. */
typedef struct any_impl {
    const void *(*extension)(const char *id);
} any_impl;

typedef struct owner {
    omn_context *ctx;
    const char *format;
    const omn_verify_impl *impl;
    char known[256]; /* the formats that were met, for the message */
    omn_error err;   /* OMN_ERR_MEMORY: not all could be asked */
} owner;

static int ask(void *user, const omn_listed *l)
{
    owner *o = user;
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    if (!l->name) return 0;
    const omn_status st = omn_registry_find(o->ctx, l->kind, l->name, &e, &why);
    if (st == OMN_ERR_MEMORY) o->err = why;
    if (st != OMN_OK) return st == OMN_ERR_MEMORY;
    const any_impl *any = omn_entry_object(e)->impl;
    const omn_verify_impl *v = any->extension ? any->extension("omnio.verify/1") : NULL;
    if (!v || !v->format || !v->run) return 0;
    if (!strcmp(v->format, o->format)) {
        o->impl = v;
        return 1;
    }
    const size_t n = strlen(o->known);
    snprintf(o->known + n, sizeof o->known - n, "%s%s", n ? ", " : "", v->format);
    return 0;
}

static omn_status find_owner(omn_verification *v, const omn_verify_impl **out, omn_error *err)
{
    static const char *const kinds[] = { "omnio.model/1", "omnio.encoder/1", "omnio.decoder/1",
                                         "omnio.codec/1", "omnio.format/1" };
    const char *format = omn_weights_meta(v->golden, "format");
    owner o = { .ctx = v->ctx, .format = format ? format : "", .err = OMN_ERROR_INIT };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !o.impl; i++) {
        const omn_status st = omn_registry_list(v->ctx, kinds[i], ask, &o, err);
        if (st != OMN_OK) return st;
        if (o.err.status) return omn_fail(err, OMN_ERR_MEMORY, "%s", o.err.text);
    }
    *out = o.impl;
    if (o.impl) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: no golden file that an object here knows (__metadata__ \"format\" is %s; "
                    "known: %s)",
                    v->name, format ? format : "missing", o.known[0] ? o.known : "none");
}

omn_status omn_verify(omn_context *ctx, const char *file,
                      void (*on_row)(void *user, const omn_verify_row *row), void *user,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_verify_impl *impl = NULL;
    const char *slash = strrchr(file, '/');
    omn_verification v = {
        .ctx = ctx, .file = file, .name = slash ? slash + 1 : file, .on_row = on_row, .user = user
    };
    OMN_TRY(omn_weights_open(file, &v.golden, err));
    OMN_TRY(find_owner(&v, &impl, err));
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &v.call, err));
    OMN_TRY(impl->run(&v, err));
done:
    omn_call_free(v.call);
    omn_weights_close(v.golden);
    return st;
}
