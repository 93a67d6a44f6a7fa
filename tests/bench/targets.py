#!/usr/bin/env python3
"""Plays the scenario of each promise that is measured in simulated time, and prints what it gave beside what was promised;
then what this machine gives for rows 13 and 15.

usage: targets.py CUPOLA [--seeds N] [--jobs J] [ROW...]     `./dev bench targets` plays 1,000 seeds of each
"""
import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
S, MS = 10**9, 10**6
# row, promise, scenario, its measurement (None: only that no run fails), percentile -> most
ROWS = [
    ("1", "crash: the order to start its replacement leaves within 0.2 s (p99)", "crash-is-answered-at-once",
     "time until the replacement is ordered", {"p99": 200 * MS}),
    ("1", "the same with the word of the crash lost: 2 s (p99)", "crash-is-answered-at-once",
     "time until it is ordered, word of it lost", {"p99": 2 * S}),
    ("2", "silent host, one of 100: p50 1.5 s, p99 3 s", "silent-host-is-found-lost",
     "time until the replacement is ordered", {"p50": 1500 * MS, "p99": 3 * S}),
    ("2", "silent host, one of 1,000: p50 1.5 s, p99 3 s", "../tests/bench/thousand-deas-lose-a-host",
     "time until the replacement is ordered", {"p50": 1500 * MS, "p99": 3 * S}),
    ("2", "2 % loss and 5 s stalls: no host taken for dead", "lossy-network-stalled-agents", None, {}),
    # And how often it would be: false_alarms.py, below.
    ("3", "no request fails while one healthy instance lives", "v1/r3-one-of-many-lives", None, {}),
    ("3", "slow answers: many instances end under their requests, a host dies", "v1/r3-many-end-under-their-requests",
     None, {}),
    ("3", "routers cut off from the bus while ten of twelve are stopped", "v1/r16-a-router-that-misses-unregisters", None, {}),
    ("3", "unregisters lost while apps grow, shrink and move", "v1/r16-unregisters-that-are-lost", None, {}),
    ("3", "a request that ends what it is sent to ends two instances at most", "v1/r3-poison-ends-two-at-most", None, {}),
    ("4", "no request reaches another app, ports used again", "v1/r1-ports-are-used-again", None, {}),
    ("4", "the same with the bus down", "v1/r2-routes-outlive-the-bus", None, {}),
    ("4", "many requests, ports used again as fast as may be, bus down", "../tests/bench/many-requests-ports-reused", None, {}),
    ("5", "never two routable instances of one order, clocks minutes apart", "never-two-of-one-order", None, {}),
    ("6", "a DEA killed between any two effects: no app restarts, none lost", "v1/d11-killed-at-any-effect", None, {}),
    ("6", "a DEA started anew, as an upgrade does: no app restarts", "v1/d9-agents-restart-apps-do-not", None, {}),
    ("7", "control plane off for a day: no route lost, no duplicate after", "a-day-without-a-control-plane", None, {}),
    ("14", "500 starts onto 99 filled DEAs and an empty one: spread within one", "v1/d2-burst-onto-one-empty-dea", None, {}),
    ("17", "100 instances updated, scaled and taken back under 2,000 requests/s: none fails", "rolling-update-of-a-hundred",
     None, {}),
    ("18", "bus at rest (60 instances, 10 routers): messages a second", "v1/r15-steady-state-costs-the-bus-little",
     "messages a second", {"p99": 50}),
    ("18", "bus at rest (20,000 instances, 10 routers): messages a second", "../tests/bench/twenty-thousand-at-rest",
     "messages a second", {"p99": 50}),
    ("20", "power lost in the midst of changes and snapshots: none acknowledged is lost", "snapshots-lose-nothing", None, {}),
    ("20", "killed at any step of any change: nothing lost, stuck or left over", "killed-at-any-step-of-a-change", None, {}),
]
# Worlds that take seconds of a core each are played on so many seeds at most.
FEW = {"../tests/bench/twenty-thousand-at-rest": 10, "../tests/bench/thousand-deas-lose-a-host": 400,
       "../tests/bench/many-requests-ports-reused": 100, "rolling-update-of-a-hundred": 100}


def at_most(bound):
    return lambda value: value <= bound


def at_least(bound):
    return lambda value: value >= bound


