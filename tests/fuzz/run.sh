#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh SOURCE MINUTES: builds SOURCE (a folder that make distdir made) with clang, the sanitizers of
# addresses and undefined behaviour and libFuzzer's counters, and lets libFuzzer work on each reader for
# so many minutes. What it learns stays in fuzz-corpus/, what breaks a reader in fuzz-found/. FUZZ names
# the readers, all of them without it.
set -eu
source=$1
minutes=$2
top=$(pwd)
command -v clang > /dev/null || { echo "clang is not there"; exit 1; }
mkdir -p fuzz-found
cd "$source"
if [ ! -f config.status ]; then
    ./configure CC="${FUZZ_CC-clang}" CXX="${FUZZ_CXX-clang++}" \
        CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' \
        --enable-sanitizers=address,undefined > configure.log
fi
make -j"$(nproc)" > make.log 2>&1 || { tail -n 20 make.log; exit 1; }
make tests/fuzz/one >> make.log 2>&1 || { tail -n 20 make.log; exit 1; }
names=${FUZZ-$(OMNIO_FUZZ='' ./tests/fuzz/one -runs=1 2>&1 | sed -n 's/.*names one of: //p')}
bad=0
for name in $names; do
    corpus=$top/fuzz-corpus/$name
    mkdir -p "$corpus"
    # Seeds of other readers do no harm: what opens no new way is dropped.
    cp tests/fuzz/seeds/* pipelines/*.yaml models/nano/recipe.yaml models/nano/config.json \
        tests/golden/codecs/nfkc_bytes.model "$corpus/"
    echo "== $name"
    env OMNIO_FUZZ="$name" top_srcdir="$(pwd)" ./tests/fuzz/one -max_total_time=$((60 * minutes)) \
        -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$top/fuzz-found/$name-" "$corpus" || bad=1
done
exit $bad
