/* SPDX-License-Identifier: Apache-2.0 */
/* A flag that stops work, set from another thread or from a signal handler. */
#include <omnio/base.h>

#include <stdatomic.h>
#include <stdlib.h>

struct omn_cancel {
    atomic_bool set;
};

omn_cancel *omn_cancel_new(void)
{
    omn_cancel *c = malloc(sizeof *c);
    if (c) atomic_init(&c->set, false);
    return c;
}

void omn_cancel_free(omn_cancel *c)
{
    free(c);
}

void omn_cancel_set(omn_cancel *c)
{
    atomic_store_explicit(&c->set, true, memory_order_release);
}

bool omn_cancel_get(const omn_cancel *c)
{
    return c && atomic_load_explicit(&c->set, memory_order_acquire);
}