# What is measured on this machine: row, promise, program beside cupola's tests/bench; of what it prints: name, pattern,
# bound, unit.
MACHINE = [
    ("13", "one pass over 250,000 instances: 50 ms, 150 MB", ["health_manager_pass"],
     [("ms", r" pass_ns (\d+)", at_most(50 * MS), MS), ("ms with a host's instances missing", r"missing_pass_ns (\d+)", at_most(50 * MS), MS),
      ("MB", r"peak_mb (\d+)", at_most(150), 1)]),
    ("14", "placement: 1 M decisions a second among 100 DEAs", ["placement"],
     [("M decisions/s", r"deas 100 burst 9600 decisions_per_s (\d+)", at_least(10**6), 10**6),
      ("M among 1,000", r"deas 1000 burst \d+ decisions_per_s (\d+)", at_least(0), 10**6),
      ("M among 10,000", r"deas 10000 burst \d+ decisions_per_s (\d+)", at_least(0), 10**6)]),
    ("15", "a container, create to running: 5 ms (p50)", ["container_start", "ours", "bubblewrap", "container_started", "60", "0"],
     [("ms", r"p50 +([\d.]+)", at_most(5), 1)]),
]


def shown(unit, value):
    return f"{value / S:.3f} s" if unit == "ns" else str(value)


def play(options, scenario):
    seeds = min(options.seeds, FEW.get(scenario, options.seeds))
    run = subprocess.run([options.cupola, "sim", "run", f"scenarios/{scenario}.lua", "--seeds", f"1..{seeds}",
                          "--jobs", str(options.jobs), "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode == 2:
        sys.exit(f"scenarios/{scenario}.lua: {run.stderr.strip()}")
    return json.loads(run.stdout)


def verdict(result, measurement, bounds):
    """(kept, words)."""
    words = [f"{result['runs']} runs, {result.get('failed', 0)} failed"]
    kept = int(result.get("failed", 0)) == 0
    for one in result.get("measurements", []):
        if one["name"] == measurement:
            words += [f"{point} {shown(one['unit'], int(one[point]))}" for point in ("p50", "p99", "most")]
            kept = kept and all(int(one[point]) <= most for point, most in bounds.items())
    return kept, ", ".join(words)


def measure(options, command, wanted):
    """(kept, words)."""
    bench = Path(options.cupola).resolve().parent / "tests/bench"
    if not (bench / command[0]).exists():
        return False, f"{bench / command[0]} is not built"
    words = [str(bench / word) if (bench / word).exists() else word for word in command]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    kept, told = run.returncode == 0, []
    for name, pattern, is_within, unit in wanted:
        found = re.search(pattern, run.stdout)
        kept = kept and found is not None and is_within(float(found[1]))
        told.append(f"{float(found[1]) / unit:.1f} {name}" if found else f"no word of {name}")
    return kept, ", ".join(told) + f" (load {os.getloadavg()[0]:.0f})"


def count_requests(played):
    """(kept, words) of all worlds that were played and look at where answers come from."""
    requests, wrong = 0, 0
    for scenario, result in played.items():
        if "cupola.never_misrouted" not in (ROOT / f"scenarios/{scenario}.lua").read_text():
            continue
        requests += sum(int(one["total"]) for one in result["measurements"] if one["name"].endswith(": requests"))
        wrong += sum(int(one["count"]) for one in result["failures"] if one["text"].startswith("never_misrouted"))
    # Three times the inverse: what so many without one exclude with 95 % ("rule of three").
    bound = f" (95 %: fewer than 1 in {requests // 3:,})" if requests > 0 and wrong == 0 else ""
    return wrong == 0, f"{requests:,} requests checked, {wrong} answered by another app{bound}"


def count_false_alarms(options):
    run = subprocess.run([sys.executable, ROOT / "tests/bench/false_alarms.py", options.cupola, "--runs", str(options.seeds),
                          "--jobs", str(options.jobs)], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    return run.returncode == 0, lines[-2] if len(lines) > 1 else run.stderr.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cupola")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("rows", nargs="*")
    options = parser.parse_intermixed_args()
    known = {row[0] for row in ROWS} | {row[0] for row in MACHINE}
    unknown = [row for row in options.rows if row not in known]
    if unknown:
        parser.error(f"no row {', '.join(unknown)} is measured here; there are {', '.join(sorted(known, key=int))}")
    played, broken = {}, 0
    for row, promise, scenario, measurement, bounds in ROWS:
        if options.rows and row not in options.rows:
            continue
        if scenario not in played:
            played[scenario] = play(options, scenario)
        kept, words = verdict(played[scenario], measurement, bounds)
        broken += not kept
        print(f"{row:>3}  {'kept  ' if kept else 'BROKEN'}  {promise:<72} {words}", flush=True)
    extra = [("4", "in all these worlds together", lambda: count_requests(played))]
    extra += [("2", "a living host is taken for dead: fewer than 1e-4 a host and day", lambda: count_false_alarms(options))]
    extra += [(row, promise, lambda c=command, w=wanted: measure(options, c, w)) for row, promise, command, wanted in MACHINE]
    for row, promise, take in extra:
        if options.rows and row not in options.rows:
            continue
        kept, words = take()
        broken += not kept
        print(f"{row:>3}  {'kept  ' if kept else 'BROKEN'}  {promise:<72} {words}", flush=True)
    sys.exit(broken > 0)


if __name__ == "__main__":
    main()
