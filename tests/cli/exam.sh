#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exams by the program: GRIT's tasks, what a model cannot do, submissions, doubt before pictures of another world,
# and answers that are refused for want of confidence.
. "$top_srcdir/tests/cli/tap.sh"

table() { grep -q -e "$1" out || { cat out; return 1; }; }

ok "the exam of GRIT" gives 0 eval --suite grit -m nano -n 4 -t 2 --submission sub
ok "... tells figures of each task" table '^localization  *[0-9.]*%  *[0-9.]*%  *[0-9.]*%'
ok "... and what it cannot ask" table '^keypoint  *not asked (keypoints): the model never learnt it'
ok "... and all seven" table '^all seven  *[0-9.]*%'
ok "a submission has its parameters" grep -q '^{"params_in_millions": [0-9]*}$' sub/params.json
ok "... an answer for each picture and each distorted one" [ "$(grep -c '"confidence": [01]' sub/categorization.json)" -eq 8 ]
ok "... with boxes" grep -q '"example_id": "refexp_0_0_dist", "confidence": [0-9.e-]*, "bboxes": \[\[' sub/refexp.json
ok "... and no file of what was not asked" [ ! -e sub/keypoint.json ]
ok "... never into a folder that is there" gives 74 eval --suite grit -m nano -n 2 --submission sub
ok "the same as JSON" gives 0 eval --suite grit -m nano -n 4 -t 1 --format json --task vqa
ok "... with the names that GRIT has" table '"acc.any.sameSrc.vqa.mean": [0-9]'
ok "... and no figure of two that there is not" sh -c '! grep -q "newSrc" out'
ok "every task that a model has" gives 0 eval --suite all -m nano -n 2 -t 2
ok "... with a trivial score for boxes too" table '^detect  *all  *f1 at iou 0.5  *[0-9.]*%  *[0-9.]*%'
ok "... and the exam behind them" table '^refexp  *[0-9.]*%  *[0-9.]*%  *[0-9.]*%'
ok "one of its tasks, which GRIT has not" gives 0 eval --suite all -m nano -n 2 --task caption
ok "... alone" sh -c 'grep -q "^caption" out && ! grep -q "all seven" out'
mkdir strange
cp "$top_srcdir/examples/clip.mp4" . 2> /dev/null
cp "$top_srcdir/examples/tabletop.png" strange/ || exit 99
ok "pictures of another world" gives 0 eval --suite grit -m nano -n 4 --task vqa --strangers strange
ok "... are told apart, or not" table '^vqa  *[01]\.[0-9]*  *[0-9.]*%  *[0-9.]*%  *4$'
mkdir none
ok "... and there must be some" gives 65 eval --suite grit -m nano -n 4 --strangers none
ok "a suite takes no recipe" gives 2 eval --suite grit recipe.yaml
ok "a submission is GRIT's" gives 2 eval recipe.yaml --submission other
ok "one of the two is wanted" gives 2 eval


# GRIT's own files: the questions of a folder, answered under their own names.
mkdir -p grit/samples/ablation grit/samples/test grit/images/a grit/output_options
cp "$top_srcdir/examples/tabletop.png" grit/images/a/1.png
echo '["sphere", "cube", "giraffe"]' > grit/output_options/solids.json
sample() { echo "{\"example_id\": \"$1\", \"image_id\": \"a/1.png\", \"task_name\": \"$2\", \"task_query\": $3,
    \"task_bbox\": $4, \"output_options\": $5}"; }
(echo "["; sample q1 vqa '"what colour is the cube?"' null null; echo ","
 sample q2 vqa '"what colour is the cylinder?"' null null; echo "]") > grit/samples/ablation/vqa.json
(echo "["; sample c1 categorization null '[265.5, 103.5, 358.5, 202.5]' '"solids"'; echo "]") \
    > grit/samples/ablation/categorization.json
