#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Data sets as they are published, as lessons: COCO's boxes, captions and RefCOCO's expressions, VQA's questions,
# pairs in tar files; and what is wrong with a file is told by its place.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }
shows() { grep -q -e "$1" out || { cat out; return 1; }; }

mkdir pictures || exit 99
for i in 01 02 03; do
    cp "$(find "$top_srcdir/tests/foreign" -name $i.png | head -n 1)" pictures/COCO_x_0000000000$i.png || exit 99
done
cat > instances.json <<'E2'
{"info": {"year": 2014, "note": "a \"}\" in a text"}, "licenses": [],
 "images": [{"id": 1, "file_name": "COCO_x_000000000001.png", "width": 128, "height": 128},
  {"id": 2, "file_name": "COCO_x_000000000002.png"}, {"id": 3, "file_name": "COCO_x_000000000003.png"}],
 "annotations": [
  {"id": 11, "image_id": 1, "category_id": 7, "bbox": [16, 32, 48, 64], "iscrowd": 0, "segmentation": [[1, 2, 3]]},
  {"id": 12, "image_id": 1, "category_id": 9, "bbox": [0, 0, 128, 128], "iscrowd": 1},
  {"id": 13, "image_id": 2, "category_id": 9, "bbox": [64, 0, 64, 128], "iscrowd": 0}],
 "categories": [{"id": 7, "name": "cube"}, {"id": 9, "name": "sphere"}]}
E2
cat > captions.json <<'E2'
{"images": [], "annotations": [{"image_id": 1, "id": 1, "caption": "a red cube"},
 {"image_id": 2, "id": 2, "caption": "a ball"}, {"image_id": 1, "id": 3, "caption": "one thing"}]}
E2
cat > refs.json <<'E2'
[{"ref_id": 0, "image_id": 1, "ann_id": 11, "split": "train", "sentences": [{"sent": "the cube"}, {"sent": "left thing"}]},
 {"ref_id": 1, "image_id": 2, "ann_id": 13, "split": "val", "sentences": [{"sent": "the ball"}]}]
E2
tail_of='optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 48, targets: 24}
batch: 1
steps: 1'
cat > coco.yaml <<E2
version: 1
model: nano
sources: {mine: {use: coco, path: instances.json, images: pictures}}
tasks:
  - {name: detect, pipeline: detect, source: mine, give: {image: image}, want: {boxes: boxes}, measure: detect}
$tail_of
E2
ok "boxes of COCO" gives 0 train coco.yaml --show 2
# nano has 64 bins on 128 pixels, y before x: corners (16, 32) and (64, 96) are bins 16 8 48 32
ok "... are corners with names" shows 'answer (regions): "<extra_id_16> *<extra_id_8> *<extra_id_4[78]> *<extra_id_3[12]> *cube'
ok "... without crowds" sh -c '! grep -q "cube.*sphere" out'
ok "... of pictures that have some" sh -c 'grep -c "^task detect" out | grep -qx 2'
cat > captions.yaml <<E2
version: 1
model: nano
sources: {mine: {use: coco, path: instances.json, captions: captions.json, images: pictures}}
tasks:
  - {name: all, pipeline: caption, source: mine, each: captions, give: {image: /image}, want: {caption: caption}}
$tail_of
E2
ok "captions of COCO" gives 0 train captions.yaml --show 3
ok "... are all there" sh -c 'grep -q "a red cube" out && grep -q "one thing" out && grep -q "a ball" out'
sed 's/"image_id": 2, "id": 2/"image_id": 99, "id": 2/' captions.json > elsewhere.json
ok "captions of a picture that is not listed" gives 0 train captions.yaml --show 3 --set sources.mine.captions=elsewhere.json
ok "... are counted in one line" sh -c '[ "$(grep -c "does not list" err)" = 1 ]'
ok "... with one of them" says 'elsewhere.json: 1 of 3 in "annotations" are of pictures that instances.json does not list (image_id 99, say)'
ok "... and others are told of nothing" gives 0 train captions.yaml --show 1
ok "... at all" sh -c '! grep -q "does not list" err'
cat > refs.yaml <<E2
version: 1
model: nano
sources: {mine: {use: coco, path: instances.json, refs: refs.json, images: pictures}}
tasks:
  - {name: find, pipeline: refexp, source: mine, each: refs, give: {image: /image, text: text}, want: {box: box}, measure: box}
