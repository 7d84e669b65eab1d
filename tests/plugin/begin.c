/* SPDX-License-Identifier: Apache-2.0 */
/* begin KIND NAME FOLDER: writes a new plugin's project, for the script that builds it. */
#include <omnio/plugin.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    if (argc != 4) return 2;
    omn_status st = omn_context_new(NULL, &ctx, &err);
    if (st == OMN_OK) st = omn_plugin_project(ctx, argv[1], argv[2], argv[3], &err);
    if (st != OMN_OK) fprintf(stderr, "%s\n", err.text);
    omn_context_free(ctx);
    return omn_status_exit(st);
}
