#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio run with a pipeline that needs no model: files that are written and never overwritten, many items,
# batches, JSON that stays as it is, signals.
. "$top_srcdir/tests/cli/tap.sh"

# run CODE ARGUMENT...: omnio run.
run() {
    want=$1
    shift
    gives "$want" run "$@"
}

cat > words.yaml <<'END'
version: 1
inputs: {text: {type: text, help: words}}
steps:
  - {apply: text.upper, as: loud, in: $text}
outputs: {loud: $loud}
END
cat > small.yaml <<'END'
version: 1
inputs: {image: {type: image, help: a picture}}
steps:
  - {apply: image.resize, as: small, in: $image, width: 4, height: 3}
outputs: {small: {value: $small, file: optional}}
END
cat > two.yaml <<'END'
version: 1
inputs: {text: {type: text, help: words}}
steps:
  - {apply: text.upper, as: loud, in: $text}
outputs: {a: $loud, b: $text}
END
cat > captions.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}}
steps:
  - {generate: text, as: caption, from: {image: $image}, max_tokens: 64, prompt: "Caption this image."}
outputs: {caption: $caption}
END
cat > want <<'END'
9007199254740993
true
null
{"a": [1e30, "}\" "]},"extra":{"place":"\u00e9,}","n":12345678901234567890}
END
printf 'P' > broken.png
picture=$(find "$top_srcdir/tests/foreign" -name '01.png' | head -n 1)
"$omnio" run small.yaml --image "$picture" -o wide.png --set steps.0.width=1024 --set steps.0.height=1024 2> /dev/null || exit 99
cp "$picture" a.png && cp "$picture" b.png || exit 99

ok "a text comes out" run 0 words.yaml --text "a b"
ok "... as it is" [ "$(cat out)" = "A B" ]
ok "JSON has stable fields" run 0 words.yaml --text hi --format json
ok "... exactly" [ "$(sed 's/"seconds":[0-9.]*/"seconds":0/' out)" = \
    '{"version":1,"item":0,"inputs":{"text":"hi"},"outputs":{"loud":"HI"},"files":{},"seconds":0}' ]
ok "JSON Lines begin with start" run 0 words.yaml --text hi --format jsonl
ok "... and end with done" sh -c 'head -n 1 out | grep -q "\"type\":\"start\"" && tail -n 1 out | grep -q "\"type\":\"done\""'
ok "an input is wanted" run 2 words.yaml
ok "a file is written" run 0 small.yaml --image a.png -o s.png
ok "... and not over another" run 2 small.yaml --image a.png -o s.png
ok "... unless it is asked for" run 0 small.yaml --image a.png -o s.png --overwrite
ok "an input is never overwritten" run 2 small.yaml --image a.png -o a.png --overwrite
ok "... it is as it was" cmp a.png "$picture"
ok "a bad picture is bad data" run 65 small.yaml --image broken.png -o x.png
ok "a missing picture is no input" run 66 small.yaml --image none.png -o x.png
ok "many files need names" run 2 small.yaml --image a.png b.png -o x.png
ok "many files have names" run 0 small.yaml --image a.png b.png -o 'x-{name}.png'
ok "... one each" [ -s x-a.png -a -s x-b.png ]
ok "one bad of many is told at the end" run 1 small.yaml --image a.png broken.png b.png -o 'y-{index}.png' --format jsonl
ok "... the others are there" sh -c '[ -s y-0.png ] && [ ! -e y-1.png ] && [ -s y-2.png ] && grep -q "\"item\":1,\"status\":\"data\"" out'
printf '%s\n' '{"id": 7, "text": "one"}' '{"text": 5}' '' '{"txt": "x"}' '{"text": "four"}' > batch.jsonl
ok "a batch goes through" run 1 words.yaml --batch batch.jsonl --format jsonl
ok "... in order, with names of bad lines" sh -c \
    'grep -q "\"item\":0,\"id\":7,.*ONE" out && grep -q "batch.jsonl:4" err && tail -n 1 out | grep -q FOUR'
cat > places.yaml <<'END'
version: 1
inputs: {boxes: {type: regions}, text: {type: text, default: x}}
steps:
  - {record: {b: $boxes, t: $text}, as: r}
