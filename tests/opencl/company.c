/* SPDX-License-Identifier: Apache-2.0 */
/* The device opencl gives the same answer in any company. Fewer items than on the processor: each
 * size is a graph whose kernels are planned anew. */
#include "driver.h"

#include "tests/conform/company.h"
#include "tests/testing.h"

#include <stdio.h>

static const char *device(void)
{
    static char name[32];
    snprintf(name, sizeof name, "opencl:%u", driver_number());
    return name;
}

START_TEST(an_item_is_the_same_alone_and_in_a_batch)
{
    company_of_items(testing_build("plugins/.libs"), device(), 17);
}
END_TEST

START_TEST(a_token_is_the_same_alone_and_among_others)
{
    company_of_queries(testing_build("plugins/.libs"), device(), 9);
}
END_TEST

START_TEST(hidden_keys_among_others_change_nothing)
{
    company_of_gaps(testing_build("plugins/.libs"), device());
}
END_TEST

int main(void)
{
    const TTest *const all[] = { an_item_is_the_same_alone_and_in_a_batch,
                                 a_token_is_the_same_alone_and_among_others,
                                 hidden_keys_among_others_change_nothing };
    if (!driver_is_there()) {
        printf("1..0 # SKIP there is no OpenCL device\n");
        return 0;
    }
    return TESTING_RUN("opencl/company", all, 480); /* kernels are built first, on a busy machine */
}
