#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two processes under mpirun share a batch and a training: nothing lost, nothing doubled, also when one of them
# is killed and when another number of them goes on; the loss is that of one process. OMNIO_KILLS says how often
# a rank is killed (1, in make check-all 20).
. "$top_srcdir/tests/cli/tap.sh"

if [ ! -f "$top_builddir/plugins/company-mpi.la" ] || ! command -v mpirun > /dev/null; then
    echo '1..0 # SKIP built without MPI, or mpirun is not there'
    exit 0
fi
usual=1
[ "${OMNIO_TEST-}" = all ] && usual=20
kills=${OMNIO_KILLS-$usual}
many=60
# One machine, shared memory, no network, no ssh, whoever runs this.
OMPI_MCA_btl=self,vader
OMPI_MCA_btl_vader_single_copy_mechanism=none
OMPI_MCA_pml=ob1
OMPI_MCA_osc=sm,rdma,pt2pt
OMPI_MCA_plm=isolated
OMPI_MCA_oob_tcp_if_include=lo
OMPI_MCA_orte_tmpdir_base=$here
OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_hwloc_base_binding_policy=none
PMIX_MCA_gds=hash
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl OMPI_MCA_btl_vader_single_copy_mechanism OMPI_MCA_pml OMPI_MCA_osc OMPI_MCA_plm \
    OMPI_MCA_oob_tcp_if_include OMPI_MCA_orte_tmpdir_base OMPI_MCA_rmaps_base_oversubscribe \
    OMPI_MCA_hwloc_base_binding_policy PMIX_MCA_gds OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM

# What Open MPI's components keep when they are unloaded has no name left by which it could be told from leaks of ours:
# those are looked for where one process does the same work.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

# Even for processes of one machine mpirun needs the loopback interface.
if ! mpirun -np 2 true > probe 2>&1 < /dev/null; then
    sed 's/^/# /' probe
    echo '1..0 # SKIP mpirun cannot start anything here: is there no loopback interface?'
    exit 0
fi

# together N ARGUMENT...: omnio in N processes; streams in out and err.
together() {
    ranks=$1
    shift
    mpirun -np "$ranks" "$omnio" "$@" > out 2> err < /dev/null
}
# makes CODE N ARGUMENT...: the same, its exit code as wanted.
makes() {
    want=$1
    shift
    together "$@"
    code=$?
    cat out err
    [ $code -eq "$want" ] || { echo "exit $code, not $want"; return 1; }
}
says() { grep -q -e "$1" err || { cat err; return 1; }; }

# ---- a batch ----

loud_batch $many

# told FILE: each answer is there once, in order, and every line is whole.
told() {
    grep -v '^{"type":"[a-z]*".*}$' "$1" && return 1
    grep '"type":"done"' "$1" | sed 's/.*"id":\([0-9]*\),.*"loud":"WORDS OF \([0-9]*\)".*/\1 \2/' > ids
    awk -v many=$many '$1 != NR - 1 || $2 != $1 { print "line " NR ": " $0; bad = 1 }
        END { if (NR != many) { print NR " answers"; bad = 1 } exit bad }' ids
}
# pieces FILE: each answer is told by one rank alone.
pieces() {
    cat "$1".[0-9] | grep '"type":"done"' | sed 's/.*"item":\([0-9]*\),.*/\1/' | sort -n > ids
    awk -v many=$many '$1 != NR - 1 { print "line " NR ": " $0; bad = 1 }
        END { if (NR != many) { print NR " answers"; bad = 1 } exit bad }' ids
}
both() { for r in 0 1; do [ "$(grep -c '"type":"done"' "$1.$r")" -gt 0 ] || return 1; done; }
batch() { echo "run both.yaml --batch many.jsonl -t 1 -q -o small=$1/{index}.png --answers $1.jsonl"; }

