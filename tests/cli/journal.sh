#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A batch that is killed at any moment and started again ends as one that was not: each answer told once,
# each file whole, nothing left over. OMNIO_KILLS says how often it is killed (10, in make check-all 200),
# OMNIO_ITEMS how many items there are (300).
. "$top_srcdir/tests/cli/tap.sh"

usual=10
[ "${OMNIO_TEST-}" = all ] && usual=200
kills=${OMNIO_KILLS-$usual}
many=${OMNIO_ITEMS-300}
loud_batch $many
says() { grep -q -e "$1" err || { cat err; return 1; }; }

# batch FOLDER ARGUMENT...: a run of the batch whose files go to the folder. In a shell of its own, which it
# takes the place of.
batch() {
    to=$1
    shift
    exec "$omnio" run both.yaml --batch many.jsonl --format jsonl -t 1 -o "small=$to/{index}.png" -q "$@"
}

# told FILE...: each answer of the batch is there once, and every line is whole.
told() {
    cat "$@" > all
    grep -v '^{"type":"[a-z]*".*}$' all && return 1
    grep '"type":"done"' all | sed 's/.*"id":\([0-9]*\),.*"loud":"WORDS OF \([0-9]*\)".*/\1 \2/' | sort -n > ids
    awk -v many=$many '$1 != NR - 1 || $2 != $1 { print "line " NR ": " $0; bad = 1 }
        END { if (NR != many) { print NR " answers"; bad = 1 } exit bad }' ids
}

# whole FOLDER: the files of a run are those of the run that nobody killed, and no others.
whole() { diff -r reference "$1"; }

mkdir reference
ok "a batch" gives 0 run both.yaml --batch many.jsonl --format jsonl -o 'small=reference/{index}.png'

mkdir one
round=0
while [ $round -lt "$kills" ]; do
    round=$((round + 1))
    killed $round 0.25 batch one --journal one.journal >> one.jsonl 2>> one.err
done
(batch one --journal one.journal >> one.jsonl 2>> one.err)
ok "killed and started again it comes to its end" [ $? -eq 0 ]
ok "... without a complaint" uncomplaining one.err
ok "... every answer told once in one file" told one.jsonl
ok "... every file whole" whole one
cp one.jsonl before
(batch one --journal one.journal >> one.jsonl)
ok "once more finds nothing to do" [ $? -eq 0 ]
ok "... and says no answer again" [ "$(grep -c done before)" = "$(grep -c done one.jsonl)" ]

mkdir each
round=0
while [ $round -lt "$kills" ]; do
    round=$((round + 1))
    killed $round 0.25 batch each --journal each.journal > each-$round.jsonl 2>> each.err
done
(batch each --journal each.journal > each-last.jsonl 2>> each.err)
ok "the same with a file for each start" [ $? -eq 0 ]
ok "... without a complaint" uncomplaining each.err
ok "... every answer told once in one of them" told each-*.jsonl
ok "... every file whole" whole each

mkdir beside
round=0
while [ $round -lt "$kills" ]; do
    round=$((round + 1))
    killed $round 0.25 batch beside --answers beside.jsonl 2>> beside.err
done
(batch beside --answers beside.jsonl 2>> beside.err)
ok "the same with --answers" [ $? -eq 0 ]
ok "... without a complaint" uncomplaining beside.err
ok "... every answer told once" told beside.jsonl
ok "... every file whole" whole beside

(batch one --journal one.journal > one.jsonl)
ok "a file that was emptied is told all again" told one.jsonl
sed 's/words of 7"/other words"/' many.jsonl > other.jsonl
ok "another batch is refused" gives 2 run both.yaml --batch other.jsonl --format jsonl -t 1 -o 'small=one/{index}.png' -q --journal one.journal
ok "... in one line" [ "$(grep -c . err)" -eq 1 ]
ok "... which says why" says 'one.journal is the journal of another run'
mv many.jsonl kept.jsonl
mv other.jsonl many.jsonl
ok "... also one of the same name" gives 2 run both.yaml --batch many.jsonl --format jsonl -t 1 -o 'small=one/{index}.png' -q --journal one.journal
ok "... and told so" says 'one.journal is the journal of another run'
mv kept.jsonl many.jsonl
ok "another option is refused" gives 2 run both.yaml --batch many.jsonl --format jsonl --seed 3 -o 'small=one/{index}.png' --journal one.journal
ok "... and told so" says 'one.journal is the journal of another run'
mkdir two
ok "another place for files is refused" gives 2 run both.yaml --batch many.jsonl --format jsonl -o 'small=two/{index}.png' --journal one.journal
ok "... and told so" says 'one.journal is the journal of another run'
echo '# changed' >> both.yaml
ok "another pipeline is refused" gives 2 run both.yaml --batch many.jsonl --format jsonl -o 'small=one/{index}.png' -q --journal one.journal
ok "... and told so" says 'one.journal is the journal of another run'
sed -i '$d' both.yaml
ok "more threads are the same run" gives 0 run both.yaml --batch many.jsonl --format jsonl -t 2 --rows 3 -o 'small=one/{index}.png' --journal one.journal
ok "a file that is no journal is left alone" gives 2 run both.yaml --batch many.jsonl --journal both.yaml
head -n 1 one.journal > torn && printf 'item 3 ' >> torn
ok "half a record does not count" gives 0 run both.yaml --batch many.jsonl --format jsonl -o 'small=one/{index}.png' --overwrite --journal torn
ok "... and all is done" [ "$(grep -c '"done"' out)" -eq $many ]
ok "answers that are there without a journal are kept" gives 2 run both.yaml --batch many.jsonl --answers before
ok "a list of JSON has no journal" gives 2 run both.yaml --batch many.jsonl --format json --journal list
ok "one item has no journal" gives 2 run both.yaml --image a.png --text x --journal single
ok "the batch is no place for answers" gives 2 run both.yaml --batch many.jsonl --answers many.jsonl --overwrite
ok "... and is as it was" [ "$(wc -l < many.jsonl)" -eq $many ]

printf '%s\n' '{"image": "a.png", "text": "a"}' '{"image": "none.png", "text": "b"}' > bad.jsonl
ok "an item that failed" gives 1 run both.yaml --batch bad.jsonl --format jsonl --journal bad.journal
cp a.png none.png
ok "... is tried again" gives 0 run both.yaml --batch bad.jsonl --format jsonl --journal bad.journal
ok "... beside what the file had told before" [ "$(grep -c '"done"' out)" -eq 2 -a -n "$(grep '"item":1.*"loud":"B"' out)" ]

plan
