#!/usr/bin/env python3
"""Shows that every invariant can be tripped: by a planted bug, and by its own name, not by another check before it.
usage: invariants.py [--seeds N]
"""
import argparse
import re
import subprocess
import sys

from run import CUPOLA, ROOT

# Invariant, what it would find, planted bug, scenario, words of the failure.
TRIPPED = (
    ("never_misrouted", "another app answers", "DEA_TRUSTS_ANY_LISTENER", "v1/d4-strangers-on-ports",
     "never_misrouted: a request for"),
    ("no_lost_app", "what was acknowledged is gone", "CC_TRUSTS_ITS_FOLD", "controllers-that-lag-tell-no-lies",
     "no_lost_app: app"),
    ("one_of_each", "two instances of one order", "DEA_STARTS_TWICE", "never-two-of-one-order",
     "both from one order"),
    ("one_of_each", "two instances of one index", "HM_STOPS_NOTHING", "old-dea-comes-back-from-a-partition",
     "are served by two instances"),
    ("memory_within_limits", "a process without a limit", "DEA_SETS_NO_LIMITS", "v1/d16-a-leaking-app-disturbs-nobody",
     "memory_within_limits:"),
    ("no_failed_request", "a request fails", "ROUTER_NEVER_RETRIES", "v1/r3-one-of-many-lives", "no_failed_request:"),
    ("one_order", "answers that fit no order of the commands", "CC_TRUSTS_ITS_FOLD", "answers-fit-one-order",
     "one_order:"),
    ("linearizable_per_app", "answers that fit no order of the calls", "CC_TRUSTS_ITS_FOLD",
     "controllers-agree-on-every-app", "linearizable_per_app:"),
    ("all_wanted_run", "an instance that nobody starts", "HM_NEVER_COMPLAINS", "instance-crash", "does not run"),
    ("nothing_else_runs", "an orphan", "DEA_FORGETS_SURVIVORS", "dea-killed", "processes run on the hosts"),
    ("routes_are_right", "a route to nobody", "ROUTER_NEVER_PRUNES", "host-never-returns",
     "routes blog.cupola.test to"),
    ("routes_are_right", "a route that is missing", "DEA_TRUSTS_ITS_NOTES", "v1/d11-killed-at-any-effect",
     "has 3 routes"),
    ("operators_idle", "an app that is stuck", "CC_AWAITS_SILENT_STAGERS", "stager-dies", "is under way"),
    ("blobs_are_right", "a blob that nobody refers to", "CC_KEEPS_STRAY_BLOBS", "killed-at-any-step-of-a-change",
     "no app refers to the blob"),
    ("services_are_right", "a service without an owner", "CC_BELIEVES_THE_FORGETFUL",
     "v1/s3-a-restarted-gateway-unbinds", "the gateways have"),
)
# Made of others, or what a scenario waits for before it goes on.
NOT_THEIR_OWN = {"converged", "all_up", "rest_clients_idle"}


def promised():
    """Every invariant that a scenario can name."""
    always = re.findall(r'\[CHECK_\w+\] = "(\w+)"', (ROOT / "sim/checks/check.c").read_text())
    conditions = re.findall(r"^cupola\.(\w+) = condition\(", (ROOT / "lua/cupola.lua").read_text(), re.M)
    return set(always) | set(conditions)


def words_of(scenario, mutation, seeds):
    """The failures of all seeds."""
    run = subprocess.run([CUPOLA, "sim", "run", ROOT / f"scenarios/{scenario}.lua", "--mutation", mutation,
                          "--seeds", f"1..{seeds}", "--quiet"], cwd=ROOT, capture_output=True, text=True)
    return run.stdout + run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    subprocess.run(["./dev", "build", "mutants", "cupola"], cwd=ROOT, check=True)
    missed = 0
    for name in sorted(promised() - NOT_THEIR_OWN - {row[0] for row in TRIPPED}):
        missed += 1
        print(f"{name}: no planted bug trips it")
    for name, finds, mutation, scenario, words in TRIPPED:
        seen = words in words_of(scenario, mutation, options.seeds)
        missed += not seen
        verdict = "tripped" if seen else "NOT TRIPPED"
        print(f"{name:<22} {finds:<40} {mutation:<26} {scenario:<40} {verdict}", flush=True)
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
