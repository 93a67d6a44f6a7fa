#!/usr/bin/env python3
"""Plays the scenario of each promise that is measured in simulated time, and prints what it gave beside what was promised;
then what this machine gives for rows 13, 14 and 15.

usage: targets.py CUPOLA [--seeds N] [--jobs J] [--minutes M] [--fresh] [ROW...]

`./dev bench targets` plays 1,000 seeds of each. What was played is kept under reports/targets, for the program and the
scenario that played it: who is interrupted, or has M minutes only, goes on with the same command, and it costs nothing
to print again.

Rows 1, 2, 5, 6, 7 and 14 are played twice: with the one fault that they are about, and under the fault menu
(tests/bench/storm-*.lua): storms of faults drawn from all of it go before, and others go on meanwhile over whom the
promise does not rest on.
"""
import argparse
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import false_alarms

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "reports/targets"
S, MS = 10**9, 10**6
ORDERED, AGREED = "time until the replacement is ordered", "time to agreement"
# row, promise, scenario, what it measures (None: only that no run fails), percentile -> most
ROWS = [
    ("1", "crash: the order to start its replacement leaves within 0.2 s", "crash-is-answered-at-once", ORDERED,
     {"p99": 200 * MS}),
    ("1", "the same under the fault menu", "../tests/bench/storm-crash", ORDERED, {"p99": 200 * MS}),
    ("1", "the same with the word of the crash lost: 2 s", "crash-is-answered-at-once",
     "time until it is ordered, word of it lost", {"p99": 2 * S}),
    ("2", "silent host, one of 100: 1.5 s, 3 s", "silent-host-is-found-lost", ORDERED, {"p50": 1500 * MS, "p99": 3 * S}),
    ("2", "the same under the fault menu, one of 60", "../tests/bench/storm-silent-host", ORDERED,
     {"p50": 1500 * MS, "p99": 3 * S}),
    ("2", "silent host, one of 1,000: 1.5 s, 3 s", "../tests/bench/thousand-deas-lose-a-host", ORDERED,
     {"p50": 1500 * MS, "p99": 3 * S}),
    ("2", "2 % loss and 5 s stalls: no host taken for dead", "lossy-network-stalled-agents", None, {}),
    # And how often it would be: count_false_alarms.
    ("3", "no request fails while one healthy instance lives", "v1/r3-one-of-many-lives", None, {}),
    ("3", "slow answers: many instances end under their requests, a host dies", "v1/r3-many-end-under-their-requests",
     None, {}),
    ("3", "routers cut off from the bus while ten of twelve are stopped", "v1/r16-a-router-that-misses-unregisters", None, {}),
    ("3", "unregisters lost while apps grow, shrink and move", "v1/r16-unregisters-that-are-lost", None, {}),
    ("3", "a request that ends what it is sent to ends two instances at most", "v1/r3-poison-ends-two-at-most", None, {}),
    ("4", "no request reaches another app, ports used again", "v1/r1-ports-are-used-again", None, {}),
    ("4", "the same with the bus down", "v1/r2-routes-outlive-the-bus", None, {}),
    ("4", "many requests, ports used again as fast as may be, bus down", "../tests/bench/many-requests-ports-reused", None, {}),
    ("5", "never two routable instances of one order, clocks minutes apart", "never-two-of-one-order", AGREED, {}),
    ("5", "the same under the fault menu", "../tests/bench/storm-orders", AGREED, {}),
    ("6", "a DEA killed between any two effects: no app restarts, none lost", "v1/d11-killed-at-any-effect", AGREED, {}),
    ("6", "a DEA started anew, as an upgrade does: no app restarts", "v1/d9-agents-restart-apps-do-not", AGREED, {}),
    ("6", "both under the fault menu", "../tests/bench/storm-agents", AGREED, {}),
    ("7", "control plane off for a day: no route lost, no duplicate after", "a-day-without-a-control-plane",
     "time until a crashed one serves again", {}),
    ("7", "the same under the fault menu", "../tests/bench/storm-day", "time until all serve again", {}),
    ("14", "500 starts onto 99 filled DEAs and an empty one: spread within one", "v1/d2-burst-onto-one-empty-dea", None, {}),
    ("14", "the same under the fault menu", "../tests/bench/storm-burst", "time until all 500 run", {}),
    ("15", "128 starts at once from a slow disk: no lease is answered late", "v1/d5-many-starts-and-no-late-answer",
     "time until all run", {}),
    ("17", "100 instances updated, scaled and taken back under 2,000 requests/s: none fails", "rolling-update-of-a-hundred",
     None, {}),
    ("18", "bus at rest (60 instances, 10 routers): messages a second", "v1/r15-steady-state-costs-the-bus-little",
     "messages a second", {"p99": 50}),
    ("18", "bus at rest (20,000 instances, 10 routers): messages a second", "../tests/bench/twenty-thousand-at-rest",
     "messages a second", {"p99": 50}),
    ("20", "power lost in the midst of changes and snapshots: none acknowledged is lost", "snapshots-lose-nothing", None, {}),
    ("20", "killed at any step of any change: nothing lost, stuck or left over", "killed-at-any-step-of-a-change", None, {}),
]
# Worlds that take many seconds of a core each are played on so many seeds at most.
FEW = {"../tests/bench/twenty-thousand-at-rest": 10, "../tests/bench/many-requests-ports-reused": 100,
       "rolling-update-of-a-hundred": 100}
