/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with a kind of value of its own, without fault: for tests/cli/validate.sh. */
#include <omnio/plugin.h>

static const omn_column columns[] = {
    { "time", OMN_F64, "n", "s", 0, 1e9, 0 },
    { "level", OMN_F32, "n,2", "m", -100, 100, OMN_COLUMN_NAN },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_NAN | OMN_COLUMN_OPTIONAL },
    { "count", OMN_I32, "", NULL, 0, 10, 0 },
};
static const omn_value_impl impl = {
    .columns = columns, .n_columns = 4, .column_size = sizeof(omn_column), .item = "n"
};
static const omn_object objects[] = {
    { "omnio.value/1", "tide", "heights over time", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("tide", "1.0", "Apache-2.0", "a kind of value", objects);
