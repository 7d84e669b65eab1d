#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Values of every kind on the command line: by file, as JSON, in a batch, and written again.
. "$top_srcdir/tests/cli/tap.sh"
export omnio

cat > depth.yaml <<'END'
version: 1
inputs:
  depth: {type: depth, help: metres}
  camera: {type: camera, help: the camera}
steps:
  - {apply: normals.from_depth, as: normals, in: $depth, camera: $camera}
outputs: {normals: {value: $normals, file: optional}, depth: $depth}
END
cat > boxes.yaml <<'END'
version: 1
inputs: {box: {type: regions, help: boxes}}
steps:
  - {apply: list.length, as: n, in: $box}
outputs: {n: $n, box: $box}
END
cat > choose.yaml <<'END'
version: 1
inputs: {among: {type: options, help: choices}}
steps:
  - {apply: options.best, as: best, in: $among}
outputs: {best: $best}
END
depth='{"depth":[[1,1,1],[1,null,1]]}'
camera='{"focal":[1,1],"center":[1.5,1],"size":[3,2]}'
printf '%s' "$depth" > depth.json
printf '%s' "$camera" > camera.json
printf '%s\n' '{"box":[0,0,9,9]}' '{"box":[[0,0,9,9],[1,1,2.005,2]]}' '{"box":"0,0,9,9"}' \
    '{"box":[{"box":[0,0,9,9],"label":"a"}]}' '{"box":"a: 0 0 9 9 (0.5)"}' > boxes.jsonl
printf '%s\n' '{"box":[0,0,9]}' '{"box":7}' > bad.jsonl

ok "JSON in a file is a depth" gives 0 run depth.yaml --depth depth.json --camera camera.json
ok "... as people read it" grep -qx 'depth 3 x 2, 1 m to 1 m' out
ok "JSON may stand on the command line" gives 0 run depth.yaml --depth depth.json --camera "$camera" --format json
ok "... and comes out in full" grep -q '"depth":{"$kind":"depth","depth":\[\[1,1,1\],\[1,null,1\]\]}' out
ok "a result is written as tensors" gives 0 run depth.yaml --depth depth.json --camera camera.json -o normals=n.safetensors
ok "... that other programs see" gives 0 inspect n.safetensors --format json
ok "... all 18 numbers" grep -q '"tensors":1,"parameters":18,' out
cat > back.yaml <<'END'
version: 1
inputs: {n: {type: normals, help: normals}}
steps:
  - {record: {n: $n}, as: r}
outputs: {n: $n}
END
ok "... and read again" gives 0 run back.yaml --n n.safetensors
ok "... as what it is" grep -q 'normals 3 x 2' out
cat > told.yaml <<'END'
version: 1
inputs: {told: {type: grounded, help: a text with boxes}}
steps:
  - {record: {told: $told}, as: r}
outputs: {told: $told}
END
ok "a text with boxes may have none" gives 0 run told.yaml --told '{"text":"a cup","span":[],"box":[]}'
ok "... and is printed" grep -qx 'a cup' out
ok "another kind in the file is told" gives 65 run depth.yaml --depth n.safetensors --camera camera.json
ok "... by both names" grep -q 'holds a value of type normals, wanted is depth' err
ok "an unknown type names the nearest" sh -c "sed s/regions/regoins/ boxes.yaml > bad.yaml; ! \"$omnio\" check bad.yaml 2> err; grep -q 'did you mean \"regions\"?' err"
ok "boxes are what they look like" gives 0 run boxes.yaml --batch boxes.jsonl --format jsonl
ok "... all of them" [ "$(grep -c '"type":"done"' out)" -eq 5 ]
ok "... to a hundredth of a pixel" grep -q '{"box":\[1,1,2.0[01],2\]}' out
ok "... with label and score" grep -q '{"box":\[0,0,9,9\],"label":"a","score":0.5}' out
ok "what is no box says what one is" gives 1 run boxes.yaml --batch bad.jsonl
ok "... in each line" [ "$(grep -c 'a box is \[x0, y0, x1, y1\] in pixels' err)" -eq 2 ]
ok "words are options" gives 0 run choose.yaml --among "yes, no"
ok "... the first of equals" grep -qx 'yes' out
cat > list.yaml <<'END'
version: 1
inputs: {list: {type: list, help: texts}}
steps: []
outputs: {list: $list}
END
ok "a list may begin with braces" gives 0 run list.yaml --list '{} on a table, {}'
ok "... which are a text" sh -c '[ "$(cat out)" = "{} on a table
{}" ]'
if "$omnio" list format | grep -q ' video.sound '; then
    cat > heard.yaml <<'END'
version: 1
inputs:
  video: {type: stream, help: a video}
  audio: {type: audio, default: $video, help: a sound}
steps:
  - {apply: list.length, as: pictures, in: $video}
  - {apply: value.text, as: heard, in: $audio}
  - {apply: video.with_sound, as: film, in: $video, sound: $audio}
  - {apply: video.sound, as: again, in: $film}
outputs: {pictures: $pictures, heard: $heard, again: {value: $again, file: optional}, film: {value: $film, file: optional}}
END
    clip=$top_srcdir/tests/video/sound.mp4
    ok "a sound is that of the video's file" gives 0 run heard.yaml --video "$clip"
    cp out heard
    ok "... as if it were given" sh -c '"$omnio" run heard.yaml --video "$1" --audio "$1" > out && cmp out heard' - "$clip"
    ok "... unless another is" gives 0 run heard.yaml --video "$clip" --audio "$top_srcdir/tests/fuzz/seeds/tone.wav"
    ok "... which is heard" sh -c '! cmp -s out heard'
    echo "{\"video\": \"$clip\"}" > heard.jsonl
    ok "... in a batch too" gives 0 run heard.yaml --batch heard.jsonl --format jsonl
    ok "... of each line" grep -q "$(sed -n 's/^heard: //p' heard)" out
    ok "a video without one says so" gives 65 run heard.yaml --video "$top_srcdir/tests/video/plain.webm"
    ok "... and whose" grep -q -e '--audio: .*plain.webm: there is no sound in it' err
    if "$omnio" list format | grep -q ' video.mp4 '; then
        ok "a film takes it along" gives 0 run heard.yaml --video "$clip" -o film=film.mp4
        ok "... to where it is heard" gives 0 run heard.yaml --video film.mp4
        ok "... as many pictures, as long a sound" sh -c '[ "$(sed "s/ s,.*//; s/[.].*//" out)" = "$(sed "s/ s,.*//; s/[.].*//" heard)" ]'
    fi
fi
ok "help shows how a kind is written" gives 0 run choose.yaml --help
ok "... by its form" grep -q -- '--among A,B,...' out
ok "help shows an example that runs" grep -q -- '--among yes,no' out
ok "kinds are listed" gives 0 list value
ok "... ours" grep -q '^value *depth ' out
ok "... for scripts" gives 0 list value --exists mask
ok "a kind has a help" gives 0 help depth
ok "... of its columns" grep -q 'depth  f32 \[h,w\], m, 0..10000000, elements may be missing' out
plan