# So many times the seeds: 1,000 are the looks of 31,000 host-days, enough to see 1e-4 a host and day.
ALARM_RUNS = 6


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


# ---- Playing ----

def digest(*files):
    total = hashlib.sha256()
    for file in files:
        total.update(Path(file).read_bytes())
    return total.hexdigest()[:12]


class Played:
    """The runs of a scenario: those that were kept, and those that are played now."""

    def __init__(self, options, scenario, times=1):
        self.file = ROOT / f"scenarios/{scenario}.lua"
        self.kept = KEPT / f"{Path(scenario).name}-{digest(options.cupola, self.file)}.jsonl"
        self.wanted = times * min(options.seeds, FEW.get(scenario, options.seeds))
        self.runs = {}
        if options.fresh:
            self.kept.unlink(missing_ok=True)
        if self.kept.exists():
            for line in self.kept.read_text().splitlines():
                run = json.loads(line)
                self.runs[run["seed"]] = run
        self.runs = {seed: run for seed, run in self.runs.items() if seed <= self.wanted}

    def play(self, options):
        missing = [seed for seed in range(1, self.wanted + 1) if seed not in self.runs]
        KEPT.mkdir(parents=True, exist_ok=True)
        with open(self.kept, "a") as kept, ThreadPoolExecutor(options.jobs) as workers:
            for run in workers.map(lambda seed: self.play_one(options, seed), missing):
                if run is not None:
                    self.runs[run["seed"]] = run
                    kept.write(json.dumps(run) + "\n")
                    kept.flush()

    def play_one(self, options, seed):
        if time.monotonic() > options.deadline:
            return None
        run = subprocess.run([options.cupola, "sim", "run", self.file, "--seed", str(seed), "--json"], cwd=ROOT,
                             capture_output=True, text=True, check=False)
        if run.returncode not in (0, 1):
            sys.exit(f"{self.file}: {run.stderr.strip()}")
        result, values = json.loads(run.stdout), {}
        for one in result.get("measurements", []):
            values.setdefault(one["name"], [one["unit"]]).append(int(one["value"]))
        return {"seed": seed, "passed": result["passed"], "failure": result.get("failure", ""), "values": values}

    def failures(self):
        return [run["failure"] for run in self.runs.values() if not run["passed"]]

    def values(self, name):
        """(unit, all values in order)"""
        unit, values = "ns", []
        for run in self.runs.values():
            if name in run["values"]:
                unit = run["values"][name][0]
                values += run["values"][name][1:]
        return unit, sorted(values)


