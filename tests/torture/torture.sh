#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program while memory and disks fail: every allocation and every call that writes fails in turn, once alone and
# then together with all that follow. What may happen is one of two things: the same answer as ever with exit 0,
# or one line that says what was missing, exit 71 (memory) or 74 (disk), nothing half done left behind and nothing
# that was there harmed.
#
# make check tries a few of each (SAMPLE, 2) and four times as many of those within a plugin that reads or writes a
# format, whose libraries have words of their own for a lack of memory; make torture tries every one. TORTURE names one command
# of those below.
# Devices of OpenCL are left out: their compilers end the process when an allocation fails.
. "$top_srcdir/tests/cli/tap.sh"

sample=${SAMPLE-2}
[ "${OMNIO_TEST-}" = all ] && sample=0
trap_so=$here/fail.so
if ! $CC -D_GNU_SOURCE -O1 -shared -fPIC -o "$trap_so" "$top_srcdir/tests/torture/fail.c" -ldl; then
    echo "1..1"
    echo "not ok 1 - the library that lets calls fail is built"
    exit 0
fi
# The program itself, not the script that libtool puts before it.
if [ -x "$top_builddir/.libs/omnio" ]; then
    omnio=$top_builddir/.libs/omnio
    LD_LIBRARY_PATH=$top_builddir/.libs
    export LD_LIBRARY_PATH
fi
XDG_CACHE_HOME=$here/cache
mkdir inputs start w
cp "$top_srcdir/examples/tabletop.png" "$top_srcdir/tests/fuzz/seeds/"* "$top_srcdir/tests/video/plain.webm" \
    inputs/ || exit 99
cp -r "$top_srcdir/models/nano" inputs/nano && chmod -R u+w inputs || exit 99
cd inputs || exit 99
printf '{"image": "tabletop.png", "id": 1}\n{"image": "tabletop.png", "id": 2}\n' > batch.jsonl
mkdir photos tiny
cp tabletop.png photos/
for i in 1 2 3; do
    echo '{"image": "tabletop.png", "question": "what colour is the cube?", "answer": "red"}'
done > photos/manifest.jsonl
# a model to be trained thousands of times: nano's shape, far narrower
sed -e 's/\("emb_dim": \)192/\132/; s/\("num_heads": \)6/\11/; s/\("num_[a-z]*_layers": \)3/\11/' \
    -e 's/\("num_layers": \)6/\12/; s/\("image_second": \)2/\11/; s/\("mlp_dim": \)[0-9]*/\132/' nano/config.json > tiny/config.json
cp nano/tokenizer.model tiny/
cat > recipe.yaml <<'END'
version: 1
model: ./tiny
sources:
  mine: {use: folder, path: photos, held_out: 0}
tasks:
  - {name: vqa, pipeline: vqa, give: {image: image, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 64, targets: 32}
batch: 1
save_every: 1
stages: [{name: all, steps: 2}]
END
sed 's/held_out: 0/held_out: 0.7/' recipe.yaml > score.yaml
cat > colour.json <<'END'
{"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}, "many": {"type": "integer", "minimum": 0,
 "maximum": 9}}, "required": ["colour"], "additionalProperties": false}
END
cat > json.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}}
steps:
  - {generate: text, as: it, from: {image: $image}, max_tokens: 24, prompt: "Caption this image.", answer: {json: inputs/colour.json}}
outputs: {it: $it}
END
cat > grammar.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}}
steps:
  - {generate: text, as: it, from: {image: $image}, max_tokens: 24, prompt: "Caption this image.", answer: {grammar: inputs/move.gbnf}}
outputs: {it: $it}
END
printf 'root ::= "the " ("red" | "blue") " " [a-z]+ "."?\n' > move.gbnf
cat > same.yaml <<'END'
version: 1
inputs: {image: {type: image, help: a picture}}
steps:
  - {apply: image.resize, as: small, in: $image, width: 4, height: 3}
outputs: {small: {value: $small, file: optional}}
END
cat > mono.yaml <<'END'
version: 1
inputs: {sound: {type: audio, help: a sound}}
steps:
  - {apply: audio.mono, as: mono, in: $sound}
outputs: {mono: {value: $mono, file: optional}}
END
cd ..

