# SPDX-License-Identifier: Apache-2.0
# A file becomes a series and a file again, and is cut in two; a short training lowers its loss, the model answers.
set -eu
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
printf 'time [s],temperature [C]\n0,1.5\n3600,-2\n7200,3\n' > "$d/a.csv"
printf 'version: 1\ninputs: {s: {type: series}}\nsteps: [{window: $s, length: 7200, as: w}]\noutputs: {s: $s, w: $w}\n' > "$d/same.yaml"
$OMNIO run "$d/same.yaml" --s "$d/a.csv" -o "s=$d/b.csv" -o "w=$d/w.json" && cmp "$d/a.csv" "$d/b.csv" && grep -qF '"time":[7200]' "$d/w.json"
$OMNIO train recipe.yaml -o "$d/m" --set stages.0.steps=25
awk -F, 'NR == 2 { first = $4 } END { print "loss", first, "to", $4; exit !($4 < 0.8 * first) }' "$d/m/log.csv"
$OMNIO run class.yaml -m "$d/m" --series "$d/a.csv" | grep -E 'steady|rising|falling|daily|front'
$OMNIO run mean.yaml -m "$d/m" --series "$d/a.csv" | grep -E '^-?[0-9]+$'