def percentile(values, permille):
    """The least value that so many of all do not exceed."""
    return values[max(0, -(-len(values) * permille // 1000) - 1)]


def verdict(played, measurement, bounds):
    """(kept, words)."""
    failures = played.failures()
    words = [f"{len(played.runs)} runs, {len(failures)} failed"]
    if len(played.runs) < played.wanted:
        words[0] += f" ({played.wanted - len(played.runs)} to come)"
    kept = not failures and len(played.runs) > 0
    unit, values = played.values(measurement) if measurement is not None else ("", [])
    points = {"p50": 500, "p99": 990, "most": 1000}
    if values:
        found = {name: percentile(values, permille) for name, permille in points.items()}
        for name, value in found.items():
            bound = f" (bound {shown(unit, bounds[name])})" if name in bounds else ""
            words.append(f"{name} {shown(unit, value)}{bound}")
        kept = kept and all(found[name] <= most for name, most in bounds.items())
    elif bounds:
        kept = False
    if failures:
        words.append(f"e.g. {failures[0][:120]}")
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
    for world in played.values():
        if "cupola.never_misrouted" not in world.file.read_text():
            continue
        requests += sum(sum(values[1:]) for run in world.runs.values() for name, values in run["values"].items()
                        if name.endswith(": requests"))
        wrong += sum(failure.startswith("never_misrouted") for failure in world.failures())
    # Three times the inverse: what so many without one exclude with 95 % ("rule of three").
    bound = f" (95 %: fewer than 1 in {requests // 3:,})" if requests > 0 and wrong == 0 else ""
    return wrong == 0, f"{requests:,} requests checked, {wrong} answered by another app{bound}"


def count_false_alarms(options):
    """(kept, words), kept None while none was played: looks at hosts that stand still, as host-days on which each does so once a minute."""
    world = Played(options, "../tests/bench/stalls-and-noise", ALARM_RUNS)
    world.play(options)
    if not world.runs:
        return None, f"{world.wanted} runs to come"
    looks, alarms = (sum(world.values(name)[1]) for name in ("suspected", "taken for dead"))
    days = looks / false_alarms.STALLS_A_DAY
    if days == 0 or world.failures():
        return False, f"{len(world.failures())} runs failed of {len(world.runs)}"
    upper = (3 if alarms == 0 else alarms + 2 * math.sqrt(alarms) + 3) / days
    alone = false_alarms.alarms_a_day(0.02, false_alarms.STALLS_A_DAY, 1000, helpers=False)
    most = false_alarms.alarms_a_day(0.02, false_alarms.STALLS_A_DAY, 1000)
    kept = alarms <= false_alarms.TARGET * days and min(upper, alone) < false_alarms.TARGET
    return kept, (f"{len(world.runs)} of {world.wanted} runs, {alarms} alarms in {looks:,} looks, those of {days:,.0f} host-days "
                  f"(95 %: fewer than {upper:.1e} a host and day); calculated among 1,000 hosts: {most:.1e} at most, {alone:.1e} "
                  "if no other host helped to look")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cupola")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, help="no run begins later: the same command goes on from there")
    parser.add_argument("--fresh", action="store_true", help="forget what was played before")
    parser.add_argument("rows", nargs="*")
    options = parser.parse_intermixed_args()
    options.cupola = str(Path(options.cupola).resolve())
    options.deadline = time.monotonic() + (60 * options.minutes if options.minutes is not None else math.inf)
    known = {row[0] for row in ROWS} | {row[0] for row in MACHINE}
    unknown = [row for row in options.rows if row not in known]
    if unknown:
        parser.error(f"no row {', '.join(unknown)} is measured here; there are {', '.join(sorted(known, key=int))}")
    played, broken = {}, 0
    for row, promise, scenario, measurement, bounds in ROWS:
        if options.rows and row not in options.rows:
            continue
        if scenario not in played:
            played[scenario] = Played(options, scenario)
            played[scenario].play(options)
        kept, words = verdict(played[scenario], measurement, bounds)
        broken += not kept
        said = "to come" if not played[scenario].runs else "kept" if kept else "BROKEN"
        print(f"{row:>3}  {said:<7} {promise:<72} {words}", flush=True)
    extra = [("4", "in all these worlds together", lambda: count_requests(played))]
    extra += [("2", "a living host is taken for dead: fewer than 1e-4 a host and day", lambda: count_false_alarms(options))]
    extra += [(row, promise, lambda c=command, w=wanted: measure(options, c, w)) for row, promise, command, wanted in MACHINE]
    for row, promise, take in extra:
        if options.rows and row not in options.rows:
            continue
        kept, words = take()
        broken += kept is False
        said = "to come" if kept is None else "kept" if kept else "BROKEN"
        print(f"{row:>3}  {said:<7} {promise:<72} {words}", flush=True)
    sys.exit(broken > 0)


if __name__ == "__main__":
    main()
