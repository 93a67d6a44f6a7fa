#!/usr/bin/env bash
# usage: sim.sh CUPOLA: how fast the simulator is: steps of components a second of CPU time, with hash and checks on, and
# simulated time to CPU time, for a cloud of 50 DEAs and 1,000 instances that starts up, idles, and loses a host.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 - "$1" <<'PYTHON'
import json, resource, statistics, subprocess, sys

for name in ("fifty-deas-start", "fifty-deas-idle", "fifty-deas-lose-a-host"):
    steps, ratios, seconds = [], [], []
    for seed in ("1", "2", "3"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run([sys.argv[1], "sim", "run", f"tests/bench/{name}.lua", "--seed", seed, "--json"],
                             capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = json.loads(ran.stdout)
        assert run["passed"], run["failure"]
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        seconds.append(cpu)
        steps.append(run["steps"] / cpu)
        ratios.append(run["virtual_ns"] / 1e9 / cpu)
    print(f"{name:<44} {statistics.median(steps):>12,.0f} steps/s {statistics.median(ratios):>10,.1f} x real time   "
          f"({statistics.median(seconds):.2f} s of CPU a run)", flush=True)
PYTHON
