#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tasks that ask nothing: a recipe whose pipeline embeds is learnt from by the model's own loss. CLIP learns from nothing
# which of eight colours has which name, and says so by the pipelines that people use.
. "$top_srcdir/tests/cli/tap.sh"

mkdir clip pictures
cp "$top_srcdir/tests/golden/clip/tiny_a.hf/config.json" clip/ || exit 99
cp "$top_srcdir/tests/golden/clip/tiny_a.bpe.txt.gz" clip/bpe_simple_vocab_16e6.txt.gz || exit 99
while read -r name rgb; do
    {
        printf 'P6 32 32 255\n'
        i=0
        while [ $i -lt 1024 ]; do
            printf "$rgb"
            i=$((i + 1))
        done
    } > "pictures/$name.ppm"
    echo "{\"image\": \"$name.ppm\", \"names\": [{\"text\": \"a $name\"}, {\"text\": \"a $name\"}]}"
done > pictures/manifest.jsonl << 'EOF'
red \377\010\010
green \010\200\010
blue \010\010\377
white \370\370\370
black \001\001\001
yellow \377\377\010
purple \200\010\200
orange \377\240\010
EOF
cat > pairs.yaml << 'EOF'
version: 1
help: Colours and their names.
model: clip
sources:
  mine: {use: folder, path: pictures}
tasks:
  - {name: pairs, pipeline: pair, each: names, give: {image: /image, text: text}}
optimizer: {use: adamw, rate: 2e-3, warmup: 10}
batch: 8
steps: 80
EOF

ok "a task whose pipeline embeds is one" gives 0 check pairs.yaml
ok "its lessons are shown" gives 0 train pairs.yaml --show 1
ok "... without an answer" grep -q "nothing is asked" out
ok "... the text as its encoder makes it" grep -q "ids i32 \[[0-9]*\]" out
ok "it is learnt" gives 0 train pairs.yaml -o run
ok "eight pairs find each other (chance is 2.08)" \
    sh -c 'awk -F, "NR > 1 { x = \$4 } END { print x; exit !(x < 0.7) }" run/log.csv'
right=0
for name in red green blue white black yellow purple orange; do
    "$omnio" run classify -m ./run --image "pictures/$name.ppm" --templates "a {}" \
        --options red,green,blue,white,black,yellow,purple,orange > said 2> /dev/null
    head -n 1 said | grep -q "$name" && right=$((right + 1))
done
ok "the names are found by classify ($right of 8)" [ $right -ge 7 ]
ok "it goes on from where it was" gives 0 train pairs.yaml -o run --set steps=90
ok "there is nothing to score" gives 78 eval pairs.yaml -m ./run
sed 's/give: {image/want: {vector: text}, give: {image/' pairs.yaml > wants.yaml
ok "an answer where nothing is asked is refused" gives 78 check wants.yaml
ok "... and named" grep -q "want: the pipeline of this task embeds" err
sed 's/^optimizer/loss: cross-entropy\noptimizer/' pairs.yaml > other.yaml
ok "a loss that finds nothing of its own is refused" gives 69 check other.yaml
ok "... and named" grep -q "cross-entropy finds no loss" err
plan
