/* SPDX-License-Identifier: Apache-2.0 */
/* Calling an operation. Its rows are its prototype: libffi gets one argument for the call, one for
 * each row in order, one for the error. The interface is prepared once, when the plugin is loaded;
 * a call then checks every input against its row, reads every parameter, and only then enters
 * foreign code. What comes back is not believed either: a success must bring every output, of the
 * declared type. */
#include "entry.h"
#include "settings.h"

#include "libcore/base/call.h"
#include "libcore/value/kind.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 64

/* One argument, in the C type of its row; libffi wants its address. */
typedef union argument {
    int i;
    int64_t l;
    double d;
    uint8_t b;
    const void *p;
} argument;

static ffi_type *type_of(const omn_param *p)
{
    if (strcmp(p->role, "param") != 0) return &ffi_type_pointer;
    switch (param_type_of(p->type)) {
    case PARAM_INT:
    case PARAM_CHOICE:
        return &ffi_type_sint;
    case PARAM_INT64:
        return &ffi_type_sint64;
    case PARAM_DOUBLE:
        return &ffi_type_double;
    case PARAM_BOOL:
        return &ffi_type_uint8;
    default:
        return &ffi_type_pointer;
    }
}

omn_status entry_prepare_call(omn_entry *e, omn_arena *a, omn_error *err)
{
    const omn_object *o = &e->object;
    if (o->n_params > MOST_ROWS)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: an operation has at most %d rows, not %u",
                        o->name, MOST_ROWS, o->n_params);
    e->cif_types = omn_arena_alloc(a, o->n_params + 2, sizeof(*e->cif_types));
    if (!e->cif_types) return omn_fail(err, OMN_ERR_MEMORY, "no memory to call %s", o->name);
    e->cif_types[0] = &ffi_type_pointer;
    for (size_t i = 0; i < o->n_params; i++) e->cif_types[i + 1] = type_of(&o->params[i]);
    e->cif_types[o->n_params + 1] = &ffi_type_pointer;
    if (ffi_prep_cif(&e->cif, FFI_DEFAULT_ABI, o->n_params + 2, &ffi_type_sint, e->cif_types) !=
        FFI_OK)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: libffi cannot make this call", o->name);
    return OMN_OK;
}

static omn_status check_input(const omn_param *p, const omn_value *v, omn_error *err)
{
    if (!v) {
        if (strcmp(p->role, "optional") == 0) return OMN_OK;
        return omn_fail(err, OMN_ERR_TYPE, "the input %s (%s: %.200s) is missing", p->name, p->type,
                        p->help);
    }
    if (param_takes(p->type, omn_value_kind_name(v))) return OMN_OK;
    return omn_fail(err, OMN_ERR_TYPE, "the input %s must be of type %s and is of type %s", p->name,
                    p->type, omn_value_kind_name(v));
}

/* The outputs of a call as values. They are owned by us from here on, whatever was returned. */
static omn_status take_outputs(const omn_object *o, argument *slots, omn_value **out, omn_status st,
                               omn_error *err)
{
    size_t k = 0;
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = &o->params[i];
        if (strcmp(p->role, "out") != 0) continue;
        out[k] = value_of_result(p->type, (void *)(uintptr_t)slots[i].p);
        if (st == OMN_OK && !out[k]) {
            st = omn_fail(err, OMN_ERR_PLUGIN, "reported success without its output %s", p->name);
        } else if (st == OMN_OK && !param_takes(p->type, omn_value_kind_name(out[k]))) {
            st = omn_fail(err, OMN_ERR_PLUGIN, "its output %s is of type %s instead of %s", p->name,
                          omn_value_kind_name(out[k]), p->type);
        }
        k++;
    }
    if (st == OMN_OK) return st;
    for (size_t i = 0; i < k; i++) {
        omn_value_unref(out[i]);
        out[i] = NULL;
    }
    return st;
}

