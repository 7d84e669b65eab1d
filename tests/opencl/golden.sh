#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unified-IO 2 and CLIP on an OpenCL device against the original programs, stage by stage, and the model that ships: it
# answers there as it does on the processor.
set -u
omnio=$top_builddir/omnio
golden=$top_srcdir/tests/golden/uio2
picture=$top_srcdir/examples/tabletop.png
cases="text_only text_image text_subsegments score_options text_image_generate text_image_grads all_modalities padded_batch2
  packed_pair generate_text generate_image generate_audio generate_image_cfg"
log=$(mktemp "${TMPDIR:-/tmp}/omnio-test-XXXXXX") || exit 99
trap 'rm -f "$log"' EXIT
if ! "$omnio" --list-devices 2>/dev/null | grep -q '^opencl'; then
    echo "1..0 # SKIP no OpenCL device"
    exit 0
fi
number=0
result() { # CODE NAME
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        grep -v ' ok$' "$log" | sed 's/^/# /' | head -n 20
    fi
}
models='tiny_a tiny_b'
[ "${OMNIO_TEST-}" = brief ] && models=tiny_a
for model in $models; do
    for case in $cases; do
        "$omnio" verify --device opencl "$golden/$model.$case.safetensors" >"$log" 2>&1
        result $? "$model $case"
    done
done
for case in tiny_a.image tiny_a.text tiny_a.pair tiny_a.grads tiny_a.zero_shot tiny_b.image tiny_b.pair tiny_b.grads; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/clip/$case.safetensors" >"$log" 2>&1
    result $? "clip $case"
done
for case in coca/tiny_a.embed coca/tiny_a.pairs coca/tiny_a.steps coca/tiny_b.embed vlmo/tiny_a.embed \
    vlmo/tiny_a.pairs ufo/tiny_a.pairs flava/tiny_a.pairs dalle/tiny_a.teach dalle/tiny_a.packed dalle/tiny_a.steps uvim/tiny_a.stage1 uvim/tiny_a.draw uvim/tiny_a.steps vl-t5/tiny_a.forward vl-t5/tiny_a.variants vl-t5/tiny_a.loss vl-t5/tiny_a.generate t5/v10.forward \
    t5/v11.forward t5/v11.generate; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/$case.safetensors" >"$log" 2>&1
    result $? "$case"
done
others="ofa/tiny_a.forward ofa/tiny_a.beam ofa/tiny_a.grads pix2seq/tiny_a.forward pix2seq/tiny_a.decode
  pix2seq/tiny_a.loss flamingo/tiny_a.forward flamingo/tiny_a.generate flamingo/tiny_a.loss_pair gato/tiny_a.forward
  gato/tiny_a.act gato/tiny_a.grads llama/llama.forward llama/llama.generate flava/tiny_a.embed uio1/tiny_b.forward
  unitab/tiny_b.forward vl-t5/tiny_b.forward"
[ "${OMNIO_TEST-}" = brief ] && others=
for case in $others; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/$case.safetensors" >"$log" 2>&1
    result $? "$case"
done
for model in tiny_a tiny_b; do
    for case in joint single mdm vqa nlvr2 imagenet retrieval captioning_train captioning_generate eps pos_resize \
        captioning_grads mdm_grads vqa_grads retrieval_grads; do
        "$omnio" verify --device opencl "$top_srcdir/tests/golden/beit3/$model.$case.safetensors" >"$log" 2>&1
        result $? "beit3 $model $case"
    done
done
for case in forward packed subsampled answer_options generate_eos generate_beam generate_image sample_image grads; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/uio1/tiny_a.$case.safetensors" >"$log" 2>&1
    result $? "uio1 tiny_a $case"
done
for case in forward generate grads; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/unitab/tiny_a.$case.safetensors" >"$log" 2>&1
    result $? "unitab $case"
done
for case in loss embed; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/mdetr/tiny_a.$case.safetensors" >"$log" 2>&1
    result $? "mdetr $case"
done
for case in both other_steps; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/gpv/tiny_a.$case.safetensors" >"$log" 2>&1
    result $? "gpv $case"
done
for case in vqa refcoco match; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/vilbert/tiny_a.$case.safetensors" >"$log" 2>&1
    result $? "vilbert $case"
done
for case in tiny_a.detect tiny_a.ask tiny_b.judge; do
    "$omnio" verify --device opencl "$top_srcdir/tests/golden/unit/$case.safetensors" >"$log" 2>&1
    result $? "unit $case"
done
ask() { "$omnio" run vqa --device "$1" --image "$picture" --question "$2" 2>>"$log"; }
for question in "what colour is the cube?" "how many spheres are there?" "is there a cone?"; do
    here=$(ask cpu "$question")
    there=$(ask opencl "$question")
    [ -n "$here" ] && [ "$here" = "$there" ]
    result $? "$question $here, $there"
done
echo "1..$number"
