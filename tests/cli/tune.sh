#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio tune: what a model's folder is, what it lacks and how that is called, what it can do, whether it fits.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden/clip
ok "the model that ships lacks nothing" gives 0 tune nano
ok "... its family" grep -q "^  family  *uio2, in " out
ok "... its roles" sh -c 'grep -q "^  takes  *text, image$" out && grep -q "^  makes  *text$" out'
ok "... its tasks" grep -q "^  tasks  .*caption, .*vqa" out
ok "... its size" grep -q "^  size  *6.260 million parameters$" out
ok "... it fits" grep -q "^  memory  *bf16: 0.01 GB of weights, .*; fits$" out
ok "... what it is for" grep -q "^  command  *omnio run vqa -m .*nano --image FILE --question TEXT$" out
grep "^  command  *omnio run " out |
    sed 's/^  command  *omnio//; s|--image FILE|--image "$top_srcdir/examples/tabletop.png"|; s|TEXT|"what is this?"|' > asked
ok "... and the command works" sh -c "top_srcdir='$top_srcdir'; '$omnio' $(cat asked)"

mkdir clip
cp "$golden/tiny_a.hf/config.json" clip/
ok "what a folder lacks is told" gives 66 tune clip
ok "... weights" grep -q "^! weights .*model.safetensors" out
ok "... and the tokenizer by its own names" grep -q "^! tokenizer .*bpe_simple_vocab_16e6.txt.gz, .* or merges.txt" out
ok "... what it could do all the same" grep -q "^  tasks  .*classify" out
: > clip/open_clip_pytorch_model.bin
ok "weights of another format" gives 66 tune clip
ok "... are seen" grep -q "open_clip_pytorch_model.bin: omnio convert" out
rm clip/open_clip_pytorch_model.bin
cp "$golden/tiny_a.bpe.txt.gz" clip/bpe_simple_vocab_16e6.txt.gz
cp "$golden/tiny_a.hf/model.safetensors" clip/
ok "a folder that has all" gives 0 tune clip --format json
ok "... as a list" sh -c '! grep -q "\"missing\":true" out && grep -q "\"what\":\"command\"" out'
mkdir unitab
echo '{"model_type": "unitab"}' > unitab/config.json
ok "a configuration alone" gives 66 tune unitab/config.json
ok "... the tasks of its family stand in front" grep -q "^  tasks  *unitab-caption, unitab-ground, unitab-localize, unitab-refexp, unitab-vqa, beit3-caption" out
ok "... one of which is advised" grep -q "^  command  *when all is there: omnio run unitab-caption -m unitab --image FILE$" out
ok "... its tokenizer whole" grep -q "^! tokenizer .* has no tokenizer: merges.txt, vocab.json or tokenizer.json; " out
# a family whose pipelines are not called as it is, and could be asked what others are
mkdir llama
printf '{"model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, ' > llama/config.json
echo '"num_hidden_layers": 1, "vocab_size": 300}' >> llama/config.json
ok "a language model" gives 66 tune llama
ok "... its own tasks stand in front" grep -q "^  tasks  *llama-chat, llama-complete, [^l]" out
ok "... texts that go on are advised" grep -q "^  command  *when all is there: omnio run llama-complete -m llama --text TEXT$" out
# how weights are usually called, where the family says so
mkdir uio1 ofa vilbert gato
echo '{"omnio": {"model": "uio1", "size": "small"}}' > uio1/config.json
echo '{"arch": "ofa_tiny", "omnio": {"model": "ofa"}}' > ofa/config.json
echo '{"model_type": "vilbert"}' > vilbert/config.json
echo '{"omnio": {"model": "gato"}}' > gato/config.json
ok "weights of Unified-IO 1" gives 66 tune uio1
ok "... are told" grep -q "^! weights .*; usually found as small_1000k.bin, .* or xl_1000k.bin$" out
ok "weights of OFA" gives 66 tune ofa
ok "... are told" grep -q "^! weights .*; usually found as .*ofa_base.pt, " out
ok "... and its own tokenizer or the library's" \
    grep -q "has no tokenizer: vocab.bpe, encoder.json, dict.txt, merges.txt or vocab.json; " out
ok "lists of answers" gives 66 tune vilbert
ok "... are no tokenizer" grep -q "has no tokenizer: vocab.txt; " out
ok "... and questions are advised" grep -q "^  command  .*omnio run vilbert-vqa -m vilbert --regions FILE --question TEXT$" out
ok "what nobody published" gives 66 tune gato
ok "... has no usual name" sh -c 'grep -q "^! weights" out && ! grep -q "usually found" out'
ok "no model" gives 66 tune nothing
ok "no word is wrong usage" gives 2 tune
plan
