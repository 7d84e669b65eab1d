#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inputs of the pipelines that ship are options of omnio run; none hides one of its own.
set -u
omnio=$top_builddir/omnio
options=" $("$omnio" run --help | sed -n 's/^  *\(-[a-z], \)\{0,1\}--\([a-z][a-z-]*\).*/\2/p' | tr '\n' ' ')"
number=0

for file in "$top_srcdir"/pipelines/*.yaml; do
    number=$((number + 1))
    name=$(basename "$file" .yaml)
    inputs=$("$omnio" help pipeline "$name" | sed -n '/^inputs/,/^steps/s/^  \([A-Za-z_][A-Za-z0-9_-]*\) .*/\1/p')
    hidden=
    for input in $inputs; do
        case $options in *" $input "*) hidden="$hidden $input" ;; esac
    done
    if [ -z "$inputs" ]; then
        echo "not ok $number - $name: no input was found"
    elif [ -n "$hidden" ]; then
        echo "not ok $number - $name: input$hidden hides an option of omnio run"
    else
        echo "ok $number - $name:" $inputs
    fi
done
number=$((number + 1))
case $options in
*" prompt "*" seed "*) echo "ok $number - the options were found" ;;
*) echo "not ok $number - the options were found: $options" ;;
esac
echo "1..$number"
