#!/usr/bin/env python3
"""Shrinks the failure of every planted bug (core/base/mutation.h) and prints the sizes before and after, and their median.
usage: shrink_mutants.py [--cupola FILE] [--time S] [NAME...]: needs the mutants build (./dev build mutants). Bugs are taken
from the scenarios that catch them, and, where an exploration of S seconds finds them, from drawn clouds."""
import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mutations"))
import run as mutations  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cupola", default=str(ROOT / "build/mutants/cupola"))
parser.add_argument("--time", default="60")
parser.add_argument("--explore", action="store_true", help="failures of drawn clouds instead of those of scenarios")
parser.add_argument("names", nargs="*")
options = parser.parse_args()


def run(*words):
    return subprocess.run([options.cupola, "sim", *words], cwd=ROOT, capture_output=True, text=True)


def failing_seed(file, how):
    """The first of 20 seeds with which the scenario fails."""
    found = run("run", file, *how, "--seeds", "1..20", "--quiet").stdout
    seeds = re.findall(r"--seed (\d+)", found)
    return min(seeds, key=int) if seeds else None


def cases(folder):
    """(mutation, file, seed, options)"""
    if not options.explore:
        mutations.CUPOLA = options.cupola
        for name, file, how in mutations.cases():
            yield name, file, None, how
        return
    for name in mutations.planted():
        out = f"{folder}/{name}"
        run("explore", "--cloud", "--time", options.time, "--out", out, "--mutation", name, "--quiet")
        for file in sorted(Path(out).glob("failure-*.lua"))[:1]:
            seed = re.search(r"--seed (\d+)", file.read_text()).group(1)
            yield name, str(file), seed, ["--mutation", name]


steps = []
with tempfile.TemporaryDirectory() as folder:
    for name, file, seed, how in cases(folder):
        if options.names and not any(word in name or word in file for word in options.names):
            continue
        seed = seed or failing_seed(file, how)
        if seed is None:
            print(f"{name:<34} {Path(file).stem:<44} does not fail within 20 seeds", flush=True)
            continue
        small = run("shrink", file, "--seed", seed, *how, "--time", options.time, "-o", f"{folder}/small.lua", "--quiet")
        sizes = re.search(r": (\d+) steps to (\d+), (\d+) lines to (\d+), (\d+) candidates in ([\d.]+) s", small.stdout)
        if sizes is None:
            print(f"{name:<34} {Path(file).stem:<44} {(small.stdout + small.stderr).strip()[:120]}", flush=True)
            continue
        steps.append(int(sizes.group(2)))
        print(f"{name:<34} {Path(file).stem:<44} {sizes.group(1):>3} steps to {sizes.group(2):>2}, "
              f"{sizes.group(3):>3} lines to {sizes.group(4):>3}, {sizes.group(6)} s", flush=True)
if steps:
    print(f"{len(steps)} shrunk, median {statistics.median(steps)} steps, most {max(steps)}")
sys.exit(not steps)
