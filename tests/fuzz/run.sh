#!/usr/bin/env bash
# usage: run.sh [SECONDS]: every fuzz target for so long (default 60), beginning from its corpus; what crashes one is kept
# below build/fuzz/found and printed.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
failed=0
mkdir -p build/fuzz/found
for target in tests/fuzz/fuzz_*.c; do
    name=$(basename "$target" .c)
    mkdir -p "build/fuzz/corpus/$name"
    echo "$name: $seconds s"
    "build/fuzz/tests/fuzz/$name" -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=2048 -timeout=10 \
        -artifact_prefix="build/fuzz/found/$name-" -print_final_stats=1 \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1 || {
        tail -30 "build/fuzz/$name.log"
        failed=1
    }
    grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "build/fuzz/$name.log"
done
exit $failed
