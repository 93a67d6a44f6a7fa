#!/usr/bin/env bash
# usage: run.sh CUPOLA SCENARIO: plays the first seeds of a scenario, twice, and compares the hashes of both campaigns.
set -euo pipefail
cupola=$1 scenario=$2
seeds=${CUPOLA_SEEDS:-10}
first=$("$cupola" sim run "$scenario" --seeds "1..$seeds" --jobs 1)
echo "$first"
second=$("$cupola" sim run "$scenario" --seeds 1..3 --jobs 3 --quiet)
third=$("$cupola" sim run "$scenario" --seeds 1..3 --jobs 1 --quiet)
hash_of() { sed -n 's/.*hash of all \([0-9a-f]*\).*/\1/p' <<<"$1"; }
[ -n "$(hash_of "$second")" ]
if [ "$(hash_of "$second")" != "$(hash_of "$third")" ]; then
    echo "the same seeds gave different hashes: $(hash_of "$second") and $(hash_of "$third")"
    exit 1
fi