(echo "["; sample r1 refexp '"the red cube"' null null; echo "]") > grit/samples/ablation/refexp.json
(echo "["; sample k1 keypoint '"person"' null null; echo "]") > grit/samples/ablation/keypoint.json
ok "GRIT's own questions are answered" gives 0 eval --suite grit --data grit --submission mine -m nano -t 1
ok "... all of them" table '^vqa  *[0-9.]*%  *2$'
ok "... and what it cannot ask is told" table '^keypoint  *not asked (keypoints): the model never learnt it'
ok "... by their ids" grep -q '"example_id": "q1", "confidence": 0.[0-9]*, "words": "red"' mine/vqa.json
ok "... in order" grep -q '"example_id": "q2", "confidence": 0.[0-9]*, "words": "yellow"' mine/vqa.json
ok "... with one of the options" grep -q '"example_id": "c1", "confidence": [0-9.]*, "words": "cube"' mine/categorization.json
"$omnio" run refexp --image grit/images/a/1.png --text "the red cube" --format json 2> /dev/null |
    sed -n 's/.*"box":\[\([0-9]*\)\(\.[0-9]*\)*,.*/\1/p' > corner
ok "... and the box that the pipeline finds" grep -q "\"r1\".*\"bboxes\": \[\[$(cat corner)\." mine/refexp.json
ok "... beside the parameters" [ -s mine/params.json ]
ok "a task without samples has no file" [ ! -e mine/localization.json ]
bad() { # NAME WHAT SAMPLE: refused, told of, nothing left
    (echo "["; cat; echo "]") > grit/samples/test/"$1".json
    gives 65 eval --suite grit --data grit --subset test --submission theirs -m nano -t 1 &&
        grep -q "$2" err && [ ! -e theirs ] && rm grit/samples/test/"$1".json
}
sample x vqa null null null > one
ok "a question that is none" bad vqa 'sample 1: .*task_query' < one
sample x categorization null '[9, 9, 3, 3]' '"solids"' > one
ok "a box that is none" bad categorization 'task_bbox' < one
sample x vqa '"what?"' null null | sed 's|a/1.png|../exam.sh|' > one
ok "a picture outside the folder" bad vqa 'image_id' < one
ok "samples that are not there" gives 66 eval --suite grit --data none --submission theirs -m nano
ok "questions of a folder have no recipe to change" \
    gives 2 eval --suite grit --data grit --submission theirs --set batch=2 -m nano
ok "an answer needs a place" gives 2 eval --suite grit --data grit -m nano

ask() { gives "$1" run vqa --image "$top_srcdir/examples/tabletop.png" --question "what colour is the cube?" $2; }
ok "an answer has a confidence" ask 0 "--format json"
ok "... of which JSON tells" table '"confidence":0\.[0-9]*,"seconds"'
ok "who wants more is refused" ask 1 "--min-confidence 1"
ok "... and shown nothing" [ ! -s out ]
ok "... but why" grep -q 'not sure of its answer: its confidence is 0\.[0-9]*, and 1 is wanted' err
ok "who wants less gets the answer" ask 0 "--min-confidence 0.5"
ok "... as ever" table '^red$'

# A configuration says how large the scores of what a model knows are: what is shown beyond that is strange to it.
mkdir odd
cp "$top_srcdir/models/nano/model.safetensors" "$top_srcdir/models/nano/tokenizer.model" odd/
usual() { sed "s/\"usual\": [^]]*]/\"usual\": $1/" "$top_srcdir/models/nano/config.json" > odd/config.json; }
strange() { gives "$1" run vqa -m ./odd --image "$top_srcdir/examples/tabletop.png" \
    --question "what colour is the cube?" --min-confidence 0.5; }
usual "[1000, 100]"
ok "what a model does not know it doubts" strange 1
ok "... and tells how much" grep -q 'its confidence is [0-9.]*e-05' err
usual "[-1000, 100]"
ok "what it knows it does not" strange 0
usual "[1000, 0]"
ok "a spread of nothing is none" strange 78
ok "... and told" grep -q 'omnio.usual: .LEAST, SPREAD. is wanted' err
plan
