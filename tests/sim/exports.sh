#!/usr/bin/env bash
# usage: exports.sh BUILD: reports and exports of runs as other programs and people get them.
set -euo pipefail
cd "$(dirname "$0")/../.."
cupola=$1/cupola
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "$*" >&2; exit 1; }

for scenario in dea-host-power-off partition-of-a-dea lossy-network-stalled-agents; do
    "$cupola" sim run "scenarios/$scenario.lua" --quiet --seed 2 >"$folder/plain"
    "$cupola" sim run "scenarios/$scenario.lua" --quiet --seed 2 --html "$folder/run.html" \
        --perfetto "$folder/run.json" --shiviz "$folder/run.log" >"$folder/told"
    diff <(grep -o 'hash .*' "$folder/plain") <(grep -o 'hash .*' "$folder/told") || fail "the report changed the run"
    python3 tests/sim/check_exports.py "$folder/run.json" "$folder/run.log" || fail "$scenario: the exports are wrong"
    [ "$(stat -c %s "$folder/run.html")" -lt 12000000 ] || fail "the page is too big"
done

# What can be read must be able to be found wrong: a clock that jumps, a flow without an end.
sed '0,/"bus-0": 9/s//"bus-0": 11/' "$folder/run.log" >"$folder/bad.log"
python3 tests/sim/check_exports.py "$folder/run.json" "$folder/bad.log" 2>/dev/null && fail "a wrong clock was accepted"
sed '0,/"ph":"f"/s//"ph":"i","s":"t"/' "$folder/run.json" >"$folder/bad.json"
python3 tests/sim/check_exports.py "$folder/bad.json" "$folder/run.log" 2>/dev/null && fail "a lost flow was accepted"

# A campaign's page draws each measurement; one run's exports are not for campaigns.
"$cupola" sim run scenarios/instance-crash.lua --quiet --seeds 1..30 --html "$folder/campaign.html" >"$folder/told"
grep -q '100.00%' "$folder/campaign.html" && grep -q 'with 95% confidence' "$folder/campaign.html" || fail "campaign"
status=0
"$cupola" sim run scenarios/instance-crash.lua --seeds 1..2 --shiviz "$folder/x" 2>/dev/null || status=$?
[ "$status" = 2 ] || fail "--shiviz of a campaign"

# An exploration's page names what was never met.
"$cupola" sim explore scenarios/instance-crash.lua --out "$folder/found" --runs 4 --jobs 2 --quiet >/dev/null || true
grep -q 'Which fault met which state' "$folder/found/report.html" || fail "no page of the exploration"
grep -q 'class="no"' "$folder/found/report.html" || fail "no empty cells"
