#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What encoders make of pictures is kept for the next question: in memory, and in a folder for later
# runs. Answers stay as they are, and -v and bench count.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" "$2" || { cat "$2"; return 1; }; }

picture=$top_srcdir/examples/tabletop.png
for question in "What colour is the cube?" "How many things are there?" "Is there a ball?"; do
    printf '{"image": "%s", "question": "%s"}\n' "$picture" "$question"
done > asked.jsonl

# the answers without what differs from run to run
answers() {
    "$omnio" run vqa --batch asked.jsonl --rows 1 --format jsonl "$@" 2> err > out || return 1
    sed 's/,"seconds":[0-9.]*//' out
}
answers --keep 0 > plain.txt

memory() { answers -v --keep 8 > kept.txt && cmp plain.txt kept.txt; }
ok "answers are the same when vectors are kept" memory
ok "... and one picture is looked at once" says 'ran 1 times for 1 inputs; found 2 in memory' err

unasked() {
    "$omnio" run -v vqa --batch asked.jsonl --rows 1 --format jsonl 2> err > out || return 1
    sed 's/,"seconds":[0-9.]*//' out | cmp plain.txt -
}
ok "many items keep vectors unasked" unasked
ok "... and look once" says 'ran 1 times for 1 inputs; found 2 in memory' err
unplanned() { gives 0 run vqa --dry-run --batch asked.jsonl && says 'kept *64.00 MB ' out; }
ok "... of which the plan knows" unplanned

# Files that lines name are read once, as long as they are what they were: here each line has a picture
# of its own, under one name.
cp "$top_srcdir/tests/foreign/povray/01.png" one.png || exit 99
cp "$top_srcdir/tests/foreign/povray/04.png" other.png || exit 99
cat > sizes.yaml <<'END'
version: 1
help: The width of a picture.
inputs: {image: {type: image, help: it}}
steps:
  - {apply: image.resize, as: small, in: $image, width: 8, height: 8}
outputs: {small: $small}
END
changing() {
    rm -f now.png small-*.png && cp one.png now.png || return 1
    { echo '{"image": "now.png"}'; sleep 1; cp other.png now.png; echo '{"image": "now.png"}'
      echo '{"image": "one.png"}'; echo '{"image": "other.png"}'; } |
        "$omnio" run sizes.yaml --batch - --no-origin -o 'small-{index}.png' > out 2> err || { cat err; return 1; }
    cmp small-0.png small-2.png && cmp small-1.png small-3.png && ! cmp -s small-0.png small-1.png
}
ok "a file that was changed meanwhile is read again" changing

# Items that wait for others say what they say alone.
for file in "$top_srcdir"/tests/foreign/povray/0[1-9].png "$picture"; do
    printf '{"image": "%s"}\n' "$file"
done > seen.jsonl
waiting() {
    "$omnio" run caption --batch seen.jsonl --rows 1 --keep 0 > alone 2> err || return 1
    for rows in 2 3 8; do
        "$omnio" run caption --batch seen.jsonl --rows $rows > many 2> err && cmp alone many || return 1
    done
}
ok "captions of different lengths are the same, so many at once or one" waiting

first() { answers -v --keep 0 --keep-folder there > kept.txt && cmp plain.txt kept.txt; }
ok "a folder serves as well" first
ok "... which has what is not in memory" says 'found 0 in memory and 2 in the folder, where 0' err
ok "a later run finds it" first
ok "... and makes nothing" says 'ran 0 times for 0 inputs; found 0 in memory and 3 in' err

damaged() {
    for file in there/*; do printf damage | dd of="$file" bs=1 seek=100 conv=notrunc 2> /dev/null; done
    first
}
ok "what is damaged is made again" damaged
ok "... and told" says 'ran 1 times for 1 inputs; found 0 in memory and 2 in the folder, where 1' err

no_folder() {
    gives 74 run vqa --image "$picture" --question "what?" --keep-folder asked.jsonl &&
        says 'asked.jsonl is no folder' err
}
ok "a file is no folder to keep things in" no_folder

counts() {
    gives 0 bench nano --runs 2 --max-tokens 2 --keep 8 --format json &&
        says '"kept":{"made":1,"runs":1,"from_memory":2,"from_folder":0,"damaged":0,"bytes":' out
}
ok "bench counts" counts
dry() {
    gives 0 run vqa --dry-run --keep 8 &&
        says 'kept *8.00 MB  kept of what encoders make of inputs, at most' out
}
ok "the plan has it in its memory" dry
plan
