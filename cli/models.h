/* SPDX-License-Identifier: Apache-2.0 */
/* The models of a pipeline: its own, -m MODEL, and those that it names beside, -m NAME=MODEL. */
#ifndef OMNIO_CLI_MODELS_H
#define OMNIO_CLI_MODELS_H

#include "cli.h"

#define MODELS_MOST 8

typedef struct models {
    const char *own;               /* folder or name; NULL: the pipeline asks none of its own */
    const omn_pipeline_port *list; /* the others, of the pipeline */
    const char *path[MODELS_MOST]; /* of each; NULL: neither the file nor -m names it */
    size_t n;
    omn_model *own_model, *model[MODELS_MOST]; /* NULL: not open */
} models;

/* From the options and the file. OMN_ERR_ARGUMENT: a name that the pipeline does not give, or a
 * model that neither names. */
omn_status models_find(const cli_args *a, const omn_pipeline *p, models *out, omn_error *err);
/* MODEL of NAME=MODEL; else all of it. */
const char *models_folder(const char *value);
/* How one is opened: shelf_open_model, say. */
typedef omn_status models_opener(cli *c, const char *name, omn_model **out, omn_error *err);
/* Opens all of them; the others are lent to the pipeline. models_close after a failure too, before
 * the pipeline is closed. */
omn_status models_open(cli *c, models *m, omn_pipeline *p, models_opener *open, omn_error *err);
void models_close(models *m);
/* Many questions will come: what is made of their pictures is kept in a usual amount of memory,
 * when the command does not say what is kept. */
omn_status models_keep(const cli_args *a, models *m, omn_error *err);
/* ,"model":"dalle","models":{"picker":"clip"}: its own and the others, what there is of them. put
 * writes each folder or name: json_text, say. */
void models_json(const models *m, void (*put)(omn_buf *b, const char *path), omn_buf *b);
/* The one that this question of the pipeline goes to. */
omn_model *models_asked(const models *m, const omn_pipeline *p, const omn_request *rq);

#endif