outputs: {boxes: $r.b}
END
printf '%s\n' '{"boxes": [], "meta": [1, null, {"a": [null]}], "id": [null]}' '{"boxes": [null]}' \
    '{"boxes": [], "meta": [1 null]}' '{"boxes":[{"box":[1,2,3,4],"label":null,"score":null}]}' \
    '{"boxes": null}' > nulls.jsonl
ok "null is nothing where something may be" run 1 places.yaml --batch nulls.jsonl --format jsonl
ok "... is handed through where it is not read" \
    grep -qF '"id":[null],"extra":{"meta":[1, null, {"a": [null]}]},"inputs":{"boxes":[]}' out
ok "... and is named where it cannot be" sh -c 'grep -qF "nulls.jsonl:2: JSON, line 1 column 12: null is no item" err &&
    grep -qF "nulls.jsonl:3: JSON, line 1 column 26: expected , or ]" err && [ "$(grep -c done out)" -eq 2 ] &&
    grep -qFx "omnio: nulls.jsonl:5: \"boxes\" is missing" err'
ok "no boxes are no line" run 0 places.yaml --boxes '[]'
ok "... at all" [ ! -s out ]
ok "... also of an item of many" run 1 places.yaml --batch nulls.jsonl
ok "... beside the lines of others" [ "$(cat out)" = "3: 1 2 3 4" ]
ok "an empty text is a line" run 0 words.yaml --text ''
ok "... that is empty" [ "$(wc -l < out)" -eq 1 -a "$(wc -c < out)" -eq 1 ]
ok "what follows -- are operands" run 1 small.yaml -o 'z{name}.png' -- a.png --overwrite -o
ok "... and no options" sh -c 'grep -q -e "--image: --overwrite: " err && grep -q -e "--image: -o: " err'
ok "... for every command" gives 0 check -- words.yaml small.yaml
ok "... each in its place" sh -c 'grep -c fine out | grep -qx 2'
ok "check tells what a pipeline takes" gives 0 check captions.yaml
ok "... and which part most of it" \
    grep -q 'fine; [0-9.]* MB with nano, of these 5.9 MB weights of encoder image$' out
ok "... every part as JSON" gives 0 check --format json captions.yaml
ok "... that add up" grep -qE '"memory":[0-9]+,"least":[0-9]+,"needs":\[.*"what":"weights","part":"encoder image","bytes":5949792.*"what":"reading","part":"[a-z]' out
(ulimit -f 1; "$omnio" run small.yaml --image a.png -o big.png --set steps.0.width=300 --set steps.0.height=300) > out 2> err
ok "a limit on files is a failure to write" [ $? -eq 74 ]
ok "... which is told" grep -q 'big.png: cannot be written: File too large' err
ok "... and leaves nothing" [ -z "$(find . -name '.omnio-*' -o -name big.png)" ]
cp a.png private.png && chmod 600 private.png
ok "a format without texts" run 0 small.yaml --image a.png -o s.ppm
ok "... is inspected all the same" gives 0 inspect s.ppm
ok "... with what it holds" sh -c 'grep -q "^holds  *image, .*4 x 3" out && grep -q "^texts  *none" out'
ok "a private file is replaced" run 0 small.yaml --image a.png -o private.png --overwrite
ok "... and stays private" [ -n "$(find private.png -perm 600)" ]
chmod 444 private.png
ok "a protected file is not" run 74 small.yaml --image a.png -o private.png --overwrite
ok "... which is told" grep -q 'protected' err

