/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of several files as one, for omnio convert. */
#ifndef CLI_JOIN_H
#define CLI_JOIN_H

#include <omnio/plugin.h>

#define JOIN_PARTS 8              /* most stars of a rule */

/* Are these rules, "FROM=TO,FROM=TO", with no more stars in TO than in FROM? */
bool join_rules(const char *rules);
/* The tensors of all files, renamed, as one safetensors file. */
omn_status join_files(omn_context *ctx, const char *const *files, size_t n_files,
                      const char *rules, const char *out, omn_overwrite how,
                      omn_weights_copied *done, omn_error *err);

#endif
