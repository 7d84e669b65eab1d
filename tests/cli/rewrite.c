/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite HOW FROM TO: a weights file again, "f32": the same numbers as floats; "coarse": as floats
 * of three binary digits, a model that has drifted. For tests that compare models. */
#include <omnio/tensor.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float coarse(float x)
{
    int exponent;
    const double part = frexp((double)x, &exponent);
    return (float)ldexp(nearbyint(part * 8) / 8, exponent);
}

static omn_status rewrite(bool cut, const char *from, const char *to, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    omn_weights_entry *list = NULL;
    size_t n = 0;
    OMN_TRY(omn_weights_open(from, &w, err));
    list = calloc(omn_weights_count(w) + 1, sizeof *list);
    if (!list) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "out of memory"));
    for (; n < omn_weights_count(w); n++) {
        const omn_tensor *t = omn_weights_at(w, n);
        size_t count;
        if (t->type != OMN_BF16 || !omn_shape_count(&t->shape, &count))
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s is no bf16", omn_weights_name(w, n)));
        float *x = malloc((count + 1) * sizeof *x);
        if (!x) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "out of memory"));
        for (size_t i = 0; i < count; i++) {
            x[i] = omn_bf16_to(((const uint16_t *)t->data)[i]);
            if (cut) x[i] = coarse(x[i]);
        }
        list[n] = (omn_weights_entry){ omn_weights_name(w, n),
                                       { OMN_F32, t->shape, x, count * sizeof *x } };
    }
    OMN_TRY(omn_weights_write(to, OMN_KEEP_EXISTING, list, n, NULL, 0, err));
done:
    for (size_t i = 0; i < n; i++) free((void *)(uintptr_t)list[i].tensor.data);
    free(list);
    omn_weights_close(w);
    return st;
}

int main(int argc, char **argv)
{
    omn_error err = OMN_ERROR_INIT;
    if (argc != 4) return 2;
    const omn_status st = rewrite(!strcmp(argv[1], "coarse"), argv[2], argv[3], &err);
    if (st != OMN_OK) fprintf(stderr, "%s\n", err.text);
    return omn_status_exit(st);
}