$tail_of
E2
ok "expressions of RefCOCO" gives 0 train refs.yaml --show 2
ok "... in the split to learn from" sh -c 'grep -q "the cube" out && grep -q "left thing" out && ! grep -q "the ball" out'
ok "... with the box that they mean" shows '<extra_id_16> *<extra_id_8> *<extra_id_4[78]> *<extra_id_3[12]>"'
# RefCOCO's pictures may have expressions of several splits: each is in the split that it is of
cat > both.json <<'E2'
[{"image_id": 2, "ann_id": 13, "split": "val", "sentences": [{"sent": "the ball"}]},
 {"image_id": 1, "ann_id": 11, "split": "train", "sentences": [{"sent": "the cube"}]},
 {"image_id": 1, "ann_id": 11, "split": "val", "sentences": [{"sent": "held out thing"}]},
 {"image_id": 1, "ann_id": 11, "split": "test", "sentences": [{"sent": "neither"}]},
 {"image_id": 3, "ann_id": 14, "split": "test", "sentences": [{"sent": "nor this"}]},
 {"image_id": 1, "ann_id": 11, "split": "train", "sentences": [{"sent": "left thing"}]}]
E2
refs() { gives 0 show coco --set path=instances.json --set images=pictures --set refs=both.json --split "$1" -n 9; }
texts() { grep '\.text: ' out | cmp - texts; }
ok "expressions of a picture in two splits" refs train
printf '0.refs.0.text: the cube\n0.refs.1.text: left thing\n' > texts
ok "... teach what is to learn from" texts
ok "... and hold out" refs held-out
printf '0.refs.0.text: held out thing\n1.refs.0.text: the ball\n' > texts
ok "... what is held out" texts
sed 's/11, "split"/99, "split"/' refs.json > wrong.json
ok "an expression about nothing" gives 65 train refs.yaml --show 1 --set sources.mine.refs=wrong.json
ok "... is told by its line" says 'wrong.json:1: item 1 of "": an ann_id of an annotation of this picture is wanted'
sed 's/"bbox": \[16, 32, 48/"bbox": [16, 32, -48/' instances.json > wrong.json
ok "a box without a size" gives 65 train coco.yaml --show 2 --set sources.mine.path=wrong.json
ok "... is told too" says 'wrong.json:5: item 1 of "annotations": a "bbox" with a size is wanted'
head -c 400 instances.json > wrong.json
ok "half a file" gives 65 train coco.yaml --show 1 --set sources.mine.path=wrong.json
ok "... is told where it ends" says 'wrong.json:[0-9]: .*is wanted here'
sed 's,COCO_x_000000000001,../pictures/COCO_x_000000000001,' instances.json > wrong.json
ok "a picture outside the folder" gives 65 train coco.yaml --show 2 --set sources.mine.path=wrong.json

cat > questions.json <<'E2'
{"task_type": "Open-Ended", "questions": [{"image_id": 1, "question": "how many?", "question_id": 1000},
 {"image_id": 3, "question": "what colour?", "question_id": 3000}]}
E2
cat > answers.json <<'E2'
{"annotations": [{"question_id": 3000, "image_id": 3, "answer_type": "other", "multiple_choice_answer": "green",
  "answers": [{"answer": "green", "answer_id": 1}, {"answer": "blue", "answer_id": 2}]},
 {"question_id": 1000, "image_id": 1, "answer_type": "number", "multiple_choice_answer": "two", "answers": []}]}