mkdir alone two killed
# shellcheck disable=SC2046
ok "a batch by one" gives 0 $(batch alone)
# shellcheck disable=SC2046
ok "the same by two" makes 0 2 $(batch two)
ok "... each answer once, in order, in one file" told two.jsonl
ok "... each by one of them" pieces two.jsonl
ok "... both at work" both two.jsonl
ok "... every file whole" diff -r alone two
cp two.jsonl before
# shellcheck disable=SC2046
ok "once more finds nothing to do" makes 0 2 $(batch two)
ok "... and says no answer again" pieces two.jsonl
ok "... the file is as it was" cmp two.jsonl before
# One picture is a pipe that nobody writes: whoever takes it waits there, however busy the machine is, until it is killed.
sed 's/"a.png", "text": "words of 40"/"gate.png", "text": "words of 40"/' many.jsonl > gated.jsonl
gated() { echo "run both.yaml --batch gated.jsonl -t 1 -q -o small=killed/{index}.png --answers killed.jsonl"; }
answered() { cat killed.jsonl.[01] 2> /dev/null | grep -c '"type":"done"'; }
mkfifo gate.png || exit 99
round=0
while [ $round -lt "$kills" ]; do
    round=$((round + 1))
    before=$(answered)
    # shellcheck disable=SC2046
    mpirun -np 2 "$omnio" $(gated) >> killed.out 2>&1 < /dev/null &
    starter=$!
    i=0 # until it goes on to answer; from the second round on there may be nothing left but the gate
    while [ $i -lt $((round > 1 ? 50 : 1200)) ] && [ "$(answered)" -le "$before" ]; do
        sleep 0.05
        i=$((i + 1))
    done
    victim=$(ps -e -o pid= -o ppid= | awk -v p=$starter -v n=$((1 + round % 2)) '$2 == p && ++k == n { print $1 }')
    [ -z "$victim" ] || kill -KILL "$victim" 2> /dev/null
    wait $starter 2> /dev/null
done
rm gate.png && cp a.png gate.png || exit 99
ok "a rank is killed" grep -q -i 'signal 9' killed.out
# shellcheck disable=SC2046
ok "... and takes nothing with it: the same command ends the batch" makes 0 2 $(gated)
ok "... each answer once, in order" told killed.jsonl
ok "... every file whole" diff -r alone killed

mkdir three
# shellcheck disable=SC2046
mpirun -np 3 "$omnio" $(batch three) > three.out 2>&1 < /dev/null
rm three.jsonl
# as if each had been killed while it told its last answer
for r in 0 1 2; do
    for cut in "three.jsonl.$r.journal 5" "three.jsonl.$r 30"; do
        file=${cut% *}
        head -c $(($(wc -c < "$file") - ${cut#* })) "$file" > torn && cat torn > "$file"
    done
done
# shellcheck disable=SC2046
ok "what three began one may end, without mpirun" gives 0 $(batch three)
ok "... each answer once, in order" told three.jsonl
ok "... every file whole" diff -r alone three
sed 's/"a.png", "text": "words of 7"/"none.png", "text": "words of 7"/' many.jsonl > bad.jsonl
ok "what fails is told by all" makes 1 2 run both.yaml --batch bad.jsonl -q --answers bad.out
ok "... in the file, where it would stand" awk 'NR == 9 && /"type":"error","version":1,"item":7,/ { found = 1 } END { exit !found }' bad.out
ok "... and nothing else is missing" [ "$(grep -c '"type":"done"' bad.out)" -eq $((many - 1)) ]
ok "one item cannot be shared" makes 2 2 run both.yaml --image a.png --text x
ok "... which is said" says 'they share the items of a batch'
# shellcheck disable=SC2046
ok "what one began two do not end" makes 2 2 $(batch alone)
ok "... which is said" says 'alone.jsonl.journal is the journal of one process alone'

# ---- a training ----

photos three yes
cat > recipe.yaml <<'END'
version: 1
model: nano
start: nano
sources: {mine: {use: folder, path: photos, held_out: 0}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 1e-3, warmup: 2, clip: 1}
pack: {inputs: 24, targets: 8}
batch: 2
steps: 3
END
# near A B: the losses of two runs differ by 1e-3 at most, and there are 3.
near() {
    paste -d, "$1/log.csv" "$2/log.csv" | awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == "loss") { b = a ? i : b; if (!a) a = i } next }
        { d = $a - $b; if (d < 0) d = -d; if (d > most) most = d; n++ }
        END { print n " steps, apart " most; exit !(a && b && n == 3 && most <= 1e-3) }'
}
ok "a training by one" gives 0 train recipe.yaml -o one -t 1 -q
ok "the same by two" makes 0 2 train recipe.yaml -o both -t 1 -q
ok "... has the same losses" near one both
ok "two begin it" makes 0 2 train recipe.yaml -o begun -t 1 -q --seconds 0.001
ok "... and stop behind one step" [ "$(wc -l < begun/log.csv)" -eq 2 ]
ok "one ends it" gives 0 train recipe.yaml -o begun -t 1 -q
ok "... with the same losses" near one begun
ok "a batch that cannot be shared evenly" makes 2 3 train recipe.yaml -o odd -t 1 -q
ok "... is refused" says 'a batch of 2 pages cannot be shared evenly among 3 processes'
ok "... and leaves nothing" [ ! -e odd ]
plan
