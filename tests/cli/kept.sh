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
answers > plain.txt

memory() { answers -v --keep 8 > kept.txt && cmp plain.txt kept.txt; }
ok "answers are the same when vectors are kept" memory
ok "... and one picture is looked at once" says 'ran 1 times for 1 inputs; found 2 in memory' err

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