E2
cat > vqa.yaml <<E2
version: 1
model: nano
sources: {mine: {use: vqa, path: questions.json, annotations: answers.json, images: pictures, name: "COCO_x_{:12}.png"}}
tasks:
  - {name: ask, pipeline: vqa, source: mine, give: {image: image, question: question}, want: {answer: answer}}
$tail_of
E2
ok "questions of VQA" gives 0 train vqa.yaml --show 2
ok "... with their answers" sh -c 'grep -A 4 "how many?" out | grep -q "\"two\"" && grep -A 4 "what colour?" out | grep -q "\"green\""'
sed 's/3000, "image_id"/4000, "image_id"/' answers.json > wrong.json
ok "a question without an answer" gives 65 train vqa.yaml --show 2 --set sources.mine.annotations=wrong.json
ok "... is told by its line" says 'questions.json:2: question 3000 has no answer in .*wrong.json'
ok "a name without a number" gives 2 train vqa.yaml --show 1 --set sources.mine.name=x.png

mkdir pairs shards
for i in 1 2 3; do
    cp pictures/COCO_x_00000000000$i.png pairs/00$i.png
    printf 'a caption of number %s\n' $i > pairs/00$i.txt
    printf '{"question": "number %s?", "text": "not this one"}' $i > pairs/00$i.json
done
long=$(printf 'long/%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30)
mkdir -p "pairs/$long"
cp pairs/003.png "pairs/${long}009.png"; echo 'a caption far away' > "pairs/${long}009.txt"; echo '{"question": "far?"}' > "pairs/${long}009.json"
(cd pairs && tar --format=ustar -cf ../shards/a.tar 001.* 002.* && tar --format=gnu -cf ../shards/b.tar 003.* "${long}009.json" "${long}009.png" "${long}009.txt" &&
    tar --format=pax -cf ../pax.tar "${long}009.json" "${long}009.png" "${long}009.txt")
cat > shards.yaml <<E2
version: 1
model: nano
sources: {mine: {use: shards, path: shards}}
tasks:
  - {name: ask, pipeline: vqa, source: mine, give: {image: image, question: question}, want: {answer: text}}
$tail_of
E2
ok "pairs in tar files" gives 0 train shards.yaml --show 4
ok "... of all files" sh -c 'for i in 1 2 3; do grep -q "a caption of number $i\"" out || exit 1; done'
ok "... with long names" shows 'a caption far away"'
ok "... and the fields of their objects" shows 'number 2?'
ok "... a file before a member of its name" sh -c '! grep -q "not this one" out'
ok "one file, long names of pax" gives 0 train shards.yaml --show 1 --set sources.mine.path=pax.tar
ok "... too" shows 'a caption far away"'
mkdir odd && cp pairs/001.png odd/1.png && echo 7 > odd/1.cls && echo a > odd/1.txt && echo '{"question": "b"}' > odd/1.json &&
    tar -C odd --format=ustar -cf odd.tar 1.png 1.cls 1.txt 1.json && cp odd/1.png odd/1.webp &&
    tar -C odd --format=ustar -cf twice.tar 1.png 1.webp 1.txt 1.json || exit 99
ok "files of other kinds" gives 0 train shards.yaml --show 1 --set sources.mine.path=odd.tar
ok "... are told" says 'odd.tar: 1 files are of no kind that is read here and left out, 1.cls among them'
ok "two pictures of one example" gives 65 train shards.yaml --show 1 --set sources.mine.path=twice.tar
ok "... are told" says 'twice.tar, example 0: two files of it are its image'
head -c 3000 shards/a.tar > cut.tar
ok "half a tar file" gives 65 train shards.yaml --show 1 --set sources.mine.path=cut.tar
ok "... is told with the byte" says 'cut.tar: .*byte [0-9]*: the tar file ends within a file'
ok "what is no tar file" gives 65 train shards.yaml --show 1 --set sources.mine.path=instances.json
ok "... is told" says 'instances.json: .*byte 0: no header of a file in a tar file'
ok "a folder without one" gives 66 train shards.yaml --show 1 --set sources.mine.path=pictures

plan
