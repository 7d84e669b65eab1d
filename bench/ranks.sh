#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The time of a training step with two processes, foretold from one process alone, beside the measured one:
#   bench/ranks.sh RECIPE [ROUNDS] [SETTING...]
# The cost model of omnio-company(7): every process makes all pages and updates all weights, its share of the
# rows goes through the graph, and the sums move each gradient. From one process come the parts of a step with
# the whole batch and with half of it; what a byte costs comes from copying in memory (dd). Rounds take turns.
set -eu
recipe=$1
rounds=${2-3}
shift
[ $# -eq 0 ] || shift
top=$(cd "$(dirname "$0")/.." && pwd)
omnio=${OMNIO-$top/omnio}
here=$(mktemp -d "${TMPDIR:-/tmp}/omnio-ranks-XXXXXX")
trap 'rm -rf "$here"' EXIT
OMPI_MCA_btl_vader_single_copy_mechanism=none
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM \
    OMPI_MCA_rmaps_base_oversubscribe
set_all=
for s in "$@"; do set_all="$set_all --set $s"; done
batch=$(printf '%s\n' "$@" | sed -n 's/^batch=//p' | tail -n 1)
[ -n "$batch" ] || batch=$(sed -n 's/^batch: *\([0-9]*\).*/\1/p' "$recipe")
half=$((batch / 2))

# steps NAME COMMAND...: a line "NAME pages graph update" for each step but the first two.
steps() {
    name=$1
    shift
    rm -rf "$here/run"
    # shellcheck disable=SC2086
    "$@" train "$recipe" -o "$here/run" -t 1 -v --log-every 0 $set_all 2>&1 < /dev/null |
        sed -n 's/.*pages \([0-9.]*\) graph \([0-9.]*\) update \([0-9.]*\) ms.*/\1 \2 \3/p' |
        sed 1,2d | sed "s/^/$name /" >> "$here/steps"
}
i=0
while [ $i -lt "$rounds" ]; do
    i=$((i + 1))
    steps whole "$omnio"
    set_all="$set_all --set batch=$half"
    steps half "$omnio"
    set_all=${set_all% --set batch=*}
    steps two mpirun -np 2 "$omnio"
    dd if=/dev/zero of=/dev/null bs=4M count=256 2>&1 | sed -n 's/.*, \([0-9.]*\) \([GM]\)B\/s/copy \1 \2/p' >> "$here/steps"
done
numbers=$("$omnio" inspect "$here/run" --format json 2> /dev/null | sed -n 's/.*"parameters":\([0-9]*\).*/\1/p')
awk -v P="${numbers:-0}" -v B="$batch" '
    function median(a, n,    i, j, t) {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    $1 == "copy" { c[++m] = $3 == "G" ? $2 * 1e6 : $2 * 1e3; next }
    { n[$1]++; for (k = 2; k <= 4; k++) x[$1, k, n[$1]] = $k; x[$1, 5, n[$1]] = $2 + $3 + $4 }
    function part(name, k,    a, i) { for (i = 1; i <= n[name]; i++) a[i] = x[name, k, i]; return median(a, n[name]) }
    END {
        for (i = 1; i <= m; i++) speeds[i] = c[i]
        copy = median(speeds, m)
        # into a bucket, into shared memory, out of it and added: three passes over 4 P bytes
        sum = 3 * 4 * P / copy
        split("whole half two", name, " ")
        printf "batch %d, %d parameters, copies at %.1f GB/s; medians in ms\n", B, P, copy / 1e6
        printf "%-24s %8s %8s %8s %8s %6s\n", "", "pages", "graph", "update", "step", "n"
        for (i = 1; i <= 3; i++)
            printf "%-24s %8.1f %8.1f %8.1f %8.1f %6d\n", i == 1 ? "one, whole batch" : i == 2 ? "one, half of it" : "two, whole batch", part(name[i], 2), part(name[i], 3), part(name[i], 4), part(name[i], 5), n[name[i]]
        said = part("whole", 2) + part("half", 3) + sum + part("whole", 4)
        printf "two, foretold: %.1f + %.1f + %.1f (sums) + %.1f = %.1f ms; measured %.1f; error %+.1f %%\n", part("whole", 2), part("half", 3), sum, part("whole", 4), said, part("two", 5), 100 * (said / part("two", 5) - 1)
        a = 2 * part("half", 3) - part("whole", 3); if (a < 0) a = 0
        rows = part("whole", 3) - a
        printf "extrapolation, not measured (own machines, network of 1 GB/s, sums hidden behind two thirds of the graph):\n"
        for (R = 2; R <= 16 && R <= B; R *= 2) {
            graph = a + rows / R
            wire = 2 * (R - 1) / R * 4 * P / 1e6
            open = wire - 2 / 3 * graph; if (open < 0) open = 0
            t = part("whole", 2) + graph + open + part("whole", 4)
            printf "  %2d ranks: %.1f ms, %.2f times one\n", R, t, part("whole", 5) / t
        }
    }' "$here/steps"
