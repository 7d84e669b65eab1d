#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh FILE: prints a C file that holds FILE's bytes, as an array, because string literals have
# a length limit. kernels/linear.cl becomes
#   const unsigned char kernel_linear[];      ends with a 0 byte
#   const unsigned long kernel_linear_size;   without that 0
# The bytes begin with a #line of the kernel's name, so that device compilers name our file.
set -eu
file=$1
base=$(basename "$file")
name=$(printf '%s' "${base%.*}" | tr -c 'A-Za-z0-9_' '_')
printf '/* Made by build-aux/embed.sh from %s. */\n' "$base"
printf 'extern const unsigned char kernel_%s[];\n' "$name"
printf 'extern const unsigned long kernel_%s_size;\n' "$name"
printf 'const unsigned char kernel_%s[] = {\n' "$name"
{ printf '#line 1 "%s"\n' "$base"; cat "$file"; } |
    od -An -v -tu1 | sed -e 's/^ *//; s/  */,/g; s/$/,/'
printf '0};\n'
printf 'const unsigned long kernel_%s_size = sizeof kernel_%s - 1;\n' "$name" "$name"
