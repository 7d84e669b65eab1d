#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a kill leaves at its worst moments, made by hand: a record cut in the middle, an answer that is in doubt and
# another's line at its place, lines that are no records, a run that is still at work.
. "$top_srcdir/tests/cli/tap.sh"

printf '%s\n' 'version: 1' 'inputs: {text: {type: text, help: words}}' \
    'steps: [{apply: text.upper, as: loud, in: $text}]' 'outputs: {loud: $loud}' > loud.yaml
for i in 0 1 2 3 4 5; do echo "{\"id\": $i, \"text\": \"words of $i\"}"; done > many.jsonl
says() { grep -q -e "$1" err || { cat err; return 1; }; }
again() { "$omnio" run loud.yaml --batch many.jsonl --format jsonl -q -t 1 --journal journal >> out.jsonl 2> err; }

# told: each answer is in out.jsonl once, every line is whole.
told() {
    cat out.jsonl err
    grep -v '^{"type":"[a-z]*".*}$' out.jsonl && return 1
    [ "$(sed -n '/"type":"done"/s/.*"loud":"WORDS OF \([0-9]\)".*/\1/p' out.jsonl | sort | tr -d '\n')" = 012345 ]
}

ok "a run with a journal" again
ok "... tells every answer" told
cp journal whole.journal
cp out.jsonl whole.jsonl
# The file stays the one that it was: what is in it is replaced.
torn() {
    cat whole.journal > journal
    cat whole.jsonl > out.jsonl
}
last=$(grep -ab '^item ' journal | tail -n 1)
from=${last%%:*}                                        # where the last record begins
answer=$((from + ${#last} - ${#from}))              # and its answer
lost() { head -n -1 whole.jsonl > out.jsonl; }

torn
lost
head -c $((answer + 20)) whole.journal > journal
ok "a record that was cut in its answer" again
ok "... does not count" told

torn
lost
head -c $((from + 9)) whole.journal > journal
ok "a record that was cut in its numbers" again
ok "... does not count" told

torn
lost
length=$(tail -n 1 whole.jsonl | wc -c)
head -c $((answer + length)) whole.journal > journal    # and not that it was told
ok "an answer that was written down and not told" again
ok "... is told" told

torn
lost
printf '{"type":"note","text":"%0300d"}\n' 0 >> out.jsonl
head -c $((answer + length)) whole.journal > journal
ok "another's line in its place" again
ok "... is no answer" told

torn
head -n 1 whole.journal > journal
printf '%05000d\n' 0 >> journal
: > out.jsonl
ok "a long line that is no record" again
ok "... ends what counts" told

torn
ok "a journal that another run holds is refused" \
    sh -c 'flock journal "$0" run loud.yaml --batch many.jsonl --format jsonl -q --journal journal > out 2> err; [ $? -eq 2 ]' "$omnio"
ok "... with the reason" says 'another run is at work with this journal'

ok "a journal that cannot be begun" \
    gives 74 run loud.yaml --batch many.jsonl --format jsonl --answers new.jsonl --journal none/journal
ok "... is told on standard output as well" grep -q '"type":"error".*"text":"none/journal: ' out
ok "... and leaves no answers in the way" [ ! -e new.jsonl ]

plan
