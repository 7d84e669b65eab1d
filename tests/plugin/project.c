/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning a new plugin: which names and kinds are taken, and that a failure leaves nothing
 * behind. That the projects build and pass their tests is checked by installed.sh. */
#include "tests/plugin/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(every_kind_has_a_whole_project)
{
    static const char *const kinds[] = { "operation", "format", "encoder", "codec", "source",
                                         "op", "decoder", "model", "compute", "value", "answer" };
    static const char *const files[] = { "Makefile", "README.md", ".gitignore", "plugin.c",
                                         "test.c" };
    omn_context *ctx = shelf_open("", "");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        char folder[4200], path[4300];
        snprintf(folder, sizeof(folder), "%s/%s", testing_folder(), kinds[i]);
        ck_assert_msg(omn_plugin_project(ctx, kinds[i], "my-2nd", folder, &err) == OMN_OK, "%s",
                      err.text);
        for (size_t k = 0; k < 5; k++) {
            size_t n;
            snprintf(path, sizeof(path), "%s/%s", folder, files[k]);
            char *text = shelf_read(path, &n);
            static const char *const words[] = { "@name@", "@ident@", "@UPPER@", "@object@",
                                                 "@kind@" };
            ck_assert_uint_gt(n, 5);
            for (size_t w = 0; w < 5; w++) ck_assert_ptr_null(strstr(text, words[w]));
            free(text);
        }
        /* A second time the folder is there already. */
        ck_assert_int_eq(omn_plugin_project(ctx, kinds[i], "my-2nd", folder, &err),
                         OMN_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.text, "is there already"));
        ck_assert_int_eq(access(path, F_OK), 0);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(odd_names_are_refused)
{
    static const struct {
        const char *kind, *name, *folder;
        omn_status st;
        const char *says;
    } cases[] = {
        { "operation", "", "f", OMN_ERR_ARGUMENT, "cannot be the name" },
        { "operation", "2x", "f", OMN_ERR_ARGUMENT, "cannot be the name" },
        { "operation", "Big", "f", OMN_ERR_ARGUMENT, "cannot be the name" },
        { "operation", "a b", "f", OMN_ERR_ARGUMENT, "cannot be the name" },
        { "operation", "../up", "f", OMN_ERR_ARGUMENT, "cannot be the name" },
        { "operation", "a-", "f", OMN_ERR_ARGUMENT, "cannot be the name" },
        { "operation", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "f", OMN_ERR_ARGUMENT,
          "cannot be the name" },
        { "nonsense", "a", "f", OMN_ERR_ARGUMENT,
          "decoder, codec, model, source, op, compute, value and answer" },
        { "operation", "a", "no/such/folder", OMN_ERR_IO, "no/such/folder" },
    };
    omn_context *ctx = shelf_open("", "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        char folder[4200];
        snprintf(folder, sizeof(folder), "%s/%s", testing_folder(), cases[i].folder);
        ck_assert_int_eq((int)omn_plugin_project(ctx, cases[i].kind, cases[i].name, folder, &err),
                         (int)cases[i].st);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        ck_assert_int_ne(access(folder, F_OK), 0);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_kind_has_a_whole_project, odd_names_are_refused };
    return TESTING_RUN("plugin/project", all, 4);
}
