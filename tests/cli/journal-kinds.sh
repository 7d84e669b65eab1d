#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A batch of values of every kind, in its lines and in files, that is killed at any moment and started again
# says and writes what one says and writes that nobody killed. OMNIO_KILLS says how often it is killed (4),
# OMNIO_ITEMS how many items there are (80).
. "$top_srcdir/tests/cli/tap.sh"

kills=${OMNIO_KILLS-4}
many=${OMNIO_ITEMS-80}
cat > kinds.yaml <<'YAML'
version: 1
inputs:
  sound: {type: audio}
  moves: {type: actions}
  film: {type: video}
  mask: {type: mask}
  depth: {type: depth}
  normals: {type: normals}
  joints: {type: keypoints}
  rings: {type: polygons}
  camera: {type: camera}
  cube: {type: box3d}
  told: {type: grounded}
  among: {type: options}
  mixed: {type: interleaved}
  boxes: {type: regions}
  spots: {type: points}
  ids: {type: tokens}
  meant: {type: embeddings}
  block: {type: tensor}
  image: {type: image}
  words: {type: text}
  count: {type: number}
steps:
  - {window: $sound, length: 1, as: pieces}
  - {record: {moves: $moves, film: $film, normals: $normals, joints: $joints, rings: $rings, camera: $camera,
              cube: $cube, told: $told, among: $among, mixed: $mixed, boxes: $boxes, spots: $spots, ids: $ids,
              meant: $meant, block: $block, image: $image, words: $words, count: $count, pieces: $pieces,
              mask: $mask, depth: $depth}, as: all}
outputs:
  all: $all
  whole: {value: $all, file: optional}
  mask: {value: $mask, file: optional}
  depth: {value: $depth, file: optional}
  film: {value: $film, file: optional}
YAML
picture='{"$kind":"image","pixels":{"type":"u8","shape":[1,1,3],"base64":"AQID"}}'
i=0
while [ $i -lt "$many" ]; do
    printf '{"id":%d,"sound":{"samples":[[0],[%d],[1]],"rate":2,"start":%d},' $i $((i % 2)) $i
    printf '"moves":{"action":[[%d]],"time":[0.5],"name":["gas"]},' $i
    printf '"film":{"frames":[%s,%s],"time":[0,%d]},' "$picture" "$picture" $((i + 1))
    printf '"mask":{"$kind":"mask","labels":[[%d,-1]],"legend":["a",null,"b\\n"]},"depth":{"$kind":"depth","depth":[[%d,null]]},' $((i % 3)) $((i % 60 + 1))
    printf '"normals":{"normals":[[[0,0,-1]]]},"joints":{"point":[[[%d,2]]],"visible":[[2]],"joints":["nose"]},' $i
    printf '"rings":{"rings":[1],"points":[3],"point":[[0,0],[9,0],[9,%d]]},' $((i + 1))
    printf '"camera":{"focal":[500,510],"center":[320,240],"size":[640,480]},'
    printf '"cube":{"center":[[0,1,%d]],"size":[[1,2,3]],"rotation":[[[1,0,0],[0,1,0],[0,0,1]]]},' $i
    printf '"told":{"text":"a bear","span":[[2,6]],"box":[[1,2,3,%d]]},' $((i + 4))
    printf '"among":{"$kind":"options","text":["yes","no"],"score":[%d,null]},"mixed":{"items":["look",%s]},' $i "$picture"
    printf '"boxes":[{"box":[0,0,9,%d],"label":"a","score":0.5}],"spots":[{"point":[%d,2],"visible":1}],' $((i + 1)) $i
    printf '"ids":{"tokens":[%d,7],"vocabulary":"nano"},' $i
    printf '"meant":{"$kind":"embeddings","x":[[0.5,%d]]},' $i
    printf '"block":{"$kind":"tensor","data":{"type":"i32","shape":[2],"base64":"AQAAAAIAAAA="}},'
    printf '"image":%s,"words":"say %d","count":%d}\n' "$picture" $i $i
    i=$((i + 1))
done > many.jsonl

# batch FOLDER ARGUMENT...: a run of the batch, in a shell of its own, which it takes the place of.
batch() {
    to=$1
    shift
    exec "$omnio" run kinds.yaml --batch many.jsonl --format jsonl -t 1 -q -o "mask=$to/m{index}.png" \
        -o "depth=$to/d{index}.png" -o "whole=$to/w{index}.safetensors" -o "film=$to/f{index}.safetensors" "$@"
}

# answers FILE FOLDER: what was said, without what differs from run to run, in the order of the items.
answers() {
    grep '"type":"done"' "$1" | sed -e 's/"seconds":[^,}]*//' -e "s|\"$2/|\"TO/|g" | sort
}

mkdir reference one
(batch reference > reference.jsonl)
ok "a batch of all kinds" [ $? -eq 0 ]
answers reference.jsonl reference > wanted
ok "... answers every item" [ "$(wc -l < wanted)" -eq "$many" ]
ok "... with four files each" [ "$(ls reference | wc -l)" -eq $((4 * many)) ]
round=0
while [ $round -lt "$kills" ]; do
    round=$((round + 1))
    killed $round 0.15 batch one --journal one.journal >> one.jsonl 2>> one.err
done
(batch one --journal one.journal >> one.jsonl 2>> one.err)
ok "killed and started again it comes to its end" [ $? -eq 0 ]
ok "... without a complaint" uncomplaining one.err
answers one.jsonl one > got
ok "... every answer once, and the same" cmp wanted got
ok "... every file the same" diff -r reference one
# said FILE: what was said of `all`, a line each, in the order of the items.
said() {
    sed -n 's/.*"id":\([0-9]*\),.*"all":\(.*\)/\1 \2/p' "$1" | sed 's/},"files":.*//; s/,"png_mask":.*//' | sort -n
}
printf 'version: 1\ninputs: {all: {type: record}, mask: {type: mask}, depth: {type: depth}}\nsteps: []\noutputs: {all: $all, png_mask: $mask, png_depth: $depth}\n' > back.yaml
i=0
while [ $i -lt "$many" ]; do
    echo "{\"id\":$i,\"all\":\"one/w$i.safetensors\",\"mask\":\"one/m$i.png\",\"depth\":\"one/d$i.png\"}"
    i=$((i + 1))
done > back.jsonl
ok "files are values again" gives 0 run back.yaml --batch back.jsonl --format jsonl
mv out back
said one.jsonl > before
said back > after
ok "... all of them" [ "$(wc -l < after)" -eq "$many" ]
ok "... which say what was said" cmp before after
for kind in audio actions video mask depth normals keypoints polygons camera box3d grounded options interleaved; do
    ok "... $kind among it" grep -q "{\"\$kind\":\"$kind\"," after
done
ok "... the labels of a mask and their names from PNG" grep -q '"png_mask":{.*"labels":\[\[1,-1\]\],"legend":\["a",null,"b\\n"\]' back
ok "... the metres of depth" grep -q '"png_depth":{"$kind":"depth","depth":\[\[2,null\]\]}' back
plan
