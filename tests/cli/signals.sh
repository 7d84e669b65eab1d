#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGTERM and SIGINT end the program wherever it waits, also where nothing hears of a wish to stop: in the
# opening of a pipe that nobody writes to. What is finished is kept.
. "$top_srcdir/tests/cli/tap.sh"

cat > small.yaml <<'END'
version: 1
inputs: {image: {type: image, help: a picture}}
steps:
  - {apply: image.resize, as: small, in: $image, width: 4, height: 3}
outputs: {small: {value: $small, file: optional}}
END
cp "$(find "$top_srcdir/tests/foreign" -name '01.png' | head -n 1)" a.png || exit 99
mkfifo pipe || exit 99

# ends SIGNAL CODE ARGUMENT...: omnio is started, may come to rest, is asked once, and has half a minute.
ends() {
    signal=$1 want=$2
    shift 2
    "$omnio" "$@" > out 2> err < /dev/null &
    pid=$!
    sleep 0.5
    kill -"$signal" $pid
    (sleep 30; kill -KILL $pid) > /dev/null 2>&1 &
    watch=$!
    wait $pid
    code=$?
    kill $watch 2> /dev/null
    [ $code -eq "$want" ] || { cat out err; echo "exit $code, not $want"; return 1; }
}

# A shell ignores SIGINT for what it starts in the background, and so does the program then.
ok "a picture that is a pipe" ends TERM 143 run small.yaml --image pipe -o s.png
ok "a pipeline that is a pipe" ends TERM 143 check pipe
ok "a batch that is a pipe" ends TERM 143 run small.yaml --batch pipe -o 's{index}.png'
ok "a list of JSON is closed" ends TERM 143 run small.yaml --rows 1 --format json --image a.png pipe -o 'x{index}.png'
ok "... with what is finished" sh -c 'head -n 2 out | tail -n 1 | grep -q "\"item\":0.*x0.png" && [ "$(tail -n 1 out)" = "]" ]'
ok "... and written" [ -s x0.png -a ! -e x1.png ]
ok "an empty one too" ends TERM 143 run small.yaml --format json --image pipe pipe -o 'y{index}.png'
ok "... closed" [ "$(cat out)" = "[]" ]
ok "nothing half is left" [ -z "$(find . -name '.omnio-*')" ]

plan