# fresh: the folder `w` as it was before the command.
fresh() {
    rm -rf w
    cp -r start w
    [ -z "$cold" ] || rm -rf cache
}
# sums FOLDER: what its files hold, but for lists of answers and logs, which tell how long it took, and the checkpoint
# before the last: a training that had come to its end and is called again writes the last one twice.
sums() {
    (cd "$1" && find . -type f ! -name '*.jsonl*' ! -name log.csv ! -name checkpoint.before.safetensors -print | sort |
        xargs -r cksum)
}
# same A B: the same answer, but for how long it took, and for what the process itself holds beside what is planned.
same() {
    for j in "$1" "$2"; do
        sed 's/"seconds":[0-9.e+-]*/"seconds":0/g; s/: fine; [0-9.]* [kMG]B with/: fine; MB with/' "$j" > "$j.same"
    done
    cmp -s "$1.same" "$2.same" || { diff "$1.same" "$2.same" | head -n 3; return 1; }
}
# one KIND N COMMAND...: the command with failure N; what it said in w.out, w.err, its exit code in `code`.
one() {
    FAIL_MEMORY='' FAIL_WRITE=''
    eval "$1=\$2"
    shift 2
    fresh
    FAIL_MEMORY=$FAIL_MEMORY FAIL_WRITE=$FAIL_WRITE FAIL_WITHIN=$part FAIL_TRACE=$here/trace LD_PRELOAD=$trap_so timeout 100 \
        "$omnio" "$@" > w.out 2> w.err < /dev/null
    code=$?
}
# theirs: the process was ended by a library that does not survive a failed allocation of its own: the dynamic linker
# where it makes a thread's own data, which it says, or joins symbols (127), libX11 1.8 and pixman while they are loaded, libwebp 1.2,
# jansson 2.14 and libsndfile 1.2 with its libraries where they clear up (all crash), C++ within others. Which one asked for memory in vain the trace tells.
theirs() {
    [ $code -eq 127 ] && grep -q '^cannot allocate memory for thread-local data: ABORT' w.err && return 0
    case $code in
    127) library='/ld-linux[^/]*$' ;;
    134 | 139 | 142) library='/libX11[^/]*$\|/libpixman-1[^/]*$\|/libwebp\.so[^/]*$\|/libjansson[^/]*$\|/libstdc++\.so[^/]*$\|/lib\(sndfile\|FLAC\|ogg\|vorbis\|vorbisenc\|opus\)\.so[^/]*$' ;;
    *) return 1 ;;
    esac
    awk -F'(' '$1 !~ /\/fail\.so$/ { print $1; exit }' "$here/trace" | grep -q "$library"
}
# whole: every file of `w` is as it was, or as a run without failures leaves it.
whole() {
    for i in $(cd w && find . -type f ! -name '*.jsonl*' ! -name log.csv); do
        cmp -s "w/$i" "ref/$i" || cmp -s "w/$i" "start/$i" || { echo "$i is half done"; return 1; }
    done
    for i in $(cd start && find . -type f); do [ -e "w/$i" ] || { echo "$i is gone"; return 1; }; done
}
# judged KIND N COMMAND...: is what happened one of the two things? Says why not.
judged() {
    case $1 in FAIL_MEMORY) want=71 word='memory\|threads' ;; *) want=74 word='No space' ;; esac
    where="$1=$2${part:+ within $part}: exit $code"
    if theirs; then ended=$((ended + 1)); return 0; fi
    shift 2
    leftovers=$(find w inputs -name '.omnio-*')
    [ -z "$leftovers" ] || { echo "$where, left behind: $leftovers"; return 1; }
    sums inputs | cmp -s - inputs.sums || { echo "$where, and inputs are no longer what they were"; return 1; }
    if [ $code -eq 0 ]; then
        [ -n "$loose" ] || differs=$(same w.out ref.out) || { echo "$where and another answer: $differs"; return 1; }
        sums w | cmp -s - ref.sums || { echo "$where and other files"; return 1; }
        return 0
    fi
    [ $code -eq $want ] || [ $code -eq "${also:-$want}" ] || { echo "$where: $(head -n 2 w.err)"; return 1; }
    grep -q "$word" w.err || { echo "$where, and says: $(head -n 2 w.err)"; return 1; }
    case $where in *+:*) most_lines=3 ;; *) most_lines=1 ;; esac
    [ "$(grep -cv ': wrote\|: warning' w.err)" -le "${lines:-$most_lines}" ] || { echo "$where, in more than one line: $(cat w.err)"; return 1; }
    if [ -z "$again" ]; then
        whole > w.why || { echo "$where: $(cat w.why)"; return 1; }
        return 0
    fi
    timeout 100 "$omnio" "$@" > w.out 2> w.err < /dev/null || { echo "$where; once more: $(cat w.err)"; return 1; }
    sums w | cmp -s - ref.sums || { echo "$where; once more makes other files"; return 1; }
}
# numbers COUNT: which failures are tried.
numbers() {
    tried=$sample
    [ -z "$part" ] || tried=$((4 * sample))
    if [ "$sample" -eq 0 ] || [ "$1" -le "$tried" ]; then seq "$1"
    else awk -v n="$1" -v k="$tried" 'BEGIN { for (i = 0; i < k; i++) print int(1 + (i + 0.37) * n / k) }'
    fi
}
# counted KIND COMMAND...: how many calls there are that may fail; what it says in ref.out.
counted() {
    call=$1
    shift
    fresh
    rm -f count
    FAIL_MEMORY=0 FAIL_WRITE=0 FAIL_WITHIN=$part FAIL_TRACE=$here/trace FAIL_COUNT=$here/count LD_PRELOAD=$trap_so \
        "$omnio" "$@" > ref.out 2> ref.err < /dev/null || { cat ref.err; return 1; }
    most=$(awk -v k="$call" '$1 == k { print $2 }' count)
}
# fails KIND COMMAND...: two results: each call that is tried fails alone, and with all that follow.
fails() {
    call=$1
    shift
    [ "${most:-0}" -gt 0 ] || return 0
    for more in '' '+'; do
        ended=0
        rm -f faults
        touch faults
        for i in $(numbers "$most"); do
            trap_name=FAIL_$(echo $call | tr a-z A-Z)
            one "$trap_name" "$i$more" "$@"
            judged "$trap_name" "$i$more" "$@" >> faults
        done
        ok "$about: of $most calls for $call${part:+ within $part} fails one${more:+ and all that follow}" \
            sh -c 'cat faults; ! grep -q . faults'
        [ $ended -eq 0 ] || echo "# $about: $ended of them ended the process in a library that is not ours"
    done
}
# tortured NAME COMMAND...: the four runs through all failures. also: another exit code that is right; lines: how many
# it may say; cold: without a cache of plugins; loose: what it prints differs each time; again: what is half done is
# taken up when the command is called once more; inside: a plugin of which a sample lets more allocations fail.
tortured() {
    about=$1
    shift
    [ "${TORTURE-$about}" = "$about" ] || return 0
    sums inputs > inputs.sums
    part=''
    counted memory "$@" > ref.why || { ok "$about: runs" sh -c 'cat ref.why; false'; return; }
    sums w > ref.sums
    rm -rf ref
    cp -r w ref
    fails memory "$@"
    most=$(awk '$1 == "write" { print $2 }' count)
    fails write "$@"
    if [ -n "$inside" ] && [ "$sample" -gt 0 ]; then
        part=$inside
        counted memory "$@"
        fails memory "$@"
        part=''
    fi
}

