#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio show: examples of a source as text and as files.
. "$top_srcdir/tests/cli/tap.sh"

"$omnio" show tabletop > plain || exit 99
ok "a scene is told in lines" grep -q '^0.caption.0.answer: .* object' plain
ok "... pictures too" grep -q '^0.image: picture 128 x 128' plain
ok "... the second time alike" sh -c "'$omnio' show tabletop | cmp - plain"
ok "another number is another scene" sh -c "! '$omnio' show tabletop --from 1 | sed 's/^1/0/' | cmp -s - plain"
ok "another split too" sh -c "! '$omnio' show tabletop --split held-out | cmp -s - plain"
ok "several come after each other" sh -c "'$omnio' show tabletop-edits -n 3 --from 7 | grep -c text: | grep -x 3"

if "$omnio" list format | grep -q ' png '; then
    ok "a folder takes what is seen" "$omnio" show tabletop --set world=2 --set most=1 -o scenes
    for i in image mask depth depth-picture normals-picture things.0.mask refexp.0.picture; do
        ok "... $i" [ -s scenes/0.$i.png ]
    done
    ok "... texts are printed still" sh -c "'$omnio' show tabletop -o texts | grep -q '^0.caption.0.answer: '"
    ok "what is there is kept" gives 74 show tabletop --set most=1 -o scenes
    ok "... and told" grep -q 'scenes/0.image.png' err
    ok "... unless asked for" "$omnio" show tabletop --set most=1 -o scenes --overwrite
fi
if "$omnio" list format | grep -q ' wav '; then
    ok "sound is a file" sh -c "'$omnio' show tabletop-sounds -o sounds && [ -s sounds/0.audio.wav ]"
fi
ok "people have joints" sh -c "'$omnio' show tabletop-people | grep -q 'persons.0.joints: person: nose '"
ok "motion has a way" sh -c "'$omnio' show tabletop-motion | grep -qE '^0.answer: (left|right|away|closer)$'"
ok "the gripper has actions" sh -c "'$omnio' show tabletop-gripper | grep -q '^0.actions: 0 s: x '"

mkdir photos
printf '{"question": "how many?", "answer": "three"}\n' > photos/manifest.jsonl
ok "any source can be shown" sh -c "'$omnio' show folder --set path=photos | grep -qx '0.answer: three'"
ok "... up to its end" sh -c "'$omnio' show folder --set path=photos -n 5 | grep -c answer: | grep -x 1"
ok "... not past it" gives 2 show folder --set path=photos --from 1
ok "... which is told" grep -q '1 example' err
ok "a source that is not there" gives 66 show tabletob
ok "... names the nearest" grep -q 'tabletop' err
ok "a setting out of range" gives 2 show tabletop --set most=9
ok "no source at all" gives 2 show
touch file
ok "a folder that is none" gives 74 show tabletop -o file
plan
