#!/usr/bin/env bash
# usage: sim.sh CUPOLA: how fast the simulator is: steps of components a second, with hash and checks on, and simulated
# time a real second, for a cloud of 50 DEAs and 1,000 instances that starts up, idles, and loses a host.
set -euo pipefail
cd "$(dirname "$0")/../.."
cupola=$1
for scenario in tests/bench/fifty-deas-start.lua tests/bench/fifty-deas-idle.lua tests/bench/fifty-deas-lose-a-host.lua; do
    for seed in 1 2 3; do
        "$cupola" sim run "$scenario" --seed "$seed" --json
    done | python3 -c "
import json, statistics, sys
runs = [json.loads(line) for line in sys.stdin]
assert all(run['passed'] for run in runs), [run['failure'] for run in runs]
steps = statistics.median(run['steps'] / (run['real_ns'] / 1e9) for run in runs)
ratio = statistics.median(run['virtual_ns'] / run['real_ns'] for run in runs)
seconds = statistics.median(run['real_ns'] / 1e9 for run in runs)
print(f'{sys.argv[1]:<44} {steps:>12,.0f} steps/s {ratio:>10,.1f} x real time   ({seconds:.2f} s a run)')
" "$(basename "$scenario" .lua)"
done