# Names and files.
mkdir one two full && cp a.png one/x.png && cp b.png two/x.png && cp a.png full/cat.png || exit 99
ok "two items do not share a file" run 1 small.yaml --image one/x.png two/x.png -o 'same-{name}.png' --overwrite
ok "... the second is told with the remedy" sh -c 'grep -q "two/x.png: same-x.png .*{index}" err && [ "$(grep -c wrote err)" -eq 1 ]'
ok "... in any spelling" run 1 small.yaml --image one/x.png two/x.png -o './one/../one/same-{name}.png' --overwrite
cp a.png 0.png && cp b.png 1.png && cp 0.png kept.png
ok "an input of another item is no output" run 2 small.yaml --image 1.png 0.png -o '{index}.png' --overwrite
ok "... nothing is written" sh -c 'cmp 0.png kept.png && ! grep wrote err && grep -q "0.png is an input" err'
ln 0.png link.png
ok "... by another name neither" run 2 small.yaml --image 1.png 0.png -o 'link.png' --overwrite --image b.png
printf '%s\n' '{"image": "1.png"}' '{"image": "0.png"}' > files.jsonl
ok "... nor in a batch" run 2 small.yaml --batch files.jsonl -o '{index}.png' --overwrite
ok "... which is as it was" cmp 0.png kept.png
ok "the batch is no output" run 2 words.yaml --batch batch.jsonl -o 'batch.jsonl' --overwrite
ok "the pipeline is no output" run 2 words.yaml --text x -o words.yaml --overwrite
ok "an output goes into one file" run 2 words.yaml --text x -o one.txt -o loud=two.txt
ok "... which is said" grep -q 'two files for the output loud, one.txt and two.txt' err
ok "a preview is of what a model makes" run 2 small.yaml --image a.png --preview p.png
ok "... or it is refused" grep -q 'this pipeline asks no model' err
cp words.yaml words.txt
ok "... by any suffix" run 2 words.txt --text x -o words.txt --overwrite
ok "... nor where it is drawn" run 2 words.yaml --dump-dot words.yaml --overwrite
mkdir rules && printf 'root ::= "yes" | "no"\n' > rules/say.txt && printf '{"type": "string"}\n' > schema.json || exit 99
cat > rules/say.yaml << 'EOP'
version: 1
model: nano
inputs: {question: {type: text}}
steps:
  - {generate: text, as: a, prompt: "{question}", answer: {grammar: say.txt}}
  - {generate: text, as: b, prompt: "{question}", answer: {json: ../schema.json}}
outputs: {a: {value: $a, file: new.txt}, b: $b}
EOP
ok "a grammar of the pipeline is no output" run 2 rules/say.yaml --question x -o b=rules/say.txt --overwrite
ok "... which is said" grep -q 'say.txt is a file that the pipeline names; outputs never overwrite it' err
ok "a schema neither" run 2 rules/say.yaml --question x -o a=./rules/../schema.json --overwrite
ok "... nor where it is drawn" run 2 rules/say.yaml --dump-dot schema.json --overwrite
ok "... and they are as they were" sh -c 'grep -q root rules/say.txt && grep -q string schema.json'
ok "... it is as it was" cmp words.yaml words.txt
mkdir model && cp "$top_srcdir"/models/nano/*.json model/ && for i in "$top_srcdir"/models/nano/*; do [ -e model/"${i##*/}" ] || ln -s "$i" model/; done
ok "a file of the model is no output" run 2 vqa -m ./model --image a.png --question x -o model/config.json --overwrite
ok "... it is as it was" cmp model/config.json "$top_srcdir/models/nano/config.json"
ok "an output that is not there is named" run 2 small.yaml --image a.png -o smal=x.png
ok "... with the nearest" grep -q 'did you mean "small"' err
ok "... or with all" sh -c "'$omnio' run small.yaml --image a.png -o picture=x.png 2>&1 | grep -q 'there is small'"
ok "an unknown suffix is told before the work" run 2 small.yaml --image none.png -o x.foo
ok "... with those that there are" grep -q 'no format writes .foo; image can be written as .*png' err
# The linker tells of every library it begins, each process in a file of its own.
begun() { sed -n 's|.*calling init: .*/\(format-[a-z0-9]*\)\.so.*|\1|p' ld.$! 2> /dev/null | sort -u | tr '\n' ' '; }
LD_DEBUG=files LD_DEBUG_OUTPUT=ld "$omnio" run small.yaml --image a.png -o begun.png > out 2> err < /dev/null &
wait $!
if [ -s ld.$! ]; then
    ok "a known one begins its own format alone" test "$(begun)" = "format-png "
else
    ok "a known one is written" [ -s begun.png ]
