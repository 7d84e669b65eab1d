#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The small Gato that ships: it plays both tasks in closed loop, nearly as well as their experts, its episodes are
# drawn, and its recipe, of a model that reads no texts, is proved and shown.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" "$2" || { cat "$2"; return 1; }; }
# at_least VALUE: the number that was printed first is no smaller.
at_least() { awk -v want="$1" 'NR == 1 { sub(/^[a-z]*: /, ""); exit !($0 + 0 >= want) }' out; }

ok "the recipe is proved" gives 0 check "$top_srcdir/models/control/recipe.yaml"
ok "a lesson is shown" gives 0 train "$top_srcdir/models/control/recipe.yaml" --show 1
ok "... what was seen as vectors, what was done as ids that are learnt" \
    says '^    episode.1 episode.2 [episode.0-9 ]* 272 [0-9]* episode' out
ok "the pole is kept up" gives 0 run control --start 7
ok "... to the end" says '^steps: 500$' out
ok "episodes of the pole have a score" gives 0 run control-score --starts 0,1
ok "... no worse than the expert's" at_least 1
ok "episodes of the arm have a score" gives 0 run control-score --task reacher --starts 0,1,2,3
ok "... near to the expert's" at_least 0.9
cp out score.txt
ok "an exam plays them as well" \
    gives 0 eval "$top_srcdir/models/control/recipe.yaml" -m control --task play-reacher --examples 4
# both say the same of the same beginnings
ok "... and says the same" sh -c 'want=$(sed -n "1s/^[a-z]*: //p" score.txt | cut -c 1-5) && [ -n "$want" ] &&
    grep "^play-reacher .*(agent - random) / (expert - random) .*$want" out'
if "$omnio" list format | grep -q ' gif.video '; then
    ok "an episode is drawn" gives 0 run control --task reacher -o film=film.gif
    # each picture of a GIF has a control block in front
    ok "... as a moving picture of all its steps" sh -c \
        '[ "$(LC_ALL=C tr -d "\n" < film.gif | LC_ALL=C grep -a -o "$(printf "!\371\004")" | wc -l)" -ge 61 ]'
fi
ok "JSON holds what it came to" gives 0 run control --task reacher --format json
ok "... and no film that nobody asked for" sh -c 'grep -q "\"steps\":60" out && ! grep -q film out'
ok "a task that is none is told" gives 2 run control --task juggle
ok "... with those there are" says 'cart-pole' err

ok "compare has a --task of its own, and leaves the input its default" \
    gives 0 compare --exact control control:precision=f32 --task control --start 1
ok "... which was played" grep -qE '^control +total +number +1 +100.0%' out
plan
