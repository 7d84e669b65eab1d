/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a pipeline's parts share: names of values, and steps by their verbs. Not
 * installed. */
#ifndef OMNIO_PIPELINE_READ_H
#define OMNIO_PIPELINE_READ_H

#include "plan.h"

#define TRY_READ(x)                                                                                \
    do {                                                                                           \
        const omn_status st_ = (x);                                                                \
        if (st_ != OMN_OK) return st_;                                                             \
    } while (0)

/* A new name for a value; names.c. */
omn_status name_add(omn_pipeline *p, const yml *at, const char *name, const char *type, int *out,
                    omn_error *err);
/* The result of a step: its key "as" (must be there) as a new name. */
omn_status name_result(omn_pipeline *p, const yml *y, const char *key, const char *type, int *out,
                       omn_error *err);
/* "name", "name.field" or "name.0" (also "name[0]") to its slot; parts are slots of their own. */
omn_status name_find(omn_pipeline *p, const yml *at, const char *text, int *out, omn_error *err);
/* "$name" to its slot, of a wanted type (NULL: any). */
omn_status name_refer(omn_pipeline *p, const yml *y, const char *want, int *out, omn_error *err);
/* What items of a value of this type are, NULL: it has none. */
omn_status name_items(const omn_pipeline *p, const char *type, const char **items, omn_error *err);
/* A scalar parameter: text, or a slot of text or number. y NULL: not given. */
omn_status read_scalar(omn_pipeline *p, const yml *y, const char *name, param *out, omn_error *err);
/* The same for a number within lo..hi. */
omn_status read_number(omn_pipeline *p, const yml *y, const char *name, double lo, double hi,
                       param *out, omn_error *err);

/* What is written, with $names in it; all_text: plain numbers stay texts; literal.c */
omn_status read_literal(omn_pipeline *p, const yml *y, bool all_text, literal *out, omn_error *err);
/* Are values of this type several places in pixels of a picture? */
bool type_lies_in_picture(const omn_pipeline *p, const char *type);
/* May they be rows and columns of a picture themselves? */
bool type_is_picture(const omn_pipeline *p, const char *type);
/* Inputs of the model by their roles; list has room for MOST_FROM. */
omn_status read_from(omn_pipeline *p, const yml *from, binding *list, size_t *n, omn_error *err);
/* What a decoder makes, known by its role as long as no model is opened: one that is called like a
 * kind of value makes that; else NULL. */
omn_status type_of_role(const omn_pipeline *p, const char *role, const char **kind,
                        omn_error *err);
omn_status read_answer(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
/* search: and guidance: of a generating step; read_search.c */
omn_status read_search(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);

/* {empty: $boxes}, {above: [$n, 0.5]}, ...; condition.c */
omn_status read_condition(omn_pipeline *p, const yml *y, condition *out, omn_error *err);

/* Verbs; keys that every step may have ("when") are read before. */
omn_status read_apply(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
omn_status read_model_step(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
/* parts: of a pipeline; parts.c */
omn_status read_parts(omn_pipeline *p, const yml *y, omn_error *err);
/* models: of a pipeline, and model: of a step; models.c */
omn_status read_models(omn_pipeline *p, const yml *y, omn_error *err);
omn_status read_by(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
/* A model that no step asks is an error. */
omn_status models_asked(const omn_pipeline *p, omn_error *err);
omn_status read_tokens(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
omn_status read_map(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err);
omn_status read_repeat(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err);
omn_status read_record(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
omn_status read_embed(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
omn_status read_window(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err);
/* A list of steps inside another; read.c */
omn_status read_steps(omn_pipeline *p, const yml *list, plan_step **steps, size_t *n, int depth,
                      omn_error *err);

#endif
