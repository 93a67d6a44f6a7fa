#!/usr/bin/env python3
"""What guidance gives `cupola sim explore`: runs until a planted bug is found, with and without it, from the same first
trials. usage: guidance.py CUPOLA [--starts N] [--most RUNS] [MUTATION...]   (CUPOLA: of the preset guided, or mutants)
"""
import argparse
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

GROUND = Path(__file__).resolve().parent / "guidance.lua"
# The first needs a rare state, the second a clock, which no coverage sees; the third shows with any cut connection.
BUGS = ["DEA_FORGETS_WHAT_WAS_ENDING", "HM_TRUSTS_CLOCKS", "BUS_NEVER_PINGS"]


def runs_until_found(options, mutation, first, how):
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run([options.cupola, "sim", "explore", GROUND, "--mutation", mutation, "--storm", "15",
                               "--first", str(first), "--runs", str(options.most), "--time", "3600", "--saturation", "0",
                               "--until-failure", "--jobs", "1", "--quiet", "--out", folder, *how],
                              capture_output=True, text=True).stdout
    runs, failed = re.search(r"(\d+) runs .*?, (\d+) failed", said).groups()
    return int(runs) if int(failed) else options.most


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cupola")
    parser.add_argument("--starts", type=int, default=10, help="explorations of each bug and kind (default 10)")
    parser.add_argument("--most", type=int, default=800, help="runs after which one gives up, and counts as that")
    parser.add_argument("bugs", nargs="*", default=BUGS)
    options = parser.parse_intermixed_args()
    for bug in options.bugs:
        for name, how in (("guided", []), ("unguided", ["--unguided"])):
            runs = sorted(runs_until_found(options, bug, 100000 * (start + 1), how) for start in range(options.starts))
            print(f"{bug:<28} {name:<9} median {statistics.median(runs):g} runs, mean {statistics.mean(runs):.0f}: "
                  f"{' '.join(map(str, runs))}", flush=True)


if __name__ == "__main__":
    main()
