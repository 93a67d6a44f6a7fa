#!/usr/bin/env bash
# usage: compare.sh CUPOLA: the time to recovery of each fault family beside baseline.json, which many seeds made
# (`./dev claims 13 --save`). The same seeds give the same times on any machine: what fails here is no noise.
set -euo pipefail
cupola=$(realpath "$1")
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

compare() { "$cupola" sim run "$1" --seeds "$2" --quiet --jobs 2 --baseline baseline.json >"$folder/said"; }

compare families.lua 1..25 || {
    cat "$folder/said"
    echo "A time to recovery has become longer (or could not be measured). If it must be so: ./dev claims 13 --save, and say why in the commit."
    exit 1
}

# Apps that boot slower make every crash longer: the same comparison must say so.
sed 's/boot = cupola.lognormal("300ms"/boot = cupola.lognormal("600ms"/' families.lua >"$folder/slow.lua"
! cmp -s families.lua "$folder/slow.lua" || { echo "no slowdown was planted"; exit 1; }
status=0
compare "$folder/slow.lua" 1..10 || status=$?
[ "$status" = 1 ] && grep -A2 '^  workload$' "$folder/said" | grep -q 'p50 .* SLOWER$' ||
    { echo "a slowdown is not noticed: $status"; cat "$folder/said"; exit 1; }

# One boot in four takes five seconds: the median hardly sees it, the slowest do.
sed 's/boot = cupola.lognormal("300ms", 0.4)/boot = cupola.bimodal("300ms", "5s", 0.25)/' families.lua >"$folder/slow.lua"
! cmp -s families.lua "$folder/slow.lua" || { echo "no slow tail was planted"; exit 1; }
status=0
compare "$folder/slow.lua" 1..12 || status=$?
host=$(grep -A2 '^  host$' "$folder/said")
[ "$status" = 1 ] && grep -q 'p50 .* the same$' <<<"$host" && grep -q 'p99 .* SLOWER$' <<<"$host" ||
    { echo "a slow tail is not noticed: $status"; cat "$folder/said"; exit 1; }
