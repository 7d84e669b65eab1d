/* SPDX-License-Identifier: Apache-2.0 */
/* A submission to GRIT: a folder with params.json, a file of answers for each task that was asked,
 * and pictures of normals. Its evaluator takes it as a zip file of the same name. */
#ifndef OMNIO_CLI_GRIT_FILE_H
#define OMNIO_CLI_GRIT_FILE_H

#include <omnio/plugin.h>

typedef struct grit_file grit_file;
/* The folder is made, and must not be there yet. millions: of parameters. */
omn_status grit_file_new(omn_context *ctx, const char *folder, int64_t millions, grit_file **out,
                         omn_error *err);
/* One more answer, task by grit_task_names. An answer without places where places are wanted (a
 * text, say) is the refusal: an empty list. A picture of normals is written at once. */
omn_status grit_file_put(grit_file *f, int task, const char *id, double confidence,
                         const omn_value *answer, omn_error *err);
/* All of it, each file under its name when it is whole. */
omn_status grit_file_write(grit_file *f, omn_error *err);
/* What was not written by then is taken away again. NULL is fine. */
void grit_file_free(grit_file *f);

#endif
