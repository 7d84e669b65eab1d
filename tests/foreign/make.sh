#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Renders the foreign exam with POV-Ray: pictures and manifest.jsonl into the folder given.
#   make tests/foreign/exam && sh tests/foreign/make.sh tests/foreign/exam OUT [COUNT]
# One thread and fixed numbers: the same POV-Ray gives the same pictures, but for the jitter of soft
# lamps. What is committed beside this script is the exam; running it again makes another print.
set -eu
exam=$1 out=$2 count=${3:-50}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
: >"$out/manifest.jsonl"
number=0 made=0
while [ "$made" -lt "$count" ]; do
    set -- $("$exam" pov "$number" "$work")
    width=$1 height=$2 smooth=$3
    flags="+W$width +H$height -D -GA +WT1"
    povray "+I$work/ids.pov" "+O$work/ids.ppm" +FP -A $flags 2>"$work/log" || {
        cat "$work/log" >&2
        exit 1
    }
    name=$(printf '%02d.png' "$made")
    if "$exam" line "$number" "$work/ids.ppm" "$name" >"$work/line"; then
        if [ "$smooth" = 1 ]; then smoothing=+A0.1; else smoothing=-A; fi
        povray "+I$work/picture.pov" "+O$out/$name" +FN8 $smoothing $flags 2>"$work/log" || {
            cat "$work/log" >&2
            exit 1
        }
        cat "$work/line" >>"$out/manifest.jsonl"
        made=$((made + 1))
    elif [ $? -ne 3 ]; then
        exit 1
    fi
    number=$((number + 1))
done
