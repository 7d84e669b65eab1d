/* SPDX-License-Identifier: Apache-2.0 */
/* A user's settings against the parameter rows of one object. */
#ifndef LIBCORE_PLUGIN_SETTINGS_H
#define LIBCORE_PLUGIN_SETTINGS_H

#include "entry.h"
#include "param.h"

/* values[i] for each "param" row i of e, from the settings or the default; rows of other roles are
 * left alone. Texts are borrowed from the settings and the plugin. file: where the settings stand,
 * NULL none. Every complaint names the object, and the place if there is one. [any] */
omn_status settings_read(const omn_entry *e, const omn_setting *set, size_t n, const char *file,
                         param_value *values, omn_error *err);

#endif
