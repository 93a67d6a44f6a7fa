#!/usr/bin/env python3
"""Shrinks a failure of each planted bug (core/base/mutation.h); prints sizes before and after, the optimum as far as
it is known, and the medians. Needs the mutants build (./dev build mutants). A bug is taken from the first scenario that
catches it, or with --explore from drawn clouds. The optimum is known by playing all smaller sets of the steps."""
import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mutations"))
import run as mutations  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cupola", default=str(ROOT / "build/mutants/cupola"))
parser.add_argument("--time", default=60, type=int, help="seconds for each (default 60)")
parser.add_argument("--budget", default=10**9, type=float, help="begin no other one after so many seconds")
parser.add_argument("--most", default=10**9, type=int, help="no more than so many bugs")
parser.add_argument("--no-optimum", action="store_true", help="do not ask how far the optimum is")
parser.add_argument("--explore", action="store_true", help="failures of drawn clouds instead of those of scenarios")
parser.add_argument("--keep", help="keep the shrunk scenarios in this folder")
parser.add_argument("names", nargs="*", help="only bugs or scenarios whose name contains one")
options = parser.parse_args()


def run(*words):
    return subprocess.run([options.cupola, "sim", *map(str, words)], cwd=ROOT, capture_output=True, text=True)


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
            if name in mutations.planted():
                yield name, file, None, how
        return
    for name in mutations.planted():
        out = f"{folder}/{name}"
        run("explore", "--cloud", "--time", options.time, "--out", out, "--mutation", name, "--quiet")
        for file in sorted(Path(out).glob("failure-*.lua"))[:1]:
            seed = re.search(r"--seed (\d+)", file.read_text()).group(1)
            yield name, str(file), seed, ["--mutation", name]


def shrink(name, file, seed, how, folder):
    """Prints a line; (steps, seconds, optimum or None, whether it is exact, whether it fails so again) or None."""
    small = f"{folder}/{name}.lua"
    more = [] if options.no_optimum else ["--prove"]
    said = run("shrink", file, "--seed", seed, *how, "--time", options.time, "-o", small, "--quiet", *more)
    sizes = re.search(r": (\d+) steps to (\d+), (\d+) lines to (\d+), (\d+) candidates in ([\d.]+) s", said.stdout)
    if sizes is None:
        print(f"{name:<32} {Path(file).stem:<44} {(said.stdout + said.stderr).strip()[:120]}", flush=True)
        return None
    before, steps = int(sizes.group(1)), int(sizes.group(2))
    known = re.search(r"the optimum (is|has at least) (\d+) steps", said.stdout)
    seeds = re.search(r"with (\d+) of the seeds 1..(\d+)", said.stdout)
    again = run("run", small, "--seed", seed, *how, "--quiet").returncode == 1
    optimum = "" if known is None else f"; optimum {'' if known.group(1) == 'is' else '>= '}{known.group(2)}"
    print(f"{name:<32} {Path(file).stem:<44} {before:>3} steps to {steps:>2}{optimum}, {sizes.group(6)} s, "
          f"{seeds.group(1)}/{seeds.group(2)} seeds{'' if again else ', DOES NOT FAIL AGAIN'}", flush=True)
    return (steps, float(sizes.group(6)), int(known.group(2)) if known else None,
            bool(known) and known.group(1) == "is", again)


def print_medians(results):
    steps, seconds, kept = [r[0] for r in results], [r[1] for r in results], sum(r[4] for r in results)
    ratios = [r[0] / r[2] for r in results if r[2]]
    print(f"{len(results)} planted bugs shrunk: median {statistics.median(steps):g} steps, most {max(steps)}; "
          f"median {statistics.median(seconds):.0f} s, most {max(seconds):.0f} s; {kept} fail in the same way")
    if ratios:
        exact = sum(r[3] for r in results)
        print(f"times the optimum: median at most {statistics.median(ratios):.2f}, most {max(ratios):.2f} "
              f"({exact} known exactly, {len(ratios) - exact} by a lower bound)")


def main():
    results, seen, began = [], set(), time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, file, seed, how in cases(temporary):
            unwanted = options.names and not any(word in name or word in file for word in options.names)
            if unwanted or name in seen or len(results) >= options.most or time.monotonic() - began > options.budget:
                continue
            seed = seed or failing_seed(file, how)
            result = shrink(name, file, seed, how, folder) if seed else None
            if result is None:
                continue
            seen.add(name)
            results.append(result)
    if results:
        print_medians(results)
    return not results


if __name__ == "__main__":
    sys.exit(main())
