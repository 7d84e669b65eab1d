#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Texts with parts taken out as lessons: what is shown and what is wanted put the text together again, by every
# denoiser; and how often sources are drawn from, by size and by group.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

mkdir texts few || exit 99
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    printf '{"text": "there is a red cube and a green ball on the table, and number %s is a blue cone beside a white cylinder"}\n' $i
done > texts/manifest.jsonl
head -n 4 texts/manifest.jsonl > few/manifest.jsonl
# models/nano has 64 tokens of places and nothing else to mark a gap with: here half of them are places
mkdir model
cp "$top_srcdir"/models/nano/tokenizer.model model
sed 's/"location_bins": 64/"location_bins": 32/; s/"location_first": 0/"location_first": 32/' \
    "$top_srcdir"/models/nano/config.json > model/config.json
cat > recipe.yaml <<'E2'
version: 1
model: ./model
sources: {mine: {use: folder, path: texts, held_out: 0}}
tasks:
  - {name: spans, pipeline: complete, source: mine, give: {text: text}, want: {rest: text},
     denoise: {mix: spans, sentinels: 32}}
optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 64, targets: 48}
batch: 2
steps: 3
E2

# The lessons of --show as "ids seen | ids wanted", end tokens left out.
lessons() {
    awk '/of [0-9]+ tokens:/ { sub(/.*tokens: */, ""); n = split($0, t, " "); s = ""
            for (i = 1; i < n; i++) s = s " " t[i]
            if (odd = !odd) seen = s; else print seen " |" s }' out
}
# Each lesson put together, a text of ids a line, its prefix left out; nano writes sentinel k as 947 - k.
together() {
    lessons | awk '{
        half = index($0, "|"); n = split(substr($0, 1, half - 1), a, " "); m = split(substr($0, half + 1), b, " ")
        at = 1; s = ""; sentinel = 947
        for (i = 2; i <= n; i++) {
            if (a[i] > 947 || a[i] < 916) { s = s " " a[i]; continue }
            if (a[i] != sentinel || b[at] != sentinel) { print "sentinels out of order"; exit }
            sentinel--
            for (at++; at <= m && (b[at] > 947 || b[at] < 916); at++) s = s " " b[at]
        }
        for (; at <= m; at++) s = s " " b[at]
        print s }'
}
sed 's/, *$/}/; /denoise/d' recipe.yaml > whole.yaml
sed -i 's/want: {rest: text}}/want: {rest: text}}/' whole.yaml
ok "whole texts" gives 0 train whole.yaml --show 16
lessons | sed 's/.*|//' | sort -u > want
ok "... are sixteen" [ "$(wc -l < want)" -eq 16 ]
tried() {
    ok "$1" gives 0 train recipe.yaml --show 16 --set tasks.0.denoise.mix="$2"
    ok "... begins with its prefix" sh -c "[ \"\$(grep -c '^    [0-9]* of 64 tokens: $3 ' out)\" -eq 16 ]"
    together | sort -u > back
    ok "... and can be put together" cmp back want
}
tried "span corruption" spans 951
ok "... shows its gaps" sh -c '[ "$(grep -c "question: .*\[R\].*<extra_id_0>" out)" -eq 16 ]'
# 27 or 28 tokens: 4 of them in one span (4.05 and 4.2; 1.33 spans of 3)
ok "... 15 % of the tokens in spans of 3" sh -c "grep -A 1 'answer' out | grep 'of 48 tokens' | awk '{ if (\$1 < 5 || \$1 > 8) exit 1 }'"
sed 's/mix: .*, sentinels/mix: [{mode: S}], sentinels/' recipe.yaml > s.yaml
ok "continuation" gives 0 train s.yaml --show 16
together | sort -u > back
ok "... of the same texts" cmp back want
ok "... without gaps" sh -c '! grep -q extra_id out'
sed 's/mix: .*, sentinels/mix: [{mode: X, rate: 0.5, span: 3}], sentinels/' recipe.yaml > x.yaml
ok "extreme corruption" gives 0 train x.yaml --show 16
together | sort -u > back
ok "... of the same texts too" cmp back want
ok "all of them" gives 0 train recipe.yaml --show 64 --set tasks.0.denoise.mix=ul2
ok "... come by chance" sh -c 'for p in 950 951 952; do grep -q "tokens: $p " out || exit 1; done'
cp out first
ok "the same again" gives 0 train recipe.yaml --show 64 --set tasks.0.denoise.mix=ul2
ok "... for the same seed" cmp first out
ok "others" gives 0 train recipe.yaml --show 64 --set tasks.0.denoise.mix=ul2 --set seed=2
ok "... for another one" sh -c '! cmp -s first out'
ok "a long text" gives 0 train recipe.yaml --show 16 --set pack.inputs=16
ok "... is cut to what has room" sh -c "[ \"\$(grep -c ' of 16 tokens: 951' out)\" -eq 16 ]"
ok "it trains" gives 0 train recipe.yaml -o run --set tasks.0.denoise.mix=ul2
ok "sentinels that the model has not" gives 78 check recipe.yaml --set 'tasks.0.denoise.sentinel=<none_{}>'
ok "... are told" says 'recipe.yaml:6:[0-9]*: .*the model.s tokenizer has no token <none_0>'
ok "those that stand for places" gives 78 check recipe.yaml --set model=nano
ok "... too" says 'the sentinel <extra_id_0> is a token of "location" in this model; first:'
ok "a mixture that is not there" gives 78 check recipe.yaml --set tasks.0.denoise.mix=ul3
ok "... is told with those that are" says '"ul3": ul2, spans or a list of denoisers is wanted'
sed 's/pipeline: complete/pipeline: caption/; s/give: {text: text}/give: {image: text}/; s/rest: text/caption: text/' recipe.yaml > wrong.yaml

