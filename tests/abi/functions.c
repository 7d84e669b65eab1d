/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of the frozen ABI is declared once more behind today's headers, so that the
 * compiler refuses another prototype, and is there when this program is linked. */
#include <omnio/compute.h>
#include <omnio/generate.h>
#include <omnio/kinds_of_values.h>
#include <omnio/learn.h>
#include <omnio/nn.h>
#include <omnio/ops.h>
#include <omnio/pipeline.h>
#include <omnio/texts.h>
#include <omnio/train.h>
#include <omnio/validate.h>

#include <stdio.h>

#define FUNCTION(name, ...) __VA_ARGS__
#include "tests/abi/2/functions.def"
#undef FUNCTION

#define FUNCTION(name, ...) (void (*)(void))name,
static void (*const all[])(void) = {
#include "tests/abi/2/functions.def"
};

int main(void)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) n += all[i] != NULL;
    printf("%zu functions\n", n);
    return n == sizeof all / sizeof *all ? 0 : 1;
}