also='' lines='' cold='' loose='' again='' inside='' part=''
from=inputs
tortured "question" run vqa -t 1 -m ./$from/nano --image $from/tabletop.png --question "what colour is the cube?"
tortured "boxes" run detect -t 1 --image $from/tabletop.png
tortured "boxes as JSON" run detect -t 1 --image $from/tabletop.png --format json
tortured "options" run categorize -t 1 --image $from/tabletop.png --options "cube, sphere"
tortured "json" run $from/json.yaml -t 1 --image $from/tabletop.png
inside=/decoder-text
tortured "grammar" run $from/grammar.yaml -t 1 --image $from/tabletop.png
inside=''
inside=/format-
tortured "file" run thumbnail -t 1 --image $from/tabletop.png -o w/small.png
inside=''
cp inputs/grey.png start/small.png
tortured "overwriting" run thumbnail -t 1 --image $from/tabletop.png -o w/small.png --overwrite
rm start/small.png
inside=/format-
for j in colour.jpg exact.webp moving.gif strips.tif alpha.pam runs.bmp; do
    tortured "reading $j" run $from/same.yaml -t 1 --image $from/$j -o w/small.ppm
done
for j in jpg webp; do
    tortured "writing $j" run $from/same.yaml -t 1 --image $from/tabletop.png -o w/small.$j
done
for j in tone.wav tone.flac tone.opus tone.mp3; do
    tortured "reading $j" run $from/mono.yaml -t 1 --sound $from/$j -o w/small.wav
done
tortured "writing flac" run $from/mono.yaml -t 1 --sound $from/law.wav -o w/small.flac
inside=''
inside=/format-gif
if "$omnio" list format | grep -q ' gif\.video '; then
    tortured "moving" run video-frames -t 1 --video $from/moving.gif --count 2 -o frames=w/small.gif
fi
inside='' # its libraries ask for memory a thousand times: each in make torture
if "$omnio" list format | grep -q ' video '; then
    tortured "video" run video-frames -t 1 --video $from/plain.webm --count 2
fi
tortured "list" list
tortured "help" help image.resize
tortured "check" check vqa
tortured "inspect" inspect nano
tortured "verify" verify "$top_srcdir/tests/golden/uio2/tiny_a.score_options.safetensors"
cold=1
tortured "first list" list operation
cold=''
lines=4 also=1 # of many items one may fail alone
tortured "batch" run thumbnail -t 1 --batch $from/batch.jsonl -o 'w/{index}.png'
again=1
tortured "journal" run thumbnail -t 1 --batch $from/batch.jsonl -o 'w/{index}.png' --answers w/answers.jsonl
lines='' also=''
tortured "training" train $from/recipe.yaml -t 1 -o w/run -q
again='' loose=1
tortured "scores" eval $from/score.yaml -t 1 -q -m ./$from/nano
plan
