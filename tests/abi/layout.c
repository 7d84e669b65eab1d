/* SPDX-License-Identifier: Apache-2.0 */
/* Prints where each member of each public struct lies, how large they are, and what the constants
 * are, by the list of the frozen ABI. It is built twice: against the frozen headers and against
 * today's. A member or constant that is gone stops the compiler. */
#include <omnio/answer.h>
#include <omnio/base.h>
#include <omnio/compute.h>
#include <omnio/generate.h>
#include <omnio/graph.h>
#include <omnio/kinds.h>
#include <omnio/kinds_of_values.h>
#include <omnio/learn.h>
#include <omnio/nn.h>
#include <omnio/ops.h>
#include <omnio/pipeline.h>
#include <omnio/texts.h>
#include <omnio/plugin.h>
#include <omnio/tensor.h>
#include <omnio/train.h>
#include <omnio/validate.h>
#include <omnio/value.h>

#include <stdio.h>

#define STRUCT(T) { 's', #T, "", 0, (long long)sizeof(struct T) },
#define MEMBER(T, m)                                                                             \
    { 'm', #T, #m, (long long)offsetof(struct T, m), (long long)sizeof(((struct T *)0)->m) },
#define CONSTANT(c) { 'c', #c, "", 0, (long long)(c) },

static const struct row {
    char what;
    const char *of, *name;
    long long at, size;
} rows[] = {
#include "tests/abi/2/layout.def"
    CONSTANT(OMN_PLUGIN_MAGIC) CONSTANT(OMN_PLUGIN_ABI) CONSTANT(OMN_KIND_MOST_COLUMNS)
    CONSTANT(OMN_MAX_RANK) CONSTANT(OMN_SEG_SHARED) CONSTANT(OMN_NO_END)
};

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        printf("%c %s %s %lld %lld\n", r->what, r->of, *r->name ? r->name : "-", r->at, r->size);
    }
    return 0;
}
