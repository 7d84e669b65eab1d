/* SPDX-License-Identifier: Apache-2.0 */
/* OFA against the original program: pictures and texts, samples of a picture's places, codes and
 * both in one batch, losses, on every path of kernels. */
#include "verified.h"

#include <stdio.h>
#include <string.h>

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/ofa/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    verified_passes("tiny_b", name, golden("tiny_b", name), least);
}

START_TEST(a_picture_and_a_text)
{
    passes("forward", 16);
    passes("single", 4);
}
END_TEST

START_TEST(other_places)
{
    passes("interp", 3);
    passes("patches", 2);
}
END_TEST

START_TEST(codes_of_pictures)
{
    passes("codes", 10);
    passes("mixed", 4);
}
END_TEST

START_TEST(losses)
{
    verified_passes("tiny_a", "losses", golden("tiny_a", "losses"), 24);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "forward", "enc.layer0.self.q",
          { .tensor = "out.enc.layer0.self.q", .element = 7, .times = 1, .plus = 2e-3 } },
        { "forward", "enc.padding", { .tensor = "out.enc.padding", .element = 2, .plus = 1 } },
        { "mixed", "dec.embed",
          { .tensor = "out.dec.embed", .element = 3, .times = 1, .plus = 1e-3 } },
        { "codes", "loss_range", { .tensor = "out.loss_range", .times = 1, .plus = 2e-4 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        const char *file = verified_changed(folder, golden("tiny_a", list[i].name), &list[i].c);
        ck_assert_int_eq(verified_run("avx2", file, &s, &err), OMN_ERR_FAILED);
        ck_assert_uint_eq(s.wrong, 1);
        ck_assert_msg(!strncmp(s.first, list[i].stage, strlen(list[i].stage)), "%s", s.first);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_picture_and_a_text, other_places, codes_of_pictures, losses, a_wrong_number_is_found,
    };
    return TESTING_RUN("models/ofa", all, 30);
}
