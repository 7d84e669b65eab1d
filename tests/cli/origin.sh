#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pictures and sounds say how they were made: what they say, what they keep to themselves, and that nothing a file
# says does anything to a terminal.
. "$top_srcdir/tests/cli/tap.sh"

"$omnio" list format | grep -q ' png ' || { echo "1..0 # SKIP no PNG here"; exit 0; }
export omnio
picture=$(find "$top_srcdir/tests/foreign" -name 01.png | head -n 1)
mkdir -p "$here/home/bob"
cp "$picture" "$here/home/bob/cat.png" || exit 99
cat > "$here/home/bob/ask.yaml" <<'END'
version: 1
inputs:
  image: {type: image, help: the picture}
  side: {type: number, default: 8, help: pixels}
steps:
  - {apply: image.resize, as: small, in: $image, width: $side, height: $side}
outputs:
  small: {value: $small, file: small.png}
END
ask() {
    "$omnio" run "$here/home/bob/ask.yaml" --image "$here/home/bob/cat.png" --overwrite "$@"
}
shown() { "$omnio" inspect "$@" > said 2> why; }
ok "a picture is made" ask --side 9
ok "... says so" shown small.png
ok "... and how large it is" grep -q '^holds  *picture 9 x 9, ' said
ok "... by which pipeline" grep -q '^  pipeline   ask$' said
ok "... of which version" grep -q "^  omnio      [0-9]" said
ok "... from which numbers" grep -q '^  inputs     {"side":"\{0,1\}9"\{0,1\}}$' said
ok "... and names no folder and no file" [ -z "$(grep -E 'home|bob|cat' said | grep -v "^file")" ]
ok "no path stands in it either" [ "$(grep -c -a -e bob -e "$here" small.png)" = 0 ]
cp small.png first.png
ok "the same again" ask --side 9
ok "... is the same file" cmp first.png small.png
"$omnio" inspect --format json small.png > said
ok "JSON holds it" grep -q '"key":"omnio","text":"{\\"omnio\\":' said
ok "nothing is told where it is not wanted" ask --side 9 --no-origin
shown small.png
ok "... nothing" [ "$(grep -c -e omnio$ -e pipeline said)" = 0 ]
ok "beside settings of the format" ask -o 'small=x.png?compression=9&text=Title: mine'
shown x.png
ok "... both" sh -c 'grep -q "^Title  *mine" said && grep -q "pipeline   ask" said'
ok "a text of one's own stands as it is" ask -o 'small=y.png?origin={"by": "hand"}'
shown y.png
ok "... alone" sh -c 'grep -q "^  by         hand" said && ! grep -q pipeline said'

cat > model.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}, question: {type: text, help: words}}
steps:
  - {generate: text, as: answer, from: {image: $image}, max_tokens: 2, prompt: "{question} A short answer to the question is"}
outputs: {answer: $answer, image: {value: $image, file: out.png}}
END
ok "a model is asked" "$omnio" run model.yaml -m "$top_srcdir/models/nano" --image "$picture" --overwrite \
    --question "is /home/bob/cat.png like ~/dog.png? (file:///etc/passwd) 1/2 and/or & so on=x?" --seed 7 --temp 0.5
shown out.png
ok "... by its name" grep -q '^  model      nano$' said
ok "... what it was asked" grep -q '"prompt":"is cat.png like dog.png? (file:passwd) 1/2 and/or & so on=x? A short answer' said
ok "... how" grep -q '"temperature":0.5,"seed":7' said
ok "... by which options" grep -q '"name":"seed","value":"7"' said
ok "... and no folder" [ "$(grep -c -a -e bob -e etc/ out.png)" = 0 ]

# as FORMAT SUFFIX STEP HOLDS: the result of a step in a file with that suffix, read back
as() {
    "$omnio" list format | grep -q "^format *$1 " || return 0
    cat > made.yaml <<END
version: 1
inputs:
  image: {type: image, help: the picture}
  side: {type: number, default: 8, help: "pixels, or pictures a second"}
  boxes: {type: regions, default: "1,2,30,40", help: boxes}
steps:
  - {apply: list.of, as: list, first: \$image, second: \$image}
  - {apply: $3}
outputs:
  number: \$side
  boxes: \$boxes
  two: {value: \$list, file: optional}
  it: {value: \$it, file: optional}
END
    ok "as .$2" "$omnio" run made.yaml --image "$picture" --side 4 -o "it=made.$2" --overwrite
    shown made.$2
    ok "... says which pipeline" grep -q '^  pipeline   made$' said
    ok "... and what it was given" grep -q '^  inputs     {"side":"\{0,1\}4"\{0,1\}}$' said
    ok "... and what it holds" grep -q "$4" said
    ok "... no path" [ "$(grep -c -a -e bob -e "$here" made.$2)" = 0 ]
    ok "... nothing unless it is wanted" \
        "$omnio" run made.yaml --image "$picture" --side 4 -o "it=made.$2" --overwrite --no-origin
    shown made.$2
    ok "... then nothing" [ "$(grep -c -e pipeline said)" = 0 ]
}
square='image.resize, as: it, in: $image, width: $side, height: $side'
as jpeg jpg "$square" '^holds  *picture 4 x 4, '
as webp webp "$square" '^holds  *picture 4 x 4, '
as svg svg 'draw.regions, as: at, drawing: it, in: $image, regions: $boxes' '^format  *svg'
as gif.video gif 'video.make, as: it, in: $list, rate: $side' '^holds  *picture [0-9]'
as video.mp4 mp4 'video.make, as: it, in: $list, rate: $side' '^holds  *stream of 2 '

esc=$(printf '\033')
ok "a text with control characters" ask -o "small=z.png?text=Title: ${esc}[31mred${esc}]0;x"
shown z.png
ok "... does nothing to a terminal" sh -c '! grep -q "$1" said && grep -q "x1b\[31mred" said' - "$esc"
printf '\211PNG\r\n\032\n' > cut.png
ok "a file that is cut off is refused" sh -c '! "$omnio" inspect cut.png 2> why && [ "$(wc -l < why)" = 1 ]'
head -c 300 small.png > cut.png
ok "... later as well" sh -c '! "$omnio" inspect cut.png 2> why && grep -q "cut.png: PNG: the file ends early" why'

if "$omnio" list format | grep -q ' wav ' && "$omnio" list operation | grep -q ' audio.mono '; then
    cat > sound.yaml <<'END'
version: 1
inputs: {audio: {type: audio, help: a sound}}
steps: [{apply: audio.mono, as: sound, in: $audio}]
outputs: {sound: {value: $sound, file: sound.wav}}
END
    for i in wav flac ogg; do
        ok "a sound as .$i" "$omnio" run sound.yaml --audio "$top_srcdir/tests/fuzz/seeds/tone.wav" -o s.$i
        shown s.$i
        ok "... says how it was made" grep -q '^  pipeline   sound$' said
        ok "... and unless wanted not" "$omnio" run sound.yaml --audio "$top_srcdir/tests/fuzz/seeds/tone.wav" \
            -o n.$i --no-origin
        shown n.$i
        ok "... nothing" [ "$(grep -c pipeline said)" = 0 ]
    done
    ok "the samples are the same" sh -c '"$omnio" run sound.yaml --audio s.wav -o a.wav --no-origin && cmp a.wav n.wav'
fi
plan
