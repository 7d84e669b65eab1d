#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A file that a pipeline or a recipe names is looked for beside it, then in the model's folder, then in the
# current one; what a value names is looked for in the current folder first.
. "$top_srcdir/tests/cli/tap.sh"

mkdir -p far/deep model photos far/photos
for f in config.json model.safetensors tokenizer.model; do ln -s "$top_srcdir/models/nano/$f" model/ || exit 99; done
cat > far/deep/ask.yaml <<'END'
version: 1
model: ../../model
steps:
  - {generate: text, as: a, prompt: where, answer: {grammar: move.gbnf}}
  - {generate: text, as: b, prompt: where, answer: {json: ../shape.json}}
outputs: {a: $a, b: $b}
END
move() { printf 'root ::= "%s"\n' "$1" > "$2"; }
shape() { printf '{"enum": ["%s"]}\n' "$1" > "$2"; }
asked() { "$omnio" run far/deep/ask.yaml "$@" --format json < /dev/null > out 2> err || { cat err; return 1; }; }
says() { grep -qF "$1" out || { cat out; return 1; }; }
complains() { grep -qF "$1" err || { cat err; return 1; }; }

move here move.gbnf
move model model/move.gbnf
move beside far/deep/move.gbnf
shape up far/shape.json
ok "a pipeline elsewhere names a model, a grammar, a schema" asked
ok "... the grammar beside it is taken" says '"a":"beside"'
ok "... a schema above it as well" says '"b":"up"'
rm far/deep/move.gbnf
ok "what is not beside it" asked
ok "... is that of the model's folder" says '"a":"model"'
rm model/move.gbnf
ok "what is not there either" asked
ok "... is that of the current folder" says '"a":"here"'
sed -i "s|: move.gbnf|: $here/far/whole.gbnf|" far/deep/ask.yaml
move whole far/whole.gbnf
ok "a whole path" asked
ok "... is that file" says '"a":"whole"'
rm far/whole.gbnf
ok "one that is nowhere" gives 66 run far/deep/ask.yaml
ok "... is named" complains 'far/whole.gbnf'

cat > far/given.yaml <<'END'
version: 1
model: ../model
inputs: {rules: {type: text}}
steps:
  - {generate: text, as: a, prompt: where, answer: {grammar: $rules}}
outputs: {a: $a}
END
move beside far/move.gbnf
ok "a file that a value names" gives 0 run far/given.yaml --rules move.gbnf
ok "... is that of the current folder" grep -qx here out
rm move.gbnf
ok "... or, if there is none," gives 0 run far/given.yaml --rules move.gbnf
ok "... that beside the pipeline" grep -qx beside out

mkdir -p far/nano
for f in config.json model.safetensors tokenizer.model; do ln -s "$top_srcdir/models/nano/$f" far/nano/; done
sed 's|\.\./model|nano|' far/given.yaml > far/name.yaml
ok "a model of this name beside the pipeline" gives 0 check far/name.yaml
ok "... goes before those elsewhere" grep -q 'far/nano' out

printf 'version: 1\ninputs: {w: {type: text}}\nsteps:\n  - {apply: test.all, as: said, words: $w, i: 1, file: words.txt}\n  - {apply: test.all, as: given, words: $w, i: 1, file: $w}\noutputs: {said: $said, given: $given}\n' > far/path.yaml
echo here > words.txt
echo beside > far/words.txt
mkdir plug && cp "$top_builddir/tests/plugins/.libs/good.so" plug/ || exit 99
OMNIO_PLUGIN_PATH=$here/plug
export OMNIO_PLUGIN_PATH
ok "a file of an operation" gives 0 run far/path.yaml --w words.txt
ok "... is that beside the pipeline" grep -q '^said: .*\[far/words.txt\]' out
ok "... but one that a value names" grep -q '^given: .*\[words.txt\]' out
unset OMNIO_PLUGIN_PATH

picture=$(find "$top_srcdir/tests/foreign" -name 01.png | head -n 1)
cp "$picture" far/photos/a.png
printf '{"image": "a.png", "question": "is it?", "answer": "beside"}\n' > far/photos/manifest.jsonl
cp "$picture" photos/a.png
printf '{"image": "a.png", "question": "is it?", "answer": "here"}\n' > photos/manifest.jsonl
cat > far/vqa.yaml <<'END'
version: 1
inputs: {image: {type: image}, question: {type: text}}
steps:
  - {generate: text, as: answer, from: {image: $image}, prompt: "beside: {question}", answer: {grammar: words.gbnf}}
outputs: {answer: $answer}
END
sed 's/"beside: /"here: /' far/vqa.yaml > vqa.yaml
move beside far/words.gbnf
move here words.gbnf
cat > far/recipe.yaml <<'END'
version: 1
model: ../model
start: ../model
sources: {mine: {use: folder, path: photos}}
tasks:
  - {name: ask, pipeline: vqa.yaml, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 1e-4}
batch: 1
steps: 1
END
ok "a recipe elsewhere names model, weights, folder, pipeline, grammar" gives 0 train far/recipe.yaml --show 1
ok "... its own pipeline" grep -q 'beside: is it?' out
ok "... and its own folder" grep -q 'far/photos/manifest.jsonl' out
cp far/recipe.yaml recipe.yaml
ok "all of it is there from inside as well" sh -c "cd far && \"$omnio\" train recipe.yaml --show 1"

plan