/* All is checked: the call itself. */
static omn_status call(const omn_entry *e, omn_call *c, const omn_value *const *in,
                       const param_value *values, omn_value **out, omn_error *err)
{
    const omn_object *o = &e->object;
    const omn_operation_impl *impl = o->impl;
    argument args[MOST_ROWS + 2] = { { 0 } }, slots[MOST_ROWS] = { { 0 } };
    void *at[MOST_ROWS + 2];
    size_t next_in = 0;
    omn_error *said = err;
    args[0].p = c;
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = &o->params[i];
        argument *to = &args[i + 1];
        if (param_is_input(p)) {
            to->p = value_as_argument(p->type, in[next_in++]);
        } else if (strcmp(p->role, "out") == 0) {
            to->p = &slots[i].p;
        } else {
            param_store(param_type_of(p->type), &values[i], to);
        }
    }
    args[o->n_params + 1].p = said;
    for (size_t i = 0; i < o->n_params + 2; i++) at[i] = &args[i];
    pthread_mutex_t *serial = (impl->flags & OMN_SERIAL) ? (pthread_mutex_t *)&e->serial : NULL;
    ffi_arg result = 0;
    ffi_cif cif = e->cif;
    size_t mark = c ? call_scratch_mark(c) : 0;
    if (serial) pthread_mutex_lock(serial);
    ffi_call(&cif, impl->fn, &result, at);
    if (serial) pthread_mutex_unlock(serial);
    if (c) call_scratch_release(c, mark);
    int number = (int)result;
    omn_status st = (omn_status)number;
    if (number < OMN_OK || number > OMN_ERR_FAILED)
        st = omn_fail(err, OMN_ERR_PLUGIN, "returned %d, which is no status", number);
    else if (st != OMN_OK)
        omn_fail(err, st, "failed (%s) without saying why", omn_status_name(st));
    return take_outputs(o, slots, out, st, err);
}

/* Everything said about a call begins with the operation's name. */
static omn_status hand_over(const omn_entry *e, omn_status st, omn_error *own, omn_error *err)
{
    omn_error_prefix(own, "%s", e->object.name);
    if (!err || err->status != OMN_OK) return st;
    if (own->line || own->file[0])
        return omn_fail_at(err, st, own->file, own->line, own->column, "%s", own->text);
    return omn_fail(err, st, "%s", own->text);
}

omn_status omn_operation_call(const omn_entry *e, omn_call *c, const omn_value *const *in,
                              const omn_setting *set, size_t n_set, omn_value **out, omn_error *err)
{
    if (!e || strcmp(e->object.kind, "omnio.operation/1") != 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s is not an operation",
                        e ? e->object.name : "nothing");
    const omn_object *o = &e->object;
    param_value values[MOST_ROWS];
    omn_error own = OMN_ERROR_INIT;
    omn_status st = OMN_OK;
    for (size_t i = 0; i < e->n_out; i++) out[i] = NULL;
    OMN_TRY(settings_read(e, set, n_set, NULL, values, err));
    size_t next_in = 0;
    for (size_t i = 0; i < o->n_params && st == OMN_OK; i++)
        if (param_is_input(&o->params[i]))
            st = check_input(&o->params[i], in[next_in++], &own);
    if (st == OMN_OK) st = call(e, c, in, values, out, &own);
    if (st != OMN_OK) hand_over(e, st, &own, err);
done:
    return st;
}

omn_status omn_call_operation(omn_call *c, const char *name, const omn_value *const *in,
                              const omn_setting *set, size_t n_set, omn_value **out, omn_error *err)
{
    omn_context *ctx = c ? omn_call_host(c) : NULL;
    const omn_entry *e = NULL;
    if (!ctx)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: operations cannot be called here", name);
    const omn_status st = omn_registry_find(ctx, "omnio.operation/1", name, &e, err);
    return st == OMN_OK ? omn_operation_call(e, c, in, set, n_set, out, err) : st;
}
