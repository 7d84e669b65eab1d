#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A model that reads its inputs in the rows of its answers (omnio.row/1): recipes and pipelines are
# written as for any other, a lesson is shown as it reads it, and what it learnt it answers.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" "$2" || { cat "$2"; return 1; }; }

OMNIO_PLUGIN_PATH=$top_builddir/tests/plugins/.libs/reader.so
[ -e "$OMNIO_PLUGIN_PATH" ] || exit 99
mkdir plugins model data || exit 99
cp "$OMNIO_PLUGIN_PATH" plugins/
OMNIO_PLUGIN_PATH=$here/plugins
export OMNIO_PLUGIN_PATH
cp "$top_srcdir/models/nano/tokenizer.model" model/ || exit 99
echo '{"omnio": {"model": "reader"}}' > model/config.json
for i in 1 2 3 4 5 6 7 8; do
    # an even number has two vectors, an odd one three
    [ $((i % 2)) -eq 0 ] && answer=two || answer=three
    printf '{"n": %d, "question": "how many?", "answer": "%s"}\n' $i $answer
done > data/manifest.jsonl
cat > ask.yaml <<'E2'
version: 1
help: How many vectors has a number?
model: ./learnt
inputs: {n: {type: number, help: "a number"}, question: {type: text, help: "what is asked"}}
steps:
  - {generate: text, as: answer, from: {number: $n}, prompt: "{question}", max_tokens: 4}
outputs: {answer: $answer}
E2
cat > recipe.yaml <<'E2'
version: 1
model: model
sources: {mine: {use: folder, path: data}}
tasks:
  - {name: count, pipeline: ask.yaml, give: {n: n, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 2e-2, warmup: 2}
pack: {inputs: 24, targets: 48}
batch: 8
steps: 120
E2

ok "the plugin keeps its promises" gives 0 validate --cases 6 --limit 60 plugins/reader.so
ok "a recipe is proved" gives 0 check recipe.yaml
ok "a lesson is shown" gives 0 train recipe.yaml --show 1
ok "... with what stands in front of its answer" \
    says '^  in front of the answer: [0-9]* of 48 places' out
ok "... the vectors of the number, then those of the text" \
    says '^    number.[23]\( number.[21]\)* 2 text.1 text.2 .* 2$' out
ok "it learns" gives 0 train recipe.yaml -o learnt -t 2
ok "... to tell two vectors" gives 0 run ask.yaml --n 4 --question "how many?"
ok "... from" says '^two$' out
ok "... three" gives 0 run ask.yaml --n 5 --question "how many?"
ok "... of them" says '^three$' out
ok "what a step may need is said" gives 0 check ask.yaml

plan
