#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program's manners: help, usage errors with the nearest name, exit codes, what goes to which stream.
set -u
omnio=$top_builddir/omnio
here=$(mktemp -d "${TMPDIR:-/tmp}/omnio-test-XXXXXX") || exit 99
trap 'rm -rf "$here"' EXIT
number=0
unset OMNIO_LOG OMNIO_THREADS OMNIO_DEVICE NO_COLOR 2> /dev/null

# gives CODE NAME ARGUMENT...: the exit code; both streams are kept in out and err.
gives() {
    want=$1 name=$2
    shift 2
    number=$((number + 1))
    "$omnio" "$@" > "$here/out" 2> "$here/err" < /dev/null
    code=$?
    if [ $code -eq "$want" ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name (exit $code, not $want)"
        sed 's/^/# /' "$here/out" "$here/err" | head -n 20
    fi
}

# says FILE PATTERN: the stream of the last command has such a line.
says() {
    number=$((number + 1))
    if grep -q -e "$2" "$here/$1"; then
        echo "ok $number - ... and says $2"
    else
        echo "not ok $number - ... and says $2"
        sed 's/^/# /' "$here/$1" | head -n 20
    fi
}

silent() {
    number=$((number + 1))
    if [ -s "$here/$1" ]; then
        echo "not ok $number - ... and nothing on std$1"
        sed 's/^/# /' "$here/$1" | head -n 20
    else
        echo "ok $number - ... and nothing on std$1"
    fi
}

gives 0 "the version" --version
says out '^omnio [0-9]'
gives 0 "the help" --help
silent err
gives 2 "no command"
silent out
gives 2 "an unknown command" rum
says err 'did you mean "run"'
gives 2 "an unknown option" run --tempp 1 vqa
says err 'did you mean --temp'
gives 2 "an ambiguous option" run --to 1 vqa
says err '--top-k, --top-p'
gives 2 "an option without its value" train --seconds
says err 'wants a value'
gives 2 "a flag with a value" list --long=3
says err 'takes no value'
gives 2 "a value outside its range" run --top-p 2 vqa
says err '0..1'
gives 2 "a word that is no choice" list --format xml
says err 'text'
gives 2 "an unknown kind" list formt
says err 'did you mean "format"'
gives 66 "a pipeline that is not there" run nowhere.yaml
gives 66 "the same as JSON" run --format json nowhere.yaml
says out '"type":"error".*"exit":66'
for command in run check list help inspect show train eval verify bench new; do
    gives 0 "help of $command" $command --help
    says out '^Usage: omnio '
done
gives 0 "help of a pipeline's inputs" run thumbnail --help
says out '--image FILE'
says out '\[--width N\]'
says out 'omnio run thumbnail --image my.png'
gives 0 "a manual page" help --man run
says out '^.Dt OMNIO-RUN 1'
gives 0 "... is short" run vqa --help
number=$((number + 1))
if grep -q -e --top-k "$here/out"; then echo "not ok $number - ... without all options"; else echo "ok $number - ... without all options"; fi
gives 0 "a kind of value and an answer of one name" help keypoints
says out '^Parameters'
gives 2 "a shell that nobody knows" help --completion tcsh
for shell in bash zsh fish; do
    gives 0 "the completion for $shell" help --completion $shell
    says out 'names model'
    says out 'names device'
    says out 'journal'
    number=$((number + 1))
    if command -v $shell > /dev/null; then
        if $shell -n "$here/out"; then echo "ok $number - ... is $shell"; else echo "not ok $number - ... is $shell"; fi
    else
        echo "ok $number # SKIP no $shell"
    fi
done
for i in model:nano device:cpu pipeline:vqa kind:codec object:png command:run; do
    gives 0 "names of ${i%:*}" help --names "${i%:*}"
    says out "^${i#*:}\$"
done
if command -v bash > /dev/null; then
    "$omnio" help --completion bash > "$here/completion"
    cat > "$here/ask" <<'END'
. "$1"
omnio() { "$program" "$@"; }
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_omnio
printf '%s\n' "${COMPREPLY[@]}"
END
    while IFS='|' read -r line want; do
        number=$((number + 1))
        # shellcheck disable=SC2086
        if program=$omnio bash "$here/ask" "$here/completion" $line "" | grep -qx -e "$want"; then
            echo "ok $number - bash completes $line: $want"
        else
            echo "not ok $number - bash completes $line: $want"
        fi
    done <<'END'
omnio|train
omnio run|vqa
omnio run vqa -m|nano
omnio run vqa --device|cpu
omnio run --format|jsonl
omnio help --completion|fish
END
fi
gives 66 "a pipeline that is nearly there" run vqqa
says err 'did you mean "vqa"'
gives 66 "... with its suffix" check vqaa.yaml
says err 'did you mean "vqa"'
gives 66 "... for help" help vqqa
says err 'did you mean "vqa"'
gives 66 "a model that is nearly there" bench nanno
says err 'did you mean "nano"'
gives 66 "... of a pipeline" check vqa -m nanno
says err 'did you mean "nano"'
gives 66 "an object that is nearly there" inspect image.rezise
says err 'did you mean "image.resize"'
gives 0 "help of a kind and a name" help codec location
says out '^location - '
gives 66 "... of another kind" help format location
gives 0 "... of a pipeline" help pipeline vqa
gives 2 "... and no more" help a b c
printf 'version: 1\ninputs: {seed: {type: text, help: x}}\nsteps: []\noutputs: {o: $seed}\n' > "$here/hides.yaml"
gives 78 "an input that hides an option" check "$here/hides.yaml"
says err 'would hide the option --seed'
gives 78 "... is no pipeline to run" run "$here/hides.yaml" --seed 3
sed 's/seed/prompt/g' "$here/hides.yaml" > "$here/prompt.yaml"
gives 0 "... but for the prompt" run "$here/prompt.yaml" --prompt words
says out '^words$'
gives 0 "devices" --list-devices
says out '^cpu '
gives 0 "devices as an option of a command" run --list-devices
says out '^cpu '
gives 0 "... behind others" run vqa -v --list-devices --format jsonl
says out '^{"type":"device".*"device":"cpu"'
number=$((number + 1))
if [ -e /dev/full ]; then
    lost=
    for line in --version '--version -v' --help --list-devices 'list' 'help run' \
        "verify $top_srcdir/tests/golden/uio2/tiny_a.text_only.safetensors" \
        "inspect nano" "check vqa" "run --help" "run vqa --dump-dot -" "bench --help"; do
        # shellcheck disable=SC2086
        "$omnio" $line > /dev/full 2> "$here/err" < /dev/null
        code=$?
        [ $code -eq 74 ] && [ "$(grep -c 'standard output: ' "$here/err")" -eq 1 ] ||
            lost="$lost
# omnio $line: exit $code"
    done
    if [ -z "$lost" ]; then
        echo "ok $number - a full standard output is no success, and told once"
    else
        echo "not ok $number - a full standard output is no success, and told once$lost"
    fi
else
    echo "ok $number # SKIP no /dev/full"
fi
OMNIO_THREADS=many
export OMNIO_THREADS
gives 2 "a variable that makes no sense" check vqa
gives 0 "... and does not count beside its option" check --threads 1 vqa
OMNIO_THREADS=
gives 0 "an empty one is none" check vqa
unset OMNIO_THREADS
[ "$number" -gt 0 ] && echo "1..$number"
