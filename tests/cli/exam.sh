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

ask() { gives "$1" run vqa --image "$top_srcdir/examples/tabletop.png" --question "what colour is the cube?" $2; }
ok "an answer has a confidence" ask 0 "--format json"
ok "... of which JSON tells" table '"confidence":0\.[0-9]*,"seconds"'
ok "who wants more is refused" ask 1 "--min-confidence 1"
ok "... and shown nothing" [ ! -s out ]
ok "... but why" grep -q 'not sure of its answer: its confidence is 0\.[0-9]*, and 1 is wanted' err
ok "who wants less gets the answer" ask 0 "--min-confidence 0.5"
ok "... as ever" table '^red$'
plan