fi
rm -f ld.* begun.png
ok "a folder that is not there too" run 66 small.yaml --image none.png -o nowhere/x.png
ok "two outputs want two files" run 2 two.yaml --text x -o a=t.txt -o b=./t.txt
ok "... which is told" grep -q 'another output' err
ok "one picture has its name" run 0 small.yaml --image 'full/*.png' -o 'only-{name}.png'
ok "... as many have" [ -s only-cat.png ]
mkfifo fifo.png
ok "a pipe is no output" run 2 small.yaml --image a.png -o fifo.png --overwrite
ok "... which is told" grep -q 'no plain file' err
ok "--dump-dot keeps what is there" run 74 small.yaml --dump-dot kept.png
ok "... as it was" cmp 0.png kept.png
ok "an output goes to standard output" sh -c "'$omnio' run small.yaml --image a.png -o - | cmp - s.png"
ok "... in another format" sh -c "'$omnio' run small.yaml --image a.png -o small=-.jpg | od -An -tx1 -N3 | grep -q 'ff d8 ff'"
ok "... alone" run 2 small.yaml --image a.png b.png -o -
ok "... without JSON" run 2 small.yaml --image a.png -o - --format json

# Boxes and rows.
cat > boxes.yaml <<'END'
version: 1
inputs: {box: {type: regions, help: boxes}}
steps: []
outputs: {box: $box}
END
sed 's/box: {type: regions, help: boxes}/box: {type: points, help: points}/' boxes.yaml > points.yaml
echo '[{"point": [10.1234, 20]}]' > points.json
ok "points are told as boxes are" run 0 points.yaml --box points.json --format jsonl
ok "... to a hundredth" grep -qF '{"type":"points","version":1,"item":0,"output":"box","points":[{"point":[10.12,20]' out
cat > rows.yaml <<'END'
version: 1
inputs: {box: {type: regions, help: boxes}, names: {type: list, help: names}}
steps:
  - {map: $names, each: one, as: rows, keep: $box, steps: [{apply: text.upper, as: loud, in: $one}]}
