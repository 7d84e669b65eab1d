#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio train and eval on a folder of pictures of one's own: a run that is killed and goes on ends with the
# same bytes as one that is not; bad lines are named or skipped; a stage begins the schedule again.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

photos three yes
cat > recipe.yaml <<'E2'
version: 1
model: nano
start: nano
sources: {mine: {use: folder, path: photos, held_out: 0.4}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 1e-3, warmup: 2, average: 0.9}
pack: {inputs: 24, targets: 8}
batch: 2
save_every: 2
stages:
  - {name: first, steps: 8}
  - {name: second, steps: 4, optimizer: {curve: linear, rate: 5e-4, warmup: 0, last: 0.5}}
E2

ok "a recipe is proved" gives 0 check recipe.yaml
ok "... and what it takes is said" \
    grep -qE '^recipe.yaml: fine; [0-9.]+ MB to train, of these [0-9.]+ MB teaching text' out
ok "... as JSON" gives 0 check --format json recipe.yaml --set batch=4
ok "... by its parts" grep -qE '"memory":[0-9]+,"needs":\[.*"what":"moments","part":"encoder image"' out
ok "a run" gives 0 train recipe.yaml -o whole -t 2
ok "... is a model" gives 0 run vqa -m ./whole --image photos/01.png --question "is there a cube?"
"$omnio" train recipe.yaml -o parts -t 2 > out 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && [ ! -e parts/checkpoint.safetensors ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -KILL $child
wait $child 2> /dev/null
ok "one that is killed keeps its last checkpoint" [ -s parts/checkpoint.safetensors ]
echo half > parts/.omnio-0123456789abcdef.tmp
ok "... and goes on" gives 0 train recipe.yaml -o parts -t 2
ok "... from the middle" says 'going on from step [2-8] of 12'
ok "... to the same weights" cmp whole/model.safetensors parts/model.safetensors
ok "... and the same state" cmp whole/checkpoint.safetensors parts/checkpoint.safetensors
ok "... without what it left half written" [ -z "$(find parts -name '.omnio-*.tmp')" ]
ok "the log has a line for each step" [ "$(wc -l < parts/log.csv)" -eq 13 ]
ok "... with the rates of both stages" sh -c \
    'cut -d, -f8 parts/log.csv | tr "\n" " " | grep -q "^rate 0.0005 0.001 .* 0.0005 0.0004.* "'
ok "... and the loss of each task and each modality" sh -c 'head -n 1 parts/log.csv | grep -q ",seconds,loss.vqa,modality.text$" && [ "$(grep -c ",[0-9.]*[0-9.],[0-9.]*[0-9.]$" parts/log.csv)" -eq 12 ]'
ok "... which is all there is, so they are the same" awk -F, '$10 != $11 && NR > 1 { exit 1 }' parts/log.csv
"$omnio" train recipe.yaml -o stopped -t 2 --set save_every=100 > out 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && ! grep -q '^step 1 ' err; do
    sleep 0.05
    i=$((i + 1))
done
kill -TERM $child
wait $child 2> /dev/null
ok "one that is asked to stop says so" [ $? -eq 143 ]
ok "... keeps the steps that it made" gives 0 train recipe.yaml -o stopped -t 2 --set save_every=100
ok "... which it goes on from" says 'going on from step [1-9]'
ok "... to the same weights" cmp whole/model.safetensors stopped/model.safetensors
ok "the plot is there" grep -q '</svg>' parts/loss.svg

ok "scores stand beside the majority's" gives 0 eval recipe.yaml -m ./whole -n 2
ok "... in a table" grep -q '^vqa .*exact' out
mkdir elsewhere
cp photos/01.png elsewhere/
for i in 1 2 3 4 5 6 7 8; do echo '{"image": "01.png", "words": "of another field"}'; done > elsewhere/manifest.jsonl
{ sed 's/path: photos/path: elsewhere/' recipe.yaml; echo 'bad_examples: skip'; } > elsewhere.yaml
ok "a manifest with other fields scores nothing" gives 65 eval elsewhere.yaml -m nano
ok "... which is an error" says 'nothing was scored'
ok "... and keeps no answers" gives 65 eval elsewhere.yaml -m nano --answers none.jsonl
ok "... in no file" [ ! -e none.jsonl ]
ok "every answer can be had" gives 0 eval recipe.yaml -m ./whole -n 40 -t 2 --answers answers.jsonl --format json
there=$(wc -l < answers.jsonl)
ok "... one of each held-out line" [ "$there" -lt 8 ]
ok "... none twice" sh -c '[ -z "$(sed "s/.*\"line\"/line/; s/,\"inputs.*//" answers.jsonl | sort | uniq -d)" ]'
ok "... as many as the score says" grep -q "\"n\":$there}" out
ok "... and that there are no more is said" says "has $there held-out examples"
ok "... with place, what was asked and wanted" grep -q '"kind":"all","example":0,"file":".*manifest.jsonl","line":[1-8],"inputs":{"question":".*"},"answer":".*"wanted":".*"right":' answers.jsonl
right=$(grep -c '"right":true}$' answers.jsonl)
ok "... as many right as the score says" grep -q "\"score\":$(awk "BEGIN { printf \"%.15g\", $right / $there }" | cut -c 1-12)" out
ok "... not over a file that is there" gives 74 eval recipe.yaml -m ./whole -n 40 --answers answers.jsonl
cp photos/manifest.jsonl kept.jsonl
ok "... and over nothing but answers" gives 2 eval recipe.yaml -m ./whole -n 4 --answers photos/manifest.jsonl --overwrite
ok "... which are as they were" cmp photos/manifest.jsonl kept.jsonl
cp answers.jsonl first.jsonl
ok "... unless that is asked for" gives 0 eval recipe.yaml -m ./whole -n 40 -t 1 --answers answers.jsonl --overwrite
ok "... the same with one thread" cmp first.jsonl answers.jsonl
cp recipe.yaml scored.yaml
echo 'evaluate: {every: 6, examples: 3}' >> scored.yaml
ok "scores while it learns" gives 0 train scored.yaml -o scored -t 2
ok "... are told" says 'step 12: vqa scores '
ok "... stand in the log" sh -c 'head -n 1 scored/log.csv | grep -q ",loss.vqa,modality.text,score.vqa$" && [ "$(grep -c ",[0-9][0-9.]*$" scored/log.csv)" -eq 2 ]'
ok "... and in the picture" grep -q 'score.vqa [0-9.]*%' scored/loss.svg
ok "... change nothing" cmp whole/model.safetensors scored/model.safetensors
last=$(tail -n 1 scored/log.csv | sed 's/.*,//')
ok "... are those of omnio eval" gives 0 eval scored.yaml -m ./scored -n 3 --format json
ok "... to the digit" grep -q "\"score\":$last[,0-9]" out
ok "nothing to score with is told" gives 78 train scored.yaml -o none --set sources.mine.held_out=0

world=$top_srcdir/models/nano/recipe.yaml
ok "a source without end gives as many as are asked" gives 0 eval "$world" -m nano --task vqa -n 2 --answers first.jsonl --overwrite
"$omnio" eval "$world" -m nano --task vqa -n 10000000 -t 2 --answers stopped.jsonl > out 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && [ -z "$(find . -maxdepth 1 -name '.omnio-*.tmp')" ]; do
    sleep 0.05
    i=$((i + 1))
done
sleep 2
kill -TERM $child
wait $child 2> /dev/null
ok "an evaluation that is asked to stop does" [ $? -eq 143 ]
ok "... and keeps the answers that it has" sh -c '[ -s stopped.jsonl ] && head -n 2 stopped.jsonl | cmp -n "$(head -n 2 stopped.jsonl | wc -c)" - first.jsonl'

printf '{"image": "05.png", "question": "what?", "answer": "x"}\n' >> photos/manifest.jsonl
ok "a picture that is missing stops a run" gives 65 train recipe.yaml -o bad -t 1 --set batch=16 --set sources.mine.held_out=0
ok "... and is named with its line" says 'manifest.jsonl:9: .*05.png'
ok "... or skipped on request" gives 0 train recipe.yaml -o skip -t 1 --set batch=16 --set sources.mine.held_out=0 --set bad_examples=skip
ok "... and counted" says 'left out [1-9][0-9]* bad lessons'

cp recipe.yaml small.yaml
sed -i -e 's/^batch:.*/batch: 1/' -e '/^stages/,$d' small.yaml
echo 'steps: 2' >> small.yaml
head -n 8 photos/manifest.jsonl > photos/good.jsonl
printf '{"image": "01.png", "question": "what?", "answer": "%s"}\n' "$(printf 'word %.0s' 1 2 3 4 5 6 7 8 9)" > photos/long.jsonl
ok "an answer that does not fit stops a run" gives 65 train small.yaml -o long --set sources.mine.path=photos/long.jsonl --set sources.mine.held_out=0
ok "... is named with its line, task and remedy" says 'long.jsonl:1: task vqa: the answer is [0-9]* tokens long, .*(pack: targets)'
ok "... and leaves no folder" [ ! -e long ]
ok "... check says so" gives 65 check small.yaml --set sources.mine.path=photos/long.jsonl --set sources.mine.held_out=0
ok "nothing to learn from is an error" gives 78 train small.yaml -o long --set sources.mine.path=photos/long.jsonl --set sources.mine.held_out=0 --set bad_examples=skip
ok "no line left for training" gives 78 check small.yaml --set sources.mine.held_out=1
ok "... is said where it is written" says 'small.yaml:4:5[0-9]: of the 9 examples of source mine none is left for training'
ok "no line left for evaluation" gives 78 eval small.yaml -m ./whole --set sources.mine.held_out=0
sed 's/, question: question/, question: asked/' small.yaml > wrong.yaml
ok "a field that is not there" gives 65 check wrong.yaml --set sources.mine.held_out=0
ok "... is named with line, task and field" says 'manifest.jsonl:[0-9]*: task vqa: the example has no field "asked"'
printf '{"photo": "01.png", "question": 7, "answer": 3}\n' > photos/other.jsonl
sed -e 's/image: .image/image: photo/' -e 's/held_out: 0.4/held_out: 0/' -e 's,path: photos,path: photos/other.jsonl,' small.yaml > other.yaml
ok "a field is what the pipeline wants" gives 0 train other.yaml --show 1
ok "... a picture by its name, numbers as texts" sh -c 'grep -q "input image: picture" out && grep -q "question: .*7" out && grep -q "answer (text): \"3\"" out'
ok "... with place, ids and weights" sh -c 'grep -q "^task vqa, .*other.jsonl:1$" out && grep -q "tokens: [0-9]" out && grep -q "weight 1 each, 1 of the end" out'

printf '{"image": "01.png", "options": ["cube", "ball"], "answer": "cone"}\n' > photos/refused.jsonl
sed -e 's/name: vqa, pipeline: vqa/name: sort, pipeline: categorize/' -e 's/question: question/options: options/' \
    -e 's/want: {answer: answer}/want: {category: answer}/' -e 's,path: photos,path: photos/refused.jsonl,' \
    -e 's/held_out: 0.4/held_out: 0/' small.yaml > refused.yaml
ok "an answer that could never be given" gives 65 train refused.yaml -o refused
ok "... is told before the first step" says 'refused.jsonl:1: task sort: the wanted answer: '
sed 's/"cone"/"ball"/' photos/refused.jsonl > photos/allowed.jsonl
ok "... one that could is taught" gives 0 check refused.yaml --set sources.mine.path=photos/allowed.jsonl

printf '{"image": "01.png", "question": "what is at <extra_id_7>?", "answer": "x"}\n' > photos/cut.jsonl
ok "a text in tokens of places is no text" gives 65 train other.yaml -o cut --set sources.mine.path=photos/cut.jsonl --set tasks.0.give.image=/image
ok "... told before the first step, with its place" says 'cut.jsonl:1: task vqa: .question: the tokenizer cuts this text through a token of "location"'
printf '{"image": "01.png", "question": "what?", "answer": "<extra_id_7>"}\n' > photos/cut.jsonl
ok "... nor as an answer" gives 65 check other.yaml --set sources.mine.path=photos/cut.jsonl --set tasks.0.give.image=/image
ok "... told too" says 'cut.jsonl:1: task vqa: the wanted answer: .*"location"'

# boxes by an answer that says no labels: what is taught is what can be said
cat > box.yaml <<'E2'
version: 1
inputs: {image: {type: image}, text: {type: text}}
steps:
  - {generate: text, as: box, from: {image: $image}, prompt: "where is {text}?", answer: {boxes: 1, of: $image}}
outputs: {box: $box}
E2
printf '{"image": "01.png", "text": "it", "box": [{"box": [8, 8, 40, 40], "label": "red cube"}]}\n' > photos/box.jsonl
sed -e 's/name: vqa, pipeline: vqa/name: find, pipeline: box.yaml/' -e 's/question: question/text: text/' \
    -e 's/want: {answer: answer}/want: {box: box}/' -e 's,path: photos,path: photos/box.jsonl,' \
    -e 's/held_out: 0.4/held_out: 0/' small.yaml > find.yaml
ok "a box is taught as its answer says it" gives 0 train find.yaml --show 1
ok "... without the label" sh -c 'grep -q "answer (regions): \"\(<extra_id_[0-9]*> *\)\{4\}\"$" out && grep -q "^    5 of 8 tokens" out'
sed 's/^  - {generate: text, as: box.*/&\n  - {generate: text, as: more, from: {image: $image}, prompt: "what else?"}/' box.yaml > boxes.yaml
sed 's/box.yaml/boxes.yaml/' find.yaml > both.yaml
ok "a task asks the model once" gives 78 check both.yaml
ok "... or what it teaches is not clear" says 'boxes.yaml: a task is a pipeline with exactly one step'
cat > first.yaml <<'E2'
version: 1
inputs: {image: {type: image}, text: {type: text}}
steps:
  - {apply: text.split, as: words, in: $text}
  - {map: $words, each: word, as: parts, keep: $seen, steps: [
      {generate: text, as: seen, from: {image: $image}, prompt: "what is {word}?"}]}
  - {apply: text.join, as: all, in: $parts}
  - {generate: text, as: box, from: {image: $image}, prompt: "where is {all}?", answer: {boxes: 1, of: $image}}
outputs: {box: $box}
E2
sed 's/box.yaml/first.yaml/' find.yaml > asks.yaml
ok "what it asks is not an answer of the model's" gives 78 train asks.yaml --show 1
ok "... which is said" says 'first.yaml:5:.*a task asks the model once, in its last step'
sed 's/: \[\(.*\)\]/: [\1, \1]/' photos/box.jsonl > photos/two.jsonl
ok "two boxes where one is asked for" gives 65 train find.yaml -o two --set sources.mine.path=photos/two.jsonl
ok "... could never be said" says 'two.jsonl:1: task find: the wanted answer: .*"boxes"'
sed 's/^batch:.*/balance: modalities/' small.yaml > balance.yaml
ok "modalities may weigh the same" gives 0 train balance.yaml -o balance --set sources.mine.path=photos/good.jsonl
ok "... or tokens, and nothing else" gives 78 check balance.yaml --set balance=tasks

mkdir odd; cp "$top_srcdir"/models/nano/tokenizer.model odd
sed 's/"image_second"/"image_secnd"/' "$top_srcdir"/models/nano/config.json > odd/config.json
ok "a misspelt key of the configuration" gives 78 check small.yaml --set model=./odd
ok "... is named with the one that is missing" says '"omnio.image_secnd".*"image_second"'
rm odd/tokenizer.model; cp "$top_srcdir"/models/nano/config.json odd
ok "a model without a tokenizer" gives 66 check small.yaml --set model=./odd
ok "... is told" says 'tokenizer.model'

mkdir base; cp "$top_srcdir"/models/nano/config.json "$top_srcdir"/models/nano/tokenizer.model whole/model.safetensors base
ok "the weights that one began with are never replaced" gives 2 train small.yaml -o base --set start=./base --overwrite
ok "... nor a model that is no run" gives 2 train small.yaml -o base
ok "... it is as it was" cmp base/model.safetensors whole/model.safetensors
ok "... unless that is asked for" gives 0 train small.yaml -o base --overwrite

"$omnio" train small.yaml -o busy -t 1 --set steps=100000 > out2 2> err2 < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && ! grep -q '^step' err2; do
    sleep 0.05
    i=$((i + 1))
done
ok "a second training in a folder is refused" gives 74 train small.yaml -o busy -t 1
ok "... and told who is there" says "another training is at work there (process $child)"
kill -TERM $child
wait $child 2> /dev/null

sed 's/^optimizer:.*/optimizer: {use: levitate}/' recipe.yaml > wrong.yaml
ok "an unknown optimiser" gives 78 check wrong.yaml
ok "... is named with line and remedy" says 'wrong.yaml:7:18: .*adamw, adafactor, muon'
sed 's/name: first, steps: 8/name: first, steps: 8, optimizer: {rate: 1}/' recipe.yaml > wrong.yaml
ok "the first stage has the recipe's optimizer" gives 78 check wrong.yaml
ok "... which is said" says 'first stage'
ok "steps beside stages, which have their own" gives 78 check recipe.yaml --set steps=4
ok "... is told" grep -q 'each of the stages has its own' err
printf 'no weights' > start.safetensors
ok "weights that are none" gives 65 train recipe.yaml -o bad2 --set start=start.safetensors

# make check-all: models/nano is begun from nothing by its own recipe, 120 steps of the first stage in small batches.
# Its loss begins at 19 and came to 2.5; some minutes.
if [ "${OMNIO_TEST-}" = all ]; then
    mkdir nano
    cp "$top_srcdir"/models/nano/config.json "$top_srcdir"/models/nano/tokenizer.model nano
    sed '/name: second/,$d; s/name: first, steps: [0-9]*/name: first, steps: 120/; s/^batch: .*/batch: 12/' \
        "$top_srcdir/models/nano/recipe.yaml" > nano/recipe.yaml
    ok "models/nano begins from nothing" gives 0 train nano/recipe.yaml -o begun -q
    ok "... and its loss falls as it should" awk -F, 'NR == 2 { first = $4 } NR > 111 { last += $4 / 10 }
        END { print first, "to", last; exit !(NR == 121 && first > 10 && last < 4) }' begun/log.csv
fi

# A model whose configuration names the file of its weights: what training writes has its own.
mkdir named && cp "$top_srcdir/models/nano/model.safetensors" named/mine.safetensors &&
    cp "$top_srcdir/models/nano/tokenizer.model" named/ || exit 99
sed 's/"omnio": {/&"weights": "mine.safetensors", /' "$top_srcdir/models/nano/config.json" > named/config.json
grep -q mine named/config.json || exit 99
sed -e 's/^model: nano/model: .\/named/' -e 's/^start: nano/start: .\/named\/mine.safetensors/' -e '/^stages:/,$d' recipe.yaml > named.yaml
ok "a model that names the file of its weights" gives 0 train named.yaml -o trained -t 2 --set steps=1
ok "... is trained into one that does not" sh -c '! grep -q mine trained/config.json && grep -q omnio trained/config.json'
ok "... and that runs" gives 0 run vqa -m ./trained --image photos/01.png --question "is there a cube?"

plan
