/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while checkpoints of PyTorch are opened: each allocation fails in turn, of
 * the archive and of the older form. */
#include "libcore/tensor/given.h"
#include "plugins/weights/torch/inside.h"
#include "tests/starve.h"
#include "tests/testing.h"

typedef struct opening {
    omn_status (*open)(omn_call *c, const void *params, const char *path, omn_weights_list *out,
                       void **self, omn_error *err);
    const char *path;
} opening;

static omn_status opened(void *user, omn_error *err)
{
    const opening *o = user;
    const struct torch set = { .tree = "" };
    omn_status st = OMN_OK;
    omn_weights_list *l = NULL;
    omn_weights *w = NULL;
    omn_call *c = NULL;
    void *self = NULL;
    const omn_call_setup how = { OMN_FILL(omn_call_setup) };
    OMN_TRY(omn_call_new(&how, &c, err));
    OMN_TRY(given_new(o->path, &l, err));
    OMN_TRY(given_reader_add(l, &(given_reader){ NULL, NULL, NULL }, err));
    OMN_TRY(o->open(c, &set, o->path, l, &self, err));
    OMN_TRY(given_complete(l, err));
    st = weights_of_given(l, false, &w, err);
    l = NULL;
    if (st == OMN_OK && omn_weights_count(w) != 4) st = OMN_ERR_FAILED;
done:
    omn_weights_close(w);
    given_free(l);
    omn_call_free(c);
    return st;
}

START_TEST(opening_survives_a_lack_of_memory)
{
    opening archive = { archive_open, testing_source("tests/fuzz/seeds/two.pt") };
    opening legacy = { legacy_open, testing_source("tests/fuzz/seeds/legacy.pt") };
    starve_play(opened, &archive, 10, false);
    starve_play(opened, &legacy, 10, false);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { opening_survives_a_lack_of_memory };
    return TESTING_RUN("weights/memory", all, 30);
}
