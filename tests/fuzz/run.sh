#!/usr/bin/env bash
# usage: run.sh [SECONDS [TARGET...]]: every fuzz target (or those named) for so long (default 60), as many at once as
# there are cores, beginning from its corpus. Input that breaks one is kept below build/fuzz/found, and its report printed.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
seconds=${1:-60}
shift || true
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')

fuzz() {
    local seconds=$1 name=$2
    mkdir -p "build/fuzz/corpus/$name"
    if build/fuzz/tests/fuzz/"$name" -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=2048 -timeout=25 \
        -artifact_prefix="build/fuzz/found/$name-" -print_final_stats=1 \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
        awk -v name="$name" -F': *' '/number_of_executed_units/ {runs = $NF} /peak_rss_mb/ {peak = $NF}
            END {printf "%-22s %12d inputs, at most %d MB, nothing found\n", name, runs, peak}' "build/fuzz/$name.log"
    else
        tail -30 "build/fuzz/$name.log"
        echo "$name: broken; the input is in build/fuzz/found" >&2
        return 1
    fi
}
export -f fuzz

mkdir -p build/fuzz/found
echo "$# targets, $seconds s each"
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'fuzz "$0" "$1"' "$seconds" {}
