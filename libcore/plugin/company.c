/* SPDX-License-Identifier: Apache-2.0 */
/* Companies of processes for hosts. A plugin's door says which variables of the environment tell
 * that there is one, and the scan keeps that: where none is set, which is nearly always, no library
 * of a transport is even loaded. */
#include <omnio/company.h>
#include <omnio/plugin.h>

#include <stdlib.h>
#include <string.h>

struct omn_company {
    const omn_company_impl *impl;
    void *self;
    uint32_t rank, size;
};

typedef struct sought {
    char name[128];
    bool found;
} sought;

/* Is one of these variables set? */
static bool has_sign(const char *signs)
{
    char word[128];
    while (*signs) {
        const size_t n = strcspn(signs, " ");
        if (n && n < sizeof word) {
            memcpy(word, signs, n);
            word[n] = 0;
            if (getenv(word)) return true;
        }
        signs += n + (signs[n] == ' ');
    }
    return false;
}

static int find(void *user, const omn_listed *it)
{
    sought *s = user;
    if (!it->name || !it->format || !has_sign(it->format)) return 0;
    s->found = strlen(it->name) < sizeof s->name;
    if (s->found) memcpy(s->name, it->name, strlen(it->name) + 1);
    return s->found;
}

omn_status omn_company_join(omn_context *ctx, omn_company **out, omn_error *err)
{
    omn_status st = OMN_OK;
    sought s = { .found = false };
    const omn_entry *e = NULL;
    omn_company *c = NULL;
    *out = NULL;
    OMN_TRY(omn_registry_list(ctx, "omnio.company/1", find, &s, err));
    if (!s.found) return OMN_OK;
    OMN_TRY(omn_registry_find(ctx, "omnio.company/1", s.name, &e, err));
    c = calloc(1, sizeof *c);
    if (!c) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s.name));
    c->impl = omn_entry_object(e)->impl;
    st = c->impl->open(&c->self, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s", s.name);
        if (c->self) c->impl->close(c->self);
        goto done;
    }
    c->rank = c->impl->rank(c->self);
    c->size = c->impl->size(c->self);
    if (!c->size || c->rank >= c->size)
        st = omn_fail(err, OMN_ERR_PLUGIN, "%s: rank %u of %u", s.name, c->rank, c->size);
    if (st != OMN_OK || c->size == 1) {
        c->impl->close(c->self);
        goto done;
    }
    *out = c;
    c = NULL;
done:
    free(c);
    return st;
}

void omn_company_leave(omn_company *c)
{
    if (!c) return;
    c->impl->close(c->self);
    free(c);
}

uint32_t omn_company_rank(const omn_company *c)
{
    return c ? c->rank : 0;
}

uint32_t omn_company_size(const omn_company *c)
{
    return c ? c->size : 1;
}

omn_status omn_company_barrier(omn_company *c, omn_error *err)
{
    return c ? c->impl->barrier(c->self, err) : OMN_OK;
}

omn_status omn_company_sum(omn_company *c, omn_type type, void *x, size_t n, omn_error *err)
{
    return c && n ? c->impl->sum(c->self, type, x, n, err) : OMN_OK;
}

omn_status omn_company_sum_begin(omn_company *c, float *x, size_t n, void **pending,
                                 omn_error *err)
{
    *pending = NULL;
    return c && n ? c->impl->sum_begin(c->self, x, n, pending, err) : OMN_OK;
}

omn_status omn_company_sum_poll(omn_company *c, omn_error *err)
{
    return c ? c->impl->sum_poll(c->self, err) : OMN_OK;
}

omn_status omn_company_sum_end(omn_company *c, void *pending, omn_error *err)
{
    return c && pending ? c->impl->sum_end(c->self, pending, err) : OMN_OK;
}

omn_status omn_company_take(omn_company *c, uint64_t *number, omn_error *err)
{
    if (!c) return omn_fail(err, OMN_ERR_ARGUMENT, "a process alone has nobody to share with");
    return c->impl->take(c->self, number, err);
}

void omn_company_abort(omn_company *c, int code)
{
    if (c) c->impl->abort(c->self, code);
}
