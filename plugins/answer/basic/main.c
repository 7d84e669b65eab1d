/* SPDX-License-Identifier: Apache-2.0 */
/* answer/basic: the answers that are text or codes. The door. */
#include "answers.h"

OMN_PARAMS_VALUES(options, OPTIONS);
OMN_PARAMS_VALUES(trie, TRIE);
OMN_PARAMS_VALUES(completion, COMPLETION);
OMN_PARAMS_VALUES(patch, PATCH);
OMN_PARAMS(text, TEXT);
OMN_PARAMS(number, NUMBER);
OMN_PARAMS(json, JSON);
OMN_PARAMS(grammar, GRAMMAR);
OMN_PARAMS(codes, CODES);

#define ANSWER(name, help)                                                                         \
    { "omnio.answer/1", #name, help, &answer_##name##_impl, OMN_OBJECT_PARAMS(name) }

static const omn_object objects[] = {
    ANSWER(text, "whatever the model says"),
    ANSWER(options, "one of several texts, the likeliest"),
    ANSWER(trie, "one of several texts, written id by id"),
    ANSWER(number, "a number within a range"),
    ANSWER(json, "a value by a JSON Schema"),
    ANSWER(grammar, "a text by a GBNF grammar"),
    ANSWER(codes, "codes of a picture, of sound and the like"),
    { "omnio.answer/1", "value", "what the decoder makes of its codes: a picture, sound",
      &answer_value_impl, NULL, 0, 0 },
    ANSWER(completion, "a picture whose upper part is that of another"),
    ANSWER(patch, "a picture that is another one but for a box"),
};
OMN_PLUGIN("answer-basic", "0.1.0", "Apache-2.0", "answers that are text or codes", objects);
