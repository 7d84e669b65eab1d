#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio doctor: findings of a healthy installation, and what is in the way of one that is not.
. "$top_srcdir/tests/cli/tap.sh"

export HOME="$here/home" XDG_CACHE_HOME="$here/cache"
mkdir home cache
ok "a healthy tree has no fault" gives 0 doctor
ok "... its processor" grep -q "^  cpu  *processor" out
ok "... its memory" grep -q "^  memory  *[0-9.]* GB, [0-9.]* GB of it free" out
ok "... its model" grep -q "^  model  *nano in " out
ok "... its cache" grep -q "^  cache  *$here/cache/omnio$" out
files=$("$omnio" list --format jsonl | grep -o '"file":"[^"]*\.so"' | sort -u | wc -l)
ok "... each plugin file once" grep -q "^  plugins  *$files with " out
ok "for programs" gives 0 doctor --format json
ok "... a list" sh -c 'head -n 1 out | grep -q "^\[" && grep -q "\"what\":\"cpu\"" out && ! grep -q "\"fault\":true" out'
mkdir plugins
echo "no library" > plugins/model-broken.so
ok "a plugin that cannot be used is a fault" env OMNIO_PLUGIN_PATH="$here/plugins:${OMNIO_PLUGIN_PATH:-}" \
    sh -c '"$0" doctor > out 2> err; [ $? -eq 69 ] && grep -q "^! plugin .*plugins/model-broken.so" out' "$omnio"
mkdir -p home/.local/share/omnio/models/odd
echo '{' > home/.local/share/omnio/models/odd/config.json
ok "so is a model whose configuration cannot be read" env -u XDG_DATA_HOME \
    sh -c '"$0" doctor > out 2> err; [ $? -eq 69 ] && grep -q "^! model  *odd in .*config.json" out' "$omnio"
rm -r home/.local
ok "so is no place for a cache" env -u HOME -u XDG_CACHE_HOME -u XDG_DATA_HOME \
    sh -c '"$0" doctor > out 2> err; [ $? -eq 69 ] && grep -q "^! cache  *no HOME" out' "$omnio"
ok "words are wrong usage" gives 2 doctor me
plan
