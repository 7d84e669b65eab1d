/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as rules, for schemas. Not installed. */
#ifndef OMNIO_GENERATE_RULES_JSON_H
#define OMNIO_GENERATE_RULES_JSON_H

#include "rules.h"

/* Whole numbers lo..hi (at most 18 digits); with decimals (0..9) they count the last place: 1250
 * with 2 is 12.50. */
const omn_rule *rules_whole(omn_rules *r, int64_t lo, int64_t hi, int decimals);

#endif
