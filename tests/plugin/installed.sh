#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins outside the tree: omnio is installed into a folder of this test (library, headers, helper,
# templates, omnio.pc and one plugin), then the example and a new project of each kind are built
# against it with pkg-config alone and pass their own tests.
#
# With OMNIO_TEST=all the modality from outside is learnt to its end, some six minutes, and examined.
set -u
results=16
[ "${OMNIO_TEST-}" = all ] && results=17
echo 1..$results
here=$(mktemp -d "${TMPDIR:-/tmp}/omnio-test-XXXXXX") || exit 99
trap 'rm -rf "$here"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
number=0
strict="-Wall -Wextra -Wpedantic -Werror -Werror=implicit-function-declaration"

# report NAME COMMAND...: one line of TAP; what the command said follows a failure.
report() {
    name=$1
    shift
    number=$((number + 1))
    if "$@" > "$here/log" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$here/log"
    fi
}

skip_all() {
    for i in $(seq $results); do echo "ok $i # SKIP $1"; done
    exit 0
}

command -v pkg-config > /dev/null || skip_all "pkg-config is not there"

installs() {
    make -C "$top_builddir" DESTDIR="$here/root" install-libLTLIBRARIES install-pkgconfigDATA \
        install-pkglibexecPROGRAMS install-omnioincludeHEADERS install-nobase_dist_pkgdataDATA &&
    pc=$(find "$here/root" -name omnio.pc) && [ -n "$pc" ] && mkdir "$here/pc" &&
    sed "s|^\([a-z_]*\)=/|\1=$here/root/|" "$pc" > "$here/pc/omnio.pc" &&
    PKG_CONFIG_PATH=$here/pc && export PKG_CONFIG_PATH &&
    plugins=$(pkg-config --variable=plugindir omnio) && mkdir -p "$plugins" &&
    cp "$top_builddir"/plugins/.libs/*cpu*.so "$plugins"
}

# The example in a folder of its own, as a stranger would have it.
example() {
    cp -R "$top_srcdir/examples/plugin" "$here/example" && chmod -R u+w "$here/example" &&
    cd "$here/example" && make CC="$CC" CFLAGS="-O1 $strict" check
}

# Installed beside the others it is found without being told where.
example_installed() {
    cd "$here/example" && make CC="$CC" install && rm example.so &&
    env XDG_DATA_HOME="$here/none" ./test
}

project() {
    "$top_builddir/tests/plugin/begin" "$1" "my-$1" "$here/my-$1" && cd "$here/my-$1" &&
    make CC="$CC" CFLAGS="-O1 $strict" check
}

# A modality that this tree does not know: built against the installed headers alone, it reads its
# files, teaches the shipped model for half a minute, and is answered in its own terms.
series() {
    cp -R "$top_srcdir/examples/plugin-series" "$here/series" && chmod -R u+w "$here/series" &&
    cd "$here/series" && make CC="$CC" CFLAGS="-O1 $strict" check \
        OMNIO="env OMNIO_PLUGIN_PATH=. $top_builddir/omnio"
}

# The whole of its training: its classes are told in 95 of 100 series that it never saw.
learnt() {
    cd "$here/series" && make learn OMNIO="env OMNIO_PLUGIN_PATH=. $top_builddir/omnio" > learn.log 2>&1
    code=$?
    tail -n 12 learn.log
    [ $code -eq 0 ] &&
        awk '$1 == "class" && $2 == "all" { score = $4 + 0 } END { exit !(score >= 95) }' learn.log
}

# The first plugin of omnio-plugin(7), built by the page's own command and looked at by the helper.
page() {
    mkdir "$here/page" && cd "$here/page" &&
    awk '/^#include/ { on = 1 } on && /^\.Ed/ { exit } on' "$top_srcdir/man/omnio-plugin.7" |
        sed 's/\\e$/\\/' > shout.c &&
    sed -n '/^cc -std/,/^\.Ed/p' "$top_srcdir/man/omnio-plugin.7" |
        sed '/^\.Ed/d; s/\\e$/\\/; s|^cc |$CC -Wall -Wextra -Werror |' > build.sh &&
    . ./build.sh && library=$(find "$here/root" -name libomnio.so) &&
    printf '%s\0' "$here/page/shout.so" |
        "$(find "$here/root" -name omnio-scan)" "$library" 20000 > answer &&
    cat answer && grep -q "good.*text.shout" answer
}

report "omnio installs into a folder" installs
installs_pc=$here/pc
PKG_CONFIG_PATH=$installs_pc
export PKG_CONFIG_PATH
report "the example builds and passes its test" example
report "the example is found where it was installed" example_installed
for kind in operation format encoder decoder codec model source op compute value answer; do
    report "a new $kind builds and passes its test" project "$kind"
done
report "the plugin of the manual page builds" page
report "a modality from outside is learnt and answers" series
[ $results -eq 16 ] || report "it is learnt to 95 % and more" learnt
