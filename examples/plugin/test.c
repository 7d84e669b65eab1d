/* SPDX-License-Identifier: Apache-2.0 */
/* The test of this plugin: `make check`. It loads the plugin as omnio does and compares what it
 * makes with numbers worked out by hand. test FOLDER looks for the plugin there; without an
 * argument among the installed ones. */
#include <omnio/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WANT(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "test.c:%d: not so: %s (%s)\n", __LINE__, #what, err.text);            \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int test_operation(omn_context *ctx, omn_call *call)
{
    static const uint8_t from[6] = { 0, 100, 255, 63, 64, 192 },
                         want[6] = { 0, 85, 255, 0, 85, 255 };
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    omn_image *img = NULL;
    omn_pixels px;
    omn_value *out = NULL;
    WANT(omn_registry_find(ctx, "omnio.operation/1", "image.posterize", &e, &err) == OMN_OK);
    WANT(omn_image_new(OMN_U8, 2, 1, 3, NULL, &img, &px, &err) == OMN_OK);
    memcpy(px.data, from, sizeof(from));
    omn_value *picture = omn_image_give(img);
    const omn_value *in[] = { picture };
    WANT(omn_operation_call(e, call, in, NULL, 0, &out, &err) == OMN_OK);
    px = omn_image_pixels(omn_value_image(out));
    WANT(px.width == 2 && px.height == 1 && px.channels == 3);
    WANT(memcmp(px.data, want, sizeof(want)) == 0);
    omn_value_unref(out);
    /* A wrong parameter never reaches the function. */
    omn_setting set = { "levels", "1", 0, 0 };
    WANT(omn_operation_call(e, call, in, &set, 1, &out, &err) == OMN_ERR_ARGUMENT);
    WANT(strcmp(err.text, "image.posterize: levels 1 is outside 2..256") == 0);
    omn_value_unref(picture);
    return 0;
}

static int test_format(omn_context *ctx)
{
    static const char file[] = "P5 # a comment\n3\n2 9\n\0\3\6\t\1\2";
    static const uint8_t want[6] = { 0, 85, 170, 255, 28, 57 };
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL, *again = NULL;
    FILE *f = fopen("test-in.pgm", "wb");
    WANT(f && fwrite(file, 1, sizeof(file) - 1, f) == sizeof(file) - 1 && fclose(f) == 0);
    WANT(omn_value_load(ctx, "test-in.pgm", "image", &v, &err) == OMN_OK);
    omn_pixels px = omn_image_pixels(omn_value_image(v));
    WANT(px.width == 3 && px.height == 2 && px.channels == 1);
    WANT(memcmp(px.data, want, sizeof(want)) == 0);
    WANT(omn_value_save(ctx, "test-out.pgm?comment=hello", v, OMN_OVERWRITE, &err) == OMN_OK);
    WANT(omn_value_load(ctx, "test-out.pgm", "image", &again, &err) == OMN_OK);
    WANT(memcmp(omn_image_pixels(omn_value_image(again)).data, want, sizeof(want)) == 0);
    omn_value_unref(v);
    omn_value_unref(again);
    /* The last byte is missing. */
    f = fopen("test-in.pgm", "wb");
    WANT(f && fwrite(file, 1, sizeof(file) - 2, f) == sizeof(file) - 2 && fclose(f) == 0);
    WANT(omn_value_load(ctx, "test-in.pgm", "image", &v, &err) == OMN_ERR_DATA);
    WANT(strstr(err.text, "too few bytes"));
    remove("test-in.pgm");
    remove("test-out.pgm");
    return 0;
}

int main(int argc, char **argv)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_call *call = NULL;
    omn_context_setup how = { OMN_FILL(omn_context_setup), .cache_dir = "" };
    if (argc > 1) {
        how.plugin_path = argv[1];
        how.only_plugin_path = true;
    }
    WANT(omn_context_new(&how, &ctx, &err) == OMN_OK);
    WANT(omn_context_call(ctx, 0, 0, NULL, &call, &err) == OMN_OK);
    int failed = test_operation(ctx, call) + test_format(ctx);
    omn_call_free(call);
    omn_context_free(ctx);
    printf(failed ? "failed\n" : "all is well\n");
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
