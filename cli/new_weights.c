/* SPDX-License-Identifier: Apache-2.0 */
/* A model of real size without anybody's training: what it takes of memory and time is that of the
 * trained one, and only its answers mean nothing. */
#include "new_weights.h"

#include "percent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_done(const cli *c, const char *folder, const omn_seeded *d, omn_buf *b)
{
    if (c->format != CLI_TEXT) {
        omn_buf_printf(b, "{\"type\":\"filled\",\"version\":%d,\"path\":", CLI_JSON_VERSION);
        json_text(b, folder);
        omn_buf_printf(b, ",\"tensors\":%llu,\"parameters\":%llu,\"formed\":%llu,\"bytes\":%llu}\n",
                       (unsigned long long)d->tensors, (unsigned long long)d->parameters,
                       (unsigned long long)d->formed, (unsigned long long)d->bytes);
        return;
    }
    omn_buf_printf(b, "%s: %llu parameters in %llu tensors, %.2f MB\n", folder,
                   (unsigned long long)d->parameters, (unsigned long long)d->tensors,
                   (double)d->bytes / 1e6);
}

int new_weights(cli *c, const cli_args *a)
{
    omn_error err = OMN_ERROR_INIT;
    omn_call *call = NULL;
    char folder[4200];
    const char *seed = cli_text(a, "seed"), *form = cli_text(a, "to"), *given = a->operands[1];
    const omn_seed_setup how = { OMN_FILL(omn_seed_setup),
                                 .seed = seed ? strtoull(seed, NULL, 10) : 1,
                                 .form = form ? omn_type_parse(form) : OMN_BF16,
                                 .overwrite = cli_has(a, "overwrite") };
    omn_seeded done = { OMN_FILL(omn_seeded) };
    percent s = { c, "filling", -1 };
    const omn_call_setup setup = { OMN_FILL(omn_call_setup), .cancel = c->cancel,
                                   .pool = omn_context_pool(c->ctx), .progress = percent_show,
                                   .progress_user = &s };
    omn_buf b;
    if (strlen(given) > 4000) return cli_usage(c, "the folder's name is too long");
    snprintf(folder, sizeof folder, "%s%.4100s", strchr(given, '/') ? "" : "./", given);
    omn_buf_init(&b, 1 << 16);
    omn_status st = omn_call_new(&setup, &call, &err);
    if (st == OMN_OK) st = omn_model_seed(c->ctx, call, folder, &how, &done, &err);
    cli_progress(c, NULL);
    int code = 0;
    if (st != OMN_OK) {
        code = cli_stopped(c) ? cli_stopped(c) : cli_failed(c, &err);
    } else {
        put_done(c, given, &done, &b);
        if (!cli_put(c, &b)) code = cli_lost(c);
    }
    omn_call_free(call);
    omn_buf_fini(&b);
    return code;
}
