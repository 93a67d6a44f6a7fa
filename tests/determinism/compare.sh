#!/usr/bin/env bash
# usage: compare.sh BUILD: every scenario's hash from this build, from clang -O0 and from gcc with sanitizers must agree.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
seeds=${CUPOLA_DETERMINISM_SEEDS:-1..2}
./dev build debug-clang cupola
./dev build asan cupola
differences=0

hash_of() {
    # Another order of the address space and another filling of fresh memory must not matter either.
    MALLOC_PERTURB_=$3 "$1" sim run "$2" --seeds "$seeds" --jobs 2 --quiet | sed -n 's/.*hash of all \([0-9a-f]*\).*/\1/p'
}

for scenario in scenarios/*.lua; do
    plain=$(hash_of "$build/cupola" "$scenario" 0)
    clang=$(hash_of build/debug-clang/cupola "$scenario" 85)
    asan=$(hash_of build/asan/cupola "$scenario" 0)
    if [ -n "$plain" ] && [ "$plain" = "$clang" ] && [ "$plain" = "$asan" ]; then
        printf '%-46s %s\n' "$scenario" "$plain"
    else
        printf '%-46s DIFFERENT: gcc %s, clang -O0 %s, sanitizers %s\n' "$scenario" "$plain" "$clang" "$asan"
        differences=$((differences + 1))
    fi
done
exit $((differences > 0))