# sources by size and by group
cat > mixed.yaml <<'E2'
version: 1
model: nano
sources:
  many: {use: folder, path: texts, held_out: 0}
  few: {use: folder, path: few, held_out: 0}
tasks:
  - {name: a, pipeline: complete, source: many, give: {text: text}, want: {rest: text}}
  - {name: b, pipeline: complete, source: few, give: {text: text}, want: {rest: text}}
optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 64, targets: 48}
batch: 2
steps: 3
E2
# share NAME OPTION..: how many of 600 lessons are of task a
share() {
    name=$1
    shift
    ok "$name" gives 0 train mixed.yaml --show 600 "$@"
    part=$(grep -c '^task a' out)
}
# four deviations of a binomial of 600 draws are 49 at one half, 46 at two thirds, 39 at four fifths
near() { [ "$part" -gt $(($1 - $2)) ] && [ "$part" -lt $(($1 + $2)) ]; }
share "sources are drawn alike"
ok "... half and half" near 300 49
share "by size" --set sizes=size
ok "... sixteen to four" near 480 39
share "by its root" --set sizes=root
ok "... four to two" near 400 46
sed 's/^tasks:/sizes: root\ngroups: {books: 1, notes: 3}\n&/; s/path: texts,/group: books, &/; s/path: few,/group: notes, &/' mixed.yaml > group.yaml
cp group.yaml mixed.yaml
share "by group"
ok "... one to three" near 150 42
ok "a group without a source" gives 78 check mixed.yaml --set groups.more=1
sed 's/group: notes, //' group.yaml > wrong.yaml
ok "a source without a group" gives 78 check wrong.yaml
ok "... is told" says 'source few belongs to no group'
sed 's/{books: 1, /{/' group.yaml > wrong.yaml
ok "a group that is not there" gives 78 check wrong.yaml
ok "... is told too" says 'there is no group books'
sed 's/few: .*/few: {use: tabletop}/; /groups/d; s/group: books, //' group.yaml > wrong.yaml
ok "a source without end has no size" gives 78 check wrong.yaml
ok "... which is said" says 'source few has no end'

plan