outputs: {rows: $rows}
END
printf '%s\n' 'red cube: 1 2 3.5 4.25 (0.9)' 'a: b: 5 6 7 8' > printed
ok "boxes" run 0 boxes.yaml --box "$(cat printed)"
ok "... are taken as they are printed" cmp out printed
ok "... and as a person writes them" run 0 boxes.yaml --box '1,2, 3.5 ,4;5,6,7,8'
ok "... of several kinds" [ "$(cat out)" = "1 2 3.5 4
5 6 7 8" ]
ok "... which are nothing else" run 2 boxes.yaml --box '1,2,3'
ok "coordinates have a hundredth" run 0 boxes.yaml --box '1.23456,2,3.999,4' --format jsonl
ok "... in every event" [ "$(grep -c '\[1.23,2,4,4\]' out)" -eq 2 ]
ok "rows of a map" run 0 rows.yaml --box "$(cat printed)" --names a,b
ok "... are apart" [ "$(grep -c '^$' out)" -eq 1 -a "$(wc -l < out)" -eq 5 ]

# Batches.
printf '%s\n' '{"id": 9007199254740993, "text": "a"}' '{"id":true,"text":"b"}' '{"id": null , "text":"c"}' \
    '{"text": "d", "id" : {"a": [1e30, "}\" "]}, "place": "\u00e9,}", "n": 12345678901234567890}' '{"id":[2],"text":3}' > ids.jsonl
ok "ids and what is no input are handed through" run 1 words.yaml --batch ids.jsonl --format jsonl
ok "... as they stand" sh -c 'sed -n "s/.*\"id\":\(.*\),\"inputs\".*/\1/p" out | cmp - want' < /dev/null
ok "an id behind what is wrong" sh -c "printf '{\"text\": 3, \"id\": \"last\"}\n' | '$omnio' run words.yaml --batch - --format jsonl > late 2> /dev/null; grep -q '\"type\":\"error\".*\"id\":\"last\"' late"
cp a.png "$(printf 'b\377.png')" || exit 99
ok "a name that is no UTF-8" run 0 small.yaml --image "$(printf 'b\377.png')" --format jsonl -o odd.png
ok "... is JSON all the same" sh -c "iconv -f UTF-8 -t UTF-8 out > /dev/null && grep -qF '\"image\":\"b\\ufffd.png\"' out"
ok "... in a picture's origin too" gives 0 inspect --format json odd.png "$(printf 'b\377.png')"
ok "... and its name" sh -c "iconv -f UTF-8 -t UTF-8 out > /dev/null && grep -qF 'b\\ufffd.png' out"
ok "ids and what is no input once more" run 1 words.yaml --batch ids.jsonl --format jsonl
ok "... with an error too" grep -q '"type":"error".*"item":4,"id":\[2\],' out
printf '{"text": "a"}\r\n\r\n \t \r\n{"text": "b"}\r\n   ' > crlf.jsonl
ok "lines of spaces are no items" run 0 words.yaml --batch crlf.jsonl --format jsonl
ok "... others are" [ "$(grep -c done out)" -eq 2 ]
printf '\357\273\277{"text": "a"}\n' > bom.jsonl
ok "a byte order mark is no item" run 0 words.yaml --batch bom.jsonl --format jsonl
ok "... nor a part of a text" [ "$(printf '\357\273\277ab\n' | "$omnio" run words.yaml --text -)" = AB ]
printf 'tasks: 1\nversion: 1\n' > plain.yaml && (printf '\357\273\277' && cat plain.yaml) > bom.yaml
"$omnio" check plain.yaml 2> plain.err
"$omnio" check bom.yaml 2> bom.err
ok "... nor of a recipe" sh -c 'sed "s/bom/plain/" bom.err | cmp - plain.err'
awk 'BEGIN { printf "{\"text\": \""; for (i = 0; i < 17 * 1024; i++) printf "%01023d ", i; print "\"}"; print "{\"text\": \"short\"}" }' > long.jsonl
ok "a line that is too long is one bad item" run 1 words.yaml --batch long.jsonl --format jsonl
ok "... the next one is answered" grep -q '"item":1,.*SHORT' out
ok "... and it is told" grep -q 'long.jsonl:1: the line is longer than' err
printf '%s\n' '{"txet": "a"}' > typo.jsonl
ok "a misspelt input is missing" run 1 words.yaml --batch typo.jsonl
ok "... which is said" grep -q 'did you mean "text" by "txet"' err
ok "a round ends when it takes too much" run 0 small.yaml --image a.png b.png a.png -o 'm{index}.png' --memory 1
ok "an item that is too large is refused" run 65 small.yaml --image wide.png -o wide-small.png --memory 1
ok "... before there is room for it" grep -q 'wide.png: PNG: a picture of [0-9]* x [0-9]* pixels takes 3.1 MB of memory, and 1 are allowed' err
{ printf 'P5 2000 1000 255\n'; head -c 2000000 /dev/zero; } > wide.pgm
ok "... whatever its format" run 65 small.yaml --image wide.pgm -o wide-small.png --memory 1
ok "... and told so" grep -q 'PNM: a picture of 2000 x 1000 pixels takes 2.0 MB of memory, and 1 are allowed' err
ok "no option is no answer" run 65 categorize --image a.png --options ''
ok "... nor is an empty one" run 65 categorize --image a.png --options 'red,,blue'
ok "top-p 0 takes the likeliest" run 0 vqa --image a.png --question 'what colour is it?' --temp 20 --top-p 0 --seed 1
cp out likeliest
ok "... as 1e-9 does" run 0 vqa --image a.png --question 'what colour is it?' --temp 20 --top-p 1e-9 --seed 1
ok "... the same" cmp out likeliest
sed 's/max_tokens: 64/max_tokens: 64, sample: {temperature: 50, seed: 4}/' captions.yaml > hot.yaml
ok "--temp 0 wins over the pipeline" run 0 hot.yaml --image a.png --temp 0
cp out cold
ok "... and takes the likeliest" run 0 captions.yaml --image a.png
ok "... the same" cmp out cold

ok "--set changes the file" run 0 small.yaml --image a.png -o w.png --set steps.0.width=9
ok "--dry-run runs nothing" run 0 small.yaml --dry-run
ok "--dump-dot draws" sh -c "'$omnio' run small.yaml --dump-dot - | grep -q digraph"
mkfifo pipe
"$omnio" run words.yaml --batch - --format jsonl < pipe > live 2> live.err &
pid=$!
exec 3> pipe
echo '{"text": "kept"}' >&3
waits=0
until grep -q KEPT live || [ $waits -ge 300 ]; do sleep 0.1; waits=$((waits + 1)); done
kill -TERM $pid
wait $pid
code=$?
exec 3>&-
ok "SIGTERM stops with 143" [ $code -eq 143 ]
ok "... and what is finished is kept" grep -q '"type":"done".*KEPT' live

cat > both.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}}
steps:
  - {generate: text, as: caption, from: {image: $image}, max_tokens: 64, prompt: "Caption this image."}
  - {apply: image.resize, as: small, in: $image, width: 4, height: 3}
