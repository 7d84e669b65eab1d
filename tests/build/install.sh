#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Configuring and installing: what is asked for is understood or refused at once, another prefix is
# told what to do, and uninstalling leaves no folder of ours.
set -u
here=$(mktemp -d "${TMPDIR:-/tmp}/omnio-test-XXXXXX") || exit 99
trap 'rm -rf "$here"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
number=0

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

# refuses OPTION TEXT: configure ends at once and says TEXT.
refuses() {
    mkdir -p "$here/build" && cd "$here/build" || return 1
    if sh "$top_srcdir/configure" "$1" > out 2>&1; then return 1; fi
    cat out
    [ ! -f config.status ] && grep -F -q -e "$2" out
}

other_prefix() {
    if make -C "$top_builddir" install prefix="$here/elsewhere"; then return 1; fi
    [ ! -e "$here/elsewhere" ] && grep -q "configure --prefix=$here/elsewhere" "$here/log"
}

installs() {
    make -C "$top_builddir" install DESTDIR="$here/root" && find "$here/root" -name 'omnio.pc' | grep -q .
}

leaves_nothing() {
    make -C "$top_builddir" uninstall DESTDIR="$here/root" > /dev/null || return 1
    find "$here/root" ! -type d
    # the prefix itself may lie in a folder of that name
    find "$here/root" -type d \( -path '*/lib*/omnio' -o -path '*/share/omnio' \
        -o -path '*/include/omnio' \) > "$here/left"
    cat "$here/left"
    [ -z "$(find "$here/root" ! -type d)" ] && ! [ -s "$here/left" ]
}

if [ -x "$top_srcdir/configure" ]; then
    report "a library is auto, yes or no" refuses --with-png=maybe "--with-png=maybe: auto, yes or no"
    report "the same by another name" refuses --enable-opencl=x "auto, yes or no is wanted"
    report "sanitizers have names" refuses --enable-sanitizers=magic "address, undefined, thread"
fi
report "another prefix is told what to do" other_prefix
report "omnio is installed" installs
report "uninstalling leaves no folder of ours" leaves_nothing
echo "1..$number"
