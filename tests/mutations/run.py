#!/usr/bin/env python3
"""Shows that every planted bug (core/base/mutation.h) is caught by a scenario, and that what a scenario names in
tripped_by makes it fail. usage: run.py [--seeds N] [NAME...]: only the scenarios or mutations whose name contains one.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CUPOLA = ROOT / "build/mutants/cupola"
# Bugs whose scenario names another one already.
MORE = {
    "HM_NEVER_COMPLAINS": "instance-crash",
    "HM_FORGETS_EXITS": "crash-is-answered-at-once",
    "DEA_FORGETS_UNREGISTER": "scale-under-load",
    "DEA_STARTS_TWICE": "scale-under-load",
    "DEA_FORGETS_SURVIVORS": "dea-killed",
    "DEA_WAITS_FOR_ORDERS": "a-day-without-a-control-plane",
    "DEA_TRUSTS_ITS_NOTES": "v1/d11-killed-at-any-effect",
    "ROUTER_NEVER_PRUNES": "host-never-returns",
    "ROUTER_IGNORES_DIGESTS": "v1/r16-a-router-that-misses-unregisters",
    "CC_ANSWERS_EARLY": "controller-loses-power",
    "CC_IGNORES_HEALTH_MANAGER": "instance-crash",
    "BUS_CLIENT_FORGETS_SUBSCRIPTIONS": "v1/b5-bus-outages-are-survived",
    "CC_NOTES_NO_COMMANDS": "commands-in-instances",
}


# Bugs that no scenario notices, and why.
SURVIVORS = {
}


def planted():
    text = (ROOT / "core/base/mutation.h").read_text()
    names = re.findall(r"^\s+MUTATION\(([A-Z0-9_]+),", text, re.M)
    return [name for name in names if name != "BUS_CLIENT_READS_AN_UNSET_BYTE"]  # tests/determinism finds that one.


def listed():
    lines = subprocess.run([CUPOLA, "sim", "list", "--json"], cwd=ROOT, capture_output=True, text=True).stdout
    return [json.loads(line) for line in lines.splitlines() if line]


def cases():
    """(what trips it, scenario file, options), each bug once for each scenario that names it."""
    found = []
    for scenario in listed():
        if "error" in scenario:
            sys.exit(f"{scenario['file']}: {scenario['error']}")
        if "mutation" in scenario or scenario.get("has_setting"):
            found.append((scenario.get("mutation", "(a setting)"), scenario["file"], ["--trip"]))
    for mutation, name in MORE.items():
        found.append((mutation, f"scenarios/{name}.lua", ["--mutation", mutation]))
    return found


def catch(case, seeds):
    """The first failure with the bug, or None; and how long it took."""
    what, file, options = case
    began = time.monotonic()
    for first, last in ((1, 4), (5, 20), (21, 100)):
        if first > seeds:
            break
        run = subprocess.run([CUPOLA, "sim", "run", file, *options, "--seeds", f"{first}..{min(last, seeds)}",
                              "--jobs", "1", "--quiet"], cwd=ROOT, capture_output=True, text=True)
        if run.returncode == 2:
            return f"could not be run: {run.stderr.strip()}", None
        if run.returncode != 0:
            return run.stdout.strip().splitlines()[0].strip(), time.monotonic() - began
    return None, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="give a bug up after so many seeds (default 100)")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    subprocess.run(["./dev", "build", "mutants", "cupola"], cwd=ROOT, check=True)
    everything = cases()
    wanted = [case for case in everything
              if not options.names or any(name in case[0] or name in case[1] for name in options.names)]
    survivors = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for case, (seen, seconds) in zip(wanted, pool.map(lambda c: catch(c, options.seeds), wanted)):
            caught = seen is not None and seconds is not None
            survivors += not caught
            verdict = f"caught in {seconds:4.1f} s: {seen[:110]}" if caught else seen or "SURVIVED"
            print(f"{case[0]:<34} {Path(case[1]).stem:<44} {verdict}", flush=True)
    for mutation in sorted(set(planted()) - {case[0] for case in everything}):
        survivors += mutation not in SURVIVORS
        print(f"{mutation:<34} survives: {SURVIVORS.get(mutation, 'no scenario names it')}")
    print(f"{len(wanted) - survivors} of {len(wanted)} caught" if not survivors else f"{survivors} not caught")
    sys.exit(survivors > 0)


if __name__ == "__main__":
    main()
