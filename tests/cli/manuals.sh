#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the manuals show is proved: pipelines and recipes pass `omnio check`, pipelines run, the plugin and the
# program build and run.
. "$top_srcdir/tests/cli/tap.sh"

# blocks PAGE: each literal block of a manual into $here/block-N, as a reader would type it.
blocks() {
    rm -f "$here"/block-*
    awk -v at="$here/block-" '
        /^\.Bd -literal/ { n++; on = 1; next }
        /^\.Ed/ { on = 0 }
        on { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\-/, "-"); print > (at n) }' "$top_srcdir/man/$1"
}

mkdir "$here/photos"
cp "$(find "$top_srcdir/tests/foreign" -name 01.png | head -n 1)" "$here/photos/a.jpg" || exit 99
printf '{"image": "a.jpg", "question": "how many?", "answer": "three"}\n' > "$here/photos/manifest.jsonl"
# as_asked FILE: runs a pipeline of the manual with something for each of its inputs that has no default.
as_asked() {
    set -- "$1" --image photos/a.jpg --question "how many?" --text "two  words" --boxes 10,10,60,60 \
        --video "$top_srcdir/tests/video/moving.gif"
    file=$1; shift
    given=
    while [ $# -gt 0 ]; do
        grep -q "^  ${1#--}: {type" "$file" && given="$given $1 '$2'"
        shift 2
    done
    case $given in *.gif*) "$omnio" list format | grep -q ' gif.stream ' || return 0 ;; esac
    eval "$omnio run $file $given"
}
for page in omnio-pipeline.5 omnio-answer.5 omnio-recipe.5; do
    blocks $page
    found=0
    for block in block-*; do
        grep -q '^version: 1' "$block" || continue
        found=$((found + 1))
        mv "$block" "$found.yaml"
        ok "$page: example $found" "$omnio" check "$found.yaml"
        grep -q '^outputs:' "$found.yaml" && ok "... runs" as_asked "$found.yaml"
    done
    ok "$page has examples" [ $found -gt 0 ]
done

# each task of the page is a pipeline and a row of the table of tasks, and the other way round
sed -n 's/^\.It \([^E].*\) Ta \([^ ]*\) Ta [^ ]*$/\1:\2/p' "$top_srcdir/man/omnio-tasks.7" | sort > paged
sed -n 's/.*"row":"\([^"]*\)","pipeline":"\([^"]*\)".*/\1:\2/p' "$top_srcdir/tests/pipeline/tasks.jsonl" |
    sort > tabled
ok "there are tasks" [ "$(wc -l < tabled)" -gt 50 ]
ok "omnio-tasks.7 has the rows of the table" diff paged tabled
cut -d: -f2 tabled | sort -u > tested
grep -l '^model: unified-io-2' "$top_srcdir"/pipelines/*.yaml | sed 's|.*/||; s|\.yaml$||' | sort > shipped
# Those with a second model ask the first as their namesake does, which has one.
echo image-best >> tested && sort -o tested tested
ok "each pipeline for Unified-IO 2 has a row" [ -z "$(comm -23 shipped tested)" ]
for name in image-best:image-generate uio1-image-best:uio1-image-generate ofa-image-best:ofa-image \
    dalle-image-best:dalle-image; do
    for i in "${name%:*}" "${name#*:}"; do
        awk -v q="'" '/generate: image/ { on = 1 } on { print } on && $0 ~ "[\"" q "]}$" { exit }' \
            "$top_srcdir/pipelines/$i.yaml" |
            sed 's/ search: {n_best: [0-9]*},//; s/as: drawn/as: picture/' | tr -s ' \n' '  ' > asked-$i
    done
    ok "${name%:*} draws as ${name#*:} does" sh -c '[ -s "$0" ] && cmp "$0" "$1"' "asked-${name%:*}" "asked-${name#*:}"
done
blocks omnio-tasks.7
mv "$(grep -l '^version: 1' block-*)" task.yaml
ok "omnio-tasks.7: the example" "$omnio" check --no-model task.yaml

# each model has its place in the page of models, and each number of pipelines in the README is right
sed -n '/^\.It model/{n;s/^\.Li //;s/ , /\n/g;p}' "$top_srcdir/man/omnio-models.7" | sort -u > paged
"$omnio" list model | awk '{ print $2 }' | sort > listed
ok "omnio-models.7 has every model" diff paged listed
counted() {
    sed -n 's/^| [^|]* | \([0-9][0-9]*\), `\([a-z0-9]*\)-\*` .*/\1 \2/p' "$top_srcdir/README.md" > rows
    [ "$(wc -l < rows)" -gt 8 ] || return 1
    while read -r n name; do
        [ "$(ls "$top_srcdir/pipelines/$name"-*.yaml | wc -l)" = "$n" ] || { echo "$name: $n"; return 1; }
    done < rows
    grep -q "^| Unified-IO 2 | $(wc -l < shipped), " "$top_srcdir/README.md"
}
ok "the README counts the pipelines of families rightly" counted

blocks omnio-answer.5
"$omnio" list answer | awk '$1 == "answer" { print $2 }' > answers
ok "there are answers" [ -s answers ]
while read -r name; do
    ok "omnio-answer.5 shows $name" grep -q "answer: \({$name:\|$name}\)" block-*
done < answers

blocks omnio-plugin.7
cp block-1 shout.c
ok "omnio-plugin.7: the plugin builds" ${CC:-cc} -std=c11 -fPIC -fvisibility=hidden -shared \
    -I"$top_srcdir/include" -o shout.so shout.c
OMNIO_PLUGIN_PATH=$here
export OMNIO_PLUGIN_PATH
ok "... and is found" "$omnio" help text.shout
cat > shout.yaml <<'END'
version: 1
inputs: {question: {type: text, help: words}}
steps:
END
grep 'apply: text.shout' block-* | sed 's/^block-[0-9]*:/  /' >> shout.yaml
echo 'outputs: {loud: $loud}' >> shout.yaml
ok "... and runs" "$omnio" run shout.yaml --question hi
ok "... rightly" [ "$(tail -n 1 "$here/log")" = 'hi!!!' ]

grep -l 'omnio.op/1' block-* | head -n 1 | xargs -I@ cp @ sine.c
ok "the op builds" ${CC:-cc} -std=c11 -fPIC -fvisibility=hidden -shared -I"$top_srcdir/include" \
    -o sine.so sine.c -lm
ok "... and is found" "$omnio" help act.sine
grep -l 'omnio.row/1' block-* | head -n 1 | xargs -I@ cp @ row.c
ok "the row builds" ${CC:-cc} -std=c11 -Wall -Wextra -Werror -I"$top_srcdir/include" -c -o row.o row.c

# 80 columns are what a terminal has at least: no table is broader.
fits() {
    command -v groff > wide || return 0
    groff -man -Tutf8 -rLL=80n "$1" 2>&1 > page | grep "can't break line"
    [ $? -eq 1 ]
}
for page in "$top_srcdir"/man/*.[1357]; do
    ok "$(basename "$page") fits into 80 columns" fits "$page"
done

plan