outputs: {caption: $caption, small: {value: $small, file: optional}}
END
if command -v script > /dev/null; then
    ok "a terminal" script -qec "'$omnio' run --no-color both.yaml --image a.png -o t.png" screen
    ok "... shows each message in a line of its own" grep -q '^omnio: wrote small: t.png' screen
else
    echo "ok $((number + 1)) # SKIP no script(1)"
    number=$((number + 1))
fi

ok "--plan asks nothing" run 0 both.yaml --image a.png --plan
ok "... shows the prompt" grep -q '^    text *"\[Text\] \[S\] Caption this image\."' out
ok "... and how long the answer may be" grep -q '^  max_tokens *64$' out
ok "--plan as JSON" run 0 both.yaml --image a.png --image a.png --plan --format json
ok "... is a list" sh -c 'head -n 1 out | grep -q "^\[$" && tail -n 1 out | grep -q "^\]$"'
ok "... of a question for each item" [ "$(grep -c '"type":"question"' out)" -eq 2 ]
ok "--plan as JSON Lines" run 0 both.yaml --image a.png --plan --format jsonl
ok "... has ids" grep -q '"request":{.*"ids":\[[0-9,]*,1\]' out
ok "--plan where the model is asked nothing" run 0 small.yaml --image a.png --plan
ok "... says so" grep -q 'asked nothing' err
cat > later.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}}
steps:
  - {generate: text, as: seen, from: {image: $image}, prompt: "Caption this image."}
  - {generate: text, as: again, from: {image: $image}, prompt: "{seen}"}
outputs: {again: $again}
END
ok "--plan where an answer is asked about" run 0 later.yaml --image a.png --plan
ok "... leaves that out and says it" grep -q 'generate again is left out: \$seen was not made' err
mkdir clip && cp "$top_srcdir/tests/golden/clip/tiny_a.hf/"* clip && cp "$top_srcdir/tests/golden/clip/tiny_a.bpe.txt.gz" clip &&
    sed -i '1s/^{/{"omnio": {"merges": "tiny_a.bpe.txt.gz"}, /' clip/config.json || exit 99
mkdir indexed && cp a.png indexed || exit 99
ok "an index" run 0 search-index -m ./clip --folder indexed -o index=i.safetensors
ok "--plan where what an answer makes can be left out" run 0 search -m ./clip --index i.safetensors --text cube --plan
ok "... leaves out what would be made of both" grep -q 'embedding.search is left out: \$by_text was not made' err
cp -R "$top_srcdir/models/nano" bare && rm -f bare/model.safetensors
ok "--plan of a model without weights" run 0 both.yaml --image a.png --plan -m ./bare
ok "... which cannot run" run 66 both.yaml --image a.png -m ./bare
ok "a picture from a model that writes none" run 69 image-generate --text cube -m nano
ok "... says what it writes" grep -q 'writes no "image"; it writes text' err
cp "$top_srcdir/examples/tabletop.png" drawn-over.png
ok "a drawing of the pipeline replaces no input" gives 2 run thumbnail --image drawn-over.png --dump-dot drawn-over.png \
    --overwrite
ok "... which is as it was" cmp drawn-over.png "$top_srcdir/examples/tabletop.png"
echo '{"image": "drawn-over.png"}' > twice.jsonl
ok "answers and their journal are two files" gives 2 run thumbnail --batch twice.jsonl -o '{index}-t.png' --answers one.jsonl \
    --journal one.jsonl
# script (bsdutils) is a terminal
if command -v script > /dev/null; then
    printf 'version: 1\ninputs: {t: {type: text, help: a text}}\nsteps: [{apply: text.lower, as: low, in: $t}]\noutputs: {low: $low}\n' \
        > loud.yaml
    printf 'A\033]0;owned\007\302\2332Jb' > loud.txt
    TERM=dumb script -qec "'$omnio' run loud.yaml --t '$(cat loud.txt)'" /dev/null < /dev/null > shown 2>&1
    ok "a text does not steer the terminal" grep -qF 'a\x1b]0;owned\x07\xc2\x9b2jb' shown
    "$omnio" run loud.yaml --t "$(cat loud.txt)" > piped 2> err
    ok "... and is as it is in a pipe" grep -qF "$(printf 'a\033]0;owned')" piped
fi
plan
